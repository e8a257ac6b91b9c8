"""The xl configuration of a guest: one dataclass, one text, used by `config`, `run` and `test`."""
from __future__ import annotations

import re
from dataclasses import dataclass, field

from .disks import Disk
from .errors import UserError
from .network import Network

# The domain builder needs room for page tables, p2m list and its own pages beside the image.
MEMORY_MIN_MIB = 4
MEMORY_DEFAULT_MIB = 32
NAME_PATTERN = re.compile(r"[A-Za-z0-9_.+-]{1,60}\Z")
# Written below from the options of their own; --xl-option may not say them twice.
OWN_KEYS = ("name", "type", "kernel", "ramdisk", "memory", "maxmem", "vcpus", "cmdline",
            "on_poweroff", "on_crash", "on_reboot")


@dataclass
class GuestConfig:
    """What one guest needs, in xl's terms; paths are paths in dom0."""

    name: str
    kernel: str
    memory_mib: int = MEMORY_DEFAULT_MIB
    maxmem_mib: int | None = None
    vcpus: int = 1
    cmdline: str = ""
    ramdisk: str | None = None
    disks: list[Disk] = field(default_factory=list)
    network: Network = field(default_factory=Network)
    on_end: str = "destroy"             # "preserve" while `run` reads the exit status
    options: list[tuple[str, str]] = field(default_factory=list)    # xl's own syntax, as it is

    def text(self) -> str:
        lines = [f"name = {quote(self.name)}",
                 'type = "pv"',
                 f"kernel = {quote(self.kernel)}"]
        if self.ramdisk:
            lines.append(f"ramdisk = {quote(self.ramdisk)}")
        lines.append(f"memory = {self.memory_mib}")
        if self.maxmem_mib is not None:
            lines.append(f"maxmem = {self.maxmem_mib}")
        lines.append(f"vcpus = {self.vcpus}")
        if self.cmdline:
            lines.append(f"cmdline = {quote(self.cmdline)}")
        if self.disks:
            lines.append(f"disk = [ {', '.join(quote(disk.line()) for disk in self.disks)} ]")
        if self.network.bridge is not None:
            lines.append(f"vif = [ {quote(self.network.line())} ]")
        lines += [f"on_poweroff = {quote(self.on_end)}",
                  f"on_reboot = {quote(self.on_end)}",
                  f"on_crash = {quote(self.on_end)}"]
        lines += [f"{key} = {value}" for key, value in self.options]
        return "\n".join(lines) + "\n"


def quote(text: str) -> str:
    """A string of xl's configuration syntax (xlcfg: backslash escapes inside double quotes)."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif ord(char) < 32 or ord(char) == 127:
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def parse_size_mib(text: str, option: str) -> int:
    """`32M`, `1G`, `32MiB`, `32` (MiB) as MiB."""
    match = re.fullmatch(r"(\d+)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise UserError(f"{option} {text}: not a size", "write it as 32M or 1G")
    number, unit = int(match[1]), match[2].upper() or "M"
    kib = number * {"K": 1, "M": 1 << 10, "G": 1 << 20, "T": 1 << 30}[unit]
    if kib % 1024:
        raise UserError(f"{option} {text}: Xen counts guest memory in MiB", "give whole MiB, as 32M")
    return kib // 1024


def parse_memory(text: str, option: str = "-m") -> int:
    mib = parse_size_mib(text, option)
    if mib < MEMORY_MIN_MIB:
        raise UserError(f"{option} {text}: a guest of {mib} MiB is too small for Xen's domain builder",
                        f"give at least {MEMORY_MIN_MIB}M")
    return mib


def parse_name(text: str) -> str:
    if not NAME_PATTERN.match(text):
        raise UserError(f"--name {text}: not a domain name",
                        "use letters, digits and _ . + -, at most 60 of them")
    return text


def parse_xl_option(text: str) -> tuple[str, str]:
    """`KEY=VALUE` of --xl-option; VALUE is xl's own syntax, a bare word is taken as a string."""
    key, equals, value = text.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) or not value:
        raise UserError(f"--xl-option {text}: not of the form KEY=VALUE",
                        "write it as in an xl configuration: --xl-option 'cpus=\"1-3\"'")
    if key in OWN_KEYS:
        raise UserError(f"--xl-option {key}: xenolith writes {key} itself", "use the option of its own")
    if not re.match(r"[\[\"'\d]", value):
        value = quote(value)
    return key, value
