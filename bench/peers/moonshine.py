"""Moonshine's own engine, `moonshine-voice`: its C++ library, called through its C interface.

The package's Python class converts every sample to a Python float and back. On long files this costs
gigabytes and seconds that the engine does not cause. This peer calls the same C function with a plain buffer.
`--binding=python` uses the class unchanged, to show the difference.
"""

import ctypes
import sys
import wave
from pathlib import Path

from bench.peers import protocol


def read_wav(path: Path) -> tuple:
    """Reads 16-bit mono PCM as floats in [-1, 1), and the sample rate."""
    import numpy

    with wave.open(str(path)) as wav:
        assert wav.getsampwidth() == 2 and wav.getnchannels() == 1, f"{path} is not 16-bit mono"
        samples = numpy.frombuffer(wav.readframes(wav.getnframes()), dtype="<i2")
        return (samples / numpy.float32(32768)).astype(numpy.float32), wav.getframerate()


def main() -> None:
    """Runs one child process of the bench."""
    python_binding = "--binding=python" in sys.argv
    sys.argv = [a for a in sys.argv if not a.startswith("--binding")]
    args = protocol.arguments()
    from moonshine_voice.errors import check_error
    from moonshine_voice.moonshine_api import ModelArch, TranscriptC
    from moonshine_voice.transcriber import Transcriber

    engine = Transcriber(str(args.model), ModelArch.TINY)

    def through_c(path: Path) -> tuple[str, float]:
        samples, rate = read_wav(path)
        found = ctypes.POINTER(TranscriptC)()
        buffer = samples.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        check_error(engine._lib.moonshine_transcribe_without_streaming(
            engine._handle, buffer, len(samples), rate, 0, ctypes.byref(found)))
        lines = [ctypes.string_at(found.contents.lines[i].text) for i in range(found.contents.line_count)]
        return b" ".join(lines).decode("utf-8", "replace"), len(samples) / rate

    def through_python(path: Path) -> tuple[str, float]:
        samples, rate = read_wav(path)
        lines = engine.transcribe_without_streaming(samples.tolist(), rate).lines
        return " ".join(line.text for line in lines), len(samples) / rate

    files = [Path(line) for line in args.files.read_text().splitlines()]
    protocol.serve(files, args.out, through_python if python_binding else through_c)


if __name__ == "__main__":
    main()
