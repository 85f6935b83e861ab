"""The values that the processes of a running Airflow have read, each by itself."""

from __future__ import annotations

from matrix.deployment import SECRET, Deployment
from matrix.proofs import Proof, proves


@proves(Proof.TASKS)
def test_tasks(deployment: Deployment) -> None:
    assert deployment.found("in_python") == {
        "uri": f"postgres://user:{SECRET}@in-python:8080/path",
        "variable": f"{SECRET} in_python",
    }


@proves(Proof.OPERATORS_SECRET)
def test_a_hook(deployment: Deployment) -> None:
    version = deployment.airflow.version.replace(".", "_")
    assert deployment.found("by_a_hook") == {"user": f"warehouse_{version}"}


@proves(Proof.TEMPLATES)
def test_templates(deployment: Deployment) -> None:
    assert deployment.found("in_a_template") == {"text": "in-a-template in_a_template somewhere"}


@proves(Proof.TRIGGERER)
def test_the_triggerer(deployment: Deployment) -> None:
    assert deployment.found("deferred") == {"host": "in-a-trigger"}


@proves(Proof.DAG_FILES)
def test_the_dag_processor(deployment: Deployment) -> None:
    rows = deployment.database.rows("SELECT description FROM dag WHERE dag_id = 'at_top_level'")
    assert rows == [["read at the top level"]]


@proves(Proof.LOGS)
def test_logs_contain_no_value(deployment: Deployment) -> None:
    logs = deployment.logs()
    assert any("task_id=in_python" in str(file) for file in logs)
    assert [str(file) for file, text in logs.items() if SECRET in text] == []
