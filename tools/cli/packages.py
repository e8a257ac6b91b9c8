"""Programs that xenolith_package() (tools/cmake/XenolithPackage.cmake) adds to a CMake project.

CMake's file API knows nothing of them; each package describes itself in a file below the build
directory, one word and its value a line: `program PATH`, `needs PROGRAM`.
"""
from __future__ import annotations

from pathlib import Path

from . import prereq
from .errors import UserError

# What a build may ask for, and the Debian package that brings it.
PACKAGE_OF = {"tclsh": "tcl", "autoreconf": "autoconf", "automake": "automake", "libtoolize": "libtool",
              "bison": "bison", "flex": "flex", "m4": "m4", "perl": "perl", "gperf": "gperf"}


def described(work: Path, wanted: str) -> list[str]:
    """The values of a word, in the order of the packages' names and of their lines."""
    values = []
    for path in sorted((work / "xenolith-packages").glob("*")):
        for line in path.read_text().splitlines():
            word, _, value = line.partition(" ")
            values += [value] if word == wanted else []
    return values


def programs(work: Path) -> dict[str, Path]:
    return {Path(value).name: Path(value) for value in described(work, "program")}


def needs(work: Path) -> list[prereq.Need]:
    found = []
    for program in described(work, "needs"):
        if program not in PACKAGE_OF:
            raise UserError(f"a package needs {program}, which xenolith does not know how to install",
                            f"NEEDS can be: {', '.join(sorted(PACKAGE_OF))}")
        found.append(prereq.Need(f"{program}, which builds a package", (PACKAGE_OF[program],),
                                 prereq.has_program(program)))
    return found
