"""The order of several matches does not depend on the order from the source."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Find, Lookup, decide
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.secrets import TEAM, VARIABLE


def secret(name: str, created: str, **labels: str) -> Secret:
    return Secret("airflow", name, created, {VARIABLE: "x", **labels}, {"value": ""})


def finding(answer: Iterable[Secret]) -> Find:
    """Return a source with this result for every query."""
    return lambda _query, _time: list(answer)


def test_matches_are_sorted_by_age_and_name() -> None:
    found = [
        secret("c", "2026-01-01T00:00:00Z"),
        secret("a", "2026-01-01T00:00:01Z"),
        secret("b", "2026-01-01T00:00:01Z"),
        secret("d", "2025-01-01T00:00:00Z", **{TEAM: "blue"}),
    ]
    for answer in permutations(found):
        decision = decide(Lookup(Kind.VARIABLE, "x"), Options(), finding(answer))

        assert [match.name for match in decision.matches] == ["c", "a", "b"]
