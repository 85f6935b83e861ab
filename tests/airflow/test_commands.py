"""The commands of Airflow's documentation, unchanged, with both Airflows and both servers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from shutil import which

import pytest

from support.airflow import BACKEND, ROOT, Airflow
from support.cluster import Cluster
from support.kubectl import needs_kubectl
from support.secrets import Put

POSTGRES = (
    '{"conn_type": "postgres", "host": "db.example.com", "login": "user", "password": "pass", '
    '"port": 5432, "schema": "mydb"}'
)

KUBECTL = r"""
kubectl create secret generic my-smtp-secret \
    --from-literal=value='smtp://user:password@smtp.example.com:587' \
    --namespace={NAMESPACE}
kubectl label secret my-smtp-secret \
    airflow.apache.org/connection-id=smtp_default \
    --namespace={NAMESPACE}
kubectl create secret generic my-postgres-secret \
    --from-literal=value='{POSTGRES}' \
    --namespace={NAMESPACE}
kubectl label secret my-postgres-secret \
    airflow.apache.org/connection-id=my_postgres_db \
    --namespace={NAMESPACE}
kubectl create secret generic my-var-secret \
    --from-literal=value='my_secret_value' \
    --namespace={NAMESPACE}
kubectl label secret my-var-secret \
    airflow.apache.org/variable-key=my_var \
    --namespace={NAMESPACE}
""".replace("{POSTGRES}", POSTGRES)


@pytest.fixture
def documented_secrets(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    """Create the Secrets of the documentation by its commands."""
    environment = {
        "KUBECONFIG": str(cluster.kubeconfig(cluster.admin_token)),
        "HOME": str(tmp_path),
        "PATH": str(Path(which("kubectl") or "").parent) + ":/usr/bin:/bin",
    }
    script = KUBECTL.replace("{NAMESPACE}", namespace)
    subprocess.run(["bash", "-euc", script], env=environment, timeout=180, check=True, capture_output=True)


@needs_kubectl
def test_the_documented_commands(airflow: Airflow, documented_secrets: None) -> None:
    assert airflow.output("config", "get-value", "secrets", "backend").strip() == BACKEND

    smtp = airflow.output("connections", "get", "smtp_default")
    for part in (
        "smtp_default",
        "smtp.example.com",
        "user",
        "password",
        "587",
        "smtp://user:password@smtp.example.com:587",
    ):
        assert part in smtp

    [postgres] = json.loads(airflow.output("connections", "get", "my_postgres_db", "-o", "json"))
    found = {key: postgres[key] for key in ("conn_id", "conn_type", "host", "login", "password", "schema")}
    assert found == {
        "conn_id": "my_postgres_db",
        "conn_type": "postgres",
        "host": "db.example.com",
        "login": "user",
        "password": "pass",
        "schema": "mydb",
    }
    assert str(postgres["port"]) == "5432"

    assert airflow.output("variables", "get", "my_var").strip() == "my_secret_value"


def test_providers(bare_airflow: Airflow) -> None:
    assert "airflow-kubernetes-secrets" in bare_airflow.output("providers", "list")
    assert BACKEND in bare_airflow.output("providers", "secrets")


def test_the_database_from_a_secret_and_a_dag_run(
    airflow: Airflow, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """``sql_alchemy_conn`` is read while Airflow is being imported, by a new backend object each time."""
    put = Put(cluster, namespace)
    database = f"sqlite:///{tmp_path}/from-a-secret.db"
    option = f"sql-alchemy-conn-{airflow.version}"
    # ``kubectl create --from-file`` stores a file that ends with a newline like this.
    put.config(option, f"{database}\n", name=f"database-{airflow.version}")
    for manifest in ("connections", "variables"):
        apply_example(cluster, manifest, namespace)
    airflow = airflow.with_variables(AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET=option)

    assert airflow.output("config", "get-value", "database", "sql_alchemy_conn").strip() == database
    airflow.output("db", "migrate")
    assert (tmp_path / "from-a-secret.db").exists()
    done = airflow.run("dags", "test", "secrets_demo")

    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    assert "in Python: postgres at db.example.com:5432" in log
    assert "in Python: my_var has 15 characters" in log
    assert "in a template: smtp.example.com 15" in log


def test_an_option_whose_lookup_fails_stops_airflow_with_the_cause(bare_airflow: Airflow, tmp_path: Path) -> None:
    airflow = bare_airflow.with_variables(AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET="database")

    done = airflow.run("config", "get-value", "database", "sql_alchemy_conn")

    assert done.returncode != 0
    assert "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set" in done.stdout + done.stderr


def test_unknown_option_stops_airflow_and_names_the_nearest(bare_airflow: Airflow) -> None:
    done = bare_airflow.with_kwargs(connection_label="x").run("version")

    assert done.returncode != 0
    assert "there is no option 'connection_label'; did you mean 'connections_label'?" in done.stdout + done.stderr


def test_log_explains_a_forbidden_connection(bare_airflow: Airflow, cluster: Cluster, namespace: str) -> None:
    """Airflow itself only reports that the id is not defined."""
    account = cluster.service_account(namespace, "forbidden", {})
    airflow = bare_airflow.with_kwargs(service_account_path=str(account.folder)).with_variables(
        **cluster.pod_environment()
    )
    # Airflow then queries its database, which must exist.
    airflow.migrate()

    # Without --verbose, this command suppresses all logs.
    done = airflow.run("connections", "get", "my_db", "--verbose")

    assert done.returncode != 0
    text = done.stdout + done.stderr
    assert "Connection not found" in text
    assert f"the service account '{account.name}' of namespace '{namespace}' may not list secrets" in text
    assert f"--serviceaccount={namespace}:{account.name}" in text


@pytest.mark.parametrize("version", ["3.3"], indirect=True)
def test_separate_backend_for_workers(airflow: Airflow, cluster: Cluster, namespace: str) -> None:
    """``[workers] secrets_backend`` exists in Airflow 3, and is queried first in tasks."""
    Put(cluster, namespace)({"example.com/variable": "of-workers"}, "found it", name="of-workers")
    kwargs = airflow.with_kwargs(variables_label="example.com/variable").variables["AIRFLOW__SECRETS__BACKEND_KWARGS"]
    airflow = airflow.with_variables(
        AIRFLOW__WORKERS__SECRETS_BACKEND=BACKEND, AIRFLOW__WORKERS__SECRETS_BACKEND_KWARGS=kwargs
    )
    program = """
from airflow.configuration import initialize_secrets_backends
from airflow.sdk.execution_time.secrets import DEFAULT_SECRETS_SEARCH_PATH_WORKERS
first = initialize_secrets_backends(DEFAULT_SECRETS_SEARCH_PATH_WORKERS)[0]
print(type(first).__name__, first.get_variable("of-workers"))
"""

    assert airflow.python(program).stdout.splitlines()[-1] == "KubernetesSecretsBackend found it"


@pytest.mark.parametrize("version", ["3.3"], indirect=True)
def test_options_as_separate_variables(airflow: Airflow, cluster: Cluster, namespace: str) -> None:
    """This works from Airflow 3.2 on. The values arrive as raw strings."""
    account = cluster.service_account(namespace, "reader", {namespace: ["list"]})
    Put(cluster, namespace)({"example.com/variable": "x"}, data={"my-key": "found it"})
    separate = {
        "namespace": namespace,
        "variables_label": "example.com/variable",
        "variables_data_key": "my-key",
        "connections_label": "null",
        "timeout": "30",
        "service_account_path": str(account.folder),
    }
    names = {f"AIRFLOW__SECRETS__BACKEND_KWARG__{name.upper()}": value for name, value in separate.items()}

    airflow = airflow.with_variables(**names)

    # Before this line Airflow reports that the values of two options are too short to be masked.
    assert airflow.output("variables", "get", "x").splitlines()[-1] == "found it"


def apply_example(cluster: Cluster, name: str, namespace: str) -> None:
    """Create the objects in the file, in a namespace of the test instead of ``airflow``."""
    import yaml

    for document in yaml.safe_load_all((ROOT / "examples" / "manifests" / f"{name}.yaml").read_text()):
        document["metadata"]["namespace"] = namespace
        cluster.apply(document)
