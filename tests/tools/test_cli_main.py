"""The command as a user types it: help, errors, statuses. Nothing here needs a build or a guest."""
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import TOOLS, cli_env, elf_image  # noqa: E402

from cli.main import COMMANDS  # noqa: E402


def xenolith(*argv: str, **changes: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(TOOLS / "xenolith"), *argv], text=True, check=False,
                          capture_output=True, env=cli_env(**changes), timeout=120,
                          stdin=subprocess.DEVNULL)


class HelpIsThere(unittest.TestCase):
    def test_for_the_whole_and_for_every_command(self):
        whole = xenolith("--help")
        self.assertEqual(whole.returncode, 0)
        for name in COMMANDS:
            self.assertIn(f"  {name} ", whole.stdout)
            ran = xenolith(name, "--help")
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), name)
            self.assertIn(f"usage: xenolith {name}", ran.stdout)
            self.assertEqual(ran.stdout, xenolith("help", name).stdout)

    def test_the_statuses_of_run_are_documented(self):
        text = xenolith("run", "--help").stdout
        for status in ("124", "125", "126", "130"):
            self.assertIn(status, text)

    def test_version(self):
        self.assertRegex(xenolith("--version").stdout, r"^xenolith \d+\.\d+\.\d+\n$")

    def test_without_a_command_help_goes_to_stderr(self):
        ran = xenolith()
        self.assertEqual((ran.returncode, ran.stdout), (125, ""))
        self.assertIn("usage:", ran.stderr)


class ErrorsAreOneLineAndStatus125(unittest.TestCase):
    def assert_error(self, words: str, *argv: str, **changes: str):
        ran = xenolith(*argv, **changes)
        self.assertEqual(ran.returncode, 125, ran.stderr)
        self.assertEqual(ran.stdout, "")
        self.assertEqual(len(ran.stderr.splitlines()), 1, ran.stderr)
        self.assertTrue(ran.stderr.startswith("xenolith: "), ran.stderr)
        self.assertIn(words, ran.stderr)

    def test_an_unknown_command_is_guessed(self):
        self.assert_error("did you mean `run`", "rnu", "x")

    def test_an_unknown_option_is_guessed(self):
        self.assert_error("did you mean --timeout", "run", "--timeuot", "3", "x.c")

    def test_a_missing_program(self):
        self.assert_error("PROGRAM", "run")

    def test_a_size_that_is_none(self):
        self.assert_error("not a size", "run", "-m", "much", "x.c")

    def test_a_file_that_is_no_image(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, data, words in (("text", b"hello\n", "a text file"),
                                      ("arm", elf_image(machine=183), "64-bit ARM"),
                                      ("linux", elf_image(notes=b""), "no Xen note")):
                path = Path(folder) / name
                path.write_bytes(data)
                self.assert_error(words, "run", str(path))

    def test_a_command_line_that_is_too_long(self):
        self.assert_error("1023", "run", "x.c", "--", "y" * 1100)

    def test_a_missing_qemu_is_named_with_the_command_that_brings_it(self):
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "image"
            image.write_bytes(elf_image())
            programs = Path(folder) / "bin"
            programs.mkdir()
            for name in ("python3", "apt-get"):
                (programs / name).symlink_to(sys.executable)
            self.assert_error("apt-get install qemu-system-x86 qemu-utils", "run", str(image),
                              "--no-install", PATH=str(programs))


class ConfigPrintsAnXlConfiguration(unittest.TestCase):
    def test_for_a_ready_image(self):
        with tempfile.TemporaryDirectory() as folder:
            image = Path(folder) / "my app"
            image.write_bytes(elf_image())
            ran = xenolith("config", str(image), "-m", "8M", "--name", "app", "--", "a b")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            self.assertIn(f'kernel = "{os.path.realpath(image)}"\n', ran.stdout)
            self.assertIn("memory = 8\n", ran.stdout)
            self.assertIn("cmdline = \"name='my app' -- 'a b'\"\n", ran.stdout)


class TheSourceTreeStaysClean(unittest.TestCase):
    def test_no_compiled_python_beside_the_sources(self):
        xenolith("--help")
        self.assertEqual(list((TOOLS / "cli").glob("__pycache__")), [])


if __name__ == "__main__":
    unittest.main()
