"""Secrets from the input of a target, and which of their parts may be shown."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from airflow_kubernetes_secrets.kubernetes.objects import Secret, kept_annotations
from fuzz.trial import Trial

# The annotations with these keys contain ids, which may be shown.
IDENTIFIERS = tuple(f"airflow.apache.org/{name}" for name in ("connection-id", "variable-key", "config-key", "team"))


def secret_from(data: bytes) -> Secret | None:
    """Return the Secret that an input describes: a JSON object with ``labels``, ``annotations`` and ``data`` as text.

    Returns:
        None if the input is something else. Invalid parts of a Secret are dropped.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    labels, annotations = _texts(document.get("labels")), _texts(document.get("annotations"))
    # A value with a lone surrogate becomes bytes that are not UTF-8.
    values = {
        key: b64encode(text.encode("utf-8", "surrogatepass")).decode("ascii")
        for key, text in _texts(document.get("data")).items()
    }
    return Secret("shop", "app", "", labels, values, annotations=kept_annotations(annotations, labels))


def _texts(found: Any) -> dict[str, str]:
    return {key: text for key, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}


def allow_names(trial: Trial, secret: Secret) -> None:
    """Allow a Secret's name, labels, keys, ids and time to be shown. Its values and other annotations never are."""
    annotations = secret.annotations or {}
    trial.allow(secret.namespace, secret.name, secret.created)
    trial.allow(*secret.labels, *secret.labels.values(), *secret.data, *annotations)
    trial.allow(*(text for key, text in annotations.items() if key in IDENTIFIERS or key in secret.labels))
