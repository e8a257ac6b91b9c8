"""The tables of `xenolith bench`: units, ratios, and aims that are missed."""
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from cli_fixtures import TOOLS  # noqa: E402,F401

from cli import bench, bench_disk, bench_net, bench_redis  # noqa: E402
from cli.bench_boot import Contender  # noqa: E402
from cli.bench_calls import figures  # noqa: E402
from cli.errors import UserError  # noqa: E402

# 8 and 10 ms per MiB; 120, 500, 50 and 10 us; 8 ms.
OURS = {"to": 8 * 10 ** 9, "from": 10 * 10 ** 9, "trip": 120 * 10 ** 6, "connect": 500 * 10 ** 6,
        "http": 50 * 10 ** 6, "http.cpu": 10 * 10 ** 6, "listen": 8 * 10 ** 9}
TWICE = {name: 2 * taken for name, taken in OURS.items()}
FOUR_TIMES = {name: 4 * taken for name, taken in OURS.items()}

# 50 us for each request, 2 ms for each MiB.
DISK = {**{name: 50 * 10 ** 6 for name in (*bench_disk.MEASURES, *bench_disk.FILE_MEASURES)},
        **{f"{name}.{size}": 2 * 10 ** 9 for name in ("seqread", "seqwrite")
           for size in bench_disk.SEQUENTIAL_KIB}}


def row(text: str, title: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(title))


class Values(unittest.TestCase):
    def test_picoseconds_become_each_measures_unit(self):
        found = bench_net.values(OURS)
        self.assertAlmostEqual(found["to"], 131.072)
        self.assertAlmostEqual(found["from"], 104.8576)
        self.assertAlmostEqual(found["trip"], 120)
        self.assertAlmostEqual(found["connect"], 2000)
        self.assertAlmostEqual(found["http"], 20000)
        self.assertAlmostEqual(found["http.cpu"], 10)
        self.assertAlmostEqual(found["listen"], 8)

    def test_a_measure_of_no_time_at_all_is_no_division_by_zero(self):
        bench_net.values({name: 0 for name in OURS})


class Table(unittest.TestCase):
    def table(self, *found: dict) -> str:
        return bench_net.table([bench_net.values(column) for column in found], 3)

    def test_twice_as_good_is_a_ratio_of_two_for_rates_and_for_times(self):
        text = self.table(OURS, TWICE)
        for title, *_ in bench_net.MEASURES.values():
            self.assertIn("2.00 x", row(text, title))
        self.assertEqual(row(text, "TCP, dom0 to guest").split("(MB/s)")[1].split(),
                         ["131", "66", "2.00", "x"])

    def test_only_what_misses_its_aim_says_so(self):
        text = self.table(OURS, TWICE)
        self.assertEqual([line for line in text.splitlines() if "aim" in line],
                         [row(text, "guest's CPU per HTTP request")])
        self.assertNotIn("aim", self.table(OURS, FOUR_TIMES))

    def test_a_slow_guest_misses_aims_of_both_kinds(self):
        text = self.table(FOUR_TIMES, OURS)
        self.assertIn("aim: 1 x", row(text, "TCP, guest to dom0"))
        self.assertIn("aim: 150 us", row(text, "round trip"))
        self.assertIn("aim: 10 ms", row(text, "unpause"))
        self.assertNotIn("aim", row(text, "HTTP requests"))

    def test_without_linux_there_is_no_ratio(self):
        text = self.table(TWICE)
        self.assertNotIn(" x", text)
        self.assertNotIn("Linux", text)
        self.assertIn("aim: 150 us", row(text, "round trip"))

    def test_columns_stand_under_their_names(self):
        for text in (self.table(OURS), self.table(FOUR_TIMES, OURS)):
            lines = [line.partition("   aim")[0] for line in text.splitlines()[1:]]
            self.assertEqual({len(line) for line in lines}, {len(lines[0])}, text)


class Disk(unittest.TestCase):
    guest = Contender("Xenolith", "disk", "", None, 64, 1)

    def said(self, total: str) -> dict[str, float]:
        lines = [f"bench: {name} {taken}" for name, taken in DISK.items()]
        return bench_disk.values(self.guest, "\n".join([*lines, "bench: end", f"       TOTAL.... {total}s\n"]))

    def test_requests_per_second_and_megabytes(self):
        found = self.said("1.250")
        self.assertAlmostEqual(found["file.sync8"], 20_000)
        self.assertAlmostEqual(found["seqread"], 524.288)
        self.assertAlmostEqual(found[bench_disk.SPEEDTEST], 1.25)

    def test_a_time_is_better_when_it_is_shorter(self):
        text = bench_disk.table([self.said("1.000"), self.said("2.000")], 3)
        self.assertIn("2.00 x", row(text, "SQLite"))
        self.assertNotIn("aim", row(text, "SQLite"))
        text = bench_disk.table([self.said("2.000"), self.said("1.000")], 3)
        self.assertIn("0.50 x   aim: 1 x", row(text, "SQLite"))


class Figures(unittest.TestCase):
    guest = Contender("Stone", "", "", None, 0, 7)

    def test_names_with_a_dot_are_names(self):
        self.assertEqual(figures(self.guest, "bench: http.cpu 12\nbench: end\n", ("http.cpu",)),
                         {"http.cpu": 12})

    def test_what_failed_is_told(self):
        with self.assertRaisesRegex(UserError, "Stone: connect .refused. failed"):
            figures(self.guest, "bench: to 1\nbench: failed: connect (refused)\n", ("to",))

    def test_a_figure_that_did_not_come_is_named(self):
        with self.assertRaisesRegex(UserError, "no figure for from within 7 s"):
            figures(self.guest, "bench: to 1\n", ("to", "from"))


class Redis(unittest.TestCase):
    ours = {"set": 8000.0, "get": 8000.0, "set16": 80000.0, "get16": 80000.0,
            "set.cpu": 10.0, "get.cpu": 10.0, "set16.cpu": 2.0, "get16.cpu": 2.0}

    def times(self, factor: float) -> dict[str, float]:
        """The same of a guest that is better by a factor."""
        return {name: value / factor if name.endswith(".cpu") else value * factor
                for name, value in self.ours.items()}

    def test_rate_and_processor_time_of_a_batch(self):
        said = '1000000\n"SET","5173.00","9.1","0.2","9.0","12.0","13.0","14.0"\n41000000\n'
        self.assertEqual(bench_redis.batch("Stone", said, 4000), (5173.0, 10.0))

    def test_a_batch_that_failed_is_told(self):
        for said in ("", "1000\n2000\n", '1000\n"SET","1.0"\n', "bench: failed: x\n1\n"):
            with self.assertRaisesRegex(UserError, "Stone: redis-benchmark said"):
                bench_redis.batch("Stone", said, 4000)

    def test_each_line_has_its_ratio_and_only_missed_aims_say_so(self):
        text = bench_redis.table([self.times(2), self.ours], "7.0")
        self.assertEqual(text.count("2.00 x"), 8)
        missed = [line for line in text.splitlines() if "aim" in line]
        self.assertEqual(len(missed), 6, text)         # twice is enough for the two rates of 1.5
        self.assertNotIn("aim", bench_redis.table([self.times(3), self.ours], "7.0"))

    def test_without_linux_there_is_no_ratio(self):
        text = bench_redis.table([self.ours], "7.0")
        self.assertNotIn(" x", text)
        self.assertNotIn("Linux", text)


class Help(unittest.TestCase):
    def test_every_bench_is_explained(self):
        for name in bench.BENCHES:
            self.assertRegex(bench.HELP, rf"(?m)^  {name} ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
