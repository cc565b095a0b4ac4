"""The dashboard and the alerts ask for what /metrics has, by names and labels."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.service.bodies import body

MONITORING = Path(__file__).parents[3] / "deploy" / "monitoring"
PROMETHEUS = {"instance", "le"}  # labels that it adds, or knows
SELECTOR = re.compile(r"\b(ntm_\w+)(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\bby \(([^)]*)\)\s*\(\w*\(?(ntm_\w+)")


def queries() -> list[str]:
    """All of them."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for variable in dashboard["templating"]["list"]:
        asked += re.findall(r"label_values\((.*)\)", variable["query"])
    (group,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return asked + [rule["expr"] for rule in group["rules"]]


@pytest.fixture(scope="module")
def series(client: httpx.Client) -> dict[str, set[str]]:
    """Labels by name of a series, of a service that has answered something."""
    assert client.post("/predict", json=body()).status_code == 200
    found = defaultdict[str, set[str]](set)
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
    return found


def test_every_query_asks_for_series_and_labels_that_are_there(series: dict[str, Any]) -> None:
    asked = queries()
    assert len(asked) > 30
    for query in asked:
        assert query.count("(") == query.count(")"), query
        found = SELECTOR.findall(query)
        assert found, query
        for name, conditions in found:
            assert name in series, query
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", conditions))
            assert labels <= series[name] | PROMETHEUS, query
        for labels, name in GROUPED.findall(query):
            assert set(labels.split(", ")) <= series[name] | PROMETHEUS, query


def test_an_alert_says_what_is_the_matter() -> None:
    (group,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    names = [rule["alert"] for rule in group["rules"]]
    assert len(names) == len(set(names))
    for rule in group["rules"]:
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
