"""The remedies for a connection that lacks something, in the words for what a user can change.

A Secret gets annotations, and a reference has them in the options. If there can be none, a whole connection in one key
has to be changed itself; otherwise the remedies name mounted files.

Each function with the argument ``key`` expects the key that contains the whole connection; empty if several keys do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow_kubernetes_secrets.formats.aliases import URI
from airflow_kubernetes_secrets.formats.annotations import (
    CONNECTION_EXTRA,
    CONNECTION_TYPE,
    DATA_KEY,
    EXTRA_FIELD,
    FIELD,
    LITERALS,
)
from airflow_kubernetes_secrets.kubernetes.objects import Secret

_NAMES: Mapping[str, str] = {"conn_type": CONNECTION_TYPE, **LITERALS}


def set_field(secret: Secret, key: str, *fields: str) -> str:
    """Return the remedy for fields that no key contains."""
    if secret.can_be_annotated:
        return f"Set {' and '.join(_NAMES[field] for field in fields)}{secret.annotation_suffix}"
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
        return "".join([f"Set the annotation {CONNECTION_TYPE}{secret.annotation_suffix}{to}", *more])
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
        return f"Name the key{secret.annotation_suffix}: {names}{more}"
    names = " or ".join(map(repr, fields))
    return f"If it does, write it as {names} in the value" if key else f"If it does, name that file {names}"


def name_extra(secret: Secret, key: str, name: str, file: str) -> str:
    """Return the remedy for a key that contains an entry of ``extra``.

    Args:
        name: the name in ``extra``.
        file: the name of a file that is read as this entry.
    """
    if secret.can_be_annotated:
        return f"Name the key{secret.annotation_suffix}: {EXTRA_FIELD}{name}"
    return f"If it contains one, write it as {name!r} in 'extra' of the value" if key else f"Name that file {file!r}"


def name_setting(secret: Secret, key: str, name: str) -> str:
    """Return the remedy for a key with a setting that the hook reads in ``extra``.

    Args:
        name: the name in ``extra``.
    """
    if secret.can_be_annotated:
        return f"Name the key{secret.annotation_suffix}: {EXTRA_FIELD}{name}"
    return f"Write it as {name!r}{in_extra(secret, key)}"


def or_store(secret: Secret, key: str, what: str, field: str) -> str:
    """Return the second half of a remedy: to store something where it is read as a field. A whole value has none."""
    if secret.can_be_annotated:
        return f"; or store {what} in a key that {FIELD}{field} names{secret.annotation_suffix}"
    return "" if key else f"; or store {what} in a file {field!r}"


def is_a_host(secret: Secret) -> str:
    """Return the remedy for a key with the name of a URI that contains a host, or an address in another form."""
    if secret.can_be_annotated:
        return (
            f"If it is a host, put it under the key 'host', or name its key in the annotation "
            f"{FIELD}host{secret.annotation_suffix}. Otherwise {give_parts(secret, ('host', *_PARTS))}"
        )
    return f"If it is a host, name the file 'host'. Otherwise {give_parts(secret, ('host', *_PARTS))}"


# The parts that an address can have besides a host, in the order of a URI. TLS is a part of `extra`.
_PARTS = ("login", "password", "port", "schema", "extra")


def give_parts(secret: Secret, parts: Sequence[str]) -> str:
    """Return the remedy, in lower case, for an address that cannot be read: to write those parts that it has.

    Args:
        parts: names of fields; ``extra`` for TLS and other settings.
    """
    if not secret.can_be_annotated:
        return f"add a file for each part that it has: {', '.join(map(repr, parts))}"
    names = {**LITERALS, "password": f"{FIELD}password (the key of the password)", "extra": f"{CONNECTION_EXTRA} (TLS)"}
    return f"write each part that it has{secret.annotation_suffix}: {', '.join(names[each] for each in parts)}"


def store_whole(secret: Secret) -> str:
    """Return the remedy for a URI that only Airflow itself can read."""
    if secret.can_be_annotated:
        return f"If Airflow can use it as it is, name its key in {DATA_KEY}{secret.annotation_suffix}"
    return "If Airflow can use it as it is, name the file 'value'"


def name_uri(secret: Secret) -> str:
    """Return the remedy for a URI that is ignored, although it can be read. A file has no such remedy."""
    if secret.can_be_annotated:
        return f"name its key in {FIELD}{URI}{secret.annotation_suffix}"
    return "remove the file with the host"


def in_extra(secret: Secret, key: str) -> str:
    """Return the words for where a user writes a part of ``extra``."""
    if secret.can_be_annotated:
        return f" in {CONNECTION_EXTRA}{secret.annotation_suffix}"
    return " in 'extra' of the value" if key else " in a file 'extra'"


def described(secret: Secret, annotations: Sequence[str]) -> str:
    """Return the words for annotations that complete the keys of a Secret, after *make a connection*."""
    text = f"with the annotations {', '.join(annotations)}"
    if secret.can_be_annotated:
        return f"{text}{secret.annotation_suffix}"
    return f"{text}. Move the folder to 'secrets', and describe it in 'references' with these annotations"


def _in_quotes(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))
