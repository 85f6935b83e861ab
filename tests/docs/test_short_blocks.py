"""Short blocks of pages: each is executed unchanged."""

from __future__ import annotations

import json
import textwrap
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.manifests.rbac import Account, roles
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.airflow import BACKEND, Airflow
from support.charts import airflow_cfg, environment
from support.cluster import Cluster
from support.environments import Environment, downloaded_wheel
from support.kubectl import needs_kubectl
from support.pages import Block, blocks, moved, shell
from support.secrets import CONNECTION, Put
from support.servers import on_the_devserver


def block(page: str, heading: str, number: int = 0) -> Block:
    [found] = [each for each in blocks(page) if (each.heading, each.number) == (heading, number)]
    return found


def test_the_secret_of_the_first_page(tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(block("index", "airflow-kubernetes-secrets").text)

    connection = KubernetesSecretsBackend(path=str(tmp_path)).get_connection("my_postgres_db")

    assert (connection.conn_type, connection.host, connection.schema) == ("postgres", "db.example.com", "mydb")


def test_a_bundle(tmp_path: Path) -> None:
    manifest, configuration = (block("bundles", "Create a bundle", number).text for number in (0, 1))
    (tmp_path / "bundle.yaml").write_text(manifest)
    parser = ConfigParser()
    parser.read_string(configuration)
    options = json.loads(parser["secrets"]["backend_kwargs"])

    backend = KubernetesSecretsBackend(**options, path=str(tmp_path))

    assert backend.get_connection("warehouse").password == "x/y"
    assert backend.get_connection("my_api").host == "api.example.com"


def test_a_bundle_of_external_secrets(tmp_path: Path) -> None:
    (tmp_path / "bundle.yaml").write_text(block("bundles", "From External Secrets Operator").text)
    command = "airflow-kubernetes-secrets check --strict --output json bundle.yaml"
    variables = {"AIRFLOW__SECRETS__BACKEND": BACKEND, "AIRFLOW__SECRETS__BACKEND_KWARGS": '{"bundles": true}'}

    done = shell(command, tmp_path, variables)

    assert json.loads(done.stdout) == {"manifests": 1, "problems": []}, done.stderr


def test_variables_in_config_maps(tmp_path: Path) -> None:
    one, configuration, bundle = (block("config-maps", "Create a ConfigMap", number).text for number in range(3))
    (tmp_path / "one.yaml").write_text(one)
    (tmp_path / "bundle.yaml").write_text(bundle)
    parser = ConfigParser()
    parser.read_string(configuration)
    options = json.loads(parser["secrets"]["backend_kwargs"])

    backend = KubernetesSecretsBackend(**options, path=str(tmp_path))

    keys = ("reporting_region", "report_recipients", "batch_size")
    assert [backend.get_variable(key) for key in keys] == ["eu-west-1", '["ops@example.com"]', "500"]


def test_the_permission_for_config_maps() -> None:
    rules = yaml.safe_load(block("config-maps", "Grant the permission").text)["rules"]

    role, _binding = roles(Options(config_maps=True, cache_ttl=60.0), "airflow", "reader", [Account("airflow", "w")])

    assert role["rules"] == rules


def pod(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Return the variables of a pod whose account may list the namespace, which has one connection."""
    account = cluster.service_account(namespace, "airflow", {namespace: ["list"]})
    return {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"service_account_path": str(account.folder)}),
        **cluster.pod_environment(),
    }


@on_the_devserver
def test_the_first_commands_of_the_command_line(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    Put(cluster, namespace).connection("my_db", "postgres://u:pw@db.example.com/app")

    done = shell(f"set -e\n{block('cli', 'Command line').text}", tmp_path, pod(cluster, namespace))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_check_before_a_merge(tmp_path: Path) -> None:
    folder = tmp_path / "deploy" / "secrets"
    folder.mkdir(parents=True)
    (folder / "secret.yaml").write_text(
        block("index", "airflow-kubernetes-secrets").text.replace("postgres:", "postgres")
    )

    done = shell(block("cli", "Before a merge").text, tmp_path, {})

    assert done.returncode == 1
    assert done.stdout.startswith("::error file=deploy/secrets/secret.yaml")


def test_the_check_in_ci(tmp_path: Path) -> None:
    """A misspelt label is a warning, and ``--strict`` makes it fail."""
    folder = tmp_path / "deploy" / "secrets"
    folder.mkdir(parents=True)
    manifest, command = (
        block("index", "airflow-kubernetes-secrets").text,
        block("check-in-ci", "Check manifests in CI").text,
    )

    (folder / "secret.yaml").write_text(manifest)
    assert shell(command, tmp_path, {}).returncode == 0
    (folder / "secret.yaml").write_text(manifest.replace("connection-id", "conection-id"))
    assert shell(command, tmp_path, {}).returncode == 1
    assert shell(command.replace(" --strict", ""), tmp_path, {}).returncode == 0


@on_the_devserver
def test_what_dags_need(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """One connection is used, another is missing, and a third is not used."""
    for name in ("my_db", "unused"):
        Put(cluster, namespace).connection(name, "postgres://u:pw@db.example.com/app")
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "etl.py").write_text(
        "from airflow.sdk import Connection\nConnection.get('my_db')\nConnection.get('other')\n"
    )
    variables = {**pod(cluster, namespace), "AIRFLOW__CORE__DAGS_FOLDER": str(dags)}
    commands = [
        f"{line} --no-database"
        for number in (0, 1)
        for line in block("what-dags-need", "Check what DAGs need", number).text.splitlines()
    ]

    missing, one, unused = (shell(command, tmp_path, variables) for command in commands)

    assert (missing.returncode, one.returncode, unused.returncode) == (1, 0, 0)
    assert [line.split()[1] for line in missing.stdout.splitlines()[1:]] == ["other"]
    assert [line.split()[1] for line in one.stdout.splitlines()[1:]] == ["my_db"]
    assert [line.split()[1] for line in unused.stdout.splitlines()[1:]] == ["unused"]


@needs_kubectl
@on_the_devserver
def test_ids_are_moved_into_secrets(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """The environment is the source: tests/usage tests the metadata database."""
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "etl.py").write_text("from airflow.sdk import Variable\nVariable.get('region')\n")
    kubeconfig = cluster.kubeconfig(cluster.admin_token)
    account = cluster.service_account(namespace, "airflow", {namespace: ["list"]})
    kwargs = {"service_account_path": str(account.folder), "namespace": namespace}
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW_VAR_REGION": "eu",
        **cluster.pod_environment(),
    }
    command = moved(
        block("what-dags-need", "Move ids into Secrets").text, {"airflow-secrets": namespace, "metadata-db": "env"}
    )
    export, apply = command.split("kubectl")

    exported = shell(export, tmp_path, variables)
    applied = shell(f"kubectl{apply}", tmp_path, {"KUBECONFIG": str(kubeconfig)})

    assert "variables: 1 written" in exported.stdout, exported.stderr
    assert applied.returncode == 0, applied.stderr
    used = shell("airflow-kubernetes-secrets usage --id region --no-database -o json", tmp_path, variables)
    assert json.loads(used.stdout)["ids"][0]["provider"]["place"] == "secret"


def test_dags_before_a_merge(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "etl.py").write_text("from airflow.sdk import Connection\nConnection.get('my_postgres_db')\n")
    folder = tmp_path / "deploy" / "secrets"
    folder.mkdir(parents=True)
    (folder / "secret.yaml").write_text(block("index", "airflow-kubernetes-secrets").text)
    command = block("what-dags-need", "Before a merge").text

    assert shell(command, tmp_path, {}).returncode == 0
    (folder / "secret.yaml").unlink()
    done = shell(command, tmp_path, {})
    assert done.returncode == 1
    assert done.stdout.startswith("dags/etl.py:2: warning: connection 'my_postgres_db' is used here")


@on_the_devserver
def test_the_commands_for_an_error(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """Each command runs. The connection does not exist, and ``explain`` reports this by its status."""
    variables = pod(cluster, namespace)
    commands = block("troubleshoot", "Troubleshoot").text.splitlines()

    statuses = {command: shell(command, tmp_path, variables).returncode for command in commands}

    assert list(statuses.values()) == [0, 0, 1]


@on_the_devserver
def test_the_command_that_tests_a_connection(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    variables = pod(cluster, namespace)
    fields = {"conn_type": "fs", "extra": {"path": str(tmp_path)}}
    Put(cluster, namespace).connection("my_db", json.dumps(fields))

    done = shell(block("troubleshoot", "Troubleshoot", 1).text, tmp_path, variables)

    assert "the connection works" in done.stdout
    assert done.returncode == 0


def test_the_values_for_argo_cd_and_flux(tmp_path: Path) -> None:
    """The chart writes ``config`` to the ``airflow.cfg`` that the jobs read too."""
    values = yaml.safe_load(block("argo-cd-and-flux", "Values").text)
    jobs = [values["migrateDatabaseJob"], values["createUserJob"]]
    assert jobs == [{"useHelmHooks": False, "applyCustomEnv": False}] * 2
    (tmp_path / "airflow.cfg").write_text(airflow_cfg(values))

    done = Airflow("3.3", tmp_path).python(
        "from airflow.configuration import ensure_secrets_loaded\n"
        "options = ensure_secrets_loaded()[0].options\nprint(options.namespace, options.cache_ttl)"
    )

    assert done.stdout.splitlines()[-1] == "('airflow-secrets',) 60.0", done.stderr


def test_an_edge_worker_without_secrets(tmp_path: Path) -> None:
    """With the page's variable, the configuration of the cluster has another backend, which ignores its options."""
    (tmp_path / "airflow.cfg").write_text(block("caching", "Choose `cache_ttl`").text)
    script = block("edge-workers", "Edge workers outside the cluster").text
    show = "from airflow.configuration import ensure_secrets_loaded; print(ensure_secrets_loaded()[0])"

    done = shell(f"set -e\n{textwrap.dedent(script)}python -c '{show}'", tmp_path, {"AIRFLOW_HOME": str(tmp_path)})

    assert done.stdout.splitlines()[-1] == "<NoSecretsBackend>", done.stderr


@needs_kubectl
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_a_new_password(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    put = Put(cluster, namespace)
    data = {"engine": "postgres", "host": "db.example.com", "username": "airflow", "password": "old"}
    put({CONNECTION: "warehouse"}, data=data, name="warehouse")
    heading = "Rotate a password"
    file, command = (textwrap.dedent(block("rotate-a-password", heading, number).text) for number in (0, 1))
    (tmp_path / "new-password.yaml").write_text(file)
    kubeconfig = cluster.kubeconfig(cluster.admin_token, namespace)

    done = shell(moved(command, {"airflow-secrets": namespace}), tmp_path, {"KUBECONFIG": str(kubeconfig)})

    assert done.returncode == 0, done.stderr
    connection = KubernetesSecretsBackend(kubeconfig=str(kubeconfig), namespace=namespace).get_connection("warehouse")
    assert (connection.host, connection.login, connection.password) == ("db.example.com", "airflow", "the new password")


@on_the_devserver
def test_a_new_password_in_a_uri(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    kubeconfig = cluster.kubeconfig(cluster.admin_token, namespace)
    text = block("rotate-a-password", "If the password is in a URI").text
    command = moved(text, {"airflow-secrets": namespace, "~/.kube/config": str(kubeconfig)})

    for password in ("old", "new%2Fone"):
        done = shell(f"echo 'postgres://airflow:{password}@db.example.com/d' | {command}", tmp_path, {})
        assert done.returncode == 0, done.stderr

    connection = KubernetesSecretsBackend(kubeconfig=str(kubeconfig), namespace=namespace).get_connection("warehouse")
    assert (connection.host, connection.password) == ("db.example.com", "new/one")


@on_the_devserver
def test_a_new_password_in_a_uri_that_another_tool_wrote(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    Put(cluster, namespace)({CONNECTION: "warehouse"}, "postgres://airflow:old@db.example.com/d", name="warehouse")
    kubeconfig = cluster.kubeconfig(cluster.admin_token, namespace)
    text = block("rotate-a-password", "If the password is in a URI").text
    command = moved(text, {"airflow-secrets": namespace, "~/.kube/config": str(kubeconfig)})
    begin = f"echo 'postgres://airflow:new@db.example.com/d' | {command.rstrip()}"

    refused = shell(begin, tmp_path, {})
    forced = shell(f"{begin} --force", tmp_path, {})

    assert refused.returncode == 1
    assert 'conflict with "' in refused.stderr
    assert forced.returncode == 0, forced.stderr
    connection = KubernetesSecretsBackend(kubeconfig=str(kubeconfig), namespace=namespace).get_connection("warehouse")
    assert connection.password == "new"


def test_check_of_rendered_helm_charts(tmp_path: Path) -> None:
    """A program replaces Helm and prints its output."""
    helm = tmp_path / "bin" / "helm"
    helm.parent.mkdir()
    helm.write_text(f"#!/bin/sh\necho --- # $*\ncat <<'END'\n{block('index', 'airflow-kubernetes-secrets').text}END\n")
    helm.chmod(0o700)
    [_check, command] = [each for each in blocks("cli") if (each.heading, each.language) == ("Before a merge", "bash")]

    done = shell(f"PATH={helm.parent}:$PATH\n{command.text}", tmp_path, {})

    assert (done.returncode, done.stdout) == (0, "1 manifest, 0 errors, 0 warnings\n")


@on_the_devserver
def test_values_for_workers_without_permissions(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """With the variables of ``workers.env`` a worker reads no Secrets; with those of the others it does."""
    Put(cluster, namespace).variable("greeting", "hello")
    values = yaml.safe_load(block("workers", "What to set").text)
    others, worker = environment(values), environment(values, "workers")
    assert json.loads(others["AIRFLOW__SECRETS__BACKEND_KWARGS"])["namespace"] == "airflow-secrets"
    here = {"AIRFLOW__SECRETS__BACKEND_KWARGS": pod(cluster, namespace)["AIRFLOW__SECRETS__BACKEND_KWARGS"]}
    here |= cluster.pod_environment()
    airflow = Airflow("3.3", tmp_path, {**others, **here})
    airflow.migrate()
    assert airflow.output("variables", "get", "greeting").strip() == "hello"

    # The worker inherits the kwargs of the others.
    without = Airflow("3.3", tmp_path, worker)

    done = without.run("variables", "get", "greeting")
    assert done.returncode == 1
    assert "Variable greeting does not exist" in done.stdout + done.stderr


@needs_kubectl
@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_a_secret_for_any_id_from_a_shell(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    put = Put(cluster, namespace)
    put({}, "postgres://u:pw@db.example.com/app", name="orders")
    script = block("identifiers", "In a shell").text + block("identifiers", "In a shell", 1).text
    kubeconfig = cluster.kubeconfig(cluster.admin_token, namespace)

    done = shell(f"set -e\n{script}", tmp_path, {"KUBECONFIG": str(kubeconfig)})

    assert done.returncode == 0, done.stderr
    manifest = yaml.safe_load(block("identifiers", "Ids and labels").text)
    metadata: dict[str, Any] = cluster.admin.get(f"/api/v1/namespaces/{namespace}/secrets/orders").json()["metadata"]
    for told in ("labels", "annotations"):
        assert metadata[told][CONNECTION] == manifest["metadata"][told][CONNECTION]
    assert metadata["labels"][CONNECTION] == label_value(metadata["annotations"][CONNECTION])


# Runs the page's calls with Apache's provider, and prints the pods that the operators would start.
PODS = """
import json, sys
from kubernetes.client import ApiClient
from airflow_kubernetes_secrets.pod import SecretRefsError

first, elsewhere, later = json.loads(sys.argv[1])
names = {}
exec(first.replace("KubernetesPodOperator(", "at_once = KubernetesPodOperator("), names)
exec(later.replace("KubernetesPodOperator(", "at_run_time = KubernetesPodOperator("), names)
names["at_run_time"]._pre_execute_hook({"task": names["at_run_time"]})
try:
    exec(elsewhere, names)
except SecretRefsError as error:
    refused = str(error)
pods = [names[each].build_pod_request_obj() for each in ("at_once", "at_run_time")]
print(json.dumps({"pods": [ApiClient().sanitize_for_serialization(pod) for pod in pods], "refused": refused}))
"""


@on_the_devserver
def test_pods_of_tasks(cluster: Cluster, tmp_path: Path) -> None:
    """The Secret is one that CloudNativePG would create, in the namespace of the page."""
    put = Put(cluster, "databases")
    cluster.create_namespace("databases")
    data = {"username": "app", "password": "pw", "host": "app-db-rw", "port": "5432", "dbname": "app"}
    put({CONNECTION: "app_db"}, data=data, name="app-db-app")
    environment = Environment.create(tmp_path / "environment")
    environment.install(downloaded_wheel("apache-airflow-providers-cncf-kubernetes", "10.25.0"))
    page = [each for each in blocks("kubernetes-pod-operator") if each.language == "python"]
    source = str(Path(__file__).parents[2] / "src")

    # The operator requires a kubeconfig, but does not connect.
    begin = f"KubernetesPodOperator(\n    config_file={str(cluster.kubeconfig('none'))!r},\n"
    calls = [each.text.replace("KubernetesPodOperator(\n", begin) for each in page]
    variables = {**pod(cluster, "databases"), "PYTHONPATH": source}
    done = environment.run("-c", PODS, json.dumps(calls), variables=variables)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    passed = [
        {
            each["name"]: tuple(each["valueFrom"]["secretKeyRef"].values())
            for each in pod["spec"]["containers"][0]["env"]
        }
        for pod in found["pods"]
    ]
    for variables_of_pod in passed:
        assert {name: sorted(ref) for name, ref in variables_of_pod.items()} == {
            "PGHOST": ["app-db-app", "host"],
            "PGUSER": ["app-db-app", "username"],
            "PGPASSWORD": ["app-db-app", "password"],
            "PGDATABASE": ["app-db-app", "dbname"],
        }
    assert [pod["metadata"]["namespace"] for pod in found["pods"]] == ["databases", "databases"]
    [told] = [each.text for each in blocks("kubernetes-pod-operator") if each.language == "text"]
    assert found["refused"] == " ".join(told.split())
