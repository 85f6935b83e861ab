"""A program that builds the client of each hook, and prints what the client was given. It uses no network.

It runs in the environment of ``requirements/hooks.txt``, which has the providers. The input is an object as JSON. Its
``clients`` are a list of ``[connection id, class of the hook]``. In the output, they are a list with
``{"given": [...]}`` or ``{"error": ...}`` for each: all strings, numbers and booleans in the client object, or in the
arguments of the function of the driver that would connect, with the name of this function. A value that has a name is
also there as ``<name>=<value>``.

The ``hooks`` are classes. Their ``first_arguments`` in the output are those of each class that can be imported.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import DEFAULT, MagicMock, patch

from airflow.sdk._shared.secrets_masker import reset_secrets_masker

DEPTH = 6


@dataclass(frozen=True)
class Recipe:
    """How the client of a hook is built.

    Attributes:
        conn_id: the name of the argument with the connection id.
        client: returns the client, or what the hook passes to it later.
        recorded: functions and classes of the driver that would connect, by the name under which the hook finds them.
            A recorder replaces each.
        arguments: more arguments of the hook.
        checked: a function of the driver that refuses wrong arguments of the recorded function without connecting.
    """

    conn_id: str
    client: Callable[[Any], object]
    recorded: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    checked: str = ""


def get_conn(hook: Any) -> object:
    return hook.get_conn()


def itself(hook: Any) -> object:
    return hook


def of_aws(hook: Any) -> object:
    settings = hook.conn_config
    return [hook.get_credentials(region_name="eu-west-1"), settings.endpoint_url, settings.region_name]


def of_cosmos(hook: Any) -> object:
    hook.get_conn()
    return hook.default_database_name


def of_dbt_cloud(hook: Any) -> object:
    return [hook.get_conn(), hook.base_url, hook.connection.login]


def of_discord(hook: Any) -> object:
    return [hook.get_conn(), hook.base_url, hook.webhook_endpoint]


def of_databricks(hook: Any) -> object:
    # The token of a service principal is in the response, which the recorder does not have.
    token = None
    with suppress(Exception):
        token = hook._get_token()
    return [hook.host, token]


def of_vault(hook: Any) -> object:
    # For an AppRole, the client logs in at once, and there is no server.
    client = None
    with suppress(Exception):
        client = hook.vault_client.client
    return client if client is not None else hook.vault_client


def of_kubernetes(hook: Any) -> object:
    return hook.get_conn().configuration


def of_smtp(hook: Any) -> object:
    hook.get_conn()
    return hook.from_email


def of_http(hook: Any) -> object:
    return [hook.get_conn(), hook.base_url]


RECIPES: Mapping[str, Recipe] = {
    "AdminClientHook": Recipe("azure_service_bus_conn_id", get_conn),
    "AirbyteHook": Recipe("airbyte_conn_id", lambda hook: hook.airbyte_api),
    "AwsBaseHook": Recipe("aws_conn_id", of_aws, arguments={"client_type": "sts"}),
    "AwsGenericHook": Recipe("aws_conn_id", of_aws, arguments={"client_type": "sts"}),
    "AzureBaseHook": Recipe(
        "conn_id",
        get_conn,
        ("airflow.providers.microsoft.azure.hooks.base_azure.ServicePrincipalCredentials",),
        {"sdk_client": dict},
    ),
    "AzureCosmosDBHook": Recipe(
        "azure_cosmos_conn_id", of_cosmos, ("airflow.providers.microsoft.azure.hooks.cosmos.CosmosClient",)
    ),
    "CassandraHook": Recipe(
        "cassandra_conn_id", itself, ("airflow.providers.apache.cassandra.hooks.cassandra.Cluster",)
    ),
    "ClickHouseHook": Recipe("clickhouse_conn_id", get_conn, ("clickhouse_connect.get_client",)),
    "DatabricksHook": Recipe("databricks_conn_id", of_databricks, ("requests.post", "requests.get")),
    "DatadogHook": Recipe("datadog_conn_id", itself, ("airflow.providers.datadog.hooks.datadog.initialize",)),
    "DbtCloudHook": Recipe("dbt_cloud_conn_id", of_dbt_cloud),
    "DiscordWebhookHook": Recipe("http_conn_id", of_discord),
    "DockerHook": Recipe(
        "docker_conn_id",
        get_conn,
        ("airflow.providers.docker.hooks.docker.APIClient",),
        {"base_url": "unix://var/run/docker.sock"},
    ),
    "ElasticsearchSQLHook": Recipe("elasticsearch_conn_id", get_conn),
    "GitHook": Recipe("git_conn_id", itself),
    "GithubHook": Recipe("github_conn_id", lambda hook: hook.client),
    "GoogleBaseHook": Recipe("gcp_conn_id", lambda hook: hook.get_credentials()),
    "HttpHook": Recipe("http_conn_id", of_http),
    "InfluxDBHook": Recipe("conn_id", get_conn),
    "JenkinsHook": Recipe("conn_id", itself, ("jenkins.Jenkins",)),
    "KafkaAdminClientHook": Recipe(
        "kafka_config_id", get_conn, ("airflow.providers.apache.kafka.hooks.base.AdminClient",)
    ),
    "KubernetesHook": Recipe("conn_id", of_kubernetes),
    "MongoHook": Recipe("mongo_conn_id", get_conn, ("airflow.providers.mongo.hooks.mongo.MongoClient",)),
    "MsSqlHook": Recipe("mssql_conn_id", get_conn, ("pymssql.connect",)),
    "MySqlHook": Recipe("mysql_conn_id", get_conn, ("MySQLdb.connect",)),
    "Neo4jHook": Recipe("conn_id", get_conn, ("airflow.providers.neo4j.hooks.neo4j.GraphDatabase",)),
    "OpenAIHook": Recipe("conn_id", lambda hook: hook.conn),
    "OpenSearchHook": Recipe("open_search_conn_id", lambda hook: hook.client, arguments={"log_query": False}),
    "OracleHook": Recipe("oracle_conn_id", get_conn, ("oracledb.connect",)),
    "PagerdutyHook": Recipe("pagerduty_conn_id", lambda hook: hook.client()),
    "PostgresHook": Recipe(
        "postgres_conn_id",
        get_conn,
        ("psycopg.connection.Connection.connect",),
        checked="psycopg.conninfo:make_conninfo",
    ),
    "RedisHook": Recipe("redis_conn_id", get_conn, ("airflow.providers.redis.hooks.redis.RedisCluster",)),
    "RedshiftSQLHook": Recipe("redshift_conn_id", get_conn, ("redshift_connector.connect",)),
    "SSHHook": Recipe("ssh_conn_id", get_conn, ("paramiko.SSHClient",)),
    "SlackHook": Recipe("slack_conn_id", lambda hook: hook.client),
    "SlackWebhookHook": Recipe("slack_webhook_conn_id", lambda hook: hook.client),
    "SmtpHook": Recipe("smtp_conn_id", of_smtp, ("smtplib.SMTP", "smtplib.SMTP_SSL")),
    "SnowflakeHook": Recipe("snowflake_conn_id", get_conn, ("snowflake.connector.connect",)),
    "VaultHook": Recipe("vault_conn_id", of_vault),
    "WasbHook": Recipe("wasb_conn_id", get_conn),
}


def texts(value: object, depth: int = DEPTH, seen: set[int] | None = None) -> Iterator[str]:
    """Yield each string, number and boolean in a value and in its attributes."""
    if isinstance(value, (str, int, float)):
        yield str(value)
        return
    if isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
        return
    seen = set() if seen is None else seen
    if (
        depth == 0
        or id(value) in seen
        or inspect.ismodule(value)
        or inspect.isclass(value)
        or isinstance(value, MagicMock)
    ):
        return
    seen.add(id(value))
    if isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            yield from texts(each, depth - 1, seen)
    elif isinstance(value, dict):
        yield from named_texts(value, depth - 1, seen)
    else:
        yield from named_texts(vars_of(value), depth - 1, seen)


def named_texts(values: Mapping[Any, object], depth: int, seen: set[int]) -> Iterator[str]:
    """Yield each name, each string in the values, and each single value with its name."""
    for name, each in values.items():
        if isinstance(name, str):
            yield name
            if isinstance(each, (str, int, float)):
                yield f"{name}={each}"
            elif inspect.isclass(each):
                yield f"{name}={each.__name__}"
        yield from texts(each, depth, seen)


def vars_of(value: object) -> dict[str, object]:
    """Return the attributes of an object."""
    found = dict(getattr(value, "__dict__", {}))
    for base in type(value).__mro__:
        names = getattr(base, "__slots__", ())
        for name in (names,) if isinstance(names, str) else names:
            if hasattr(value, name):
                found[name] = getattr(value, name)
    return found


def recorder(checked: str) -> MagicMock:
    """Return a recorder in place of a function that connects. It calls the function that checks the arguments first."""

    def call(*arguments: object, **keywords: object) -> object:
        if checked:
            pkgutil.resolve_name(checked)(*arguments, **keywords)
        return DEFAULT

    return MagicMock(side_effect=call)


def given(conn_id: str, path: str) -> list[str]:
    """Return what the client of one hook is given."""
    module, _, name = path.rpartition(".")
    recipe = RECIPES[name]
    with ExitStack() as stack:
        recorders = {target: stack.enter_context(patch(target, recorder(recipe.checked))) for target in recipe.recorded}
        hook = getattr(importlib.import_module(module), name)(**{recipe.conn_id: conn_id}, **recipe.arguments)
        client = recipe.client(hook)
        calls = [
            [target, arguments, keywords]
            for target, each in recorders.items()
            for _name, arguments, keywords in each.mock_calls
        ]
        return sorted({*texts([calls, client])})


def first_arguments(paths: Sequence[str]) -> dict[str, str]:
    """Return the name of the first argument of each hook whose module can be imported, by the path of its class."""
    found = {}
    for path in paths:
        module, _, name = path.rpartition(".")
        hook = None
        with suppress(Exception):  # its provider may be missing
            hook = getattr(importlib.import_module(module), name)
        if hook is not None:
            found[path] = first_argument(hook)
    return found


def first_argument(hook: Any) -> str:
    """Return the name of a hook's first argument.

    A hook that passes all positional arguments on has that of its base class. For a SQL hook, an attribute names it.
    """
    for each in hook.__mro__:
        parameters = list(inspect.signature(each.__init__).parameters.values())[1:] if "__init__" in vars(each) else []
        if parameters and parameters[0].kind is parameters[0].POSITIONAL_OR_KEYWORD:
            return parameters[0].name
        if each.__name__ == "DbApiHook":
            return str(hook.conn_name_attr)
    return ""


def main() -> None:
    importlib.import_module("pymysql").install_as_MySQLdb()
    request = json.load(sys.stdin)
    results: list[dict[str, object]] = []
    for conn_id, path in request["clients"]:
        # Airflow's masker compiles a pattern of all passwords of the process again for each connection.
        reset_secrets_masker()
        try:
            results.append({"given": given(conn_id, path)})
        except Exception as error:
            results.append({"error": f"{type(error).__name__}: {error}"})
    printed = {"clients": results, "first_arguments": first_arguments(request["hooks"])}
    sys.stdout.write("\n" + json.dumps(printed))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
