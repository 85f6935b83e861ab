"""One interface for the sources of a backend: an API server, directly or behind a proxy, or a folder of manifests."""

from __future__ import annotations

import itertools
import json
import uuid
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.cluster import Cluster, ServiceAccount, plural_of
from support.exchange import Request
from support.proxy import Proxy

_numbers = itertools.count(1)

LABELS = ("connections_label", "variables_label", "config_label")


class ManifestSource(ABC):
    """A source of Secrets, and the backends that read it.

    Attributes:
        namespace: a new namespace, the default one of the backends.
    """

    def __init__(self) -> None:
        self.namespace = f"test-{uuid.uuid4().hex[:12]}"

    def other(self, name: str) -> str:
        """Return the name of another namespace of this test."""
        return f"{self.namespace}-{name}"

    def put(
        self,
        labels: Mapping[str, str],
        value: str | bytes | None = None,
        *,
        name: str | None = None,
        namespace: str | None = None,
        data: Mapping[str, str | bytes] | None = None,
        annotations: Mapping[str, str] | None = None,
        kind: str = "Secret",
    ) -> None:
        """Create or replace a Secret or ConfigMap. Bytes are written in base64, and strings as text."""
        contents = {**(data or {}), **({} if value is None else {"value": value})}
        texts, binary = ("stringData", "data") if kind == "Secret" else ("data", "binaryData")
        self._apply(
            {
                "apiVersion": "v1",
                "kind": kind,
                "metadata": {
                    "name": name or f"secret-{next(_numbers)}",
                    "namespace": namespace or self.namespace,
                    "labels": dict(labels),
                    "annotations": dict(annotations or {}),
                },
                binary: {key: b64encode(each).decode() for key, each in contents.items() if isinstance(each, bytes)},
                texts: {key: each for key, each in contents.items() if isinstance(each, str)},
            }
        )

    @abstractmethod
    def delete(self, name: str, namespace: str | None = None, *, kind: str = "Secret") -> None:
        """Delete a Secret or ConfigMap."""

    @abstractmethod
    def make_backend(self, **options: object) -> KubernetesSecretsBackend:
        """Return a backend with exactly the permissions that its options need."""

    @abstractmethod
    def _apply(self, manifest: dict[str, Any]) -> None: ...


class ObservedSource(ManifestSource):
    """A source that records the requests of its backends, and that a test can make unavailable."""

    @property
    @abstractmethod
    def requests(self) -> list[Request]:
        """The requests that an API server has received so far."""

    @abstractmethod
    def leave(self) -> None:
        """Make the source unavailable from now on."""


class DirectSource(ManifestSource):
    """An API server. Each backend has its own service account."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster
        self._namespaces: set[str] = set()

    def delete(self, name: str, namespace: str | None = None, *, kind: str = "Secret") -> None:
        path = f"/api/v1/namespaces/{namespace or self.namespace}/{plural_of(kind)}/{name}"
        self._cluster.delete(path)

    def make_backend(self, **options: object) -> KubernetesSecretsBackend:
        parsed = Options.parse(options)
        listed = {*(parsed.namespace or (self.namespace,)), *parsed.team_namespaces.values()}
        verbs = ["list", "watch"] if any(getattr(parsed, label) for label in LABELS) else []
        named: dict[str, list[str]] = {}
        for namespace, names in parsed.referenced.items():
            named.setdefault(namespace or self.namespace, []).extend(names)
        resources = [each.plural for each in parsed.resources]
        return self.backend_of(dict.fromkeys(listed, verbs), named, resources, **options)

    def backend_of(
        self,
        grants: Mapping[str, Sequence[str]],
        named: Mapping[str, Sequence[str]],
        resources: Sequence[str] = ("secrets",),
        /,
        **options: object,
    ) -> KubernetesSecretsBackend:
        """Return a backend whose service account has these permissions; see :meth:`Cluster.service_account`."""
        account = self._cluster.service_account(self.namespace, f"airflow-{next(_numbers)}", grants, named, resources)
        return KubernetesSecretsBackend(service_account_path=str(self._folder(account)), **options)

    def _folder(self, account: ServiceAccount) -> Path:
        """Return the folder of the account in a pod."""
        return account.folder

    def _apply(self, manifest: dict[str, Any]) -> None:
        namespace = manifest["metadata"]["namespace"]
        if namespace not in self._namespaces:
            self._cluster.create_namespace(namespace)
            self._namespaces.add(namespace)
        self._cluster.apply(manifest)


class ServerSource(DirectSource, ObservedSource):
    """An API server behind a proxy."""

    def __init__(self, cluster: Cluster, proxy: Proxy) -> None:
        super().__init__(cluster)
        self.proxy = proxy

    @property
    def requests(self) -> list[Request]:
        return self.proxy.requests

    def leave(self) -> None:
        self.proxy.refuse()

    def _folder(self, account: ServiceAccount) -> Path:
        return self.proxy.folder(account)


class FolderSource(ObservedSource):
    """A folder with one manifest in each file, alternately in YAML and in JSON."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self._files: dict[tuple[str, str, str], Path] = {}

    @property
    def requests(self) -> list[Request]:
        """None: a folder receives no requests."""
        return []

    def delete(self, name: str, namespace: str | None = None, *, kind: str = "Secret") -> None:
        self._files.pop((namespace or self.namespace, kind, name)).unlink()

    def leave(self) -> None:
        self.folder.rename(self.folder.with_name("elsewhere"))

    def make_backend(self, **options: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(path=str(self.folder), **options)

    def _apply(self, manifest: dict[str, Any]) -> None:
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        kind = manifest["kind"]
        stem = name if kind == "Secret" else f"{kind}-{name}"
        suffix = ".yaml" if len(self._files) % 2 else ".json"
        path = self._files.setdefault((namespace, kind, name), self.folder / namespace / f"{stem}{suffix}")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(manifest) if path.suffix == ".json" else yaml.safe_dump(manifest))
