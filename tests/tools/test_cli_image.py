"""What a file is: an image, or something else that the error names."""
import gzip
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import XEN_NOTES, elf_image, note  # noqa: E402

from cli.errors import UserError  # noqa: E402
from cli.image import Elf, read_image, what_is_wrong  # noqa: E402


class AnImageIsTaken(unittest.TestCase):
    def test_plain_and_gzipped(self):
        with tempfile.TemporaryDirectory() as folder:
            for data in (elf_image(), gzip.compress(elf_image())):
                path = Path(folder) / "image"
                path.write_bytes(data)
                self.assertEqual(read_image(path).elf.xen_notes()["LOADER"], b"generic\0")

    def test_its_functions_come_sorted_by_address(self):
        elf = Elf(elf_image(functions={"b": (0x100010, 1), "a": (0x100000, 1)}))
        self.assertEqual([f.name for f in elf.functions()], ["a", "b"])


class AnythingElseIsNamed(unittest.TestCase):
    def assert_is(self, data: bytes, words: str):
        self.assertIn(words, what_is_wrong(data))

    def test_not_an_elf_file(self):
        self.assert_is(b"", "empty")
        self.assert_is(b"int main(void) {}\n", "a text file")
        self.assert_is(b"#!/bin/sh\n", "a script")
        self.assert_is(b"\xff\xfe\x00\x01", "no known kind")

    def test_an_elf_file_of_another_machine(self):
        self.assert_is(elf_image(machine=183), "64-bit ARM")
        self.assert_is(elf_image(machine=4711), "machine 4711")

    def test_an_elf_file_of_another_kind(self):
        self.assert_is(elf_image(kind=1), "an object file")
        self.assert_is(elf_image(kind=3), "position-independent")

    def test_a_program_for_linux_lacks_the_xen_notes(self):
        self.assert_is(elf_image(notes=b""), "no Xen note XEN_VERSION, LOADER")
        self.assert_is(elf_image(notes=note(5, b"xen-3.0\0")), "no Xen note LOADER")

    def test_a_note_with_another_value(self):
        self.assert_is(elf_image(notes=note(5, b"xen-2.0\0") + note(8, b"generic\0")), "'xen-2.0'")

    def test_notes_of_another_owner_are_not_xens(self):
        other = note(5, b"xen-3.0\0", b"GNU\0") + note(8, b"generic\0", b"GNU\0")
        self.assert_is(elf_image(notes=other), "no Xen note")

    def test_every_way_of_cutting_a_file_short_is_an_error_and_not_a_traceback(self):
        whole = elf_image()
        self.assertEqual(what_is_wrong(whole), "")
        for size in range(4, 64 + 2 * 56 + len(XEN_NOTES)):
            self.assertNotEqual(what_is_wrong(whole[:size]), "", f"cut at {size}")

    def test_a_directory_and_a_missing_file(self):
        with self.assertRaises(UserError) as caught:
            read_image(Path("/nowhere/at/all"))
        self.assertIn("cannot be read", caught.exception.cause)

    def test_a_damaged_gzip_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "image.gz"
            path.write_bytes(gzip.compress(elf_image())[:-20])
            with self.assertRaises(UserError) as caught:
                read_image(path)
            self.assertIn("damaged gzip", caught.exception.cause)


if __name__ == "__main__":
    unittest.main()
