"""The remedy for a value that is not UTF-8 names only what helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.values import text
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX
from airflow_kubernetes_secrets.kubernetes.objects import ConfigMap, Secret

BINARY = "/w=="
PROBLEM = "the value is not UTF-8 text, and Airflow accepts nothing else. Store it as UTF-8 text"


def problem_of(secret: Secret, key: str) -> str:
    with pytest.raises(MalformedSecretError) as raised:
        text(secret, key)
    return str(raised.value).partition(": ")[2]


@pytest.mark.parametrize("kind", [Secret, ConfigMap])
@pytest.mark.parametrize("annotations", [None, {"data-key": "value"}, {"field-host": "other"}])
def test_binary_value_of_the_data_key(kind: type[Secret], annotations: dict[str, str] | None) -> None:
    named = {f"{ANNOTATION_PREFIX}{name}": key for name, key in (annotations or {}).items()}
    assert problem_of(kind("ns", "x", "", {}, {"value": BINARY}, annotations=named), "value") == PROBLEM


def test_binary_key_that_an_annotation_names() -> None:
    secret = Secret("ns", "x", "", {}, {"key": BINARY}, annotations={f"{ANNOTATION_PREFIX}field-extra": "key"})
    assert problem_of(secret, "key") == f"{PROBLEM}; or mount it as a file, and name this key in no annotation"


def test_binary_mounted_file(tmp_path: Path) -> None:
    folder = tmp_path / "secrets" / "db"
    folder.mkdir(parents=True)
    (folder / "host").write_text("db")
    (folder / "type").write_text("mysql")
    (folder / "key").write_bytes(b"\xff")
    reference = {"secret": "db", "annotations": {"field-password": "key"}}
    backend = KubernetesSecretsBackend(path=str(tmp_path), references={"connections": {"x": reference}})

    with pytest.raises(MalformedSecretError) as raised:
        backend.get_conn_value("x")
    assert str(raised.value).endswith(f"{PROBLEM}; or name this key in no annotation in 'references'")
