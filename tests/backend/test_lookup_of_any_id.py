"""Ids that are not valid label values, and responses with Secrets that were not requested."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.faults import unfiltered
from support.logs import log_messages
from support.proxy import Proxy
from support.secrets import MakeBackend, Put

LOGGER = "airflow_kubernetes_secrets"


pytestmark = pytest.mark.however_fresh


HOSTILE_IDS = {
    "comma": "a,b=c",
    "another selector": "x,airflow.apache.org/team",
    "space": "x y",
    "too long": "x" * 64,
    "empty": "",
    "unicode": "zwölf",
    "newline": "x\n",
    "newline in front": "\nx",
    "negation": "!x",
    "slash": "a/b",
    "colon and plus": "cosmos__2026-05-04T10:15:00+00:00",
    "dash in front": "-x",
    "dot at the end": "x.",
    "set": "x in (a,b)",
    "parentheses": "x)(",
    "null byte": "x\0",
    "ampersand": "x&limit=1",
    "percent": "x%2Cy",
}


@pytest.mark.parametrize("hostile", HOSTILE_IDS.values(), ids=HOSTILE_IDS)
def test_hostile_id_finds_no_other_secret(
    backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture, hostile: str
) -> None:
    for innocent in ("x", "a", "b"):
        put.connection(innocent, "http://innocent")

    with caplog.at_level(logging.DEBUG, LOGGER):
        assert backend.get_connection(hostile) is None
        assert backend.get_conn_value(hostile) is None
        assert backend.get_variable(hostile) is None
        assert backend.get_config(hostile) is None

    assert log_messages(caplog) == []


def lists(proxy: Proxy) -> int:
    """Return the number of requests without those for a watch, which a thread sends."""
    return sum("watch" not in request.query for request in proxy.requests)


class BrokenId(str):
    """An id that no dictionary can contain."""

    def __hash__(self) -> int:
        raise ZeroDivisionError("hunter2")


def test_unexpected_error_says_how_to_report_it(
    backend: KubernetesSecretsBackend, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ZeroDivisionError):
        backend.get_variable(BrokenId("x"))

    assert log_messages(caplog) == [
        "variable 'x': the lookup ended with an unexpected ZeroDivisionError. Run 'airflow-kubernetes-secrets explain "
        "KIND ID --debug' in this container, and report the output"
    ]


NOT_STRINGS: dict[str, Any] = {
    "null": None,
    "number": 5,
    "bytes": b"x",
    "list": ["hunter2"],
    "object": {"password": "hunter2"},
}


@pytest.mark.parametrize("wrong", NOT_STRINGS.values(), ids=NOT_STRINGS)
def test_id_that_is_not_a_string_is_a_miss_without_a_request(
    proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture, wrong: Any
) -> None:
    """A DAG can pass anything as an id. It is not shown, because it can be a connection."""
    put.variable("x", "found")
    backend = proxied(on_error="deny")
    assert backend.get_variable("x") == "found"
    before = lists(proxy)

    with caplog.at_level(logging.DEBUG, LOGGER):
        assert backend.get_connection(wrong) is None
        assert backend.get_conn_value(wrong) is None
        assert asyncio.run(backend.aget_connection(wrong)) is None
        assert backend.get_variable(wrong) is None
        assert backend.get_config(wrong) is None

    assert lists(proxy) == before
    assert f"variable (of type {type(wrong).__name__}): the id is not a string" in caplog.text
    assert "hunter2" not in caplog.text


def test_an_empty_id_is_a_miss_without_a_request(proxied: MakeBackend, proxy: Proxy) -> None:
    backend = proxied()

    assert backend.get_connection("") is None
    assert backend.get_variable("") is None
    assert backend.get_config("") is None

    assert proxy.requests == []


@pytest.mark.however_fresh("queried")
def test_secrets_that_were_not_requested_are_ignored(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("other", "of another id")
    put.variable("mine", "of a team", team="analytics")
    backend = proxied()

    proxy.faults.append(unfiltered)
    assert backend.get_variable("mine") is None

    put.variable("mine", "found")
    proxy.faults.append(unfiltered)
    assert backend.get_variable("mine") == "found"


def test_uri_in_place_of_an_id_is_neither_sent_nor_logged(
    proxied: MakeBackend, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    """``sql_alchemy_conn_secret`` expects an id, and people have set it to the database URI."""
    with caplog.at_level(logging.DEBUG, LOGGER):
        assert proxied().get_config("postgresql://airflow:hunter2@db/airflow") is None

    assert "hunter2" not in caplog.text
    assert proxy.requests == []


@pytest.mark.parametrize("conn_id", ["x", "X" * 63, "a.b-c_d", "0", "a--__..b", "A"])
def test_ids_at_the_limits_of_valid_label_values(backend: KubernetesSecretsBackend, put: Put, conn_id: str) -> None:
    put.variable(conn_id, "found")
    assert backend.get_variable(conn_id) == "found"
