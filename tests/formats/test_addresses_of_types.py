"""Addresses in the form of a type's software become what its hook reads, and others are reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.connection_secrets import Read, whole
from support.hook_texts import MARK, texts_of

SHARE = {"host": "srv", "schema": "share"}
CLOUD = "https://x.eu.aws.cloud.qdrant.io:6333"


@pytest.mark.parametrize(
    ("conn_type", "data", "parts"),
    [
        ("samba", {"host": "//srv/share"}, SHARE),
        ("samba", {"host": "\\\\srv\\share"}, SHARE),
        ("samba", {"source": "x", "server": "smb://srv/share/"}, SHARE),
        ("samba", {"host": "//srv"}, {"host": "srv"}),
        ("samba", {"host": "//srv/share", "share": "share"}, SHARE),
        ("samba", {"host": "srv", "share": "share"}, SHARE),
        ("qdrant", {"host": CLOUD}, {"extra": {"url": CLOUD}}),
        ("qdrant", {"hostname": "http://q", "port": "6333"}, {"port": 6333, "extra": {"url": "http://q"}}),
        ("qdrant", {"uri": CLOUD}, {"extra": {"url": CLOUD}}),
        ("qdrant", {"QDRANT_URL": CLOUD}, {"extra": {"url": CLOUD}}),
        ("qdrant", {"host": "q", "port": "6333"}, {"host": "q", "port": 6333}),
    ],
)
def test_what_a_hook_reads(read: Read, conn_type: str, data: dict[str, str], parts: dict[str, Any]) -> None:
    login = {"username": "u", "password": "p"} if conn_type == "samba" else {"api-key": "p"}
    expected = whole(conn_type=conn_type, login=login.get("username"), password="p", **parts)

    assert read({**data, **login}, {"connection-type": conn_type}) == expected
    assert texts_of({**data, **login}, connection_type=conn_type) == []


@pytest.mark.parametrize(
    ("conn_type", "data"),
    [
        ("github", {"extra": '{"app_id": "1", "installation_id": "2", "private_key": "k"}'}),
        ("samba", {"host": "//srv/share/folder"}),
        ("samba", {"host": "//srv/share", "share": "other"}),
        ("qdrant", {"url": CLOUD, "host": "q"}),
        ("openai", {"endpoint": "https://x.openai.azure.com/"}),
        ("oracle", {"host": "h/svc", "port": "1521", "username": "u"}),
    ],
)
def test_what_a_hook_misreads(conn_type: str, data: dict[str, str]) -> None:
    password = {} if conn_type == "github" else {"password": "p"}

    [_text] = texts_of({**data, **password}, connection_type=conn_type)


@pytest.mark.parametrize(
    ("conn_type", "wrong", "right"),
    [
        ("samba", {"host": "//srv/share"}, SHARE),
        ("samba", {"host": "\\\\srv\\share"}, SHARE),
        ("qdrant", {"host": CLOUD}, {"extra": {"url": CLOUD}}),
        ("qdrant", {"host": "q", "extra": {"url": CLOUD}}, {"host": "q"}),
        ("openai", {"host": "https://x.openai.azure.com"}, {"host": "https://x.openai.azure.com/openai/v1/"}),
        ("oracle", {"host": "h/svc", "port": 1521}, {"host": "h:1521/svc"}),
        ("oracle", {"host": "h/svc", "extra": {"sid": "x"}}, {"host": "h", "extra": {"sid": "x"}}),
    ],
)
def test_an_address_in_one_key(conn_type: str, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    def said(**fields: Any) -> list[str]:
        return texts_of({"value": json.dumps({"conn_type": conn_type, "login": "u", "password": MARK, **fields})})

    assert len(said(**wrong)) == 1
    assert said(**right) == []
