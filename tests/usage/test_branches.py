"""A name that branches set, such as those of an ``if``, has each value that one of them sets."""

from __future__ import annotations

import sys

import pytest

from support.dag_code import connections, found_in, variables

_EXCEPT_GROUP = ["try:\n    f()\nexcept* KeyError:\n    ID = 'x'\nelse:\n    ID = 'y'\nOp(conn_id=ID)"]


@pytest.mark.parametrize(
    "code",
    [
        "if os.name:\n    ID = 'x'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "if os.name:\n    ID: str = 'x'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "ID = 'y'\nif os.name:\n    ID = 'x'\nOp(conn_id=ID)",
        "ID = None\nif os.name:\n    ID = 'x'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "ID = 'y'\nif os.name:\n    f()\n    if os.sep:\n        ID = 'x'\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\nelif os.sep:\n    ID = 'y'\nelse:\n    ID = 'x'\nOp(conn_id=ID)",
        "A = 'y'\nif os.name:\n    ID = 'x'\nelse:\n    ID = A\nOp(conn_id=ID)",
        "if os.name:\n    A = 'x'\n    B = ''\nelse:\n    A = ''\n    B = 'y'\nOp(conn_id=A + B)",
        "A = ''\nB = 'y'\nif os.name:\n    A = 'x'\n    B = ''\nOp(conn_id=A + B)",
        "def f():\n    if os.name:\n        ID = 'x'\n    else:\n        ID = 'y'\n    Op(conn_id=ID)",
        "class Ids:\n    if os.name:\n        A = 'x'\n    else:\n        A = 'y'\nOp(conn_id=Ids.A)",
        "ID: str\nif os.name:\n    ID = 'x'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\n" + "elif os.sep:\n    ID = 'y'\n" * 500 + "Op(conn_id=ID)",
        "if os.name:\n    ID = 'x'\nelif __name__ == '__main__':\n    ID = 'z'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'y'\n    if os.sep:\n        ID = 'x'\nOp(conn_id=ID)",
        "ID = os.name\nif os.name:\n    ID = 'x'\nif os.sep:\n    ID = 'y'\nOp(conn_id=ID)",
        "ID = 'y'\nif os.name:\n    ID = 'x'\nif os.sep:\n    ID = 'x'\nif os.path:\n    ID = 'y'\nOp(conn_id=ID)",
        "ID = 'y'\nwhile os.name:\n    if os.sep:\n        ID = 'x'\n    Op(conn_id=ID)",
        "for c in ['a', 'b']:\n    if c == 'a':\n        ID = 'x'\n    else:\n        ID = 'y'\n    Op(conn_id=ID)",
        "ID = 'y'\nfor c in os.environ:\n    if c:\n        ID = 'x'\nOp(conn_id=ID)",
        "if os.name:\n    IDS = {'db': 'x'}\nelse:\n    IDS = {'db': 'y'}\nOp(conn_id=IDS['db'])",
        "if os.name:\n    IDS = ['x']\nelse:\n    IDS = ['x', 'y']\nfor c in IDS:\n    Op(conn_id=c)",
        "IDS = ['y']\nif os.name:\n    IDS = ['x']\nfor c in IDS:\n    Op(conn_id=c)",
        "try:\n    ID = f()\nexcept KeyError:\n    ID = 'x'\nexcept OSError:\n    ID = 'y'\nOp(conn_id=ID)",
        "try:\n    f()\nexcept KeyError:\n    ID = 'x'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        *(_EXCEPT_GROUP if sys.version_info >= (3, 11) else ()),
        "ID = 'x'\ntry:\n    ID = 'y'\nexcept KeyError:\n    f()\nOp(conn_id=ID)",
        "try:\n    ID = 'x'\nfinally:\n    if os.name:\n        ID = 'y'\nOp(conn_id=ID)",
        "if os.name:\n    try:\n        ID = 'x'\n    finally:\n        f()\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "match os.name:\n    case 'a':\n        ID = 'x'\n    case _:\n        ID = 'y'\nOp(conn_id=ID)",
        "ID = 'y'\nmatch os.name:\n    case 'a':\n        ID = 'x'\nOp(conn_id=ID)",
        "match os.name:\n    case 'a':\n        ID = 'x'\n    case _ if os.sep:\n        ID = 'y'\nOp(conn_id=ID)",
        "ID = 'x'\nwith suppress(KeyError):\n    ID = 'y'\nOp(conn_id=ID)",
        "if os.name:\n    with f():\n        ID = 'x'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "with DAG('d'):\n    ID = 'x'\n    Op(conn_id=ID)\nwith DAG('e'):\n    ID = 'y'\nOp(conn_id=ID)",
        "ID = 'y'\nID = ID or 'x'\nOp(conn_id=ID)",
        "ID = os.getenv('A')\nID = ID or 'x' or 'y'\nOp(conn_id=ID)",
        "ID = 'x' if os.name else 'y'\nID = ID or os.name\nOp(conn_id=ID)",
    ],
)
def test_a_name_that_branches_set_has_each_of_its_values(code: str) -> None:
    found = found_in(code)
    assert set(connections(found)) == {"x", "y"}
    assert all(use.is_optional for use in found.uses)
    assert {use.position.line for use in found.uses} == {each.position.line for each in found.computed}


@pytest.mark.parametrize(
    "code",
    [
        "if os.name:\n    ID = 'x'\nelse:\n    ID = 'y'\nID = os.name\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\nelse:\n    ID = 'y'\nfor ID in os.environ:\n    pass\nOp(conn_id=ID)",
        "if os.name:\n    ID = os.name\nelse:\n    ID = os.sep\nOp(conn_id=ID)",
        "ID = 'y'\nif os.name:\n    ID = 'x'\nif os.sep:\n    ID = 'y'\nID = 'z'\nOp(conn_id=ID)",
        "def f(ID):\n    if os.name:\n        ID = 'x'\n    else:\n        ID = 'y'\n    Op(conn_id=ID)",
        "ID = 'y'\nwhile os.name:\n    ID = 'x'\nOp(conn_id=ID)",
        "from a import ID\nif os.name:\n    ID = 'x'\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\n    del ID\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\n    ID += 'y'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "ID = 'y'\ndef f():\n    global ID\n    ID = os.name\nif os.name:\n    ID = 'x'\nOp(conn_id=ID)",
        "def f():\n    ID = 'y'\n    if f():\n        ID = 'x'\n    def g():\n        nonlocal ID\n    Op(conn_id=ID)",
        "ID = 'y'\nif (ID := os.name):\n    ID = 'x'\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\nelse:\n    def ID(): ...\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\nelse:\n    from airflow import ID\nOp(conn_id=ID)",
        "if os.name:\n    ID, A = 'x', 'a'\nelse:\n    ID = 'y'\nOp(conn_id=ID)",
        "if os.name:\n    ID = 'x'\n    f(ID)\n    ID = 'y'\nelse:\n    ID = 'z'\nOp(conn_id=ID)",
        "try:\n    ID = 'x'\nexcept KeyError as ID:\n    f()\nOp(conn_id=ID)",
        "ID = 'y'\nID = ID or 'x'\nID = os.name\nOp(conn_id=ID)",
        "def f(ID=None):\n    Op(conn_id=ID)\n    ID = ID or 'x'",
        "def f(ID=None):\n    Op(conn_id=ID)\n    if not ID:\n        ID = 'x'",
        "try:\n    ID = 'x'\n    Op(conn_id=ID)\nfinally:\n    ID = 'y'",
        "ID = 'x'\nOp(conn_id=ID)\ntry:\n    ID = 'y'\nfinally:\n    f()",
        "match os.name:\n    case ID:\n        ID = 'x'\nOp(conn_id=ID)",
        "with f() as ID:\n    ID = 'x'\nOp(conn_id=ID)",
        "ID = 'x'\nclass A:\n    Op(conn_id=ID)\n    ID = 'y'",
        "class A:\n    def __init__(self):\n        if os.name:\n            self.id = 'x'\n    id = 'y'\n"
        "    def f(self):\n        Op(conn_id=self.id)",
    ],
)
def test_a_name_that_other_code_sets_too_is_computed(code: str) -> None:
    found = found_in(code)
    assert connections(found) == []
    assert found.computed


@pytest.mark.parametrize(
    "fallback",
    [
        "ID or 'x'",
        "ID if ID else 'x'",
        "ID if ID is not None else 'x'",
        "'x' if ID is None else ID",
        "ID or 'x' or 'z'",
    ],
)
def test_a_fallback_of_a_parameter(fallback: str) -> None:
    found = found_in(f"def f(ID=None):\n    ID = {fallback}\n    Op(conn_id=ID)\nf('y')")
    assert [(use.id, use.is_optional) for use in found.uses if use.id != "z"] == [("x", True), ("y", True)]
    assert {use.position.line for use in found.uses} == {11, 12}
    assert len(found.computed) == 1


@pytest.mark.parametrize("other", ["ID = os.name", "from conns import ID"])
def test_one_value_that_is_unknown_is_computed(other: str) -> None:
    found = found_in(f"if os.name:\n    {other}\nelse:\n    ID = 'x'\nOp(conn_id=ID)")
    assert connections(found) == ["x"]
    assert found.computed


@pytest.mark.parametrize(
    "code",
    [
        "if os.name:\n    ID = 'x'\nOp(conn_id=ID)",
        "try:\n    ID = 'x'\nexcept KeyError:\n    pass\nOp(conn_id=ID)",
        "with DAG('d'):\n    ID = 'x'\n    Op(conn_id=ID)",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    ID = 'y'\nelse:\n    ID = 'x'\nOp(conn_id=ID)",
        "if typing.TYPE_CHECKING:\n    Op(conn_id='y')\nOp(conn_id='x')",
    ],
)
def test_the_only_value_of_a_name_is_certain(code: str) -> None:
    found = found_in(code)
    assert [(use.id, use.is_optional) for use in found.uses] == [("x", False)]
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        "from conns import *\nif os.name:\n    ID = 'x'\nOp(conn_id=ID)",
        "class Ids(Base):\n    if os.name:\n        ID = 'x'\nOp(conn_id=Ids.ID)",
    ],
)
def test_a_name_that_other_code_may_set_is_not_certain(code: str) -> None:
    found = found_in(code)
    assert [(use.id, use.is_optional) for use in found.uses] == [("x", True)]
    assert len(found.computed) == 1


def test_a_function_that_a_name_may_be_is_computed() -> None:
    found = found_in("if os.name:\n    get = Variable.get\nelse:\n    get = f\nget('x')")
    assert not found.uses
    assert len(found.computed) == 1


def test_documentation_that_branches_set_is_no_template() -> None:
    text = '"{{ var.value.x }}"'
    assert not found_in(f"DOC = {text}\nif os.name:\n    DOC = {text}\nDAG('d', doc_md=DOC)").uses


def test_names_of_many_branches_end() -> None:
    """The time and memory for each name do not depend on the number of branches."""
    chain = "if os.name:\n    A = 'a'\n" + "".join(f"elif f({i}):\n    N{i} = '{i}'\n" for i in range(1_000))
    nested = "".join(f"{' ' * i}if f({i}):\n{' ' * i} ID = '{i}'\n" for i in range(90))
    sequence = "B = 'b'\n" + "if f():\n    B = 'c'\n" * 5_000
    documentation = "if f():\n  C = ''\n  if g():\n    C = 'c'\n" * 500 + "DAG('d', doc_md=C)\n"
    found = found_in(f"{chain}{nested}{sequence}{documentation}Variable.get(N0)\nVariable.get(B)")
    assert variables(found) == ["0", "c"]
    assert len(found.computed) == 1
