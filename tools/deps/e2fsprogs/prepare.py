"""Have the sources of libext2fs that we compile, with the files that its own build would generate.

    prepare.py DIRECTORY

fills DIRECTORY with src/*.c and include/ from the pinned tarball of e2fsprogs, through the cache.
Only files of lib/ext2fs are taken that are under the GNU Library General Public License, version 2,
as the NOTICE that comes along says. The library's bitmaps, its checksum routines and everything of
e2fsck are under the GNU General Public License itself, and so are not taken: libc-glue/ext has its
own.
"""
from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent)]
sys.dont_write_bytecode = True

from deps.cache import cache_dir, make_dir                       # noqa: E402
from deps.fetch import FetchError, fetch, read_pin, unpack       # noqa: E402

Say = Callable[[str], None]

# What the guest and the host tests compile.
SOURCES = (HERE / "sources.txt").read_text(encoding="ascii").split()

# A table's number is made of its name: each letter is 6 bits of it, the messages count below them.
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"


class PrepareError(Exception):
    """One sentence."""


def error_numbers(table: str) -> str:
    """ext2_err.h of ext2_err.et: the names of the errors and their numbers."""
    name = re.search(r"^\s*error_table\s+(\w+)", table, re.M)
    codes = re.findall(r"^\s*(?:ec|error_code)\s+(\w+)\s*,", table, re.M)
    if name is None or not codes:
        raise PrepareError("ext2_err.et.in has no error table")
    base = 0
    for letter in name[1]:
        base = (base << 6) + _LETTERS.index(letter) + 1
    base = base << 8 & 0xffffffff
    if base >= 1 << 31:
        base -= 1 << 32
    lines = [f"#define {code} ({base + number}L)" for number, code in enumerate(codes)]
    return "#include <et/com_err.h>\n" + "\n".join(lines) + "\n"


def _key() -> str:
    digest = hashlib.sha256(read_pin("e2fsprogs").sha256.encode())
    for path in (Path(__file__), HERE / "sources.txt", HERE / "config.h"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _fill(directory: Path, say: Say) -> None:
    pin = read_pin("e2fsprogs")
    with tempfile.TemporaryDirectory(dir=directory) as work:
        top = unpack(fetch(pin, say), Path(work))
        library = top / "lib" / "ext2fs"
        include = directory / "include"
        for below in ("src", "include/ext2fs", "include/et", "include/uuid"):
            (directory / below).mkdir(parents=True)
        for name in SOURCES:
            shutil.copyfile(library / name, directory / "src" / name)
        for header in library.glob("*.h"):
            shutil.copyfile(header, include / "ext2fs" / header.name)
        shutil.copyfile(top / "lib" / "et" / "com_err.h", include / "et" / "com_err.h")
        shutil.copyfile(HERE / "config.h", include / "config.h")
        table = (library / "ext2_err.et.in").read_text(encoding="utf-8")
        _write(include / "ext2fs" / "ext2_err.h", error_numbers(table))
        _write(include / "ext2fs" / "ext2_types.h", _TYPES)
        _write(include / "dirpaths.h", "")
        shutil.copyfile(top / "NOTICE", directory / "NOTICE")


_TYPES = """#ifndef _EXT2_TYPES_H
#define _EXT2_TYPES_H
#include <stdint.h>
typedef uint8_t __u8;
typedef int8_t __s8;
typedef uint16_t __u16;
typedef int16_t __s16;
typedef uint32_t __u32;
typedef int32_t __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef uint16_t __le16;
typedef uint32_t __le32;
typedef __u64 __le64;
typedef uint16_t __be16;
typedef uint32_t __be32;
typedef __u64 __be64;
#define __bitwise
#define __force
#endif
"""


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")


def install(ready: Path, into: Path) -> None:
    """Copy what differs, so that time stamps of the same files stay."""
    for source in ready.rglob("*"):
        target = into / source.relative_to(ready)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: prepare.py DIRECTORY", file=sys.stderr)
        return 2

    def say(text: str) -> None:
        print(f"libext2fs: {text}", flush=True)

    try:
        pin = read_pin("e2fsprogs")
        final = cache_dir() / "e2fsprogs" / f"{pin.version}-{_key()}"
        install(make_dir(final, lambda directory: _fill(directory, say), say), Path(arguments[0]))
    except (PrepareError, FetchError, OSError) as error:
        print(f"libext2fs: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
