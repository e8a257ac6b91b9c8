"""`xenolith test`: everything in ctest, with what it needs installed and built first."""
from __future__ import annotations

import argparse
import os
import subprocess

from . import prereq
from .build import ensure_sdk
from .errors import UserError
from .layout import Layout
from .progress import Progress

HELP = """
Install what the tests need, build everything, and run every test with ctest: unit tests on this
machine, tests of the tools, and guests booted by `xl create` in testbeds that the tests share: one
for each processor of this machine, as far as its memory goes. Options that are not listed here go to
ctest.
"""
EPILOG = """
Exits with ctest's own status.

examples:
  xenolith test
  xenolith test -R guest -j 2          only the tests whose names match
  xenolith test -L host                only those that need no testbed
"""
PASSES_OPTIONS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-install", action="store_true",
                        help="never install a package on this machine (also XENOLITH_NO_INSTALL=1)")


def command(options: argparse.Namespace, layout: Layout) -> int:
    if layout.build_dir is None:
        raise UserError("the tests are in the source tree, not in the SDK", "use its tools/xenolith")
    progress = Progress()
    prereq.ensure(prereq.BUILD + prereq.TESTBED + prereq.TEST, progress, not options.no_install)
    ensure_sdk(layout, progress, not options.no_install, everything=True)
    jobs = [] if has_jobs(options.args) else ["-j", str(os.cpu_count() or 1)]
    argv = ["ctest", "--test-dir", str(layout.build_dir), "--output-on-failure", *jobs, *options.args]
    with subprocess.Popen(argv) as process:
        try:
            return process.wait()
        except BaseException:
            process.terminate()         # its tests end, and their guests with them
            process.wait()
            subprocess.run([*argv[:3], "--quiet", "-R", "^testbed.down$"], check=False)
            raise


def has_jobs(args: list[str]) -> bool:
    return "CTEST_PARALLEL_LEVEL" in os.environ or any(
        arg.startswith(("-j", "--parallel")) for arg in args)
