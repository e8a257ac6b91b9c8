"""The right to use one of a machine's ports, among all processes of this host."""
from __future__ import annotations

import fcntl
import time

from .errors import TestbedError
from .machine import PORTS, Machine

PORT_SECONDS = 60.0


class PortLock:
    """The right to use one port of a machine; held as a lock on a file beside its socket."""

    def __init__(self, machine: Machine) -> None:
        end = time.monotonic() + PORT_SECONDS
        while True:
            for number in range(PORTS):
                file = open(machine.folder / f"p{number}.lock", "a", encoding="ascii")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.number = number
                    self._file = file
                    return
                except BlockingIOError:
                    file.close()
            if time.monotonic() > end:
                raise TestbedError(f"all {PORTS} ports of the testbed are in use; "
                                   "end some of the commands that use it")
            time.sleep(0.1)

    def release(self) -> None:
        self._file.close()
