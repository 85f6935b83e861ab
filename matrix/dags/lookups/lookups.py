"""A DAG that looks up values in every way that Airflow has. It does not depend on where they come from."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.postgres.hooks.postgres import PostgresHook
from matrix_support import HostTrigger, tell

try:
    from airflow.sdk import DAG, BaseOperator, Variable, task
except ImportError:  # Airflow 2
    from airflow.decorators import task
    from airflow.models import DAG, BaseOperator, Variable

try:
    from airflow.sdk import BaseHook
except ImportError:  # before Airflow 3.1
    from airflow.hooks.base import BaseHook


class Deferred(BaseOperator):
    """Waits for a trigger, which looks up a connection."""

    def execute(self, context: object) -> None:
        self.defer(trigger=HostTrigger("in_a_trigger"), method_name="resumed", timeout=timedelta(seconds=60))

    def resumed(self, context: object, event: str) -> None:
        tell("deferred", host=event)


with DAG("lookups", schedule="@once", start_date=datetime(2026, 1, 1), catchup=False):

    @task
    def in_python() -> None:
        connection = BaseHook.get_connection("in_python")
        tell("in_python", uri=connection.get_uri(), variable=Variable.get("in_python"))

    @task
    def in_a_template(text: str) -> None:
        tell("in_a_template", text=text)

    @task
    def by_a_hook() -> None:
        tell("by_a_hook", user=PostgresHook("warehouse").get_first("SELECT current_user")[0])

    in_python()
    in_a_template("{{ conn.in_a_template.host }} {{ var.value.in_a_template }} {{ var.json.as_json.region }}")
    by_a_hook()
    Deferred(task_id="deferred")
