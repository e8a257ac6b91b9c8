"""Where things are: the checkout or the installed SDK, the build directory, the cache."""
from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from deps.cache import cache_dir

TRIPLE = "x86_64-xenolith-elf"


@dataclass(frozen=True)
class Layout:
    """package_dir holds cli/ and testbed/; checkout and build_dir are None for an installed SDK.

    programs is where users' programs are built: XENOLITH_BUILD_DIR/run, else the checkout's build/run,
    else the cache.
    """

    package_dir: Path
    checkout: Path | None
    build_dir: Path | None
    sdk: Path
    programs: Path

    @classmethod
    def find(cls, package_dir: Path) -> "Layout":
        root = package_dir.parent
        chosen = os.environ.get("XENOLITH_BUILD_DIR")
        if package_dir.name == "tools" and (root / "CMakeLists.txt").is_file():
            build = Path(chosen).absolute() if chosen else root / "build"
            return cls(package_dir, root, build, build / "sdk", build / "run")
        programs = Path(chosen).absolute() / "run" if chosen else cache_dir() / "programs"
        return cls(package_dir, None, None, package_dir.parent.parent, programs)

    def tool(self, name: str) -> Path:
        """A cross tool of the SDK: tool("gcc")."""
        return self.sdk / "bin" / f"{TRIPLE}-{name}"

    @property
    def toolchain_file(self) -> Path:
        return self.sdk / "share" / "xenolith" / "xenolith.toolchain.cmake"

    @property
    def sdk_libraries(self) -> Path:
        return self.sdk / TRIPLE / "lib"

    def work_dir(self, source: Path) -> Path:
        """The build directory of one user's program; never inside the user's own source."""
        source = source.resolve()
        digest = hashlib.sha256(os.fsencode(source)).hexdigest()[:8]
        stem = re.sub(r"[^A-Za-z0-9_.+-]", "_", source.stem) or "program"
        return self.programs / f"{stem}-{digest}"
