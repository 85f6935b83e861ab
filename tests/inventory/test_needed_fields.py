"""What a hook needs to log in, and a connection lacks, is reported until the remedy is followed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from support.hook_texts import MARK, texts_of

URL = "https://h"
PRIVATE_KEY = f"-----BEGIN PRIVATE KEY-----\n{MARK}\n-----END PRIVATE KEY-----\n"
PRINCIPAL = {"login": "i", "password": MARK}
ALIBABA = {"access_key_id": "a", "access_key_secret": MARK}

# The type, a connection without what its hook needs, what is missing, and a part of the connection that has it.
CASES: list[tuple[str, Mapping[str, Any], str, Mapping[str, Any]]] = [
    *(
        (conn_type, {"login": "i", "extra": {"tenantId": "t", **more}}, "a password", {"password": MARK})
        for conn_type, more in (
            ("azure", {}),
            ("azure_compute", {"subscriptionId": "s"}),
            ("azure_container_instance", {"subscriptionId": "s"}),
            ("azure_synapse", {}),
        )
    ),
    ("azure", {"login": "i", "extra": {"tenantId": "t"}}, "a password", {"extra": {"managed_identity_client_id": "m"}}),
    (
        "azure_data_factory",
        {"login": "i", "extra": {"tenantId": "t", "subscriptionId": "s"}},
        "a password",
        {"password": MARK},
    ),
    (
        "azure_data_factory",
        {**PRINCIPAL, "extra": {"subscriptionId": "s"}},
        "'tenantId' in extra",
        {"extra": {"tenantId": "t"}},
    ),
    (
        "azure_data_factory",
        {**PRINCIPAL, "extra": {"tenantId": "t"}},
        "'subscriptionId' in extra",
        {"extra": {"extra__azure_data_factory__subscriptionId": "s"}},
    ),
    ("azure_synapse", PRINCIPAL, "'tenantId' in extra", {"extra": {"tenantId": "t"}}),
    (
        "azure_synapse",
        {"host": URL, **PRINCIPAL, "extra": {"tenantId": "t"}},
        "'subscriptionId' in extra",
        {"extra": {"subscriptionId": "s"}},
    ),
    (
        "azure_data_lake",
        {**PRINCIPAL, "extra": {"account_name": "a"}},
        "'tenant' in extra",
        {"extra": {"tenant": "t"}},
    ),
    (
        "azure_data_lake",
        {"login": "i", "extra": {"account_name": "a", "tenant": "t"}},
        "a password",
        {"password": MARK},
    ),
    ("azure_data_lake", {**PRINCIPAL, "extra": {"tenant": "t"}}, "'account_name'", {"extra": {"account_name": "a"}}),
    ("adls", {"host": "a", "login": "i", "extra": {"tenant_id": "t"}}, "a password", {"password": MARK}),
    ("wasb", {"login": "i", "host": URL, "extra": {"tenant_id": "t"}}, "a password", {"password": MARK}),
    *((each, PRINCIPAL, "'tenant_id' in extra", {"extra": {"tenant_id": "t"}}) for each in ("msgraph", "powerbi")),
    ("msgraph", {"login": "i", "extra": {"tenantId": "t"}}, "a password", {"extra": {"certificate_path": "/c"}}),
    ("azure_cosmos", {"login": URL}, "a password", {"password": MARK}),
    ("azure_cosmos", {"password": MARK}, "a login", {"login": URL}),
    ("azure_batch", PRINCIPAL, "'account_url' in extra", {"extra": {"account_url": URL}}),
    (
        "azure_data_explorer",
        {"host": URL, **PRINCIPAL},
        "'auth_method' in extra",
        {"extra": {"auth_method": "AAD_APP", "tenant": "t"}},
    ),
    *(
        ("azure_data_explorer", {"host": URL, **fields, "extra": {"auth_method": method, **extra}}, missing, more)
        for method, fields, extra, missing, more in (
            ("AAD_APP", {"password": MARK}, {"tenant": "t"}, "a login", {"login": "i"}),
            ("AAD_APP", {"login": "i"}, {"tenant": "t"}, "a password", {"password": MARK}),
            ("AAD_CREDS", PRINCIPAL, {}, "'tenant' in extra", {"extra": {"tenant": "t"}}),
            (
                "AAD_APP_CERT",
                {"login": "i"},
                {"tenant": "t", "certificate": MARK},
                "'thumbprint' in extra",
                {"extra": {"thumbprint": "x"}},
            ),
        )
    ),
    ("oss", {"extra": {**ALIBABA, "auth_type": "AK"}}, "'region' in extra", {"extra": {"region": "r"}}),
    ("oss", {"extra": {**ALIBABA, "region": "r"}}, "'auth_type' in extra", {"extra": {"auth_type": "AK"}}),
    ("alibaba_cloud", {"extra": {"access_key_id": "a"}}, "'access_key_secret'", {"extra": ALIBABA}),
    ("alibaba_cloud", {"extra": {"access_key_secret": MARK}}, "'access_key_id'", {"extra": ALIBABA}),
    ("databricks", {"host": URL, "login": "i"}, "a password", {"password": MARK, "extra": {"azure_tenant_id": "t"}}),
    ("snowflake", {"login": "u", "extra": {"account": "a"}}, "a password", {"extra": {"private_key_file": "/k"}}),
    ("snowflake", {"extra": {"account": "a", "private_key_content": MARK}}, "a login", {"login": "u"}),
    ("snowflake", {"extra": {"account": "a", "private_key_file": "/k"}}, "a login", {"login": "u"}),
    ("snowflake", {"password": MARK, "extra": {"account": "a"}}, "a login", {"login": "u"}),
    (
        "snowflake",
        {**PRINCIPAL, "extra": {"account": "a", "authenticator": "oauth", "token": MARK}},
        "'refresh_token' in extra",
        {"extra": {"grant_type": "client_credentials"}},
    ),
    ("ydb", {"host": "h", **PRINCIPAL}, "'database' in extra", {"extra": {"database": "/d"}}),
    ("teradata", {"host": "h", "login": "u"}, "a password", {"password": MARK}),
    ("impala", {"host": "h", **PRINCIPAL}, "'auth_mechanism' in extra", {"extra": {"auth_mechanism": "LDAP"}}),
    ("hiveserver2", {"host": "h", **PRINCIPAL}, "'auth_mechanism' in extra", {"extra": {"auth_mechanism": "LDAP"}}),
    ("docker", {"host": "h", "login": "u"}, "a password", {"password": MARK}),
    ("vault", {"host": "h"}, "a password", {"extra": {"auth_type": "kubernetes", "kubernetes_role": "r"}}),
    ("openai", {"host": URL}, "a password", {"password": MARK}),
    ("cohere", {"host": URL}, "a password", {"password": MARK}),
    ("pinecone", {"login": "e"}, "a password", {"password": MARK}),
    ("asana", {"extra": {"workspace": "w"}}, "a password", {"password": MARK}),
    ("opsgenie", {"host": URL}, "a password", {"password": MARK}),
    ("pagerduty", {"extra": {"routing_key": MARK}}, "a password", {"password": MARK}),
    ("telegram", {"host": "-1"}, "a password", {"password": MARK}),
    ("github", {"host": URL}, "a password", {"extra": {"key_path": "/k", "app_id": 1, "installation_id": 2}}),
    ("dbt_cloud", {"login": "1"}, "a password", {"password": MARK}),
    ("segment", {"password": MARK}, "'write_key' in extra", {"extra": {"write_key": MARK}}),
    ("tableau", {"host": URL, "login": "u"}, "a password", {"password": MARK}),
    ("tableau", {"host": URL, "extra": {"site_id": "s"}}, "a login", PRINCIPAL),
    ("tableau", {"host": URL}, "a login", {"extra": {"auth": "jwt", "jwt_token": MARK}}),
    (
        "facebook_social",
        {"extra": {"access_token": MARK, "account_id": "a", "app_id": "1"}},
        "'app_secret'",
        {"extra": {"app_secret": MARK}},
    ),
    ("zendesk", {"host": "x.zendesk.com", "extra": {"token": MARK}}, "a login", {"login": "a@b.c"}),
    ("zendesk", {"host": "x.zendesk.com", "password": MARK}, "a login", {"extra": {"oauth_token": MARK}}),
    ("arangodb", {"host": URL, "schema": "d", "password": MARK}, "a login", {"login": "u"}),
    ("arangodb", {"host": URL, **PRINCIPAL}, "a schema", {"schema": "d"}),
    ("ydb", {"host": "h", "extra": {"token": MARK}}, "'database' in extra", {"extra": {"database": "/d"}}),
    ("influxdb", {"host": "h", "extra": {"token": MARK}}, "'org' in extra", {"extra": {"org": "o"}}),
    ("influxdb3", {"host": "h", "extra": {"token": MARK}}, "'database' in extra", {"extra": {"database": "d"}}),
    ("influxdb3", {"host": "h", "extra": {"database": "d"}}, "'token' in extra", {"password": MARK}),
    *(
        (
            conn_type,
            {**PRINCIPAL, "extra": {"tenantId": "t"}},
            "'subscriptionId' in extra",
            {"extra": {"subscriptionId": "s"}},
        )
        for conn_type in ("azure_compute", "azure_container_instance")
    ),
    ("kylin", {"host": "h", "login": "u"}, "a password", {"password": MARK}),
    ("azure_service_bus", {"password": MARK}, "a schema", {"schema": "Endpoint=sb://x/"}),
    (
        "gcpcloudsqldb",
        {"host": "h", "extra": {"location": "l", "project_id": "p", "database_type": "postgres"}},
        "'instance' in extra",
        {"extra": {"instance": "i"}},
    ),
    ("qdrant", {"password": MARK}, "a host", {"extra": {"url": URL}}),
    *(
        ("vault", {"host": "h", **fields, "extra": {"auth_type": method, **extra}}, missing, more)
        for method, fields, extra, missing, more in (
            ("approle", {"password": MARK}, {}, "a login", {"login": "r"}),
            ("userpass", {"password": MARK}, {}, "a login", {"login": "u"}),
            ("ldap", {"login": "u"}, {}, "a password", {"password": MARK}),
            ("github", {}, {}, "a password", {"password": MARK}),
            ("radius", {"password": MARK}, {}, "'radius_host' in extra", {"extra": {"radius_host": "r"}}),
            ("kubernetes", {}, {}, "'kubernetes_role' in extra", {"extra": {"kubernetes_role": "r"}}),
            ("jwt", {}, {"jwt_role": "r"}, "'jwt_token' in extra", {"extra": {"jwt_token_path": "/t"}}),
            ("azure", {}, {"azure_resource": "r"}, "'azure_tenant_id' in extra", {"extra": {"azure_tenant_id": "t"}}),
            ("gcp", {"login": "r"}, {}, "'gcp_scopes' in extra", {"extra": {"gcp_scopes": "s"}}),
        )
    ),
    # VaultHook takes the path of a token as a parameter only.
    ("vault", {"host": "h", "extra": {"token_path": "/t"}}, "a password", {"password": MARK}),
    *(
        (
            "databricks",
            {"host": URL, "password": MARK, "extra": {name: value}},
            "a login, and uses the password as a token",
            {"login": "i"},
        )
        for name, value in (("service_principal_oauth", True), ("azure_tenant_id", "t"))
    ),
    ("redis", {"host": "h", "port": 6379, "login": "u"}, "a password", {"password": MARK}),
    ("oracle", {"host": "h", "login": "u"}, "a password", {"password": MARK}),
    ("cassandra", {"host": "h", "login": "u"}, "a password", {"password": MARK}),
    ("winrm", {"host": "h", "login": "u"}, "a password", {"extra": {"transport": "kerberos"}}),
    (
        "smtp",
        {"host": "h", "login": "u", "extra": {"auth_type": "oauth2"}},
        "'access_token' in extra",
        {"extra": {"client_id": "i", "client_secret": MARK}},
    ),
    ("github", {"extra": {"private_key": MARK, "installation_id": 2}}, "'app_id' in extra", {"extra": {"app_id": "1"}}),
    (
        "github",
        {"extra": {"key_path": "/k", "app_id": 1}},
        "'installation_id' in extra",
        {"extra": {"installation_id": 2}},
    ),
    (
        "git",
        {"host": f"{URL}/x.git", "extra": {"github_app_id": "1", "private_key": PRIVATE_KEY}},
        "'github_installation_id' in extra",
        {"extra": {"github_installation_id": "2"}},
    ),
    (
        "git",
        {"host": f"{URL}/x.git", "extra": {"github_app_id": "1", "github_installation_id": "2"}},
        "'private_key' in extra",
        {"extra": {"key_file": "/k"}},
    ),
    ("wasb", {"password": MARK}, "a login", {"login": "account"}),
    ("adls", {"password": MARK}, "a host", {"extra": {"account_url": URL}}),
    ("azure_fileshare", {"password": MARK}, "a login", {"login": "account"}),
    ("azure_container_volume", {"login": "account"}, "a password", {"password": MARK}),
    ("azure_container_registry", {"host": "r.azurecr.io", "password": MARK}, "a login", {"login": "u"}),
    (
        "azure_container_registry",
        {"host": "r.azurecr.io", "login": "u"},
        "a password",
        {"extra": {"resource_group": "g"}},
    ),
    ("azure_ai_agents", {"host": URL, **PRINCIPAL}, "'tenantId' in extra", {"extra": {"tenantId": "t"}}),
    ("azure_ai_agents", {"host": URL, "login": "i"}, "a password", {"password": MARK, "extra": {"tenantId": "t"}}),
    ("azure_ai_agents", {"host": URL, "extra": {"tenantId": "t"}}, "a login", PRINCIPAL),
    ("azure_analysis_services", {"host": "h", **PRINCIPAL}, "'tenantId' in extra", {"extra": {"tenantId": "t"}}),
    ("azure_analysis_services", {"host": "h", "extra": {"tenantId": "t"}}, "a login", PRINCIPAL),
    ("akeyless", {"login": "i"}, "a password", {"password": MARK}),
    ("akeyless", {"password": MARK}, "a login", {"login": "i"}),
    (
        "akeyless",
        {"login": "i", "extra": {"access_type": "jwt"}},
        "'jwt_token' in extra",
        {"extra": {"jwt_token": MARK}},
    ),
    ("anthropic", {"host": URL}, "a password", {"extra": {"platform": "vertex"}}),
    ("apprise", {"password": MARK}, "'config' in extra", {"extra": {"config": "{}"}}),
    ("athena", PRINCIPAL, "'region_name' in extra", {"extra": {"region_name": "r"}}),
    ("chime", {"host": "h", "password": MARK}, "a schema", {"schema": "https"}),
    ("cloudant", {"host": "h", "login": "u"}, "a password", {"password": MARK}),
    ("datadog", {"extra": {"app_key": MARK}}, "'api_key' in extra", {"extra": {"api_key": MARK}}),
    ("dataprep", {"password": MARK}, "'token' in extra", {"extra": {"token": MARK}}),
    ("dingding", {"host": URL}, "a password", {"password": MARK}),
    ("discord", {"host": URL}, "'webhook_endpoint' in extra", {"extra": {"webhook_endpoint": "webhooks/1/x"}}),
    ("gcp_looker", {"host": URL, "login": "i"}, "a password", {"password": MARK}),
    (
        "google_ads",
        {"extra": {"refresh_token": MARK}},
        "'developer_token' in extra",
        {"extra": {"developer_token": MARK}},
    ),
    ("grpc", {"host": "h"}, "'auth_type' in extra", {"extra": {"auth_type": "NO_AUTH"}}),
    (
        "grpc",
        {"host": "h", "extra": {"auth_type": "TLS"}},
        "'credential_pem_file'",
        {"extra": {"credential_pem_file": "/p"}},
    ),
    ("zendesk", {"host": "x.zendesk.com", "login": "a@b.c"}, "a password", {"extra": {"token": MARK}}),
    ("webhdfs", {"host": "h", "password": MARK}, "a login", {"login": "u"}),
    ("presto", {"host": "h", "password": MARK, "extra": {"protocol": "https"}}, "a login", {"login": "u"}),
    ("weaviate", {"host": "h", "password": MARK}, "a login", {"extra": {"api_key": MARK}}),
    ("weaviate", {"host": "h", "login": "u"}, "a password", {"password": MARK}),
    ("iceberg", PRINCIPAL, "a host", {"host": URL}),
    ("mcp", {"password": MARK}, "a host", {"extra": {"transport": "stdio", "command": "c"}}),
    ("modal", {"login": "i"}, "a password", {"password": MARK}),
    ("modal", {"password": MARK}, "a login", {"login": "i"}),
    ("ibmdb2", {"host": "h", **PRINCIPAL}, "a schema", {"schema": "d"}),
    ("ibmmq", {"host": "h", **PRINCIPAL}, "a port", {"port": 1414}),
    ("pinot_admin", {"host": "h"}, "a port", {"port": 9000}),
    ("informatica_edc", PRINCIPAL, "a host", {"host": "h"}),
    ("package_index", PRINCIPAL, "a host", {"host": URL}),
    ("package_index", {"host": URL, "password": MARK}, "a login", {"login": "u"}),
]


def said_of(conn_type: str, fields: Mapping[str, Any]) -> list[str]:
    return texts_of({"value": json.dumps({"conn_type": conn_type, **fields})})


@pytest.mark.parametrize(("conn_type", "fields", "missing", "more"), CASES)
def test_what_a_hook_needs(conn_type: str, fields: Mapping[str, Any], missing: str, more: Mapping[str, Any]) -> None:
    [text] = said_of(conn_type, fields)

    assert f"needs {missing}" in text
    extra = {**fields.get("extra", {}), **more.get("extra", {})}
    assert said_of(conn_type, {**fields, **more, "extra": extra}) == []


@pytest.mark.parametrize(
    ("conn_type", "fields"),
    [
        # The identity of the environment.
        ("azure", {"extra": {"subscriptionId": "s"}}),
        ("azure", {"login": "i"}),
        ("azure_data_factory", {"extra": {"subscriptionId": "s"}}),
        ("wasb", {"login": "account"}),
        ("azure_ai_agents", {"host": URL}),
        ("modal", {}),
        # Only AzureSynapsePipelineHook, which reads no subscription, works without a host.
        ("azure_synapse", {**PRINCIPAL, "extra": {"tenantId": "t"}}),
        ("vault", {"host": "h", "extra": {"auth_type": "aws_iam"}}),
        ("redis", {"host": "h", "port": 6379, "password": MARK}),
        # A server without authentication.
        ("impala", {"host": "h", "login": "u"}),
        ("hiveserver2", {"host": "h", "login": "u"}),
    ],
)
def test_what_a_hook_does_not_need(conn_type: str, fields: Mapping[str, Any]) -> None:
    assert said_of(conn_type, fields) == []
