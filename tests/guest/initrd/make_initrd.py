#!/usr/bin/env python3
"""Makes the ramdisks of the guest tests initrd.*: make_initrd.py FOLDER

    FOLDER/tree            a directory for --initrd
    FOLDER/plain.cpio      what no directory can hold: devices, names of one file, two archives in a row
    FOLDER/plain.cpio.gz   the same, compressed
    FOLDER/cut.cpio        ends in the middle of a file
    FOLDER/bad.cpio        a header in the middle is overwritten
    FOLDER/bad.cpio.gz     compressed data with an error in it
    FOLDER/garbage         nothing that was ever an archive
"""
from __future__ import annotations

import gzip
import os
import shutil
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
from testbed.newc import TRAILER, record  # noqa: E402

BIG, ODD = 300_000, 4097


def pattern(length: int, seed: int) -> bytes:
    """As main.c computes it."""
    return bytes((i * 7 + i // 256 + seed) % 251 for i in range(length))


def make_tree(top: Path) -> None:
    shutil.rmtree(top, ignore_errors=True)
    (top / "etc" / "deep" / "er").mkdir(parents=True)
    (top / "etc" / "private").mkdir(mode=0o700)
    (top / "etc" / "motd").write_bytes(b"Hello from the initrd\n")
    (top / "etc" / "deep" / "er" / "file with blanks").write_bytes(b"deep\n")
    (top / "etc" / "empty").write_bytes(b"")
    (top / "big").write_bytes(pattern(BIG, 3))
    (top / "page").write_bytes(pattern(4096, 5))
    (top / "odd").write_bytes(pattern(ODD, 9))
    (top / "script").write_bytes(b"#!/bin/sh\n")
    (top / "to-motd").symlink_to("etc/motd")
    (top / "to-etc").symlink_to("/etc")
    (top / "dangling").symlink_to("nowhere")
    for name, mode in (("script", 0o755), ("etc/motd", 0o644), ("etc/empty", 0o600)):
        (top / name).chmod(mode)
    os.utime(top / "etc" / "motd", (1_000_000_000, 1_000_000_000))


def named(data: bytes, inode: int, links: int) -> bytes:
    """The record with another inode number and count of names."""
    return data[:6] + b"%08X" % inode + data[14:38] + b"%08X" % links + data[46:]


def make_plain() -> bytes:
    directory, regular = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644
    end = record(TRAILER.encode(), 0, 0, 0, b"")
    first = record(b"dev", 1, directory, 0, b"")
    first += record(b"dev/my-zero", 2, stat.S_IFCHR | 0o600, 0, b"", (1, 5))
    first += named(record(b"one", 3, regular, 0, b""), 3, 2)        # the content comes with the last
    first += named(record(b"two", 3, regular, 0, pattern(ODD, 9)), 3, 2)
    first += record(b"not/listed/above", 4, regular, 0, b"parents were made\n")
    first += record(b"./dotted", 5, regular, 0, b"dotted\n")
    first += record(b"replaced", 6, regular, 0, b"old\n") + end
    second = record(b"replaced", 1, regular, 0, b"new\n")
    second += record(b"big", 2, stat.S_IFREG | 0o444, 0, pattern(BIG, 3)) + end
    return first + bytes(-len(first) % 512) + second + bytes(-len(second) % 512)


def main() -> int:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    make_tree(folder / "tree")
    plain = make_plain()
    big = plain.index(b"big\0")
    second = plain.index(b"replaced\0", plain.index(b"replaced\0") + 1)
    packed = bytearray(gzip.compress(plain, mtime=0))
    (folder / "plain.cpio").write_bytes(plain)
    (folder / "plain.cpio.gz").write_bytes(packed)
    (folder / "cut.cpio").write_bytes(plain[:big + 1000])
    (folder / "bad.cpio").write_bytes(plain[:second - 60] + b"!" * 20 + plain[second - 40:])
    packed[len(packed) // 2] ^= 0xFF
    (folder / "bad.cpio.gz").write_bytes(packed)
    (folder / "garbage").write_bytes(pattern(10_000, 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
