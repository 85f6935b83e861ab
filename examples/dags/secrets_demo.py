"""A DAG that uses a connection and a variable, in Python and in a template, as any DAG does.

It does not depend on where they are stored.
"""

from __future__ import annotations

try:
    from airflow.sdk import BaseHook, Variable, dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.hooks.base import BaseHook
    from airflow.models import Variable


@dag(schedule=None)
def secrets_demo() -> None:
    @task
    def in_python() -> None:
        connection = BaseHook.get_connection("my_postgres_db")
        print(f"in Python: {connection.conn_type} at {connection.host}:{connection.port}")
        print(f"in Python: my_var has {len(Variable.get('my_var'))} characters")

    @task.bash
    def in_a_template() -> str:
        return "echo 'in a template: {{ conn.smtp_default.host }} {{ var.value.my_var | length }}'"

    in_python() >> in_a_template()


secrets_demo()
