"""Tests queries without real data (a GPU, a firing alert) over synthetic samples, with promtool."""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import queries

# Reasons that tests/tests/node/queries.rs accepts.
REASONS = ["needs a GPU", "needs an alert that fires"]

WORKER = 'namespace="calls",verbatim_job="nov",pod="nov-0-0"'
SERIES = {
    f'verbatim_cuda_memory_used_bytes{{{WORKER},gpu="0"}}': "9e9x12",
    f'verbatim_cuda_memory_total_bytes{{{WORKER},gpu="0"}}': "24e9x12",
    f'verbatim_engine_cuda_memory_used_bytes{{{WORKER},gpu="0"}}': "8e9x12",
    'ALERTS{alertname="VerbatimJobStalled",alertstate="firing",severity="warning"}': "1x12",
}


class Excused(unittest.TestCase):
    def test_each_has_data_over_synthetic_samples(self):
        if not shutil.which("promtool"):
            reason = "NOT CHECKED: excused queries, since promtool is missing (make test-python)"
            print(f"\n{reason}", file=sys.stderr)
            self.skipTest(reason)
        excused = queries.excused(REASONS)
        selected = [query for query in queries.every() if query.where in excused]
        self.assertEqual(len(selected), len(excused))
        # Any number of samples is data.
        tests = [
            {"expr": f"count({queries.filled(query.expr)}) > bool 0", "eval_time": "1m", "exp_samples": [{"value": 1}]}
            for query in selected
        ]
        series = [{"series": name, "values": values} for name, values in SERIES.items()]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "excused.yaml"
            # JSON is YAML.
            file.write_text(json.dumps({"tests": [{"interval": "5s", "input_series": series, "promql_expr_test": tests}]}))
            done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
