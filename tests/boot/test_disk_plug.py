"""Disks that grow, come and go while a guest uses them: size, attach, detach, requests that hang."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from back_end_case import BackEndCase, DiskGuest, Mapped, disk_line  # noqa: E402

MIB = 1 << 20


class Growing(BackEndCase):
    def test_a_disk_that_grows_is_seen_to_grow(self):
        """Linux' back end looks at its device's size when a request arrives, and announces a new one."""
        below = self.loop(8)
        guest = DiskGuest(self, {"xvda": disk_line("xvda", below)})
        self.assertEqual(guest.ask("size /dev/xvda"), f"{8 * MIB} 512")
        self.assertEqual(guest.ask(f"write /dev/xvda {8 * MIB} 4096 1"), "ENOSPC")
        guest.do("load on /dev/xvda")
        guest.more_of("on")

        self.client(f"truncate -s 12M {self.loop_file(below)} && losetup -c {below}")
        guest.until("size /dev/xvda", lambda said: said == f"{12 * MIB} 512", "the size stays")
        guest.do(f"write /dev/xvda {12 * MIB - 4096} 4096 5")
        guest.do(f"check /dev/xvda {12 * MIB - 4096} 4096 5")
        guest.more_of("on")
        self.assertEqual(guest.stop("on")[1:3], (0, 0))
        guest.exit()


class Plugging(BackEndCase):
    def until_there(self, guest: DiskGuest, device: str, size_mib: int) -> None:
        guest.until(f"size {device}", lambda said: said == f"{size_mib * MIB} 512", f"no {device}")

    def test_disks_come_and_go_under_load(self):
        """The load on the one that goes sees EIO at most; the other disk notices nothing."""
        stays, comes = self.loop(8), self.loop(12)
        guest = DiskGuest(self, {"xvda": disk_line("xvda", stays)})
        guest.do("load stays /dev/xvda")
        for number in range(2):
            self.attach(guest, disk_line("xvdb", comes))
            self.until_there(guest, "/dev/xvdb", 12)
            if number > 0:              # what was synced before it went
                guest.do("check /dev/xvdb 8388608 100000 7")
            guest.do("write /dev/xvdb 8388608 100000 7")
            guest.do("load goes /dev/xvdb")
            guest.more_of("goes")
            self.detach(guest, "xvdb")
            guest.until_load("goes", lambda good, errors, *_: errors > 0, "the disk is still there")
            _, _, wrong, error = guest.stop("goes")
            self.assertEqual(wrong, 0)
            self.assertIn(error, ("EIO", "ENXIO", "ENOENT"))
            guest.more_of("stays")
        self.assertEqual(guest.stop("stays")[1:3], (0, 0))
        guest.exit()

    def test_detached_under_a_mount(self):
        """Errors, no hang, not at the end either; the disk attached again is mounted again."""
        below = self.loop(8)
        self.make_fs(below)
        guest = DiskGuest(self, {"xvda": disk_line("xvda", below)})
        guest.do("mkdir /data")
        guest.do("mount /dev/xvda /data rw")
        guest.do("write /data/kept 0 100000 3")
        guest.do("load on /data/load")
        guest.more_of("on")

        self.detach(guest, "xvda")
        guest.until_load("on", lambda good, errors, *_: errors > 0, "no errors are seen")
        self.assertIn(guest.stop("on")[3], ("EIO", "EROFS"))
        self.assertIn(guest.ask("write /data/new 0 1000 4"), ("EIO", "EROFS"))
        guest.ask("umount /data")
        self.attach(guest, disk_line("xvda", below))
        self.until_there(guest, "/dev/xvda", 8)
        guest.do("mount /dev/xvda /data rw")
        guest.do("check /data/kept 0 100000 3")
        guest.do("write /data/new 0 1000 4")

        self.detach(guest, "xvda", "--force")
        guest.exit()                    # with the file system mounted
        self.client(f"e2fsck -E journal_only -y {below} >/dev/null || [ $? = 1 ]")
        self.check_fs(below)


class Hanging(BackEndCase):
    def begin_detach(self, guest: DiskGuest, vdev: str, options: str = "") -> str:
        """Does not wait for its end: a file in dom0 will tell."""
        status = f"/tmp/{guest.name}-{len(self.begun)}"
        self.begun.append(status)
        self.client(f"(xl block-detach {options} {guest.name} {vdev}; echo $? >{status}.new; "
                    f"mv {status}.new {status}) </dev/null >/dev/null 2>&1 &")
        self.addCleanup(self.client, f"rm -f {status}")
        return status

    def ended(self, status: str) -> str:
        """xl's exit status, once it has one: it has bounds of its own."""
        return self.client(f"until [ -e {status} ]; do sleep 0.2; done; cat {status}").strip()

    def setUp(self) -> None:
        super().setUp()
        self.begun: list[str] = []

    def test_a_detach_waits_for_a_request_that_hangs_unless_forced(self):
        slow, other = Mapped(self, self.loop(8), 8), self.loop(8)
        guest = DiskGuest(self, {"xvda": disk_line("xvda", other), "xvdb": disk_line("xvdb", slow.device)})
        guest.do("load other /dev/xvda")

        guest.do("write /dev/xvdb 0 4096 1")
        slow.suspend()
        guest.tell("later one write /dev/xvdb 0 4096 2")
        guest.more_of("other")          # it is in flight, and nobody waits for it
        slow.resume()
        self.assertEqual(guest.later("one"), "ok")

        slow.suspend()
        guest.tell("later two write /dev/xvdb 0 4096 3")
        guest.more_of("other")
        gone = self.begin_detach(guest, "xvdb")
        guest.more_of("other")
        slow.resume()
        self.assertIn(guest.later("two"), ("ok", "EIO"))
        self.assertEqual(self.ended(gone), "0")
        guest.more_of("other")

        self.attach(guest, disk_line("xvdb", slow.device))
        guest.until("size /dev/xvdb", lambda said: said == f"{8 * MIB} 512", "no /dev/xvdb")
        slow.suspend()
        guest.tell("later three write /dev/xvdb 0 4096 4")
        guest.more_of("other")
        forced = self.begin_detach(guest, "xvdb", "--force")
        self.assertEqual(guest.later("three"), "EIO")
        guest.more_of("other")
        slow.resume()
        self.ended(forced)
        self.assertEqual(guest.stop("other")[1:3], (0, 0))
        guest.exit()


if __name__ == "__main__":
    unittest.main(verbosity=2)
