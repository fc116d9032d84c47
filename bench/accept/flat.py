"""Memory does not depend on a file's length: the peak on three hours is within a tenth of that on twelve minutes."""

import os
import subprocess
import wave
from pathlib import Path
from random import Random

from bench.accept.outputs import Problem

SHORT_SECONDS, LONG_SECONDS = 12 * 60, 3 * 3600
ALLOWED = 1.10


def repeat(source: Path, seconds: int, path: Path) -> None:
    """A WAV file of that length, the recording over and over."""
    with wave.open(str(source)) as wav:
        frames = wav.readframes(wav.getnframes())
        times = round(seconds * wav.getframerate() / wav.getnframes())
        with wave.open(str(path), "wb") as out:
            out.setparams(wav.getparams())
            for _ in range(times):
                out.writeframesraw(frames)


def peak_bytes(binary: Path, audio: Path, out: Path) -> int:
    """The kernel's high-water mark of the process and the children that it waited for."""
    command = [str(binary), "transcribe", str(audio), "-o", str(out), "--formats", "json", "--quiet"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Problem(f"transcribe {audio.name} ended with {child.returncode}")
    return usage.ru_maxrss * 1024


def check(binary: Path, folder: Path, prompts: tuple[Path, ...], samples: Path, random: Random) -> str:
    """Both files in turn, each in a process of its own."""
    peaks = []
    for seconds in (SHORT_SECONDS, LONG_SECONDS):
        audio = folder / f"{seconds}.wav"
        repeat(samples / "two_cities.wav", seconds, audio)
        peaks.append(peak_bytes(binary, audio, folder / "out"))
        audio.unlink()
    short, long = (p / 2**20 for p in peaks)
    said = f"peak {short:.0f} MiB on {SHORT_SECONDS // 60} minutes, {long:.0f} MiB on {LONG_SECONDS // 3600} hours"
    if long > short * ALLOWED:
        raise Problem(said)
    return said
