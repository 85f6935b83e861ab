"""Formats that software writes, as data: keys that belong together, and the connection that they make.

A format is identified by all of its keys. Where these are not enough, a label or the form of a value is also required,
or the Secret must have no other keys. Names are compared exactly, except that ``*`` matches any part of a name. Each
format has a file in ``tests/formats/corpus`` with the source that defines the keys.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from airflow_kubernetes_secrets.formats import value_parsers as parsers
from airflow_kubernetes_secrets.formats.value_parsers import ValueParser

# The meaning of a key is one of these: the name of a field; a name in `extra`, with the prefix `EXTRA`; an empty string
# if the connection does not need the value; or a parser of the value. If the parser returns `None`, the Secret has
# another format.
EXTRA = "extra."
Meaning = str | ValueParser

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class KnownFormat:
    """One format.

    Attributes:
        conn_type: the connection type; empty if a key contains it.
        keys: what each key contains. The Secret has all of them.
        optional: what each key contains that the Secret may have in addition. If several keys contain the same field,
            the first one is used.
        extra: the part of ``extra`` that is always the same.
        label: key and value of a label that the Secret has.
        not_labels: keys and values of labels that the Secret does not have. With the value ``None``, it does not have
            the key at all.
        is_exact: whether the Secret has no other keys.
        missing: fields, and names in ``extra`` with the prefix :data:`EXTRA`, that the connection needs and the Secret
            does not contain. The format applies only if annotations contain all of them.
    """

    __slots__ = ("conn_type", "extra", "is_exact", "keys", "label", "missing", "not_labels", "optional")

    def __init__(
        self,
        conn_type: str,
        keys: Mapping[str, Meaning],
        optional: Mapping[str, Meaning] = _NOTHING,
        *,
        extra: Mapping[str, Any] = _NOTHING,
        label: tuple[str, str] | None = None,
        not_labels: Sequence[tuple[str, str | None]] = (),
        is_exact: bool = False,
        missing: Sequence[str] = (),
    ) -> None:
        self.conn_type = conn_type
        self.keys = keys
        self.optional = optional
        self.extra = extra
        self.label = label
        self.not_labels = not_labels
        self.is_exact = is_exact
        self.missing = missing

    def meanings(
        self, labels: Mapping[str, str], values: Mapping[str, str], unknown: Collection[str] = ()
    ) -> Mapping[str, Meaning] | None:
        """Return what each key of a Secret contains; ``None`` if the Secret has another format.

        Args:
            values: those that are not blank, by data key.
            unknown: the keys whose values are not known. They count as values of the right form.
        """
        if not self._has_labels(labels):
            return None
        meanings: dict[str, Meaning] = {}
        for name, each in self.keys.items():
            matches = _matches(name, values)
            if len(matches) != 1:
                return None
            meanings[matches[0]] = each
        for name, each in self.optional.items():
            # If several keys contain the same field, the last one in the result is used.
            meanings = dict.fromkeys(_matches(name, values), each) | meanings
        if self.is_exact and len(meanings) < len(values):
            return None
        parsers = ((key, each) for key, each in meanings.items() if not isinstance(each, str) and key not in unknown)
        return None if any(parse(values[key]) is None for key, parse in parsers) else meanings

    @property
    def is_of_any_key(self) -> bool:
        """Whether only the value identifies the format, and its key can have any name."""
        return _ANY in self.keys

    @property
    def described_value(self) -> str:
        """What the value is by which the format is recognized, for messages."""
        return _WHOLE.get(self) or f"one for the type {self.conn_type!r}"

    def _has_labels(self, labels: Mapping[str, str]) -> bool:
        if self.label is not None and labels.get(self.label[0]) != self.label[1]:
            return False
        return not any(key in labels and value in (None, labels[key]) for key, value in self.not_labels)


def _matches(name: str, keys: Collection[str]) -> Sequence[str]:
    if "*" in name:
        return fnmatch.filter(keys, name)
    return [name] if name in keys else []


# The keys in the Secret of an ObjectBucketClaim, and of an account of NooBaa, are for another server than Amazon's. Its
# address is not in the Secret.
# https://github.com/kube-object-storage/lib-bucket-provisioner/blob/5164e374648929412a95b1072274747a7efb13a1/pkg/provisioner/resourcehandlers.go#L50-L51
# https://github.com/noobaa/noobaa-operator/blob/2583ea7a60e646ccd38e9580baa63d2b8e314634/deploy/internal/secret-empty.yaml
_OTHER_OBJECT_STORAGE = (("bucket-provisioner", None), ("app", "noobaa"))

_ARGO_CD = ("argocd.argoproj.io/secret-type", "repository")

# Crossplane's Upbound providers write all sensitive attributes of a Terraform resource. Some repeat parts of others.
_ATTRIBUTES = {"attribute.*": ""}

# Aiven's operator writes each key a second time, with an arbitrary prefix.
_AIVEN = {f"*_{name}": "" for name in ("HOST", "PORT", "USERNAME", "PASSWORD", "ACCESS_KEY", "CA_CERT", "URI")}

_SNOWFLAKE = {"SNOWFLAKE_ACCOUNT": f"{EXTRA}account", "SNOWFLAKE_USER": "login"}
_OF_SNOWFLAKE = {
    "SNOWFLAKE_DATABASE": f"{EXTRA}database",
    "SNOWFLAKE_SCHEMA": "schema",
    "SNOWFLAKE_WAREHOUSE": f"{EXTRA}warehouse",
    "SNOWFLAKE_ROLE": f"{EXTRA}role",
    "SNOWFLAKE_REGION": f"{EXTRA}region",
    "SNOWFLAKE_AUTHENTICATOR": f"{EXTRA}authenticator",
}

# The SQL warehouse, which DatabricksSqlHook needs.
_OF_DATABRICKS = {"DATABRICKS_HTTP_PATH": f"{EXTRA}http_path"}

KNOWN_FORMATS = (
    # Amazon
    KnownFormat(
        "aws",
        {"AWS_ACCESS_KEY_ID": "login", "AWS_SECRET_ACCESS_KEY": "password"},
        {
            "AWS_SESSION_TOKEN": f"{EXTRA}aws_session_token",
            "AWS_DEFAULT_REGION": f"{EXTRA}region_name",
            "AWS_REGION": f"{EXTRA}region_name",
            "AWS_ENDPOINT_URL": f"{EXTRA}endpoint_url",
            "AWS_ROLE_ARN": f"{EXTRA}role_arn",
            # OpenShift AI, and Longhorn
            **dict.fromkeys(("AWS_S3_ENDPOINT", "AWS_ENDPOINTS"), parsers.endpoint_url),
        },
        not_labels=_OTHER_OBJECT_STORAGE,
    ),
    KnownFormat(  # the names in a file of the AWS CLI
        "aws",
        {"aws_access_key_id": "login", "aws_secret_access_key": "password"},
        {
            "aws_session_token": f"{EXTRA}aws_session_token",
            **dict.fromkeys(("region", "aws_region", "aws_default_region"), f"{EXTRA}region_name"),
        },
        not_labels=_OTHER_OBJECT_STORAGE,
    ),
    KnownFormat(  # Flux. MinIO has the same keys.
        "aws", {"accesskey": "login", "secretkey": "password"}, is_exact=True, missing=("conn_type",)
    ),
    KnownFormat(  # Crossplane, Upbound's AccessKey of IAM
        "aws",
        {"username": "login", "password": "password", "attribute.secret": "", "attribute.ses_smtp_password_v4": ""},
        is_exact=True,
    ),
    KnownFormat(  # Crossplane, Upbound's ReplicationGroup. A token requires TLS.
        "redis",
        {"primary_endpoint_address": "host", "port": "port", "attribute.auth_token": "password"},
        extra={"ssl": True},
    ),
    KnownFormat(  # Rook's users of a Ceph object store
        "aws",
        {"AccessKey": "login", "SecretKey": "password", "Endpoint": f"{EXTRA}endpoint_url"},
        {"SSLCertSecretName": ""},
        is_exact=True,
    ),
    KnownFormat(  # the keys of Garage's operator
        "aws",
        {"access-key-id": "login", "secret-access-key": "password", "endpoint": f"{EXTRA}endpoint_url"},
        {"region": f"{EXTRA}region_name", "host": "", "scheme": ""},
        label=("app.kubernetes.io/managed-by", "garage-operator"),
    ),
    # Azure
    KnownFormat(
        "azure",
        {"AZURE_CLIENT_ID": "login", "AZURE_CLIENT_SECRET": "password", "AZURE_TENANT_ID": f"{EXTRA}tenantId"},
        {"AZURE_SUBSCRIPTION_ID": f"{EXTRA}subscriptionId"},
    ),
    KnownFormat(  # Terraform
        "azure",
        {"ARM_CLIENT_ID": "login", "ARM_CLIENT_SECRET": "password", "ARM_TENANT_ID": f"{EXTRA}tenantId"},
        {"ARM_SUBSCRIPTION_ID": f"{EXTRA}subscriptionId"},
    ),
    KnownFormat(  # Flux
        "azure",
        {"clientId": "login", "clientSecret": "password", "tenantId": f"{EXTRA}tenantId"},
        is_exact=True,
    ),
    KnownFormat("wasb", {"AZURE_STORAGE_ACCOUNT": "login", "AZURE_STORAGE_KEY": "password"}),
    KnownFormat("wasb", {"AZURE_STORAGE_CONNECTION_STRING": parsers.azure_storage}),
    KnownFormat("wasb", {"attribute.primary_connection_string": parsers.azure_storage}, _ATTRIBUTES),
    KnownFormat("redis", {"attribute.primary_connection_string": parsers.stackexchange_redis}, _ATTRIBUTES),
    KnownFormat(
        "azure_service_bus",
        {"attribute.default_primary_connection_string": parsers.parser_of_prefix("Endpoint=sb://", name="schema")},
        _ATTRIBUTES,
    ),
    # Google
    KnownFormat("google_cloud_platform", {"key.json": parsers.google_key}),  # Config Connector
    KnownFormat("google_cloud_platform", {"serviceaccount": parsers.google_key}),  # Flux
    KnownFormat("google_cloud_platform", {"private_key": parsers.google_key}, _ATTRIBUTES),
    KnownFormat(  # Crossplane, Upbound's Redis instance with TLS
        "redis",
        {"host": "host", "port": "port", "attribute.auth_string": "password", "server_ca_certs_0_cert": ""},
        extra={"ssl": True},
        is_exact=True,
    ),
    # Kubernetes
    KnownFormat(  # vcluster
        "kubernetes",
        {"config": parsers.kubeconfig},
        {"certificate-authority": "", "client-certificate": "", "client-key": "", "token": ""},
    ),
    KnownFormat("kubernetes", {"kubeconfig": parsers.kubeconfig}, {**_ATTRIBUTES, "kubeconfig.*": ""}),
    # SSH and Git
    KnownFormat("ssh", {"ssh-privatekey": f"{EXTRA}private_key"}, is_exact=True, missing=("conn_type", "host")),
    KnownFormat("git", {"ssh-privatekey": f"{EXTRA}private_key"}, is_exact=True, missing=("conn_type", "host")),
    KnownFormat(  # Flux
        "git",
        {"identity": f"{EXTRA}private_key", "known_hosts": ""},
        {"identity.pub": ""},
        is_exact=True,
        missing=("host",),
    ),
    KnownFormat("git", {"bearerToken": "password"}, is_exact=True, missing=("conn_type", "host")),  # Flux
    KnownFormat(  # Flux
        "git",
        {
            "githubAppID": f"{EXTRA}github_app_id",
            "githubAppInstallationID": f"{EXTRA}github_installation_id",
            "githubAppPrivateKey": f"{EXTRA}private_key",
        },
        is_exact=True,
        missing=("host",),
    ),
    KnownFormat(  # GitHub's Actions Runner Controller
        "github",
        {
            "github_app_id": f"{EXTRA}app_id",
            "github_app_installation_id": parsers.github_installation,
            "github_app_private_key": f"{EXTRA}private_key",
        },
        is_exact=True,
        missing=("conn_type",),
    ),
    KnownFormat(
        "git",
        {
            "github_app_id": f"{EXTRA}github_app_id",
            "github_app_installation_id": f"{EXTRA}github_installation_id",
            "github_app_private_key": f"{EXTRA}private_key",
        },
        is_exact=True,
        missing=("conn_type", "host"),
    ),
    # Argo CD
    KnownFormat(
        "git",
        {"url": "host", "sshPrivateKey": f"{EXTRA}private_key"},
        {"insecure": parsers.parser_if_true(f"{EXTRA}strict_host_key_checking", "no")},
        label=_ARGO_CD,
    ),
    KnownFormat(
        "git",
        {
            "url": "host",
            "githubAppID": f"{EXTRA}github_app_id",
            "githubAppInstallationID": f"{EXTRA}github_installation_id",
            "githubAppPrivateKey": f"{EXTRA}private_key",
        },
        label=_ARGO_CD,
    ),
    KnownFormat(
        "docker",
        {
            "type": parsers.parser_of_word("oci"),
            "url": parsers.oci_registry,
            "username": "login",
            "password": "password",
        },
        label=_ARGO_CD,
    ),
    # Aiven's operator
    KnownFormat(
        "postgres",
        {"DATABASE_URI": "uri", "PGHOST": "host", "PGUSER": "login", "PGPASSWORD": "password"},
        {"PGPORT": "port", "PGDATABASE": "schema", "PGSSLMODE": f"{EXTRA}sslmode", "POSTGRESQL_*": ""},
    ),
    KnownFormat(
        "kafka",
        {
            "HOST": "host",
            "PORT": "port",
            "ACCESS_CERT": f"{EXTRA}ssl.certificate.pem",
            "ACCESS_KEY": f"{EXTRA}ssl.key.pem",
            "CA_CERT": f"{EXTRA}ssl.ca.pem",
        },
        {"USERNAME": "", "PASSWORD": "", **_AIVEN},
        extra={"security.protocol": "SSL"},
    ),
    KnownFormat(
        "opensearch",
        {
            "OPENSEARCH_URI": parsers.https,
            "OPENSEARCH_HOST": "host",
            "OPENSEARCH_PORT": "port",
            "OPENSEARCH_USER": "login",
            "OPENSEARCH_PASSWORD": "password",
        },
        {"HOST": "", "PORT": "", "USER": "", "PASSWORD": ""},
    ),
    # Databases
    KnownFormat(  # Crunchy PGO, a user without a database
        "postgres",
        {"host": "host", "port": "port", "user": "login", "password": "password", "verifier": ""},
        label=("postgres-operator.crunchydata.com/role", "pguser"),
        is_exact=True,
    ),
    KnownFormat(  # movetokube's postgres-operator. The URI is without the parameters.
        "postgres",
        {
            "POSTGRES_URL": "uri",
            "HOST": "host",
            "DATABASE_NAME": "schema",
            "ROLE": "",
            "LOGIN": "login",
            "PASSWORD": "password",
        },
        {"PORT": "port", "HOSTNAME": "", "URI_ARGS": parsers.query},
    ),
    KnownFormat(  # MariaDB's operator
        "mysql",
        {"dsn": parsers.mysql_dsn},
        {"username": "login", "password": "password", "host": "host", "port": "port", "database": "schema"},
    ),
    KnownFormat(  # MongoDB Atlas. With private endpoints there are other connection strings.
        "mongo",
        {"connectionStringStandardSrv": "uri", "username": "login", "password": "password"},
        {"connectionStringStandard": ""},
        label=("atlas.mongodb.com/type", "credentials"),
        is_exact=True,
    ),
    KnownFormat(  # Percona for MongoDB, a Secret of one user
        "mongo",
        {"*_connectionString": "uri"},
        {"*_connectionStringSrv": ""},
        label=("app.kubernetes.io/name", "percona-server-mongodb"),
        is_exact=True,
    ),
    KnownFormat(  # The image of MongoDB
        "mongo",
        {"MONGO_INITDB_ROOT_USERNAME": "login", "MONGO_INITDB_ROOT_PASSWORD": "password"},
        is_exact=True,
        missing=("host",),
    ),
    KnownFormat(  # The image of ClickHouse
        "clickhouse",
        {"CLICKHOUSE_USER": "login", "CLICKHOUSE_PASSWORD": "password"},
        {"CLICKHOUSE_DB": "schema"},
        is_exact=True,
        missing=("host",),
    ),
    KnownFormat(  # MySQL's operator
        "mysql",
        {"rootUser": "login", "rootPassword": "password", "rootHost": ""},
        is_exact=True,
        missing=("host",),
    ),
    # Kafka
    KnownFormat(  # the properties of librdkafka, as Confluent Cloud shows them
        "kafka",
        {
            "bootstrap.servers": f"{EXTRA}bootstrap.servers",
            "sasl.username": f"{EXTRA}sasl.username",
            "sasl.password": f"{EXTRA}sasl.password",
        },
        {
            "security.protocol": f"{EXTRA}security.protocol",
            "sasl.mechanism": f"{EXTRA}sasl.mechanism",
            "sasl.mechanisms": f"{EXTRA}sasl.mechanism",
        },
    ),
    KnownFormat(  # Strimzi's KafkaUser. `ca.crt` is not the CA of the servers.
        "kafka",
        {"user.crt": f"{EXTRA}ssl.certificate.pem", "user.key": f"{EXTRA}ssl.key.pem", "ca.crt": ""},
        {"user.p12": "", "user.password": ""},
        label=("strimzi.io/kind", "KafkaUser"),
        missing=(f"{EXTRA}bootstrap.servers",),
    ),
    KnownFormat(  # Strimzi's Access Operator
        "kafka",
        {
            "bootstrap.servers": f"{EXTRA}bootstrap.servers",
            "security.protocol": f"{EXTRA}security.protocol",
            "type": parsers.parser_of_word("kafka"),
            "provider": parsers.parser_of_word("strimzi"),
        },
        {
            "sasl.mechanism": f"{EXTRA}sasl.mechanism",
            "username": f"{EXTRA}sasl.username",
            "password": f"{EXTRA}sasl.password",
            "ssl.truststore.crt": f"{EXTRA}ssl.ca.pem",
            "ssl.keystore.crt": f"{EXTRA}ssl.certificate.pem",
            "ssl.keystore.key": f"{EXTRA}ssl.key.pem",
            "user": "",
            "sasl.jaas.config": "",
        },
    ),
    # Others
    KnownFormat("docker", {".dockerconfigjson": parsers.docker_config}),
    KnownFormat("docker", {".dockercfg": parsers.docker_config}),
    KnownFormat("discord", {"address": parsers.discord_webhook}, is_exact=True),  # Flux
    KnownFormat("http", {"address": parsers.teams_webhook}, is_exact=True),  # Flux
    KnownFormat(
        "openai",
        {"OPENAI_API_KEY": "password"},
        {"OPENAI_BASE_URL": "host", "OPENAI_ORG_ID": parsers.openai_organization},
        is_exact=True,
    ),
    KnownFormat("datadog", {"api-key": f"{EXTRA}api_key"}, is_exact=True, missing=("conn_type",)),
    KnownFormat("datadog", {"token": f"{EXTRA}api_key"}, is_exact=True, missing=("conn_type",)),  # Flux
    KnownFormat("dbt_cloud", {"DBT_HOST": "host", "DBT_TOKEN": "password"}, missing=("login",)),
    KnownFormat(
        "influxdb",
        {"admin-token": f"{EXTRA}token", "admin-password": ""},
        is_exact=True,
        missing=("conn_type", "host", f"{EXTRA}org"),
    ),
    KnownFormat(
        "jenkins",
        {"jenkins-admin-user": "login", "jenkins-admin-password": "password"},
        missing=("host", "port"),
    ),
    KnownFormat(
        "airbyte",
        {"instance-admin-client-id": "login", "instance-admin-client-secret": "password"},
        {"instance-admin-password": ""},
        missing=("host",),
    ),
    KnownFormat(
        "vault",
        {"VAULT_ADDR": parsers.vault_address, "VAULT_TOKEN": "password"},
        extra={"auth_type": "token"},
        is_exact=True,
    ),
    KnownFormat(  # the plugin of Argo CD
        "vault",
        {"VAULT_ADDR": parsers.vault_address, "AVP_ROLE_ID": "login", "AVP_SECRET_ID": "password"},
        {"AVP_TYPE": parsers.parser_of_word("vault"), "AVP_AUTH_TYPE": parsers.parser_of_word("approle")},
        extra={"auth_type": "approle"},
        is_exact=True,
    ),
    KnownFormat("databricks", {"DATABRICKS_HOST": "host", "DATABRICKS_TOKEN": "password"}, _OF_DATABRICKS),
    KnownFormat(
        "databricks",
        {"DATABRICKS_HOST": "host", "DATABRICKS_CLIENT_ID": "login", "DATABRICKS_CLIENT_SECRET": "password"},
        _OF_DATABRICKS,
        extra={"service_principal_oauth": True},
    ),
    KnownFormat("github", {"GITHUB_TOKEN": "password"}),
    KnownFormat("pagerduty", {"PAGERDUTY_TOKEN": "password"}),
    KnownFormat("slack", {"SLACK_BOT_TOKEN": "password"}),
    KnownFormat("slack", {"token": parsers.parser_of_prefix("xoxb-", "xoxp-", name="password")}, is_exact=True),  # Flux
    KnownFormat(
        "slackwebhook",
        {"address": parsers.parser_of_prefix("https://hooks.slack.com/services/", name="password")},
        is_exact=True,
    ),  # Flux
    KnownFormat("snowflake", {**_SNOWFLAKE, "SNOWFLAKE_PASSWORD": "password"}, _OF_SNOWFLAKE),
    KnownFormat(
        "snowflake",
        {**_SNOWFLAKE, "SNOWFLAKE_PRIVATE_KEY_RAW": parsers.private_key_of_snowflake},
        {**_OF_SNOWFLAKE, "PRIVATE_KEY_PASSPHRASE": "password"},
    ),
    KnownFormat(  # the parameters of Snowflake's connector; an account and a warehouse together are Snowflake's
        "snowflake",
        {"account": f"{EXTRA}account", "warehouse": f"{EXTRA}warehouse"},
        {
            "user": "login",
            "username": "login",
            "password": "password",
            "private_key": parsers.private_key_of_snowflake,
            "private_key_passphrase": "password",
            **{name: f"{EXTRA}{name}" for name in ("authenticator", "database", "region", "role")},
            "schema": "schema",
        },
        is_exact=True,
    ),
    KnownFormat(  # a user with a private key
        "snowflake",
        {"account": f"{EXTRA}account", "private_key": parsers.private_key_of_snowflake},
        {
            "user": "login",
            "username": "login",
            "private_key_passphrase": "password",
            **{name: f"{EXTRA}{name}" for name in ("authenticator", "database", "region", "role")},
            "schema": "schema",
        },
        is_exact=True,
        missing=("conn_type",),
    ),
)

# Formats of one value that contains a whole connection in a form that Airflow cannot read. The key can have any name.
_ANY = "*"
_GOOGLE_KEY = KnownFormat("google_cloud_platform", {_ANY: parsers.google_key}, is_exact=True)
_KUBECONFIG = KnownFormat("kubernetes", {_ANY: parsers.kubeconfig}, is_exact=True)
# The words for each of them in messages.
_WHOLE = {
    KnownFormat("", {_ANY: parsers.database_uri}, is_exact=True): "the URI of a database or cache",
    KnownFormat("", {_ANY: parsers.database_json}, is_exact=True): "JSON with a type and a host",
    _GOOGLE_KEY: "a key file of Google",
    _KUBECONFIG: "a kubeconfig",
}
# Formats of the value in the data key, by their parser. A connection is expected there, so JSON with fewer names is
# enough.
_WHOLE_IN_DATA_KEY: Mapping[ValueParser, KnownFormat] = {
    parsers.secrets_manager_json: KnownFormat("", {_ANY: parsers.secrets_manager_json}, is_exact=True),
    parsers.google_key: _GOOGLE_KEY,
    parsers.kubeconfig: _KUBECONFIG,
}

# The formats by their first key, so that each Secret is compared with few formats. A format whose first key contains
# `*` needs a label, and is found by that label.
_BY_KEY: dict[str, list[KnownFormat]] = {}
for _each in KNOWN_FORMATS:
    _BY_KEY.setdefault(next(iter(_each.keys)), []).append(_each)


_BY_LABEL = {each.label: each for each in KNOWN_FORMATS if "*" in next(iter(each.keys))}


def may_have(names: Collection[str], labels: Mapping[str, str]) -> list[KnownFormat]:
    """Return the formats that a Secret with these data keys and labels may have."""
    found = [each for name in names if name in _BY_KEY for each in _BY_KEY[name]]
    found += [_BY_LABEL[each] for each in labels.items() if each in _BY_LABEL]
    return [*_WHOLE, *found] if len(names) == 1 else found


def format_of_keys(
    candidates: Sequence[KnownFormat], labels: Mapping[str, str], values: Mapping[str, str]
) -> tuple[KnownFormat, Mapping[str, Meaning]] | None:
    """Return the format of a Secret, and what each key contains; ``None`` if it has none, or several.

    Args:
        candidates: see :func:`may_have`.
        values: those that are not blank, by data key.
    """
    found = [(each, meanings) for each in candidates if (meanings := each.meanings(labels, values)) is not None]
    # A format with names is more specific than the form of a value.
    found = [each for each in found if not each[0].is_of_any_key] or found
    return found[0] if len(found) == 1 else None


def format_of_value(key: str, value: str) -> tuple[KnownFormat, Mapping[str, Meaning]] | None:
    """Return the format of a value that is a whole connection, although Airflow cannot read it; ``None`` if unknown."""
    found = [(each, {key: parse}) for parse, each in _WHOLE_IN_DATA_KEY.items() if parse(value) is not None]
    return found[0] if len(found) == 1 else None
