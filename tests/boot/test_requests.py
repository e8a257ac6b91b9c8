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

# Three threads that wait: one with a deadline far away, and one with a deadline beyond all time.
IDLE = """#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
static void *nap(void *arg) { sleep(1000000); return arg; }
static void *rest(void *arg) { nanosleep(&(struct timespec){ .tv_sec = LONG_MAX }, 0); return arg; }
int main(void)
{
    pthread_t thread[2];

    pthread_create(&thread[0], NULL, nap, NULL);
    pthread_create(&thread[1], NULL, rest, NULL);
    puts("begun");
    fflush(stdout);
    for (;;)
        pause();
}
"""


# Answers each request to end with the time since the one before; the fourth ends it.
PATIENT = """#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
static volatile sig_atomic_t asked;
static void on_term(int number) { (void)number; asked++; }
static void on_alarm(int number) { (void)number; }
int main(void)
{
    struct timespec before, now;

    signal(SIGTERM, on_term);
    signal(SIGALRM, on_alarm);
    ualarm(20000, 20000);
    clock_gettime(CLOCK_MONOTONIC, &before);
    puts("begun");
    for (int answered = 0; answered < 4;) {
        fflush(stdout);
        pause();
        if (asked == answered)
            continue;
        clock_gettime(CLOCK_MONOTONIC, &now);
        printf("here after %ld ms\\n", (now.tv_sec - before.tv_sec) * 1000 + now.tv_nsec / 1000000 -
               before.tv_nsec / 1000000);
        before = now;
        answered++;
    }
    return 5;
}
"""

SPIN = """#include <stdio.h>
static volatile int turns;
__attribute__((noinline)) static void spin_here(void) { for (;;) turns++; }
int main(void)
{
    puts("begun");
    fflush(stdout);
    spin_here();
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

    def refused(self, *argv: str) -> None:
        ran = self.xenolith("host", "exec", "--", *argv)
        self.assertNotEqual(ran.returncode, 0, f"{argv}: {ran.stdout!r} {ran.stderr!r}")


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


class WhatATroubledOperatorTries(RequestCase):
    """A guest cannot be saved, and its memory and vCPUs stay what they are: whoever asks is told, or at
    least nothing breaks."""

    def ask(self, name: str, child: subprocess.Popen) -> int:
        """The guest answers a request; the milliseconds since the one before."""
        self.dom0("xl", "shutdown", name)
        seen = self.wait_for(child, b" ms\n")
        return int(re.findall(rb"after (\d+) ms", seen)[-1])

    def test_what_cannot_be_done_is_refused_and_does_no_harm(self):
        name, child = self.begin(PATIENT)
        self.refused("xl", "save", name, "/dev/null")
        self.ask(name, child)
        self.refused("xl", "vcpu-set", name, "2")
        self.dom0("xl", "mem-set", name, "8")
        self.refused("xl", "mem-set", name, "4096")
        self.dom0("xl", "sysrq", name, "h")
        self.ask(name, child)
        self.dom0("xl", "pause", name)
        self.dom0("sleep", "1")
        self.dom0("xl", "unpause", name)
        self.assertGreaterEqual(self.ask(name, child), 900)     # the pause was time, too
        self.ask(name, child)
        self.assertEqual(child.wait(BOUND_SECONDS), 5)

    def test_a_guest_that_hangs_tells_where_when_it_is_sent_an_nmi(self):
        name, child = self.begin(SPIN)
        self.dom0("xl", "trigger", name, "nmi")
        seen = self.wait_for(child, b"non-maskable interrupt")
        seen += child.stdout.read()
        self.assertIn(b"spin_here", seen)
        self.assertEqual(child.wait(BOUND_SECONDS), 126)


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
