"""Lists every query of the dashboards and alerts, and checks that a running Prometheus has data for each.

usage: python3 deploy/tests/queries.py URL [--minutes 15] [--within SECONDS] [--excuse REASON]... [--verbose]

Fails if a query without data is not listed in without_data.json, which groups such queries by reason (a GPU
or a fault is needed). With --within, repeats the queries for up to that time until each has had data.
"""

import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent
BOARDS = DEPLOY / "dashboards"
RULES = DEPLOY / "alerts" / "verbatim.rules.yaml"
NAMES = BOARDS / "generator" / "contract" / "names.go"
WITHOUT_DATA = Path(__file__).resolve().parent / "without_data.json"

# A selector: the name of a metric, and optional matchers. `verbatim_job` is a label, not a metric.
SELECTOR = re.compile(r"\b(?!verbatim_job\b[^:])(verbatim_[a-z_:0-9]+|process_[a-z_]+|ALERTS)(\{[^}]*\})?")
# Values of the dashboards' variables when everything is selected. The rate interval is at least four scrape
# intervals.
VARIABLES = {
    "$namespace": ".+",
    "$verbatim_job": ".+",
    "$worker": ".+",
    "$__rate_interval": "1m",
}


@dataclass(frozen=True)
class Query:
    """A query and its location: file, panel or rule, and the letter of the query."""

    where: str
    expr: str


@dataclass(frozen=True)
class Rule:
    """An alerting rule or a recording rule."""

    kind: str
    name: str
    expr: str
    text: str


def panels(board: dict) -> list[dict]:
    """All panels, including those inside collapsed rows."""
    found = []
    for panel in board.get("panels", []):
        found += panel.get("panels") or []
        if panel["type"] != "row":
            found.append(panel)
    return found


def of_board(path: Path) -> list[Query]:
    """Queries of a dashboard: of its panels, annotations and variables."""
    board = json.loads(path.read_text())
    found = []
    for panel in panels(board):
        for target in panel.get("targets") or []:
            found.append(Query(f"{path.name}: {panel['title']}: {target['refId']}", target["expr"]))
    for annotation in board["annotations"]["list"]:
        if "expr" in annotation:
            found.append(Query(f"{path.name}: annotation {annotation['name']}", annotation["expr"]))
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            query = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
            if not query:
                raise ValueError(f"{path.name}: variable {variable['name']} is not of the form label_values(SERIES, LABEL)")
            found.append(Query(f"{path.name}: variable {variable['name']}", f"count by ({query[2]}) ({query[1]})"))
    return found


def rules(text: str) -> list[Rule]:
    """Rules of our file. `expr` is on one line, or a block below it."""
    found = []
    for part in re.split(r"^ +- (?=(?:alert|record): )", text, flags=re.M)[1:]:
        kind, name = re.match(r"(alert|record): (\S+)", part).groups()
        block = re.search(r"^( +)expr: (.*)\n((?:\1 +.*\n)*)", part, flags=re.M)
        first, more = block[2], block[3]
        expr = " ".join(line.strip() for line in more.splitlines()) if first == "|-" else first
        found.append(Rule(kind, name, expr, part))
    return found


def of_rules(text: str) -> list[Query]:
    """Queries of rules. An alert's expression is normally empty, so each of its series is queried instead."""
    found = []
    for rule in rules(text):
        if rule.kind == "record":
            found.append(Query(f"{RULES.name}: {rule.name}", rule.expr))
            continue
        for name, matchers in sorted(set(SELECTOR.findall(rule.expr))):
            found.append(Query(f"{RULES.name}: {rule.name}: {name}{matchers}", name + matchers))
    return found


def every() -> list[Query]:
    """All queries, in the order of the files."""
    boards = [query for path in sorted(BOARDS.glob("*.json")) for query in of_board(path)]
    return boards + of_rules(RULES.read_text())


def filled(expr: str) -> str:
    """The expression with every variable replaced."""
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    if "$" in expr:
        raise ValueError(f"unknown variable: {expr}")
    return expr


def excused(reasons: list[str] | None = None) -> dict[str, str]:
    """Queries that may have no data, with the reason: one of these reasons, or by default any."""
    known = json.loads(WITHOUT_DATA.read_text())
    return {where: reason for reason in reasons or known for where in known[reason]}


def samples(url: str, expr: str, start: float) -> int:
    """Number of samples of a query since a Unix time, in steps of 15 s."""
    form = {"query": expr, "start": start, "end": time.time(), "step": 15}
    request = urllib.request.Request(f"{url}/api/v1/query_range", urllib.parse.urlencode(form).encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            result = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        raise ValueError(json.load(error).get("error", error.reason)) from error
    values = [value for series in result for _, value in series["values"]]
    return sum(value != "NaN" for value in values)


@dataclass
class Answers:
    """Results of all queries: the number of samples, or the error of Prometheus."""

    counts: dict[Query, int]
    errors: dict[Query, str]

    def update(self, url: str, start: float) -> None:
        """Runs the queries that have had no data so far."""
        for query in every():
            if not self.counts.get(query) and query not in self.errors:
                try:
                    self.counts[query] = samples(url, filled(query.expr), start)
                except ValueError as error:
                    self.errors[query] = str(error)

    def empty(self) -> list[Query]:
        """Queries without data."""
        return [query for query, count in self.counts.items() if count == 0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="address of Prometheus, such as http://127.0.0.1:9090")
    parser.add_argument("--minutes", type=float, default=15, help="minutes before now that are queried (15)")
    parser.add_argument("--within", type=float, default=0, metavar="SECONDS", help="longest wait for data")
    parser.add_argument(
        "--excuse",
        action="append",
        metavar="REASON",
        choices=list(json.loads(WITHOUT_DATA.read_text())),
        help="accept this reason of without_data.json; may be repeated (default: all)",
    )
    parser.add_argument("--verbose", action="store_true", help="print the number of samples of every query")
    arguments = parser.parse_args()
    excuses, answers, begun = excused(arguments.excuse), Answers({}, {}), time.time()
    while True:
        answers.update(arguments.url.rstrip("/"), begun - arguments.minutes * 60)
        missing = [query for query in answers.empty() if query.where not in excuses]
        if not missing or answers.errors or time.time() - begun >= arguments.within:
            break
        # One scrape interval: results do not change sooner.
        time.sleep(5)
    if arguments.verbose:
        for query, count in answers.counts.items():
            print(f"{count:7} {query.where}")
    allowed = [query for query in answers.empty() if query.where in excuses]
    for query in allowed:
        print(f"no data, allowed: {query.where} ({excuses[query.where]})")
    for query, error in answers.errors.items():
        print(f"WRONG: {query.where}: {error}", file=sys.stderr)
    for query in missing:
        print(f"WRONG: {query.where}: no data: {filled(query.expr)}", file=sys.stderr)
    total, wrong = len(answers.counts) + len(answers.errors), len(missing) + len(answers.errors)
    print(f"{total} queries: {total - len(allowed) - wrong} have data, {len(allowed)} may have none, {wrong} are wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
