"""Writes an image of one layer as an archive that `docker load` and `ctr images import` read.

usage: pause_image.py LAYER.tar NAME ARCHIVE.tar
"""

import hashlib
import io
import json
import platform
import sys
import tarfile


def main() -> None:
    """Writes the archive: the layer, its configuration, and the manifest that names both."""
    layer_file, name, archive = sys.argv[1:]
    with open(layer_file, "rb") as file:
        layer = file.read()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(archive, "w") as tar:
        for path, content in (("layer.tar", layer), ("config.json", config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main()
