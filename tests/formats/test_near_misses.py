"""The message for a Secret that almost is a connection: it names what makes it one, and that remedy works."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import missing_key
from support.connection_secrets import PREFIX, Read, stored_secret

MARK = "hunter2"
PG = {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": MARK}


def text_of(data: Mapping[str, str], annotations: Mapping[str, str] | None = None) -> str:
    """Return the message for a Secret that is skipped."""
    error = missing_key(Kind.CONNECTION, stored_secret(data, annotations), "value")
    assert error is not None
    assert MARK not in str(error)
    return str(error)


# Data and annotations, parts of the message, and annotations that make a connection.
CASES: dict[str, tuple[dict[str, str], dict[str, str], tuple[str, ...], dict[str, str]]] = {
    "a key for SSH": (
        {"ssh-privatekey": MARK},
        {},
        ("connection-type: ssh", "connection-host", "connection-login", "connection-type: git", "the URL of the"),
        {"connection-type": "ssh", "connection-host": "h", "connection-login": "u"},
    ),
    "a key for SSH, as a repository's": (
        {"ssh-privatekey": MARK},
        {"connection-type": "git"},
        ("'git' with the annotations airflow.apache.org/connection-host (the URL",),
        {"connection-type": "git", "connection-host": "git@h:x.git"},
    ),
    "a key of Flux": (
        {"identity": MARK, "known_hosts": "x"},
        {},
        ("the type 'git'", "connection-host"),
        {"connection-host": "ssh://git@h/x.git"},
    ),
    "a token without a type": (
        {"api-key": MARK},
        {},
        ("connection-type: datadog",),
        {"connection-type": "datadog"},
    ),
    "an entry of extra": (
        {"admin-token": MARK, "admin-password": MARK},
        {"connection-type": "influxdb"},
        ("connection-host", 'connection-extra: {"org": …}'),
        {"connection-type": "influxdb", "connection-host": "h", "connection-extra": '{"org": "x"}'},
    ),
    "two products": (
        {**PG, "DATABASE_URL": f"postgres://u:{MARK}@h/d"},
        {},
        ("'DATABASE_' ('DATABASE_URL'), 'PG' ('PGHOST', 'PGPASSWORD', 'PGUSER')", "key-prefix", "field-uri"),
        {"key-prefix": "PG", "connection-type": "postgres"},
    ),
    "two products, by the URI": (
        {**PG, "DATABASE_URL": f"postgres://u:{MARK}@h/d"},
        {},
        ("several products",),
        {"field-uri": "DATABASE_URL"},
    ),
    "two names for a field": (
        {"DB_HOST": "h", "DB_HOSTNAME": "x", "DB_PASSWORD": MARK},
        {},
        (
            "'DB_HOST', 'DB_HOSTNAME' are names of environment variables for the same field, 'host'",
            "key-prefix to their prefix 'DB_', ",
        ),
        {"key-prefix": "DB_", "connection-type": "mysql"},
    ),
    "variables without a host": (
        {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": MARK},
        {},
        ("names of environment variables, and none of them is for the host. Set airflow.apache.org/connection-host",),
        {"connection-host": "h"},
    ),
    "variables without a host and a password": (
        {"DB_USER": MARK, "DB_NAME": "d"},
        {},
        (
            "for the host. Set airflow.apache.org/key-prefix to their prefix 'DB_', and ",
            ", and airflow.apache.org/connection-host to the host, and airflow.apache.org/connection-type to the type",
        ),
        {"key-prefix": "DB_", "connection-host": "h", "connection-type": "mysql"},
    ),
    "variables without a password": (
        {"DATABASE_HOST": "h", "DATABASE_USER": MARK, "type": "mysql"},
        {},
        ("for the password. Set airflow.apache.org/key-prefix to their prefix 'DATABASE_', and ", "-type to the type"),
        {"key-prefix": "DATABASE_", "connection-type": "mysql"},
    ),
    "variables without a password, with a type": (
        {"DB_HOST": "h", "DB_USER": MARK, "DB_CONNECTION": "mysql"},
        {},
        ("for the password. Set airflow.apache.org/key-prefix to their prefix 'DB_'",),
        {"key-prefix": "DB_"},
    ),
    "variables without a host, with a type": (
        {"DB_USER": "u", "DB_PASSWORD": MARK, "DB_CONNECTION": "mysql"},
        {},
        ("for the host. Set airflow.apache.org/connection-host",),
        {"connection-host": "h"},
    ),
    "a prefix without its end": (
        {"DB_HOST": "h", "DB_USER": "u", "DB_PASSWORD": MARK},
        {"key-prefix": "DB", "connection-type": "mysql"},
        ("did you mean 'DB_'? Correct it",),
        {"key-prefix": "DB_", "connection-type": "mysql"},
    ),
    "a prefix without its last part": (
        {"SHOP_DB_HOST": "h", "SHOP_DB_PASSWORD": MARK, "SHOP_X_Y": "z"},
        {"key-prefix": "SHOP_", "connection-type": "mysql"},
        ("did you mean 'SHOP_DB_'? Correct it",),
        {"key-prefix": "SHOP_DB_", "connection-type": "mysql"},
    ),
    "a prefix with a hyphen": (
        {"db-host": "h", "db-password": MARK},
        {"key-prefix": "db", "connection-type": "mysql"},
        ("did you mean 'db-'? Correct it",),
        {"key-prefix": "db-", "connection-type": "mysql"},
    ),
    "a prefix that no product has": (
        {"SHOP_DB_HOST": "h", "SHOP_DB_USERNAME": "u", "SHOP_DB_PASSWORD": MARK, "SHOP_NAME": "z"},
        {},
        ("Its keys begin with 'SHOP_DB_'. Set airflow.apache.org/key-prefix to this prefix, and ", "-type to the type"),
        {"key-prefix": "SHOP_DB_", "connection-type": "mysql"},
    ),
    "a prefix with dots": (
        {"spring.datasource.host": "h", "spring.datasource.password": MARK},
        {},
        ("'spring.datasource.'",),
        {"key-prefix": "spring.datasource.", "connection-type": "mysql"},
    ),
    "two prefixes": (
        {"A_SMTP_HOST": "x", "A_SMTP_USER": "y", "B-HOST": "h", "B-USER": "u", "B-PASSWORD": MARK},
        {},
        ("begin with 'B-', 'A_SMTP_'. Set airflow.apache.org/key-prefix to the prefix that is meant",),
        {"key-prefix": "B-", "connection-type": "mysql"},
    ),
    "a prefix and the type": (
        {"SHOP_DB_URI": f"mysql://u:{MARK}@h/d", "SHOP_DB_PASSWORD": MARK},
        {"connection-type": "mysql"},
        ("Set airflow.apache.org/key-prefix to this prefix",),
        {"key-prefix": "SHOP_DB_"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_message_and_its_remedy(read: Read, case: str) -> None:
    data, annotations, parts, remedy = CASES[case]

    text = text_of(data, annotations)
    assert all(part in text for part in parts), text

    connection = read(data, remedy)
    assert connection is not None
    assert connection["host"] in ("h", None) or "x.git" in str(connection["host"])
    assert MARK in str(connection)


@pytest.mark.parametrize("data", [{"tls.crt": "x"}, {"a": "b", "c": "d"}, {"SHOP_HOST": "h", "CART_PASSWORD": MARK}])
def test_any_other_secret_has_the_general_remedy(data: dict[str, str]) -> None:
    assert f"name that key in the annotation {PREFIX}data-key" in text_of(data)


def test_host_annotation_alone_reports_the_missing_type() -> None:
    secret = stored_secret({"ssh-privatekey": MARK}, {"connection-host": "h"})
    texts = [each.text for each in content_of(Kind.CONNECTION, secret, "").problems if each.code == "half-connection"]

    assert any("connection-type: ssh" in each for each in texts)
    assert not any("field-password" in each for each in texts)


def test_format_is_not_suggested_if_another_key_is_already_a_connection(read: Read) -> None:
    """The annotation would change nothing, because the key `host` is a connection of its own."""
    data = {"host": "h", "jenkins-admin-user": "u", "jenkins-admin-password": MARK}
    texts = [each.text for each in content_of(Kind.CONNECTION, stored_secret(data), "").problems]

    assert not any("make a connection of the type" in each for each in texts)
    assert any("nothing reads the key 'jenkins-admin-password'" in each and "field-password" in each for each in texts)
    remedy = {"field-password": "jenkins-admin-password", "field-login": "jenkins-admin-user"}
    connection = read(data, {**remedy, "connection-type": "jenkins"})
    assert connection is not None
    assert connection["password"] == MARK


def test_keys_with_another_use_are_not_a_format() -> None:
    secret = stored_secret({"token": "xoxb-1"})

    assert not content_of(Kind.CONNECTION, secret, "").problems
