"""`xenolith run`: build if needed, boot, stream the console, return the guest's status."""
from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from . import prereq
from .attach import STDIN, write_stdout
from .build import build_program, ensure_sdk, needs_sdk
from .config import GuestConfig
from .devices import lent, prepare
from .errors import STATUS_FAILED, STATUS_INTERRUPTED, UserError
from .guest import Ending, Guest, explain_create_failure, unique_name
from .hypervisor import explain, hypervisor_words
from .image import Image, read_image
from .initrd import pack
from .layout import Layout
from .options import add_guest_options, check_it_fits, guest_config, parse_seconds
from .output import GuestOutput
from .progress import Progress
from .symbols import Symbols
from .terminal import StdinForwarder, raw_terminal

HELP = """
Build PROGRAM if it needs building, boot it as a Xen PV guest, show its console, and exit with the
program's own exit status. In a Xen dom0 this machine's `xl` is used; anywhere else a Xen host inside
QEMU is started (or used, if `xenolith host up` has started one).

PROGRAM is a C file, a directory with a CMakeLists.txt (DIR:TARGET chooses one of several
executables), or a ready image. What follows `--` becomes the program's arguments.

stdin goes to the guest's console: key by key from a terminal, as it is from a pipe or file, whose
end is a Ctrl-D to the guest. Ctrl-C (or Ctrl-]) ends the guest and the command.
"""

EPILOG = """
exit status:
  0-255   the program's own: what main returned or exit() was given
  124     --timeout was over; the guest was destroyed
  125     xenolith failed itself: bad option, no build, no testbed, `xl create` failed
  126     the guest crashed: abort(), a fatal signal, a trap, or ended by Xen
  130     Ctrl-C (143 for SIGTERM, 129 for a closed terminal); the guest was destroyed

examples:
  xenolith run examples/hello
  xenolith run hello.c -m 8M -e LANG=C -- one "two words"
  echo data | xenolith run -q examples/filter > result
  xenolith run -p 8000:80 examples/httpd
  xenolith run --disk data.img,size=64M,mkfs --extra mount=/dev/xvda:/data app.c
"""

TAKES_ARGS = True

def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", metavar="PROGRAM", help="FILE.c, DIR, DIR:TARGET or IMAGE")
    add_guest_options(parser)
    running = parser.add_argument_group("running")
    running.add_argument("--timeout", metavar="SECONDS",
                         help="destroy the guest after that time (as 30 or 5m) and exit with 124")
    running.add_argument("-q", "--quiet", action="store_true",
                         help="no boot diagnostics and no progress: only the program's own output")
    running.add_argument("--no-install", action="store_true",
                         help="never install a package on this machine (also XENOLITH_NO_INSTALL=1)")


def command(options: argparse.Namespace, layout: Layout) -> int:
    progress = Progress(quiet=options.quiet)
    timeout = None if options.timeout is None else parse_seconds(options.timeout)
    # All that can be wrong with the command line is found before anything long begins.
    program = program_name(options.program)
    config = guest_config(options, options.args, program, unique_name(program), "", options.quiet)
    prepare(config, progress, install=not options.no_install)
    if needs_sdk(options.program):
        ensure_sdk(layout, progress, install=not options.no_install)
    image = read_image(build_program(options.program, layout, progress,
                                     not options.no_install))
    check_it_fits(image, config.memory_mib)
    ramdisk = pack(options.initrd) if options.initrd is not None else None
    with open_host(config, progress, install=not options.no_install) as dom0, \
            lent(dom0, config, progress):
        return boot(dom0, config, image, ramdisk, timeout)


def program_name(target: str) -> str:
    """argv[0]: of `examples/hello`, `hello.c` and `app:hello` alike `hello`."""
    path = Path(target)
    if not path.exists() and ":" in target:
        return target.rpartition(":")[2]
    return path.resolve().stem or "program"


def open_host(config: GuestConfig, progress: Progress, install: bool = True):
    """The dom0 for one guest: this machine, the standing testbed, or one started for it."""
    from testbed.dom0 import open_dom0, this_is_dom0
    wanted_mib = max(config.memory_mib, config.maxmem_mib or 0)
    if not this_is_dom0():
        prereq.ensure(prereq.TESTBED, progress, install)
        machine_mib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
        if wanted_mib > machine_mib:
            raise UserError(f"a guest of {wanted_mib} MiB is more than this machine has "
                            f"({machine_mib} MiB)", "give less with -m")
    with progress.step("starting the testbed") as step:
        return open_dom0(step.say, wanted_mib, config.network.outside)


def boot(dom0, config: GuestConfig, image: Image, ramdisk: bytes | None,
         timeout: float | None) -> int:
    """One guest from its files to its exit status."""
    symbols = Symbols(image.path, image.elf)
    output = GuestOutput(write_stdout, symbols.frame_suffix)
    with Guest(dom0, config) as guest, raw_terminal(STDIN) as is_terminal:
        guest.create(image.path, ramdisk)
        forwarder = StdinForwarder(STDIN, guest.send, guest.stop, is_terminal)
        forwarder.start()
        try:
            ending = guest.watch(output, timeout)
        finally:
            forwarder.stop()
        output.finish()
        status = report(ending, output, symbols, dom0, config, timeout)
    return status


def report(ending: Ending, output: GuestOutput, symbols: Symbols, dom0, config: GuestConfig,
           timeout: float | None) -> int:
    """What the user must know beyond the guest's own words, and the status."""
    if ending.how == "stopped":
        return STATUS_INTERRUPTED
    if ending.how == "timeout":
        sys.stderr.write(f"xenolith: the guest was still running after {timeout:g} s; destroyed\n")
    elif ending.how == "not created":
        sys.stderr.write(ending.messages)
        raise explain_create_failure(ending.messages, config.memory_mib)
    elif ending.how == "destroyed":
        sys.stderr.write("xenolith: the guest was destroyed from outside\n")
        return STATUS_FAILED
    elif ending.how != "poweroff" and output.said_crash is None:
        # Nothing came from the guest itself: Xen's words are all there is.
        words = hypervisor_words(dom0, ending.domid, symbols.annotate_xen)
        sys.stderr.write("".join(line + "\n" for line in words))
        why = explain(words, symbols.describe)
        sys.stderr.write(f"xenolith: the guest ended without a report ({ending.how})"
                         f"{': ' + why if why else ''}\n")
    return ending.status

