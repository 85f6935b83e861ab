"""A use has its line, and the DAGs and tasks that it belongs to."""

from __future__ import annotations

import pytest

from support.dag_code import IMPORTS, found_in


@pytest.mark.parametrize(
    ("code", "dags", "tasks"),
    [
        ('with DAG("d"):\n    Op(task_id="t", conn_id="x")', ("d",), ("t",)),
        ('with DAG(dag_id="d", default_args={"conn_id": "x"}):\n    pass', ("d",), ()),
        ('d = DAG("d")\nother = DAG("other")\nOp(task_id="t", dag=d, conn_id="x")', ("d",), ("t",)),
        ('d = DAG("d")\nOp(task_id="t", conn_id="x")', ("d",), ("t",)),
        ('a = DAG("a")\nb = DAG("b")\nBaseHook.get_connection("x")', ("a", "b"), ()),
        ('with DAG("d") as d:\n    Op(task_id="t", hook=Op(conn_id="x"))', ("d",), ("t",)),
        ('with DAG("d"):\n    with TaskGroup("g"):\n        Op(task_id="t", conn_id="x")', ("d",), ("g.t",)),
        (
            'with DAG("d"), TaskGroup(group_id="g", prefix_group_id=False):\n    Op(task_id="t", conn_id="x")',
            ("d",),
            ("t",),
        ),
        ('@dag(schedule=None)\ndef d():\n    Op(task_id="t", conn_id="x")', ("d",), ("t",)),
        ('@dag(dag_id="other")\ndef d():\n    Op(task_id="t", conn_id="x")', ("other",), ("t",)),
        ('@dag()\ndef d():\n    @task\n    def t():\n        BaseHook.get_connection("x")', ("d",), ("t",)),
        ('@dag()\ndef d():\n    @task_group\n    def g():\n        Op(task_id="t", conn_id="x")', ("d",), ("g.t",)),
        ('@task.virtualenv(task_id="other")\ndef t():\n    BaseHook.get_connection("x")', (), ("other",)),
        (
            'def f():\n    BaseHook.get_connection("x")\n'
            'with DAG("d"):\n    Op(task_id="a", python_callable=f)\n    Op(task_id="b", python_callable=f)',
            ("d",),
            ("b", "a"),
        ),
        ('Op.partial(task_id="t").expand(sql=["{{ conn.x.host }}"])', (), ("t",)),
        ('for i in range(3):\n    with DAG(f"d{i}"):\n        Op(task_id="t", conn_id="x")', (), ("t",)),
        # The id of one DAG is computed, and the file has another DAG.
        ('with DAG("d"): ...\nwith DAG(f"{f()}"):\n    Op(task_id="t", conn_id="x")', (), ("t",)),
        ('with DAG("d"): ...\nother = DAG(f"{f()}")\nOp(task_id="t", dag=other, conn_id="x")', (), ("t",)),
        ('with DAG("d"): ...\n@dag(dag_id=f())\ndef other():\n    Op(task_id="t", conn_id="x")', (), ("t",)),
        (
            'def make(name, conn):\n    with DAG(f"d_{name}"):\n        Op(task_id="t", conn_id=conn)\n'
            'make("a", "x")\nwith DAG("d"): ...',
            (),
            (),
        ),
        ('with DAG(f()):\n    Op(task_id="o")\nwith DAG("d"):\n    Op(task_id="t", conn_id="x")', ("d",), ("t",)),
        ('@task(task_id=f())\ndef t():\n    BaseHook.get_connection("x")', (), ()),
    ],
)
def test_a_use_has_its_dags_and_tasks(code: str, dags: tuple[str, ...], tasks: tuple[str, ...]) -> None:
    (use,) = found_in(code).uses
    assert use.id == "x"
    assert set(use.position.dags) == set(dags)
    assert set(use.position.tasks) == set(tasks)


def test_a_use_has_its_line() -> None:
    code = 'Op(\n    sql="""\n    SELECT\n    {{ var.value.x }}\n    """,\n    conn_id="y",\n)\n'
    lines = {use.id: use.position.line for use in found_in(code).uses}
    first = IMPORTS.count("\n") + 1
    assert lines == {"x": first + 3, "y": first + 5}
