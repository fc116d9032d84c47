"""Targets of the benchmark: for each measure the required value and the goal."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Measure with its required value and its goal; `more_is_better` is true for ratios alone."""

    key: str
    label: str
    unit: str
    required: float
    goal: float
    more_is_better: bool = False
    digits: int = 2

    def result(self, value: float | None) -> str:
        """Highest level that the value reaches, in words."""
        if value is None:
            return "not measured"
        reaches = (lambda level: value >= level) if self.more_is_better else (lambda level: value <= level)
        return "goal met" if reaches(self.goal) else "requirement met" if reaches(self.required) else "missed"

    def show(self, value: float | None) -> str:
        """Formats a value with its unit."""
        return "-" if value is None else f"{value:.{self.digits}f} {self.unit}".strip()


TARGETS = (
    Target("long_ratio", "(a) RTF of Moonshine's engine / RTF of Verbatim", "x", 6, 10,
           more_is_better=True, digits=1),
    Target("long_peak", "(a) peak RSS of the process with the model", "MiB", 450, 250, digits=0),
    Target("long_growth", "(a) growth of RSS from run 1 to run 4", "MiB", 5, 1, digits=1),
    Target("prompts_wer", "(b) WER", "%", 8.3, 7.5),
    Target("prompts_ratio", "(b) RTF of Moonshine's engine / RTF of Verbatim", "x", 4, 7,
           more_is_better=True, digits=1),
    Target("first_transcript", "process start to first transcript of a 10 s file", "s", 1.0, 0.5),
)
