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
        given: the parts of a connection that needs it; empty for every connection of the type.
        example: what to write in ``extra``; empty for an ellipsis.
    """

    parts: Sequence[str]
    otherwise: str = _FAILS
    given: Sequence[str] = ()
    example: str = ""


def _extra(name: str, *others: str, otherwise: str = _FAILS, given: Sequence[str] = (), example: str = "") -> Need:
    return Need((f"{EXTRA}{name}", *others), otherwise, given, example)


def _password(*others: str, otherwise: str = _FAILS, given: Sequence[str] = ()) -> Need:
    return Need(("password", *others), otherwise, given)


def _of_principal(tenant: str, *others: str, otherwise: str = _OF_ENVIRONMENT) -> Need:
    return _password(*others, otherwise=otherwise, given=("login", f"{EXTRA}{tenant}"))


_TOKEN = (_password(),)
_KEY = (_extra("access_key_id"), _extra("access_key_secret"))
_METHOD_OF_ALIBABA = _extra("auth_type", example="AK")
_MSGRAPH = (
    _extra("tenant_id", f"{EXTRA}tenantId"),
    Need(("login",)),
    _password(f"{EXTRA}certificate_path", f"{EXTRA}certificate_data"),
)
_OF_FILE = _of_principal("tenantId", *_IDENTITIES, f"{EXTRA}key_path", f"{EXTRA}key_json")
_SUBSCRIPTION = _extra("subscriptionId", f"{EXTRA}key_path", f"{EXTRA}key_json")
_TENANT = _extra("tenantId", given=("login", "password"))
_LOGIN_OF_ZENDESK = Need(("login", f"{EXTRA}oauth_token"))

# The hook of each type, and what it needs, in the releases that docs/reference/formats.md names.
_NEEDS: Mapping[str, tuple[str, Sequence[Need]]] = {
    "azure": ("AzureBaseHook", (_OF_FILE,)),
    "azure_compute": ("AzureComputeHook", (_SUBSCRIPTION, _OF_FILE)),
    "azure_container_instance": ("AzureContainerInstanceHook", (_SUBSCRIPTION, _OF_FILE)),
    "azure_data_factory": (
        "AzureDataFactoryHook",
        (_extra("subscriptionId"), _TENANT, _of_principal("tenantId", *_IDENTITIES)),
    ),
    "azure_synapse": ("AzureSynapseHook", (_TENANT, _of_principal("tenantId", *_IDENTITIES))),
    "azure_data_lake": (
        "AzureDataLakeHook",
        (
            _extra("account_name"),
            _extra("tenant", otherwise=_OF_ENVIRONMENT, given=("login", "password")),
            _of_principal("tenant", otherwise=_FAILS),
        ),
    ),
    "adls": ("AzureDataLakeStorageV2Hook", (_of_principal("tenant_id", otherwise=_FAILS),)),
    "wasb": ("WasbHook", (_of_principal("tenant_id", f"{EXTRA}connection_string", otherwise=_FAILS),)),
    "msgraph": ("KiotaRequestAdapterHook", _MSGRAPH),
    "powerbi": ("PowerBIHook", _MSGRAPH),
    "azure_cosmos": ("AzureCosmosDBHook", (Need(("login",)), _password(f"{EXTRA}resource_group_name"))),
    "azure_service_bus": ("AdminClientHook", (Need(("schema", f"{EXTRA}fully_qualified_namespace")),)),
    "azure_batch": ("AzureBatchHook", (_extra("account_url"),)),
    "azure_data_explorer": ("AzureDataExplorerHook", (_extra("auth_method", example="AAD_APP"),)),
    "alibaba_cloud": ("AlibabaBaseHook", _KEY),
    "maxcompute": ("MaxComputeHook", _KEY),
    "oss": ("OSSHook", (*_KEY, _METHOD_OF_ALIBABA, _extra("region", example="cn-hangzhou"))),
    "adb_spark": ("AnalyticDBSparkHook", (*_KEY, _METHOD_OF_ALIBABA, _extra("region", example="cn-hangzhou"))),
    "databricks": (
        "DatabricksHook",
        (
            _password(
                *(f"{EXTRA}{name}" for name in ("token", "use_azure_managed_identity", "use_default_azure_credential")),
                *(f"{EXTRA}{name}" for name in ("federated_token_provider", "federated_k8s", "federated_aws")),
                given=("login",),
            ),
        ),
    ),
    "snowflake": (
        "SnowflakeHook",
        (
            *(Need(("login",), given=(f"{EXTRA}{name}",)) for name in ("private_key_content", "private_key_file")),
            Need(
                ("login", *(f"{EXTRA}{name}" for name in ("authenticator", "refresh_token", "grant_type"))),
                given=("password",),
            ),
            _password(
                *(f"{EXTRA}{name}" for name in ("private_key_content", "private_key_file", "authenticator")),
                *(f"{EXTRA}{name}" for name in ("token", "refresh_token", "grant_type", "azure_conn_id")),
                given=("login",),
            ),
        ),
    ),
    "teradata": ("TeradataHook", (_password(otherwise="uses the password 'dbc'", given=("login",)),)),
    "impala": (
        "ImpalaHook",
        (
            _extra(
                "auth_mechanism",
                f"{EXTRA}use_ldap",
                otherwise="sends neither login nor password",
                given=("password",),
                example="LDAP",
            ),
        ),
    ),
    "hiveserver2": ("HiveServer2Hook", (_extra("auth_mechanism", given=("password",), example="LDAP"),)),
    "kylin": ("KylinHook", (_password(given=("login",)),)),
    "gcpcloudsqldb": (
        "CloudSQLDatabaseHook",
        [_extra(name) for name in ("instance", "location", "database_type")],
    ),
    "docker": ("DockerHook", (_password(given=("login",)),)),
    "vault": (
        "VaultHook",
        (
            _password(
                f"{EXTRA}token_path",
                f"{EXTRA}auth_type",
                otherwise="uses VAULT_TOKEN of its environment, or fails",
                given=("host",),
            ),
        ),
    ),
    "openai": (
        "OpenAIHook",
        (
            _password(
                f"{EXTRA}openai_client_kwargs",
                f"{EXTRA}auth_type",
                otherwise="uses OPENAI_API_KEY of its environment, or fails",
            ),
        ),
    ),
    "cohere": ("CohereHook", (_password(otherwise="uses CO_API_KEY of its environment, or fails"),)),
    "pinecone": ("PineconeHook", _TOKEN),
    "asana": ("AsanaHook", _TOKEN),
    "opsgenie": ("OpsgenieAlertHook", _TOKEN),
    "pagerduty": ("PagerdutyHook", _TOKEN),
    "pagerduty_events": ("PagerdutyEventsHook", _TOKEN),
    "telegram": ("TelegramHook", _TOKEN),
    "dbt_cloud": ("DbtCloudHook", _TOKEN),
    "github": ("GithubHook", (_password(f"{EXTRA}key_path", f"{EXTRA}private_key"),)),
    "segment": ("SegmentHook", (_extra("write_key"),)),
    "tableau": ("TableauHook", (Need(("login", f"{EXTRA}auth")), _password(f"{EXTRA}auth"))),
    "facebook_social": (
        "FacebookAdsReportingHook",
        [_extra(name) for name in ("app_id", "app_secret", "access_token", "account_id")],
    ),
    "zendesk": ("ZendeskHook", (_LOGIN_OF_ZENDESK,)),
    "arangodb": ("ArangoDBHook", (Need(("login",)), Need(("schema",)))),
    "ydb": ("YDBHook", (_extra("database"),)),
    "influxdb": (
        "InfluxDBHook",
        (_extra("org", otherwise="cannot query without an organization", given=(f"{EXTRA}token",)),),
    ),
    "influxdb3": ("InfluxDB3Hook", (_extra("token", "password"), _extra("database", f"{EXTRA}db"))),
    "qdrant": ("QdrantHook", (Need(("host", f"{EXTRA}url"), "connects to localhost"),)),
}


def needed_fields(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield the first part of a connection that its hook needs and that is missing, with the remedy."""
    hook, needs = _NEEDS.get(connection.conn_type, ("", ()))
    for need in needs:
        if _has_all(connection, need.given) and not any(_has(connection, each) for each in need.parts):
            yield f"{hook} needs {_words(need.parts[0])}, and {need.otherwise} without it", _remedy(need)
            return


def _has_all(connection: HookConnection, parts: Sequence[str]) -> bool:
    return all(_has(connection, each) for each in parts)


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
