"""Does the compiler wrapper turn C programs into images, in every mode people use?"""
from __future__ import annotations

import shutil
import subprocess
import unittest
from pathlib import Path

from sdk_case import TRIPLE, SdkCase

HELLO = """
#include <stdio.h>
int main(void)
{
    puts("hello");
    return 0;
}
"""

FORTIFIED = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char name[16], line[64], other[16];
    strcpy(name, argv[argc - 1]);
    strncpy(other, argv[0], sizeof(other));
    strcat(name, "!");
    memset(line, 0, (size_t)argc);
    memmove(line, name, (size_t)argc);
    snprintf(line, sizeof(line), "%s %d", name, argc);
    sprintf(line, "%s", other);
    if (fgets(line, sizeof(line), stdin) == NULL || read(0, line, (size_t)argc) < 0)
        return 1;
    return puts(line) < 0;
}
"""

MATH = """
#include <complex.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    volatile double x = argc;
    volatile double _Complex z = CMPLX(argc, 2), w;
    unsigned __int128 big = (unsigned __int128)argc << 100;
    w = z * z / (z + 1.0);
    printf("%f %f %Lf %d %llu %f %d\\n", sin(x), creal(w), sinl((long double)x),
           __builtin_popcountll((unsigned long long)argc * 77777),
           (unsigned long long)(big / (uint64_t)(argc + 5)), (double)big,
           __builtin_parity((unsigned)argc));
    return (int)argv[0][0];
}
"""


class Modes(SdkCase):
    def build(self, source: str, *flags: str) -> Path:
        self.write("hello.c", source)
        output = self.succeed(self.tool("gcc"), *flags, "hello.c", "-o", "hello")
        self.assertEqual(output, "", "the compiler had something to say")
        image = self.work / "hello"
        self.assert_image(image)
        return image

    def test_plain(self) -> None:
        image = self.build(HELLO, "-O2")
        print(f"hello: {image.stat().st_size} bytes", end=", ")
        self.succeed(self.tool("strip"), "hello", "-o", "stripped")
        size = (self.work / "stripped").stat().st_size
        print(f"stripped {size} bytes")
        self.assert_image(self.work / "stripped")
        self.assertLessEqual(size, 64 * 1024)

    def test_optimisation_levels(self) -> None:
        for level in ("-O0", "-O1", "-O3", "-Os", "-Og", "-Ofast"):
            with self.subTest(level=level):
                self.build(HELLO, level)

    def test_debug(self) -> None:
        image = self.build(HELLO, "-O2", "-g")
        self.assertIn("hello.c", self.succeed(self.tool("objdump"), "--dwarf=info", image))
        self.build(HELLO, "-O2", "-ggdb3")

    def test_standards(self) -> None:
        for standard in ("c99", "c11", "c17", "gnu99", "gnu17", "gnu89"):
            with self.subTest(standard=standard):
                self.build(HELLO, f"-std={standard}", "-pedantic-errors", "-Wall", "-Werror")

    def test_headers_in_old_standards(self) -> None:
        """Programs of the C of 1990 ask for _GNU_SOURCE as well."""
        include = self.sdk / TRIPLE / "include"
        headers = [str(path.relative_to(include)) for path in sorted(include.rglob("*.h"))]
        headers = [name for name in headers if not Path(name).name.startswith("_")
                   and not name.startswith(("machine/", "ssp/", "bits/"))]
        self.assertGreater(len(headers), 80)
        self.write("all.c", "".join(f"#include <{name}>\n" for name in headers) + "int all;\n")
        for standard in ("c90", "gnu89", "c99"):
            with self.subTest(standard=standard):
                self.succeed(self.tool("gcc"), f"-std={standard}", "-D_GNU_SOURCE", "-c", "all.c")

    def test_alloca_in_a_strict_standard(self) -> None:
        """<stdlib.h> has it for whoever asks for more than the standard, and for nobody else."""
        source = "#include <stdlib.h>\nint fill(char *);\nint main(void) { return fill(alloca(9)); }\n"
        flags = ("-std=c11", "-Werror=implicit-function-declaration")
        self.assertTrue(self.compiles(source, *flags, "-D_GNU_SOURCE"))
        self.assertFalse(self.compiles(source, *flags))

    def test_stack_protector(self) -> None:
        for flag in ("-fstack-protector", "-fstack-protector-strong", "-fstack-protector-all"):
            with self.subTest(flag=flag):
                image = self.build(FORTIFIED, "-O2", flag)
                self.assertIn("%fs:0x28", self.succeed(self.tool("objdump"), "-d", image))

    def test_fortify(self) -> None:
        for level in ("-D_FORTIFY_SOURCE=1", "-D_FORTIFY_SOURCE=2", "-Wp,-D_FORTIFY_SOURCE=2"):
            with self.subTest(level=level):
                image = self.build(FORTIFIED, "-O2", level)
                self.assertIn("__chk_fail", self.succeed(self.tool("nm"), image))

    def test_distribution_hardening_flags(self) -> None:
        """What Debian and Ubuntu build packages with."""
        self.build(FORTIFIED, "-g", "-O2", "-fstack-protector-strong", "-fstack-clash-protection",
                   "-Wformat", "-Werror=format-security", "-fcf-protection", "-Wdate-time",
                   "-D_FORTIFY_SOURCE=2", "-fPIE", "-pie", "-Wl,-z,relro", "-Wl,-z,now")

    def test_link_time_optimisation(self) -> None:
        self.build(HELLO, "-O2", "-flto")
        self.build(MATH, "-O2", "-flto=auto", "-fno-fat-lto-objects", "-lm")

    def test_support_routines_are_ours(self) -> None:
        image = self.build(MATH, "-O2", "-lm")
        names = self.succeed(self.tool("nm"), image)
        for name in ("__muldc3", "__divdc3", "__udivti3", "__popcountdi2", "__floatuntidf"):
            self.assertIn(name, names)
        listing = self.succeed(self.tool("gcc"), "-O2", "hello.c", "-o", "hello", "-lgcc",
                               "-Wl,--trace")
        self.assertNotRegex(listing, r"/lib/gcc/.*\.(a|o)")

    def test_position_independence_is_dropped(self) -> None:
        for flag in ("-fPIC", "-fpic", "-fPIE", "-fpie", "-pie", "-static-pie"):
            with self.subTest(flag=flag):
                self.build(HELLO, "-O2", flag)

    def test_several_objects_and_a_library(self) -> None:
        self.write("main.c", "int twice(int); int main(void) { return twice(0); }")
        self.write("twice.c", "int half(int); int twice(int n) { return half(4 * n); }")
        self.write("half.c", "int half(int n) { return n / 2; }")
        for flags in ([], ["-flto"]):
            with self.subTest(flags=flags):
                for name in ("main", "twice", "half"):
                    self.succeed(self.tool("gcc"), "-O2", *flags, "-c", f"{name}.c")
                (self.work / "libmine.a").unlink(missing_ok=True)
                self.succeed(self.tool("ar"), "rcs", "libmine.a", "twice.o", "half.o")
                self.succeed(self.tool("ranlib"), "libmine.a")
                self.succeed(self.tool("gcc"), *flags, "main.o", "-L.", "-lmine", "-o", "image")
                self.assert_image(self.work / "image")
                if not flags:
                    self.assertIn("T twice", self.succeed(self.tool("nm"), "libmine.a"))

    def test_libraries_of_habit(self) -> None:
        self.build(HELLO, "-O2", "-pthread", "-lpthread", "-lm", "-ldl", "-lrt", "-lutil", "-lc",
                   "-lgcc")
        self.assertTrue(self.compiles("#ifndef _REENTRANT\n#error\n#endif\n", "-pthread"))

    def test_names_for_plugins(self) -> None:
        """Programs that take plugins say which of their names those see; here nobody does."""
        self.write("names", "{ main; puts; };\n")
        plain = self.succeed(self.tool("readelf"), "-SW", self.build(HELLO))
        for flag in ("-rdynamic", "-Wl,-E", "-Wl,--export-dynamic", "-Wl,--dynamic-list=names"):
            with self.subTest(flag=flag):
                image = self.build(HELLO, flag)
                self.assert_image(image)
                self.assertNotIn(".dyn", self.succeed(self.tool("readelf"), "-SW", image))
                self.assertNotIn(".dyn", plain)

    def test_a_dlopen_of_the_programs_own(self) -> None:
        """Those that watch over what is loaded have one, and use the other calls."""
        self.build("#define _GNU_SOURCE\n#include <link.h>\n"
                   "void *dlopen(const char *file, int mode)"
                   " { return dlsym(RTLD_NEXT, file + mode); }\n"
                   "int main(void) { return dlopen(0, 0) != 0 || dlerror() == 0; }", "-O2")

    def test_groups_of_the_users_own(self) -> None:
        """Meson and CMake wrap libraries in --start-group, which must not nest with ours."""
        self.build(HELLO, "-Wl,--start-group", "-lm", "-lc", "-Wl,--end-group")

    def test_relocatable_objects(self) -> None:
        self.write("a.c", "int a(void) { return 1; }")
        self.write("b.c", "int b(void) { return 2; }")
        self.succeed(self.tool("gcc"), "-c", "a.c", "b.c")
        self.assertEqual(self.succeed(self.tool("gcc"), "-r", "a.o", "b.o", "-o", "both.o"), "")
        self.assertIn("T b", self.succeed(self.tool("nm"), "both.o"))
        self.succeed(self.tool("ld"), "-r", "a.o", "b.o", "-o", "both.o")

    def test_own_linker_script(self) -> None:
        script = (self.sdk / TRIPLE / "lib" / "guest.lds").read_text()
        self.write("own.lds", script + "own_symbol = 0x1234;\n")
        self.write("hello.c", HELLO)
        self.succeed(self.tool("gcc"), "hello.c", "-T", "own.lds", "-o", "hello")
        self.assertIn("own_symbol", self.succeed(self.tool("nm"), "hello"))

    def test_undefined_symbols_are_errors(self) -> None:
        self.write("hello.c", "void nowhere(void); int main(void) { nowhere(); }")
        self.refuse(self.tool("gcc"), "hello.c", "-o", "hello", saying="undefined reference to .nowhere")

    def test_unused_code_is_left_out(self) -> None:
        source = HELLO + "char unused_data[100000] = { 1 }; void unused_code(void) { puts(\"x\"); }"
        image = self.build(source, "-O2", "-ffunction-sections", "-fdata-sections")
        self.assertNotIn("unused_", self.succeed(self.tool("nm"), image))
        self.build(source, "-O2", "-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,-O1", "-Wl,-Map=map")
        self.assertIn("puts", (self.work / "map").read_text())

    def test_frame_pointers(self) -> None:
        """Crash reports follow them through user code; who does without them says so."""
        self.write("calls.c", "#include <stdio.h>\nint main(void) { return puts(\"x\") + 1; }\n")
        for flags in (["-O2"], ["-O3", "-flto"], ["-Os"], ["-O2", "-fno-omit-frame-pointer"]):
            with self.subTest(flags=flags):
                self.succeed(self.tool("gcc"), *flags, "calls.c", "-o", "calls")
                self.assertRegex(self.disassembly("calls", "main"), r"mov +%rsp,%rbp")
        self.assertRegex(self.disassembly("calls", "_puts_r"), r"mov +%rsp,%rbp")
        self.succeed(self.tool("gcc"), "-O2", "-fomit-frame-pointer", "calls.c", "-o", "calls")
        self.assertNotIn("%rbp", self.disassembly("calls", "main"))

    def disassembly(self, image: str, function: str) -> str:
        return self.succeed(self.tool("objdump"), "-d", f"--disassemble={function}", image)

    def test_from_standard_input(self) -> None:
        for flags, output in ((["-c"], "stdin.o"), ([], "stdin")):
            ran = subprocess.run([self.tool("gcc"), *flags, "-O2", "-xc", "-", "-o", output],
                                 cwd=self.work, input=HELLO, text=True, capture_output=True,
                                 check=False)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        self.assert_image(self.work / "stdin")

    def test_assembly(self) -> None:
        self.write("two.S", "#define VALUE 2\n.globl two\ntwo: mov $VALUE, %eax\n ret\n"
                   ".section .note.GNU-stack, \"\", @progbits\n")
        self.write("main.c", "int two(void); int main(void) { return two() - 2; }")
        self.assertEqual(self.succeed(self.tool("gcc"), "main.c", "two.S", "-o", "image"), "")
        self.assert_image(self.work / "image")
        self.succeed(self.tool("gcc"), "-O2", "-S", "main.c")
        self.succeed(self.tool("as"), "main.s", "-o", "main.o")


class Questions(SdkCase):
    """What build systems ask a compiler."""

    def test_target(self) -> None:
        self.assertEqual(self.succeed(self.tool("gcc"), "-dumpmachine").strip(), TRIPLE)
        self.assertEqual(self.succeed(self.tool("gcc"), "-print-multiarch").strip(), "")

    def test_sysroot(self) -> None:
        sysroot = self.succeed(self.tool("gcc"), "-print-sysroot").strip()
        self.assertEqual(Path(sysroot).resolve(), self.sdk / TRIPLE)

    def test_libraries_are_those_of_the_sysroot(self) -> None:
        for name in ("libc.a", "libm.a", "crt0.o", "libgcc.a"):
            path = self.succeed(self.tool("gcc"), f"-print-file-name={name}").strip()
            self.assertEqual(Path(path).resolve().parent, self.sdk / TRIPLE / "lib")

    def test_macros(self) -> None:
        self.write("empty.c", "")
        for standard in ("gnu17", "c11"):
            listing = self.succeed(self.tool("gcc"), f"-std={standard}", "-dM", "-E", "empty.c")
            macros = {line.split()[1] for line in listing.splitlines()}
            for name in ("__xenolith__", "__unix__", "__ELF__", "__x86_64__", "__STDC__"):
                self.assertIn(name, macros)
            for name in ("__linux__", "__linux", "linux", "__gnu_linux__", "unix", "__PIC__", "__pic__",
                         "__PIE__", "__GLIBC__", "_FORTIFY_SOURCE", "__CET__", "__SSP_STRONG__"):
                self.assertNotIn(name, macros)

    def test_preprocessor(self) -> None:
        self.write("one.c", "#include <limits.h>\nlong x = SSIZE_MAX;\n")
        self.assertIn("0x7fffffffffffffff", self.succeed(self.tool("cpp"), "one.c"))
        self.assertIn("0x7fffffffffffffff", self.succeed(self.tool("gcc"), "-E", "one.c"))

    def test_dependencies(self) -> None:
        self.write("own.h", "#define OWN 1\n")
        self.write("one.c", "#include <stdio.h>\n#include \"own.h\"\nint one = OWN;\n")
        self.assertEqual(self.succeed(self.tool("gcc"), "-MM", "one.c"), "one.o: one.c own.h\n")
        self.assertIn(f"{TRIPLE}/include/stdio.h", self.succeed(self.tool("gcc"), "-M", "one.c"))
        self.succeed(self.tool("gcc"), "-MD", "-MP", "-MF", "deps", "-c", "one.c")
        self.assertIn("own.h:", (self.work / "deps").read_text())

    def test_programs_that_the_compiler_names(self) -> None:
        """configure scripts ask for ld and friends."""
        for name in ("ld", "as"):
            path = self.succeed(self.tool("gcc"), f"-print-prog-name={name}").strip()
            self.assertIsNotNone(shutil.which(path), path)
        self.assertRegex(self.succeed(self.tool("gcc"), "-dumpversion"), r"^\d+")
        self.assertIn("GNU ld", self.succeed(self.tool("ld"), "-v"))
        self.assertEqual(self.succeed(self.tool("gcc"), "-print-multi-lib").strip(), ".;")

    def test_refusals(self) -> None:
        self.write("lib.c", "int f(void) { return 1; }")
        self.refuse(self.tool("gcc"), "-shared", "-fPIC", "lib.c", "-o", "lib.so",
                    saying="shared libraries do not exist on Xenolith")
        self.refuse(self.tool("gcc"), "-m32", "-c", "lib.c", saying="64-bit")
        self.refuse(self.tool("gcc"), "-fsanitize=address", "lib.c", saying="do not exist on Xenolith")
        self.refuse(self.tool("g++"), "lib.c", saying=r"C\+\+ is not supported yet")

    def test_pkg_config_sees_the_sysroot_only(self) -> None:
        if self.run_tool("pkg-config", "--version").returncode != 0:
            self.skipTest("no pkg-config here")
        self.write("host/pc/hostlib.pc", "Name: hostlib\nDescription: x\nVersion: 1\nLibs: -lhost\n")
        environment = {"PKG_CONFIG_PATH": str(self.work / "host" / "pc")}
        self.refuse(self.tool("pkg-config"), "--exists", "--print-errors", "hostlib", env=environment,
                    saying="hostlib")
        self.refuse(self.tool("pkg-config"), "--exists", "--print-errors", "zlib", saying="zlib")
        environment = {"XENOLITH_PKG_CONFIG_PATH": str(self.work / "host" / "pc")}
        self.assertIn("-lhost", self.succeed(self.tool("pkg-config"), "--libs", "hostlib",
                                             env=environment))


class Types(SdkCase):
    """The ABI: widths that every library and program is compiled with."""

    def test_widths(self) -> None:
        self.assertTrue(self.compiles("""
            #include <dirent.h>
            #include <limits.h>
            #include <pthread.h>
            #include <setjmp.h>
            #include <signal.h>
            #include <stdio.h>
            #include <sys/select.h>
            #include <sys/stat.h>
            #include <sys/types.h>
            #include <time.h>
            #define IS(type, bytes, is_signed) \\
                _Static_assert(sizeof(type) == (bytes), #type); \\
                _Static_assert(((type)-1 < (type)1) == (is_signed), #type " sign")
            IS(ino_t, 8, 0); IS(dev_t, 8, 0); IS(off_t, 8, 1); IS(time_t, 8, 1);
            IS(mode_t, 4, 0); IS(nlink_t, 4, 0); IS(uid_t, 4, 0); IS(gid_t, 4, 0);
            IS(pid_t, 4, 1); IS(id_t, 4, 0); IS(blkcnt_t, 8, 1); IS(blksize_t, 8, 1);
            IS(fsblkcnt_t, 8, 0); IS(fsfilcnt_t, 8, 0); IS(ssize_t, 8, 1); IS(clock_t, 8, 1);
            IS(suseconds_t, 8, 1); IS(sigset_t, 8, 0); IS(wchar_t, 4, 1); IS(pthread_t, 8, 0);
            _Static_assert(FD_SETSIZE == 1024 && sizeof(fd_set) == 128, "fd_set");
            _Static_assert(BUFSIZ == 4096 && PATH_MAX == 4096 && NAME_MAX == 255, "limits");
            _Static_assert(SSIZE_MAX == LONG_MAX && IOV_MAX == 1024 && FILENAME_MAX == 4096, "limits");
            _Static_assert(CLOCKS_PER_SEC == 1000000, "clock");
            _Static_assert(SIGRTMAX == 64 && NSIG == 65 && SIGRTMIN < SIGRTMAX, "signals");
            int flags = SA_RESTART | SA_SIGINFO | SA_NODEFER | SA_RESETHAND | SA_ONSTACK | SA_NOCLDSTOP;
            pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
            pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
            pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
            pthread_once_t once = PTHREAD_ONCE_INIT;
            int (*look)(const char *restrict, struct stat *restrict) = lstat;
            int (*at)(clockid_t, int, const struct timespec *, struct timespec *) = clock_nanosleep;
            int (*barrier)(pthread_barrier_t *) = pthread_barrier_wait;
            int (*spin)(pthread_spinlock_t *) = pthread_spin_lock;
            int (*timer)(clockid_t, struct sigevent *restrict, timer_t *restrict) = timer_create;
            struct dirent entry; sigjmp_buf jump;
            """, "-Wall", "-Werror"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
