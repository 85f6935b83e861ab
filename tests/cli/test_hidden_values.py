"""Values of a connection are not shown in the message of its hook, however a driver writes them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from airflow_kubernetes_secrets.diagnosis.hidden_values import hidden_in

Encode = Callable[[str], str]

# How drivers and libraries write a value into the text of an exception.
ENCODINGS: dict[str, Encode] = {
    "as it is": str,
    "urllib": lambda text: quote(text, safe=""),
    "urllib in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "path": quote,
    "form": quote_plus,
    "requests": lambda text: quote(text, safe="!#$%&'()*+,/:;=?@[]~"),
    "SQLAlchemy": lambda text: quote(text, safe=" +"),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "JSON": json.dumps,
    "JSON with all characters": lambda text: json.dumps(text, ensure_ascii=False),
    "HTML": html.escape,
    "SQL": lambda text: text.replace("'", "''"),
    "ODBC": lambda text: f"{{{text.replace('}', '}}')}}}",
    "libpq": lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("login u, password p, host db.example.com", "login ***, password ***, host db.example.com"),
        ("up and running", "up and running"),
        ("postgres://u:p%2F@db.example.com/app_db", "postgres://***:***%2F@db.example.com/***"),
        ("the token t0ken/+ and t0ken%2F%2B", "the token *** and ***"),
        ("x" * 1000, "x" * 500 + "…"),
    ],
)
def test_values_of_the_connection(message: str, shown: str) -> None:
    fields = {
        "conn_type": "postgres",
        "host": "db.example.com",
        "login": "u",
        "password": "p",
        "schema": "app_db",
        "extra": json.dumps({"token": "t0ken/+"}),
    }
    assert hidden_in(message, json.dumps(fields)) == shown


def test_a_host_that_is_the_address_of_a_webhook() -> None:
    stored = json.dumps({"conn_type": "http", "host": "https://hooks.example.com/T0/B0"})

    assert hidden_in("no https://hooks.example.com/T0/B0", stored) == "no ***"


def test_a_token_that_is_the_query_of_a_uri() -> None:
    assert hidden_in("unknown argument 'T0KEN123456'", "http://host/?T0KEN123456") == "unknown argument '***'"


def test_address_in_place_of_the_type() -> None:
    stored = json.dumps({"conn_type": "https://hooks.example.com/T0/B0"})

    assert hidden_in('Unknown hook type "https://hooks.example.com/T0/B0"', stored) == 'Unknown hook type "***"'


def test_a_password_that_is_also_the_type() -> None:
    assert (
        hidden_in("postgres is wrong", json.dumps({"conn_type": "postgres", "password": "postgres"})) == "*** is wrong"
    )


def test_documents_in_strings_of_any_depth() -> None:
    inner = "[" * 900 + json.dumps("s3cret") + "]" * 900
    stored = json.dumps({"conn_type": "x", "extra": json.dumps({"a": inner})})

    assert hidden_in("no s3cret", stored) == "no ***"


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("second", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("password", ["s3 cr/et@\"p\u00e4'&+\\x}", "\U0001f600 cr%2Fs3&amp;et''d", "s3/cr\ncr/et"])
def test_each_encoding(password: str, encode: Encode, second: Encode) -> None:
    stored = json.dumps({"conn_type": "http", "host": "api", "login": "mailer", "password": password})
    message = f"<{second(encode(password))}>"

    shown = hidden_in(message, stored)

    assert "***" in shown
    assert not re.search("s3|cr|et", shown)


def test_http_header_with_credentials() -> None:
    stored = json.dumps({"conn_type": "http", "host": "api", "login": "u", "password": "p"})

    assert hidden_in("Authorization: Basic dTpw", stored) == "Authorization: Basic ***"


def test_a_value_without_the_white_space_around_it() -> None:
    stored = json.dumps({"conn_type": "http", "host": "api", "password": "\thunter2\n"})

    assert hidden_in("invalid value: hunter2.", stored) == "invalid value: ***."


def test_value_that_is_longer_than_the_searched_part() -> None:
    password = "0123456789abcdef/" * 60_000
    stored = json.dumps({"conn_type": "http", "host": "api", "password": password})

    for text in (password, password[:400_000], quote(password, safe="")):
        assert hidden_in(f"wrong: {text}", stored) == "wrong: ***…"


def test_value_that_is_cut_off_at_the_end_of_the_searched_part() -> None:
    stored = json.dumps({"conn_type": "http", "host": "api", "password": "hunter2" * 1000, "login": "x" * 60})

    for before in range(49_000, 50_010, 101):
        assert set(hidden_in(f"{'x' * before}{'hunter2' * 1000}", stored)) <= set("x*…")


@pytest.mark.parametrize("part", ["%41", "+", "\\x41", "\\u0041", "&lt;", "''", "\\\\%25&amp;+''"])
def test_a_long_message_of_a_hostile_hook(part: str) -> None:
    extra = {f"key-{number}": f"value-{number}" for number in range(500)}
    stored = json.dumps({"conn_type": "http", "host": "api", "extra": json.dumps(extra)})

    assert hidden_in(part * 1_000_000, stored) == f"{part * 500}"[:500] + "…"
