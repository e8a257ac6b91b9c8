"""`xenolith build`: the SDK, or one program."""
from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from .build import build_program, ensure_sdk
from .errors import UserError
from .image import read_image
from .layout import Layout
from .progress import Progress

HELP = """
Without PROGRAM: build the SDK of this checkout. With PROGRAM (a C file, a directory with a
CMakeLists.txt, or DIR:TARGET): build it into an image that `xl create` takes as it is.
"""
EPILOG = """
Prints the image's path. The build itself happens below the build directory of the checkout, or in
the cache for an installed SDK; the program's own directory is not written to.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", metavar="PROGRAM", nargs="?")
    parser.add_argument("-o", "--output", metavar="IMAGE", type=Path, help="copy the image to IMAGE")
    parser.add_argument("--no-install", action="store_true",
                        help="never install a package on this machine (also XENOLITH_NO_INSTALL=1)")


def command(options: argparse.Namespace, layout: Layout) -> int:
    progress = Progress()
    ensure_sdk(layout, progress, install=not options.no_install)
    if options.program is None:
        if options.output is not None:
            raise UserError("-o needs a PROGRAM", "say what to build")
        progress(f"the SDK is built: {layout.sdk}")
        return 0
    image = read_image(build_program(options.program, layout, progress,
                                     not options.no_install)).path
    if options.output is not None:
        try:
            shutil.copy(image, options.output)
        except OSError as error:
            raise UserError(f"cannot write {options.output}: {error.strerror}", "choose another -o")
        image = options.output
    print(image)
    return 0
