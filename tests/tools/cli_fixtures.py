"""What the tests of the command line share: the package's path, an image made by hand, a fake dom0."""
from __future__ import annotations

import os
import queue
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / "tools"
sys.dont_write_bytecode = True
if str(TOOLS) not in sys.path:
    sys.path.insert(0, str(TOOLS))


def note(kind: int, desc: bytes, name: bytes = b"Xen\0") -> bytes:
    def padded(data: bytes) -> bytes:
        return data + bytes(-len(data) % 4)
    return struct.pack("<III", len(name), len(desc), kind) + padded(name) + padded(desc)


XEN_NOTES = note(5, b"xen-3.0\0") + note(8, b"generic\0")


def elf_image(notes: bytes = XEN_NOTES, machine: int = 62, kind: int = 2,
              functions: dict[str, tuple[int, int]] | None = None) -> bytes:
    """A small ELF64 file: one PT_LOAD, one PT_NOTE, a symbol table with the given functions."""
    functions = functions or {}
    strings, symbols = b"\0", bytes(24)
    for name, (address, size) in functions.items():
        symbols += struct.pack("<IBBHQQ", len(strings), 2, 0, 1, address, size)
        strings += name.encode() + b"\0"
    names = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    at = 64 + 2 * 56
    notes_at, symbols_at = at, at + len(notes)
    strings_at = symbols_at + len(symbols)
    names_at = strings_at + len(strings)
    sections_at = names_at + len(names)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", kind, machine, 1, 0x100000, 64, sections_at, 0, 64, 56, 2, 64, 5, 4)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x100000, 0x100000, 64, 0x10000, 4096)
    noted = struct.pack("<IIQQQQQQ", 4, 4, notes_at, 0, 0, len(notes), len(notes), 4)

    def section(name: int, kind: int, address: int, offset: int, size: int, link: int) -> bytes:
        return struct.pack("<IIQQQQIIQQ", name, kind, 0, address, offset, size, link, 0, 1, 24)

    sections = (bytes(64) + section(1, 1, 0x100000, 0, 64, 0)
                + section(7, 2, 0, symbols_at, len(symbols), 3)
                + section(15, 3, 0, strings_at, len(strings), 0)
                + section(23, 3, 0, names_at, len(names), 0))
    return header + load + noted + notes + symbols + strings + names + sections


@dataclass
class Ran:
    """What Dom0.run returns."""

    status: int = 0
    out: bytes = b""
    err: bytes = b""


class FakeProcess:
    """A process in dom0 as a test plays it: the test puts (stream, bytes), then closes."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue = queue.SimpleQueue()
        self.written = b""
        self.killed = False

    def say(self, data: bytes, stream: str = "out") -> None:
        self.queue.put((stream, data))

    def close(self) -> None:
        self.queue.put(None)

    def read(self):
        while (item := self.queue.get()) is not None:
            yield item

    def stdin_write(self, data: bytes) -> None:
        self.written += data

    def stdin_close(self) -> None:
        pass

    def wait(self) -> int:
        return 0

    def kill(self) -> None:
        self.killed = True
        self.close()


@dataclass
class FakeDom0:
    """A dom0 that remembers what it was told; domains end as the test says.

    process is `xl create -F`, console is xenconsole, which says a byte when it is attached.
    """

    xenstore: dict[str, str] = field(default_factory=dict)
    dmesg: str = ""
    commands: list[list[str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    process: FakeProcess = field(default_factory=FakeProcess)
    console: FakeProcess = field(default_factory=FakeProcess)
    started: bool = False
    closed: bool = False

    def run(self, argv, *, stdin=None, timeout=None, check=False) -> Ran:
        self.commands.append(argv)
        if argv[0] == "xenstore-read":
            value = self.xenstore.get(argv[1])
            return Ran(1) if value is None else Ran(0, value.encode() + b"\n")
        if argv[0] == "sleep":
            time.sleep(float(argv[1]))
        if argv[:2] == ["xl", "dmesg"]:
            return Ran(0, self.dmesg.encode())
        if argv[:2] == ["rm", "-rf"]:
            self.files = {p: d for p, d in self.files.items() if not p.startswith(argv[2] + "/")}
        return Ran()

    def popen(self, argv) -> FakeProcess:
        self.commands.append(argv)
        if argv[:2] == ["xl", "create"]:
            return self.process
        self.console.say(b"\0", "err")
        return self.console

    def put(self, data, path, mode=0o644) -> None:
        self.files[path] = data if isinstance(data, bytes) else Path(data).read_bytes()

    def get(self, path) -> bytes:
        return self.files[path]

    def close(self) -> None:
        self.closed = True

    def says(self, data: bytes) -> None:
        """The guest writes to its console."""
        self.console.say(data)

    def starts(self, domid: int = 5) -> None:
        """xl's words when the domain is built and runs."""
        self.started = True
        self.process.say(b"Waiting for domain g (domid %d) to die [pid 1]\n" % domid, "err")

    def ends(self, reason: int, domid: int = 5) -> None:
        """xl's words when a guest shuts down, and before that when it started."""
        if not self.started:
            self.starts(domid)
        self.process.say(b"Domain %d has shut down, reason code %d 0x%x\n" % (domid, reason, reason),
                         "err")


def cli_env(**changes: str) -> dict[str, str]:
    """The environment for a child `xenolith`."""
    return {**os.environ, **changes}
