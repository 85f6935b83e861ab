"""The Secret to seal, the result of kubeseal, and the Secret that the controller creates from it."""

from __future__ import annotations

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.cluster import Cluster
from support.examples import Namespaces, manifest
from support.operators import created_by_sealed_secret, sealed
from support.secrets import CONNECTION


def test_example_is_the_result_of_kubeseal(namespaces: Namespaces) -> None:
    expected = sealed(manifest("sealed-secrets/secret.yaml", namespaces))
    example = manifest("sealed-secrets/sealed-secret.yaml", namespaces)

    encrypted = example["spec"].pop("encryptedData")

    assert encrypted.keys() == expected["spec"].pop("encryptedData").keys()
    assert example == expected


def test_a_connection(cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces) -> None:
    values = manifest("sealed-secrets/secret.yaml", namespaces)["stringData"]
    cluster.apply(created_by_sealed_secret(manifest("sealed-secrets/sealed-secret.yaml", namespaces), values))

    connection = backend.get_connection("warehouse")

    assert (connection.conn_type, connection.host, connection.port, connection.schema) == (
        "postgres",
        "db.example.com",
        5432,
        "warehouse",
    )
    assert (connection.login, connection.password) == ("airflow", values["password"])
    assert connection.extra_dejson == {"sslmode": "require"}


def test_a_label_at_the_top_is_not_copied(
    cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces
) -> None:
    values = manifest("sealed-secrets/secret.yaml", namespaces)["stringData"]
    resource = manifest("sealed-secrets/sealed-secret.yaml", namespaces)
    resource["metadata"]["labels"] = resource["spec"]["template"]["metadata"].pop("labels")
    made = cluster.apply(created_by_sealed_secret(resource, values))

    assert CONNECTION not in made["metadata"].get("labels", {})
    assert backend.get_connection("warehouse") is None
