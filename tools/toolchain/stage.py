"""Put the parts of the SDK that are only copied into an SDK directory.

    stage.py toolchain SDK HOST_GCC    SDK/bin/x86_64-xenolith-elf-*, the specs, and the empty
                                       libraries that build systems ask for by habit
    stage.py share SDK TOOLS           SDK/bin/xenolith and SDK/share/xenolith

Files that would not change are left alone; files that are no longer wanted are removed.
"""
from __future__ import annotations

import shutil
import sys
from pathlib import Path

TRIPLE = "x86_64-xenolith-elf"
HERE = Path(__file__).resolve().parent

WRAPPERS = {
    "gcc.in": ["gcc", "cc"],
    "cpp.in": ["cpp"],
    "g++.in": ["g++", "c++"],
    "clang.in": ["clang"],
    "run.in": ["run"],
    "ld.in": ["ld"],
    "pkg-config.in": ["pkg-config"],
    "binutil.in": ["ar", "ranlib", "nm", "gcc-ar", "gcc-ranlib", "gcc-nm", "strip", "objcopy",
                   "objdump", "readelf", "addr2line", "size", "strings", "as"],
}

# In libc.a, in libxenolith-rt.a, or not at all: -lNAME must still be accepted.
EMPTY_LIBRARIES = ["pthread", "dl", "rt", "util", "gcc", "atomic", "resolv", "crypt"]


def write(path: Path, content: bytes, mode: int) -> None:
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    path.chmod(mode)


def stage_toolchain(sdk: Path, host_gcc: str) -> None:
    for template, names in WRAPPERS.items():
        text = (HERE / template).read_text(encoding="utf-8")
        text = text.replace("@XENOLITH_HOST_GCC@", host_gcc)
        for name in names:
            write(sdk / "bin" / f"{TRIPLE}-{name}", text.encode(), 0o755)
    lib = sdk / TRIPLE / "lib"
    write(lib / "xenolith.specs", (HERE / "xenolith.specs").read_bytes(), 0o644)
    for name in EMPTY_LIBRARIES:
        write(lib / f"lib{name}.a", b"!<arch>\n", 0o644)


# What lies below share/xenolith: everything of these directories of tools/.
PACKAGES = ["cli", "testbed", "deps", "dom0"]
CMAKE_FILES = ["XenolithGuest.cmake", "XenolithPackage.cmake", "Platform/Xenolith.cmake", *(
    f"Platform/Xenolith-Determine-{language}.cmake" for language in ("CXX", "Fortran", "OBJC", "OBJCXX"))]


def stage_share(sdk: Path, tools: Path) -> None:
    share = sdk / "share" / "xenolith"
    wanted: dict[Path, Path] = {}
    for package in PACKAGES:
        for source in (tools / package).rglob("*"):
            if source.is_file() and "__pycache__" not in source.parts:
                wanted[share / source.relative_to(tools)] = source
    for name in CMAKE_FILES:
        wanted[share / "cmake" / name] = tools / "cmake" / name
    wanted[share / "xenolith.toolchain.cmake"] = tools / "cmake" / "xenolith.toolchain.cmake"
    wanted[sdk / "bin" / "xenolith"] = tools / "xenolith"
    wanted[sdk / "bin" / "xenolith-redzone"] = tools / "redzone"
    for target, source in wanted.items():
        if source.is_file():
            write(target, source.read_bytes(), source.stat().st_mode & 0o777)
    for old in list(share.rglob("*")):
        if old.is_file() and old not in wanted:
            old.unlink()
    for directory in share.rglob("__pycache__"):
        shutil.rmtree(directory, ignore_errors=True)


def main(arguments: list[str]) -> int:
    match arguments:
        case ["toolchain", sdk, host_gcc]:
            stage_toolchain(Path(sdk), host_gcc)
        case ["share", sdk, tools]:
            stage_share(Path(sdk), Path(tools))
        case _:
            print("usage: stage.py toolchain SDK HOST_GCC | stage.py share SDK TOOLS",
                  file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
