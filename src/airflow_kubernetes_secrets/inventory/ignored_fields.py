"""Fields that a hook ignores without an error, as data: it then connects as somebody else, or to another server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_kubernetes_secrets.inventory.hook_connection import HookConnection

_FIELDS = ("login", "password")


@dataclass(frozen=True)
class Together:
    """A login and a password that a hook uses only together.

    Attributes:
        ignored: the fields that it ignores without the others. A hook may use another field alone.
        in_extra: the name in ``extra`` that it needs too; empty if it needs none.
        otherwise: what it does without one of them; empty if it connects without authentication.
        others: the names in ``extra`` that replace the fields.
        alternative: the end of the remedy.
    """

    ignored: Sequence[str] = _FIELDS
    in_extra: str = ""
    otherwise: str = ""
    others: Sequence[str] = ()
    alternative: str = ""


@dataclass(frozen=True)
class NeverRead:
    """Fields that a hook never reads, because it expects their content in ``extra``.

    Attributes:
        fields: the fields.
        names: the names in ``extra``, one of which is enough; empty if there is no such name.
        otherwise: what it does without them.
        remedy: what to write in ``extra``.
    """

    fields: Sequence[str]
    names: Sequence[str]
    otherwise: str
    remedy: str


_OF_ENVIRONMENT = "uses the identity of its environment"
_HEADER = ', or the header in extra: {"Authorization": "Bearer …"}'

_TOGETHER: Mapping[str, Together] = {
    "mongo": Together(others=("authMechanism",)),
    "elasticsearch": Together(
        others=("api_key", "basic_auth"),
        alternative=', or the key of the API in extra: {"api_key": "…"}',
    ),
    "opensearch": Together(others=("api_key", "basic_auth")),
    "aws": Together(
        otherwise=_OF_ENVIRONMENT,
        others=("aws_secret_access_key", "session_kwargs", "profile_name"),
    ),
    **dict.fromkeys(
        ("azure", "azure_compute", "azure_container_instance"),
        Together(
            ignored=("password",), in_extra="tenantId", otherwise=_OF_ENVIRONMENT, others=("key_path", "key_json")
        ),
    ),
    "athena": Together(
        otherwise=_OF_ENVIRONMENT,
        others=("aws_secret_access_key", "session_kwargs", "profile_name"),
    ),
    "azure_batch": Together(otherwise=_OF_ENVIRONMENT),
    "airbyte": Together(),
    "iceberg": Together(others=("type", "token", "credential")),
    "imap": Together(),
    "jenkins": Together(),
    "jira": Together(),
    "neo4j": Together(),
    "smtp": Together(others=("auth_type", "access_token", "client_secret")),
    "cassandra": Together(ignored=("password",)),
    "informatica_edc": Together(ignored=("password",)),
    "docker": Together(ignored=("password",)),
    "druid": Together(ignored=("password",)),
    "ftp": Together(ignored=("password",)),
    "pinot": Together(),
    "trino": Together(ignored=("password",)),
    # Not `http`: DAGs read a password without a login as a token, in `{{ conn.api.password }}`.
    "livy": Together(ignored=("password",), others=("Authorization",), alternative=_HEADER),
}

_OF_GOOGLE = NeverRead(
    ("login", "password"),
    (
        *("keyfile_dict", "key_path", "key_secret_name", "credential_config_file", "is_anonymous"),
        *("idp_issuer_url", "impersonation_chain"),
    ),
    _OF_ENVIRONMENT,
    'Write the key file of a service account in extra: {"keyfile_dict": "…"}',
)

_NEVER_READ: Mapping[str, NeverRead] = {
    "aws": NeverRead(
        ("host",),
        ("endpoint_url", "service_config"),
        "uses the servers of Amazon",
        'Write the URL of another server in extra: {"endpoint_url": "https://host:9000"}',
    ),
    "azure_cosmos": NeverRead(
        ("host",),
        (),
        "uses the login as the URL of the account",
        "Write the URL in the login, and the key of the account in the password",
    ),
    "google_cloud_platform": _OF_GOOGLE,
    **dict.fromkeys(("gcpbigquery", "gcpcloudsql", "gcpspanner"), _OF_GOOGLE),
    "spark_connect": NeverRead(
        ("schema",),
        (),
        "is without the token and the TLS in a URL of Spark Connect",
        'Write the token in the password, and in extra: {"use_ssl": true}',
    ),
    "kubernetes": NeverRead(
        ("host", "login", "password"),
        ("kube_config", "kube_config_path", "in_cluster"),
        "uses the cluster and the identity of its environment",
        'Write a kubeconfig in extra: {"kube_config": "…"}',
    ),
    "yandexcloud": NeverRead(
        _FIELDS,
        ("oauth", "service_account_json", "service_account_json_path"),
        _OF_ENVIRONMENT,
        'Write the key of a service account in extra: {"service_account_json": "…"}',
    ),
    "pydanticai_bedrock": NeverRead(
        ("host", *_FIELDS),
        ("api_key", "aws_access_key_id", "profile_name"),
        _OF_ENVIRONMENT,
        'Write in extra: {"api_key": "…"}, or aws_access_key_id and aws_secret_access_key',
    ),
    "pydanticai_vertex": NeverRead(
        ("host", *_FIELDS),
        ("api_key", "service_account_info"),
        _OF_ENVIRONMENT,
        'Write in extra: {"service_account_info": {…}}, or api_key',
    ),
    "hive_metastore": NeverRead(
        _FIELDS,
        (),
        "is without authentication, or uses Kerberos",
        "Remove them; HiveServer2Hook reads them",
    ),
    "jupyter_kernel": NeverRead(
        _FIELDS,
        ("session_key",),
        "signs its messages with no key",
        'Write the key of the kernel in extra: {"session_key": "…"}',
    ),
    "vespa": NeverRead(
        _FIELDS,
        ("vespa_cloud_secret_token", "client_cert_path"),
        "is without authentication",
        'Write the token in extra: {"vespa_cloud_secret_token": "…"}',
    ),
    "pydanticai_snowflake": NeverRead(
        ("host", *_FIELDS),
        (),
        "uses another connection",
        'Remove them, and write the id of a connection of Snowflake in extra: {"snowflake_conn_id": "…"}',
    ),
    "openfaas": NeverRead(
        _FIELDS,
        (),
        "is without authentication",
        "Write both in the URL in the host: https://login:password@host",
    ),
    **dict.fromkeys(
        ("spark", "spark_sql"),
        NeverRead(
            _FIELDS,
            (),
            "is without them",
            "Write what Spark needs in the configuration (conf) of the operator",
        ),
    ),
    "influxdb": NeverRead(
        ("login", "password"),
        ("token", "username"),
        "is without authentication",
        'Write in extra: {"token": "…", "org": "…"}',
    ),
    "ydb": NeverRead(("schema",), ("database",), "fails", 'Write the database in extra: {"database": "/name"}'),
    "datadog": NeverRead(("login", "password"), ("api_key",), "fails", 'Write the key in extra: {"api_key": "…"}'),
}


def ignored_fields(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield the fields that the hook of a connection ignores, each with the remedy."""
    together = _TOGETHER.get(connection.conn_type)
    if together is not None and not _has(connection, together.others):
        yield from _alone(together, connection)
    never = _NEVER_READ.get(connection.conn_type)
    fields = [] if never is None else [each for each in never.fields if getattr(connection, each)]
    if never is not None and fields and not _has(connection, never.names):
        yield f"{connection.hook} does not read {_words(fields)}, and {never.otherwise}", never.remedy


def _alone(together: Together, connection: HookConnection) -> Iterator[tuple[str, str]]:
    lacking = [each for each in _FIELDS if not getattr(connection, each)]
    needs_extra = together.in_extra and not connection.extra.get(together.in_extra)
    there = [each for each in _FIELDS if getattr(connection, each)]
    if not set(there) & set(together.ignored) or not (lacking or needs_extra):
        return
    without = [f"a {each}" for each in lacking] + ([f"{together.in_extra!r} in extra"] if needs_extra else [])
    otherwise = f", and {together.otherwise}" if together.otherwise else ""
    remedies = [f"Write the {each} too" for each in lacking]
    remedies += [f"Write it in extra: {json.dumps({together.in_extra: '…'}, ensure_ascii=False)}"] * bool(needs_extra)
    yield (
        f"{connection.hook} ignores {_words(there)} without {' and '.join(without)}{otherwise}",
        f"{'. '.join(remedies)}{together.alternative}",
    )


def _words(fields: Sequence[str]) -> str:
    *others, last = (f"the {each}" for each in fields)
    return f"{', '.join(others)} and {last}" if others else last


def _has(connection: HookConnection, names: Sequence[str]) -> bool:
    """Return whether ``extra`` has one of these names, perhaps with the prefix that Airflow 1 and 2.2 wrote."""
    return any(value and name.rpartition("__")[2] in names for name, value in connection.extra.items())
