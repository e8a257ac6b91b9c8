"""The testbed's network: one bridge in dom0, behind it the guests; addresses follow from MACs.

    guest 10.78.a.b --- vif --- xenbr0 10.78.0.1 (dom0) 10.0.2.15 --- QEMU's user network 10.0.2.2

dom0 routes between the two. Its DHCP server (dhcp/dhcp.c) and the functions here give each MAC the
same address, so that a port of this machine can be forwarded to a guest before it has started. QEMU
finds guests beyond its own net because dom0 answers for them (proxy ARP). IPv6 ends in dom0: guests
make addresses of PREFIX6 and reach each other and dom0.
"""
from __future__ import annotations

import hashlib
import ipaddress

BRIDGE = "xenbr0"
GATEWAY = "10.78.0.1"
NETMASK = "255.255.0.0"
PREFIX6 = "fd78:656e::"          # a /64 of our own, announced by ra/ra.c
SUBNET = ipaddress.ip_network("10.78.0.0/16")
NAME_SERVER = "10.0.2.3"        # QEMU's, which asks this machine's
# Read by dom0's DHCP server: there when guests may reach outside.
NAME_SERVER_FILE = "/run/xenolith-dns"
XEN_OUI = "00:16:3e"            # assigned to Xen; the half below 80:00:00 is for made-up ones


def mac_for(name: str) -> str:
    """The MAC of the guest of that name: the same each time, so that its address is, too."""
    tail = hashlib.sha256(name.encode()).digest()
    return f"{XEN_OUI}:{tail[0] & 0x7f:02x}:{tail[1]:02x}:{tail[2]:02x}"


def address_of(mac: str) -> str:
    """What dom0's DHCP server gives that MAC; the same arithmetic as in dhcp/dhcp.c."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return f"10.78.{1 + octets[4] % 254}.{1 + octets[5] % 254}"
