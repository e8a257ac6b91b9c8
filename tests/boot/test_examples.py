"""Every example does what its first comment says."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import ROOT, BootCase  # noqa: E402

EXAMPLES = ROOT / "examples"


class Examples(BootCase):
    def run_example(self, name: str, *options: object, status: int = 0) -> list[str]:
        ran = self.xenolith("run", "-q", EXAMPLES / name, *options)
        self.assert_ran(ran, status)
        return ran.stdout.decode().splitlines()

    def test_each_has_a_line_in_the_readme(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        for example in EXAMPLES.iterdir():
            self.assertIn(f"`examples/{example.name}`", readme)

    def test_hello(self):
        self.assertEqual(self.run_example("hello"), ["Hello, Xen!"])

    def test_args(self):
        lines = self.run_example("args", "-e", "NAME=you", "--", "one", "two words")
        self.assertEqual(lines[1:4], ["argv[1]: one", "argv[2]: two words", "environ: NAME=you"])

    def test_sieve(self):
        self.assertEqual(self.run_example("sieve"), "2 3 5 7 11 13 17 19 23 29".split())

    def test_threads(self):
        self.assertEqual(self.run_example("threads")[-1], "together 200000")

    def test_files(self):
        (self.folder / "root" / "deep").mkdir(parents=True)
        (self.folder / "root" / "deep" / "file").write_text("x")
        lines = self.run_example("files", "--initrd", self.folder / "root")
        self.assertIn("deep/", lines)
        self.assertIn("  file", lines)
        self.assertEqual(lines[-1], "/tmp/numbers has 3890 bytes")

    def test_signals(self):
        lines = self.run_example("signals")
        self.assertEqual(lines[-2:], ["tick 5", "100 / 0 is SIGFPE, si_code 1"])

    def test_crash(self):
        lines = self.run_example("crash", status=126)
        self.assertEqual(lines[0], "searching")
        self.assertTrue(any("last+0x" in line and "crash.c:" in line for line in lines), lines)


if __name__ == "__main__":
    unittest.main()
