"""QEMU's monitor protocol, as much of it as the testbed needs: one command, one answer."""
from __future__ import annotations

import json
import socket
import time

from .errors import TestbedError


class Qmp:
    """A connection to one QEMU's monitor socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rwb")
        self._line()                    # the greeting
        self.command("qmp_capabilities")

    def command(self, name: str, as_they_are: dict | None = None, **arguments: object) -> object:
        """Keywords are written with dashes, as QEMU names nearly everything; as_they_are is not."""
        message = {"execute": name}
        spelled = {key.replace("_", "-"): value for key, value in arguments.items()}
        if spelled or as_they_are:
            message["arguments"] = {**spelled, **(as_they_are or {})}
        self._file.write(json.dumps(message).encode() + b"\n")
        self._file.flush()
        while True:
            answer = self._line()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise TestbedError(f"QEMU refused {name}: {answer['error'].get('desc', answer)}")

    def save_to(self, path: str, timeout: float) -> None:
        """Write the whole machine's state to a file, by way of a migration."""
        self.command("migrate-set-parameters", max_bandwidth=1 << 40)
        self.command("migrate", uri=f"exec:cat > '{path}'")
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            status = self.command("query-migrate")
            if status.get("status") == "completed":
                return
            if status.get("status") in ("failed", "cancelled"):
                raise TestbedError(f"QEMU could not save the testbed's state: "
                                   f"{status.get('error-desc', 'no reason given')}")
            time.sleep(0.05)
        raise TestbedError("QEMU took too long to save the testbed's state")

    def close(self) -> None:
        self._file.close()
        self._sock.close()

    def _line(self) -> dict:
        line = self._file.readline()
        if not line:
            raise TestbedError("QEMU closed its monitor")
        return json.loads(line)
