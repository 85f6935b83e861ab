"""The files in ``examples/``, moved into the namespaces of a test."""

from __future__ import annotations

import configparser
import json
from collections.abc import Mapping
from typing import Any

import yaml

from support.airflow import ROOT

EXAMPLES = ROOT / "examples"

Namespaces = Mapping[str, str]


def manifests(path: str, namespaces: Namespaces) -> list[dict[str, Any]]:
    """Return the documents of a file, with their namespaces replaced."""
    documents = yaml.safe_load_all((EXAMPLES / path).read_text())
    return [_moved(document, namespaces) for document in documents]


def manifest(path: str, namespaces: Namespaces) -> dict[str, Any]:
    """Return the only document of a file."""
    [document] = manifests(path, namespaces)
    return document


def backend_kwargs(path: str, namespaces: Namespaces) -> dict[str, Any]:
    """Return the ``backend_kwargs`` of an ``airflow.cfg``, with their namespaces replaced."""
    config = configparser.RawConfigParser()
    config.read_string((EXAMPLES / path).read_text())
    assert config["secrets"]["backend"] == "airflow_kubernetes_secrets.KubernetesSecretsBackend"
    kwargs: dict[str, Any] = json.loads(config["secrets"]["backend_kwargs"])
    if "namespace" in kwargs:
        kwargs["namespace"] = ",".join(namespaces[each] for each in kwargs["namespace"].split(","))
    for references in kwargs.get("references", {}).values():
        for identifier, reference in references.items():
            namespace, _slash, name = reference.partition("/")
            references[identifier] = f"{namespaces[namespace]}/{name}"
    return kwargs


def _moved(part: Any, namespaces: Namespaces) -> Any:
    if isinstance(part, list):
        return [_moved(each, namespaces) for each in part]
    if isinstance(part, dict):
        return {
            key: namespaces[value] if key == "namespace" and isinstance(value, str) else _moved(value, namespaces)
            for key, value in part.items()
        }
    return part
