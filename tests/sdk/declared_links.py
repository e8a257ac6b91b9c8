#!/usr/bin/env python3
"""Every function that a shipped header declares is defined by a library of the sysroot, and the other way.

    declared_links.py SDK [--image FILE] [--list]

asks the compiler what each header of SDK declares (-aux-info), links one program that refers to all of
it, and names what the linker misses, each with its header; and what our libraries define for programs
(tools/toolchain/own_names.py renames the rest) that no header declares. --image keeps that program: it boots, says
how many functions it refers to, and PASS. --list prints the names.
"""
from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TRIPLE = "x86_64-xenolith-elf"

# A header declares more or less with these.
VIEWS = (["-D_GNU_SOURCE"], ["-D_XOPEN_SOURCE=500"], ["-D_POSIX_C_SOURCE=199506L"], [])

# Parts of other headers, which say so when included alone.
NOT_ALONE = re.compile(r"(machine|ssp|bits)/|sys/_|_.*\.h$")

# Not ours to define: the program's, and a name in C whose symbol is another one (<libgen.h>'s basename).
NOT_SYMBOLS = {"main", "__xpg_basename"}

# Those that guest.lds and its users' command lines name.
NAMED_IN_LINKING = {"console_start", "inet_make"}

DECLARATION = re.compile(r"/\* (.*?):\d+:[NOI][CF] \*/ extern (.*)$")
NAME = re.compile(r"([A-Za-z_]\w*) \(")
MISSING = re.compile(r"undefined reference to [`'](\w+)'")

MAIN = """
#include <stdio.h>

extern void *const declared[], *const declared_end[];

int main(void)
{
    long n = declared_end - declared, defined = 0;

    for (long i = 0; i < n; i++)
        defined += declared[i] != 0;
    printf("%ld functions are declared, %ld defined\\n", n, defined);
    puts(n > 1000 && n == defined ? "PASS" : "FAIL not all are defined");
    return n != defined;
}
"""


class HeaderError(Exception):
    """A header that does not compile alone."""


def shipped(include: Path) -> list[str]:
    """The names that a program may include."""
    names = (path.relative_to(include).as_posix() for path in include.rglob("*.h"))
    return sorted(name for name in names if not NOT_ALONE.match(name))


def declared_by(gcc: Path, header: str, view: list[str], work: Path) -> dict[str, str]:
    """The functions that one header declares with all that it includes, and in which file."""
    info = work / (re.sub(r"\W", "_", header) + re.sub(r"\W", "_", "".join(view)))
    compiled = subprocess.run(
        [gcc, "-std=gnu11", *view, "-fno-builtin", "-aux-info", info, "-fsyntax-only", "-x", "c", "-"],
        input=f"#include <{header}>\n", capture_output=True, text=True, check=False)
    if compiled.returncode != 0:
        lines = [line for line in compiled.stderr.splitlines() if "error" in line]
        raise HeaderError(f"<{header}> does not compile alone: {lines[0] if lines else 'why?'}")
    names: dict[str, str] = {}
    for line in info.read_text().splitlines():
        match = DECLARATION.match(line)
        # Wrapped declarations of inline definitions are `static`, and so not matched.
        if match and (name := function_name(match[2])):
            names[name] = match[1].split("/include/")[-1]
    return {name: file for name, file in names.items() if name not in NOT_SYMBOLS}


def function_name(declaration: str) -> str | None:
    """Of `extern T name (...);`: the first word before a parenthesis that is not an attribute's."""
    if (pointer := re.search(r"\(\*+\s*(\w+) \(", declaration)) is not None:
        return pointer[1]                                # a function that returns a function pointer
    match = NAME.search(declaration)
    return match[1] if match else None


def link(gcc: Path, names: Iterable[str], image: Path, work: Path) -> set[str]:
    """Link a program that refers to all names; those that the linker misses."""
    refs = ["    .section .rodata.declared, \"a\"", "    .balign 8", "    .globl declared, declared_end",
            "declared:", *(f"    .quad {name}" for name in sorted(names)), "declared_end:",
            "    .section .note.GNU-stack, \"\", @progbits", ""]
    (work / "declared.s").write_text("\n".join(refs))
    (work / "main.c").write_text(MAIN)
    linked = subprocess.run(
        [gcc, "-O2", "-g", work / "main.c", work / "declared.s", "-o", image],
        capture_output=True, text=True, check=False)
    missing = set(MISSING.findall(linked.stderr))
    if linked.returncode != 0 and not missing:
        raise HeaderError(f"the program does not link: {linked.stderr.strip()[-2000:]}")
    return missing


def for_programs(sdk: Path) -> set[str]:
    """The functions of our libraries that have names which a program can call, but for the linker's."""
    listed = subprocess.run(
        [sdk / "bin" / f"{TRIPLE}-nm", "-g", "--defined-only", "-f", "posix",
         *sorted((sdk / TRIPLE / "lib").glob("libxenolith-*.a"))],
        capture_output=True, text=True, check=True)
    return set(re.findall(r"^([A-Za-z]\w*) [TW] ", listed.stdout, re.M)) - NAMED_IN_LINKING


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("sdk", type=Path)
    parser.add_argument("--image", type=Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    gcc = options.sdk / "bin" / f"{TRIPLE}-gcc"
    include = options.sdk / TRIPLE / "include"
    where: dict[str, str] = {}
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(2) as pool:
        work = Path(directory)
        jobs = [(header, pool.submit(declared_by, gcc, header, view, work))
                for view in VIEWS for header in shipped(include)]
        for header, job in jobs:
            try:
                where |= job.result()
            except HeaderError as error:
                failures.append(str(error))
        image = options.image or work / "image"
        missing = link(gcc, where, image, work)
    if options.list:
        print("\n".join(sorted(where)))
    for name in sorted(missing, key=lambda name: (where.get(name, ""), name)):
        source = f"declared in <{where[name]}>" if name in where else "referred to by a library"
        print(f"not defined: {name} ({source})")
    undeclared = for_programs(options.sdk) - set(where)
    for name in sorted(undeclared):
        print(f"not declared: {name} (defined by a library)")
    for failure in sorted(set(failures)):
        print(failure)
    print(f"{len(where)} functions are declared in {len(shipped(include))} headers; "
          f"{len(missing)} are not defined, {len(set(failures))} headers do not compile; "
          f"{len(undeclared)} are defined and not declared")
    return 1 if missing or failures or undeclared or len(where) < 1000 else 0


if __name__ == "__main__":
    sys.exit(main())
