"""Order of the runs. A machine's speed drifts by half from hour to hour, so peers take turns, run by run.

All processes of a round exist side by side. One of them works at a time; the others wait without using
processor time. Whisper is the slowest, and no ratio is taken against it, so it runs in the first round only.
"""

import shutil
from pathlib import Path

from bench.child import Child, Peer, Run
from bench.environment import log
from bench.workloads import Workload


def run_rounds(peers: list[Peer], workload: Workload, rounds: int, runs: int, out: Path) -> list[Child]:
    """Runs `rounds` processes of each peer with `runs` runs each, in turns. Returns the ended children."""
    ended = []
    shutil.rmtree(out / "transcripts" / workload.name, ignore_errors=True)
    for process in range(1, rounds + 1):
        children = [
            Child(peer, workload, process, out / "transcripts" / workload.name / peer.name,
                  out / f"{peer.name}.log")
            for peer in peers
            if process == 1 or peer.name != "whisper"
        ]
        for _ in range(runs):
            for child in children:
                report(child.run())
        for child in children:
            child.close()
        ended += children
    return ended


def report(run: Run) -> None:
    """Prints one line per run."""
    log(f"{run.workload:8} {run.peer:10} process {run.process} run {run.run}: {run.seconds:7.2f} s, "
        f"RTF {run.rtf:.4f}, RSS {run.rss_after / 2**20:6.0f} MiB, peak {run.peak_rss / 2**20:6.0f} MiB")
