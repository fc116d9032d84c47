"""Corpus-level word error rate of a folder of transcripts, with Whisper's English normaliser on both sides.

usage: python3 -m bench.wer DIR      prints the rate over the Asterisk prompts, with transcripts from DIR
"""

import json
import sys
from pathlib import Path

from bench import environment, workloads


def read_texts(folder: Path) -> dict[str, str]:
    """Texts of all `NAME.json` and `NAME.wav.json` below the folder, by NAME."""
    texts = {}
    for path in sorted(folder.rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and "text" in content:
            texts[path.name.removesuffix(".json").removesuffix(".wav")] = content["text"]
    return texts


def word_error_rate(references: dict[str, str], texts: dict[str, str]) -> float:
    """Corpus-level rate: all errors over all words. A missing transcript counts as empty."""
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    normalise = EnglishTextNormalizer()
    names = sorted(references)
    expected = [normalise(references[n]) for n in names]
    actual = [normalise(texts.get(n, "")) for n in names]
    return jiwer.wer(expected, actual)


def main(argv: list[str]) -> int:
    """Runs the command line."""
    if len(argv) != 1 or not Path(argv[0]).is_dir():
        print("usage: python3 -m bench.wer DIR", file=sys.stderr)
        return 2
    sys.path.insert(0, str(environment.python_packages()))
    references = workloads.prompts(environment.debian_prompts()).references
    texts = read_texts(Path(argv[0]))
    missing = sorted(set(references) - set(texts))
    if missing:
        print(f"bench: {len(missing)} transcripts are missing and count as empty, such as {missing[0]}",
              file=sys.stderr)
    rate = word_error_rate(references, texts)
    print(json.dumps({"files": len(references), "missing": len(missing), "wer": round(rate, 5)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
