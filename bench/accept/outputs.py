"""Runs of the binary and their outputs, shared by the checks."""

import json
import subprocess
from pathlib import Path


class CheckFailure(Exception):
    """Failure of a check; the message names the first difference."""


def transcribe(binary: Path, files: list[Path], out: Path, *options: str) -> None:
    """Runs `verbatim transcribe`.

    Raises CheckFailure if it does not succeed.
    """
    command = [str(binary), "transcribe", *map(str, files), "-o", str(out), "--formats", "json", "--quiet",
               *options]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if ended.returncode != 0:
        errors = ended.stderr.decode()[-500:]
        raise CheckFailure(f"transcribe {' '.join(options)} exited with {ended.returncode}: {errors}")


def transcripts(folder: Path, keep: tuple[str, ...] | None = None) -> dict[str, str]:
    """JSON transcripts below the folder as canonical text, by relative path.

    `keep` names the fields to keep; by default all but `processing`, which differs between any two runs.
    """
    found = {}
    for path in sorted(folder.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        content = json.loads(path.read_text(encoding="utf-8"))
        chosen = {k: v for k, v in content.items() if (k in keep if keep else k != "processing")}
        found[str(path.relative_to(folder))] = json.dumps(chosen, sort_keys=True)
    return found


def compare(expected: dict[str, str], actual: dict[str, str], what: str) -> None:
    """Raises CheckFailure with the first difference."""
    if missing := sorted(expected.keys() - actual.keys()):
        raise CheckFailure(f"{what}: {len(missing)} transcripts are missing, such as {missing[0]}")
    if added := sorted(actual.keys() - expected.keys()):
        raise CheckFailure(f"{what}: {len(added)} files are unexpected, such as {added[0]}")
    if differ := [name for name in sorted(expected) if expected[name] != actual[name]]:
        name = differ[0]
        raise CheckFailure(f"{what}: {len(differ)} of {len(expected)} differ, such as {name}:\n"
                           f"  {expected[name]}\n  {actual[name]}")
