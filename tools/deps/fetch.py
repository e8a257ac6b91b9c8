"""Have a pinned upstream tarball in the cache: from XENOLITH_DEPS_DIR, or from the apt mirror.

A pin (pins.json) names one file by its sha256. A file with another sha256 is refused and removed.
`python3 fetch.py NAME...` prints the path of each.
"""
from __future__ import annotations

import json
import os
import shutil
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

if __package__ in (None, ""):       # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deps.apt import AptError, PrivateApt                                           # noqa: E402
from deps.cache import cache_dir, deps_dir, downloads_dir, locked, sha256_file      # noqa: E402

PINS = Path(__file__).resolve().with_name("pins.json")

Say = Callable[[str], None]


class FetchError(Exception):
    """One clear sentence, with the file and the sha256 to put into XENOLITH_DEPS_DIR."""


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    file: str
    sha256: str
    source_package: str
    suite: str

    @property
    def advice(self) -> str:
        return (f"put {self.file} (sha256 {self.sha256}) into a directory and name that directory "
                "in XENOLITH_DEPS_DIR")


def read_pin(name: str, pins: Path = PINS) -> Pin:
    table = json.loads(pins.read_text(encoding="utf-8"))
    if name not in table:
        raise FetchError(f"{pins.name} has no entry {name}; it has {', '.join(sorted(table))}")
    return Pin(name, **table[name])


def fetch(pin: Pin, say: Say = print) -> Path:
    """The tarball's path in the cache; its sha256 is that of the pin, whoever brought it."""
    final = downloads_dir() / pin.file
    with locked(final, say):
        if final.is_file():
            if sha256_file(final) == pin.sha256:
                return final
            say(f"{pin.file} in the cache has a wrong sha256; fetching it again")
            final.unlink()
        _from_directory(pin, final) or _from_mirror(pin, final, say)
    return final


def unpack(tarball: Path, into: Path) -> Path:
    """Unpack a tarball into an empty directory; returns its one top directory."""
    with tarfile.open(tarball) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extractall(into, filter="data")
        else:
            archive.extractall(into)
    tops = [path for path in into.iterdir() if path.is_dir()]
    if len(tops) != 1:
        raise FetchError(f"{tarball.name} has {len(tops)} top directories, one was expected")
    return tops[0]


def _from_directory(pin: Pin, final: Path) -> bool:
    directory = deps_dir()
    if directory is None:
        return False
    if not directory.is_dir():
        raise FetchError(f"XENOLITH_DEPS_DIR names {directory}, which is not a directory")
    offered = directory / pin.file
    if not offered.is_file():
        return False
    found = sha256_file(offered)
    if found != pin.sha256:
        raise FetchError(f"{offered} has sha256 {found}, not the pinned {pin.sha256}; replace it")
    temporary = final.with_name(f".{final.name}.{os.getpid()}")
    shutil.copyfile(offered, temporary)
    temporary.replace(final)
    return True


def _from_mirror(pin: Pin, final: Path, say: Say) -> None:
    try:
        apt = PrivateApt(cache_dir() / "apt" / pin.suite, pin.suite, say)
        apt.download_orig(pin.source_package, pin.file, final.parent)
    except AptError as error:
        cause = str(error).split("; ")[0]
        raise FetchError(f"{pin.name} {pin.version} could not be fetched: {cause}; check the "
                         f"network, or {pin.advice}") from error
    found = sha256_file(final)
    if found != pin.sha256:
        final.unlink()
        raise FetchError(f"the mirror's {pin.file} has sha256 {found}, not the pinned {pin.sha256};"
                         f" it was removed; {pin.advice}")


def main(names: list[str]) -> int:
    try:
        for name in names:
            print(fetch(read_pin(name), lambda text: print(f"fetch: {text}", file=sys.stderr,
                                                           flush=True)))
    except FetchError as error:
        print(f"fetch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
