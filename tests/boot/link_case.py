"""What the tests of a guest's network link share: a network of each test's own in dom0, and a guest
that keeps bytes (net_store.c).

    dom0's programs -- nw0 (10.79.0.1) == nv0 -- bridge nb0 -- vif -- guest (10.79.0.2)

nw0 and nv0 are the ends of one cable (veth). What leaves by the vif goes to the guest, what leaves by
nv0 comes from it, so that tc can spoil either way; the testbed's own bridge stays as it is.
"""
from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import pcap  # noqa: E402
from boot_case import BOUND_SECONDS  # noqa: E402
from program_case import ProgramCase  # noqa: E402

from cli.guest import unique_name  # noqa: E402  (program_case has made it importable)

HERE = Path(__file__).resolve().parent
BRIDGE, INNER, OUTER = "nb0", "nv0", "nw0"
DOM0_IP, GUEST_IP = "10.79.0.1", "10.79.0.2"
PORT, ECHO_PORT = 7000, 7001
DATA = "/tmp/net-data"
CAPTURE = "/tmp/net-capture"
CONNECT = "exec 3<>/dev/tcp/{address}/7000 || exit 9; "
PUT = CONNECT + '{{ echo "put $(stat -c %s {file})"; cat {file}; }} >&3; read -r -u 3 line; echo "$line"'
GET = CONNECT + "echo get >&3; read -r -u 3 line; cat <&3 >{file}; sha256sum <{file}"

ECHO = """exec 4<>/dev/udp/{address}/7001
    for i in 1 2 3; do
        head -c {size} {file} >&4
        n=$(timeout 30 dd bs=65536 count=1 <&4 2>/dev/null | wc -c)
        [ $n = {size} ] && echo $n && break
    done"""


class Store:
    """The guest, running."""

    def __init__(self, test: "LinkCase", child: subprocess.Popen, name: str, mac: str) -> None:
        self.test, self.child, self.name, self.mac = test, child, name, mac
        octets = bytes.fromhex(mac.replace(":", ""))
        tail = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
        words = [f"{int.from_bytes(tail[i:i + 2], 'big'):x}" for i in range(0, 8, 2)]
        self.ip6 = f"fe80::{':'.join(words)}%{OUTER}"       # RFC 4291, appendix A
        self.said = b""

    @property
    def vif(self) -> str:
        return f"vif{self.domid}.0"

    @property
    def domid(self) -> int:
        return int(self.test.shell(f"xl domid {self.name}"))

    def await_words(self, words: str, after: int = 0) -> str:
        """All it has said, once words are among what it said after that many bytes."""
        while words.encode() not in self.said[after:]:
            self.said += self.test.wait_for(self.child, b"\n")
        return self.said.decode(errors="replace")

    def put(self, file: str = DATA, address: str = GUEST_IP) -> str:
        return PUT.format(address=address, file=file)

    def get(self, address: str = GUEST_IP) -> str:
        return GET.format(address=address, file=f"{DATA}-back")

    def echo(self, size: int) -> str:
        """Writes the size of a datagram that came back."""
        return ECHO.format(address=GUEST_IP, size=size, file=DATA)

    def end(self) -> str:
        self.test.shell(CONNECT.format(address=GUEST_IP) + "echo end >&3; cat <&3 >/dev/null")
        out, err = self.child.communicate(timeout=BOUND_SECONDS)
        self.said += out
        told = self.said.decode(errors="replace")
        self.test.assertEqual(self.child.returncode, 0, told + err.decode(errors="replace"))
        return told


class LinkCase(ProgramCase):
    image_path = ""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.shell(f"ip link del {BRIDGE} 2>/dev/null; ip link del {INNER} 2>/dev/null; true")
        cls.addClassCleanup(cls.shell, f"rm -f {DATA}*")

    @classmethod
    def shell(cls, line: str, check: bool = True) -> str:
        """A line of bash in dom0; what it wrote."""
        ran = cls.dom0.run(["bash", "-c", line], timeout=BOUND_SECONDS)
        told = "".join(text.decode(errors="replace")[-3000:] for text in (ran.out, ran.err))
        if check and ran.status != 0:
            raise AssertionError(f"`{line}`: status {ran.status}: {told}")
        return ran.out.decode(errors="replace")

    def link(self, mtu: int = 1500) -> None:
        """Make the network; it goes with the test."""
        self.addCleanup(self.shell, f"ip link del {BRIDGE}; ip link del {INNER}", False)
        self.shell(f"""set -e
            ip link add {BRIDGE} type bridge
            ip link add {INNER} mtu {mtu} type veth peer name {OUTER} mtu {mtu}
            ip link set {INNER} master {BRIDGE} up
            ip link set {BRIDGE} mtu {mtu} up
            ip addr add {DOM0_IP}/24 dev {OUTER}
            ip link set {OUTER} up""")

    def store(self, *options: object) -> Store:
        """The guest, with an interface of that network, listening."""
        if not LinkCase.image_path:
            built = self.xenolith("build", HERE / "net_store.c")
            self.assert_ran(built, 0)
            LinkCase.image_path = built.stdout.decode().strip()
        name, mac = unique_name("store"), "00:16:3e:" + ":".join(f"{octet:02x}" for octet in
                                                                 (secrets.token_bytes(3)))
        child = self.start("run", "--name", name, "--net", f"bridge={BRIDGE}", "--mac", mac,
                           "--ip", f"{GUEST_IP}/24", *options, LinkCase.image_path)
        guest = Store(self, child, name, mac)
        guest.await_words("store: ready")
        return guest

    def captured(self, device: str, line: str, snap: int = 0) -> tuple[list[pcap.Packet], str]:
        """What tcpdump saw pass there while the line ran in dom0, and what that wrote."""
        said = self.shell(f"""
            tcpdump -Z root -U -s {snap} -B 16384 -i {device} -w {CAPTURE} ip 2>{CAPTURE}.err & dump=$!
            for i in $(seq 600); do grep -q listening {CAPTURE}.err && break; sleep 0.1; done
            {line}
            status=$?; sleep 1; kill $dump; wait $dump; exit $status""")
        self.addCleanup(self.shell, f"rm -f {CAPTURE} {CAPTURE}.err", False)
        return pcap.packets(self.dom0.get(CAPTURE)), said

    def data(self, size: int) -> str:
        """A file of that size in dom0, DATA; its sum."""
        return self.shell(f"head -c {size} /dev/urandom >{DATA}; sha256sum <{DATA}")

    def assert_carried(self, guest: Store, size: int, address: str = GUEST_IP) -> None:
        """To the guest and back, and the same."""
        digest = self.data(size)
        self.assertEqual(self.shell(guest.put(address=address)), f"stored {size}\n")
        self.assertEqual(self.shell(guest.get(address=address)), digest)
