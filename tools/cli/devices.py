"""A guest's disks and ports while it runs: made beforehand, lent to dom0, and taken back."""
from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Iterator

from .config import GuestConfig
from .disks import make_images
from .errors import UserError
from .network import check_bridge
from .progress import Progress


def prepare(config: GuestConfig, progress: Progress, install: bool) -> None:
    """All that needs no Xen host: ports that are taken are found here, images made."""
    from testbed import forwards, standing
    from testbed.dom0 import this_is_dom0
    machine = standing.recorded() if config.network.forwards else None
    if machine is not None:             # a run that was killed may have left ours taken
        forwards.sweep(machine)
    for forward in config.network.forwards:
        forward.check_free()
    if config.network.mode == "user" and this_is_dom0():
        raise UserError("--net user and -p are for the testbed, and this machine is a Xen host itself",
                        "put the guest on a bridge with --net bridge=NAME and use its own address")
    make_images(config.disks, progress, install)


@contextmanager
def lent(dom0, config: GuestConfig, progress: Progress) -> Iterator[None]:
    """Disks and ports are dom0's until the guest is gone; config then names what xl needs."""
    from testbed.disks import DiskFile
    with ExitStack() as held:
        if config.disks:
            with progress.step("attaching disks"):
                attached = dom0.attach_disks([DiskFile(disk.path, disk.read_only, disk.sector)
                                              for disk in config.disks])
            held.callback(attached.close)
            for disk, device in zip(config.disks, attached.devices):
                disk.target, disk.script = device, attached.script
        if config.network.bridge is not None:
            check_bridge(dom0, config.network)
        if config.network.forwards:
            ports = dom0.forward_ports(config.network.forwards, config.network.guest_address())
            held.callback(ports.close)
            for forward in config.network.forwards:
                progress(f"port {forward} is the guest's {forward.guest_port}")
        yield
