"""SQLite's own benchmark from the sources of examples/sqlite: for guests, and for Linux."""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deps.cache import cache_dir, make_dir
from deps.fetch import FetchError, Pin, fetch, read_pin, unpack

from . import prereq
from .build import build_program
from .errors import UserError
from .layout import Layout
from .progress import Progress

PROGRAM = "speedtest1"
# As in examples/sqlite, but for a compiler whose programs run without any library of the guest's.
CONFIGURE = ("./configure", "CC=gcc --static", "--disable-shared", "--disable-tcl", "--disable-readline")
MAKE = ("make", PROGRAM)


@dataclass(frozen=True)
class Programs:
    ours: Path
    linux: Path | None


def programs(layout: Layout, progress: Progress, with_linux: bool) -> Programs | None:
    """None without a checkout: the examples are not part of an installed SDK."""
    if layout.checkout is None:
        return None
    example = layout.checkout / "examples" / "sqlite"
    if shutil.which("tclsh") is None:
        prereq.ensure([prereq.Need("tclsh, with which SQLite is built", ("tcl",),
                                   lambda: shutil.which("tclsh") is not None)], progress)
    ours = build_program(f"{example}:{PROGRAM}", layout, progress)
    return Programs(ours, for_linux(example, progress) if with_linux else None)


def for_linux(example: Path, progress: Progress) -> Path:
    """Built once, and kept in the cache."""
    try:
        pin = read_pin("sqlite", example / "pins.json")
        key = hashlib.sha256("\0".join((pin.sha256, *CONFIGURE, *MAKE)).encode()).hexdigest()[:16]
        entry = cache_dir() / "packages" / f"{pin.name}-linux-{pin.version}-{key}"
        with progress.step("building SQLite for Linux") as step:
            return make_dir(entry, lambda into: make(pin, into, step.say), step.say) / PROGRAM
    except FetchError as error:
        raise UserError("SQLite could not be fetched", str(error)) from error


def make(pin: Pin, into: Path, say) -> None:
    with tempfile.TemporaryDirectory(prefix="xenolith-sqlite-") as folder:
        unpack(fetch(pin, say), Path(folder))
        top = next(path for path in Path(folder).iterdir() if path.is_dir())
        for words in (CONFIGURE, MAKE):
            ran = subprocess.run(words, cwd=top, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 env={**os.environ, "LC_ALL": "C"}, check=False)
            if ran.returncode:
                raise UserError(f"SQLite: `{' '.join(words)}` failed: {(ran.stdout + ran.stderr)[-500:]}",
                                "a C compiler, make and tclsh are needed")
        shutil.copy(top / PROGRAM, into / PROGRAM)
