"""Warnings for a field that the hook of the connection type needs, and that the connection does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.aliases import ALIASES, EXACT, GENERIC, folded
from airflow_kubernetes_secrets.formats.fields import fields_made_from, fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, is_converted
from airflow_kubernetes_secrets.formats.remedies import name_extra, name_key, set_field
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.inventory.incompleteness import (
    HALF_CONNECTION,
    LOGIN_WITH_CREDENTIAL,
    WITH_LOGIN,
    named,
    warning,
)
from airflow_kubernetes_secrets.inventory.key_names import (
    CREDENTIAL,
    IN_PLACE_OF_PASSWORD,
    LOGIN,
    PASSPHRASE,
    PASSWORD,
    has_address,
    has_in_extra,
    may_contain_host,
    suggests,
)
from airflow_kubernetes_secrets.inventory.needed_fields import HOST_FROM_OPERATOR, WITH_HOST
from airflow_kubernetes_secrets.inventory.private_keys import PRIVATE_KEYS_OF_HOOKS, is_encrypted_key
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.problem import Problem

# The types whose hooks read the token, or the URL of the webhook, in the password.
_WITH_PASSWORD = frozenset(("slack", "slackwebhook"))
# The types of which keys with names of their own contain one credential: an id, and the secret for it.
_OF_ONE_CREDENTIAL = frozenset(
    (
        *("aws", "airbyte", "databricks", "msgraph", "powerbi", "vault"),
        *("azure", "azure_compute", "azure_container_instance", "azure_data_factory", "azure_synapse"),
        "azure_data_lake",
    )
)
# What can specify the login too: a file of libpq, and a token of AWS.
_IN_PLACE_OF_LOGIN = ("service", "iam")
_IN_PLACE_OF_HOST = ("unix_socket", "hostaddr", "service", "dsn", "startup_nodes", "iam", "sid")
# The names of a server in the connection strings of ODBC, in lower case.
# https://learn.microsoft.com/en-us/sql/connect/odbc/dsn-connection-string-attribute
_SERVERS_OF_ODBC = frozenset(
    ("dsn", "filedsn", "server", "servername", "address", "addr", "host", "hostname", "dbq", "data source", "database")
)


def problems_of_missing(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings for a field that the hook needs, and that the connection does not have.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        unused: the keys that are not used.
        connection: the fields of Airflow's JSON.
    """
    # A connection that was stored in Airflow's own format may omit a field on purpose.
    is_made = key == IN_FIELDS or is_converted(secret, key)
    if is_made:
        yield from _host(secret, key, unused, connection)
        yield from _login(secret, key, unused, connection)
        yield from _token(secret, key, connection)
    if key == IN_FIELDS:
        yield from _of_two_credentials(secret, str(connection.get("conn_type")))
        yield from _empty_password(secret, connection)
    # If there is a password, or the passphrase is read there, the key of the passphrase is reported.
    is_reported = connection.get("password") or connection.get("conn_type") == "snowflake"
    if not is_reported or not any(suggests(each, PASSPHRASE) for each in unused):
        yield from _passphrase(secret, key, connection)
    # From separate keys, people also store a login for their own code, and `unknown-type` reports it.
    if is_made and key != IN_FIELDS:
        yield from _type_and_host(secret, key, connection)


def _host(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    may_have_host = any(may_contain_host(secret, each) for each in unused)
    if not may_have_host and connection.get("conn_type") in WITH_HOST and not _has_host(connection):
        yield warning(
            HALF_CONNECTION,
            secret,
            f"the connection has no host, and no key seems to contain it{_unless(connection)}. "
            + set_field(secret, key, "host"),
        )


def _login(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning for a missing login, in which the hook of dbt Cloud reads the id of the account."""
    conn_type, extra = str(connection.get("conn_type")), extra_of(connection)
    if (
        connection.get("login")
        or has_in_extra(connection, LOGIN)
        or any(suggests(each, LOGIN) for each in unused)
        or any(extra.get(name) for name in _IN_PLACE_OF_LOGIN)
    ):
        return
    names = PRIVATE_KEYS_OF_HOOKS.get(conn_type)
    has_key = names is not None and any(extra.get(name) for name in (names.key, names.file))
    if conn_type in WITH_LOGIN and (connection.get("password") or has_key):
        yield warning(
            HALF_CONNECTION,
            secret,
            f"the connection has a {'password' if connection.get('password') else 'private key'} and no login. "
            + set_field(secret, key, "login"),
        )
    if conn_type == "dbt_cloud" and connection.get("password"):
        yield warning(
            HALF_CONNECTION,
            secret,
            "the connection has no login, in which its hook reads the id of the account, unless each operator has "
            f"account_id. {set_field(secret, key, 'login')}",
        )


def _token(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    if connection.get("conn_type") in _WITH_PASSWORD and not connection.get("password"):
        yield warning(
            HALF_CONNECTION,
            secret,
            "the connection has no password, in which its hook reads the token or the URL of a webhook. "
            + name_key(secret, key, ("password",), is_for_extra=False),
        )


def _type_and_host(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    is_empty = connection.get("conn_type") == GENERIC and not has_address(connection)
    if is_empty and not fields_made_from(secret, key).have_type:
        yield warning(
            HALF_CONNECTION,
            secret,
            f"the connection has no type and no host. {set_field(secret, key, 'conn_type', 'host')}",
        )


def _of_two_credentials(secret: Secret, conn_type: str) -> Iterator[Problem]:
    """Yield a warning if only one key of a login and its secret has a name of the type.

    The other one has a name that all types have, such as the password of a person next to an access key.
    """
    fields = fields_of(secret)
    if conn_type not in _OF_ONE_CREDENTIAL or not {*EXACT} <= fields.keys.keys():
        return
    general = [field for field in EXACT if folded(fields.keys[field]) in ALIASES[field]]
    if len(general) != 1 or general[0] in fields.description.fields:
        return
    [field] = general
    [other] = [each for each in EXACT if each != field]
    yield warning(
        HALF_CONNECTION,
        secret,
        f"the key {fields.keys[field]!r} is read as the {field}, and {fields.keys[other]!r} as the {other}, but only "
        f"the second has a name of the type {conn_type!r}, so they may be of two credentials. "
        + name_key(secret, "", (field,), is_for_extra=False),
    )


def _empty_password(secret: Secret, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning if the key of the password is empty, and the connection has a login and no other credential.

    Tools create such a key before they know the password. A key is there, so the password is not omitted on purpose.
    """
    extra = extra_of(connection)
    has_other = has_in_extra(connection, CREDENTIAL) or any(extra.get(name) for name in IN_PLACE_OF_PASSWORD)
    if connection.get("conn_type") not in LOGIN_WITH_CREDENTIAL or not connection.get("login"):
        return
    if str(connection.get("password") or "").strip() or has_other:
        return
    empty = [each for each in secret.data if suggests(each, PASSWORD) and not secret.value(each).strip()]
    if empty:
        yield warning(
            HALF_CONNECTION,
            secret,
            f"the connection has a login and no password, because {named(empty)} is empty. If the server requires a "
            "password, store it there; otherwise remove the key",
        )


def _passphrase(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning if the private key is encrypted, and the connection has no passphrase."""
    names = PRIVATE_KEYS_OF_HOOKS.get(str(connection.get("conn_type")))
    if names is None:
        return
    extra, passphrase = extra_of(connection), names.passphrase
    has_passphrase = extra.get(passphrase) if passphrase else connection.get("password")
    if has_passphrase or not is_encrypted_key(extra.get(names.key)):
        return
    remedy = name_extra(secret, key, passphrase, passphrase) if passphrase else name_key(secret, key, ("password",))
    yield warning(
        HALF_CONNECTION,
        secret,
        f"the private key is encrypted, and the connection has no passphrase. {remedy}; or store the key without one",
    )


def _has_host(connection: Mapping[str, Any]) -> bool:
    """Return whether the connection has a host, or what replaces it."""
    extra, conn_type = extra_of(connection), connection.get("conn_type")
    if conn_type == "odbc" and any(value and name.lower() in _SERVERS_OF_ODBC for name, value in extra.items()):
        return True
    return has_address(connection) or any(extra.get(name) for name in _IN_PLACE_OF_HOST)


def _unless(connection: Mapping[str, Any]) -> str:
    hook = HOST_FROM_OPERATOR.get(str(connection.get("conn_type")))
    return f". Only {hook} does not need it" if hook is not None else ""
