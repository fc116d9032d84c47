"""The same file gives the same segments (text, times, scores), whatever batch budget, threads and order of files."""

from pathlib import Path
from random import Random

from bench.accept.outputs import Problem, compare, transcribe, transcripts

# A budget below any segment's length makes every segment a batch of its own.
ALONE = "0.5"
VARIANTS = (("60", "2"), ("480", "2"), (ALONE, "1"), ("60", "1"), ("480", "1"))


def check(binary: Path, folder: Path, prompts: tuple[Path, ...], samples: Path, random: Random) -> str:
    """One segment a batch on two threads is the reference; every variant gets the files in an order of its own."""
    files = [*prompts, samples / "two_cities.wav", samples / "beckett.wav"]
    transcribe(binary, files, folder / "reference", "--max-padded-seconds", ALONE, "--threads", "2")
    reference = transcripts(folder / "reference", keep=("segments",))
    if len(reference) != len(files):
        raise Problem(f"{len(reference)} transcripts for {len(files)} files")
    for budget, threads in VARIANTS:
        random.shuffle(files)
        out = folder / f"{budget}-{threads}"
        transcribe(binary, files, out, "--max-padded-seconds", budget, "--threads", threads)
        compare(reference, transcripts(out, keep=("segments",)), f"budget {budget} s, {threads} threads")
    return f"{len(files)} files are the same in {1 + len(VARIANTS)} runs"
