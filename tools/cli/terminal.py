"""The user's stdin on its way to the guest's console.

On a terminal, keys go to the guest one by one and the guest does the echo, as with `xl console`;
Ctrl-C stays a signal for us and Ctrl-] ends the session. From a pipe or file the bytes go as they
are, and the end of the file becomes Ctrl-D, which the guest's terminal reads as end of file.
"""
from __future__ import annotations

import os
import select
import termios
import threading
from contextlib import contextmanager
from typing import Callable, Iterator

ESCAPE = b"\x1d"        # Ctrl-]
END_OF_FILE = b"\x04"   # Ctrl-D


@contextmanager
def raw_terminal(fd: int, keep_signals: bool = True) -> Iterator[bool]:
    """Keys at once and without local echo; yields whether fd is a terminal that we may read.

    keep_signals: Ctrl-C stays ours. Without, every key but Ctrl-] is handed over, and output is not
    touched either: the other side has a terminal of its own.
    """
    if not os.isatty(fd) or os.tcgetpgrp(fd) != os.getpgrp():
        yield False
        return
    before = termios.tcgetattr(fd)
    raw = termios.tcgetattr(fd)
    raw[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON)
    raw[3] &= ~(termios.ICANON | termios.ECHO | termios.IEXTEN)     # ISIG stays: Ctrl-C is ours
    raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
    # Only Ctrl-C is a signal; Ctrl-\ and Ctrl-Z are the guest's.
    raw[6][termios.VQUIT] = raw[6][termios.VSUSP] = b"\0"
    if not keep_signals:
        raw[1] &= ~termios.OPOST
        raw[3] &= ~termios.ISIG
    try:
        termios.tcsetattr(fd, termios.TCSADRAIN, raw)
        yield True
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


class StdinForwarder:
    """A thread that reads fd and hands the bytes on until stop() or the end of the file."""

    def __init__(self, fd: int, send: Callable[[bytes], None], on_escape: Callable[[], None],
                 is_terminal: bool, at_end: Callable[[], None] | None = None) -> None:
        """at_end is called at the end of the file; without it, Ctrl-D is sent."""
        self._fd = fd
        self._send = send
        self._at_end = at_end
        self._on_escape = on_escape
        self._is_terminal = is_terminal
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        os.write(self._wake_write, b"x")
        self._thread.join(timeout=2)
        if not self._thread.is_alive():         # else it hangs in send(); the process ends soon
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _run(self) -> None:
        at_line_start = True
        try:
            while True:
                ready, _, _ = select.select([self._fd, self._wake_read], [], [])
                if self._wake_read in ready:
                    return
                data = os.read(self._fd, 16384)
                if not data and self._at_end is not None:
                    self._at_end()
                    return
                if not data:
                    # In the middle of a line the first Ctrl-D only hands over what there is.
                    self._send(END_OF_FILE if at_line_start else END_OF_FILE * 2)
                    return
                if self._is_terminal and ESCAPE in data:
                    self._on_escape()
                    return
                at_line_start = data.endswith(b"\n")
                self._send(data)
        except Exception:
            return                              # the other side is gone, or our stdin is
