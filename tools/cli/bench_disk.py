"""`xenolith bench disk`: a ram disk of dom0's, through the POSIX interface of ours and of Linux."""
from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from . import prereq
from .bench_boot import FOLDER, HERE, LINUX_LEAST_MIB, Contender, checked, compile_static
from .bench_calls import XL_OPTIONS, figures, said_by
from .build import build_file
from .disks import find_mke2fs
from .errors import UserError
from .layout import Layout
from .progress import Progress

MEMORY_MIB = 128
DISK_MIB = 64
DOM0_MIB = 512                  # two ram disks are in it
SECONDS = 120                   # of virtual time, until a guest is given up
RAM_DISKS = ("/dev/ram0", "/dev/ram1")
# Filled once: a page that was never written is read without being copied.
MAKE_RAM_DISKS = f"""
set -e
rmmod brd
insmod /usr/lib/modules/brd.ko rd_nr=2 rd_size={DISK_MIB << 10}
tr '\\0' x </dev/zero 2>/dev/null | dd of=/dev/ram0 bs=1M count={DISK_MIB} iflag=fullblock 2>/dev/null
sync
"""
SEQUENTIAL_KIB = (64, 128, 256, 1024)
# name: (title, unit, aim)
MEASURES = {
    "read1": ("4 KiB random read, depth 1", "IOPS", 13_500),
    "write1": ("4 KiB random write, depth 1", "IOPS", None),
    "read32": ("4 KiB random read, depth 32", "IOPS", 60_000),
    "write32": ("4 KiB random write, depth 32", "IOPS", None),
    "seqread": ("sequential read", "MB/s", 600),
    "seqwrite": ("sequential write", "MB/s", None),
    "files": ("file: create, 4 KiB, fsync, unlink", "per s", None),
}
SECOND_PS = 10 ** 12


def measure(layout: Layout, progress: Progress, rounds: int, with_linux: bool) -> str:
    """The table, as text. Each guest boots once; a round is a batch of each measure."""
    from testbed import hostfiles
    from testbed.dom0 import private_testbed
    from testbed.machine import Shape
    if find_mke2fs() is None:
        prereq.ensure([prereq.Need("mke2fs, which makes file systems", ("e2fsprogs",),
                                   lambda: find_mke2fs() is not None)], progress)
    with progress.step("preparing the testbed for virtual time") as step:
        kernel = hostfiles.prepare(step.say).kernel
        dom0 = private_testbed(step.say, Shape(dom0_mib=DOM0_MIB, icount=True))
    with dom0, tempfile.TemporaryDirectory(prefix="xenolith-bench-") as folder:
        work = Path(folder)
        dom0.run(["mkdir", "-p", FOLDER], check=True)
        checked(dom0.run(["bash", "-c", MAKE_RAM_DISKS]), "making ram disks")
        file_system = make_file_system(work)
        contenders = [put_ours(dom0, layout, progress, work, rounds)]
        if with_linux:
            contenders.append(put_linux(dom0, kernel, work, rounds))
        columns = []
        with progress.step("measuring") as step:
            for contender in contenders:
                step.detail(contender.name)
                # A new file system for each, so that the second finds what the first has found.
                dom0.run(["dd", f"of={RAM_DISKS[1]}", "bs=1M"], stdin=file_system, check=True)
                lines = ", ".join(f'"format=raw, vdev={name}, access=rw, target={device}"'
                                  for name, device in zip(("xvda", "xvdb"), RAM_DISKS))
                said = said_by(dom0, contender, [*XL_OPTIONS, ("disk", f"[ {lines} ]")])
                columns.append(values(contender, said))
    return table(columns, rounds)


def make_file_system(work: Path) -> bytes:
    image = work / "fs.img"
    subprocess.run([find_mke2fs(), "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0",
                    "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image), f"{DISK_MIB}M"],
                   check=True, capture_output=True)
    return image.read_bytes()


def put_ours(dom0, layout: Layout, progress: Progress, work: Path, rounds: int) -> Contender:
    image = build_file(HERE / "bench_disk.c", layout, progress)
    stripped = work / "disk"
    subprocess.run([str(layout.tool("strip")), "-o", str(stripped), str(image)], check=True)
    dom0.put(stripped, f"{FOLDER}/disk")
    return Contender("Xenolith", f"{FOLDER}/disk",
                     f"loglevel=quiet mount=/dev/xvdb:/data -- {rounds} /dev/xvda /data", None,
                     MEMORY_MIB, SECONDS)


def put_linux(dom0, kernel: Path, work: Path, rounds: int) -> Contender:
    """The testbed's own dom0 kernel as a guest."""
    from testbed.linux import initramfs
    program = compile_static("bench_disk", work).read_bytes()
    script = (f"mkdir /data && mount -t ext4 /dev/xvdb /data && /bench {rounds} /dev/xvda /data"
              " || echo 'bench: failed: mount'")
    dom0.put(kernel, f"{FOLDER}/vmlinuz")
    dom0.put(initramfs(dom0, script, {"bench": program}, disks=2, file_system=True),
             f"{FOLDER}/initramfs")
    return Contender("Linux PV", f"{FOLDER}/vmlinuz", "console=hvc0 quiet", f"{FOLDER}/initramfs",
                     max(MEMORY_MIB, LINUX_LEAST_MIB), SECONDS)


def values(contender: Contender, said: str) -> dict[str, float]:
    """By measure, in its unit; of the sequential ones the best block size."""
    wanted = tuple(f"{name}.{size}" for name in ("seqread", "seqwrite") for size in SEQUENTIAL_KIB)
    found = figures(contender, said, (*wanted, *(name for name in MEASURES if name[:3] != "seq")))
    result: dict[str, float] = {}
    for name, (_, unit, _) in MEASURES.items():
        if unit == "MB/s":              # picoseconds are of a MiB
            best = min(found[f"{name}.{size}"] for size in SEQUENTIAL_KIB)
            result[name] = (1 << 20) * SECOND_PS / best / 1e6
        else:
            result[name] = SECOND_PS / max(1, found[name])
    return result


def table(columns: list[dict[str, float]], rounds: int) -> str:
    """Rates, and how many times Linux's they are; what misses its aim says so."""
    names = ("Xenolith", "Linux PV", "ratio")[:1 if len(columns) == 1 else 3]
    lines = [f"in virtual time, on a ram disk (median of {rounds} batches; sequential: best block size)",
             " " * 42 + "".join(name.rjust(12) for name in names)]
    for key, (title, unit, aim) in MEASURES.items():
        cells = "".join(f"{column[key]:.0f}".rjust(12) for column in columns)
        if len(columns) > 1:
            cells += f"{columns[0][key] / columns[1][key]:.2f} x".rjust(12)
        cells += f"   aim: {aim}" if aim is not None and columns[0][key] < aim else ""
        lines.append(f"{title} ({unit})".ljust(42) + cells)
    return "\n".join(lines)
