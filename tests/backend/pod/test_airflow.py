"""Where the connection is looked up: in DAG files and tasks, with other backends and without Apache's provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.airflow import ROOT, Airflow
from support.pods import NO_SECRETS, PROVIDER, Installation, refs
from support.requirements import require_airflow

# All tests of this folder put the same Secrets into the same namespaces.
pytestmark = pytest.mark.together("hand-on")

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

AIRFLOW = "from airflow.__main__ import main; main()"


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_backend_of_the_workers_takes_precedence(
    newest: Installation, variables: dict[str, str], tmp_path: Path
) -> None:
    """``[workers]`` exists in Airflow 3. DAG files are read with it too."""
    of_workers = {name.replace("__SECRETS__", "__WORKERS__SECRETS_"): text for name, text in variables.items()}

    (answer,) = newest.pods(
        [refs("secret_refs", "whole")], tmp_path, {**of_workers, "AIRFLOW__SECRETS__BACKEND": NO_SECRETS}
    )

    assert answer["secret"] == "whole"


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_error_can_be_caught_by_its_previous_name(version: str, tmp_path: Path) -> None:
    require_airflow(version)
    airflow = Airflow(version, tmp_path, {"AIRFLOW__SECRETS__BACKEND": NO_SECRETS})

    done = airflow.python(
        "from airflow_kubernetes_secrets.pod import HandOnError, secret_refs\n"
        "try:\n    secret_refs('x')\nexcept HandOnError as error:\n    print(type(error).__name__)"
    )

    assert done.stdout.splitlines()[-1:] == ["SecretRefsError"]


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_error_names_another_backend(version: str, tmp_path: Path) -> None:
    require_airflow(version)
    airflow = Airflow(version, tmp_path, {"AIRFLOW__SECRETS__BACKEND": NO_SECRETS})

    done = airflow.python("from airflow_kubernetes_secrets.pod import secret_refs; secret_refs('x')")

    error = done.stderr.splitlines()[-1]
    assert (
        "SecretRefsError: connection 'x': finding its Secret requires "
        "airflow_kubernetes_secrets.KubernetesSecretsBackend in [secrets] backend" in error
    )
    assert "but Airflow uses airflow_kubernetes_secrets.backend.no_secrets.NoSecretsBackend, airflow." in error
    assert "name Secret and key in the DAG yourself" in error


def test_error_names_another_backend_with_the_same_class_name(tmp_path: Path) -> None:
    """Apache's class has the name of ours."""
    (tmp_path / "others.py").write_text(
        "from airflow.secrets import BaseSecretsBackend\nclass KubernetesSecretsBackend(BaseSecretsBackend):\n    pass"
    )
    variables = {"AIRFLOW__SECRETS__BACKEND": "others.KubernetesSecretsBackend", "PYTHONPATH": str(tmp_path)}

    done = Airflow("3.3", tmp_path, variables).python(
        "from airflow_kubernetes_secrets.pod import secret_refs; secret_refs('x')"
    )

    assert "but Airflow uses others.KubernetesSecretsBackend, " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_error_without_apaches_provider_names_the_package(variables: dict[str, str], tmp_path: Path) -> None:
    airflow = Airflow("3.3", tmp_path, variables)

    done = airflow.python("from airflow_kubernetes_secrets.pod import secret_refs; secret_refs('whole')")

    remedy = f"connection 'whole': passing it to a pod requires Apache's provider: pip install {PROVIDER}"
    assert done.stderr.splitlines()[-1].endswith(remedy)


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_secret_refs_at_parse_time_and_at_run_time(
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

    done = newest.environment.run_in_fork(AIRFLOW, "dags", "test", "handing_on", variables={**variables, **more})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "at parse time: [Secret(env, AIRFLOW_CONN_WHOLE, whole, value)]" in done.stdout + done.stderr
    assert "at run time: [Secret(env, PGPASSWORD, app-db, password)]" in done.stdout + done.stderr
