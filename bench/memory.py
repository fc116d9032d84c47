"""Memory and processor time of the process with the model, read from outside it.

Input: the id of a child process. Output: a sample every 100 ms and the kernel's high-water mark. Linux only
(/proc).
"""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.1
TICKS = os.sysconf("SC_CLK_TCK")


def status_bytes(pid: int, name: str) -> int:
    """Value of a line of /proc/PID/status in bytes, such as VmRSS or VmHWM; 0 if the process has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def children(pid: int) -> list[int]:
    """Running descendants of a process."""
    found = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in map(int, listing.read_text().split()):
                found += [child, *children(child)]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def model_process(pid: int) -> int:
    """Process with the model: the child or the descendant with the highest peak memory."""
    return max([pid, *children(pid)], key=lambda p: status_bytes(p, "VmHWM"))


def cpu_seconds(pid: int) -> float:
    """User and system time so far; 0 if the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def total_bytes() -> int:
    """Memory of the machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Sample:
    """Resource use of a process at one moment; `run` is 0 between runs."""

    timestamp: float
    elapsed_seconds: float
    run: int
    run_seconds: float
    pid: int
    cpu_percent: float
    rss_bytes: int


@dataclass
class Sampler:
    """Samples one child process on a thread until it is stopped."""

    pid: int
    samples: list[Sample] = field(default_factory=list)
    run: int = 0
    run_started: float = 0.0
    peak_bytes: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._started = time.monotonic()
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def begin_run(self, run: int) -> None:
        """Assigns the following samples to this run."""
        self.run_started = time.monotonic()
        self.run = run

    def end_run(self) -> None:
        """Assigns the following samples to no run."""
        self.run = 0

    def stop(self) -> None:
        """Stops the thread."""
        self._stop.set()
        self._thread.join()

    def rss_now(self) -> int:
        """Current resident memory of the process with the model, in bytes."""
        pid = model_process(self.pid)
        self.peak_bytes = max(self.peak_bytes, status_bytes(pid, "VmHWM"))
        return status_bytes(pid, "VmRSS")

    def _loop(self) -> None:
        last_cpu, last_time = 0.0, self._started
        while not self._stop.wait(SAMPLE_SECONDS):
            pid, now = model_process(self.pid), time.monotonic()
            rss, cpu = status_bytes(pid, "VmRSS"), cpu_seconds(pid)
            self.peak_bytes = max(self.peak_bytes, status_bytes(pid, "VmHWM"))
            run = self.run
            self.samples.append(Sample(
                time.time(), now - self._started, run, now - self.run_started if run else 0.0, pid,
                max(0.0, 100 * (cpu - last_cpu) / (now - last_time)), rss))
            last_cpu, last_time = cpu, now
