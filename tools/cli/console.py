"""`xenolith console`: attach to the console of a guest that runs already."""
from __future__ import annotations

import argparse

from .attach import attach, write_stdout
from .config import parse_name
from .errors import UserError
from .layout import Layout
from .output import GuestOutput
from .progress import Progress

HELP = """
Attach to the console of the guest NAME (a name or number of `xenolith ps`). Ctrl-] or Ctrl-C leaves;
the guest runs on.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")


def command(options: argparse.Namespace, layout: Layout) -> int:
    from .host import running_dom0
    name = parse_name(options.name)
    with running_dom0(Progress()) as dom0:
        if dom0.run(["xl", "list", name], timeout=60).status:
            raise UserError(f"no guest {name!r}", "see `xenolith ps`")
        output = GuestOutput(write_stdout)
        status = attach(dom0.popen(["xl", "console", name]), output.feed)
        output.finish()
        return status
