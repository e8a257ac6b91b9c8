"""The life of one guest over a Dom0: created, watched, its exit status read, destroyed.

Two processes in dom0 do the work. `xl create -F` builds the domain and stays until its end; what it
says tells the domain's number ("Waiting for domain NAME (domid N)") and its end ("Domain N has shut
down, reason code R"). xenconsole then joins our stdin and stdout to the guest's console; what the
guest has said before waits in xenconsoled. (`xl create -c` does both, but takes twice as long in the
testbed.) The domain is preserved at its end, so that its last words and its exit status can be read;
then we destroy it.
"""
from __future__ import annotations

import queue
import re
import secrets
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .config import GuestConfig
from .errors import STATUS_CRASHED, STATUS_FAILED, STATUS_TIMEOUT, UserError
from .output import GuestOutput
from .signals import take

GUEST_DIR = "/run/xenolith"
# Distributions keep it outside PATH. It writes one byte to stderr when it has the console open, and
# reads its stdin, which is no terminal, only when it is told to.
CONSOLE_SCRIPT = """
for program in "$(command -v xenconsole)" /usr/lib/xen-*/bin/xenconsole \\
        /usr/libexec/xen/bin/xenconsole /usr/lib/xen/bin/xenconsole; do
    [ -x "$program" ] && exec "$program" --interactive --start-notify-fd 2 "$1"
done
echo "no xenconsole on this host" >&2
exit 127
"""
# xen/sched.h, SHUTDOWN_*
REASONS = {0: "poweroff", 1: "reboot", 2: "suspend", 3: "crash", 4: "watchdog", 5: "soft reset"}
SHUTDOWN_POWEROFF, SHUTDOWN_CRASH = 0, 3
CREATED = re.compile(r"Waiting for domain .* \(domid (\d+)\) to die")
SHUT_DOWN = re.compile(r"Domain (\d+) has shut down, reason code (\d+)")
DESTROYED = re.compile(r"Domain (\d+) has been destroyed")
# The guest has drained its ring before it shuts down; what is left is on its way through dom0.
DRAIN_STEP_SECONDS = "0.1"
DRAIN_STEPS_MOST = 50
CLEANUP_SECONDS = 30.0


@dataclass
class Ending:
    """How the guest ended. status is what `xenolith run` returns."""

    how: str                    # poweroff, crash, reboot, ..., destroyed, timeout, not created
    status: int
    domid: int | None = None
    messages: str = ""          # what xl said


class Guest:
    """One guest. Use as a context manager: leaving it destroys whatever is left in dom0."""

    def __init__(self, dom0, config: GuestConfig) -> None:
        self._dom0 = dom0
        self._config = config
        self._folder = f"{GUEST_DIR}/{config.name}.{secrets.token_hex(4)}"
        self._xl = None
        self._console = None
        self.exists = threading.Event() # the domain has been created
        self._attached = threading.Event()
        self._attaching = False
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        self._may_exist = False
        self._has_files = False

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, *_exc: object) -> None:
        self.remove()

    def create(self, kernel: Path | bytes, ramdisk: bytes | None = None, paused: bool = False) -> None:
        """Bring the files to dom0 and start `xl create`. paused: the guest does not start by itself."""
        self._has_files = True
        self._dom0.run(["mkdir", "-p", self._folder], check=True, timeout=60)
        self._config.kernel = f"{self._folder}/kernel"
        self._config.on_end = "preserve"
        self._dom0.put(kernel, self._config.kernel)
        if ramdisk is not None:
            self._config.ramdisk = f"{self._folder}/ramdisk"
            self._dom0.put(ramdisk, self._config.ramdisk)
        text = self._config.text().encode("utf-8", "surrogateescape")
        self._dom0.put(text, f"{self._folder}/xl.cfg")
        self._may_exist = True
        self._xl = self._dom0.popen(["xl", "create", "-q", "-F", *(["-p"] if paused else []),
                                     f"{self._folder}/xl.cfg"])
        self._follow(self._xl, "xl", "xl")

    def send(self, data: bytes) -> None:
        """Input for the guest's console; waits until there is one, and until dom0 takes it."""
        self._attached.wait()
        if self._console is not None:
            self._console.stdin_write(data)

    def stop(self) -> None:
        """From another thread: end watch() as if the user had pressed Ctrl-C."""
        self._events.put(("stop", b""))

    def watch(self, output: GuestOutput, timeout: float | None = None) -> Ending:
        """Stream the console until the guest ends, is stopped, or the time is up."""
        deadline = None if timeout is None else time.monotonic() + timeout
        said = ""                       # xl's words so far
        while True:
            try:
                wait = None if deadline is None else max(0.0, deadline - time.monotonic())
                kind, data = take(self._events, wait)
            except queue.Empty:
                return Ending("timeout", STATUS_TIMEOUT, messages=said)
            if kind == "out":
                output.feed(data)
            elif kind == "stop":
                return Ending("stopped", 0, messages=said)
            elif kind == "broken":
                raise data
            elif kind == "console":
                said = self._console_words(data, said)
            elif kind == "xl":
                said += data.decode("utf-8", "replace")
                created = CREATED.search(said)
                if created and not self._attaching:
                    self._attach(created[1])
                ended = SHUT_DOWN.search(said)
                if ended:
                    domid, reason = int(ended[1]), int(ended[2])
                    status = self._published_status(domid)
                    self._drain(output)
                    return self._ended(domid, reason, status, output, said)
                if DESTROYED.search(said):
                    return Ending("destroyed", STATUS_FAILED, messages=said)
            elif kind == "xl end":
                return Ending("destroyed" if self._attaching else "not created", STATUS_FAILED,
                              messages=said)

    def remove(self) -> None:
        """Destroy the domain if it is still there, and take our files out of dom0. Idempotent."""
        try:
            if self._may_exist:
                self._may_exist = False
                self._dom0.run(["xl", "destroy", self._config.name], timeout=CLEANUP_SECONDS)
            for process in (self._xl, self._console):
                if process is not None:
                    process.kill()
            self._xl = self._console = None
            self._attached.set()        # nobody waits for a console that will not come
            if self._has_files:
                self._has_files = False
                self._dom0.run(["rm", "-rf", self._folder], timeout=CLEANUP_SECONDS)
        except Exception as error:      # a dom0 that is gone took the guest with it
            if not getattr(self._dom0, "is_private", False):
                sys.stderr.write(f"xenolith: cleaning up after {self._config.name}: {error}\n")

    def _attach(self, domid: str) -> None:
        self._attaching = True
        self.exists.set()
        self._console = self._dom0.popen(["sh", "-c", CONSOLE_SCRIPT, "xenolith-console", domid])
        self._follow(self._console, "out", "console")

    def _follow(self, process, out: str, err: str) -> None:
        """A thread that puts what a process says into the queue, its streams under these names."""
        names = {"out": out, "err": err}

        def read() -> None:
            try:
                for stream, data in process.read():
                    self._events.put((names[stream], data))
                self._events.put((f"{err} end", b""))
            except Exception as error:  # the transport broke: watch() raises it in its own thread
                self._events.put(("broken", error))

        threading.Thread(target=read, daemon=True).start()

    def _console_words(self, data: bytes, said: str) -> str:
        """xenconsole's stderr: one byte when it is attached; anything else is a complaint."""
        self._attached.set()
        words = data.strip(b"\0\1").decode("utf-8", "replace")
        return said + words

    def _drain(self, output: GuestOutput) -> None:
        """The domain has ended; its last bytes may still be on their way through dom0.

        A Xenolith guest's last line ends the wait at once. Without one, a command that sleeps in
        dom0 is the measure: however slow dom0 is now, it is as slow for the command, and when a
        command's time has brought nothing new to an attached console, all is here.
        """
        silent_steps = 0
        for _ in range(DRAIN_STEPS_MOST):
            brought, ended = self._take_output(output)
            silent_steps = 0 if brought or not self._attached.is_set() else silent_steps + 1
            if ended or output.has_last_line or silent_steps == 2:
                return
            self._dom0.run(["sleep", DRAIN_STEP_SECONDS], timeout=CLEANUP_SECONDS)

    def _take_output(self, output: GuestOutput) -> tuple[bool, bool]:
        """Pass on what has arrived: (there was output, the console has ended)."""
        brought = False
        while True:
            try:
                kind, data = self._events.get_nowait()
            except queue.Empty:
                return brought, False
            if kind == "out":
                output.feed(data)
                brought = True
            elif kind == "console":
                self._console_words(data, "")
            elif kind in ("console end", "broken"):
                return brought, True

    def _ended(self, domid: int, reason: int, status: int | None, output: GuestOutput,
               said: str) -> Ending:
        how = REASONS.get(reason, f"shutdown reason {reason}")
        if reason != SHUTDOWN_POWEROFF:
            return Ending(how, STATUS_CRASHED, domid, said)
        if status is None:
            status = output.said_status
        # A guest that is not ours (a Linux kernel) ends well by powering off.
        return Ending(how, 0 if status is None else status, domid, said)

    def _published_status(self, domid: int) -> int | None:
        path = f"/local/domain/{domid}/data/xenolith/exit-status"
        ran = self._dom0.run(["xenstore-read", path], timeout=CLEANUP_SECONDS)
        text = ran.out.strip()
        return int(text) if ran.status == 0 and text.isdigit() and int(text) < 256 else None


def unique_name(stem: str) -> str:
    """A domain name that no other run uses: two runs share one dom0."""
    stem = re.sub(r"[^A-Za-z0-9_.+-]", "_", stem).strip(".-_") or "guest"
    return f"{stem[:40]}-{secrets.token_hex(3)}"


def explain_create_failure(messages: str, memory_mib: int) -> UserError:
    """xl's own words, and what to do about the causes we know."""
    cure = "see xl's words above"
    lowered = messages.lower()
    if "no loader found" in lowered or "invalid kernel" in lowered:
        cure = "link the image with x86_64-xenolith-elf-gcc; this one is not a PV kernel for this Xen"
    elif ("panic: xc_dom" in lowered and "memory" in lowered) or "out of memory" in lowered \
            or "alloc_magic_pages" in lowered or "xc_dom_boot_mem_init" in lowered \
            or "can't allocate low memory" in lowered or "insufficient" in lowered:
        cure = f"the image does not fit into {memory_mib} MiB: give more with -m"
    elif "not enough free memory" in lowered or "failed to free memory" in lowered \
            or "not enough memory" in lowered:
        cure = "the host has too little free memory for this guest: give less with -m"
    elif "already exists" in lowered or "domain name" in lowered and "in use" in lowered:
        cure = "choose another --name"
    elif "permission denied" in lowered or "are you root" in lowered:
        cure = "run as root in dom0"
    return UserError("`xl create` failed", cure)
