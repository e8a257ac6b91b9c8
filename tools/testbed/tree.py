"""dom0's file tree, picked out of the unpacked packages: programs, what they link with, modules.

Everything goes below /usr (with /bin, /lib... as links to it), whatever layout the packages have.
"""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .errors import TestbedError
from .newc import Archive

PROGRAM_DIRS = ("usr/bin", "bin", "usr/sbin", "sbin")
LIBRARY_DIRS = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib64", "lib64",
                "usr/lib", "lib")
LOADER = "ld-linux-x86-64.so.2"


PROGRAMS = ("bash", "busybox", "flock", "ip", "brctl", "bridge", "tc", "losetup")
OPTIONAL = {"bridge", "tc", "losetup", "brctl", "gdbsx", "xenctx", "xenconsole", "xenstore"}
XEN_PROGRAMS = ("xl", "xenstored", "xenconsoled", "xen-init-dom0", "libxl-save-helper",
                "xenconsole", "xenstore", "xenctx", "gdbsx")
MODULES = ("xen-privcmd", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xenfs", "xen-netback",
           "xen-blkback", "bridge", "tun", "loop", "brd", "dm-mod", "dm-flakey", "sch_netem", "veth",
           "virtio_pci", "virtio_console", "virtio_net", "virtio_blk", "e1000", "ext4", "crc32c_generic")
# Not loaded, but there: dom0's kernel is also a guest, to compare with and to test the host side.
GUEST_MODULES = ("xen-netfront", "xen-blkfront")
MODULE_ORDER = "usr/lib/modules/order"


class Tree:
    """Finds files in the unpacked packages and puts them into the archive with what they need."""

    def __init__(self, root: Path, archive: Archive) -> None:
        self._root = root
        self._archive = archive
        self._libraries: set[str] = set()
        # xen-common has wrappers that ask the running Xen for its version; the real ones are versioned.
        xen = sorted(root.glob("usr/lib/xen-[0-9]*/bin/xl"))
        if not xen:
            raise TestbedError("the packages hold no usr/lib/xen-VERSION/bin/xl; look at xen-utils")
        self.xen_bin = xen[-1].parent
        self._library_dirs = [*(root / one for one in LIBRARY_DIRS),
                              *sorted(root.glob("usr/lib/xen-*/lib/x86_64-linux-gnu")),
                              *sorted(root.glob("usr/lib/xen-*/lib"))]

    def find(self, path: str) -> Path | None:
        """A file of the packages, links followed inside them."""
        at = self._root / path
        for _ in range(16):
            if not at.is_symlink():
                return at if at.is_file() else None
            target = at.readlink()
            at = self._root / str(target).lstrip("/") if target.is_absolute() \
                else at.parent / target
        return None

    def program(self, name: str, needed: bool = True) -> None:
        for folder in PROGRAM_DIRS:
            found = self.find(f"{folder}/{name}")
            if found is not None:
                self._add_elf(found, f"usr/bin/{name}")
                return
        if needed:
            raise TestbedError(f"the packages hold no program {name}")

    def xen_program(self, name: str) -> None:
        found = self.find(str((self.xen_bin / name).relative_to(self._root)))
        if found is None:
            self.program(name, needed=name not in OPTIONAL)
            return
        # libxl looks for its helpers in the directory it was built for.
        where = str(self.xen_bin.relative_to(self._root))
        self._add_elf(found, f"{where}/{name}")
        self._archive.link(f"usr/bin/{name}", f"/{where}/{name}")

    def host_program(self, path: Path, name: str) -> None:
        """One of ours, compiled on this machine for the same libraries."""
        self._add_elf(path, f"usr/bin/{name}")

    def has_libraries(self, path: Path) -> bool:
        """Whether the packages hold all that it lists itself."""
        return all(self._find_library(name) is not None for name in _needed(path))

    def folder(self, path: str) -> None:
        """A directory of the packages as it is."""
        for at in sorted((self._root / path).rglob("*")):
            name = str(at.relative_to(self._root))
            if at.is_symlink():
                self._archive.link(name, str(at.readlink()))
            elif at.is_file():
                self._archive.file(name, at.read_bytes(), at.stat().st_mode & 0o777)
            else:
                self._archive.directory(name)

    def modules(self) -> tuple[str, list[str]]:
        """The kernel's release and dom0's module files in an order in which insmod takes them.

        MODULE_ORDER lists these and then the guests', one a line.
        """
        folders = sorted([*self._root.glob("lib/modules/*"), *self._root.glob("usr/lib/modules/*")])
        if not folders:
            raise TestbedError("the packages hold no kernel modules; look at linux-image")
        folder = folders[-1]
        files = {}
        for path in folder.rglob("*.ko*"):
            files[path.name.split(".ko")[0].replace("-", "_")] = path
        order: list[str] = []

        def add(name: str) -> None:
            path = files.get(name.replace("-", "_"))
            if path is None:
                return                  # built into this kernel, or not made any more
            for other in self._depends(path):
                add(other)
            target = f"/usr/lib/modules/{path.name.split('.ko')[0]}.ko"
            if target not in order:
                order.append(target)
                self._archive.file(target, _plain(path))

        for name in MODULES:
            add(name)
        loaded = list(order)
        for name in GUEST_MODULES:
            add(name)
        self._archive.file(MODULE_ORDER, "".join(f"{path}\n" for path in order).encode())
        return folder.name, loaded

    def _depends(self, path: Path) -> list[str]:
        data = _plain(path)
        match = re.search(rb"(?<=\0)depends=([^\0]*)\0", data)
        return match.group(1).decode().split(",") if match and match.group(1) else []

    def library(self, name: str) -> None:
        if name in self._libraries:
            return
        self._libraries.add(name)
        found = self._find_library(name)
        if found is None:
            raise TestbedError(f"the packages hold no library {name}")
        where = "usr/lib64" if name == LOADER else "usr/lib/x86_64-linux-gnu"
        self._add_elf(found, f"{where}/{name}")

    def _find_library(self, name: str) -> Path | None:
        for folder in self._library_dirs:
            found = self.find(str((folder / name).relative_to(self._root)))
            if found is not None:
                return found
        return None

    def _add_elf(self, source: Path, target: str) -> None:
        self._archive.file(target, source.read_bytes(), 0o755)
        for name in _needed(source):
            self.library(name)


def _plain(module: Path) -> bytes:
    """A module's bytes; Debian 13 compresses them."""
    if module.suffix == ".xz":
        import lzma
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".zst":
        raise TestbedError(f"{module.name} is compressed with zstd, which this tool cannot read")
    return module.read_bytes()


def _needed(path: Path) -> list[str]:
    """Libraries that an ELF file lists, and the loader if it names one; nothing for a script."""
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return []
    out = subprocess.run(["readelf", "-W", "-d", "-l", str(path)], capture_output=True, text=True,
                         check=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", out)
    if LOADER in out and LOADER not in names:
        names.append(LOADER)
    return names
