"""What a command has lent to a machine (a drive, a forwarded port), and how it is taken back.

Each thing has a record in the machine's directory, locked by the process that holds it. A process
that was killed leaves a record without a lock: whoever comes next takes that thing back.
"""
from __future__ import annotations

import fcntl
import json
import secrets
from pathlib import Path
from typing import IO

PATTERN = "held-*.json"


class Held:
    """One thing of ours; `drop` when it has been taken back."""

    def __init__(self, folder: Path, what: dict) -> None:
        self.path = folder / f"held-{secrets.token_hex(6)}.json"
        new = self.path.with_suffix(".new")     # nobody sees it before it is whole and locked
        self._file: IO = open(new, "w", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        json.dump(what, self._file)
        self._file.flush()
        new.rename(self.path)

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._file.close()


def abandoned(folder: Path) -> list[tuple[Path, IO, dict]]:
    """Records whose processes have ended, locked by us from now on: (path, open file, what)."""
    found = []
    for path in sorted(folder.glob(PATTERN)):
        try:
            file = open(path, encoding="utf-8")
        except OSError:
            continue                    # its owner has just dropped it
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found.append((path, file, json.load(file)))
        except BlockingIOError:
            file.close()                # in use
        except ValueError:
            path.unlink(missing_ok=True)    # nothing that we wrote
            file.close()
    return found
