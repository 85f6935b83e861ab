"""Warnings for unused keys that seem to be for TLS: modes, certificates and private keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.parameters import stricter
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.remedies import in_extra, set_field
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.formats.web_servers import WEB
from airflow_kubernetes_secrets.inventory.hook_names import hook_name
from airflow_kubernetes_secrets.inventory.incompleteness import UNUSED_SETTINGS, named, warning
from airflow_kubernetes_secrets.inventory.key_names import (
    SCHEME,
    TLS,
    is_certificate_of_ssh,
    is_for_tls,
    is_path,
    roles_of_tls,
    suggests,
)
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.problem import Problem

# The setting with which a client verifies the server, the setting that names the root certificate, and an example.
_ROOT_CERTIFICATES: Mapping[str, tuple[str, str]] = {
    "sslmode": ("sslrootcert", '{"sslrootcert": "/path"}'),
    "ssl_mode": ("ssl", '{"ssl": {"ca": "/path"}}'),
}

# The entry of `extra` without which the driver would ignore or refuse the paths, and others that replace it.
_SWITCHES: Mapping[str, tuple[str, object, Sequence[str]]] = {
    "mysql": ("ssl_mode", "REQUIRED", ()),
    "mongo": ("tls", True, ("ssl", "srv")),
    "redis": ("ssl", True, ()),
}

# The hooks whose drivers read certificates and keys only from files, with the entry of `extra` for each role.
_FILES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "postgres": {
        "root certificate": {"sslrootcert": "/path"},
        "certificate": {"sslcert": "/path"},
        "key": {"sslkey": "/path"},
    },
    "mysql": {
        "root certificate": {"ssl": {"ca": "/path"}},
        "certificate": {"ssl": {"cert": "/path"}},
        "key": {"ssl": {"key": "/path"}},
    },
    "mongo": {
        "root certificate": {"tlsCAFile": "/path"},
        # One file contains both.
        "certificate": {"tlsCertificateKeyFile": "/path"},
        "key": {"tlsCertificateKeyFile": "/path"},
    },
    "redis": {
        "root certificate": {"ssl_ca_certs": "/path"},
        "certificate": {"ssl_certfile": "/path"},
        "key": {"ssl_keyfile": "/path"},
    },
}


def settings_of_tls(
    secret: Secret, key: str, unused: Sequence[str], connection: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield warnings for unused keys that seem to hold a setting for TLS that ``extra`` lacks.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    settings = _missing_settings(secret, unused, connection)
    if not settings:
        return
    if key == IN_FIELDS and (of_certificate := _missing_root_certificate(secret, settings, connection)):
        yield of_certificate
        return
    # Each key gets one warning: the one with the most specific remedy.
    files = _contents_of_files(secret, settings, connection)
    if files:
        yield _write_paths(secret, key, files, connection)
    settings = [each for each in settings if each not in files]
    if connection.get("conn_type") in WEB:
        # HttpHook sends entries of extra as headers.
        modes = [each for each in settings if roles_of_tls(each) == {"mode"}]
        # If there is no schema, another warning names the keys with the scheme.
        switches = [each for each in modes if connection.get("schema") or not suggests(each, SCHEME)]
        if switches:
            text = f"nothing reads {named(switches)}, which may be for TLS. {set_field(secret, key, 'schema')}: https"
            yield warning(UNUSED_SETTINGS, secret, text)
        settings = [each for each in settings if each not in modes]
    if settings:
        has_file = any(roles_of_tls(each) != {"mode"} for each in settings)
        of_file = ". If the hook expects a path, mount the Secret, and write the path there" if has_file else ""
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {named(settings)}, which may be for TLS. {_name_settings(secret, key)}{of_file}",
        )


def _missing_settings(secret: Secret, unused: Sequence[str], connection: Mapping[str, Any]) -> Sequence[str]:
    """Return the unused keys for TLS whose role no entry of ``extra`` has."""
    extra = extra_of(connection)
    # An entry can be an object with others: {"ssl": {"ca": "/path"}}.
    nested = {f"ssl_{name}" for value in extra.values() if isinstance(value, Mapping) for name in value}
    names = {name for name in extra.keys() | nested if suggests(name, TLS)}
    known = {role for name in names for role in roles_of_tls(name)}
    uses_tls = connection.get("schema") == "https" or "scheme" in extra or extra.get("use_ssl")
    # SmtpHook uses TLS, or STARTTLS.
    if uses_tls or connection.get("conn_type") == "smtp":
        known.add("mode")
    return [
        each
        for each in unused
        if is_for_tls(secret, each) and not roles_of_tls(each) <= known and not is_certificate_of_ssh(secret, each)
    ]


def _missing_root_certificate(secret: Secret, settings: Sequence[str], connection: Mapping[str, Any]) -> Problem | None:
    """Return the warning that the client verifies the server and has no root certificate; ``None`` if it has one."""
    extra = extra_of(connection)
    mode = next((name for name in _ROOT_CERTIFICATES if _verifies(extra.get(name))), None)
    if mode is None:
        return None
    entry, example = _ROOT_CERTIFICATES[mode]
    if extra.get(entry):
        return None
    return warning(
        UNUSED_SETTINGS,
        secret,
        f"{mode} needs a root certificate, and nothing reads {named(settings)}. Mount it, and name its "
        f"path{in_extra(secret, IN_FIELDS)}: {example}",
    )


def _contents_of_files(secret: Secret, settings: Sequence[str], connection: Mapping[str, Any]) -> Sequence[str]:
    """Return the keys with certificates and private keys that the driver reads only from files."""
    roles = _FILES.get(str(connection.get("conn_type")), {}).keys()
    return [each for each in settings if not roles.isdisjoint(roles_of_tls(each)) and not is_path(secret, each)]


def _write_paths(secret: Secret, key: str, files: Sequence[str], connection: Mapping[str, Any]) -> Problem:
    """Return the warning that the hook needs the paths of files instead of their contents."""
    conn_type = str(connection.get("conn_type"))
    example: dict[str, Any] = {}
    for role in sorted({role for each in files for role in roles_of_tls(each)}):
        entries = _FILES[conn_type][role]
        example |= {name: stricter(name, example.get(name), value) for name, value in entries.items()}
    example = _with_switch(conn_type, extra_of(connection), example)
    return warning(
        UNUSED_SETTINGS,
        secret,
        f"nothing reads {named(files)}, which may be for TLS. {hook_name(conn_type)} needs the paths of files: mount "
        f"the Secret, and write the paths{in_extra(secret, key)}: {json.dumps(example)}",
    )


def _with_switch(conn_type: str, extra: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return an example for ``extra`` with what turns TLS on, if ``extra`` does not."""
    name, value, others = _SWITCHES.get(conn_type, ("", None, ()))
    is_on = not name or any(extra.get(each) for each in (name, *others))
    return {**example} if is_on else {name: value, **example}


def _verifies(mode: object) -> bool:
    """Return whether libpq or libmysqlclient checks the certificate of the server, for which it needs a root."""
    return isinstance(mode, str) and mode.lower().startswith("verify")


def _name_settings(secret: Secret, key: str) -> str:
    """Return the remedy for keys with settings that nothing reads."""
    if not secret.can_be_annotated:
        return f"Write the settings that the connection needs{in_extra(secret, key)}"
    return (
        f"Name each key that the connection needs{secret.annotation_suffix}: airflow.apache.org/extra-<name>; or write "
        f"the settings{in_extra(secret, key)}"
    )
