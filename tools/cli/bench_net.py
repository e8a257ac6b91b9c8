"""`xenolith bench net`: servers in a guest of ours and in Linux, and their clients in dom0."""
from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from . import bench_redis
from .bench_boot import (FOLDER, HERE, LINUX_LEAST_MIB, Contender, checked, compile_static,
                         wait_for_tty)
from .bench_calls import XL_OPTIONS, figures
from .build import build_file
from .config import GuestConfig
from .errors import UserError
from .guest import unique_name
from .layout import Layout
from .network import Network
from .progress import Progress

MEMORY_MIB = 128
LISTEN_MIB = 32
SECONDS = 120                   # of virtual time, until a guest is given up
WALL_SECONDS = 900              # a testbed that hangs
LISTENING = "bench: listening"
MAC = "00:16:3e:10:20:30"
# name: (title, unit, aim, aim as a multiple of Linux's)
MEASURES = {
    "to": ("TCP, dom0 to guest", "MB/s", None, 1.0),
    "from": ("TCP, guest to dom0", "MB/s", None, 1.0),
    "trip": ("round trip of 1 byte", "us", 150.0, None),
    "connect": ("connect, 1 byte both ways, close", "per s", None, None),
    "http": ("HTTP requests, 50 connections kept", "per s", None, None),
    "http.cpu": ("guest's CPU per HTTP request", "us", None, 3.0),
    "listen": ("unpause to a server that accepts", "ms", 10.0, None),
}
SECOND_PS = 10 ** 12
# What a picosecond count becomes; of times, less is better.
TIMES = {"us": 1e6, "ms": 1e9}

# In dom0, which is reached without asking for its address: an answer that comes too late would be
# asked for again after a second. The console is read without polling, as in bench_calls.
PREPARE = r"""
busybox arp -i "$3" -s "$1" "$2"
"""
MEASURE = r"""
stty -F "$2" raw -echo
exec <"$2"
xl unpause "$1"
while read -r line; do
    case $line in
    "bench: listening"*) exec "$3" measure "$4" "$5" "$1";;
    "bench: failed"*) printf '%s\n' "$line"; exit 0;;
    esac
done
"""


def measure(layout: Layout, progress: Progress, rounds: int, with_linux: bool) -> str:
    """The table, as text. Each guest boots once for the streams and requests; and once a round."""
    from testbed import hostfiles
    from testbed.dom0 import private_testbed
    from testbed.machine import Shape
    with progress.step("preparing the testbed for virtual time") as step:
        kernel = hostfiles.prepare(step.say).kernel
        dom0 = private_testbed(step.say, Shape(icount=True))
    with dom0, tempfile.TemporaryDirectory(prefix="xenolith-bench-") as folder:
        work = Path(folder)
        dom0.run(["mkdir", "-p", FOLDER], check=True)
        client = compile_static("bench_net", work)
        dom0.put(client, f"{FOLDER}/net_client", 0o755)
        contenders = [put_ours(dom0, layout, progress, work)]
        if with_linux:
            contenders.append(put_linux(dom0, kernel, client))
        columns = []
        with progress.step("measuring") as step:
            for contender in contenders:
                step.detail(contender.name)
                said = measured(dom0, contender, rounds)
                times = []
                for number in range(rounds + 1):        # the first one's files are cold
                    step.detail(f"{contender.name}, until it listens, {number} of {rounds}")
                    times.append(listening(dom0, contender))
                found = figures(contender, said, tuple(name for name in MEASURES if name != "listen"))
                columns.append(values({**found, "listen": sorted(times[1:])[rounds // 2]}))
        text = table(columns, rounds)
        if layout.checkout is not None:         # an installed SDK has no examples
            text += "\n\n" + redis(dom0, layout, progress, rounds, with_linux)
    return text


def redis(dom0, layout: Layout, progress: Progress, rounds: int, with_linux: bool) -> str:
    """The table of Redis. Each guest boots once."""
    from testbed.toolbox import ensure_tools
    with progress.step("preparing Redis") as step:
        ensure_tools(dom0, step.say)
    contenders = [bench_redis.put_ours(dom0, layout, progress, own_address())]
    if with_linux:
        contenders.append(bench_redis.put_linux(dom0, f"{FOLDER}/vmlinuz", linux_eth0()))
    columns = []
    with progress.step("measuring Redis") as step:
        for contender in contenders:
            with paused(dom0, contender, contender.least_mib) as (domid, tty):
                columns.append(bench_redis.measured(dom0, contender, domid, tty, card().address,
                                                    rounds, step))
    return bench_redis.table(columns, bench_redis.version_in_dom0(dom0))


def card() -> Network:
    from testbed.network import BRIDGE, address_of
    return Network("user", BRIDGE, MAC, address=address_of(MAC))


def own_address() -> str:
    """The value of ip=."""
    from testbed.network import GATEWAY, NETMASK
    return f"{card().address}::{GATEWAY}:{NETMASK}"


def put_ours(dom0, layout: Layout, progress: Progress, work: Path) -> Contender:
    image = build_file(HERE / "bench_net.c", layout, progress)
    stripped = work / "net"
    subprocess.run([str(layout.tool("strip")), "-o", str(stripped), str(image)], check=True)
    dom0.put(stripped, f"{FOLDER}/net")
    return Contender("Xenolith", f"{FOLDER}/net",
                     f"loglevel=quiet ip={own_address()} -- serve", None,
                     LISTEN_MIB, SECONDS)


def linux_eth0() -> str:
    """A line of shell for Linux."""
    from testbed.network import NETMASK
    return ("while [ ! -e /sys/class/net/eth0 ]; do usleep 1000; done; "
            f"ip addr add {card().address}/{NETMASK} dev eth0 && ip link set eth0 up")


def put_linux(dom0, kernel: Path, program: Path) -> Contender:
    """The testbed's own dom0 kernel as a guest."""
    from testbed.linux import initramfs
    script = f"{linux_eth0()} && /bench serve || echo 'bench: failed: eth0'"
    dom0.put(kernel, f"{FOLDER}/vmlinuz")
    dom0.put(initramfs(dom0, script, {"bench": program.read_bytes()}), f"{FOLDER}/initramfs")
    return Contender("Linux PV", f"{FOLDER}/vmlinuz", "console=hvc0 quiet", f"{FOLDER}/initramfs",
                     LINUX_LEAST_MIB, SECONDS)


def measured(dom0, contender: Contender, rounds: int) -> str:
    """What the client says of all measures but the first."""
    return in_dom0(dom0, contender, max(MEMORY_MIB, contender.least_mib), lambda domid, tty: [
        "timeout", str(contender.seconds), "sh", "-c", MEASURE, "measure", domid, tty,
        f"{FOLDER}/net_client", str(rounds), card().address])


def listening(dom0, contender: Contender) -> int:
    """Picoseconds from unpause to the first connection."""
    said = in_dom0(dom0, contender, contender.least_mib, lambda domid, tty: [
        f"{FOLDER}/net_client", "reach", card().address, domid, str(contender.seconds)])
    return figures(contender, said, ("listen",))["listen"]


def in_dom0(dom0, contender: Contender, memory_mib: int, command) -> str:
    """The output of command(DOMID, TTY) beside a paused guest, which it lets go."""
    with paused(dom0, contender, memory_mib) as (domid, tty):
        ran = dom0.run(command(domid, tty), timeout=WALL_SECONDS)
        return (ran.out + ran.err).decode("utf-8", "replace")


@contextmanager
def paused(dom0, contender: Contender, memory_mib: int) -> Iterator[tuple[str, str]]:
    """A guest that was made and not let go: its number and its console. Its end at the end."""
    name, network = unique_name("bench"), card()
    config = GuestConfig(name=name, kernel=contender.kernel, memory_mib=memory_mib,
                         cmdline=contender.cmdline, ramdisk=contender.ramdisk, network=network,
                         options=XL_OPTIONS)
    path = f"{FOLDER}/{name}.cfg"
    dom0.put(config.text().encode(), path)
    try:
        checked(dom0.run(["xl", "create", "-q", "-p", "-e", path]), "xl create")
        domid = checked(dom0.run(["xl", "domid", name]), "xl domid")
        tty = wait_for_tty(dom0, domid)
        checked(dom0.run(["sh", "-c", PREPARE, "prepare", network.address, MAC, network.bridge]),
                "arp")
        yield domid, tty
    except TimeoutError:
        raise UserError(f"{contender.name}: the testbed did not answer for {WALL_SECONDS} s",
                        "see whether the machine is overloaded, and try again") from None
    finally:
        dom0.run(["xl", "destroy", name])
        dom0.run(["rm", "-f", path])


def values(found: dict[str, int]) -> dict[str, float]:
    """Picoseconds in each measure's unit."""
    result: dict[str, float] = {}
    for name, (_, unit, _, _) in MEASURES.items():
        taken = max(1, found[name])
        if unit in TIMES:
            result[name] = taken / TIMES[unit]
        else:                           # of streams, picoseconds are of a MiB
            result[name] = SECOND_PS / taken * ((1 << 20) / 1e6 if unit == "MB/s" else 1)
    return result


def table(columns: list[dict[str, float]], rounds: int) -> str:
    """Each figure, and how many times better than Linux's; what misses its aim says so."""
    names = ("Xenolith", "Linux PV", "ratio")[:1 if len(columns) == 1 else 3]
    lines = [f"in virtual time, client in dom0 (median of {rounds} batches)",
             " " * 44 + "".join(name.rjust(12) for name in names)]
    for key, (title, unit, aim, aim_ratio) in MEASURES.items():
        is_time = unit in TIMES
        cells = "".join(f"{column[key]:.{1 if is_time else 0}f}".rjust(12) for column in columns)
        ours, missed = columns[0][key], []
        if aim is not None and (ours > aim if is_time else ours < aim):
            missed.append(f"{aim:g} {unit}")
        if len(columns) > 1:
            ratio = columns[1][key] / ours if is_time else ours / columns[1][key]
            cells += f"{ratio:.2f} x".rjust(12)
            if aim_ratio is not None and ratio < aim_ratio:
                missed.append(f"{aim_ratio:g} x")
        cells += f"   aim: {', '.join(missed)}" if missed else ""
        lines.append(f"{title} ({unit})".ljust(44) + cells)
    return "\n".join(lines)
