"""``docs/how-to/helm-chart.md``: its commands on a server with RBAC, and its values in real Airflows.

The tests render the values as the chart does.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.airflow import ROOT, Airflow
from support.charts import airflow_cfg, environment
from support.cluster import Cluster, ServiceAccount
from support.environments import Environment, build_wheel
from support.examples import EXAMPLES
from support.kubectl import needs_kubectl
from support.pages import moved, page_file, shell
from support.requirements import require_airflow
from support.servers import on_a_real_server

HELM = EXAMPLES / "helm"
ACCOUNTS = (
    "scheduler",
    "dag-processor",
    "triggerer",
    "api-server",
    "worker",
    "migrate-database-job",
    "create-user-job",
)
KWARGS = "AIRFLOW__SECRETS__BACKEND_KWARGS"


@dataclass(frozen=True)
class Page:
    """The page in the namespaces of one test, with the chart's service accounts."""

    cluster: Cluster
    namespaces: Mapping[str, str]
    home: Path
    accounts: Mapping[str, ServiceAccount]

    def run(self, *files: str) -> str:
        """Run scripts of the page in one shell, as an administrator. All commands must succeed."""
        script = "".join(moved((HELM / file).read_text(), self.namespaces) for file in files)
        # Here a service account is named with its namespace.
        script = re.sub(r"(?<=-s )airflow(?=/)", self.namespaces["airflow"], script)
        script = script.replace("serviceaccount:airflow:", f"serviceaccount:{self.namespaces['airflow']}:")
        kubeconfig = self.cluster.kubeconfig(self.cluster.admin_token)
        (self.home / ".kube").mkdir(exist_ok=True)
        (self.home / ".kube" / "config").write_text(kubeconfig.read_text())
        done = shell(f"set -e -o pipefail\n{script}", self.home, {"KUBECONFIG": str(kubeconfig)})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def values(self, file: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((HELM / file).read_text())
        return found

    def kwargs(self, text: str, component: str) -> str:
        """Return the ``backend_kwargs`` of the values, with this test's namespace and the token of the pod."""
        given = json.loads(text)
        given["namespace"] = self.namespaces[given["namespace"]]
        return json.dumps({**given, "service_account_path": str(self.accounts[component].folder)})


@pytest.fixture
def page(cluster: Cluster, tmp_path: Path) -> Page:
    run = uuid.uuid4().hex[:8]
    namespaces = {name: f"{name}-{run}" for name in ("airflow", "airflow-secrets")}
    cluster.create_namespace(namespaces["airflow"])
    accounts = {each: cluster.service_account(namespaces["airflow"], f"airflow-{each}", {}) for each in ACCOUNTS}
    return Page(cluster, namespaces, tmp_path, accounts)


@needs_kubectl
@on_a_real_server
def test_setup_until_doctor_reports_no_problem(page: Page) -> None:
    said = page.run("permissions.sh", "secret.sh", "accounts.sh", "doctor.sh")

    for account in ACCOUNTS:
        assert f"airflow-{account} " in said
    assert said.count("1 connection, 0 variables, 0 configuration options can be read") == len(ACCOUNTS)
    # These commands run in the pods, with the account and the configuration of the pods.
    commands = re.findall(r"deployment/airflow-(\S+) \\\n +-- (.+)", (HELM / "doctor-in-a-pod.sh").read_text())
    assert len(commands) == 2
    for component, command in commands:
        variables = environment(page.values("airflow-3.yaml")) | page.cluster.pod_environment()
        variables[KWARGS] = page.kwargs(variables[KWARGS], component)
        done = shell(command, page.home, variables)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_kubectl
@on_a_real_server
@pytest.mark.parametrize(
    ("file", "version"), [("airflow-3.yaml", "3.3"), ("airflow-2.yaml", "2.11"), ("config.yaml", "3.3")]
)
def test_values(page: Page, file: str, version: str) -> None:
    require_airflow(version)
    page.run("permissions.sh", "secret.sh")
    values = page.values(file)
    home = page.home / "airflow"
    if "config" in values:
        secrets = values["config"]["secrets"]
        secrets["backend_kwargs"] = page.kwargs(secrets["backend_kwargs"], "worker")
        home.mkdir()
        (home / "airflow.cfg").write_text(airflow_cfg(values))
        variables = {}
    else:
        assert version in values["airflowVersion"]
        assert values["defaultAirflowTag"].startswith(values["airflowVersion"])
        variables = environment(values)
        variables[KWARGS] = page.kwargs(variables[KWARGS], "worker")

    airflow = Airflow(version, home, {**variables, **page.cluster.pod_environment()})
    [found] = json.loads(airflow.output("connections", "get", "warehouse", "-o", "json"))

    assert (found["conn_type"], found["host"], found["password"]) == ("postgres", "db.example.com", "p@ss:/w%rd")


def test_the_image(tmp_path: Path) -> None:
    """pip accepts the requirements in the Dockerfile. The image itself is not built here."""
    text = (HELM / "Dockerfile").read_text()
    lines = (
        r"FROM apache/airflow:(\S+)",
        r"COPY (\S+) /tmp/",
        r"RUN pip install --no-cache-dir \\",
        r" +(.+) /tmp/(\S+)",
    )
    found = re.fullmatch("\n".join(lines) + "\n", text)
    assert found is not None
    tag, copied, airflow, installed = found.groups()
    assert airflow == '"apache-airflow==${AIRFLOW_VERSION}"'
    assert f"apache-airflow=={tag}" in (ROOT / "requirements" / "dev.in").read_text()
    wheel = build_wheel(ROOT, tmp_path / "wheel")
    assert copied == f"dist/{installed}"
    assert fnmatch(wheel.name, installed)
    environment = Environment.create(tmp_path / "environment")
    environment.install(wheel)

    done = environment.run("-m", "airflow_kubernetes_secrets.cli.main", "rbac", "--help")

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["celery", "kubernetes"])
def test_workers_without_permissions_have_another_backend(kind: str) -> None:
    """The values are those of ``docs/how-to/workers.md``: the chart appends a component's variables to those of all."""
    [block] = re.findall(r"```yaml\n(env:\n.*?)```", page_file("workers").read_text(), re.DOTALL)
    values = yaml.safe_load(block)

    assert environment(values)["AIRFLOW__SECRETS__BACKEND"].endswith(".KubernetesSecretsBackend")
    assert environment(values, "workers", kind)["AIRFLOW__SECRETS__BACKEND"].endswith(".NoSecretsBackend")
