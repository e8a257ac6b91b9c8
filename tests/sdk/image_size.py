#!/usr/bin/env python3
"""One line about an image's size, for the build's output.

    image_size.py SDK IMAGE

prints `NAME: 48 KB stripped (text N, data N, bss N)`: the file that xl loads, and the bytes of memory
behind it.
"""
from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

TRIPLE = "x86_64-xenolith-elf"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    sdk, image = map(Path, arguments)
    with tempfile.TemporaryDirectory() as directory:
        stripped = Path(directory) / image.name
        subprocess.run([sdk / "bin" / f"{TRIPLE}-strip", image, "-o", stripped], check=True)
        table = subprocess.run([sdk / "bin" / f"{TRIPLE}-size", stripped], check=True,
                               capture_output=True, text=True).stdout
        text, data, bss = table.splitlines()[1].split()[:3]
        kilobytes = (stripped.stat().st_size + 512) // 1024
    print(f"{image.name}: {kilobytes} KB stripped (text {text}, data {data}, bss {bss})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
