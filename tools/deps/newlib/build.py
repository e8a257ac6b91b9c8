"""Build newlib for Xenolith, once for each content of what goes into it.

    build.py SDK [HEADERS...]

takes the compiler wrappers from SDK/bin and puts newlib's libraries and headers into
SDK/x86_64-xenolith-elf, the headers of the directories HEADERS over them. The finished build lies in the cache under a key made of the tarball's pin,
our edits and headers, the options, the wrappers and the host compiler's version, so that a second
build directory has it at once.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent), str(HERE)]
sys.dont_write_bytecode = True

import edits                                                     # noqa: E402
from deps.cache import cache_dir, make_dir                       # noqa: E402
from deps.fetch import FetchError, fetch, read_pin, unpack       # noqa: E402

TRIPLE = "x86_64-xenolith-elf"

OPTIONS = [
    "--disable-multilib", "--disable-libgloss", "--disable-nls",
    "--disable-newlib-supplied-syscalls", "--enable-newlib-io-long-long",
    "--enable-newlib-io-long-double", "--enable-newlib-io-c99-formats",
    "--enable-newlib-io-pos-args", "--enable-newlib-mb", "--enable-newlib-iconv",
    "--enable-newlib-iconv-encodings=" + ",".join((
        "us_ascii", "utf_8", "utf_16", "utf_16be", "utf_16le", "ucs_2", "ucs_2be", "ucs_2le",
        "ucs_2_internal", "ucs_4", "ucs_4be", "ucs_4le", "ucs_4_internal", "iso_8859_1",
        "iso_8859_15", "koi8_r", "win_1252")),
    "--enable-newlib-retargetable-locking", "--enable-newlib-multithread",
    "--enable-newlib-register-fini", "--enable-newlib-long-time_t",
    "--enable-newlib-reent-thread-local", "--enable-newlib-global-stdio-streams",
]

CFLAGS = "-O2 -ffunction-sections -fdata-sections -fno-common"

Say = Callable[[str], None]


class BuildError(Exception):
    """One sentence, and where the log is."""


def key(toolchain: Path) -> str:
    """Names everything that the result depends on."""
    pin = read_pin("newlib")
    compiler = subprocess.run([toolchain / f"{TRIPLE}-gcc", "-v"], capture_output=True, text=True,
                              check=True).stderr.splitlines()[-1]
    digest = hashlib.sha256()
    for text in (pin.sha256, " ".join(OPTIONS), CFLAGS, compiler):
        digest.update(text.encode() + b"\0")
    files = [HERE / "edits.py", *sorted((HERE / "sysroot").rglob("*.h"))]
    specs = toolchain.parent / TRIPLE / "lib" / "xenolith.specs"
    for path in [*files, specs, toolchain / f"{TRIPLE}-gcc"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{pin.version}-{digest.hexdigest()[:16]}"


def build(toolchain: Path, say: Say) -> Path:
    """The cache's directory with include/ and lib/ of a built newlib."""
    final = cache_dir() / "newlib" / key(toolchain)
    return make_dir(final, lambda directory: _fill(directory, toolchain, say), say)


def install(built: Path, overlays: list[Path], sysroot: Path) -> None:
    """Make a sysroot's headers those of newlib with the overlays' over them; add the libraries.

    Files that are the same already keep their time stamp; headers of neither are removed.
    """
    include = sysroot / "include"
    wanted: dict[Path, Path] = {}
    for root in (built / "include", *overlays):
        wanted |= {include / path.relative_to(root): path for path in root.rglob("*.h")}
    for old in list(include.rglob("*")):
        if old.is_file() and old not in wanted:
            old.unlink()
    wanted |= {sysroot / "lib" / path.name: path for path in (built / "lib").iterdir()}
    for target, source in wanted.items():
        if not _same(source, target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _same(source: Path, target: Path) -> bool:
    if not target.is_file():
        return False
    one, two = source.stat(), target.stat()
    return one.st_size == two.st_size and one.st_mtime_ns == two.st_mtime_ns


def _fill(directory: Path, toolchain: Path, say: Say) -> None:
    start = time.monotonic()
    work = directory / "work"
    (work / "source").mkdir(parents=True)
    (work / "build").mkdir()
    pin = read_pin("newlib")
    say(f"unpacking newlib {pin.version}")
    source = unpack(fetch(pin, say), work / "source")
    edits.apply(source / "newlib")

    # Absolute paths: newlib's configure runs in other directories than ours.
    tools = toolchain.resolve()
    prefix = directory / "prefix"
    variables = {f"{name}_FOR_TARGET": str(tools / f"{TRIPLE}-{tool}") for name, tool in (
        ("CC", "gcc"), ("AR", "ar"), ("RANLIB", "ranlib"), ("NM", "nm"), ("AS", "as"),
        ("LD", "ld"), ("STRIP", "strip"), ("OBJCOPY", "objcopy"), ("OBJDUMP", "objdump"),
        ("READELF", "readelf"))}
    variables |= {"CFLAGS_FOR_TARGET": CFLAGS, "MAKEINFO": "true", "CONFIG_SHELL": "/bin/sh"}
    arguments = [f"--target={TRIPLE}", f"--prefix={prefix}", *OPTIONS]
    settings = [f"{name}={value}" for name, value in variables.items()]
    say("configuring newlib")
    _run([str(source / "configure"), *arguments, *settings], work / "build", work / "log", directory)
    say("building newlib (about a minute of CPU time)")
    jobs = str(len(os.sched_getaffinity(0)))
    _run(["make", "-j", jobs, *settings, "all-target-newlib"], work / "build", work / "log", directory)
    _run(["make", *settings, "install-target-newlib"], work / "build", work / "log", directory)
    for name in ("include", "lib"):
        (prefix / TRIPLE / name).rename(directory / name)
    (directory / "lib" / "libg.a").unlink(missing_ok=True)
    (directory / "COPYING.NEWLIB").write_bytes((source / "COPYING.NEWLIB").read_bytes())
    shutil.rmtree(prefix)
    shutil.rmtree(work)
    say(f"newlib built in {time.monotonic() - start:.0f} s")


def _run(command: list[str], cwd: Path, log: Path, directory: Path) -> None:
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("CFLAGS", "CPPFLAGS", "LDFLAGS", "CONFIG_SITE", "MAKE"))}
    environment["LC_ALL"] = "C"
    with log.open("ab") as out:
        status = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out,
                                stderr=subprocess.STDOUT, env=environment, check=False).returncode
    if status != 0:
        kept = cache_dir() / "newlib" / "failed.log"
        shutil.copyfile(log, kept)
        lines = [line for line in log.read_text(errors="replace").splitlines() if "rror:" in line or " Error " in line]
        raise BuildError(f"newlib did not build: {lines[0] if lines else 'no reason given'}; the "
                         f"whole log is {kept}")


def main(arguments: list[str]) -> int:
    if not arguments:
        print("usage: build.py SDK [HEADERS...]", file=sys.stderr)
        return 2
    sdk = Path(arguments[0])
    try:
        built = build(sdk / "bin", lambda text: print(f"newlib: {text}", flush=True))
        install(built, [Path(overlay) for overlay in arguments[1:]], sdk / TRIPLE)
    except (BuildError, FetchError, edits.EditError, OSError) as error:
        print(f"newlib: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
