"""Plot of docs/benchmarks.md: RTF and resident memory over four runs of the 12-minute file.

The SVG is written directly, so that it needs no library and follows the reader's light or dark theme.
"""

import math
from pathlib import Path

from bench.child import Child

MIB = 2**20
ORDER = ("moonshine-python", "moonshine", "whisper", "verbatim")
LABELS = {
    "moonshine-python": "Moonshine via Python",
    "moonshine": "Moonshine's engine",
    "whisper": "faster-whisper base",
    "verbatim": "Verbatim",
}
WIDTH, HEIGHT = 860, 380
TOP, BOTTOM = 64, 320
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #333 }
  .title { font-size: 14px; font-weight: 600 }
  .muted { fill: #666 }
  .grid { stroke: #ddd; stroke-width: 1 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .verbatim { stroke: #0b62c4; fill: #0b62c4 } .moonshine { stroke: #c2510a; fill: #c2510a }
  .moonshine-python { stroke: #a16207; fill: #a16207 } .whisper { stroke: #6b7280; fill: #6b7280 }
  text.verbatim, text.moonshine, text.moonshine-python, text.whisper {
    stroke: none; font-weight: 600
  }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .muted { fill: #aaa } .grid { stroke: #444 }
    .verbatim { stroke: #6cb2ff; fill: #6cb2ff } .moonshine { stroke: #ff9d5c; fill: #ff9d5c }
    .moonshine-python { stroke: #e3c04a; fill: #e3c04a } .whisper { stroke: #a3acb9; fill: #a3acb9 }
  }
"""


class Panel:
    """Pair of axes; y is logarithmic if the values differ by more than a factor of ten."""

    def __init__(self, title: str, left: float, right: float, x_max: float, ys: list[float]) -> None:
        self.left, self.right, self.x_max = left, right, x_max
        positive = [y for y in ys if y > 0]
        self.log = max(positive) / min(positive) > 10
        self.low, self.high = self._bounds(positive)
        self.parts = [f'<text class="title" x="{left}" y="30">{title}</text>']
        if self.log:
            self.parts.append(f'<text class="muted" x="{left}" y="48">logarithmic</text>')
        for tick in self._ticks():
            y = self.y(tick)
            self.parts.append(f'<path class="grid" d="M{left} {y:.1f}H{right}"/>')
            self.parts.append(
                f'<text class="muted" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')

    def _bounds(self, ys: list[float]) -> tuple[float, float]:
        if self.log:
            return 10 ** math.floor(math.log10(min(ys))), max(ys) * 1.2
        return 0.0, max(ys) * 1.08

    def _ticks(self) -> list[float]:
        if self.log:
            decades = range(round(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            marks = [10.0**d * m for d in decades for m in (1, 2, 5)]
            return [m for m in marks if self.low <= m <= self.high]
        rough = self.high / 5
        base = 10 ** math.floor(math.log10(rough))
        step = next(base * m for m in (1, 2, 5, 10) if base * m >= rough)
        return [step * i for i in range(int(self.high / step) + 1)]

    def x(self, value: float) -> float:
        """Horizontal position of a value."""
        return self.left + (self.right - self.left) * value / self.x_max

    def y(self, value: float) -> float:
        """Vertical position of a value."""
        if self.log:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = value / self.high
        return BOTTOM - (BOTTOM - TOP) * share

    def line(self, peer: str, points: list[tuple[float, float]], dots: bool) -> None:
        """Adds the line of one peer."""
        positions = [(self.x(a), self.y(b)) for a, b in points]
        path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in positions)
        self.parts.append(f'<path class="line {peer}" d="{path}" style="fill:none"/>')
        if dots:
            self.parts += [f'<circle class="{peer}" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>'
                           for a, b in positions]

    def labels(self, ends: dict[str, float]) -> None:
        """Adds names at the right ends of the lines, moved apart if they would overlap."""
        last = -math.inf
        for peer, value in sorted(ends.items(), key=lambda e: self.y(e[1])):
            last = max(self.y(value) + 4, last + 15)
            self.parts.append(
                f'<text class="{peer}" x="{self.right + 8}" y="{last:.1f}">{LABELS[peer]}</text>')

    def x_axis(self, marks: list[tuple[float, str]]) -> None:
        """Adds labels below the axis."""
        for value, text in marks:
            self.parts.append(
                f'<text class="muted" x="{self.x(value):.1f}" y="{BOTTOM + 20}" '
                f'text-anchor="middle">{text}</text>')


def thin(points: list[tuple[float, float]], most: int = 200) -> list[tuple[float, float]]:
    """Reduces points to at most `most`; keeps the highest of each group, so that no peak is lost."""
    size = max(1, math.ceil(len(points) / most))
    return [max(points[i:i + size], key=lambda p: p[1]) for i in range(0, len(points), size)]


def memory_points(child: Child) -> list[tuple[float, float]]:
    """Resident MiB over runs: 2.5 is half-way through the third run. Idle time between runs is left out."""
    durations = {r.run: r.seconds for r in child.runs}
    return [(s.run - 1 + min(1.0, s.run_seconds / durations[s.run]), s.rss_bytes / MIB)
            for s in child.sampler.samples if s.run in durations]


def write(path: Path, children: list[Child]) -> None:
    """Draws the first process of each peer on the 12-minute file."""
    shown = {p: c for p in ORDER for c in reversed(children)
             if c.peer.name == p and c.workload.name == "long" and c.process == 1}
    if not shown:
        return
    runs = max(len(c.runs) for c in shown.values())
    rtf = {p: [(r.run - 0.5, r.rtf) for r in c.runs] for p, c in shown.items()}
    memory = {p: thin(memory_points(c)) for p, c in shown.items()}
    speed = Panel("Real-time factor of each run (lower is faster)", 60, 280, runs,
                  [y for points in rtf.values() for _, y in points])
    resident = Panel("Resident memory, MiB", 490, 710, runs,
                     [y for points in memory.values() for _, y in points])
    for panel, lines, dots in ((speed, rtf, True), (resident, memory, False)):
        for peer, points in lines.items():
            panel.line(peer, points, dots)
        panel.labels({p: points[-1][1] for p, points in lines.items()})
        panel.x_axis([(i + 0.5, f"run {i + 1}") for i in range(runs)])
    body = "\n".join(speed.parts + resident.parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-label="Real-time factor and resident memory of each peer over four runs of a 12-minute file">\n'
        f"<style>{STYLE}</style>\n{body}\n"
        f'<text class="muted" x="60" y="{HEIGHT - 12}">A 12-minute file, four runs in one process. '
        f"Memory of the process with the model, sampled from outside every 100 ms.</text>\n</svg>\n")
