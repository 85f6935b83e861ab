"""The problem ``hook-misreads`` of a connection."""

from __future__ import annotations

from airflow_kubernetes_secrets.formats.reading import data_key_of_connection
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from support.connection_secrets import stored_secret

# A value that no text may contain.
MARK = "hunter2"


def texts_of(data: dict[str, str], **annotations: str) -> list[str]:
    """Return the texts of ``hook-misreads``, and check that none contains a value.

    Args:
        annotations: without their prefix, and with underscores for dashes.
    """
    secret = stored_secret(data, {name.replace("_", "-"): value for name, value in annotations.items()})
    content = content_of(Kind.CONNECTION, secret, data_key_of_connection(secret, "value"))
    texts = [each.text for each in content.problems if each.code == "hook-misreads"]
    assert not any(MARK in each for each in texts)
    return texts
