"""The cache: $XDG_CACHE_HOME/xenolith, content-keyed directories that appear whole or not at all."""
from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator


def cache_dir() -> Path:
    """XDG says that a relative XDG_CACHE_HOME counts as unset."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if os.path.isabs(base) else Path.home() / ".cache"
    return root / "xenolith"


def downloads_dir() -> Path:
    return cache_dir() / "downloads"


def deps_dir() -> Path | None:
    """The user's own directory of tarballs and debs, looked at before any network."""
    chosen = os.environ.get("XENOLITH_DEPS_DIR")
    return Path(chosen) if chosen else None


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock file `path`.lock; says so once when somebody else has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if say:
                say(f"waiting for another process that works on {path.name}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def note_use(entry: Path) -> None:
    """For drop_unused(): this one is in use today."""
    try:
        os.utime(entry)
    except OSError:
        pass


def drop_unused(folder: Path, days: int) -> None:
    """Remove entries of `folder` that note_use() has not seen for so long."""
    for entry in folder.glob("*"):
        try:
            if entry.is_dir() and time.time() - entry.stat().st_mtime > days * 86400:
                shutil.rmtree(entry, ignore_errors=True)
                entry.with_name(entry.name + ".lock").unlink(missing_ok=True)
        except OSError:
            continue


def make_dir(final: Path, fill: Callable[[Path], None],
             say: Callable[[str], None] | None = None) -> Path:
    """Return `final`, filling it first if it is not there.

    `fill` gets a temporary directory beside it, which is renamed into place when `fill` returns and
    removed when it raises. Two processes that want the same directory make it once.
    """
    if final.is_dir():
        return final
    with locked(final, say):
        if final.is_dir():
            return final
        temporary = Path(tempfile.mkdtemp(prefix=final.name[:24] + ".new-", dir=final.parent))
        try:
            temporary.chmod(0o755)
            fill(temporary)
            temporary.rename(final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    return final
