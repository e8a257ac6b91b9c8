"""What Xen itself says about a guest that ended without a word of its own."""
from __future__ import annotations

import re
from typing import Callable

DMESG_SECONDS = 30.0
LINES_MOST = 40
# Lines that do not name the domain and stand between ones that do.
GAP_MOST = 8
# Xen could not push an exception's frame at the guest's stack pointer.
STACK_FAULT = "domain_crash_page_fault"
RIP = re.compile(r"RIP:.*\[<([0-9a-f]{8,16})>\]")
RSP = re.compile(r"\brsp: ([0-9a-f]{8,16})")


def hypervisor_words(dom0, domid: int | None, annotate: Callable[[str], str]) -> list[str]:
    """The last lines of `xl dmesg` about this domain: all that is left of a guest that said nothing."""
    if domid is None:
        return []
    ran = dom0.run(["xl", "dmesg"], timeout=DMESG_SECONDS)
    lines = ran.out.decode("utf-8", "replace").splitlines()
    about = re.compile(rf"\bd{domid}(?:v\d+)?\b|\bDomain {domid}\b|\bdom{domid}\b", re.IGNORECASE)
    found = [i for i, line in enumerate(lines) if about.search(line)]
    if not found:
        return []
    # A register dump follows its first line and does not repeat the number.
    first = found[-1]
    for i in reversed(found):
        if first - i > GAP_MOST:
            break
        first = i
    if first > 0 and STACK_FAULT in lines[first - 1]:
        first -= 1
    return [annotate(line) for line in lines[first:first + LINES_MOST]]


def explain(words: list[str], describe: Callable[[int], str]) -> str:
    """One sentence for the causes that Xen's words tell plainly, or ""."""
    text = "\n".join(words)
    rip, rsp = RIP.search(text), RSP.search(text)
    if STACK_FAULT not in text or rip is None or rsp is None:
        return ""
    place = describe(int(rip[1], 16)) or f"0x{rip[1]}"
    return (f"a stack is used up, at {place} (rsp 0x{rsp[1]}); main's grows with `--extra stack=4M`, "
            "a thread's with pthread_attr_setstacksize()")
