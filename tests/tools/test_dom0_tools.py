"""The tools on libxenstore, under the sanitizers, with a xenstore made of lines in a file."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
TOOLS = HERE.parents[1] / "tools" / "dom0"
NAMES = ("xenolith-ps", "xenolith-wait", "xenolith-follow")

RUNNING = """/local/domain/0/name Domain-0
/local/domain/3/name web
/local/domain/3/data/xenolith/version 0.1.0
/local/domain/3/data/xenolith/stage main
!/local/domain/3/data/xenolith/memory-kib 32768
!/local/domain/3/data/xenolith/memory-used-kib 1400
!/local/domain/3/data/xenolith/threads 2
!/local/domain/3/data/xenolith/uptime-ms 61500
"""


@unittest.skipUnless(shutil.which("gcc"), "gcc is not installed")
class ToolCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.build = tempfile.TemporaryDirectory(prefix="xenolith-test-")
        cls.folder = Path(cls.build.name)
        shared = [str(path) for path in TOOLS.glob("*.c") if path.stem not in NAMES]
        for name in NAMES:
            subprocess.run(["gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra",
                            "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o",
                            str(cls.folder / name), str(TOOLS / f"{name}.c"), *shared,
                            str(HERE / "fake_xenstore.c")], check=True)
        # A stand-in for xl: says what the test has written into its file.
        (cls.folder / "xl").write_text(f"#!/bin/sh\ncat {cls.folder}/xl.out\n")
        (cls.folder / "xl").chmod(0o755)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.build.cleanup()

    def tool(self, name: str, *argv: str, store: str | None = RUNNING, xl: str = "",
             status: int = 0) -> str:
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}",
                       "ASAN_OPTIONS": "detect_leaks=0", "TZ": "UTC"}
        environment.pop("FAKE_XENSTORE", None)
        if store is not None:
            (self.folder / "store").write_text(store)
            environment["FAKE_XENSTORE"] = str(self.folder / "store")
        (self.folder / "xl.out").write_text(xl)
        ran = subprocess.run([str(self.folder / name), *argv], capture_output=True, text=True,
                             timeout=120, env=environment, errors="backslashreplace")
        self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
        self.err = ran.stderr
        return ran.stdout


class WhatAllHave(ToolCase):
    def test_help_and_version_need_no_xen(self):
        for name in NAMES:
            self.assertTrue(self.tool(name, "--help", store=None).startswith(f"usage: {name}"))
            self.assertRegex(self.tool(name, "--version", store=None), rf"^{name} \d+\.\d+\.\d+\n$")

    def test_no_xenstore_is_one_clear_line(self):
        for name in NAMES:
            self.tool(name, *(["3"] if name != "xenolith-ps" else []), store=None, status=125)
            self.assertRegex(self.err, rf"^{name}: no xenstore here: .*root in dom0.*\n$")

    def test_mistakes_on_the_command_line(self):
        for name, *argv in (("xenolith-ps", "web"), ("xenolith-ps", "--wait", "soon"),
                            ("xenolith-ps", "--nothing"), ("xenolith-wait",),
                            ("xenolith-wait", "a", "b"), ("xenolith-wait", "-t", "-3", "web"),
                            ("xenolith-wait", "-t", "nan", "web"), ("xenolith-follow",),
                            ("xenolith-follow", "-i", "5x", "web"), ("xenolith-follow", "-i", "0", "web")):
            with self.subTest(argv=(name, *argv)):
                self.assertEqual(self.tool(name, *argv, status=125), "")
                self.assertIn(name, self.err)

    def test_nobody_by_that_name_or_number(self):
        for name in NAMES[1:]:
            for which in ("nobody", "4", "99999999999999999999", "-1x", "x" * 500):
                self.tool(name, "--", which, status=125)
                self.assertIn("no domain", self.err)


class TheList(ToolCase):
    def one(self, store: str, *argv: str, xl: str = "") -> dict:
        lines = self.tool("xenolith-ps", "--json", "-w", "0.2", *argv, store=store,
                          xl=xl).splitlines()
        self.assertEqual(len(lines), 1, lines)
        return json.loads(lines[0])

    def test_a_guest_that_answers(self):
        self.assertEqual(self.one(RUNNING), {
            "name": "web", "id": 3, "xenolith": True, "version": "0.1.0", "stage": "main",
            "uptime-ms": 61500, "memory-kib": 32768, "memory-used-kib": 1400, "threads": 2,
            "exit-status": None, "state": "running"})
        self.assertRegex(self.tool("xenolith-ps"), r"web +3 0\.1\.0 +main +32 MiB +1400 KiB +2 +"
                                                   r"1 min 01 s +running\n$")

    def test_others_only_when_asked_for(self):
        store = "/local/domain/7/name linux\n"
        self.assertEqual(len(self.tool("xenolith-ps", store=store).splitlines()), 1)
        row = self.one(store, "--all", xl="Name ID Mem VCPUs State Time(s)\nlinux 7 512 1 r----- 9.1\n")
        self.assertEqual((row["xenolith"], row["state"]), (False, "running"))

    def test_one_that_does_not_answer(self):
        store = RUNNING.replace("!", "#")
        for letters, state in (("-b----", "silent"), ("--p---", "paused"), ("---s--", "shut down"),
                               ("---sc-", "crashed"), ("----cd", "dying")):
            row = self.one(store, xl=f"Name ID\na 3 b c  3  32  1\t{letters}   0.1\n")
            self.assertEqual((row["state"], row["uptime-ms"]), (state, None))
        self.assertEqual(self.one(store, xl="no such thing\n")["state"], "unknown")

    def test_figures_of_an_earlier_query_are_not_shown_as_new(self):
        self.assertIsNone(self.one(RUNNING.replace("!", ""))["uptime-ms"])

    def test_how_it_ended(self):
        for word, status, state in (("0", 0, "exited 0"), ("255", 255, "exited 255"),
                                    ("crash", None, "crashed")):
            row = self.one(RUNNING + f"/local/domain/3/data/xenolith/exit-status {word}\n")
            self.assertEqual((row["exit-status"], row["state"]), (status, state))

    def test_what_breaks_the_rules_is_not_there(self):
        root = "/local/domain/3/data/xenolith/"
        for key, field, value in (
                ("exit-status", "exit-status", "256"), ("exit-status", "exit-status", "-1"),
                ("exit-status", "exit-status", "1 "), ("exit-status", "exit-status", "%00"),
                ("exit-status", "exit-status", ""), ("exit-status", "exit-status", "9" * 4000),
                ("memory-kib", "memory-kib", "99999999999999"), ("memory-kib", "memory-kib", "0x20"),
                ("threads", "threads", "1000001"), ("threads", "threads", "18446744073709551617"),
                ("stage", "stage", "%1b[2J"), ("stage", "stage", "a" * 24), ("stage", "stage", "a%00b"),
                ("stage", "stage", "%22")):
            with self.subTest(key=key, value=value[:30]):
                row = self.one(RUNNING.replace(f"!{root}{key} ", f"#{root}{key} ") +
                               f"{root}{key} {value}\n")
                self.assertIn(row[field], (None, ""))
                self.assertEqual(row["name"], "web")

    def test_a_name_cannot_play_tricks(self):
        for name, shown in (("a%1bb%0a", "a?b?"), ("%22,%22id%22:1", "?,?id?:1"), ("%ff%fe", "??"),
                            ("n" * 200, "?"), ("", "?")):
            row = self.one(RUNNING.replace("name web", f"name {name}"))
            self.assertEqual(row["name"], shown)

    def test_numbers_that_are_no_domains(self):
        store = RUNNING + "".join(f"/local/domain/{odd}/data/xenolith/version 1\n"
                                  for odd in ("x", "32768", "-4", "3x", "99999999999"))
        self.assertEqual(self.one(store)["id"], 3)


class Waiting(ToolCase):
    ROOT = "/local/domain/3/data/xenolith/"

    def test_one_that_has_ended_already(self):
        for word, status in (("0", 0), ("42", 42), ("255", 255), ("crash", 126)):
            self.tool("xenolith-wait", "web", store=RUNNING + f"{self.ROOT}exit-status {word}\n",
                      status=status)

    def test_an_exit_status_out_of_range_is_no_end(self):
        self.tool("xenolith-wait", "-t", "0.2", "3", store=RUNNING + f"{self.ROOT}exit-status 300\n",
                  status=124, xl="web 3 32 1 -b---- 0.1\n")
        self.assertIn("still runs", self.err)

    def test_ended_without_a_word(self):
        for letters, status, words in (("---sc-", 126, "crashed"), ("---s--", 125, "no exit status")):
            self.tool("xenolith-wait", "web", xl=f"web 3 32 1 {letters} 0.1\n", status=status)
            self.assertIn(words, self.err)

    def test_somebody_elses_end_is_not_ours(self):
        self.tool("xenolith-wait", "-t", "0.2", "web", xl="web 3 32 1 r----- 0.1\n", status=124)


class Following(ToolCase):
    def test_lines_for_what_changes_until_the_end(self):
        store = RUNNING + "!/local/domain/3/data/xenolith/exit-status 5\n"
        said = self.tool("xenolith-follow", "-i", "0.1", "web", store=store, xl="web 3 32 1 r----- 1.0\n")
        lines = [line.split(" ", 1)[1] for line in said.splitlines()]
        self.assertEqual(lines, ["version 0.1.0", "stage main",
                                 "uptime 61.500 s, memory 1400 of 32768 KiB, threads 2",
                                 "exit-status 5"])

    def test_keys_and_values_that_are_no_words_are_left_out(self):
        root = "/local/domain/3/data/xenolith/"
        store = RUNNING + f"{root}evil %1b[2J\n{root}E%1bVIL x\n{root}{'k' * 60} x\n{root}later ok\n"
        said = self.tool("xenolith-follow", "-t", "0.2", "web", store=store, status=124,
                         xl="web 3 32 1 r----- 1.0\n")
        self.assertNotIn("evil", said.lower())
        self.assertNotIn("kkk", said)
        self.assertIn("later ok\n", said)

    def test_a_domain_that_goes(self):
        store = RUNNING + "-/local/domain/3\n"
        said = self.tool("xenolith-follow", "-i", "0.1", "web", store=store,
                         xl="web 3 32 1 r----- 1.0\n")
        self.assertTrue(said.endswith("web is gone\n"), said)


if __name__ == "__main__":
    unittest.main()
