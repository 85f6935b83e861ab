"""``usage/dag_code.py`` and ``usage/serialized_dags.py``: DAG code, and serialized DAGs in JSON."""

from __future__ import annotations

import json
from contextlib import suppress

from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.many_files import uses_in_files
from airflow_kubernetes_secrets.usage.serialized_dags import add_serialized, serialized_dag
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.uses import FoundUses
from fuzz.target import Target
from fuzz.trial import Trial

# Python's own parser takes quadratic time for the fields of an f-string, and for the dots in the name of an imported
# module. DAG code does not contain so many.
_MOST_BRACES_AND_DOTS = 1000


def _run(trial: Trial, data: bytes) -> None:
    if data.count(b"{") + data.count(b".") > _MOST_BRACES_AND_DOTS:
        return
    # Without a file that it names, a template is read too.
    files = [DagFile("dag.py", data), DagFile("a.sql", data)]
    _check(trial, uses_in_files(files, Signatures(())), len(data.splitlines()) + data.count(b"\f") + 1)
    with suppress(ValueError, RecursionError):
        given = json.loads(data)
        if isinstance(given, dict):
            found = FoundUses()
            add_serialized([serialized_dag("a", "dag.py", None, given)], found)
            _check(trial, found, 0)


def _check(trial: Trial, found: FoundUses, lines: int) -> None:
    # The ids themselves are strings of the code, which the commands show.
    trial.say(*found.unread.values())
    trial.claim(all(use.id for use in found.uses), "no id is empty")
    trial.claim(len(set(found.uses)) == len(found.uses) or not lines, "a use is listed once")
    positions = [*(use.position for use in found.uses), *(each.position for each in found.computed)]
    trial.claim(all(0 <= each.line <= lines for each in positions), "the line of a use is in the file")


TARGET = Target(
    _run,
    tokens=(
        *("from airflow.sdk import *\n", "from airflow import DAG\n", "Variable.get(", "Connection.get(", "x_conn_id="),
        *("with DAG(", "dag_id=", "task_id=", "@task\n", "def f(a_conn_id='b'):\n    ", "BaseHook.get_connection("),
        *("HttpHook(", ".partial(", ".expand(", "ObjectStoragePath('s3://a@b')", "default_args={", "python_callable="),
        *("f'{x}{{{{ var.value.x }}}}'", "'{{ conn.x }}'", "X_CONN_ID = 'a'\n", "lambda: ", "'a.sql'", "global x\n"),
        *('{"dag": {"tasks": [{"__var": {"task_id": "a", "a_conn_id": "b"}}]}}', "'x' + ", "(", ")", "\n    ", "\\"),
    ),
)
