"""Packages: built once for each content, linked again when only libraries changed, failures explained."""
import contextlib
import hashlib
import io
import json
import os
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import TOOLS  # noqa: E402,F401

from cli import packages  # noqa: E402
from cli.errors import UserError  # noqa: E402
from deps.package import TRIPLE, main  # noqa: E402

# Its "compiler" copies; calls are counted in files beside the work tree.
CONFIGURE = "#!/bin/sh\necho x >>../../configured\necho \"CFLAGS=$CFLAGS\" >settings\n"
BUILD = ("#!/bin/sh\necho x >>../../built\n[ -e prog.o ] || { echo x >>../../compiled; cp prog.c prog.o; }\n"
         "grep -q BROKEN prog.c && { echo 'prog.c:1: broken'; exit 3; }\n"
         "[ -e prog ] || cat prog.o settings \"$1/lib/libc.a\" >prog\n")


class PackageCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = Path(folder.name)
        self.sdk = self.top / "sdk"
        lib = self.sdk / TRIPLE / "lib"
        for path in (lib, self.sdk / TRIPLE / "include", self.sdk / "bin", self.top / "deps"):
            path.mkdir(parents=True)
        (lib / "xenolith.specs").write_text("specs")
        self.library("puts", "code")
        (self.sdk / TRIPLE / "include" / "stdio.h").write_text("int puts();")
        # nm: a library's symbols are its first line.
        for name, text in (("gcc", "echo 'gcc version 12' >&2"),
                           ("nm", 'while [ "$1" != -j ]; do shift; done; shift; head -q -n 1 "$@"')):
            tool = self.sdk / "bin" / f"{TRIPLE}-{name}"
            tool.write_text(f"#!/bin/sh\n{text}\n")
            tool.chmod(0o755)
        self.pins = self.top / "pins.json"
        self.release("int main;")
        environment = {"XDG_CACHE_HOME": str(self.top / "cache"), "XENOLITH_DEPS_DIR": str(self.top / "deps"),
                       "CFLAGS": "-DFOR_THE_HOST"}
        patched = mock.patch.dict(os.environ, environment)
        patched.start()
        self.addCleanup(patched.stop)

    def library(self, symbols: str, code: str) -> None:
        (self.sdk / TRIPLE / "lib" / "libc.a").write_text(f"{symbols}\n{code}\n")

    def release(self, source: str) -> None:
        """prog's sources, packed and pinned; a file name for each content, as versions have."""
        name = f"prog_{hashlib.sha256(source.encode()).hexdigest()[:8]}.tar"
        with tarfile.open(self.top / "deps" / name, "w") as archive:
            for file, text in (("prog.c", source), ("configure", CONFIGURE), ("build", BUILD)):
                info = tarfile.TarInfo(f"prog-1/{file}")
                info.size, info.mode = len(text), 0o755
                archive.addfile(info, io.BytesIO(text.encode()))
        digest = hashlib.sha256((self.top / "deps" / name).read_bytes()).hexdigest()
        self.pins.write_text(json.dumps({"prog": {"version": "1", "file": name, "sha256": digest,
                                                  "source_package": "prog", "suite": "none"}}))

    def build(self, where: str = "build", status: int = 0) -> str:
        """What it said; the image is in self.top/where/prog."""
        (self.top / where).mkdir(exist_ok=True)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(main([str(self.sdk), str(self.pins), "prog", str(self.top / where), "DIRECTORY",
                                   "WITH", "FILES", "prog", "CONFIGURE", "./configure", "BUILD", "./build",
                                   f"@SDK@/{TRIPLE}"]), status, said.getvalue())
        return said.getvalue()

    def count(self, what: str, where: str = "build") -> int:
        path = self.top / where / what
        return len(path.read_text()) // 2 if path.exists() else 0


class Building(PackageCase):
    def test_the_image_is_made_for_guests_and_can_run(self):
        self.build()
        image = self.top / "build" / "prog"
        self.assertEqual(image.read_text(), "int main;CFLAGS=\nputs\ncode\n")

    def test_another_build_directory_has_it_from_the_cache(self):
        self.build()
        self.build("other")
        self.assertEqual((self.count("built"), self.count("built", "other")), (1, 0))
        self.assertEqual((self.top / "other" / "prog").read_bytes(), (self.top / "build" / "prog").read_bytes())

    def test_new_code_in_a_library_is_linked_and_nothing_compiled(self):
        self.build()
        self.library("puts", "better code")
        self.build()
        self.assertIn("better code", (self.top / "build" / "prog").read_text())
        self.assertEqual([self.count(what) for what in ("configured", "compiled", "built")], [1, 1, 2])

    def test_a_new_symbol_a_header_or_the_sources_start_over(self):
        self.build()
        self.library("puts gets", "code")
        self.build()
        (self.sdk / TRIPLE / "include" / "stdio.h").write_text("int puts(), gets();")
        self.build()
        self.release("int main, more;")
        self.build()
        self.assertEqual([self.count(what) for what in ("configured", "compiled")], [4, 4])
        self.assertIn("more", (self.top / "build" / "prog").read_text())

    def test_a_failure_shows_its_cause_and_leaves_nothing(self):
        self.release("BROKEN")
        said = self.build(status=1)
        self.assertIn("prog.c:1: broken\n", said)
        self.assertIn("ended with status 3; the whole log is ", said)
        self.assertFalse((self.top / "build" / "prog").exists())
        self.assertEqual(list((self.top / "cache" / "xenolith" / "packages").glob("*/")), [])

    def test_a_wrong_sum_is_refused(self):
        table = json.loads(self.pins.read_text())
        table["prog"]["sha256"] = "0" * 64
        self.pins.write_text(json.dumps(table))
        self.assertIn("not the pinned " + "0" * 64, self.build(status=1))


class Described(PackageCase):
    def describe(self, text: str) -> None:
        (self.top / "xenolith-packages").mkdir()
        (self.top / "xenolith-packages" / "prog").write_text(text)

    def test_programs_in_their_order_and_needs(self):
        self.describe("program /b/server\nprogram /b/client with space\nneeds tclsh\n")
        self.assertEqual(list(packages.programs(self.top)), ["server", "client with space"])
        self.assertEqual([need.packages for need in packages.needs(self.top)], [("tcl",)])

    def test_an_unknown_need_is_named(self):
        self.describe("needs fortune\n")
        with self.assertRaisesRegex(UserError, "fortune"):
            packages.needs(self.top)

    def test_a_project_without_packages(self):
        self.assertEqual(packages.programs(self.top), {})


if __name__ == "__main__":
    unittest.main()
