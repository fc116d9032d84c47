"""Tests of reading and comparing transcripts."""

import json
import tempfile
import unittest
from pathlib import Path

from bench import wer
from bench.accept.outputs import CheckFailure, compare, transcripts


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def write(self, name: str, **content):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


class Texts(Folder):
    def test_names_drop_their_extensions(self):
        self.write("a.json", text="one")
        self.write("sub/b.wav.json", text="two")
        self.write("report.json", files=3)
        self.assertEqual(wer.read_texts(self.root), {"a": "one", "b": "two"})


class Comparisons(Folder):
    def test_processing_is_ignored(self):
        self.write("one/a.json", text="x", processing={"seconds": 1})
        self.write("two/a.json", text="x", processing={"seconds": 2})
        compare(transcripts(self.root / "one"), transcripts(self.root / "two"), "runs")

    def test_scores_are_compared(self):
        self.write("one/a.json", segments=[{"text": "x", "avg_logprob": -0.1}])
        self.write("two/a.json", segments=[{"text": "x", "avg_logprob": -0.1000001}])
        with self.assertRaisesRegex(CheckFailure, "runs: 1 of 1 differ, such as a.json"):
            compare(transcripts(self.root / "one"), transcripts(self.root / "two"), "runs")

    def test_missing_and_unexpected_files_are_named(self):
        with self.assertRaisesRegex(CheckFailure, "missing, such as a.json"):
            compare({"a.json": ""}, {}, "runs")
        with self.assertRaisesRegex(CheckFailure, "unexpected, such as b.json"):
            compare({}, {"b.json": ""}, "runs")

    def test_hidden_folders_are_ignored(self):
        self.write(".verbatim/plan.json", text="x")
        self.assertEqual(transcripts(self.root), {})


if __name__ == "__main__":
    unittest.main()
