"""dom0's own kernel as a guest: what ours are compared with, and a second opinion on the host side."""
from __future__ import annotations

from typing import TYPE_CHECKING

from .newc import Archive
from .tree import MODULE_ORDER

if TYPE_CHECKING:
    from .dom0 import Dom0

DEVICES = ("xen-netfront", "xen-blkfront")
FILE_SYSTEM = ("crc16", "mbcache", "jbd2", "crc32c_generic", "ext4")
INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /tmp
for module in {modules}; do insmod "/modules/$module.ko"; done
ip link set lo up
# A disk that was there at the start appears a moment after its driver.
for disk in $(seq {disks}); do
    name=/dev/xvd$(echo abcdefghijklmnop | cut -c "$disk")
    while [ ! -b "$name" ]; do usleep 10000; done
done
{script}
poweroff -f
"""
# udhcpc calls it with what the server said.
DHCP_SCRIPT = """#!/bin/busybox sh
[ "$1" = deconfig ] && ip link set "$interface" up
if [ "$1" = bound ] || [ "$1" = renew ]; then
    ip addr replace "$ip/${mask:-16}" dev "$interface"
    ip route replace default via "${router%% *}"
    echo "dhcp: $ip/$mask via $router dns ${dns:-none}"
fi
"""


def initramfs(dom0: "Dom0", script: str, files: dict[str, bytes] | None = None, disks: int = 0,
              file_system: bool = False) -> bytes:
    """A user space of busybox that runs `script` and powers off. files: more of it, executable."""
    archive = Archive()
    for folder in ("bin", "proc", "sys", "dev", "tmp", "modules", "etc/udhcpc"):
        archive.directory(folder)
    archive.device("dev/console", 5, 1)
    archive.file("bin/busybox", dom0.get("/usr/bin/busybox"), 0o755)
    archive.file("etc/udhcpc/default.script", DHCP_SCRIPT.encode(), 0o755)
    there = dom0.get(f"/{MODULE_ORDER}").decode().split()
    wanted = [name for name in (*DEVICES, *(FILE_SYSTEM if file_system else ()))
              if f"/usr/lib/modules/{name}.ko" in there]
    for name in wanted:
        archive.file(f"modules/{name}.ko", dom0.get(f"/usr/lib/modules/{name}.ko"))
    for name, data in (files or {}).items():
        archive.file(name, data, 0o755)
    text = INIT.replace("{modules}", " ".join(wanted)).replace("{disks}", str(disks))
    archive.file("init", text.replace("{script}", script).encode(), 0o755)
    return archive.finish()
