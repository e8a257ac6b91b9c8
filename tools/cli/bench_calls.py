"""`xenolith bench calls`: what calls cost in a guest of ours and in Linux, per operation."""
from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from .bench_boot import (FOLDER, HERE, LINUX_LEAST_MIB, Contender, checked, compile_static,
                         wait_for_tty)
from .build import build_file
from .config import GuestConfig
from .errors import UserError
from .guest import unique_name
from .layout import Layout
from .progress import Progress

MEMORY_MIB = 128
WALL_SECONDS = 600              # a testbed that hangs; everything else is bounded in virtual time
LINE = re.compile(r"bench: (?:(failed): (.*)|([\w.]+) (\d+))\s*")

# QEMU's processor does not promise that its time-stamp counter is steady, so Xen would emulate each
# reading by a trap of 2.6 us. Under icount it is steady; real hosts' guests read it as it is, too.
XL_OPTIONS = [("tsc_mode", '"native"')]

# The measures as bench_calls.c names them; whether Linux makes them by a system call.
MEASURES = {
    "getppid": ("getppid", True),
    "clock_gettime": ("clock_gettime, monotonic", False),
    "pipe": ("pipe: write and read 64 bytes", True),
    "create": ("file in RAM: create", True),
    "write": ("file in RAM: write 4 KiB, new", True),
    "read": ("file in RAM: read 4 KiB", True),
    "unlink": ("file in RAM: unlink and close", True),
    "malloc": ("malloc and free, 1 thread", False),
    "malloc8": ("malloc and free, 8 threads", False),
    "semaphore": ("context switch by semaphore", True),
    "mutex": ("mutex hand-over", True),
    "thread": ("thread create and join", True),
    "timer": ("timer: how late a wake-up is", True),
    "compute": ("compute: list, matrix, CRC", False),
}
AIM, AIM_COMPUTE = 3.0, 0.98

# In dom0: the guest begins when its console is open. One read after another sleeps in the kernel:
# dom0 and the guest share one processor, and what dom0 does would be measured with it.
FOLLOW = r"""
stty -F "$2" raw -echo
exec <"$2"
xl unpause "$1"
while read -r line; do
    printf '%s\n' "$line"
    case $line in "$3"*|"bench: failed"*) exit 0;; esac
done
"""


def measure(layout: Layout, progress: Progress, rounds: int, with_linux: bool) -> str:
    """The table, as text. Each guest boots once; a round is a batch of each measure."""
    from testbed import hostfiles
    from testbed.dom0 import private_testbed
    from testbed.machine import Shape
    with progress.step("preparing the testbed for virtual time") as step:
        kernel = hostfiles.prepare(step.say).kernel
        dom0 = private_testbed(step.say, Shape(icount=True))
    with dom0, tempfile.TemporaryDirectory(prefix="xenolith-bench-") as folder:
        work = Path(folder)
        dom0.run(["mkdir", "-p", FOLDER], check=True)
        contenders = [put_ours(dom0, layout, progress, work, rounds)]
        if with_linux:
            contenders.append(put_linux(dom0, kernel, work, rounds))
        columns = []
        with progress.step("measuring") as step:
            for contender in contenders:
                step.detail(contender.name)
                columns.append(one_run(dom0, contender))
    if with_linux and columns[0]["check"] != columns[1]["check"]:
        raise UserError("the two guests computed different results", "one of the compilers is wrong")
    return table(columns, rounds)


def put_ours(dom0, layout: Layout, progress: Progress, work: Path, rounds: int) -> Contender:
    image = build_file(HERE / "bench_calls.c", layout, progress)
    stripped = work / "calls"
    subprocess.run([str(layout.tool("strip")), "-o", str(stripped), str(image)], check=True)
    dom0.put(stripped, f"{FOLDER}/calls")
    return Contender("Xenolith", f"{FOLDER}/calls", f"loglevel=quiet {rounds}", None,
                      MEMORY_MIB, 30)


def put_linux(dom0, kernel: Path, work: Path, rounds: int) -> Contender:
    """The testbed's own dom0 kernel as a guest; the program is its init."""
    from testbed.newc import Archive
    archive = Archive()
    archive.device("dev/console", 5, 1)
    archive.file("init", compile_static("bench_calls", work).read_bytes(), 0o755)
    dom0.put(kernel, f"{FOLDER}/vmlinuz")
    dom0.put(archive.finish(), f"{FOLDER}/initramfs")
    return Contender("Linux PV", f"{FOLDER}/vmlinuz", f"console=hvc0 quiet -- {rounds}",
                      f"{FOLDER}/initramfs", max(MEMORY_MIB, LINUX_LEAST_MIB), 60)


def one_run(dom0, contender: Contender) -> dict[str, int]:
    """Picoseconds of virtual time by measure, and the check."""
    return figures(contender, said_by(dom0, contender, XL_OPTIONS), (*MEASURES, "check"))


def said_by(dom0, contender: Contender, xl_options: list[tuple[str, str]],
            last: str = "bench: end") -> str:
    """Boot it, and all that it says until the line that begins with `last`, or its time is over."""
    name = unique_name("bench")
    config = GuestConfig(name=name, kernel=contender.kernel, memory_mib=contender.least_mib,
                         cmdline=contender.cmdline, ramdisk=contender.ramdisk,
                         options=xl_options)
    path = f"{FOLDER}/{name}.cfg"
    dom0.put(config.text().encode(), path)
    try:
        checked(dom0.run(["xl", "create", "-q", "-p", "-e", path]), "xl create")
        domid = checked(dom0.run(["xl", "domid", name]), "xl domid")
        tty = wait_for_tty(dom0, domid)
        ran = dom0.run(["timeout", str(contender.seconds), "sh", "-c", FOLLOW, "follow", domid, tty,
                        last],
                       timeout=WALL_SECONDS)
        return ran.out.decode("utf-8", "replace")
    except TimeoutError:
        raise UserError(f"{contender.name}: the testbed did not answer for {WALL_SECONDS} s",
                        "see whether the machine is overloaded, and try again") from None
    finally:
        dom0.run(["xl", "destroy", name])
        dom0.run(["rm", "-f", path])


def figures(contender: Contender, said: str, wanted: tuple[str, ...]) -> dict[str, int]:
    """The values of its lines; all that are wanted are among them."""
    found: dict[str, int] = {}
    for line in said.splitlines():
        match = LINE.fullmatch(line)
        if match and match[1]:
            raise UserError(f"{contender.name}: {match[2]} failed", "see the program of the measure")
        if match:
            found[match[3]] = int(match[4])
    missing = [name for name in wanted if name not in found]
    if missing:
        last = "; ".join(said.splitlines()[-5:]) or "nothing"
        raise UserError(f"{contender.name}: no figure for {missing[0]} within {contender.seconds} s "
                        f"of virtual time; its last words: {last}", "run the program by itself")
    return found


def table(columns: list[dict[str, int]], rounds: int) -> str:
    """Nanoseconds per operation, and how many times cheaper than Linux; what misses its aim says so."""
    names = ("Xenolith", "Linux PV", "ratio")[:1 if len(columns) == 1 else 3]
    lines = [f"virtual ns per operation (median of {rounds} batches)",
             " " * 30 + "".join(name.rjust(12) for name in names)]
    for key, (title, by_system_call) in MEASURES.items():
        cells = "".join(f"{column[key] / 1000:.1f}".rjust(12) for column in columns)
        if len(columns) > 1:
            ratio = columns[1][key] / max(1, columns[0][key])
            aim = AIM if by_system_call else AIM_COMPUTE if key == "compute" else None
            cells += f"{ratio:.2f} x".rjust(12)
            cells += f"   aim: {aim:g} x" if aim is not None and ratio < aim else ""
        lines.append(title.ljust(30) + cells)
    return "\n".join(lines)
