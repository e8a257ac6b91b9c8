"""Does an installed and moved SDK configure and build an unmodified CMake project, truthfully?"""
from __future__ import annotations

import unittest
from pathlib import Path

from cmake_case import PROJECT, CMakeCase

PRESENT = ["HAVE_strlcpy", "HAVE_open_memstream", "HAVE_nanosleep", "HAVE_fork", "HAVE_O_CLOEXEC",
           "HAVE_STRDUP", "HAVE_XENOLITH_MACRO", "HAVE_stdint_h", "HAVE_unistd_h",
           "HAVE_sys_epoll_h", "HAVE_ST_MTIM", "HAVE_SIN_IN_LIBM", "COMPILES"]
ABSENT = ["HAVE_no_such_function", "HAVE_gnu_get_libc_version", "HAVE_pledge",
          "HAVE__NSGetExecutablePath", "HAVE_LINUX_MACRO", "HAVE_linux_futex_h", "HAVE_windows_h",
          "HAVE_zlib_h", "HAVE_mach_mach_h", "HAVE_INFLATE_IN_LIBZ", "COMPILES_NONSENSE",
          "ZLIB_WAS_FOUND", "OPENSSL_WAS_FOUND", "CURL_WAS_FOUND", "XENSTORE_WAS_FOUND",
          "XENSTORE_LIBRARY", "XEN_HEADERS", "CMAKE_CXX_COMPILER", "CMAKE_Fortran_COMPILER"]
FALSE = ("", "0", "FALSE", "OFF", "NO")

CONFIGURATION = """\
name = "app"
type = "pv"
kernel = "app"
memory = 16
vcpus = 2
cmdline = "env.GREETING='hello world' -- say 'it'\\\\''s a \\"test\\"'"
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
"""


class Project(CMakeCase):
    def test_answers_are_true(self) -> None:
        """Libraries and headers of the building machine do not count, whatever is installed there."""
        self.configure(PROJECT)
        cache = self.cache()
        for name in PRESENT:
            with self.subTest(name=name):
                self.assertEqual(cache.get(name), "1")
        for name in ABSENT:
            with self.subTest(name=name):
                value = cache.get(name, "no answer")
                self.assertTrue(value in FALSE or value.endswith("NOTFOUND"), value)
        self.assertEqual(Path(cache["MATH_LIBRARY"]), self.sdk / "x86_64-xenolith-elf/lib/libm.a")

    def test_a_plain_executable_is_an_image(self) -> None:
        for generator in ("Ninja", "Unix Makefiles"):
            with self.subTest(generator=generator):
                self.run_tool("rm", "-rf", "build")
                self.configure(PROJECT, generator=generator)
                self.build()
                self.assert_image(self.work / "build" / "app")

    def test_build_types(self) -> None:
        for kind in ("Debug", "Release", "RelWithDebInfo", "MinSizeRel"):
            with self.subTest(kind=kind):
                self.configure(PROJECT, f"-DCMAKE_BUILD_TYPE={kind}",
                               "-DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON")
                self.build()
                self.assert_image(self.work / "build" / "app")

    def test_install_and_strip(self) -> None:
        self.configure(PROJECT)
        self.build()
        self.succeed("cmake", "--install", "build", "--prefix", "there", "--strip")
        self.assert_image(self.work / "there" / "bin" / "app")
        self.assertTrue((self.work / "there" / "lib" / "libwords.a").is_file())

    def test_configuration_for_xl(self) -> None:
        self.configure(PROJECT)
        self.assertEqual((self.work / "build" / "app.cfg").read_text(), CONFIGURATION)

    def test_configuration_refuses_nonsense(self) -> None:
        for arguments, words in (("MEMORY 3", "MEMORY 4"), ("MEMORY lots", "is no number"),
                                 ("ENV 1X=2", "not NAME=VALUE"), ("MEMROY 16", "unknown argument MEMROY")):
            with self.subTest(arguments=arguments):
                self.write("bad/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\n"
                           "project(bad C)\nadd_executable(bad bad.c)\n"
                           f"xenolith_guest(bad {arguments})\n")
                self.write("bad/bad.c", "int main(void) { return 0; }\n")
                self.refuse("cmake", "-S", "bad", "-B", "bad/build", self.toolchain, saying=words)

    def test_libraries_of_ones_own_are_found(self) -> None:
        """Built for guests and installed somewhere: named in CMAKE_PREFIX_PATH, as anywhere."""
        self.configure(PROJECT)
        self.build()
        self.succeed("cmake", "--install", "build", "--prefix", "there")
        self.write("user/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\nproject(user C)\n"
                   "find_library(WORDS words REQUIRED)\nfind_path(WORDS_H words.h REQUIRED)\n"
                   "add_executable(user user.c)\ntarget_link_libraries(user ${WORDS})\n"
                   "target_include_directories(user PRIVATE ${WORDS_H})\n")
        self.write("user/user.c", "#include <words.h>\nint main(void) { words_say(\"x\"); }\n")
        self.succeed("rm", "-rf", "build")
        self.configure(self.work / "user", f"-DCMAKE_PREFIX_PATH={self.work}/there")
        self.build()
        self.assert_image(self.work / "build" / "user")

    def test_threads_are_found(self) -> None:
        self.write("threads/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\n"
                   "project(threads C)\nfind_package(Threads REQUIRED)\n"
                   "add_executable(threads threads.c)\n"
                   "target_link_libraries(threads Threads::Threads)\n")
        self.write("threads/threads.c", "#include <pthread.h>\n"
                   "static void *run(void *arg) { return arg; }\n"
                   "int main(void) { pthread_t t; return pthread_create(&t, 0, run, 0); }\n")
        self.configure(self.work / "threads")
        self.build()
        self.assert_image(self.work / "build" / "threads")


class OtherLanguages(CMakeCase):
    def project(self, line: str, source: str) -> Path:
        self.write("other/CMakeLists.txt", "cmake_minimum_required(VERSION 3.16)\n"
                   f"{line}\nadd_executable(other {source})\n")
        self.write(f"other/{source}", "int main(void) { return 0; }\n")
        return self.work / "other"

    def test_cxx_is_a_clear_error(self) -> None:
        for line in ("project(other CXX)", "project(other)", "project(other C)\nenable_language(CXX)"):
            with self.subTest(line=line):
                self.succeed("rm", "-rf", "build")
                self.refuse("cmake", "-S", self.project(line, "other.cc"), "-B", "build",
                            self.toolchain, saying=r"Xenolith\s+has\s+no\s+C\+\+\s+yet")

    def test_fortran_is_a_clear_error(self) -> None:
        self.refuse("cmake", "-S", self.project("project(other Fortran)", "other.f90"), "-B", "build",
                    self.toolchain, saying=r"Xenolith\s+has\s+no\s+Fortran")

    def test_c_projects_that_name_no_language(self) -> None:
        self.configure(self.project("project(other)", "other.c"), "-DXENOLITH_NO_CXX=ON")
        self.build()
        self.assert_image(self.work / "build" / "other")
        self.project("project(other)", "other.cc")
        self.refuse("cmake", "--build", "build", saying=r"C\+\+ is not supported yet")

    def test_assembly(self) -> None:
        self.project("project(other C ASM)", "other.c two.S")
        (self.work / "other" / "other.c two.S").unlink()
        self.write("other/other.c", "int two(void); int main(void) { return two() - 2; }\n")
        self.write("other/two.S", ".globl two\ntwo: mov $2, %eax\n ret\n"
                   ".section .note.GNU-stack, \"\", @progbits\n")
        self.configure(self.work / "other")
        self.build()
        self.assert_image(self.work / "build" / "other")


if __name__ == "__main__":
    unittest.main(verbosity=2)
