"""Ids and the labels that stand for them. ``docs/identifiers.md`` specifies this for other tools.

A label holds up to 63 characters of a small alphabet; an id of Airflow's may hold anything. An id that can be a label
value is one. Any other has a label value of its own, with a hash, and the annotation with the label's key says which id
it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.labels import is_label_value

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.api.objects import Secret

_READABLE = 20
_HASH_DIGITS = 40


def is_uri(identifier: str) -> bool:
    """Whether an id is a URI: the value itself, password included, where the id of a Secret belongs.

    Such an id is never looked up, sent or shown.
    """
    return "://" in identifier


def label_value(identifier: str) -> str:
    """The label value that stands for an id, whatever that holds: the id itself where that can be one."""
    if is_label_value(identifier):
        return identifier
    import re
    from hashlib import sha256

    # Some texts of Python's are not Unicode (lone surrogates); they have a hash too.
    digits = sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    words = re.sub("[^A-Za-z0-9]+", "-", identifier).strip("-")
    readable = words[:_READABLE].rstrip("-")
    return f"{readable}.{digits}" if readable else digits


def looks_hashed(value: str) -> bool:
    """Whether a label value has the form that :func:`label_value` gives to an id which cannot be one itself."""
    import re

    words = f"(?=.{{1,{_READABLE}}}\\.)[A-Za-z0-9]+(-[A-Za-z0-9]+)*\\."
    return re.fullmatch(f"({words})?[0-9a-f]{{{_HASH_DIGITS}}}", value) is not None


def identifier_of(secret: Secret, label: str) -> str:
    """The id that a Secret with this label is for: what its annotation of the same key says, else the label's value."""
    annotations = secret.annotations
    if annotations is not None and label in annotations:
        return annotations[label]
    return secret.labels[label]
