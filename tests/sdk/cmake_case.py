"""An SDK that was installed and then moved, and an ordinary CMake project to configure with it.

The build directory to install from comes in XENOLITH_TEST_BUILD.
"""
from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from sdk_case import SdkCase, run

PROJECT = Path(__file__).resolve().parent / "cmake_project"


class CMakeCase(SdkCase):
    """The installed SDK takes the staged one's place: nothing may need the build directory."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        place = Path(tempfile.mkdtemp(prefix="xenolith-sdk-test-"))
        cls.addClassCleanup(shutil.rmtree, place)
        build = os.environ.get("XENOLITH_TEST_BUILD", str(cls.sdk.parent))
        ran = run("cmake", "--install", build, "--prefix", place / "first", cwd=place)
        if ran.returncode != 0:
            raise RuntimeError(f"cmake --install failed: {ran.stdout}{ran.stderr}")
        staged = cls.sdk
        cls.sdk = place / "moved here" / "sdk"
        cls.sdk.parent.mkdir()
        (place / "first").rename(cls.sdk)
        cls.addClassCleanup(setattr, cls, "sdk", staged)

    @property
    def toolchain(self) -> str:
        return f"-DCMAKE_TOOLCHAIN_FILE={self.sdk}/share/xenolith/xenolith.toolchain.cmake"

    def configure(self, source: Path, *options: str, generator: str = "Ninja") -> str:
        """Configure into self.work/build; what CMake said, none of it a warning."""
        said = self.succeed("cmake", "-S", source, "-B", "build", "-G", generator, self.toolchain,
                            *options)
        self.assertNotRegex(said, r"(?i)warning")
        return said

    def build(self) -> None:
        said = self.succeed("cmake", "--build", "build")
        self.assertNotIn("warning", said)

    def cache(self) -> dict[str, str]:
        """The answers of the last configure."""
        lines = (self.work / "build" / "CMakeCache.txt").read_text().splitlines()
        pairs = [line.split("=", 1) for line in lines if "=" in line and line[0] not in "#/"]
        return {name.split(":")[0]: value for name, value in pairs}
