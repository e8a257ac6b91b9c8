"""`xenolith ps`: the guests that run, with what they publish about themselves."""
from __future__ import annotations

import argparse
import sys

from .errors import UserError
from .layout import Layout
from .progress import Progress

HELP = """
List the guests of the Xen host: this machine's, or those of the testbed that `xenolith host up` has
started. A Xenolith guest shows its version, stage, memory, threads and uptime; STATE says how it
ended, for one that has ended and is kept.

In dom0 the same list comes from `xenolith-ps`, which has options for scripts. Where that is not
installed, the list is that of `xl`, with the exit status added.
"""

# One shell in dom0 instead of two processes per guest.
SCRIPT = """
command -v xenolith-ps >/dev/null && exec xenolith-ps --all
xl list || exit 1
echo
xenstore-list /local/domain | while read id; do
    s=$(xenstore-read /local/domain/$id/data/xenolith/exit-status 2>/dev/null) && echo "$id $s"
done
"""
XL_HEADER = b"Name "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    pass


def command(options: argparse.Namespace, layout: Layout) -> int:
    from .host import running_dom0
    with running_dom0(Progress()) as dom0:
        ran = dom0.run(["sh", "-c", SCRIPT], timeout=60)
    if ran.status:
        raise UserError(f"the guests cannot be listed: {ran.err.decode('utf-8', 'replace').strip()}",
                        "is the Xen host alive?")
    if not ran.out.startswith(XL_HEADER):
        sys.stdout.write(ran.out.decode("utf-8", "replace"))
        return 0
    table, _, exits = ran.out.decode("utf-8", "replace").partition("\n\n")
    print(format_table(table.splitlines(), dict(line.split() for line in exits.splitlines())))
    return 0


def format_table(lines: list[str], exits: dict[str, str]) -> str:
    """xl list's table without dom0, with one more column."""
    out = [f"{lines[0]:<70} EXIT" if lines else ""]
    for line in lines[1:]:
        fields = line.split()
        if len(fields) < 2 or fields[1] == "0":
            continue
        out.append(f"{line:<70} {exits.get(fields[1], '-')}")
    return "\n".join(out)
