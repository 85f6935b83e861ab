"""A connection as a hook receives it, and the type of the rules that say what the hook misreads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret


@dataclass(frozen=True, repr=False)
class HookConnection:
    """A connection as a hook receives it.

    Attributes:
        secret: the Secret that contains it.
        key: the key that holds the whole connection, or ``IN_FIELDS``.
    """

    secret: Secret
    key: str
    conn_type: str
    host: str
    port: int
    schema: str
    login: str
    password: str
    extra: Mapping[str, Any]


# A rule yields what the hook does, and the remedy.
Rule = Callable[[HookConnection], Iterator[tuple[str, str]]]


def hook_connection(secret: Secret, key: str, fields: Mapping[str, Any]) -> HookConnection:
    """Return the connection in a Secret as its hook receives it.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        fields: the fields of Airflow's JSON.
    """
    conn_type, host, schema, login, password = (
        value if isinstance(value := fields.get(name), str) else ""
        for name in ("conn_type", "host", "schema", "login", "password")
    )
    return HookConnection(
        secret,
        key,
        conn_type,
        host.strip(),
        int(fields.get("port") or 0),
        schema,
        login,
        password,
        extra_of(fields),
    )
