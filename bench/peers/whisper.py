"""faster-whisper: Whisper base with int8 weights, one file after the other, with the package's defaults."""

import wave
from pathlib import Path

from bench.peers import protocol


def main() -> None:
    """Runs one child process of the bench."""
    args = protocol.arguments()
    from faster_whisper import WhisperModel

    model = WhisperModel(
        str(args.model), device="cpu", compute_type="int8", cpu_threads=args.threads, local_files_only=True)

    def transcribe(path: Path) -> tuple[str, float]:
        segments, _ = model.transcribe(str(path), language="en")
        text = " ".join(s.text.strip() for s in segments)
        with wave.open(str(path)) as wav:
            return text, wav.getnframes() / wav.getframerate()

    files = [Path(line) for line in args.files.read_text().splitlines()]
    protocol.serve(files, args.out, transcribe)


if __name__ == "__main__":
    main()
