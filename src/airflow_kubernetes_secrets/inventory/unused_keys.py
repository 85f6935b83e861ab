"""The keys of a Secret that are not used, and warnings if the connection seems to need them."""

from __future__ import annotations

import re
from binascii import Error
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from airflow_kubernetes_secrets.formats.aliases import URI, folded
from airflow_kubernetes_secrets.formats.annotations import OTHER_KEYS
from airflow_kubernetes_secrets.formats.connection import ignored_settings, keys_of_settings, parsed_uri
from airflow_kubernetes_secrets.formats.fields import fields_in_value, fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, is_converted
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

HALF: Final = "half-connection"
SETTINGS: Final = "unused-settings"

# The names that operators and people use. They are compared in the form of `folded`, in which `-` is `_`.
_TLS = re.compile(
    r"(?:^|[._])(?:ssl|tls|mtls)|(?:ssl|tls)_?(?:mode|enabled|verify)$|truststore|keystore|root_?cert"
    r"|(?:^|[._])(?:ca|ca_?cert|ca_?certificate|ca_?bundle|client_?cert|client_?key|server_?ca)(?:[._]|$)"
    r"|\.(?:crt|pem|p12|jks)$"
)
_HOST = re.compile(
    r"(?:hosts?|hostname|fqdn|fullyqualifieddomainname|(?:^|[._])(?:addr|ip|domain)|ip_?address|endpoints?|servers?"
    r"|brokers?|uri|url|connection_?string)$"
)
# What can replace a password. `cert` and similar names belong to TLS.
_CREDENTIAL = re.compile(
    r"(?:passwords?|passwd|passphrase|pwd|(?:^|[._])(?:pass|pw|auth)|auth_?string|token|secret|api_?key|access_?key"
    r"|secret_?key|private_?key|credentials?)$"
)
_DATABASE = re.compile(r"(?:database|database_?name|db_?name|dbname|schema_?name)$")

_LOGIN = re.compile(r"(?:user|user_?name|user_?id|login|uid)$")

# The types whose hooks need a host, and the names in `extra` that replace it.
_WITH_HOST = frozenset(("postgres", "mysql", "mssql", "oracle", "mongo", "redis", "neo4j", "redshift", "clickhouse"))
_IN_PLACE_OF_HOST = ("unix_socket", "hostaddr", "service", "dsn", "startup_nodes", "iam", "sid")

# The beginning of a URI, including a URI within another (jdbc:postgresql://…).
_URI = re.compile(rb"\s*[A-Za-z][A-Za-z0-9+.:-]{1,40}://")


def unused_keys(secret: Secret, key: str, connection: Mapping[str, Any]) -> list[str]:
    """Return the keys of a connection's Secret that have a value and are not used, sorted.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    fields = fields_of(secret)
    if key != IN_FIELDS:
        fields = fields.completing(key)
    used = {key, *fields.keys.values(), *fields.extra_keys.values()}
    used |= keys_of_settings(secret, fields, str(connection.get("conn_type")))
    if key == IN_FIELDS and URI in fields.keys and not connection.get("host") and parsed_uri(secret, fields) is None:
        used.discard(fields.keys[URI])  # it is no URI
    return sorted(set(secret.keys_to_show()) - used)


def problems_of_unused(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings where an unused key seems to hold a setting that the connection lacks.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    if key == IN_FIELDS and fields_of(secret).description.others_to_extra and unused:
        yield _problem(
            SETTINGS,
            secret,
            f"{OTHER_KEYS}: extra{secret.annotation_place} does not read {_named(unused)}, because only text in UTF-8 "
            "can be in extra. If the connection needs it, mount the Secret",
        )
        return
    if key == IN_FIELDS:
        unneeded = fields_of(secret).unneeded
        unused = [each for each in unused if each not in unneeded]
    if not _has_address(connection) and (connection.get("login") or connection.get("password")):
        hosts = [key for key in unused if _HOST.search(folded(key)) or _is_uri(secret, key)]
        if hosts:
            yield _problem(
                HALF,
                secret,
                f"the connection has no host, and nothing reads {_named(hosts)}, which may contain it. "
                + _name_key(secret, f"field-host{' or field-uri' if key == IN_FIELDS else ''}", "'host' or 'uri'"),
            )
    if not connection.get("password") and not _has_in_extra(connection, _CREDENTIAL):
        credentials = [key for key in unused if _CREDENTIAL.search(folded(key))]
        if credentials:
            yield _problem(
                HALF,
                secret,
                f"the connection has no password, and nothing reads {_named(credentials)}, which may be one. "
                + _name_key(secret, "field-password", "'password'"),
            )
    settings = [key for key in unused if _TLS.search(folded(key))]
    extra = extra_of(connection)
    if settings and key == IN_FIELDS and _verifies(extra.get("sslmode")) and not extra.get("sslrootcert"):
        yield _problem(
            SETTINGS,
            secret,
            f"sslmode needs a root certificate, and nothing reads {_named(settings)}. Mount it, and name its path"
            + _in_extra(secret)
            + ': {"sslrootcert": "/path"}',
        )
    elif settings and not _has_in_extra(connection, _TLS):
        yield _problem(
            SETTINGS,
            secret,
            f"nothing reads {_named(settings)}, which may be for TLS. {_name_settings(secret)}",
        )
    if not connection.get("schema") and (settings := [key for key in unused if _DATABASE.search(folded(key))]):
        yield _problem(
            SETTINGS,
            secret,
            f"the connection has no schema, and nothing reads {_named(settings)}, which may contain it. "
            + _name_key(secret, "field-schema", "'schema'", is_for_extra=False),
        )


def problems_of_settings(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning if a value with several fields has settings for TLS, and the hook uses none of them.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    fields = fields_of(secret) if key == IN_FIELDS else fields_in_value(secret, key)
    if fields is None or not fields.parsers:
        return
    ignored = ignored_settings(secret, fields, str(connection.get("conn_type")))
    if ignored:
        yield _problem(
            SETTINGS,
            secret,
            f"nothing reads {first_names(map(repr, ignored), len(ignored))} in the value of "
            f"{_named(sorted(fields.parsers))}, which may be for TLS. Write the settings{_in_extra(secret)}",
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
    may_have_host = any(_HOST.search(folded(each)) or _is_uri(secret, each) for each in unused)
    is_made = key == IN_FIELDS or is_converted(secret, key)
    if is_made and not may_have_host and connection.get("conn_type") in _WITH_HOST and not _is_elsewhere(connection):
        yield _problem(
            HALF,
            secret,
            "the connection has no host, and no key seems to contain it. "
            + (
                f"Set airflow.apache.org/connection-host{secret.annotation_place}"
                if secret.has_annotations
                else "Add a file 'host'"
            ),
        )
    if connection.get("password") and not connection.get("login") and not _has_in_extra(connection, _LOGIN):
        logins = [each for each in unused if _LOGIN.search(folded(each))]
        if logins:
            yield _problem(
                HALF,
                secret,
                f"the connection has no login, and nothing reads {_named(logins)}, which may contain it. "
                + _name_key(secret, "field-login", "'login'", is_for_extra=False),
            )


def _is_elsewhere(connection: Mapping[str, Any]) -> bool:
    """Return whether the connection has a host, or what replaces it."""
    extra = extra_of(connection)
    return _has_address(connection) or any(extra.get(name) for name in _IN_PLACE_OF_HOST)


def _verifies(sslmode: object) -> bool:
    """Return whether libpq checks the certificate of the server, for which it needs a root certificate."""
    return isinstance(sslmode, str) and sslmode.startswith("verify")


def _has_address(connection: Mapping[str, Any]) -> bool:
    """Return whether the connection has a host, or a URL in another field in which some hooks expect it."""
    in_extra = (each for name, each in extra_of(connection).items() if _HOST.search(folded(name)))
    others = (connection.get("login"), connection.get("schema"), *in_extra)
    return bool(connection.get("host")) or any(isinstance(each, str) and "://" in each for each in others)


def _name_key(secret: Secret, annotations: str, names: str, *, is_for_extra: bool = True) -> str:
    """Return the remedy for a key that contains a field and that nothing reads.

    Args:
        annotations: the annotations that can name the key, without the prefix of the first one.
        names: the names by which a mounted file is found.
        is_for_extra: whether some hooks read the field in ``extra``.
    """
    if not secret.has_annotations:
        return f"If it does, name that file {names}"
    more = "; or extra-<name>, if the hook reads it in extra" if is_for_extra else ""
    return f"Name the key{secret.annotation_place}: airflow.apache.org/{annotations}{more}"


def _in_extra(secret: Secret) -> str:
    """Return where a user writes a part of ``extra``."""
    if not secret.has_annotations:
        return " in a file 'extra'"
    return f" in airflow.apache.org/connection-extra{secret.annotation_place}"


def _name_settings(secret: Secret) -> str:
    """Return the remedy for keys with settings that nothing reads."""
    if not secret.has_annotations:
        return f"Write the settings that the connection needs{_in_extra(secret)}"
    return (
        f"Name each key that the connection needs{secret.annotation_place}: airflow.apache.org/extra-<name>; or write "
        f"the settings{_in_extra(secret)}"
    )


def _named(keys: Sequence[str]) -> str:
    return f"{'the key' if len(keys) == 1 else 'the keys'} {first_names(map(repr, keys), len(keys))}"


def _problem(code: ProblemCode, secret: Secret, text: str) -> Problem:
    return Problem(code, f"{secret.full_name}: {text}", Severity.WARNING)


def _is_uri(secret: Secret, key: str) -> bool:
    """Return whether the value of a key begins like a URI."""
    try:
        return _URI.match(secret.value(key)) is not None
    except Error:
        return False  # not valid base64


def _has_in_extra(connection: Mapping[str, Any], names: re.Pattern[str]) -> bool:
    """Return whether ``extra`` has a name that matches."""
    return any(names.search(folded(name)) for name in extra_of(connection))
