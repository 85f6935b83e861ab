"""Parts of a connection without which a hook fails or logs in as somebody else, as data by connection type."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_kubernetes_secrets.formats.known_formats import EXTRA
from airflow_kubernetes_secrets.inventory.hook_connection import HookConnection

_FAILS = "fails"
_OF_ENVIRONMENT = "uses the identity of its environment"

# What a service principal has, in place of the identity of the environment.
_IDENTITIES = (f"{EXTRA}managed_identity_client_id", f"{EXTRA}workload_identity_tenant_id")


@dataclass(frozen=True)
class Need:
    """A part of a connection that a hook needs.

    Attributes:
        parts: fields, and names in ``extra`` with the prefix :data:`EXTRA`. One of them is enough; messages name the
            first.
        otherwise: what the hook does without it.
        only_with: the parts with which a connection needs it; empty if every connection of the type does.
        method: a name in ``extra`` and its value, if only this method of logging in needs it; else ``None``.
        example: what to write in ``extra``; empty for an ellipsis.
    """

    parts: Sequence[str]
    otherwise: str = _FAILS
    only_with: Sequence[str] = ()
    method: tuple[str, str] | None = None
    example: str = ""


def _extra(
    name: str,
    *others: str,
    otherwise: str = _FAILS,
    only_with: Sequence[str] = (),
    method: tuple[str, str] | None = None,
    example: str = "",
) -> Need:
    return Need((f"{EXTRA}{name}", *others), otherwise, only_with, method, example)


def _password(
    *others: str, otherwise: str = _FAILS, only_with: Sequence[str] = (), method: tuple[str, str] | None = None
) -> Need:
    return Need(("password", *others), otherwise, only_with, method)


def _login(
    *others: str, otherwise: str = _FAILS, only_with: Sequence[str] = (), method: tuple[str, str] | None = None
) -> Need:
    return Need(("login", *others), otherwise, only_with, method)


def _of_principal(tenant: str, *others: str, otherwise: str = _OF_ENVIRONMENT) -> Need:
    return _password(*others, otherwise=otherwise, only_with=("login", f"{EXTRA}{tenant}"))


_TOKEN = (_password(),)
_KEY = (_extra("access_key_id"), _extra("access_key_secret"))
_METHOD_OF_ALIBABA = _extra("auth_type", example="AK")
_MSGRAPH = (
    _extra("tenant_id", f"{EXTRA}tenantId"),
    _login(),
    _password(f"{EXTRA}certificate_path", f"{EXTRA}certificate_data"),
)
_OF_FILE = _of_principal("tenantId", *_IDENTITIES, f"{EXTRA}key_path", f"{EXTRA}key_json")
_SUBSCRIPTION = _extra("subscriptionId", f"{EXTRA}key_path", f"{EXTRA}key_json")
_TENANT = _extra("tenantId", only_with=("login", "password"))
_PRINCIPAL = (_login(only_with=("password",)), _password(only_with=("login",)))

# https://github.com/apache/airflow/blob/providers-hashicorp/4.8.4/providers/hashicorp/src/airflow/providers/hashicorp/_internal_client/vault_client.py
_METHODS_OF_VAULT = (
    _login(method=("auth_type", "approle")),
    *(
        each
        for name in ("userpass", "ldap")
        for each in (_login(method=("auth_type", name)), _password(method=("auth_type", name)))
    ),
    *(_password(method=("auth_type", name)) for name in ("github", "radius")),
    _extra("radius_host", method=("auth_type", "radius")),
    _extra("kubernetes_role", method=("auth_type", "kubernetes")),
    _extra("jwt_role", method=("auth_type", "jwt")),
    _extra("jwt_token", f"{EXTRA}jwt_token_path", method=("auth_type", "jwt")),
    *(_extra(name, method=("auth_type", "azure")) for name in ("azure_resource", "azure_tenant_id")),
    _extra("gcp_scopes", method=("auth_type", "gcp")),
    _login(f"{EXTRA}role_id", method=("auth_type", "gcp")),
)

# https://github.com/apache/airflow/blob/providers-microsoft-azure/15.2.1/providers/microsoft/azure/src/airflow/providers/microsoft/azure/hooks/adx.py
_METHODS_OF_KUSTO = (
    *(
        each
        for name in ("AAD_APP", "AAD_CREDS")
        for each in (
            _login(method=("auth_method", name)),
            _password(method=("auth_method", name)),
            _extra("tenant", method=("auth_method", name)),
        )
    ),
    _login(method=("auth_method", "AAD_APP_CERT")),
    *(_extra(name, method=("auth_method", "AAD_APP_CERT")) for name in ("certificate", "thumbprint", "tenant")),
)

# The entries of extra with which the hook uses the login and password of a service principal, and those from which it
# gets a token.
PRINCIPALS_OF_DATABRICKS = ("service_principal_oauth", "azure_tenant_id")
TOKENS_OF_DATABRICKS = (
    *("token", "use_azure_managed_identity", "use_default_azure_credential"),
    *("federated_token_provider", "federated_k8s", "federated_aws"),
)

_TOKENS_OF_WEAVIATE = tuple(f"{EXTRA}{name}" for name in ("api_key", "token", "access_token", "client_secret"))

# The hook gets the token itself. It does not read one in ``extra``.
_OAUTH_OF_SNOWFLAKE = _extra(
    "refresh_token",
    f"{EXTRA}grant_type",
    f"{EXTRA}azure_conn_id",
    method=("authenticator", "oauth"),
)

# What the hook of each type needs, in the releases that docs/reference/formats.md names.
_NEEDS: Mapping[str, Sequence[Need]] = {
    "azure": (_OF_FILE,),
    "azure_compute": (_SUBSCRIPTION, _OF_FILE),
    "azure_container_instance": (_SUBSCRIPTION, _OF_FILE),
    "azure_data_factory": (_extra("subscriptionId"), _TENANT, _of_principal("tenantId", *_IDENTITIES)),
    "azure_synapse": (_TENANT, _of_principal("tenantId", *_IDENTITIES), _extra("subscriptionId", only_with=("host",))),
    "azure_ai_agents": (*_PRINCIPAL, _TENANT, _login(only_with=(f"{EXTRA}tenantId",))),
    "azure_analysis_services": (_login(), _password(), _extra("tenantId")),
    "azure_container_registry": (_login(), _password(f"{EXTRA}resource_group")),
    "azure_container_volume": (_password(f"{EXTRA}connection_string", f"{EXTRA}resource_group"),),
    "azure_fileshare": (_login(f"{EXTRA}connection_string"),),
    "azure_data_lake": (
        _extra("account_name"),
        _extra("tenant", otherwise=_OF_ENVIRONMENT, only_with=("login", "password")),
        _of_principal("tenant", otherwise=_FAILS),
    ),
    "adls": (
        Need(("host", f"{EXTRA}account_url", f"{EXTRA}connection_string")),
        _of_principal("tenant_id", otherwise=_FAILS),
    ),
    "wasb": (
        _login("host", f"{EXTRA}connection_string", f"{EXTRA}sas_token"),
        _of_principal("tenant_id", f"{EXTRA}connection_string", otherwise=_FAILS),
    ),
    "msgraph": _MSGRAPH,
    "powerbi": _MSGRAPH,
    "azure_cosmos": (_login(), _password(f"{EXTRA}resource_group_name")),
    "azure_service_bus": (Need(("schema", f"{EXTRA}fully_qualified_namespace")),),
    "azure_batch": (_extra("account_url"),),
    "azure_data_explorer": (_extra("auth_method", example="AAD_APP"), *_METHODS_OF_KUSTO),
    "alibaba_cloud": _KEY,
    "maxcompute": _KEY,
    "oss": (*_KEY, _METHOD_OF_ALIBABA, _extra("region", example="cn-hangzhou")),
    "adb_spark": (*_KEY, _METHOD_OF_ALIBABA, _extra("region", example="cn-hangzhou")),
    "databricks": (
        *(
            _login(otherwise="uses the password as a token", only_with=("password", f"{EXTRA}{name}"))
            for name in PRINCIPALS_OF_DATABRICKS
        ),
        _password(
            *(f"{EXTRA}{name}" for name in TOKENS_OF_DATABRICKS),
            only_with=("login",),
        ),
    ),
    "snowflake": (
        _OAUTH_OF_SNOWFLAKE,
        *(_login(only_with=(f"{EXTRA}{name}",)) for name in ("private_key_content", "private_key_file")),
        Need(
            ("login", *(f"{EXTRA}{name}" for name in ("authenticator", "refresh_token", "grant_type"))),
            only_with=("password",),
        ),
        _password(
            *(f"{EXTRA}{name}" for name in ("private_key_content", "private_key_file", "authenticator")),
            *(f"{EXTRA}{name}" for name in ("token", "refresh_token", "grant_type", "azure_conn_id")),
            only_with=("login",),
        ),
    ),
    "teradata": (_password(otherwise="uses the password 'dbc'", only_with=("login",)),),
    "impala": (
        _extra(
            "auth_mechanism",
            f"{EXTRA}use_ldap",
            otherwise="sends neither login nor password",
            only_with=("password",),
            example="LDAP",
        ),
    ),
    "hiveserver2": (_extra("auth_mechanism", only_with=("password",), example="LDAP"),),
    "kylin": (_password(only_with=("login",)),),
    "gcpcloudsqldb": [_extra(name) for name in ("instance", "location", "database_type")],
    "docker": (_password(only_with=("login",)),),
    "vault": (
        _password(
            f"{EXTRA}auth_type",
            otherwise="uses VAULT_TOKEN of its environment, or fails",
            only_with=("host",),
        ),
        *_METHODS_OF_VAULT,
    ),
    "openai": (
        _password(
            f"{EXTRA}openai_client_kwargs",
            f"{EXTRA}auth_type",
            otherwise="uses OPENAI_API_KEY of its environment, or fails",
        ),
    ),
    "cohere": (_password(otherwise="uses CO_API_KEY of its environment, or fails"),),
    "pinecone": _TOKEN,
    "asana": _TOKEN,
    "opsgenie": _TOKEN,
    "pagerduty": _TOKEN,
    "pagerduty_events": _TOKEN,
    "telegram": _TOKEN,
    "dbt_cloud": _TOKEN,
    "github": (
        _password(f"{EXTRA}key_path", f"{EXTRA}private_key"),
        *(
            _extra(name, "password", only_with=(f"{EXTRA}{key}",), example=example)
            for key in ("key_path", "private_key")
            for name, example in (("app_id", "12345"), ("installation_id", ""))
        ),
    ),
    "git": (
        _extra("github_installation_id", only_with=(f"{EXTRA}github_app_id",)),
        _extra("github_app_id", only_with=(f"{EXTRA}github_installation_id",)),
        _extra("private_key", f"{EXTRA}key_file", only_with=(f"{EXTRA}github_app_id",)),
    ),
    "segment": (_extra("write_key"),),
    "tableau": (_login(f"{EXTRA}auth"), _password(f"{EXTRA}auth")),
    "facebook_social": [_extra(name) for name in ("app_id", "app_secret", "access_token", "account_id")],
    "zendesk": (_login(f"{EXTRA}oauth_token"), _password(f"{EXTRA}token", f"{EXTRA}oauth_token")),
    "arangodb": (_login(), Need(("schema",))),
    "ydb": (_extra("database"),),
    "influxdb": (_extra("org", otherwise="cannot query without an organization", only_with=(f"{EXTRA}token",)),),
    "influxdb3": (_extra("token", "password"), _extra("database", f"{EXTRA}db")),
    "qdrant": (Need(("host", f"{EXTRA}url"), "connects to localhost"),),
    "redis": (_password(only_with=("host", "login")),),
    "oracle": (_password(only_with=("host", "login")),),
    "cassandra": (_password(otherwise="sends the string 'None'", only_with=("login",)),),
    "ibmdb2": (Need(("schema",), only_with=("login",)),),
    "ibmmq": (Need(("port",), only_with=("host",)),),
    "pinot_admin": (Need(("port",), only_with=("host",)),),
    "winrm": (_password(f"{EXTRA}transport", f"{EXTRA}keytab", f"{EXTRA}cert_pem", only_with=("host", "login")),),
    "smtp": (_extra("access_token", f"{EXTRA}client_secret", method=("auth_type", "oauth2")),),
    "akeyless": (
        _extra("uid_token", method=("access_type", "uid")),
        _login(f"{EXTRA}uid_token"),
        _password(f"{EXTRA}access_type"),
        _password(method=("access_type", "api_key")),
        _extra("jwt_token", method=("access_type", "jwt")),
        _extra("k8s_auth_config_name", method=("access_type", "k8s")),
        *(_extra(name, method=("access_type", "certificate")) for name in ("certificate_data", "private_key_data")),
    ),
    "anthropic": (
        _password(
            *(f"{EXTRA}{name}" for name in ("platform", "workload_identity", "anthropic_client_kwargs")),
            otherwise="uses the credentials of its environment, or fails",
        ),
    ),
    "apprise": (_extra("config"),),
    "athena": (_extra("region_name", example="eu-west-1"),),
    "chime": (_password(), Need(("schema",)), Need(("host",))),
    "cloudant": (Need(("host",)), _login(), _password()),
    "datadog": (_extra("api_key"),),
    "dataprep": (_extra("token"),),
    "dingding": _TOKEN,
    "discord": (_extra("webhook_endpoint", example="webhooks/…"),),
    "gcp_looker": (Need(("host",)), _login(), _password()),
    "google_ads": (_extra("developer_token", f"{EXTRA}google_ads_client"),),
    "grpc": (_extra("auth_type", example="TLS"), _extra("credential_pem_file", method=("auth_type", "TLS"))),
    "presto": (_login(otherwise="sends the string 'None'", only_with=("password",)),),
    "webhdfs": (_login(otherwise="sends the string 'None'", only_with=("password",)),),
    "weaviate": (
        _login(*_TOKENS_OF_WEAVIATE, otherwise="sends an empty one", only_with=("password",)),
        _password(*_TOKENS_OF_WEAVIATE, otherwise="sends an empty one", only_with=("login",)),
    ),
    "iceberg": (Need(("host", f"{EXTRA}uri", f"{EXTRA}type")),),
    "mcp": (Need(("host", f"{EXTRA}command")),),
    "modal": _PRINCIPAL,
    "informatica_edc": (Need(("host",)),),
    "package_index": (Need(("host",)), _login(only_with=("password",))),
}

# The types whose hooks need a host too. A connection that was stored in Airflow's own format may omit it on purpose, so
# its absence is reported only if the connection is made from separate keys or converted, and no key may contain it.
WITH_HOST = frozenset(
    (
        *("postgres", "mysql", "mssql", "oracle", "mongo", "redis", "neo4j", "redshift", "clickhouse", "cassandra"),
        *("elasticsearch", "opensearch", "trino", "presto", "druid", "pinot", "vault", "jenkins", "docker"),
        *("imap", "ftp", "smtp", "ssh", "sftp", "teradata", "vertica", "exasol", "drill", "impala", "kylin"),
        *("hive_cli", "hiveserver2", "samba", "webhdfs", "weaviate", "influxdb", "influxdb3", "databricks", "jira"),
        *("tableau", "zendesk", "arangodb", "ydb", "vespa", "livy", "jdbc", "odbc", "winrm", "psrp", "spark_connect"),
        *("ibmdb2", "ibmmq", "gremlin", "grpc", "openfaas", "hive_metastore", "jupyter_kernel"),
        *("azure_data_explorer", "azure_container_registry", "azure_synapse", "azure_ai_agents"),
        *("azure_analysis_services", "spark_jdbc"),
    )
)
# The hooks of these types that get the address from their operators.
HOST_FROM_OPERATOR: Mapping[str, str] = {
    "azure_synapse": "AzureSynapsePipelineHook",
    "azure_ai_agents": "AzureAIAgentsHook with an endpoint",
}


def needed_fields(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield the first part of a connection that its hook needs and that is missing, with the remedy."""
    for need in _NEEDS.get(connection.conn_type, ()):
        if _is_for(need, connection) and not any(_has(connection, each) for each in need.parts):
            yield f"{connection.hook} needs {_words(need.parts[0])}, and {need.otherwise} without it", _remedy(need)
            return


def _is_for(need: Need, connection: HookConnection) -> bool:
    if need.method is not None and connection.extra.get(need.method[0]) != need.method[1]:
        return False
    return all(_has(connection, each) for each in need.only_with)


def _has(connection: HookConnection, part: str) -> bool:
    """Return whether a connection has a part. A name in ``extra`` may have the prefix that Airflow 1 and 2.2 wrote."""
    if not part.startswith(EXTRA):
        return bool(getattr(connection, part))
    name = part[len(EXTRA) :]
    return any(connection.extra.get(each) for each in (name, f"extra__{connection.conn_type}__{name}"))


def _words(part: str) -> str:
    return f"{part[len(EXTRA) :]!r} in extra" if part.startswith(EXTRA) else f"a {part}"


def _remedy(need: Need) -> str:
    part = need.parts[0]
    if not part.startswith(EXTRA):
        return f"Write the {part} too"
    return f"Write it there: {json.dumps({part[len(EXTRA) :]: need.example or '…'}, ensure_ascii=False)}"
