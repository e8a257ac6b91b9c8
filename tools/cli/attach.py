"""Joins our stdin, stdout and stderr to a process in dom0 until one of them ends."""
from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Callable

from .signals import take
from .terminal import StdinForwarder, raw_terminal

STDIN = 0


def attach(process, write: Callable[[bytes], None] | None = None, in_raw: bool = False) -> int:
    """Returns the process's status, 0 when the user left with Ctrl-].

    write takes its stdout (default: our stdout). in_raw: our terminal is handed over whole, Ctrl-C
    and all, to a process that has a terminal of its own.
    """
    write = write or write_stdout
    events: queue.SimpleQueue = queue.SimpleQueue()

    def read() -> None:
        try:
            for event in process.read():
                events.put(event)
            events.put(("end", b""))
        except Exception as error:
            events.put(("end", error))

    threading.Thread(target=read, daemon=True).start()
    with raw_terminal(STDIN, keep_signals=not in_raw) as is_terminal:
        end_of_input = None if in_raw or is_terminal else process.stdin_close
        forwarder = StdinForwarder(STDIN, process.stdin_write, lambda: events.put(("left", b"")),
                                   is_terminal, end_of_input)
        forwarder.start()
        try:
            while True:
                kind, data = take(events)
                if kind == "end":
                    if isinstance(data, Exception):
                        raise data
                    return process.wait()
                if kind == "left":
                    return 0
                if kind == "out":
                    write(data)
                else:
                    sys.stderr.buffer.write(data)
                    sys.stderr.flush()
        finally:
            forwarder.stop()
            process.kill()


def write_stdout(data: bytes) -> None:
    """All of data, at once; a full pipe blocks, a closed one raises BrokenPipeError."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]
