"""What cannot work ends with one clear line and 125, and early."""
import gzip
import shutil
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BootCase  # noqa: E402

HELLO = '#include <stdio.h>\nint main(void) { puts("Hello, Xen!"); return 0; }\n'


class BadInput(BootCase):
    def assert_refused(self, words: bytes, *argv: object) -> None:
        ran = self.xenolith(*argv)
        self.assert_ran(ran, 125)
        self.assertIn(words, ran.stderr)
        last = ran.stderr.splitlines()[-1]
        self.assertTrue(last.startswith(b"xenolith: "), ran.stderr)

    def image(self) -> Path:
        image = self.folder / "hello"
        self.assert_ran(self.xenolith("build", self.program(HELLO), "-o", image), 0)
        return image

    def test_a_program_of_this_machine_is_no_image(self):
        self.assert_refused(b"not a Xenolith image", "run", shutil.which("true"))

    def test_a_file_that_is_not_there(self):
        self.assert_refused(b"no such file", "run", "nowhere")

    def test_memory_below_xens_floor(self):
        self.assert_refused(b"at least 4M", "run", self.program(HELLO), "-m", "3M")

    def test_memory_too_small_for_the_image(self):
        big = self.program("char big[20 << 20];\nint main(void) { return big[sizeof big - 1]; }\n")
        self.assert_refused(b"-m", "run", big, "-m", "8M")

    def test_a_command_line_that_does_not_fit(self):
        self.assert_refused(b"1023", "run", self.program(HELLO), "--", "x" * 2000)

    def test_an_option_of_xl_that_xl_refuses(self):
        self.assert_refused(b"xl create", "run", self.image(), "--xl-option", "vif=['bridge=nowhere']")

    def test_a_gzipped_image_is_good_input(self):
        packed = self.folder / "hello.gz"
        packed.write_bytes(gzip.compress(self.image().read_bytes()))
        self.assert_ran(self.xenolith("run", packed), 0, b"Hello, Xen!\n")

    def test_more_memory_than_the_host_has(self):
        self.assert_refused(b"less with -m", "run", self.image(), "-m", "512G")


class ConfigurationsThatMustBoot(BootCase):
    def test_more_cpus_and_a_larger_maxmem(self):
        source = self.program('#include <stdio.h>\n#include <unistd.h>\n'
                              'int main(void) { printf("cpus %ld\\n", sysconf(_SC_NPROCESSORS_ONLN)); }\n')
        ran = self.xenolith("run", source, "--vcpus", "4", "-m", "16M", "--maxmem", "64M")
        self.assert_ran(ran, 0, b"cpus 1\n")

    def test_from_the_least_memory_up(self):
        source = self.program(HELLO)
        for size in ("4M", "8M", "256M"):
            with self.subTest(memory=size):
                self.assert_ran(self.xenolith("run", source, "-m", size), 0, b"Hello, Xen!\n")

    def test_two_gigabytes_get_a_testbed_in_which_they_fit(self):
        ran = self.xenolith("run", self.program(HELLO), "-m", "2G",
                            XENOLITH_TESTBED=self.nobodys_testbed())
        self.assert_ran(ran, 0, b"nr_pages:  524288")


if __name__ == "__main__":
    unittest.main()
