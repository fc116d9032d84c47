"""Workloads of every peer: (a) one 12-minute file, (b) the Asterisk prompts with their transcripts.

Input: the folders of environment.py. Output: WAV files in the cache, made once, and the reference texts.

usage: python3 -m bench.workloads      prints the folder of the prompts, for tests; needs no Python packages
"""

import gzip
import os
import re
import shutil
import wave
from dataclasses import dataclass
from pathlib import Path

from bench.environment import cache_dir, debian_prompts, log

LONG_REPEATS = 16  # 44.4 s x 16 = 710 s, the "12-minute file" of the project's first memory report
SHORTEST_PROMPT_SECONDS = 2.0
EXPECTED_PROMPTS = 212


@dataclass(frozen=True)
class Workload:
    """Files that a peer transcribes in one run, in order."""

    name: str
    files: tuple[Path, ...]
    audio_seconds: float
    references: dict[str, str]

    def list_file(self) -> Path:
        """Writes a text file with one path per line, the input of the peers, and returns its path."""
        path = cache_dir() / f"{self.name}.files"
        path.write_text("".join(f"{f}\n" for f in self.files))
        return path


def seconds_of(path: Path) -> float:
    """Length of a WAV file in seconds."""
    with wave.open(str(path)) as wav:
        return wav.getnframes() / wav.getframerate()


def samples_dir(packages: Path) -> Path:
    """Folder of the recordings in Moonshine's package."""
    return packages / "moonshine_voice" / "assets"


def long_file(packages: Path) -> Workload:
    """Workload (a): two_cities.wav sixteen times in one file of 710 s, 48 kHz."""
    path = cache_dir() / "two_cities_x16.wav"
    if not path.exists():
        log(f"making {path.name}")
        partial = path.with_suffix(".partial")
        with wave.open(str(samples_dir(packages) / "two_cities.wav")) as source:
            frames = source.readframes(source.getnframes())
            with wave.open(str(partial), "wb") as out:
                out.setparams(source.getparams())
                for _ in range(LONG_REPEATS):
                    out.writeframes(frames)
        partial.rename(path)
    return Workload("long", (path,), seconds_of(path), {})


def prompt_texts(asterisk: Path) -> dict[str, str]:
    """Texts of the prompts by name, such as `digits/1`."""
    listing = asterisk / "usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"
    texts = {}
    for line in gzip.open(listing, "rt", encoding="utf-8"):
        if match := re.match(r"([\w/+-]+):\s+(.*\S)", line):
            texts[match[1]] = match[2]
    return texts


def prompts(asterisk: Path) -> Workload:
    """Workload (b): prompts of 2 s or more without sound effects (no `[` in the text), under flat names."""
    sounds = asterisk / "usr/share/asterisk/sounds/en_US_f_Allison"
    folder = cache_dir() / "prompts"
    chosen = []
    for name, text in sorted(prompt_texts(asterisk).items()):
        source = sounds / f"{name}.wav"
        if "[" not in text and source.is_file() and seconds_of(source) >= SHORTEST_PROMPT_SECONDS:
            chosen.append((source, name.replace("/", "__"), text))
    if len(chosen) != EXPECTED_PROMPTS:
        raise SystemExit(f"bench: {len(chosen)} prompts found, expected {EXPECTED_PROMPTS}")
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for source, name, _ in chosen:
            os.link(source.resolve(), partial / f"{name}.wav")
        partial.rename(folder)
    files = tuple(folder / f"{name}.wav" for _, name, _ in chosen)
    references = {name: text for _, name, text in chosen}
    return Workload("prompts", files, sum(map(seconds_of, files)), references)


if __name__ == "__main__":
    print(prompts(debian_prompts()).files[0].parent)
