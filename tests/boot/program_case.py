"""What the tests of real programs share: an example built once, running as a guest, and clients in dom0.

Clients run in dom0, where the toolbox brings them, or here through a published port.
"""
from __future__ import annotations

import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, COMMAND, ROOT, BootCase  # noqa: E402

sys.path.insert(0, str(ROOT / "tools"))
from cli.guest import unique_name  # noqa: E402
from testbed.dom0 import open_dom0  # noqa: E402
from testbed.network import BRIDGE, address_of, mac_for  # noqa: E402
from testbed.toolbox import ensure_tools  # noqa: E402

EXAMPLES = ROOT / "examples"
BUILD_SECONDS = 1700            # the first time; afterwards the cache has it
DOM0_ADDRESS = "10.78.0.1"
DOM0_ADDRESS6 = "fd78:656e::1"
# A card for guests that only talk to dom0: one that is to reach outside (--net user) gets a testbed of
# its own beside a standing one that does not let it.
GUEST_NET = f"bridge={BRIDGE}"


class Running:
    """An example that runs as a guest, with its address and a port of this machine that leads to it."""

    def __init__(self, test: "ProgramCase", child: subprocess.Popen, name: str, port: int) -> None:
        self.test, self.child, self.name, self.port = test, child, name, port
        self.address = address_of(mac_for(name))

    def await_words(self, words: bytes) -> bytes:
        return self.test.wait_for(self.child, words)

    def connect(self) -> socket.socket:
        """Through the published port, which accepts before the guest does: the first answer counts."""
        connection = socket.create_connection(("127.0.0.1", self.port), BOUND_SECONDS)
        self.test.addCleanup(connection.close)
        return connection

    def shut_down(self) -> None:
        """xl shutdown: SIGTERM to the program."""
        self.test.dom0.run(["xl", "shutdown", self.name], check=True)

    def ended(self, status: int = 0) -> str:
        """Wait for its end; the rest of what it said."""
        out, err = self.child.communicate(timeout=BOUND_SECONDS)
        told = f"status {self.child.returncode}\n{out.decode(errors='replace')}{err.decode(errors='replace')}"
        self.test.assertEqual(self.child.returncode, status, told)
        return out.decode(errors="replace").replace("\r", "")


class ProgramCase(BootCase):
    dom0 = None
    _images: dict[str, str] = {}        # by example: the sources stay as they are while a test runs

    @classmethod
    def setUpClass(cls) -> None:
        cls.dom0 = open_dom0(lambda text: None, 512)
        cls.addClassCleanup(cls.dom0.close)
        if cls.dom0.is_private:
            raise cls.skipTest(cls, "guests and clients share a testbed that is up: xenolith host up")
        ensure_tools(cls.dom0, lambda text: None)

    def image(self, example: str) -> str:
        """The example's image; its sources are fetched and built if the cache has it not."""
        if example not in self._images:
            built = subprocess.run([COMMAND, "build", str(EXAMPLES / example)], capture_output=True, text=True,
                                   check=False, timeout=BUILD_SECONDS)
            self.assertEqual(built.returncode, 0, built.stderr[-4000:])
            self._images[example] = built.stdout.strip()
        return self._images[example]

    def serve(self, example: str, *args: str, ready: bytes, port: int,
              options: tuple[object, ...] = ()) -> Running:
        """Start it as a server; it is ready when it says so."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            published = probe.getsockname()[1]
        name = unique_name(example.replace(":", "-"))
        child = self.start("run", "-q", "--name", name, "-p", f"{published}:{port}", *options,
                           self.image(example), "--", *args)
        running = Running(self, child, name, published)
        running.await_words(ready)
        return running

    def run_program(self, example: str, *args: str, options: tuple[object, ...] = (), stdin: str = "",
                    status: int = 0) -> str:
        """Run it to its end; what it said."""
        ran = self.xenolith("run", "-q", *options, self.image(example), "--", *args, stdin=stdin.encode())
        self.assert_ran(ran, status)
        return ran.stdout.decode(errors="replace").replace("\r", "")

    def client(self, line: str) -> str:
        """A shell line in dom0; what it wrote."""
        ran = self.dom0.run(["bash", "-c", line], timeout=BOUND_SECONDS)
        told = "".join(text.decode(errors="replace")[-3000:] for text in (ran.out, ran.err))
        self.assertEqual(ran.status, 0, f"`{line}`: {told}")
        return ran.out.decode(errors="replace")

    def sha256_through(self, url: str) -> str:
        """Of what curl in dom0 gets."""
        return self.client(f"set -o pipefail; curl -sS --fail {shlex.quote(url)} | sha256sum").split()[0]

    def bench(self, options: str, url: str, requests: int) -> None:
        """Apache's ab, which compares the length of every answer."""
        said = self.client(f"ab -q -s {BOUND_SECONDS // 2} {options} -n {requests} {shlex.quote(url)}")
        self.assertRegex(said, rf"Complete requests: +{requests}\n")
        self.assertRegex(said, r"Failed requests: +0\n")
        self.assertNotIn("Non-2xx", said)
        if "-k" in options.split():
            self.assertRegex(said, rf"Keep-Alive requests: +{requests}\n")
