"""Connections and variables of Airflow, in the form in which they are moved into Secrets.

No data is lost. A connection becomes Airflow's JSON, with each field and the exact string in ``extra``. A variable
becomes its bytes. An entry that Airflow itself could not read has a problem instead of data. No message quotes a value,
and no error has a cause that contains one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from airflow_kubernetes_secrets.backend.airflow_versions import connection_of_uri, imports_descriptions, silence
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, read_json
from airflow_kubernetes_secrets.lookup.kinds import Kind

# The kinds that Airflow has in its metadata database and its environment.
STORED_KINDS = (Kind.CONNECTION, Kind.VARIABLE)

_STRING_FIELDS = ("conn_type", "host", "login", "password", "schema", "description")
_FIELDS = (*_STRING_FIELDS, "port", "extra")
# The other fields that `airflow connections import` accepts; see airflow/secrets/local_filesystem.py.
_OTHER_IMPORTED_FIELDS = ("conn_id", "extra_dejson", "team_name", "uri")

NO_DESCRIPTION = "a variable's description is not exported: a Secret has no field for it"
_CHANGED_TYPE = (
    "Airflow reads 'postgresql' as 'postgres' and '-' in a connection's type as '_', also from these manifests"
)


class SourceError(OneLineError):
    """Connections and variables cannot be read from this source."""


@dataclass(frozen=True)
class AirflowEntry:
    """A connection or variable.

    Attributes:
        id: its id in the source.
        team: the team that owns it; ``None`` if no team does.
        data: the bytes for the Secret; ``None`` if there is a problem.
        problem: why it cannot be moved; empty if it can.
        notes: what will be different afterwards. The text is identical for all entries with the same difference.
        environment_variable: the name of the environment variable that contains it; empty for other sources.
    """

    kind: Kind
    id: str
    team: str | None = None
    data: bytes | None = field(default=None, repr=False)
    problem: str = ""
    notes: tuple[str, ...] = ()
    environment_variable: str = ""


def entry_of_value(
    kind: Kind, key: str, value: Any, team: str | None = None, *, notes: tuple[str, ...] = ()
) -> AirflowEntry:
    """Return the entry for a value from a file or from an environment variable."""
    if kind is Kind.CONNECTION:
        return _entry_of_connection_value(key, value, team, notes)
    if isinstance(value, dict) and "value" in value and imports_descriptions():
        notes = (*notes, NO_DESCRIPTION) if value.get("description") else notes
        value = value["value"]
    # `airflow variables import` stores the value in this way (``Variable.set(serialize_json=True)``).
    text = value if isinstance(value, str) else json.dumps(value, indent=2)
    return entry_of_variable(key, text, team, notes)


def entry_of_variable(key: str, text: str | None, team: str | None, notes: tuple[str, ...]) -> AirflowEntry:
    """Return the entry for a variable with this value."""
    if text is None:
        return AirflowEntry(Kind.VARIABLE, key, team, problem="it has no value")
    try:
        return AirflowEntry(Kind.VARIABLE, key, team, text.encode("utf-8"), notes=notes)
    except UnicodeEncodeError:
        return AirflowEntry(
            Kind.VARIABLE, key, team, problem="its value is not Unicode, so it cannot be stored in UTF-8"
        )


def entry_of_connection(key: str, fields: Mapping[str, Any], team: str | None, notes: tuple[str, ...]) -> AirflowEntry:
    """Return the entry for a connection with these fields. Empty fields stay empty."""
    problem = _problem_of(fields)
    if problem:
        return AirflowEntry(Kind.CONNECTION, key, team, problem=problem)
    set_fields = {name: fields[name] for name in _FIELDS if fields.get(name) is not None}
    conn_type = set_fields.get("conn_type", "")
    if conn_type == "postgresql" or "-" in conn_type:
        notes = (*notes, _CHANGED_TYPE)
    # ASCII makes sure that no tool on the way changes a character of the password.
    return AirflowEntry(Kind.CONNECTION, key, team, json.dumps(set_fields).encode("ascii"), notes=notes)


def is_connection_object(value: Any) -> bool:
    """Return whether a value is a connection as Airflow exports it: an object, or a string with its JSON."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = read_json(value)
        except UnreadableError:
            return False
    return isinstance(value, dict) and "conn_type" in value and not value.keys() - {*_FIELDS, *_OTHER_IMPORTED_FIELDS}


@lru_cache(maxsize=1)
def fernet() -> Any:
    """Return the object that Airflow decrypts with.

    Raises:
        SourceError: the key cannot be used.
    """
    airflow_conf()
    try:
        from airflow.models.crypto import get_fernet

        with silence():  # Airflow warns if there is no key, which the user chose
            return get_fernet()
    except Exception as error:
        problem = type(error).__name__
    # This is raised outside the except block, with nothing chained, because the error can quote the key.
    raise SourceError(
        f"[core] fernet_key cannot be used ({problem}): it must be the key of this Airflow, in airflow.cfg or "
        "AIRFLOW__CORE__FERNET_KEY"
    )


def decrypted(text: str) -> str | None:
    """Return the decrypted string, or ``None`` if none of Airflow's keys decrypts it."""
    if not fernet().is_encrypted:
        return None  # Airflow has no key
    try:
        plain: str = fernet().decrypt(text.encode("utf-8")).decode("utf-8")
    except Exception:  # InvalidToken, or the errors for a string that is not a token
        return None
    return plain


def _entry_of_connection_value(key: str, value: Any, team: str | None, notes: tuple[str, ...]) -> AirflowEntry:
    """Return the entry for a connection that is a URI, a string of JSON, or an object."""
    fields = _connection_fields(value)
    if isinstance(fields, str):
        return AirflowEntry(Kind.CONNECTION, key, team, problem=fields)
    if fields.get("conn_id", key) != key:
        return AirflowEntry(Kind.CONNECTION, key, team, problem="it specifies another id")
    return entry_of_connection(key, fields, team or str(fields.get("team_name") or "") or None, notes)


def _problem_of(fields: Mapping[str, Any]) -> str:
    """Return why Airflow would refuse or change these fields; empty if it takes them unchanged."""
    for name in (*_STRING_FIELDS, "extra"):
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            return f"its {name} is not a string"
        if value and any("\ud800" <= each <= "\udfff" for each in value):
            return f"its {name} is not Unicode"
    if not str(fields.get("port") or "0").strip().isdecimal():
        return "its port is negative or not a number"
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
    """Return the fields of a connection that is a string or an object, or the reason why it has none."""
    if isinstance(value, str):
        return _fields_of_text(value.strip())
    if not isinstance(value, dict):
        return "it is neither a URI nor an object"
    if value.keys() - {*_FIELDS, *_OTHER_IMPORTED_FIELDS}:
        return f"it has unknown fields; the fields are {', '.join(_FIELDS)}"
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
    """Return the fields of a URI, which Airflow itself parses, or of JSON; or the reason why there are none."""
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
        # Airflow encrypts the password of the connection. If its key cannot be used, the URI is not the problem.
        fernet()
        parsed = connection_of_uri(text)
        return {name: getattr(parsed, name) for name in _FIELDS}
    except SourceError:
        raise
    except Exception as error:  # some of Airflow's errors quote the URI
        return f"Airflow cannot parse its URI ({type(error).__name__})"
