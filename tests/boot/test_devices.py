"""Disks and networks of guests, from the host's side: files, ports, and two commands at once.

The guest here is dom0's own Linux kernel, so that the host's side is tested without our drivers; where
any guest will do it is one of ours, by the command line.
"""
import contextlib
import os
import signal
import socket
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, ROOT, BootCase  # noqa: E402

sys.path.insert(0, str(ROOT / "tools"))
from cli.config import GuestConfig  # noqa: E402
from cli.devices import lent, prepare  # noqa: E402
from cli.disks import parse_disks  # noqa: E402
from cli.guest import Guest, unique_name  # noqa: E402
from cli.network import parse_network  # noqa: E402
from cli.output import GuestOutput  # noqa: E402
from cli.progress import Progress  # noqa: E402
from testbed import hostfiles, linux  # noqa: E402
from testbed.dom0 import open_dom0  # noqa: E402
from testbed.toolbox import ensure_tools  # noqa: E402

WAITS = ('#include <stdio.h>\n#include <unistd.h>\n'
         'int main(void) { puts("begun"); fflush(stdout); for (;;) sleep(1); }\n')
SERVE = r"""
udhcpc -i eth0 -n -q
mkdir /www && echo "I am {name}" >/www/index.html
mkdir /www/cgi-bin
printf '#!/bin/busybox sh\ntouch /tmp/end; printf "\\r\\n"\n' >/www/cgi-bin/end
chmod 755 /www/cgi-bin/end
httpd -p 80 -h /www
echo ready
while [ ! -e /tmp/end ]; do usleep 100000; done
sleep 3     # so long its last answer may take
"""


class LinuxCase(BootCase):
    """Guests of Linux that run a shell script."""

    def setUp(self) -> None:
        super().setUp()
        self.dom0 = open_dom0(lambda text: None, 512)
        self.addCleanup(self.dom0.close)

    def linux(self, script: str, disks: list[str] = [], file_system: bool = False, ports: list[str] = [],
              net: str | None = None, while_it_runs=lambda name, network: None, name: str = "") -> str:
        """Run it; what it said. while_it_runs is called in a thread once it has said `ready`."""
        name = name or unique_name("linux")
        config = GuestConfig(name=name, kernel="", memory_mib=128, cmdline="console=hvc0 quiet",
                             disks=parse_disks(disks), network=parse_network(net, ports, None, None, name))
        said, ready, failures = [], threading.Event(), []
        script = script.replace("{name}", name)
        ramdisk = linux.initramfs(self.dom0, script, disks=len(disks), file_system=file_system)

        def hear(data: bytes) -> None:
            said.append(data)
            if b"ready" in b"".join(said[-20:]):
                ready.set()

        prepare(config, Progress(quiet=True), install=False)
        with lent(self.dom0, config, Progress(quiet=True)), Guest(self.dom0, config) as guest:
            guest.create(hostfiles.prepare(lambda text: None).kernel, ramdisk)

            def act() -> None:
                try:
                    ready.wait()
                    if b"ready" in b"".join(said):
                        while_it_runs(name, config.network)
                except BaseException as error:
                    failures.append(error)
                    guest.stop()

            actor = threading.Thread(target=act, daemon=True)
            actor.start()
            try:
                ending = guest.watch(GuestOutput(hear), BOUND_SECONDS)
            finally:
                ready.set()             # whatever came of it
            actor.join(BOUND_SECONDS)
        text = b"".join(said).decode(errors="replace").replace("\r", "")
        if failures:
            raise failures[0]
        self.assertEqual(ending.how, "poweroff", ending.messages + text[-2000:])
        return text

    def image(self, name: str = "data.img", size: int = 16 << 20) -> Path:
        path = self.folder / name
        path.touch()
        os.truncate(path, size)
        return path


def fetch(port: int, path: str = "/") -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return answer.read()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Twice(LinuxCase):
    """One run of a guest with disks and a card, and the same once more: a guest of Linux takes long to boot."""

    ADDRESSES = ("udhcpc -i eth0 -n -q; sleep 3; ip addr show eth0; ip route; "
                 "ping -c 1 -W 60 10.78.0.1; ping6 -c 1 -W 60 fd78:656e::1\n")

    def assert_addresses(self, said: str) -> None:
        network = parse_network("user", [], None, None, "steady")
        self.assertIn(f"lease of {network.guest_address()} obtained", said)
        self.assertIn(f"link/ether {network.mac}", said)
        self.assertIn("default via 10.78.0.1", said)
        self.assertIn("inet6 fd78:656e::", said)
        self.assertEqual(said.count("1 packets received"), 2, said)

    def test_disks_files_and_addresses_are_the_same_again(self):
        image, other, made = self.image(), self.image("other.img"), f"{self.folder}/fs.img,size=32M,mkfs"
        other.write_bytes(b"from outside".ljust(4096) * 2048)
        said = self.linux(self.ADDRESSES + """
            echo "from the guest" | dd of=/dev/xvda bs=512 seek=7 conv=fsync 2>/dev/null
            dd if=/dev/xvdb bs=12 count=1 2>/dev/null; echo
            cat /sys/block/xvdb/ro /sys/block/xvdb/queue/logical_block_size /sys/block/xvda/size
            echo no | dd of=/dev/xvdb 2>/dev/null && echo "written to a read-only disk"
            mount -t ext4 /dev/xvdc /tmp && echo kept >/tmp/note && umount /tmp
            """, [f"{image}", f"{other},ro,sector=4096", made], file_system=True, net="user", name="steady")
        self.assertIn("from outside\n1\n4096\n32768\n", said)
        self.assertNotIn("written to a read-only", said)
        self.assertEqual(image.read_bytes()[7 * 512:][:15], b"from the guest\n")
        self.assertEqual(other.read_bytes()[:12], b"from outside")
        self.assert_addresses(said)

        said = self.linux(self.ADDRESSES + "mount -t ext4 /dev/xvda /tmp && cat /tmp/note; umount /tmp", [made],
                          file_system=True, net="user", name="steady")
        self.assertIn("kept\n", said)
        self.assert_addresses(said)


class Disks(LinuxCase):
    def test_an_image_has_one_writer(self):
        image = self.image()
        first = self.start("run", "-q", "--disk", image, self.program(WAITS))
        self.wait_for(first, b"begun\n")
        second = self.xenolith("run", "-q", "--disk", image, "--timeout", "1", self.folder / "prog.c")
        self.assert_ran(second, 125)
        self.assertIn(b"another run uses this image", second.stderr)
        alone = self.xenolith("run", "-q", "--disk", image, "--timeout", "1", self.folder / "prog.c",
                              XENOLITH_TESTBED=self.nobodys_testbed())
        self.assert_ran(alone, 125)
        self.assertIn(b"another run uses this image", alone.stderr)
        first.send_signal(signal.SIGINT)
        self.assertEqual(first.wait(BOUND_SECONDS), 130)
        again = self.xenolith("run", "-q", "--disk", image, "--timeout", "1", self.folder / "prog.c")
        self.assert_ran(again, 124)

    def test_what_a_killed_run_held_is_taken_back(self):
        if self.dom0.is_private:
            self.skipTest("a private testbed dies with its run")
        image, port = self.image(), free_port()
        run = ("run", "-q", "--disk", image, "-p", f"{port}:80", "--name", unique_name("killed"),
               self.program(WAITS))
        first = self.start(*run)
        self.wait_for(first, b"begun\n")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        refused = self.xenolith("run", "-q", "--disk", image, "--timeout", "1", self.folder / "prog.c")
        self.assertIn(b"another run uses this image", refused.stderr)   # its guest still runs
        self.dom0.run(["xl", "destroy", run[-2]], check=True)
        again = self.xenolith(*run[:-1], "--timeout", "1", run[-1])
        self.assert_ran(again, 124)


ECHO = """#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
int main(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(7) };
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sizeof(at);
    char bytes[2000];
    ssize_t n;

    if (bind(s, (struct sockaddr *)&at, sizeof(at)) != 0)
        return 1;
    puts("begun");
    fflush(stdout);
    while ((n = recvfrom(s, bytes, sizeof(bytes), 0, (struct sockaddr *)&at, &len)) > 0)
        sendto(s, bytes, (size_t)n, 0, (struct sockaddr *)&at, len);
    return 0;       /* an empty one ends it */
}
"""


class Networks(LinuxCase):
    def test_datagrams_are_answered(self):
        port = free_port()
        run = self.start("run", "-q", "-p", f"{port}:7/udp", self.program(ECHO))
        self.wait_for(run, b"begun\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", port))
            client.settimeout(1)
            for number in range(BOUND_SECONDS):
                try:
                    client.send(b"are you there?")
                    self.assertEqual(client.recv(100), b"are you there?")
                    break
                except (TimeoutError, ConnectionError):
                    continue        # lost: nobody promised anything else
            else:
                self.fail("no answer")
            client.send(b"")
            while run.poll() is None and number < BOUND_SECONDS:
                number += 1
                time.sleep(1)
                with contextlib.suppress(ConnectionError):      # it has ended
                    client.send(b"")
        self.assertEqual(run.wait(BOUND_SECONDS), 0)

    def test_ports_of_this_machine_lead_to_two_guests_at_once(self):
        ports = free_port(), free_port()
        names: list[str] = []

        def second_is_up(name, network):
            for port, served in zip(ports, [*names, name]):
                self.assertEqual(fetch(port), f"I am {served}\n".encode())
                fetch(port, "/cgi-bin/end")

        def first_is_up(name, network):
            names.append(name)          # one after the other: building one takes much of dom0's memory
            self.linux(SERVE, ports=[f"{ports[1]}:80"], while_it_runs=second_is_up)

        self.linux(SERVE, ports=[f"{ports[0]}:80"], while_it_runs=first_is_up)
        for port in ports:
            with self.assertRaises((urllib.error.URLError, ConnectionError)):
                fetch(port)             # taken back

    def test_a_port_that_is_taken_is_refused_at_once(self):
        port = free_port()
        first = self.start("run", "-q", "-p", f"{port}:80", self.program(WAITS))
        self.wait_for(first, b"begun\n")
        for environment in ({}, {"XENOLITH_TESTBED": self.nobodys_testbed()}):
            second = self.xenolith("run", "-q", "-p", f"{port}:81", "--timeout", "1",
                                   self.folder / "prog.c", **environment)
            self.assert_ran(second, 125)
            self.assertIn(f"port 127.0.0.1:{port} of this machine is taken".encode(), second.stderr)
        first.send_signal(signal.SIGINT)
        self.assertEqual(first.wait(BOUND_SECONDS), 130)
        again = self.xenolith("run", "-q", "-p", f"{port}:80", "--timeout", "1", self.folder / "prog.c")
        self.assert_ran(again, 124)

    def test_the_configuration_is_one_that_xl_takes(self):
        image = self.image()
        program = self.program("int main(void) { return 0; }\n")
        built = self.xenolith("build", program)
        self.assert_ran(built, 0)
        kernel = built.stdout.decode().strip()
        text = self.xenolith("config", kernel, "--disk", image, "--disk", f"{image},ro,vdev=xvdf",
                             "--net", "bridge=xenbr0", "--mac", "00:16:3e:01:02:03", "--ip", "10.78.3.4")
        self.assert_ran(text, 125)      # one file twice
        text = self.xenolith("config", kernel, "--disk", f"{image},vdev=xvdf", "--net", "bridge=xenbr0",
                             "--mac", "00:16:3e:01:02:03", "--ip", "10.78.3.4")
        self.assert_ran(text, 0)
        self.dom0.put(text.stdout, "/tmp/dry.cfg")
        self.addCleanup(self.dom0.run, ["rm", "-f", "/tmp/dry.cfg"])
        ran = self.dom0.run(["xl", "create", "-n", "/tmp/dry.cfg"])
        self.assertEqual(ran.status, 0, ran.err)
        said = ran.out.decode()
        for word in ("xvdf", str(image), "00:16:3e:01:02:03", "xenbr0", "10.78.3.4"):
            self.assertIn(word, said)
        refused = self.xenolith("config", kernel, "-p", "80:80")
        self.assert_ran(refused, 125)


class Tools(LinuxCase):
    def test_clients_and_instruments_are_there_when_asked_for(self):
        begun = time.monotonic()
        ensure_tools(self.dom0, lambda text: None)
        ensure_tools(self.dom0, lambda text: None)
        self.assertLess(time.monotonic() - begun, BOUND_SECONDS)
        for line in ("curl --version", "iperf3 --version", "tcpdump --version", "redis-benchmark --version",
                     "ab -V", "sqlite3 -version", "mdb_stat -V", "e2fsck -V", "dmsetup --version", "/usr/bin/tc -V",
                     "ping -V"):
            ran = self.dom0.run(["bash", "-c", line])
            self.assertEqual(ran.status, 0, (line, ran.out, ran.err))
        for module in ("sch_netem", "dm_flakey", "brd", "loop", "xen_netback", "xen_blkback"):
            self.assertEqual(self.dom0.run(["test", "-d", f"/sys/module/{module}"]).status, 0, module)


if __name__ == "__main__":
    unittest.main()
