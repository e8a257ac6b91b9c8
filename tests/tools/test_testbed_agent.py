"""The agent of the testbed's dom0, compiled and run here, over a pseudo-terminal as its port."""
import os
import pty
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tty
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from testbed.errors import TestbedError  # noqa: E402
from testbed.session import DATA, EXIT, FILE, KILL, OUT, Session, frame  # noqa: E402

BOUND_SECONDS = 60


@unittest.skipUnless(shutil.which("gcc"), "gcc is not installed")
class AgentCase(unittest.TestCase):
    """Each test has an agent on a port of its own, and a session with it."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.build = tempfile.TemporaryDirectory(prefix="xenolith-test-")
        cls.program = Path(cls.build.name) / "agent"
        subprocess.run(["gcc", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o", str(cls.program),
                        str(ROOT / "tools/testbed/agent/agent.c"), "-lutil"], check=True)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.build.cleanup()

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="xenolith-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.agent = subprocess.Popen([str(self.program), os.ttyname(slave)])
        self.addCleanup(self.agent.wait)
        self.addCleanup(self.agent.kill)
        self.slave = slave              # kept open: the port stays while the host comes and goes
        self.ours, theirs = socket.socketpair()
        self.theirs = theirs
        for name in ("up", "down"):
            threading.Thread(target=getattr(self, f"pump_{name}"), daemon=True).start()
        self.session = Session(self.ours, BOUND_SECONDS)
        self.addCleanup(self.close)

    def close(self) -> None:
        self.session.close()
        self.theirs.close()
        self.agent.kill()
        os.close(self.slave)

    def pump_up(self) -> None:
        try:
            while data := self.theirs.recv(4096):
                view = memoryview(data)
                while view:
                    view = view[os.write(self.master, view):]
        except OSError:
            pass

    def pump_down(self) -> None:
        """Never blocked in a read: that would keep the port open behind a close() elsewhere."""
        try:
            while True:
                if select.select([self.master], [], [], 0.05)[0]:
                    self.theirs.sendall(os.read(self.master, 65536))
        except (OSError, ValueError):
            pass

    def run_command(self, *argv: str, stdin: bytes = b""):
        self.session.execute(list(argv))
        feeding = self.session.feed_in_background(stdin)
        result = self.session.wait_exit(BOUND_SECONDS)
        feeding.join(BOUND_SECONDS)
        return result


class Commands(AgentCase):
    def test_output_errors_and_status_come_apart(self):
        ran = self.run_command("sh", "-c", "echo out; echo err >&2; exit 7")
        self.assertEqual((ran.status, ran.out, ran.err), (7, b"out\n", b"err\n"))

    def test_a_signal_is_128_and_its_number(self):
        self.assertEqual(self.run_command("sh", "-c", "kill -9 $$").status, 137)

    def test_a_program_that_is_not_there(self):
        ran = self.run_command("no-such-program")
        self.assertEqual(ran.status, 127)
        self.assertIn(b"no-such-program", ran.err)

    def test_words_arrive_as_they_are(self):
        words = ["", " a  b ", "$HOME", "'\"\\", "\xe4\n"]
        ran = self.run_command("printf", "%s|", *words)
        self.assertEqual(ran.out.decode(), "".join(f"{word}|" for word in words))

    def test_more_input_and_output_than_any_buffer_holds(self):
        data = os.urandom(1 << 20)
        self.assertEqual(self.run_command("cat", stdin=data).out, data)

    def test_a_command_that_does_not_read_its_input(self):
        ran = self.run_command("sh", "-c", "exec <&-; sleep 0.3; echo done", stdin=bytes(1 << 19))
        self.assertEqual(ran.out, b"done\n")

    def test_one_after_the_other_on_one_port(self):
        for number in range(20):
            self.assertEqual(self.run_command("sh", "-c", f"exit {number}").status, number)

    def test_a_daemon_that_holds_the_output_does_not_hold_us(self):
        begun = time.monotonic()
        self.assertEqual(self.run_command("sh", "-c", "sleep 300 & echo $!").status, 0)
        self.assertLess(time.monotonic() - begun, 60)

    def test_it_can_be_killed(self):
        self.session.execute(["sleep", "600"])
        self.session.send(KILL)
        self.assertEqual(self.session.wait_exit(BOUND_SECONDS).status, 137)

    def test_a_time_limit_kills_and_the_port_is_good_afterwards(self):
        self.session.execute(["sleep", "600"])
        with self.assertRaises(TimeoutError):
            self.session.wait_exit(0.2)
        self.assertEqual(self.session.wait_exit(BOUND_SECONDS).status, 137)
        self.assertEqual(self.run_command("true").status, 0)

    def test_a_terminal_is_one(self):
        self.session.execute(["sh", "-c", "test -t 0 && test -t 1 && echo yes"], terminal=True)
        self.assertIn(b"yes", self.session.wait_exit(BOUND_SECONDS).out)


class Files(AgentCase):
    def put(self, path: Path, data: bytes, mode: str = "640"):
        self.session.send(FILE, mode.encode() + b"\0" + os.fsencode(path) + b"\0")
        self.session.send_data(data)
        self.session.send(DATA)
        return self.session.wait_exit(BOUND_SECONDS)

    def test_bytes_and_mode(self):
        data = os.urandom(300000)
        target = self.folder / "file"
        self.put(target, data)
        self.assertEqual(target.read_bytes(), data)
        self.assertEqual(target.stat().st_mode & 0o777, 0o640)
        self.put(target, b"shorter")
        self.assertEqual(target.read_bytes(), b"shorter")

    def test_one_that_cannot_be_written_is_told_when_all_has_come(self):
        with self.assertRaisesRegex(TestbedError, "No such file"):
            self.put(self.folder / "nowhere" / "file", bytes(200000))
        self.assertEqual(self.run_command("true").status, 0)


class ADisorderlyHost(AgentCase):
    def assert_fails(self, words: str, *frames: bytes) -> None:
        self.theirs_send(b"".join(frames))
        with self.assertRaisesRegex(TestbedError, words):
            self.session.wait_exit(BOUND_SECONDS)

    def theirs_send(self, data: bytes) -> None:
        self.ours.sendall(data)

    def test_frames_that_make_no_sense_are_answered(self):
        self.assert_fails("without a command", frame(b"E", b"\0"))
        self.assert_fails("without a command", frame(b"E", b"\0sh"))
        self.assert_fails("without mode", frame(FILE, b"644"))
        self.assert_fails("8 bytes", frame(b"T", b"123"))
        self.assert_fails("too many words", frame(b"E", b"\0" + b"a\0" * 2000))
        self.assertEqual(self.run_command("true").status, 0)

    def test_a_second_command_while_one_runs(self):
        self.session.execute(["sleep", "600"])
        self.assert_fails("under way", frame(b"E", b"\0true\0"))
        self.session.send(KILL)
        self.assertEqual(self.session.wait_exit(BOUND_SECONDS).status, 137)

    def test_after_an_unknown_frame_a_new_session_finds_its_way(self):
        self.assert_fails("unknown type", frame(b"?", b"what") + b"left over")
        self.assertEqual(self.again().status, 0)

    def test_after_a_frame_that_is_too_long(self):
        self.assert_fails("too long", b"D" + struct.pack("<I", 1 << 30) + b"left over")
        self.assertEqual(self.again().status, 0)

    def test_a_session_begun_in_the_middle_of_another_ones_output(self):
        self.session.execute(["sh", "-c", "yes | head -c 100000"])
        time.sleep(0.2)
        kind, _ = self.session.receive(BOUND_SECONDS)
        self.assertEqual(kind, OUT)
        while self.session.receive(BOUND_SECONDS)[0] != EXIT:
            pass
        self.assertEqual(self.again().status, 0)

    def test_the_next_host_is_there_before_the_last_ones_going_was_noticed(self):
        self.session.execute(["sh", "-c", "echo $$; exec sleep 600"])
        _, out = self.session.receive(BOUND_SECONDS)
        self.assertEqual(self.again().status, 0)
        self.assertFalse(Path(f"/proc/{int(out)}").exists(), "the last one's command still runs")
        self.session.execute(["sleep", "600"])
        self.session.send(KILL)                 # and nobody waits for its end
        self.assertEqual(self.again().status, 0)
        self.theirs_send(frame(FILE, b"644\0" + os.fsencode(self.folder / "half") + b"\0"))
        self.assertEqual(self.again().status, 0)

    def again(self):
        """A new session on the same port, as the next command has it."""
        self.session = Session(self.ours, BOUND_SECONDS)
        return self.run_command("true")


class TheHostGoesAway(AgentCase):
    def test_its_command_is_killed(self):
        self.session.execute(["sh", "-c", "echo $$; exec sleep 600"])
        _, out = self.session.receive(BOUND_SECONDS)
        pid = int(out)
        os.close(self.slave)
        os.close(self.master)           # the port's other end is gone
        self.slave = os.open(os.devnull, os.O_RDONLY)
        end = time.monotonic() + BOUND_SECONDS
        while Path(f"/proc/{pid}").exists() and "Z" not in self.state(pid):
            self.assertLess(time.monotonic(), end, "it still runs")
            time.sleep(0.05)

    @staticmethod
    def state(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return "Z"


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    unittest.main()
