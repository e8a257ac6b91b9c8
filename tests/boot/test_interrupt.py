"""Ctrl-C, SIGTERM and neighbours: a run that is ended leaves nothing, and disturbs nobody."""
import os
import secrets
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BootCase, processes_with_environment  # noqa: E402

ENDLESS = ('#include <stdio.h>\n#include <unistd.h>\n'
           'int main(void) { puts("round"); fflush(stdout); for (;;) sleep(1); }\n')


class ARunThatIsEnded(BootCase):
    def assert_leaves_nothing(self, number: int, status: int, alone: bool) -> None:
        """Send a signal to the run's whole process group, as a terminal does."""
        mark = f"XENOLITH_TEST_MARK={secrets.token_hex(8)}"
        name = f"endless-{secrets.token_hex(4)}"
        environment = dict([mark.split("=")])
        if alone:                       # a testbed of its own, which must go with it
            environment["XENOLITH_TESTBED"] = self.nobodys_testbed()
        child = self.start("run", "--name", name, self.program(ENDLESS), **environment)
        self.wait_for(child, b"round\n")
        os.killpg(child.pid, number)
        self.assertEqual(child.wait(120), status)
        end = time.monotonic() + 30
        while processes_with_environment(mark) and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(processes_with_environment(mark), [])
        if not alone:
            listed = self.xenolith("ps")
            self.assert_ran(listed, 0)
            self.assertNotIn(name.encode(), listed.stdout)

    def test_ctrl_c_ends_guest_and_testbed(self):
        self.assert_leaves_nothing(signal.SIGINT, 130, alone=True)

    def test_ctrl_c_takes_the_guest_out_of_a_shared_testbed(self):
        self.assert_leaves_nothing(signal.SIGINT, 130, alone=False)

    def test_a_polite_kill_does_the_same(self):
        self.assert_leaves_nothing(signal.SIGTERM, 143, alone=True)

    def test_a_kill_that_gives_no_time_leaves_no_testbed_behind(self):
        self.assert_leaves_nothing(signal.SIGKILL, -9, alone=True)


class TwoRunsAtOnce(BootCase):
    def test_each_sees_its_own_guest_only(self):
        source = self.program(
            '#include <stdio.h>\n#include <unistd.h>\nint main(int argc, char **argv) {\n'
            'for (int i = 0; i < 5; i++) { printf("%s %d\\n", argv[1], i); fflush(stdout); usleep(200000); }\n'
            'return argc + argv[1][0] - \'a\'; }\n')
        children = [self.start("run", "-q", source, "--", word) for word in ("a", "b")]
        for number, child in enumerate(children):
            out, err = child.communicate(timeout=600)
            word = "ab"[number]
            self.assertEqual(child.returncode, 2 + number, err)
            self.assertEqual(out.decode(), "".join(f"{word} {i}\n" for i in range(5)))


if __name__ == "__main__":
    unittest.main()
