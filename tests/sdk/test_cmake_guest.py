"""Does `ctest` of a user's CMake project boot its tests as guests, and try_run its probes?"""
from __future__ import annotations

import os
import secrets
import subprocess
import unittest

from cmake_case import PROJECT, CMakeCase

COMMAND = os.environ.get("XENOLITH_COMMAND", "xenolith")


class Guests(CMakeCase):
    def test_ctest_runs_guests(self) -> None:
        """Exit status and output are the guest's: a test that should fail does."""
        self.configure(PROJECT)
        self.build()
        ran = self.run_tool("ctest", "--test-dir", "build", "--output-on-failure")
        told = ran.stdout + ran.stderr
        for name in ("succeeds", "says", "fails_as_expected"):
            self.assertRegex(told, rf"{name} \.+ +Passed", told)
        self.assertRegex(told, r"fails \.+\*\*\*Failed", told)
        self.assertIn("1 tests failed out of 4", told)
        self.assertNotEqual(ran.returncode, 0)
        log = (self.work / "build" / "Testing" / "Temporary" / "LastTest.log").read_text()
        self.assertIn("x86_64-xenolith-elf-run", log)

    def test_xl_takes_the_configuration_as_it_is(self) -> None:
        """Image and configuration copied to dom0, then `xl create` beside them."""
        self.configure(PROJECT)
        self.build()
        name = f"app-{secrets.token_hex(4)}"
        self.dom0(f"mkdir /tmp/{name}")
        for file in ("app", "app.cfg"):
            self.dom0(f"cat > /tmp/{name}/{file}", (self.work / "build" / file).read_bytes())
        console = f"/var/log/xen/console/guest-{name}.log"
        said = self.dom0(f"""
            cd /tmp/{name} && xl create app.cfg 'name="{name}"' || exit 1
            for i in $(seq 600); do xl domid {name} >/dev/null 2>&1 || break; sleep 0.1; done
            cat {console}; rm -r /tmp/{name}
            """)
        self.assertIn("1.2: it's a \"test\"", said)
        self.assertIn("xenolith: exit status 0", said)

    def dom0(self, script: str, stdin: bytes = b"") -> str:
        """Run a shell script in the testbed's dom0."""
        ran = subprocess.run([COMMAND, "host", "exec", "--", "sh", "-c", script], input=stdin,
                             capture_output=True, check=False)
        told = (ran.stdout + ran.stderr).decode(errors="replace")
        self.assertEqual(ran.returncode, 0, told)
        return told

    def test_try_run_boots_a_guest(self) -> None:
        self.write("probe/CMakeLists.txt", """
            cmake_minimum_required(VERSION 3.16)
            project(probe C)
            file(WRITE ${CMAKE_BINARY_DIR}/try.c "#include <stdio.h>
            int main(void) { printf(\\"%s and %d\\", \\"told\\", (int)sizeof(long)); return 5; }")
            try_run(STATUS COMPILED ${CMAKE_BINARY_DIR}/try ${CMAKE_BINARY_DIR}/try.c
                RUN_OUTPUT_VARIABLE SAID)
            set(SAID "${SAID}" CACHE STRING "")
            include(CheckCSourceRuns)
            check_c_source_runs("int main(void) { return 0; }" RUNS)
            check_c_source_runs("int main(void) { return 1; }" RUNS_BADLY)
            """)
        self.configure(self.work / "probe")
        cache = self.cache()
        self.assertEqual((cache["COMPILED"], cache["STATUS"]), ("TRUE", "5"))
        self.assertEqual(cache["SAID"], "told and 8")
        self.assertEqual((cache["RUNS"], cache["RUNS_BADLY"]), ("1", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
