"""-p, --net, --mac, --ip: a guest's network card and the ports of this machine that lead to it."""
from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from .errors import UserError

MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
BRIDGE_NAME = re.compile(r"[A-Za-z0-9_.+-]{1,15}\Z")
PORT_SYNTAX = "write it as HOST:GUEST, as in -p 8000:80; ADDRESS:HOST:GUEST and /udp are understood"
IP_SYNTAX = "give an address as 10.0.0.7/24, `dhcp`, `off`, or Linux's ip= with its colons"


@dataclass
class Network:
    """What a guest gets. No card at all: `bridge` is None."""

    mode: str = "none"          # none, user, bridge
    bridge: str | None = None
    mac: str = ""
    ip: str = ""                # the guest's ip=, in Linux's syntax; empty: as it likes
    address: str = ""           # a fixed address out of it
    outside: bool = False       # --net user: connections from the guest to beyond the testbed
    forwards: list = field(default_factory=list)

    def line(self) -> str:
        """An entry of `vif=`."""
        parts = [f"mac={self.mac}", f"bridge={self.bridge}"]
        parts += [f"ip={self.address}"] if self.address else []
        return ", ".join(parts)

    def guest_address(self) -> str:
        """Where the testbed's DHCP server, or --ip, puts it."""
        from testbed.network import address_of
        return self.address or address_of(self.mac)


def parse_network(net: str | None, ports: list[str], mac: str | None, ip: str | None,
                  name: str) -> Network:
    """All four options of the guest that is called so."""
    from testbed.network import BRIDGE, mac_for
    forwards = [parse_port(text) for text in ports]
    check_twice(forwards)
    if net is None:
        # A port without a network is a wish for one; nothing else is.
        net = "user" if forwards or mac or ip else "none"
        # QEMU lets answers over UDP out only with everything else; over TCP it tells them apart.
        outside = any(forward.protocol == "udp" for forward in forwards)
    else:
        outside = net == "user"
    if net == "none":
        if forwards or mac or ip:
            raise UserError("--net none leaves no network for -p, --mac or --ip", "leave one of them out")
        return Network()
    bridge = BRIDGE
    if net.startswith("bridge"):
        bridge = net.partition("=")[2] if "=" in net else BRIDGE
        if not BRIDGE_NAME.match(bridge) or net.partition("=")[0] != "bridge":
            raise UserError(f"--net {net}: no name of a bridge", "write it as --net bridge=xenbr0")
        net = "bridge"
    elif net != "user":
        raise UserError(f"--net {net}: unknown", "one of none, user, bridge=NAME")
    network = Network(net, bridge, parse_mac(mac) if mac else mac_for(name), outside=outside,
                      forwards=forwards)
    if ip:
        parse_ip(ip, network)
    return network


def check_twice(forwards: list) -> None:
    for number, one in enumerate(forwards):
        for other in forwards[:number]:
            same = (one.port, one.protocol) == (other.port, other.protocol)
            if same and (one.host == other.host or "0.0.0.0" in (one.host, other.host)):
                raise UserError(f"-p: port {one} is given twice", "give each a port of its own")


def parse_port(text: str):
    from testbed.forwards import Forward
    match = re.fullmatch(r"(?:([0-9.]+):)?(\d+):(\d+)(?:/(tcp|udp))?", text)
    if not match:
        raise UserError(f"-p {text}: not a pair of ports", PORT_SYNTAX)
    for number in (int(match[2]), int(match[3])):
        if not 1 <= number <= 65535:
            raise UserError(f"-p {text}: {number} is no port", "ports are 1 to 65535")
    host = match[1] or "127.0.0.1"
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        raise UserError(f"-p {text}: {host} is no address", PORT_SYNTAX) from None
    return Forward(int(match[2]), int(match[3]), match[4] or "tcp", host)


def parse_mac(text: str) -> str:
    mac = text.lower().replace("-", ":")
    if not MAC.match(mac):
        raise UserError(f"--mac {text}: not a MAC address", "write it as 00:16:3e:01:02:03")
    if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
        raise UserError(f"--mac {text}: no card can have a group's address",
                        "make the first octet even, as in 00:16:3e:01:02:03")
    return mac


def parse_ip(text: str, network: Network) -> None:
    """An address becomes Linux's CLIENT::GATEWAY:NETMASK; anything with colons is that already."""
    from testbed.network import GATEWAY, NETMASK, SUBNET
    if text in ("dhcp", "off", "none"):
        network.ip = text
        return
    if ":" in text:
        network.ip = text
        client = text.partition(":")[0]
        network.address = client if is_address(client) else ""
        return
    try:
        interface = ipaddress.IPv4Interface(text)
    except ValueError:
        raise UserError(f"--ip {text}: not an address", IP_SYNTAX) from None
    network.address = str(interface.ip)
    if network.mode == "user":
        if interface.ip not in SUBNET or str(interface.ip) == GATEWAY or \
                interface.ip in (SUBNET.network_address, SUBNET.broadcast_address):
            raise UserError(f"--ip {text}: the testbed's guests are in {SUBNET}, where {GATEWAY} is taken",
                            "give an address as 10.78.0.7, or --net bridge=NAME")
        network.ip = f"{interface.ip}::{GATEWAY}:{NETMASK}"
    else:
        network.ip = f"{interface.ip}:::{interface.netmask}" if "/" in text else str(interface.ip)


def is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def check_bridge(dom0, network: Network) -> None:
    """xl tells of a missing bridge only by a failed script."""
    script = 'for b in /sys/class/net/*/bridge; do [ -d "$b" ] && basename "${b%/bridge}"; done; true'
    bridges = dom0.run(["sh", "-c", script], check=True).out.decode().split()
    if network.bridge not in bridges:
        there = f"it has {', '.join(bridges)}" if bridges else "it has none"
        raise UserError(f"--net: this Xen host has no bridge {network.bridge}",
                        f"{there}; name one with --net bridge=NAME, or make it")
