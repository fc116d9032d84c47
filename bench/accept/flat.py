"""Flat memory: the peak for a three-hour file is within a tenth of the peak for a twelve-minute file."""

import os
import subprocess
import wave
from pathlib import Path
from random import Random

from bench.accept.outputs import CheckFailure

SHORT_SECONDS, LONG_SECONDS = 12 * 60, 3 * 3600
ALLOWED = 1.10


def repeat(source: Path, seconds: int, path: Path) -> None:
    """Writes a WAV file of about this length by repeating the recording."""
    with wave.open(str(source)) as wav:
        frames = wav.readframes(wav.getnframes())
        times = round(seconds * wav.getframerate() / wav.getnframes())
        with wave.open(str(path), "wb") as out:
            out.setparams(wav.getparams())
            for _ in range(times):
                out.writeframesraw(frames)


def peak_bytes(binary: Path, audio: Path, out: Path) -> int:
    """The kernel's high-water mark of the process and of the children that it waited for, in bytes."""
    command = [str(binary), "transcribe", str(audio), "-o", str(out), "--formats", "json", "--quiet"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise CheckFailure(f"transcribe {audio.name} exited with {child.returncode}")
    return usage.ru_maxrss * 1024


def check(binary: Path, folder: Path, prompts: tuple[Path, ...], samples: Path, random: Random) -> str:
    """Measures both files in turn, each in its own process."""
    peaks = []
    for seconds in (SHORT_SECONDS, LONG_SECONDS):
        audio = folder / f"{seconds}.wav"
        repeat(samples / "two_cities.wav", seconds, audio)
        peaks.append(peak_bytes(binary, audio, folder / "out"))
        audio.unlink()
    short, long = (p / 2**20 for p in peaks)
    summary = (f"peak {short:.0f} MiB on {SHORT_SECONDS // 60} minutes, "
               f"{long:.0f} MiB on {LONG_SECONDS // 3600} hours")
    if long > short * ALLOWED:
        raise CheckFailure(summary)
    return summary
