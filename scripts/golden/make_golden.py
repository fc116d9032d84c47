#!/usr/bin/env python3
"""Golden transcripts: runs the vendor's published Moonshine graphs on one segment at a time, and writes the text.

usage: make_golden.py SEGMENTS.json [-o GOLDEN.json] [--audio DIR] [--model DIR]

SEGMENTS.json is a list of {"wav": path, "start_sample": n, "end_sample": n}; samples count at 16 kHz, and paths start
at --audio: without it at the recordings of the vendor's package. Recordings at other rates are resampled first. The result
has, for each segment, the tokens without the end of text, the text, and the natural logarithm of the probability of
each token, its end included. Integer kernels round differently on processors without VNNI, so the logarithms may move
a little from one machine to another.

This is the reference that the engine is compared with: onnxruntime on the untouched `.ort` files of the pinned
package, a batch of one row, so no padding and none of our rewriting takes part. The packages of bench/requirements.txt
are needed; `make golden` installs them and calls this.
"""

import argparse
import json
import math
import sys
import wave
from pathlib import Path

import numpy as np

RATE = 16_000
BOS, EOS = 1, 2
# The vendor's limit of tokens per second of speech; beyond it the model repeats itself.
TOKENS_A_SECOND = 6.5
LAYERS, HEADS, HEAD_SIZE = 6, 8, 36


def resample(samples: np.ndarray, rate: int) -> np.ndarray:
    """Resamples any rate to 16 kHz with a windowed sinc: 64 zero crossings, Kaiser beta 12 (over 110 dB), pass band to 7.6 kHz."""
    if rate == RATE:
        return samples
    zeros, beta, cutoff = 64, 12.0, 0.95 * min(1.0, RATE / rate)
    reach = math.ceil(zeros / cutoff)
    offsets = np.arange(-reach, reach + 1)
    # The phase between input samples, and so the filter, repeats after this number of output samples.
    phases = RATE // math.gcd(rate, RATE)
    fraction = np.arange(phases) * rate % RATE / RATE
    distance = offsets[None, :] - fraction[:, None]
    window = np.i0(beta * np.sqrt(np.clip(1.0 - (distance / (reach + 1)) ** 2, 0.0, None))) / np.i0(beta)
    kernels = cutoff * np.sinc(cutoff * distance) * window
    padded = np.pad(samples.astype(np.float64), reach + 1)
    count = len(samples) * RATE // rate
    out = np.empty(count, dtype=np.float32)
    for first in range(0, count, 4096):
        n = np.arange(first, min(first + 4096, count))
        taps = (n * rate // RATE)[:, None] + offsets[None, :] + reach + 1
        out[n] = (padded[taps] * kernels[n % phases]).sum(axis=1)
    return out


def read_wav(path: Path) -> np.ndarray:
    """16-bit PCM, channels averaged, as float32 at 16 kHz."""
    with wave.open(str(path)) as wav:
        if wav.getsampwidth() != 2:
            raise SystemExit(f"make_golden: {path}: only 16-bit PCM is read")
        frames = np.frombuffer(wav.readframes(wav.getnframes()), dtype="<i2").reshape(-1, wav.getnchannels())
        return resample((frames / 32768.0).mean(axis=1).astype(np.float32), wav.getframerate())


def read_tokens(path: Path) -> list[bytes]:
    """tokenizer.bin: records of a length and bytes; a length of 128 or more takes two bytes. The index is the id."""
    data, tokens, at = path.read_bytes(), [], 0
    while at < len(data):
        length, at = data[at], at + 1
        if length >= 128:
            length, at = data[at] * 128 + length - 128, at + 1
        tokens.append(data[at:at + length])
        at += length
    return tokens


def text_of(tokens: list[int], vocabulary: list[bytes]) -> str:
    """Joins pieces; U+2581 is a space, `<0xNN>` a byte, other pieces in angle brackets are dropped."""
    joined = b""
    for token in tokens:
        piece = vocabulary[token]
        if piece.startswith(b"<0x") and piece.endswith(b">"):
            joined += bytes([int(piece[3:-1], 16)])
        elif not (piece.startswith(b"<") and piece.endswith(b">") and len(piece) > 2):
            joined += piece
    return joined.decode("utf-8", "replace").replace("\u2581", " ").strip()


class Reference:
    """The vendor's encoder and merged decoder in onnxruntime."""

    def __init__(self, model: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # sums keep their order, so the result is the same on every run
        self.encoder = onnxruntime.InferenceSession(model / "encoder_model.ort", options)
        self.decoder = onnxruntime.InferenceSession(model / "decoder_model_merged.ort", options)
        self.past_names = [i.name for i in self.decoder.get_inputs() if i.name.startswith("past_key_values")]
        self.output_names = [o.name for o in self.decoder.get_outputs()]
        self.vocabulary = read_tokens(model / "tokenizer.bin")

    def transcribe(self, samples: np.ndarray) -> tuple[list[int], list[float]]:
        """Greedy decoding of one segment: tokens, and the log-probability of each and of the end."""
        mask = np.ones((1, len(samples)), dtype=np.int64)
        hidden = self.encoder.run(None, {"input_values": samples[None], "attention_mask": mask})[0]
        past = {name: np.zeros((1, HEADS, 0, HEAD_SIZE), dtype=np.float32) for name in self.past_names}
        tokens, logprobs, last = [], [], BOS
        for step in range(math.ceil(len(samples) / RATE * TOKENS_A_SECOND)):
            # The mask is per sample here too: the graph takes every 384th value.
            outputs = dict(zip(self.output_names, self.decoder.run(None, past | {
                "encoder_attention_mask": mask,
                "input_ids": np.array([[last]], dtype=np.int64),
                "encoder_hidden_states": hidden,
                "use_cache_branch": np.array([step > 0]),
            }), strict=True))
            for name in self.past_names:
                # Only the first step computes the encoder's keys and values.
                if step == 0 or ".decoder." in name:
                    past[name] = outputs[name.replace("past_key_values", "present")]
            logits = outputs["logits"][0, -1].astype(np.float64)
            last = int(logits.argmax())
            logprobs.append(float(logits[last] - logits.max() - np.log(np.exp(logits - logits.max()).sum())))
            if last == EOS:
                break
            tokens.append(last)
        return tokens, logprobs


def vendor_assets() -> Path:
    """Folder of the vendor's installed package: recordings, and the model in `tiny-en`."""
    import moonshine_voice

    return Path(moonshine_voice.__file__).parent / "assets"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("segments", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    reference = Reference(args.model or vendor_assets() / "tiny-en")
    audio = args.audio or vendor_assets()
    recordings: dict[str, np.ndarray] = {}
    golden = []
    for segment in json.loads(args.segments.read_text()):
        name = segment["wav"]
        if name not in recordings:
            recordings = {name: read_wav(audio / name)}
        samples = recordings[name][segment["start_sample"]:segment["end_sample"]]
        tokens, logprobs = reference.transcribe(samples)
        golden.append(segment | {
            "tokens": tokens,
            "text": text_of(tokens, reference.vocabulary),
            "avg_logprob": round(sum(logprobs) / len(logprobs), 6) if logprobs else 0.0,
            "logprobs": [round(p, 5) for p in logprobs],
        })
    content = json.dumps(golden, indent=1, ensure_ascii=False) + "\n"
    if args.output:
        args.output.write_text(content)
    else:
        sys.stdout.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
