"""What the tests of disks with real back ends share: block devices of dom0, and a guest that does what
it is told, line by line (disk_shell.c).
"""
from __future__ import annotations

import os
import re
import secrets
import select
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS  # noqa: E402
from program_case import ProgramCase  # noqa: E402

from cli.guest import unique_name  # noqa: E402
from testbed.disks import DiskFile  # noqa: E402

SHELL = Path(__file__).with_name("disk_shell.c")
# The testbed's own, which is quick.
SCRIPT = "block-quick"
ASK_AGAIN_SECONDS = 0.1         # a question costs dom0 time that the answer may need


def disk_line(vdev: str, device: str, access: str = "rw") -> str:
    """An entry of `disk=`, and the argument of `xl block-attach`."""
    return f"format=raw, vdev={vdev}, access={access}, script={SCRIPT}, target={device}"


class DiskGuest:
    """A running disk_shell."""

    def __init__(self, test: "BackEndCase", disks: dict[str, str], *options: str) -> None:
        self.test, self.name = test, unique_name("disk")
        lines = ", ".join(f'"{line}"' for line in disks.values())
        self.child = test.start("run", "-q", "-m", "32M", "--name", self.name, *options,
                                *(("--xl-option", f"disk=[{lines}]") if lines else ()), test.shell_image(),
                                stdin=subprocess.PIPE)
        self.said = b""
        self.read = 0                   # so much of it was looked at
        self.answer()

    def take_line(self, wanted: str) -> str:
        """The rest of the next line that begins so; lines before it are passed over."""
        end = time.monotonic() + BOUND_SECONDS
        pattern = re.compile(rb"^" + re.escape(wanted.encode()) + rb"([^\r\n]*)\r?\n", re.M)
        while (found := pattern.search(self.said, self.read)) is None:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.child.stdout], [], [], left)[0]:
                self.test.fail(f"no line {wanted!r} in {BOUND_SECONDS} s; it said {self.said[-1500:]!r}")
            piece = os.read(self.child.stdout.fileno(), 65536)
            if not piece:
                self.child.wait(BOUND_SECONDS)
                self.test.fail(f"it ended before {wanted!r} with status {self.child.returncode}; it said "
                               f"{self.said[-1500:]!r} {self.child.stderr.read()[-1500:]!r}")
            self.said += piece
        if not wanted.startswith("later"):      # those come at any time
            self.read = found.end()
        return found[1].decode(errors="replace")

    def answer(self) -> str:
        return self.take_line("= ")

    def tell(self, line: str) -> None:
        self.child.stdin.write(line.encode() + b"\n")
        self.child.stdin.flush()

    def ask(self, line: str) -> str:
        self.tell(line)
        return self.answer()

    def do(self, line: str) -> None:
        self.test.assertEqual(self.ask(line), "ok", f"{line}\n{self.said[-1500:]!r}")

    def later(self, name: str) -> str:
        """What became of `later NAME ...`."""
        return self.take_line(f"later {name} = ")

    def until(self, line: str, good, what: str) -> str:
        """Ask again and again, until the answer is good."""
        end = time.monotonic() + BOUND_SECONDS
        while not good(said := self.ask(line)):
            self.test.assertLess(time.monotonic(), end, f"{what}; {line}: {said}")
            time.sleep(ASK_AGAIN_SECONDS)
        return said

    def until_load(self, name: str, good, what: str) -> tuple[int, int, int, str]:
        """The counts of a load (transfers, errors, wrong content, last error), once they are good."""
        return self.counts(self.until(f"progress {name}", lambda said: good(*self.counts(said)), what))

    def more_of(self, name: str) -> tuple[int, int, int, str]:
        """A load comes on."""
        before = self.counts(self.ask(f"progress {name}"))[0]
        return self.until_load(name, lambda good, *_: good > before + 2, f"the load {name} stands still")

    def stop(self, name: str) -> tuple[int, int, int, str]:
        return self.counts(self.ask(f"stop {name}"))

    def counts(self, said: str) -> tuple[int, int, int, str]:
        found = re.fullmatch(r"(\d+) (\d+) (\d+) (.*)", said)
        self.test.assertIsNotNone(found, said)
        return int(found[1]), int(found[2]), int(found[3]), found[4]

    def exit(self, status: int = 0) -> str:
        """It ends by itself; all that it said."""
        self.tell("exit")
        out, err = self.child.communicate(timeout=BOUND_SECONDS)
        self.said += out
        told = f"{self.said.decode(errors='replace')[-2000:]}{err.decode(errors='replace')[-2000:]}"
        self.test.assertEqual(self.child.returncode, status, told)
        return self.said.decode(errors="replace").replace("\r", "")


class Mapped:
    """A device-mapper device over another, whose table changes under whoever uses it."""

    def __init__(self, test: "BackEndCase", below: str, size_mib: int) -> None:
        self.test, self.below, self.sectors = test, below, size_mib << 11
        self.name = f"x{secrets.token_hex(4)}"
        self.device = f"/dev/mapper/{self.name}"
        self.dmsetup(f"create {self.name} --table '{self.good()}'")
        test.addCleanup(test.client, f"DM_DISABLE_UDEV=1 dmsetup remove --force --retry {self.name}")

    def dmsetup(self, words: str) -> None:
        self.test.client(f"DM_DISABLE_UDEV=1 dmsetup {words}")

    def good(self) -> str:
        return f"0 {self.sectors} linear {self.below} 0"

    def failing(self) -> str:
        return f"0 {self.sectors} error"

    def failing_writes(self) -> str:
        return f"0 {self.sectors} flakey {self.below} 0 0 1 1 error_writes"

    def become(self, table: str) -> None:
        """What is in flight ends under the old table."""
        self.dmsetup(f"load {self.name} --table '{table}'")
        self.dmsetup(f"suspend --nolockfs {self.name}")
        self.dmsetup(f"resume {self.name}")

    def suspend(self) -> None:
        """From now on requests wait."""
        self.dmsetup(f"suspend --nolockfs {self.name}")

    def resume(self) -> None:
        self.dmsetup(f"resume {self.name}")


class BackEndCase(ProgramCase):
    _shell: Path | None = None

    def setUp(self) -> None:
        super().setUp()
        self._files: dict[str, str] = {}

    def shell_image(self) -> Path:
        """disk_shell, built once."""
        if BackEndCase._shell is None:
            built = self.xenolith("build", SHELL)
            self.assert_ran(built, 0)
            BackEndCase._shell = Path(built.stdout.decode().strip())
        return BackEndCase._shell

    def loop(self, size_mib: int) -> str:
        """A loop device in dom0 over a file there that is its own; loop_file() names it."""
        path = f"/tmp/{unique_name('loop')}.img"
        # Somebody else may take the free one first: then the next.
        device = self.client(f"""truncate -s {size_mib}M {path}
            for i in 1 2 3 4 5 6 7 8 9; do
                device=$(losetup -f) && losetup $device {path} && echo $device && exit 0
            done 2>/dev/null
            exit 1""").strip()
        self.addCleanup(self.client, f"losetup -d {device}; rm -f {path}")
        self._files[device] = path
        return device

    def loop_file(self, device: str) -> str:
        return self._files[device]

    def sectors_of_4096(self, size_mib: int) -> str:
        """A drive of dom0 over a file of this machine."""
        path = self.folder / "sectors.img"
        path.touch()
        os.truncate(path, size_mib << 20)
        attached = self.dom0.attach_disks([DiskFile(path, sector=4096)])
        self.addCleanup(attached.close)
        return attached.devices[0]

    def make_fs(self, device: str, kind: str = "ext4") -> None:
        """A small one, of 8 MiB."""
        self.client(f"mke2fs -q -F -t {kind} -b 4096 -m 0 {device} 2048")

    def check_fs(self, device: str) -> None:
        """It needs no repair."""
        self.client(f"e2fsck -fn {device}")

    def attach(self, guest: DiskGuest, line: str) -> None:
        self.client(f"xl block-attach {guest.name} '{line}'")

    def detach(self, guest: DiskGuest, vdev: str, options: str = "") -> None:
        self.client(f"xl block-detach {options} {guest.name} {vdev}")
