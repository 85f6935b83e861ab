"""The parts of DAG files, in which :mod:`harness.dag_files` replaces the names and ids."""

HEADER = '''\
"""{system} {number}: loads the {system} of each day into the warehouse and checks them."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from airflow.sdk import DAG, BaseHook, Variable, dag, task, task_group
from airflow.providers.common.sql.operators.sql import SQLCheckOperator, SQLExecuteQueryOperator
from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator

log = logging.getLogger(__name__)

OWNER = "{system}-team"
DEFAULT_ARGS = {{
    "owner": OWNER,
    "retries": {retries},
    "retry_delay": timedelta(minutes={retries}),
    "email_on_failure": False,
}}
'''

PLAIN_HEADER = '''\
"""Housekeeping of {system} {number}, without connections."""

from datetime import datetime

from airflow.sdk import DAG
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
'''

HELPER_HEADER = '''\
"""Functions that the DAGs of {system} share."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)
'''

# A function of a DAG file that uses no id.
FUNCTION = '''

def {verb}_{column}_{i}(rows: list[dict], limit: int = {limit}) -> list[dict]:
    """Return the rows whose {column} is set, at most ``limit`` of them."""
    found = []
    for index, row in enumerate(rows):
        if row.get("{column}") is None or index > limit:
            log.debug("row %s has no {column}", index)
            continue
        try:
            value = str(row["{column}"]).strip().lower()
        except (TypeError, ValueError) as error:
            raise ValueError(f"row {{index}}: {column} is invalid") from error
        found.append({{**row, "{column}": value, "position": index + 1, "is_last": index == len(rows) - 1}})
    return sorted(found, key=lambda row: (row["{column}"], row["position"]))[:limit]
'''

CLASS = '''

@dataclass(frozen=True)
class Row{i}:
    """One row of {system}."""

    {column}: str
    number: int = {limit}
    labels: Mapping[str, str] | None = None

    @classmethod
    def from_file(cls, path: Path) -> list[Row{i}]:
        with path.open(newline="") as file:
            return [cls(row["{column}"], int(row["number"])) for row in csv.DictReader(file, delimiter=";")]

    @property
    def is_empty(self) -> bool:
        return not self.{column} and self.number == 0

    def merged(self, others: Iterable[Row{i}]) -> Row{i}:
        numbers = [self.number, *(each.number for each in others if not each.is_empty)]
        return Row{i}(self.{column}, sum(numbers), dict(self.labels or {{}}))
'''

DAG_BEGIN = """

with DAG(
    dag_id="{system}_{name}_{number}",
    schedule="0 {retries} * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    tags=["{name}"],
    default_args={{"owner": "{system}-team", "retries": {retries}}},
) as dag:
    last = EmptyOperator(task_id="begin")
"""

FLOW_BEGIN = """

@dag(
    dag_id="{system}_flow_{number}",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args=DEFAULT_ARGS,
    tags=[OWNER],
)
def {system}_flow_{number}():
    rows = []
"""
FLOW_END = """

{system}_flow_{number}()
"""

# Tasks, each with the ids that it uses. `{i}` makes the id of the task unique.
TASKS = (
    """
    load_{i} = SQLExecuteQueryOperator(
        task_id="load_{column}_{i}",
        conn_id="{connection}",
        sql=\"\"\"
            INSERT INTO {{{{ var.value.{variable} }}}}.{system}_{column}
            SELECT {column}, count(*) AS number, max(updated_at) AS updated_at
            FROM staging.{system}
            WHERE day = '{{{{ ds }}}}' AND {column} IS NOT NULL
            GROUP BY {column}
        \"\"\",
        retries=2,
        execution_timeout=timedelta(minutes={limit}),
    )
    last = last >> load_{i}
""",
    """
    export_{i} = BashOperator(
        task_id="export_{column}_{i}",
        bash_command=(
            "export-{system} --host {{{{ conn.{connection}.host }}}} --day {{{{ ds }}}} "
            "--bucket {{{{ var.value.get('{variable}', 'exports') }}}} --limit {limit}"
        ),
        env={{"LOG_LEVEL": "info", "REGION": "{{{{ var.json.{variable}.region }}}}"}},
        append_env=True,
    )
    last = last >> export_{i}
""",
    """
    check_{i} = SQLCheckOperator(
        task_id="check_{column}_{i}",
        conn_id=f"{connection}",
        sql="SELECT count(*) > {limit} FROM {system} WHERE day = '{{{{ ds }}}}' AND {column} = 'x'",
        trigger_rule="all_done",
    )
    last = last >> check_{i}
""",
    """
    call_{i} = PythonOperator(
        task_id="call_{column}_{i}",
        python_callable=print,
        op_kwargs={{"{system}_conn_id": "{connection}", "limit": {limit}, "day": "{{{{ ds }}}}"}},
    )
    last = last >> call_{i}
""",
    """
    mail_{i} = EmailOperator(
        task_id="mail_{i}",
        to=["{system}@example.com"],
        subject="{system} of {{{{ ds }}}}",
        html_content="<p>See {{{{ var.value['{variable}'] }}}}: {{{{ params.get('{column}', {limit}) }}}}</p>",
    )
    last = last >> mail_{i}
""",
    """
    clean_{i} = BashOperator(
        task_id="clean_{i}",
        bash_command="find /tmp/{system} -name '*.{column}' -mtime +{limit} -delete && echo {{{{ run_id }}}}",
        do_xcom_push=False,
    )
    last = last >> [clean_{i}, EmptyOperator(task_id="done_{i}")]
    last = clean_{i}
""",
)
PLAIN_TASKS = TASKS[5:]
FILE_TASK = """
    file_{i} = SQLExecuteQueryOperator(task_id="file_{i}", conn_id="{connection}", sql="sql/{system}_{number}.sql")
    last = last >> file_{i}
"""

FLOW_TASKS = (
    '''
    @task(retries=2)
    def extract_{i}(limit: int = {limit}) -> list[dict]:
        """Read the {column} of each day."""
        connection = BaseHook.get_connection("{connection}")
        log.info("reading %s from %s", "{column}", connection.host)
        return [{{"{column}": number, "source": connection.schema}} for number in range(limit)]

    rows.append(extract_{i}())
''',
    '''
    @task
    def transform_{i}(given: list[dict]) -> dict[str, int]:
        """Count the {column}."""
        settings = Variable.get("{variable}", deserialize_json=True)
        counts: dict[str, int] = {{}}
        for row in given:
            key = str(row.get("{column}", settings["default"]))
            counts[key] = counts.get(key, 0) + (1 if row else 0)
        return {{key: count for key, count in counts.items() if count > {limit}}}

    transform_{i}([{{"{column}": {limit}}}])
''',
    """
    @task.bash
    def publish_{i}() -> str:
        return "publish --to {{{{ var.value.{variable} }}}} --limit {limit} --day {{{{ ds }}}}"

    publish_{i}()
""",
    """
    @task(task_id="notify_{column}_{i}", trigger_rule="all_done")
    def notify_{i}(name: str = "{system}") -> None:
        key = f"{{name}}_{column}"
        target = Variable.get(key, default=None)
        if target is None or not target.strip():
            log.warning("nobody is notified of %s", name)
        else:
            print(f"notify {{target}} of {{name}} ({{len(target)}})")

    notify_{i}()
""",
)
