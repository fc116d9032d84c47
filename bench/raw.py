"""Raw results, with the fields of the project's first memory report, so that both are comparable.

`results.jsonl` has one line per run, `memory.csv` one line per sample. Sizes are in MiB, although the
old field names have mb.
"""

import csv
import datetime
import json
from pathlib import Path

from bench.child import Child
from bench.memory import total_bytes

MIB = 2**20


def _iso(timestamp: float) -> str:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC).isoformat(timespec="milliseconds")


def write(children: list[Child], out: Path) -> None:
    """Writes both files."""
    with open(out / "results.jsonl", "w") as results:
        for child in children:
            files = child.workload.files
            size = sum(f.stat().st_size for f in files) / MIB
            for run in child.runs:
                results.write(json.dumps({
                    "test_id": f"{run.workload}-{run.peer}-{run.process}",
                    "timestamp": _iso(run.started),
                    "audio_file": files[0].name if len(files) == 1 else f"{len(files)} files",
                    "audio_size_mb": round(size, 3),
                    "concurrency": 1,
                    "task_id": run.run,
                    "status": "success",
                    "processing_time": round(run.seconds, 4),
                    "rtf": round(run.rtf, 6),
                    "worker_rss_before_mb": round(run.rss_before / MIB, 2),
                    "worker_rss_after_mb": round(run.rss_after / MIB, 2),
                    "worker_rss_delta_mb": round((run.rss_after - run.rss_before) / MIB, 2),
                    "worker_rss_peak_mb": round(run.peak_rss / MIB, 2),
                    "error": None,
                    "said": run.answer,
                }) + "\n")
    with open(out / "memory.csv", "w", newline="") as memory:
        rows = csv.writer(memory)
        rows.writerow(["timestamp", "elapsed_seconds", "process_name", "pid", "cpu_percent", "memory_rss_mb",
                       "memory_percent", "test_id", "task_id", "run_seconds"])
        for child in children:
            test = f"{child.workload.name}-{child.peer.name}-{child.process}"
            for s in child.sampler.samples:
                rows.writerow([_iso(s.timestamp), f"{s.elapsed_seconds:.2f}", child.peer.name, s.pid,
                               f"{s.cpu_percent:.0f}", f"{s.rss_bytes / MIB:.2f}",
                               f"{100 * s.rss_bytes / total_bytes():.3f}", test, s.run,
                               f"{s.run_seconds:.2f}"])
