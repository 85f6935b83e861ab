"""Secrets for the tests of Airflow's masker, and a program that returns masked strings."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from support.secrets import CONNECTION, VARIABLE

# Each value contains this mark, and no name suggests that the value is a secret.
MARK = "mark"
CONNECTION_PARTS = {
    "conn_type": "http",
    "host": "host-mark.example.com",
    "login": "login-mark",
    "password": "word mark/@",
    "schema": "schema-mark",
    "extra": {"region": "region-mark", "deep": {"er": ["deep-mark"]}, "short": "mark"},
}
VARIABLES = {
    "greeting": "greeting-mark",
    "motd": "first-line-mark\n  second-line-mark\n",
    # JSON in a JSON string, in which Google's hook expects its key.
    "settings": json.dumps({"a": {"b": ["leaf-mark"]}, "c": json.dumps({"d": "inner-mark"})}),
}


def manifests(folder: Path) -> dict[str, object]:
    """Write a folder with the Secrets, and return the options of a backend that reads it."""
    folder.mkdir()
    secrets = [
        manifest("my-db", {CONNECTION: "my_db"}, json.dumps(CONNECTION_PARTS)),
        manifest("by-uri", {CONNECTION: "by_uri"}, "http://login-mark:hush@uri-mark.example.com"),
        manifest("half", {VARIABLE: "half"}, json.dumps({"a": "other-mark", "b": "\ud800half-mark"})),
        *(manifest(f"variable-{key}", {VARIABLE: key}, value) for key, value in VARIABLES.items()),
    ]
    (folder / "secrets.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets}))
    return {"path": str(folder)}


def manifest(name: str, labels: dict[str, str], value: str) -> dict[str, object]:
    data = {"value": b64encode(value.encode()).decode()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": labels}, "data": data}


# Airflow calls the adapter for every string, including its own options.
ADAPTER = """
def adapt(secret):
    if "mark" in secret:
        {}
    return secret
"""

# A program that masks strings with Airflow's maskers.
PROGRAM = """
import json, os, sys
import airflow.settings
from airflow_kubernetes_secrets import KubernetesSecretsBackend

try:
    from airflow.sdk._shared.secrets_masker import redact, reset_secrets_masker
    from airflow._shared.secrets_masker import redact as redact_of_core
except ImportError:
    from airflow.utils.log.secrets_masker import redact
    redact_of_core = redact

    def reset_secrets_masker():
        from airflow.utils.log.secrets_masker import _secrets_masker

        _secrets_masker().patterns, _secrets_masker().replacer = set(), None

airflow.settings.initialize()
backend = KubernetesSecretsBackend(**json.loads(sys.argv[1]))
"""
