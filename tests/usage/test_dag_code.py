"""The ids that DAG code uses are found; an id that is only known when the code runs is counted, never guessed."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.usage.frames import Frame
from support.dag_code import IMPORTS, connections, found_in, found_in_bytes, variables


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
        'class Ids:\n    DB = "x"\nOp(conn_id=Ids.DB)',
        'class Ids(str, Enum):\n    DB = "x"\nOp(conn_id=Ids.DB.value)',
        'class Own(Op):\n    db = "x"\n    def execute(self):\n        BaseHook.get_connection(self.db)',
        'class Own(Op):\n    db: ClassVar[str] = "x"\n    def execute(self):\n        BaseHook.get_connection(self.db)',
        'class Own:\n    db: str = "x"\n    def execute(self):\n        BaseHook.get_connection(self.db)',
        'class Ids(StrEnum):\n    DB = "x"\nOp(conn_id=f"{Ids.DB}")',
        'class Ids(Enum):\n    DB = "x"\nOp(conn_id=f"{Ids.DB.value}")',
        'IDS = {"db": "x", "web": None}\nOp(conn_id=IDS["db"])',
        'IDS = {"db": {"prod": "x"}}\nDB = IDS["db"]\nOp(conn_id=DB["prod"])',
        'IDS = {"db": "x"}\nOp(conn_id=IDS.get("db", "y"))',
        'class Ids:\n    ALL = {"db": "x"}\nOp(conn_id="" + Ids.ALL["db"])',
        'default_args = {}\ndefault_args["postgres_conn_id"] = "x"',
        'def f(id="x"):\n    BaseHook.get_connection(id)\nf()',
        'ID = "x"\ndef f(a, *, id=ID):\n    BaseHook.get_connection(id)\nf(1)',
        'class Own:\n    def f(self, id):\n        BaseHook.get_connection(id)\nown = Own()\nown.f("x")',
        'if __name__ == "__main__":\n    pass\nelse:\n    Op(conn_id="x")',
        "class Own(Op):\n    def __init__(self, id):\n        self.id = id\n"
        '    def f(self):\n        Op(conn_id=self.id)\nOwn("x")\nOwn(id="x")',
        'class Own(Op):\n    def __init__(self, id="x"):\n        self.id = id\n'
        '    def f(self):\n        Op(conn_id=self.id)\nclass Sub(Own): ...\nOwn()\nSub("x")',
        'class Own(Op):\n    def __init__(self):\n        self.id = "x"\n    def f(self):\n        Op(conn_id=self.id)',
        "class A(Op):\n    def __init__(self, id):\n        self.id = id\n"
        "    def f(self):\n        Op(conn_id=self.id)\n"
        'class B(Op):\n    def __init__(self, id):\n        self.id = id\nA("x")\nB("y")',
        'def f(id):\n    def g():\n        Op(conn_id=id)\n    return g\nf("x")',
        'def f(a, b):\n    Op(conn_id=f"{a}{b}")\nf("", "x")\nf(b="x", a="")',
        'def f(a):\n    ID = a + ""\n    Op(conn_id=ID)\nf("x")',
        'def f(id):\n    Op(conn_id=id)\nOp(python_callable=f, op_args=["x"])',
        'def f(id):\n    Op(conn_id=id)\nOp(python_callable=f, op_kwargs=dict(id="x"))',
        '@task\ndef f(id):\n    Op(conn_id=id)\nf.override(task_id="t")("x")\nf.expand(id=["x"])',
        '@task\ndef f(id):\n    Op(conn_id=id)\nf.partial(id="x").expand(a=[1])\nf.override(retries=1)("x")',
        'Op.partial(task_id="t").expand(conn_id=["x", "x"])',
        'Op.partial(task_id="t").expand_kwargs([{"conn_id": "x"}])',
        'from airflow.sdk import ObjectStoragePath\nObjectStoragePath(f"s3://x@bucket/{os.name}")',
        'from airflow.sdk import ObjectStoragePath\nID = "x"\nObjectStoragePath(f"s3://{ID}@{os.name}/key")',
        'from airflow.sdk import ObjectStoragePath\ndef f(id):\n    ObjectStoragePath(f"s3://{id}@bucket")\nf("x")',
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
        'from settings import *\nfrom common import *\nVariable.get("x")',
        "try:\n    from airflow.sdk import Variable\nexcept ImportError:\n    from airflow.models import Variable\n"
        'Variable.get("x")',
        '@task\ndef f():\n    return Variable.get("x")',
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
        'kwargs.setdefault("http_conn_id", "x")',
        'kwargs.get("conn_id", "x")',
    ],
)
def test_use_with_a_default_is_optional(code: str) -> None:
    (use,) = found_in(code).uses
    assert use.id == "x"
    assert use.is_optional


@pytest.mark.parametrize(
    ("code", "is_optional"),
    [
        ("try:\n    A = Variable.get('x')\nexcept KeyError:\n    A = None", True),
        ("try:\n    A = Variable.get('x')\nexcept (KeyError, ValueError):\n    A = None", True),
        ("try:\n    A = Variable.get('x')\nexcept Exception:\n    A = None", True),
        ("try:\n    A = Variable.get('x')\nexcept:\n    A = None", True),
        ("try:\n    A = BaseHook.get_connection('x')\n    f(A)\nexcept AirflowNotFoundException:\n    A = None", True),
        ("with contextlib.suppress(KeyError):\n    A = Variable.get('x')", True),
        ("with suppress(Exception):\n    A = Variable.get('x')", True),
        (
            "def get(key, default=None):\n    try:\n        return Variable.get(key)\n    except KeyError:\n"
            "        return default\nget('x')",
            True,
        ),
        ("try:\n    A = Variable.get('x')\nexcept KeyError:\n    log()\n    raise", False),
        ("try:\n    A = Variable.get('x')\nexcept KeyError as e:\n    raise ValueError from e", False),
        ("try:\n    A = Variable.get('x')\nexcept ValueError:\n    A = None", False),
        ("try:\n    A = Variable.get('x')\nfinally:\n    f()", False),
        ("try:\n    f()\nexcept KeyError:\n    A = Variable.get('x')", False),
        # The handler may be for what the block does with the connection.
        ("try:\n    A = BaseHook.get_connection('x')\n    f(A)\nexcept Exception:\n    log()", False),
        ("try:\n    A = BaseHook.get_connection('x')\n    f(A)\nexcept:\n    log()", False),
        ("with suppress(Exception):\n    A = BaseHook.get_connection('x')\n    f(A)", False),
        ("with f(KeyError):\n    A = Variable.get('x')", False),
    ],
)
def test_use_is_optional_if_the_code_handles_the_error(code: str, is_optional: bool) -> None:
    (use,) = found_in(code).uses
    assert (use.id, use.is_optional) == ("x", is_optional)


@pytest.mark.parametrize(
    "code",
    [
        'Op(conn_id=os.environ["X"])',
        'Op(conn_id=f"x_{os.name}")',
        'ID = "x"\nID = "y"\nOp(conn_id=ID)',
        'ID = "x"\ndef f(ID):\n    Op(conn_id=ID)',
        'ID = "x"\nfor ID in os.environ:\n    Op(conn_id=ID)',
        'ID = "x"\ndef f():\n    global ID\n    ID = "y"\nOp(conn_id=ID)',
        'class Ids:\n    ID = "x"\n    def f(self):\n        Op(conn_id=ID)',
        "from constants import ID\nOp(conn_id=ID)",
        "BaseHook.get_connection(os.name)",
        'Variable.get(f"x_{os.name}")',
        'IDS = {"db": "x"}\nIDS["db"] = os.name\nOp(conn_id=IDS["db"])',
        'IDS = {"db": "x"}\nIDS.update(os.environ)\nOp(conn_id=IDS["db"])',
        'IDS = {"db": "x", **os.environ}\nOp(conn_id=IDS["db"])',
        'class Ids:\n    DB = "x"\nIds.DB += os.name\nOp(conn_id=Ids.DB)',
        'class A:\n    db = "x"\nclass B(A):\n    db = "y"\n    def f(self):\n        BaseHook.get_connection(self.db)',
        'def f(id="x"):\n    BaseHook.get_connection(id)',
        'def f(id="x"):\n    BaseHook.get_connection(id)\nf(*os.environ)',
        'def f(id):\n    id = os.name\n    BaseHook.get_connection(id)\n\nf("x")',
        'def f(a, id):\n    BaseHook.get_connection(id)\nf(*os.environ, "x")',
        'def f(id="x"):\n    id += os.name\n    BaseHook.get_connection(id)\n\nf()',
        'def get(key):\n    Variable.get(key)\n\nrequests.get("http://host/")',
        'class Own:\n    def get(self, key):\n        Variable.get(key)\n\nrequests.get("http://host/")',
        'def a():\n    def load(key):\n        Variable.get(key)\n\ndef b(load): load("y")',
        'class E(Enum):\n    A = "x"\nOp(conn_id=f"db_{E.A}")',
        'class E(str, Enum):\n    A = "x"\nOp(conn_id=f"{E.A}")',
        'class E(Enum):\n    A = "x"\nOp(conn_id="db_%s" % E.A)',
        'class E(Enum):\n    A = "x"\nOp(conn_id="db_{}".format(E.A))',
        '@dataclass\nclass A:\n    db: str = "x"\n    def f(self):\n        BaseHook.get_connection(self.db)',
        "class A(Op):\n    def __init__(self, id):\n        self.id = id\n        self.id = os.name\n"
        '    def f(self):\n        Op(conn_id=self.id)\n\nA("x")',
        "class A(Op):\n    def __init__(self, id):\n        self.id = id\n"
        '    def f(self):\n        self.id = os.name\n        Op(conn_id=self.id)\n\nA("x")',
        "class A(Op):\n    def __init__(self, id):\n        self.id = id\n"
        '    def f(self):\n        Op(conn_id=self.id)\nA("x").id = os.name\n',
        'class E(Enum):\n    A = "x"\ndef f(id):\n    Op(conn_id=f"{id}_db")\nf(E.A)',
        'def f(a, id="x"):\n    Op(conn_id=id)\nf(*os.name)',
        'def f(a, id="x"):\n    Op(conn_id=id)\nf(**os.environ)',
        'from airflow.sdk import ObjectStoragePath\nObjectStoragePath(f"s3://{os.name}@bucket/")',
        'Op.partial(task_id="t").expand(conn_id=os.name)',
        'class A(NamedTuple):\n    db: str = "x"\n    def f(self):\n        BaseHook.get_connection(self.db)',
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
        '# Op(conn_id="x")',
        'Op(conn_id=None, aws_conn_id="")',
        'Connection(conn_id="x", conn_type="postgres")',
        'Connection("x", "postgres")',
        'models = {"conn_id": "x", "conn_type": "postgres"}',
        'Op(sql="var.value.x and conn.x")',
        'os.environ.get("x")\nhttp.get_connection("x")\nself.get_connection("x")',
        'Variable.set("x", "a")\nVariable.delete("x")',
        'session.query(Connection).filter(Connection.conn_id == "x")',
        'if __name__ == "__main__":\n    Variable.get("x")\n    Op(conn_id=os.name)',
        'def f(id):\n    return id\nif "__main__" == __name__:\n    BaseHook.get_connection(f("x"))',
    ],
)
def test_other_code_is_not_a_use(code: str) -> None:
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
        b"DB_CONN_ID = 'x'",
        b"Op(sql='{{ conn.x.host }}')",
        b"Op(sql='{{ var.json.x }}')",
        b"Hook().get_connection('x')",
    ],
)
def test_each_kind_of_use_alone_in_a_file(code: bytes) -> None:
    assert [use.id for use in found_in_bytes(code).uses] == ["x"]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (("A", "B"), ["x"]),
        (("A", "B(A)"), ["x"]),
        (("A(B)", "B"), ["x", "y"]),
    ],
)
def test_methods_of_the_same_name(classes: tuple[str, str], expected: list[str]) -> None:
    code = f"""
    class {classes[0]}:
        def load(self, id): BaseHook.get_connection(id)
        def run(self): self.load("x")
    class {classes[1]}:
        def load(self, id): ...
        def run(self): self.load("y")
    """
    assert connections(found_in(code)) == expected


def test_a_method_of_a_base_class() -> None:
    code = """
    class A:
        def load(self, id): BaseHook.get_connection(id)
    class B(A): ...
    class C(B):
        def run(self): self.load("x")
    """
    assert connections(found_in(code)) == ["x"]


def test_functions_of_the_same_name_in_other_functions() -> None:
    code = """
    def a():
        def load(key): Variable.get(key)
        load("x")
    def b():
        def load(id): BaseHook.get_connection(id)
        load("y")
    """
    found = found_in(code)
    assert variables(found) == ["x"]
    assert connections(found) == ["y"]


def test_only_the_variables_of_airflow_are_found() -> None:
    code = b'from tkinter import Variable\nVariable.get("x")'
    assert not found_in_bytes(code).uses


@pytest.mark.parametrize("code", ['PG_CONN_ID = "x"', 'class Own(Op):\n    pg_conn_id: str = "x"'])
def test_constant_with_conn_id_in_its_name_is_an_optional_use(code: str) -> None:
    (use,) = found_in(code).uses
    assert (use.id, use.is_optional) == ("x", True)
    assert not found_in("PG_CONN_ID = os.environ['X']\nPG_CONN_ID = None").computed


def test_default_of_a_parameter_is_an_optional_use() -> None:
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


def test_invalid_python_that_is_not_a_dag_is_ignored() -> None:
    assert not found_in_bytes(b"{{ cookiecutter.conn }}").unread


def test_deeply_nested_code_is_limited() -> None:
    code = "x = " + "+".join(['"a"'] * 2000) + "\nVariable.get('y')"
    found = found_in(code)
    assert variables(found) == ["y"] or list(found.unread.values()) == ["it is nested too deep"]


@pytest.mark.slow
@pytest.mark.parametrize("first", ["a", ""])
def test_exponentially_growing_strings_count_as_computed(first: str) -> None:
    """Each level is a thousand times as long as the one before it, or takes a thousand times as long."""
    levels = "".join(f"{b} = f'{f'{{{a}}}' * 1000}'\n" for a, b in zip("abcd", "bcde", strict=True))
    found = found_in(f"a = {first!r}\n{levels}Variable.get('y')\nVariable.get(e)")
    assert variables(found) == ["y"]
    assert len(found.computed) == 1


def test_code_is_not_run(tmp_path: Path) -> None:
    found_in(f'open({str(tmp_path / "made")!r}, "w")\nVariable.get("x")')
    assert not list(tmp_path.iterdir())


def test_parsed_file_leaves_memory_without_the_garbage_collector() -> None:
    code = """
class Base: ...
class Own(Base):
    def load(self, conn_id): return Op(conn_id=conn_id)
for each in ("a", "b"):
    Own().load(each)
ids = [BaseHook.get_connection(name) for name in ("c", "d")]
"""
    gc.collect()
    gc.disable()
    try:
        assert sorted(connections(found_in(code))) == ["a", "b", "c", "d"]
        assert [each for each in gc.get_objects() if isinstance(each, Frame)] == []
    finally:
        gc.enable()
