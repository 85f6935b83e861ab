"""Ids and the label values that represent them. ``docs/concepts/identifiers.md`` specifies this for other tools.

A label value has at most 63 characters of a small alphabet; an id of Airflow may contain any character. An id that is a
valid label value is used as it is. Any other id gets a label value with a hash, and the annotation with the key of the
label contains the id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value, looks_hashed

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.kubernetes.objects import Secret

__all__ = ["identifier_of", "is_uri", "label_value", "looks_hashed"]


def is_uri(identifier: str) -> bool:
    """Return whether an id is a URI: a value, with its password, in the place of an id.

    Such an id is never looked up, sent or shown.
    """
    return "://" in identifier


def identifier_of(secret: Secret, label: str) -> str:
    """Return the id that a labelled Secret is for: the annotation of the same key, or else the label's value."""
    annotations = secret.annotations
    if annotations is not None and label in annotations:
        return annotations[label]
    return secret.labels[label]
