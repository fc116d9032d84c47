"""The figures that count, what they must reach and what we aim for. One list, for the table and its verdicts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A figure of ours against its goals; `more_is_better` tells ratios from times and sizes."""

    key: str
    label: str
    unit: str
    must: float
    aim: float
    more_is_better: bool = False
    digits: int = 2

    def verdict(self, value: float | None) -> str:
        """`aim`, `must` or `missed`: the best goal that the value reaches."""
        if value is None:
            return "not measured"
        reaches = (lambda goal: value >= goal) if self.more_is_better else (lambda goal: value <= goal)
        return "aim" if reaches(self.aim) else "must" if reaches(self.must) else "missed"

    def show(self, value: float | None) -> str:
        """A value with its unit."""
        return "-" if value is None else f"{value:.{self.digits}f} {self.unit}".strip()


TARGETS = (
    Target("long_ratio", "(a) vendor's RTF / ours", "x", 6, 10, more_is_better=True, digits=1),
    Target("long_peak", "(a) peak RSS of the process that owns the model", "MiB", 450, 250, digits=0),
    Target("long_growth", "(a) RSS after run 4 minus after run 1", "MiB", 5, 1, digits=1),
    Target("prompts_wer", "(b) WER", "%", 8.3, 7.5),
    Target("prompts_ratio", "(b) vendor's RTF / ours", "x", 4, 7, more_is_better=True, digits=1),
    Target("first_transcript", "start to first transcript of a 10 s file", "s", 1.0, 0.5),
)
