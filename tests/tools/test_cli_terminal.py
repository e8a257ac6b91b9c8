"""stdin on its way to the guest: keys from a terminal, bytes from a pipe."""
import os
import pty
import sys
import termios
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import TOOLS  # noqa: E402,F401

from cli.terminal import StdinForwarder, raw_terminal  # noqa: E402


class Sent:
    """Collects what the forwarder sends; wait(n) until n bytes are there."""

    def __init__(self) -> None:
        self.data = b""
        self.escaped = threading.Event()

    def send(self, data: bytes) -> None:
        self.data += data

    def wait(self, size: int) -> bytes:
        end = time.monotonic() + 10
        while len(self.data) < size and time.monotonic() < end:
            time.sleep(0.01)
        return self.data


class FromAPipe(unittest.TestCase):
    def forwarded(self, data: bytes, size: int) -> bytes:
        read, write = os.pipe()
        sent = Sent()
        forwarder = StdinForwarder(read, sent.send, sent.escaped.set, is_terminal=False)
        forwarder.start()
        os.write(write, data)
        os.close(write)
        got = sent.wait(size)
        forwarder.stop()
        os.close(read)
        return got

    def test_the_end_of_the_file_is_one_ctrl_d_at_the_start_of_a_line(self):
        self.assertEqual(self.forwarded(b"a\nb\n", 5), b"a\nb\n\x04")

    def test_in_the_middle_of_a_line_it_takes_two(self):
        self.assertEqual(self.forwarded(b"a\nb", 5), b"a\nb\x04\x04")

    def test_an_empty_input_is_an_end_at_once(self):
        self.assertEqual(self.forwarded(b"", 1), b"\x04")

    def test_the_escape_key_is_an_ordinary_byte(self):
        self.assertEqual(self.forwarded(b"\x1d\n", 3), b"\x1d\n\x04")

    def test_it_can_be_stopped_while_nothing_comes(self):
        read, write = os.pipe()
        forwarder = StdinForwarder(read, lambda data: None, lambda: None, is_terminal=False)
        forwarder.start()
        begun = time.monotonic()
        forwarder.stop()
        self.assertLess(time.monotonic() - begun, 1.5)
        os.close(read)
        os.close(write)

    def test_a_guest_that_is_gone_ends_it_quietly(self):
        def refuse(data: bytes) -> None:
            raise BrokenPipeError
        read, write = os.pipe()
        forwarder = StdinForwarder(read, refuse, lambda: None, is_terminal=False)
        forwarder.start()
        os.write(write, b"x")
        forwarder.stop()
        os.close(read)
        os.close(write)


class FromATerminal(unittest.TestCase):
    def test_ctrl_right_bracket_leaves_and_is_not_sent(self):
        read, write = os.pipe()
        sent = Sent()
        forwarder = StdinForwarder(read, sent.send, sent.escaped.set, is_terminal=True)
        forwarder.start()
        os.write(write, b"\x1d")
        self.assertTrue(sent.escaped.wait(10))
        forwarder.stop()
        self.assertEqual(sent.data, b"")
        os.close(read)
        os.close(write)

    def test_keys_come_one_by_one_ctrl_c_stays_a_signal_and_all_is_restored(self):
        # A child with the terminal as its controlling one, as under a shell.
        pid, master = pty.fork()
        if pid == 0:
            before = termios.tcgetattr(0)
            with raw_terminal(0) as is_terminal:
                inside = termios.tcgetattr(0)
            ok = (is_terminal and not inside[3] & (termios.ICANON | termios.ECHO)
                  and inside[3] & termios.ISIG and inside[1] == before[1]
                  and termios.tcgetattr(0) == before)
            os._exit(0 if ok else 1)
        _, status = os.waitpid(pid, 0)
        os.close(master)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)

    def test_something_that_is_no_terminal_is_left_alone(self):
        read, write = os.pipe()
        with raw_terminal(read) as is_terminal:
            self.assertFalse(is_terminal)
        os.close(read)
        os.close(write)


if __name__ == "__main__":
    unittest.main()
