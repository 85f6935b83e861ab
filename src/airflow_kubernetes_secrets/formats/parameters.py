"""How parameters for other clients are translated for the driver of each hook, as data.

Secrets contain the URI of an application, whose client is not that of Airflow's hook: Prisma, SQLAlchemy with asyncpg,
JDBC, a driver for Go or Node.js. Some of these parameters have an exact equivalent, and some concern only that client,
such as the size of its pool. All others stay in ``extra`` as they are: a hook that fails is better than a connection
without a setting for TLS. ``inventory/hook_misreadings.py`` reports them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.aliases import folded
from airflow_kubernetes_secrets.formats.settings import IS_OFF, IS_ON

# Returns the entries of `extra` for the value of a parameter: an empty mapping if the connection does not need the
# parameter, and `None` if the value has no equivalent.
Converter = Callable[[str], Mapping[str, Any] | None]

# The values that libpq accepts, in lower case only.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
LIBPQ_VALUES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "load_balance_hosts": ("disable", "random"),
    "sslnegotiation": ("postgres", "direct"),
    "sslcertmode": ("disable", "allow", "require"),
}

# The values that mysqlclient accepts, in upper case only.
# https://github.com/PyMySQL/mysqlclient/blob/v2.2.7/src/MySQLdb/_mysql.c#L381
MYSQL_MODES = ("DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY")

# The modes of TLS, by the name of an entry. Each is stricter than the one before it.
_MODES: Mapping[str, Sequence[object]] = {
    "sslmode": LIBPQ_VALUES["sslmode"],
    "ssl_mode": MYSQL_MODES,
    "ssl": (False, True),
    "tls": (False, True),
    "ssl_cert_reqs": ("none", "optional", "required"),
    "encryption": ("off", "request", "require"),
    "channel_binding": LIBPQ_VALUES["channel_binding"],
}

# The modes of TLS by the names that other clients have for them.
_SSLMODES = {folded(each): each for each in LIBPQ_VALUES["sslmode"]} | {
    "disabled": "disable",
    "preferred": "prefer",
    "required": "require",
    "no_verify": "require",  # node-postgres
    "verifyca": "verify-ca",  # Npgsql
    "verifyfull": "verify-full",
    "verify_identity": "verify-full",
}
_MYSQL_MODES = {each.lower(): each for each in MYSQL_MODES} | {
    "disable": "DISABLED",
    "prefer": "PREFERRED",
    "require": "REQUIRED",
    "verifyca": "VERIFY_CA",
    "verifyfull": "VERIFY_IDENTITY",
    "verify_full": "VERIFY_IDENTITY",
}


def _words(name: str, *meanings: Mapping[str, Any]) -> Converter:
    """Return the converter of a parameter whose values are words. They are compared in the form of ``folded``."""
    known = {word: meaning for each in meanings for word, meaning in each.items()}

    def convert(value: str) -> Mapping[str, Any] | None:
        word = folded(value.strip())
        if word not in known:
            return None
        return {} if known[word] is None else {name: known[word]}

    return convert


def _renamed(name: str) -> Converter:
    return lambda value: {name: value}


def _on(meaning: object) -> Mapping[str, Any]:
    return dict.fromkeys(IS_ON, meaning)


def _off(meaning: object) -> Mapping[str, Any]:
    return dict.fromkeys(IS_OFF, meaning)


def _path_in_ssl(name: str) -> Converter:
    return lambda value: {"ssl": {name: value}} if value.startswith("/") else None


def _unneeded(_value: str) -> Mapping[str, Any]:
    return {}


def _search_path(value: str) -> Mapping[str, Any] | None:
    """Return the option for the schema in which tables are searched. ``public`` is one by default."""
    if value == "public":
        return {}
    return {_OPTIONS: f"-csearch_path={value}"} if re.fullmatch(r"[A-Za-z_]\w*(?:,[A-Za-z_]\w*)*", value) else None


# The entry of `extra` to which a parameter adds, instead of replacing it.
_OPTIONS = "options"

# Parameters of clients for PostgreSQL that concern only the client: its pool, its prepared statements, its driver.
_OF_CLIENTS = (
    # https://www.prisma.io/docs/orm/overview/databases/postgresql#arguments
    *("pgbouncer", "connection_limit", "pool_timeout", "statement_cache_size"),
    # https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#module-sqlalchemy.dialects.postgresql.asyncpg
    *("prepared_statement_cache_size", "async_fallback", "pool_size", "max_overflow", "pool_recycle", "pool_pre_ping"),
    # https://pkg.go.dev/github.com/jackc/pgx/v5/pgxpool#ParseConfig
    *("pool_max_conns", "pool_min_conns", "pool_min_idle_conns", "pool_max_conn_lifetime"),
    *("pool_max_conn_lifetime_jitter", "pool_max_conn_idle_time", "pool_health_check_period"),
    *("default_query_exec_mode", "statement_cache_capacity", "description_cache_capacity"),
    # https://guides.rubyonrails.org/configuring.html#configuring-a-postgresql-database
    *("pool", "prepared_statements", "checkout_timeout", "idle_timeout", "reaping_frequency"),
    # https://github.com/jazzband/dj-database-url#parameters
    *("conn_max_age", "conn_health_checks"),
    # https://jdbc.postgresql.org/documentation/use/#connection-parameters
    *("preparethreshold", "preparedstatementcachequeries", "preparedstatementcachesizemib"),
    # https://www.doctrine-project.org/projects/doctrine-dbal/en/latest/reference/configuration.html
    "serverversion",
    # https://github.com/brianc/node-postgres/tree/master/packages/pg-connection-string
    "uselibpqcompat",
    # Supabase's integration for Vercel
    "supa",
)

# The client of MySqlHook that has names of its own for TLS.
MYSQL_CONNECTOR = "mysql-connector-python"

_UTF8 = {"utf8": "utf8", "utf_8": "utf8", "utf8mb4": "utf8", "unicode": "utf8"}

# By connection type, and by the name of a parameter in lower case, with `_` for `-`.
PARAMETERS: Mapping[str, Mapping[str, Converter]] = {
    "postgres": {
        # asyncpg also accepts the modes of `sslmode` in this parameter.
        "ssl": _words("sslmode", _SSLMODES, _on("require"), _off(None)),
        **{name: _words(name, {folded(each): each for each in values}) for name, values in LIBPQ_VALUES.items()},
        **dict.fromkeys(("sslmode", "ssl_mode"), _words("sslmode", _SSLMODES)),
        "sslaccept": _words("sslmode", {"accept_invalid_certs": None}),
        **dict.fromkeys(("schema", "currentschema", "search_path"), _search_path),
        **dict.fromkeys(("charset", "encoding"), _words("client_encoding", _UTF8)),
        "applicationname": _renamed("application_name"),
        "connecttimeout": _renamed("connect_timeout"),
        # psycopg2 accepts both names, and the hook itself passes `dbname`.
        "database": _renamed("dbname"),
        **dict.fromkeys(_OF_CLIENTS, _unneeded),
    },
    "mysql": {
        "ssl": _words("ssl_mode", _MYSQL_MODES, _on("REQUIRED"), _off(None)),
        **dict.fromkeys(("ssl_mode", "sslmode"), _words("ssl_mode", _MYSQL_MODES)),
        # PyMySQL has these names, and mysqlclient an object.
        # https://pymysql.readthedocs.io/en/latest/modules/connections.html
        **{f"ssl_{name}": _path_in_ssl(name) for name in ("ca", "cert", "key")},
        "ssl_verify_cert": _words("ssl_mode", _on("VERIFY_CA"), _off(None)),
        "ssl_verify_identity": _words("ssl_mode", _on("VERIFY_IDENTITY"), _off(None)),
        # With `true`, this driver checks the certificate of the server, and its name.
        # https://github.com/go-sql-driver/mysql#tls
        "tls": _words(
            "ssl_mode", {"skip_verify": "REQUIRED", "preferred": "PREFERRED"}, _on("VERIFY_IDENTITY"), _off(None)
        ),
    },
    "mongo": {name: _words(name, _on(True), _off(False)) for name in ("ssl", "tls", "srv", "allow_insecure")},
    "redis": {
        **dict.fromkeys(("ssl", "tls"), _words("ssl", _on(True), _off(False))),
        # https://github.com/redis/lettuce/wiki/Redis-URI-and-connection-details
        "database": _renamed("db"),
        # Celery has the names of Python's constants.
        "ssl_cert_reqs": _words(
            "ssl_cert_reqs",
            {f"{prefix}{each}": each for each in ("none", "optional", "required") for prefix in ("", "cert_")},
        ),
    },
    "mssql": {
        # https://learn.microsoft.com/en-us/sql/connect/odbc/dsn-connection-string-attribute
        "encrypt": _words("encryption", _on("require"), {"mandatory": "require", "optional": None}, _off(None)),
        # FreeTDS, which pymssql uses, does not check the certificate.
        "trustservercertificate": _words("encryption", _on(None)),
        "driver": _unneeded,
    },
}


def translated(conn_type: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``extra`` with the names and values of the hook's driver in the place of those of other clients.

    If several parameters are the same for the driver, the strictest mode of TLS is used. Otherwise, the one that has
    the driver's own name takes precedence over one that is translated.
    """
    known = PARAMETERS.get(conn_type, {})
    own: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, value in extra.items():
        convert = known.get(folded(name))
        found = _converted(convert, value) if convert is not None else None
        if found is None:
            own[name] = value
        else:
            target = own if name in found else others
            target.update({each: stricter(each, target.get(each), found[each]) for each in found})
    if isinstance(own.get(_OPTIONS), str) and _OPTIONS in others:
        own[_OPTIONS] = f"{own[_OPTIONS]} {others[_OPTIONS]}"
    return {**others, **{name: stricter(name, others.get(name), value) for name, value in own.items()}}


def strictest(conn_type: str, settings: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return settings as the driver reads them. If several have the same name, the strictest mode of TLS is used."""
    found: dict[str, Any] = {}
    for name, value in settings:
        for each, of_driver in translated(conn_type, {name: value}).items():
            found[each] = stricter(each, found.get(each), of_driver)
    return found


def strictest_modes(conn_type: str, others: Collection[str], parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the strictest mode of TLS for each name, if several parts of ``extra`` have one.

    Args:
        others: names in the parts that do not count.
    """
    entries = ((name, value) for part in parts for name, value in part.items() if name not in others)
    found = strictest(conn_type, entries)
    return {name: value for name, value in found.items() if value in _MODES.get(name, ())}


def without_blanks(conn_type: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``extra`` without known parameters that are blank, as in a template whose variable is empty."""
    known = PARAMETERS.get(conn_type, {})
    return {name: value for name, value in extra.items() if value != "" or folded(name) not in known}


def stricter(name: str, other: object, value: object) -> object:
    """Return the stricter of two values of an entry, or the second if they have no such order.

    Two objects are combined: each can be the path of one file for TLS.
    """
    if isinstance(other, Mapping) and isinstance(value, Mapping):
        return {**other, **value}
    modes = _MODES.get(name, ())
    return other if other in modes and value in modes and modes.index(other) > modes.index(value) else value


def _converted(convert: Converter, value: object) -> Mapping[str, Any] | None:
    """Return what replaces a parameter. One without a value is not set, as in a template whose variable is empty."""
    if not isinstance(value, (str, bool, int)):
        return None
    text = value if isinstance(value, str) else str(value).lower()
    return convert(text) if text else {}
