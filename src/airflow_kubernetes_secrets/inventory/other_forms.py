"""Warnings for unused keys whose content the hook needs in another form, or cannot use at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.remedies import give_parts, in_extra, set_field
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.inventory.hook_names import hook_name
from airflow_kubernetes_secrets.inventory.incompleteness import HALF_CONNECTION, UNUSED_SETTINGS, named, warning
from airflow_kubernetes_secrets.inventory.key_names import (
    DOMAIN,
    KNOWN_HOSTS,
    MECHANISM,
    METHOD_OF_MAIL,
    SENTINEL,
    USERS_OF_REDIS,
    has_in_extra,
    is_certificate_of_ssh,
    is_with_password,
    suggests,
)
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.problem import Problem

# The types whose hooks read the domain of Windows in the login.
_WITH_DOMAIN = ("mssql", "samba", "winrm")


def settings_in_other_form(
    secret: Secret, key: str, settings: Mapping[str, tuple[str, str]], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings for keys with the name of a setting that the hook reads in another form, or in no part.

    Args:
        settings: the keys, each as in ``IN_OTHER_FORM``.
    """
    for each, (name, remedy) in settings.items():
        how = "reads in another form" if name else "reads in no part of a connection"
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {named([each])}, which {hook_name(connection['conn_type'])} {how}. "
            + _remedy(secret, key, name, remedy),
        )


def _remedy(secret: Secret, key: str, name: str, remedy: str) -> str:
    """Return the remedy for a setting, as in ``IN_OTHER_FORM``."""
    if name == "host":
        return f"{set_field(secret, key, 'host')}: {remedy}"
    return f"Write it{in_extra(secret, key)}: {remedy}" if remedy.startswith("{") else remedy


def keys_in_other_form(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings for keys whose names suggest content that the hook needs in another form, or cannot use.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        unused: the keys that are not used.
        connection: the fields of Airflow's JSON.
    """
    conn_type = str(connection.get("conn_type"))
    if conn_type in ("ssh", "sftp"):
        yield from _known_hosts(secret, key, unused, connection)
    if conn_type == "redis":
        yield from _of_redis(secret, key, unused, connection)
    if conn_type in ("ssh", "sftp", "git"):
        yield from _certificates_of_ssh(secret, key, unused, connection)
    if conn_type in _WITH_DOMAIN:
        yield from _domains(secret, key, unused, connection)
    yield from _mechanisms(secret, key, unused, connection)


def _known_hosts(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    hosts = [each for each in unused if suggests(each, KNOWN_HOSTS)]
    if hosts and not {"host_key", "no_host_key_check"} & extra_of(connection).keys():
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {named(hosts)}, because {hook_name(connection['conn_type'])} uses one key of one server. "
            f'Write it{in_extra(secret, key)}: {{"host_key": "ssh-ed25519 …"}}',
        )


def _of_redis(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    sentinels = [each for each in unused if suggests(each, SENTINEL)]
    if sentinels and connection.get("host"):
        yield warning(
            HALF_CONNECTION,
            secret,
            f"nothing reads {named(sentinels)}, because RedisHook cannot use Redis Sentinel. If the host is a "
            f"Sentinel, write that of the Redis server. {set_field(secret, key, 'host')}",
        )
    users = [each for each in unused if suggests(each, USERS_OF_REDIS)]
    if users and not (connection.get("login") and connection.get("password")):
        yield warning(
            HALF_CONNECTION,
            secret,
            f"nothing reads {named(users)}, which may contain the users of the Redis server. If it requires one of "
            f"them, {give_parts(secret, ('login', 'password'))}",
        )


def _certificates_of_ssh(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    if extra_of(connection).get("key_file"):
        return
    certificates = [each for each in unused if is_certificate_of_ssh(secret, each)]
    if certificates:
        yield warning(
            HALF_CONNECTION,
            secret,
            f"nothing reads {named(certificates)}, because {hook_name(connection['conn_type'])} uses a certificate "
            "only next to the file of its private key. If the server requires it, mount the Secret with the files key "
            f'and key-cert.pub, and write{in_extra(secret, key)}: {{"key_file": "/path/key", "private_key": null}}',
        )


def _domains(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    domains = [each for each in unused if suggests(each, DOMAIN)]
    if domains and not any(each in str(connection.get("login")) for each in "\\@"):
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {named(domains)}, because {hook_name(connection['conn_type'])} reads the domain in the "
            f"login. If the login has one: {set_field(secret, key, 'login')}: domain\\login",
        )


def _mechanisms(secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning for the method of logging in, which each hook reads under another name."""
    mechanisms = [each for each in unused if suggests(each, MECHANISM)]
    if connection.get("conn_type") in ("imap", "smtp"):
        mechanisms = [each for each in unused if suggests(each, METHOD_OF_MAIL) or each in mechanisms]
        mechanisms = [each for each in mechanisms if not is_with_password(secret, each)]
    if mechanisms and connection.get("host") and not has_in_extra(connection, MECHANISM):
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {named(mechanisms)}, which may be the method of logging in. If the connection needs it, "
            f"write what its hook reads{in_extra(secret, key)}",
        )
