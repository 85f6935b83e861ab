"""What others call the fields of a connection, and its type: data, with where it comes from.

A name is compared without regard to capitals and to ``-`` and ``_``. Of several names for one field the first in the
list that a Secret has is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

URI = "uri"

ALIASES: Mapping[str, tuple[str, ...]] = {
    URI: (
        "fqdn_uri",  # CloudNativePG 1.25.3 and later: host with the cluster's domain
        "uri",  # CloudNativePG (host with the namespace), servicebinding.io, Crunchy PGO
        "url",
        "connection_string",  # RabbitMQ's cluster operator
        "connectionstring.standardsrv",  # MongoDB's operators
        "connectionstring.standard",
    ),
    "conn_type": ("conn_type", "connection_type", "engine", "type"),  # AWS: engine; servicebinding.io: type
    # Upbound's RDS instance has the port in its endpoint, and a host without it beside that.
    "host": ("host", "hostname", "address", "server", "endpoint"),  # Crossplane: endpoint
    "login": ("login", "username", "user", "user_name", "master_username"),
    "password": ("password", "pass", "attribute.password", "attribute.master_password"),  # Upbound: attribute.…
    "port": ("port",),
    "schema": ("schema", "database", "dbname", "db"),  # servicebinding.io: database; AWS, CloudNativePG: dbname
    "extra": ("extra",),
}

# White space belongs to them; elsewhere it is the newline that ``kubectl create --from-file`` keeps.
EXACT = ("login", "password")

# By AWS's engines, servicebinding.io's types and the schemes of URIs; the values are connection types of Airflow's
# providers. What is not here is a connection type already, or one that only its owner's provider knows.
CONNECTION_TYPES: Mapping[str, str] = {
    "postgresql": "postgres",
    "pgsql": "postgres",
    "aurora_postgresql": "postgres",
    "mariadb": "mysql",
    "aurora": "mysql",
    "aurora_mysql": "mysql",
    "sqlserver": "mssql",
    "sqlserver_ee": "mssql",
    "sqlserver_se": "mssql",
    "sqlserver_ex": "mssql",
    "sqlserver_web": "mssql",
    "oracle_ee": "oracle",
    "oracle_se2": "oracle",
    "oracle_ee_cdb": "oracle",
    "oracle_se2_cdb": "oracle",
    "mongodb": "mongo",
    "docdb": "mongo",
    "rediss": "redis",
    "valkey": "redis",
    "valkeys": "redis",
    "https": "http",
}

# The type where nothing tells it: Airflow's own for "none in particular".
GENERIC = "generic"


def folded(name: str) -> str:
    """A name as it is compared."""
    return name.lower().replace("-", "_")


def connection_type(word: str) -> str:
    """Airflow's connection type for an engine, a type or the scheme of a URI, which may name a driver (``a+b``)."""
    name = folded(word.strip()).partition("+")[0]
    return CONNECTION_TYPES.get(name, name)
