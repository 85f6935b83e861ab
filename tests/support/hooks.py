"""Connections that a hook interprets differently from how they are written, and some that it does not.

``tests/inventory`` tests the warnings. ``tests/airflow`` tests the real hooks where their providers are installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

MARK = "hunter2"


def fields(conn_type: str, host: str, **more: object) -> dict[str, str]:
    """Return a Secret's data with the connection in one key, in Airflow's JSON format."""
    return {"value": json.dumps({"conn_type": conn_type, "host": host, **more})}


@dataclass(frozen=True)
class OfHttp:
    """What ``HttpHook`` makes of a connection.

    Attributes:
        url: its base URL.
        said: the text of the warning; empty if there is none.
    """

    data: Mapping[str, str]
    url: str
    said: str = ""


HTTP = {
    "https": OfHttp({"value": f"https://u:{MARK}@h"}, "http://h", "HttpHook uses http, without TLS, and sends login"),
    "https without a login": OfHttp({"value": "https://h:8443"}, "http://h:8443", "HttpHook uses http, without TLS:"),
    "https with a path": OfHttp({"value": f"https://u:{MARK}@h:8443/v1"}, "v1://h:8443", "reads the schema"),
    "http with a path": OfHttp({"value": "http://h/v1"}, "v1://h", "reads the schema"),
    "https under uri": OfHttp({"uri": f"https://u:{MARK}@h"}, "https://h"),
    "https with a path under uri": OfHttp({"uri": f"https://u:{MARK}@h:8443/v1"}, "https://h:8443/v1"),
    "the way of Airflow": OfHttp({"value": f"http://u:{MARK}@https%3A%2F%2Fh"}, "https://h"),
    "another way of Airflow": OfHttp({"value": f"https://u:{MARK}@h/https"}, "https://h"),
    "two protocols": OfHttp({"value": "http://https://h:8443/"}, "https://h:8443"),
    "two protocols and a path": OfHttp({"value": "http://https://h/v1"}, "https://h", "HttpHook ignores the schema"),
    "plain http": OfHttp({"value": f"http://u:{MARK}@h:8080"}, "http://h:8080"),
    "the port of https": OfHttp({"value": "http://h:443"}, "http://h:443", "HttpHook uses http, without TLS:"),
    "the port of https, meant": OfHttp(fields("http", "h", port=443, schema="https"), "https://h:443"),
    "the port of https, in keys": OfHttp({"type": "http", "host": "h", "port": "443"}, "https://h:443"),
    "an address of IPv6": OfHttp({"value": "http://[fd00::1]:8080"}, "http://fd00::1:8080", "needs brackets"),
    "an address in brackets": OfHttp(fields("http", "[fd00::1]", port=8080), "http://[fd00::1]:8080"),
    "an address of IPv6 under uri": OfHttp({"uri": "http://[fd00::1]:8080"}, "http://[fd00::1]:8080"),
    "a port behind a path": OfHttp(
        fields("http", "https://h/v1", port=8443), "https://h/v1:8443", "appends the port to the path"
    ),
    "a port behind a path, in keys": OfHttp(
        {"type": "http", "host": "https://h/v1", "port": "8443"}, "https://h:8443/v1"
    ),
    "a port twice": OfHttp(fields("http", "h:8080", port=8080), "http://h:8080:8080", "appends the port to the port"),
    "a port in the host": OfHttp(fields("http", "h:8080"), "http://h:8080"),
    "several hosts": OfHttp(fields("http", "h0,h1"), "http://h0,h1", "accepts one host"),
    "a schema that is another": OfHttp(fields("http", "http://h", schema="https"), "http://h", "ignores the schema"),
    "a whole address": OfHttp(fields("http", "https://h/v1"), "https://h/v1"),
    "the type in a key": OfHttp({"type": "https", "host": "h"}, "https://h"),
}


@dataclass(frozen=True)
class OfPostgres:
    """What ``PostgresHook`` makes of a connection.

    Attributes:
        tried: parts of libpq's message about the servers that it tried.
        said: the text of the warning; empty if there is none.
    """

    data: Mapping[str, str]
    tried: tuple[str, ...]
    said: str = ""


UNKNOWN = 'could not translate host name "{}"'
REFUSED = 'connection to server at "{}", port {} failed'
NO_SOCKET = 'connection to server on socket "{}/.s.PGSQL.{}" failed'

POSTGRES = {
    "a host with its port": OfPostgres(
        fields("postgres", "127.0.0.1:1"), (UNKNOWN.format("127.0.0.1:1"),), "reads host:port as the name of a host"
    ),
    "hosts with ports": OfPostgres(
        fields("postgres", "127.0.0.1:1,127.0.0.2:1"), (UNKNOWN.format("127.0.0.1:1"),), "reads host:port"
    ),
    "hosts with ports in a URI": OfPostgres(
        {"uri": "postgresql://127.0.0.1:1,127.0.0.2:1/d"},
        (REFUSED.format("127.0.0.1", 1), REFUSED.format("127.0.0.2", 1)),
    ),
    "hosts with different ports in a URI": OfPostgres(
        {"uri": "postgresql://127.0.0.1:1,127.0.0.2:2/d"},
        (REFUSED.format("127.0.0.1", 1), REFUSED.format("127.0.0.2", 2)),
    ),
    "hosts with ports in a key": OfPostgres(
        {"type": "postgresql", "host": "127.0.0.1:1,127.0.0.2:2", "dbname": "d"},
        (REFUSED.format("127.0.0.1", 1), REFUSED.format("127.0.0.2", 2)),
    ),
    "hosts and one port": OfPostgres(
        fields("postgres", "127.0.0.1,127.0.0.2", port=1),
        (REFUSED.format("127.0.0.1", 1), REFUSED.format("127.0.0.2", 1)),
    ),
    "hosts and a port for each": OfPostgres(
        fields("postgres", "127.0.0.1,127.0.0.2", extra={"port": "1,2"}),
        (REFUSED.format("127.0.0.1", 1), REFUSED.format("127.0.0.2", 2)),
    ),
    "an address in brackets": OfPostgres(
        fields("postgres", "[::1]", port=1), (UNKNOWN.format("[::1]"),), "accepts no brackets"
    ),
    "an address in brackets in a key": OfPostgres(
        {"type": "postgresql", "host": "[::1]", "port": "1"}, (REFUSED.format("::1", 1),)
    ),
    "an address in Airflow's URI": OfPostgres({"value": "postgres://[::1]:1/d"}, (REFUSED.format("::1", 1),)),
    "parameters of other clients": OfPostgres(
        {"uri": "postgresql://127.0.0.1:1/d?pgbouncer=true&connection_limit=1&schema=shop&sslmode=PREFER"},
        (REFUSED.format("127.0.0.1", 1),),
    ),
    "parameters that are removed": OfPostgres(
        {"uri": "postgresql://127.0.0.1:1/d?ssl=verify-ca&currentSchema=a,b&serverVersion=16&charset=utf8"},
        (REFUSED.format("127.0.0.1", 1),),
    ),
    "a parameter in Airflow's URI": OfPostgres(
        {"value": "postgresql://127.0.0.1:1/d?pgbouncer=true"},
        ('invalid connection option "pgbouncer"',),
        "refuses what it does not know",
    ),
    "a mode in upper case": OfPostgres(
        fields("postgres", "127.0.0.1", port=1, extra={"sslmode": "REQUIRE"}),
        ('invalid sslmode value: "REQUIRE"',),
        "refuses its value",
    ),
    "a socket": OfPostgres(
        {"uri": f"postgresql://u:{MARK}@/d?host=/cloudsql/p:r:i"}, (NO_SOCKET.format("/cloudsql/p:r:i", 5432),)
    ),
    "a socket that is encoded": OfPostgres(
        {"uri": f"postgresql://u:{MARK}@%2Fcloudsql%2Fp%3Ar%3Ai:5433/d"}, (NO_SOCKET.format("/cloudsql/p:r:i", 5433),)
    ),
    "a socket in Airflow's URI": OfPostgres(
        {"value": f"postgresql://u:{MARK}@/d?host=/cloudsql/p:r:i"}, (NO_SOCKET.format("/cloudsql/p:r:i", 5432),)
    ),
}
