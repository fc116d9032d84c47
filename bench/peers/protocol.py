"""How the bench talks to a child that owns a model, the same for every peer.

The child loads its model and prints `{"ready": true}`. Then, for each run, it waits for a line on stdin, transcribes
all of its files once, and prints one JSON line with at least `run` and `audio_seconds`. End of input ends it. So the
bench takes the time and the memory from outside, between the runs nothing moves, and peers can take turns.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path


def arguments() -> argparse.Namespace:
    """The command line of every peer written in Python."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=Path, required=True, help="a text file with one path a line")
    parser.add_argument("--out", type=Path, required=True, help="where NAME.json with the last run's text goes")
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def serve(files: list[Path], out: Path, transcribe: Callable[[Path], tuple[str, float]]) -> None:
    """Runs the protocol; `transcribe` gives a file's text and its seconds of audio."""
    out.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"ready": True}), flush=True)
    for run, _ in enumerate(sys.stdin, start=1):
        seconds = 0.0
        texts = []
        for path in files:
            text, length = transcribe(path)
            texts.append((path.stem, text))
            seconds += length
        print(json.dumps({"run": run, "audio_seconds": seconds}), flush=True)
        for name, text in texts:
            (out / f"{name}.json").write_text(json.dumps({"text": text}))
