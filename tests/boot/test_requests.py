"""What the tool stack asks of a running guest, and what a guest that has nothing to do costs it."""
import re
import secrets
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, BootCase  # noqa: E402

# Says so for the first request to end, and ends with the second.
STUBBORN = """#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static void on_term(int number)
{
    static const char *const said[] = { "not yet\\n", "now\\n" };
    static int asked;

    (void)number;
    write(1, said[asked], asked == 0 ? 8 : 4);
    if (asked++ == 1)
        _exit(9);
}
int main(void)
{
    signal(SIGTERM, on_term);
    puts("begun");
    fflush(stdout);
    for (;;)
        pause();
}
"""

# Two threads that wait, one of them with a deadline far away.
IDLE = """#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static void *nap(void *arg) { sleep(1000000); return arg; }
int main(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, nap, NULL);
    puts("begun");
    fflush(stdout);
    for (;;)
        pause();
}
"""


class RequestCase(BootCase):
    def begin(self, source: str) -> tuple[str, subprocess.Popen]:
        name = f"asked-{secrets.token_hex(4)}"
        child = self.start("run", "-q", "--name", name, self.program(source))
        self.wait_for(child, b"begun\n")
        return name, child

    def dom0(self, *argv: str) -> str:
        ran = self.xenolith("host", "exec", "--", *argv)
        self.assert_ran(ran, 0)
        return ran.stdout.decode()


class Shutdown(RequestCase):
    def test_every_request_reaches_the_program(self):
        name, child = self.begin(STUBBORN)
        self.dom0("xl", "shutdown", name)
        self.wait_for(child, b"not yet\n")
        self.dom0("xl", "shutdown", name)
        self.wait_for(child, b"now\n")
        self.assertEqual(child.wait(BOUND_SECONDS), 9)

    def test_a_program_without_a_handler_ends_in_order(self):
        name, child = self.begin(IDLE)
        self.dom0("xl", "shutdown", name)
        self.assertEqual(child.wait(BOUND_SECONDS), 0)


class Idle(RequestCase):
    def cpu_seconds(self, name: str) -> float:
        line = self.dom0("xl", "list", name).splitlines()[-1]
        return float(re.split(r"\s+", line.strip())[-1])

    def test_it_uses_no_cpu(self):
        name, child = self.begin(IDLE)
        before, begun = self.cpu_seconds(name), time.monotonic()
        while (passed := time.monotonic() - begun) < 4:     # long beside the tenth that xl shows
            self.dom0("sleep", "0.5")
        self.assertLess(self.cpu_seconds(name) - before, passed / 10)
        self.dom0("xl", "destroy", name)
        child.wait(BOUND_SECONDS)


if __name__ == "__main__":
    unittest.main()
