"""`xenolith config`: the xl configuration for an image, on stdout."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .errors import UserError
from .image import read_image
from .layout import Layout
from .options import add_guest_options, check_it_fits, guest_config

HELP = """
Print an xl configuration that boots IMAGE, for `xl create` on a Xen host. The options are those of
`xenolith run`; what follows `--` becomes the program's arguments.
"""
EPILOG = """
example:
  xenolith config build/app -m 16M -- --port 80 > app.cfg
  scp build/app app.cfg dom0:  &&  ssh dom0 xl create -c app.cfg
"""
TAKES_ARGS = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", type=Path)
    add_guest_options(parser)
    parser.add_argument("--kernel", metavar="PATH",
                        help="where the image will lie in dom0 (default: where it lies now)")


def command(options: argparse.Namespace, layout: Layout) -> int:
    image = read_image(options.image)
    config = guest_config(options, options.args, image.path.stem, image.path.stem,
                          options.kernel or str(image.path.resolve()))
    check_it_fits(image, config.memory_mib)
    if config.network.forwards:
        raise UserError("-p has no place in an xl configuration",
                        "put the guest on a bridge with --net bridge=NAME")
    for disk in config.disks:
        disk.target = str(disk.path.resolve())
    if options.initrd is not None:
        config.ramdisk = str(options.initrd.resolve())
    text = config.text().encode("utf-8", "surrogateescape")
    sys.stdout.buffer.write(text)
    return 0
