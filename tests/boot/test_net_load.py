"""Many connections, floods and memory used up by sockets: a guest serves on, and gets its memory back.

XENOLITH_FLOOD=N: how many connections and requests a flood has (default 600).
XENOLITH_HOARD=N: how many connections stuff the server that never reads (default 80).
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).parent))
from program_case import ProgramCase, Running  # noqa: E402

HERE = Path(__file__).resolve().parent / "net_load"
CLIENT = "/tmp/net-load-client"
FLOOD = int(os.environ.get("XENOLITH_FLOOD", "600"))
HOARD = int(os.environ.get("XENOLITH_HOARD", "80"))
STRANGERS = "198.18.0.0/15"     # where client.c's unanswered requests seem to come from
# What stays of a flood in the guest, in pages: the network's heap keeps 64 at hand, and has a larger table.
KEPT_PAGES = 96
# So few connections, served so often, are no load: no more pages are posted for what is received.
FEW, TIMES = 6, 150


class LoadCase(ProgramCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        with tempfile.TemporaryDirectory(prefix="xenolith-test-") as folder:
            program = Path(folder) / "client"
            subprocess.run(["gcc", "-O2", "-static", "-o", program, HERE / "client.c"], check=True)
            cls.dom0.put(program, CLIENT, 0o755)
        cls.addClassCleanup(cls.dom0.run, ["rm", "-f", CLIENT])

    def server(self, *args: str, memory: str = "32M") -> Running:
        return self.serve(str(HERE / "server.c"), *args, ready=b"server: ready", port=7000,
                          options=("-m", memory))

    def clients(self, guest: Running, what: str, *numbers: int) -> str:
        return self.client(" ".join([CLIENT, guest.address, what, *map(str, numbers)]))

    def pages_free(self, guest: Running, least: int = 0) -> int:
        """Once the last connection has ended, and so many are free."""
        told = re.fullmatch(r"(\d+) pages free\n", self.clients(guest, "idle", least))
        self.assertIsNotNone(told)
        return int(told[1])

    def assert_served(self, guest: Running, n: int, times: int = 3) -> None:
        self.assertEqual(self.clients(guest, "serve", n, times), f"served {n}\n")

    def again(self, guest: Running, act: Callable[[], object]) -> None:
        """What the next time takes, the one before left: memory comes back. Not so the first times: the
        program's heap stays as large as it was."""
        act()
        free = [self.pages_free(guest)]
        while len(free) < 5:
            act()
            free.append(self.pages_free(guest))
            if free[-1] > free[-2] - 64:
                return
        self.fail(f"pages free, each time once more: {free}")

    def end(self, guest: Running) -> None:
        guest.shut_down()
        guest.ended()


class ManyConnections(LoadCase):
    def serve_a_thousand(self, way: str) -> None:
        guest = self.server(way)
        self.assert_served(guest, 1000)
        self.end(guest)

    def test_a_thousand_at_once_by_epoll(self):
        self.serve_a_thousand("epoll")

    def test_a_thousand_at_once_by_poll(self):
        self.serve_a_thousand("poll")

    def test_a_thousand_at_once_by_select(self):
        self.serve_a_thousand("select")


class Floods(LoadCase):
    def flood(self, guest: Running, what: str, said: str) -> None:
        self.assertEqual(self.clients(guest, what, FLOOD), said)
        self.assert_served(guest, 10)

    def test_connections_that_never_send(self):
        guest = self.server("epoll")
        self.again(guest, lambda: self.flood(guest, "hold", f"held {FLOOD}\n"))
        self.end(guest)

    def test_requests_that_are_never_completed(self):
        self.client(f"ip route add blackhole {STRANGERS}")
        self.addCleanup(self.dom0.run, ["ip", "route", "del", "blackhole", STRANGERS])
        guest = self.server("epoll")
        before = self.pages_free(guest)
        self.flood(guest, "syn", f"asked {FLOOD} times\n")
        self.assert_served(guest, FEW, TIMES)
        self.pages_free(guest, before - KEPT_PAGES)
        self.end(guest)


class NoMemory(LoadCase):
    def stuff(self, guest: Running) -> None:
        said = re.fullmatch(r"stuffed (\d+) bytes, \d+ refused\n", self.clients(guest, "stuff", HOARD))
        self.assertIsNotNone(said)
        self.assertGreater(int(said[1]), 4 << 20)       # more than it has left

    def test_a_server_that_never_reads(self):
        guest = self.server("epoll", "hoard", memory="12M")
        before = self.pages_free(guest)
        self.again(guest, lambda: self.stuff(guest))
        self.assertGreater(self.pages_free(guest), before // 2)
        self.end(guest)

    def test_eight_megabytes_are_enough_to_listen(self):
        guest = self.server("epoll", memory="8M")
        self.assert_served(guest, 50)
        self.end(guest)


if __name__ == "__main__":
    unittest.main(verbosity=2)
