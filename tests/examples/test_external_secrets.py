"""The Secrets that External Secrets Operator creates from the examples, what Airflow gets, and known problems."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.cluster import Cluster
from support.examples import Namespaces, manifest
from support.logs import log_messages
from support.operators import created_by_external_secret
from support.secrets import CONNECTION

PASSWORD = "p@ss:/w%rd?#+ <&>\"'"

# The first is as AWS writes it for its own database, the second as RDS does for a password that it manages:
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
STORE: dict[str, dict[str, Any]] = {
    "prod/warehouse": {
        "engine": "postgres",
        "host": "warehouse.abcdefgh.eu-central-1.rds.amazonaws.com",
        "username": "airflow",
        "password": PASSWORD,
        "dbname": "warehouse",
        "port": 5432,
        "dbInstanceIdentifier": "warehouse",
    },
    "rds!db-5f2c9d3e": {"username": "airflow", "password": PASSWORD},
    "prod/partner": {"api_key": "a key\n"},
    "prod/airflow": {"sql_alchemy_conn": "postgresql+psycopg2://airflow:secret@db.example.com/airflow\n"},
}


def test_a_connection_without_a_template(
    cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces
) -> None:
    cluster.apply(created_by_external_secret(manifest("external-secrets/connection.yaml", namespaces), STORE))

    connection = backend.get_connection("warehouse")

    assert (connection.conn_type, connection.host, connection.port, connection.schema) == (
        "postgres",
        "warehouse.abcdefgh.eu-central-1.rds.amazonaws.com",
        5432,
        "warehouse",
    )
    assert (connection.login, connection.password, connection.extra_dejson) == ("airflow", PASSWORD, {})


def test_a_connection_with_a_template(
    cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces
) -> None:
    cluster.apply(created_by_external_secret(manifest("external-secrets/connection-template.yaml", namespaces), STORE))

    connection = backend.get_connection("billing")

    assert (connection.conn_type, connection.host, connection.port, connection.schema) == (
        "postgres",
        "billing.abcdefgh.eu-central-1.rds.amazonaws.com",
        5432,
        "billing",
    )
    assert (connection.login, connection.password) == ("airflow", PASSWORD)
    assert connection.extra_dejson == {"sslmode": "require"}


def test_a_variable_and_an_option(cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces) -> None:
    for name in ("variable", "config"):
        cluster.apply(created_by_external_secret(manifest(f"external-secrets/{name}.yaml", namespaces), STORE))

    assert backend.get_variable("partner_api_key") == "a key\n"
    assert backend.get_config("airflow-database") == "postgresql+psycopg2://airflow:secret@db.example.com/airflow"


def test_a_label_at_the_top_is_lost_with_a_template(
    cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces
) -> None:
    resource = manifest("external-secrets/connection.yaml", namespaces)
    resource["spec"]["target"] = {"template": {"type": "Opaque"}}
    made = cluster.apply(created_by_external_secret(resource, STORE))

    assert CONNECTION not in made["metadata"]["labels"]
    assert backend.get_connection("warehouse") is None


def test_keys_of_the_store_are_lost_without_the_merge_policy(
    cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces
) -> None:
    resource = manifest("external-secrets/connection-template.yaml", namespaces)
    del resource["spec"]["target"]["template"]["mergePolicy"]
    cluster.apply(created_by_external_secret(resource, STORE))

    connection = backend.get_connection("billing")

    assert (connection.host, connection.login, connection.password) == (
        "billing.abcdefgh.eu-central-1.rds.amazonaws.com",
        None,
        None,
    )


def test_a_secret_whose_keys_are_gone_from_the_store(
    cluster: Cluster,
    backend: KubernetesSecretsBackend,
    namespaces: Namespaces,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """``deletionPolicy: Merge`` leaves the Secret with its label, but empty."""
    cluster.apply(
        created_by_external_secret(manifest("external-secrets/connection.yaml", namespaces), {"prod/warehouse": {}})
    )

    assert backend.get_connection("warehouse") is None
    [warning] = log_messages(caplog)
    assert "This Secret is skipped" in warning
