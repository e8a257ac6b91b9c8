"""Files as block devices of dom0, for guests' disks: in a testbed QEMU drives, on a dom0 loop devices.

A testbed's drive is added to the running machine and backed by the user's own file: what a guest
writes is in that file, what it flushes is on this machine's disk, and a large file costs nothing.
QEMU locks the file, so that two machines cannot write one image.
"""
from __future__ import annotations

import re
import secrets
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import TestbedError
from .held import Held, abandoned
from .machine import Machine
from .qmp import Qmp

if TYPE_CHECKING:
    from .dom0 import Dom0

APPEAR_SECONDS = 120
LEAVE_SECONDS = 60.0
# Find a drive by its serial number, looking once at least and then again for so many seconds: a new
# one takes dom0 some hundred milliseconds. Bash alone does it, without a process for each look: on an
# emulated processor those cost more than the kernel needs for the drive.
FIND = """
end=$((EPOCHSECONDS + $2))
exec {never}<> <(:)
while :; do
    for file in /sys/block/vd*/serial; do
        serial=
        { read -r serial <"$file"; } 2>/dev/null
        [[ $serial == "$1" ]] || continue
        name=${file#/sys/block/}
        [[ -b /dev/${name%/serial} ]] && echo "/dev/${name%/serial}" && exit 0
    done
    ((EPOCHSECONDS < end)) || exit 1
    read -r -t 0.02 -u "$never"
done
"""
# Is a device some guest's disk? Back ends name it in `params`.
IN_USE = """
for key in $(xenstore-list -p /local/domain/0/backend/vbd 2>/dev/null); do
    for device in $(xenstore-list -p "$key" 2>/dev/null); do
        [ "$(xenstore-read "$device/params" 2>/dev/null)" = "$1" ] && exit 0
    done
done
exit 1
"""


@dataclass(frozen=True)
class DiskFile:
    """A raw image or a block device of this machine, as a guest's disk."""

    path: Path
    read_only: bool = False
    sector: int = 512           # the logical sector the guest sees


class Drives:
    """Some files attached to a testbed's dom0: `devices` are their names there, in order."""

    script = "block-quick"      # what xl is to call for such a disk

    def __init__(self, dom0: "Dom0", machine: Machine, files: list[DiskFile]) -> None:
        self._machine = machine
        self._held: list[tuple[Held, str]] = []
        self.devices: list[str] = []
        try:
            qmp = machine.qmp()
            try:
                names = [self._add(qmp, file) for file in files]
            finally:
                qmp.close()
            for name, file in zip(names, files):
                ran = dom0.run(["bash", "-c", FIND, "find-drive", name, str(APPEAR_SECONDS)])
                if ran.status:
                    raise TestbedError(f"{file.path}: the testbed's dom0 did not find the drive; "
                                       "try again, or start over with `xenolith host down`")
                self.devices.append(ran.out.decode().strip())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Take them back. A machine that is gone has none."""
        held, self._held = self._held, []
        if not held:
            return
        try:
            if self._machine.alive():
                qmp = self._machine.qmp()
                try:
                    for _, name in held:
                        _remove(qmp, name)
                finally:
                    qmp.close()
        finally:
            for one, _ in held:
                one.drop()

    def _add(self, qmp: Qmp, file: DiskFile) -> str:
        name = f"x{secrets.token_hex(8)}"
        is_device = stat.S_ISBLK(file.path.stat().st_mode)
        held = Held(self._machine.folder, {"kind": "drive", "name": name, "path": str(file.path)})
        try:
            qmp.command("blockdev-add", node_name=name, driver="raw", read_only=file.read_only,
                        discard="unmap",
                        file={"driver": "host_device" if is_device else "file",
                              "filename": str(file.path.resolve())})
            # Only now it takes its lock on the file.
            qmp.command("device_add", {"logical_block_size": file.sector,
                                       "physical_block_size": file.sector},
                        driver="virtio-blk-pci", id=name, drive=name, serial=name)
        except TestbedError as error:
            _remove(qmp, name)
            held.drop()
            raise TestbedError(f"{file.path}: {_cause(str(error))}") from None
        self._held.append((held, name))
        return name


def sweep(dom0: "Dom0", machine: Machine) -> None:
    """Take back the drives of commands that were killed, unless a guest still uses them."""
    for path, lock, what in abandoned(machine.folder):
        with lock:
            if what.get("kind") != "drive":
                continue
            ran = dom0.run(["bash", "-c", FIND, "find-drive", what["name"], "0"])
            device = ran.out.decode().strip()
            if device and dom0.run(["bash", "-c", IN_USE, "in-use", device]).status == 0:
                continue
            qmp = machine.qmp()
            try:
                _remove(qmp, what["name"])
                path.unlink(missing_ok=True)
            finally:
                qmp.close()


def _remove(qmp: Qmp, name: str) -> None:
    """dom0 lets go of the device first, in its own time; then QEMU of the file."""
    for command, arguments in (("device_del", {"id": name}), ("blockdev-del", {"node_name": name})):
        end = time.monotonic() + LEAVE_SECONDS
        while True:
            try:
                qmp.command(command, **arguments)
                break
            except TestbedError as error:
                words = str(error)
                if "not found" in words or "Failed to find node" in words:
                    break               # gone already
                if "in use" not in words or time.monotonic() > end:
                    raise TestbedError(f"the testbed's dom0 does not let go of a drive: {words}") \
                        from None
                time.sleep(0.05)


def _cause(words: str) -> str:
    """QEMU's complaint about a file, as a person would put it."""
    if "Failed to get" in words and "lock" in words or "Conflicts with use" in words or \
            "another process using the image" in words:
        return "another run uses this image; wait for its end, or give both `ro`"
    found = re.search(r"Could not open '.*': (.*)", words)
    if found:
        return f"cannot be opened: {found[1]}; check its name and permissions"
    return f"{words}; check the file"


class Loops:
    """The same on a real dom0, by loop devices; block devices are what they are."""

    script = ""                 # Xen's own

    def __init__(self, dom0: "Dom0", files: list[DiskFile]) -> None:
        self._dom0 = dom0
        self._loops: list[str] = []
        self.devices: list[str] = []
        try:
            for file in files:
                self.devices.append(self._add(file))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        while self._loops:
            self._dom0.run(["losetup", "-d", self._loops.pop()])

    def _add(self, file: DiskFile) -> str:
        path = str(file.path.resolve())
        if stat.S_ISBLK(file.path.stat().st_mode):
            return path
        ran = self._dom0.run(["losetup", "-j", path])
        if ran.status == 0 and ran.out.strip() and not file.read_only:
            raise TestbedError(f"{file.path}: another run uses this image; wait for its end, or give "
                               "both `ro`")
        argv = ["losetup", "-f", "--show", *(["-r"] if file.read_only else []),
                *(["-b", str(file.sector)] if file.sector != 512 else []), path]
        ran = self._dom0.run(argv)
        if ran.status:
            words = ran.err.decode(errors="replace").strip()
            raise TestbedError(f"{file.path}: no loop device for it: {words}; run as root, and see "
                               "that the loop module is loaded")
        self._loops.append(ran.out.decode().strip())
        return self._loops[-1]
