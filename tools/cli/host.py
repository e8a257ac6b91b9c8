"""`xenolith host`: the standing testbed, a Xen host inside QEMU that stays up for later commands."""
from __future__ import annotations

import argparse
import os
import sys

from . import prereq
from .attach import attach
from .config import parse_size_mib
from .errors import STATUS_FAILED, UserError
from .layout import Layout
from .progress import Progress

HELP = """
A Xen host inside QEMU that stays up: `xenolith run`, `ps` and `console` use it while it is there.

  up                 start it (or leave it, if it is up and current)
  exec -- COMMAND    run a command in its dom0, as in `xenolith host exec -- xl list`
  shell              an interactive shell in its dom0; Ctrl-] leaves
  status             say whether it is up
  down               end it, and every guest in it
"""
EPILOG = """
XENOLITH_TESTBED=NAME chooses another one than the usual; several can be up at once.
"""
TAKES_ARGS = True
ACTIONS = ("up", "exec", "shell", "status", "down")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", metavar="ACTION", help=", ".join(ACTIONS))
    parser.add_argument("-m", "--memory", metavar="SIZE", default="1G",
                        help="with up: the whole host's memory (default 1G)")
    parser.add_argument("--net", action="store_true",
                        help="with up: guests with a network may reach outside, as with run --net user; "
                             "without it they reach dom0, each other, and what -p forwards to them")
    parser.add_argument("--refresh", action="store_true",
                        help="with up: ask the package mirror for a newer Xen and kernel")
    parser.add_argument("--no-install", action="store_true",
                        help="never install a package on this machine (also XENOLITH_NO_INSTALL=1)")


def command(options: argparse.Namespace, layout: Layout) -> int:
    if options.action not in ACTIONS:
        raise UserError(f"`xenolith host {options.action}` is unknown", f"one of {', '.join(ACTIONS)}")
    if options.action == "exec" and not options.args:
        raise UserError("`xenolith host exec` needs a command", "as in: xenolith host exec -- xl list")
    if options.args and options.action != "exec":
        raise UserError(f"`xenolith host {options.action}` takes no arguments behind `--`",
                        "leave them out")
    progress = Progress()
    if options.action == "up":
        return up(options, progress)
    if options.action == "status":
        return status(progress)
    if options.action == "down":
        from testbed import standing
        progress("the testbed is down" if standing.down() else "there was no testbed")
        return 0
    with running_dom0(progress) as dom0:
        if options.action == "exec":
            return attach(dom0.popen(options.args))
        if not os.isatty(0):
            raise UserError("`xenolith host shell` needs a terminal", "use `xenolith host exec`")
        return attach(dom0.popen(["bash", "-i"], terminal=True), in_raw=True)


def up(options: argparse.Namespace, progress: Progress) -> int:
    prereq.ensure(prereq.TESTBED, progress, not options.no_install)
    from testbed import standing
    from testbed.machine import Shape
    memory = parse_size_mib(options.memory, "-m")
    if memory < 512:
        raise UserError(f"-m {options.memory}: too little for Xen and its dom0", "give at least 512M")
    with progress.step("starting the testbed") as step:
        standing.up(step.say, Shape(memory_mib=memory), options.refresh, options.net)
    progress("the testbed is up")
    return 0


def status(progress: Progress) -> int:
    from testbed import standing
    machine = standing.find(progress)
    if machine is None:
        sys.stdout.write("down\n")
        return STATUS_FAILED
    sys.stdout.write(f"up (process {machine.pid}, {machine.folder})\n")
    return 0


def running_dom0(progress: Progress):
    """The dom0 that stays: this machine's or the standing testbed's. Never starts one."""
    from testbed import standing
    from testbed.dom0 import LocalDom0, TestbedDom0, this_is_dom0
    if this_is_dom0():
        return LocalDom0()
    machine = standing.find(progress)
    if machine is None:
        raise UserError("no Xen host is running", "start one with `xenolith host up`")
    return TestbedDom0(machine, private=False)
