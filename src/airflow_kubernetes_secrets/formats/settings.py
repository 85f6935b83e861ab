"""Keys for TLS and other settings, which become a part of ``extra``: as data, by the hook of each connection type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Returns the value for `extra`; `None` if the setting has no effect, or if the hook cannot use this value.
_Value = Callable[[str], Any]


def _text(value: str) -> str | None:
    return value or None


def _path(value: str) -> str | None:
    """Return a path: libpq reads a certificate only from a file."""
    return value if value.startswith("/") else None


def _words(meanings: Mapping[str, Any]) -> _Value:
    return lambda value: meanings.get(value.lower())


# Aiven: `required`.
IS_ON = ("true", "1", "yes", "on", "required")
IS_OFF = ("false", "0", "no", "off")

# The name in `extra` and its value, by connection type and by the name of a key in lower case, with `_` for `-`.
SETTINGS: Mapping[str, Mapping[str, tuple[str, _Value]]] = {
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    "postgres": {
        "ssl": ("sslmode", _words(dict.fromkeys(IS_ON, "require"))),
        "ssl_mode": ("sslmode", _text),
        "sslmode": ("sslmode", _text),
        "sslrootcert": ("sslrootcert", _path),
        "options": ("options", _text),
    },
    # https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode
    "mysql": {
        "ssl": ("ssl_mode", _words(dict.fromkeys(IS_ON, "REQUIRED"))),
        "ssl_mode": ("ssl_mode", lambda value: value.upper() or None),
    },
    # https://pymssql.readthedocs.io/en/stable/ref/pymssql.html#pymssql.connect
    "mssql": {
        "encrypt": ("encryption", _words(dict.fromkeys((*IS_ON, "mandatory"), "require"))),
        "encryption": ("encryption", _words({each: each for each in ("off", "request", "require")})),
    },
    # MongoHook looks the servers up in DNS if `srv` is set.
    # https://airflow.apache.org/docs/apache-airflow-providers-mongo/stable/connections/mongo.html
    "mongo": {
        "ssl": ("ssl", _words(dict.fromkeys(IS_ON, True))),
        "srv": ("srv", _words(dict.fromkeys(IS_ON, True) | dict.fromkeys(IS_OFF, False))),
    },
    "redis": {"ssl": ("ssl", _words(dict.fromkeys(IS_ON, True)))},
    # SnowflakeHook reads these in `extra`, and the schema in the field.
    # https://airflow.apache.org/docs/apache-airflow-providers-snowflake/stable/connections/snowflake.html
    "snowflake": {
        **{name: (name, _text) for name in ("account", "database", "region", "role", "warehouse", "authenticator")},
        "private_key": ("private_key_content", _text),
    },
    # SmtpHook uses TLS from the start unless `disable_ssl` is set, and STARTTLS then.
    "smtp": {
        "encryption": ("disable_ssl", _words({"tls": True, "starttls": True})),
        "from_address": ("from_email", _text),
    },
}

# The names that are settings without the prefix of a product (`formats/variables.py`).
PLAIN = frozenset(("ssl", "sslmode", "ssl_mode", "sslrootcert", "options"))
# Those that also are settings in a key of their own. In a value with several fields, they could be anything.
IN_KEYS = PLAIN | SETTINGS["snowflake"].keys() | SETTINGS["mssql"].keys() | SETTINGS["smtp"].keys() | {"srv"}


def setting(conn_type: str, name: str, value: str) -> tuple[str, Any] | None:
    """Return the name and value in ``extra`` for a setting; ``None`` if the hook of the type has no use for it."""
    known = SETTINGS.get(conn_type, {}).get(name)
    if known is None:
        return None
    in_extra, convert = known
    converted = convert(value.strip())
    return None if converted is None else (in_extra, converted)
