"""From the options to the xl configuration and the guest's command line."""
import shlex
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import TOOLS  # noqa: E402,F401

from cli.config import GuestConfig, parse_memory, parse_xl_option, quote  # noqa: E402
from cli.errors import UserError  # noqa: E402
from cli.initrd import pack_directory  # noqa: E402
from cli.options import (Parser, add_guest_options, guest_config, parse_seconds,  # noqa: E402
                         split_program_args)
from cli.quoting import COMMAND_LINE_MAX, command_line  # noqa: E402


def config(*argv: str, quiet: bool = False) -> GuestConfig:
    own, args = split_program_args(list(argv))
    parser = Parser(prog="xenolith run")
    add_guest_options(parser)
    return guest_config(parser.parse_args(own), args, "hello", "hello", "/k", quiet)


class TheCommandLineOfTheGuest(unittest.TestCase):
    def test_arguments_stand_behind_two_dashes(self):
        self.assertEqual(config("--", "one", "two words").cmdline, "name=hello -- one 'two words'")

    def test_settings_come_first_and_extra_words_stay_as_they_are(self):
        line = config("-e", "A=b c", "--extra", "ip=dhcp cwd=/", "--extra", "stack=4M", "--", "x",
                      quiet=True).cmdline
        self.assertEqual(line, "name=hello loglevel=quiet env.A='b c' ip=dhcp cwd=/ stack=4M -- x")

    def test_a_second_pair_of_dashes_is_the_programs(self):
        self.assertEqual(config("--", "--", "-m").cmdline, "name=hello -- -- -m")

    def test_the_programs_name_travels_as_argv_0(self):
        self.assertEqual(config().cmdline, "name=hello")

    def test_whatever_the_words_a_shells_reading_gives_them_back(self):
        words = ["", " ", "'", '"', "\\", "a'b\"c\\d", "$HOME", "--", "ä", "tab\there", "new\nline"]
        line = command_line([], words)
        self.assertEqual(shlex.split(line)[1:], words)

    def test_what_xen_cannot_hold_is_one_clear_error(self):
        command_line([], ["x" * (COMMAND_LINE_MAX - 3)])
        with self.assertRaises(UserError) as caught:
            command_line([], ["x" * (COMMAND_LINE_MAX - 2)])
        self.assertIn("1024 bytes", caught.exception.cause)

    def test_a_variable_needs_a_name_and_a_value(self):
        for bad in ("A", "=b", "1A=b", "A B=c"):
            with self.assertRaises(UserError):
                config("-e", bad)


class SizesTimesAndNames(unittest.TestCase):
    def test_memory_in_the_habit_of_other_tools(self):
        for text, mib in (("32M", 32), ("1G", 1024), ("64", 64), ("8MiB", 8), ("8192k", 8)):
            self.assertEqual(parse_memory(text), mib)

    def test_memory_that_cannot_be(self):
        for text in ("3M", "0", "-4", "lots", "4.5M", "5000K", ""):
            with self.assertRaises(UserError):
                parse_memory(text)

    def test_maxmem_is_not_below_memory(self):
        self.assertEqual(config("-m", "16M", "--maxmem", "64M").maxmem_mib, 64)
        with self.assertRaises(UserError):
            config("-m", "16M", "--maxmem", "8M")

    def test_seconds(self):
        self.assertEqual(parse_seconds("1.5"), 1.5)
        self.assertEqual(parse_seconds("2m"), 120)
        for bad in ("0", "x", "-1", ""):
            with self.assertRaises(UserError):
                parse_seconds(bad)

    def test_a_name_that_xl_would_not_take(self):
        with self.assertRaises(UserError):
            config("--name", "a/b")


class TheXlConfiguration(unittest.TestCase):
    def test_the_whole_text(self):
        got = config("-m", "16M", "--vcpus", "4", "--xl-option", 'cpus="1-3"', "--", 'say "hi"')
        self.assertEqual(got.text(), '\n'.join((
            'name = "hello"', 'type = "pv"', 'kernel = "/k"', "memory = 16", "vcpus = 4",
            'cmdline = "name=hello -- \'say \\"hi\\"\'"', 'on_poweroff = "destroy"', 'on_reboot = "destroy"',
            'on_crash = "destroy"', 'cpus = "1-3"', "")))

    def test_quoting_of_what_xl_would_misread(self):
        self.assertEqual(quote('a"b\\c\nd\x01'), '"a\\"b\\\\c\\nd\\x01"')

    def test_other_options_of_xl(self):
        self.assertEqual(parse_xl_option("vif=['bridge=br0']"), ("vif", "['bridge=br0']"))
        self.assertEqual(parse_xl_option("pool=Pool-0"), ("pool", '"Pool-0"'))
        for bad in ("memory=4", "=1", "x", "a b=c"):
            with self.assertRaises(UserError):
                parse_xl_option(bad)


class ErrorsOfTheParser(unittest.TestCase):
    def error(self, *argv: str) -> UserError:
        with self.assertRaises(UserError) as caught:
            config(*argv)
        return caught.exception

    def test_a_mistyped_option_gets_a_suggestion(self):
        error = self.error("--memroy", "4")
        self.assertEqual(error.cause, "unknown option --memroy")
        self.assertIn("--memory", error.cure)

    def test_an_argument_too_many_is_told_about_two_dashes(self):
        self.assertIn("behind `--`", self.error("stray").cure)

    def test_a_missing_value(self):
        self.assertIn("expected one argument", self.error("-m").cause)


class ADirectoryBecomesACpioArchive(unittest.TestCase):
    def test_contents_links_and_modes_are_what_cpio_unpacks(self):
        with tempfile.TemporaryDirectory() as folder:
            top = Path(folder)
            (top / "etc").mkdir()
            (top / "etc" / "motd").write_text("hello\n")
            (top / "run.sh").write_text("#!x")
            (top / "run.sh").chmod(0o755)
            (top / "link").symlink_to("etc/motd")
            entries = unpack(pack_directory(top))
        self.assertEqual(list(entries), ["etc", "etc/motd", "link", "run.sh"])
        self.assertEqual(entries["etc/motd"][1], b"hello\n")
        self.assertEqual(entries["link"][1], b"etc/motd")
        self.assertEqual(entries["run.sh"][0] & 0o777, 0o755)

    def test_the_same_directory_gives_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in "cab":
                (Path(folder) / name).write_text(name)
            self.assertEqual(pack_directory(Path(folder)), pack_directory(Path(folder)))


def unpack(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """A second reading of the format, from its description and not from the packer."""
    entries, at = {}, 0
    while True:
        assert archive[at:at + 6] == b"070701", at
        fields = [int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + 110:at + 110 + name_size - 1].decode()
        data_at = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return entries
        entries[name] = mode, archive[data_at:data_at + size]
        at = (data_at + size + 3) & ~3


if __name__ == "__main__":
    unittest.main()
