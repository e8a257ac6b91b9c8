"""What a file is: a bootable Xenolith image, or something else that has a name.

Parses the ELF header, segments, Xen notes and symbols of a 64-bit little-endian file, plain or
gzip'ed, from bytes in memory. Nothing here starts a program.
"""
from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
ELF_MAGIC = b"\x7fELF"
PT_LOAD, PT_NOTE = 1, 4
SHT_SYMTAB, SHT_NOBITS = 2, 8
STT_FUNC = 2

# elf.h, e_machine: the ones a person is likely to try.
MACHINES = {2: "SPARC", 3: "32-bit x86", 8: "MIPS", 20: "32-bit PowerPC", 21: "64-bit PowerPC",
            22: "IBM Z", 40: "32-bit ARM", 62: "x86-64", 183: "64-bit ARM", 243: "RISC-V",
            258: "LoongArch"}
TYPES = {1: "an object file", 2: "an executable", 3: "a shared object or position-independent executable",
         4: "a core dump"}

# xen/elfnote.h
NOTE_NAMES = {0: "INFO", 1: "ENTRY", 2: "HYPERCALL_PAGE", 3: "VIRT_BASE", 4: "PADDR_OFFSET",
              5: "XEN_VERSION", 6: "GUEST_OS", 7: "GUEST_VERSION", 8: "LOADER", 9: "PAE_MODE",
              10: "FEATURES", 13: "L1_MFN_VALID", 17: "SUPPORTED_FEATURES", 18: "PHYS32_ENTRY"}
# Without these the domain builder says only "no loader found".
NEEDED_NOTES = {"XEN_VERSION": b"xen-3.0", "LOADER": b"generic"}

# Other files by their first bytes, for the one error that says what a file is.
KINDS = [(b"#!", "a script"), (b"MZ", "a Windows or EFI program"), (b"\xfd7zXZ", "an xz archive"),
         (b"PK\x03\x04", "a zip archive"), (b"070701", "a cpio archive"), (b"BZh", "a bzip2 archive"),
         (b"\x28\xb5\x2f\xfd", "a zstd archive"), (b"QFI\xfb", "a qcow2 disk image"),
         (b"!<arch>\n", "a static library"), (b"\xcf\xfa\xed\xfe", "a macOS program")]


@dataclass(frozen=True)
class Segment:
    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int


@dataclass(frozen=True)
class Section:
    name: str
    type: int
    addr: int
    offset: int
    size: int
    link: int


@dataclass(frozen=True)
class Function:
    address: int
    size: int
    name: str


class Malformed(Exception):
    """The bytes are not what an ELF file may contain."""


class Elf:
    """A 64-bit little-endian ELF file in memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        if len(data) < 64 or data[:4] != ELF_MAGIC or data[4:6] != b"\x02\x01":
            raise Malformed("no 64-bit little-endian ELF header")
        (self.type, self.machine, _, self.entry, self._phoff, self._shoff, _, _, self._phentsize,
         self._phnum, self._shentsize, self._shnum, self._shstrndx) = struct.unpack_from(
             "<HHIQQQIHHHHHH", data, 16)

    def _unpack(self, layout: str, offset: int) -> tuple:
        try:
            return struct.unpack_from(layout, self.data, offset)
        except struct.error:
            raise Malformed(f"cut off at offset {offset}") from None

    def segments(self) -> list[Segment]:
        found = []
        for i in range(self._phnum):
            kind, flags, offset, vaddr, _, filesz, memsz, _ = self._unpack(
                "<IIQQQQQQ", self._phoff + i * self._phentsize)
            found.append(Segment(kind, flags, offset, vaddr, filesz, memsz))
        return found

    def sections(self) -> list[Section]:
        raw = [self._unpack("<IIQQQQIIQQ", self._shoff + i * self._shentsize)
               for i in range(self._shnum)]
        if self._shstrndx >= len(raw):
            return []
        names = raw[self._shstrndx][4]
        return [Section(self._string(names + s[0]), s[1], s[3], s[4], s[5], s[6]) for s in raw]

    def _string(self, offset: int) -> str:
        end = self.data.find(b"\0", offset)
        if offset > len(self.data) or end < 0:
            raise Malformed(f"a name at offset {offset} has no end")
        return self.data[offset:end].decode("utf-8", "replace")

    def xen_notes(self) -> dict[str, bytes]:
        """The Xen notes by name; numbers stay the bytes they are."""
        notes: dict[str, bytes] = {}
        for segment in self.segments():
            if segment.type != PT_NOTE:
                continue
            at, end = segment.offset, segment.offset + segment.filesz
            while at + 12 <= end:
                namesz, descsz, kind = self._unpack("<III", at)
                name_at = at + 12
                desc_at = name_at + (namesz + 3) // 4 * 4
                at = desc_at + (descsz + 3) // 4 * 4
                if at > end or at > len(self.data):
                    raise Malformed("a note is longer than its segment")
                if self.data[name_at:name_at + namesz].rstrip(b"\0") == b"Xen":
                    notes[NOTE_NAMES.get(kind, str(kind))] = self.data[desc_at:desc_at + descsz]
        return notes

    def build_id(self) -> str:
        for section in self.sections():
            if section.name == ".note.gnu.build-id":
                return self.data[section.offset + 16:section.offset + section.size].hex()
        return ""

    def functions(self) -> list[Function]:
        """All functions with a name, by address; empty for a stripped image."""
        found: list[Function] = []
        sections = self.sections()
        for section in sections:
            if section.type != SHT_SYMTAB or section.link >= len(sections):
                continue
            strings = sections[section.link].offset
            for offset in range(section.offset, section.offset + section.size - 23, 24):
                name, info, _, index, value, size = self._unpack("<IBBHQQ", offset)
                # Assembly without .type is NOTYPE: a label in a section is good enough for a backtrace.
                if info & 15 in (0, STT_FUNC) and index not in (0, 0xfff1) and name:
                    text = self._string(strings + name)
                    if not text.startswith("."):
                        found.append(Function(value, size, text))
        return sorted(found, key=lambda f: (f.address, f.size))

    def has_debug_lines(self) -> bool:
        return any(s.name == ".debug_line" for s in self.sections())

    def memory_needed(self) -> int:
        """Bytes of guest memory that the loaded segments span."""
        loads = [s for s in self.segments() if s.type == PT_LOAD]
        return max((s.vaddr + s.memsz for s in loads), default=0)


@dataclass(frozen=True)
class Image:
    """A file that xl create takes, and its ELF as unpacked."""

    path: Path
    elf: Elf


def read_image(path: Path) -> Image:
    """The image at path, or a UserError that names what the file is instead."""
    data = read_elf_bytes(path)
    why = what_is_wrong(data)
    if why:
        raise UserError(f"{path} is not a Xenolith image: it is {why}",
                        "give a C file, a directory with a CMakeLists.txt, or an image linked by "
                        "x86_64-xenolith-elf-gcc")
    return Image(path, Elf(data))


def read_elf_bytes(path: Path) -> bytes:
    """The file's bytes; unpacked if it is gzip'ed, as the domain builder does."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "check its name and permissions")
    if data[:2] == GZIP_MAGIC:
        try:
            return gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise UserError(f"{path} is a damaged gzip file", "pack it again") from None
    return data


def what_is_wrong(data: bytes) -> str:
    """Empty for a bootable image; else what the file is: "an ELF file for 64-bit ARM"."""
    if not data:
        return "empty"
    if data[:4] != ELF_MAGIC:
        for magic, kind in KINDS:
            if data.startswith(magic):
                return kind
        try:
            text = data[:4096].decode()
        except UnicodeDecodeError:
            return "data of no known kind"
        return "a text file" if text.isprintable() or "\n" in text else "data of no known kind"
    if len(data) < 20:
        return "an ELF file cut off after its first bytes"
    if data[5] != 1:
        return "a big-endian ELF file"
    kind, machine = struct.unpack_from("<HH", data, 16)
    machine_name = MACHINES.get(machine, f"machine {machine}")
    if data[4] != 2 or machine != 62:
        return f"an ELF file for {machine_name}, not x86-64"
    try:
        elf = Elf(data)
        if kind != 2:
            return f"an x86-64 ELF file, but {TYPES.get(kind, f'of type {kind}')}"
        notes = elf.xen_notes()
        for segment in elf.segments():
            if segment.type == PT_LOAD and segment.offset + segment.filesz > len(data):
                return "an ELF file cut off before the end of its segments"
    except Malformed as error:
        return f"a damaged ELF file ({error})"
    missing = [name for name in NEEDED_NOTES if name not in notes]
    if missing:
        return ("an x86-64 ELF program for another system (no Xen note "
                + ", ".join(missing) + ")")
    for name, value in NEEDED_NOTES.items():
        got = notes[name].rstrip(b"\0")
        if got != value:
            return f"an x86-64 ELF file whose Xen note {name} is {got.decode('latin-1')!r}"
    return ""
