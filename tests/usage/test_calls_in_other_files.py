"""An id that other files pass to a function or class is found where they pass it; one that is computed is counted."""

from __future__ import annotations

import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

from support.dag_code import connections, found_in_files, variables

HELPERS = """
from functools import partial
from airflow.sdk import BaseHook, Variable
def make_task(name, id="default_db", **kwargs):
    return Op(task_id=name, conn_id=id, **kwargs)
def prefixed(environment, *, name):
    return BaseHook.get_connection(f"{environment}_{name}")
def of_a_parameter(id):
    return inner(id)
def inner(id):
    return BaseHook.get_connection(id)
def setting(key):
    return Variable.get(key, None)
class Own(Op):
    def __init__(self, connection, *, table=None):
        self.connection = connection
    def execute(self, context):
        return BaseHook.get_connection(self.connection)
class Client:
    def load(self, id):
        return BaseHook.get_connection(id)
    @staticmethod
    def read(id):
        return BaseHook.get_connection(id)
"""
IMPORTS = "from airflow.sdk import dag, task, DAG\nfrom operators import PythonOperator\n"


@pytest.mark.parametrize(
    "code",
    [
        "from helpers import make_task\nmake_task('a', id='x')",
        "from helpers import make_task as make\nmake('a', 'x')",
        "import helpers\nhelpers.make_task('a', 'x')",
        "from helpers import *\nmake_task('a', 'x')",
        "from helpers import *\nfrom factory import *\nmake_task('a', 'x')",
        "from .helpers import make_task\nmake_task('a', 'x')",
        "def f():\n    from helpers import make_task\n    make_task('a', 'x')",
        "from helpers import make_task\nID = 'x'\nmake_task('a', ID)",
        "from config import DB\nfrom helpers import make_task\nmake_task('a', DB)",
        "from helpers import of_a_parameter\nof_a_parameter('x')",
        "from helpers import make_task\ndef f(id):\n    make_task('a', id)\nf('x')",
        "from factory import build\nbuild('x')",
        "from package import make\nmake('a', id='x')",
        "from package.again import make\nmake('a', id='x')",
        "from helpers import prefixed\nprefixed('', name='x')",
        "from helpers import Own\nOwn('x')",
        "from helpers import Own\nOwn(connection='x', table='y')",
        "from helpers import Own\nOwn.partial(connection='x').expand(table=['a'])",
        "from helpers import Own\nOwn.partial(table='a').expand(connection=['x'])",
        "from helpers import Client\nClient().load('x')",
        "from helpers import Client\nclient = Client()\nclient.load(id='x')",
        "from helpers import Client\nClient.read('x')",
        "from helpers import inner\ninner('x')",
        "from helpers import inner\nPythonOperator(task_id='a', python_callable=inner, op_args=['x'])",
        "from helpers import inner\nPythonOperator(task_id='a', python_callable=inner, op_kwargs={'id': 'x'})",
        "from helpers import inner\ninner.override(task_id='a')('x')",
        "from helpers import inner\ninner.expand(id=['x'])",
        "from functools import partial\nfrom helpers import inner\npartial(inner, 'x')()",
    ],
)
def test_id_passed_from_another_file(tmp_path: Path, code: str) -> None:
    files = {
        "dag.py": IMPORTS + code,
        "helpers.py": HELPERS,
        "config.py": "DB = 'x'",
        "factory.py": "from helpers import make_task  # airflow\ndef build(id):\n    make_task('a', id)",
        "package/__init__.py": "from .tasks import make",
        "package/tasks.py": HELPERS.replace("make_task", "make"),
        "package/again.py": "from package import *",
    }
    found = found_in_files(tmp_path, files)
    uses = [use for use in found.uses if use.position.path == str(tmp_path / "dag.py")]
    assert {use.id.strip("_") for use in uses} == {"x"}
    assert not any(use.is_optional for use in uses)
    assert uses[0].position.line == (IMPORTS + code).count("\n") + 1
    assert not [each for each in found.computed if each.position.path == str(tmp_path / "dag.py")]


def test_the_use_belongs_to_the_dag_and_the_task_of_the_call(tmp_path: Path) -> None:
    code = "from airflow.sdk import DAG\nfrom helpers import inner\nwith DAG('d'):\n    inner('x', task_id='t')"
    (use,) = found_in_files(tmp_path, {"dag.py": code, "helpers.py": HELPERS}).uses[-1:]
    assert (use.id, use.how, use.position.dags, use.position.tasks) == ("x", "BaseHook.get_connection", ("d",), ("t",))


def test_a_parameter_that_all_calls_pass_is_not_computed(tmp_path: Path) -> None:
    helpers = "from airflow.sdk import BaseHook\ndef load(id):\n    BaseHook.get_connection(id)\n"
    found = found_in_files(tmp_path, {"helpers.py": helpers})
    assert [each.position.line for each in found.computed] == [3]
    found = found_in_files(tmp_path, {"a.py": "from helpers import load\nload('x')  # airflow"})
    assert connections(found) == ["x"]
    assert not found.computed
    found = found_in_files(
        tmp_path, {"b.py": "from helpers import load\nload(other())  # airflow", "helpers.py": helpers}
    )
    assert connections(found) == ["x"]
    assert [each.position.path for each in found.computed] == [str(tmp_path / "b.py")]
    found = found_in_files(tmp_path, {"b.py": "", "helpers.py": helpers + "load('y')\n"})
    assert sorted(connections(found)) == ["x", "y"]
    assert not found.computed


def test_hook_of_the_folder_that_passes_the_id_to_its_base(tmp_path: Path) -> None:
    """A hook takes the connection first, but the code of the hook shows what it does with it."""
    hooks = """
    from airflow.sdk import BaseHook
    class BaseOwnHook(BaseHook):
        def __init__(self, id):
            self.id = id
            super().__init__()
        def get_conn(self):
            return self.get_connection(self.id)
    class OwnHook:
        def __new__(cls, id, limit):
            return BaseOwnHook(id)
    class OtherHook(BaseHook):
        def __init__(self, size): ...
    """
    dag = "from hooks import OtherHook, OwnHook\nID = 'x'\nOwnHook(ID, 5)\nOtherHook(ID)"
    found = found_in_files(tmp_path, {"dag.py": dag, "hooks.py": dedent(hooks)})
    assert [(use.id, use.how, use.position.line) for use in found.uses] == [("x", "self.get_connection", 3)]
    assert [(each.how, each.position.line) for each in found.computed] == [("OtherHook", 4)]


def test_a_default_that_a_call_in_another_file_uses(tmp_path: Path) -> None:
    code = f"{IMPORTS}from helpers import make_task\nmake_task('a')"
    found = found_in_files(tmp_path, {"dag.py": code, "helpers.py": HELPERS})
    assert connections(found) == ["default_db"]


def test_variable_with_a_default_is_optional(tmp_path: Path) -> None:
    code = f"{IMPORTS}from helpers import setting\nsetting('x')"
    (use,) = found_in_files(tmp_path, {"dag.py": code, "helpers.py": HELPERS}).uses
    assert (use.id, use.is_optional) == ("x", True)


@pytest.mark.parametrize(
    "code",
    [
        "from helpers import make_task\nmake_task('a', other())",
        "from helpers import make_task\nmake_task(*other())",
        "from helpers import make_task\nmake_task('a', **other())",
        "from helpers import prefixed\nprefixed(other(), name='x')",
        "from helpers import Own\nfor each in other():\n    Own(each)",
    ],
)
def test_a_call_that_computes_the_id_is_counted(tmp_path: Path, code: str) -> None:
    found = found_in_files(tmp_path, {"dag.py": IMPORTS + code, "helpers.py": HELPERS})
    assert not found.uses
    assert len([each for each in found.computed if each.position.path == str(tmp_path / "dag.py")]) == 1


@pytest.mark.parametrize(
    "code",
    [
        "from helpers import make_task\nmake_task('a', id='x' if other() else 'y')",
        "from helpers import make_task\nmake_task('a' if other() else 'b', 'x' if other() else 'y')",
        "from helpers import inner\nID = 'x' if os.name else 'y'\ninner(ID)",
        "from helpers import inner\nif os.name:\n    ID = 'x'\nelse:\n    ID = 'y'\ninner(ID)",
        "from helpers import of_a_parameter\nof_a_parameter('x' if other() else 'y')",
        "from helpers import inner\ndef f(id):\n    inner(id)\nf('x' if other() else 'y')",
        "from config import X, Y\nfrom helpers import inner\ninner(X if other() else Y)",
        "from config import X, Y\nOp(conn_id=X if other() else Y)",
        "from helpers import Own\nOwn(connection='x' if other() else 'y')",
        "from helpers import inner\nPythonOperator(python_callable=inner, op_args=['x' if other() else 'y'])",
        "from helpers import inner\nfor a in ['a', 'b']:\n    inner('x' if a == 'a' else 'y')",
    ],
)
def test_each_id_that_a_call_may_pass_is_optional_and_its_place_is_counted(tmp_path: Path, code: str) -> None:
    files = {"dag.py": f"import os\n{IMPORTS}{code}", "helpers.py": HELPERS, "config.py": "X = 'x'\nY = 'y'"}
    found = found_in_files(tmp_path, files)
    uses = [use for use in found.uses if use.position.path == str(tmp_path / "dag.py")]
    assert {use.id for use in uses} == {"x", "y"}
    assert all(use.is_optional for use in uses)
    computed = [each for each in found.computed if each.position.path == str(tmp_path / "dag.py")]
    assert {each.position.line for each in computed} == {use.position.line for use in uses}


@pytest.mark.parametrize(
    "code",
    [
        "from library import load\nload('x')",
        "from library import Builder\nBuilder(1).set_conn_id('x').build()",
        "from library import Builder\nbuilder = Builder(1)\nbuilder.set_conn_id('x')",
        "from library import Own\nOwn('a', 'x', 5)",
        "def load(my_conn_id):\n    other(my_conn_id)\nload('x')",
        "from config import X\nfrom library import load\nload(X)",
        "from library import load\ndef f(name):\n    load(name)\nf('x')",
    ],
)
def test_an_id_that_is_passed_by_position_as_a_connection_id(tmp_path: Path, code: str) -> None:
    library = """
    def load(db_conn_id, /): ...
    class Builder:
        def set_conn_id(self, conn_id):
            self._id = conn_id
            return self
    class Own:
        def __init__(self, name, http_conn_id=None, timeout=0): ...
    """
    files = {"dag.py": f"{IMPORTS}{code}", "library.py": dedent(library), "config.py": "X = 'x'"}
    found = found_in_files(tmp_path, files)
    (use,) = found.uses
    assert (use.id, use.is_optional) == ("x", False)
    assert use.position.path == str(tmp_path / "dag.py")
    assert use.how.endswith("conn_id")
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        "from library import load\nload(other())",
        "from library import load\nload(None)",
        "from library import load\nload('{{ params.id }}')",
        "from library import load\nload('')",
        "from library import load\nload()",
        "from library import plain\nplain('x')",
        "def load(db_conn_id): ...\nother.load('x')",
    ],
)
def test_what_is_passed_by_position_is_not_guessed(tmp_path: Path, code: str) -> None:
    library = "def load(db_conn_id=None): ...\ndef plain(name, db_conn_id=None): ..."
    found = found_in_files(tmp_path, {"dag.py": f"{IMPORTS}{code}", "library.py": library})
    assert not found.uses
    assert not found.computed


def test_an_id_in_one_place_is_shown_once(tmp_path: Path) -> None:
    helpers = "from airflow.sdk import BaseHook\ndef load(conn_id):\n    BaseHook.get_connection(conn_id)"
    code = "from helpers import load\nload('x')\nload(conn_id='y')  # airflow"
    found = found_in_files(tmp_path, {"dag.py": code, "helpers.py": helpers})
    assert [(use.id, use.how) for use in found.uses] == [("y", "conn_id"), ("x", "BaseHook.get_connection")]


def test_a_condition_in_another_argument_does_not_matter(tmp_path: Path) -> None:
    code = "from helpers import make_task\nmake_task('a' if other() else 'b', 'x')  # airflow"
    found = found_in_files(tmp_path, {"dag.py": code, "helpers.py": HELPERS})
    (use,) = [use for use in found.uses if use.position.path == str(tmp_path / "dag.py")]
    assert (use.id, use.is_optional) == ("x", False)
    assert not [each for each in found.computed if each.position.path == str(tmp_path / "dag.py")]


@pytest.mark.parametrize(
    "function",
    [
        "def load(id=None):\n    if id is None:\n        id = other()\n    BaseHook.get_connection(id)",
        "def load(id=None, a=1):\n    if a and not id:\n        id = other()\n    if id == '':\n        id = ''\n"
        "    BaseHook.get_connection(id)",
        "def load(id=None):\n    BaseHook.get_connection(id or other())",
        "def load(id=None):\n    id = id or other()\n    BaseHook.get_connection(id)",
        "def load(id=None):\n    id = id if id else other()\n    BaseHook.get_connection(id)",
        "def load(id=None):\n    id = id if id is not None else other()\n    BaseHook.get_connection(id)",
        "def load(id=None):\n    id = other() if id is None else id\n    BaseHook.get_connection(id)",
        "def load(id=None):\n    id = other() if not id else id\n    BaseHook.get_connection(id)",
    ],
)
def test_a_parameter_that_a_branch_replaces_is_optional_where_it_is_passed(tmp_path: Path, function: str) -> None:
    files = {
        "dag.py": "from helpers import load\nload('x')  # airflow\nload()",
        "helpers.py": f"from airflow.sdk import BaseHook\n{function}",
    }
    found = found_in_files(tmp_path, files)
    (use,) = found.uses
    assert (use.id, use.is_optional, use.position.line) == ("x", True, 2)
    assert found.computed


@pytest.mark.parametrize(
    "function",
    [
        "def load(id, stage=''):\n    if stage:\n        id = f'{id}_{stage}'\n    BaseHook.get_connection(id)",
        "def load(id):\n    if not id:\n        id = id + 'x'\n    BaseHook.get_connection(id)",
        "def load(id, stage=''):\n    if not id or stage:\n        id = stage\n    BaseHook.get_connection(id)",
        "def load(id):\n    if not id:\n        id = other()\n    if other():\n        id = other()\n"
        "    BaseHook.get_connection(id)",
        "def load(id):\n    if other():\n        id = other()\n    if not id:\n        id = other()\n"
        "    BaseHook.get_connection(id)",
        "def load(id):\n    if not id:\n        id = other()\n    id = other(id)\n    BaseHook.get_connection(id)",
        "def load(id):\n    try:\n        id = other()\n    finally:\n        pass\n    BaseHook.get_connection(id)",
        "def load(id, stage=''):\n    BaseHook.get_connection(id if not stage else id + stage + other())",
        "def load(id):\n    id = id.get('db') or other()\n    BaseHook.get_connection(id)",
        "def load(id):\n    id = id or id + other()\n    BaseHook.get_connection(id)",
        "def load(id):\n    id = other() if id else other(id)\n    BaseHook.get_connection(id)",
        "def load(id, stage=''):\n    id = id if stage else other()\n    BaseHook.get_connection(id)",
    ],
)
def test_a_parameter_that_the_function_may_replace_is_not_guessed(tmp_path: Path, function: str) -> None:
    files = {
        "dag.py": "from helpers import load\nload('x', 'prod')  # airflow",
        "helpers.py": f"from airflow.sdk import BaseHook\n{function}",
    }
    found = found_in_files(tmp_path, files)
    assert not found.uses
    assert found.computed


def test_a_test_of_another_parameter_leaves_both_strings(tmp_path: Path) -> None:
    helpers = "def load(stage, a='x', b='y'):\n    BaseHook.get_connection(a if stage == 'prod' else b)"
    code = "from helpers import load\nload(other())  # airflow"
    found = found_in_files(tmp_path, {"dag.py": code, "helpers.py": f"from airflow.sdk import BaseHook\n{helpers}"})
    assert connections(found) == ["x", "y"]
    assert all(use.is_optional for use in found.uses)
    assert found.computed


def test_the_string_with_the_tested_parameter_is_found(tmp_path: Path) -> None:
    helpers = "def read(key, start=None):\n    Variable.get(f'{start}{key}' if start is not None else key)"
    code = "from helpers import read\nread('x', 'prod_')  # airflow"
    found = found_in_files(tmp_path, {"dag.py": code, "helpers.py": f"from airflow.sdk import Variable\n{helpers}"})
    assert variables(found) == ["prod_x"]
    assert found.uses[0].is_optional
    assert found.computed


@pytest.mark.parametrize(
    "code",
    [
        "from requests import make_task\nmake_task('a', 'x')",
        "from other.helpers import make_task\nmake_task('a', 'x')",
        "def make_task(a, b): ...\nmake_task('a', 'x')",
        "from helpers import make_task\nmake_task = other()\nmake_task('a', 'x')",
        "from helpers import make_task\ndef f(make_task):\n    make_task('a', 'x')",
        "from helpers import make_task\nmake_task('a', **other())",
        "from helpers import make_task\nmake_task.read('x')",
        "from helpers import Own\ndag = DAG('d', default_args={'connection': other()})\nOwn(table='x')",
        "from again import inner\ninner('x')",
        "from replaced import make_task\nmake_task('a', 'x')",
    ],
)
def test_another_function_is_not_followed(tmp_path: Path, code: str) -> None:
    again = "from helpers import inner\ninner = other(inner)"
    replaced = "from helpers import make_task\ndef make_task(a, b): ..."
    files = {"dag.py": IMPORTS + code, "helpers.py": HELPERS, "again.py": again, "replaced.py": replaced}
    assert not found_in_files(tmp_path, files).uses


def test_ambiguous_functions(tmp_path: Path) -> None:
    code = f"{IMPORTS}from helpers import make_task\nmake_task('a', 'x')"
    files = {"team/dag.py": code, "team/helpers.py": HELPERS, "helpers.py": "def make_task(a, b): ..."}
    found = found_in_files(tmp_path, files)
    assert not found.uses
    assert found.computed


def test_recursive_functions(tmp_path: Path) -> None:
    files = {
        "a.py": "from airflow.sdk import Variable\nfrom b import g\ndef f(id):\n    Variable.get(id)\n    g(id)",
        "b.py": "from a import f  # airflow\ndef g(id):\n    f(id)\n    f(id + '_')\ng('x')",
    }
    found = found_in_files(tmp_path, files)
    assert set(variables(found)) >= {"x", "x_"}


def test_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("dag.py", f"{IMPORTS}from helpers import make_task\nmake_task('a', 'x')")
        archive.writestr("helpers.py", HELPERS)
    assert connections(found_in_files(tmp_path, {})) == ["x"]


@pytest.mark.slow
def test_many_calls_are_limited(tmp_path: Path) -> None:
    """Each file calls each function of the others, so there are more paths than can be followed."""
    names = [f"m{number}" for number in range(12)]
    for name in names:
        imports = "".join(f"from {other} import f as f_{other}\n" for other in names if other != name)
        calls = "".join(f"    f_{other}(id + '{number}')\n" for number, other in enumerate(names) if other != name)
        code = f"from airflow.sdk import Variable\n{imports}def f(id):\n    Variable.get(id)\n{calls * 10}f('x')\n"
        (tmp_path / f"{name}.py").write_text(code)
    assert "x" in variables(found_in_files(tmp_path, {}))
