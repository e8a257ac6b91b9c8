"""The guest's console on its way to stdout, and the names in crash reports."""
import gzip
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import elf_image  # noqa: E402

from cli.image import Elf  # noqa: E402
from cli.output import GuestOutput  # noqa: E402
from cli.symbols import Symbols  # noqa: E402


def through(*pieces: bytes, suffix=lambda line: b"") -> tuple[bytes, GuestOutput]:
    seen = []
    output = GuestOutput(seen.append, suffix)
    for piece in pieces:
        output.feed(piece)
    output.finish()
    return b"".join(seen), output


class NewlinesComeBackAsTheProgramWroteThem(unittest.TestCase):
    def test_cr_lf_becomes_lf(self):
        self.assertEqual(through(b"a\r\nb\r\n")[0], b"a\nb\n")

    def test_a_cr_of_the_programs_own_stays(self):
        self.assertEqual(through(b"10%\r20%\r\r\n")[0], b"10%\r20%\r\n")

    def test_a_pair_cut_in_two_is_still_one_newline(self):
        self.assertEqual(through(b"a\r", b"\nb")[0], b"a\nb")

    def test_a_cr_at_the_very_end_is_not_lost(self):
        self.assertEqual(through(b"a\r")[0], b"a\r")

    def test_every_byte_value_passes_in_any_cut(self):
        program = bytes(range(256)) * 3 + b"\r\r\n\n\r"
        wire = program.replace(b"\n", b"\r\n")
        for size in (1, 2, 3, 7, 500):
            pieces = [wire[i:i + size] for i in range(0, len(wire), size)]
            self.assertEqual(through(*pieces)[0], program)

    def test_a_line_without_end_is_shown_at_once(self):
        seen = []
        GuestOutput(seen.append).feed(b"name? ")
        self.assertEqual(seen, [b"name? "])


class TheLastLineIsUnderstood(unittest.TestCase):
    def test_exit_status_and_crash(self):
        self.assertEqual(through(b"xenolith: exit status 42\r\n")[1].said_status, 42)
        self.assertEqual(through(b"xenolith: cra", b"shed: panic\r\n")[1].said_crash, "panic")

    def test_a_program_that_prints_such_words_in_a_line_does_not_end(self):
        self.assertFalse(through(b"say xenolith: exit status 1\r\n")[1].has_last_line)
        self.assertFalse(through(b"xenolith: exit status 999\r\n")[1].has_last_line)


class FramesGetNames(unittest.TestCase):
    FUNCTIONS = {"boot": (0x100000, 0x40), "main": (0x100040, 0x20), "label": (0x100100, 0)}

    def setUp(self):
        self.symbols = Symbols(Path("/nowhere"), Elf(elf_image(functions=self.FUNCTIONS)))

    def test_an_address_inside_a_function(self):
        self.assertEqual(self.symbols.name(0x100052), "main+0x12")

    def test_an_address_between_functions_has_no_name(self):
        self.assertEqual(self.symbols.name(0x100080), "")
        self.assertEqual(self.symbols.name(0x5), "")

    def test_a_label_of_assembly_names_what_follows_it(self):
        self.assertEqual(self.symbols.name(0x100110), "label+0x10")

    def test_a_return_address_just_behind_a_function_belongs_to_the_call_in_it(self):
        self.assertEqual(self.symbols.describe(0x100040, is_return_address=True), "boot+0x40")
        self.assertEqual(self.symbols.describe(0x100040), "main+0x0")

    def test_the_frames_of_a_report_are_extended_and_nothing_else(self):
        out, _ = through(b"rip 0x0000000000100052\r\n",
                         b"  #0 0x00000000001", b"00052\r\n",
                         b"  #1 0x0000000000100060\r\n  #2 0x00000000000fff00\r\n",
                         suffix=self.symbols.frame_suffix)
        self.assertEqual(out, b"rip 0x0000000000100052\n"
                              b"  #0 0x0000000000100052 main+0x12\n"
                              b"  #1 0x0000000000100060 main+0x20\n"
                              b"  #2 0x00000000000fff00\n")


class LinesComeFromDebugInformation(unittest.TestCase):
    def test_a_compiled_function_is_found_with_file_and_line(self):
        with tempfile.TemporaryDirectory() as folder:
            source, image = Path(folder) / "some.c", Path(folder) / "image"
            source.write_text("int one(int a)\n{\n    return a + 1;\n}\nvoid _start(void) {}\n")
            subprocess.run(["gcc", "-g", "-O0", "-nostdlib", "-static", "-no-pie", str(source),
                            "-o", str(image)], check=True)
            for packed in (False, True):
                data = image.read_bytes()
                if packed:
                    image.write_bytes(gzip.compress(data))
                symbols = Symbols(image, Elf(data))
                one = next(f for f in symbols._elf.functions() if f.name == "one")
                self.assertEqual(symbols.describe(one.address), "one+0x0 (some.c:2)")
                self.assertEqual(symbols.describe(one.address + one.size, is_return_address=True),
                                 f"one+{one.size:#x} (some.c:4)")


if __name__ == "__main__":
    unittest.main()
