"""Is clang a second compiler for guests, where a machine has it?"""
from __future__ import annotations

import sys
import unittest
from pathlib import Path

from package_case import PackageCase
from sdk_case import TRIPLE

SOURCE = """
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    char line[64];
    volatile double _Complex z = CMPLX(argc, 2);
    unsigned __int128 big = (unsigned __int128)argc << 100;
    strcpy(line, argv[0]);
    z = z * z / (z + 1.0);
    return printf("%s %f %Lf %f %lu\\n", line, sin(argc), sinl(argc), creal(z),
                  (unsigned long)(big / (unsigned __int128)(argc + 5))) < 0;
}
"""


class Clang(PackageCase):
    def setUp(self) -> None:
        super().setUp()
        if self.run_tool(self.tool("clang"), "--version").returncode != 0:
            self.skipTest("no clang here")
        self.write("prog.c", SOURCE)

    def build(self, *flags: str) -> Path:
        said = self.succeed(self.tool("clang"), *flags, "prog.c", "-lm", "-o", "prog")
        self.assertEqual(said, "")
        self.assert_image(self.work / "prog")
        self.succeed(self.tools / "redzone", "prog")
        return self.work / "prog"

    def test_modes(self) -> None:
        for flags in (["-O0"], ["-O2", "-Wall", "-Wextra", "-Werror"], ["-Os", "-g"],
                      ["-O2", "-fPIC"], ["-O2", "-fPIE", "-pie"], ["-O2", "-mred-zone"],
                      ["-O2", "-D_FORTIFY_SOURCE=2"], ["-std=c11", "-O2"], ["-pthread"]):
            with self.subTest(flags=flags):
                self.build(*flags)

    def test_stack_protector(self) -> None:
        image = self.build("-O2", "-fstack-protector-strong")
        code = self.succeed(self.tool("objdump"), "-d", "--disassemble=main", image)
        self.assertIn("<__stack_chk_guard>", code)
        self.assertIn("<__stack_chk_fail>", code)

    def test_it_boots(self) -> None:
        self.write("prog.c", """
            #include <math.h>
            #include <stdio.h>
            #include <stdlib.h>
            int main(int argc, char **argv)
            {
                double *values = malloc(100000 * sizeof(double)), sum = 0;
                for (int i = 0; i < 100000; i++)
                    values[i] = sqrt(i);
                for (int i = 0; i < 100000; i++)
                    sum += values[i] * values[i];
                printf("%.0f %s\\n", sum, argv[1]);
                return argc + 5;
            }
            """)
        image = self.build("-O2", "-fstack-protector-all")
        self.assertEqual(self.guest(image, "word", status=7), "4999950000 word\n")

    def test_objects_of_both_compilers_link(self) -> None:
        self.write("main.c", "int twice(int); int main(void) { return twice(0); }")
        self.write("twice.c", "int twice(int n) { return 2 * n; }")
        self.succeed(self.tool("clang"), "-c", "main.c")
        self.succeed(self.tool("gcc"), "-c", "twice.c")
        for linker in ("gcc", "clang"):
            self.assertEqual(self.succeed(self.tool(linker), "main.o", "twice.o", "-o", "image"), "")
            self.assert_image(self.work / "image")

    def test_nothing_of_the_host_leaks_in(self) -> None:
        self.write("zlib_user.c", "#include <zlib.h>\n")
        self.write("stray/zlib.h", "#define STRAY 1\n")
        for environment in ({}, {"CPATH": str(self.work / "stray")}):
            self.refuse(self.tool("clang"), "-c", "zlib_user.c", env=environment, saying="not found")
        listing = self.succeed(self.tool("clang"), "-M", "prog.c").replace("\\\n", " ").split()
        self.assertTrue(any(f"{TRIPLE}/include/stdio.h" in word for word in listing))
        self.assertFalse([word for word in listing if word.startswith("/usr/include")])
        macros = self.succeed(self.tool("clang"), "-dM", "-E", "prog.c")
        for name in ("__xenolith__", "__unix__", "__ELF__"):
            self.assertIn(f"#define {name} ", macros)
        self.assertNotIn("__linux__", macros)

    def test_refusals(self) -> None:
        self.assertEqual(self.succeed(self.tool("clang"), "-dumpmachine").strip(), TRIPLE)
        for flags, words in ((["-shared"], "shared libraries do not exist"), (["-m32"], "64-bit"),
                             (["-flto"], "elf-gcc only")):
            self.refuse(self.tool("clang"), *flags, "prog.c", saying=words)


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    sys.exit(77 if result.wasSuccessful() and result.skipped else not result.wasSuccessful())
