"""The guest's command line: `KEY=VALUE ... -- ARG ...`, quoted as runtime/cmdline.h reads it."""
from __future__ import annotations

import re
import shlex

from .errors import UserError

# xen.h: MAX_GUEST_CMDLINE is 1024 with its terminating zero.
COMMAND_LINE_MAX = 1023
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def command_line(settings: list[tuple[str, str]], args: list[str], extra: str = "") -> str:
    """One string for `cmdline=`: quoted settings, extra as it is, then `--` and the arguments."""
    # The value alone: a key in quotes is an argument.
    words = [f"{key}={shlex.quote(value)}" for key, value in settings]
    if extra:
        words.append(extra)
    if args:
        words.append("--")
        words += [shlex.quote(arg) for arg in args]
    line = " ".join(words)
    if "\0" in line:
        raise UserError("the guest's command line holds a zero byte", "leave it out")
    size = len(line.encode("utf-8", "surrogateescape"))
    if size > COMMAND_LINE_MAX:
        raise UserError(
            f"the guest's command line is {size} bytes long and Xen takes {COMMAND_LINE_MAX}",
            "shorten the arguments and -e values, or put them into a file of --initrd")
    return line


def environment_setting(text: str) -> tuple[str, str]:
    """`NAME=VALUE` of -e as a setting of the command line."""
    name, equals, value = text.partition("=")
    if not equals or not ENV_NAME.match(name):
        raise UserError(f"-e {text}: not of the form NAME=VALUE",
                        "a name is letters, digits and _, and does not begin with a digit")
    return f"env.{name}", value
