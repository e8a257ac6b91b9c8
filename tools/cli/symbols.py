"""Names for addresses: function+offset from an image's symbol table, file:line through addr2line.

The image carries no symbols at run time; the guest prints raw addresses in its crash report and
`xenolith run`, which has the ELF file, adds the names while the lines go by.
"""
from __future__ import annotations

import bisect
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .image import GZIP_MAGIC, Elf, Malformed

# What the SDK's own functions have before their names in an image (tools/toolchain/own_names.py).
OWN_PREFIX = "xenolith."
# "  #3 0x0000000000101234" of a crash report; only whole lines count.
FRAME_LINE = re.compile(rb"\s*#(\d+)\s+(0x[0-9a-f]{4,16})\s*\Z")
# "[<0000000000101234>]" of Xen's own register dump.
XEN_ADDRESS = re.compile(r"\[<([0-9a-f]{8,16})>\]")


class Symbols:
    """The functions of one image; looked at only when the first address asks for it."""

    def __init__(self, path: Path, elf: Elf) -> None:
        self._path = path
        self._elf = elf
        self._functions: list | None = None
        self._starts: list[int] = []
        self._unpacked: tempfile._TemporaryFileWrapper | None = None

    def name(self, address: int) -> str:
        """`function+0x12`, or "" for an address in no function."""
        if self._functions is None:
            try:
                self._functions = self._elf.functions()
            except Malformed:
                self._functions = []
            self._starts = [f.address for f in self._functions]
        at = bisect.bisect_right(self._starts, address) - 1
        if at < 0:
            return ""
        function = self._functions[at]
        # A label of assembly has no size; the next symbol ends it.
        if function.size and address >= function.address + function.size:
            return ""
        if not function.size and address >= self._end_of_text():
            return ""
        return f"{function.name.removeprefix(OWN_PREFIX)}+{address - function.address:#x}"

    def place(self, address: int) -> str:
        """`file.c:34`, or "" without debug information or addr2line."""
        tool = shutil.which("addr2line") or shutil.which("llvm-addr2line")
        try:
            if tool is None or not self._elf.has_debug_lines():
                return ""
            ran = subprocess.run([tool, "-e", str(self._plain_file()), f"{address:#x}"],
                                 capture_output=True, text=True, timeout=20, check=False)
        except (OSError, Malformed, subprocess.TimeoutExpired):
            return ""
        found = ran.stdout.split(" (")[0].strip()
        if ran.returncode or not found or found.startswith("??") or found.endswith((":0", ":?")):
            return ""
        path, _, line = found.rpartition(":")
        return f"{Path(path).name}:{line}"

    def describe(self, address: int, is_return_address: bool = False) -> str:
        """`function+0x12 (file.c:34)`; a return address is looked up inside its call."""
        asked = address - 1 if is_return_address else address
        name = self.name(asked)
        if not name:
            return ""
        if is_return_address:
            function, _, offset = name.rpartition("+")
            name = f"{function}+{int(offset, 16) + 1:#x}"
        place = self.place(asked)
        return f"{name} ({place})" if place else name

    def frame_suffix(self, line: bytes) -> bytes:
        """What to add to one console line: b"" unless it is a frame of a backtrace."""
        match = FRAME_LINE.match(line)
        if not match:
            return b""
        text = self.describe(int(match[2], 16), is_return_address=match[1] != b"0")
        return b" " + text.encode() if text else b""

    def annotate_xen(self, line: str) -> str:
        """A line of Xen's register dump, with the name behind its address."""
        match = XEN_ADDRESS.search(line)
        text = self.describe(int(match[1], 16)) if match else ""
        return f"{line} {text}" if text else line

    def _end_of_text(self) -> int:
        return max((s.vaddr + s.memsz for s in self._elf.segments() if s.flags & 1), default=0)

    def _plain_file(self) -> Path:
        """addr2line wants a file that is not gzip'ed."""
        with self._path.open("rb") as file:
            if file.read(2) != GZIP_MAGIC:
                return self._path
        if self._unpacked is None:
            self._unpacked = tempfile.NamedTemporaryFile(prefix="xenolith-")
            self._unpacked.write(self._elf.data)
            self._unpacked.flush()
        return Path(self._unpacked.name)
