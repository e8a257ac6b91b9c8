"""Disks that fail, are full, cannot be written, or have other sectors: what a program sees of it.

With XENOLITH_DISKS_LONG in the environment, also what takes longer and seldom finds anything else.
"""
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from back_end_case import BackEndCase, DiskGuest, Mapped, disk_line  # noqa: E402

MIB = 1 << 20


class Failing(BackEndCase):
    def test_a_device_that_fails_and_recovers_under_load(self):
        bad, other = Mapped(self, self.loop(16), 16), self.loop(16)
        guest = DiskGuest(self, {"xvda": disk_line("xvda", bad.device), "xvdb": disk_line("xvdb", other)})
        guest.do("write /dev/xvda 8388608 100000 7")
        guest.do("load bad /dev/xvda")
        guest.do("load other /dev/xvdb")
        guest.more_of("bad")
        guest.more_of("other")

        bad.become(bad.failing())
        _, _, _, error = guest.until_load("bad", lambda good, errors, *_: errors > 0, "no errors are seen")
        self.assertEqual(error, "EIO")
        self.assertEqual(guest.ask("check /dev/xvda 8388608 100000 7"), "EIO")
        guest.more_of("other")

        bad.become(bad.good())
        guest.more_of("bad")
        guest.do("check /dev/xvda 8388608 100000 7")
        self.assertEqual(guest.stop("bad")[2], 0, "content that was acknowledged is not there")
        _, errors, wrong, _ = guest.stop("other")
        self.assertEqual((errors, wrong), (0, 0), "the other disk was hurt")
        guest.exit()

    def survive_failed_writes(self, kind: str) -> None:
        """The file system is readable and refuses changes; mounted anew it has all that was synced."""
        bad = Mapped(self, self.loop(8), 8)
        self.make_fs(bad.device, kind)
        guest = DiskGuest(self, {"xvda": disk_line("xvda", bad.device)})
        guest.do("mkdir /data")
        guest.do("mount /dev/xvda /data rw")
        guest.do("write /data/kept 0 300000 3")
        guest.do("load files /data/load")
        guest.more_of("files")

        bad.become(bad.failing_writes())
        guest.until_load("files", lambda good, errors, *_: errors > 0, "no errors are seen")
        self.assertIn(guest.stop("files")[3], ("EIO", "EROFS"))
        self.assertIn(guest.ask("write /data/new 0 1000 4"), ("EIO", "EROFS"))
        guest.do("check /data/kept 0 300000 3")

        bad.become(bad.good())
        self.assertEqual(guest.ask("write /data/new 0 1000 4"), "EROFS", "read-only until mounted anew")
        guest.ask("umount /data")
        guest.do("mount /dev/xvda /data rw")
        guest.do("check /data/kept 0 300000 3")
        guest.do("write /data/new 0 1000 4")
        guest.do("check /data/new 0 1000 4")
        said = guest.exit()
        self.assertIn("read-only", said)
        self.check_fs(bad.device)

    def test_ext4_whose_device_refuses_writes(self):
        self.survive_failed_writes("ext4")

    @unittest.skipUnless(os.environ.get("XENOLITH_DISKS_LONG"), "only with XENOLITH_DISKS_LONG")
    def test_ext2_whose_device_refuses_writes(self):
        self.survive_failed_writes("ext2")


class Kinds(BackEndCase):
    def fill_and_go_on(self, guest: DiskGuest, at: str) -> None:
        guest.do(f"write {at}/kept 0 200000 9")
        length, error = guest.ask(f"fill {at}/large").split()
        self.assertEqual(error, "ENOSPC")
        self.assertGreater(int(length), 2 * MIB)
        self.assertEqual(guest.ask(f"write {at}/more 0 2000000 2"), "ENOSPC")
        guest.do(f"check {at}/large 0 {int(length)} 1")
        guest.do(f"unlink {at}/large")
        guest.do(f"write {at}/more 0 2000000 2")
        guest.do(f"check {at}/more 0 2000000 2")
        guest.do(f"check {at}/kept 0 200000 9")

    def test_full_disks_of_several_back_ends(self):
        """A ram disk, a loop device of 4096-byte sectors, one with ext2, and a read-only one."""
        large, plain, fixed = self.sectors_of_4096(8), self.loop(8), self.loop(8)
        for device, kind in (("/dev/ram7", "ext4"), (large, "ext4"), (plain, "ext2"), (fixed, "ext4")):
            self.make_fs(device, kind)
        self.client(f"at=$(mktemp -d); mount {fixed} $at && echo carried >$at/stone && umount $at")
        devices = {"xvda": "/dev/ram7", "xvdb": large, "xvdc": plain}
        lines = {vdev: disk_line(vdev, device) for vdev, device in devices.items()}
        guest = DiskGuest(self, {**lines, "xvdd": disk_line("xvdd", fixed, "ro")})

        for vdev in devices:
            with self.subTest(disk=vdev):
                guest.do(f"mkdir /{vdev}")
                guest.do(f"mount /dev/{vdev} /{vdev} rw")
                sector = guest.ask(f"size /dev/{vdev}").split()[1]
                self.assertEqual(sector, "4096" if vdev == "xvdb" else "512")
                self.fill_and_go_on(guest, f"/{vdev}")
        guest.do("mkdir /xvdd")
        guest.do("mount /dev/xvdd /xvdd rw")
        self.assertEqual(guest.ask("write /xvdd/new 0 100 1"), "EROFS")
        self.assertEqual(guest.ask("unlink /xvdd/stone"), "EROFS")
        self.assertEqual(guest.ask("write /dev/xvdd 0 4096 1"), "EACCES")
        self.assertEqual(guest.ask("text /xvdd/stone"), "carried")
        guest.exit()
        for device in devices.values():
            self.check_fs(device)


if __name__ == "__main__":
    unittest.main(verbosity=2)
