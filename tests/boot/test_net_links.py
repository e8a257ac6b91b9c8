"""A guest's network link from outside: what stands on the wire, and what a bad, large, or vanishing
one does to a transfer. The data is always the same on both ends."""
import json
import os
import sys
import unittest
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import pcap  # noqa: E402
from link_case import BRIDGE, DATA, DOM0_IP, ECHO_PORT, GUEST_IP, INNER, LinkCase  # noqa: E402

LONG = int(os.environ.get("XENOLITH_NET_LONG", "1"))    # times the data that the bad links carry
SMALL = 600_000         # also what Python sums up in a second
DATAGRAM = 1_000        # goes whole


class Wire(LinkCase):
    """tcpdump on the vif."""

    def test_sums_and_large_segments_and_nothing_twice(self):
        self.link()
        guest = self.store()
        digest = self.data(SMALL)
        # On a loaded machine either end may believe that something was lost, or tcpdump be too slow to
        # see everything: one good one of many.
        again = "unknown"
        for _ in range(12):
            found, said = self.captured(guest.vif, f"{guest.put()}; {guest.get()}; {guest.echo(DATAGRAM)}")
            self.assertEqual(said, f"stored {SMALL}\n{digest}{DATAGRAM}\n")
            sent = {way: [packet for packet in found if (packet.src, packet.protocol) == way]
                    for way in product((DOM0_IP, GUEST_IP), (pcap.TCP, pcap.UDP))}
            if any(sum(packet.data for packet in packets) < SMALL if protocol == pcap.TCP else not packets
                   for (_, protocol), packets in sent.items()):
                continue
            for (_, protocol), packets in sent.items():
                if protocol == pcap.TCP:
                    self.assertGreater(max(packet.data for packet in packets), 1460)    # GSO, both ways
                self.assertEqual({pcap.sums(packet) for packet in packets} - {"right"}, {"blank"})
            again = pcap.sent_again(found)
            if again == 0:
                break
        self.assertEqual(again, 0, "segments sent again, each time")
        guest.end()



class Sizes(LinkCase):
    def test_pings_and_datagrams_of_every_size(self):
        self.link()
        guest = self.store("-m", "64M")
        for address, sizes in ((GUEST_IP, (1472, 1473, 65_507)),
                               (guest.ip6, (1452, 1453, 65_487))):
            for size in sizes:
                # The first may be lost to a neighbour that is still being looked for.
                self.shell(f"for i in 1 2 3; do ping -n -c 1 -W 30 -s {size} {address} && exit; done; exit 1")
            for size in sizes:
                digest = self.data(size)
                self.assertEqual(self.shell(f"""
                    exec 3<>/dev/udp/{address}/{ECHO_PORT}
                    for i in 1 2 3; do
                        dd bs=65536 count=1 <{DATA} >&3 2>/dev/null
                        timeout 30 dd bs=65536 count=1 <&3 2>/dev/null | sha256sum | grep '{digest[:64]}' && exit
                    done; exit 1"""), digest)
        guest.end()

    def test_large_frames(self):
        self.link(mtu=9000)
        guest = self.store()
        guest.await_words("eth0: link up, " + guest.mac + ", MTU 9000")
        self.shell(f"for i in 1 2 3; do ping -n -M do -c 1 -W 30 -s 8972 {GUEST_IP} && exit; done; exit 1")
        self.assert_carried(guest, LONG * 2_000_000)
        self.assert_carried(guest, LONG * 500_000, guest.ip6)
        # ... and one that changes: what comes is smaller, what is there goes on.
        before = len(guest.said)
        self.shell(f"xenstore-write /local/domain/{guest.domid}/device/vif/0/mtu 1400")
        guest.await_words("eth0: MTU 1400\n", before)
        found, _ = self.captured(
            guest.vif, f"for i in 1 2 3; do ping -n -c 1 -W 30 -s 2000 {GUEST_IP} && break; done")
        answers = {len(packet.header + packet.rest) for packet in found
                   if (packet.src, packet.protocol) == (GUEST_IP, pcap.ICMP)}
        self.assertEqual(answers, {1396, 652})
        self.assert_carried(guest, LONG * 500_000)
        guest.end()


class BadLinks(LinkCase):
    def spoiled(self, guest, device: str, how: str) -> None:
        """Transfers both ways until that device has lost or swapped something."""
        self.shell(f"tc qdisc add dev {device} root netem {how}")
        try:
            for _ in range(20):
                self.assert_carried(guest, LONG * 400_000)
                told = json.loads(self.shell(f"tc -s -j qdisc show dev {device} root"))[0]
                if "loss" not in how or told["drops"] >= 2 * LONG:
                    return
            self.fail(f"netem on {device} lost nothing: {told}")
        finally:
            self.shell(f"tc qdisc del dev {device} root")

    def test_loss_and_disorder_either_way(self):
        self.link()
        guest = self.store()
        for device in (guest.vif, INNER):
            for how in ("loss 2%", "delay 2ms reorder 75% 50%"):
                with self.subTest(device=device, how=how):
                    self.spoiled(guest, device, how)
        guest.end()

    def test_a_vif_that_is_down_for_a_while(self):
        self.link()
        guest = self.store()
        digest, vif = self.data(LONG * 2_000_000), guest.vif
        for way, line in (("put", guest.put()), ("get", guest.get())):
            said = self.shell(f"""
                ({line}) & moving=$!
                for i in 1 2 3; do
                    sleep 0.3; ip link set {vif} down; sleep 0.3; ip link set {vif} up
                done
                wait $moving""")
            self.assertEqual(said, f"stored {LONG * 2_000_000}\n" if way == "put" else digest)
        guest.end()


class Unplugged(LinkCase):
    def unplug(self, guest, size: int) -> None:
        """While bytes go both ways, slowly, so that none of it is over too early."""
        for device in (guest.vif, INNER):
            self.shell(f"tc qdisc replace dev {device} root netem rate 500kbit")
        connect = f"exec 3<>/dev/tcp/{GUEST_IP}/7000 || exit 9"
        self.shell(f"""
            rm -f {DATA}-flows
            ({connect}; echo get >&3; read -r -u 3 line; echo >{DATA}-flows; exec cat <&3 >/dev/null) & one=$!
            ({connect}; echo "put {size}" >&3; exec cat {DATA} >&3) & two=$!
            (while sleep 0.3; do echo datagram; done >/dev/udp/{GUEST_IP}/{ECHO_PORT}) & three=$!
            for i in $(seq 600); do [ -e {DATA}-flows ] && break; sleep 0.1; done
            xl network-detach {guest.name} 0
            status=$?; kill -9 $one $two $three; [ -e {DATA}-flows ] || exit 8; exit $status""")
        self.shell(f"tc qdisc del dev {INNER} root")

    def test_in_the_middle_of_transfers(self):
        """The program is told, and goes on when the card is back, over TCP and UDP; nothing is left behind."""
        size = 2_000_000
        self.link()
        guest = self.store()
        self.assert_carried(guest, size)
        for _ in range(1 + LONG):
            before = len(guest.said)
            self.unplug(guest, size)
            guest.await_words("eth0: removed; 0 grants in use, 0 given up", before)
            guest.await_words("store: connection lost: ", before)
            before = len(guest.said)
            self.shell(f"xl network-attach {guest.name} mac={guest.mac} bridge={BRIDGE}")
            guest.await_words("eth0: 10.79.0.2/24 from ip=", before)
            self.assert_carried(guest, size)
            self.assertEqual(self.shell(guest.echo(DATAGRAM)), f"{DATAGRAM}\n")
        guest.end()


if __name__ == "__main__":
    unittest.main(verbosity=2)
