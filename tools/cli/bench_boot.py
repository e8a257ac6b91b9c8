"""`xenolith bench boot`: from unpause to the program's first line, for hello and for Linux."""
from __future__ import annotations

import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .build import build_file
from .config import GuestConfig
from .errors import UserError
from .guest import unique_name
from .layout import Layout
from .progress import Progress

HERE = Path(__file__).resolve().parent
LINE = "Hello, Xen!"
SIZES_MIB = (4, 64, 512, 2048)
LINUX_LEAST_MIB = 96            # below that the distribution's kernel does not come up
HOST_MIB = 4096
FOLDER = "/run/xenolith-bench"
HELLO = '#include <stdio.h>\n\nint main(void)\n{\n    puts("%s");\n    return 0;\n}\n' % LINE
# The first `xl create` after a restore reads its files for the first time: not measured.
WARM_UP_MIB = 64


@dataclass(frozen=True)
class Contender:
    """A guest to be measured; files are paths in dom0."""

    name: str
    kernel: str
    cmdline: str
    ramdisk: str | None
    least_mib: int
    seconds: int                # virtual seconds until it is given up


def measure(layout: Layout, progress: Progress, rounds: int, with_linux: bool) -> str:
    """The table, as text."""
    from testbed import hostfiles
    from testbed.dom0 import private_testbed
    from testbed.machine import Shape
    with progress.step("preparing the testbed for virtual time") as step:
        kernel = hostfiles.prepare(step.say).kernel
        dom0 = private_testbed(step.say, Shape(memory_mib=HOST_MIB, icount=True))
    with dom0, tempfile.TemporaryDirectory(prefix="xenolith-bench-") as folder:
        work = Path(folder)
        dom0.run(["mkdir", "-p", FOLDER], check=True)
        dom0.put(compile_static("first_line", work), f"{FOLDER}/first_line", 0o755)
        contenders = [put_hello(dom0, layout, progress, work)]
        if with_linux:
            contenders.append(put_linux(dom0, kernel, work))
        figures: dict[tuple[str, int], list[float]] = {}
        with progress.step("measuring") as step:
            for contender in contenders:
                one_boot(dom0, contender, max(WARM_UP_MIB, contender.least_mib))
                for size in SIZES_MIB:
                    for number in range(rounds if size >= contender.least_mib else 0):
                        step.detail(f"{contender.name}, {size} MiB, {number + 1} of {rounds}")
                        figures.setdefault((contender.name, size), []).append(
                            one_boot(dom0, contender, size))
    return table(figures, [c.name for c in contenders])


def one_boot(dom0, contender: Contender, memory_mib: int) -> float:
    """Milliseconds of virtual time from unpause to the line."""
    name = unique_name("bench")
    config = GuestConfig(name=name, kernel=contender.kernel, memory_mib=memory_mib,
                         cmdline=contender.cmdline, ramdisk=contender.ramdisk)
    path = f"{FOLDER}/{name}.cfg"
    dom0.put(config.text().encode(), path)
    try:
        checked(dom0.run(["xl", "create", "-q", "-p", "-e", path]), "xl create")
        domid = checked(dom0.run(["xl", "domid", name]), "xl domid")
        tty = wait_for_tty(dom0, domid)
        return int(checked(dom0.run([f"{FOLDER}/first_line", domid, tty, LINE,
                                     str(contender.seconds)]), f"booting {contender.name}")) / 1e6
    finally:
        dom0.run(["xl", "destroy", name])
        dom0.run(["rm", "-f", path])


def wait_for_tty(dom0, domid: str) -> str:
    """The pty that xenconsoled makes for a new domain, soon after it has been created."""
    path = f"/local/domain/{domid}/console/tty"
    script = f"for i in 1 2 3 4 5 6 7 8 9 10; do xenstore-read {path} 2>/dev/null && exit; sleep 0.1; done; exit 1"
    return checked(dom0.run(["sh", "-c", script]), f"reading {path}")


def checked(ran, what: str) -> str:
    if ran.status:
        raise UserError(f"{what} failed: {ran.err.decode('utf-8', 'replace').strip()[-500:]}",
                        "the testbed's packages and libxen-dev must be of one release")
    return ran.out.decode().strip()


def put_hello(dom0, layout: Layout, progress: Progress, work: Path) -> Contender:
    source = work / "hello.c"
    source.write_text(HELLO)
    image = build_file(source, layout, progress)
    stripped = work / "hello"
    subprocess.run([str(layout.tool("strip")), "-o", str(stripped), str(image)], check=True)
    dom0.put(stripped, f"{FOLDER}/hello")
    return Contender("hello", f"{FOLDER}/hello", "loglevel=quiet", None, 0, 30)


def put_linux(dom0, kernel: Path, work: Path) -> Contender:
    """The testbed's own dom0 kernel as a guest, with a user space of one line."""
    from testbed.newc import Archive
    archive = Archive()
    archive.device("dev/console", 5, 1)
    archive.file("init", compile_static("linux_init", work).read_bytes(), 0o755)
    dom0.put(kernel, f"{FOLDER}/vmlinuz")
    dom0.put(archive.finish(), f"{FOLDER}/initramfs")
    return Contender("Linux PV", f"{FOLDER}/vmlinuz", "console=hvc0 quiet", f"{FOLDER}/initramfs",
                     LINUX_LEAST_MIB, 60)


def compile_static(name: str, work: Path) -> Path:
    """A small static program of this directory, to run in dom0 or as Linux's init."""
    program = work / name
    ran = subprocess.run(["gcc", "-O2", "-static", str(HERE / f"{name}.c"), "-o", str(program)],
                         capture_output=True, text=True, check=False)
    if ran.returncode:
        raise UserError(f"{name}.c does not compile: {ran.stderr.strip()[-500:]}",
                        "gcc, libc6-dev and libxen-dev are needed")
    return program


def table(figures: dict[tuple[str, int], list[float]], names: list[str]) -> str:
    """Medians in milliseconds, the spread of the first contender, and how many times Linux it is."""
    lines = ["unpause to the program's first line, virtual ms (median; least to most)",
             "MiB".rjust(6) + "".join(name.rjust(28) for name in names)
             + ("ratio".rjust(10) if len(names) > 1 else "")]
    for size in SIZES_MIB:
        cells, medians = [], []
        for name in names:
            values = figures.get((name, size))
            if values is None:
                cells.append("-".rjust(28))
                continue
            medians.append(statistics.median(values))
            cells.append(f"{medians[-1]:.3f} ({min(values):.3f} to {max(values):.3f})".rjust(28))
        ratio = f"{medians[1] / medians[0]:.0f} x".rjust(10) if len(medians) > 1 else ""
        lines.append(f"{size:>6}" + "".join(cells) + ratio)
    return "\n".join(lines)
