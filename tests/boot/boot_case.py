"""What the boot tests share: the command as a child process, and a look at what is left behind.

A boot test does what a user does: it types a command and looks at output and status. Environment:
XENOLITH_COMMAND (the command under test, default this checkout's tools/xenolith).
"""
from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("XENOLITH_COMMAND", str(ROOT / "tools" / "xenolith"))
# Generous: a loaded machine is many times slower, and a test waits for events, not for time.
BOUND_SECONDS = 600


class BootCase(unittest.TestCase):
    """Gives each test a folder of its own and runs the command in it."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="xenolith-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def program(self, source: str, name: str = "prog.c") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return path

    def xenolith(self, *argv: object, stdin: bytes | None = None, cwd: Path | None = None,
                 **environment: str) -> subprocess.CompletedProcess:
        """Run to the end; stdout and stderr as bytes."""
        return subprocess.run([COMMAND, *map(str, argv)], input=b"" if stdin is None else stdin,
                              capture_output=True, check=False, timeout=BOUND_SECONDS,
                              cwd=cwd or self.folder, env={**os.environ, **environment})

    def start(self, *argv: object, stdin: object = subprocess.DEVNULL,
              **environment: str) -> subprocess.Popen:
        """Start it in a process group of its own, as a shell does, to be sent signals."""
        child = subprocess.Popen([COMMAND, *map(str, argv)], stdin=stdin, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, cwd=self.folder, start_new_session=True,
                                 env={**os.environ, **environment})
        self.addCleanup(self.end_for_sure, child)
        return child

    def end_for_sure(self, child: subprocess.Popen) -> None:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                stream.close()

    def nobodys_testbed(self) -> str:
        """A name for XENOLITH_TESTBED under which none is up, so that `run` starts a private one."""
        return f"nobody-{secrets.token_hex(4)}"

    def wait_for(self, child: subprocess.Popen, words: bytes) -> bytes:
        """Read child's stdout until words appear; returns what was read."""
        seen = b""
        end = time.monotonic() + BOUND_SECONDS
        while words not in seen:
            self.assertLess(time.monotonic(), end, f"waited for {words!r}, saw {seen[-500:]!r}")
            piece = os.read(child.stdout.fileno(), 65536)
            if not piece:               # only now: reading stderr waits for the child's end
                self.fail(f"ended before {words!r}; saw {seen!r}, stderr {child.stderr.read()!r}")
            seen += piece
        return seen

    def assert_ran(self, ran: subprocess.CompletedProcess, status: int, words: bytes = b"") -> None:
        told = (f"status {ran.returncode}\nstdout: {ran.stdout[-3000:].decode(errors='replace')}\n"
                f"stderr: {ran.stderr[-3000:].decode(errors='replace')}")
        self.assertEqual(ran.returncode, status, told)
        self.assertIn(words, ran.stdout, told)


def all_processes() -> list[tuple[int, str]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if line:
                found.append((int(entry.name), line))
    return found


def processes_with_environment(variable: str) -> list[tuple[int, str]]:
    """Every process that was started with NAME=VALUE in its environment: children that ran away too."""
    found = []
    wanted = variable.encode()
    for pid, line in all_processes():
        try:
            if wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                found.append((pid, line))
        except OSError:
            continue
    return found
