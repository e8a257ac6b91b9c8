"""`xenolith bench`: measurements in virtual time, beside a Linux guest in the same run."""
from __future__ import annotations

import argparse
import importlib

from . import prereq
from .build import ensure_sdk
from .errors import UserError
from .layout import Layout
from .progress import Progress

HELP = """
Measure in a testbed whose clock counts instructions (QEMU's -icount: 2 ns each, idle time skipped):
figures repeat to about 1 % however busy this machine is. They show the length of paths, not caches
or the cost of real traps. Every figure stands beside that of a Linux PV guest in the same run.

  boot       from unpause to the program's first line on the console, by memory size
  calls      threads, locks, timers, memory, files, small calls and a compute loop, per operation
  disk       requests on a ram disk in dom0; files and directories in an ext4 on another; SQLite
  net        TCP streams, round trips, connections, HTTP and Redis between dom0 and the guest
"""
BENCHES = {"boot": "bench_boot", "calls": "bench_calls", "disk": "bench_disk",
           "net": "bench_net"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="WHAT", help=", ".join(BENCHES))
    parser.add_argument("--rounds", metavar="N", default="3", help="repeats of each figure (default 3)")
    parser.add_argument("--no-linux", action="store_true", help="leave the Linux guest out: it is slow")
    parser.add_argument("--no-install", action="store_true",
                        help="never install a package on this machine (also XENOLITH_NO_INSTALL=1)")


def command(options: argparse.Namespace, layout: Layout) -> int:
    if options.what not in BENCHES:
        raise UserError(f"`xenolith bench {options.what}` is unknown", f"one of {', '.join(BENCHES)}")
    if not options.rounds.isdigit() or not 1 <= int(options.rounds) <= 100:
        raise UserError(f"--rounds {options.rounds}: not a number of repeats", "give 1 to 100")
    progress = Progress()
    ensure_sdk(layout, progress, not options.no_install)
    prereq.ensure(prereq.TESTBED, progress, not options.no_install)
    bench = importlib.import_module(f".{BENCHES[options.what]}", __package__)
    print(bench.measure(layout, progress, int(options.rounds), not options.no_linux))
    return 0
