"""Compares a soak's own record of the engine's memory with Prometheus' samples.

usage: soak_compare.py REPORT-FOLDER PROMETHEUS-URL

Both are read at Prometheus' times: its sample against the record's nearest second. Exits with 1 when the medians differ by more than
2 %, when Prometheus has less than nine tenths of its samples, or when the kernel killed anything.
"""

import bisect
import csv
import json
import statistics
import sys
import urllib.parse
import urllib.request
from datetime import datetime
from pathlib import Path

# Interval between scrapes in seconds, from prometheus.sh.
SCRAPE = 5.0
MB = 1_000_000
# The pod of soak.sh, whatever else runs there.
POD = '{namespace="default",pod="soak"}'


def ask(base: str, path: str, **query: str) -> list:
    """Series of a query's answer."""
    url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]["result"]


def main() -> None:
    """Prints the comparison; fails if the two differ."""
    folder, base = Path(sys.argv[1]), sys.argv[2]
    engines: dict[float, float] = {}
    for row in csv.DictReader((folder / "resources.csv").open()):
        if row["process_name"] == "engine":
            at = datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")).timestamp()
            engines[at] = engines.get(at, 0.0) + float(row["memory_rss_mb"])
    times = sorted(engines)
    # Without the first minute, in which the model is loaded.
    begin, end = times[0] + 60, times[-1]
    window = f"{int(end - begin)}s"
    found = ask(base, "query", query=f"verbatim_engine_resident_memory_bytes{POD}[{window}]", time=str(end))
    pairs = []
    for series in found:
        for at, value in series["values"]:
            place = bisect.bisect(times, at)
            near = min(times[max(0, place - 1):place + 1], key=lambda each: abs(each - at))
            if abs(near - at) < 1.5:
                pairs.append((float(value) / MB, engines[near]))
    kills = sum(float(each["value"][1]) for each in ask(base, "query", query=f"verbatim_cgroup_oom_kills_total{POD}", time=str(end)))
    scraped = statistics.median(pair[0] for pair in pairs)
    recorded = statistics.median(pair[1] for pair in pairs)
    differences = sorted(abs(mine - theirs) for mine, theirs in pairs)
    print(f"samples: {len(pairs)} of Prometheus in {window}, {len(times)} of the soak")
    print(f"engine's resident memory, median: Prometheus {scraped:.1f} MB, soak {recorded:.1f} MB")
    print(f"largest: Prometheus {max(pair[0] for pair in pairs):.1f} MB, soak {max(pair[1] for pair in pairs):.1f} MB at those times")
    print(f"difference at the same second: median {statistics.median(differences):.2f} MB, nine tenths below {differences[len(differences) * 9 // 10]:.2f} MB")
    print(f"processes that the kernel killed for memory: {kills:.0f}")
    wrong = []
    if abs(scraped - recorded) > 0.02 * recorded:
        wrong.append("the medians differ by more than 2 %")
    if len(pairs) < 0.9 * (end - begin) / SCRAPE:
        wrong.append("Prometheus lacks samples")
    if kills:
        wrong.append("the kernel killed something")
    for each in wrong:
        print(f"WRONG: {each}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
