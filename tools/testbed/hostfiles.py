"""The files a Xen host boots from: hypervisor, dom0 kernel, dom0's initramfs; kept in the cache.

Keyed by the packages and by the sources of what we add to dom0, so that a new Xen, a new kernel or a
changed agent makes a new set, and nothing else does.
"""
from __future__ import annotations

import gzip
import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from deps.cache import cache_dir, make_dir

from . import kernel, network, packages
from .errors import TestbedError
from .newc import Archive
from .tree import OPTIONAL, PROGRAMS, XEN_PROGRAMS, Tree

Say = Callable[[str], None]

HERE = Path(__file__).resolve().parent
DOM0_TOOLS = HERE.parent / "dom0"
OUR_SOURCES = ("hostfiles.py", "kernel.py", "tree.py", "newc.py", "init.sh", "agent/agent.c", "dhcp/dhcp.c", "ra/ra.c",
               "block/block.c", "network.py", "scripts/vif-quick")
# Xen's own script for network cards starts so many processes that xl's patience can end before it.
XL_CONF = '\nvif.default.script="vif-quick"\n'
# Loaded by name at run time, so no program lists it: pthread_cancel() in xl needs it.
ALWAYS_LIBRARIES = ("libgcc_s.so.1",)


@dataclass(frozen=True)
class HostFiles:
    """One set, complete in its directory."""

    folder: Path

    @property
    def key(self) -> str:
        return self.folder.name

    @property
    def xen(self) -> Path:
        return self.folder / "xen"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self.folder / "initramfs"


def prepare(say: Say, suite: str | None = None, refresh: bool = False) -> HostFiles:
    """The set for the current packages and sources, made if it is not there."""
    debs = packages.resolve(suite, say, refresh)
    key = hashlib.sha256(packages.digest(debs).encode())
    for source in [*(HERE / name for name in OUR_SOURCES), *sorted(DOM0_TOOLS.rglob("*.[ch]"))]:
        key.update(source.name.encode() + b"\0" + source.read_bytes())
    folder = cache_dir() / "testbed" / f"host-{key.hexdigest()[:16]}"
    return HostFiles(make_dir(folder, lambda into: _make(debs, suite, into, say), say))


def _make(debs: list, suite: str | None, into: Path, say: Say) -> None:
    say("making the testbed's Xen host from the distribution's packages")
    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=into) as temporary:
        root = Path(temporary)
        packages.unpack(debs, suite, root, say)
        say("making dom0's initramfs")
        (into / "xen").write_bytes(_hypervisor(root))
        (into / "vmlinuz").write_bytes(kernel.repacked(_one(root, "boot/vmlinuz-*").read_bytes()))
        (into / "initramfs").write_bytes(_initramfs(root, into))


def _one(root: Path, pattern: str) -> Path:
    found = sorted(root.glob(pattern))
    if not found:
        raise TestbedError(f"the packages hold no {pattern}")
    return found[-1]


def _hypervisor(root: Path) -> bytes:
    """QEMU boots the plain ELF by multiboot."""
    images = [path for path in root.glob("boot/xen-*.gz") if "dbg" not in path.name]
    if not images:
        raise TestbedError("the packages hold no boot/xen-*.gz")
    return gzip.decompress(sorted(images)[-1].read_bytes())


def _initramfs(root: Path, work: Path) -> bytes:
    archive = Archive()
    for folder in ("usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/busybox",
                   "proc", "sys", "dev", "run", "tmp", "root", "etc", "var/log/xen/console",
                   "var/lib/xen", "var/lib/xenstored"):
        archive.directory(folder)
    for name in ("bin", "sbin", "lib", "lib64"):
        archive.link(name, f"usr/{name}")
    archive.link("var/run", "../run")
    archive.link("var/lock", "../run/lock")
    # The kernel opens it before anything is mounted.
    archive.device("dev/console", 5, 1)
    archive.device("dev/null", 1, 3, 0o666)
    archive.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    archive.file("etc/group", b"root:x:0:\n")
    archive.file("etc/hosts", b"127.0.0.1 localhost xenhost\n")

    tree = Tree(root, archive)
    for name in PROGRAMS:
        tree.program(name, needed=name not in OPTIONAL)
    for name in XEN_PROGRAMS:
        tree.xen_program(name)
    for name in ("ls", "list", "read", "write", "rm", "watch", "exists", "chmod"):
        tree.program(f"xenstore-{name}", needed=False)
    for name in ALWAYS_LIBRARIES:
        tree.library(name)
    archive.file("etc/xen/xl.conf", (root / "etc/xen/xl.conf").read_bytes() + XL_CONF.encode())
    tree.folder("etc/xen")
    archive.file("etc/xen/scripts/vif-quick", (HERE / "scripts/vif-quick").read_bytes(), 0o755)
    archive.file("etc/xen/scripts/block-quick", _compile_static("block/block.c", work), 0o755)
    _, modules = tree.modules()
    xen_bin = str(tree.xen_bin.relative_to(root))
    init = (HERE / "init.sh").read_text(encoding="utf-8")
    init = init.replace("@XEN_BIN@", f"/{xen_bin}").replace("@MODULES@", " ".join(modules))
    for name in ("BRIDGE", "GATEWAY", "PREFIX6", "NAME_SERVER_FILE"):
        init = init.replace(f"@{name}@", str(getattr(network, name)))
    archive.file("init", init.encode(), 0o755)
    archive.file("usr/bin/xenolith-agent", _compile_static("agent/agent.c", work, "-lutil"), 0o755)
    archive.file("usr/bin/xenolith-dhcp", _compile_static("dhcp/dhcp.c", work), 0o755)
    archive.file("usr/bin/xenolith-ra", _compile_static("ra/ra.c", work), 0o755)
    for name, program in _compile_dom0_tools(work):
        # The debugger's part is made for one version of Xen: another suite's dom0 goes without.
        if tree.has_libraries(program) or name != "xenolith-gdbserver":
            tree.host_program(program, name)
    return archive.finish()


def _compile(command: list[str], what: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        raise TestbedError(f"{what} could not be compiled: {ran.stderr.strip()[-600:]}; "
                           "gcc, libc6-dev and libxen-dev are needed")


def _compile_static(source: str, work: Path, *libraries: str) -> bytes:
    """One of our own programs; static, so that it runs in whatever dom0."""
    program = work / "program"
    _compile(["gcc", "-O2", "-static", "-o", str(program), str(HERE / source), *libraries],
             f"the testbed's {source}")
    data = program.read_bytes()
    program.unlink()
    return data


def _compile_dom0_tools(work: Path) -> list[tuple[str, Path]]:
    """The programs of tools/dom0, on libxenstore: one from each xenolith-*.c, and gdbserver."""
    shared = [path for path in sorted(DOM0_TOOLS.glob("*.c"))
              if not path.name.startswith("xenolith-")]
    programs = [(path.stem, [path], ["-lxenstore"]) for path in sorted(DOM0_TOOLS.glob("xenolith-*.c"))]
    gdbserver = sorted((DOM0_TOOLS / "gdbserver").glob("*.c"))
    if gdbserver:
        programs.append(("xenolith-gdbserver", gdbserver,
                         ["-lxenstore", "-lxenctrl", "-lxenforeignmemory"]))
    made = []
    for name, sources, libraries in programs:
        program = work / name
        _compile(["gcc", "-O2", "-o", str(program), *map(str, [*sources, *shared]), *libraries],
                 f"tools/dom0's {name}")
        made.append((name, program))
    return made
