"""The keys of a Secret that are not used, and warnings if the connection seems to need them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from airflow_kubernetes_secrets.formats.aliases import ALIASES, EXACT, URI, folded
from airflow_kubernetes_secrets.formats.annotations import OTHER_KEYS
from airflow_kubernetes_secrets.formats.connection import ignored_uri, keys_of_settings
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.names_of_types import plain
from airflow_kubernetes_secrets.formats.near_misses import keys_of_near_formats
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.remedies import (
    give_parts,
    in_extra,
    name_extra,
    name_key,
    name_setting,
    set_field,
)
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.formats.web_servers import WEB
from airflow_kubernetes_secrets.inventory.hook_names import hook_name
from airflow_kubernetes_secrets.inventory.incompleteness import (
    HALF_CONNECTION,
    LOGIN_WITH_CREDENTIAL,
    UNUSED_SETTINGS,
    named,
    warning,
)
from airflow_kubernetes_secrets.inventory.key_names import (
    CREDENTIAL,
    DATABASE,
    IN_PLACE_OF_PASSWORD,
    INSTANCE,
    LOGIN,
    NAME,
    OPTIONS,
    PASSPHRASE,
    PATH,
    PORT,
    PRIVATE_KEY,
    SCHEME,
    SHARE,
    begins_with,
    has_address,
    has_credential,
    has_in_extra,
    is_off,
    is_path,
    may_be_credential,
    may_contain_host,
    suggests,
)
from airflow_kubernetes_secrets.inventory.names_in_extra import IN_OTHER_FORM, NAMES_IN_EXTRA, OTHER_NAMES
from airflow_kubernetes_secrets.inventory.other_forms import keys_in_other_form, settings_in_other_form
from airflow_kubernetes_secrets.inventory.private_keys import PRIVATE_KEYS_OF_HOOKS
from airflow_kubernetes_secrets.inventory.unused_tls_keys import settings_of_tls
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

_Value = TypeVar("_Value")

# Fields that have a default, and the names that suggest them.
_WITH_DEFAULT = {"port": PORT, "schema": DATABASE}

# What the schema is for hooks of servers that have no databases.
_SCHEMAS: Mapping[str, re.Pattern[str]] = {**dict.fromkeys(WEB, SCHEME), "samba": SHARE}

# The types of servers with databases, whose name can be in a key `NAME` (Django).
_WITH_DATABASE = ("postgres", "mysql", "mssql", "oracle")

# The names of keys with a part that the hook reads in the host, the character before it there, and an example.
_IN_HOST: Mapping[str, tuple[re.Pattern[str], str, str]] = {
    "mssql": (INSTANCE, "\\", "host\\instance"),
    **dict.fromkeys(WEB, (PATH, "/", "https://host/path")),
}


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
    if key == IN_FIELDS and ignored_uri(secret, fields):
        used.discard(fields.keys[URI])
    return sorted(set(secret.keys_to_show()) - used)


def problems_of_unused(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings where an unused key seems to hold a setting that the connection lacks.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    description = fields_of(secret).description
    if key == IN_FIELDS and description.others_to_extra and unused:
        # Keys without the prefix are for something else.
        binary = [each for each in unused if each.startswith(description.key_prefix)]
        if binary:
            yield warning(
                UNUSED_SETTINGS,
                secret,
                f"{OTHER_KEYS}: extra{secret.annotation_suffix} does not read {named(binary)}, because only text in "
                "UTF-8 can be in extra. If the connection needs it, mount the Secret",
            )
        return
    if key == IN_FIELDS:
        unneeded = fields_of(secret).unneeded
        unused = [each for each in unused if each not in unneeded]
    of_hook = _names_in_extra(unused, connection)
    in_other_form = _in_other_form(secret, key, unused, connection)
    found = [
        *_settings_of_hook(secret, key, of_hook, connection),
        *settings_in_other_form(secret, key, in_other_form, connection),
    ]
    rest = [each for each in unused if each not in of_hook and each not in in_other_form]
    found += _missing_parts(secret, key, rest, connection)
    found += settings_of_tls(secret, key, rest, connection)
    found += _other_settings(secret, key, rest, connection)
    yield from found or [*_nothing_secret(secret, key, rest, connection)] or _without_any_key(secret, key, unused)


def _names_in_extra(unused: Sequence[str], connection: Mapping[str, Any]) -> dict[str, str]:
    """Return the unused keys with the name of a setting that the hook reads in ``extra``, and that name."""
    extra = {*map(plain, extra_of(connection))}
    conn_type = str(connection.get("conn_type"))
    names = {plain(name): name for name in NAMES_IN_EXTRA.get(conn_type, ())} | {**OTHER_NAMES.get(conn_type, {})}
    return {each: name for each, name in _named(unused, conn_type, names).items() if plain(name) not in extra}


def _in_other_form(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
    """Return the unused keys with a setting that the hook reads in another form, each as in ``IN_OTHER_FORM``."""
    conn_type = str(connection.get("conn_type"))
    found = _named(unused, conn_type, IN_OTHER_FORM.get(conn_type, {}))
    if not found:
        return {}
    description = fields_of(secret).description
    there = {*description.extra, *description.extra_fields} if key == IN_FIELDS else {*extra_of(connection)}
    there |= {"host"} if connection.get("host") else set()
    return {
        each: (name, remedy) for each, (name, remedy) in found.items() if name not in there and not is_off(secret, each)
    }


def _named(unused: Sequence[str], conn_type: str, names: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return the unused keys with one of these names, perhaps behind that of the type, each with its value.

    Args:
        names: the names without what differs between their forms (:func:`plain`).
    """
    start = plain(conn_type)
    found = {each: names.get(plain(each)) or names.get(plain(each).removeprefix(start)) for each in unused}
    return {each: value for each, value in found.items() if value is not None}


def _without_any_key(secret: Secret, key: str, unused: Sequence[str]) -> Iterator[Problem]:
    """Yield a warning if annotations contain the whole connection, so that none of the keys is read."""
    is_all = key == IN_FIELDS and unused and len(unused) == len(secret.keys_to_show())
    if is_all and not keys_of_near_formats(secret):
        yield warning(
            HALF_CONNECTION,
            secret,
            f"nothing reads {named(unused)}: annotations contain the whole connection{secret.annotation_suffix}. "
            + name_key(secret, key, ("password",)),
        )


def _settings_of_hook(
    secret: Secret, key: str, of_hook: Mapping[str, str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings for keys with the name of a setting of the hook.

    Args:
        of_hook: the keys, each with the name of the setting.
    """
    lacks_credential = not connection.get("password") and not has_in_extra(connection, CREDENTIAL)
    for each, name in of_hook.items():
        yield warning(
            HALF_CONNECTION if lacks_credential and suggests(name, CREDENTIAL) else UNUSED_SETTINGS,
            secret,
            f"nothing reads {named([each])}, which {hook_name(connection['conn_type'])} reads in extra. "
            + name_setting(secret, key, name),
        )


def _missing_host(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning for a missing host, if an unused key may contain it."""
    has_credential = connection.get("login") or connection.get("password") or has_in_extra(connection, CREDENTIAL)
    if not has_address(connection) and has_credential:
        hosts = [each for each in unused if may_contain_host(secret, each)]
        if hosts and connection.get("conn_type") == "aws":
            yield warning(
                HALF_CONNECTION,
                secret,
                f"nothing reads {named(hosts)}, which may be the address of another server than Amazon's. If it is, "
                f'write its URL{in_extra(secret, key)}: {{"endpoint_url": "https://host"}}',
            )
            return
        if hosts and all(_is_jdbc(secret, each) for each in hosts):
            yield warning(
                HALF_CONNECTION,
                secret,
                f"the connection has no host, and {named(hosts)} contains a URL of JDBC, which cannot be read: "
                + give_parts(secret, ("host", "port", "schema", "extra")),
            )
        elif hosts:
            fields = ("host", URI) if key == IN_FIELDS else ("host",)
            yield _unread(HALF_CONNECTION, secret, key, hosts, fields)


def _missing_parts(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield warnings for a missing host, password, login or passphrase, if an unused key may contain it."""
    yield from _missing_host(secret, key, unused, connection)
    if not has_credential(connection):
        of_formats = keys_of_near_formats(secret) if key == IN_FIELDS else frozenset()
        credentials = [each for each in unused if suggests(each, CREDENTIAL) and each not in of_formats]
        names = PRIVATE_KEYS_OF_HOOKS.get(str(connection.get("conn_type")))
        private_keys = [each for each in credentials if suggests(each, PRIVATE_KEY)]
        if names is not None and private_keys:
            are_paths = all(is_path(secret, each) for each in private_keys)
            yield warning(
                HALF_CONNECTION,
                secret,
                f"the connection has no password and no private key, and nothing reads {named(private_keys)}. "
                + name_extra(secret, key, names.file if are_paths else names.key, "private_key"),
            )
        elif credentials:
            yield _unread(HALF_CONNECTION, secret, key, credentials, ("password",))
    if connection.get("password") and not connection.get("login") and not has_in_extra(connection, LOGIN):
        logins = [each for each in unused if suggests(each, LOGIN)]
        if logins:
            yield _unread(HALF_CONNECTION, secret, key, logins, ("login",), is_for_extra=False)
    yield from keys_in_other_form(secret, key, unused, connection)
    passphrases = [each for each in unused if suggests(each, PASSPHRASE)]
    has_private_key = connection.get("conn_type") in PRIVATE_KEYS_OF_HOOKS and not has_in_extra(connection, PASSPHRASE)
    if has_private_key and connection.get("password") and passphrases:
        yield warning(
            HALF_CONNECTION,
            secret,
            f"nothing reads {named(passphrases)}, which may be the passphrase of a private key. "
            + name_key(secret, key, ("password",)),
        )


def _nothing_secret(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield a warning if nothing secret is read, and the name of an unused key suggests nothing.

    A Secret contains something secret, so it may be the password under a name in another language, for example.
    """
    extra = extra_of(connection)
    has_any = has_credential(connection) or any(extra.get(name) for name in IN_PLACE_OF_PASSWORD)
    if key == IN_FIELDS and connection.get("conn_type") in (*LOGIN_WITH_CREDENTIAL, *WEB) and not has_any:
        others = [each for each in unused if may_be_credential(secret, each)]
        if others:
            yield _unread(HALF_CONNECTION, secret, key, others, ("password",))


def _other_settings(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings for fields that have a default, and for options of the server."""
    extra = extra_of(connection)
    of_schema = _SCHEMAS.get(str(connection.get("conn_type")))
    with_default = _WITH_DEFAULT if of_schema is None else {**_WITH_DEFAULT, "schema": of_schema}
    for field, names in with_default.items():
        keys = [each for each in unused if suggests(each, names)]
        if field == "schema" and connection.get("conn_type") in _WITH_DATABASE:
            keys += [each for each in unused if suggests(each, NAME)]
        if keys and not connection.get(field) and not any(suggests(name, names) for name in extra):
            yield _unread(UNUSED_SETTINGS, secret, key, keys, (field,), is_for_extra=False)
    names_in_host, separator, example = _IN_HOST.get(str(connection.get("conn_type")), (None, "", ""))
    parts = [each for each in unused if names_in_host is not None and suggests(each, names_in_host)]
    if parts and separator not in str(connection.get("host") or "").rpartition("://")[2]:
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {named(parts)}, which may be a part of the host. If the connection needs it: "
            f"{set_field(secret, key, 'host')}: {example}",
        )
    if key == IN_FIELDS:
        yield from _same_field(secret, unused, connection)
    used = fields_of(secret).keys.get("schema", "") if key == IN_FIELDS else ""
    if connection.get("conn_type") in _WITH_DATABASE and folded(used) == "schema":
        # The values are compared in base64, because that of an unused key can be invalid.
        databases = [each for each in unused if suggests(each, DATABASE) and secret.data[each] != secret.data[used]]
        if databases and "schema" not in fields_of(secret).description.fields:
            yield warning(
                UNUSED_SETTINGS,
                secret,
                f"the key {used!r} is read as the database, and nothing reads {named(databases)}. "
                + name_key(secret, key, ("schema",), is_for_extra=False),
            )
    in_extra_already = {*map(folded, extra)}
    options = [each for each in unused if suggests(each, OPTIONS) and folded(each) not in in_extra_already]
    if options:
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {named(options)}. If the connection needs it, write what its hook reads"
            f"{in_extra(secret, key)}",
        )


def _same_field(secret: Secret, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning if another key with the name of the login or the password has another value."""
    fields = fields_of(secret)
    for field in EXACT:
        used = fields.keys.get(field, "")
        if folded(used) not in ALIASES[field] or field in fields.description.fields:
            continue  # the key of a known format, or one that an annotation names
        others = [each for each in unused if folded(each) in ALIASES[field] and secret.data[each] != secret.data[used]]
        if others and connection.get(field):
            yield warning(
                UNUSED_SETTINGS,
                secret,
                f"the key {used!r} is read as the {field}, and nothing reads {named(others)}, which has another value. "
                + name_key(secret, "", (field,), is_for_extra=False),
            )


def _unread(
    code: ProblemCode,
    secret: Secret,
    key: str,
    unread: Sequence[str],
    fields: Sequence[str],
    *,
    is_for_extra: bool = True,
) -> Problem:
    """Return the warning for keys that nothing reads, and that may contain the first of these fields."""
    return warning(
        code,
        secret,
        f"the connection has no {fields[0]}, and nothing reads {named(unread)}, which may contain it. "
        + name_key(secret, key, fields, is_for_extra=is_for_extra),
    )


def _is_jdbc(secret: Secret, key: str) -> bool:
    """Return whether a value is a URL of JDBC."""
    return begins_with(secret, key, b"jdbc:")
