"""Writes an image of one static program as an archive that `docker load` and `ctr images import` read.

usage: static_image.py PROGRAM NAME ARCHIVE.tar

An image is a list of layers and a configuration: no engine is needed to write one this small. The program is its entry point.
"""

import hashlib
import io
import json
import os
import platform
import sys
import tarfile


def packed(files: list[tuple[str, bytes, int]]) -> bytes:
    """A tar archive of files: path, content, mode."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content, mode in files:
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def main() -> None:
    """Writes the archive: the layer, its configuration, and the manifest that names both."""
    program, name, archive = sys.argv[1:]
    path = os.path.basename(program)
    with open(program, "rb") as file:
        layer = packed([(path, file.read(), 0o755)])
    config = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": [f"/{path}"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    files = [("layer.tar", layer, 0o644), ("config.json", config, 0o644), ("manifest.json", manifest, 0o644)]
    with open(archive, "wb") as file:
        file.write(packed(files))


if __name__ == "__main__":
    main()
