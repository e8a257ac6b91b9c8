"""cpio archives in `newc` form, as Linux takes them for an initramfs and guests for a ramdisk.

An archive depends on its entries alone: owned by root, inodes numbered in order. Thirteen numbers of
eight hexadecimal digits, then name and data, each padded to four bytes.
"""
from __future__ import annotations

import stat

TRAILER = "TRAILER!!!"          # its entry ends an archive
BLOCK = 512                     # an archive is padded to a multiple of this


def record(name: bytes, inode: int, mode: int, mtime: int, data: bytes,
           device: tuple[int, int] = (0, 0)) -> bytes:
    """One entry. device: major and minor number of a device node. data: less than 4 GiB."""
    links = 2 if stat.S_ISDIR(mode) else 1
    numbers = [inode, mode, 0, 0, links, mtime & 0xFFFFFFFF, len(data), 0, 0, *device,
               len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + name + b"\0"
    head += bytes(-len(head) % 4)
    return head + data + bytes(-len(data) % 4)


class Archive:
    """Collects entries; parent directories appear by themselves."""

    def __init__(self) -> None:
        self._out = bytearray()
        self._inode = 0
        self._names: set[str] = set()

    def directory(self, name: str, mode: int = 0o755) -> None:
        name = name.strip("/")
        if name and name not in self._names:
            self._parents(name)
            self._add(name, stat.S_IFDIR | mode, b"")

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        self._parents(name.strip("/"))
        self._add(name.strip("/"), stat.S_IFREG | mode, data)

    def link(self, name: str, target: str) -> None:
        self._parents(name.strip("/"))
        self._add(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def device(self, name: str, major: int, minor: int, mode: int = 0o600) -> None:
        self._parents(name.strip("/"))
        self._add(name.strip("/"), stat.S_IFCHR | mode, b"", (major, minor))

    def finish(self) -> bytes:
        out = bytes(self._out) + record(TRAILER.encode(), 0, 0, 0, b"")
        return out + bytes(-len(out) % BLOCK)

    def _parents(self, name: str) -> None:
        if "/" in name:
            self.directory(name.rsplit("/", 1)[0])

    def _add(self, name: str, mode: int, data: bytes, device: tuple[int, int] = (0, 0)) -> None:
        if name in self._names:
            return                      # the first to come stays
        self._names.add(name)
        self._inode += 1
        self._out += record(name.encode(), self._inode, mode, 0, data, device)
