"""A Xen host's saved state: booted once, kept in the cache, restored in about a second from then on.

The state is a migration stream in a file, which any number of machines can read at once. It is keyed
by the host's files, the machine's shape and the QEMU binary, and comes into being by rename, so that
a half-written one is never seen. One that QEMU does not take is thrown away and made again.
"""
from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO, Callable

from deps.cache import cache_dir, drop_unused, make_dir, note_use

from .errors import TestbedError
from .hostfiles import HostFiles
from .machine import PORTS, Machine, Shape, qemu_identity
from .network import NAME_SERVER, NAME_SERVER_FILE
from .session import Session

Say = Callable[[str], None]

BOOT_SECONDS = 600.0            # a loaded machine boots slowly; a dead one is noticed at once
RESTORE_SECONDS = 120.0
SAVE_SECONDS = 300.0
SWEEP_AGE_SECONDS = 60.0
UNUSED_DAYS = 30                # hosts and states of packages and sources that are gone
NEEDED_BYTES = 800 << 20        # a state, and the room to write it


def state_folder(files: HostFiles, shape: Shape) -> Path:
    text = f"{files.key}\n{shape}\n{PORTS}\n{qemu_identity()}\n" + \
        (Path(__file__).parent / "machine.py").read_text(encoding="utf-8")
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    return cache_dir() / "testbed" / f"state-{key}"


# Held as long as this process lives: a machine's directory whose lock is free has lost its owner.
_owned: list[IO] = []


def run_folder() -> Path:
    """A new directory for one machine of this process; those of processes that were killed go."""
    top = cache_dir() / "run"
    top.mkdir(parents=True, exist_ok=True)
    for left in top.glob("machine-*"):
        _sweep(left)
    folder = Path(tempfile.mkdtemp(prefix="machine-", dir=top))
    _owned.append(_lock(folder))
    return folder


def _lock(folder: Path) -> IO:
    file = open(folder / "owner", "a", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def _sweep(folder: Path) -> None:
    try:
        # One that is being made has no lock for a moment.
        if time.time() - folder.stat().st_mtime < SWEEP_AGE_SECONDS:
            return
        with _lock(folder):
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return                          # in use, or gone already


def first_session(machine: Machine, timeout: float) -> Session:
    """The agent's first port, once it answers."""
    return Session(machine.connect("p0", 30.0), timeout)


def restore(files: HostFiles, shape: Shape, folder: Path, say: Say,
            detached: bool = False, outside: bool = False) -> tuple[Machine, Session]:
    """A machine that is ready: from the saved state, which is made first if there is none."""
    for attempt in (1, 2):
        state = make_dir(state_folder(files, shape), lambda into: _make(files, shape, into, say), say)
        note_use(files.folder)
        note_use(state)
        machine = Machine.start(files, shape, folder, state=state / "state", detached=detached,
                                outside=outside)
        try:
            session = first_session(machine, RESTORE_SECONDS)
            if outside:                 # dom0's DHCP server names it from now on
                session.put(f"{NAME_SERVER}\n".encode(), NAME_SERVER_FILE, 0o644)
            return machine, session
        except TestbedError as error:
            machine.stop()
            if attempt == 2:
                raise
            say(f"the testbed's saved state is no good ({error}); making a new one")
            shutil.rmtree(state, ignore_errors=True)
        except BaseException:
            machine.stop()
            raise
    raise AssertionError("not reached")


def boot(files: HostFiles, shape: Shape, folder: Path, say: Say) -> tuple[Machine, Session]:
    """A machine booted from the start."""
    machine = Machine.start(files, shape, folder)
    try:
        return machine, first_session(machine, BOOT_SECONDS)
    except TestbedError as error:
        words = machine.last_words()
        machine.stop()
        raise TestbedError(f"the testbed did not boot: {error}; its console ends: {words}") from None
    except BaseException:
        machine.stop()
        raise


def _make(files: HostFiles, shape: Shape, into: Path, say: Say) -> None:
    drop_unused(cache_dir() / "testbed", UNUSED_DAYS)
    free = shutil.disk_usage(into).free
    if free < NEEDED_BYTES:
        raise TestbedError(f"the cache has {free >> 20} MiB left, the testbed's state needs "
                           f"{NEEDED_BYTES >> 20}: make room, or set XDG_CACHE_HOME elsewhere")
    say("booting Xen and its dom0 in QEMU, once; its state is kept")
    folder = run_folder()
    try:
        machine, session = boot(files, shape, folder, say)
        try:
            session.close()
            say("saving the testbed's state")
            qmp = machine.qmp(SAVE_SECONDS)
            qmp.save_to(str(into / "state"), SAVE_SECONDS)
        finally:
            machine.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
