"""Tests the annotation of recycles with promtool: each is marked once, however short-lived its worker was."""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import queries

# Scrape interval in seconds, and the number of scrapes in one step (a minute) of the annotation.
INTERVAL = 5
PHASES = 60 // INTERVAL

# Workers by name: samples of their recycle counters in promtool's notation, and the expected number of marks.
WORKERS = {
    "lives": ("0x60 1x120", 1),
    "twice": ("0x40 1x40 2x100", 2),
    "ends-at-once": ("0x6 1x1 stale", 1),
    "is-young": ("1x180", 1),
    "is-young-and-ends": ("1x2 stale", 1),
    "starts-anew": ("3x60 0x60", 3),
    "is-silent-for-a-while": ("1x20 _x20 1x100", 1),
    "has-none": ("0x180", 0),
}


def recycles() -> dict[str, str]:
    """The annotation's query of each dashboard that distinguishes workers."""
    found = {}
    for path in sorted(queries.BOARDS.glob("*.json")):
        for annotation in json.loads(path.read_text())["annotations"]["list"]:
            if annotation["name"] == "Recycles" and annotation["expr"].startswith("sum by (reason, pod) "):
                assert annotation["step"] == "1m"
                found[path.name] = queries.filled(annotation["expr"])
    return found


def case(expr: str, phase: int) -> dict:
    """A test over all workers, evaluated every minute. Workers start `phase` scrapes after the test."""
    name = 'verbatim_engine_recycles_total{namespace="calls",verbatim_job="nov",pod="%s",reason="Memory"}'
    before = f"_x{phase} " if phase else ""
    expected = [
        {"labels": f'{{pod="{pod}",reason="Memory"}}', "value": count} for pod, (_, count) in WORKERS.items() if count
    ]
    return {
        "interval": f"{INTERVAL}s",
        "input_series": [{"series": name % pod, "values": before + values} for pod, (values, _) in WORKERS.items()],
        "promql_expr_test": [{"expr": f"sum_over_time(({expr})[24m:1m])", "eval_time": "24m", "exp_samples": expected}],
    }


class Annotations(unittest.TestCase):
    def test_each_recycle_is_marked_once(self):
        if not shutil.which("promtool"):
            reason = "NOT CHECKED: annotations, since promtool is missing (make test-python)"
            print(f"\n{reason}", file=sys.stderr)
            self.skipTest(reason)
        boards = recycles()
        self.assertEqual(set(boards), {"job.json", "memory.json"})
        for board, expr in boards.items():
            # JSON is YAML.
            text = json.dumps({"tests": [case(expr, phase) for phase in range(PHASES)]})
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "annotations.yaml"
                file.write_text(text)
                done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, f"{board}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    unittest.main()
