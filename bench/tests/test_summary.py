"""Tests of the arithmetic from measurements to tables."""

import unittest
from pathlib import Path
from types import SimpleNamespace

from bench import summary
from bench.child import Run
from bench.targets import TARGETS

MIB = 2**20


def run(peer: str, number: int, seconds: float, rss: float = 100, peak: float = 200) -> Run:
    return Run(peer, "long", 1, number, 0.0, seconds, 100.0, 0, int(rss * MIB), int(peak * MIB), {})


def child(peer: str, runs: list[Run]) -> SimpleNamespace:
    workload = SimpleNamespace(name="long", references={})
    return SimpleNamespace(
        peer=SimpleNamespace(name=peer), workload=workload, process=1, runs=runs, out=Path("."))


class Ratios(unittest.TestCase):
    def test_ratios_pair_neighbouring_runs(self):
        # The machine is half as fast in the second run; pairs still give 6, means would not.
        children = [
            child("slow", [run("slow", 1, 6), run("slow", 2, 14), run("slow", 3, 5)]),
            child("fast", [run("fast", 1, 1), run("fast", 2, 2), run("fast", 3, 1)]),
        ]
        self.assertEqual(summary.paired_ratio(children, "long", "slow", "fast"), 6)

    def test_no_ratio_without_runs_of_both_peers(self):
        children = [child("slow", [run("slow", 1, 6)])]
        self.assertIsNone(summary.paired_ratio(children, "long", "slow", "fast"))


class Memory(unittest.TestCase):
    def test_growth_is_last_run_minus_first(self):
        children = [child("p", [run("p", 1, 1, rss=100), run("p", 2, 1, rss=90), run("p", 3, 1, rss=103)])]
        self.assertEqual(summary.growth_mib(children, "p", "long"), 3)

    def test_growth_is_that_of_the_worst_process(self):
        children = [child("p", [run("p", 1, 1, rss=100), run("p", 2, 1, rss=101)]),
                    child("p", [run("p", 1, 1, rss=100), run("p", 2, 1, rss=107)])]
        self.assertEqual(summary.growth_mib(children, "p", "long"), 7)

    def test_one_run_has_no_growth(self):
        self.assertIsNone(summary.growth_mib([child("p", [run("p", 1, 1)])], "p", "long"))

    def test_figures_take_the_median_time_and_the_highest_peak(self):
        children = [child("p", [run("p", 1, 9, peak=10), run("p", 2, 2, peak=30), run("p", 3, 1, peak=20)])]
        found = summary.figures(children, "p", "long")
        self.assertEqual((found.rtf, found.fastest, found.slowest, found.peak_mib), (0.02, 0.01, 0.09, 30))


class Results(unittest.TestCase):
    def test_ratios_have_a_lower_bound(self):
        ratio = next(t for t in TARGETS if t.key == "long_ratio")
        self.assertEqual([ratio.result(v) for v in (5.9, 6, 9.9, 10, None)],
                         ["missed", "requirement met", "requirement met", "goal met", "not measured"])

    def test_sizes_have_an_upper_bound(self):
        peak = next(t for t in TARGETS if t.key == "long_peak")
        self.assertEqual([peak.result(v) for v in (451, 450, 251, 250)],
                         ["missed", "requirement met", "requirement met", "goal met"])


if __name__ == "__main__":
    unittest.main()
