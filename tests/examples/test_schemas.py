"""Every custom resource in the examples matches its schema, and mismatches are found."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import yaml

from support.crds import Crds
from support.examples import EXAMPLES, manifest

# The Kubernetes API server has these built in; the tests apply them to one.
BUILT_IN = ("v1", "rbac.authorization.k8s.io/v1")

FOLDERS = ("external-secrets", "sealed-secrets", "cloudnative-pg", "crossplane", "mounted")
SAME = {name: name for name in ("airflow", "airflow-secrets", "databases")}


def custom_resources() -> list[Any]:
    found = []
    for folder in FOLDERS:
        for path in sorted((EXAMPLES / folder).glob("*.yaml")):
            for document in yaml.safe_load_all(path.read_text()):
                # Values of Helm charts are no resources.
                if document.get("apiVersion", "v1") not in BUILT_IN:
                    found.append(pytest.param(document, id=f"{folder}/{path.name}-{document['kind']}"))
    return found


@pytest.mark.parametrize("resource", custom_resources())
def test_resource_matches_its_schema(crds: Crds, resource: dict[str, Any]) -> None:
    if resource["kind"] == "Database":
        crds = Crds([manifest("crossplane/definition.yaml", SAME)])

    assert crds.problems(resource) == []


def test_function_input_matches_its_schema(crds: Crds) -> None:
    steps = manifest("crossplane/composition.yaml", SAME)["spec"]["pipeline"]

    assert [crds.problems(step["input"]) for step in steps if "input" in step] == [[]]


def put_into(*path: Any) -> Callable[[dict[str, Any], Any], None]:
    def put(resource: dict[str, Any], value: Any) -> None:
        part: Any = resource
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value

    return put


@pytest.mark.parametrize(
    ("path", "put", "value", "problem"),
    [
        (
            "external-secrets/connection.yaml",
            put_into("spec", "target"),
            {"labels": {"airflow.apache.org/connection-id": "x"}},
            "spec.target: Additional properties are not allowed ('labels' was unexpected)",
        ),
        (
            "external-secrets/connection-template.yaml",
            put_into("spec", "target", "template", "data", "port"),
            5432,
            "spec.target.template.data.port: 5432 is not of type 'string'",
        ),
        (
            "external-secrets/connection.yaml",
            put_into("apiversion"),
            "v1",
            ": Additional properties are not allowed ('apiversion' was unexpected)",
        ),
        (
            "sealed-secrets/sealed-secret.yaml",
            put_into("spec", "template", "labels"),
            {},
            "spec.template: Additional properties are not allowed ('labels' was unexpected)",
        ),
        (
            "sealed-secrets/sealed-secret.yaml",
            put_into("metadata", "label"),
            {},
            "metadata: Additional properties are not allowed ('label' was unexpected)",
        ),
        (
            "cloudnative-pg/cluster.yaml",
            put_into("spec", "bootstrap", "initdb", "user"),
            "airflow",
            "spec.bootstrap.initdb: Additional properties are not allowed ('user' was unexpected)",
        ),
        (
            "cloudnative-pg/cluster.yaml",
            put_into("spec", "instances"),
            "3",
            "spec.instances: '3' is not of type 'integer'",
        ),
        (
            "crossplane/instance.yaml",
            put_into("spec", "writeConnectionSecretToRef", "labels"),
            {},
            "spec.writeConnectionSecretToRef: Additional properties are not allowed ('labels' was unexpected)",
        ),
    ],
)
def test_schema_mismatches_are_found(
    crds: Crds, path: str, put: Callable[[dict[str, Any], Any], None], value: object, problem: str
) -> None:
    resource = deepcopy(manifest(path, SAME))
    put(resource, value)

    assert crds.problems(resource) == [problem]


def test_a_version_that_is_not_served(crds: Crds) -> None:
    resource = manifest("external-secrets/connection.yaml", SAME)

    with pytest.raises(KeyError):
        crds.problems({**resource, "apiVersion": "external-secrets.io/v1beta1"})
