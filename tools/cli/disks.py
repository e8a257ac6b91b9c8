"""--disk: what a user asks for, the image file made and formatted if it is not there yet."""
from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import prereq
from .errors import UserError
from .progress import Progress

SYNTAX = "write it as FILE[,ro][,size=64M][,mkfs[=ext2|ext3|ext4]][,sector=4096][,vdev=xvdb]"
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
FILE_SYSTEMS = ("ext2", "ext3", "ext4")
MKFS_LEAST = 256 << 10          # below that mke2fs refuses
DISKS_MOST = 16
EXT_MAGIC_AT, EXT_MAGIC = 1024 + 0x38, b"\x53\xef"
# Other formats of disk images, by their first bytes.
FOREIGN = ((b"QFI\xfb", "qcow2"), (b"KDMV", "vmdk"), (b"conectix", "vpc"), (b"vhdxfile", "vhdx"))


@dataclass
class Disk:
    """One guest disk. target is its block device in dom0, or what a configuration names instead."""

    path: Path
    vdev: str
    read_only: bool = False
    size: int | None = None     # bytes, of an image that is to be made
    mkfs: str | None = None
    sector: int = 512
    target: str = ""
    script: str = ""            # of the Xen host, if it is not Xen's own

    def line(self) -> str:
        """An entry of `disk=`; the target comes last and may hold anything but quotes."""
        access = "ro" if self.read_only else "rw"
        script = f"script={self.script}, " if self.script else ""
        return f"format=raw, vdev={self.vdev}, access={access}, {script}target={self.target or self.path}"


def parse_disks(texts: list[str]) -> list[Disk]:
    """All --disk options, names xvda, xvdb... given to those that ask for none."""
    disks = [parse_disk(text) for text in texts]
    if len(disks) > DISKS_MOST:
        raise UserError(f"{len(disks)} disks", f"a guest can have {DISKS_MOST}")
    names = [disk.vdev for disk in disks if disk.vdev]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"--disk: two disks are {name}", "give each a vdev= of its own")
    for number, disk in enumerate(disks):
        for other in disks[:number]:
            if disk.path.resolve() == other.path.resolve() and not (disk.read_only and other.read_only):
                raise UserError(f"--disk {disk.path}: given twice", "only read-only disks can share a file")
    free = (f"xvd{chr(ord('a') + number)}" for number in range(2 * DISKS_MOST))
    for disk in disks:
        disk.vdev = disk.vdev or next(name for name in free if name not in names)
    return disks


def parse_disk(text: str) -> Disk:
    name, words = text, []
    if not Path(text).exists():
        name, *words = text.split(",")
    if not name:
        raise UserError(f"--disk {text}: it names no file", SYNTAX)
    if '"' in name or "\n" in name or "'" in name:
        raise UserError(f"--disk {text}: xl takes no quotes in a disk's name", "rename the file")
    disk = Disk(Path(name), "")
    for word in words:
        key, equals, value = word.partition("=")
        if key in ("ro", "rw") and not equals:
            disk.read_only = key == "ro"
        elif key == "size" and value:
            disk.size = parse_bytes(value)
        elif key == "mkfs" and (value in FILE_SYSTEMS or not equals):
            disk.mkfs = value or "ext4"
        elif key == "sector" and value in ("512", "4096"):
            disk.sector = int(value)
        elif key == "vdev" and re.fullmatch(r"(xvd|hd|sd)[a-z]", value):
            disk.vdev = value
        else:
            raise UserError(f"--disk {text}: {word!r} is no option of a disk", SYNTAX)
    check(disk, text)
    return disk


def check(disk: Disk, text: str) -> None:
    """What is wrong with the file, as far as it is known without touching anything."""
    try:
        status = disk.path.stat()
    except FileNotFoundError:
        if disk.size is None:
            raise UserError(f"--disk {disk.path}: no such file",
                            f"make one with --disk {disk.path},size=64M,mkfs") from None
        if not disk.path.resolve().parent.is_dir():
            raise UserError(f"--disk {disk.path}: no directory {disk.path.parent}",
                            "make it first") from None
        if disk.read_only:
            raise UserError(f"--disk {text}: a new image that is read-only stays empty",
                            "leave `ro` out the first time") from None
        return
    except OSError as error:
        raise UserError(f"--disk {disk.path}: {error.strerror}", "check its name") from None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise UserError(f"--disk {disk.path}: neither a file nor a block device",
                        "a directory's files go into the guest with --initrd")
    if not os.access(disk.path, os.R_OK | (0 if disk.read_only else os.W_OK)):
        raise UserError(f"--disk {disk.path}: no permission to {'read' if disk.read_only else 'write'}"
                        " it", "change its mode" + ("" if disk.read_only else ", or add `,ro`"))
    if stat.S_ISREG(status.st_mode):
        check_image(disk, status.st_size)


def check_image(disk: Disk, size: int) -> None:
    if size == 0 and disk.size is None:
        raise UserError(f"--disk {disk.path}: the file is empty",
                        f"give it a size: --disk {disk.path},size=64M,mkfs")
    with disk.path.open("rb") as file:
        head = file.read(16)
    for magic, name in FOREIGN:
        if head.startswith(magic):
            raise UserError(f"--disk {disk.path}: a {name} image, not a raw one",
                            f"convert it: qemu-img convert -O raw {disk.path} {disk.path}.raw")
    if size % disk.sector:
        raise UserError(f"--disk {disk.path}: {size} bytes are not whole sectors of {disk.sector}",
                        f"lengthen it: truncate -s %{disk.sector} {disk.path}")


def parse_bytes(text: str) -> int:
    match = re.fullmatch(r"(\d+)([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    size = int(match[1]) * UNITS[match[2].upper()] if match else 0
    if not size or size % 4096:
        raise UserError(f"--disk size={text}: not a size", "write it as 64M or 1G, whole 4 KiB pages")
    return size


def make_images(disks: list[Disk], progress: Progress, install: bool = True) -> None:
    """Make and format what is to be made. What an existing image holds is never overwritten."""
    for disk in disks:
        size = disk.path.stat().st_size if disk.path.exists() else 0
        is_new = size == 0 and not disk.path.is_block_device()
        if is_new and disk.size is not None:
            make_sparse(disk)
        elif disk.size is not None and disk.size != size and disk.path.is_file():
            progress(f"{disk.path} is there already and stays as it is: {size >> 10} KiB")
        if disk.mkfs is None:
            continue
        if is_new or is_blank(disk.path):
            make_file_system(disk, progress, install)
        elif not has_ext(disk.path):
            raise UserError(f"--disk {disk.path},mkfs: it holds something that is no ext file system, "
                            "and is not overwritten", "delete it, or leave mkfs out")


def make_sparse(disk: Disk) -> None:
    try:
        with disk.path.open("ab") as file:
            file.truncate(disk.size)
    except OSError as error:
        raise UserError(f"--disk {disk.path}: cannot be made: {error.strerror}",
                        "check the directory's permissions and room") from None


def is_blank(path: Path) -> bool:
    """A file that is one hole from end to end."""
    if path.is_block_device():
        return False
    with path.open("rb") as file:
        try:
            return os.lseek(file.fileno(), 0, os.SEEK_DATA) < 0
        except OSError:
            return True                 # ENXIO: no data


def has_ext(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(EXT_MAGIC_AT)
        return file.read(2) == EXT_MAGIC


def make_file_system(disk: Disk, progress: Progress, install: bool) -> None:
    size = disk.path.stat().st_size
    if size < MKFS_LEAST:
        raise UserError(f"--disk {disk.path}: {size} bytes are too few for a file system",
                        "give it at least 256K, better 8M")
    program = find_mke2fs()
    if program is None:
        prereq.ensure([prereq.Need("mke2fs, which makes file systems", ("e2fsprogs",),
                                   lambda: find_mke2fs() is not None)], progress, install)
        program = find_mke2fs()
    # Pages of the guest's cache are blocks of the disk; nothing is kept for a root who isn't there.
    ran = subprocess.run([program, "-q", "-F", "-t", disk.mkfs, "-b", "4096", "-m", "0",
                          "-E", "lazy_itable_init=0,lazy_journal_init=0", str(disk.path)],
                         capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if ran.returncode:
        raise UserError(f"--disk {disk.path}: mke2fs failed: {ran.stderr.strip()}",
                        "give it more room with size=")


def find_mke2fs() -> str | None:
    """It is outside most users' PATH."""
    return shutil.which("mke2fs") or shutil.which("mke2fs", path="/usr/sbin:/sbin")
