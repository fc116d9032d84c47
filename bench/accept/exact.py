"""Exactness: the segments of a file do not depend on batch budget, thread count and file order.

Segments are compared with their text, times and scores.
"""

from pathlib import Path
from random import Random

from bench.accept.outputs import CheckFailure, compare, transcribe, transcripts

# A budget below the length of any segment puts every segment into its own batch.
ALONE = "0.5"
VARIANTS = (("60", "2"), ("480", "2"), (ALONE, "1"), ("60", "1"), ("480", "1"))


def check(binary: Path, folder: Path, prompts: tuple[Path, ...], samples: Path, random: Random) -> str:
    """Compares each variant, in its own file order, to the reference: one segment per batch, two threads."""
    files = [*prompts, samples / "two_cities.wav", samples / "beckett.wav"]
    transcribe(binary, files, folder / "reference", "--max-padded-seconds", ALONE, "--threads", "2")
    reference = transcripts(folder / "reference", keep=("segments",))
    if len(reference) != len(files):
        raise CheckFailure(f"{len(reference)} transcripts for {len(files)} files")
    for budget, threads in VARIANTS:
        random.shuffle(files)
        out = folder / f"{budget}-{threads}"
        transcribe(binary, files, out, "--max-padded-seconds", budget, "--threads", threads)
        compare(reference, transcripts(out, keep=("segments",)), f"budget {budget} s, {threads} threads")
    return f"{len(files)} files have the same segments in {1 + len(VARIANTS)} runs"
