"""``list`` shows the same result for every Secret as a lookup, for every team."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.entries import Entry, inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.lookup.selection import Decision, Lookup, decide
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.secrets import TEAM, VARIABLE

# Secrets for one id, or a similar one; by name.
SECRETS: dict[str, dict[str, Any]] = {
    "everybodys": {"namespace": "all"},
    "later": {"namespace": "rest"},
    "unreadable": {"namespace": "all", "key": "other"},
    "another": {"namespace": "all", "annotations": {VARIABLE: "y"}},
    "of-the-team": {"namespace": "rest", "labels": {TEAM: "a"}},
    "at-home": {"namespace": "home"},
    "elsewhere": {"namespace": "home", "labels": {TEAM: "b"}},
    "without-a-key": {"namespace": "all", "labels": {TEAM: "b"}, "key": "other"},
}

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "without fallback": {"team_fallback": False},
    "a home": {"team_namespaces": {"a": "home"}},
    "a home in between": {"namespace": ["all", "home", "rest"], "team_namespaces": {"a": "home"}},
    "a reference": {"references": {"variables": {"x": "rest/later"}}, "team_namespaces": {"a": "home"}},
    "a reference without a Secret": {"references": {"variables": {"x": "rest/none"}}},
    "a home without fallback": {"team_fallback": False, "team_namespaces": {"a": "home"}},
}


def manifest(name: str, parts: dict[str, Any]) -> dict[str, Any]:
    labels = {VARIABLE: "x", **parts.get("labels", {})}
    metadata = {"name": name, "namespace": parts["namespace"], "labels": labels}
    metadata["annotations"] = parts.get("annotations", {})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {parts.get("key", "value"): ""},
    }


@pytest.mark.parametrize("given", OPTIONS.values(), ids=OPTIONS)
def test_list_shows_the_secret_that_a_lookup_selects(tmp_path: Path, given: dict[str, Any]) -> None:
    options = Options.parse({"path": str(tmp_path), "namespace": ["all", "rest"], **given})
    for chosen in list(product((False, True), repeat=len(SECRETS)))[::3]:
        items = [manifest(*each) for each, is_there in zip(SECRETS.items(), chosen, strict=True) if is_there]
        (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        location = location_of(options)
        for entry in inventory_of(location, options).entries:
            lookup = Lookup(entry.kind, entry.id, entry.team)
            try:
                decision = decide(lookup, options, location.find)
            except KubernetesSecretsError as error:
                problem = str(error)
            else:
                _assert_entry_matches(decision, entry)
                continue
            assert not entry.provides_value
            assert any(problem in each.text or "annotation" in each.text for each in entry.problems)


def _assert_entry_matches(decision: Decision, entry: Entry) -> None:
    winner = decision.secret
    assert entry.provides_value == (winner is not None and str(winner) == f"{entry.namespace}/{entry.secret}")
    _assert_reasons_are_true(entry, {str(each) for each in decision.matches}, str(winner))


def _assert_reasons_are_true(entry: Entry, matches: set[str], winner: str) -> None:
    codes = {problem.code: problem.text for problem in entry.problems}
    name = f"{entry.namespace}/{entry.secret}"
    if "duplicate-id" in codes:
        assert name in matches
        assert f"Secret {winner} has" in codes["duplicate-id"]
    if "hidden" in codes:
        assert name not in matches
        assert f"Secret {winner} is used for its id" in codes["hidden"]
    assert entry.provides_value or codes
