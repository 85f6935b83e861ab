"""Names of environment variables, as data: what a key means if its name begins with that of a product.

Software reads these names from its environment, and people store them in Secrets. The first part of the name determines
the connection type, the rest the field: ``POSTGRES_HOST``, ``PGHOST``, ``SMTP_LOGIN``. Names are compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

# The connection type by the first part of the names. With an empty type, a key or an annotation must specify it.
PREFIXES: Mapping[str, str] = {
    "PG": "postgres",  # https://www.postgresql.org/docs/current/libpq-envars.html
    "POSTGRES_": "postgres",
    "POSTGRESQL_": "postgres",
    "MYSQL_": "mysql",
    "MARIADB_": "mysql",
    "WORDPRESS_DB_": "mysql",
    "MONGO_": "mongo",
    "MONGODB_": "mongo",
    "REDIS_": "redis",
    "VALKEY_": "redis",
    "SMTP_": "smtp",
    "MAIL_": "smtp",
    "DB_": "",
    "DATABASE_": "",
}

# The field by the rest of the name. Lower-case names are settings (`formats/settings.py`).
ENV_FIELDS: Mapping[str, str] = {
    "URL": "uri",
    "URI": "uri",
    "HOST": "host",
    "HOSTNAME": "host",
    "SERVER": "host",
    "PORT": "port",
    "USER": "login",
    "USERNAME": "login",
    "LOGIN": "login",
    "PASSWORD": "password",
    "PASS": "password",
    "DATABASE": "schema",
    "DB": "schema",
    "NAME": "schema",
    "CONNECTION": "conn_type",  # Laravel
}
ENV_SETTINGS: Mapping[str, str] = {
    "SSL": "ssl",
    "SSLMODE": "sslmode",
    "SSL_MODE": "ssl_mode",
    "SSLROOTCERT": "sslrootcert",
    "SSL_CA": "ssl_ca",
    "SSL_CERT": "ssl_cert",
    "SSL_KEY": "ssl_key",
    "OPTIONS": "options",
    "ENCRYPTION": "encryption",  # Laravel
    "FROM_ADDRESS": "from_address",
    "FROM_EMAIL": "from_email",
    "FROM": "from",
    "STARTTLS": "starttls",
    "SCHEME": "scheme",  # Laravel
    "TLS": "tls",
    # https://www.postgresql.org/docs/current/libpq-envars.html
    "REQUIRESSL": "requiressl",
    "SSLCERT": "sslcert",
    "SSLKEY": "sslkey",
    "SSLCRL": "sslcrl",
    "CHANNELBINDING": "channel_binding",
    "SSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "TARGETSESSIONATTRS": "target_session_attrs",
}

_MEANINGS = {
    f"{prefix}{rest}": (prefix, name) for prefix in PREFIXES for rest, name in {**ENV_FIELDS, **ENV_SETTINGS}.items()
}
_FIELDS = frozenset(ENV_FIELDS.values())


class EnvNames:
    """The names of one product's environment variables in a Secret.

    Attributes:
        conn_type: the connection type; empty if the names do not determine it.
        keys: the data keys by field.
        settings: the data keys by the name of a setting.
    """

    __slots__ = ("conn_type", "keys", "settings")

    def __init__(self, conn_type: str, keys: Mapping[str, str], settings: Mapping[str, str]) -> None:
        self.conn_type = conn_type
        self.keys = keys
        self.settings = settings


def is_env_name(name: str) -> bool:
    """Return whether a name is that of an environment variable of one of the products."""
    return name in _MEANINGS


def grouped(names: Iterable[str]) -> tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]]:
    """Return the names of environment variables by their first part, and by their meaning."""
    prefixes: dict[str, list[str]] = {}
    by_meaning: dict[str, list[str]] = {}
    for key in names:
        if key in _MEANINGS:
            prefix, name = _MEANINGS[key]
            prefixes.setdefault(prefix, []).append(key)
            by_meaning.setdefault(name, []).append(key)
    return prefixes, by_meaning


def env_names_in(names: Iterable[str], literals: Iterable[str]) -> EnvNames | None:
    """Return the names that make a connection; ``None`` if there are none, or if their meaning is ambiguous.

    It is ambiguous if the names belong to several products, or if two names contain one field.

    Args:
        names: the data keys that have a value.
        literals: the fields that annotations contain.
    """
    prefixes, by_meaning = grouped(names)
    if len(prefixes) != 1 or any(len(keys) > 1 for keys in by_meaning.values()):
        return None
    found = {name: key for name, [key] in by_meaning.items()}
    conn_type = PREFIXES[next(iter(prefixes))]
    keys = {name: key for name, key in found.items() if name in _FIELDS}
    if "uri" not in keys and "host" not in {*keys, *literals}:
        return None
    if not conn_type and not {"uri", "password"} & keys.keys():
        return None
    if conn_type and "conn_type" in keys:
        return None
    return EnvNames(conn_type, keys, {name: key for name, key in found.items() if name not in _FIELDS})
