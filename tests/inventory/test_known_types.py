"""Warnings about connection types that no installed provider knows."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import pytest

from airflow_kubernetes_secrets.formats.reading import data_key_of_connection
from airflow_kubernetes_secrets.inventory.connection_types import problems_of_connection_type
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.problem import Severity
from support.connection_secrets import PREFIX, stored_secret

MARK = "hunter2"


def texts_of(data: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> list[str]:
    secret = stored_secret(data, annotations)
    key = data_key_of_connection(secret, "value")
    found = [*problems_of_connection_type(Kind.CONNECTION, secret, key, content_of(Kind.CONNECTION, secret, key))]
    assert {(each.code, each.severity) for each in found} <= {("unknown-type", Severity.WARNING)}
    assert not any(MARK in each.text for each in found)
    return [each.text for each in found]


KEYS = {"host": "h", "username": "u", "password": MARK}

# The text of the warning, empty if there is none. Airflow itself knows generic, email, fs and package_index.
CASES: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    "a driver": ({"value": f"postgresql+psycopg2://u:{MARK}@h/d"}, {}, "'postgresql+psycopg2'. Change the type in the"),
    "what is meant by it": ({"value": "postgresql+psycopg2://h/d"}, {}, "in the key 'value' to 'postgres'"),
    "a product": ({"value": "mariadb://h/d"}, {}, "to 'mysql'"),
    "a fork": ({"value": "valkey://h:6379"}, {}, "to 'redis'"),
    "a fork with TLS": ({"value": "valkeys://h:6379"}, {}, "to 'redis'"),
    "MongoDB's scheme": ({"value": "mongodb+srv://h"}, {}, "to 'mongo'"),
    "a misspelt type": ({"value": "postgras://h"}, {}, "to 'postgres'"),
    "a misspelt type in a key": (
        {**KEYS, "type": "emial"},
        {},
        f"Set the annotation {PREFIX}connection-type to 'email'",
    ),
    "a misspelt type in an annotation": (KEYS, {"connection-type": "mysq"}, "to 'mysql'"),
    "a type without a similar one": ({**KEYS, "type": "zzz"}, {}, "'zzz'. Set the annotation"),
    "a type that is shown": ({"value": "zzz://h"}, {}, "The installed providers know 'email', "),
    "a type that is not shown": (
        {"value": '{"conn_type": "hunter2 x", "host": "h"}'},
        {},
        "the connection type. Change",
    ),
    "a type of Apache's providers": ({"value": "postgres://h"}, {}, ""),
    "another of Apache's providers": ({**KEYS, "type": "sqlserver"}, {}, ""),
    "a type of Airflow": ({"value": "fs://h"}, {}, ""),
    "a type of a provider": ({"value": "smtp://h"}, {}, ""),
    "no type": (KEYS, {}, "nothing specifies the connection type, so it is 'generic'"),
    "no type, but a port": ({**KEYS, "port": "3306"}, {}, "connection-type to 'mysql'"),
    "no type for a login": ({"username": "u"}, {}, "nothing specifies the connection type"),
    "no type for a host": ({"host": "h"}, {}, ""),
    "no type for an address": ({"address": "https://h/services/x"}, {}, "nothing specifies the connection type"),
    "no type in JSON of AWS": (
        {"value": f'{{"username": "u", "password": "{MARK}"}}'},
        {},
        f"connection-type, and {PREFIX}connection-host. The installed",
    ),
    "no type in JSON of AWS, but a port": (
        {"value": f'{{"username": "u", "password": "{MARK}", "host": "h", "port": 3306}}'},
        {},
        "connection-type to 'mysql'. The",
    ),
    "an annotation with the type of JSON of AWS": (
        {"value": f'{{"username": "u", "password": "{MARK}"}}'},
        {"connection-type": "generic"},
        "",
    ),
    "a type in JSON of AWS": ({"value": f'{{"username": "u", "password": "{MARK}", "engine": "generic"}}'}, {}, ""),
    "a type in upper case in an annotation": (KEYS, {"connection-type": "Postgres"}, ""),
    "generic in a key": ({**KEYS, "type": "generic"}, {}, ""),
    "generic in an annotation": (KEYS, {"connection-type": "generic"}, ""),
    "generic in a URI": ({"value": f"generic://u:{MARK}@h"}, {}, ""),
    "null in JSON": ({"value": '{"conn_type": null, "host": "h"}'}, {}, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_warnings_about_types(case: str) -> None:
    data, annotations, said = CASES[case]

    texts = texts_of(data, annotations)

    assert len(texts) == bool(said), texts
    assert all(said in each for each in texts)


def test_other_kinds_have_no_type() -> None:
    secret = Secret("shop", "app", "", {}, {"value": b64encode(b"zzz://h").decode()})
    content = content_of(Kind.VARIABLE, secret, "value")

    assert not [*problems_of_connection_type(Kind.VARIABLE, secret, "value", content)]
