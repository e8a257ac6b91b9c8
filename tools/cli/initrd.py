"""Packs a directory as a cpio archive in `newc` form, the guest's ramdisk.

The archive depends only on names and contents: sorted, owned by root, inodes numbered in order.
"""
from __future__ import annotations

import os
import stat
from pathlib import Path

from testbed.newc import BLOCK, TRAILER, record

from .errors import UserError

LARGEST_FILE = 0xFFFFFFFF       # a size of eight hexadecimal digits


def pack(source: Path) -> bytes:
    """The ramdisk of --initrd: a directory is packed, a file (a ready archive) is taken as it is."""
    if source.is_dir():
        return pack_directory(source)
    try:
        return source.read_bytes()
    except OSError as error:
        raise UserError(f"--initrd {source}: {error.strerror}", "give a directory or a cpio archive")


def pack_directory(top: Path) -> bytes:
    out = bytearray()
    inode = 0
    for path in sorted(entries(top), key=lambda p: p.relative_to(top).parts):
        inode += 1
        status = path.lstat()
        data = b""
        if stat.S_ISLNK(status.st_mode):
            data = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            try:
                data = path.read_bytes()
            except OSError as error:
                raise UserError(f"--initrd: {path} cannot be read: {error.strerror}",
                                "check its permissions")
        elif not stat.S_ISDIR(status.st_mode):
            raise UserError(f"--initrd: {path} is neither file, directory nor link", "take it out")
        if len(data) > LARGEST_FILE:
            raise UserError(f"--initrd: {path} is larger than 4 GiB", "put it on a disk")
        name = os.fsencode(path.relative_to(top))
        out += record(name, inode, status.st_mode, int(status.st_mtime), data)
    out += record(TRAILER.encode(), 0, 0, 0, b"")
    out += bytes(-len(out) % BLOCK)
    return bytes(out)


def entries(top: Path) -> list[Path]:
    """Everything below top, links not followed."""
    found = []
    for folder, folders, files in os.walk(top):
        found += [Path(folder) / name for name in folders + files]
    return found
