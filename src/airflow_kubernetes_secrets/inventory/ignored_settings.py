"""Warnings for settings that the hook does not use, in values that contain several fields, such as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.connection import ignored_settings
from airflow_kubernetes_secrets.formats.fields import fields_made_from
from airflow_kubernetes_secrets.formats.remedies import in_extra
from airflow_kubernetes_secrets.inventory.incompleteness import SETTINGS, named, warning
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
    ignored = ignored_settings(secret, fields, str(connection.get("conn_type")))
    where = f"in the value of {named(sorted(fields.parsers))}"
    # A file next to a value that is read under any name would end that.
    place = in_extra(secret, key or min(fields.parsers))
    annotated = {*fields.description.extra, *fields.description.extra_fields}
    of_tls = [name for name in ignored if suggests(name, TLS)]
    if of_tls and not any(suggests(name, TLS) for name in annotated):
        yield warning(
            SETTINGS,
            secret,
            f"nothing reads {_names(of_tls)} {where}, which may be for TLS. Write the settings{place}",
        )
    others = [name for name in ignored if name not in of_tls and name not in annotated]
    if others:
        yield warning(
            SETTINGS,
            secret,
            f"nothing reads {_names(others)} {where}. If the connection needs it, write what its hook reads{place}; "
            + (
                f'otherwise {{"{others[0]}": null}}'
                if secret.can_be_annotated
                else "otherwise remove it from the value"
            ),
        )


def _names(names: Sequence[str]) -> str:
    return first_names(map(repr, names), len(names))
