"""Dispatch: finds the command, parses its options, turns errors into one line and a status."""
from __future__ import annotations

import difflib
import importlib
import os
import sys
from pathlib import Path

from . import VERSION
from .errors import STATUS_FAILED, Interrupted, UserError
from .layout import Layout
from .options import Parser, split_program_args
from .signals import raising_interrupted

# name: (module, one line). Modules are imported when asked for, so that `run` starts fast.
COMMANDS = {
    "run": ("run", "build a program and boot it as a Xen PV guest"),
    "build": ("build_command", "build the SDK, or a program into an image"),
    "test": ("test", "run every test"),
    "config": ("config_command", "print an xl configuration for an image"),
    "host": ("host", "the testbed: a Xen host inside QEMU"),
    "ps": ("ps", "list the running guests"),
    "console": ("console", "attach to a running guest's console"),
    "gdb": ("gdb", "debug a program, or a guest that runs"),
    "bench": ("bench", "measure, in virtual time"),
}

TEXT = """usage: xenolith COMMAND [OPTIONS]

An ordinary C program, booted as a Xen PV guest.

commands:
{commands}

`xenolith COMMAND --help` tells everything about one. To begin: xenolith run examples/hello
"""


def help_text() -> str:
    width = max(map(len, COMMANDS)) + 2
    return TEXT.format(commands="\n".join(f"  {name:<{width}}{line}"
                                          for name, (_, line) in COMMANDS.items()))


def main(argv: list[str], package_dir: Path) -> int:
    """The whole program; returns the exit status."""
    try:
        with raising_interrupted():
            return dispatch(argv, Layout.find(package_dir))
    except UserError as error:
        sys.stdout.flush()
        sys.stderr.write(f"xenolith: {error}\n")
        return error.status
    except Interrupted as error:
        return error.status
    except BrokenPipeError:
        # Whoever read our stdout is gone; say nothing, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except Exception as error:
        if os.environ.get("XENOLITH_TRACE"):
            raise
        kind = type(error).__name__
        cause = str(error) or kind
        # AptError, TestbedError and their like are written for people; the rest is our bug.
        if type(error).__module__.split(".")[0] in ("testbed", "deps"):
            sys.stderr.write(f"xenolith: {cause}\n")
        else:
            sys.stderr.write(f"xenolith: {kind}: {cause}; XENOLITH_TRACE=1 shows where\n")
        return STATUS_FAILED


def dispatch(argv: list[str], layout: Layout) -> int:
    if not argv or argv[0] in ("-h", "--help") or argv == ["help"]:
        (sys.stdout if argv else sys.stderr).write(help_text())
        return 0 if argv else STATUS_FAILED
    if argv[0] in ("-V", "--version"):
        print(f"xenolith {VERSION}")
        return 0
    name, *rest = argv
    if name == "help":
        name, rest = rest[0], ["--help"]
    if name not in COMMANDS:
        kind = "option" if name.startswith("-") else "command"
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean `{near[0]}`?" if near else "see `xenolith --help`"
        raise UserError(f"unknown {kind} {name!r}", hint)
    module = importlib.import_module(f".{COMMANDS[name][0]}", __package__)
    parser = Parser(prog=f"xenolith {name}", description=module.HELP.strip(),
                    epilog=getattr(module, "EPILOG", "").strip() or None)
    own, args = split_program_args(rest)
    module.add_arguments(parser)
    try:
        if getattr(module, "PASSES_OPTIONS", False):
            options, unknown = parser.parse_known_args(own)
            args = unknown + args
        else:
            options = parser.parse_args(own)
    except SystemExit as leaving:       # --help has printed what was asked for
        return int(leaving.code or 0)
    takes_args = getattr(module, "TAKES_ARGS", False) or getattr(module, "PASSES_OPTIONS", False)
    if args and not takes_args:
        raise UserError(f"`xenolith {name}` takes no arguments behind `--`", "leave them out")
    options.args = args
    return module.command(options, layout)
