"""The Secrets of a CloudNativePG Cluster: by reference, by an added or inherited label, and a separate one."""

from __future__ import annotations

import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support import kubectl
from support.cluster import Cluster
from support.examples import EXAMPLES, Namespaces, backend_kwargs, manifest, manifests
from support.logs import log_messages
from support.operators import of_cluster, secret
from support.secrets import CONNECTION, MakeBackend

PASSWORD = "p@ss:/w%rd?#+"


def facts(connection: Any) -> tuple[object, ...]:
    return (
        connection.conn_type,
        connection.host,
        connection.port,
        connection.schema,
        connection.login,
        connection.password,
        connection.extra_dejson,
    )


def expected(namespace: str, password: str = PASSWORD) -> tuple[object, ...]:
    host = f"warehouse-rw.{namespace}.svc.cluster.local"
    return "postgres", host, 5432, "warehouse", "airflow", password, {}


def test_by_reference(cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces) -> None:
    for made in of_cluster(manifest("cloudnative-pg/cluster.yaml", namespaces), PASSWORD).values():
        cluster.apply(made)

    backend = make_backend(**backend_kwargs("cloudnative-pg/airflow.cfg", namespaces))

    assert facts(backend.get_connection("warehouse")) == expected(namespaces["databases"])


@kubectl.needs_kubectl
def test_described_by_an_annotation(
    cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces, tmp_path: Path
) -> None:
    for made in of_cluster(manifest("cloudnative-pg/cluster.yaml", namespaces), PASSWORD).values():
        cluster.apply(made)
    script = (EXAMPLES / "cloudnative-pg/describe.sh").read_text()
    kubectl.run(script.replace("=databases", f"={namespaces['databases']}"), cluster, tmp_path)

    backend = make_backend(**backend_kwargs("cloudnative-pg/airflow.cfg", namespaces))

    *rest, extra = facts(backend.get_connection("warehouse"))
    assert extra == {"sslmode": "require"}
    assert tuple(rest) == expected(namespaces["databases"])[:-1]


def test_secrets_of_an_operator_before_1_25_3(
    cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces
) -> None:
    made = of_cluster(manifest("cloudnative-pg/cluster.yaml", namespaces), PASSWORD)["warehouse-app"]
    del made["data"]["fqdn-uri"], made["data"]["fqdn-jdbc-uri"]
    cluster.apply(made)

    backend = make_backend(**backend_kwargs("cloudnative-pg/airflow.cfg", namespaces))

    assert backend.get_connection("warehouse").host == f"warehouse-rw.{namespaces['databases']}"


@kubectl.needs_kubectl
def test_by_an_added_label(cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces, tmp_path: Path) -> None:
    resource = manifest("cloudnative-pg/cluster.yaml", namespaces)
    # The backend of these tests may list this namespace.
    resource["metadata"]["namespace"] = namespaces["airflow-secrets"]
    for made in of_cluster(resource, PASSWORD).values():
        cluster.apply(made)
    backend = make_backend(namespace=namespaces["airflow-secrets"])
    assert backend.get_connection("warehouse") is None

    script = (EXAMPLES / "cloudnative-pg/label.sh").read_text()
    kubectl.run(
        script.replace("=databases", f"={namespaces['airflow-secrets']}"),
        cluster,
        tmp_path,
    )

    assert facts(backend.get_connection("warehouse")) == expected(namespaces["airflow-secrets"])


def test_by_an_inherited_label(
    cluster: Cluster,
    backend: KubernetesSecretsBackend,
    namespaces: Namespaces,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The Secret for pulling images inherits the label too, and may be older; it contains no connection."""
    made = of_cluster(manifest("cloudnative-pg/cluster-inherited.yaml", namespaces), PASSWORD, pull_secret=True)
    labelled = [name for name, each in made.items() if CONNECTION in each["metadata"]["labels"]]
    assert labelled == ["warehouse-app", "warehouse-pull"]
    for each in reversed(made.values()):
        cluster.apply(each)

    assert facts(backend.get_connection("warehouse")) == expected(namespaces["airflow-secrets"])
    [warning] = log_messages(caplog)
    assert "/warehouse-pull, key 'value': there is no such key in its data" in warning
    assert "This Secret is skipped" in warning


def test_with_the_label_on_every_secret_of_the_cluster(
    cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces
) -> None:
    """A Secret with certificates is not a connection, even with the label."""
    for each in of_cluster(manifest("cloudnative-pg/cluster-inherited.yaml", namespaces), PASSWORD).values():
        each["metadata"]["labels"][CONNECTION] = "warehouse"
        cluster.apply(each)

    assert facts(backend.get_connection("warehouse")) == expected(namespaces["airflow-secrets"])


def test_an_inherited_label_and_the_superuser(
    cluster: Cluster,
    backend: KubernetesSecretsBackend,
    namespaces: Namespaces,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The page warns about this: the superuser's Secret is older, and contains a connection as well."""
    resource = manifest("cloudnative-pg/cluster-inherited.yaml", namespaces)
    resource["spec"]["enableSuperuserAccess"] = True
    made = of_cluster(resource, PASSWORD)
    cluster.apply(made["warehouse-superuser"])
    # Creation times have whole seconds.
    time.sleep(1.1)
    cluster.apply(made["warehouse-app"])

    connection = backend.get_connection("warehouse")

    assert (connection.login, connection.schema) == ("postgres", None)
    [warning] = log_messages(caplog)
    assert "the first by age and name is used" in warning
    assert "warehouse-superuser. Not used: " in warning


def test_by_a_separate_secret(cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces) -> None:
    own, resource = manifests("cloudnative-pg/cluster-own-secret.yaml", namespaces)
    init = resource["spec"]["bootstrap"]["initdb"]
    assert (init["secret"]["name"], init["owner"]) == (own["metadata"]["name"], own["stringData"]["username"])
    assert "warehouse-app" not in of_cluster(resource, PASSWORD)
    cluster.apply(own)

    assert facts(backend.get_connection("warehouse")) == (
        "postgres",
        "warehouse-rw.airflow-secrets.svc",
        5432,
        "warehouse",
        "airflow",
        "change-me",
        {},
    )


def test_a_copy_in_another_namespace(
    cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces
) -> None:
    """The key ``host`` of the copy is a name that is only valid in the other namespace."""
    made = of_cluster(manifest("cloudnative-pg/cluster.yaml", namespaces), PASSWORD)["warehouse-app"]
    copy = {"name": "copy", "namespace": namespaces["airflow-secrets"], "labels": {CONNECTION: "warehouse"}}
    cluster.apply({**made, "metadata": copy})

    assert facts(backend.get_connection("warehouse")) == expected(namespaces["databases"])


def test_copy_without_the_uri(cluster: Cluster, backend: KubernetesSecretsBackend, namespaces: Namespaces) -> None:
    """The page warns about this: without a URI, neither the namespace nor the type is known."""
    made = of_cluster(manifest("cloudnative-pg/cluster.yaml", namespaces), PASSWORD)["warehouse-app"]
    parts = {key: made["data"][key] for key in ("host", "port", "dbname", "username", "password")}
    copy = secret("copy", namespaces["airflow-secrets"], {}, labels={CONNECTION: "warehouse"})
    cluster.apply({**copy, "data": parts})

    connection = backend.get_connection("warehouse")

    assert (connection.host, connection.conn_type) == ("warehouse-rw", "generic")


def test_a_password_that_external_secrets_operator_has_renewed(
    cluster: Cluster, make_backend: MakeBackend, namespaces: Namespaces
) -> None:
    """By https://cloudnative-pg.io/docs/current/cncf-projects/external-secrets the ``fqdn-uri`` keeps the old one."""
    made = of_cluster(manifest("cloudnative-pg/cluster.yaml", namespaces), "old")["warehouse-app"]
    made["data"]["password"] = b64encode(b"new").decode()
    cluster.apply(made)

    backend = make_backend(**backend_kwargs("cloudnative-pg/airflow.cfg", namespaces))

    assert facts(backend.get_connection("warehouse")) == expected(namespaces["databases"], "new")
