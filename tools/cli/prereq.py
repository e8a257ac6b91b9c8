"""What this machine must have, and how to get it: probes, then `apt-get install`.

A need is probed by what it provides (a program that runs, a header that compiles), not by the
package that would bring it, so that other distributions and hand-installed tools are as good.
Never among the needs: a hypervisor, a kernel, or anything else that changes how the machine boots.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .errors import UserError
from .progress import Progress


@dataclass(frozen=True)
class Need:
    """One thing: what it is, the Debian packages that bring it, and how to see that it is there."""

    what: str
    packages: tuple[str, ...]
    probe: Callable[[], bool]


def has_program(*names: str) -> Callable[[], bool]:
    return lambda: all(shutil.which(name) for name in names)


def has_system_program(*names: str) -> Callable[[], bool]:
    """Programs that an ordinary user's PATH may not lead to."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return lambda: all(shutil.which(name, path=path) for name in names)


def has_version(program: str, least: tuple[int, int]) -> Callable[[], bool]:
    def probe() -> bool:
        found = re.search(r"(\d+)\.(\d+)", output_of([program, "--version"]))
        return found is not None and (int(found[1]), int(found[2])) >= least
    return probe


def compiles(includes: str, compiler: str = "gcc", *options: str) -> Callable[[], bool]:
    def probe() -> bool:
        source = "".join(f"#include <{name}>\n" for name in includes.split())
        try:
            ran = subprocess.run([compiler, "-fsyntax-only", "-x", "c", *options, "-"],
                                 input=source.encode(), capture_output=True, check=False)
        except OSError:
            return False
        return ran.returncode == 0
    return probe


def has_compiler_file(compiler: str, *names: str) -> Callable[[], bool]:
    """A file of the compiler's own directories: its run-time libraries."""
    return lambda: any(Path(output_of([compiler, f"-print-file-name={name}"]).strip()).is_absolute()
                       for name in names)


def output_of(argv: list[str]) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


# In the order in which a probe may rely on the one before.
BUILD = [
    Need("a C compiler (gcc)", ("gcc",), has_program("gcc")),
    Need("binutils (as, ld, objdump, addr2line)", ("binutils",),
         has_program("as", "ld", "ar", "objdump", "objcopy", "addr2line")),
    Need("the C library's headers", ("libc6-dev",), compiles("stdio.h stdlib.h")),
    Need("Xen's public headers and libxenstore", ("libxen-dev",),
         compiles("stdint.h xen/xen.h xenstore.h")),
    Need("CMake 3.25 or newer", ("cmake",), has_version("cmake", (3, 25))),
    Need("Ninja", ("ninja-build",), has_program("ninja")),
    Need("make, which builds newlib", ("make",), has_program("make")),
    Need("xz", ("xz-utils",), has_program("xz")),
]
TESTBED = [
    Need("QEMU for x86-64", ("qemu-system-x86",), has_program("qemu-system-x86_64")),
    Need("qemu-img", ("qemu-utils",), has_program("qemu-img")),
]
DEBUG = [
    Need("gdb", ("gdb",), has_program("gdb")),
]
TEST = [
    *DEBUG,
    Need("clang", ("clang",), has_program("clang")),
    Need("clang's sanitizers and libFuzzer", ("libclang-rt-dev",),
         has_compiler_file("clang", "libclang_rt.fuzzer-x86_64.a", "libclang_rt.fuzzer.a",
                           "libclang_rt.fuzzer-aarch64.a")),
    Need("check, which runs lwIP's own tests", ("check",), compiles("check.h")),
    Need("e2fsprogs (mke2fs, e2fsck, debugfs)", ("e2fsprogs",),
         has_system_program("mke2fs", "e2fsck", "debugfs")),
    Need("tclsh, which builds SQLite", ("tcl",), has_program("tclsh")),
    Need("cmocka", ("libcmocka-dev",), compiles("stdarg.h stddef.h setjmp.h stdint.h cmocka.h")),
]


def missing(needs: list[Need]) -> list[Need]:
    return [need for need in needs if not need.probe()]


def ensure(needs: list[Need], progress: Progress, install: bool = True) -> None:
    """All of needs are there afterwards, or UserError with the command that would bring them."""
    lacking = missing(needs)
    if not lacking:
        return
    packages = sorted({package for need in lacking for package in need.packages})
    names = ", ".join(need.what for need in lacking)
    if shutil.which("apt-get") is None:
        raise UserError(f"missing on this machine: {names}",
                        f"install them (Debian's names: {' '.join(packages)})")
    become_root = [] if os.geteuid() == 0 else ["sudo"]
    by_hand = " ".join([*become_root, "apt-get install", *packages])
    if not install or os.environ.get("XENOLITH_NO_INSTALL") == "1":
        raise UserError(f"missing on this machine: {names}", f"install them: {by_hand}")
    if become_root and not may_sudo():
        raise UserError(f"missing on this machine: {names}, and installing needs root",
                        f"install them: {by_hand}")
    progress(f"missing on this machine: {names}")
    progress(f"installing with apt-get: {' '.join(packages)}")
    apt_install(packages, become_root, progress, by_hand)
    lacking = missing(needs)
    if lacking:
        raise UserError("still missing after the installation: "
                        + ", ".join(need.what for need in lacking),
                        "see what apt-get did in /var/log/apt/term.log")


def may_sudo() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


def apt_install(packages: list[str], become_root: list[str], progress: Progress, by_hand: str) -> None:
    prefix = [*(["sudo", "-n"] if become_root else []), "env", "DEBIAN_FRONTEND=noninteractive",
              "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    if not all(is_known(package) for package in packages):
        with progress.step("apt-get update"):
            run_apt([*prefix, "update"], by_hand)
    with progress.step("apt-get install"):
        argv = [*prefix, "install", "--no-install-recommends", *packages]
        ran = subprocess.run(argv, capture_output=True, text=True, check=False,
                             stdin=subprocess.DEVNULL)
        if ran.returncode:              # lists older than the mirror: once more with new ones
            run_apt([*prefix, "update"], by_hand)
            run_apt(argv, by_hand)


def is_known(package: str) -> bool:
    candidate = re.search(r"Candidate: (\S+)", output_of(["apt-cache", "policy", package]))
    return candidate is not None and candidate[1] != "(none)"


def run_apt(argv: list[str], by_hand: str) -> None:
    ran = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         check=False, stdin=subprocess.DEVNULL)
    if ran.returncode:
        words = [line for line in ran.stdout.splitlines() if line.startswith("E:")]
        raise UserError(f"apt-get failed: {' '.join(words) or ran.stdout[-300:].strip()}",
                        f"see to it by hand: {by_hand}")
