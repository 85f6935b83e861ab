"""The options with which Airflow is configured, and the examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.deployment.configuration import BACKEND
from manifests.build import CONNECTION, HASHED, LONG, URI, VARIABLE, secret
from manifests.case import Case, codes, write
from support.airflow import ROOT

EXAMPLES = ROOT / "examples"


def configure(monkeypatch: pytest.MonkeyPatch, kwargs: str, backend: str = BACKEND) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", backend)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", kwargs)


OTHERS = '{"connections_label": "example.com/airflow", "connections_data_key": "uri_of_it", "namespace": "elsewhere"}'


def test_labels_and_keys_from_the_configuration(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = secret(
        data={"uri_of_it": URI}, labels={"example.com/airflow": HASHED}, annotations={"example.com/airflow": LONG}
    )
    path = write(tmp_path, Case([ours, secret("b", {"uri_of_it": URI, "more": "x"})]))
    assert codes(run(path, "-o", "json")[1]) == ["unreadable"]

    configure(monkeypatch, OTHERS)

    status, out, err = run(path, "-o", "json")
    assert codes(out) == ["unknown-label"]
    assert (status, json.loads(out)["manifests"], err) == (0, 1, "")


def test_a_pattern_that_the_id_does_not_match(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, Case([secret(), secret("b", labels={CONNECTION: "k8s_x"})]))

    configure(monkeypatch, '{"connections_lookup_pattern": "k8s_"}')

    assert codes(run(path, "-o", "json")[1]) == ["not-looked-up"]


def test_labels_that_are_switched_off(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teams = [secret(name, labels={CONNECTION: "x", "team": name}) for name in "ab"]
    path = write(tmp_path, Case([*teams, secret("c", {}, labels={VARIABLE: "x"})]))

    configure(monkeypatch, '{"variables_label": null, "team_label": null}')

    assert codes(run(path, "-o", "json")[1]) == ["duplicate-id", "unknown-label"]


def test_kinds_with_the_same_label(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Secret with the label is both a connection and a variable."""
    path = write(
        tmp_path, Case([secret("a", {"value": URI}), secret("b", {"value": "no URI"}, labels={CONNECTION: "b"})])
    )
    configure(monkeypatch, json.dumps({"variables_label": CONNECTION}))

    assert codes(run(path, "-o", "json")[1]) == ["unreadable"]


def test_id_annotation_on_a_referenced_secret(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, Case([secret(name, labels={}, annotations={CONNECTION: "x"}) for name in "ab"]))

    configure(monkeypatch, '{"references": {"connections": {"x": "airflow/a"}}}')

    assert codes(run(path, "-o", "json")[1]) == ["unknown-annotation"]


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [('{"connections_labl": "hunter2"}', "connections_labl"), ("{hunter2", "not JSON"), ('{"timeout": -1}', "timeout")],
)
def test_invalid_options(kwargs: str, says: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, kwargs)

    status, out, err = run(write(tmp_path, Case(secret())))

    assert (status, out) == (0, "1 manifest, 0 errors, 0 warnings\n")
    assert "default labels" in err
    assert says in err


def test_options_of_another_backend_are_ignored(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, '{"connections_prefix": "x"}', "airflow.secrets.local_filesystem.LocalFilesystemBackend")

    assert run(write(tmp_path, Case(secret()))) == (0, "1 manifest, 0 errors, 0 warnings\n", "")


FOLDERS = [path for path in sorted(EXAMPLES.iterdir()) if list(path.glob("*.yaml"))]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_examples_have_only_the_expected_problems(folder: Path, run: Any) -> None:
    # The sealed Secret is in the same folder as the Secret that it was made from.
    expected = {"sealed-secrets": ["duplicate-secret"], "cloudnative-pg": ["not-checked"]}.get(folder.name, [])
    assert codes(run(folder, "-o", "json")[1]) == expected
    for path in folder.glob("*.yaml"):
        assert set(codes(run(path, "-o", "json")[1])) <= {"not-checked"}


@pytest.mark.parametrize(("folder", "manifests"), [("manifests", 5), ("external-secrets", 4), ("sealed-secrets", 2)])
def test_the_examples_are_recognized(folder: str, manifests: int, run: Any) -> None:
    assert json.loads(run(EXAMPLES / folder, "-o", "json")[1])["manifests"] == manifests
