"""The option ``metrics`` with ``[metrics] otel_on``: metrics of lookups arrive at an OpenTelemetry collector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.airflow import OLDEST, TESTED, release
from support.cluster import Cluster, ServiceAccount
from support.metrics import HIDDEN, PARTS, SECRET_ID, SECRET_NAME, TEAM, lookups, python
from support.otlp import Measured, Receiver, receiver
from support.secrets import Put
from support.servers import on_the_devserver

PREFIX = "airflow.kubernetes_secrets."

# Before 3.1, Airflow sends nothing at the end of a process.
FLUSH = "from opentelemetry import metrics; assert metrics.get_meter_provider().force_flush()"

HISTOGRAM = "exponential_histogram"


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def sent(program: str, version: str) -> str:
    """Return a program whose metrics have been sent when it ends."""
    return program if release(version) >= (3, 1) else f"{program}\n{FLUSH}"


@on_the_devserver
@pytest.mark.parametrize(("version", "part"), PARTS)
def test_lookups_requests_and_the_index(
    version: str, part: str, collector: Receiver, cluster: Cluster, put: Put, account: ServiceAccount, tmp_path: Path
) -> None:
    put.connection(SECRET_ID, "postgres://db", name=SECRET_NAME)
    put.variable("v", "x")
    kwargs = {"service_account_path": str(account.folder), "cache_ttl": 60, "metrics": True}
    python(
        version, sent(lookups(kwargs), version), part, {**collector.variables, **cluster.pod_environment()}, tmp_path
    )

    found = dict(collector.received(PREFIX))
    age, request = found.pop("index.age"), found.pop("request")
    assert found == {
        "lookups.connection.hit": Measured("sum", "", 5),
        "lookups.connection.miss": Measured("sum", "", 3),
        "lookups.variable.hit": Measured("sum", "", 2),
        "lookups.variable.miss": Measured("sum", "", 1),
        "results.api": Measured("sum", "", 6),
        "results.memory": Measured("sum", "", 5),
        "outage": Measured("gauge", "", 0),
        "index.secrets": Measured("gauge", "", 2),
    }
    assert (age.type, age.unit) == ("gauge", "")
    assert 0 <= age.value < 60
    if release(version) >= (3, 3):
        assert request == Measured(HISTOGRAM, "ms", 6)
    else:
        assert (request.type, request.unit) == ("gauge", "")
        assert 0 < request.value < 60_000


@on_the_devserver
def test_metric_names_and_tags_contain_no_id_secret_or_team(
    collector: Receiver, cluster: Cluster, put: Put, account: ServiceAccount, tmp_path: Path
) -> None:
    put.connection(SECRET_ID, "postgres://db", TEAM, name=SECRET_NAME)
    kwargs = {"service_account_path": str(account.folder), "cache_ttl": 60, "metrics": True}
    program = f"""
backend = KubernetesSecretsBackend(**{kwargs!r})
assert backend.get_connection({SECRET_ID!r}, team_name={TEAM!r}) is not None
"""
    python(TESTED, sent(program, TESTED), "airflow.sdk", {**collector.variables, **cluster.pod_environment()}, tmp_path)

    assert "lookups.connection.hit" in collector.received(PREFIX)
    arrived = b"".join(each.SerializeToString() for each in collector.requests)
    assert HIDDEN.encode() not in arrived
    assert put.namespace.encode() not in arrived


@pytest.mark.parametrize(("version", "consistency", "unit"), [(OLDEST, "False", 1), (OLDEST, "True", 1_000)])
def test_the_unit_of_the_timer_before_airflow_3(
    version: str, consistency: str, unit: int, collector: Receiver, tmp_path: Path
) -> None:
    program = f"""
from airflow_kubernetes_secrets.counters import counters
backend = KubernetesSecretsBackend(path={str(tmp_path)!r}, metrics=True)
counters.took("request", 2.5)
counters.count("request.retries")
backend.get_variable("v")
"""
    variables = {**collector.variables, "AIRFLOW__METRICS__TIMER_UNIT_CONSISTENCY": consistency}
    python(version, sent(program, version), "airflow", variables, tmp_path / "home")

    assert collector.received(PREFIX)["request"].value == 2.5 * unit


def test_the_prefix_and_the_block_list_of_airflow_apply(collector: Receiver, tmp_path: Path) -> None:
    program = f"""
backend = KubernetesSecretsBackend(path={str(tmp_path)!r}, metrics=True)
backend.get_variable("v")
"""
    variables = {
        **collector.variables,
        "AIRFLOW__METRICS__OTEL_PREFIX": "other",
        "AIRFLOW__METRICS__METRICS_BLOCK_LIST": "kubernetes_secrets.results",
    }
    python(TESTED, sent(program, TESTED), "airflow.sdk", variables, tmp_path / "home")

    assert collector.received("other.kubernetes_secrets.") == {"lookups.variable.miss": Measured("sum", "", 1)}
