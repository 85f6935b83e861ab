"""Kubernetes objects, as far as a lookup needs them."""

from __future__ import annotations

import json

from airflow_kubernetes_secrets.api.decode import parse_secret_list


def test_no_value_is_in_a_repr() -> None:
    metadata = {"namespace": "airflow", "name": "app-db", "creationTimestamp": "2026-01-01T00:00:00Z"}
    body = {"kind": "SecretList", "items": [{"metadata": metadata, "data": {"password": "aHVudGVyMg=="}}]}

    [secret] = parse_secret_list(json.dumps(body).encode()).secrets

    assert secret.value("password") == b"hunter2"
    assert "password" in repr(secret)
    assert "aHVudGVyMg" not in repr(secret)
    assert "hunter2" not in repr(secret)
