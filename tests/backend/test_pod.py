"""Secrets for a pod, with Apache's provider: the oldest version with Airflow 2.11, and the newest."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.airflow import BACKEND, ROOT, Airflow, installed
from support.cluster import Cluster, checked
from support.environments import Environment, downloaded_wheel
from support.secrets import CONNECTION, VARIABLE, Put
from support.servers import ONE_SERVER

PROVIDER = "apache-airflow-providers-cncf-kubernetes"
# All tests put the same Secrets into these namespaces, whose names are in the expected results.
pytestmark = pytest.mark.together("hand-on")
NAMESPACE, OTHER_NAMESPACE = "hand-on", "hand-on-other"
MARK = "P4SS"  # names of pods end with random letters, all in lower case
NO_SECRETS = "airflow_kubernetes_secrets.NoSecretsBackend"
UNPROCESSABLE = 422

# The operator requires a kubeconfig, but does not connect.
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
    "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    "users": [{"name": "x", "user": {}}],
    "current-context": "x",
}

# Returns, for each call, the pod that an operator makes from the result, or the error.
PODS = """
import json, sys

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import ApiClient

from airflow_kubernetes_secrets import pod


def answer(function, arguments, options):
    try:
        refs = getattr(pod, function)(*arguments, **options)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    operator = KubernetesPodOperator(
        task_id="t", name="t", image="busybox", namespace=refs.namespace, secrets=refs, config_file=sys.argv[2]
    )
    return {
        "namespace": refs.namespace,
        "secret": refs.secret,
        "pod": ApiClient().sanitize_for_serialization(operator.build_pod_request_obj()),
    }


print(json.dumps([answer(*call) for call in json.loads(sys.argv[1])]))
"""


# The operator's own execute method would start the pod.
DAG = """
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

from airflow_kubernetes_secrets.pod import secret_refs


class Shown(KubernetesPodOperator):
    def execute(self, context):
        print(f"{self.task_id.replace('_', ' ')}: {self.secrets}")


def hand_on(context):
    context["task"].secrets.extend(secret_refs("app-db", {"PGPASSWORD": "password"}))


with DAG("handing_on", schedule=None):
    Shown(task_id="at_parse_time", image="busybox", secrets=secret_refs("whole"))
    Shown(task_id="at_run_time", image="busybox", pre_execute=hand_on)
"""


@dataclass(frozen=True)
class HandedOn:
    """A call, and the resulting variables of the pod: Secret and key by name."""

    call: tuple[str, list[Any], dict[str, Any]]
    variables: Mapping[str, tuple[str, str]]


def refs(function: str, *arguments: Any, **options: Any) -> tuple[str, list[Any], dict[str, Any]]:
    return function, list(arguments), options


PASSED = {
    "whole": HandedOn(refs("secret_refs", "whole"), {"AIRFLOW_CONN_WHOLE": ("whole", "value")}),
    "whole, under a name": HandedOn(refs("secret_refs", "whole", {"DB_URI": "value"}), {"DB_URI": ("whole", "value")}),
    "an annotation names the key": HandedOn(
        refs("secret_refs", "annotated"), {"AIRFLOW_CONN_ANNOTATED": ("annotated", "dsn")}
    ),
    "fields": HandedOn(
        refs("secret_refs", "app-db"),
        {
            "APP_DB_URI": ("app-db", "uri"),
            "APP_DB_HOST": ("app-db", "host"),
            "APP_DB_LOGIN": ("app-db", "username"),
            "APP_DB_PASSWORD": ("app-db", "password"),
            "APP_DB_PORT": ("app-db", "port"),
            "APP_DB_SCHEMA": ("app-db", "dbname"),
        },
    ),
    "fields, under names": HandedOn(
        refs("secret_refs", "app-db", {"PGPASSWORD": "password", "PGUSER": "login", "PGPASSFILE_LINE": "pgpass"}),
        {
            "PGPASSWORD": ("app-db", "password"),
            "PGUSER": ("app-db", "username"),
            "PGPASSFILE_LINE": ("app-db", "pgpass"),
        },
    ),
    "a field that an annotation names": HandedOn(
        refs("secret_refs", "3rd"),
        {"_3RD_PASSWORD": ("third", "secret-word"), "_3RD_EXTRA_API_KEY": ("third", "key")},
    ),
    "a field that an annotation says": HandedOn(
        refs("secret_refs", "said"), {"SAID_LOGIN": ("said", "username"), "SAID_PASSWORD": ("said", "password")}
    ),
    "a name in small letters": HandedOn(
        refs("secret_refs", "app-db", {"http_password": "password"}), {"http_password": ("app-db", "password")}
    ),
    "a team's own": HandedOn(
        refs("secret_refs", "whole", team_name="red"), {"AIRFLOW_CONN_WHOLE": ("whole-of-red", "value")}
    ),
    "in the namespace of the pod": HandedOn(
        refs("secret_refs", "whole", namespace=NAMESPACE), {"AIRFLOW_CONN_WHOLE": ("whole", "value")}
    ),
    "by a reference": HandedOn(refs("secret_refs", "referred"), {"AIRFLOW_CONN_REFERRED": ("by-name", "value")}),
    "in another namespace": HandedOn(refs("secret_refs", "elsewhere"), {"AIRFLOW_CONN_ELSEWHERE": ("whole", "value")}),
    "a variable": HandedOn(refs("variable_refs", "my_var"), {"AIRFLOW_VAR_MY_VAR": ("my-var", "value")}),
    "a variable, under a name": HandedOn(refs("variable_refs", "my_var", "TOKEN"), {"TOKEN": ("my-var", "value")}),
}

REFUSED = {
    "nowhere": (
        refs("secret_refs", "no/where"),
        "connection 'no/where': no Secret matches. It can be passed to a pod only from a Secret: label it with "
        f"{CONNECTION}=no-where.",
    ),
    "another namespace": (
        refs("secret_refs", "whole", namespace="jobs"),
        f"connection 'whole': its Secret {NAMESPACE}/whole is in namespace '{NAMESPACE}' and the pod in 'jobs'",
    ),
    "completed by annotations": (
        refs("secret_refs", "completed"),
        "connection 'completed': annotations of Secret hand-on/completed complete the connection in its key 'value'",
    ),
    "converted for Airflow": (
        refs("secret_refs", "renamed"),
        "connection 'renamed': the connection in key 'value' of Secret hand-on/renamed is converted for Airflow",
    ),
    "a part of a value": (
        refs("secret_refs", "in-json", {"PGHOST": "host"}),
        "connection 'in-json': 'host' is only a part of the value under 'rds' in Secret hand-on/in-json",
    ),
    "a part of a value with nothing else": (
        refs("secret_refs", "registry", {"REGISTRY": "host"}),
        "connection 'registry': 'host' is only a part of the value under 'url' in Secret hand-on/registry",
    ),
    "no such field": (
        refs("secret_refs", "app-db", {"PGSSLMODE": "sslmode"}),
        "Secret hand-on/app-db has no field and no key 'sslmode'. It has these fields in keys of their own: uri, host, "
        "login, password, port, schema, and the keys are 'dbname', 'host',",
    ),
    "a field of a whole connection": (
        refs("secret_refs", "whole", {"PGPASSWORD": "password"}),
        "contains the whole connection in key 'value', so only that key can be passed to a pod, not 'password'",
    ),
    "a key beside a whole connection": (
        refs("secret_refs", "both", {"PGPASSWORD": "password"}),
        "contains the whole connection in key 'value', so only that key can be passed to a pod, not 'password'",
    ),
    "two names for one variable": (
        refs("secret_refs", "twice"),
        "'a-b' and 'a.b', in the 'extra' of Secret hand-on/twice, would both be the variable TWICE_EXTRA_A_B",
    ),
    "what an annotation says": (
        refs("secret_refs", "said", {"PGHOST": "host"}),
        "the annotation 'airflow.apache.org/connection-host' of Secret hand-on/said specifies the host, which is in "
        "no key",
    ),
    "a reference to nothing": (
        refs("secret_refs", "gone"),
        "connection 'gone': 'references' in backend_kwargs names Secret hand-on/gone, which does not exist",
    ),
    "a URI in place of an id": (
        refs("secret_refs", f"postgres://u:{MARK}@h/db"),
        "connection (a URI): the id is a URI, so the lookup was skipped.",
    ),
    "a name that is none": (
        refs("secret_refs", "whole", {"my variable": "value"}),
        "'my variable' cannot be the name of an environment variable. Choose the names with 'env'",
    ),
    "no variable": (refs("variable_refs", "nowhere"), "variable 'nowhere': no Secret matches."),
    "a variable in a ConfigMap": (
        refs("variable_refs", "in_config_map"),
        "variable 'in_config_map': it is in ConfigMap hand-on/settings, and Apache's provider can refer only to "
        "Secrets. Name the ConfigMap in the operator's 'env_vars' or 'env_from', or move the variable to a Secret",
    ),
}


@dataclass(frozen=True)
class Installation:
    """An Airflow with Apache's provider. This project is imported from its source."""

    version: str
    environment: Environment | None

    def pods(self, calls: list[Any], home: Path, variables: Mapping[str, str]) -> list[dict[str, Any]]:
        kubeconfig = home / "kubeconfig"
        kubeconfig.write_text(json.dumps(KUBECONFIG))
        arguments = (PODS, json.dumps(calls), str(kubeconfig))
        if self.environment is None:
            done = Airflow(self.version, home, variables).python(*arguments)
        else:
            done = self.environment.run(
                "-c", *arguments, variables={**variables, "PYTHONPATH": str(ROOT / "src"), "AIRFLOW_HOME": str(home)}
            )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return answers


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    environment = Environment.create(tmp_path_factory.mktemp("provider") / "environment")
    environment.install(downloaded_wheel(PROVIDER, "10.25.0"))
    return Installation("3.3", environment)


@pytest.fixture(scope="module", params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def installation(request: pytest.FixtureRequest) -> Installation:
    if request.param == "3.3":
        found: Installation = request.getfixturevalue("newest")
        return found
    if not installed("2.11"):
        pytest.skip("Airflow 2.11 is not installed beside this one; `make environments` does it, with Python 3.10-3.12")
    return Installation("2.11", None)


@pytest.fixture(scope="module", params=ONE_SERVER)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Use one program for all tests on a server."""
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture(scope="module")
def variables(cluster: Cluster) -> dict[str, str]:
    """Return the environment of an Airflow pod, and create the Secrets that the tests look up."""
    for name in (NAMESPACE, OTHER_NAMESPACE):
        cluster.create_namespace(name)
    put = Put(cluster, NAMESPACE)
    uri = f"postgres://u:{MARK}@db/x"
    put.connection("whole", uri, name="whole")
    put.connection("whole", uri, "red", name="whole-of-red")
    put.connection("elsewhere", uri, namespace=OTHER_NAMESPACE, name="whole")
    put.variable("my_var", MARK, name="my-var")
    settings = {"name": "settings", "namespace": NAMESPACE, "labels": {VARIABLE: "in_config_map"}}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": {"value": "not secret"}})
    put({}, uri, name="by-name")
    # As CloudNativePG writes it: https://cloudnative-pg.io/documentation/current/applications/#secrets
    of_cloudnative_pg = {
        "username": "app",
        "password": MARK,
        "host": "app-db-rw",
        "port": "5432",
        "dbname": "app",
        "pgpass": f"app-db-rw:5432:app:app:{MARK}",
        "uri": f"postgresql://app:{MARK}@app-db-rw.hand-on:5432/app",
        "jdbc-uri": f"jdbc:postgresql://app-db-rw.hand-on:5432/app?password={MARK}&user=app",
    }
    put.connection("app-db", None, name="app-db", data=of_cloudnative_pg)
    annotated = put.connection("annotated", None, name="annotated", data={"dsn": uri})
    annotate(cluster, annotated, {"data-key": "dsn"})
    third = put.connection("3rd", None, name="third", data={"secret-word": MARK, "key": MARK})
    annotate(cluster, third, {"field-password": "secret-word", "extra-api-key": "key"})
    data = {"username": "u", "password": MARK, "host": "short"}
    annotate(cluster, put.connection("said", None, name="said", data=data), {"connection-host": "db.example.com"})
    completed = put.connection("completed", uri, name="completed")
    annotate(cluster, completed, {"connection-extra": '{"sslmode": "require"}'})
    in_json = json.dumps({"engine": "postgres", "host": "db", "username": "u", "password": MARK})
    put.connection("renamed", in_json, name="renamed")
    put.connection("in-json", None, name="in-json", data={"rds": in_json})
    # As for Argo CD: https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#repositories
    of_argo_cd = {CONNECTION: "registry", "argocd.argoproj.io/secret-type": "repository"}
    address = {"type": "oci", "url": "oci://registry.example.com/shop/app", "username": "u", "password": MARK}
    put(of_argo_cd, name="registry", data=address)
    put.connection("both", uri, name="both", data={"password": "of something else"})
    twice = put.connection("twice", None, name="twice", data={"one": MARK, "two": MARK})
    annotate(cluster, twice, {"extra-a.b": "one", "extra-a-b": "two"})
    account = cluster.service_account(
        NAMESPACE,
        f"airflow-{uuid.uuid4().hex[:8]}",
        {NAMESPACE: ["list", "get"], OTHER_NAMESPACE: ["list"]},
        resources=("secrets", "configmaps"),
    )
    kwargs = {
        "service_account_path": str(account.folder),
        "namespace": [NAMESPACE, OTHER_NAMESPACE],
        "config_maps": True,
        "references": {"connections": {"referred": "by-name", "gone": "gone"}},
    }
    return {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(kwargs),
        **cluster.pod_environment(),
    }


def annotate(cluster: Cluster, stored: dict[str, Any], annotations: dict[str, str]) -> None:
    """Add annotations of this project to a Secret."""
    del stored["metadata"]["resourceVersion"]
    stored["metadata"]["annotations"] = {f"airflow.apache.org/{key}": text for key, text in annotations.items()}
    cluster.apply(stored)


@pytest.fixture(scope="module")
def answers(
    installation: Installation, variables: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Return the results of all calls, by their names above."""
    calls = {name: case.call for name, case in PASSED.items()} | {name: call for name, (call, _) in REFUSED.items()}
    found = installation.pods(list(calls.values()), tmp_path_factory.mktemp("home"), variables)
    return dict(zip(calls, found, strict=True))


@pytest.mark.parametrize("name", PASSED)
def test_the_pod_refers_to_the_secret_and_holds_no_value(answers: dict[str, dict[str, Any]], name: str) -> None:
    answer, variables = answers[name], PASSED[name].variables

    assert "error" not in answer
    ((secret, _), *_) = variables.values()
    assert answer["secret"] == secret
    assert answer["namespace"] == (OTHER_NAMESPACE if name == "in another namespace" else NAMESPACE)
    (container,) = answer["pod"]["spec"]["containers"]
    assert {each["name"]: each for each in container["env"]} == {
        variable: {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for variable, (secret, key) in variables.items()
    }
    assert MARK not in json.dumps(answer)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_passed_says_why(answers: dict[str, dict[str, Any]], name: str) -> None:
    error = answers[name]["error"]

    assert error.startswith("SecretRefsError: ")
    assert REFUSED[name][1] in error
    assert MARK not in error


@pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
def test_the_api_server_takes_the_pods(cluster: Cluster, answers: dict[str, dict[str, Any]]) -> None:
    pods = [answer["pod"] for answer in answers.values() if "pod" in answer]

    for pod in pods:
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods"
        checked(cluster.admin.post(path, params={"dryRun": "All"}, json=pod))

    assert len(pods) == len(PASSED)
    pods[-1]["spec"]["containers"][0]["env"][0]["name"] = "no=variable"
    assert cluster.admin.post(path, params={"dryRun": "All"}, json=pods[-1]).status_code == UNPROCESSABLE


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_the_workers_own_backend_comes_first(newest: Installation, variables: dict[str, str], tmp_path: Path) -> None:
    """``[workers]`` exists in Airflow 3. DAG files are read with it too."""
    of_workers = {name.replace("__SECRETS__", "__WORKERS__SECRETS_"): text for name, text in variables.items()}

    (answer,) = newest.pods(
        [refs("secret_refs", "whole")], tmp_path, {**of_workers, "AIRFLOW__SECRETS__BACKEND": NO_SECRETS}
    )

    assert answer["secret"] == "whole"


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_a_dag_that_catches_the_error_by_its_earlier_name(version: str, tmp_path: Path) -> None:
    if not installed(version):
        pytest.skip(f"Airflow {version} is not installed beside this one")
    airflow = Airflow(version, tmp_path, {"AIRFLOW__SECRETS__BACKEND": NO_SECRETS})

    done = airflow.python(
        "from airflow_kubernetes_secrets.pod import HandOnError, secret_refs\n"
        "try:\n    secret_refs('x')\nexcept HandOnError as error:\n    print(type(error).__name__)"
    )

    assert done.stdout.splitlines()[-1:] == ["SecretRefsError"]


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_another_backend_is_named(version: str, tmp_path: Path) -> None:
    if not installed(version):
        pytest.skip(f"Airflow {version} is not installed beside this one")
    airflow = Airflow(version, tmp_path, {"AIRFLOW__SECRETS__BACKEND": NO_SECRETS})

    done = airflow.python("from airflow_kubernetes_secrets.pod import secret_refs; secret_refs('x')")

    error = done.stderr.splitlines()[-1]
    assert (
        "SecretRefsError: connection 'x': finding its Secret requires KubernetesSecretsBackend in [secrets] backend"
        in error
    )
    assert "but Airflow uses NoSecretsBackend, EnvironmentVariablesBackend" in error
    assert "name Secret and key in the DAG yourself" in error


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_without_apaches_provider_the_error_says_how_to_get_it(variables: dict[str, str], tmp_path: Path) -> None:
    airflow = Airflow("3.3", tmp_path, variables)

    done = airflow.python("from airflow_kubernetes_secrets.pod import secret_refs; secret_refs('whole')")

    remedy = f"connection 'whole': passing it to a pod requires Apache's provider: pip install {PROVIDER}"
    assert done.stderr.splitlines()[-1].endswith(remedy)


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_it_works_where_dag_files_are_read_and_where_tasks_run(
    newest: Installation, variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "handing_on.py").write_text(DAG)
    assert newest.environment is not None
    more = {
        "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT / "src"),
    }

    Airflow("3.3", tmp_path).migrate()

    done = newest.environment.run("-m", "airflow", "dags", "test", "handing_on", variables={**variables, **more})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "at parse time: [Secret(env, AIRFLOW_CONN_WHOLE, whole, value)]" in done.stdout + done.stderr
    assert "at run time: [Secret(env, PGPASSWORD, app-db, password)]" in done.stdout + done.stderr
