"""Warnings for settings that the hook does not use, in values that contain several fields, such as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.annotations import LITERALS
from airflow_kubernetes_secrets.formats.connection import ignored_settings
from airflow_kubernetes_secrets.formats.fields import Fields, fields_made_from
from airflow_kubernetes_secrets.formats.remedies import in_extra, set_field
from airflow_kubernetes_secrets.formats.value_parsers import database_json, secrets_manager_json, unread_names
from airflow_kubernetes_secrets.formats.values import text
from airflow_kubernetes_secrets.inventory.incompleteness import UNUSED_SETTINGS, named, warning
from airflow_kubernetes_secrets.inventory.key_names import TLS, suggests
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.problem import Problem


def problems_of_settings(secret: Secret, key: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield warnings for the settings in a value with several fields that the hook does not use.

    The annotation ``connection-extra`` is the remedy, so it also ends the warnings.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        connection: the fields of Airflow's JSON.
    """
    fields = fields_made_from(secret, key)
    if not fields.parsers:
        return
    yield from _unread_names(secret, key, fields)
    ignored = ignored_settings(secret, fields, str(connection.get("conn_type")))
    where = f"in the value of {named(sorted(fields.parsers))}"
    # A file next to a value that is read under any name would end that.
    target = in_extra(secret, key or min(fields.parsers))
    annotated = {*fields.description.extra, *fields.description.extra_fields}
    of_tls = [name for name in ignored if suggests(name, TLS)]
    if of_tls and not any(suggests(name, TLS) for name in annotated):
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {_names(of_tls)} {where}, which may be for TLS. Write the settings{target}",
        )
    others = [name for name in ignored if name not in of_tls and name not in annotated]
    if others:
        yield warning(
            UNUSED_SETTINGS,
            secret,
            f"nothing reads {_names(others)} {where}. If the connection needs it, write what its hook reads{target}; "
            + (
                f'otherwise {{"{others[0]}": null}}'
                if secret.can_be_annotated
                else "otherwise remove it from the value"
            ),
        )


def _unread_names(secret: Secret, key: str, fields: Fields) -> Iterator[Problem]:
    """Yield a warning for each name in JSON for a field that another name contains, with another value."""
    description = fields.description
    for each, parse in fields.parsers.items():
        found = unread_names(text(secret, each)) if parse in (secrets_manager_json, database_json) else {}
        for name, (field, first) in found.items():
            if field in description.fields or field in description.literals:
                continue
            annotation = (
                f"; or: {set_field(secret, key, field)}" if secret.can_be_annotated and field in LITERALS else ""
            )
            yield warning(
                UNUSED_SETTINGS,
                secret,
                f"nothing reads {name!r} in the value of {named([each])}, because {first!r} comes first and is read as "
                f"the {field}. Remove one of them{annotation}",
            )


def _names(names: Sequence[str]) -> str:
    return first_names(map(repr, names), len(names))
