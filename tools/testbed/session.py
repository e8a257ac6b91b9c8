"""The agent's protocol, host side: one port, one command at a time. See agent/agent.c for the frames."""
from __future__ import annotations

import os
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Iterator

from .errors import TestbedError

SYNC, EXEC, DATA, KILL, FILE, TIME = b"S", b"E", b"D", b"K", b"F", b"T"
OUT, ERR, EXIT, FAIL = b"O", b"R", b"X", b"!"
PAYLOAD_MAX = 1 << 20
CHUNK = 1 << 16
MAGIC = b"xeno"
# A mark is sent again while the agent is still starting; answers to repeats are passed over later.
SYNC_AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class Result:
    """How a command in dom0 ended."""

    status: int
    out: bytes
    err: bytes


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    return kind + struct.pack("<I", len(payload)) + payload


class Frames:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        self._held += data
        while len(self._held) >= 5:
            length = struct.unpack_from("<I", self._held, 1)[0]
            if length > PAYLOAD_MAX:
                raise TestbedError("the testbed's agent sent a frame that is too long")
            if len(self._held) < 5 + length:
                return
            kind, payload = bytes(self._held[:1]), bytes(self._held[5:5 + length])
            del self._held[:5 + length]
            yield kind, payload

    def skip_to(self, data: bytes, mark: bytes) -> bool:
        """Drop everything up to and with `mark`; False while it has not come."""
        self._held += data
        at = self._held.find(mark)
        if at < 0:
            del self._held[:max(0, len(self._held) - len(mark))]
            return False
        del self._held[:at + len(mark)]
        return True


class Session:
    """A synchronised conversation over one port's socket. Not for two threads at once, but one may
    send while another receives."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._sock = sock
        self._frames = Frames()
        self._ready: list[tuple[bytes, bytes]] = []
        try:
            self._synchronise(timeout)
        except BaseException:
            sock.close()
            raise

    def _synchronise(self, timeout: float) -> None:
        mark = frame(SYNC, MAGIC + os.urandom(12))
        end = time.monotonic() + timeout
        while True:
            self._send_raw(mark)
            again = time.monotonic() + SYNC_AGAIN_SECONDS
            while (left := min(again, end) - time.monotonic()) > 0:
                self._sock.settimeout(left)
                try:
                    data = self._sock.recv(CHUNK)
                except TimeoutError:
                    break
                except OSError as error:
                    raise TestbedError(f"the testbed went away: {error}") from None
                if not data:
                    raise TestbedError("the testbed went away")
                if self._frames.skip_to(data, mark):
                    self._sock.settimeout(None)
                    return
            if time.monotonic() >= end:
                raise TestbedError("the testbed's agent does not answer")

    def _send_raw(self, data: bytes) -> None:
        try:
            self._sock.settimeout(None)
            self._sock.sendall(data)
        except OSError as error:
            raise TestbedError(f"the testbed went away: {error}") from None

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        self._send_raw(frame(kind, payload))

    def send_data(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            self.send(DATA, data[start:start + CHUNK])

    def execute(self, argv: list[str], terminal: bool = False) -> None:
        words = b"".join(os.fsencode(word) + b"\0" for word in argv)
        self.send(EXEC, (b"\1" if terminal else b"\0") + words)

    def put(self, data: bytes, path: str, mode: int) -> None:
        """A file in dom0, whole."""
        self.send(FILE, b"%o\0" % mode + os.fsencode(path) + b"\0")
        self.send_data(data)
        self.send(DATA)
        self.wait_exit(None)

    def feed_in_background(self, data: bytes) -> threading.Thread:
        """All of a command's input, while another thread receives what it says: it may say more than
        fits on the way before it takes all."""
        def feed() -> None:
            try:
                self.send_data(data)
                self.send(DATA)
            except TestbedError:
                pass                    # whoever receives is told as well

        thread = threading.Thread(target=feed, daemon=True)
        thread.start()
        return thread

    def receive(self, timeout: float | None = None) -> tuple[bytes, bytes] | None:
        """The next frame; None when the time is up."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            while self._ready:
                kind, payload = self._ready.pop(0)
                if kind == FAIL:
                    raise TestbedError(f"the testbed's agent: {payload.decode(errors='replace')}")
                if kind != SYNC:
                    return kind, payload
            left = None if end is None else max(0.0, end - time.monotonic())
            if not select.select([self._sock], [], [], left)[0]:
                return None
            try:
                data = self._sock.recv(CHUNK)
            except OSError as error:
                raise TestbedError(f"the testbed went away: {error}") from None
            if not data:
                raise TestbedError("the testbed went away")
            self._ready.extend(self._frames.feed(data))

    def wait_exit(self, timeout: float | None) -> Result:
        """Collect a command's output until it ends."""
        out, err = bytearray(), bytearray()
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            got = self.receive(left)
            if got is None:
                self.send(KILL)
                raise TimeoutError("a command in dom0 took too long")
            kind, payload = got
            if kind == OUT:
                out += payload
            elif kind == ERR:
                err += payload
            elif kind == EXIT:
                return Result(struct.unpack("<i", payload)[0], bytes(out), bytes(err))

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_RDWR)   # wakes a thread that waits in receive()
        except OSError:
            pass
        self._sock.close()
