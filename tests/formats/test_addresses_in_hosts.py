"""An address in the key of the host is read, or a problem names what the hook misreads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.connection_secrets import Read
from support.hook_texts import MARK, texts_of


@pytest.mark.parametrize("conn_type", ["postgres", "mysql", "mongo", "redis", "mssql", "ssh", "smtp"])
@pytest.mark.parametrize("host", ["tcp://h:123", "tcp://h:123/", "TCP://h"])
def test_an_address_in_the_host(read: Read, conn_type: str, host: str) -> None:
    connection = read({"host": host, "port": "123", "username": "u", "password": "p"}, {"connection-type": conn_type})

    assert connection is not None
    assert (connection["host"], connection["port"]) == ("h", 123)


@pytest.mark.parametrize(
    ("conn_type", "host", "expected"),
    [
        ("postgres", "postgresql://h:5433", ("h", 5433, {})),
        ("postgres", "tcp://[fd00::1]:5433", ("fd00::1", 5433, {})),
        ("redis", "rediss://h:6380", ("h", 6380, {"ssl": True})),
        ("mongo", "mongodb://h0:1,h1:2", ("h0:1,h1:2", None, {})),
        ("mongo", "mongodb+srv://h", ("h", None, {"srv": True})),
        ("http", "https://h/path", ("https://h/path", None, {})),
        ("smtp", "smtps://h:465", ("h", 465, {})),
        ("kafka", "PLAINTEXT://h:9092", None),
    ],
)
def test_the_scheme_of_an_address_in_the_host(read: Read, conn_type: str, host: str, expected: Any) -> None:
    connection = read({"host": host, "username": "u", "password": "p"}, {"connection-type": conn_type})

    assert connection is not None
    if expected is None:
        assert connection["host"] == host
    else:
        assert (connection["host"], connection["port"], connection["extra"]) == expected


@pytest.mark.parametrize(
    ("conn_type", "host"),
    [
        ("postgres", "https://h"),
        ("postgres", "postgres://h/db"),
        ("postgres", f"postgres://u:{MARK}@h"),
        ("mysql", "h/path"),
        ("ssh", "h/"),
        ("redis", "http://h:6379"),
        ("smtp", "ldaps://h"),
        ("neo4j", "neo4j+s://h"),
    ],
)
def test_an_address_that_a_hook_misreads_is_reported(conn_type: str, host: str) -> None:
    for data, described in (
        ({"host": host, "username": "u", "password": "p"}, {"connection_type": conn_type}),
        ({"value": json.dumps({"conn_type": conn_type, "host": host, "port": 1, "login": "u", "password": "p"})}, {}),
    ):
        assert any("URL" in each or "path" in each for each in texts_of(data, **described)), data
