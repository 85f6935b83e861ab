"""The names that other tools use for the fields of a connection, and for its type, with their origin.

Names are compared without regard to case, and ``-`` equals ``_``. If a Secret has several names for one field, the
first one in the list is used.
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
    # Upbound's RDS instance has the port in its endpoint, and also a host without the port.
    "host": ("host", "hostname", "address", "server", "endpoint"),  # Crossplane: endpoint
    "login": ("login", "username", "user", "user_name", "master_username"),
    "password": ("password", "pass", "attribute.password", "attribute.master_password"),  # Upbound: attribute.…
    "port": ("port", "dbport"),
    "schema": ("schema", "database", "dbname", "db"),  # servicebinding.io: database; AWS, CloudNativePG: dbname
    "extra": ("extra",),
}

# White space belongs to these values. In other fields it is the newline that ``kubectl create --from-file`` stores.
EXACT = ("login", "password")

# Airflow's connection types, by engines of AWS, Laravel and Django, types of servicebinding.io and schemes of URIs. Any
# other word is a connection type already, or one that only a provider of the Secret's owner knows.
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
    "sqlsrv": "mssql",
    "django.db.backends.postgresql": "postgres",
    "django.db.backends.mysql": "mysql",
    "django.db.backends.oracle": "oracle",
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
    "smtps": "smtp",
    "imaps": "imap",
    "bolt": "neo4j",
}

# The type of a connection without one: Airflow's own type for no specific service.
GENERIC = "generic"


def folded(name: str) -> str:
    """Return a name in the form in which names are compared."""
    return name.lower().replace("-", "_")


def connection_type(word: str) -> str:
    """Return Airflow's connection type for an engine, a type or the scheme of a URI, such as ``type+driver``."""
    name = folded(word.strip()).partition("+")[0]
    return CONNECTION_TYPES.get(name, name)
