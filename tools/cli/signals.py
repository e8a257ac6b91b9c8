"""Ctrl-C, SIGTERM and a closed terminal become one exception in the main thread.

The first signal raises Interrupted, which unwinds through every clean-up (guest destroyed, testbed
ended, terminal restored). Further ones are noted only, so that they cannot cut a clean-up short;
the clean-ups have time limits of their own.
"""
from __future__ import annotations

import queue
import signal
import time
from contextlib import contextmanager
from typing import Iterator

from .errors import STATUS_INTERRUPTED, STATUS_TERMINATED, Interrupted

STATUSES = {signal.SIGINT: STATUS_INTERRUPTED, signal.SIGTERM: STATUS_TERMINATED,
            signal.SIGHUP: 129}
SLEEP_MOST_SECONDS = 0.5


@contextmanager
def raising_interrupted() -> Iterator[None]:
    arrived: list[int] = []

    def handle(number: int, _frame: object) -> None:
        arrived.append(number)
        if len(arrived) == 1:
            raise Interrupted(STATUSES[signal.Signals(number)])

    # A parent that ignores a signal (nohup) wants it ignored here too.
    before = {number: signal.getsignal(number) for number in STATUSES}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def take(events: queue.SimpleQueue, wait: float | None = None):
    """The next event; queue.Empty when `wait` seconds have passed.

    A signal that comes just before the interpreter goes to sleep is seen only when it wakes up
    again, so it never sleeps for long.
    """
    end = None if wait is None else time.monotonic() + wait
    while True:
        left = SLEEP_MOST_SECONDS if end is None else min(SLEEP_MOST_SECONDS, end - time.monotonic())
        try:
            return events.get(timeout=max(0.0, left))
        except queue.Empty:
            if end is not None and time.monotonic() >= end:
                raise
