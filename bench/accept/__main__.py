"""usage: python3 -m bench.accept [--binary FILE] [exact] [flat] [kill]      without names: all three"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

from bench import environment, workloads
from bench.accept import exact, flat, kill
from bench.accept.outputs import CheckFailure

ROOT = Path(__file__).resolve().parent.parent.parent
CHECKS = {"exact": exact.check, "flat": flat.check, "kill": kill.check}


def main() -> int:
    """Runs the checks in turn and prints the result of each."""
    parser = argparse.ArgumentParser(prog="accept", description=__doc__)
    parser.add_argument("checks", nargs="*", metavar="|".join(CHECKS))
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/verbatim")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32),
                        help="seed of all random choices")
    args = parser.parse_args()
    unknown = set(args.checks) - CHECKS.keys()
    if unknown:
        parser.error(f"unknown check: {', '.join(sorted(unknown))}")
    samples = workloads.samples_dir(environment.python_packages())
    prompts = workloads.prompts(environment.debian_prompts())
    print(f"seed {args.seed}")
    passed = True
    for name in args.checks or CHECKS:
        with tempfile.TemporaryDirectory(prefix="verbatim-accept-") as folder:
            try:
                generator = random.Random(args.seed)
                summary = CHECKS[name](args.binary.resolve(), Path(folder), prompts.files, samples, generator)
                print(f"{name}: passed: {summary}", flush=True)
            except CheckFailure as failure:
                passed = False
                print(f"{name}: FAILED: {failure}", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
