"""Connection Secrets of Crossplane: by reference, described by an annotation, and composed with a label."""

from __future__ import annotations

from pathlib import Path

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support import kubectl
from support.cluster import Cluster
from support.crds import Crds
from support.examples import EXAMPLES, Namespaces, backend_kwargs, manifest
from support.operators import composed, of_rds_instance, rds_details, secret
from support.secrets import CONNECTION, MakeBackend

ADDRESS = "warehouse.abcdefgh.eu-central-1.rds.amazonaws.com"
PASSWORD = "p@ss:/w%rd?#+"


def test_by_reference(cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces) -> None:
    """The key ``endpoint`` contains the port too. No key contains the type or the database."""
    cluster.apply(of_rds_instance(manifest("crossplane/instance.yaml", namespaces), ADDRESS, PASSWORD))

    backend = make_backend(**backend_kwargs("crossplane/airflow.cfg", namespaces))
    connection = backend.get_connection("warehouse")

    assert (connection.host, connection.port) == (ADDRESS, 5432)
    assert (connection.login, connection.password) == ("airflow", PASSWORD)
    assert (connection.conn_type, connection.schema, connection.extra_dejson) == ("generic", None, {})


@kubectl.needs_kubectl
def test_by_reference_with_an_annotation(
    cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces, tmp_path: Path
) -> None:
    cluster.apply(of_rds_instance(manifest("crossplane/instance.yaml", namespaces), ADDRESS, PASSWORD))
    script = (EXAMPLES / "crossplane/describe.sh").read_text()
    kubectl.run(script.replace("=databases", f"={namespaces['databases']}"), cluster, tmp_path)

    backend = make_backend(**backend_kwargs("crossplane/airflow.cfg", namespaces))
    connection = backend.get_connection("warehouse")

    assert (connection.conn_type, connection.host, connection.port) == ("postgres", ADDRESS, 5432)
    assert (connection.login, connection.password, connection.schema) == ("airflow", PASSWORD, "warehouse")


def test_endpoint_without_other_keys_for_the_host(
    cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces
) -> None:
    """Other resources have such Secrets: the port is split from the host."""
    made = of_rds_instance(manifest("crossplane/instance.yaml", namespaces), ADDRESS, PASSWORD)
    for key in ("address", "host", "port"):
        del made["data"][key]
    cluster.apply(made)

    backend = make_backend(**backend_kwargs("crossplane/airflow.cfg", namespaces))
    connection = backend.get_connection("warehouse")

    assert (connection.host, connection.port) == (ADDRESS, 5432)


def test_an_aurora_cluster(cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces) -> None:
    """Its keys differ: ``config/cluster/rds/config.go`` in provider-upjet-aws at 75a4c57162."""
    data = {
        "endpoint": ADDRESS,
        "reader_endpoint": f"reader.{ADDRESS}",
        "port": "5432",
        "master_username": "airflow",
        "attribute.master_password": PASSWORD,
    }
    type = "connection.crossplane.io/v1alpha1"
    cluster.apply(secret("warehouse-connection", namespaces["databases"], data, type))

    backend = make_backend(**backend_kwargs("crossplane/airflow.cfg", namespaces))
    connection = backend.get_connection("warehouse")

    assert (connection.host, connection.port) == (ADDRESS, 5432)
    assert (connection.login, connection.password, connection.extra_dejson) == ("airflow", PASSWORD, {})


def test_composed_with_a_label(cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces) -> None:
    composite = manifest("crossplane/database.yaml", namespaces)
    details = rds_details("airflow", ADDRESS, PASSWORD)
    made = composed(manifest("crossplane/composition.yaml", namespaces), composite, details)["connection"]
    cluster.apply(made)

    connection = backend.get_connection("warehouse")

    assert (connection.conn_type, connection.host, connection.port, connection.schema) == (
        "postgres",
        ADDRESS,
        5432,
        "warehouse",
    )
    assert (connection.login, connection.password, connection.extra_dejson) == ("airflow", PASSWORD, {})


def test_composed_resources_match_their_schemas(crds: Crds, namespaces: Namespaces) -> None:
    composite = manifest("crossplane/database.yaml", namespaces)
    made = composed(manifest("crossplane/composition.yaml", namespaces), composite, None)

    assert crds.problems(made["instance"]) == []
    assert made["instance"]["spec"]["writeConnectionSecretToRef"] == {"name": "warehouse-details"}


def test_no_labelled_secret_before_the_database_exists(namespaces: Namespaces) -> None:
    composition = manifest("crossplane/composition.yaml", namespaces)
    composite = manifest("crossplane/database.yaml", namespaces)
    for details in (None, {}, {"username": "airflow", "password": PASSWORD}):
        made = composed(composition, composite, details)

        assert not any(CONNECTION in each["metadata"]["labels"] for each in made.values())
