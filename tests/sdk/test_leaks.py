"""Does anything of the host reach a guest program: headers, libraries, macros, settings?"""
from __future__ import annotations

import unittest
from pathlib import Path

from sdk_case import TRIPLE, SdkCase

MAIN = "int main(void) { return 0; }\n"


class Headers(SdkCase):
    def test_the_hosts_headers_are_not_found(self) -> None:
        for header in ("linux/types.h", "asm/types.h", "execinfo.h", "gnu/stubs.h", "bits/types.h",
                       "zlib.h", "ncurses.h", "xen/xen.h", "sys/prctl.h"):
            with self.subTest(header=header):
                self.assertFalse(self.compiles(f"#include <{header}>\n"))

    def test_every_header_comes_from_the_sysroot_or_the_compiler(self) -> None:
        self.write("all.c", "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
                   "#include <unistd.h>\n#include <limits.h>\n#include <stdint.h>\n"
                   "#include <stddef.h>\n#include <time.h>\n#include <pthread.h>\n#include <math.h>\n"
                   "#include <features.h>\n#include <immintrin.h>\n#include <stdatomic.h>\n")
        compilers = self.succeed(self.tool("gcc"), "-print-file-name=include").strip()
        listing = self.succeed(self.tool("gcc"), "-M", "all.c").replace("\\\n", " ").split()
        headers = [word for word in listing if word.endswith(".h")]
        self.assertGreater(len(headers), 20)
        for header in headers:
            self.assertTrue(header.startswith((str(self.sdk / TRIPLE / "include"), compilers)), header)

    def test_no_search_in_usr_include(self) -> None:
        self.write("empty.c", "")
        listing = self.succeed(self.tool("gcc"), "-v", "-E", "empty.c")
        searched = listing.split("search starts here:")[-1].split("End of search list")[0]
        for line in searched.splitlines():
            self.assertNotRegex(line, r"^ */usr/(local/)?include")


    def test_no_search_in_the_hosts_library_directories(self) -> None:
        """libtool looks for libraries where the compiler says that it looks."""
        self.write("main.c", MAIN)
        lib = self.sdk / TRIPLE / "lib"
        for line in self.succeed(self.tool("gcc"), "-print-search-dirs").splitlines():
            if line.startswith("libraries: ="):
                directories = line.removeprefix("libraries: =").split(":")
                self.assertEqual([Path(word).resolve() for word in directories], [lib])
                break
        else:
            self.fail("no line about libraries")
        listing = self.succeed(self.tool("gcc"), "-v", "main.c", "-o", "main")
        link = next(line for line in listing.splitlines() if "collect2 " in line)
        directories = [word[2:] for word in link.split() if word.startswith("-L")]
        self.assertEqual({str(Path(word).resolve()) for word in directories}, {str(lib)})


class Environment(SdkCase):
    """The variables by which a host's build is steered."""

    def test_include_variables(self) -> None:
        self.write("stray/stray.h", "#define STRAY 1\n")
        for name in ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "OBJC_INCLUDE_PATH"):
            with self.subTest(name=name):
                self.assertFalse(self.compiles("#include <stray.h>\n",
                                               env={name: str(self.work / "stray")}))

    def test_library_variables(self) -> None:
        self.write("stray.c", "int stray(void) { return 0; }")
        self.write("main.c", "int stray(void); int main(void) { return stray(); }")
        self.succeed(self.tool("gcc"), "-c", "stray.c")
        (self.work / "stray").mkdir()
        self.succeed(self.tool("ar"), "rcs", "stray/libstray.a", "stray.o")
        for name in ("LIBRARY_PATH", "LD_RUN_PATH", "LD_LIBRARY_PATH", "COMPILER_PATH"):
            with self.subTest(name=name):
                self.refuse(self.tool("gcc"), "main.c", "-lstray", "-o", "main",
                            env={name: str(self.work / "stray")}, saying="cannot find -lstray")
        self.succeed(self.tool("gcc"), "main.c", "-Lstray", "-lstray", "-o", "main")

    def test_program_variables(self) -> None:
        self.write("main.c", MAIN)
        fake = self.write("fake/as", "#!/bin/sh\nexit 77\n")
        fake.chmod(0o755)
        for name, value in (("COMPILER_PATH", fake.parent), ("GCC_EXEC_PREFIX", f"{fake.parent}/")):
            with self.subTest(name=name):
                self.succeed(self.tool("gcc"), "main.c", "-o", "main", env={name: str(value)})

    def test_a_compiler_cache_in_the_path(self) -> None:
        """A `gcc` earlier in PATH, as ccache and distcc install one, sees host compiles only."""
        self.write("main.c", MAIN)
        fake = self.write("cache/gcc", "#!/bin/sh\necho cached; exit 77\n")
        fake.chmod(0o755)
        path = f"{fake.parent}:{self.run_tool('sh', '-c', 'echo $PATH').stdout.strip()}"
        self.assertEqual(self.succeed(self.tool("gcc"), "main.c", "-o", "main", env={"PATH": path}), "")


class Libraries(SdkCase):
    def test_the_hosts_libraries_are_not_found(self) -> None:
        self.write("main.c", MAIN)
        for name in ("z", "gcc_s", "gcc_eh", "stdc++", "gomp", "gcov", "ncurses", "xenstore",
                     "c_nonshared", "asan"):
            with self.subTest(name=name):
                self.refuse(self.tool("gcc"), "main.c", f"-l{name}", "-o", "main",
                            saying=f"cannot find -l{name}")

    def test_the_bare_linker_does_not_find_them_either(self) -> None:
        self.write("main.c", MAIN)
        self.succeed(self.tool("gcc"), "-c", "main.c")
        for name in ("z", "gcc"):
            self.refuse(self.tool("ld"), "main.o", f"-l{name}", "-o", "main", saying="cannot find -l")

    def test_everything_linked_is_ours(self) -> None:
        self.write("main.c", '#include <stdio.h>\nint main(void) { return printf("%f", 1.5); }')
        listing = self.succeed(self.tool("gcc"), "main.c", "-o", "main", "-lm", "-Wl,--trace")
        for line in listing.splitlines():
            self.assertTrue(line.startswith(("/tmp/", "main", str(self.sdk / TRIPLE / "lib"))) or
                            ".o" in line and "xenolith-sdk-test" in line, line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
