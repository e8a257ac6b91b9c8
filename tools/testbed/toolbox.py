"""The tests' and measurements' tools in dom0: curl, iperf3, tcpdump, redis-benchmark, ab, e2fsck...

They come from the distribution's packages like dom0 itself, but only when somebody asks: a newcomer's
first download is without them. Kept in the cache as one cpio archive, which a dom0 reads from a drive
and unpacks over its own files. Nothing that is there already is replaced.
"""
from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from deps.cache import cache_dir, make_dir, note_use

from . import packages
from .disks import DiskFile
from .newc import Archive
from .tree import Tree

if TYPE_CHECKING:
    from .dom0 import Dom0

Say = Callable[[str], None]

HERE = Path(__file__).resolve().parent
# redis-check-rdb is redis-server by another name, which the measurements use.
PROGRAMS = ("curl", "iperf3", "tcpdump", "tc", "redis-cli", "redis-benchmark", "redis-check-rdb", "ab",
            "sqlite3", "mdb_stat", "mdb_dump", "mdb_load", "mke2fs", "e2fsck", "debugfs", "dumpe2fs",
            "tune2fs", "resize2fs", "dmsetup", "ping")
# sqlite3's and curl's own choices; loaded by name.
PLUGINS = ("libnss_files.so.2",)
MARK = "usr/share/xenolith/tools"
# Links to places that dom0 has as links itself come out as they are; files that exist stay (no -u).
UNPACK = 'cd / && dd if="$1" bs=1M 2>/dev/null | cpio -i -d 2>/dev/null; [ -e "/$2" ]'


def archive(say: Say, suite: str | None = None) -> Path:
    """The archive in the cache, made if it is not there."""
    debs = packages.resolve(suite, say, wanted=packages.WANTED_TOOLS + packages.WANTED, kept_as="tools")
    key = hashlib.sha256(packages.digest(debs).encode())
    for name in ("toolbox.py", "tree.py", "newc.py"):
        key.update((HERE / name).read_bytes())
    folder = cache_dir() / "testbed" / f"tools-{key.hexdigest()[:16]}"
    folder = make_dir(folder, lambda into: _make(debs, suite, into, say), say)
    note_use(folder)
    return folder / "tools.cpio"


def ensure_tools(dom0: "Dom0", say: Say) -> None:
    """Have them in that dom0. A real dom0 has what its owner has installed."""
    if not hasattr(dom0, "machine") or dom0.run(["test", "-e", f"/{MARK}"]).status == 0:
        return
    attached = dom0.attach_disks([DiskFile(archive(say), read_only=True)])
    try:
        dom0.run(["bash", "-c", UNPACK, "unpack", attached.devices[0], MARK], check=True)
    finally:
        attached.close()


def _make(debs: list, suite: str | None, into: Path, say: Say) -> None:
    say("making the testbed's tools from the distribution's packages")
    with tempfile.TemporaryDirectory(prefix="unpacked-", dir=into) as temporary:
        root = Path(temporary)
        packages.unpack(debs, suite, root, say)
        result = Archive()
        tree = Tree(root, result)
        for name in PROGRAMS:
            tree.program(name)
        for name in PLUGINS:
            tree.library(name)
        result.file("etc/mke2fs.conf", (root / "etc/mke2fs.conf").read_bytes())
        result.file(MARK, "".join(f"{name}\n" for name in PROGRAMS).encode())
        (into / "tools.cpio").write_bytes(result.finish())
