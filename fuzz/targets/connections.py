"""The value that Airflow gets from a Secret.

The modules are ``formats/connection.py``, ``formats/values.py`` and ``inventory/content.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats import reading, values
from airflow_kubernetes_secrets.formats.aliases import EXACT
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, data_key_of_connection
from airflow_kubernetes_secrets.formats.usability import are_from_everyone, objections
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from fuzz.secrets import allow_names, secret_from
from fuzz.target import Target
from fuzz.trial import Trial

# The end of the host in the part after login and password.
_END_OF_HOST = re.compile("[/?#]")


def _run(trial: Trial, data: bytes) -> None:
    secret = secret_from(data)
    if secret is None:
        return
    allow_names(trial, secret)
    trial.allow(*_shown(secret))
    fields = trial.attempt(MalformedSecretError, fields_of, secret)
    if fields is not None and fields.are_sufficient:
        stored = trial.attempt(MalformedSecretError, _connection_text, secret, IN_FIELDS)
        if stored is not None:
            trial.claim(not are_from_everyone(objections(stored)), "Airflow can use what is made of fields")
            trial.say(*_content(secret, Kind.CONNECTION, IN_FIELDS))
    # Try each key as the one that contains the whole connection; a real Secret has only one such key.
    for key in islice(secret.data, 8):
        whole = trial.attempt(MalformedSecretError, data_key_of_connection, secret, key)
        if whole:
            # With annotations the connection must not become worse than it was.
            stored = trial.attempt(MalformedSecretError, _connection_text, secret, whole)
            trial.claim(stored is None or not are_from_everyone(objections(stored)), "Airflow can use what is given")
        for read in (values.text, values.config_text, _connection_text):
            trial.attempt(MalformedSecretError, read, secret, key)
        for kind in Kind:
            trial.say(*_content(secret, kind, key))


def _connection_text(secret: Secret, key: str) -> str:
    return reading.connection_text(_copy(secret), key)


def _copy(secret: Secret) -> Secret:
    """Return a Secret with the same content. What is read under one key of a Secret is stored for all its keys."""
    return Secret(
        secret.namespace, secret.name, secret.created, secret.labels, secret.data, annotations=secret.annotations
    )


def _content(secret: Secret, kind: Kind, key: str) -> Iterator[str]:
    content = content_of(kind, _copy(secret), key)
    yield from (content.data_format, content.conn_type, content.host, content.port)
    yield from (problem.text for problem in content.problems)


def _shown(secret: Secret) -> Iterator[str]:
    """Yield the parts of values that may be shown.

    ``list`` shows type and host. Errors show names in the JSON of a connection.
    """
    annotations = secret.annotations or {}
    yield from (text for key, text in annotations.items() if not key.endswith("-extra"))
    for key in secret.data:
        try:
            text = secret.value(key).decode()
        except UnicodeDecodeError:
            continue
        # Python drops line ends and tabs from a URI, wherever they are.
        scheme, separator, rest = re.sub(r"[\t\r\n]", "", text).partition("://")
        if separator:
            yield from (scheme, _END_OF_HOST.split(rest.rpartition("@")[2], maxsplit=1)[0])
        elif key != "value" and key.lower() not in EXACT:
            yield text
        yield from _shown_of_json(text)


def _shown_of_json(text: str) -> Iterator[str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        yield from found
        yield from (str(found.get(name)) for name in ("conn_type", "host", "port"))


TARGET = Target(
    _run,
    tokens=(
        *('"data":{', '"annotations":{', '":"', '","', '"value":"', '"uri":"', '"host":"', '"username":"'),
        *('"password":"', '"port":"', '"dbname":"', '"extra":"', '"engine":"', '"jdbc-uri":"'),
        *("postgresql://", "https://", "redis://", "mongodb+srv://", "[::1]:5432", "@", "%40", "?a=true", "\\n"),
        *('{\\"conn_type\\":\\"', '\\"host\\":\\"', '\\"port\\":', "\\ud800", "\\u0000", "mssql", "*"),
        *('"airflow.apache.org/field-uri":"', '"airflow.apache.org/other-keys":"extra"'),
        *('"airflow.apache.org/field-password":"value"', '"airflow.apache.org/connection-extra":"{}"'),
        *('"airflow.apache.org/data-key":"uri"', '"airflow.apache.org/connection-type":"x"'),
    ),
)
