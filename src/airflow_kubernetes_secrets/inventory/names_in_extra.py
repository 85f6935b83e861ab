"""The settings that hooks read in ``extra``, by connection type: for keys with these names that nothing reads.

A type is missing if ``formats/settings.py`` contains all its settings. Names of objects and lists are missing too,
because a key can only become a string in ``extra``. ``tests/hooks`` finds each name in the code of its provider.
"""

from __future__ import annotations

from collections.abc import Mapping

_AZURE_IDENTITY = ("managed_identity_client_id", "workload_identity_tenant_id")
_AZURE = ("tenantId", "subscriptionId", "key_path", *_AZURE_IDENTITY)
_GOOGLE = (
    *(
        "project",
        "key_path",
        "keyfile_dict",
        "key_secret_name",
        "key_secret_project_id",
        "credential_config_file",
        "scope",
    ),
    *("num_retries", "impersonation_chain", "quota_project_id", "idp_issuer_url", "client_id", "client_secret"),
)
_SSH = (
    *("key_file", "conn_timeout", "cmd_timeout", "compress", "no_host_key_check", "ciphers"),
    *("look_for_keys", "allow_host_key_change"),
)
_HTTP = ("timeout", "proxy", "verify", "cert", "allow_redirects", "max_redirects", "trust_env")
_KERBEROS = ("config", "service_name", "principal", "hostname_override", "ca_bundle")
_TRINO = (
    *("auth", "catalog", "source", "isolation_level", "verify"),
    *(f"kerberos__{name}" for name in _KERBEROS),
)
_MSGRAPH = ("tenant_id", "api_version", "authority", "base_url", "certificate_path", "certificate_data", "drive_id")
_OSS = ("access_key_id", "access_key_secret", "auth_type", "region")

_OPENAI = (
    *("workload_identity_provider", "identity_provider_id", "service_account_id", "token_provider", "token_type"),
    *("token_file_path", "audience"),
)

# The providers' pages on connections list most of these names:
# https://airflow.apache.org/docs/#providers-packages
NAMES_IN_EXTRA: Mapping[str, tuple[str, ...]] = {
    "adls": ("tenant_id", "account_url", "connection_string", *_AZURE_IDENTITY),
    "adb_spark": _OSS,
    "akeyless": (
        *("access_type", "api_url", "uid_token", "jwt_token", "k8s_auth_config_name", "certificate_data"),
        *("private_key_data", "gcp_audience", "azure_object_id"),
    ),
    "alibaba_cloud": ("access_key_id", "access_key_secret"),
    "anthropic": ("platform", "model", "aws_region", "project_id", "region", "resource"),
    "apprise": ("config",),
    "asana": ("project", "workspace"),
    "athena": ("aws_domain", "catalog", "region_name"),
    "aws": (
        *("region_name", "role_arn", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
        *("endpoint_url", "profile_name", "assume_role_method", "verify"),
    ),
    "azure": (*_AZURE, "cloud_environment"),
    "azure_ai_agents": ("tenantId", "endpoint", "cloud_environment", *_AZURE_IDENTITY),
    "azure_analysis_services": ("tenantId",),
    "azure_batch": ("account_url", *_AZURE_IDENTITY),
    "azure_compute": _AZURE,
    "azure_container_instance": (*_AZURE, "cloud_environment"),
    "azure_container_registry": ("resource_group", "subscription_id", *_AZURE_IDENTITY),
    "azure_container_volume": ("connection_string", "resource_group", "subscription_id", *_AZURE_IDENTITY),
    "azure_cosmos": (
        *("database_name", "collection_name", "partition_key", "resource_group_name", "subscription_id"),
        *_AZURE_IDENTITY,
    ),
    "azure_data_explorer": ("tenant", "auth_method", "certificate", "thumbprint", *_AZURE_IDENTITY),
    "azure_data_factory": ("tenantId", "subscriptionId", "factory_name", "resource_group_name", *_AZURE_IDENTITY),
    "azure_data_lake": ("tenant", "account_name", *_AZURE_IDENTITY),
    "azure_fileshare": ("connection_string", "sas_token", *_AZURE_IDENTITY),
    "azure_service_bus": ("credential", "fully_qualified_namespace", *_AZURE_IDENTITY),
    "azure_synapse": ("tenantId", "subscriptionId", *_AZURE_IDENTITY),
    "cassandra": ("load_balancing_policy", "cql_version", "protocol_version"),
    "clickhouse": ("client_name", "compress", "connect_timeout", "send_receive_timeout", "verify"),
    "databricks": (
        *("azure_tenant_id", "azure_resource_id", "azure_managed_identity_client_id", "http_path"),
        *("federated_k8s", "client_id", "audience"),
    ),
    "datadog": ("api_host", "api_key", "app_key", "source_type_name"),
    "dataprep": ("token", "base_url"),
    "discord": ("webhook_endpoint", *_HTTP),
    "docker": ("email", "reauth"),
    "drill": ("dialect_driver", "storage_plugin"),
    "druid": ("endpoint", "ssl_verify_cert"),
    "facebook_social": ("app_id", "app_secret", "access_token", "account_id"),
    "duckdb_aws": ("aws_conn_id", "endpoint_url"),
    "fs": ("path",),
    "gcpbigquery": (*_GOOGLE, "location", "priority"),
    "gcpcloudsql": _GOOGLE,
    "gcpcloudsqldb": ("database_type", "project_id", "location", "instance", "sql_proxy_version"),
    "gcpspanner": (*_GOOGLE, "project_id", "instance_id", "database_id"),
    "gcpssh": (
        *("instance_name", "zone", "private_key", "private_key_passphrase", "host_key", *_SSH),
        *("use_internal_ip", "use_iap_tunnel", "use_oslogin", "expire_time"),
    ),
    "git": (
        *("key_file", "strict_host_key_checking", "known_hosts_file", "ssh_config_file", "host_proxy_cmd", "ssh_port"),
        *("github_app_id", "github_installation_id"),
    ),
    "github": ("key_path", "app_id", "private_key"),
    "google_ads": ("developer_token", "client_id", "client_secret", "refresh_token"),
    "google_cloud_platform": _GOOGLE,
    "grpc": ("auth_type", "credential_pem_file", "scopes"),
    "hive_cli": ("principal", "proxy_user", "zoo_keeper_namespace", "use_beeline", "high_availability"),
    "hive_metastore": ("auth_mechanism", "kerberos_service_name"),
    "hiveserver2": ("auth_mechanism", "kerberos_service_name"),
    "http": _HTTP,
    "iceberg": ("uri", "type", "token", "credential", "warehouse", "oauth2-server-uri", "scope"),
    "ibmmq": ("queue_manager", "channel", "open_options"),
    "imap": ("ssl_context",),
    "influxdb": ("token", "org"),
    "influxdb3": ("token", "org", "database"),
    "informatica_edc": ("provider_id", "security_domain", "domain", "modified_by"),
    "jdbc": ("driver_path", "driver_class", "sqlalchemy_scheme"),
    "jira": ("verify",),
    "jupyter_kernel": ("session_key",),
    "kubernetes": ("kube_config", "kube_config_path", "namespace", "cluster_context"),
    "livy": _HTTP,
    "maxcompute": ("access_key_id", "access_key_secret", "endpoint", "project"),
    "mcp": ("transport", "command"),
    "modal": ("environment",),
    "mongo": ("allow_insecure",),
    "msgraph": _MSGRAPH,
    "mysql": ("charset",),
    "neo4j": ("neo4j_scheme", "certs_self_signed", "certs_trusted_ca"),
    "odbc": ("driver", "dsn"),
    "openai": ("auth_type", *_OPENAI),
    "opensearch": ("url_prefix", "opaque_id"),
    "oracle": ("module", "mode", "purity", "thick_mode", "thick_mode_lib_dir", "thick_mode_config_dir"),
    "oss": (*_OSS, "endpoint"),
    "pagerduty": ("routing_key",),
    "pinecone": ("region",),
    "pinot": ("endpoint",),
    "powerbi": _MSGRAPH,
    # PostgresHook passes all of `extra` to libpq:
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
    "postgres": (
        *("application_name", "connect_timeout", "hostaddr", "keepalives_idle", "gssencmode", "krbsrvname"),
        *("passfile", "tcp_user_timeout", "aws_conn_id", "azure_conn_id", "cluster-identifier", "workgroup-name"),
    ),
    "presto": _TRINO,
    "pydanticai": ("model",),
    "pydanticai_azure": ("model", "api_version"),
    "pydanticai_bedrock": (
        *("model", "api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "region_name"),
        *("profile_name", "base_url"),
    ),
    "pydanticai_snowflake": ("model", "snowflake_conn_id"),
    "pydanticai_vertex": ("model", "api_key", "project", "location", "base_url", "service_account_info"),
    "qdrant": ("grpc_port", "url", "prefix", "https"),
    "redis": ("db", "ssl_check_hostname"),
    "redshift": ("iam", "cluster_identifier", "region", "is_serverless", "serverless_work_group"),
    "salesforce": (
        *("security_token", "domain", "consumer_key", "consumer_secret", "private_key", "private_key_file_path"),
        *("organization_id", "instance", "instance_url", "version", "client_id"),
    ),
    "samba": ("share_type", "auth_protocol"),
    "segment": ("write_key",),
    "sftp": _SSH,
    "slack": ("base_url", "timeout", "proxy"),
    "slackwebhook": ("timeout", "proxy"),
    "smtp": (
        *("timeout", "retry_limit", "ssl_context", "auth_type", "access_token", "client_id", "client_secret"),
        *("tenant_id", "scope"),
    ),
    "snowflake": (
        *("token", "token_endpoint", "refresh_token", "grant_type", "scope", "private_key_file", "insecure_mode"),
        *("proxy_host", "proxy_port", "proxy_user", "proxy_password", "private_key_content", "azure_conn_id"),
        *("client_request_mfa_token", "client_store_temporary_credential", "oauth_username", "oauth_password"),
        *("token_file_path", "workload_identity_provider"),
    ),
    "spark": ("queue", "deploy-mode", "spark-binary", "namespace", "principal", "keytab"),
    "spark_sql": ("queue",),
    "ssh": _SSH,
    "tableau": ("site_id", "verify", "auth", "jwt_file", "jwt_token"),
    "teradata": ("sslcipher", "sslcrc", "query_band"),
    "trino": (*_TRINO, "jwt__token", "jwt__file", "timezone", "certs__client_cert_path", "certs__client_key_path"),
    "vault": (
        *("auth_type", "auth_mount_point", "kv_engine_version", "role_id", "kubernetes_role", "kubernetes_jwt_path"),
        *("region", "gcp_key_path", "gcp_scopes", "azure_tenant_id", "azure_resource", "radius_host"),
        *("radius_port", "jwt_role", "jwt_token", "jwt_token_path"),
    ),
    "vespa": ("namespace", "schema", "vespa_cloud_secret_token", "client_cert_path", "client_key_path", "protocol"),
    "vertica": ("connection_timeout", "log_level"),
    "wasb": ("connection_string", "sas_token", "tenant_id", "account_key", "shared_access_key", *_AZURE_IDENTITY),
    "weaviate": (
        "token",
        "api_key",
        "access_token",
        "refresh_token",
        "client_secret",
        "grpc_host",
        "grpc_port",
        "scope",
    ),
    "webhdfs": ("verify", "cert", "key"),
    "winrm": (
        *("endpoint", "remote_port", "transport", "service", "keytab", "ca_trust_path", "cert_pem", "cert_key_pem"),
        *("server_cert_validation", "kerberos_hostname_override", "message_encryption"),
    ),
    "yandexcloud": ("service_account_json", "service_account_json_path", "oauth", "folder_id", "endpoint"),
    "ydb": ("database", "service_account_json", "service_account_json_path", "token"),
    "zendesk": ("token", "oauth_token", "use_token"),
}

# Other names of these settings in keys, in lower case and without ``-``, ``_`` and ``.``.
OTHER_NAMES: Mapping[str, Mapping[str, str]] = {
    **{
        conn_type: {"tenant": tenant, "subscription": "subscriptionId"}
        for conn_type, names in NAMES_IN_EXTRA.items()
        for tenant in ("tenantId", "tenant_id")
        if tenant in names and conn_type != "smtp"
    },
    "aws": {"assumerolearn": "role_arn", "profile": "profile_name", "token": "aws_session_token"},
    "databricks": {"tenant": "azure_tenant_id", "tenantid": "azure_tenant_id"},
    "influxdb": {"organization": "org", "orgname": "org"},
    "oracle": dict.fromkeys(("service", "pdb", "pdbname"), "service_name"),
    "salesforce": {"token": "security_token"},
    "tableau": {"site": "site_id"},
}

_OF_CLIENT = "openai_client_kwargs"
# A passcode is valid for some seconds.
_PASSCODE = (
    "",
    "SnowflakeHook passes no passcode. Use a private key, or a token in the password, with extra "
    '{"authenticator": "programmatic_access_token"}',
)
_OF_HOOK = "Pass the setting to the hook, or set its variable in the environment of the tasks"

# Names of keys that a hook reads in another form, or in no part of a connection, in the form of ``OTHER_NAMES``.
# Each has the name in ``extra`` with this effect (``host`` is the field), and an example for ``extra`` or another
# remedy.
IN_OTHER_FORM: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "aws": {
        "externalid": ("assume_role_kwargs", '{"assume_role_kwargs": {"ExternalId": "…"}}'),
        **dict.fromkeys(("insecure", "insecureskipverify", "skipverify"), ("verify", '{"verify": false}')),
        **dict.fromkeys(
            ("forcepathstyle", "pathstyle", "usepathstyle"),
            ("config_kwargs", '{"config_kwargs": {"s3": {"addressing_style": "path"}}}'),
        ),
    },
    "datadog": {"site": ("api_host", '{"api_host": "https://api.datadoghq.eu"}')},
    # https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-create-api-key
    "elasticsearch": dict.fromkeys(
        ("id", "apikeyid"),
        ("api_key", "Store the base64 of id:api_key, which Elasticsearch shows as 'encoded', and name its key"),
    ),
    "openai": {
        **dict.fromkeys(
            ("organization", "organizationid", "orgid", "org"),
            (_OF_CLIENT, '{"openai_client_kwargs": {"organization": "…"}}'),
        ),
        **dict.fromkeys(("project", "projectid"), (_OF_CLIENT, '{"openai_client_kwargs": {"project": "…"}}')),
        **dict.fromkeys(
            ("apiversion", "version"), (_OF_CLIENT, '{"openai_client_kwargs": {"default_query": {"api-version": "…"}}}')
        ),
    },
    # ImapHook begins with TLS, and knows the command LOGIN only.
    "imap": {
        "starttls": ("", "ImapHook has no STARTTLS. Use the port with TLS, 993"),
        **dict.fromkeys(
            ("accesstoken", "refreshtoken", "clientsecret", "oauth", "oauth2", "xoauth2"),
            ("", "ImapHook has no OAuth. Use a password, such as one for an app"),
        ),
    },
    "snowflake": dict.fromkeys(("passcode", "passcodeinpassword", "mfapasscode", "totp"), _PASSCODE),
    # https://docs.databricks.com/aws/en/integrations/compute-details
    "databricks": dict.fromkeys(
        ("warehouseid", "sqlwarehouseid"), ("http_path", '{"http_path": "/sql/1.0/warehouses/…"}')
    ),
    "github": {"installationid": ("installation_id", '{"installation_id": 12345678}')},
    "opsgenie": {"region": ("host", "https://api.eu.opsgenie.com")},
    "redis": {
        "iam": ("", _OF_HOOK),
        "clusternodes": ("startup_nodes", '{"cluster": true, "startup_nodes": "h0:6379,h1:6379"}'),
    },
    "trino": {
        **dict.fromkeys(("role", "roles"), ("roles", '{"roles": {"system": "…"}}')),
        "impersonateasowner": ("impersonate_as_owner", '{"impersonate_as_owner": true}'),
        "sessionproperties": ("session_properties", '{"session_properties": {"name": "…"}}'),
        "clienttags": ("client_tags", '{"client_tags": ["…"]}'),
        "extracredential": ("extra_credential", '{"extra_credential": [["name", "…"]]}'),
    },
    "vault": dict.fromkeys(("namespace", "skipverify", "cacert", "capath"), ("", _OF_HOOK)),
}
