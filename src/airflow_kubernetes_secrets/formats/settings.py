"""Keys for TLS and other settings, which become a part of ``extra``: as data, by the hook of each connection type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# Returns the value for `extra`; `None` if the setting has no effect, or if the hook cannot use this value.
_Value = Callable[[str], Any]


def _text(value: str) -> str | None:
    return value or None


def _path(value: str) -> str | None:
    """Return a path: drivers read a certificate or a key only from a file."""
    return value if value.startswith("/") else None


def _root(value: str) -> str | None:
    """Return a path, or the word with which libpq uses the root certificates of the system."""
    return value if value == "system" else _path(value)


def _tls_of_mysql(name: str) -> tuple[str, _Value]:
    """Return an entry of the object in which MySqlHook reads the settings of mysqlclient for TLS."""
    return "ssl", lambda value: {name: value} if value.startswith("/") else None


def with_newlines(private_key: str) -> str:
    """Return a private key with newlines.

    A file of variables has ``\\n`` in the place of each. A private key itself contains no backslash.
    """
    return private_key if "\n" in private_key else private_key.replace("\\n", "\n")


def _private_key(value: str) -> str | None:
    """Return a private key with the newline at its end, which it needs."""
    lines = with_newlines(value).rstrip()
    return f"{lines}\n" if lines else None


# The keys of a server that SSHHook can use, the best one first.
_TYPES_OF_HOST_KEYS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


def _host_key(value: str) -> str | None:
    """Return one key of a server in the format of ``known_hosts``; ``None`` if there are several servers.

    https://man.openbsd.org/sshd.8#SSH_KNOWN_HOSTS_FILE_FORMAT
    """
    lines = [line.split() for line in value.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len({line[0] for line in lines}) != 1:
        return None
    by_type = {line[1]: line[2] for line in lines if len(line) > 2}
    known = [each for each in _TYPES_OF_HOST_KEYS if each in by_type]
    return f"{known[0]} {by_type[known[0]]}" if known else None


# https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
_PROPERTIES_OF_KAFKA = (
    *("bootstrap.servers", "security.protocol", "sasl.username", "sasl.password", "group.id"),
    *("ssl.ca.pem", "ssl.certificate.pem", "ssl.key.pem", "ssl.key.password"),
)


def _names_of_kafka(name: str) -> tuple[str, ...]:
    """Return the names of keys for a property: of librdkafka, and those of other software."""
    return name, name.replace(".", "_"), name.replace(".", "")


def _words(meanings: Mapping[str, Any]) -> _Value:
    return lambda value: meanings.get(value.lower())


# The address of a deployment in Elastic Cloud, which the client of Elasticsearch accepts only without a host.
CLOUD_ID = "cloud_id"

# Aiven: `required`.
IS_ON = ("true", "1", "yes", "on", "required")
IS_OFF = ("false", "0", "no", "off")
_BOOLEANS = dict.fromkeys(IS_ON, True) | dict.fromkeys(IS_OFF, False)


def _pem(value: str) -> str | None:
    """Return a private key; ``None`` for the path of one."""
    return _private_key(value) if value.startswith("-----BEGIN ") else None


# https://kubernetes.io/docs/concepts/configuration/secret/#ssh-authentication-secrets
# https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#ssh-repositories
_OF_SSH: Mapping[str, tuple[str, _Value]] = {
    **dict.fromkeys(("private_key", "ssh_privatekey", "sshprivatekey", "privatekey"), ("private_key", _private_key)),
    **dict.fromkeys(("id_rsa", "id_ed25519", "id_ecdsa", "identity"), ("private_key", _pem)),
    **dict.fromkeys(("private_key_passphrase", "passphrase"), ("private_key_passphrase", _text)),
    **dict.fromkeys(("known_hosts", "ssh_known_hosts"), ("host_key", _host_key)),
    "host_key": ("host_key", _text),
}

# GitHook reads the keys of servers only in a file.
_OF_GIT = {name: each for name, each in _OF_SSH.items() if each[0].startswith("private_key")}

_OF_TRINO: Mapping[str, tuple[str, _Value]] = {
    **dict.fromkeys(("scheme", "protocol"), ("protocol", _words({"https": "https"}))),
    **dict.fromkeys(("ssl", "tls"), ("protocol", _words(dict.fromkeys(IS_ON, "https")))),
}


def _tls(name: str, meaning: object, *others: str) -> Mapping[str, tuple[str, _Value]]:
    """Return the names of keys that switch TLS on for a server that speaks HTTP."""
    return {
        **dict.fromkeys(("scheme", "protocol"), (name, _words({"https": meaning}))),
        **dict.fromkeys(("ssl", "tls", "use_ssl", "use_tls", *others), (name, _words(dict.fromkeys(IS_ON, meaning)))),
    }


# The name in `extra` and its value, by connection type and by the name of a key in lower case, with `_` for `-`.
SETTINGS: Mapping[str, Mapping[str, tuple[str, _Value]]] = {
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    "postgres": {
        "ssl": ("sslmode", _words(dict.fromkeys(IS_ON, "require"))),
        "ssl_mode": ("sslmode", _text),
        "sslmode": ("sslmode", _text),
        "requiressl": ("sslmode", _words(dict.fromkeys(IS_ON, "require"))),
        "sslrootcert": ("sslrootcert", _root),
        **{name: (name, _path) for name in ("sslcert", "sslkey", "sslcrl")},
        **{name: (name, _text) for name in ("sslpassword", "channel_binding", "ssl_min_protocol_version")},
        **{name: (name, _text) for name in ("target_session_attrs", "options", "search_path")},
        "iam": ("iam", _words(dict.fromkeys(IS_ON, True))),
    },
    # https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode
    "mysql": {
        **dict.fromkeys(("ssl", "tls"), ("ssl_mode", _words(dict.fromkeys(IS_ON, "REQUIRED")))),
        **dict.fromkeys(("ssl_mode", "sslmode"), ("ssl_mode", lambda value: value.upper() or None)),
        **{f"ssl{dash}{name}": _tls_of_mysql(name) for name in ("ca", "cert", "key") for dash in ("_", "")},
        "unix_socket": ("unix_socket", _path),
        "iam": ("iam", _words(dict.fromkeys(IS_ON, True))),
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
        "srv": ("srv", _words(_BOOLEANS)),
        **dict.fromkeys(("scheme", "protocol"), ("srv", _words({"mongodb+srv": True}))),
        "tls": ("tls", _words(dict.fromkeys(IS_ON, True))),
        **{
            name.lower(): (name, _words(dict.fromkeys(IS_ON, True)))
            for name in ("tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames", "tlsInsecure")
        },
        "tlscertificatekeyfilepassword": ("tlsCertificateKeyFilePassword", _text),
        "tlscafile": ("tlsCAFile", _path),
        "tlscertificatekeyfile": ("tlsCertificateKeyFile", _path),
        **dict.fromkeys(("authsource", "auth_source"), ("authSource", _text)),
        # Spring Data, and other names for it.
        **dict.fromkeys(("authenticationdatabase", "authentication_database"), ("authSource", _text)),
        **dict.fromkeys(("authdatabase", "auth_database", "authdb", "auth_db"), ("authSource", _text)),
        **dict.fromkeys(("replicaset", "replica_set"), ("replicaSet", _text)),
        "authmechanism": ("authMechanism", _text),
    },
    # https://airflow.apache.org/docs/apache-airflow-providers-redis/stable/connections/redis.html
    "redis": {
        **dict.fromkeys(("ssl", "tls"), ("ssl", _words(dict.fromkeys(IS_ON, True)))),
        **dict.fromkeys(("scheme", "protocol"), ("ssl", _words(dict.fromkeys(("tls", "rediss", "valkeys"), True)))),
        **{name: (name, _path) for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")},
        "ssl_cert_reqs": ("ssl_cert_reqs", _text),
        **dict.fromkeys(
            ("cluster", "cluster_mode", "cluster_enabled"),
            ("cluster", _words(dict.fromkeys((*IS_ON, "enabled"), True))),
        ),
        "startup_nodes": ("startup_nodes", _text),
    },
    # https://airflow.apache.org/docs/apache-airflow-providers-neo4j/stable/connections/neo4j.html
    "neo4j": {"encrypted": ("encrypted", _words(dict.fromkeys(IS_ON, True)))},
    # https://airflow.apache.org/docs/apache-airflow-providers-oracle/stable/connections/oracle.html
    "oracle": {
        **{name: (name, _text) for name in ("service_name", "sid", "wallet_password", "dsn")},
        "servicename": ("service_name", _text),
        "wallet_location": ("wallet_location", _path),
    },
    "elasticsearch": {
        **dict.fromkeys(("scheme", "protocol"), ("scheme", _words({"https": "https"}))),
        **dict.fromkeys(("ssl", "tls"), ("scheme", _words(dict.fromkeys(IS_ON, "https")))),
        # The hook passes extra to the client.
        "verify_certs": ("verify_certs", _words(_BOOLEANS)),
        "ca_certs": ("ca_certs", _path),
        **dict.fromkeys(("api_key", "apikey"), ("api_key", _text)),
    },
    "opensearch": {
        **dict.fromkeys(("scheme", "protocol"), ("use_ssl", _words({"https": True}))),
        **dict.fromkeys(("ssl", "tls", "use_ssl"), ("use_ssl", _words(dict.fromkeys(IS_ON, True)))),
        "verify_certs": ("verify_certs", _words(_BOOLEANS)),
    },
    "clickhouse": {
        **dict.fromkeys(("scheme", "protocol"), ("secure", _words({"https": True}))),
        **dict.fromkeys(("ssl", "tls", "secure"), ("secure", _words(dict.fromkeys(IS_ON, True)))),
    },
    # https://airflow.apache.org/docs/apache-airflow-providers-trino/stable/connections.html
    **dict.fromkeys(("trino", "presto"), _OF_TRINO),
    # https://airflow.apache.org/docs/apache-airflow-providers-hashicorp/stable/connections/vault.html
    "vault": {
        **dict.fromkeys(("scheme", "protocol"), ("use_tls", _words({"https": True}))),
        **dict.fromkeys(("ssl", "tls", "use_tls"), ("use_tls", _words(dict.fromkeys(IS_ON, True)))),
    },
    "jenkins": _tls("use_https", True, "use_https", "https"),
    **dict.fromkeys(("druid", "pinot"), _tls("schema", "https")),
    "weaviate": _tls("http_secure", True, "http_secure"),
    "webhdfs": _tls("use_ssl", True),
    # The hook passes extra to impyla.
    "impala": {
        **dict.fromkeys(("ssl", "tls", "use_ssl"), ("use_ssl", _words(dict.fromkeys(IS_ON, True)))),
        **{name: (name, _text) for name in ("auth_mechanism", "kerberos_service_name")},
        "ca_cert": ("ca_cert", _path),
    },
    # https://github.com/vertica/vertica-python#tlsssl
    "vertica": dict.fromkeys(("ssl", "tls"), ("ssl", _words(dict.fromkeys(IS_ON, True)))),
    # https://developers.teradata.com/teradatasql/#connection-parameters
    "teradata": {
        **{name: (name, _text) for name in ("sslmode", "tmode", "sslprotocol")},
        "sslca": ("sslca", _path),
        "sslcapath": ("sslcapath", _path),
    },
    # The hooks pass extra to librdkafka.
    "kafka": {name: (in_extra, _text) for in_extra in _PROPERTIES_OF_KAFKA for name in _names_of_kafka(in_extra)}
    | {
        name: ("sasl.mechanism", lambda value: value.upper() or None)
        for in_extra in ("sasl.mechanism", "sasl.mechanisms")
        for name in _names_of_kafka(in_extra)
    }
    | {name: (name, _path) for name in ("ssl.ca.location", "ssl.certificate.location", "ssl.key.location")},
    # https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/connections/aws.html
    "aws": {
        "session_token": ("aws_session_token", _text),
        **dict.fromkeys(("region", "aws_region", "aws_default_region"), ("region_name", _text)),
        "aws_endpoint_url": ("endpoint_url", _text),
        "aws_role_arn": ("role_arn", _text),
    },
    **dict.fromkeys(("ssh", "sftp"), _OF_SSH),
    "git": _OF_GIT,
    # SnowflakeHook reads these in `extra`, and the schema in the field.
    # https://airflow.apache.org/docs/apache-airflow-providers-snowflake/stable/connections/snowflake.html
    "snowflake": {
        **{name: (name, _text) for name in ("account", "database", "region", "role", "warehouse", "authenticator")},
        "private_key": ("private_key_content", lambda value: _text(with_newlines(value))),
    },
    # SmtpHook uses TLS from the start unless `disable_ssl` is set, and STARTTLS then.
    "smtp": {
        "starttls": ("disable_ssl", _words(dict.fromkeys(IS_ON, True))),
        "encryption": ("disable_ssl", _words({"tls": True, "starttls": True})),
        "security": ("disable_ssl", _words({"starttls": True, "force_tls": False})),
        **{name: (name, _words(_BOOLEANS)) for name in ("disable_ssl", "disable_tls")},
        **dict.fromkeys(("from_address", "from_email", "from", "sender"), ("from_email", _text)),
    },
    # ImapHook uses TLS unless `use_ssl` is false.
    # https://airflow.apache.org/docs/apache-airflow-providers-imap/stable/connections/imap.html
    "imap": {
        **dict.fromkeys(("ssl", "use_ssl", "tls", "use_tls"), ("use_ssl", _words(_BOOLEANS))),
        **dict.fromkeys(("encryption", "security"), ("use_ssl", _words({"ssl": True, "tls": True, "none": False}))),
    },
}

# The names that are settings without the prefix of a product (`formats/env_names.py`).
PLAIN = frozenset(("ssl", "sslmode", "ssl_mode", "sslrootcert", "options"))
# All names, which are settings in a key of their own. In a value with several fields, the others could be anything.
IN_KEYS = frozenset(name for known in SETTINGS.values() for name in known) | PLAIN


def setting(conn_type: str, name: str, value: str) -> tuple[str, Any] | None:
    """Return the name and value in ``extra`` for a setting; ``None`` if the hook of the type has no use for it."""
    known = SETTINGS.get(conn_type, {}).get(name)
    if known is None:
        return None
    in_extra, convert = known
    converted = convert(value.strip())
    return None if converted is None else (in_extra, converted)
