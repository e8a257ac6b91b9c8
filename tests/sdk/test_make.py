"""Lua and zlib: do packages with hand-written build files need no more than CC= or CHOST=?"""
from __future__ import annotations

import unittest

from package_case import PackageCase
from sdk_case import TRIPLE

SCRIPT = """
local words = {}
for word in ("stone carried whole inside another"):gmatch("%a+") do words[#words + 1] = word end
table.sort(words)
print("sorted:", table.concat(words, " "))
print(string.format("%5.3f %d %s", math.sqrt(2), 7 // 2, 2^53))
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i * i) end end)
print("squares:", co(), co(), co())
print("caught:", pcall(error, "thrown"))
local file = assert(io.open("/tmp/kept", "w"))
file:write("written and read"); file:close()
for line in io.lines("/tmp/kept") do print("file:", line) end
collectgarbage()
print("time:", os.time() > 1700000000, os.getenv("NOTHING"))
os.exit(42)
"""


class Lua(PackageCase):
    def test_cc_alone(self) -> None:
        source = self.unpacked("lua")
        said = self.step(source, "make", "-j2", "generic", f"CC={TRIPLE}-gcc")
        self.assertNotIn("warning", said)
        image = source / "src" / "lua"
        self.assert_image(image)
        self.assert_image(source / "src" / "luac")

        self.assertEqual(self.guest(image, "-v").split("  ")[0], "Lua 5.4.7")
        self.assertEqual(self.guest(image, "-e", "print(6 * 7, arg[0])").split()[0], "42")
        said = self.guest(image, "-", stdin=SCRIPT, status=42)
        for line in ("sorted:\tanother carried inside stone whole\n", "1.414 3 9.007199254741e+15\n",
                     "squares:\t1\t4\t9\n", "caught:\tfalse\tthrown\n", "file:\twritten and read\n",
                     "time:\ttrue\tnil\n"):
            self.assertIn(line, said)
        # An error's report and status.
        self.guest(image, "-e", "error('on purpose')", status=1)

        # Its interpreter on the console, which is a terminal; and a script that came with the guest.
        said = self.guest(image, stdin="6 * 7\nfor i = 1, 2 do\nprint('at', i)\nend\nos.exit(5)\n",
                          status=5)
        self.assertIn("\n42\n> >> >> at\t1\nat\t2\n> ", said)      # what was typed is echoed before it
        self.write("assets/main.lua", "print(require('words').first, ...)")
        self.write("assets/lib/words.lua", "return { first = 'from the ramdisk' }")
        said = self.guest(image, "main.lua", "one", options=("--initrd", self.work / "assets",
                          "-e", "LUA_PATH=/lib/?.lua"))
        self.assertEqual(said, "from the ramdisk\tone\n")


class Zlib(PackageCase):
    def test_chost_alone(self) -> None:
        source = self.unpacked("zlib")
        said = self.step(source, "./configure", "--static", CHOST=TRIPLE)
        self.assertIn(f"Checking for {TRIPLE}-gcc...", said)
        self.assertIn(f"Using {TRIPLE}-ar\n", said)
        for question, answer in (("off64_t", "No"), ("fseeko", "Yes"), ("strerror", "Yes"),
                                 ("unistd.h", "Yes")):
            self.assertIn(f"Checking for {question}... {answer}.\n", said)
        self.step(source, "make", "-j2")
        self.assert_image(source / "minigzip")
        self.assert_image(source / "example")
        said = self.guest(source / "example")       # zlib's own test, with files
        for line in ("uncompress(): hello, hello!", "gzread(): hello, hello!", "large_inflate(): OK",
                     "inflate with dictionary: hello, hello!"):
            self.assertIn(line, said)

        # Installed beside the SDK, it is found by those who are told so, and by nobody else.
        there = self.work / "there"
        self.step(source, "make", "install", f"prefix={there}")
        self.write("user.c", "#include <zlib.h>\nint main(void) { return zlibVersion()[0] != '1'; }\n")
        self.succeed(self.tool("gcc"), "user.c", f"-I{there}/include", f"-L{there}/lib", "-lz",
                     "-o", "user")
        self.assert_image(self.work / "user")
        self.refuse(self.tool("gcc"), "user.c", "-lz", saying="zlib.h")


if __name__ == "__main__":
    unittest.main(verbosity=2)
