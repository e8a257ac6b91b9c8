"""Network programs as guests: our own server, and iperf3, lighttpd and Redis from their releases."""
import hashlib
import http.client
import json
import os
import random
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from program_case import BOUND_SECONDS, DOM0_ADDRESS, EXAMPLES, GUEST_NET, ProgramCase  # noqa: E402

ENOUGH = 1 << 16        # bytes


class WebCase(ProgramCase):
    def site(self) -> dict[str, str]:
        """A directory of files in self.folder/site; the sha256 of each by its path."""
        numbers = random.Random(4)
        files = {"index.html": b"<h1>stone</h1>\n", "deep/er/page.txt": b"x" * 4095,
                 "empty.bin": b"", "odd name.bin": numbers.randbytes(70_001),
                 "large.bin": numbers.randbytes(3_000_003)}
        for name, content in files.items():
            path = self.folder / "site" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

    def assert_served(self, at: str, sums: dict[str, str]) -> None:
        for name, digest in sums.items():
            self.assertEqual(self.sha256_through(f"http://{at}/{name.replace(' ', '%20')}"), digest, name)


class Httpd(WebCase):
    def test_its_own_page_through_a_port_of_this_machine(self):
        guest = self.serve("httpd", ready=b"httpd: port 80", port=80)
        client = http.client.HTTPConnection("127.0.0.1", guest.port, timeout=BOUND_SECONDS)
        self.addCleanup(client.close)
        pages = []
        for _ in range(3):
            client.request("GET", "/")
            answer = client.getresponse()
            self.assertEqual(answer.status, 200)
            pages.append(answer.read().decode())
        self.assertIn("this is request 1 on connection 1", pages[0])
        self.assertIn("this is request 3 on connection 1", pages[2])       # kept alive
        client.request("POST", "/", b"words")
        self.assertEqual(client.getresponse().status, 405)
        guest.shut_down()
        self.assertIn("httpd: 4 requests on 1 connections\n", guest.ended())

    def test_a_directory(self):
        sums = self.site()
        guest = self.serve("httpd", "/", ready=b"httpd: port 80, /", port=80,
                           options=("--initrd", self.folder / "site", "-m", "48M"))
        self.assert_served(guest.address, {**sums, "": sums["index.html"]})
        for path, status in (("/none", 404), ("/deep", 301), ("/../index.html", 400), ("/%2e%2e/x", 400),
                             ("//deep/er/page.txt", 200)):
            said = self.client("curl -s --path-as-is -o /dev/null -w '%{http_code}' "
                               f"http://{guest.address}{path}")
            self.assertEqual(said, str(status), path)
        self.bench("-c 20", f"http://{guest.address}/index.html", 300)
        self.bench("-k -c 20", f"http://{guest.address}/index.html", 600)
        self.bench("-k -c 4", f"http://{guest.address}/large.bin", 12)
        guest.shut_down()
        guest.ended()


class Lighttpd(WebCase):
    def test_files_of_the_initrd(self):
        sums = self.site()
        config = (EXAMPLES / "lighttpd" / "site" / "lighttpd.conf").read_text()
        (self.folder / "root").mkdir()
        (self.folder / "root" / "lighttpd.conf").write_text(config)
        os.rename(self.folder / "site", self.folder / "root" / "www")
        guest = self.serve("lighttpd", "-D", "-f", "/lighttpd.conf", ready=b"server started", port=80,
                           options=("--initrd", self.folder / "root", "-m", "48M"))
        self.assert_served(guest.address, sums)
        said = self.client(f"curl -sS -r 1000-1999 http://{guest.address}/large.bin | sha256sum")
        part = (self.folder / "root" / "www" / "large.bin").read_bytes()[1000:2000]
        self.assertEqual(said.split()[0], hashlib.sha256(part).hexdigest())
        self.bench("-c 20", f"http://{guest.address}/index.html", 300)
        self.bench("-k -c 20", f"http://{guest.address}/index.html", 600)
        guest.shut_down()
        guest.ended()


class Redis(ProgramCase):
    def test_set_get_and_pipelines(self):
        guest = self.serve("redis", "--save", "", "--protected-mode", "no", ready=b"Ready to accept",
                           port=6379, options=("-m", "64M"))
        cli = f"redis-cli -h {guest.address}"
        self.assertEqual(self.client(f"{cli} set stone 'carried whole'; {cli} get stone"),
                         "OK\ncarried whole\n")
        # 2000 commands at once, their answers in order, through the port of this machine.
        link = guest.connect()
        sender = threading.Thread(target=link.sendall, daemon=True, args=(b"".join(
            b"INCR count\r\nSET key:%d %s\r\n" % (n, b"v" * (n % 700 + 1)) for n in range(1000)),))
        sender.start()
        answers = link.makefile("rb")
        for n in range(1, 1001):
            self.assertEqual(answers.readline(), b":%d\r\n" % n)
            self.assertEqual(answers.readline(), b"+OK\r\n")
        sender.join()
        # A value larger than any buffer, both ways.
        value = random.Random(7).randbytes(1_500_000)
        link.sendall(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n%b\r\n*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n"
                     % (len(value), value))
        self.assertEqual(answers.readline(), b"+OK\r\n")
        self.assertEqual(answers.readline(), b"$%d\r\n" % len(value))
        self.assertEqual(hashlib.sha256(answers.read(len(value))).digest(), hashlib.sha256(value).digest())
        said = self.client(f"redis-benchmark -h {guest.address} -q -c 50 -n 1000 -t set,get; "
                           f"redis-benchmark -h {guest.address} -q -c 50 -n 4000 -P 16 -t set,get")
        self.assertEqual(said.count("requests per second"), 4, said)
        # Not bound to the descriptors that select() can tell apart.
        self.assertIn("multiplexing_api:epoll", self.client(f"{cli} info server"))
        # What needs a second process is refused, and the server goes on.
        self.assertIn("ERR", self.client(f"{cli} bgsave; {cli} ping"))
        self.assertEqual(self.client(f"{cli} ping"), "PONG\n")
        self.client(f"{cli} shutdown nosave")
        guest.ended()


class Iperf3(ProgramCase):
    """Each run lasts two seconds, in which a busy machine moves little."""
    def check(self, text: str) -> dict:
        """The report of a run that went well, as JSON."""
        report = json.loads(text[text.index("{"):])
        self.assertNotIn("error", report)
        return report["end"]

    def test_guest_as_server(self):
        guest = self.serve("iperf3", "-s", ready=b"Server listening on 5201", port=5201)
        client = f"iperf3 -J -t 2 -c {guest.address}"
        for options in ("", " -R", " -P 4", " --bidir"):
            end = self.check(self.client(client + options))
            self.assertGreater(end["sum_received"]["bytes"], ENOUGH, options)
        end = self.check(self.client(client + " -u -b 8M -l 1200"))
        self.assertGreater(end["sum"]["packets"], 50)
        guest.shut_down()
        guest.child.wait(BOUND_SECONDS)

    def test_guest_as_client(self):
        for options in ((), ("-R",), ("-u", "-b", "8M", "-l", "1200")):
            server = self.dom0.popen(["iperf3", "-s", "-1", "-p", "5202"])
            try:
                end = self.check(self.run_program("iperf3", "-J", "-t", "2", "-p", "5202", "-c", DOM0_ADDRESS,
                                                  *options, options=("--net", GUEST_NET)))
            finally:
                server.kill()
                server.wait()
            if "-u" in options:
                self.assertGreater(end["sum"]["packets"], 50)
            else:
                self.assertGreater(end["sum_received"]["bytes"], ENOUGH, options)


if __name__ == "__main__":
    unittest.main(verbosity=2)
