"""Ids, and how a Secret contains its id. ``docs/concepts/identifiers.md`` specifies the encoding.

A label value has at most 63 characters of a small alphabet; an id of Airflow may contain any character. An id that is a
valid label value is used as it is. Any other id gets a readable part and a hash; an annotation contains the id itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.kubernetes.labels import is_label_value

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.kubernetes.objects import Secret

_READABLE = 20
_HASH_DIGITS = 40


def label_value(identifier: str) -> str:
    """Return the label value for any id: the id itself if it is a valid label value, else a value with a hash."""
    if is_label_value(identifier):
        return identifier
    from hashlib import sha256

    # Python strings can contain lone surrogates, which are not Unicode. Such an id has a hash too.
    digits = sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]
    words = re.sub("[^A-Za-z0-9]+", "-", identifier).strip("-")
    readable = words[:_READABLE].rstrip("-")
    return f"{readable}.{digits}" if readable else digits


def looks_hashed(value: str) -> bool:
    """Return whether a label value has the form with a hash that :func:`label_value` returns."""
    if len(value) < _HASH_DIGITS:
        return False
    words = f"(?=.{{1,{_READABLE}}}\\.)[A-Za-z0-9]+(-[A-Za-z0-9]+)*\\."
    return re.fullmatch(f"({words})?[0-9a-f]{{{_HASH_DIGITS}}}", value) is not None


def is_uri(identifier: str) -> bool:
    """Return whether an id is a URI, or contains one: a value, with its password, in the place of an id.

    Such an id is never looked up, sent or shown. Every string with ``://`` counts, whatever is around it: the address
    of a webhook has its credential in the path, and people also paste quotation marks, assignments and JSON.
    """
    return "://" in identifier


def identifier_of(secret: Secret, label: str) -> str:
    """Return the id that a labelled Secret is for: the annotation of the same key, or else the label's value."""
    annotations = secret.annotations
    if annotations is not None and label in annotations:
        return annotations[label]
    return secret.labels[label]


def is_unicode(text: str) -> bool:
    """Return whether UTF-8 can encode a string.

    A Python string can contain half of a surrogate pair, for example for a byte that is not UTF-8.
    """
    return re.search("[\ud800-\udfff]", text) is None
