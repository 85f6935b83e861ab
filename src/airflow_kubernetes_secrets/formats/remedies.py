"""The remedies for a connection that lacks something, in the words for what a user can change.

A Secret gets annotations, and a reference has them in the options. If there can be none, a whole connection in one key
has to be changed itself; otherwise the remedies name mounted files.

Each function with the argument ``key`` expects the key that contains the whole connection; empty if several keys do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow_kubernetes_secrets.formats.annotations import CONNECTION_EXTRA, CONNECTION_TYPE, FIELD, LITERALS
from airflow_kubernetes_secrets.kubernetes.objects import Secret

_NAMES: Mapping[str, str] = {"conn_type": CONNECTION_TYPE, **LITERALS}


def set_field(secret: Secret, key: str, *fields: str) -> str:
    """Return the remedy for fields that no key contains."""
    if secret.can_be_annotated:
        return f"Set {' and '.join(_NAMES[field] for field in fields)}{secret.annotation_place}"
    names = _in_quotes(fields)
    return f"Write {names} in the value" if key else f"Add a file {names}"


def set_type(secret: Secret, key: str, meant: str, *others: str) -> str:
    """Return the remedy for a missing or unknown connection type.

    Args:
        meant: the type that was probably meant; empty if it is unknown.
        others: other fields that no key contains.
    """
    to = f" to {meant!r}" if meant else ""
    if secret.can_be_annotated:
        more = (f", and {_NAMES[field]}" for field in others)
        return "".join([f"Set the annotation {CONNECTION_TYPE}{secret.annotation_place}{to}", *more])
    if key:
        return "".join([f"Set 'conn_type' in the value{to}", *(f", and {field!r}" for field in others)])
    more = (f", and that of a file {field!r}" for field in others)
    return "".join([f"Set the content of the file 'conn_type'{to}", *more])


def name_key(secret: Secret, key: str, fields: Sequence[str], *, is_for_extra: bool = True) -> str:
    """Return the remedy for a key that may contain one of these fields and that nothing reads.

    Args:
        is_for_extra: whether some hooks read the field in ``extra``.
    """
    if secret.can_be_annotated:
        more = "; or extra-<name>, if the hook reads it in extra" if is_for_extra else ""
        names = " or ".join(
            f"{FIELD}{field}" if not number else f"field-{field}" for number, field in enumerate(fields)
        )
        return f"Name the key{secret.annotation_place}: {names}{more}"
    names = " or ".join(map(repr, fields))
    return f"If it does, write it as {names} in the value" if key else f"If it does, name that file {names}"


def or_store(secret: Secret, key: str, what: str, field: str) -> str:
    """Return the second half of a remedy: to store something where it is read as a field. A whole value has none."""
    if secret.can_be_annotated:
        return f"; or store {what} in a key that {FIELD}{field} names{secret.annotation_place}"
    return "" if key else f"; or store {what} in a file {field!r}"


def is_a_host(secret: Secret) -> str:
    """Return the remedy for a key with the name of a URI that probably contains a host."""
    if secret.can_be_annotated:
        return (
            f"Put a host under the key 'host', or name its key in the annotation {FIELD}host{secret.annotation_place}"
        )
    return "If it is a host, name the file 'host'"


def in_extra(secret: Secret, key: str) -> str:
    """Return the words for where a user writes a part of ``extra``."""
    if secret.can_be_annotated:
        return f" in {CONNECTION_EXTRA}{secret.annotation_place}"
    return " in 'extra' of the value" if key else " in a file 'extra'"


def described(secret: Secret, annotations: Sequence[str]) -> str:
    """Return the words for annotations that complete the keys of a Secret, after *make a connection*."""
    text = f"with the annotations {', '.join(annotations)}"
    if secret.can_be_annotated:
        return f"{text}{secret.annotation_place}"
    return f"{text}. Move the folder to 'secrets', and describe it in 'references' with these annotations"


def _in_quotes(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))
