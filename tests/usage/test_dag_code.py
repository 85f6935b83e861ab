"""The ids that DAG code uses are found; an id that is only known when the code runs is counted, never guessed."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from airflow_kubernetes_secrets.lookup.selection import Kind
from airflow_kubernetes_secrets.usage.dag_code import uses_in_files
from airflow_kubernetes_secrets.usage.dag_files import DagFile
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.templates import uses_in_template
from airflow_kubernetes_secrets.usage.uses import Found

IMPORTS = """
import os
from airflow import DAG
from airflow.hooks.base import BaseHook
from airflow.models import Connection, Variable
from airflow.decorators import dag, task, task_group
from airflow.utils.task_group import TaskGroup
from operators import Op
"""

NOTHING_INSTALLED = Signatures(())


def found_in(code: str, signatures: Signatures = NOTHING_INSTALLED) -> Found:
    return found_in_bytes((IMPORTS + dedent(code)).encode(), signatures)


def found_in_bytes(code: bytes, signatures: Signatures = NOTHING_INSTALLED) -> Found:
    return uses_in_files([DagFile("dag.py", code)], signatures)


def connections(found: Found) -> list[str]:
    return [use.id for use in found.uses if use.kind is Kind.CONNECTION]


def variables(found: Found) -> list[str]:
    return [use.id for use in found.uses if use.kind is Kind.VARIABLE]


@pytest.mark.parametrize(
    "code",
    [
        'Op(conn_id="x")',
        'Op(postgres_conn_id="x")',
        'Op.partial(task_id="t", conn_id="x").expand(sql=["a"])',
        'ID = "x"\nOp(conn_id=ID)',
        'ID: str = "x"\nOp(conn_id=ID)',
        'FIRST = "x"\nID = FIRST\nOp(conn_id=ID)',
        'NAME = ""\nOp(conn_id=f"x{NAME}")',
        'PREFIX = "x"\nOp(conn_id=PREFIX + "")',
        'def f():\n    own = "x"\n    return Op(conn_id=own)',
        'default_args = {"postgres_conn_id": "x"}',
        'args = dict(owner="me", aws_conn_id="x")',
        'Op(op_kwargs={"conn_id": "x"})',
        'Op(**{**os.environ, "conn_id": "x"})',
        '@task.ssh(ssh_conn_id="x")\ndef f(): ...',
        'BaseHook.get_connection("x")',
        'from airflow.hooks import base\nbase.BaseHook.get_connection("x")',
        'from company import PostgresHook\nPostgresHook.get_connection("x")',
        'Op().hook.get_connection("x")\nhook.get_connection("x")',
        'OwnHook(BaseHook).get_connection("x")',
        'class OwnHook(BaseHook):\n    def get_conn(self):\n        return self.get_connection("x")',
        'class OwnHook(BaseHook):\n    def get_conn(self):\n        return super().get_connection("x")',
        'BaseHook.get_connection(conn_id="x")',
        'from airflow.sdk import Connection\nConnection.get("x")',
        'from airflow.sdk import Connection as C\nC.get(conn_id="x")',
        'from airflow.sdk import ObjectStoragePath\nObjectStoragePath("s3://x@bucket/key")',
        'Op(bash_command="echo {{ conn.x.host }}")',
        "Op(bash_command=\"echo {{ conn.get('x').host }}\")",
        "Op(bash_command=\"echo {{conn['x'].host}}\")",
        'Op(bash_command="echo {{ conn . x . host }}")',
        "Op(bash_command=\"echo {{ conn ['x']['host'] }}\")",
        'Op(env={"HOST": "{{ conn.x.host }}"})',
        "Op(bash_command=\"echo {{ (conn|attr('x')).host }}\")",
        'Op(bash_command="{% if conn.x.host %}echo{% endif %}")',
    ],
)
def test_a_connection_is_found(code: str) -> None:
    found = found_in(code)
    assert set(connections(found)) == {"x"}
    assert not found.computed
    assert not found.unread


@pytest.mark.parametrize(
    "code",
    [
        'Variable.get("x")',
        'Variable.get(key="x", deserialize_json=True)',
        'KEY = "x"\nVariable.get(KEY)',
        'from airflow import models\nmodels.Variable.get("x")',
        'import airflow.models\nairflow.models.Variable.get("x")',
        'from airflow.sdk import Variable as V\nV.get("x")',
        'from airflow.models import *\nVariable.get("x")',
        "try:\n    from airflow.sdk import Variable\nexcept ImportError:\n    from airflow.models import Variable\n"
        'Variable.get("x")',
        '@task\ndef f():\n    return Variable.get("x")',
        'Op(sql="SELECT {{ var.value.x }}")',
        'Op(sql="SELECT {{ var.json.x.y }}")',
        "Op(sql=\"SELECT {{ var.value.get('x') }}\")",
        "Op(sql=\"SELECT {{ var.json.get('x').y }}\")",
        "Op(sql=\"SELECT {{ var['value']['x'] }}\")",
        "Op(sql=\"SELECT {{ var['value'].x }}\")",
        "Op(sql=\"SELECT {{ var[ 'json' ] . get( 'x' ) }}\")",
        "Op(sql=\"SELECT {{ var.get('value').x }}\")",
        "Op(sql=\"SELECT {{ var.get( 'json' )['x'] }}\")",
        "Op(sql=\"SELECT {{ var.value|attr('x') }}\")",
        "Op(sql=\"SELECT {{ var.json | attr('x') }}\")",
        "Op(sql=\"SELECT {{ var.value['x'] }}\")",
        'Op(sql="SELECT {{ var . value . x }}")',
        'Op(sql=\'{% if var["value"]["x"] %}SELECT 1{% endif %}\')',
        'Op(sql=["a", "SELECT {{ var.value.x | upper }}"])',
        'table = "t"\nOp(sql=f"SELECT {{{{ var.value.x }}}} FROM {table} {os.name}")',
        'Op(sql="SELECT {{ var.value.x }} FROM %s" % os.name)',
    ],
)
def test_a_variable_is_found(code: str) -> None:
    found = found_in(code)
    assert variables(found) == ["x"]
    assert not found.uses[0].is_optional
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        'Variable.get("x", "a")',
        'Variable.get("x", default_var=None)',
        'Variable.get("x", default="a")',
        'Variable.setdefault("x", "a")',
        "Op(sql=\"{{ var.value.get('x', 'a') }}\")",
    ],
)
def test_a_default_is_noted(code: str) -> None:
    (use,) = found_in(code).uses
    assert use.id == "x"
    assert use.is_optional


@pytest.mark.parametrize(
    "code",
    [
        'Op(conn_id=os.environ["X"])',
        'Op(conn_id=f"x_{os.name}")',
        'Op(conn_id="x" if os.name else "y")',
        'Op(conn_id="{{ params.id }}")',
        'ID = "x"\nID = "y"\nOp(conn_id=ID)',
        'if os.name:\n    ID = "x"\nelse:\n    ID = "y"\nOp(conn_id=ID)',
        'ID = "x"\ndef f(ID):\n    Op(conn_id=ID)',
        'ID = "x"\nfor ID in os.environ:\n    Op(conn_id=ID)',
        'ID = "x"\ndef f():\n    global ID\n    ID = "y"\nOp(conn_id=ID)',
        'class Ids:\n    ID = "x"\n    def f(self):\n        Op(conn_id=ID)',
        "from constants import ID\nOp(conn_id=ID)",
        "BaseHook.get_connection(os.name)",
        'Variable.get(f"x_{os.name}")',
        'Op(sql="{{ var.value[params.x] }}")',
        'Op(sql="{{ var.value.get(params.x) }}")',
        "Op(sql=\"{{ var['value'][params.x] }}\")",
        "Op(sql=\"{{ var[params.x]['x'] }}\")",
        'Op(sql="{{ var.get(params.x).x }}")',
        'Op(sql="{{ var.get(params.x) }}")',
        'Op(sql="{{ var.value|attr(params.x) }}")',
        'Op(sql="{{ conn [params.x].host }}")',
        'Op(sql="{{ var.value.get (params.x) }}")',
        'Op(sql=f"{{{{ var.value.{os.name} }}}}")',
        'Op(sql=f"{{{{ var.value.x_{os.name} }}}}")',
        'Op(sql="{{{{ var.value.{} }}}}".format(os.name))',
        'Op(sql="{{ var.value.%s }}" % os.name)',
        "Op(sql=\"{{ var.value.get('%s') }}\" % os.name)",
    ],
)
def test_an_id_that_is_computed_is_counted_and_not_guessed(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    (computed,) = found.computed
    last = (IMPORTS + code).count("\n") + 1
    assert computed.position.line in (last, last - 2)


@pytest.mark.parametrize(
    "code",
    [
        '"""Set {{ var.value.x }} first."""',
        'def f():\n    """Use {{ conn.x.host }} here."""',
        'DAG("d", doc_md="{{ var.value.x }}", description="{{ conn.x }}")',
        'DOCS = """{{ var.value.x }}"""\nDAG("d", doc_md=DOCS)',
        'd = Op()\nd.doc_md = "{{ var.value.x }}"',
        'from textwrap import dedent\nDAG("d", doc_md=dedent("""{{ var.value.x }}"""))',
        '# Op(conn_id="x")',
        'Op(conn_id=None, aws_conn_id="")',
        'Connection(conn_id="x", conn_type="postgres")',
        'Connection("x", "postgres")',
        'models = {"conn_id": "x", "conn_type": "postgres"}',
        'Op(sql="{{ params.conn.x }} {{ my_var.value.x }} {{ dag_run.conf.var.value.x }}")',
        'Op(sql="{% for conn in params.all %}{{ conn.x }}{% endfor %}")',
        'Op(sql="{# {{ var.value.x }} #}")',
        'Op(sql="{%- raw -%}{{ var.value.x }}{% endraw %}{% raw %}{{ conn.x }}{%endraw%}")',
        'Op(sql="var.value.x and conn.x")',
        "Op(sql=\"{{ 'var.value.x' }}\")",
        "Op(sql=\"{{ params.var[params.x] }} {{ my_var.get(params.x) }} {{ var['other'] }}\")",
        'Op(sql="{% for var in params.all %}{{ var[params.x] }}{% endfor %}")',
        'os.environ.get("x")\nhttp.get_connection("x")\nself.get_connection("x")',
        'Variable.set("x", "a")\nVariable.delete("x")',
        'session.query(Connection).filter(Connection.conn_id == "x")',
    ],
)
def test_what_is_no_use_is_not_found(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        b"from airflow.sdk import Connection\nConnection.get('x')",
        b"from airflow.sdk import Variable\nVariable.get('x')",
        b"from airflow.sdk import ObjectStoragePath\nObjectStoragePath('s3://x@bucket')",
        b"Op(conn_id='x')",
        b"Op(sql='{{ conn.x.host }}')",
        b"Op(sql='{{ var.json.x }}')",
        b"Hook().get_connection('x')",
    ],
)
def test_each_of_them_alone_in_a_file(code: bytes) -> None:
    assert [use.id for use in found_in_bytes(code).uses] == ["x"]


def test_only_the_variables_of_airflow_are_found() -> None:
    code = b'from tkinter import Variable\nVariable.get("x")'
    assert not found_in_bytes(code).uses


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


@pytest.mark.parametrize("code", ['PG_CONN_ID = "x"', 'class Own(Op):\n    pg_conn_id: str = "x"'])
def test_the_name_of_a_constant_says_that_it_may_be_used(code: str) -> None:
    (use,) = found_in(code).uses
    assert (use.id, use.is_optional) == ("x", True)
    assert not found_in("PG_CONN_ID = os.environ['X']\nPG_CONN_ID = None").computed


def test_a_default_of_a_parameter_may_be_used_and_is_never_missing() -> None:
    (use,) = found_in('def load(table, pg_conn_id="x"):\n    ...').uses
    assert (use.id, use.how, use.is_optional) == ("x", "default of pg_conn_id in load", True)


@pytest.mark.parametrize("argument", ["aws_conn_id='x'", "conn_id='kubernetes_default'"])
def test_some_hooks_work_without_their_connection(argument: str) -> None:
    (use,) = found_in(f"Op({argument})").uses
    assert use.is_optional


@pytest.mark.parametrize(
    "code",
    [
        b"Variable.get(",
        b"Variable.get('\0')",
        b"Variable.get('\xff')",
        b"x = " + b"(" * 500 + b"Variable" + b")" * 500,
    ],
)
def test_a_file_that_cannot_be_parsed_is_named(code: bytes) -> None:
    found = found_in_bytes(b"import airflow\n" + code)
    assert not found.uses
    assert list(found.unread) == ["dag.py"]
    assert found.unread["dag.py"].startswith("it is not valid Python")


def test_a_file_that_is_no_dag_may_be_no_python() -> None:
    assert not found_in_bytes(b"{{ cookiecutter.conn }}").unread


def test_deeply_nested_code_ends() -> None:
    code = "x = " + "+".join(['"a"'] * 2000) + "\nVariable.get('y')"
    found = found_in(code)
    assert variables(found) == ["y"] or list(found.unread.values()) == ["it is nested too deep"]


def test_code_is_not_run(tmp_path: Path) -> None:
    found_in(f'open({str(tmp_path / "made")!r}, "w")\nVariable.get("x")')
    assert not list(tmp_path.iterdir())


HOOKS = """
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.acme.base import BaseAcmeHook
class PgHook(DbApiHook):
    conn_name_attr = "pg_conn_id"
    default_conn_name = "pg_default"
    def __init__(self, *args, options=None, **kwargs):
        super().__init__(*args, **kwargs)
class AcmeHook(BaseAcmeHook):
    ...
class TopicHook(BaseAcmeHook):
    def __init__(self, topic, acme_conn_id="acme_default", **kwargs):
        super().__init__(acme_conn_id=acme_conn_id, **kwargs)
"""
BASE = """
class BaseAcmeHook:
    default_conn_name = "acme_default"
    def __init__(self, acme_conn_id: str = default_conn_name):
        ...
"""
OPERATORS = """
from airflow.providers.acme.hooks import AcmeHook
ID = "acme_default"
class LoadOperator:
    def __init__(self, *, table, acme_conn_id: str | None = AcmeHook.default_conn_name, **kwargs):
        super().__init__(**kwargs)
class BulkOperator(LoadOperator):
    def __init__(self, *, size=1, **kwargs):
        super().__init__(**kwargs)
class FixedOperator(LoadOperator):
    def __init__(self, **kwargs):
        super().__init__(acme_conn_id="other", **kwargs)
class NoDefaultOperator:
    def __init__(self, *, conn_id: str | None = None, other_conn_id=ID, **kwargs): ...
"""
SQL = "class DbApiHook:\n    def __init__(self, *args, schema=None, **kwargs): ...\n"
PROVIDER = """
from airflow.providers.acme.hooks import AcmeHook, PgHook, TopicHook
from airflow.providers.acme.operators import BulkOperator, FixedOperator, LoadOperator, NoDefaultOperator
"""


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Signatures:
    """Return the signatures of a provider that cannot be imported."""
    folder = tmp_path_factory.mktemp("site")
    files = {"acme/hooks": HOOKS, "acme/base": BASE, "acme/operators": OPERATORS, "common/sql/hooks/sql": SQL}
    for name, content in files.items():
        path = folder / "airflow" / "providers" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Signatures((str(folder),))


@pytest.mark.parametrize(
    ("code", "ids"),
    [
        ('PgHook("x")', ["x"]),
        ('AcmeHook("x")', ["x"]),
        ('TopicHook("x")', ["acme_default"]),
        ("PgHook()", ["pg_default"]),
        ("AcmeHook()", ["acme_default"]),
        ('LoadOperator(table="t")', ["acme_default"]),
        ('LoadOperator(table="t", acme_conn_id="x")', ["x"]),
        ('LoadOperator.partial(table="t").expand(x=[1])', ["acme_default"]),
        ("BulkOperator()", ["acme_default"]),
        ("FixedOperator()", []),
        ("NoDefaultOperator()", ["acme_default"]),
        ("LoadOperator(**options)", []),
        ('DAG("d", default_args={"acme_conn_id": "x"})\nLoadOperator()', ["x"]),
        ('from company import ARGS\nDAG("d", default_args=ARGS)\nLoadOperator()', []),
        ('ARGS = {"owner": "me"}\nDAG("d", default_args=ARGS)\nLoadOperator()', ["acme_default"]),
    ],
)
def test_the_source_of_the_provider_says_which_id_is_used(code: str, ids: list[str], acme: Signatures) -> None:
    assert connections(found_in(PROVIDER + code, acme)) == ids


def test_nothing_is_said_of_a_provider_that_is_not_installed() -> None:
    found = found_in(PROVIDER + 'PgHook("x")\nLoadOperator(table="t")')
    assert not found.uses
    assert [each.how for each in found.computed] == ["PgHook"]


def test_the_installed_provider_is_read() -> None:
    code = "from airflow.providers.smtp.operators.smtp import EmailOperator\nEmailOperator(task_id='t', to='a')"
    assert connections(found_in(code, Signatures())) == ["smtp_default"]


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 200_000 + " conn",
        "{{ conn }}" + "{#" * 200_000,
        "{% set " + "conn " * 100_000 + "%}",
        "{{ conn.get('" + "conn.get(\\" * 50_000,
        "{{ conn[" * 50_000,
        "{{ var[x" * 50_000,
        "{% raw %}" * 50_000 + "{% endraw " * 50_000,
    ],
    ids=["blocks", "comments", "names", "calls", "items", "computed", "raw"],
)
def test_the_time_for_a_template_grows_with_its_length(text: str) -> None:
    """Without a limit, each of these takes minutes. The test has the timeout of all tests."""
    assert len(list(uses_in_template(text))) <= 50_001
