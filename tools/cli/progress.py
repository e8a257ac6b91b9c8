"""Progress on stderr: one line per step, kept short, silent for steps that take no time.

On a terminal the current line is redrawn with the seconds it has taken; elsewhere (a log file, a
pipe) each step is one plain line. stdout belongs to the guest and is never touched.
"""
from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import Iterator, TextIO

# A step shorter than this says nothing on a terminal's or a log's lines.
SILENT_FOR_SECONDS = 0.7


class Progress:
    """Calling it prints one line: progress("downloading newlib")."""

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._quiet = quiet
        self._tty = self._stream.isatty()
        self._lock = threading.Lock()
        self._drawn = False

    def __call__(self, text: str) -> None:
        """One plain line, for things worth knowing."""
        if self._quiet:
            return
        with self._lock:
            self._erase()
            self._write(f"xenolith: {text}\n")

    say = __call__

    @contextmanager
    def step(self, text: str) -> Iterator["Step"]:
        """A long step; step.detail("12/340") shows how far it is."""
        step = Step(self, text)
        step.start()
        try:
            yield step
        finally:
            step.stop()

    def _erase(self) -> None:
        if self._drawn:
            self._write("\r\033[K")
            self._drawn = False

    def _draw(self, line: str) -> None:
        with self._lock:
            self._erase()
            if self._tty:
                self._write(line[:100])
                self._drawn = True
            else:
                self._write(line + "\n")

    def _clear(self) -> None:
        with self._lock:
            self._erase()

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._quiet = True          # nobody reads any more: not our guest's problem


class Step:
    """One running step; its own thread redraws, so that a stuck step is seen to be stuck."""

    def __init__(self, progress: Progress, text: str) -> None:
        self._progress = progress
        self._text = text
        self._detail = ""
        self._begun = time.monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def detail(self, text: str) -> None:
        self._detail = text

    def say(self, text: str) -> None:
        """The step has come to another part of its work: one line in a log, the line on a terminal."""
        self._text = text
        if not self._progress._tty:
            self._progress(text)

    def start(self) -> None:
        if self._progress._quiet:
            return
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._progress._clear()

    def _show(self) -> None:
        pause = SILENT_FOR_SECONDS
        while not self._ended.wait(pause):
            seconds = int(time.monotonic() - self._begun)
            detail = f" {self._detail}" if self._detail else ""
            took = f" ({seconds} s)" if seconds else ""
            self._progress._draw(f"xenolith: {self._text}{detail}{took}")
            # A log gets a line now and then, a terminal a living one.
            pause = 0.5 if self._progress._tty else min(60.0, max(10.0, seconds / 2))
