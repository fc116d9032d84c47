"""Protocol between the bench and the child process with a model, the same for every peer.

The child loads its model and prints `{"ready": true}`. For each run it waits for a line on stdin, transcribes
all of its files once, and prints one JSON line with at least `run` and `audio_seconds`. It exits at end of
input. The bench therefore measures time and memory from outside, nothing happens between runs, and peers can
take turns.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path


def arguments() -> argparse.Namespace:
    """Parses the command line of a peer written in Python."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=Path, required=True, help="text file with one path per line")
    parser.add_argument("--out", type=Path, required=True,
                        help="folder for NAME.json with the text of the last run")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def serve(files: list[Path], out: Path, transcribe: Callable[[Path], tuple[str, float]]) -> None:
    """Runs the protocol; `transcribe` returns the text of a file and its length in seconds."""
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
