"""A connection as a hook receives it, and the type of the rules that say what the hook misreads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_kubernetes_secrets.formats.hosts import hosts_and_ports
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.inventory.hook_names import hook_name
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

    @property
    def hook(self) -> str:
        """The name of the hook, as the subject of a sentence."""
        return hook_name(self.conn_type)


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


def plain_host(default: int) -> Rule:
    """Return a rule for hooks that pass the host to their driver unchanged. The driver expects one name or address."""

    def rule(connection: HookConnection) -> Iterator[tuple[str, str]]:
        host, hook = connection.host, connection.hook
        found = hosts_and_ports(host)
        if "," in host:
            yield f"{hook} accepts one host, and there are several", "Write one, such as that of a Service"
        elif host.startswith("["):
            yield (
                f"{hook} passes the host to its driver unchanged, which accepts no brackets around an IPv6 address",
                f'Write it without: {{"host": "fd00::1", "port": {default}}}',
            )
        elif any(port for _host, port in found):
            yield (
                f"{hook} passes the host to its driver unchanged, which reads host:port as the name of a host",
                f'Write the port separately: {{"host": "h", "port": {default}}}',
            )

    return rule
