"""Which of the distribution's packages make the Xen host, fetched into the cache, never installed.

The list (names, versions, sha256) is resolved once with apt's own index and kept in a file, so that
a warm start asks nobody. It is resolved anew when the machine's own package lists have changed since
(`apt-get update` brought a new Xen or kernel), or when somebody asks for it.
"""
from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Callable

from deps.apt import AptError, Deb, PrivateApt, own_suite
from deps.cache import cache_dir, locked

from .errors import TestbedError

Say = Callable[[str], None]

# The metapackages follow the distribution's current Xen and kernel.
WANTED = ["xen-system-amd64", "xenstore-utils", "linux-image-amd64", "busybox-static", "bash",
          "iproute2", "bridge-utils", "util-linux", "libgcc-s1"]
# Needed to install those on a machine, not to run them from an initramfs.
# Clients and instruments for tests and measurements, not part of a first download; see toolbox.py.
WANTED_TOOLS = ["curl", "iperf3", "tcpdump", "iproute2", "redis-tools", "apache2-utils", "e2fsprogs",
                "sqlite3", "lmdb-utils", "dmsetup", "iputils-ping", "libc-bin"]
LEFT_OUT = {"debconf", "cdebconf", "perl", "perl-base", "python3", "python3-minimal", "adduser",
            "passwd", "initramfs-tools", "linux-base", "dracut", "qemu-system-xen",
            "qemu-system-x86-xen", "grub-xen-host", "init-system-helpers", "sysvinit-utils",
            "lsb-base", "dpkg", "tar", "systemd", "ucf", "base-files", "xen-hypervisor-common",
            "libpam-modules", "libpam-runtime", "login", "login.defs", "seabios", "ovmf",
            "ipxe-qemu", "mawk", "gcc-12-base", "gcc-14-base"}
MACHINE_LISTS = Path("/var/lib/apt/lists")


def suite_dir(suite: str | None) -> Path:
    return cache_dir() / "testbed" / f"suite-{suite or own_suite() or 'unknown'}"


def resolve(suite: str | None, say: Say, refresh: bool = False,
            wanted: list[str] = WANTED, kept_as: str = "packages") -> list[Deb]:
    """The packages of the testbed; from the kept list where that is still good."""
    folder = suite_dir(suite)
    kept = folder / f"{kept_as}.json"
    with locked(folder / kept_as, say):
        if kept.is_file() and not refresh and not _outdated(kept) and _has(kept, wanted):
            return _read(kept)
        try:
            apt = PrivateApt(folder / "apt", suite, say)
            apt.update()
            debs = apt.closure(wanted, LEFT_OUT)
        except AptError as error:
            if kept.is_file() and not refresh and _has(kept, wanted):
                say(f"keeping the testbed's packages as they are: {error}")
                kept.touch()
                return _read(kept)
            raise TestbedError(f"the testbed's packages could not be resolved: {error}") from None
        folder.mkdir(parents=True, exist_ok=True)
        temporary = kept.with_suffix(".new")
        temporary.write_text(json.dumps([asdict(deb) for deb in debs], indent=1), encoding="utf-8")
        temporary.rename(kept)
        return debs


def digest(debs: list[Deb]) -> str:
    """Stands for these very packages."""
    lines = sorted(f"{deb.name} {deb.version} {deb.sha256}" for deb in debs)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def unpack(debs: list[Deb], suite: str | None, into: Path, say: Say) -> None:
    """Download what is missing and lay out the packages' files below `into`."""
    folder = suite_dir(suite)
    try:
        files = PrivateApt(folder / "apt", suite, say).download_debs(debs, folder / "debs")
    except AptError as error:
        raise TestbedError(f"the testbed's packages could not be fetched: {error}") from None
    say(f"unpacking {len(files)} packages")
    for file in files:
        ran = subprocess.run(["dpkg-deb", "-x", str(file), str(into)], capture_output=True, text=True)
        if ran.returncode != 0:
            file.unlink(missing_ok=True)
            raise TestbedError(f"{file.name} could not be unpacked: {ran.stderr.strip()}; "
                               "try again, it will be downloaded anew")


def _outdated(kept: Path) -> bool:
    try:
        return MACHINE_LISTS.stat().st_mtime > kept.stat().st_mtime
    except OSError:
        return False


def _has(kept: Path, wanted: list[str]) -> bool:
    """Or was it made when less was wanted?"""
    return set(wanted) <= {deb.name for deb in _read(kept)}


def _read(kept: Path) -> list[Deb]:
    return [Deb(**entry) for entry in json.loads(kept.read_text(encoding="utf-8"))]
