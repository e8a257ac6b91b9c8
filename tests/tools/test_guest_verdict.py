"""How a guest test is judged."""
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "guest"))
from run_guest_test import SKIPPED, judge  # noqa: E402

END = b"xenolith: exit status 0\n"


class Verdicts(unittest.TestCase):
    def status(self, *args) -> int:
        return judge(*args)[0]

    def test_pass_as_the_last_word_is_success(self):
        self.assertEqual(self.status(0, b"story\nPASS\n" + END, "", None), 0)

    def test_fail_skip_and_silence_are_told_apart(self):
        self.assertEqual(judge(0, b"PASS\nFAIL two is not three\n" + END, "", None),
                         (1, "FAIL two is not three"))
        self.assertEqual(self.status(0, b"SKIP no rdseed\n" + END, "", None), SKIPPED)
        self.assertEqual(self.status(0, b"PASS or so\n" + END, "", None), 1)
        self.assertEqual(self.status(0, END, "", None), 1)

    def test_pass_and_then_a_crash_is_a_failure(self):
        self.assertEqual(self.status(126, b"PASS\n", "", None), 1)

    def test_a_wrong_status_is_a_failure_even_with_pass(self):
        self.assertEqual(self.status(3, b"PASS\n", "", None), 1)
        self.assertEqual(self.status(3, b"PASS\n", "status=3", None), 0)

    def test_a_crash_that_is_asked_for(self):
        self.assertEqual(self.status(126, b"page fault at 0x0\n", "crash", "page fault"), 0)
        self.assertEqual(self.status(126, b"page fault at 0x0\n", "crash", "guard"), 1)
        self.assertEqual(self.status(0, b"PASS\n", "crash", None), 1)


if __name__ == "__main__":
    unittest.main()
