"""Warnings for connection types that no installed provider knows, with the type that was probably meant.

``list``, ``explain``, ``doctor`` and the page show them, because these run where Airflow's providers are installed.
``check`` does not, because it also runs without providers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from airflow_kubernetes_secrets.backend.airflow_versions import known_connection_types
from airflow_kubernetes_secrets.formats.aliases import CONNECTION_TYPES, GENERIC, connection_type
from airflow_kubernetes_secrets.formats.fields import fields_made_from
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, connection_text, is_converted
from airflow_kubernetes_secrets.formats.remedies import set_type
from airflow_kubernetes_secrets.formats.single_key import fields_of_whole
from airflow_kubernetes_secrets.inventory.content import Content
from airflow_kubernetes_secrets.inventory.visible_fields import shown_type
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.listing import first_names, quoted
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.suggestions import most_similar

UNKNOWN: Final = "unknown-type"

# The types that other software's names become are always accepted. This package chose them, and the commands may run
# where a provider is missing that the tasks have.
_RIGHT = frozenset(CONNECTION_TYPES.values())

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


def problems_of_connection_type(kind: Kind, secret: Secret, key: str, content: Content) -> Iterator[Problem]:
    """Yield a warning if no installed provider knows the type of a connection.

    There is no warning if Airflow cannot list the types that its providers know.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        content: what Airflow reads from the Secret.
    """
    if kind is not Kind.CONNECTION or not content.is_readable:
        return
    fields = fields_of_whole(connection_text(secret, key))
    conn_type = fields.get("conn_type")
    if not isinstance(conn_type, str) or conn_type in _RIGHT:
        return
    is_made = key == IN_FIELDS or is_converted(secret, key)
    is_unspecified = is_made and conn_type == GENERIC and not fields_made_from(secret, key).have_type
    if is_unspecified and not (fields.get("login") or fields.get("password") or _is_address(fields.get("host"))):
        return
    known = known_connection_types()
    if known is None or (conn_type in known and not is_unspecified):
        return
    where = f"Secret {secret}" if key == IN_FIELDS else f"Secret {secret}, key {quoted(key)}"
    if is_unspecified:
        meant = _TYPES_BY_PORT.get(int(fields.get("port") or 0), "")
        what = f"nothing specifies the connection type, so it is {GENERIC!r}, for which there is no hook"
    else:
        meant = _meant(conn_type, known)
        shown = shown_type(conn_type)
        what = "no installed provider knows the connection type" + (f" {shown!r}" if shown else "")
    if is_made:
        remedy = set_type(secret, key, meant, *(["host"] if is_unspecified and not fields.get("host") else []))
    else:
        remedy = f"Change the type in the key {quoted(key)}" + (f" to {meant!r}" if meant else "")
    install = "" if is_unspecified else ", or install its provider"
    others = known - {GENERIC}
    first = [meant] if meant in known else []
    names = dict.fromkeys([*first, *most_similar(conn_type, others, len(others), _LISTING_CUTOFF), *sorted(others)])
    yield Problem(
        UNKNOWN,
        f"{where}: {what}. {remedy}{install}. The installed providers know {first_names(map(repr, names), len(names))}",
        Severity.WARNING,
    )


def _is_address(host: object) -> bool:
    """Return whether a host is a whole address, such as that of a webhook. Only some types have such a host."""
    return isinstance(host, str) and "://" in host


def _meant(conn_type: str, known: frozenset[str]) -> str:
    """Return the type that was probably meant; empty if none is similar."""
    translated = connection_type(conn_type)
    if translated != conn_type and translated in _RIGHT | known:
        return translated
    found = most_similar(conn_type, known | _RIGHT, 1, _SUGGESTION_CUTOFF)
    return found[0] if found else ""
