"""The targets, one module for each."""

from __future__ import annotations

from importlib import import_module

from fuzz.target import Target

NAMES = (
    "http_response",
    "api_json",
    "yaml",
    "selectors",
    "annotations",
    "uris",
    "connections",
    "kubeconfig",
    "identifiers",
    "manifests",
    "options",
    "dag_code",
    "templates",
)


def load(name: str) -> Target:
    """Return the target of that name. Its module is imported only now, so that an engine can prepare for it."""
    target: Target = import_module(f"fuzz.targets.{name}").TARGET
    return target
