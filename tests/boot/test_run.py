"""`xenolith run` as its user sees it: a program goes in, its output and its status come out."""
import signal
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, ROOT, BootCase  # noqa: E402

HELLO = '#include <stdio.h>\nint main(void) { puts("Hello, Xen!"); return 0; }\n'


class AProgramRuns(BootCase):
    def test_hello_prints_its_line_after_the_diagnostics_and_returns_0(self):
        ran = self.xenolith("run", ROOT / "examples" / "hello")
        self.assert_ran(ran, 0, b"Hello, Xen!\n")
        before = ran.stdout.split(b"Hello, Xen!\n")[0]
        for name in (b"on Xen ", b"magic:  xen-3.0-x86_64", b"nr_pages:  8192", b"console_mfn:",
                     b"mfn_list:", b"nr_p2m_frames:"):
            self.assertIn(name, before)

    def test_what_main_returns_is_what_run_returns(self):
        source = self.program("int main(void) { return 7; }\n")
        self.assert_ran(self.xenolith("run", source), 7)

    def test_what_exit_is_given_is_what_run_returns(self):
        source = self.program("#include <stdlib.h>\nint main(void) { exit(255); }\n")
        self.assert_ran(self.xenolith("run", source), 255)

    def test_quiet_leaves_only_what_the_program_wrote(self):
        ran = self.xenolith("run", "-q", self.program(HELLO))
        self.assert_ran(ran, 0)
        self.assertEqual((ran.stdout, ran.stderr), (b"Hello, Xen!\n", b""))

    def test_output_arrives_byte_for_byte(self):
        source = self.program('#include <stdio.h>\nint main(void) {\n'
                              'for (int round = 0; round < 40; round++)\n'
                              '    for (int i = 0; i < 256; i++) putchar(i);\n'
                              'return 0; }\n')
        ran = self.xenolith("run", "-q", source)
        self.assert_ran(ran, 0)
        self.assertEqual(ran.stdout, bytes(range(256)) * 40)

    def test_arguments_and_environment_reach_the_program(self):
        source = self.program(
            '#include <stdio.h>\n#include <stdlib.h>\nint main(int argc, char **argv) {\n'
            'for (int i = 1; i < argc; i++) printf("<%s>", argv[i]);\n'
            'printf(" %s\\n", getenv("GREETING")); return argc; }\n')
        ran = self.xenolith("run", "-q", source, "-e", "GREETING=hello, you", "--",
                            "one", "two words", "", "it's", 'a "quote"', "back\\slash", "-m", "--", "x=y")
        self.assert_ran(ran, 10)
        self.assertEqual(ran.stdout, b"<one><two words><><it's><a \"quote\"><back\\slash><-m><--><x=y>"
                                     b" hello, you\n")

    def test_it_begins_in_the_directory_that_was_asked_for(self):
        source = self.program('#include <stdio.h>\n#include <unistd.h>\nint main(void) {\n'
                              'char at[100]; puts(getcwd(at, sizeof(at))); return 0; }\n')
        ran = self.xenolith("run", "-q", source, "--extra", "cwd=/tmp")
        self.assert_ran(ran, 0)
        self.assertEqual(ran.stdout, b"/tmp\n")
        self.assert_ran(self.xenolith("run", source, "--extra", "cwd=/nowhere"), 125,
                        b"cwd=/nowhere: No such file or directory")

    def test_the_memory_that_was_asked_for_is_there(self):
        ran = self.xenolith("run", "-m", "64M", self.program(HELLO))
        self.assert_ran(ran, 0, b"nr_pages:  16384")

    def test_a_ready_image_runs_from_another_directory_and_with_blanks_in_its_name(self):
        image = self.folder / "my image"
        built = self.xenolith("build", self.program(HELLO, "my prog/my file.c"), "-o", image)
        self.assert_ran(built, 0)
        elsewhere = self.folder / "else where"
        elsewhere.mkdir()
        self.assert_ran(self.xenolith("run", "../my image", cwd=elsewhere), 0, b"Hello, Xen!\n")
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_a_directory_with_a_cmakelists_is_built_and_stays_as_it_is(self):
        self.program(HELLO, "app/app.c")
        self.program("cmake_minimum_required(VERSION 3.16)\nproject(app C)\n"
                     "add_executable(app app.c)\nadd_executable(other app.c)\n",
                     "app/CMakeLists.txt")
        ran = self.xenolith("run", "app")
        self.assert_ran(ran, 125)
        self.assertIn(b"app:other", ran.stderr)
        self.assert_ran(self.xenolith("run", "app:other"), 0, b"Hello, Xen!\n")
        self.assertEqual(sorted(p.name for p in (self.folder / "app").iterdir()),
                         ["CMakeLists.txt", "app.c"])


class StdinReachesTheGuest(BootCase):
    def test_a_pipe_is_read_to_its_end(self):
        source = self.program(
            '#include <stdio.h>\nint main(void) { char line[200]; int n = 0;\n'
            'while (fgets(line, sizeof line, stdin)) { n++; printf("%d: %s", n, line); fflush(stdout); }\n'
            'printf("end\\n"); return n; }\n')
        ran = self.xenolith("run", "-q", source, stdin=b"first\nsecond line\nthird\n")
        self.assert_ran(ran, 3, b"2: second line\n")
        self.assertTrue(ran.stdout.endswith(b"end\n"), ran.stdout)


class TheTerminalIsATerminal(BootCase):
    """tests/guest/terminal, and what is typed to it: only after it said that it is ready for it."""

    def type_to(self, how: str, *exchanges: tuple[bytes, bytes]) -> tuple[bytes, int]:
        """Type each first and wait for each second; returns all output and the status."""
        child = self.start("run", "-q", ROOT / "tests" / "guest" / "terminal" / "main.c", "--", how,
                           stdin=subprocess.PIPE)
        seen = self.wait_for(child, b"ready\n")
        for keys, answer in exchanges:
            child.stdin.write(keys)
            child.stdin.flush()
            seen += self.wait_for(child, answer)
        child.stdin.close()
        seen += child.stdout.read()
        return seen, child.wait(BOUND_SECONDS)

    def test_lines_are_edited_before_they_are_read(self):
        seen, status = self.type_to(
            "lines",
            (b"heklo\x7f\x7f\x7fllo\n", b"[hello]\n"),                 # backspace
            (b"wrong\x15right\n", b"[right]\n"),                         # Ctrl-U
            (b"one two  \x17three\n", b"[one three]\n"),                 # Ctrl-W
            (b"a\x16\x7f\x16\x04b\r", b"[a\x7f\x04b]\n"),           # Ctrl-V; Enter is CR
            (b"\n", b"[]\n"),
            (b"half", b"half"),                                          # the echo
            (b"\x04\x04", b"[half]\nend\n"),                            # Ctrl-D: hands over, ends
            (b"more\n", b"[more]\n"))
        self.assertEqual(status, 0)
        self.assertIn(b"heklo\b \b\b \b\b \bllo", seen)                # how it looked
        self.assertTrue(seen.endswith(b"end\n"), seen)

    def test_raw_keys_come_one_by_one_and_without_echo(self):
        seen, status = self.type_to(
            "keys",
            (b"a", b"<61>"),
            (b"\x03\x04\x1a\r\n\x7f\x00\xff\x11\x13", b"<13>"),
            (b"q", b"five\n"),
            (b"123", b""),
            (b"45", b"cooked\n"),
            (b"line\n", b"[line\n]\n"))
        self.assertEqual(status, 0)
        self.assertEqual(seen, b"ready\n<61><03><04><1a><0d><0a><7f><00><ff><11><13><71>five\n"
                               b"<12345>cooked\nline\n[line\n]\n")

    def test_ctrl_c_is_sigint(self):
        seen, status = self.type_to(
            "interrupt",
            (b"forgotten\x03", b"interrupted\n"),
            (b"\x1c", b"quit\n"),                                       # Ctrl-backslash
            (b"kept\n", b"waiting\n"),
            (b"\x03", b"^C"))
        self.assertIn(b"[kept\n]\n", seen)
        self.assertEqual(status, 128 + signal.SIGINT)

    def test_ctrl_c_ends_a_program_that_knows_nothing_of_signals(self):
        child = self.start("run", "-q", self.program(
            '#include <stdio.h>\nint main(void) { puts("ready"); fflush(stdout); for (;;) ; }\n'),
            stdin=subprocess.PIPE)
        self.wait_for(child, b"ready\n")
        child.stdin.write(b"\x03")
        child.stdin.flush()
        self.assertEqual(child.wait(BOUND_SECONDS), 128 + signal.SIGINT)


class AProgramEndsBadly(BootCase):
    def test_a_crash_is_126_with_a_report_that_names_the_function(self):
        source = self.program(
            'int *nowhere;\n'
            '__attribute__((noinline)) int trip_over(int *p) { return *p + 1; }\n'
            'int main(void) { return trip_over(nowhere) * 2; }\n', "trip.c")
        ran = self.xenolith("run", source)
        self.assert_ran(ran, 126, b"trip_over+0x")
        self.assertRegex(ran.stdout, rb"#0 0x[0-9a-f]{16} trip_over\+0x[0-9a-f]+ \(trip\.c:2\)")
        self.assertIn(b"xenolith: crashed:", ran.stdout)

    def test_a_stack_that_is_used_up_is_called_that_with_the_function(self):
        ran = self.xenolith("run", "-q", self.program(
            '#include <string.h>\nstatic int deep(int n) { volatile char a[200]; memset((char *)a, n, 200);'
            ' return n < 0 ? 0 : deep(n + 1) + a[3]; }\nint main(void) { return deep(0); }\n'))
        self.assert_ran(ran, 126)
        self.assertRegex(ran.stderr, rb"a stack is used up, at (deep|memset)\+0x")

    def test_abort_is_126(self):
        source = self.program("#include <stdlib.h>\nint main(void) { abort(); }\n")
        self.assert_ran(self.xenolith("run", source), 126, b"xenolith: crashed:")

    def test_a_program_that_does_not_end_is_124_after_its_time(self):
        source = self.program('#include <stdio.h>\nint main(void) { puts("round"); for (;;) ; }\n')
        for seconds in ("5", "50", "500"):      # on a loaded machine it may not even have begun
            ran = self.xenolith("run", "--timeout", seconds, source)
            self.assert_ran(ran, 124)
            self.assertIn(f"still running after {seconds} s".encode(), ran.stderr)
            if b"round\n" in ran.stdout:
                return
        self.fail("it never began")

    def test_a_program_that_does_not_compile_is_125_with_the_compilers_words(self):
        ran = self.xenolith("run", self.program("int main(void) { return x; }\n"))
        self.assert_ran(ran, 125)
        self.assertIn(b"prog.c:1:", ran.stderr)
        self.assertEqual(ran.stdout, b"")


if __name__ == "__main__":
    unittest.main()
