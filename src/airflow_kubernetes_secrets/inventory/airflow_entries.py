"""Connections and variables on their way into Secrets.

Nothing of one is lost: a connection becomes Airflow's JSON field by field, with ``extra`` as the very text that is
stored, and a variable its bytes. What Airflow itself could not read is an entry with a problem. No text here quotes a
value, and no error has one among its causes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from airflow_kubernetes_secrets.compat import connection_of_uri, imports_descriptions, silence
from airflow_kubernetes_secrets.documents import UnreadableError, read_json
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.inventory.configured import airflow_conf
from airflow_kubernetes_secrets.lookup import Kind

KINDS = (Kind.CONNECTION, Kind.VARIABLE)

_TEXTS = ("conn_type", "host", "login", "password", "schema", "description")
FIELDS = (*_TEXTS, "port", "extra")
# What else stands in the objects that `airflow connections import` takes; see airflow/secrets/local_filesystem.py.
_ALSO_TAKEN = ("conn_id", "extra_dejson", "team_name", "uri")

NO_DESCRIPTION = "a variable's description is not moved: a Secret has no place for it"
_TYPE = "Airflow reads 'postgresql' as 'postgres' and '-' in a connection's type as '_', also from these manifests"


class SourceError(OneLineError):
    """There is nothing that connections and variables could be read from."""


@dataclass(frozen=True)
class Entry:
    """A connection or variable.

    Attributes:
        id: as it is known there.
        data: what the Secret has to hold; ``None`` if there is a problem.
        problem: why it cannot be moved.
        notes: what differs afterwards, in words that are the same for every such entry.
    """

    kind: Kind
    id: str
    team: str | None = None
    data: bytes | None = field(default=None, repr=False)
    problem: str = ""
    notes: tuple[str, ...] = ()


def entry_of_value(kind: Kind, key: str, value: Any, team: str | None = None, *, notes: tuple[str, ...] = ()) -> Entry:
    """Of a value in a file, or of a variable of the environment."""
    if kind is Kind.CONNECTION:
        return _entry_of_connection(key, value, team, notes)
    if isinstance(value, dict) and "value" in value and imports_descriptions():
        notes = (*notes, NO_DESCRIPTION) if value.get("description") else notes
        value = value["value"]
    # As `airflow variables import` stores it (``Variable.set(serialize_json=True)``).
    text = value if isinstance(value, str) else json.dumps(value, indent=2)
    return variable(key, text, team, notes)


def variable(key: str, text: str | None, team: str | None, notes: tuple[str, ...]) -> Entry:
    """Of a variable's text."""
    if text is None:
        return Entry(Kind.VARIABLE, key, team, problem="it has no value")
    try:
        return Entry(Kind.VARIABLE, key, team, text.encode("utf-8"), notes=notes)
    except UnicodeEncodeError:
        return Entry(Kind.VARIABLE, key, team, problem="its value is not Unicode, so it cannot be stored in UTF-8")


def connection(key: str, fields: Mapping[str, Any], team: str | None, notes: tuple[str, ...]) -> Entry:
    """Of a connection's fields; empty ones stay empty."""
    problem = _problem_of(fields)
    if problem:
        return Entry(Kind.CONNECTION, key, team, problem=problem)
    kept = {name: fields[name] for name in FIELDS if fields.get(name) is not None}
    conn_type = kept.get("conn_type", "")
    if conn_type == "postgresql" or "-" in conn_type:
        notes = (*notes, _TYPE)
    # In ASCII, so that every character of a password is one that no tool on the way changes.
    return Entry(Kind.CONNECTION, key, team, json.dumps(kept).encode("ascii"), notes=notes)


def is_connection_object(value: Any) -> bool:
    """Whether a value is a connection as Airflow exports it, as an object or as the JSON of one."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = read_json(value)
        except UnreadableError:
            return False
    return isinstance(value, dict) and "conn_type" in value and not value.keys() - {*FIELDS, *_ALSO_TAKEN}


@lru_cache(maxsize=1)
def fernet() -> Any:
    """What Airflow decrypts with.

    Raises:
        SourceError: it cannot be made.
    """
    airflow_conf()
    try:
        from airflow.models.crypto import get_fernet

        with silence():  # it warns where there is no key, which is no news to who chose that
            return get_fernet()
    except Exception as error:
        problem = type(error).__name__
    # Outside the except block, with nothing chained: the error can quote the key.
    raise SourceError(
        f"[core] fernet_key cannot be used ({problem}): it has to be the key of this Airflow, in airflow.cfg or "
        "AIRFLOW__CORE__FERNET_KEY"
    )


def decrypted(text: str) -> str | None:
    """``None`` if none of the keys is the one that a text was encrypted with."""
    if not fernet().is_encrypted:
        return None  # Airflow has no key at all
    try:
        plain: str = fernet().decrypt(text.encode("utf-8")).decode("utf-8")
    except Exception:  # InvalidToken, and what is no token at all
        return None
    return plain


def _entry_of_connection(key: str, value: Any, team: str | None, notes: tuple[str, ...]) -> Entry:
    fields = _connection_fields(value)
    if isinstance(fields, str):
        return Entry(Kind.CONNECTION, key, team, problem=fields)
    if fields.get("conn_id", key) != key:
        return Entry(Kind.CONNECTION, key, team, problem="it says that it is for another id")
    return connection(key, fields, team or str(fields.get("team_name") or "") or None, notes)


def _problem_of(fields: Mapping[str, Any]) -> str:
    """Why Airflow would not take these fields, or take them for others."""
    for name in (*_TEXTS, "extra"):
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            return f"its {name} is not a text"
        if value and any("\ud800" <= each <= "\udfff" for each in value):
            return f"its {name} is not Unicode"
    if not str(fields.get("port") or "0").strip().isdecimal():
        return "its port is not a number"
    extra = fields.get("extra")
    if extra:
        try:
            is_object = isinstance(read_json(extra), dict)
        except UnreadableError:
            is_object = False
        if not is_object:
            return "its extra is not a JSON object, which Airflow refuses"
    return ""


def _connection_fields(value: Any) -> dict[str, Any] | str:
    """The fields of a connection as a text or an object, or why there are none."""
    if isinstance(value, str):
        return _fields_of_text(value.strip())
    if not isinstance(value, dict):
        return "it is neither a URI nor an object"
    if value.keys() - {*FIELDS, *_ALSO_TAKEN}:
        return f"it has fields that Airflow does not know; it knows {', '.join(FIELDS)}"
    fields = dict(value)
    if "uri" in fields:
        from_uri = _fields_of_text(str(fields.pop("uri")).strip())
        return from_uri if isinstance(from_uri, str) else {**fields, **from_uri}
    if "extra_dejson" in fields:
        fields["extra"] = fields.pop("extra_dejson")
    if fields.get("extra") and not isinstance(fields["extra"], str):
        fields["extra"] = json.dumps(fields["extra"])
    return fields


def _fields_of_text(text: str) -> dict[str, Any] | str:
    """Of a URI, taken apart by Airflow, or of JSON."""
    if not text:
        return "it is blank"
    if text.startswith("{"):
        try:
            return _connection_fields(read_json(text))
        except UnreadableError as error:
            return f"it is not valid JSON: {error}"
    try:
        if not urlsplit(text).scheme or "://" not in text:
            return "it is neither a URI (conn-type://…) nor JSON ({…})"
        fernet()
        parsed = connection_of_uri(text)
        return {name: getattr(parsed, name) for name in FIELDS}
    except SourceError:
        raise
    except Exception as error:  # of Airflow's, some quote the URI
        return f"Airflow cannot take its URI apart ({type(error).__name__})"
