"""Runs the binary and reads what it wrote. Shared by the checks."""

import json
import subprocess
from pathlib import Path


class Problem(Exception):
    """What does not hold, in words."""


def transcribe(binary: Path, files: list[Path], out: Path, *options: str) -> None:
    """One run of `verbatim transcribe`; anything but success is a problem."""
    command = [str(binary), "transcribe", *map(str, files), "-o", str(out), "--formats", "json", "--quiet", *options]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if ended.returncode != 0:
        raise Problem(f"transcribe {' '.join(options)} ended with {ended.returncode}: {ended.stderr.decode()[-500:]}")


def transcripts(folder: Path, keep: tuple[str, ...] | None = None) -> dict[str, str]:
    """Each JSON transcript below the folder as canonical text, by its relative path.

    `keep` names the fields that count; without it all do but `processing`, which differs between any two runs.
    """
    found = {}
    for path in sorted(folder.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        content = json.loads(path.read_text(encoding="utf-8"))
        chosen = {k: v for k, v in content.items() if (k in keep if keep else k != "processing")}
        found[str(path.relative_to(folder))] = json.dumps(chosen, sort_keys=True)
    return found


def compare(wanted: dict[str, str], found: dict[str, str], what: str) -> None:
    """Raises a problem that names the first difference."""
    if missing := sorted(wanted.keys() - found.keys()):
        raise Problem(f"{what}: {len(missing)} transcripts are missing, as {missing[0]}")
    if added := sorted(found.keys() - wanted.keys()):
        raise Problem(f"{what}: {len(added)} files should not be there, as {added[0]}")
    if differ := [name for name in sorted(wanted) if wanted[name] != found[name]]:
        name = differ[0]
        raise Problem(f"{what}: {len(differ)} of {len(wanted)} differ, as {name}:\n  {wanted[name]}\n  {found[name]}")
