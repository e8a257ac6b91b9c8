"""The standing testbed: the one machine that `xenolith host up` leaves running for everybody.

Lives in the cache's run/standing (or run/standing-NAME with XENOLITH_TESTBED=NAME, as the tests use).
A machine that was killed or does not answer any more is noticed here, and taken away.
"""
from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Callable

from deps.cache import cache_dir, locked

from . import hostfiles, saved
from .errors import TestbedError
from .machine import Machine, Shape
from .port import PortLock
from .session import Session

Say = Callable[[str], None]

ANSWER_SECONDS = 60.0
OUTSIDE = " outside"            # behind the recorded key of one whose guests may reach beyond it


def folder() -> Path:
    name = os.environ.get("XENOLITH_TESTBED", "")
    if not re.fullmatch(r"[A-Za-z0-9._-]{0,40}", name):
        raise TestbedError(f"XENOLITH_TESTBED={name}: a name has letters, digits, '.', '_' and '-'")
    return cache_dir() / "run" / ("standing" + (f"-{name}" if name else ""))


def recorded() -> Machine | None:
    """What the record says, as long as that process lives."""
    try:
        record = json.loads((folder() / "machine.json").read_text(encoding="utf-8"))
        machine = Machine(folder(), int(record["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return machine if machine.alive() else None


def find(say: Say) -> Machine | None:
    """The standing testbed if it is up and answers; one that does not is ended."""
    machine = recorded()
    if machine is None:
        return None
    if not answers(machine):
        say("the standing testbed does not answer any more; ending it")
        down()
        return None
    return machine


def answers(machine: Machine) -> bool:
    """Asked on whatever port is free."""
    try:
        lock = PortLock(machine)
        try:
            Session(machine.connect(f"p{lock.number}", ANSWER_SECONDS), ANSWER_SECONDS).close()
        finally:
            lock.release()
        return True
    except TestbedError:
        return False


def up(say: Say, shape: Shape, refresh: bool = False, outside: bool = False) -> Machine:
    """Have it running, in the given shape and with the current packages."""
    with locked(folder(), say):
        files = hostfiles.prepare(say, refresh=refresh)
        state = saved.state_folder(files, shape).name
        key = state + (OUTSIDE if outside else "")
        machine = find(say)
        if machine is not None and _recorded_key() in (key, state + OUTSIDE):
            return machine
        if machine is not None:
            say("the testbed has changed; replacing the one that runs")
            down()
        shutil.rmtree(folder(), ignore_errors=True)
        folder().mkdir(parents=True)
        machine, session = saved.restore(files, shape, folder(), say, detached=True,
                                         outside=outside)
        session.close()
        record = folder() / "machine.new"
        record.write_text(json.dumps({"pid": machine.pid, "key": key}), encoding="utf-8")
        record.rename(folder() / "machine.json")
        return machine


def down() -> bool:
    """End it. True when there was one."""
    machine = recorded()
    if machine is not None:
        machine.stop()
    shutil.rmtree(folder(), ignore_errors=True)
    return machine is not None


def reaches_outside() -> bool:
    """Whether it was started so that guests may open connections to beyond it."""
    return _recorded_key().endswith(OUTSIDE)


def _recorded_key() -> str:
    try:
        return json.loads((folder() / "machine.json").read_text(encoding="utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
