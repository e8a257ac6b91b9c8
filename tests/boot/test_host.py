"""`xenolith host`: a testbed that stays, under a name of its own; and what befalls it."""
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BootCase  # noqa: E402

HELLO = '#include <stdio.h>\nint main(void) { puts("Hello, Xen!"); return 0; }\n'


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "xenolith"


class HostCase(BootCase):
    """Each test has a testbed's name that nobody else uses."""

    def setUp(self) -> None:
        super().setUp()
        self.environment = {"XENOLITH_TESTBED": f"test-{secrets.token_hex(4)}"}
        self.addCleanup(self.host, "down")

    def host(self, *argv: object, **more) -> subprocess.CompletedProcess:
        return self.xenolith("host", *argv, **self.environment, **more)

    def up(self) -> int:
        """Have it up; returns QEMU's process."""
        self.assert_ran(self.host("up"), 0)
        status = self.host("status")
        self.assert_ran(status, 0, b"up")
        return int(re.search(rb"process (\d+)", status.stdout)[1])

    def assert_ends(self, pid: int) -> None:
        end = time.monotonic() + 60
        while b"xenolith-testbed" in command_line(pid):
            self.assertLess(time.monotonic(), end, f"process {pid} still runs")
            time.sleep(0.1)


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class FromUpToDown(HostCase):
    def test_the_whole_life(self):
        down = self.host("status")
        self.assertEqual((down.returncode, down.stdout), (125, b"down\n"))
        refused = self.host("exec", "--", "xl", "list")
        self.assert_ran(refused, 125)
        self.assertIn(b"xenolith host up", refused.stderr)

        pid = self.up()
        self.assertEqual(self.up(), pid)                # up already: it stays
        self.assert_ran(self.host("exec", "--", "xl", "list"), 0, b"Domain-0")
        self.assert_ran(self.host("exec", "--", "sh", "-c", "exit 9"), 9)
        self.assert_ran(self.host("exec", "--", "cat", stdin=b"in and out\0\xff\n"), 0,
                        b"in and out\0\xff\n")
        ran = self.xenolith("run", "-q", self.program(HELLO), **self.environment)
        self.assert_ran(ran, 0, b"Hello, Xen!\n")

        self.assert_ran(self.host("down"), 0)
        self.assert_ends(pid)
        self.assertEqual(self.host("status").stdout, b"down\n")
        self.assert_ran(self.host("down"), 0)

    def test_more_input_and_output_than_fits_on_the_way(self):
        self.up()
        data = os.urandom(4 << 20)
        ran = self.host("exec", "--", "cat", stdin=data)
        self.assert_ran(ran, 0)
        self.assertTrue(ran.stdout == data, f"{len(ran.stdout)} bytes came back")

    def test_its_clock_is_ours(self):
        self.up()
        ran = self.host("exec", "--", "date", "+%s")
        self.assertLess(abs(int(ran.stdout) - time.time()), 120)

    def test_two_names_are_two_hosts(self):
        first = self.up()
        other = {"XENOLITH_TESTBED": f"test-{secrets.token_hex(4)}"}
        self.addCleanup(self.xenolith, "host", "down", **other)
        self.assert_ran(self.xenolith("host", "up", **other), 0)
        self.assert_ran(self.host("exec", "--", "touch", "/tmp/here"), 0)
        ran = self.xenolith("host", "exec", "--", "ls", "/tmp/here", **other)
        self.assertNotEqual(ran.returncode, 0)
        self.assert_ran(self.xenolith("host", "down", **other), 0)
        self.assertIn(b"xenolith-testbed", command_line(first))


class Mishaps(HostCase):
    def test_a_killed_qemu_is_noticed_and_replaced(self):
        pid = self.up()
        os.kill(pid, signal.SIGKILL)
        self.assert_ends(pid)
        self.assertEqual(self.host("status").stdout, b"down\n")
        self.assertNotEqual(self.up(), pid)
        self.assert_ran(self.host("exec", "--", "xl", "list"), 0, b"Domain-0")

    def test_a_qemu_killed_under_a_command_ends_the_command(self):
        pid = self.up()
        child = self.start("host", "exec", "--", "sh", "-c", "echo begun; sleep 600",
                           **self.environment)
        self.wait_for(child, b"begun\n")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(child.wait(60), 125)
        self.assertIn(b"testbed went away", child.stderr.read())

    def test_a_qemu_killed_under_a_run_ends_the_run(self):
        pid = self.up()
        child = self.start("run", "-q", self.program(
            '#include <stdio.h>\n#include <unistd.h>\n'
            'int main(void) { puts("begun"); fflush(stdout); for (;;) sleep(1); }\n'), **self.environment)
        self.wait_for(child, b"begun\n")
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(child.wait(120), 125)

    def test_a_broken_saved_state_is_made_again(self):
        before = {path.name for path in (cache() / "testbed").glob("state-*") if path.is_dir()}
        self.up()                       # so that the state of the current files is there
        self.assert_ran(self.host("down"), 0)
        # A cache of our own out of links to the real one; what is broken is ours.
        # Beside the real one where that is possible: links do not cross file systems.
        folder = tempfile.TemporaryDirectory(prefix="test-cache-", dir=cache().parent)
        self.addCleanup(folder.cleanup)
        mine = Path(folder.name) / "xenolith"
        for name in ("testbed", "apt"):
            if (cache() / name).is_dir():
                shutil.copytree(cache() / name, mine / name, copy_function=os.link, symlinks=True,
                                ignore=shutil.ignore_patterns("*.lock", "*.new-*"))
        self.environment["XDG_CACHE_HOME"] = folder.name
        states = [path for path in (mine / "testbed").glob("state-*/state")]
        self.assertTrue(states, before)
        for state in states:
            state.unlink()              # the link, not the file
            state.write_bytes(b"QEVM" + bytes(1 << 20))
        ran = self.host("up")
        self.assert_ran(ran, 0)
        self.assertIn(b"no good", ran.stderr)
        self.assert_ran(self.host("exec", "--", "xl", "list"), 0, b"Domain-0")
        self.assert_ran(self.host("down"), 0)
        again = self.host("up")
        self.assert_ran(again, 0)
        self.assertNotIn(b"no good", again.stderr)
        self.assert_ran(self.host("down"), 0)


if __name__ == "__main__":
    unittest.main()
