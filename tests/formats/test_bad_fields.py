"""Invalid fields: the error names Secret and key, and shows no value."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.uri import ParsedUri
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from support.connection_secrets import Read, secret_manifest
from support.errors import everything_about

MARKER = "hunter2"
GOOD = {
    "type": f"type-{MARKER}",
    "host": f"host-{MARKER}",
    "username": f"login-{MARKER}",
    "password": f"password-{MARKER}",
    "port": "5432",
    "database": f"schema-{MARKER}",
    "extra": f'{{"a": "{MARKER}"}}',
}
BINARY = b"\xff" + MARKER.encode()

BAD: dict[str, tuple[dict[str, str | bytes], str, str]] = {
    "port": ({"port": MARKER}, "port", "not a number from 1 to 65535. Write one, such as 5432"),
    "port with a host": ({"port": f"{MARKER}:5432"}, "port", "not a number"),
    "port 0": ({"port": "0"}, "port", "not a number"),
    "port too large": ({"port": "65536"}, "port", "not a number"),
    "port of many digits": ({"port": "9" * 5000}, "port", "not a number"),
    "port in other digits": ({"port": "٥٤٣٢"}, "port", "not a number"),
    "negative port": ({"port": "-1"}, "port", "not a number"),
    "port of the host": ({"host": f"{MARKER}:65536", "port": ""}, "host", "not a number"),
    "extra is no JSON": ({"extra": MARKER}, "extra", "extra is not a JSON object. Write one, such as "),
    "extra is no object": ({"extra": f'"{MARKER}"'}, "extra", "extra is not a JSON object"),
    "extra of many digits": ({"extra": '{"a": ' + "9" * 5000 + "}"}, "extra", "extra is not a JSON object"),
    "extra of lists in lists": ({"extra": '{"a": ' + "[" * 100_000}, "extra", "extra is not a JSON object"),
    **{f"binary {key}": ({key: BINARY}, key, "not UTF-8 text") for key in GOOD},
    "binary other key": ({"other": BINARY}, "other", "not UTF-8 text"),
}


@pytest.mark.parametrize(("bad", "key", "problem"), BAD.values(), ids=BAD)
def test_invalid_field(read: Read, bad: dict[str, str | bytes], key: str, problem: str) -> None:
    with pytest.raises(MalformedSecretError, match=problem) as raised:
        read({**GOOD, "other": "x", **bad}, {"extra-other": "other"})

    assert str(raised.value).startswith(f"Secret shop/app, key '{key}': ")
    assert MARKER not in everything_about(raised.value)


UNUSABLE_URIS = {
    "no URI": (MARKER, "not a URI"),
    "JDBC": (f"jdbc:postgresql://h:5432/db?password={MARKER}", "not a URI"),
    "no host": (f"postgresql://me:{MARKER}@/db", "without a host"),
    "port": (f"postgresql://me:pw@h:{MARKER}/db", "port is not a number"),
    "slash in the password": (f"postgresql://me:{MARKER}/x@h/db", "must be percent-encoded"),
    "slash and digits": (f"postgresql://me:123/{MARKER}@h/db", "must be percent-encoded"),
    "two hosts in brackets": (f"postgresql://me:pw@[::1]{MARKER}[::1]/db", "must be percent-encoded"),
}


@pytest.mark.parametrize(("uri", "problem"), UNUSABLE_URIS.values(), ids=UNUSABLE_URIS)
@pytest.mark.parametrize("named", [False, True])
def test_invalid_uri_that_is_required(read: Read, uri: str, problem: str, named: bool) -> None:
    """The URI is required, because there is no separate host, or because an annotation names it."""
    data = {**GOOD, "uri": uri}
    if not named:
        del data["host"]

    with pytest.raises(MalformedSecretError, match=problem) as raised:
        read(data, {"field-uri": "uri"} if named else {})

    assert str(raised.value).startswith("Secret shop/app, key 'uri': ")
    assert MARKER not in everything_about(raised.value)


def test_no_repr_shows_a_value() -> None:
    data = secret_manifest("shop", "app", GOOD)["data"]
    secret = Secret("shop", "app", "", {}, data)
    uri = ParsedUri(f"mysql://{MARKER}:{MARKER}@{MARKER}/{MARKER}?{MARKER}={MARKER}")

    for each in (secret, fields_of(secret), fields_of(secret).description, uri):
        assert MARKER not in repr(each)
