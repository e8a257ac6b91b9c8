"""The testbed's parts that need no testbed: frames, archives, dom0's file tree, records."""
import gzip
import io
import json
import lzma
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from deps.apt import Deb  # noqa: E402
from testbed import disks, forwards, held, hostfiles, kernel, machine, newc, packages, saved  # noqa: E402
from testbed import standing, tree  # noqa: E402
from testbed.errors import TestbedError  # noqa: E402
from testbed.machine import Machine, Shape  # noqa: E402
from testbed.session import PAYLOAD_MAX, Frames, frame  # noqa: E402


class FolderCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="xenolith-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class FramesCutAStream(unittest.TestCase):
    def test_whole_frames_come_out_however_the_stream_is_cut(self):
        sent = [(b"O", b"one"), (b"R", b""), (b"X", b"\0" * 4), (b"O", bytes(range(256)) * 300)]
        stream = b"".join(frame(kind, payload) for kind, payload in sent)
        for size in (1, 2, 5, 7, 4096, len(stream)):
            frames = Frames()
            got = []
            for at in range(0, len(stream), size):
                got += frames.feed(stream[at:at + size])
            self.assertEqual(got, sent, f"cut into pieces of {size}")

    def test_a_frame_longer_than_any_may_be_is_refused(self):
        with self.assertRaises(TestbedError):
            list(Frames().feed(b"O" + struct.pack("<I", PAYLOAD_MAX + 1)))

    def test_what_an_earlier_session_left_is_passed_over(self):
        mark = frame(b"S", b"xeno" + bytes(12))
        for size in (1, 3, 64):
            frames = Frames()
            stream = frame(b"O", b"old output") + mark[:9] + b"rubbish" + mark + frame(b"O", b"new")
            found, rest = False, b""
            for at in range(0, len(stream), size):
                if found:
                    rest += stream[at:at + size]
                else:
                    found = frames.skip_to(stream[at:at + size], mark)
            self.assertTrue(found)
            self.assertEqual(list(frames.feed(rest)), [(b"O", b"new")])


class ListsOfPackagesAreKept(FolderCase):
    def resolve(self, *wanted: str) -> list[str]:
        """Their names, where apt answers with what was asked for, and one more."""
        apt = mock.Mock()
        apt.closure = lambda names, left_out: [Deb(name, "1", f"pool/{name}.deb", "0", 1)
                                               for name in (*names, "libmore")]
        with mock.patch.object(packages, "suite_dir", lambda suite: self.folder), \
                mock.patch.object(packages, "MACHINE_LISTS", self.folder / "none"), \
                mock.patch.object(packages, "PrivateApt", return_value=apt) as self.apt:
            return [deb.name for deb in packages.resolve(None, lambda text: None, wanted=list(wanted))]

    def test_apt_is_asked_once(self):
        self.assertEqual(self.resolve("one"), ["one", "libmore"])
        self.assertEqual(self.resolve("one"), ["one", "libmore"])
        self.apt.assert_not_called()

    def test_a_list_of_less_than_is_wanted_now_is_made_anew(self):
        self.resolve("one")
        self.assertEqual(self.resolve("one", "two"), ["one", "two", "libmore"])
        self.assertEqual(self.resolve("two"), ["one", "two", "libmore"])


def read_newc(data: bytes) -> dict[str, tuple[int, bytes, tuple[int, int]]]:
    """An archive by its format's description: name to (mode, data, device numbers)."""
    found = {}
    file = io.BytesIO(data)
    while True:
        head = file.read(110)
        assert head[:6] == b"070701", head
        fields = [int(head[6 + 8 * i:14 + 8 * i], 16) for i in range(13)]
        name = file.read(fields[11])[:-1].decode()
        file.read(-(110 + fields[11]) % 4)
        body = file.read(fields[6])
        file.read(-fields[6] % 4)
        if name == "TRAILER!!!":
            return found
        assert name not in found, name
        found[name] = (fields[1], body, (fields[9], fields[10]))


class ArchivesForTheKernel(FolderCase):
    def archive(self) -> bytes:
        archive = newc.Archive()
        archive.file("usr/bin/tool", b"#!/bin/sh\n", 0o755)
        archive.file("usr/bin/tool", b"a second one of that name is left out")
        archive.link("bin", "usr/bin")
        archive.directory("/etc/")
        archive.device("dev/null", 1, 3, 0o666)
        archive.file("odd", b"12345")
        return archive.finish()

    def test_entries_read_back(self):
        data = self.archive()
        found = read_newc(data)
        self.assertEqual(list(found), ["usr", "usr/bin", "usr/bin/tool", "bin", "etc", "dev",
                                       "dev/null", "odd"])
        self.assertEqual(found["usr/bin/tool"][:2], (stat.S_IFREG | 0o755, b"#!/bin/sh\n"))
        self.assertEqual(found["bin"][:2], (stat.S_IFLNK | 0o777, b"usr/bin"))
        self.assertEqual(found["dev/null"], (stat.S_IFCHR | 0o666, b"", (1, 3)))
        self.assertEqual(len(data) % newc.BLOCK, 0)

    def test_the_same_entries_make_the_same_bytes(self):
        self.assertEqual(self.archive(), self.archive())

    @unittest.skipUnless(shutil.which("cpio"), "cpio is not installed")
    def test_cpio_agrees(self):
        ran = subprocess.run(["cpio", "-t", "--quiet"], input=self.archive(), capture_output=True,
                             check=True)
        self.assertEqual(ran.stdout.decode().split(), list(read_newc(self.archive())))


@unittest.skipUnless(shutil.which("gcc"), "gcc is not installed")
class AKernelIsRepacked(unittest.TestCase):
    PROGRAM = b"\x7fELF and so on" * 1000

    def image(self, payload: bytes, setup_sectors: int = 3) -> bytes:
        """A bzImage: setup sectors, something, the payload and its length, something."""
        setup = bytearray(((setup_sectors or 4) + 1) * 512)
        setup[0x1f1] = setup_sectors
        setup[0x202:0x206] = b"HdrS"
        length = struct.pack("<I", len(self.PROGRAM))
        struct.pack_into("<II", setup, 0x248, 100, len(payload) + len(length))
        return bytes(setup) + bytes(100) + payload + length + bytes(50)

    def test_from_xz_to_gzip(self):
        for setup_sectors in (3, 0):
            packed = kernel.repacked(self.image(lzma.compress(self.PROGRAM), setup_sectors))
            self.assertEqual(gzip.decompress(packed), self.PROGRAM)

    def test_what_is_packed_otherwise_or_not_at_all_stays(self):
        for data in (self.image(gzip.compress(self.PROGRAM)), self.image(b"\x28\xb5\x2f\xfd zstd"),
                     self.PROGRAM, b""):
            self.assertEqual(kernel.repacked(data), data)


class AFileTreeOutOfPackages(FolderCase):
    """A made-up package tree, with programs and libraries made by the compiler."""

    def setUp(self) -> None:
        super().setUp()
        self.root = self.folder / "root"
        self.xen = self.root / "usr/lib/xen-4.99/bin"
        self.libraries = self.root / "usr/lib/x86_64-linux-gnu"
        for folder in (self.xen, self.libraries, self.root / "usr/bin", self.root / "sbin"):
            folder.mkdir(parents=True)
        (self.libraries / tree.LOADER).write_bytes(b"not looked into")
        self.library("libdeep.so.1.2", "int deep(void) { return 1; }", "libdeep.so.1")
        (self.libraries / "libdeep.so.1").symlink_to("libdeep.so.1.2")
        self.library("libtop.so.1", "int deep(void); int top(void) { return deep(); }", "libtop.so.1",
                     str(self.libraries / "libdeep.so.1"))
        self.program(self.xen / "xl")
        self.archive = newc.Archive()

    def gcc(self, source: str, *arguments: str) -> None:
        subprocess.run(["gcc", "-nostdlib", "-x", "c", "-", "-x", "none", *arguments],
                       input=source.encode(), check=True, capture_output=True)

    def library(self, name: str, source: str, soname: str, *others: str) -> None:
        self.gcc(source, "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-o",
                 str(self.libraries / name), *others)

    def program(self, path: Path) -> None:
        self.gcc("int top(void); void _start(void) { top(); }", "-o", str(path),
                 str(self.libraries / "libtop.so.1"), f"-Wl,-rpath-link,{self.libraries}")

    def names(self) -> set[str]:
        return set(read_newc(self.archive.finish()))

    def test_a_program_brings_its_libraries_and_theirs_and_the_loader(self):
        tree.Tree(self.root, self.archive).xen_program("xl")
        found = read_newc(self.archive.finish())
        self.assertLessEqual({"usr/lib/xen-4.99/bin/xl", "usr/lib64/" + tree.LOADER,
                              "usr/lib/x86_64-linux-gnu/libtop.so.1",
                              "usr/lib/x86_64-linux-gnu/libdeep.so.1"}, set(found))
        self.assertEqual(found["usr/bin/xl"][1], b"/usr/lib/xen-4.99/bin/xl")
        self.assertEqual(found["usr/lib/x86_64-linux-gnu/libdeep.so.1"][1],
                         (self.libraries / "libdeep.so.1.2").read_bytes())

    def test_programs_are_found_in_either_layout(self):
        (self.root / "sbin/helper").write_bytes(b"#!/bin/sh\n")
        tree.Tree(self.root, self.archive).program("helper")
        self.assertTrue(any(name.endswith("/helper") for name in self.names()), self.names())

    def test_links_are_followed_inside_the_packages(self):
        (self.root / "etc").mkdir()
        (self.root / "etc/real").write_bytes(b"#!/bin/sh\n")
        (self.root / "usr/bin/helper").symlink_to("/etc/real")
        found = tree.Tree(self.root, self.archive).find("usr/bin/helper")
        self.assertEqual(found, self.root / "etc/real")

    def test_a_library_that_no_package_has_is_named(self):
        (self.libraries / "libdeep.so.1").unlink()
        with self.assertRaisesRegex(TestbedError, "libdeep.so.1"):
            tree.Tree(self.root, self.archive).xen_program("xl")

    def test_a_program_for_another_suite_is_known_before_it_is_taken(self):
        program = self.folder / "ours"
        self.program(program)
        self.assertTrue(tree.Tree(self.root, self.archive).has_libraries(program))
        (self.libraries / "libtop.so.1").unlink()
        self.assertFalse(tree.Tree(self.root, self.archive).has_libraries(program))

    def test_packages_without_xen_are_refused(self):
        shutil.rmtree(self.xen)
        with self.assertRaisesRegex(TestbedError, "xen-utils"):
            tree.Tree(self.root, self.archive)


class TheStandingRecord(FolderCase):
    """`host up` leaves a record; the process in it may have died, or be somebody else by now."""

    def setUp(self) -> None:
        super().setUp()
        patched = mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(self.folder),
                                               "XENOLITH_TESTBED": "unit"})
        patched.start()
        self.addCleanup(patched.stop)
        self.said: list[str] = []

    def record(self, text: str) -> None:
        standing.folder().mkdir(parents=True, exist_ok=True)
        (standing.folder() / "machine.json").write_text(text, encoding="utf-8")

    def child(self, name: str, cwd: Path) -> subprocess.Popen:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", name], cwd=cwd)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        while not Path(f"/proc/{child.pid}/cmdline").read_bytes():     # exec has not come so far yet
            time.sleep(0.01)
        return child

    def test_no_record_and_nonsense_are_no_testbed(self):
        self.assertIsNone(standing.find(self.said.append))
        for text in ("", "{", "[]", '{"pid": "x"}', '{"key": "1"}', '{"pid": null}'):
            self.record(text)
            with self.subTest(text=text):
                self.assertIsNone(standing.recorded())

    def test_a_process_that_has_died(self):
        child = self.child("xenolith-testbed", self.folder)
        child.kill()
        child.wait()
        self.record(json.dumps({"pid": child.pid, "key": "k"}))
        self.assertIsNone(standing.recorded())

    def test_a_process_that_only_has_its_number(self):
        standing.folder().mkdir(parents=True)
        for name, cwd in (("something-else", standing.folder()), ("xenolith-testbed", self.folder)):
            self.record(json.dumps({"pid": self.child(name, cwd).pid, "key": "k"}))
            self.assertIsNone(standing.recorded(), (name, cwd))
            self.assertFalse(standing.down())           # and it is left alone
            standing.folder().mkdir(parents=True)

    def test_a_machine_that_does_not_answer_is_ended(self):
        standing.folder().mkdir(parents=True)
        child = self.child("xenolith-testbed", standing.folder())
        self.record(json.dumps({"pid": child.pid, "key": "k"}))
        self.assertIsNotNone(standing.recorded())
        with mock.patch.object(standing, "ANSWER_SECONDS", 0.2), \
                mock.patch.object(Machine, "stop", lambda _self: child.kill()):
            self.assertIsNone(standing.find(self.said.append))
        self.assertIn("does not answer", self.said[0])
        self.assertNotEqual(child.wait(60), 0)
        self.assertFalse(standing.folder().exists())

    def test_names_that_would_leave_the_cache(self):
        for name in ("../up", "a/b", "x" * 41, "a b"):
            with mock.patch.dict(os.environ, {"XENOLITH_TESTBED": name}), \
                    self.assertRaisesRegex(TestbedError, "XENOLITH_TESTBED"):
                standing.folder()


class TheSavedState(FolderCase):
    """QEMU is played by a stand-in; what counts is when a state is made, kept and thrown away."""

    def setUp(self) -> None:
        super().setUp()
        patched = mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(self.folder)})
        patched.start()
        self.addCleanup(patched.stop)
        (self.folder / "host").mkdir()
        self.files = hostfiles.HostFiles(self.folder / "host")
        self.made: list[int] = []
        self.stopped = 0
        for target, name, stand_in in (
                (saved, "_make", self.make), (saved, "first_session", self.session),
                (saved, "qemu_identity", lambda: "qemu 1"), (Machine, "start", self.start)):
            patched = mock.patch.object(target, name, stand_in)
            patched.start()
            self.addCleanup(patched.stop)
        self.refused = 0                # so many restored machines will not answer

    def make(self, _files, _shape, into: Path, _say) -> None:
        self.made.append(len(self.made))
        (into / "state").write_text(f"state {len(self.made)}")

    def start(self, _files, _shape, folder, *, state=None, detached=False, outside=False):
        one = mock.Mock(spec=Machine)
        one.stop.side_effect = self.stop
        one.loaded = Path(state).read_text()
        return one

    def stop(self) -> None:
        self.stopped += 1

    def session(self, _machine, _timeout):
        if self.refused:
            self.refused -= 1
            raise TestbedError("QEMU ended: it does not like that state")
        return "session"

    def restore(self):
        return saved.restore(self.files, Shape(), self.folder / "run", lambda _text: None)

    def test_it_is_made_once(self):
        for _ in range(3):
            self.assertEqual(self.restore()[0].loaded, "state 1")
        self.assertEqual(len(self.made), 1)

    def test_one_that_qemu_refuses_is_made_again(self):
        self.restore()
        self.refused = 1
        self.assertEqual(self.restore()[0].loaded, "state 2")
        self.assertEqual((len(self.made), self.stopped), (2, 1))

    def test_a_new_one_that_is_refused_too_is_the_end(self):
        self.refused = 2
        with self.assertRaisesRegex(TestbedError, "does not like"):
            self.restore()
        self.assertEqual((len(self.made), self.stopped), (2, 2))

    def test_another_shape_or_qemu_has_another_state(self):
        folders = {saved.state_folder(self.files, shape)
                   for shape in (Shape(), Shape(memory_mib=2048), Shape(icount=True))}
        with mock.patch.object(saved, "qemu_identity", lambda: "qemu 2"):
            folders.add(saved.state_folder(self.files, Shape()))
        self.assertEqual(len(folders), 4)

    def test_one_that_could_not_be_made_leaves_nothing(self):
        with mock.patch.object(saved, "_make", side_effect=TestbedError("no room")), \
                self.assertRaisesRegex(TestbedError, "no room"):
            self.restore()
        left = [path.name for path in (self.folder / "xenolith/testbed").iterdir() if path.is_dir()]
        self.assertEqual(left, [])


class WhatACommandHasLent(FolderCase):
    """Drives and ports of a standing machine: the records of them, and how they are taken back."""

    def setUp(self) -> None:
        super().setUp()
        self.image = self.folder / "data.img"
        self.image.write_bytes(bytes(4096))
        self.said: list[tuple[str, dict]] = []
        self.refusals: list[str] = []
        self.one = mock.Mock(spec=Machine, folder=self.folder)
        self.one.alive.return_value = True
        self.one.qmp.side_effect = lambda: mock.Mock(command=self.command)
        self.dom0 = mock.Mock()
        self.dom0.run.return_value = mock.Mock(status=0, out=b"/dev/vda\n")

    def command(self, name, as_they_are=None, **arguments):
        self.said.append((name, {**arguments, **(as_they_are or {})}))
        if self.refusals and self.refusals[0].startswith(name + ":"):
            raise TestbedError(self.refusals.pop(0))
        return ""

    def names(self) -> list[str]:
        return [name for name, _ in self.said]

    def records(self) -> list[Path]:
        return sorted(self.folder.glob("held-*"))

    def left_behind(self, what: dict) -> None:
        """As a command leaves it that was killed: a record that nobody has locked."""
        (self.folder / "held-0.json").write_text(json.dumps(what))

    def test_a_drive_comes_and_goes(self):
        drives = disks.Drives(self.dom0, self.one, [disks.DiskFile(self.image, sector=4096)])
        self.assertEqual(drives.devices, ["/dev/vda"])
        self.assertEqual(self.names(), ["blockdev-add", "device_add"])
        self.assertEqual(self.said[0][1]["file"]["filename"], str(self.image))
        self.assertEqual(self.said[1][1]["logical_block_size"], 4096)
        self.assertEqual(len(self.records()), 1)
        drives.close()
        drives.close()
        self.assertEqual(self.names()[2:], ["device_del", "blockdev-del"])
        self.assertEqual(self.records(), [])

    def test_dom0_takes_its_time_to_let_go(self):
        drives = disks.Drives(self.dom0, self.one, [disks.DiskFile(self.image)])
        self.refusals = ["blockdev-del: Node x is in use", "blockdev-del: Node x is in use"]
        drives.close()
        self.assertEqual(self.names().count("blockdev-del"), 3)
        self.assertEqual(self.records(), [])

    def test_an_image_that_another_machine_writes(self):
        self.refusals = ['device_add: Failed to get "write" lock']
        with self.assertRaisesRegex(TestbedError, "another run uses this image"):
            disks.Drives(self.dom0, self.one, [disks.DiskFile(self.image)])
        self.assertEqual(self.names()[-1], "blockdev-del")
        self.assertEqual(self.records(), [])

    def test_one_of_two_that_fails_takes_the_other_back(self):
        self.dom0.run.side_effect = [mock.Mock(status=0, out=b"/dev/vda"), mock.Mock(status=1, out=b"")]
        with self.assertRaisesRegex(TestbedError, "did not find the drive"):
            disks.Drives(self.dom0, self.one, [disks.DiskFile(self.image, True)] * 2)
        self.assertEqual(self.names().count("blockdev-del"), 2)
        self.assertEqual(self.records(), [])

    def test_ports_come_and_go(self):
        wanted = [forwards.Forward(8000, 80), forwards.Forward(53, 53, "udp", "0.0.0.0")]
        lent = forwards.Forwards(self.one, wanted, "10.78.1.2")
        self.assertEqual([what["command_line"] for _, what in self.said],
                         ["hostfwd_add net tcp:127.0.0.1:8000-10.78.1.2:80",
                          "hostfwd_add net udp:0.0.0.0:53-10.78.1.2:53"])
        lent.close()
        self.assertEqual([what["command_line"] for _, what in self.said[2:]],
                         ["hostfwd_remove net tcp:127.0.0.1:8000", "hostfwd_remove net udp:0.0.0.0:53"])
        self.assertEqual(self.records(), [])

    def test_what_a_killed_command_left_is_taken_back(self):
        self.left_behind({"kind": "forward", "rule": "tcp:127.0.0.1:8000"})
        forwards.sweep(self.one)
        self.assertEqual(self.said[0][1]["command_line"], "hostfwd_remove net tcp:127.0.0.1:8000")
        self.assertEqual(self.records(), [])
        self.left_behind({"kind": "drive", "name": "x1"})
        self.dom0.run.side_effect = [mock.Mock(status=0, out=b"/dev/vda"), mock.Mock(status=1)]
        disks.sweep(self.dom0, self.one)
        self.assertEqual(self.names()[1:], ["device_del", "blockdev-del"])
        self.assertEqual(self.records(), [])

    def test_what_a_guest_still_uses_stays(self):
        self.left_behind({"kind": "drive", "name": "x1"})
        disks.sweep(self.dom0, self.one)        # IN_USE says yes, too
        self.assertEqual(self.names(), [])
        self.assertEqual(len(self.records()), 1)

    def test_what_a_living_command_holds_stays(self):
        mine = held.Held(self.folder, {"kind": "forward", "rule": "tcp:127.0.0.1:8000"})
        self.assertEqual(held.abandoned(self.folder), [])
        mine.drop()
        (self.folder / "held-1.json").write_text("nonsense")
        self.assertEqual(held.abandoned(self.folder), [])
        self.assertEqual(self.records(), [])


class MachineCommandLines(unittest.TestCase):
    def test_a_shape_asks_for_no_kvm_and_no_more_processors_than_dom0_has(self):
        files = hostfiles.HostFiles(Path("/cache/host-1"))
        argv = Shape(memory_mib=2048, dom0_vcpus=2).qemu_arguments(files)
        self.assertEqual(argv[argv.index("-accel") + 1], "tcg")
        self.assertEqual(argv[argv.index("-m") + 1], "2048")
        self.assertEqual(argv[argv.index("-smp") + 1], "2")
        argv = Shape(dom0_vcpus=2, icount=True).qemu_arguments(files)
        self.assertEqual(argv[argv.index("-smp") + 1], "1")
        self.assertIn("shift=1,sleep=off", argv)

    def test_last_words_are_qemus_or_else_xens(self):
        with tempfile.TemporaryDirectory() as name:
            one = machine.Machine(Path(name), 1)
            self.assertEqual(one.last_words(), "it said nothing")
            (Path(name) / "serial").write_text("boot\npanic\n")
            (Path(name) / "qemu.log").write_text("")
            self.assertEqual(one.last_words(), "boot / panic")
            (Path(name) / "qemu.log").write_text("qemu: no such option\n")
            self.assertEqual(one.last_words(), "qemu: no such option")


if __name__ == "__main__":
    unittest.main()
