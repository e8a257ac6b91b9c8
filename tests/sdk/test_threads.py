"""pigz: does a program that lives by its threads build from its own Makefile, and work?"""
from __future__ import annotations

import gzip
import unittest

from package_case import PackageCase
from sdk_case import TRIPLE

LINES = 40_000


class Pigz(PackageCase):
    def built_zlib(self):
        source = self.unpacked("zlib")
        self.step(source, "./configure", "--static", CHOST=TRIPLE)
        self.step(source, "make", "-j2", "libz.a")
        return source

    def test_many_threads_compress_and_check(self) -> None:
        zlib = self.built_zlib()
        source = self.unpacked("pigz")
        self.step(source, "make", "-j2", "pigz", f"CC={TRIPLE}-gcc", f"CFLAGS=-O2 -I{zlib}",
                  f"LDFLAGS=-L{zlib}")
        image = source / "pigz"
        self.assert_image(image)

        lines = "".join(f"{n} squared is {n * n}\n" for n in range(LINES))
        assets = self.work / "assets"
        assets.mkdir()
        (assets / "lines").write_text(lines)
        whole = gzip.compress(lines.encode())
        (assets / "whole.gz").write_bytes(whole)
        (assets / "cut.gz").write_bytes(whole[:-1000])
        options = ("--initrd", assets, "-m", "64M")

        # Eight threads compress, each in turn the piece behind the last one's; a ninth writes.
        said = self.guest(image, "-p", "8", "-b", "32", "-v", "lines", options=options)
        self.assertRegex(said, r"lines to lines\.gz")
        # One reads, one writes, one checks, one inflates; out through the console comes the text.
        said = self.guest(image, "-p", "4", "-d", "-c", "whole.gz", options=options)
        self.assertEqual(said, lines)
        self.guest(image, "-p", "4", "-t", "cut.gz", options=options, status=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
