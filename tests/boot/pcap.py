"""What tcpdump wrote: TCP and UDP over IPv4, their checksums, and what was sent twice."""
from __future__ import annotations

import struct
from dataclasses import dataclass

ETHERNET, IPV4, TCP, UDP, ICMP = 14, 0x0800, 6, 17, 1
MAGIC = 0xA1B2C3D4


@dataclass
class Packet:
    src: str
    dst: str
    protocol: int
    header: bytes       # of IP, with options
    rest: bytes         # what it carries
    fragment: bool

    @property
    def ports(self) -> tuple[int, int]:
        return struct.unpack_from("!HH", self.rest)

    @property
    def sequence(self) -> int:
        return struct.unpack_from("!I", self.rest, 4)[0]

    @property
    def data(self) -> int:
        """Bytes of TCP's data."""
        return len(self.rest) - (self.rest[12] >> 4) * 4


def packets(capture: bytes) -> list[Packet]:
    """Those of IPv4; each must have been captured whole."""
    magic, = struct.unpack_from("<I", capture)
    if magic != MAGIC:
        raise ValueError("no capture in this machine's byte order")
    found, at = [], 24
    while at + 16 <= len(capture):
        kept, length = struct.unpack_from("<II", capture, at + 8)
        frame = capture[at + 16:at + 16 + kept]
        at += 16 + kept
        if kept != length:
            raise ValueError("a packet was not captured whole")
        if len(frame) >= ETHERNET + 20 and struct.unpack_from("!H", frame, 12)[0] == IPV4:
            found.append(_ipv4(frame[ETHERNET:]))
    return found


def _ipv4(data: bytes) -> Packet:
    size = (data[0] & 15) * 4
    total, _, offset = struct.unpack_from("!HHH", data, 2)
    address = [".".join(str(octet) for octet in data[i:i + 4]) for i in (12, 16)]
    # A large segment for the next card to cut may say 0.
    return Packet(*address, data[9], data[:size], data[size:total or None], offset & 0x3FFF != 0)


def folded(data: bytes) -> int:
    """The sum of 16-bit words that the checksums of IP are made of (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo(packet: Packet) -> bytes:
    return packet.header[12:20] + struct.pack("!BBH", 0, packet.protocol, len(packet.rest))


def sums(packet: Packet) -> str:
    """"right", "blank" (of the pseudo header only: for the next card to complete) or "wrong"."""
    if folded(packet.header) != 0xFFFF:
        return "wrong"
    if packet.fragment or packet.protocol not in (TCP, UDP, ICMP):
        return "right"
    if packet.protocol == ICMP:
        return "right" if folded(packet.rest) == 0xFFFF else "wrong"
    at = 16 if packet.protocol == TCP else 6
    said, = struct.unpack_from("!H", packet.rest, at)
    if folded(pseudo(packet) + packet.rest) == 0xFFFF or (packet.protocol == UDP and said == 0):
        return "right"
    return "blank" if said == folded(pseudo(packet)) else "wrong"


def sent_again(found: list[Packet]) -> int:
    """TCP segments that begin before the end of what their sender had sent."""
    ends: dict[tuple, int] = {}
    n = 0
    for packet in found:
        if packet.protocol != TCP or packet.data == 0:
            continue
        way = (packet.src, packet.dst, packet.ports)
        end = ends.get(way)
        if end is not None and (packet.sequence - end) & 0x80000000:
            n += 1
            continue
        ends[way] = (packet.sequence + packet.data) & 0xFFFFFFFF
    return n
