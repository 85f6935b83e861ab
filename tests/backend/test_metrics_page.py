"""The page on metrics and its examples: a dashboard and alerts."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets import counters
from airflow_kubernetes_secrets.backend.metrics import ERROR, HIT, MISS
from airflow_kubernetes_secrets.lookup.kinds import Kind
from support.airflow import TESTED, Airflow
from support.examples import EXAMPLES
from support.pages import blocks, page_file

PAGE = page_file("metrics").read_text()


def test_the_configuration_of_the_page(tmp_path: Path) -> None:
    [block] = blocks("metrics")
    (tmp_path / "airflow.cfg").write_text(block.text)
    program = (
        "from airflow.configuration import ensure_secrets_loaded; print(ensure_secrets_loaded()[0].options.metrics)"
    )

    assert Airflow(TESTED, tmp_path).python(program).stdout.splitlines()[-1] == "True"


def names_of_the_page() -> set[str]:
    """Return the names in the table of the page, with each value of their variable parts."""
    parts = {
        "KIND": ("connection", "variable", "config"),
        "OUTCOME": ("hit", "miss", "error"),
        "SOURCE": ("memory", "api", "folder", "outage_memory"),
    }
    names = set(re.findall(r"^\| `([a-zA-Z._]+)` \| (?:counter|gauge|timer)", PAGE, re.MULTILINE))
    for part, values in parts.items():
        names = {name.replace(part, value) for name in names for value in values}
    return names


def test_page_lists_exactly_the_names_of_the_metrics() -> None:
    events = {value for name, value in vars(counters).items() if name.isupper() and isinstance(value, str)}
    lookups = {f"lookups.{kind.name.lower()}.{outcome}" for kind in Kind for outcome in (HIT, MISS, ERROR)}
    gauges = {"outage", "index.secrets", "index.age"}

    assert names_of_the_page() == events | lookups | gauges


@pytest.mark.parametrize("file", ["dashboard.json", "alerts.yaml"])
def test_the_examples_use_these_names(file: str) -> None:
    text = (EXAMPLES / "metrics" / file).read_text()
    used = set(re.findall(r"\bairflow_kubernetes_secrets_([a-z_]+)", text))

    assert used
    assert used <= {name.replace(".", "_") for name in names_of_the_page()}
    assert (json.loads if file.endswith("json") else yaml.safe_load)(text)


@dataclass(frozen=True)
class Vector:
    """The result of an expression of Prometheus: one number without labels, or nothing."""

    number: float | None

    def __bool__(self) -> bool:
        return self.number is not None

    def __add__(self, other: Vector) -> Vector:
        return Vector(None if self.number is None or other.number is None else self.number + other.number)

    def __gt__(self, limit: float) -> Vector:
        return Vector(self.number if self.number is not None and self.number > limit else None)


def expressions(file: str) -> dict[str, str]:
    """Return the expressions of an example, by the names of the alerts or the legends."""
    text = (EXAMPLES / "metrics" / file).read_text()
    if file.endswith("yaml"):
        return {rule["alert"]: rule["expr"] for rule in yaml.safe_load(text)["groups"][0]["rules"]}
    return {each["legendFormat"]: each["expr"] for panel in json.loads(text)["panels"] for each in panel["targets"]}


def result(expression: str, series: dict[str, float]) -> float | None:
    """Return the result of an expression, if each series has the same value or rate all the time."""
    code = re.sub(
        r"(?:sum\(rate|max)\(airflow_kubernetes_secrets_(\w+)[^()]*\)\)?", r'Vector(series.get("\1"))', expression
    )
    found: Vector = eval(code.replace("vector(", "Vector("), {"Vector": Vector, "series": series})  # noqa: S307  # an expression of this repository
    return found.number


@pytest.mark.parametrize("kind", [each.name.lower() for each in Kind])
@pytest.mark.parametrize("outcome", [HIT, MISS, ERROR])
def test_a_counter_without_events_does_not_hide_another(kind: str, outcome: str) -> None:
    """Prometheus has no counter before its first event. An operation with such a counter would have no result."""
    name = f"lookups_{kind}_{outcome}"
    assert result(expressions("dashboard.json")[outcome], {name: 2.0}) == 2.0
    alert = expressions("alerts.yaml")["AirflowSecretLookupsFail"]
    assert result(alert, {name: 2.0}) == (2.0 if outcome == "error" else None)
    assert result(alert, {name: 0.0}) is None


@pytest.mark.parametrize(
    ("alert", "series", "limit"),
    [
        ("AirflowSecretsFromMemoryInOutage", "results_outage_memory", 0),
        ("AirflowSecretRequestsAreSlow", "request", 1),
    ],
)
def test_each_alert_fires_above_its_limit_only(alert: str, series: str, limit: float) -> None:
    expression = expressions("alerts.yaml")[alert]
    assert result(expression, {series: limit + 0.5}) == limit + 0.5
    assert result(expression, {series: limit}) is None
    assert result(expression, {}) is None
