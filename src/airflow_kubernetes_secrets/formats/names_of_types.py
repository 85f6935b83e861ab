"""The names that keys have for the fields of one connection type, as data: the words of its software.

If an annotation or a key specifies the type, these names take precedence over those for all types
(``formats/aliases.py``). Each field is the one that the hook of the type reads. ``tests/hooks`` finds each name in
``extra`` in the code of its provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow_kubernetes_secrets.formats.known_formats import EXTRA
from airflow_kubernetes_secrets.formats.settings import CLOUD_ID

_NOTHING: Mapping[str, Any] = MappingProxyType({})

# https://learn.microsoft.com/en-us/entra/identity-platform/app-objects-and-service-principals
_PRINCIPAL = {"client_id": "login", "client_secret": "password"}
_TOKEN = dict.fromkeys(("token", "api_token", "access_token"), "password")
_API_KEY = {"api_key": "password"}
_ALIBABA = {name: f"{EXTRA}{name}" for name in ("access_key_id", "access_key_secret", "region")}
_STORAGE = {
    **dict.fromkeys(("account_name", "storage_account", "storage_account_name"), "login"),
    **dict.fromkeys(("account_key", "storage_account_key", "storage_key"), "password"),
    "connection_string": f"{EXTRA}connection_string",
}


def _azure(tenant: str, *others: str) -> Mapping[str, str]:
    return {
        **_PRINCIPAL,
        "tenant_id": f"{EXTRA}{tenant}",
        "tenant": f"{EXTRA}{tenant}",
        **dict.fromkeys(others, f"{EXTRA}subscriptionId"),
    }


_WITH_SUBSCRIPTION = _azure("tenantId", "subscription_id", "subscription")


def _in_extra(*names: str) -> Mapping[str, str]:
    return {name: f"{EXTRA}{name}" for name in names}


_MSGRAPH = {**_azure("tenant_id"), **_in_extra("scopes", "authority", "base_url")}
# https://trino.io/docs/current/security/jwt.html
_JWT = ("jwt_token", "jwt")

# The field, or the name in ``extra``, by connection type and by the name of a key. If several keys are for one field,
# the first name here is used.
NAMES: Mapping[str, Mapping[str, str]] = {
    "airbyte": _PRINCIPAL,
    "akeyless": {"access_id": "login", "access_key": "password"},
    "alibaba_cloud": _in_extra("access_key_id", "access_key_secret"),
    "anthropic": {**_API_KEY, "base_url": "host"},
    "asana": _TOKEN,
    "aws": {
        **dict.fromkeys(("access_key_id", "access_key"), "login"),
        **dict.fromkeys(
            ("secret_access_key", "secret_key", "access_key_secret", "access_secret_key", "secret"), "password"
        ),
        **dict.fromkeys(("access_session_token", "session_token"), f"{EXTRA}aws_session_token"),
    },
    **dict.fromkeys(
        ("azure", "azure_compute", "azure_container_instance", "azure_data_factory", "azure_synapse"),
        _WITH_SUBSCRIPTION,
    ),
    **dict.fromkeys(("azure_ai_agents", "azure_analysis_services"), _azure("tenantId")),
    "azure_cosmos": {
        **dict.fromkeys(("account_endpoint", "endpoint", "uri", "url", "host"), "login"),
        **dict.fromkeys(("account_key", "primary_key", "master_key", "key"), "password"),
        **dict.fromkeys(("database_name", "database"), f"{EXTRA}database_name"),
        "collection_name": f"{EXTRA}collection_name",
    },
    "azure_data_lake": {**_azure("tenant"), **_in_extra("account_name")},
    "azure_fileshare": {**_STORAGE, "sas_token": f"{EXTRA}sas_token"},
    "azure_service_bus": {"connection_string": "schema"},
    "cohere": {**_API_KEY, "base_url": "host"},
    "databricks": {**_TOKEN, **_PRINCIPAL, **_in_extra("http_path", "azure_tenant_id")},
    **dict.fromkeys(("dingding", "mcp"), _TOKEN),
    "datadog": {
        "api_key": f"{EXTRA}api_key",
        **dict.fromkeys(("app_key", "application_key"), f"{EXTRA}app_key"),
        "api_host": f"{EXTRA}api_host",
    },
    "dbt_cloud": {"account_id": "login", **_TOKEN, "service_token": "password", "api_key": "password"},
    "docker": {"registry": "host"},
    # `formats/hook_adjustments.py` replaces a Cloud ID by the host that it contains.
    "elasticsearch": _in_extra("api_key", CLOUD_ID),
    "facebook_social": _in_extra("app_id", "app_secret", "access_token", "account_id"),
    "gcp_looker": {**_PRINCIPAL, "base_url": "host"},
    "git": _TOKEN,
    "github": {**_TOKEN, "pat": "password"},
    "iceberg": {**_PRINCIPAL, "uri": "host"},
    "influxdb": {
        **dict.fromkeys(("token", "auth_token"), f"{EXTRA}token"),
        **dict.fromkeys(("org", "organization", "org_name"), f"{EXTRA}org"),
    },
    "influxdb3": {
        **dict.fromkeys(("token", "auth_token"), f"{EXTRA}token"),
        **dict.fromkeys(("org", "organization"), f"{EXTRA}org"),
    },
    "jenkins": _TOKEN,
    "jira": {"url": "host", "email": "login", **_TOKEN},
    "kylin": {"project": "schema"},
    # The hooks of Kafka read nothing but `extra`.
    "kafka": {"bootstrap_servers": f"{EXTRA}bootstrap.servers"},
    "modal": {"token_id": "login", "token_secret": "password"},
    **dict.fromkeys(("msgraph", "powerbi"), _MSGRAPH),
    "openai": {**_API_KEY, **dict.fromkeys(("base_url", "api_base"), "host")},
    "opsgenie": {**_API_KEY, "token": "password", "api_url": "host"},
    "oss": {**_ALIBABA, "secret_access_key": f"{EXTRA}access_key_secret", "endpoint": f"{EXTRA}endpoint"},
    "pagerduty": {**_TOKEN, **_API_KEY, **dict.fromkeys(("routing_key", "integration_key"), f"{EXTRA}routing_key")},
    "pagerduty_events": dict.fromkeys(("integration_key", "routing_key"), "password"),
    "pinecone": {**_API_KEY, "environment": "login", "region": f"{EXTRA}region"},
    "qdrant": {**_API_KEY, **dict.fromkeys(("url", "uri"), f"{EXTRA}url")},
    "salesforce": {
        **dict.fromkeys(("security_token", "token"), f"{EXTRA}security_token"),
        **_in_extra("domain", "instance", "instance_url", "organization_id", "client_id", "consumer_key"),
        **_in_extra("consumer_secret", "private_key"),
    },
    "samba": dict.fromkeys(("share", "share_name"), "schema"),
    "segment": _in_extra("write_key"),
    "slack": {**_TOKEN, "bot_token": "password"},
    "slackwebhook": dict.fromkeys(("webhook_url", "webhook", "url", "token"), "password"),
    "tableau": dict.fromkeys(("site_id", "site"), f"{EXTRA}site_id"),
    "telegram": {**dict.fromkeys(("bot_token", "token"), "password"), **dict.fromkeys(("chat_id", "chat"), "host")},
    "trino": {**dict.fromkeys(_JWT, f"{EXTRA}jwt__token"), "catalog": f"{EXTRA}catalog"},
    "presto": _in_extra("catalog"),
    "vault": {
        **{"addr": "host", "role_id": "login", "secret_id": "password", "token": "password"},
        **dict.fromkeys(("mount_point", "mount_path"), "schema"),
    },
    "wasb": {**_STORAGE, "sas_token": f"{EXTRA}sas_token"},
    "weaviate": {
        **dict.fromkeys(("api_key", "token"), f"{EXTRA}api_key"),
        **_in_extra("access_token", "refresh_token"),
    },
    "yandexcloud": _in_extra("service_account_json", "oauth", "folder_id", "endpoint"),
    "ydb": _in_extra("database", "token", "service_account_json"),
    "zendesk": {"email": "login", **dict.fromkeys(("token", "api_token"), f"{EXTRA}token"), **_in_extra("oauth_token")},
}

# The method of logging in that follows from a name, without which the hook would use another one.
_METHODS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("databricks", "client_secret"): {"service_principal_oauth": True},
    ("oss", "access_key_id"): {"auth_type": "AK"},
    **{("trino", name): {"auth": "jwt"} for name in _JWT},
    ("vault", "secret_id"): {"auth_type": "approle"},
}


def plain(name: str) -> str:
    """Return a name without what differs between its forms, such as ``tenant_id`` and ``tenantId``."""
    return name.lower().replace("-", "").replace("_", "").replace(".", "")


_BY_PLAIN_NAME = {conn_type: {plain(name): name for name in names} for conn_type, names in NAMES.items()}


def keys_of_type(conn_type: str, keys: Mapping[str, str]) -> tuple[dict[str, str], Mapping[str, Any]]:
    """Return the keys of the fields with a name of the type, and the part of ``extra`` that follows from the names.

    Args:
        keys: the data keys, by the name to compare.
    """
    names = _BY_PLAIN_NAME.get(conn_type)
    if names is None:
        return {}, _NOTHING
    # Variables begin with the name of the software: `COHERE_API_KEY`. A name without it is used first.
    start = plain(conn_type)
    by_plain_name = {plain(name).removeprefix(start): key for name, key in keys.items()}
    by_plain_name |= {plain(name): key for name, key in keys.items()}
    by_name = {name: by_plain_name[each] for each, name in names.items() if each in by_plain_name}
    found: dict[str, str] = {}
    extra: dict[str, Any] = {}
    for name, field in NAMES[conn_type].items():
        if name in by_name and field not in found:
            found[field] = by_name[name]
            extra |= _METHODS.get((conn_type, name), _NOTHING)
    return found, extra
