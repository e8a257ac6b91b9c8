#!/usr/bin/env python3
"""Makes the disks of the guest test disk_partitions: make_disks.py FOLDER

    FOLDER/mbr.img      8 MiB, MBR: 1 and 2 primary, 3 extended with 5 and 6, 4 beyond the end
    FOLDER/gpt.img      8 MiB, GPT: 1 and 7
    FOLDER/gpt2.img     the same, its first header damaged: the backup counts
"""
from __future__ import annotations

import struct
import sys
import uuid
import zlib
from pathlib import Path

SECTOR, MIB = 512, 1 << 20
SIZE = 8 * MIB
LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le


def entry(kind: int, start: int, count: int) -> bytes:
    return struct.pack("<B3sB3sII", 0, b"\0\0\0", kind, b"\0\0\0", start, count)


def table(*entries: bytes) -> bytes:
    return bytes(446) + b"".join(entries).ljust(64, b"\0") + b"\x55\xaa"


def put(disk: bytearray, sector: int, data: bytes) -> None:
    disk[sector * SECTOR:sector * SECTOR + len(data)] = data


def mbr() -> bytearray:
    disk = bytearray(SIZE)
    mib = MIB // SECTOR
    put(disk, 0, table(entry(0x83, mib, mib), entry(0x83, 2 * mib, 1), entry(0x05, 3 * mib, 5 * mib),
                       entry(0x83, 7 * mib, 2 * mib)))
    put(disk, 3 * mib, table(entry(0x83, 63, mib), entry(0x05, 2 * mib, 3 * mib)))
    put(disk, 5 * mib, table(entry(0x83, 63, 2 * mib)))
    for sector, name in ((mib, "xvda1"), (2 * mib, "xvda2"), (3 * mib + 63, "xvda5"),
                         (5 * mib + 63, "xvda6")):
        put(disk, sector, name.encode())
    return disk


def gpt(letter: str) -> bytearray:
    disk = bytearray(SIZE)
    mib, last = MIB // SECTOR, SIZE // SECTOR - 1
    put(disk, 0, table(entry(0xee, 1, last)))
    entries = bytearray(128 * 128)
    for number, first, count in ((1, mib, 2 * mib), (7, 4 * mib, mib)):
        at = (number - 1) * 128
        struct.pack_into("<16s16sQQ", entries, at, LINUX, uuid.UUID(int=number).bytes_le, first,
                         first + count - 1)
        put(disk, first, f"xvd{letter}{number}".encode())
    for here, other, where in ((1, last, 2), (last, 1, last - 32)):
        header = bytearray(92)
        struct.pack_into("<8sIIIIQQQQ16sQIII", header, 0, b"EFI PART", 0x10000, 92, 0, 0, here, other,
                         34, last - 33, uuid.UUID(int=99).bytes_le, where, 128, 128,
                         zlib.crc32(entries))
        struct.pack_into("<I", header, 16, zlib.crc32(header))
        put(disk, where, bytes(entries))
        put(disk, here, bytes(header))
    return disk


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mbr.img").write_bytes(mbr())
    (folder / "gpt.img").write_bytes(gpt("b"))
    second = gpt("c")
    second[SECTOR + 20] ^= 0xff
    (folder / "gpt2.img").write_bytes(second)


main()
