"""Writes the bill of materials of an image as CycloneDX 1.5 JSON.

usage: sbom.py operator|worker ARCHIVE.tar > sbom.cdx.json

Crates come from Cargo.lock (those that get into the program), Debian's packages from the image itself, model and runtime from
inference/models/assets.lock.toml.
"""

import json
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"operator": "verbatim-operator", "worker": "verbatim"}


def crates(package: str) -> list[dict]:
    """Crates in `package` on Linux, without those only for builds or tests."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]
    data = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    packages = {each["id"]: each for each in data["packages"]}
    nodes = {each["id"]: each for each in data["resolve"]["nodes"]}
    waiting = [each["id"] for each in data["packages"] if each["name"] == package]
    found: dict[str, dict] = {}
    while waiting:
        identity = waiting.pop()
        if identity in found:
            continue
        about = packages[identity]
        found[identity] = {
            "type": "library",
            "name": about["name"],
            "version": about["version"],
            "purl": f"pkg:cargo/{about['name']}@{about['version']}",
            **({"licenses": [{"expression": about["license"]}]} if about["license"] else {}),
        }
        for dependency in nodes[identity]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    return list(found.values())


def debian(archive: Path) -> list[dict]:
    """Debian packages of an image, from the records in its layers."""
    found = []
    with tarfile.open(archive) as image:
        manifest = json.load(image.extractfile("manifest.json"))
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=image.extractfile(layer)) as files:
                for entry in files:
                    if entry.isfile() and "var/lib/dpkg/status.d/" in entry.name:
                        found.append(_debian(files.extractfile(entry).read().decode()))
    return found


def _debian(record: str) -> dict:
    fields = dict(line.split(": ", 1) for line in record.splitlines() if ": " in line and not line.startswith(" "))
    name, version = fields["Package"], fields["Version"]
    purl = f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?arch={fields['Architecture']}&distro=debian-12"
    return {"type": "library", "name": name, "version": version, "purl": purl}


def assets() -> list[dict]:
    """Model and runtime, with their pinned digests."""
    lock = tomllib.loads((ROOT / "inference/models/assets.lock.toml").read_text())
    found = []
    for name, digest in lock["model"]["files"].items():
        found.append({
            "type": "machine-learning-model" if name.endswith(".onnx") else "data",
            "name": f"{lock['model']['name']}/{name}",
            "hashes": [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}],
        })
    runtime = next(each for each in lock["runtime"] if each["machine"] == "x86_64")
    found.append({
        "type": "library",
        "name": runtime["package"],
        "version": runtime["version"],
        "purl": f"pkg:pypi/{runtime['package']}@{runtime['version']}",
        "hashes": [{"alg": "SHA-256", "content": runtime["library_sha256"]}],
    })
    return found


def ffmpeg() -> list[dict]:
    """FFmpeg's libraries in the worker, with the digest of their source."""
    lock = tomllib.loads((ROOT / "scripts/ffmpeg/Cargo.lock").read_text())
    source = next(each for each in lock["package"] if each["name"] == "ffmpeg-src")
    return [{
        "type": "library",
        "name": "ffmpeg",
        "version": source["version"],
        "purl": f"pkg:cargo/ffmpeg-src@{source['version']}",
        "hashes": [{"alg": "SHA-256", "content": source["checksum"]}],
        "licenses": [{"expression": "LGPL-2.1-or-later"}],
    }]


def main() -> None:
    """Prints the bill of materials."""
    target, archive = sys.argv[1], Path(sys.argv[2])
    components = crates(PACKAGES[target]) + debian(archive) + (assets() + ffmpeg() if target == "worker" else [])
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    json.dump({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"verbatim-{target}", "version": version}},
        "components": sorted(components, key=lambda each: (each["type"], each["name"], each.get("version", ""))),
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
