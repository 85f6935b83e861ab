"""The files that `pip install` installs, and the database connection that Airflow reads from a Secret."""

from __future__ import annotations

from matrix.deployment import SECRET, Deployment, Installed
from matrix.proofs import Proof, proves
from support.airflow import BACKEND


@proves(Proof.INSTALLED)
def test_the_wheel(installed: Installed) -> None:
    where = installed.python("import airflow_kubernetes_secrets as ours; print(ours.__file__)").stdout.strip()
    assert where.startswith(f"{installed.prefix}/lib/")
    assert "airflow-kubernetes-secrets" in installed.output("providers", "list")
    assert BACKEND in installed.output("providers", "secrets")


@proves(Proof.CONFIGURATION)
def test_database_connection_comes_from_a_secret(deployment: Deployment) -> None:
    assert deployment.state("lookups") == "success"
    assert ["lookups"] in deployment.database.rows("SELECT dag_id FROM task_instance")
    variables = {name: value for name, value in deployment.airflow.environment.items() if "SQL_ALCHEMY" in name}
    assert list(variables) == ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET"]
    assert SECRET in deployment.database.url
    assert not list(deployment.airflow.home.rglob("*.db"))
