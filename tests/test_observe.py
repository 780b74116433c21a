"""docker/prometheus and docker/grafana: every query parses, and every metric and label it names is one that a running
API tells of.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.cycles.cycle import UNFINISHED
from service.health import parts_of
from tests.service.http_world import LiveServer, light_settings, running

DOCKER = Path(__file__).resolve().parent.parent / "docker"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DOCKER / "prometheus" / "rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((DOCKER / "grafana" / "dashboards" / "groundloop.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [rule["expr"] for rule in RULES] + [target["expr"] for panel in PANELS for target in panel["targets"]]
OF_PROMETHEUS = {"up"}  # made by the scrape itself
OF_THE_SCRAPE = {"job", "instance", "process", "le"}


def parsed(query: str) -> Any:
    """Parse a query; what Grafana fills in is filled in."""
    return promql.parse(query.replace("$__rate_interval", "1m"))


def parts(node: Any) -> Iterator[Any]:
    """Give a node and all below it."""
    yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "vs", "param"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(child, str | int | float):
            yield from parts(child)
    for child in getattr(node, "args", None) or ():
        yield from parts(child)


def selectors(query: str) -> list[Any]:
    """Give what a query selects from the store."""
    return [node for node in parts(parsed(query)) if isinstance(node, promql.VectorSelector)]


def grouped_by(query: str) -> set[str]:
    """Give the labels that the aggregations of a query keep."""
    return {
        label
        for node in parts(parsed(query))
        if isinstance(node, promql.AggregateExpr) and node.modifier is not None
        for label in node.modifier.labels
    }


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, redis_server: Any) -> Iterator[LiveServer]:
    """Run an API."""
    with running(light_settings(tmp_path_factory.mktemp("observe"), redis_server.url)) as server:
        yield server


@pytest.fixture(scope="module")
def exposed(live: LiveServer) -> dict[str, set[str]]:
    """Give every series that `/metrics` tells of or will, with its labels."""
    with live.http("operator") as http:
        text = http.get("/metrics").text
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
    names = {
        family.name + suffix: set[str]()
        for family in text_string_to_metric_families(text)
        for suffix in suffixes.get(family.type, ("",))
    }
    # A family without samples yet shows no labels in the text: those are read from the instruments.
    for instrument in vars(live.container.metrics).values():
        if (described := getattr(instrument, "describe", None)) is None:
            continue
        (family,) = described()
        for suffix in suffixes.get(family.type, ("",)):
            names[family.name + suffix] = set(instrument._labelnames)
    return names


@pytest.mark.parametrize("query", QUERIES)
def test_queries_parse_and_select_something(query: str) -> None:
    assert selectors(query)


def test_every_metric_exists(exposed: dict[str, set[str]]) -> None:
    named = {selector.name for query in QUERIES for selector in selectors(query)}
    assert named - OF_PROMETHEUS - set(exposed) == set()


def test_every_label_exists(exposed: dict[str, set[str]]) -> None:
    for query in QUERIES:
        known = set(OF_THE_SCRAPE)
        for selector in selectors(query):
            labels = exposed.get(selector.name, set()) | OF_THE_SCRAPE
            known |= labels
            assert {matcher.name for matcher in selector.matchers.matchers} <= labels, query
        assert grouped_by(query) <= known, query


def test_every_metric_of_ours_is_on_the_dashboard(exposed: dict[str, set[str]]) -> None:
    shown = {selector.name for panel in PANELS for target in panel["targets"] for selector in selectors(target["expr"])}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in shown}
    ours = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for name in exposed
        if name.startswith("groundloop_") and not name.endswith("_created")
    }
    assert ours - shown == set()


def test_values_that_rules_name_exist(live: LiveServer) -> None:
    named: dict[tuple[str, str], set[str]] = {}
    for query in QUERIES:
        for selector in selectors(query):
            for matcher in selector.matchers.matchers:
                named.setdefault((selector.name, matcher.name), set()).add(matcher.value)
    assert named[("groundloop_cycles_unfinished", "state")] <= set(UNFINISHED)
    assert named[("groundloop_part_up", "part")] <= set(parts_of(live.container))
    assert named[("groundloop_watch_decisions", "action")] == {"rollback"}
    assert named[("groundloop_answers_total", "outcome")] <= {"grounded", "abstained", "error", "cancelled"}
    assert named[("groundloop_version_loads_total", "outcome")] <= {"loaded", "failed", "swapped"}


def test_every_alarm_says_what_to_do() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)


def test_rules_would_be_taken() -> None:
    """A comparison makes a rule fire for what is above a limit; without one it fires for ever."""
    for rule in RULES:
        assert any(isinstance(node, promql.BinaryExpr) for node in parts(parsed(rule["expr"]))), rule["alert"]
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m")), rule["alert"]


def test_the_dashboard_is_whole() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    source = yaml.safe_load((DOCKER / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text())
    uid = source["datasources"][0]["uid"]
    for panel in PANELS:
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {uid}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_prometheus_reads_its_rules_and_scrapes_the_route_that_exists(live: LiveServer) -> None:
    scraping = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yaml").read_text())
    assert scraping["rule_files"] == ["/etc/prometheus/rules.yaml"]
    (job,) = scraping["scrape_configs"]
    with live.http("operator") as http:
        assert http.get(job["metrics_path"]).status_code == 200
    with live.http("user") as http:
        assert http.get(job["metrics_path"]).status_code == 403
    jobs = {
        matcher.value
        for query in QUERIES
        for selector in selectors(query)
        for matcher in selector.matchers.matchers
        if matcher.name == "job"
    }
    assert jobs == {job["job_name"]}
