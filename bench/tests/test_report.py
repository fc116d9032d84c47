"""Tests that hand-written parts of the document survive and that the plot is well-formed."""

import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

from bench import plot, report
from bench.memory import Sample
from bench.tests.test_summary import child, run

EVERYTHING = {t.key: 1.0 for t in report.TARGETS}


def measured(peer: str, scale: float) -> SimpleNamespace:
    made = child(peer, [run(peer, n, scale * n, rss=scale * n) for n in (1, 2, 3, 4)])
    samples = [Sample(0.0, 0.1 * n, 1 + n // 10, 0.1 * (n % 10), 7, 100.0, int(scale * 2**20) * n)
               for n in range(40)]
    made.sampler = SimpleNamespace(samples=samples)
    return made


class Document(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.docs = Path(folder.name)
        self.page = self.docs / "benchmarks.md"
        self.page.write_text(
            f"# Title\n\nby hand\n{report.BEGIN}\nold figures\n{report.END}\n\n## Findings\n\nkept\n")

    def write(self):
        children = [measured("verbatim", 1), measured("moonshine", 50)]
        report.write_document(self.docs, children, EVERYTHING, {"cores": "2"})

    def test_only_the_generated_part_is_replaced(self):
        self.write()
        text = self.page.read_text()
        self.assertNotIn("old figures", text)
        self.assertIn("by hand", text)
        self.assertTrue(text.endswith("## Findings\n\nkept\n"))
        self.assertIn("| cores | 2 |", text)

    def test_rewriting_is_idempotent(self):
        self.write()
        first = self.page.read_text()
        self.write()
        self.assertEqual(self.page.read_text(), first)

    def test_plot_is_xml_with_a_line_per_peer(self):
        self.write()
        root = ElementTree.parse(self.docs / "benchmarks" / "memory-and-speed.svg").getroot()
        paths = root.iter("{http://www.w3.org/2000/svg}path")
        lines = [e.get("class") for e in paths if "line" in e.get("class")]
        self.assertEqual(sorted(lines), ["line moonshine"] * 2 + ["line verbatim"] * 2)


class Thinning(unittest.TestCase):
    def test_peaks_are_kept(self):
        points = [(float(i), 0.0) for i in range(1000)]
        points[777] = (777.0, 9.0)
        thinned = plot.thin(points, most=50)
        self.assertLessEqual(len(thinned), 50)
        self.assertIn((777.0, 9.0), thinned)


if __name__ == "__main__":
    unittest.main()
