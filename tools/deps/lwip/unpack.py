"""Put lwIP's sources, as released, where the build looks for them.

    unpack.py DIRECTORY

copies src/ and test/ of the unpacked tarball in the cache to DIRECTORY, fetching it first if need be.
What we do otherwise stands in libc-glue/lwip, around lwIP's own sources; where there is no way around,
EDITS change a few words.
"""
from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))
sys.dont_write_bytecode = True

from deps.cache import cache_dir, make_dir, note_use             # noqa: E402
from deps.fetch import FetchError, fetch, read_pin, unpack       # noqa: E402

# File, pattern, replacement; each must match once.
EDITS = [
    # How tcp_input() finds the connection of a segment: by net_tcp_hash rather than down the lists.
    ("src/core/tcp_in.c",
     r"for \(pcb = tcp_active_pcbs;(?=[^\n]*\n *LWIP_ASSERT\(.tcp_input: active)",
     "for (pcb = NET_TCP_FIND(0);"),
    ("src/core/tcp_in.c",
     r"for \(pcb = tcp_tw_pcbs;(?=[^\n]*\n *LWIP_ASSERT\(.tcp_input: TIME-WAIT)",
     "for (pcb = NET_TCP_FIND(1);"),
    # How many connections a listening one may have begun: more than 255.
    ("src/include/lwip/tcp.h",
     r"u8_t backlog;\n  u8_t accepts_pending;", "u16_t backlog;\n  u16_t accepts_pending;"),
    # What the other side has of what is in flight: net_tcp_sack.
    ("src/core/tcp_in.c",
     r"if \(pcb->dupacks > 3\) \{", "if (pcb->dupacks > 3 && !NET_TCP_SACKS(pcb)) {"),
    ("src/core/tcp_in.c",
     r"LWIP_DEBUGF\(TCP_RTO_DEBUG, \(.tcp_receive: pcb->rttest", r"NET_TCP_ACKED(pcb);\n    \g<0>"),
]


class EditError(Exception):
    """This is not the lwIP that the edits were written for."""


def edit(target: Path) -> None:
    for name, pattern, replacement in EDITS:
        path = target / name
        text, found = re.subn(pattern, replacement, path.read_text(encoding="utf-8"))
        if found != 1:
            raise EditError(f"{name}: {found} places for one edit; another version of lwIP?")
        path.write_text(text, encoding="utf-8")


def say(text: str) -> None:
    print(f"lwip: {text}", flush=True)


def sources() -> Path:
    """The cache's directory with src/ and test/ of lwIP."""
    pin = read_pin("lwip")
    final = cache_dir() / "lwip" / f"{pin.version}-{pin.sha256[:16]}"

    def fill(directory: Path) -> None:
        top = unpack(fetch(pin, say), directory)
        for path in top.iterdir():
            path.rename(directory / path.name)
        top.rmdir()

    make_dir(final, fill, say)
    note_use(final)
    return final


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: unpack.py DIRECTORY", file=sys.stderr)
        return 2
    target = Path(arguments[0])
    try:
        # Not with the tarball's times: a build tool compares them with this very file's.
        for part in ("src", "test"):
            shutil.copytree(sources() / part, target / part, copy_function=shutil.copyfile,
                            dirs_exist_ok=True)
        edit(target)
    except (EditError, FetchError, OSError) as error:
        print(f"lwip: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
