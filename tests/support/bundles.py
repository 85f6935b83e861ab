"""Bundles for tests of lookups."""

from __future__ import annotations

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.places import Place
from support.secrets import BUNDLE

URI = "postgres://user:p%40ss@db.example.com:5432/app"


def put_bundle(
    place: Place,
    kind: str,
    data: dict[str, str | bytes],
    *,
    name: str = "bundle",
    namespace: str | None = None,
    labels: dict[str, str] | None = None,
) -> None:
    """Create or replace a bundle."""
    place.put({BUNDLE: kind, **(labels or {})}, name=name, namespace=namespace, data=data)


def backend_of(place: Place, freshness: dict[str, object], **options: object) -> KubernetesSecretsBackend:
    """Return a backend that reads bundles."""
    return place.make_backend(bundles=True, **freshness, **options)
