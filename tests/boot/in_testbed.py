#!/usr/bin/env python3
"""Gives a test a testbed to itself, of the few that the tests of one ctest run share.

    in_testbed.py TEST.py [WORD...]     becomes the test, with the testbed's name in XENOLITH_TESTBED
    in_testbed.py --up                  the first testbed is up; the others follow when they are needed
    in_testbed.py --down                ends them all

QEMU computes with one processor, so that a machine of two is busy with two testbeds, each with one
test at a time. XENOLITH_TESTBED is the name of the first; XENOLITH_TEST_SLOTS is a directory of lock
files, one for each testbed, that a test holds as long as it runs. XENOLITH_TESTS_AT_ONCE says how many
testbeds there are to be, instead of one for each processor that has the memory for it.
"""
from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("XENOLITH_COMMAND", str(ROOT / "tools" / "xenolith"))
SLOTS = Path(os.environ["XENOLITH_TEST_SLOTS"])
FIRST = os.environ["XENOLITH_TESTBED"]
# Memory of this machine: for the compilers, Python and the user, and for a testbed when most is in use.
ELSE_MIB, TESTBED_MIB = 1536, 1536
# More tests than that for each testbed only stand in each other's way, but they do not wait either.
SHARED_MOST = 16

sys.path.insert(0, str(ROOT / "tools"))
from deps.cache import cache_dir  # noqa: E402

sys.pycache_prefix = str(cache_dir() / "pycache")
from testbed import standing  # noqa: E402


def names() -> list[str]:
    """Of the testbeds that there may be."""
    chosen = os.environ.get("XENOLITH_TESTS_AT_ONCE", "")
    memory_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    most = int(chosen) if chosen else min(len(os.sched_getaffinity(0)),
                                          (memory_mib - ELSE_MIB) // TESTBED_MIB)
    return [FIRST, *(f"{FIRST}-{number}" for number in range(2, most + 1))]


def take() -> tuple[str, int | None]:
    """A testbed that fewer tests use than any other; ours until the lock is closed, here and in all who
    inherited it."""
    SLOTS.mkdir(parents=True, exist_ok=True)
    for already in range(SHARED_MOST):
        for name in names():
            lock = os.open(SLOTS / f"{name}.{already}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            os.set_inheritable(lock, True)
            return name, lock
    return FIRST, None


def host(word: str, name: str, *options: str) -> int:
    return subprocess.run([COMMAND, "host", word, *options], check=False,
                          env={**os.environ, "XENOLITH_TESTBED": name}).returncode


def have_up(name: str) -> int:
    return host("up", name, "-m", "1G")


def end(names: set[str]) -> int:
    return max((host("down", name) for name in names), default=0)


def main(argv: list[str]) -> int:
    used = {path.stem for path in SLOTS.glob("*.0")}
    if argv == ["--up"]:                # those that an interrupted ctest left may be of older tools
        return end(used - {FIRST}) or have_up(FIRST)
    if argv == ["--down"]:
        return end(used | {FIRST})
    name, _ = take()
    os.environ["XENOLITH_TESTBED"] = name
    if standing.recorded() is None:
        status = have_up(name)
        if status != 0:
            return status
    os.execv(sys.executable, [sys.executable, "-B", *argv])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
