"""Builds: what is up to date, which executables a project has, who waits for whom."""
import json
import os
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import TOOLS  # noqa: E402,F401

from cli import prereq  # noqa: E402
from cli.build import (build_directory, build_file, build_program, dependencies,  # noqa: E402
                       executables, locked)
from cli.errors import UserError  # noqa: E402
from cli.layout import TRIPLE, Layout  # noqa: E402
from cli.progress import Progress  # noqa: E402

# A compiler that writes its source and a dependency file, and counts its calls.
FAKE_GCC = """#!/bin/sh
echo call >> "$(dirname "$0")/calls"
while [ $# -gt 0 ]; do
    case "$1" in -o) shift; out=$1;; -MF) shift; dep=$1;; *.c) src=$1;; esac; shift
done
grep -q BROKEN "$src" && { echo "$src:1: error: broken" >&2; exit 1; }
printf '%s: %s %s\\n' out "$(printf %s "$src" | sed 's/ /\\\\ /g')" "$(dirname "$src" | sed 's/ /\\\\ /g')/part.h" > "$dep"
cp "$src" "$out"
"""


class SdkCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        sdk = self.top / "build" / "sdk"
        (sdk / "bin").mkdir(parents=True)
        (sdk / TRIPLE / "lib").mkdir(parents=True)
        gcc = sdk / "bin" / f"{TRIPLE}-gcc"
        gcc.write_text(FAKE_GCC)
        gcc.chmod(0o755)
        build = self.top / "build"
        self.layout = Layout(self.top / "tools", self.top, build, sdk, build / "run")
        self.source = self.top / "my source" / "prog.c"
        self.source.parent.mkdir()
        self.source.write_text("int main(void) { return 0; }\n")
        (self.source.parent / "part.h").write_text("")
        for path in (gcc, self.source, self.source.parent / "part.h"):
            os.utime(path, (1, 1))

    def calls(self) -> int:
        path = self.layout.sdk / "bin" / "calls"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def build(self) -> Path:
        return build_file(self.source, self.layout, Progress(quiet=True))


class AFileIsCompiledWhenItMustBe(SdkCase):
    def test_once_and_then_not_again(self):
        self.assertEqual(self.build(), self.build())
        self.assertEqual(self.calls(), 1)

    def test_again_when_the_source_a_header_or_the_sdk_is_newer(self):
        self.build()
        header = self.source.parent / "part.h"
        library = self.layout.sdk_libraries / "libc.a"
        library.write_text("")
        os.utime(library, (1, 1))
        for number, path in enumerate((self.source, header, library), start=2):
            future = time.time() + 100
            os.utime(path, (future, future))
            self.build()
            self.assertEqual(self.calls(), number, path.name)
            os.utime(path, (1, 1))

    def test_nothing_is_written_beside_the_source(self):
        self.build()
        self.assertEqual(sorted(p.name for p in self.source.parent.iterdir()), ["part.h", "prog.c"])

    def test_a_source_that_does_not_compile_leaves_no_old_image(self):
        image = self.build()
        self.source.write_text("BROKEN")
        with self.assertRaises(UserError):
            self.build()
        self.assertFalse(image.exists())

    def test_two_sources_of_one_name_have_two_images(self):
        other = self.top / "other" / "prog.c"
        other.parent.mkdir()
        other.write_text("")
        (other.parent / "part.h").write_text("")
        self.assertNotEqual(self.build(), build_file(other, self.layout, Progress(quiet=True)))


class ADirectoryIsAskedForItsExecutables(SdkCase):
    def reply(self, *targets: tuple[str, str]) -> Path:
        work = self.top / "work"
        reply = work / ".cmake" / "api" / "v1" / "reply"
        reply.mkdir(parents=True)
        listed = []
        for name, kind in targets:
            (reply / f"{name}.json").write_text(json.dumps(
                {"name": name, "type": kind, "artifacts": [{"path": f"out/{name}"}]}))
            listed.append({"jsonFile": f"{name}.json"})
        (reply / "codemodel-v2-1.json").write_text(
            json.dumps({"configurations": [{"targets": listed}]}))
        return work

    def test_libraries_are_not_executables(self):
        work = self.reply(("app", "EXECUTABLE"), ("lib", "STATIC_LIBRARY"))
        self.assertEqual(executables(work), {"app": work / "out" / "app"})

    def test_a_directory_without_cmakelists(self):
        with self.assertRaises(UserError) as caught:
            build_directory(self.source.parent, None, self.layout, Progress(quiet=True))
        self.assertIn("CMakeLists.txt", caught.exception.cause)

    def test_a_missing_program_is_said_before_anything_is_built(self):
        with self.assertRaises(UserError) as caught:
            build_program("nowhere/x.c", self.layout, Progress(quiet=True))
        self.assertIn("no such file", caught.exception.cause)


class RulesOfMake(unittest.TestCase):
    def test_continued_lines_and_blanks_in_names(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "d"
            path.write_text("a b.o: my\\ file.c \\\n  x.h \\\n /y/$$z.h\n")
            self.assertEqual(dependencies(path), ["my file.c", "x.h", "/y/$z.h"])


class TwoBuildsOfOneDirectory(unittest.TestCase):
    def test_the_second_waits_for_the_first(self):
        with tempfile.TemporaryDirectory() as folder:
            order = []

            def second():
                with locked(Path(folder), Progress(quiet=True)):
                    order.append("second")

            with locked(Path(folder), Progress(quiet=True)):
                thread = threading.Thread(target=second)
                thread.start()
                time.sleep(0.2)
                order.append("first")
            thread.join()
            self.assertEqual(order, ["first", "second"])

    def test_a_place_that_cannot_be_written_is_one_clear_error(self):
        with self.assertRaises(UserError) as caught:
            with locked(Path("/proc/nowhere"), Progress(quiet=True)):
                pass
        self.assertIn("cannot write", caught.exception.cause)


class MissingThings(unittest.TestCase):
    ABSENT = [prereq.Need("a thing", ("thing-dev",), lambda: False)]

    def test_are_named_with_the_command_and_nothing_is_installed(self):
        with self.assertRaises(UserError) as caught:
            prereq.ensure(self.ABSENT, Progress(quiet=True), install=False)
        self.assertIn("a thing", caught.exception.cause)
        self.assertIn("thing-dev", caught.exception.cure)

    def test_the_variable_refuses_as_the_option_does(self):
        os.environ["XENOLITH_NO_INSTALL"] = "1"
        self.addCleanup(os.environ.pop, "XENOLITH_NO_INSTALL")
        with self.assertRaises(UserError):
            prereq.ensure(self.ABSENT, Progress(quiet=True))

    def test_nothing_among_the_needs_is_a_kernel_or_a_hypervisor(self):
        packages = [p for need in prereq.BUILD + prereq.TESTBED + prereq.TEST for p in need.packages]
        for package in packages:
            self.assertNotRegex(package, r"xen-(hypervisor|system|utils)|linux-image|grub")

    def test_a_probe_tells_the_truth(self):
        self.assertTrue(prereq.has_program("sh")())
        self.assertFalse(prereq.has_program("sh", "no-such-program-here")())
        self.assertFalse(prereq.compiles("no/such/header.h")())
        self.assertFalse(prereq.has_version("no-such-program-here", (1, 0))())


if __name__ == "__main__":
    unittest.main()
