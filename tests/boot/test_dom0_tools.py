"""The tools on libxenstore in a real dom0, on real guests."""
import json
import re
import secrets
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, BootCase  # noqa: E402

# Ends with the digit that comes on its console.
WAITING = """#include <stdio.h>
int main(void)
{
    char line[8];

    puts("begun");
    fflush(stdout);
    fgets(line, sizeof(line), stdin);
    return line[0] - '0';
}
"""


class Dom0Case(BootCase):
    def dom0(self, *argv: str) -> subprocess.CompletedProcess:
        return self.xenolith("host", "exec", "--", *argv)

    def start_guest(self) -> tuple[str, subprocess.Popen]:
        """A guest that runs until end_guest()."""
        name = f"tools-{secrets.token_hex(4)}"
        child = self.start("run", "-q", "--name", name, "-m", "16M", self.program(WAITING),
                           stdin=subprocess.PIPE)
        self.wait_for(child, b"begun\n")
        return name, child

    def end_guest(self, child: subprocess.Popen, status: int) -> None:
        child.stdin.write(b"%d\n" % status)
        child.stdin.flush()
        self.assertEqual(child.wait(BOUND_SECONDS), status)

    def create_kept(self, source: str) -> str:
        """A guest as a person makes it in dom0, kept after its end."""
        name = f"kept-{secrets.token_hex(4)}"
        image = self.folder / name
        self.assert_ran(self.xenolith("build", self.program(source), "-o", image), 0)
        config = self.xenolith("config", image, "--name", name, "-m", "16M", "--kernel",
                               f"/tmp/{name}")
        self.assert_ran(config, 0)
        text = config.stdout.replace(b'"destroy"', b'"preserve"')
        for path, data in ((f"/tmp/{name}", image.read_bytes()), (f"/tmp/{name}.cfg", text)):
            put = self.xenolith("host", "exec", "--", "sh", "-c", f"cat > {path}", stdin=data)
            self.assert_ran(put, 0)
        self.addCleanup(self.dom0, "sh", "-c", f"xl destroy {name}; rm /tmp/{name} /tmp/{name}.cfg")
        self.assert_ran(self.dom0("xl", "create", "-q", f"/tmp/{name}.cfg"), 0)
        return name


class TheListOfGuests(Dom0Case):
    def row(self, name: str) -> dict:
        ran = self.dom0("xenolith-ps", "--json", "--all")
        self.assert_ran(ran, 0)
        rows = [json.loads(line) for line in ran.stdout.splitlines()]
        found = [row for row in rows if row["name"] == name]
        self.assertEqual(len(found), 1, rows)
        return found[0]

    def test_a_running_guest_tells_of_itself_anew_each_time(self):
        name, child = self.start_guest()
        first = self.row(name)
        self.assertEqual((first["state"], first["stage"], first["memory-kib"], first["exit-status"]),
                         ("running", "main", 16384, None))
        self.assertGreater(first["threads"], 0)
        self.assertLess(0, first["memory-used-kib"])
        self.assertLess(first["memory-used-kib"], 16384)
        second = self.row(name)
        self.assertGreater(second["uptime-ms"], first["uptime-ms"])
        self.end_guest(child, 3)

    def test_the_table_and_xenolith_ps_show_the_same(self):
        name, child = self.start_guest()
        for argv in (("host", "exec", "--", "xenolith-ps"), ("ps",)):
            ran = self.xenolith(*argv)
            self.assert_ran(ran, 0)
            self.assertRegex(ran.stdout.decode(),
                             rf"{name} +\d+ +\S+ +main +16 MiB +\d+ KiB +\d+ +[\d.]+ s +running\n")
        self.end_guest(child, 0)

    def test_a_paused_guest_costs_only_the_bound(self):
        name, child = self.start_guest()
        self.assert_ran(self.dom0("xl", "pause", name), 0)
        row = self.row(name)
        self.assertEqual((row["state"], row["uptime-ms"]), ("paused", None))
        self.assert_ran(self.dom0("xl", "unpause", name), 0)
        self.assertEqual(self.row(name)["state"], "running")
        self.end_guest(child, 0)

    def test_ended_guests_that_are_kept(self):
        exited = self.create_kept("int main(void) { return 9; }\n")
        crashed = self.create_kept("int main(void) { return *(volatile int *)8; }\n")
        self.assertEqual(self.dom0("xenolith-wait", "-t", "300", exited).returncode, 9)
        self.assertEqual(self.dom0("xenolith-wait", "-t", "300", crashed).returncode, 126)
        self.assertEqual((self.row(exited)["state"], self.row(exited)["exit-status"]), ("exited 9", 9))
        self.assertEqual(self.row(crashed)["state"], "crashed")

    def test_what_a_guest_writes_is_not_trusted(self):
        name, child = self.start_guest()
        domid = self.row(name)["id"]
        root = f"/local/domain/{domid}/data/xenolith"
        for key, value in (("version", "1\x1b[2J"), ("threads", "9" * 30), ("stage", "x" * 3000),
                           ("exit-status", "256")):
            self.assert_ran(self.dom0("xenstore-write", f"{root}/{key}", value), 0)
        ran = self.dom0("xenolith-ps", "--all")
        self.assert_ran(ran, 0)
        self.assertNotIn(b"\x1b", ran.stdout)
        line = re.search(rf"^{name}.*$", ran.stdout.decode(), re.MULTILINE)[0]
        self.assertLess(len(line), 200)
        self.assertNotIn("exited", line)
        self.end_guest(child, 0)


class WaitingForAnEnd(Dom0Case):
    def test_by_name_and_by_number_with_the_guests_own_status(self):
        name, child = self.start_guest()
        ids = self.dom0("xl", "domid", name)
        waiting = [self.start("host", "exec", "--", "xenolith-wait", which)
                   for which in (name, ids.stdout.decode().strip())]
        self.end_guest(child, 7)
        for one in waiting:
            self.assertEqual(one.wait(BOUND_SECONDS), 7, one.stderr.read())

    def test_the_time_is_up(self):
        name, child = self.start_guest()
        ran = self.dom0("xenolith-wait", "--timeout", "0.2", name)
        self.assert_ran(ran, 124)
        self.assertIn(b"still runs", ran.stderr)
        self.end_guest(child, 0)

    def test_destroyed_without_a_status(self):
        name, child = self.start_guest()
        waiting = self.start("host", "exec", "--", "xenolith-wait", name)
        # Its watch must stand before the domain goes, else "no domain" would be the answer.
        self.assertEqual(self.dom0("xenolith-wait", "-t", "1", name).returncode, 124)
        self.assert_ran(self.dom0("xl", "destroy", name), 0)
        self.assertEqual(waiting.wait(BOUND_SECONDS), 125)
        self.assertIn(b"left no exit status", waiting.stderr.read())
        child.wait(BOUND_SECONDS)

    def test_ended_by_xen_without_a_word(self):
        name = self.create_kept("#include <unistd.h>\nint main(void) { sleep(1); __asm__ volatile("
                                '"xor %eax, %eax; mov %rax, %rsp; push %rax"); return 0; }\n')
        ran = self.dom0("xenolith-wait", "-t", "300", name)
        self.assert_ran(ran, 126)

    def test_nobody(self):
        for which in ("nobody-at-all", "32000"):
            ran = self.dom0("xenolith-wait", which)
            self.assert_ran(ran, 125)
            self.assertIn(which.encode(), ran.stderr)


class Following(Dom0Case):
    def test_state_figures_and_the_end(self):
        name, child = self.start_guest()
        following = self.start("host", "exec", "--", "xenolith-follow", "-i", "0.2", name)
        seen = self.wait_for(following, b"uptime ")
        seen += self.wait_for(following, b"uptime ")
        self.end_guest(child, 4)
        seen += following.communicate(timeout=BOUND_SECONDS)[0]
        self.assertEqual(following.returncode, 0)
        text = seen.decode()
        self.assertRegex(text, r"\d\d:\d\d:\d\d stage main\n")
        self.assertRegex(text, r"uptime [\d.]+ s, memory \d+ of 16384 KiB, threads \d+\n")
        self.assertTrue(text.endswith("exit-status 4\n"), text)

    def test_a_guest_that_is_not_asked_is_left_alone(self):
        name, child = self.start_guest()
        ran = self.dom0("xenolith-follow", "-t", "1", name)
        self.assert_ran(ran, 124, b"stage main")
        # At most what it published by itself when it started.
        self.assertLessEqual(ran.stdout.count(b"uptime"), 1, ran.stdout)
        self.end_guest(child, 0)


if __name__ == "__main__":
    unittest.main()
