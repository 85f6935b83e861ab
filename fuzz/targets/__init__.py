"""The targets, one module each."""

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
)


def load(name: str) -> Target:
    """The target of that name. It is imported now, so that an engine can prepare for it."""
    target: Target = import_module(f"fuzz.targets.{name}").TARGET
    return target
