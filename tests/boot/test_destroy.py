"""A guest that writes and syncs is destroyed at some moment: is everything there that it had synced?

XENOLITH_DESTROYS says how often (default 6); the moments follow from the round's number.
"""
import os
import random
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, BootCase  # noqa: E402

REMOVED_LATER = 400     # iterations; each says some forty bytes, more than is on its way to us
ROUNDS = int(os.environ.get("XENOLITH_DESTROYS", "6"))

# Appends records to a log, replaces a file by renaming another over it, makes and removes others; says what
# is synced. A second thread writes much and syncs nothing.
WRITER = r"""
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}
static void *noise(void *arg)
{
    static char block[20000];
    int fd = open("/data/noise", O_RDWR | O_CREAT, 0644);

    check(fd >= 0, "noise");
    for (unsigned i = 0;; i++) {
        memset(block, 'a' + i % 26, sizeof(block));
        check(pwrite(fd, block, sizeof(block), (long)(i * 7919u % 400) * 10000) > 0, "pwrite");
        usleep(2000);
    }
    return arg;
}
int main(void)
{
    char name[40], text[60];
    pthread_t thread;
    int log = open("/data/log", O_WRONLY | O_CREAT | O_APPEND, 0644);

    check(log >= 0, "log");
    pthread_create(&thread, NULL, noise, NULL);
    for (int i = lseek(log, 0, SEEK_END) / 10;; i++) {
        snprintf(text, sizeof(text), "%09d\n", i);
        check(write(log, text, 10) == 10 && fsync(log) == 0, "append");
        printf("log %d\n", i);
        snprintf(name, sizeof(name), "/data/new-%d", i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        check(fd >= 0 && write(fd, text, 10) == 10 && fsync(fd) == 0, name);
        printf("new %d\n", i);
        if (i % 3 == 0)
            check(rename(name, "/data/current") == 0 && fsync(fd) == 0, "rename");
        if (i % 3 == 0)
            printf("current %d\n", i);
        close(fd);
        if (i >= REMOVED_LATER && (i - REMOVED_LATER) % 3 != 0) {
            snprintf(name, sizeof(name), "/data/new-%d", i - REMOVED_LATER);
            unlink(name);
        }
        fflush(stdout);
    }
}
"""


@unittest.skipUnless(shutil.which("debugfs"), "e2fsprogs is not installed")
class Destroyed(BootCase):
    def tool(self, *argv: object, good: tuple[int, ...] = (0,)) -> str:
        ran = subprocess.run([*map(str, argv)], capture_output=True, check=False, timeout=BOUND_SECONDS)
        told = ran.stdout.decode(errors="replace") + ran.stderr.decode(errors="replace")
        self.assertIn(ran.returncode, good, f"{argv}\n{told}")
        return told

    def content(self, disk: Path, name: str) -> bytes | None:
        """A file's content, or None when it is not there."""
        out = self.folder / "content"
        out.unlink(missing_ok=True)
        subprocess.run(["debugfs", "-R", f"dump {name} {out}", str(disk)], capture_output=True, check=True,
                       timeout=BOUND_SECONDS)
        return out.read_bytes() if out.exists() else None

    def destroy_once(self, disk: Path, image: Path, kind: str, lines: int) -> dict[str, int]:
        """The last number it said of each kind of thing, before it was gone."""
        child = self.start("run", "-q", "-m", "16M", "--disk", f"{disk},size=24M,mkfs={kind}",
                           "--extra", "mount=/dev/xvda:/data", image)
        said = b""
        while said.count(b"\n") < lines:
            piece = os.read(child.stdout.fileno(), 65536)
            self.assertTrue(piece, f"it ended: {said[-500:]!r} {child.poll()}")
            said += piece
        child.terminate()                       # the run destroys its guest
        said += child.stdout.read()
        child.wait(BOUND_SECONDS)
        whole = said[:said.rfind(b"\n") + 1].replace(b"\r", b"").decode(errors="replace")
        return {kind: int(number) for kind, number in re.findall(r"^(\w+) (\d+)$", whole, re.M)}

    def survive(self, kind: str) -> None:
        image = self.folder / "writer"
        self.assert_ran(self.xenolith("build", self.program(f"#define REMOVED_LATER {REMOVED_LATER}\n{WRITER}"), "-o", image), 0)
        disk = self.folder / "disk.img"
        for number in range(ROUNDS):
            lines = random.Random(f"{kind} {number}").randrange(3, 160)
            with self.subTest(round=number, lines=lines):
                synced = self.destroy_once(disk, image, kind, lines)
                if kind == "ext4":              # the journal alone makes it consistent
                    self.tool("e2fsck", "-E", "journal_only", "-y", disk, good=(0, 1))
                    self.tool("e2fsck", "-fn", disk)
                else:
                    self.tool("e2fsck", "-fy", disk, good=(0, 1))
                last = synced["log"]
                log = self.content(disk, "log")
                wanted = b"".join(b"%09d\n" % i for i in range(last + 1))
                self.assertEqual(log[:len(wanted)], wanted)
                # It may have come further than what reached us: the log tells.
                begun = len(log) // 10
                for i in {last, synced.get("new", last) - 1, synced.get("new", 0)}:
                    if max(0, begun - REMOVED_LATER) <= i <= synced.get("new", -1) and i % 3 != 0:
                        self.assertEqual(self.content(disk, f"new-{i}"), b"%09d\n" % i)
                if "current" in synced:
                    self.assertGreaterEqual(int(self.content(disk, "current")), synced["current"])

    def test_on_ext4(self):
        self.survive("ext4")

    def test_on_ext2(self):
        self.survive("ext2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
