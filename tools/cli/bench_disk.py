"""`xenolith bench disk`: a ram disk of dom0's, files in an ext4 on it, and SQLite's own benchmark there,
through the POSIX interface of ours and of Linux.
"""
from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from . import bench_sqlite, prereq
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
SECONDS = 240                   # of virtual time, until a guest is given up
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
# Of bench_files.c, in an ext4 of which nothing is in memory at first.
FILE_MEASURES = {
    "file.read1": ("file: 4 KiB random read", "IOPS", None),
    "file.read8": ("file: the same by 8 threads", "IOPS", None),
    "file.sync1": ("file: 4 KiB random write, fdatasync", "per s", None),
    "file.sync8": ("file: the same by 8 threads", "per s", None),
    "file.append1": ("file: 4 KiB more, fsync", "per s", None),
    "file.append8": ("file: the same by 8 threads", "per s", None),
    "beside.cold": ("file: random read beside those", "IOPS", None),
    "beside.hot": ("file: the same, from memory", "per s", None),
    "beside.sync": ("file: 4 KiB more, fsync, beside that", "per s", None),
    "file.seqread": ("file: sequential read, 64 KiB", "MB/s", None),
    "file.seqwrite": ("file: sequential write, fsync", "MB/s", None),
    "dir.create": ("directory of 4,000: create", "per s", None),
    "dir.lookup": ("directory of 4,000: stat", "per s", None),
    "dir.list": ("directory of 4,000: readdir", "per s", None),
    "dir.unlink": ("directory of 4,000: unlink", "per s", None),
}
SECOND_PS = 10 ** 12
SPEEDTEST = "speedtest1"
SPEEDTEST_SIZE = 5
SPEEDTEST_TITLE = f"SQLite {SPEEDTEST} --size {SPEEDTEST_SIZE} (s)"
SPEEDTEST_TOTAL = re.compile(r"^\s*TOTAL\.*\s*([\d.]+)s", re.MULTILINE)
LINUX_LAST = "bench: all"


def measure(layout: Layout, progress: Progress, rounds: int, with_linux: bool) -> str:
    """The table, as text. Each guest boots once; a round is a batch of each measure."""
    from testbed import hostfiles
    from testbed.dom0 import private_testbed
    from testbed.machine import Shape
    if find_mke2fs() is None:
        prereq.ensure([prereq.Need("mke2fs, which makes file systems", ("e2fsprogs",),
                                   lambda: find_mke2fs() is not None)], progress)
    speedtest = bench_sqlite.programs(layout, progress, with_linux)
    with progress.step("preparing the testbed for virtual time") as step:
        kernel = hostfiles.prepare(step.say).kernel
        dom0 = private_testbed(step.say, Shape(dom0_mib=DOM0_MIB, icount=True))
    with dom0, tempfile.TemporaryDirectory(prefix="xenolith-bench-") as folder:
        work = Path(folder)
        dom0.run(["mkdir", "-p", FOLDER], check=True)
        checked(dom0.run(["bash", "-c", MAKE_RAM_DISKS]), "making ram disks")
        ours = put_ours(dom0, layout, progress, work, rounds, speedtest)
        linux = [put_linux(dom0, kernel, work, rounds, speedtest)] if with_linux else []
        columns = []
        with progress.step("measuring") as step:
            step.detail("Xenolith")
            columns.append(values(ours[0], "".join(said(dom0, one, work) for one in ours)))
            for contender in linux:
                step.detail(contender.name)
                columns.append(values(contender, said(dom0, contender, work, LINUX_LAST)))
    return table(columns, rounds)


def said(dom0, contender: Contender, work: Path, last: str | None = None) -> str:
    """What it says on disks as they are for each: the second finds what the first has found."""
    dom0.run(["dd", f"of={RAM_DISKS[1]}", "bs=1M"], stdin=make_file_system(work), check=True)
    lines = ", ".join(f'"format=raw, vdev={name}, access=rw, target={device}"'
                      for name, device in zip(("xvda", "xvdb"), RAM_DISKS))
    if last is None:
        last = "TOTAL" if contender.kernel.endswith(SPEEDTEST) else "bench: end"
    return said_by(dom0, contender, [*XL_OPTIONS, ("disk", f"[ {lines} ]")], last)


def make_file_system(work: Path) -> bytes:
    image = work / "fs.img"
    subprocess.run([find_mke2fs(), "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0",
                    "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image), f"{DISK_MIB}M"],
                   check=True, capture_output=True)
    return image.read_bytes()


def put_ours(dom0, layout: Layout, progress: Progress, work: Path, rounds: int,
             speedtest: bench_sqlite.Programs | None) -> list[Contender]:
    """A guest for each program: they boot in no time."""
    images = {name: build_file(HERE / f"bench_{name}.c", layout, progress) for name in ("disk", "files")}
    arguments = {"disk": f"{rounds} /dev/xvda /data", "files": f"{rounds} /dev/xvdb /data"}
    if speedtest is not None:
        images[SPEEDTEST] = speedtest.ours
        arguments[SPEEDTEST] = f"--size {SPEEDTEST_SIZE} /data/speed.db"
    contenders = []
    for name, image in images.items():
        stripped = work / name
        subprocess.run([str(layout.tool("strip")), "-o", str(stripped), str(image)], check=True)
        dom0.put(stripped, f"{FOLDER}/{name}")
        contenders.append(Contender("Xenolith", f"{FOLDER}/{name}",
                                    f"loglevel=quiet mount=/dev/xvdb:/data -- {arguments[name]}", None,
                                    MEMORY_MIB, SECONDS))
    return contenders


def put_linux(dom0, kernel: Path, work: Path, rounds: int,
              speedtest: bench_sqlite.Programs | None) -> Contender:
    """The testbed's own dom0 kernel as a guest, which takes long to boot: all programs in one."""
    from testbed.linux import initramfs
    programs = {name: compile_static(f"bench_{name}", work).read_bytes() for name in ("disk", "files")}
    script = (f"mkdir /data && mount -t ext4 /dev/xvdb /data || echo 'bench: failed: mount'\n"
              f"/disk {rounds} /dev/xvda /data\n/files {rounds} /dev/xvdb /data\n")
    if speedtest is not None and speedtest.linux is not None:
        programs[SPEEDTEST] = speedtest.linux.read_bytes()
        script += f"/{SPEEDTEST} --size {SPEEDTEST_SIZE} /data/speed.db\n"
    dom0.put(kernel, f"{FOLDER}/vmlinuz")
    dom0.put(initramfs(dom0, f"{script}echo '{LINUX_LAST}'", programs, disks=2, file_system=True),
             f"{FOLDER}/initramfs")
    return Contender("Linux PV", f"{FOLDER}/vmlinuz", "console=hvc0 quiet", f"{FOLDER}/initramfs",
                     max(MEMORY_MIB, LINUX_LEAST_MIB), SECONDS)


def values(contender: Contender, said: str) -> dict[str, float]:
    """By measure, in its unit; of the sequential requests the best block size."""
    wanted = tuple(f"{name}.{size}" for name in ("seqread", "seqwrite") for size in SEQUENTIAL_KIB)
    found = figures(contender, said, (*wanted, *FILE_MEASURES,
                                      *(name for name in MEASURES if name[:3] != "seq")))
    result: dict[str, float] = {}
    for name, (_, unit, _) in (*MEASURES.items(), *FILE_MEASURES.items()):
        sizes = [found[f"{name}.{size}"] for size in SEQUENTIAL_KIB if f"{name}.{size}" in found]
        picoseconds = max(1, min(sizes) if sizes else found[name])
        result[name] = SECOND_PS / picoseconds * ((1 << 20) / 1e6 if unit == "MB/s" else 1)
    total = SPEEDTEST_TOTAL.search(said)
    if total is not None:
        result[SPEEDTEST] = float(total[1])
    return result


def table(columns: list[dict[str, float]], rounds: int) -> str:
    """Rates, and how many times Linux's they are; what misses its aim says so."""
    names = ("Xenolith", "Linux PV", "ratio")[:1 if len(columns) == 1 else 3]
    lines = [f"in virtual time, on a ram disk (median of {rounds} batches; sequential: best block size)",
             " " * 42 + "".join(name.rjust(12) for name in names)]
    for key, (title, unit, aim) in (*MEASURES.items(), *FILE_MEASURES.items()):
        cells = "".join(f"{column[key]:.0f}".rjust(12) for column in columns)
        if len(columns) > 1:
            cells += f"{columns[0][key] / columns[1][key]:.2f} x".rjust(12)
        cells += f"   aim: {aim}" if aim is not None and columns[0][key] < aim else ""
        lines.append(f"{title} ({unit})".ljust(42) + cells)
    times = [column.get(SPEEDTEST) for column in columns]
    if any(times):
        cells = "".join(("-" if seconds is None else f"{seconds:.3f}").rjust(12) for seconds in times)
        if len(times) > 1 and all(times):       # a time: the shorter, the better
            cells += f"{times[1] / times[0]:.2f} x".rjust(12)
            cells += "   aim: 1 x" if times[0] > times[1] else ""
        lines.append(SPEEDTEST_TITLE.ljust(42) + cells)
    return "\n".join(lines)
