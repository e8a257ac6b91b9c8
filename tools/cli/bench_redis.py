"""Redis for `xenolith bench net`: examples/redis in a guest of ours, the distribution's in Linux.

Both serve redis-benchmark in dom0. Linux's is the program in dom0's toolbox, with the libraries it is
linked with; it is of the same release where the distribution has that one.
"""
from __future__ import annotations

import re
import statistics

from .bench_boot import FOLDER, LINUX_LEAST_MIB, Contender, checked
from .build import build_program
from .errors import UserError
from .layout import Layout
from .progress import Progress, Step

MEMORY_MIB = 128
SECONDS = 120                   # of virtual time, for one batch of requests
WALL_SECONDS = 900              # a testbed that hangs
CLIENTS = 50
# name: (title, redis-benchmark's test, its -P, requests, aim as a multiple of Linux's)
MEASURES = {
    "set": ("Redis SET, 50 clients", "set", 1, 4000, 1.5),
    "get": ("Redis GET, 50 clients", "get", 1, 4000, 1.5),
    "set16": ("Redis SET, 50 clients, -P 16", "set", 16, 24_000, 2.5),
    "get16": ("Redis GET, 50 clients, -P 16", "get", 16, 24_000, 2.5),
}
CPU_AIM = 3.0
# Debian's package redis-server is a link to this one, which looks at the name it is called by.
PROGRAM = "/usr/bin/redis-check-rdb"
OPTIONS = '--save "" --protected-mode no'
READY = "Ready to accept connections"

# The console is read without polling, as in bench_calls.
START = r"""
stty -F "$2" raw -echo
exec <"$2"
xl unpause "$1"
while read -r line; do
    case $line in *"$3"*) exit 0;; "bench: failed"*) printf '%s\n' "$line"; exit 1;; esac
done
exit 1
"""
# The guest's processor time before and after, in nanoseconds, and what redis-benchmark says.
BATCH = r"""
"$1" cpu "$2"
redis-benchmark -h "$3" --csv -c "$4" -n "$5" -P "$6" -t "$7" | tail -n 1
"$1" cpu "$2"
"""
SAID = re.compile(r'(\d+)\n"[^"]*","([\d.]+)".*\n(\d+)\n?')


def put_ours(dom0, layout: Layout, progress: Progress, address: str) -> Contender:
    image = build_program(str(layout.checkout / "examples" / "redis"), layout, progress)
    dom0.put(image, f"{FOLDER}/redis")
    return Contender("Xenolith", f"{FOLDER}/redis",
                     f"loglevel=quiet ip={address} -- {OPTIONS}", None, MEMORY_MIB, SECONDS)


def put_linux(dom0, kernel: str, configure: str) -> Contender:
    """kernel: in dom0. configure: a line of shell that brings up eth0."""
    from testbed.linux import initramfs
    listed = checked(dom0.run(["env", "LD_TRACE_LOADED_OBJECTS=1", PROGRAM]), "listing libraries")
    libraries = re.findall(r"(/\S+) \(0x", listed)
    files = {path.lstrip("/"): dom0.get(path) for path in libraries}
    files["bin/redis-server"] = dom0.get(PROGRAM)
    script = f"{configure} && redis-server {OPTIONS} || echo 'bench: failed: redis-server'"
    dom0.put(initramfs(dom0, script, files), f"{FOLDER}/redis-initramfs")
    return Contender("Linux PV", kernel, "console=hvc0 quiet", f"{FOLDER}/redis-initramfs",
                     max(MEMORY_MIB, LINUX_LEAST_MIB), SECONDS)


def version_in_dom0(dom0) -> str:
    """Of the distribution's Redis: `7.0.15`."""
    found = re.search(r"\d[\d.]+", checked(dom0.run(["redis-benchmark", "--version"]), "redis"))
    return found.group() if found else "?"


def measured(dom0, contender: Contender, domid: str, tty: str, address: str, rounds: int,
             step: Step) -> dict[str, float]:
    """Requests per second by measure, and the guest's picoseconds for each as NAME.cpu."""
    ran = dom0.run(["timeout", str(contender.seconds), "sh", "-c", START, "start", domid, tty, READY],
                   timeout=WALL_SECONDS)
    if ran.status:
        raise UserError(f"{contender.name}: Redis does not start: {ran.out.decode().strip()}",
                        "try it with `xenolith run examples/redis`")
    values: dict[str, list[float]] = {}
    for number in range(rounds + 1):            # the first meets memory that nobody has used
        for name, (title, test, depth, requests, _) in MEASURES.items():
            step.detail(f"{contender.name}, {title}, {number} of {rounds}")
            ran = dom0.run(["timeout", str(contender.seconds), "sh", "-c", BATCH, "batch",
                            f"{FOLDER}/net_client", domid, address, str(CLIENTS), str(requests),
                            str(depth), test], timeout=WALL_SECONDS)
            rate, cpu = batch(contender.name, ran.out.decode("utf-8", "replace"), requests)
            if number > 0:
                values.setdefault(name, []).append(rate)
                values.setdefault(f"{name}.cpu", []).append(cpu)
    return {name: statistics.median(found) for name, found in values.items()}


def batch(name: str, said: str, requests: int) -> tuple[float, float]:
    """Requests per second, and the guest's microseconds for each."""
    match = SAID.fullmatch(said)
    if match is None:
        raise UserError(f"{name}: redis-benchmark said {said.strip()[-300:]!r}",
                        "the guest has ended, or it cannot be reached")
    return float(match[2]), (int(match[3]) - int(match[1])) / 1e3 / requests


def table(columns: list[dict[str, float]], version: str) -> str:
    """Rates and processor time, and how many times better than Linux's; missed aims say so."""
    names = ("Xenolith", "Linux PV", "ratio")[:1 if len(columns) == 1 else 3]
    lines = [f"Redis {version}, redis-benchmark in dom0".ljust(44)
             + "".join(name.rjust(12) for name in names)]
    for name, (title, *_, aim) in MEASURES.items():
        lines.append(line(f"{title} (per s)", [column[name] for column in columns], False, aim))
        cpu = [column[f"{name}.cpu"] for column in columns]
        lines.append(line("  guest's CPU per request (us)", cpu, True, CPU_AIM))
    return "\n".join(lines)


def line(title: str, values: list[float], is_time: bool, aim: float) -> str:
    text = title.ljust(44) + "".join(f"{value:.{2 if is_time else 0}f}".rjust(12) for value in values)
    if len(values) > 1:
        ratio = values[1] / values[0] if is_time else values[0] / values[1]
        text += f"{ratio:.2f} x".rjust(12)
        text += f"   aim: {aim:g} x" if ratio < aim else ""
    return text
