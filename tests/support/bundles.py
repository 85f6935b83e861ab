"""Bundles for tests of lookups."""

from __future__ import annotations

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.manifest_sources import ManifestSource
from support.secrets import BUNDLE

URI = "postgres://user:p%40ss@db.example.com:5432/app"


def put_bundle(
    source: ManifestSource,
    kind: str,
    data: dict[str, str | bytes],
    *,
    name: str = "bundle",
    namespace: str | None = None,
    labels: dict[str, str] | None = None,
) -> None:
    """Create or replace a bundle."""
    source.put({BUNDLE: kind, **(labels or {})}, name=name, namespace=namespace, data=data)


def backend_of(source: ManifestSource, freshness: dict[str, object], **options: object) -> KubernetesSecretsBackend:
    """Return a backend that reads bundles."""
    return source.make_backend(bundles=True, **freshness, **options)
