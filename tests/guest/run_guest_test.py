#!/usr/bin/env python3
"""Boots one guest test and judges it: the last line the program prints is its verdict.

    run_guest_test.py [--expect crash|status=N] [--output REGEX] IMAGE [run options] [-- ARGS]

PASS is success, `SKIP why` is skipped (77), `FAIL why` is failure, and no verdict is a crash. A test
that is meant to crash (--expect crash) has no last word: its status must be 126, and --output says
what its report must contain.
"""
from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ.get("XENOLITH_COMMAND", str(ROOT / "tools" / "xenolith"))
STATUS_CRASHED, SKIPPED = 126, 77
# What the runtime says after the program's own last word.
RUNTIME_LINE = re.compile(rb"(xenolith: |\[ *\d+ us\])")


def last_word(console: bytes) -> str:
    """The last line of the program's own."""
    lines = [line for line in console.split(b"\n") if line.strip() and not RUNTIME_LINE.match(line)]
    return lines[-1].decode("utf-8", "replace").strip() if lines else ""


def judge(status: int, console: bytes, expect: str, output: str | None) -> tuple[int, str]:
    """(exit status of the test, one line that says why)."""
    if output is not None and not re.search(output.encode(), console, re.MULTILINE):
        return 1, f"the console does not show {output!r}"
    if expect == "crash":
        if status != STATUS_CRASHED:
            return 1, f"the guest was to crash and ended with status {status}"
        return 0, "crashed, as it should"
    word = last_word(console)
    if word.startswith("SKIP"):
        return SKIPPED, word
    wanted = int(expect.removeprefix("status=")) if expect else 0
    if status == STATUS_CRASHED != wanted:
        return 1, "the guest crashed"
    if status != wanted:
        return 1, f"the guest ended with status {status} instead of {wanted}: {word}"
    if word != "PASS":
        return 1, word if word.startswith("FAIL") else f"no verdict; the last line is {word!r}"
    return 0, word


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--expect", default="")
    parser.add_argument("--output")
    options, rest = parser.parse_known_args()
    ran = subprocess.run([COMMAND, "run", *rest], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         check=False)
    sys.stdout.buffer.write(ran.stdout)
    verdict, why = judge(ran.returncode, ran.stdout, options.expect, options.output)
    print(f"\nverdict: {why}")
    return verdict


if __name__ == "__main__":
    sys.exit(main())
