"""Entries of ``extra`` that a hook passes to its driver, and that the driver refuses, as data by connection type.

The lists contain what the drivers of the providers in docs/reference/formats.md accept. Names of drivers that a hook
can choose instead (psycopg) and of newer versions of a driver are in them too, so that no warning is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.formats.annotations import EXTRA_FIELD
from airflow_kubernetes_secrets.formats.parameters import LIBPQ_VALUES, MYSQL_MODES
from airflow_kubernetes_secrets.formats.remedies import in_extra
from airflow_kubernetes_secrets.inventory.hook_names import hook_name
from airflow_kubernetes_secrets.inventory.visible_fields import shown_names
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import LONGEST_NAME, first_names

# The beginning of a certificate or a key.
_PEM = "-----BEGIN"


class Driver:
    """What the driver of a hook accepts.

    Attributes:
        name: the name of the driver.
        names: the names that the driver, or the hook itself, reads; ``None`` if the hook ignores all others.
        values: the values that the driver accepts, by name.
        has_case: whether names differ by upper and lower case.
    """

    __slots__ = ("has_case", "name", "names", "values")

    def __init__(
        self,
        name: str,
        names: tuple[str, ...] | None,
        values: Mapping[str, tuple[str, ...]],
        *,
        has_case: bool = True,
    ) -> None:
        self.name = name
        self.names = names
        self.values = values
        self.has_case = has_case

    def refuses(self, name: str) -> bool:
        """Return whether the driver refuses a name."""
        return self.names is not None and (name if self.has_case else name.lower()) not in self.names


DRIVERS: Mapping[str, Driver] = {
    "postgres": Driver(
        "psycopg2",
        (
            # PostgresHook
            *("iam", "redshift", "redshift-serverless", "cursor", "cluster-identifier", "workgroup-name"),
            *("aws_conn_id", "azure_conn_id", "sqlalchemy_scheme", "sqlalchemy_query"),
            # psycopg2 and psycopg
            *("dsn", "connection_factory", "cursor_factory", "async", "async_"),
            *("autocommit", "prepare_threshold", "row_factory", "context"),
            # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
            *("host", "hostaddr", "port", "dbname", "user", "password", "passfile", "require_auth"),
            *("channel_binding", "connect_timeout", "client_encoding", "options", "application_name"),
            *("fallback_application_name", "keepalives", "keepalives_idle", "keepalives_interval"),
            *("keepalives_count", "tcp_user_timeout", "replication", "gssencmode", "gssdelegation", "gsslib"),
            *("krbsrvname", "sslmode", "sslnegotiation", "sslcompression", "sslcert", "sslkey", "sslpassword"),
            *("sslcertmode", "sslrootcert", "sslcrl", "sslcrldir", "sslsni", "requiressl", "requirepeer"),
            *("ssl_min_protocol_version", "ssl_max_protocol_version", "min_protocol_version"),
            *("max_protocol_version", "sslkeylogfile", "service", "servicefile", "target_session_attrs"),
            *("load_balance_hosts", "scram_client_key", "scram_server_key", "oauth_issuer", "oauth_client_id"),
            *("oauth_client_secret", "oauth_scope"),
        ),
        LIBPQ_VALUES,
    ),
    # MySqlHook reads the names that it knows, and passes their values.
    "mysql": Driver("mysqlclient", None, {"ssl_mode": MYSQL_MODES}),
    "mongo": Driver(
        "PyMongo",
        (
            *("srv", "allow_insecure"),  # MongoHook
            # https://github.com/mongodb/mongo-python-driver/blob/4.13.2/pymongo/common.py#L685
            *("appname", "authmechanism", "authmechanismproperties", "authsource", "compressors", "connecttimeoutms"),
            *("directconnection", "heartbeatfrequencyms", "journal", "localthresholdms", "maxidletimems"),
            *("maxconnecting", "maxpoolsize", "maxstalenessseconds", "readconcernlevel", "readpreference"),
            *("readpreferencetags", "replicaset", "retryreads", "retrywrites", "loadbalanced"),
            *("serverselectiontimeoutms", "sockettimeoutms", "ssl", "tls", "tlsallowinvalidcertificates"),
            *("tlsallowinvalidhostnames", "tlscafile", "tlscertificatekeyfile", "tlscertificatekeyfilepassword"),
            *("tlsdisableocspendpointcheck", "tlsinsecure", "w", "wtimeoutms", "zlibcompressionlevel"),
            *("srvservicename", "srvmaxhosts", "srvallowedhostssuffix", "timeoutms", "servermonitoringmode"),
            *("maxadaptiveretries", "enableoverloadretargeting", "connect", "driver", "server_api", "fsync"),
            *("minpoolsize", "tlscrlfile", "tz_aware", "unicode_decode_error_handler", "uuidrepresentation"),
            *("waitqueuemultiple", "waitqueuetimeoutms", "datetime_conversion", "document_class"),
            *("type_registry", "read_preference", "event_listeners", "tzinfo", "username", "password"),
            *("server_selector", "auto_encryption_opts", "authoidcallowedhosts"),
        ),
        {},
        has_case=False,
    ),
    "redis": Driver("redis-py", None, {"ssl_cert_reqs": ("required", "optional", "none")}),
    "mssql": Driver(
        "pymssql",
        (
            "sqlalchemy_scheme",  # MsSqlHook
            # https://pymssql.readthedocs.io/en/stable/ref/pymssql.html#pymssql.connect
            *("timeout", "login_timeout", "charset", "as_dict", "host", "appname", "encryption", "read_only"),
            *("conn_properties", "autocommit", "tds_version", "use_datetime2", "arraysize"),
        ),
        {"encryption": ("off", "request", "require")},
    ),
}


# The entries of `extra` that are paths of files, by connection type. MySqlHook reads those of an object.
_PATHS: Mapping[str, Sequence[str]] = {
    "postgres": ("sslrootcert", "sslcert", "sslkey", "sslcrl"),
    "mysql": ("ca", "cert", "key"),
    "mongo": ("tlsCAFile", "tlsCertificateKeyFile"),
    "redis": ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"),
}


def refused_parameters(secret: Secret, conn_type: str, extra: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a driver refuses in ``extra``, each with the remedy.

    A name without a value is not shown, because it may be a credential.
    """
    driver = DRIVERS.get(conn_type)
    if driver is None:
        return
    refused = [name for name, value in extra.items() if value is not None and driver.refuses(name)]
    if refused:
        names = [*shown_names({name: extra[name] for name in refused})]
        shown = first_names(map(repr, names), len(names)) or "a parameter"
        yield (
            f"{hook_name(conn_type)} passes {shown} in extra to {driver.name}, which refuses what it does "
            "not know, so the hook does not connect",
            _remedy(secret, next((each for each in names if len(each) <= LONGEST_NAME), "name"), driver.name),
        )
    for name, values in driver.values.items():
        value = extra.get(name)
        if value is not None and value not in values:
            yield (
                f"{hook_name(conn_type)} passes {name!r} in extra to {driver.name}, which refuses its value",
                f"Write one of these: {', '.join(values)}",
            )

    yield from _no_paths(secret, conn_type, extra)


def _no_paths(secret: Secret, conn_type: str, extra: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the certificates and keys where the driver expects the path of a file, each with the remedy."""
    of_tls = extra.get("ssl") if conn_type == "mysql" else extra
    for name in _PATHS.get(conn_type, ()):
        value = of_tls.get(name) if isinstance(of_tls, Mapping) else None
        if not isinstance(value, str) or _PEM not in value:
            continue
        annotation = f"{EXTRA_FIELD}{name}"
        example = json.dumps({"ssl": {name: "/path"}} if conn_type == "mysql" else {name: "/path"})
        remove = f"remove the annotation {annotation}, " if annotation in (secret.annotations or ()) else ""
        target = in_extra(secret, "") if secret.can_be_annotated else " in extra"
        yield (
            f"{DRIVERS[conn_type].name} reads {name!r} in extra as the path of a file, and it is a certificate or "
            "a key",
            f"Mount the Secret, {remove}and write the path{target}: {example}",
        )


def _remedy(secret: Secret, name: str, driver: str) -> str:
    of_driver = f"with the name and the value that {driver} has for it"
    annotation = f"{EXTRA_FIELD}{name}"
    if annotation in (secret.annotations or ()):
        # Two annotations for one entry are an error.
        return f"Remove the annotation {annotation}{secret.annotation_suffix}, or write it {of_driver}"
    if not secret.can_be_annotated:
        return f"Remove it, or write it {of_driver}"
    return (
        f"If the connection does not need it, remove it{in_extra(secret, '')}: {{{json.dumps(name)}: null}}. Otherwise "
        f"write it there {of_driver}"
    )
