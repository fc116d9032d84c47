"""Benchmark of Verbatim, Moonshine's own engine and faster-whisper over the same audio in the same run.

usage: python3 -m bench [options]     see --help; `make bench` builds first
"""

import argparse
import json
import sys
from pathlib import Path

from bench import environment, machine, raw, report, schedule, startup, summary, workloads
from bench.child import Peer
from bench.environment import log

ROOT = Path(__file__).resolve().parent.parent


def options() -> argparse.Namespace:
    """Parses the command line. The defaults take about 20 minutes on 2 cores, 9 of them for whisper."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/verbatim")
    parser.add_argument("--peers", default="moonshine,verbatim,whisper",
                        help="peers to run, in this order; also available: moonshine-python")
    parser.add_argument("--work", default="long,prompts", help="workloads to run")
    parser.add_argument("--runs", type=int, default=4, help="runs of (a) in one process")
    parser.add_argument("--rounds", type=int, default=1, help="processes per peer for (a)")
    parser.add_argument("--prompt-rounds", type=int, default=3, help="processes per peer for (b)")
    parser.add_argument("--threads", type=int, default=2, help="threads per peer")
    parser.add_argument("--out", type=Path, default=ROOT / "bench-out", help="folder for raw results")
    parser.add_argument("--no-docs", action="store_true", help="do not write docs/benchmarks.md and the plot")
    return parser.parse_args()


def peers(args: argparse.Namespace, packages: Path, whisper: Path) -> list[Peer]:
    """The selected peers, each with its command."""
    def python(module: str, model: Path, *more: str):
        return lambda work, out: [
            sys.executable, "-m", f"bench.peers.{module}", "--files", work.list_file(), "--out", out,
            "--model", model, "--threads", args.threads, *more]

    moonshine = workloads.samples_dir(packages) / "tiny-en"

    known = {
        "moonshine": Peer("moonshine", python("moonshine", moonshine)),
        "moonshine-python": Peer("moonshine-python", python("moonshine", moonshine, "--binding=python")),
        "whisper": Peer("whisper", python("whisper", whisper)),
        "verbatim": Peer("verbatim", lambda work, out: [
            args.binary, "bench", "--step", "--repeat", 1000, "--json", "-", "-o", out,
            "--threads", args.threads, *work.files]),
    }
    return [known[name] for name in args.peers.split(",")]


def main() -> int:
    """Measures, writes the raw results, prints the tables and updates the document."""
    args = options()
    packages = environment.python_packages()
    whisper = environment.whisper_model(packages)
    asterisk = environment.debian_prompts()
    report.share_packages(packages)
    work = [workloads.long_file(packages), workloads.prompts(asterisk)]
    selected = peers(args, packages, whisper)
    with_verbatim = any(p.name == "verbatim" for p in selected)
    if with_verbatim and not args.binary.exists():
        raise SystemExit(f"bench: {args.binary} does not exist: run `make build` first")
    args.out.mkdir(parents=True, exist_ok=True)
    load = machine.busy()
    if load > 1:
        log(f"the machine is busy (load {load:.1f}): the results will be noisy")

    first = None
    if with_verbatim:
        beckett = workloads.samples_dir(packages) / "beckett.wav"
        first = startup.first_transcript_seconds(args.binary, beckett, args.threads)
        log(f"process start to first transcript: {first:.2f} s")
    children = []
    if "long" in args.work.split(","):
        children += schedule.run_rounds(selected, work[0], args.rounds, args.runs, args.out)
    if "prompts" in args.work.split(","):
        children += schedule.run_rounds(selected, work[1], args.prompt_rounds, 1, args.out)

    raw.write(children, args.out)
    values = summary.against_targets(children, first)
    host = machine.describe() | {"load before": f"{load:.2f}"}
    (args.out / "summary.json").write_text(json.dumps({"machine": host, "figures": values}, indent=2) + "\n")
    print(report.terminal(children, values))
    if not args.no_docs:
        report.write_document(ROOT / "docs", children, values, host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
