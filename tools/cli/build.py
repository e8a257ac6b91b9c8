"""Builds: the SDK of a checkout, and a user's program with the SDK.

Ninja is quiet while it works (a progress line) and speaks when it fails. A build directory is
guarded by a lock file, so two runs in one checkout wait for each other instead of meeting.
"""
from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from . import packages, prereq
from .errors import UserError
from .layout import Layout
from .progress import Progress, Step

NINJA_PROGRESS = re.compile(r"\[(\d+)/(\d+)\] ?(.*)")


def ensure_sdk(layout: Layout, progress: Progress, install: bool = True,
               everything: bool = False) -> None:
    """In a checkout: the SDK is built and current. everything: the tests' programs too."""
    prereq.ensure(prereq.BUILD, progress, install)
    if layout.build_dir is None:
        if not layout.tool("gcc").is_file():
            raise UserError(f"no compiler in the SDK at {layout.sdk}", "install the SDK again")
        return
    build = layout.build_dir
    with locked(build, progress):
        if not (build / "build.ninja").is_file():
            with progress.step("configuring the SDK") as step:
                run_logged(["cmake", "-S", str(layout.checkout), "-B", str(build), "-G", "Ninja"],
                           build / "xenolith-configure.log", "configuring the SDK", step)
        with progress.step("building the SDK") as step:
            run_ninja(build, [] if everything else ["xenolith_sdk"], "building the SDK", step)


def build_program(target: str, layout: Layout, progress: Progress, install: bool = True) -> Path:
    """The image of a C file, a directory with a CMakeLists.txt (DIR or DIR:TARGET), or a ready image."""
    path, wanted = Path(target), None
    if not path.exists() and ":" in target:
        before, _, after = target.rpartition(":")
        if Path(before).is_dir():
            path, wanted = Path(before), after
    if not path.exists():
        raise UserError(f"{target}: no such file or directory", "check its name")
    if path.is_dir():
        return build_directory(path, wanted, layout, progress, install)
    if path.suffix == ".c":
        return build_file(path, layout, progress)
    return path


def needs_sdk(target: str) -> bool:
    """Whether target must be compiled: everything but a ready image."""
    path = Path(target)
    return not path.is_file() or path.suffix == ".c"


def build_file(source: Path, layout: Layout, progress: Progress) -> Path:
    work = layout.work_dir(source)
    image = work / (source.stem or "program")
    depfile = work / "program.d"
    with locked(work, progress):
        if is_current(image, depfile, layout):
            return image
        image.unlink(missing_ok=True)
        with progress.step(f"compiling {source.name}"):
            ran = subprocess.run(
                [str(layout.tool("gcc")), "-O2", "-g", "-MD", "-MF", str(depfile),
                 str(source.resolve()), "-o", str(image)],
                stdin=subprocess.DEVNULL, check=False)
        if ran.returncode:
            image.unlink(missing_ok=True)
            raise UserError(f"{source} does not compile", "see the compiler's messages above")
    return image


def build_directory(source: Path, wanted: str | None, layout: Layout, progress: Progress,
                    install: bool = True) -> Path:
    if not (source / "CMakeLists.txt").is_file():
        raise UserError(f"{source} has no CMakeLists.txt", "give a C file, or add one: "
                        "project(app C) and add_executable(app app.c)")
    work = layout.work_dir(source)
    with locked(work, progress):
        query = work / ".cmake" / "api" / "v1" / "query"
        query.mkdir(parents=True, exist_ok=True)
        (query / "codemodel-v2").touch()
        stamp = work / "toolchain"
        if not (work / "build.ninja").is_file() or read_text(stamp) != str(layout.toolchain_file):
            with progress.step(f"configuring {source.name}") as step:
                run_logged(["cmake", "-S", str(source.resolve()), "-B", str(work), "-G", "Ninja",
                            "--fresh", f"-DCMAKE_TOOLCHAIN_FILE={layout.toolchain_file}",
                            "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-Wno-dev"],
                           work / "xenolith-configure.log", f"configuring {source}", step)
            write_atomically(stamp, str(layout.toolchain_file))
        prereq.ensure(packages.needs(work), progress, install)
        for image in executables(work).values():
            if is_older_than_sdk(image, layout):
                image.unlink(missing_ok=True)       # the link line does not name the SDK's libraries
        with progress.step(f"building {source.name}") as step:
            chosen = wanted if wanted not in packages.programs(work) else None
            run_ninja(work, [chosen] if chosen else [], f"building {source}", step)
        found = executables(work)
        fetched = packages.programs(work)
        if fetched and wanted is None:          # what else there is has to be named
            return next(iter(fetched.values()))
        found |= fetched
    if wanted is not None:
        if wanted not in found:
            raise UserError(f"{source} makes no executable {wanted!r}",
                            f"it makes: {', '.join(sorted(found)) or 'none'}")
        return found[wanted]
    if not found:
        raise UserError(f"{source} makes no executable", "add_executable() is missing")
    if len(found) > 1:
        names = ", ".join(f"{source}:{name}" for name in sorted(found))
        raise UserError(f"{source} makes {len(found)} executables", f"choose one: {names}")
    return next(iter(found.values()))


def executables(work: Path) -> dict[str, Path]:
    """The executables of a configured build directory, from CMake's file API."""
    found: dict[str, Path] = {}
    reply = work / ".cmake" / "api" / "v1" / "reply"
    models = sorted(reply.glob("codemodel-v2-*.json"), key=lambda p: p.stat().st_mtime_ns)
    if not models:
        return found
    model = json.loads(models[-1].read_text())
    for target in model["configurations"][0]["targets"]:
        described = json.loads((reply / target["jsonFile"]).read_text())
        if described["type"] == "EXECUTABLE" and described.get("artifacts"):
            found[described["name"]] = work / described["artifacts"][0]["path"]
    return found


def is_current(image: Path, depfile: Path, layout: Layout) -> bool:
    """Whether image is newer than its sources, their headers and the SDK."""
    if not image.is_file() or not depfile.is_file():
        return False
    made = image.stat().st_mtime_ns
    try:
        if any(Path(name).stat().st_mtime_ns >= made for name in dependencies(depfile)):
            return False
    except OSError:
        return False
    return not is_older_than_sdk(image, layout)


def is_older_than_sdk(image: Path, layout: Layout) -> bool:
    if not image.is_file():
        return False
    made = image.stat().st_mtime_ns
    parts = [layout.tool("gcc"), *layout.sdk_libraries.glob("*")]
    return any(part.stat().st_mtime_ns >= made for part in parts if part.is_file())


def dependencies(depfile: Path) -> list[str]:
    """The files of a make rule as the compiler writes it."""
    text = depfile.read_text().replace("\\\n", " ").partition(": ")[2]
    return [re.sub(r"\\(.)", r"\1", word).replace("$$", "$")
            for word in re.findall(r"(?:\\.|[^\s\\])+", text)]


@contextmanager
def locked(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold folder's lock; the folder is made. Says so when it has to wait."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".xenolith-lock", "w")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}",
                        "make room or set XENOLITH_BUILD_DIR (checkout) or XDG_CACHE_HOME elsewhere")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step(f"waiting for another xenolith to finish in {folder}"):
                fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_logged(argv: list[str], log: Path, what: str, step: Step) -> None:
    """Run argv with its output in log; on failure show the end of it."""
    ended, lines = run_streamed(argv, lambda line: step.detail("- " + line.strip()[-60:]))
    log.write_text("".join(lines))
    if ended:
        show_end_of(lines, 30)
        raise UserError(f"{what} failed, see above", f"the whole log is {log}")


def run_ninja(folder: Path, targets: list[str], what: str, step: Step) -> None:
    failed: list[str] = []          # what the first step that failed said, and all from there on
    # Steps with a terminal of their own (newlib) say why before FAILED:, and others' lines come between.
    said: deque[str] = deque(maxlen=8)

    def follow(line: str) -> None:
        match = NINJA_PROGRESS.match(line)
        if match:
            step.detail(f"[{match[1]}/{match[2]}]")
        elif failed:
            failed.append(line)
        elif line.startswith(("FAILED:", "ninja: error:")):
            failed.extend([*said, line])
        else:
            said.append(line)

    jobs = os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL")
    argv = ["ninja", "-C", str(folder), *(["-j", jobs] if jobs else []), *targets]
    ended, lines = run_streamed(argv, follow)
    if ended:
        show_end_of(failed or lines, 60)
        raise UserError(f"{what} failed, see above", f"`ninja -C {folder}` shows all of it")


def run_streamed(argv: list[str], each: Callable[[str], None]) -> tuple[int, list[str]]:
    """Run argv, call each(line) as lines come; returns (status, all lines). Killed if we leave early."""
    environment = {**os.environ, "NINJA_STATUS": "[%f/%t] "}
    lines: list[str] = []
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace",
                          env=environment) as process:
        try:
            for line in process.stdout:
                lines.append(line)
                each(line)
        except BaseException:
            process.terminate()
            raise
    return process.returncode, lines


def show_end_of(lines: list[str], count: int) -> None:
    sys.stderr.write("\r" + "".join(lines[-count:]).rstrip("\n") + "\n")


def read_text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.rename(path)
