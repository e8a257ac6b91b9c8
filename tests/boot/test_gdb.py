"""`xenolith gdb`: a real gdb on a real guest, on a Xen that knows nothing of debuggers."""
import os
import pty
import re
import secrets
import select
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, COMMAND, BootCase  # noqa: E402

COUNT = """#include <stdio.h>
#include <unistd.h>
int total;
static __attribute__((noinline)) int add(int by)
{
    total += by;
    return total;
}
int main(int argc, char **argv)
{
    for (int i = 1; i <= 4; i++)
        printf("sum %d\\n", add(i));
    (void)argv;
    return total + argc;
}
"""
LONG = """#include <stdio.h>
#include <unistd.h>
volatile int rounds;
static __attribute__((noinline)) void work(void) { rounds++; usleep(20000); }
int main(void)
{
    puts("begun");
    fflush(stdout);
    while (rounds < 100000)
        work();
    return 5;
}
"""
BUSY = """#include <stdio.h>
volatile unsigned long turns;
static __attribute__((noinline)) void turn(void) { turns++; }
int main(void)
{
    puts("begun");
    fflush(stdout);
    for (;;)
        turn();
}
"""


@unittest.skipUnless(shutil.which("gdb"), "gdb is not installed")
class GdbCase(BootCase):
    def gdb(self, target: object, *commands: str, options: tuple = ()) -> str:
        # Whether gdb also tells an argument's value at entry depends on the compiler.
        words = [word for one in ("set print entry-values no", *commands) for word in ("-ex", one)]
        ran = self.xenolith("gdb", target, "--batch", *options, *words)
        self.assert_ran(ran, 0)
        self.said = ran.stdout.decode(errors="replace")
        return self.said

    def start_guest(self, source: str) -> tuple[str, subprocess.Popen]:
        name = f"gdb-{secrets.token_hex(4)}"
        child = self.start("run", "-q", "--name", name, self.program(source))
        self.wait_for(child, b"begun\n")
        return name, child


class AProgramUnderGdb(GdbCase):
    def test_breakpoint_backtrace_variables_steps_and_the_end(self):
        said = self.gdb(self.program(COUNT), "break add", "continue", "backtrace", "print by",
                        "print total", "next", "print total", "delete", "continue")
        self.assertRegex(said, r"Breakpoint 1, add \(by=(by@entry=)?1\) at .*prog\.c:6")
        self.assertRegex(said, r"#0 +add \(by=(by@entry=)?1\) at .*prog\.c:6\n#1 .* main \(.*\) at .*prog\.c:12")
        self.assertRegex(said, r"\$1 = 1\n\$2 = 0\n")
        self.assertIn("$3 = 1", said)
        self.assertIn("sum 10\n", said)
        self.assertIn("exited with code 013", said)      # octal: 10 + argc

    def test_the_very_first_instruction_is_before_everything(self):
        said = self.gdb(self.program(COUNT), "print $pc == (unsigned long)&_start", "break main",
                        "continue", "info threads")
        self.assertIn("$1 = 1", said)
        self.assertRegex(said, r"Breakpoint 1, main \(argc=1")
        self.assertRegex(said, r"\* .*\(main\) +main \(argc=1")

    def test_every_hit_of_a_breakpoint_counts(self):
        said = self.gdb(self.program(COUNT), "break add", *["continue"] * 5, "info breakpoints")
        self.assertEqual(re.findall(r"Breakpoint 1, add \(by=(\d)\)", said), list("1234"))
        self.assertIn("breakpoint already hit 4 times", said)

    def test_memory_and_registers_can_be_written(self):
        said = self.gdb(self.program(COUNT), "break add", "continue", "set var total = 100",
                        "print $rdi", "set $rdi = 7", "print $rdi", "delete", "continue")
        self.assertIn("$1 = 1\n$2 = 7\n", said)
        self.assertIn("sum 10", said)
        self.assertNotIn("sum 1\n", said)

    def test_arguments_and_options_of_run(self):
        ran = self.xenolith("gdb", self.program(COUNT), "--batch", "-m", "16M", "-ex", "break main",
                            "-ex", "continue", "-ex", "print argv[2]", "--", "one", "two words")
        self.assert_ran(ran, 0, b'"two words"')
        self.assertIn(b"nr_pages:  4096\n", ran.stdout)

    def test_a_crash_stops_with_the_culprit_on_the_stack(self):
        source = self.program("static __attribute__((noinline)) int poke(volatile int *at)\n"
                              "{ return *at = 1; }\nint main(void) { return poke((int *)8); }\n")
        said = self.gdb(source, "continue", "backtrace", "continue")
        self.assertIn("The guest has crashed", said)
        self.assertRegex(said, r"<signal handler called>\n#\d+ .* poke \(at=0x8\) at .*prog\.c:2\n"
                               r"#\d+ .*main \(\) at .*prog\.c:3")
        self.assertIn("SIGABRT", said)

    def test_nothing_is_left_in_dom0(self):
        name = f"gdb-{secrets.token_hex(4)}"
        self.gdb(self.program(COUNT), "break add", "continue", options=("--name", name))
        listed = self.xenolith("ps")
        self.assert_ran(listed, 0)
        self.assertNotIn(name.encode(), listed.stdout)
        processes = self.xenolith("host", "exec", "--", "ps")
        self.assertNotIn(name.encode(), processes.stdout)


class ARunningGuest(GdbCase):
    def test_attach_look_and_leave_it_running(self):
        name, child = self.start_guest(LONG)
        said = self.gdb(name, "thread apply all backtrace", "print rounds", "break work", "continue",
                        "backtrace 2")
        self.assertRegex(said, r"Thread \d+ \(main\)")
        self.assertRegex(said, r"Breakpoint 1, work \(\)")
        self.assertRegex(said, r"#0 +work \(\) at .*prog\.c:4\n#1 .*main \(\) at .*prog\.c:10")
        # Let it reach its end: the breakpoint is out of its text, and it runs by itself.
        self.gdb(name, "set var rounds = 100000", "detach")
        self.assertEqual(child.wait(BOUND_SECONDS), 5)

    def test_a_gdb_that_is_killed_lets_go_of_the_guest(self):
        name, child = self.start_guest(LONG)
        with Terminal(self, "gdb", name, "-ex", "break work", "-ex", "continue") as terminal:
            terminal.wait_for(b"hit Breakpoint 1")
            os.killpg(terminal.pid, signal.SIGTERM)
        self.gdb(name, "set var rounds = 100000")        # another one may come, and it goes on
        self.assertEqual(child.wait(BOUND_SECONDS), 5)

    def test_a_guest_that_is_destroyed_under_gdb(self):
        name, child = self.start_guest(LONG)
        with Terminal(self, "gdb", name) as terminal:
            terminal.wait_for(b"(gdb) ")
            terminal.write(b"continue\n")
            terminal.wait_for(b"Continuing.")
            self.assert_ran(self.xenolith("host", "exec", "--", "xl", "destroy", name), 0)
            terminal.wait_for(b"SIGKILL")
        child.wait(BOUND_SECONDS)

    def test_ctrl_c_stops_a_guest_that_does_not_stop(self):
        name, child = self.start_guest(BUSY)
        with Terminal(self, "gdb", name, "-ex", "set pagination off") as terminal:
            terminal.wait_for(b"(gdb) ")
            terminal.write(b"continue\n")
            terminal.wait_for(b"Continuing.")
            time.sleep(0.3)                              # so that it has really gone on
            terminal.write(b"\x03")
            terminal.wait_for(b"SIGINT")
            terminal.write(b"backtrace\n")
            terminal.wait_for(b"main ()")
            terminal.write(b"print turns > 0\nkill\n")
            terminal.wait_for(b"$1 = 1")
        os.killpg(child.pid, signal.SIGINT)
        self.assertEqual(child.wait(BOUND_SECONDS), 130)

    def test_a_name_that_nobody_has(self):
        ran = self.xenolith("gdb", "nobody-at-all", "--batch")
        self.assert_ran(ran, 125)
        self.assertIn(b"no file and no running guest", ran.stderr)


class Terminal:
    """The command on a terminal of its own, as a person has it."""

    def __init__(self, case: BootCase, *argv: object) -> None:
        self._case = case
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "dumb"
            os.execv(COMMAND, [COMMAND, *map(str, argv)])

    def __enter__(self) -> "Terminal":
        return self

    def write(self, data: bytes) -> None:
        os.write(self._fd, data)

    def wait_for(self, words: bytes) -> None:
        seen = b""
        end = time.monotonic() + BOUND_SECONDS
        while words not in seen:
            ready = select.select([self._fd], [], [], max(0.0, end - time.monotonic()))[0]
            self._case.assertTrue(ready, f"waited for {words!r}, saw {seen[-500:]!r}")
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            self._case.assertTrue(data, f"ended before {words!r}, saw {seen[-500:]!r}")
            seen += data

    def __exit__(self, *_exc: object) -> None:
        os.close(self._fd)                               # hangs up
        end = time.monotonic() + 60
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
