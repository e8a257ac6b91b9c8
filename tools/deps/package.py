"""Build somebody else's sources with the SDK and their own build system; XenolithPackage.cmake calls it.

    package.py SDK PINS NAME BUILD_DIR DIRECTORY [DIR] WITH [FILE...] FILES FILE...
               CONFIGURE [WORD...] BUILD WORD...

Finished files lie in the cache, under a key of all that went into them. When only the code of the
SDK's libraries has changed, and neither a header nor the list of their symbols (which is what configure
scripts ask for), the tree in BUILD_DIR is linked again instead of built anew.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):       # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deps.cache import cache_dir, drop_unused, make_dir, note_use       # noqa: E402
from deps.fetch import FetchError, Pin, fetch, read_pin, unpack         # noqa: E402

TRIPLE = "x86_64-xenolith-elf"
SECTIONS = ("DIRECTORY", "WITH", "FILES", "CONFIGURE", "BUILD")
KEPT_DAYS = 30
# A user's own settings are for the host's programs.
NOT_FOR_GUESTS = ("CC", "CPP", "CXX", "LD", "AR", "CFLAGS", "CPPFLAGS", "LDFLAGS", "LIBS", "MAKEFLAGS",
                  "MFLAGS", "MAKELEVEL", "CONFIG_SITE", "DESTDIR", "PKG_CONFIG_PATH", "CMAKE_TOOLCHAIN_FILE",
                  "CMAKE_GENERATOR", "NINJA_STATUS")


class PackageError(Exception):
    """What failed, and where its log is."""


@dataclass(frozen=True)
class Package:
    sdk: Path
    pin: Pin
    build_dir: Path
    directory: str
    given: list[Path]
    files: list[str]
    configure: list[str]
    build: list[str]

    @property
    def tree(self) -> Path:
        return self.build_dir / f"{self.pin.name}-source"

    @property
    def log(self) -> Path:
        return self.build_dir / f"{self.pin.name}.log"


def produce(package: Package) -> None:
    """Have the package's files in its build directory."""
    compiled = compile_key(package)
    digest = hashlib.sha256(compiled.encode())
    add_files(digest, package.sdk / TRIPLE / "lib")
    entry = cache_dir() / "packages" / f"{package.pin.name}-{package.pin.version}-{digest.hexdigest()[:16]}"
    drop_unused(entry.parent, KEPT_DAYS)
    entry = make_dir(entry, lambda into: make_files(package, compiled, into), say)
    note_use(entry)
    for name in package.files:
        target = package.build_dir / Path(name).name
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.copyfile(entry / target.name, temporary)     # with today's time: newer than the SDK
        shutil.copymode(entry / target.name, temporary)
        temporary.replace(target)


def compile_key(package: Package) -> str:
    """Names all that compiling and configuring depend on: not the code of the libraries."""
    lib = package.sdk / TRIPLE / "lib"
    nm = [package.sdk / "bin" / f"{TRIPLE}-nm", "-g", "--defined-only", "-j", *sorted(lib.glob("lib*.a"))]
    symbols = subprocess.run(nm, capture_output=True, text=True, check=True).stdout.split()
    compiler = subprocess.run([package.sdk / "bin" / f"{TRIPLE}-gcc", "-v"], capture_output=True,
                              text=True, check=True).stderr.splitlines()[-1]
    digest = hashlib.sha256()
    for words in ([package.pin.sha256, package.directory], package.files, package.configure,
                  package.build, [compiler], sorted(set(symbols))):
        digest.update("\0".join(words).encode() + b"\0\0")
    add_files(digest, package.sdk / TRIPLE / "include")
    for path in (*package.given, lib / "xenolith.specs", package.sdk / "bin" / f"{TRIPLE}-gcc"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def add_files(digest: "hashlib._Hash", root: Path) -> None:
    for path in sorted(root.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(root)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())


def make_files(package: Package, compiled: str, into: Path) -> None:
    """Build, and copy the results to `into`."""
    stamp = package.tree.with_name(f"{package.tree.name}.key")
    if read(stamp) == compiled:
        relink = [top(package) / name for name in package.files if not name.endswith(".h")]
        for path in relink:
            path.unlink(missing_ok=True)
        package.log.write_text("")
    else:
        stamp.unlink(missing_ok=True)
        shutil.rmtree(package.tree, ignore_errors=True)
        package.tree.mkdir(parents=True)
        unpack(fetch(package.pin, say), package.tree)
        for path in package.given:
            shutil.copy(path, top(package))
        package.log.write_text("")
        if package.configure:
            run(package, package.configure)
        stamp.write_text(compiled)
    run(package, package.build)
    for name in package.files:
        made = top(package) / name
        if not made.is_file():
            raise PackageError(f"{package.pin.name}: the build made no {name}; its log is {package.log}")
        shutil.copy(made, into / made.name)


def top(package: Package) -> Path:
    """The directory in which the package is built."""
    return next(path for path in package.tree.iterdir() if path.is_dir()) / package.directory


def run(package: Package, words: list[str]) -> None:
    """One command of the build, its output in the log; the end of that on failure."""
    jobs = str(len(os.sched_getaffinity(0)))
    argv = [word.replace("@SDK@", str(package.sdk)).replace("@JOBS@", jobs) for word in words]
    environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_GUESTS}
    environment["PATH"] = f"{package.sdk / 'bin'}{os.pathsep}{environment['PATH']}"
    environment["LC_ALL"] = "C"
    with package.log.open("a") as log:
        try:
            status = subprocess.run(argv, cwd=top(package), env=environment, stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=subprocess.STDOUT, check=False).returncode
        except OSError as error:
            raise PackageError(f"{package.pin.name}: {argv[0]}: {error.strerror}") from error
    if status:
        lines = package.log.read_text(errors="replace").splitlines()
        raise PackageError("\n".join([*lines[-30:], f"{package.pin.name}: `{' '.join(argv)}` ended with "
                                      f"status {status}; the whole log is {package.log}"]))


def read(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def say(text: str) -> None:
    print(f"package: {text}", file=sys.stderr, flush=True)


def parse(arguments: list[str]) -> Package:
    sdk, pins, name, build_dir, *rest = arguments
    words: dict[str, list[str]] = {section: [] for section in SECTIONS}
    section = ""
    for word in rest:
        if word in SECTIONS:
            section = word
        else:
            words[section].append(word)
    return Package(Path(sdk), read_pin(name, Path(pins)), Path(build_dir), "".join(words["DIRECTORY"]),
                   [Path(word) for word in words["WITH"]], words["FILES"], words["CONFIGURE"], words["BUILD"])


def main(arguments: list[str]) -> int:
    try:
        produce(parse(arguments))
    except (PackageError, FetchError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
