"""`xenolith console`: attach to the console of a guest that runs already."""
from __future__ import annotations

import argparse

from .attach import attach, write_stdout
from .config import parse_name
from .errors import UserError
from .guest import CONSOLE_SCRIPT
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
        domid = name if name.isdigit() else dom0.run(["xl", "domid", name], check=True).out.strip().decode()
        output = GuestOutput(write_stdout)
        console = dom0.popen(["sh", "-c", CONSOLE_SCRIPT, "xenolith-console", domid])
        status = attach(WithoutNotice(console), output.feed)
        output.finish()
        return status


class WithoutNotice:
    """xenconsole's process without the byte by which it says on stderr that the console is open."""

    def __init__(self, process) -> None:
        self._process = process

    def __getattr__(self, name: str):
        return getattr(self._process, name)

    def read(self):
        for stream, data in self._process.read():
            if stream == "err":
                data = data.strip(b"\0\1")
            if data:
                yield stream, data
