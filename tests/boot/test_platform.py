"""The image where the shared testbed does not take it: as dom0 itself, and on a CPU with more features."""
import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, ROOT, BootCase  # noqa: E402

sys.path.insert(0, str(ROOT / "tools"))
from cli.config import GuestConfig  # noqa: E402
from cli.guest import Guest  # noqa: E402
from cli.output import GuestOutput  # noqa: E402
from testbed import hostfiles, saved  # noqa: E402
from testbed.dom0 import TestbedDom0  # noqa: E402
from testbed.machine import CPU, Shape, qemu_program  # noqa: E402

# Floating point in two threads' worth of time slices, TLS, and the FS base that holds it.
WORK = """
#include <stdio.h>
#include <time.h>
static _Thread_local double sum = 1;
int main(void)
{
    struct timespec nap = { .tv_nsec = 1000000 };
    for (int i = 1; i < 40; i++) {
        sum += 1.0 / i;
        nanosleep(&nap, NULL);
    }
    printf("sum %.6f\\n", sum);
    return 7;
}
"""


class ElsewhereThanInTheTestbed(BootCase):
    def image(self, source: str) -> Path:
        image = self.folder / "image"
        gcc = Path(os.environ["XENOLITH_COMMAND"]).with_name("x86_64-xenolith-elf-gcc")
        subprocess.run([str(gcc), "-O2", "-o", str(image), str(self.program(source))], check=True)
        return image

    def test_as_dom0_it_talks_to_xens_console(self):
        image = self.image(WORK)
        serial = self.folder / "serial"
        xen = hostfiles.prepare(lambda text: None).xen
        command = [qemu_program(), "-accel", "tcg", "-cpu", CPU, "-m", "512", "-nodefaults",
                   "-display", "none", "-no-reboot", "-serial", f"file:{serial}", "-kernel", str(xen),
                   "-append", "console=com1 com1=115200,8n1 dom0_mem=64M bootscrub=0",
                   "-initrd", str(image)]
        machine = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        try:
            end = time.monotonic() + BOUND_SECONDS
            seen = b""
            while b"exit status 7" not in seen:
                self.assertLess(time.monotonic(), end, seen[-2000:])
                self.assertIsNone(machine.poll(), seen[-2000:])
                time.sleep(0.2)
                seen = serial.read_bytes() if serial.exists() else b""
        finally:
            machine.kill()
            machine.wait()
        self.assertIn(b"magic:  xen-3.0-x86_64", seen)
        self.assertIn(b"sum 5.253543", seen)

    def test_with_fsgsbase_and_xsave_it_runs_as_well(self):
        image = self.image(WORK)
        shape = Shape(cpu="max,smap=off,smep=off,pcid=off")
        machine, session = saved.boot(hostfiles.prepare(lambda text: None), shape, self.folder / "m",
                                      lambda text: None)
        session.close()
        seen = []
        with TestbedDom0(machine, private=True) as dom0, \
                Guest(dom0, GuestConfig(name="features", kernel="")) as guest:
            guest.create(image)
            ending = guest.watch(GuestOutput(seen.append), BOUND_SECONDS)
        self.assertEqual((ending.how, ending.status), ("poweroff", 7), b"".join(seen))
        self.assertIn(b"sum 5.253543\n", b"".join(seen))


if __name__ == "__main__":
    unittest.main()
