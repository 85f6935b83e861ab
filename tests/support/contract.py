"""The operations of the contract tests on the Secrets of one namespace, over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from support.cluster import Cluster, plural_of

Apply = Callable[..., httpx.Response]


@dataclass
class Secrets:
    """The Secrets of ``namespace`` in ``cluster``, or its ConfigMaps, as the admin user sees them."""

    cluster: Cluster
    namespace: str
    kind: str = "Secret"

    @property
    def path(self) -> str:
        """The path of the objects in the API."""
        return f"/api/v1/namespaces/{self.namespace}/{plural_of(self.kind)}"

    def post(self, document: object, **query: str) -> httpx.Response:
        return self.cluster.admin.post(self.path, json=document, params=query)

    def create(self, name: str, labels: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Create a Secret, which must succeed, and return it."""
        response = self.post({"metadata": {"name": name, **({"labels": dict(labels)} if labels else {})}, **more})
        assert response.status_code == 201, response.text
        return parsed(response)

    def get(self, name: str) -> dict[str, Any]:
        """Return a Secret, which must exist."""
        response = self.cluster.admin.get(f"{self.path}/{name}")
        assert response.status_code == 200, response.text
        return parsed(response)

    def put(self, document: dict[str, Any], name: str | None = None) -> httpx.Response:
        return self.cluster.admin.put(f"{self.path}/{name or document['metadata']['name']}", json=document)

    def patch(self, name: str, patch: object, form: str = "merge-patch+json", **query: str) -> httpx.Response:
        """Patch a Secret.

        Args:
            form: the media type of the patch, without ``application/``.
        """
        content = patch if isinstance(patch, str) else json.dumps(patch)
        headers = {"Content-Type": f"application/{form}"}
        return self.cluster.admin.patch(f"{self.path}/{name}", content=content, headers=headers, params=query)

    def apply(self, name: str, manager: str = "tester", **content: Any) -> httpx.Response:
        """Apply a Secret on the server side, with force."""
        metadata = {"name": name, **content.pop("metadata", {})}
        document = {"apiVersion": "v1", "kind": self.kind, "metadata": metadata, **content}
        return self.patch(name, document, "apply-patch+yaml", fieldManager=manager, force="true")

    def delete(self, name: str, **options: Any) -> httpx.Response:
        """Delete a Secret, with the fields of DeleteOptions."""
        return self.cluster.admin.request("DELETE", f"{self.path}/{name}", json=options or None)

    def list(self, **query: str) -> httpx.Response:
        """List the Secrets. The name of a parameter may end with ``_``, such as ``continue_``."""
        return self.cluster.admin.get(self.path, params={key.rstrip("_"): value for key, value in query.items()})

    def names(self, **query: str) -> set[str]:
        """Return the names of the Secrets in a list."""
        response = self.list(**query)
        assert response.status_code == 200, response.text
        return {item["metadata"]["name"] for item in response.json()["items"]}

    def version(self) -> str:
        """Return the current resourceVersion."""
        version: str = self.list().json()["metadata"]["resourceVersion"]
        return version

    @contextmanager
    def watch(self, seconds: int = 15, **query: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Return the events of a watch that ends after ``seconds``."""
        params = {"watch": "1", "timeoutSeconds": str(seconds), **query}
        with self.cluster.admin.stream("GET", self.path, params=params) as response:
            assert response.status_code == 200, response.read()
            yield (json.loads(line) for line in response.iter_lines() if line)


def encoded(text: str) -> str:
    """Return the text in base64, as in ``data``."""
    return base64.b64encode(text.encode()).decode()


def parsed(response: httpx.Response) -> dict[str, Any]:
    """Return the object in a response."""
    found: dict[str, Any] = response.json()
    return found


def failure(response: httpx.Response, code: int, reason: str) -> dict[str, Any]:
    """Return the status of a failed request, which must have this code and reason."""
    status = parsed(response)
    assert (response.status_code, status.get("code")) == (code, code), response.text
    assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure")
    assert status.get("reason") == reason
    return status


def managed(found: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Return the fields of an object by their managers."""
    entries = found["metadata"].get("managedFields", [])
    assert all((each["apiVersion"], each["fieldsType"]) == ("v1", "FieldsV1") for each in entries)
    assert all(each["time"].endswith("Z") for each in entries)
    return {(each["manager"], each["operation"]): each["fieldsV1"] for each in entries}
