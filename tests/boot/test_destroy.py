"""A guest that writes and syncs is destroyed at some moment: is everything there that it had synced?

XENOLITH_DESTROYS says how often (default 6, and 2 for what is mapped, which is then left out on
ext2); the moments follow from the round's number.
"""
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from boot_case import BOUND_SECONDS, BootCase  # noqa: E402
from program_case import ProgramCase  # noqa: E402
from testbed.disks import DiskFile  # noqa: E402

REMOVED_LATER = 400     # iterations; each says some forty bytes, more than is on its way to us
ROUNDS = int(os.environ.get("XENOLITH_DESTROYS", "6"))
LONG = "XENOLITH_DESTROYS" in os.environ
ROUNDS_MAPPED = int(os.environ.get("XENOLITH_DESTROYS", "2"))
SLOTS, PAGE, RECORD = 48, 4096, 5000

BEGINNING = r"""
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}
"""

# Appends records to a log, replaces a file by renaming another over it, makes and removes others; says what
# is synced. A second thread writes much and syncs nothing.
WRITER = r"""
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

# Through mappings: fills the pages of a file in turn, each with the number of its step, and appends records
# to another file that is mapped far beyond its end; says what msync() made durable. A second thread makes
# many pages dirty and syncs nothing.
MAPPER = r"""
#define GROW_MAX (8ul << 20)
static unsigned char *map(const char *name, size_t size, off_t file_size, int *fd)
{
    struct { int fd; unsigned char *at; } file;

    file.fd = open(name, O_RDWR | O_CREAT, 0644);
    check(file.fd >= 0 && (file_size == 0 || ftruncate(file.fd, file_size) == 0), name);
    file.at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
    check(file.at != MAP_FAILED, "mmap");
    *fd = file.fd;
    return file.at;
}
static unsigned char *record(unsigned number)
{
    static unsigned char bytes[RECORD + 1];

    for (int k = 0; k < RECORD; k += 10)
        check(snprintf((char *)bytes + k, 11, "%09u\n", number) == 10, "record");
    return bytes;
}
static void *noise(void *arg)
{
    int fd;
    unsigned char *at = map("/data/noise", 400 * PAGE, 400 * PAGE, &fd);

    for (unsigned i = 0;; i++) {
        memset(at + i * 7919u % 400 * PAGE, 'a' + i % 26, PAGE);
        usleep(1000);
    }
    return arg;
}
int main(void)
{
    int ring_fd, grow_fd;
    uint64_t *ring = (void *)map("/data/ring", SLOTS * PAGE, SLOTS * PAGE, &ring_fd), newest = 0;
    unsigned char *grow = map("/data/grow", GROW_MAX, 0, &grow_fd);
    off_t size = lseek(grow_fd, 0, SEEK_END);
    pthread_t thread;

    pthread_create(&thread, NULL, noise, NULL);
    for (size_t i = 0; i < SLOTS * PAGE / 8; i++)
        newest = ring[i] > newest ? ring[i] : newest;
    size -= size % RECORD;              /* e2fsck makes an ext2 file end where its blocks do */
    while (size > 0 && memcmp(grow + size - RECORD, record((unsigned)(size / RECORD) - 1), RECORD) != 0)
        size -= RECORD;                 /* this one may be half there, and that page */
    for (uint64_t i = newest > 0 ? newest : 1;; i++) {
        uint64_t *page = ring + i % SLOTS * (PAGE / 8);

        for (int k = 0; k < PAGE / 8; k++)
            page[k] = i;
        check(msync(page, PAGE, MS_SYNC) == 0, "msync");
        printf("ring %u\n", (unsigned)i);
        if (i % 4 == 0 && size + RECORD < (off_t)GROW_MAX) {
            unsigned number = (unsigned)(size / RECORD);
            off_t first = size & -PAGE;

            check(ftruncate(grow_fd, size + RECORD) == 0, "ftruncate");
            memcpy(grow + size, record(number), RECORD);
            size += RECORD;
            check(msync(grow + first, (size_t)(size - first), MS_SYNC) == 0, "msync");
            printf("grow %u\n", number);
        }
        fflush(stdout);
    }
}
"""


class DestroyCase(BootCase):
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

    def destroy_once(self, disk: Path, image: Path | str, kind: str, lines: int,
                     *args: str) -> dict[str, int]:
        """The last number it said of each kind of thing, before it was gone."""
        child = self.start("run", "-q", "-m", "16M", "--disk", f"{disk},size=24M,mkfs={kind}",
                           "--extra", "mount=/dev/xvda:/data", image, "--", *args)
        said = b""
        while said.count(b"\n") < lines:
            piece = os.read(child.stdout.fileno(), 65536)
            self.assertTrue(piece, f"it ended: {said[-500:]!r} {child.poll()}")
            said += piece
        child.terminate()                       # the run destroys its guest
        said += child.stdout.read()
        child.wait(BOUND_SECONDS)
        whole = said[:said.rfind(b"\n") + 1].replace(b"\r", b"").decode(errors="replace")
        said = re.findall(r"^(?:(\w+) )?(\d+)$", whole, re.M)
        return {what or "step": int(number) for what, number in said}

    def survive(self, kind: str, image: Path | str, rounds: int, look, args=lambda number: ()) -> None:
        """look(disk, what it said) after each round, when e2fsck has seen the disk."""
        disk = self.folder / "disk.img"
        for number in range(rounds):
            lines = random.Random(f"{kind} {number}").randrange(3, 160)
            with self.subTest(round=number, lines=lines):
                synced = self.destroy_once(disk, image, kind, lines, *args(number))
                if kind == "ext4":              # the journal alone makes it consistent
                    self.tool("e2fsck", "-E", "journal_only", "-y", disk, good=(0, 1))
                    self.tool("e2fsck", "-fn", disk)
                else:
                    self.tool("e2fsck", "-fy", disk, good=(0, 1))
                look(disk, synced)

    def build(self, source: str) -> Path:
        image = self.folder / "writer"
        sizes = f"#define SLOTS {SLOTS}\n#define PAGE {PAGE}\n#define RECORD {RECORD}\n"
        program = self.program(f"{sizes}#define REMOVED_LATER {REMOVED_LATER}\n{BEGINNING}{source}")
        self.assert_ran(self.xenolith("build", program, "-o", image), 0)
        return image


@unittest.skipUnless(shutil.which("debugfs"), "e2fsprogs is not installed")
class Destroyed(DestroyCase):
    def look_at_files(self, disk: Path, synced: dict[str, int]) -> None:
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
        self.survive("ext4", self.build(WRITER), ROUNDS, self.look_at_files)

    def test_on_ext2(self):
        self.survive("ext2", self.build(WRITER), ROUNDS, self.look_at_files)


@unittest.skipUnless(shutil.which("debugfs"), "e2fsprogs is not installed")
class DestroyedWithMappings(DestroyCase):
    def look_at_mapped(self, disk: Path, synced: dict[str, int]) -> None:
        """A step begins when the one before it is durable: only the newest may be half there."""
        ring = struct.unpack(f"<{SLOTS * PAGE // 8}Q", self.content(disk, "ring"))
        pages = [ring[at:at + PAGE // 8] for at in range(0, len(ring), PAGE // 8)]
        newest = max(ring)
        self.assertGreaterEqual(newest, synced["ring"])
        for step in range(max(1, newest - SLOTS + 1), newest):
            self.assertEqual(set(pages[step % SLOTS]), {step})
        self.assertLessEqual(set(pages[newest % SLOTS]), {newest, max(0, newest - SLOTS)})

        grow = self.content(disk, "grow")
        records = [grow[at:at + RECORD] for at in range(0, len(grow), RECORD)]
        self.assertGreater(len(records), synced.get("grow", -1))
        for number in range(max(len(records) - 1, synced.get("grow", -1) + 1)):
            self.assertEqual(records[number], b"%09d\n" % number * (RECORD // 10))

    def test_on_ext4(self):
        self.survive("ext4", self.build(MAPPER), ROUNDS_MAPPED, self.look_at_mapped)

    @unittest.skipUnless(LONG, "only with XENOLITH_DESTROYS")
    def test_on_ext2(self):
        self.survive("ext2", self.build(MAPPER), ROUNDS_MAPPED, self.look_at_mapped)


@unittest.skipUnless(shutil.which("e2fsck"), "e2fsprogs is not installed")
class DestroyedWithLmdb(DestroyCase, ProgramCase):
    """A database that is changed in its map, or by write(), in turn; read by Linux' own LMDB afterwards."""

    def look_at_database(self, disk: Path, synced: dict[str, int]) -> None:
        attached = self.dom0.attach_disks([DiskFile(disk, read_only=True)])
        try:
            dump = self.client(f"""set -e; at=$(mktemp -d); mount -o ro {attached.devices[0]} $at
                trap 'umount $at' EXIT; mdb_dump -p $at/count""")
        finally:
            attached.close()
        pairs = dict(re.findall(r"(?m)^ (.*)\n (.*)\\00$", dump))
        last = int(pairs.pop("last", 0))
        self.assertGreaterEqual(last, synced["step"])
        self.assertEqual(pairs, {f"square {n}": str(n * n) for n in range(1, last + 1)})

    def survive_commits(self, kind: str) -> None:
        self.survive(kind, self.image("lmdb:count"), ROUNDS_MAPPED, self.look_at_database,
                     lambda number: ("/data/count", "0", *(("in the map",) if number % 2 == 0 else ())))

    def test_on_ext4(self):
        self.survive_commits("ext4")

    @unittest.skipUnless(LONG, "only with XENOLITH_DESTROYS")
    def test_on_ext2(self):
        self.survive_commits("ext2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
