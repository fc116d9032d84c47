#!/usr/bin/env python3
"""Compares the code's structure with the one that docs/design.md draws.

usage: scripts/structure.py

- Dependencies between the crates of the workspace are exactly the arrows of the block ```crates in docs/design.md, where
  each crate stands above those that it depends on.
- Files that docs/design.md and CONTRIBUTING.md name are there.
- Within a crate no files import each other in a circle. A re-export (`pub use`) is not an import: the arrow goes to the
  file that defines the name.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "verbatim-"


def drawn_arrows(document: str) -> dict[str, set[str]]:
    """Arrows of the design: crate -> crates that it may depend on. Raises ValueError where an arrow points up."""
    block = re.search(r"```crates\n(.*?)```", document, re.DOTALL)
    if not block:
        raise ValueError("docs/design.md has no block ```crates")
    arrows = {}
    for line in block.group(1).splitlines():
        name, _, targets = line.partition("->")
        arrows[name.strip()] = set(targets.split())
    order = list(arrows)
    for name, targets in arrows.items():
        for target in sorted(targets):
            if target not in order[order.index(name) + 1 :]:
                raise ValueError(f"docs/design.md: {name} -> {target}: {target} has to stand below {name}")
    return arrows


def built_arrows(metadata: dict) -> dict[str, set[str]]:
    """Arrows of the workspace, without dependencies of tests and builds."""
    members = set(metadata["workspace_members"])
    packages = {p["name"]: p for p in metadata["packages"] if p["id"] in members}
    short = {name: name.removeprefix(PREFIX) for name in packages}
    return {
        short[name]: {short[d["name"]] for d in package["dependencies"] if d["name"] in short and d["kind"] is None}
        for name, package in packages.items()
    }


def differences(drawn: dict[str, set[str]], built: dict[str, set[str]]) -> list[str]:
    """Arrows that are drawn or built, but not both."""
    found = []
    for name in sorted(drawn.keys() | built.keys()):
        ours, theirs = built.get(name, set()), drawn.get(name, set())
        if name not in drawn:
            found.append(f"crate {name} is not in docs/design.md")
        found += [f"{name} -> {target} is not in docs/design.md" for target in sorted(ours - theirs)]
        found += [f"{name} -> {target} is in docs/design.md only" for target in sorted(theirs - ours)]
    return found


def missing_files(document: str, root: Path) -> list[str]:
    """Paths in backticks that lead to nothing. A path has a folder and an ending, or ends with a slash."""
    paths = re.findall(r"`((?:[\w.-]+/)+(?:[\w-]+\.(?:rs|md|py|sh|yaml|json|toml))?)`", document)
    return sorted({path for path in paths if not (root / path).exists()})


def plain(source: str) -> str:
    """Source without comments, strings and inline modules of tests."""
    source = re.sub(r'//[^\n]*|"(?:\\.|[^"\\])*"', "", source)
    while found := re.search(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+\s*\{", source):
        depth, end = 1, found.end()
        while depth and end < len(source):
            depth += {"{": 1, "}": -1}.get(source[end], 0)
            end += 1
        source = source[: found.start()] + source[end:]
    return source


def leaves(tree: str, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of a `use` tree: `a::{b, c::d}` is a::b and a::c::d."""
    tree = tree.strip()
    if not tree.endswith("}"):
        tree = re.sub(r"\s+as\s+\w+$", "", tree)
        return [prefix + tuple(part.strip() for part in tree.split("::"))]
    head, _, body = tree.partition("{")
    prefix += tuple(part.strip() for part in head.split("::") if part.strip())
    found, part, depth = [], "", 0
    for char in body[:-1] + ",":
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and depth == 0:
            found += leaves(part, prefix) if part.strip() else []
            part = ""
        else:
            part += char
    return found


class Crate:
    """The files of a crate and their imports."""

    def __init__(self, folder: Path):
        self.sources: dict[tuple[str, ...], str] = {}
        self.files: dict[tuple[str, ...], Path] = {}
        for path in sorted(folder.rglob("*.rs")):
            parts = path.relative_to(folder).with_suffix("").parts
            module = parts[:-1] if parts[-1] in ("mod", "lib") else parts
            if parts[-1].endswith("tests") or parts[0] in ("main", "bin"):
                continue
            self.files[module] = path
            self.sources[module] = plain(path.read_text())
        self.exports = {module: self.reexports(module) for module in self.files}

    def absolute(self, module: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...] | None:
        """A path from the crate's root; none for paths of other crates."""
        if path[0] == "crate":
            return path[1:]
        if path[0] == "self":
            return module + path[1:]
        ups = 0
        while ups < len(path) and path[ups] == "super":
            ups += 1
        if ups:
            return module[: len(module) - ups] + path[ups:] if ups <= len(module) else None
        return module + path if module + path[:1] in self.files else None

    def uses(self, module: tuple[str, ...], public: bool) -> list[tuple[str, ...]]:
        pattern = r"^[ \t]*pub(?:\([^)]*\))?\s+use\s+([^;]+);" if public else r"^[ \t]*use\s+([^;]+);"
        trees = re.findall(pattern, self.sources[module], re.MULTILINE)
        return [leaf for tree in trees for leaf in leaves(tree)]

    def reexports(self, module: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        paths = (self.absolute(module, path) for path in self.uses(module, public=True))
        return {path[-1]: path for path in paths if path}

    def owner(self, path: tuple[str, ...], hops: int = 0) -> tuple[str, ...]:
        """The module of the file that defines what a path names."""
        for length in range(len(path), -1, -1):
            module = path[:length]
            if module not in self.files:
                continue
            name = path[length] if length < len(path) else None
            target = self.exports[module].get(name) if name else None
            if target and hops < 8 and target != path:
                return self.owner(target + path[length + 1 :], hops + 1)
            return module
        return ()

    def arrows(self) -> dict[tuple[str, ...], set[tuple[str, ...]]]:
        found = {}
        for module, source in self.sources.items():
            inline = [tuple(p.split("::")) for p in re.findall(r"(?<![\w:])(?:crate|super)(?:::\w+)+", source)]
            paths = (self.absolute(module, path) for path in self.uses(module, public=False) + inline)
            public = set(self.exports[module].values())
            found[module] = {self.owner(path) for path in paths if path and path not in public} - {module}
        return found

    def circles(self) -> list[list[str]]:
        """Groups of files that reach each other over imports (strongly connected components, Tarjan's algorithm)."""
        graph, index, low, stack, groups = self.arrows(), {}, {}, [], []

        def visit(node):
            index[node] = low[node] = len(index)
            stack.append(node)
            for target in sorted(graph.get(node, ())):
                if target not in index:
                    visit(target)
                    low[node] = min(low[node], low[target])
                elif target in stack:
                    low[node] = min(low[node], index[target])
            if low[node] == index[node]:
                at = stack.index(node)
                groups.append(stack[at:])
                del stack[at:]

        sys.setrecursionlimit(10_000)
        for node in graph:
            if node not in index:
                visit(node)
        return [sorted(str(self.files[node]) for node in group) for group in groups if len(group) > 1]


def main() -> int:
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    try:
        wrong = differences(drawn_arrows((ROOT / "docs/design.md").read_text()), built_arrows(metadata))
    except ValueError as error:
        wrong = [str(error)]
    for document in ("docs/design.md", "CONTRIBUTING.md"):
        missing = missing_files((ROOT / document).read_text(), ROOT)
        wrong += [f"{document} names {path}, which does not exist" for path in missing]
    for package in sorted(metadata["packages"], key=lambda package: package["name"]):
        source = Path(package["manifest_path"]).parent / "src"
        for circle in Crate(source).circles():
            files = ", ".join(str(Path(file).relative_to(ROOT)) for file in circle)
            wrong.append(f"{package['name']}: files import each other in a circle: {files}")
    for line in wrong:
        print(f"structure: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
