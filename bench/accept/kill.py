"""Kills: a job killed at twenty random moments and rerun each time has the outputs of an undisturbed run."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from random import Random

from bench.accept.outputs import CheckFailure, compare, transcripts

KILLS = 20
# Enough files for the kills to hit all stages of a run, few enough for the check to take a minute or two.
FILES = 60

MANIFEST = """\
apiVersion: verbatim.dev/v1alpha1
kind: TranscriptionJob
metadata: {{name: kill}}
spec:
  source: {{file: {{path: {source}}}}}
  destination:
    file: {{path: {destination}}}
    formats: [JSON, SRT, VTT, TXT]
"""


def manifest(folder: Path, name: str) -> Path:
    """Writes the manifest of a job from folder/audio to folder/NAME and returns its path."""
    path = folder / f"{name}.yaml"
    path.write_text(MANIFEST.format(source=folder / "audio", destination=folder / name))
    return path


def run(binary: Path, job: Path) -> float:
    """Runs a job without disturbance; returns the wall time in seconds."""
    begin = time.monotonic()
    command = [str(binary), "run", "-f", str(job)]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if ended.returncode != 0:
        raise CheckFailure(f"run exited with {ended.returncode}: {ended.stderr.decode()[-500:]}")
    return time.monotonic() - begin


def run_and_kill(binary: Path, job: Path, after: float) -> bool:
    """Starts a run and kills it after `after` seconds; returns whether it was still running."""
    child = subprocess.Popen([str(binary), "run", "-f", str(job)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        child.wait(after)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        child.wait()
        return True


def contents(folder: Path) -> dict[str, str]:
    """All outputs by path: JSON without `processing`, the other formats unchanged."""
    others = {str(p.relative_to(folder)): p.read_text(encoding="utf-8") for p in folder.rglob("*")
              if p.is_file() and p.suffix in (".srt", ".vtt", ".txt")}
    return transcripts(folder) | others


def check(binary: Path, folder: Path, prompts: tuple[Path, ...], samples: Path, random: Random) -> str:
    """Kills runs at random moments within the duration of an undisturbed run; a finished job starts over."""
    (folder / "audio").mkdir()
    for path in random.sample(prompts, FILES):
        shutil.copy(path, folder / "audio")
    undisturbed = run(binary, manifest(folder, "undisturbed"))
    expected = contents(folder / "undisturbed")
    job = manifest(folder, "killed")
    kills = rounds = 0
    while kills < KILLS:
        if not run_and_kill(binary, job, random.uniform(0, undisturbed)):
            # The job finished between two kills: compare, and start over.
            compare(expected, contents(folder / "killed"), f"after {kills} kills")
            shutil.rmtree(folder / "killed")
            rounds += 1
            continue
        kills += 1
    run(binary, job)
    compare(expected, contents(folder / "killed"), f"after {kills} kills")
    leftovers = [p.name for p in (folder / "killed").rglob("*")
            if p.is_file() and p.suffix not in (".json", ".srt", ".vtt", ".txt")
            and not any(part.startswith(".") for part in p.relative_to(folder / "killed").parts[:-1])]
    if leftovers:
        raise CheckFailure(f"{len(leftovers)} temporary files are left, such as {leftovers[0]}")
    return f"{kills} kills over {rounds + 1} jobs of {FILES} files; outputs equal those of an undisturbed run"
