"""GNU hello: does an autotools package build with --host alone, and boot?"""
from __future__ import annotations

import unittest

from package_case import PackageCase
from sdk_case import TRIPLE


class Hello(PackageCase):
    def test_configure_make_boot(self) -> None:
        source = self.unpacked("hello")
        said = self.step(source, "./configure", f"--host={TRIPLE}")
        self.assertIn(f"checking for {TRIPLE}-gcc... {TRIPLE}-gcc\n", said)
        self.assertIn("checking whether we are cross compiling... yes\n", said)
        # True answers: what the C library has, and what glibc has but this one has not.
        header = (source / "config.h").read_text().splitlines()
        for name in ("MBRTOWC", "WCHAR_H", "SYMLINK", "MAP_ANONYMOUS", "GETOPT_LONG_ONLY"):
            self.assertIn(f"#define HAVE_{name} 1", header)
        for name in ("ICONV_IN_GLIBC", "DCGETTEXT", "WINSOCK2_H"):
            self.assertNotIn(f"#define HAVE_{name} 1", header)
        self.step(source, "make", "-j2")
        image = source / "hello"
        self.assert_image(image)

        self.assertEqual(self.guest(image), "Hello, world!\n")
        self.assertEqual(self.guest(image, "--greeting=Good day, Xen"), "Good day, Xen\n")
        self.assertIn("hello (GNU Hello) 2.10\n", self.guest(image, "--version"))

        self.step(source, "make", "install", f"DESTDIR={self.work}/there", "STRIPPROG="
                  f"{TRIPLE}-strip")
        self.assert_image(self.work / "there" / "usr" / "local" / "bin" / "hello")


if __name__ == "__main__":
    unittest.main(verbosity=2)
