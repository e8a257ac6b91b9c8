"""One QEMU with a Xen host in it: its command line, its process, its sockets.

A machine lives in a directory of its own, with these sockets in it: `qmp`, and `p0`, `p1`... for the
agent's ports; `serial` is the log of Xen's and dom0's console. Sockets are reached through the
directory's file descriptor, so that no path is too long for them.

No KVM: TCG runs Xen everywhere alike. The features that are off are those that QEMU before 9.1
emulates wrongly for PV guests (smap, smep) or that made several guests at once unstable.
"""
from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from .errors import TestbedError
from .hostfiles import HostFiles
from .qmp import Qmp

PORTS = 16
NETDEV = "net"                  # the user network's name in QEMU
CPU = "max,smap=off,smep=off,fsgsbase=off,xsave=off,pcid=off"
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


@dataclass(frozen=True)
class Shape:
    """What a machine looks like; two machines of one shape can share a saved state."""

    memory_mib: int = 1024
    dom0_mib: int = 384
    dom0_vcpus: int = 1
    icount: bool = False        # virtual time: every instruction takes 2 ns
    cpu: str = CPU
    xen_options: str = ""

    def qemu_arguments(self, files: HostFiles) -> list[str]:
        xen = (f"console=com1 com1=115200,8n1 dom0_mem={self.dom0_mib}M,max:{self.dom0_mib}M "
               f"dom0_max_vcpus={self.dom0_vcpus} loglvl=all guest_loglvl=all reboot=t bootscrub=0 "
               f"{self.xen_options}").strip()
        argv = ["-accel", "tcg", "-machine", "pc", "-cpu", self.cpu, "-m", str(self.memory_mib),
                "-smp", "1" if self.icount else str(max(1, self.dom0_vcpus)),
                "-nodefaults", "-display", "none", "-no-reboot", "-rtc", "base=utc",
                "-kernel", str(files.xen), "-append", xen,
                "-initrd", f"{files.kernel} console=hvc0 rdinit=/init quiet,{files.initramfs}"]
        if self.icount:
            argv += ["-icount", "shift=1,sleep=off"]
        return argv


def qemu_program() -> str:
    found = shutil.which("qemu-system-x86_64")
    if found is None:
        raise TestbedError("qemu-system-x86_64 is not installed; apt-get install qemu-system-x86")
    return found


def qemu_identity() -> str:
    """Changes with the QEMU binary: a saved state is for the one that wrote it."""
    status = os.stat(os.path.realpath(qemu_program()))
    return f"{status.st_size} {status.st_mtime_ns}"


@dataclass
class Machine:
    """A running QEMU, ours or found running."""

    folder: Path
    pid: int
    process: subprocess.Popen | None = field(default=None, repr=False)

    @classmethod
    def start(cls, files: HostFiles, shape: Shape, folder: Path, *, state: Path | None = None,
              detached: bool = False, outside: bool = False) -> "Machine":
        """Boot, or with `state` go on from a saved one. Dies with this process unless detached.

        outside: what runs in it may open connections to this machine and beyond; forwarded ports
        work without.
        """
        folder.mkdir(parents=True, exist_ok=True)
        argv = [qemu_program(), "-name", "xenolith-testbed", *shape.qemu_arguments(files),
                "-qmp", "unix:qmp,server=on,wait=off", "-serial", "file:serial",
                "-device", f"virtio-serial-pci,max_ports={PORTS + 1}",
                "-netdev", f"user,id={NETDEV},net=10.0.2.0/24,restrict={'off' if outside else 'on'}",
                "-device", f"virtio-net-pci,netdev={NETDEV},romfile="]
        for n in range(PORTS):
            argv += ["-chardev", f"socket,id=port{n},path=p{n},server=on,wait=off",
                     "-device", f"virtserialport,chardev=port{n},name=xenolith.{n},nr={n + 1}"]
        incoming = None
        if state is not None:
            incoming = os.open(state, os.O_RDONLY)
            argv += ["-incoming", f"fd:{incoming}"]
        parent = os.getpid()

        def in_child() -> None:
            if not detached:
                _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    os._exit(1)

        with (folder / "qemu.log").open("wb") as log:
            try:
                # A session of its own: Ctrl-C is for us, and we end it in order.
                process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, start_new_session=True, preexec_fn=in_child,
                                           pass_fds=[] if incoming is None else [incoming])
            finally:
                if incoming is not None:
                    os.close(incoming)
        return cls(folder, process.pid, process)

    def alive(self) -> bool:
        if self.process is not None:
            return self.process.poll() is None
        return _is_machine(self.pid, self.folder)

    def connect(self, name: str, timeout: float) -> socket.socket:
        """A socket of this machine by name, waiting for QEMU to make it."""
        end = time.monotonic() + timeout
        directory = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            while True:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    sock.connect(f"/proc/self/fd/{directory}/{name}")
                    return sock
                except OSError as error:
                    sock.close()
                    if not self.alive():
                        raise TestbedError(f"QEMU ended: {self.last_words()}") from None
                    if time.monotonic() > end:
                        raise TestbedError(f"QEMU does not answer on {name}: {error}") from None
                time.sleep(0.01)
        finally:
            os.close(directory)

    def qmp(self, timeout: float = 30.0) -> Qmp:
        sock = self.connect("qmp", timeout)
        sock.settimeout(timeout)
        return Qmp(sock)

    def stop(self) -> None:
        """End it at once; nothing in it is kept."""
        if self.alive():
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.process is not None:
            self.process.wait()
            return
        end = time.monotonic() + 10
        while self.alive() and time.monotonic() < end:
            time.sleep(0.02)

    def last_words(self) -> str:
        """What QEMU said, or else the end of Xen's console."""
        for name in ("qemu.log", "serial"):
            try:
                text = (self.folder / name).read_text(encoding="utf-8", errors="replace").strip()
            except OSError:
                continue
            if text:
                return " / ".join(text.splitlines()[-4:])
        return "it said nothing"


def _is_machine(pid: int, folder: Path) -> bool:
    """True while that process is a QEMU that runs in that directory, not a later one by its number."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"xenolith-testbed" in command and Path(f"/proc/{pid}/cwd").resolve() == \
            folder.resolve()
    except OSError:
        return False
