"""Programs that keep data on a disk: SQLite and Redis as guests, and the same files read by Linux."""
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from program_case import ProgramCase  # noqa: E402
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
    def disk(self, more: str = "") -> tuple[str, ...]:
        """The options for a guest with the image, made by the first run, at /data."""
        return ("--disk", f"{self.image_file},size=48M,mkfs{more}", *DATA, "-m", "64M")

    @property
    def image_file(self) -> Path:
        return self.folder / "data.img"

    def in_dom0(self, script: str, read_only: bool = False) -> str:
        """A shell script in dom0, in the image as Linux' own ext4 mounts it. It must be clean before."""
        attached = self.dom0.attach_disks([DiskFile(self.image_file, read_only=read_only)])
        try:
            return self.client(f"""set -e; at=$(mktemp -d); e2fsck -fn {attached.devices[0]} >&2
                mount -t ext4 {'-o ro' if read_only else ''} {attached.devices[0]} $at
                trap 'umount $at' EXIT; cd $at; {script}
                cd /""")
        finally:
            attached.close()

    def assert_clean(self) -> None:
        """What the guest left needs no repair."""
        self.in_dom0(":", read_only=True)


class Sqlite(DiskCase):
    def shell(self, sql: str, status: int = 0, database: str = "/data/stones.db") -> str:
        """SQLite's shell as a guest, which reads the statements from its console."""
        return self.run_program("sqlite", "-bail", "-batch", database, sql, options=self.disk(),
                                status=status)

    def test_written_by_the_guest_read_by_linux(self):
        self.shell(FILL)
        self.assertEqual(self.shell(LOOK), SEEN)
        self.assertEqual(self.in_dom0(f'sqlite3 stones.db "{LOOK}"', read_only=True), SEEN)

    def test_written_by_linux_read_by_the_guest(self):
        self.shell("SELECT 1")          # makes the disk
        self.in_dom0(f'sqlite3 stones.db "{FILL}"')
        self.assertEqual(self.shell(LOOK), SEEN)
        self.shell("UPDATE stones SET weight = weight + 1 WHERE id = 7")
        self.assertEqual(self.in_dom0('sqlite3 stones.db "SELECT weight FROM stones WHERE id = 7"'),
                         "2.75\n")

    def test_rollback_and_journal_modes(self):
        self.shell(FILL)
        for mode in ("delete", "truncate", "persist"):
            said = self.shell(f"PRAGMA journal_mode={mode}; BEGIN; DELETE FROM stones; "
                              "SELECT count(*) FROM stones; ROLLBACK; " + LOOK)
            self.assertEqual(said, f"{mode}\n0\n{SEEN}")
        # The write-ahead log with exclusive locking, which keeps its index in memory.
        wal = "PRAGMA locking_mode=exclusive; PRAGMA journal_mode=wal; "
        said = self.shell(wal + "BEGIN; DELETE FROM stones; ROLLBACK; UPDATE stones SET name = 'changed' "
                          "WHERE id = 1; " + LOOK)
        self.assertEqual(said, f"exclusive\nwal\n{SEEN}")
        self.assertEqual(self.in_dom0('sqlite3 stones.db "PRAGMA journal_mode; SELECT name FROM stones '
                                      'WHERE id = 1"'), "wal\nchanged\n")

    def destroy_after_a_commit(self, pragmas: bytes, before_reading: str = "", answer: str = "") -> None:
        """Destroy the guest in its second transaction; the first is there, and nothing of the second."""
        self.shell(FILL)
        child = self.start("run", "-q", *self.disk(), self.image("sqlite"), "--", "-batch", "/data/stones.db",
                           stdin=subprocess.PIPE)
        child.stdin.write(pragmas + b"INSERT INTO stones (id, name) VALUES (1000, 'kept');\n"
                          b"PRAGMA cache_size=5;\nBEGIN;\nDELETE FROM stones;\nSELECT 'half way';\n")
        child.stdin.flush()
        self.wait_for(child, b"\nhalf way")
        child.terminate()               # the run destroys its guest
        child.wait(60)
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
