"""A problem names each parameter and setting that no hook reads, with a remedy that works."""

from __future__ import annotations

import json

import pytest

from airflow_kubernetes_secrets.formats.reading import data_key_of_connection
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import missing_key
from support.connection_secrets import Read, stored_secret
from support.hook_texts import MARK, texts_of

# Parameters that no driver reads, and the names in the problem.
REFUSED = {
    f"postgres://h/d?sslidentity={MARK}": "'sslidentity'",
    f"postgres://h/d?a={MARK}&b={MARK}&sslmode=require": "'a', 'b'",
    f"postgres://h/d?{MARK}": "a parameter",
    "postgres://h/d?sslaccept=strict": "'sslaccept'",
    f"postgres://h/d?sslmode={MARK}": "'sslmode'",
    f"postgres://h/d?schema=a%20{MARK}": "'schema'",
    f"mysql://h/d?ssl_mode={MARK}": "'ssl_mode'",
    f"mysql://h/d?tls={MARK}": "'tls'",
    f"mysql://h/d?ssl={MARK}": "'ssl' of extra",
    "mysql://h/d?ssl=%7B%22rejectUnauthorized%22:true%7D": "'rejectUnauthorized' in 'ssl'",
    f"mongodb://h/d?ssl_ca_certs={MARK}": "'ssl_ca_certs'",
    f"redis://h?ssl_ca={MARK}": "'ssl_ca'",
    f"redis://h?ssl=true&ssl_cert_reqs={MARK}": "'ssl_cert_reqs'",
    f"mssql://h/d?ApplicationIntent={MARK}": "'ApplicationIntent'",
    "mssql://h/d?TrustServerCertificate=no": "'TrustServerCertificate'",
    "mssql://h/d?Encrypt=strict": "'Encrypt'",
}


@pytest.mark.parametrize("uri", REFUSED)
def test_parameters_without_an_equivalent_are_reported(uri: str) -> None:
    [text] = texts_of({"uri": uri})

    assert REFUSED[uri] in text


@pytest.mark.parametrize(
    "value",
    [
        "postgres://u:p@h/d?pgbouncer=true",
        "postgres://u:p@h/d?sslmode=REQUIRE",
        json.dumps({"conn_type": "postgres", "host": "h", "extra": {"sslmode": "REQUIRE"}}),
        json.dumps({"conn_type": "postgres", "host": "h", "extra": {"ssl": "require"}}),
        "mysql://u:p@h/d?ssl_mode=required",
        "mysql://u:p@h/d?ssl=true",
        json.dumps({"conn_type": "mysql", "host": "h", "extra": {"ssl": True}}),
    ],
)
def test_connection_in_one_key_is_unchanged_and_reported(value: str) -> None:
    [text] = texts_of({"value": value})

    assert "key 'value'" in text
    assert ("Or store the URI under the key 'uri'" in text) == (not value.startswith("{"))


@pytest.mark.parametrize("key", ["uri", "value"])
def test_null_in_an_annotation_removes_a_parameter(read: Read, key: str) -> None:
    data = {key: "postgres://h/d?foo=1&sslmode=require"}
    connection = read(data, {"connection-extra": '{"foo": null}'})

    assert connection is not None
    assert connection["extra"] == {"sslmode": "require"}
    assert texts_of(data, connection_extra='{"foo": null}') == []


@pytest.mark.parametrize("is_named_by_an_annotation", [True, False])
def test_the_remedy_for_a_refused_parameter_works(is_named_by_an_annotation: bool) -> None:
    """``null`` next to an annotation for one key would be an error."""
    data = {"host": "h", "foo": "x"} if is_named_by_an_annotation else {"uri": "postgres://h?foo=x"}
    described = {"connection-type": "postgres", **({"extra-foo": "foo"} if is_named_by_an_annotation else {})}

    [text] = texts_of(data, **described)
    if is_named_by_an_annotation:
        assert "Remove the annotation airflow.apache.org/extra-foo, or write it with the name" in text
        del described["extra-foo"]
    else:
        assert 'remove it in airflow.apache.org/connection-extra: {"foo": null}' in text
        described["connection-extra"] = '{"foo": null}'
    assert texts_of(data, **described) == []


def test_a_setting_that_an_annotation_replaces_is_not_reported() -> None:
    data = {"value": '{"engine": "http", "server": "h", "options": "x"}', "other": "y"}

    def problems_of(**described: str) -> list[str]:
        secret = stored_secret(data, {name.replace("_", "-"): value for name, value in described.items()})
        return [each.text for each in content_of(Kind.CONNECTION, secret, "value").problems]

    assert any("'options'" in each for each in problems_of())
    assert problems_of(extra_options="other") == []


@pytest.mark.parametrize(
    "uri", ["druid+https://h:8443", "amqp+ssl://h", "ldap+tls://h", "livy+https://h", "imap+starttls://h"]
)
def test_a_scheme_with_tls_that_no_hook_reads_is_reported(uri: str) -> None:
    security = uri.partition("+")[2].partition(":")[0]
    [text] = [each for each in texts_of({"uri": uri}) if "scheme" in each]

    assert f"nothing reads {security!r} in the scheme of the URI, so the connection may be without TLS" in text
    assert "Write what its hook reads for TLS in airflow.apache.org/connection-extra" in text
    assert not any("scheme" in each for each in texts_of({"uri": uri}, connection_extra='{"use_ssl": true}'))


@pytest.mark.parametrize(
    "uri", ["mysql+pymysql://h", "postgres+asyncpg://h", "http://h", "neo4j+s://h", "redis+ssl://h"]
)
def test_other_schemes_are_not_reported(uri: str) -> None:
    assert not any("scheme" in each for each in texts_of({"uri": uri}))


def unused_texts_of(data: dict[str, str], **annotations: str) -> list[str]:
    """Return the messages about keys that nothing reads."""
    secret = stored_secret(data, {name.replace("_", "-"): value for name, value in annotations.items()})
    codes = ("unused-settings", "half-connection")
    found = [each.text for each in content_of(Kind.CONNECTION, secret, "").problems if each.code in codes]
    assert not any(MARK in each for each in found)
    return found


@pytest.mark.parametrize("key", ["autocommit", "AUTOCOMMIT", "srv", "options"])
def test_an_option_in_a_key_that_nothing_reads_is_reported(key: str) -> None:
    data = {"type": "mssql", "host": "h", key: "true"}
    [text] = unused_texts_of(data)

    assert f"nothing reads the key {key!r}. If the connection needs it, write what its hook reads in" in text
    assert unused_texts_of(data, connection_extra=f'{{"{key}": true}}') == []


@pytest.mark.parametrize("key", ["passphrase", "private_key_passphrase", "PRIVATE-KEY-PASSPHRASE"])
def test_a_passphrase_next_to_a_password_is_reported(read: Read, key: str) -> None:
    """``SnowflakeHook`` decrypts the private key with the password."""
    data = {"type": "snowflake", "account": "a", "user": "u", "password": "p", "private_key": "k", key: MARK}
    [text] = unused_texts_of(data)

    assert f"nothing reads the key {key!r}, which may be the passphrase of a private key" in text
    assert "airflow.apache.org/field-password" in text
    assert unused_texts_of(data, field_password=key) == []
    connection = read(data, {"field-password": key})
    assert connection is not None
    assert connection["password"] == MARK


def test_a_passphrase_of_something_else_is_not_reported() -> None:
    data = {"host": "h", "user": "u", "password": "p", "backup-passphrase": MARK}
    assert unused_texts_of(data, connection_type="postgres") == []


def test_a_passphrase_in_extra_is_not_reported() -> None:
    data = {"host": "h", "user": "u", "password": "p", "key-passphrase": MARK}
    assert len(unused_texts_of(data, connection_type="ssh")) == 1
    assert unused_texts_of(data, connection_type="ssh", extra_private_key_passphrase="key-passphrase") == []


@pytest.mark.parametrize(
    "data",
    [
        {"uri": "postgres://h?" + "n" * 300_000 + "=1"},
        {"host": "h", "type": "mysql", "n" * 300_000 + "-password": MARK},
        {"n" * 300_000: '{"engine": "http", "server": "h", "password": "p\\n"}'},
        {"n" * 300_000: "x"},
        {"value": '{"engine": "mysql", "' + "n" * 300_000 + '": 1}'},
    ],
    ids=["a parameter", "a key", "one key", "no known key", "a name in JSON"],
)
def test_a_long_name_is_cut(data: dict[str, str]) -> None:
    secret = stored_secret(data)
    missing = missing_key(Kind.CONNECTION, secret, "value")
    key = data_key_of_connection(secret, "value")
    texts = [str(missing)] if missing else [each.text for each in content_of(Kind.CONNECTION, secret, key).problems]

    assert texts
    assert all(len(each) < 2_000 for each in texts), [len(each) for each in texts]


def test_a_configuration_of_tls_for_go_is_reported() -> None:
    secret = stored_secret({"dsn": f"u:{MARK}@tcp(h:3306)/db?tls=custom"})
    problems = content_of(Kind.CONNECTION, secret, "").problems

    assert any(each.code == "hook-misreads" and "'tls'" in each.text for each in problems)
