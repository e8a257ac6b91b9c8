"""How the tests of one ctest run share testbeds."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

BOOT = Path(__file__).resolve().parents[1] / "boot"
sys.dont_write_bytecode = True
sys.path.insert(0, str(BOOT))
with mock.patch.dict(os.environ, XENOLITH_TESTBED="a", XENOLITH_TEST_SLOTS="/nonexistent"):
    import in_testbed  # noqa: E402

# Instead of `xenolith`: notes what it was asked for.
COMMAND = """#!/bin/sh
echo "$XENOLITH_TESTBED: $*" >>said
exit $(cat status 2>/dev/null || echo 0)
"""
TEST = """import os, sys
print(os.environ["XENOLITH_TESTBED"], *sys.argv[1:])
sys.exit(7)
"""


class SharingCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.slots = self.folder / "slots"
        self.at_once(2)
        patch = mock.patch.object(in_testbed, "SLOTS", self.slots)
        patch.start()
        self.addCleanup(patch.stop)

    def at_once(self, number: int) -> None:
        patch = mock.patch.dict(os.environ, XENOLITH_TESTS_AT_ONCE=str(number))
        patch.start()
        self.addCleanup(patch.stop)

    def begin(self) -> tuple[str, int]:
        """The testbed that a test has now, and its lock."""
        name, lock = in_testbed.take()
        self.addCleanup(self.end, lock)
        return name, lock

    def end(self, lock: int) -> None:
        try:
            os.close(lock)
        except OSError:
            pass                        # it has ended before

    def names(self, tests: int) -> list[str]:
        return [self.begin()[0] for _ in range(tests)]


class WhoGetsWhich(SharingCase):
    def test_tests_that_run_at_the_same_time_have_testbeds_of_their_own(self):
        first, lock = self.begin()
        self.assertEqual((first, self.begin()[0]), ("a", "a-2"))
        self.end(lock)
        self.assertEqual(self.begin()[0], "a")

    def test_more_tests_than_testbeds_share_them_evenly(self):
        self.assertEqual(self.names(5), ["a", "a-2", "a", "a-2", "a"])

    def test_one_testbed_will_do(self):
        self.at_once(1)
        self.assertEqual(self.names(3), ["a"] * 3)

    def test_there_is_one_for_each_processor_if_memory_allows(self):
        for processors, memory_mib, testbeds in ((2, 24 << 10, 2), (2, 4 << 10, 1), (8, 8 << 10, 4), (1, 1 << 10, 1)):
            with mock.patch.dict(os.environ, XENOLITH_TESTS_AT_ONCE=""), \
                    mock.patch("os.sched_getaffinity", lambda _, n=processors: set(range(n))), \
                    mock.patch("os.sysconf", lambda what, mib=memory_mib: 4096 if what == "SC_PAGE_SIZE"
                               else mib << 8):
                self.assertEqual(len(in_testbed.names()), testbeds, (processors, memory_mib))


class FromUpToDown(SharingCase):
    def setUp(self):
        super().setUp()
        self.said: list[str] = []
        patch = mock.patch.object(in_testbed, "host", self.host)
        patch.start()
        self.addCleanup(patch.stop)

    def host(self, word: str, name: str, *_options: str) -> int:
        self.said.append(f"{name} {word}")
        return 0

    def test_all_that_were_used_are_ended(self):
        self.names(3)
        self.assertEqual(in_testbed.main(["--down"]), 0)
        self.assertEqual(sorted(self.said), ["a down", "a-2 down"])

    def test_what_an_interrupted_run_left_is_not_used(self):
        self.names(2)
        self.assertEqual(in_testbed.main(["--up"]), 0)
        self.assertEqual(self.said, ["a-2 down", "a up"])


class ATest(SharingCase):
    def run_test(self) -> subprocess.CompletedProcess:
        (self.folder / "command").write_text(COMMAND)
        (self.folder / "command").chmod(0o755)
        (self.folder / "test.py").write_text(TEST)
        environment = {**os.environ, "XENOLITH_COMMAND": str(self.folder / "command"), "XENOLITH_TESTBED": "a",
                       "XENOLITH_TEST_SLOTS": str(self.slots), "XDG_CACHE_HOME": str(self.folder / "cache")}
        return subprocess.run([sys.executable, "-B", str(BOOT / "in_testbed.py"), "test.py", "-v"],
                              capture_output=True, text=True, cwd=self.folder, env=environment, check=False)

    def test_runs_when_its_testbed_is_up(self):
        self.begin()
        ran = self.run_test()
        self.assertEqual((ran.returncode, ran.stdout), (7, "a-2 -v\n"), ran.stderr)
        self.assertEqual((self.folder / "said").read_text(), "a-2: host up -m 1G\n")
        self.assertEqual(self.begin()[0], "a-2")        # free again

    def test_fails_when_its_testbed_does_not_come_up(self):
        (self.folder / "status").write_text("125")
        ran = self.run_test()
        self.assertEqual((ran.returncode, ran.stdout), (125, ""), ran.stderr)


if __name__ == "__main__":
    unittest.main()
