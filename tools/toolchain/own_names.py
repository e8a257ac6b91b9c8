#!/usr/bin/env python3
"""Names of our own for what is inside the SDK's libraries: a program may call its functions as it likes.

    own_names.py SYSROOT GUEST_LDS OBJCOPY NM FILE...

Every global name in the objects or archives FILE... that a program could take for its own (no header of
the sysroot declares it, nothing of newlib has it, and it does not begin with an underscore) gets the prefix
"xenolith.", which no C identifier has; references and definitions alike. The debug information keeps
the names of the sources.
"""
from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

PREFIX = "xenolith."
# The program's own, and what a linker command line may name (--defsym).
KEPT = {"main", "ext_fs_type", "inet_make"}
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
MACRO = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
WORD = re.compile(r"[A-Za-z_]\w*")
FUNCTION = re.compile(r"\b([A-Za-z_]\w*)\)?\s*(?:__P\s*)?\(")
OBJECT = re.compile(r"\bextern\b[^;{]*;")


def declared(header: Path) -> set[str]:
    """What a header says to be a function or an object."""
    text = MACRO.sub(" ", COMMENT.sub(" ", header.read_text(errors="replace")))
    found = set(FUNCTION.findall(text))
    for declaration in OBJECT.findall(text):
        found.update(WORD.findall(declaration))
    return found


def names(nm: str, files: list[Path], *options: str) -> set[str]:
    ran = subprocess.run([nm, "-g", "-j", *options, *files], capture_output=True, text=True, check=True)
    return {line for line in ran.stdout.split("\n") if line and not line.endswith(":")}


def rename(objcopy: str, file: Path, private: list[str]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".names") as table:
        table.writelines(f"{name} {PREFIX}{name}\n" for name in private)
        table.flush()
        subprocess.run([objcopy, "-D", f"--redefine-syms={table.name}", file], check=True)


def main(arguments: list[str]) -> int:
    sysroot, script, objcopy, nm = Path(arguments[0]), Path(arguments[1]), arguments[2], arguments[3]
    public = KEPT | set(WORD.findall(COMMENT.sub(" ", script.read_text())))
    public.update(*map(declared, sorted((sysroot / "include").rglob("*.h"))))
    public |= names(nm, [sysroot / "lib" / "libc.a", sysroot / "lib" / "libm.a"], "--defined-only")
    for file in map(Path, arguments[4:]):
        rename(objcopy, file, sorted(name for name in names(nm, [file]) - public
                                     if not name.startswith(("_", PREFIX))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
