"""The volumes of the examples, with the files that the kubelet, the CSI driver and Vault Agent would write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.charts import environment
from support.examples import EXAMPLES
from support.volumes import Volume

KWARGS = "AIRFLOW__SECRETS__BACKEND_KWARGS"
URI = "postgres://airflow:hunter2@db.example.com:5432/shop"

# The Secrets that the examples mount.
SECRETS = {
    "airflow-connections": {"warehouse": URI, "team-orders-eu": "http://orders.example.com"},
    "app-db-app": {"uri": URI, "username": "airflow", "password": "hunter2", "host": "db.example.com"},
    "airflow-variables": {"region": "eu-west-1"},
}


def example(name: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((EXAMPLES / "mounted" / name).read_text())
    return values


def backend_in(root: Path, values: dict[str, Any]) -> KubernetesSecretsBackend:
    """Return the backend of the workers, in a pod whose root is another folder."""
    kwargs = json.loads(environment(values, "workers")[KWARGS])
    return KubernetesSecretsBackend(**{**kwargs, "path": f"{root}{kwargs['path']}"})


def mounted(root: Path, values: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Return the only volume of the workers, and the path where it is mounted."""
    [volume], [mount] = values["workers"]["extraVolumes"], values["workers"]["extraVolumeMounts"]
    assert volume["name"] == mount["name"]
    assert mount["readOnly"]
    return volume, Path(f"{root}{mount['mountPath']}")


def files_of(source: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a source of a projected volume."""
    data = SECRETS[source["secret"]["name"]]
    return {item["path"]: data[item["key"]] for item in source["secret"]["items"]}


def test_a_projected_volume(tmp_path: Path) -> None:
    values = example("workers.yaml")
    volume, path = mounted(tmp_path, values)
    sources = volume["projected"]["sources"]
    files = {name: content for source in sources for name, content in files_of(source).items()}
    Volume(path).write(files, volume["projected"]["defaultMode"])

    backend = backend_in(tmp_path, values)

    assert backend.get_conn_value("warehouse") == URI
    assert backend.get_connection("team/orders@eu").host == "orders.example.com"
    assert backend.get_connection("my_db").schema == "shop"
    assert backend.get_variable("region") == "eu-west-1"


def test_a_whole_secret_by_name(tmp_path: Path) -> None:
    values = example("references.yaml")
    volume, path = mounted(tmp_path, values)
    Volume(path).write(SECRETS[volume["secret"]["secretName"]], volume["secret"]["defaultMode"])

    assert backend_in(tmp_path, values).get_connection("my_db").login == "airflow"


def test_the_csi_driver(tmp_path: Path) -> None:
    values, provided = example("csi.yaml"), example("secret-provider-class.yaml")
    volume, path = mounted(tmp_path, values)
    assert volume["csi"]["driver"] == "secrets-store.csi.k8s.io"
    assert volume["csi"]["volumeAttributes"]["secretProviderClass"] == provided["metadata"]["name"]
    objects = yaml.safe_load(provided["spec"]["parameters"]["objects"])
    Volume(path).write({each["objectName"]: f"http://{each['secretPath']}" for each in objects})

    backend = backend_in(tmp_path, values)

    assert [each["objectName"] for each in objects] == ["warehouse", "my_http"]
    assert backend.get_conn_value("my_http") == "http://secret/data/airflow/my_http"


def test_vault_agent(tmp_path: Path) -> None:
    """https://developer.hashicorp.com/vault/docs/platform/k8s/injector/annotations"""
    values = example("vault-agent.yaml")
    annotations = {
        key.removeprefix("vault.hashicorp.com/"): text for key, text in values["workers"]["podAnnotations"].items()
    }
    path = Path(f"{tmp_path}{annotations['secret-volume-path-warehouse']}", annotations["agent-inject-file-warehouse"])
    path.parent.mkdir(parents=True)
    path.write_text(URI)

    assert annotations["agent-inject-secret-warehouse"] in annotations["agent-inject-template-warehouse"]
    assert backend_in(tmp_path, values).get_conn_value("warehouse") == URI
