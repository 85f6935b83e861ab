"""A strict check of custom resources against the schemas of their CustomResourceDefinitions.

An API server silently drops a field that is not in the schema. This check reports it.
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft4Validator

HOW_TO_GET_THEM = "export CRDS=FOLDER, as tests/examples/crds/README.md says"

PRESERVES_UNKNOWN = "x-kubernetes-preserve-unknown-fields"

_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}

# A schema only says that metadata is an object; the API server knows its fields.
METADATA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": _TEXTS,
        "annotations": _TEXTS,
    },
}


def published() -> Path | None:
    """Return the folder with the definitions that the operators' projects publish, if this machine has one."""
    folder = os.environ.get("CRDS")
    return Path(folder) if folder else None


class Crds:
    """The schemas of some custom resources."""

    def __init__(self, definitions: Iterable[dict[str, Any]]) -> None:
        """Read the schemas.

        Args:
            definitions: CustomResourceDefinitions, or Crossplane's CompositeResourceDefinitions.
        """
        self._validators = {}
        for definition in definitions:
            spec = definition["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    kind = f"{spec['group']}/{version['name']}", spec["names"]["kind"]
                    self._validators[kind] = Draft4Validator(_of_objects(version["schema"]["openAPIV3Schema"]))

    @classmethod
    def of_folders(cls, *folders: Path) -> Crds:
        """Return the schemas in the YAML files of these folders."""
        paths = [path for folder in folders for path in sorted(folder.glob("*.yaml"))]
        documents = (yaml.load_all(path.read_text(), yaml.CSafeLoader) for path in paths)
        return cls(document for each in documents for document in each if document)

    def problems(self, resource: dict[str, Any]) -> list[str]:
        """Return the problems of a custom resource, sorted, each with its path.

        Raises:
            KeyError: there is no schema for the resource.
        """
        errors = self._validators[resource["apiVersion"], resource["kind"]].iter_errors(resource)
        return sorted(f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors)


def _of_objects(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the strict schema of a whole object, with the fields that every object has."""
    strict: dict[str, Any] = _strict(schema)
    known = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    strict["properties"] = {**strict["properties"], **known, "metadata": _strict(METADATA)}
    return strict


def _strict(schema: dict[str, Any]) -> dict[str, Any]:
    strict = {key: value for key, value in schema.items() if key not in ("description", "default")}
    if schema.get("nullable") and "type" in schema:
        strict["type"] = [schema["type"], "null"]
    for key, part in _parts(schema):
        strict[key] = part
    is_open = schema.get(PRESERVES_UNKNOWN) or "additionalProperties" in schema
    if schema.get("type") == "object" and not is_open:
        strict["additionalProperties"] = False
    return strict


def _parts(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the schemas in a schema. Those in ``anyOf`` and the like are skipped: they add conditions, not types."""
    if "properties" in schema:
        yield "properties", {name: _strict(each) for name, each in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield key, _strict(schema[key])
