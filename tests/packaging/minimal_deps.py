"""The installation of `pip install airflow-kubernetes-secrets` without extras, with the oldest and newest Airflow.

``make minimal-deps`` installs the environments and runs this. ``make test`` does not, because it uses no network. The
API servers run in the environment of the tests.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from support.airflow import BACKEND
from support.cluster import Cluster, ServiceAccount
from support.environments import ROOT, Environment
from support.secrets import CONFIG, CONNECTION, VARIABLE, Put

COMMAND = "airflow-kubernetes-secrets"

PASSWORD = "hunter2"
URI = f"postgres://user:{PASSWORD}@db.example.com:5432/app"

LOOK_UP = """
import json
from airflow.configuration import ensure_secrets_loaded
backend = ensure_secrets_loaded()[0]
print(json.dumps([
    backend.get_conn_value("app_db"),
    backend.get_variable("colour"),
    backend.get_config("parallelism"),
    backend.get_variable("absent"),
]))
"""


@pytest.fixture(params=["oldest", "newest"])
def bare(request: pytest.FixtureRequest) -> Environment:
    """Return the installation. Nothing else may be installed into it."""
    environment = Environment(ROOT / f".venv-bare-{request.param}")
    assert environment.python.exists(), f"{environment.root} does not exist: run `make minimal-deps`"
    return environment


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> ServiceAccount:
    """Create a Secret of each kind, and an account that may read them."""
    put = Put(cluster, namespace)
    put.connection("app_db", URI)
    put.variable("colour", "blue")
    put.config("parallelism", "7")
    return cluster.service_account(namespace, "reader", {namespace: ["get", "list", "watch"]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a folder with a manifest of each kind."""
    wanted = {CONNECTION: ("app_db", URI), VARIABLE: ("colour", "blue"), CONFIG: ("parallelism", "7")}
    secrets = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name.replace("_", "-"), "labels": {label: name}},
            "stringData": {"value": value},
        }
        for label, (name, value) in wanted.items()
    ]
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "secrets.yaml").write_text(yaml.safe_dump_all(secrets))
    return manifests


def configured(home: Path, **kwargs: object) -> dict[str, str]:
    """Return the variables that configure the backend, and a home for Airflow outside the environment."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
    }


def in_pod(cluster: Cluster, account: ServiceAccount, home: Path) -> dict[str, str]:
    kwargs = {"service_account_path": str(account.folder)}
    return configured(home, **kwargs) | cluster.pod_environment()


def test_installation_contains_no_packages_of_the_extras(bare: Environment) -> None:
    code = """
import importlib.metadata, json
ours = importlib.metadata.distribution("airflow-kubernetes-secrets")
names = {each.metadata["Name"].lower() for each in importlib.metadata.distributions()}
print(json.dumps([sorted(names), [each for each in ours.requires if "extra" not in each]]))
"""
    names, needed = bare.evaluate(code)

    assert {"airflow-kubernetes-secrets", "apache-airflow", "msgspec"} <= set(names)
    assert {"kubernetes", "trustme"}.isdisjoint(names)
    assert sorted(each.partition(">")[0] for each in needed) == ["apache-airflow", "msgspec"]
    assert bare.run("-m", "pip", "check").stdout == "No broken requirements found.\n"


class TestTheBackend:
    def test_looks_up_at_an_api_server(
        self, bare: Environment, cluster: Cluster, account: ServiceAccount, tmp_path: Path
    ) -> None:
        found = bare.evaluate(LOOK_UP, variables=in_pod(cluster, account, tmp_path))

        assert found == [URI, "blue", "7", None]

    def test_looks_up_in_memory(
        self, bare: Environment, cluster: Cluster, account: ServiceAccount, tmp_path: Path
    ) -> None:
        code = f"""
import json
from airflow_kubernetes_secrets import KubernetesSecretsBackend
backend = KubernetesSecretsBackend(service_account_path={str(account.folder)!r}, cache_ttl=60)
print(json.dumps([backend.get_variable("colour") for _ in range(20)]))
"""
        assert bare.evaluate(code, variables=in_pod(cluster, account, tmp_path)) == ["blue"] * 20

    def test_looks_up_in_a_folder(self, bare: Environment, folder: Path, tmp_path: Path) -> None:
        found = bare.evaluate(LOOK_UP, variables=configured(tmp_path, path=str(folder)))

        assert found == [URI, "blue", "7", None]

    def test_airflow_gets_a_connection(self, bare: Environment, folder: Path, tmp_path: Path) -> None:
        variables = configured(tmp_path, path=str(folder))

        done = bare.run(bare.program("airflow"), "connections", "get", "app_db", "-o", "json", variables=variables)

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)[0]["host"] == "db.example.com"

    def test_is_a_provider(self, bare: Environment, tmp_path: Path) -> None:
        program = bare.program("airflow")

        done = bare.run(program, "providers", "secrets", "-o", "plain", variables={"AIRFLOW_HOME": str(tmp_path)})

        assert BACKEND in done.stdout, done.stderr


def test_airflow_loads_the_plugin(bare: Environment, tmp_path: Path) -> None:
    code = """
import json
from airflow import plugins_manager
if hasattr(plugins_manager, "get_import_errors"):
    errors = plugins_manager.get_import_errors()
else:
    plugins_manager.ensure_plugins_loaded()
    errors = plugins_manager.import_errors
print(json.dumps(errors))
"""
    assert bare.evaluate(code, variables={"AIRFLOW_HOME": str(tmp_path)}) == {}


class TestTheCommandLine:
    def test_lists_and_explains_entries(
        self, bare: Environment, cluster: Cluster, account: ServiceAccount, tmp_path: Path
    ) -> None:
        variables = in_pod(cluster, account, tmp_path)

        listed = command(bare, "list", "--output", "json", variables=variables)
        explained = command(bare, "explain", "connection", "app_db", variables=variables)

        assert {"app_db", "colour", "parallelism"} <= {each.get("id") for each in json.loads(listed)["entries"]}
        assert f"Secret {account.namespace}/" in explained

    def test_checks_manifests(self, bare: Environment, folder: Path, tmp_path: Path) -> None:
        checked = command(bare, "check", str(folder), "--output", "json", variables=configured(tmp_path))

        assert json.loads(checked) == {"manifests": 3, "problems": []}


class TestWithoutTheExtra:
    def test_error_for_a_kubeconfig_names_the_extra(
        self, bare: Environment, cluster: Cluster, account: ServiceAccount, tmp_path: Path
    ) -> None:
        path = cluster.kubeconfig(account.token, account.namespace)
        code = """
from airflow_kubernetes_secrets import KubernetesSecretsBackend
try:
    KubernetesSecretsBackend(kubeconfig=KUBECONFIG).get_variable("colour")
except Exception as error:
    import json
    print(json.dumps([type(error).__name__, str(error)]))
""".replace("KUBECONFIG", repr(str(path)))

        error, text = bare.evaluate(code, variables={"AIRFLOW_HOME": str(tmp_path)})
        variables = configured(tmp_path, namespace=account.namespace)
        done = bare.run(bare.program(COMMAND), "list", "--kubeconfig", path, variables=variables)

        assert error == "NotConfiguredError"
        for said in (text, done.stderr):
            assert f"reading the kubeconfig {path} needs the official client" in said
            assert "pip install 'airflow-kubernetes-secrets[kubeconfig]'" in said
            assert "Traceback" not in said
        assert done.returncode == 2

    def test_error_for_the_devserver_names_the_extra(self, bare: Environment, tmp_path: Path) -> None:
        done = bare.run(bare.program(COMMAND), "devserver", variables={"AIRFLOW_HOME": str(tmp_path)})

        assert done.returncode == 1
        assert done.stderr.endswith(" is missing: pip install 'airflow-kubernetes-secrets[devserver]'\n")
        assert done.stderr.count("\n") == 1


def command(bare: Environment, *arguments: str, variables: dict[str, str]) -> str:
    """Return the output of the installed command, which must succeed and must not contain a password."""
    done = bare.run(bare.program(COMMAND), *arguments, variables=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done.stdout
