"""Values that were stored in another form than intended are reported: quoted, or encoded twice."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.connection_secrets import Read
from support.listing import problems_in


@pytest.mark.parametrize("mark", ['"', "'"])
def test_quotation_marks_around_a_value(tmp_path: Path, mark: str) -> None:
    data = {"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": f"{mark}p{mark}", "DB_CONNECTION": "mysql"}
    [problem] = problems_in(tmp_path, data)

    assert problem.code == "quoted-value"
    assert "key 'DB_PASSWORD'" in problem.text
    for value in (f"{mark}p", mark, f"p{mark}", f"{mark}{mark}"):
        assert problems_in(tmp_path, {**data, "DB_PASSWORD": value}) == []


@pytest.mark.parametrize("value", ["postgres://u:hunter2@h/d", ' {"conn_type": "postgres", "password": "hunter2"}'])
def test_a_connection_that_was_encoded_twice(read: Read, value: str) -> None:
    encoded = b64encode(value.encode()).decode()
    for stored in (encoded, f"{encoded}\n", f"{encoded[:20]}\n{encoded[20:]}"):
        with pytest.raises(MalformedSecretError, match="base64 of one") as raised:
            read({"value": stored})
        assert encoded[:20] not in str(raised.value)


def test_values_that_are_not_base64_of_a_connection(read: Read) -> None:
    for value in ("hunter22", b64encode(b"hunter2").decode()):
        with pytest.raises(MalformedSecretError) as raised:
            read({"value": value})
        assert "base64" not in str(raised.value)


DATABASE = {"type": "postgres", "host": "db.example.com", "username": "app", "password": "s3cret-word", "database": "d"}


def encoded(data: dict[str, str]) -> dict[str, str]:
    return {key: b64encode(value.encode()).decode() for key, value in data.items()}


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("keys", [("type", "host", "username", "password", "database"), ("username", "password")])
def test_fields_that_were_encoded_twice(tmp_path: Path, keys: tuple[str, ...], end: str) -> None:
    data = {key: f"{value}{end}" for key, value in encoded({key: DATABASE[key] for key in keys}).items()}
    found = [each for each in problems_in(tmp_path, data) if each.code == "encoded-value"]

    assert [all(repr(key) in each.text for key in keys) for each in found] == [True]
    assert not any(value in each.text for each in found for value in (data["password"], DATABASE["password"]))


@pytest.mark.parametrize(
    "data",
    [
        {**DATABASE, "password": "cGFzc3dvcmQ="},
        {"username": "root", "password": "cGFzc3dvcmQ="},
        {"username": "YWRtaW4=", "password": "q83vEjRWeJA="},
        {"password": "cGFzc3dvcmQ="},
    ],
    ids=["one of several", "a login", "a password of random bytes", "one value"],
)
def test_values_that_only_resemble_base64(tmp_path: Path, data: dict[str, str]) -> None:
    assert "encoded-value" not in [each.code for each in problems_in(tmp_path, data)]


def test_a_port_that_was_encoded_twice(read: Read) -> None:
    with pytest.raises(MalformedSecretError, match="base64 of one") as raised:
        read(encoded({**DATABASE, "port": "5432"}))
    assert "NTQz" not in str(raised.value)
    with pytest.raises(MalformedSecretError) as raised:
        read({**DATABASE, "port": "abcd"})
    assert "base64" not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "codes"),
    [
        ("password", " p", ["surrounding-space"]),
        ("password", "\tp ", ["surrounding-space"]),
        ("username", "u \n", ["trailing-newline", "surrounding-space"]),
        ("password", "\np", ["surrounding-space"]),
        ("password", "p\n", ["trailing-newline"]),
        ("password", "p\r\n", ["trailing-newline"]),
        ("password", "p q", []),
        ("database", " d ", []),
        ("host", " h\n", []),
    ],
)
def test_white_space_around_a_value(tmp_path: Path, key: str, value: str, codes: list[str]) -> None:
    assert [each.code for each in problems_in(tmp_path, {**DATABASE, key: value})] == codes


@pytest.mark.parametrize(
    ("value", "is_reported"),
    [
        ("p%40ss%2Fword", True),
        ("p%3aw", True),
        ("me%40example.com", True),
        ("p%40ss@word", False),
        ("100%", False),
        ("a%zzb", False),
        ("a%00b", False),
        ("50%25", True),
        ("a%41b", False),
    ],
)
@pytest.mark.parametrize("key", ["username", "password"])
def test_a_percent_encoded_value(read: Read, tmp_path: Path, key: str, value: str, is_reported: bool) -> None:
    found = problems_in(tmp_path, {**DATABASE, key: value})

    assert [each.code for each in found] == (["encoded-value"] if is_reported else [])
    assert not any(value in each.text for each in found)
    connection = read({**DATABASE, key: value})
    assert connection is not None
    assert connection["login" if key == "username" else key] == value
