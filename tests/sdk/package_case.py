"""Real packages, built with the SDK's wrappers in PATH and nothing else changed, and booted.

Their tarballs are pinned in pins.json and come from the cache, the mirror or XENOLITH_DEPS_DIR. The
command comes in XENOLITH_COMMAND.
"""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sdk_case import SdkCase

sys.path.insert(0, str(SdkCase.tools))
from deps.fetch import fetch, read_pin, unpack      # noqa: E402

PINS = Path(__file__).resolve().with_name("pins.json")
# Generous: a loaded machine is many times slower.
BOUND_SECONDS = 600


class PackageCase(SdkCase):
    command = os.environ.get("XENOLITH_COMMAND", "xenolith")

    def unpacked(self, name: str) -> Path:
        """The package's sources, fresh."""
        into = self.work / name
        into.mkdir()
        return unpack(fetch(read_pin(name, PINS)), into)

    def step(self, directory: Path, *argv: str | Path, **env: str) -> str:
        """One step of a build, with the wrappers in PATH as the package's README wants them."""
        path = f"{self.sdk / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return self.succeed(*argv, cwd=directory, env={"PATH": path, **env})

    def guest(self, image: Path, *args: str, stdin: str = "", status: int = 0,
              options: tuple[str | Path, ...] = ()) -> str:
        """Boot an image; its console without boot diagnostics. Ends with the expected status."""
        ran = subprocess.run([self.command, "run", "-q", "--timeout", "300", *map(str, options),
                              str(image), "--", *args], input=stdin, text=True,
                             errors="replace", capture_output=True, timeout=BOUND_SECONDS, check=False)
        told = f"status {ran.returncode}\n{ran.stdout}{ran.stderr}"
        self.assertEqual(ran.returncode, status, told)
        return ran.stdout.replace("\r\n", "\n")
