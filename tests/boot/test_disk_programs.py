"""Programs that keep data on a disk: SQLite, LMDB and Redis as guests, and the same files read by Linux."""
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from program_case import ProgramCase  # noqa: E402

from cli.disks import make_images, parse_disks  # noqa: E402  (program_case has made it importable)
from cli.progress import Progress  # noqa: E402
from testbed.disks import DiskFile  # noqa: E402

DATA = ("--extra", "mount=/dev/xvda:/data")
ROWS = 500
# The same arithmetic on both sides tells whether every row is what was written.
FILL = f"""
CREATE TABLE stones (id INTEGER PRIMARY KEY, name TEXT, weight REAL, body BLOB);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
INSERT INTO stones SELECT i, 'stone ' || i, i / 4.0, zeroblob(i % 300) FROM n;
COMMIT;
CREATE INDEX by_name ON stones (name);
"""
LOOK = "PRAGMA integrity_check; SELECT count(*), sum(weight), max(name), sum(length(body)) FROM stones;"
SEEN = f"ok\n{ROWS}|{ROWS * (ROWS + 1) / 8}|stone 99|{sum(i % 300 for i in range(1, ROWS + 1))}\n"


class DiskCase(ProgramCase):
    def disk(self) -> tuple[str, ...]:
        """The options for a guest with the image, made by the first run, at /data."""
        return ("--disk", self.disk_option, *DATA, "-m", "64M")

    @property
    def disk_option(self) -> str:
        return f"{self.image_file},size=48M,mkfs"

    def make_disk(self) -> None:
        """As the first run would."""
        make_images(parse_disks([self.disk_option]), Progress(quiet=True), install=False)

    @property
    def image_file(self) -> Path:
        return self.folder / "data.img"

    def in_dom0(self, script: str, read_only: bool = False, destroyed: bool = False) -> str:
        """
        A shell script in dom0, in the image as Linux' own ext4 mounts it. It must be clean before, but for
        the journal of a guest that was destroyed, which Linux replays.
        """
        attached = self.dom0.attach_disks([DiskFile(self.image_file, read_only=read_only)])
        check = ":" if destroyed else f"e2fsck -fn {attached.devices[0]} >&2"
        try:
            return self.client(f"""set -e; at=$(mktemp -d); {check}
                mount -t ext4 {'-o ro' if read_only else ''} {attached.devices[0]} $at
                trap 'umount $at' EXIT; cd $at; {script}
                cd /""")
        finally:
            attached.close()

    def assert_clean(self) -> None:
        """What the guest left needs no repair."""
        self.in_dom0(":", read_only=True)


class Sqlite(DiskCase):
    _filled: Path | None = None

    def fill(self) -> None:
        """The disk with the database, which a guest wrote, once for all tests."""
        if Sqlite._filled is None:
            self.shell(FILL)
            kept = tempfile.TemporaryDirectory(prefix="xenolith-test-")
            self.addClassCleanup(kept.cleanup)
            Sqlite._filled = Path(kept.name) / "data.img"
            shutil.copyfile(self.image_file, Sqlite._filled)
        else:
            shutil.copyfile(Sqlite._filled, self.image_file)

    def shell(self, sql: str, status: int = 0, database: str = "/data/stones.db") -> str:
        """SQLite's shell as a guest, with the statements as an argument."""
        return self.run_program("sqlite", "-bail", "-batch", database, sql, options=self.disk(),
                                status=status)

    def two_connections(self, script: str) -> list[str]:
        """
        The shell with two connections to one database, `.connection 0` and 1, which reads a file and goes on
        after an error, of which there is one at least. Its answers.
        """
        begin = ".connection 1\n.open /data/stones.db\n.connection 0\n"
        self.program(begin + textwrap.dedent(script), "root/script")
        said = self.run_program("sqlite", "-batch", "/data/stones.db", ".read /script", status=1,
                                options=(*self.disk(), "--initrd", self.folder / "root"))
        return re.sub(r".*database is locked.*", "locked", said).splitlines()

    def test_written_by_the_guest_read_by_linux(self):
        self.fill()
        self.assertEqual(self.shell(LOOK), SEEN)
        self.assertEqual(self.in_dom0(f'sqlite3 stones.db "{LOOK}"', read_only=True), SEEN)

    def test_written_by_linux_read_by_the_guest(self):
        self.make_disk()
        self.in_dom0(f'sqlite3 stones.db "{FILL}"')
        self.assertEqual(self.shell(LOOK + "UPDATE stones SET weight = weight + 1 WHERE id = 7"), SEEN)
        self.assertEqual(self.in_dom0('sqlite3 stones.db "SELECT weight FROM stones WHERE id = 7"'),
                         "2.75\n")

    def test_rollback_and_journal_modes(self):
        self.fill()
        modes = ("delete", "truncate", "persist")
        said = self.shell("".join(f"PRAGMA journal_mode={mode}; BEGIN; DELETE FROM stones; "
                                  f"SELECT count(*) FROM stones; ROLLBACK; {LOOK}" for mode in modes))
        self.assertEqual(said, "".join(f"{mode}\n0\n{SEEN}" for mode in modes))
        # The write-ahead log with exclusive locking, which keeps its index in memory.
        wal = "PRAGMA locking_mode=exclusive; PRAGMA journal_mode=wal; "
        said = self.shell(wal + "BEGIN; DELETE FROM stones; ROLLBACK; UPDATE stones SET name = 'changed' "
                          "WHERE id = 1; " + LOOK)
        self.assertEqual(said, f"exclusive\nwal\n{SEEN}")
        self.assertEqual(self.in_dom0('sqlite3 stones.db "PRAGMA journal_mode; SELECT name FROM stones '
                                      'WHERE id = 1"'), "wal\nchanged\n")

    def test_a_write_ahead_log_with_its_index_mapped(self):
        """Two connections share the index: each sees its own time, and who cannot write is told so."""
        self.fill()
        said = self.two_connections(f"""
            PRAGMA journal_mode=wal;
            BEGIN IMMEDIATE; DELETE FROM stones WHERE id > 400; SELECT count(*) FROM stones;
            .connection 1
            SELECT count(*) FROM stones;
            BEGIN IMMEDIATE;
            .connection 0
            COMMIT;
            .connection 1
            BEGIN; SELECT count(*) FROM stones;
            .connection 0
            DELETE FROM stones WHERE id > 300;
            PRAGMA wal_checkpoint(truncate);
            .connection 1
            SELECT count(*) FROM stones;
            INSERT INTO stones (id) VALUES (1);
            COMMIT; SELECT count(*) FROM stones;
            INSERT INTO stones (id, name) VALUES (1000, 'of the other');
            .connection 0
            SELECT name FROM stones WHERE id = 1000;
            PRAGMA wal_checkpoint(truncate);
            PRAGMA integrity_check;
            """)
        self.assertEqual(said[:6], ["wal", "400", str(ROWS), "locked", "400", said[5]])
        self.assertRegex(said[5], r"^1\|")          # not all of the log: somebody reads what was before
        self.assertEqual(said[6:], ["400", "locked", "300", "of the other", "0|0|0", "ok"])
        look = "PRAGMA integrity_check; PRAGMA journal_mode; SELECT count(*), max(id) FROM stones"
        # The shell ends after an error without closing anything, on Linux as well.
        self.assertEqual(self.in_dom0(f'ls stones*; sqlite3 stones.db "{look}"'),
                         "stones.db\nstones.db-shm\nstones.db-wal\nok\nwal\n301|1000\n")
        self.assertEqual(self.shell(look), "ok\nwal\n301|1000\n")

    def test_a_rollback_journal_with_two_connections(self):
        self.fill()
        said = self.two_connections("""
            BEGIN IMMEDIATE; UPDATE stones SET weight = 0 WHERE id = 1;
            .connection 1
            SELECT count(*), min(weight) FROM stones;
            UPDATE stones SET weight = 1;
            .connection 0
            COMMIT; BEGIN EXCLUSIVE;
            .connection 1
            SELECT count(*) FROM stones;
            .connection 0
            ROLLBACK;
            .connection 1
            SELECT count(*), min(weight) FROM stones;
            """)
        self.assertEqual(said, [f"{ROWS}|0.25", "locked", "locked", f"{ROWS}|0.0"])

    def test_threads_that_share_a_database(self):
        for mode in ("wal", "delete"):
            with self.subTest(mode=mode):
                said = self.run_program("sqlite:accounts", f"/data/{mode}.db", mode, "40", options=self.disk())
                self.assertEqual(said, "80 transfers, sum 2000\n")
        look = "PRAGMA integrity_check; SELECT count(*), sum(balance) FROM accounts"
        self.assertEqual(self.in_dom0(f'sqlite3 wal.db "{look}"; sqlite3 delete.db "{look}"'),
                         "ok\n20|2000\n" * 2)

    def destroy_in_a_transaction(self, pragmas: bytes) -> None:
        """Destroy the guest in its second transaction, part of which is in its files."""
        self.fill()
        child = self.start("run", "-q", *self.disk(), self.image("sqlite"), "--", "-batch", "/data/stones.db",
                           stdin=subprocess.PIPE)
        child.stdin.write(pragmas + b"INSERT INTO stones (id, name) VALUES (1000, 'kept');\n"
                          b"PRAGMA cache_size=5;\nBEGIN;\nDELETE FROM stones;\nSELECT 'half way';\n")
        child.stdin.flush()
        self.wait_for(child, b"\nhalf way")
        child.terminate()               # the run destroys its guest
        child.wait(60)

    def destroy_after_a_commit(self, pragmas: bytes, before_reading: str = "", answer: str = "") -> None:
        """The first transaction is there, and nothing of the second."""
        self.destroy_in_a_transaction(pragmas)
        said = self.shell(before_reading + "PRAGMA integrity_check; SELECT count(*) FROM stones; "
                          "SELECT name FROM stones WHERE id = 1000")
        self.assertEqual(said, f"{answer}ok\n{ROWS + 1}\nkept\n")
        self.assert_clean()

    def test_destroyed_with_a_rollback_journal(self):
        # Only `extra` makes the journal's removal, which is the commit, durable at once.
        self.destroy_after_a_commit(b"PRAGMA synchronous=extra;\n")

    def test_destroyed_with_a_write_ahead_log(self):
        self.destroy_after_a_commit(b"PRAGMA locking_mode=exclusive;\nPRAGMA journal_mode=wal;\n"
                                    b"PRAGMA synchronous=full;\n",
                                    "PRAGMA locking_mode=exclusive; ", "exclusive\n")

    def test_destroyed_with_a_log_that_linux_recovers(self):
        """Guest and Linux use one format of the log; the index, as the guest left it, is made anew."""
        self.destroy_in_a_transaction(b"PRAGMA journal_mode=wal;\nPRAGMA synchronous=full;\n")
        said = self.in_dom0('ls stones*; sqlite3 stones.db "PRAGMA integrity_check; SELECT count(*) FROM stones; '
                            'SELECT name FROM stones WHERE id = 1000"', destroyed=True)
        self.assertEqual(said, f"stones.db\nstones.db-shm\nstones.db-wal\nok\n{ROWS + 1}\nkept\n")
        self.assert_clean()


class Lmdb(DiskCase):
    def numbers(self, dump: str) -> int:
        """What examples/lmdb's count writes, as mdb_dump -p tells it: every square, and the last number."""
        lines = re.sub(r"(?s).*HEADER=END\n|DATA=END\n.*", "", dump).replace("\\00", "").split("\n")
        pairs = dict(zip((line.strip() for line in lines[::2]), (line.strip() for line in lines[1::2])))
        last = int(pairs.pop("last"))
        self.assertEqual(pairs, {f"square {n}": str(n * n) for n in range(1, last + 1)})
        return last

    def count(self, steps: int, *how: str) -> str:
        return self.run_program("lmdb:count", "/data/count", str(steps), *how, options=self.disk())

    def test_written_by_the_guest_read_by_linux(self):
        self.count(60)
        self.count(60, "in the map")
        said = self.in_dom0("mdb_stat -e count; mdb_dump -p count", read_only=True)
        self.assertRegex(said, r"Last transaction ID: 120\n")
        self.assertEqual(self.numbers(said), 120)

    def test_written_by_linux_read_by_the_guest(self):
        self.count(5)
        self.in_dom0("mdb_dump count >dump; rm -r count; mkdir count; "
                     "seq 1 3000 | sed 's/^/ key /; p; s/key/value/' | "
                     "(sed '/HEADER=END/q; s/bytevalue/print/' dump; cat; echo DATA=END) | "
                     "mdb_load count")
        said = self.run_program("lmdb:mdb_dump", "-p", "/data/count", options=self.disk())
        self.assertEqual(len(re.findall(r"(?m)^ key (\d+)\n value \1$", said)), 3000)
        self.assertEqual(self.count(3), "1\n2\n3\n")

    def test_its_own_tests(self):
        names = ("mtest", "mtest2", "mtest3", "mtest4", "mtest5")
        self.make_disk()
        self.in_dom0(f"mkdir -p {' '.join(f'{name}/testdb' for name in names)}")
        for name in names:
            with self.subTest(test=name):
                self.run_program(f"lmdb:{name}", options=(*self.disk(), "--extra", f"cwd=/data/{name}"))
        said = self.run_program("lmdb:mdb_stat", "-e", "/data/mtest/testdb", options=self.disk())
        self.assertRegex(said, r"Entries: [1-9]")
        self.assert_clean()


class Redis(DiskCase):
    def start_redis(self):
        return self.serve("redis", "--save", "", "--protected-mode", "no", "--dir", "/data", "--appendonly",
                          "yes", "--appendfsync", "always", ready=b"Ready to accept", port=6379,
                          options=self.disk())

    def test_the_append_only_file_outlives_the_guest(self):
        guest = self.start_redis()
        cli = f"redis-cli -h {guest.address}"
        self.assertEqual(self.client(f"{cli} set stone carried; {cli} rpush list a b c; {cli} incrby n 40; "
                                     f"{cli} incrby n 2"), "OK\n3\n40\n42\n")
        self.client(f"redis-benchmark -h {guest.address} -q -r 300 -n 300 -t set")
        keys = int(self.client(f"{cli} dbsize"))
        self.client(f"{cli} shutdown")
        guest.ended()
        self.assert_clean()

        guest = self.start_redis()
        cli = f"redis-cli -h {guest.address}"
        self.assertEqual(self.client(f"{cli} get stone; {cli} lrange list 0 -1; {cli} get n; {cli} dbsize"),
                         f"carried\na\nb\nc\n42\n{keys}\n")
        # Acknowledged, and the guest gone in the same moment.
        self.assertEqual(self.client(f"{cli} set last word; xl destroy {guest.name}"), "OK\n")
        guest.child.wait(120)

        guest = self.start_redis()
        self.assertEqual(self.client(f"redis-cli -h {guest.address} get last"), "word\n")
        self.client(f"redis-cli -h {guest.address} shutdown")
        guest.ended()


if __name__ == "__main__":
    unittest.main(verbosity=2)
