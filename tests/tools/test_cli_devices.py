"""--disk, -p, --net, --mac, --ip: from the options to the configuration, and the images on the way."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import Ran  # noqa: E402,F401

from cli import disks  # noqa: E402
from cli.config import GuestConfig  # noqa: E402
from cli.devices import prepare  # noqa: E402
from cli.disks import make_images, parse_disk, parse_disks  # noqa: E402
from cli.errors import UserError  # noqa: E402
from cli.network import check_bridge, parse_network, parse_port  # noqa: E402
from cli.options import Parser, add_guest_options, guest_config  # noqa: E402
from cli.progress import Progress  # noqa: E402
from testbed.errors import TestbedError  # noqa: E402
from testbed.forwards import Forward  # noqa: E402
from testbed.network import SUBNET, address_of, mac_for  # noqa: E402


def config(*argv: str) -> GuestConfig:
    parser = Parser(prog="xenolith run")
    add_guest_options(parser)
    return guest_config(parser.parse_args(list(argv)), [], "hello", "hello", "/k")


class FolderCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="xenolith-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.quiet = Progress(quiet=True)

    def image(self, name: str = "data.img", size: int = 1 << 20, data: bytes = b"") -> Path:
        path = self.folder / name
        path.write_bytes(data)
        os.truncate(path, size)
        return path

    def refuses(self, pattern: str, call, *arguments, **more) -> None:
        with self.assertRaisesRegex(UserError, pattern):
            call(*arguments, **more)


class WhatDiskAsksFor(FolderCase):
    def test_disks_are_named_in_order_around_names_that_are_asked_for(self):
        texts = [f"{self.image('a')}", f"{self.image('b')},ro,vdev=xvdb", f"{self.image('c')},sector=4096"]
        found = parse_disks(texts)
        self.assertEqual([disk.vdev for disk in found], ["xvda", "xvdb", "xvdc"])
        self.assertEqual([disk.read_only for disk in found], [False, True, False])
        self.assertEqual([disk.sector for disk in found], [512, 512, 4096])

    def test_a_comma_in_a_files_name(self):
        path = self.image("a,ro")
        disk = parse_disk(str(path))
        self.assertEqual((disk.path, disk.read_only), (path, False))

    def test_what_cannot_be(self):
        image = self.image()
        for text, pattern in ((f"{self.folder}/none", "no such file; make one with"),
                              (f"{self.folder}/no/dir,size=1M", "no directory"),
                              (f"{self.folder}/new,size=1M,ro", "stays empty"),
                              (str(self.folder), "neither a file nor a block device"),
                              (f"{image},rx", "'rx' is no option"),
                              (f"{image},size=", "is no option"),
                              (f"{image},size=5", "not a size"),
                              (f"{image},mkfs=ntfs", "is no option"),
                              (f"{image},vdev=sdaa", "is no option"),
                              (f"{image},sector=1024", "is no option"),
                              ("", "names no file"),
                              (f'{self.folder}/a"b,size=1M', "no quotes"),
                              (str(self.image("empty", 0)), "is empty"),
                              (str(self.image("odd", 1000)), "whole sectors of 512"),
                              (f"{self.image('odder', 1536)},sector=4096", "whole sectors of 4096"),
                              (str(self.image("q", 1 << 20, b"QFI\xfb")), "qcow2 image"),
                              (str(self.image("v", 1 << 20, b"KDMV")), "vmdk image")):
            with self.subTest(text=text):
                self.refuses(pattern, parse_disk, text)

    @unittest.skipIf(os.geteuid() == 0, "root may write everything")
    def test_a_file_that_may_only_be_read(self):
        image = self.image()
        image.chmod(0o444)
        self.refuses("no permission to write", parse_disk, str(image))
        self.assertTrue(parse_disk(f"{image},ro").read_only)

    def test_two_that_are_one(self):
        image = self.image()
        self.refuses("given twice", parse_disks, [str(image), f"{self.folder}/../{self.folder.name}/"
                                                  f"{image.name},ro"])
        self.assertEqual(len(parse_disks([f"{image},ro", f"{image},ro"])), 2)
        self.refuses("two disks are xvdb", parse_disks,
                     [f"{image},vdev=xvdb", f"{self.image('b')},vdev=xvdb"])
        self.refuses("a guest can have", parse_disks, [f"{image},ro"] * 17)

    def test_the_line_of_the_configuration(self):
        image = self.image("with space, comma")
        found = config("--disk", f"{image}", "--disk", f"{self.image('b')},ro")
        found.disks[0].target = "/dev/vda"
        self.assertIn('disk = [ "format=raw, vdev=xvda, access=rw, target=/dev/vda", '
                      f'"format=raw, vdev=xvdb, access=ro, target={self.folder}/b" ]\n', found.text())

    def test_a_guest_without_devices_has_no_lines_for_them(self):
        text = config().text()
        self.assertNotIn("disk", text)
        self.assertNotIn("vif", text)

    def test_the_same_thing_said_by_xl_option(self):
        self.refuses("--xl-option disk beside --disk", config, "--disk", str(self.image()),
                     "--xl-option", "disk=[]")
        self.refuses("--xl-option vif beside", config, "-p", "1:2", "--xl-option", "vif=['']")
        self.assertIn("disk = []", config("--xl-option", "disk=[]").text())


@unittest.skipUnless(disks.find_mke2fs(), "mke2fs is not installed")
class ImagesThatAreMade(FolderCase):
    def make(self, text: str) -> Path:
        disk = parse_disk(text)
        make_images([disk], self.quiet, install=False)
        return disk.path

    def features(self, path: Path) -> str:
        program = Path(disks.find_mke2fs()).with_name("dumpe2fs")
        return subprocess.run([program, "-h", path], capture_output=True, text=True, check=True).stdout

    def test_a_new_one_is_made_sparse_and_formatted(self):
        path = self.make(f"{self.folder}/new,size=1G,mkfs")
        status = path.stat()
        self.assertEqual(status.st_size, 1 << 30)
        self.assertLess(status.st_blocks * 512, 100 << 20)
        self.assertIn("has_journal", self.features(path))
        self.assertRegex(self.features(path), r"Block size:\s+4096")
        self.assertNotIn("has_journal", self.features(self.make(f"{self.folder}/two,size=8M,mkfs=ext2")))

    def test_a_second_time_it_stays_as_it_is(self):
        text = f"{self.folder}/new,size=8M,mkfs"
        path = self.make(text)
        with path.open("r+b") as file:
            file.seek(6 << 20)
            file.write(b"dear data")
        before = path.read_bytes()
        self.make(text)
        self.make(f"{self.folder}/new,size=64M,mkfs=ext2")
        self.assertEqual(path.read_bytes(), before)

    def test_one_that_somebody_has_just_made_is_formatted(self):
        path = self.make(f"{self.image('blank', 8 << 20)},mkfs")
        self.assertTrue(disks.has_ext(path))
        self.assertTrue(disks.has_ext(self.make(f"{self.image('zero', 0)},size=8M,mkfs")))

    def test_other_contents_are_never_overwritten(self):
        path = self.image("precious", 8 << 20, b"something else")
        self.refuses("not overwritten", self.make, f"{path},mkfs")
        self.assertEqual(path.read_bytes()[:14], b"something else")

    def test_too_small_and_no_mke2fs(self):
        self.refuses("too few", self.make, f"{self.folder}/new,size=4K,mkfs")
        with mock.patch.object(disks, "find_mke2fs", lambda: None):
            self.refuses("mke2fs.*e2fsprogs", self.make, f"{self.folder}/other,size=8M,mkfs")


class TheNetworkCard(FolderCase):
    def test_no_card_unless_it_is_asked_for(self):
        self.assertIsNone(config().network.bridge)
        self.assertIsNone(config("--net", "none").network.bridge)

    def test_a_port_brings_a_card_that_reaches_nothing_outside(self):
        network = config("-p", "8000:80").network
        self.assertEqual((network.mode, network.outside), ("user", False))
        self.assertTrue(config("-p", "8000:80", "--net", "user").network.outside)

    def test_mac_and_address_follow_from_the_name(self):
        first, again, other = (config("--net", "user", "--name", name) for name in ("a", "a", "b"))
        self.assertEqual(first.text(), again.text())
        self.assertNotEqual(first.network.mac, other.network.mac)
        self.assertIn(f'vif = [ "mac={first.network.mac}, bridge=xenbr0" ]\n', first.text())

    def test_addresses_are_all_within_the_testbeds_net(self):
        import ipaddress
        for number in range(1000):
            self.assertIn(ipaddress.ip_address(address_of(mac_for(f"guest-{number}"))), SUBNET)
        self.assertEqual(address_of("00:16:3e:00:00:00"), "10.78.1.1")
        self.assertEqual(address_of("00:16:3e:ff:fd:fe"), "10.78.254.1")

    def test_a_fixed_address_is_the_vifs_and_the_guests(self):
        found = config("--ip", "10.78.3.4")
        self.assertIn("ip=10.78.3.4::10.78.0.1:255.255.0.0", found.cmdline)
        self.assertIn("bridge=xenbr0, ip=10.78.3.4", found.text())
        self.assertEqual(found.network.guest_address(), "10.78.3.4")
        found = config("--net", "bridge=br7", "--ip", "192.168.1.9/24")
        self.assertIn("ip=192.168.1.9:::255.255.255.0", found.cmdline)
        self.assertIn("bridge=br7, ip=192.168.1.9", found.text())

    def test_linuxs_own_syntax_goes_through(self):
        self.assertIn(" ip=dhcp", config("--ip", "dhcp", "--net", "user").cmdline)
        text = "10.78.9.9::10.78.0.1:255.255.0.0:box:eth0:off"
        found = config("--ip", text)
        self.assertIn(f"ip={text}", found.cmdline)
        self.assertEqual(found.network.guest_address(), "10.78.9.9")

    def test_what_cannot_be(self):
        for argv, pattern in ((("--net", "lan"), "--net lan: unknown"),
                              (("--net", "bridge="), "no name of a bridge"),
                              (("--net", "bridge=a b"), "no name of a bridge"),
                              (("--net", "bridges"), "no name of a bridge"),
                              (("--net", "none", "-p", "1:1"), "leaves no network"),
                              (("--mac", "00:16:3e"), "not a MAC"),
                              (("--mac", "01:16:3e:00:00:01"), "group's address"),
                              (("--ip", "10.77.0.1"), "are in 10.78.0.0/16"),
                              (("--ip", "10.78.0.1"), "is taken"),
                              (("--ip", "somewhere"), "not an address"),
                              (("-p", "80"), "not a pair"), (("-p", "0:80"), "0 is no port"),
                              (("-p", "80:65536"), "is no port"), (("-p", "80:80/icmp"), "not a pair"),
                              (("-p", "1.2.3:80:80"), "no address"),
                              (("-p", "8:8", "-p", "8:9"), "given twice"),
                              (("-p", "8:8", "-p", "0.0.0.0:8:9"), "given twice")):
            with self.subTest(argv=argv):
                self.refuses(pattern, config, *argv)

    def test_ports(self):
        self.assertEqual(parse_port("8000:80"), Forward(8000, 80, "tcp", "127.0.0.1"))
        self.assertEqual(parse_port("0.0.0.0:53:5353/udp"), Forward(53, 5353, "udp", "0.0.0.0"))
        self.assertEqual(len(config("-p", "8:8", "-p", "8:8/udp").network.forwards), 2)

    def test_a_port_that_is_taken_is_known_before_anything_is_built(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            found = config("-p", f"{taken.getsockname()[1]}:80")
            with self.assertRaisesRegex(TestbedError, "is taken; choose another"):
                prepare(found, self.quiet, install=False)
        prepare(found, self.quiet, install=False)

    def test_a_bridge_that_is_not_there(self):
        dom0 = mock.Mock()
        dom0.run.return_value = Ran(0, b"xenbr0\nbr1\n")
        network = parse_network("bridge=br1", [], None, None, "g")
        check_bridge(dom0, network)
        dom0.run.return_value = Ran(0, b"xenbr0\n")
        self.refuses("no bridge br1; it has xenbr0", check_bridge, dom0, network)
        dom0.run.return_value = Ran(0, b"")
        self.refuses("it has none", check_bridge, dom0, network)


if __name__ == "__main__":
    unittest.main()
