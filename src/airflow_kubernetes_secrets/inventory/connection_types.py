"""Warnings for connections without a type, and for types that no installed provider knows.

``check`` shows only those about a missing type, because it also runs where no provider is installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from airflow_kubernetes_secrets.backend.airflow_versions import known_connection_types
from airflow_kubernetes_secrets.formats.aliases import CONNECTION_TYPES, GENERIC, connection_type
from airflow_kubernetes_secrets.formats.fields import fields_made_from
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, connection_text, is_converted
from airflow_kubernetes_secrets.formats.remedies import set_type
from airflow_kubernetes_secrets.formats.single_key import fields_of_whole
from airflow_kubernetes_secrets.inventory.content import Content
from airflow_kubernetes_secrets.inventory.uri_misreadings import warning_with_key
from airflow_kubernetes_secrets.inventory.visible_fields import shown_type
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.listing import first_names, quoted
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.messages.suggestions import most_similar

UNKNOWN_TYPE: Final = "unknown-type"

# The types that the names of other software become. This package chose them, and the commands may run where a provider
# is missing that the tasks have.
_ALWAYS_ACCEPTED = frozenset(CONNECTION_TYPES.values())

_TYPES_BY_PORT: Mapping[int, str] = {
    1433: "mssql",
    1521: "oracle",
    3306: "mysql",
    5432: "postgres",
    6379: "redis",
    27017: "mongo",
}

# Similarities from 0 to 1: what a type needs to be suggested, and what it needs to be listed before the others.
_SUGGESTION_CUTOFF, _LISTING_CUTOFF = 0.6, 0.3


def problems_of_connection_type(
    kind: Kind, secret: Secret, key: str, content: Content, *, give_type: str = ""
) -> Iterator[Problem]:
    """Yield a warning if the type of a connection is missing, or if no installed provider knows it.

    There is no warning about an unknown type if Airflow cannot list the types that its providers know.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        content: what Airflow reads from the Secret.
        give_type: the beginning of the remedy for a missing type, before the type; empty for an annotation or file.
    """
    missing = list(problems_of_missing_type(kind, secret, key, content, give_type=give_type))
    if missing:
        known = known_connection_types()
        for each in missing:
            yield each if known is None else replace(each, text=f"{each.text}. {_known_text('', known)}")
    elif kind is Kind.CONNECTION and content.is_readable:
        yield from _problems_of_unknown_type(secret, key)


def problems_of_missing_type(
    kind: Kind, secret: Secret, key: str, content: Content, *, give_type: str = ""
) -> Iterator[Problem]:
    """Yield a warning if nothing specifies the type of a connection. No provider has to be installed.

    The arguments are those of :func:`problems_of_connection_type`.
    """
    if kind is not Kind.CONNECTION or not content.is_readable:
        return
    fields = fields_of_whole(connection_text(secret, key))
    if not _is_unspecified(secret, key, fields):
        return
    if not (fields.get("login") or fields.get("password") or _is_address(fields.get("host"))):
        return
    meant = _TYPES_BY_PORT.get(int(fields.get("port") or 0), "")
    others = () if fields.get("host") else ("host",)
    remedy = f"{give_type}{meant or 'TYPE'}" if give_type else set_type(secret, key, meant, *others)
    text = f"nothing specifies the connection type, so it is {GENERIC!r}, for which there is no hook. {remedy}"
    yield warning_with_key(UNKNOWN_TYPE, secret, key, text)


def _problems_of_unknown_type(secret: Secret, key: str) -> Iterator[Problem]:
    fields = fields_of_whole(connection_text(secret, key))
    conn_type = fields.get("conn_type")
    if not isinstance(conn_type, str) or conn_type in _ALWAYS_ACCEPTED or _is_unspecified(secret, key, fields):
        return
    known = known_connection_types()
    if known is None or conn_type in known:
        return
    meant, shown = _meant(conn_type, known), shown_type(conn_type)
    what = "no installed provider knows the connection type" + (f" {shown!r}" if shown else "")
    if _is_made(secret, key):
        remedy = set_type(secret, key, meant)
    else:
        remedy = f"Change the type in the key {quoted(key)}" + (f" to {meant!r}" if meant else "")
    first = meant if meant in known else ""
    text = f"{what}. {remedy}, or install its provider. {_known_text(conn_type, known, first)}"
    yield warning_with_key(UNKNOWN_TYPE, secret, key, text)


def _known_text(conn_type: str, known: frozenset[str], first: str = "") -> str:
    """Return the types that the installed providers know, those that are similar to a type first."""
    others = known - {GENERIC}
    similar = most_similar(conn_type, others, len(others), _LISTING_CUTOFF)
    names = dict.fromkeys([*([first] if first else []), *similar, *sorted(others)])
    return f"The installed providers know {first_names(map(repr, names), len(names))}"


def _is_made(secret: Secret, key: str) -> bool:
    """Return whether the connection is made from separate keys, or from JSON with the names of other tools."""
    return key == IN_FIELDS or is_converted(secret, key)


def _is_unspecified(secret: Secret, key: str, fields: Mapping[str, Any]) -> bool:
    """Return whether nothing specifies the type of a connection."""
    is_generic = fields.get("conn_type") == GENERIC
    return is_generic and _is_made(secret, key) and not fields_made_from(secret, key).have_type


def _is_address(host: object) -> bool:
    """Return whether a host is a whole address, such as that of a webhook. Only some types have such a host."""
    return isinstance(host, str) and "://" in host


def _meant(conn_type: str, known: frozenset[str]) -> str:
    """Return the type that was probably meant; empty if none is similar."""
    translated = connection_type(conn_type)
    if translated != conn_type and translated in _ALWAYS_ACCEPTED | known:
        return translated
    found = most_similar(conn_type, known | _ALWAYS_ACCEPTED, 1, _SUGGESTION_CUTOFF)
    return found[0] if found else ""
