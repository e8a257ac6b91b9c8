"""Names by a name server in dom0, and without one; and what a program that begins with IPv6 is told."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from program_case import DOM0_ADDRESS, DOM0_ADDRESS6, GUEST_NET, ProgramCase  # noqa: E402

HERE = Path(__file__).resolve().parent / "net_names"
PROGRAM = "/tmp/net-names-server"
SERVER = "10.78.255.53"         # an address that nobody has: port 53 of dom0's own may be taken
GUEST = "10.78.255.7"

KNOWN = f"""\
/etc/resolv.conf: nameserver {SERVER}
stone.test: 10.1.2.3 10.1.2.4 fd00::3 (stone.test)
STONE.test.: 10.1.2.3 10.1.2.4 (STONE.test)
alias.test: 10.1.2.3 10.1.2.4 (stone.test)
only4.test: 10.1.2.5 (only4.test)
none.test: EAI_NONAME
large.test: 10.3.0.1 10.3.0.2 10.3.0.3 10.3.0.4 10.3.0.5 10.3.0.6 10.3.0.7 10.3.0.8 10.3.0.9 \
10.3.0.10 10.3.0.11 10.3.0.12 10.3.0.13 10.3.0.14 (large.test)
noise.test: 10.1.2.6 (noise.test)
broken.test: EAI_AGAIN
10.9.8.7: 10.9.8.7 (10.9.8.7)
localhost: 127.0.0.1 (localhost)
a..b: EAI_NONAME
only4.test: EAI_NODATA
10.1.2.3: stone.test
10.1.2.99: 10.1.2.99
stone.test, type 1: 2 records
stone.test, type 15: h_errno 4
none.test, type 15: h_errno 1
thread 0: good
thread 1: good
pebble: 10.7.7.7 (here.test)
stone: 10.1.2.3 10.1.2.4 (stone.test)
nobody: EAI_NONAME
silent.test: EAI_AGAIN
"""


class Names(ProgramCase):
    maxDiff = None

    def start_server(self) -> None:
        """It runs in dom0 until the test ends."""
        with tempfile.TemporaryDirectory(prefix="xenolith-test-") as folder:
            program = Path(folder) / "server"
            subprocess.run(["gcc", "-O2", "-static", "-o", program, HERE / "server.c"], check=True)
            self.dom0.put(program, PROGRAM, 0o755)
        self.addCleanup(self.dom0.run, ["rm", "-f", PROGRAM])
        self.client(f"ip addr replace {SERVER}/32 dev lo")
        self.addCleanup(self.dom0.run, ["ip", "addr", "del", f"{SERVER}/32", "dev", "lo"])
        server = self.dom0.popen([PROGRAM, SERVER])
        self.addCleanup(server.wait)
        self.addCleanup(self.dom0.run, ["killall", Path(PROGRAM).name])
        for _, data in server.read():
            self.assertEqual(data, b"server: ready\n")
            break

    def ask(self, server: str, *args: str) -> str:
        """The guest has no IPv6 address of its own: what comes of that family goes last."""
        ip = f"{GUEST}::{DOM0_ADDRESS}:255.255.0.0::eth0:off{server},ipv6=off"
        return self.run_program(str(HERE / "guest.c"), *args, options=("--net", GUEST_NET, "--ip", ip))

    def test_a_name_server(self):
        self.start_server()
        self.assertEqual(self.ask(f":{SERVER}", SERVER), KNOWN)

    def test_no_name_server(self):
        self.assertEqual(self.ask(""), "stone.test: EAI_AGAIN\n")


class First(ProgramCase):
    def test_a_programs_first_call_may_be_for_ipv6(self):
        """Its address comes after IPv4's. Where the router is slow to answer, as on a loaded machine, it is not
        waited for: one good guest of several."""
        said = ""
        for _ in range(5):
            said = self.run_program(str(HERE / "first.c"), DOM0_ADDRESS6, options=("--net", GUEST_NET))
            if said == "refused\n":
                break
        self.assertEqual(said, "refused\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
