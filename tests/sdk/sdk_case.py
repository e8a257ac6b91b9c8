"""What the SDK tests share: the SDK's place, a scratch directory, and running its tools.

The SDK's directory comes in XENOLITH_TEST_SDK, this checkout's tools/ in XENOLITH_TEST_TOOLS.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TRIPLE = "x86_64-xenolith-elf"


def run(*argv: str | Path, cwd: Path, env: dict[str, str] | None = None,
        stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run to the end, in English; stdout and stderr apart."""
    return subprocess.run([str(word) for word in argv], cwd=cwd, text=True, errors="replace",
                          input=stdin, capture_output=True,
                          env=dict(os.environ, LC_ALL="C", **(env or {})), check=False)


class SdkCase(unittest.TestCase):
    """Every test has an empty directory `self.work` and runs there."""

    sdk = Path(os.environ.get("XENOLITH_TEST_SDK", "build/sdk")).resolve()
    tools = Path(os.environ.get("XENOLITH_TEST_TOOLS", "tools")).resolve()

    @classmethod
    def setUpClass(cls) -> None:
        if not (cls.sdk / "bin" / f"{TRIPLE}-gcc").is_file():
            raise RuntimeError(f"no SDK at {cls.sdk}: name it in XENOLITH_TEST_SDK")

    def setUp(self) -> None:
        self.work = Path(tempfile.mkdtemp(prefix="xenolith-sdk-test-"))
        self.addCleanup(shutil.rmtree, self.work)

    def tool(self, name: str) -> str:
        return str(self.sdk / "bin" / f"{TRIPLE}-{name}")

    def write(self, name: str, text: str) -> Path:
        path = self.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run_tool(self, *argv: str | Path, env: dict[str, str] | None = None,
                 cwd: Path | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run(*argv, cwd=cwd or self.work, env=env, stdin=stdin)

    def succeed(self, *argv: str | Path, env: dict[str, str] | None = None,
                cwd: Path | None = None) -> str:
        """Run something that must succeed; its output."""
        ran = self.run_tool(*argv, env=env, cwd=cwd)
        if ran.returncode != 0:
            words = " ".join(str(word) for word in argv)
            self.fail(f"status {ran.returncode} of: {words}\n{ran.stdout}{ran.stderr}")
        return ran.stdout + ran.stderr

    def refuse(self, *argv: str | Path, saying: str, env: dict[str, str] | None = None) -> None:
        """Run something that must fail and say why."""
        ran = self.run_tool(*argv, env=env)
        self.assertNotEqual(ran.returncode, 0, f"accepted: {argv}")
        self.assertRegex(ran.stdout + ran.stderr, saying)

    def compiles(self, source: str, *flags: str, env: dict[str, str] | None = None) -> bool:
        self.write("probe.c", source)
        ran = self.run_tool(self.tool("gcc"), *flags, "-c", "probe.c", "-o", "probe.o", env=env)
        return ran.returncode == 0

    def assert_image(self, image: Path) -> None:
        """What xl needs of an image: entry low, three segments, the notes; nothing dynamic."""
        segments = self.succeed(self.tool("readelf"), "-lW", image)
        loads = [line.split() for line in segments.splitlines() if line.strip().startswith("LOAD")]
        flags = ["".join(words[6:-1]) for words in loads]
        self.assertEqual(flags, ["RE", "R", "RW"], segments)
        self.assertNotIn("INTERP", segments)
        self.assertNotIn("DYNAMIC", segments)
        self.assertIn("EXEC (Executable file)", self.succeed(self.tool("readelf"), "-hW", image))
        notes = self.succeed(self.tool("readelf"), "-nW", image)
        self.assertIn("Xen", notes)
        self.assertIn("NT_GNU_BUILD_ID", notes)
