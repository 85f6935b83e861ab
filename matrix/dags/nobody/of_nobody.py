"""A DAG of no team."""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Variable, task
from matrix_support import BaseHook, tell

with DAG("of_nobody", schedule="@once", start_date=datetime(2026, 1, 1), catchup=False):

    @task
    def of_nobody(text: str) -> None:
        tell(
            "of_nobody",
            shared=BaseHook.get_connection("shared").host,
            template=text,
            nobodys=Variable.get("nobodys"),
            of_red=Variable.get("of_red", default="nothing"),
            of_blue=Variable.get("of_blue", default="nothing"),
        )

    of_nobody("{{ conn.shared.host }}")
