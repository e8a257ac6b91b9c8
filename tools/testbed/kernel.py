"""dom0's kernel, packed so that it is soon unpacked.

The distribution packs it as small as can be, by xz. Xen unpacks it when dom0 boots, and xl for each guest of
Linux: on an emulated processor that took longer than the kernel then takes to boot. Xen and xl know gzip,
too, which needs a tenth of the work.
"""
from __future__ import annotations

import gzip
import lzma
import struct

# Documentation/arch/x86/boot.rst of Linux
MAGIC, MAGIC_AT = b"HdrS", 0x202
SETUP_SECTORS_AT = 0x1f1
PAYLOAD_AT = 0x248              # its offset from the end of the setup sectors, and its length
XZ = b"\xfd7zXZ\0"
GZIP_LEVEL = 6                  # of the higher ones, none makes it noticeably smaller


def repacked(data: bytes) -> bytes:
    """The ELF file in a bzImage, gzip'ed; what is packed in another way stays as it is."""
    if data[MAGIC_AT:MAGIC_AT + len(MAGIC)] != MAGIC:
        return data
    offset, length = struct.unpack_from("<II", data, PAYLOAD_AT)
    start = ((data[SETUP_SECTORS_AT] or 4) + 1) * 512 + offset
    payload = data[start:start + length]
    if not payload.startswith(XZ):
        return data
    # The kernel's build puts the length behind it.
    return gzip.compress(lzma.LZMADecompressor().decompress(payload), GZIP_LEVEL, mtime=0)
