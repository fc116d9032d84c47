"""Process of one peer over one workload: start, runs measured from outside, end.

Input: a command that implements the protocol of peers/protocol.py. Output: one Run per pass.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.memory import Sampler
from bench.workloads import Workload


@dataclass(frozen=True)
class Peer:
    """Program under test: its name, and its command for a workload and an output folder."""

    name: str
    command: callable


@dataclass
class Run:
    """One pass over a workload; time and memory are measured from outside the process."""

    peer: str
    workload: str
    process: int
    run: int
    started: float
    seconds: float
    audio_seconds: float
    rss_before: int
    rss_after: int
    peak_rss: int
    answer: dict

    @property
    def rtf(self) -> float:
        """Processing seconds per second of audio."""
        return self.seconds / self.audio_seconds


class Child:
    """Running process of a peer. `process` numbers the processes of one peer."""

    def __init__(self, peer: Peer, workload: Workload, process: int, out: Path, log: Path) -> None:
        self.peer, self.workload, self.process, self.out = peer, workload, process, out
        self.runs: list[Run] = []
        self._log_path = log
        self._log = open(log, "ab")
        command = [str(part) for part in peer.command(workload, out)]
        self._child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True, bufsize=1)
        self.sampler = Sampler(self._child.pid)
        if not self._answer().get("ready"):
            raise SystemExit(f"bench: {peer.name} did not report that it is ready: see {log}")

    def run(self) -> Run:
        """Lets the peer transcribe all files once."""
        number = len(self.runs) + 1
        before, started = self.sampler.rss_now(), time.time()
        self.sampler.begin_run(number)
        begin = time.monotonic()
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        answer = self._answer()
        seconds = time.monotonic() - begin
        after = self.sampler.rss_now()
        self.sampler.end_run()
        # The length is the workload's own, not the peer's answer, so that all ratios have the same base.
        run = Run(self.peer.name, self.workload.name, self.process, number, started, seconds,
                  self.workload.audio_seconds, before, after, self.sampler.peak_bytes, answer)
        self.runs.append(run)
        return run

    def close(self) -> None:
        """Ends the process and waits for its transcripts."""
        self.sampler.rss_now()
        self._child.stdin.close()
        code = self._child.wait()
        self.sampler.stop()
        self._log.close()
        if code != 0:
            raise SystemExit(f"bench: {self.peer.name} exited with {code}: see {self._log_path}")

    def _answer(self) -> dict:
        """Next JSON object on the peer's stdout; other lines go to the log."""
        for line in self._child.stdout:
            if line.startswith("{"):
                return json.loads(line)
            self._log.write(line.encode())
        code = self._child.wait()
        raise SystemExit(f"bench: {self.peer.name} exited with {code} during a run: see {self._log_path}")
