"""Time from the start of a new process to its first line of text, with a warm file cache."""

import statistics
import subprocess
import time
from pathlib import Path

TRIES = 5


def first_transcript_seconds(binary: Path, audio: Path, threads: int) -> float:
    """Median wall time from process start to the first byte of the transcript on stdout, in seconds."""
    command = [str(binary), "transcribe", str(audio), "--formats", "txt", "--threads", str(threads),
               "--quiet"]
    times = []
    for _ in range(TRIES):
        begin = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            first = child.stdout.read(1)
            times.append(time.monotonic() - begin)
            _, errors = child.communicate()
        if child.returncode != 0 or not first:
            raise SystemExit(f"bench: {' '.join(command)} exited with {child.returncode}: {errors.decode()}")
    return statistics.median(times)
