"""Measures of the tables, computed from runs; medians throughout. Pure."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from bench import wer
from bench.child import Child

MIB = 2**20


@dataclass(frozen=True)
class PeerFigures:
    """Measures of one peer on one workload."""

    rtf: float
    fastest: float
    slowest: float
    peak_mib: float
    first_mib: float
    last_mib: float
    runs: int
    wer_percent: float | None = None


def figures(children: list[Child], peer: str, workload: str) -> PeerFigures | None:
    """Measures of a peer over all of its processes; None if it did not run."""
    own = [c for c in children if c.peer.name == peer and c.workload.name == workload]
    runs = [r for c in own for r in c.runs]
    if not runs:
        return None
    rtfs = [r.rtf for r in runs]
    references = own[0].workload.references
    rate = 100 * wer.word_error_rate(references, wer.read_texts(own[0].out)) if references else None
    return PeerFigures(
        rtf=statistics.median(rtfs), fastest=min(rtfs), slowest=max(rtfs),
        peak_mib=max(r.peak_rss for r in runs) / MIB,
        first_mib=statistics.median(c.runs[0].rss_after for c in own) / MIB,
        last_mib=statistics.median(c.runs[-1].rss_after for c in own) / MIB,
        runs=len(runs), wer_percent=rate,
    )


def paired_ratio(children: list[Child], workload: str, slow: str, fast: str) -> float | None:
    """Median ratio of RTFs over neighbouring runs: the nth run of one peer and the nth of the other."""
    def seconds(peer: str) -> dict[tuple[int, int], float]:
        return {(c.process, r.run): r.rtf for c in children
                if c.peer.name == peer and c.workload.name == workload for r in c.runs}

    one, other = seconds(slow), seconds(fast)
    ratios = [one[k] / other[k] for k in one.keys() & other.keys()]
    return statistics.median(ratios) if ratios else None


def growth_mib(children: list[Child], peer: str, workload: str) -> float | None:
    """RSS after the last run minus RSS after the first, in MiB; the largest over the processes."""
    grown = [c.runs[-1].rss_after - c.runs[0].rss_after for c in children
             if c.peer.name == peer and c.workload.name == workload and len(c.runs) > 1]
    return max(grown) / MIB if grown else None


def against_targets(children: list[Child], first_transcript: float | None) -> dict[str, float | None]:
    """Verbatim's value for each target of targets.py; None if not measured."""
    long, prompts = (figures(children, "verbatim", w) for w in ("long", "prompts"))
    return {
        "long_ratio": paired_ratio(children, "long", "moonshine", "verbatim"),
        "long_peak": long.peak_mib if long else None,
        "long_growth": growth_mib(children, "verbatim", "long"),
        "prompts_wer": prompts.wer_percent if prompts else None,
        "prompts_ratio": paired_ratio(children, "prompts", "moonshine", "verbatim"),
        "first_transcript": first_transcript,
    }
