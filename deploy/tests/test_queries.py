"""Tests dashboards and alerts without Prometheus: metrics are in the contract, and links have targets."""

import json
import re
import unittest

import queries

REPOSITORY = queries.DEPLOY.parent
CONTRACT = set(re.findall(r'= "([a-z_]+)"', queries.NAMES.read_text()))
# Suffixes of a histogram's series.
SUFFIXES = ("_bucket", "_sum", "_count")


def boards() -> dict[str, dict]:
    return {path.name: json.loads(path.read_text()) for path in sorted(queries.BOARDS.glob("*.json"))}


class Queries(unittest.TestCase):
    def setUp(self):
        self.rules = queries.rules(queries.RULES.read_text())
        self.recorded = {rule.name for rule in self.rules if rule.kind == "record"}

    def test_every_metric_is_in_the_contract_or_recorded(self):
        seen = set()
        for query in queries.every():
            for name, _ in queries.SELECTOR.findall(query.expr):
                seen.add(name)
                plain = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix) and name not in CONTRACT), name)
                self.assertTrue(name == "ALERTS" or plain in CONTRACT or name in self.recorded, f"{query.where}: {name}")
        self.assertGreater(len(seen), 50)

    def test_the_contracts_metrics_are_queried(self):
        expressions = " ".join(query.expr for query in queries.every())
        # Redundant with others, or of interest only in a closer investigation.
        unused = {
            "verbatim_process_proportional_memory_bytes", "verbatim_cgroup_memory_current_bytes", "verbatim_cgroup_memory_peak_bytes",
            "verbatim_engine_arena_used_bytes", "verbatim_engines_started_total", "verbatim_file_suspects_total", "verbatim_build_info",
            "verbatim_engine_memory_growth_bound_bytes_per_audio_hour", "verbatim_remaining_bytes", "verbatim_remaining_files", "verbatim_job_audio_seconds", "verbatim_job_recycles",
        }
        missing = {name for name in CONTRACT if name.startswith("verbatim_") and name not in expressions}
        self.assertEqual(missing, unused)

    def test_every_query_has_its_variables_filled(self):
        for query in queries.every():
            self.assertNotIn("$", queries.filled(query.expr), query.where)

    def test_every_query_without_data_exists(self):
        locations = {query.where for query in queries.every()}
        self.assertEqual(set(queries.excused()) - locations, set())

    def test_every_rule_is_parsed(self):
        text = queries.RULES.read_text()
        self.assertEqual(len(self.rules), len(re.findall(r"^\s+- (alert|record):", text, re.M)))
        self.assertEqual([rule.name for rule in self.rules if not rule.expr], [])


class Boards(unittest.TestCase):
    def test_panels_are_described(self):
        for name, board in boards().items():
            titles = [panel["title"] for panel in queries.panels(board)]
            self.assertEqual(len(titles), len(set(titles)), f"{name}: two panels have the same title")
            for panel in queries.panels(board):
                where = f"{name}: {panel['title']}"
                self.assertTrue(panel["description"].endswith("."), where)
                self.assertTrue(panel["targets"], where)
                self.assertTrue(panel["fieldConfig"]["defaults"].get("unit"), where)
                self.assertTrue(panel["fieldConfig"]["defaults"].get("noValue"), f"{where} has no text for missing data")
                for target in panel["targets"]:
                    self.assertTrue(panel["type"] == "table" or target.get("legendFormat"), where)

    def test_panels_limit_their_number_of_lines(self):
        for name, board in boards().items():
            for panel in queries.panels(board):
                for target in panel["targets"]:
                    many = re.search(r"by \([^)]*\bpod\b", target["expr"]) or re.search(r"by \([^)]*\bjob_name\b", target["expr"])
                    if many:
                        self.assertIn("topk(", target["expr"], f"{name}: {panel['title']}")

    def test_links_between_dashboards_have_targets(self):
        uids = {board["uid"] for board in boards().values()}
        for name, board in boards().items():
            self.assertIn("verbatim", board["tags"])
            self.assertEqual([link["tags"] for link in board["links"]], [["verbatim"]])
            for uid in re.findall(r"/d/([a-z-]+)", json.dumps(board)):
                self.assertIn(uid, uids, name)


class Alerts(unittest.TestCase):
    def test_alerts_are_documented(self):
        uids = {board["uid"] for board in boards().values()}
        alerts = [rule for rule in queries.rules(queries.RULES.read_text()) if rule.kind == "alert"]
        for rule in alerts:
            self.assertTrue(rule.name.startswith("Verbatim"), rule.name)
            for part in ("severity: ", "summary: ", "description: ", "# ", "for: "):
                self.assertIn(part, rule.text, f"{rule.name} has no {part}")
            runbook = re.search(r"runbook_url: (\S+)", rule.text)[1]
            page = (REPOSITORY / runbook).read_text()
            self.assertTrue(page.startswith(f"# {rule.name}\n"), runbook)
            for heading in ("## Meaning", "## Impact", "## Diagnosis", "## Mitigation", "## When to ignore"):
                self.assertIn(heading, page, runbook)
            self.assertIn(re.search(r"dashboard_url: d/([a-z-]+)", rule.text)[1], uids, rule.name)
        pages = {page.name for page in (REPOSITORY / "docs" / "runbooks").glob("*.md")}
        named = {re.search(r"runbooks/(\S+)", rule.text)[1] for rule in alerts}
        self.assertEqual(pages, named)

    def test_every_alert_is_tested(self):
        tests = "".join(path.read_text() for path in (queries.DEPLOY / "alerts" / "tests").glob("*.yaml"))
        for rule in queries.rules(queries.RULES.read_text()):
            if rule.kind == "alert":
                self.assertIn(f"alertname: {rule.name}", tests)


if __name__ == "__main__":
    unittest.main()
