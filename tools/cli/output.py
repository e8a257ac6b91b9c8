"""The guest's console on its way to stdout.

The console driver sends CR LF for every newline, as `xl console` on a terminal needs it; this is
undone exactly (CR LF becomes LF, a CR of the program's own stays), so that stdout receives the
bytes the program wrote. Frames of a crash report get their names. Nothing waits for a whole line.
"""
from __future__ import annotations

import re
from typing import Callable

EXIT_LINE = re.compile(rb"xenolith: exit status (\d{1,3})\Z")
CRASH_LINE = re.compile(rb"xenolith: crashed(?:: (.*))?\Z", re.DOTALL)
# A line longer than this is nobody's last line and no frame of a backtrace.
LINE_KEPT = 512


class GuestOutput:
    """Feed it what came over the console; it writes on at once."""

    def __init__(self, write: Callable[[bytes], None],
                 frame_suffix: Callable[[bytes], bytes] = lambda line: b"") -> None:
        self._write = write
        self._frame_suffix = frame_suffix
        self._line = b""                # the current line, its first LINE_KEPT bytes
        self._pending_cr = False
        self.said_status: int | None = None     # by the last "exit status" line
        self.said_crash: str | None = None      # by the last "crashed" line
        self.bytes_seen = 0

    @property
    def has_last_line(self) -> bool:
        return self.said_status is not None or self.said_crash is not None

    def feed(self, data: bytes) -> None:
        self.bytes_seen += len(data)
        if self._pending_cr:
            data = b"\r" + data
            self._pending_cr = False
        if data.endswith(b"\r"):
            data = data[:-1]
            self._pending_cr = True
        data = data.replace(b"\r\n", b"\n")
        out = []
        *whole, rest = data.split(b"\n")
        for piece in whole:
            line = self._line + piece
            self._line = b""
            self._learn(line)
            out.append(piece + self._frame_suffix(line) + b"\n")
        out.append(rest)
        self._line = (self._line + rest)[:LINE_KEPT]
        text = b"".join(out)
        if text:
            self._write(text)

    def finish(self) -> None:
        """No more will come: let go of what was held back."""
        if self._pending_cr:
            self._pending_cr = False
            self._write(b"\r")

    def _learn(self, line: bytes) -> None:
        match = EXIT_LINE.match(line)
        if match and int(match[1]) < 256:
            self.said_status, self.said_crash = int(match[1]), None
            return
        match = CRASH_LINE.match(line)
        if match:
            self.said_crash = (match[1] or b"").decode("utf-8", "replace")
            self.said_status = None
