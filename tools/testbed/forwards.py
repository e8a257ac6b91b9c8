"""Ports of this machine, forwarded to guests of a testbed by QEMU's user network."""
from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from .errors import TestbedError
from .held import Held, abandoned
from .machine import NETDEV, Machine
from .qmp import Qmp


@dataclass(frozen=True)
class Forward:
    """host:port of this machine is guest_port of a guest."""

    port: int
    guest_port: int
    protocol: str = "tcp"
    host: str = "127.0.0.1"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" + ("/udp" if self.protocol == "udp" else "")

    def rule(self) -> str:
        return f"{self.protocol}:{self.host}:{self.port}"

    def check_free(self) -> None:
        """Before anything long begins: can the port be had at all?"""
        kind = socket.SOCK_DGRAM if self.protocol == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # what lingers of old connections does not count
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError as error:
                raise TestbedError(f"-p: {_why(self, error)}") from None


def _why(forward: Forward, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {forward} of this machine is taken; choose another, or end what listens there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"port {forward} is for root; choose one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{forward.host} is no address of this machine; leave it out for 127.0.0.1"
    return f"port {forward} cannot be had: {error.strerror}; choose another"


class Forwards:
    """Some forwards to one guest, until closed."""

    def __init__(self, machine: Machine, forwards: list[Forward], address: str) -> None:
        self._machine = machine
        self._held: list[tuple[Held, Forward]] = []
        try:
            qmp = machine.qmp()
            try:
                for forward in forwards:
                    self._add(qmp, forward, address)
            finally:
                qmp.close()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        held, self._held = self._held, []
        if not held:
            return
        try:
            if self._machine.alive():
                qmp = self._machine.qmp()
                try:
                    for _, forward in held:
                        _monitor(qmp, f"hostfwd_remove {NETDEV} {forward.rule()}")
                finally:
                    qmp.close()
        finally:
            for one, _ in held:
                one.drop()

    def _add(self, qmp: Qmp, forward: Forward, address: str) -> None:
        held = Held(self._machine.folder, {"kind": "forward", "rule": forward.rule()})
        said = _monitor(qmp, f"hostfwd_add {NETDEV} {forward.rule()}-{address}:{forward.guest_port}")
        if said:
            held.drop()
            forward.check_free()        # says why, if it can be seen from here
            raise TestbedError(f"-p: port {forward} cannot be forwarded: {said}; choose another")
        self._held.append((held, forward))


def sweep(machine: Machine) -> None:
    """Take back the ports of commands that were killed."""
    for path, lock, what in abandoned(machine.folder):
        with lock:
            if what.get("kind") == "forward":
                qmp = machine.qmp()
                try:
                    _monitor(qmp, f"hostfwd_remove {NETDEV} {what['rule']}")
                finally:
                    qmp.close()
                path.unlink(missing_ok=True)


def _monitor(qmp: Qmp, line: str) -> str:
    """A command of the human monitor; what it says is a complaint, but for removals."""
    return str(qmp.command("human-monitor-command", command_line=line)).strip()
