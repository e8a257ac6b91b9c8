"""Dom0: where guests are made. The transport between the `xenolith` command and a dom0's programs.

Three kinds of the same thing: this machine, when it is a dom0 itself; a private testbed, restored for
one command and gone with it; the standing testbed of `xenolith host up`, shared by everybody.
"""
from __future__ import annotations

import abc
import os
import selectors
import shutil
import signal
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

from . import disks, forwards, hostfiles, saved, standing
from .disks import DiskFile, Drives, Loops
from .errors import TestbedError
from .forwards import Forward, Forwards
from .machine import Machine, Shape
from .port import PORT_SECONDS, PortLock
from .session import CHUNK, DATA, ERR, EXIT, KILL, OUT, TIME, Result, Session

Say = Callable[[str], None]

COMMAND_START_SECONDS = 120.0


class Process(abc.ABC):
    """A running command in dom0."""

    @abc.abstractmethod
    def stdin_write(self, data: bytes) -> None: ...

    @abc.abstractmethod
    def stdin_close(self) -> None: ...

    @abc.abstractmethod
    def read(self) -> Iterator[tuple[str, bytes]]:
        """Its output as it comes: ("out" or "err", bytes); ends with the command."""

    @abc.abstractmethod
    def wait(self) -> int: ...

    @abc.abstractmethod
    def kill(self) -> None: ...


class Dom0(abc.ABC):
    """A Xen host's first domain. May be used by several threads at once."""

    is_private = False          # everything in it ends with this object

    @abc.abstractmethod
    def run(self, argv: list[str], *, stdin: bytes | None = None, timeout: float | None = None,
            check: bool = False) -> Result: ...

    @abc.abstractmethod
    def popen(self, argv: list[str], *, terminal: bool = False) -> Process: ...

    @abc.abstractmethod
    def put(self, data: bytes | Path, path: str, mode: int = 0o644) -> None: ...

    def get(self, path: str) -> bytes:
        return self.run(["cat", path], check=True).out

    @abc.abstractmethod
    def attach_disks(self, files: list[DiskFile]) -> Drives | Loops:
        """Block devices here that are those files, named by the result's `devices`; until it is
        closed."""

    @abc.abstractmethod
    def forward_ports(self, wanted: list[Forward], address: str) -> Forwards:
        """Ports of the user's machine that lead to a guest's address, until the result is closed."""

    def close(self) -> None:
        """Give back what this object holds."""

    def __enter__(self) -> "Dom0":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _checked(argv: list[str], result: Result, check: bool) -> Result:
    if check and result.status != 0:
        words = result.err.decode(errors="replace").strip().splitlines()
        raise TestbedError(f"{argv[0]} failed in dom0 with status {result.status}"
                           + (f": {words[-1]}" if words else ""))
    return result


# ---- this machine is the dom0 -------------------------------------------------------------------

class LocalProcess(Process):
    """A child of ours, in a session of its own: Ctrl-C is for us to handle."""

    def __init__(self, argv: list[str], terminal: bool) -> None:
        pipe = None if terminal else subprocess.PIPE
        try:
            self._process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe,
                                             start_new_session=not terminal)
        except OSError as error:
            raise TestbedError(f"{argv[0]} cannot be run: {error.strerror}") from None

    def stdin_write(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass                        # it has ended, or takes no more

    def stdin_close(self) -> None:
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass

    def read(self) -> Iterator[tuple[str, bytes]]:
        selector = selectors.DefaultSelector()
        for name, file in (("out", self._process.stdout), ("err", self._process.stderr)):
            selector.register(file, selectors.EVENT_READ, name)
        while selector.get_map():
            for key, _ in selector.select():
                data = os.read(key.fd, CHUNK)
                if data:
                    yield key.data, data
                else:
                    selector.unregister(key.fileobj)
        self._process.wait()

    def wait(self) -> int:
        return self._process.wait()

    def kill(self) -> None:
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._process.wait()


class LocalDom0(Dom0):
    """This machine, with its own xl."""

    def run(self, argv: list[str], *, stdin: bytes | None = None, timeout: float | None = None,
            check: bool = False) -> Result:
        try:
            ran = subprocess.run(argv, input=b"" if stdin is None else stdin, capture_output=True,
                                 timeout=timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{argv[0]} took too long") from None
        except OSError as error:
            raise TestbedError(f"{argv[0]} cannot be run: {error.strerror}") from None
        return _checked(argv, Result(ran.returncode, ran.stdout, ran.stderr), check)

    def popen(self, argv: list[str], *, terminal: bool = False) -> Process:
        return LocalProcess(argv, terminal)

    def put(self, data: bytes | Path, path: str, mode: int = 0o644) -> None:
        target = Path(path)
        if isinstance(data, Path):
            shutil.copyfile(data, target)
        else:
            target.write_bytes(data)
        target.chmod(mode)

    def attach_disks(self, files: list[DiskFile]) -> Loops:
        return Loops(self, files)

    def forward_ports(self, wanted: list[Forward], address: str) -> Forwards:
        raise TestbedError("-p is for the testbed: this machine is a Xen host itself; put the guest "
                           "on a bridge with --net bridge=NAME and use its own address")


def this_is_dom0() -> bool:
    try:
        return "control_d" in Path("/proc/xen/capabilities").read_text(encoding="ascii") and \
            shutil.which("xl") is not None
    except OSError:
        return False


# ---- a dom0 in a testbed ------------------------------------------------------------------------

class Port:
    """A port with a synchronised session, for one command or file after the other."""

    def __init__(self, machine: Machine) -> None:
        self._lock = PortLock(machine)
        try:
            sock = machine.connect(f"p{self._lock.number}", PORT_SECONDS)
            self.session = Session(sock, COMMAND_START_SECONDS)
        except BaseException:
            self._lock.release()
            raise

    def close(self) -> None:
        self.session.close()
        self._lock.release()


class TestbedProcess(Process):
    """A command that has a port to itself while it runs."""

    __test__ = False

    def __init__(self, dom0: "TestbedDom0", argv: list[str], terminal: bool) -> None:
        self._dom0 = dom0
        self._port: Port | None = dom0.take_port()
        self._status: int | None = None
        self._lock = threading.Lock()   # protects _port and _status
        self._port.session.execute(argv, terminal)

    def _session(self) -> Session | None:
        return self._port.session if self._port is not None else None

    def stdin_write(self, data: bytes) -> None:
        session = self._session()
        if session is not None and data:
            session.send_data(data)

    def stdin_close(self) -> None:
        session = self._session()
        if session is not None:
            session.send(DATA)

    def read(self) -> Iterator[tuple[str, bytes]]:
        while (session := self._session()) is not None:
            try:
                kind, payload = session.receive()
            except (TestbedError, OSError, ValueError):
                if self._port is None:  # kill() took it away from us
                    return
                raise
            if kind == OUT:
                yield "out", payload
            elif kind == ERR:
                yield "err", payload
            elif kind == EXIT:
                with self._lock:
                    self._status = struct.unpack("<i", payload)[0]
                    port, self._port = self._port, None
                if port is not None:
                    self._dom0.give_port(port)
                return

    def wait(self) -> int:
        for _ in self.read():
            pass
        return -9 if self._status is None else self._status

    def kill(self) -> None:
        """The agent kills the command when its host goes away."""
        with self._lock:
            port, self._port = self._port, None
        if port is not None:
            try:
                port.session.send(KILL)
            except TestbedError:
                pass
            port.close()


class TestbedDom0(Dom0):
    """The dom0 of a machine; owns the machine when it is private."""

    __test__ = False

    def __init__(self, machine: Machine, private: bool) -> None:
        self.machine = machine
        self.is_private = private
        self._idle: list[Port] = []
        self._lock = threading.Lock()   # protects _idle
        self._set_clock()

    def take_port(self) -> Port:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Port(self.machine)

    def give_port(self, port: Port) -> None:
        with self._lock:
            self._idle.append(port)

    def run(self, argv: list[str], *, stdin: bytes | None = None, timeout: float | None = None,
            check: bool = False) -> Result:
        port = self.take_port()
        try:
            port.session.execute(argv)
            feeding = port.session.feed_in_background(stdin or b"")
            result = port.session.wait_exit(timeout)
            feeding.join()
        except BaseException:
            port.close()
            raise
        self.give_port(port)
        return _checked(argv, result, check)

    def popen(self, argv: list[str], *, terminal: bool = False) -> Process:
        return TestbedProcess(self, argv, terminal)

    def put(self, data: bytes | Path, path: str, mode: int = 0o644) -> None:
        if isinstance(data, Path):
            data = data.read_bytes()
        port = self.take_port()
        try:
            port.session.put(data, path, mode)
        except BaseException:
            port.close()
            raise
        self.give_port(port)

    def attach_disks(self, files: list[DiskFile]) -> Drives:
        if not self.is_private:
            disks.sweep(self, self.machine)
        return Drives(self, self.machine, files)

    def forward_ports(self, wanted: list[Forward], address: str) -> Forwards:
        if not self.is_private:
            forwards.sweep(self.machine)
        return Forwards(self.machine, wanted, address)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for port in idle:
            port.close()
        if self.is_private:
            self.machine.stop()
            shutil.rmtree(self.machine.folder, ignore_errors=True)

    def _set_clock(self) -> None:
        """A restored machine believes that no time has passed."""
        port = self.take_port()
        try:
            port.session.send(TIME, struct.pack("<Q", time.time_ns()))
            port.session.wait_exit(COMMAND_START_SECONDS)
        except BaseException:
            port.close()
            raise
        self.give_port(port)


def shape_for(guest_mib: int) -> Shape:
    """The smallest machine in which guests of so much memory fit."""
    for memory_mib in (1024, 2048, 4096):
        # dom0, Xen itself, and what a domain costs beside its own memory
        if guest_mib <= memory_mib - 384 - 160:
            return Shape(memory_mib=memory_mib)
    return Shape(memory_mib=(guest_mib + 1024) // 1024 * 1024 + 1024)


def private_testbed(say: Say, shape: Shape, outside: bool = False) -> TestbedDom0:
    """A machine of one's own, restored from the saved state."""
    files = hostfiles.prepare(say)
    folder = saved.run_folder()
    try:
        machine, session = saved.restore(files, shape, folder, say, outside=outside)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    session.close()
    return TestbedDom0(machine, private=True)


def open_dom0(say: Say, guest_mib: int = 256, outside: bool = False) -> Dom0:
    """The dom0 to use: this machine, the standing testbed if it will do, or a private one."""
    if this_is_dom0():
        return LocalDom0()
    machine = standing.find(say)
    if machine is not None:
        if not outside or standing.reaches_outside():
            return TestbedDom0(machine, private=False)
        say("the standing testbed keeps guests from reaching outside; this one gets a testbed "
            "of its own (`xenolith host up --net` changes that)")
    return private_testbed(say, shape_for(guest_mib), outside)
