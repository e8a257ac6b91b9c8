"""Command-line parsing: argparse with errors in our form, and the options every guest takes."""
from __future__ import annotations

import argparse
import difflib
import re
from pathlib import Path
from typing import NoReturn

from .config import (GuestConfig, MEMORY_DEFAULT_MIB, parse_memory, parse_name, parse_xl_option)
from .errors import UserError
from .disks import parse_disks
from .image import Image
from .network import parse_network
from .quoting import command_line, environment_setting


class Parser(argparse.ArgumentParser):
    """Errors are UserErrors with a suggestion; abbreviations are not guessed."""

    def __init__(self, **kwargs) -> None:
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **kwargs)

    def error(self, message: str) -> NoReturn:
        cure = f"see `{self.prog} --help`"
        match = re.match(r"unrecognized arguments: (\S+)", message)
        if match:
            word = match[1]
            if word.startswith("-"):
                message = f"unknown option {word}"
                near = difflib.get_close_matches(word.split("=")[0], self.option_names(), 1)
                cure = f"did you mean {near[0]}? ({cure})" if near else cure
            else:
                message = f"unexpected argument {word!r}"
                cure = f"arguments for the program stand behind `--` ({cure})"
        raise UserError(message, cure)

    def option_names(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings]


def split_program_args(argv: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first `--`, and what stands behind it."""
    if "--" in argv:
        at = argv.index("--")
        return argv[:at], argv[at + 1:]
    return argv, []


def add_guest_options(parser: argparse.ArgumentParser) -> None:
    guest = parser.add_argument_group("guest")
    guest.add_argument("-m", "--memory", metavar="SIZE", default=None,
                       help=f"memory, as 32M or 1G (default {MEMORY_DEFAULT_MIB}M)")
    guest.add_argument("--maxmem", metavar="SIZE", help="the most memory it may grow to")
    guest.add_argument("--vcpus", "--smp", metavar="N", dest="vcpus", default="1",
                       help="virtual CPUs (one is used, so far)")
    guest.add_argument("-e", "--env", metavar="NAME=VALUE", action="append", default=[],
                       help="a variable of the program's environment; may be repeated")
    guest.add_argument("--initrd", metavar="DIR|FILE", type=Path,
                       help="the guest's file system at start: a directory to pack, or a cpio archive")
    guest.add_argument("--name", metavar="NAME", help="domain name (default: the program's, made unique)")
    guest.add_argument("--extra", metavar="WORDS", default=[], action="append",
                       help="further words of the guest's command line, as they are; may be repeated")
    guest.add_argument("--xl-option", metavar="KEY=VALUE", action="append", default=[],
                       help="a line of the xl configuration; may be repeated")


    add_device_options(parser)


def add_device_options(parser: argparse.ArgumentParser) -> None:
    devices = parser.add_argument_group("disks and network")
    devices.add_argument("--disk", metavar="FILE[,...]", action="append", default=[],
                         help="a raw image or block device as /dev/xvda, the next as /dev/xvdb...; "
                              "`ro`: read-only; `size=64M`: make the image if it is not there; "
                              "`mkfs`: with an ext4 in it (or mkfs=ext2); `sector=4096`; `vdev=NAME`")
    devices.add_argument("-p", "--publish", metavar="HOST:GUEST", action="append", default=[],
                         help="a port of this machine that leads to the guest's (8000:80, 53:53/udp); "
                              "listens on 127.0.0.1 unless ADDRESS:HOST:GUEST says another")
    devices.add_argument("--net", metavar="MODE", default=None,
                         help="none (the default without -p); user: behind QEMU, and from there "
                              "outside; bridge=NAME: on that bridge of the Xen host")
    devices.add_argument("--mac", metavar="MAC", help="the card's address (default: from the name)")
    devices.add_argument("--ip", metavar="ADDRESS",
                         help="a fixed address (10.78.0.7), or dhcp, off, or Linux's ip= (default: dhcp)")


def guest_config(options: argparse.Namespace, args: list[str], program: str, name: str, kernel: str,
                 quiet: bool = False) -> GuestConfig:
    """The configuration that the guest options ask for; every bad value is found here.

    program becomes argv[0], name the domain's name unless --name says another.
    """
    memory = MEMORY_DEFAULT_MIB if options.memory is None else parse_memory(options.memory)
    maxmem = None
    if options.maxmem is not None:
        maxmem = parse_memory(options.maxmem, "--maxmem")
        if maxmem < memory:
            raise UserError(f"--maxmem {options.maxmem} is less than the memory of {memory} MiB",
                            "give at least as much")
    if not options.vcpus.isdigit() or not 1 <= int(options.vcpus) <= 512:
        raise UserError(f"--vcpus {options.vcpus}: not a number of CPUs", "give 1 to 512")
    if options.initrd is not None and not options.initrd.exists():
        raise UserError(f"--initrd {options.initrd}: no such file or directory", "check its name")
    settings = [("name", program)]          # argv[0]
    settings += [("loglevel", "quiet")] if quiet else []
    name = parse_name(options.name) if options.name is not None else name
    network = parse_network(options.net, options.publish, options.mac, options.ip, name)
    settings += [("ip", network.ip)] if network.ip else []
    xl_options = [parse_xl_option(text) for text in options.xl_option]
    disks = parse_disks(options.disk)
    for key, taken, option in (("disk", disks, "--disk"), ("vif", network.bridge, "--net or -p")):
        if taken and key in dict(xl_options):
            raise UserError(f"--xl-option {key} beside {option}", "say it in one way")
    settings += [environment_setting(text) for text in options.env]
    return GuestConfig(
        name=name,
        kernel=kernel, memory_mib=memory, maxmem_mib=maxmem, vcpus=int(options.vcpus),
        cmdline=command_line(settings, args, " ".join(options.extra)),
        disks=disks, network=network, options=xl_options)


def check_it_fits(image: Image, memory_mib: int) -> None:
    """An image that cannot fit is refused here, where the reason is still known."""
    needed = -(-image.elf.memory_needed() >> 20)
    if needed > memory_mib:
        raise UserError(f"{image.path} spans {needed} MiB and the guest has {memory_mib} MiB",
                        f"give more than {needed}M with -m")


def parse_seconds(text: str) -> float:
    """`30`, `1.5`, `2m` as seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if seconds <= 0:
        raise UserError(f"--timeout {text}: not a time", "give seconds, as 30, or 5m")
    return seconds
