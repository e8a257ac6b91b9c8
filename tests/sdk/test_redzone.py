"""Does any image use the red zone, and would the checker see it if one did?"""
from __future__ import annotations

import os
import unittest
from pathlib import Path

from sdk_case import SdkCase

HELLO = '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'

# Locals of a leaf function lie below the stack pointer when the compiler may put them there.
LEAF = """
long leaf(const long *in)
{
    volatile long kept[4];
    for (int i = 0; i < 4; i++)
        kept[i] = in[i];
    return kept[0] - kept[3];
}
"""
MAIN = "long leaf(const long *in); int main(void) { long a[4] = { 1, 2, 3, 1 }; return (int)leaf(a); }"

# Floating point in print and scan, complex numbers, sorting, time, streams, 128-bit division: large
# parts of libc, libm and our own support routines.
LARGE = """
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv)
{
    double d; long double l; char line[100]; int n[5] = { 5, 3, 1, argc, 2 }; struct stat st;
    volatile double _Complex z = CMPLX(argc, 1);
    volatile long double _Complex w = CMPLXL(argc, 1);
    unsigned __int128 big = (unsigned __int128)argc << 90;
    time_t now = time(NULL);
    if (scanf("%lf %Lf", &d, &l) != 2 || fgets(line, sizeof(line), stdin) == NULL)
        return 1;
    qsort(n, 5, sizeof(*n), by_value);
    z = cexp(z * z / (z + 1.0)) + ctan(z) + cpow(z, z);
    w = w * w / (w + 1.0L);
    printf("%f %Lg %g %Lf %lu %s %d\\n", pow(d, 2.5) + tgamma(d) + jn(2, d), powl(l, 3), creal(z),
           creall(w), (unsigned long)(big / (unsigned __int128)(argc + 3) % 1000007), line, n[0]);
    strftime(line, sizeof(line), "%c", localtime(&now));
    wprintf(L"%ls %s\\n", L"wide", line);
    return stat(argv[0], &st) + (getenv("HOME") != NULL) + (int)usleep(1) + (strtod(line, NULL) > 0);
}
"""


class RedZone(SdkCase):
    host_cc = os.environ.get("XENOLITH_TEST_HOST_CC", "gcc")

    def build(self, source: str, *flags: str) -> Path:
        self.write("prog.c", source)
        self.succeed(self.tool("gcc"), "-O2", "prog.c", *flags, "-o", "prog")
        return self.work / "prog"

    def check(self, *files: str | Path) -> str:
        return self.succeed(self.tools / "redzone", *files)

    def test_hello_is_clean(self) -> None:
        self.assertIn("none uses the red zone", self.check(self.build(HELLO)))

    def test_a_large_image_is_clean(self) -> None:
        said = self.check(self.build(LARGE, "-lm"))
        self.assertGreater(int(said.split(": ")[1].split()[0]), 600, said)
        self.check(self.build(LARGE, "-O3", "-flto", "-lm"))

    def test_every_library_is_clean(self) -> None:
        """Also what no program here happens to use."""
        libraries = sorted((self.sdk / "x86_64-xenolith-elf" / "lib").glob("*.a"))
        libraries = [path for path in libraries if path.stat().st_size > 8]
        self.assertGreaterEqual(len(libraries), 7)
        self.check(*libraries, self.sdk / "x86_64-xenolith-elf" / "lib" / "crt0.o")

    def test_other_flags_of_a_user_change_nothing(self) -> None:
        for flags in (["-mred-zone"], ["-O3", "-march=haswell"], ["-fomit-frame-pointer"]):
            with self.subTest(flags=flags):
                self.check(self.build(LEAF + MAIN, *flags))

    def test_an_object_made_without_the_flag_is_found(self) -> None:
        """By the host's own gcc, as somebody's ready-made library would be."""
        self.write("leaf.c", LEAF)
        self.write("main.c", MAIN)
        self.succeed(self.host_cc, "-O2", "-fno-pie", "-fcf-protection=none", "-fno-stack-protector",
                     "-c", "leaf.c")
        self.succeed(self.tool("gcc"), "-O2", "main.c", "leaf.o", "-o", "image")
        self.assert_image(self.work / "image")
        for checked in ("image", "leaf.o"):
            ran = self.run_tool(self.tools / "redzone", checked)
            self.assertEqual(ran.returncode, 1, ran.stdout + ran.stderr)
            self.assertIn(f"{checked}: leaf uses the red zone", ran.stdout)
            self.assertNotIn("main uses", ran.stdout)
        # The same source through the wrapper is clean, so it is the flag that was found.
        self.succeed(self.tool("gcc"), "-O2", "main.c", "leaf.c", "-o", "image")
        self.check("image")

    def test_the_installed_checker_is_the_same(self) -> None:
        self.succeed(self.sdk / "bin" / "xenolith-redzone", self.build(HELLO))

    def test_what_cannot_be_checked_is_not_called_clean(self) -> None:
        self.build(HELLO)
        self.succeed(self.tool("strip"), "prog")
        self.write("text", "no image\n")
        for name, words in (("prog", "no function symbols"), ("text", ""), ("nothing", "no such file")):
            with self.subTest(name=name):
                ran = self.run_tool(self.tools / "redzone", name)
                self.assertEqual(ran.returncode, 2, ran.stdout + ran.stderr)
                self.assertIn(words, ran.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
