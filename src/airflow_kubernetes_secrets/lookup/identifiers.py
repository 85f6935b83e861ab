"""The id of a Secret: from its label, or from the annotation with the key of the label.

:mod:`airflow_kubernetes_secrets.kubernetes.encoded_ids` converts ids to label values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.kubernetes.objects import Secret


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


def is_unicode(text: str) -> bool:
    """Return whether UTF-8 can encode a string.

    A Python string can contain half of a surrogate pair, for example for a byte that is not UTF-8.
    """
    return re.search("[\ud800-\udfff]", text) is None
