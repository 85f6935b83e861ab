"""Warnings for settings in a value with several fields that the hook does not use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_kubernetes_secrets.formats.connection import ignored_settings
from airflow_kubernetes_secrets.formats.fields import fields_in_value, fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.inventory.incompleteness import SETTINGS, named, warning
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.messages.problem import Problem


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
        yield warning(
            SETTINGS,
            secret,
            f"nothing reads {first_names(map(repr, ignored), len(ignored))} in the value of "
            f"{named(sorted(fields.parsers))}, which may be for TLS. Write the settings in "
            "airflow.apache.org/connection-extra",
        )
