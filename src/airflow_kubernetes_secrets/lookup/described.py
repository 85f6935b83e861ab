"""The Secret of a reference, as the options describe it."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_kubernetes_secrets.derived import DerivedValues
from airflow_kubernetes_secrets.kubernetes.objects import IDENTIFIERS, Secret

# By the annotations, because several references can name one Secret. A lookup from memory then returns the same object
# each time, which is parsed once.
_described: DerivedValues[Secret, dict[Mapping[str, str], Secret]] = DerivedValues()


def described(secret: Secret, annotations: Mapping[str, str]) -> Secret:
    """Return a Secret with the annotations of a reference instead of its own, except those with its ids.

    Args:
        annotations: with the prefix of their keys, and hashable. If there are none, the Secret keeps its own.
    """
    if not annotations:
        return secret
    known = _described.get(secret)
    if known is None:
        known = {}
        _described.put(secret, known)
    found = known.get(annotations)
    if found is None:
        ids = {key: text for key, text in (secret.annotations or {}).items() if key in IDENTIFIERS}
        found = known[annotations] = Secret(
            secret.namespace,
            secret.name,
            secret.created,
            secret.labels,
            secret.data,
            annotations={**ids, **annotations},
        )
    return found
