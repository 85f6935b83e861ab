"""An id that a function of the file returns is found; one that the function computes is counted."""

from __future__ import annotations

import pytest

from support.dag_code import connections, found_in


@pytest.mark.parametrize(
    "code",
    [
        "def g():\n    return 'x'\nOp(conn_id=g())",
        "def g():\n    '''Return the id.'''\n    f()\n    return 'x'\nID = g()\nOp(conn_id=ID)",
        "def g():\n    id = 'x'\n    return id\nOp(conn_id=g())",
        "def g():\n    def h():\n        return os.name\n    return 'x'\nOp(conn_id=g())",
        "Op(conn_id=g())\ndef g():\n    return 'x'",
        "def f():\n    Op(conn_id=g())\ndef g():\n    return 'x'",
        "def f():\n    def g():\n        return 'x'\n    Op(conn_id=g())",
        "def g(start):\n    return f'{start}x'\nOp(conn_id=g(''))\nOp(table=g('other'))",
        "def g(start, end='x'):\n    return start + end\nOp(conn_id=g(start=''))",
        "def g(id):\n    return id\ndef h(id):\n    return g(id)\nOp(conn_id=h('x'))",
        "def g(id):\n    return id\ndef load(id):\n    Op(conn_id=g(id))\nload('x')",
        "class Ids:\n    @staticmethod\n    def db():\n        return 'x'\nOp(conn_id=Ids.db())",
        "class Ids:\n    @classmethod\n    def db(cls, end):\n        return 'x' + end\nOp(conn_id=Ids.db(''))",
        "class A(Op):\n    def id(self):\n        return 'x'\n    def execute(self):\n        Op(conn_id=self.id())",
        "class A(Op):\n    @property\n    def id(self):\n        return 'x'\n"
        "    def execute(self):\n        Op(conn_id=self.id)",
        "class A(Op):\n    @functools.cached_property\n    def id(self):\n        return 'x'\n"
        "    def execute(self):\n        Op(conn_id=self.id)",
        "@functools.lru_cache(maxsize=1)\ndef g():\n    return 'x'\nOp(conn_id=g())",
        "def g():\n    if os.name:\n        raise KeyError\n    else:\n        return 'x'\nOp(conn_id=g())",
    ],
)
def test_an_id_that_a_function_returns(code: str) -> None:
    found = found_in(code)
    assert connections(found) == ["x"]
    assert not any(use.is_optional for use in found.uses)
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        "def g():\n    if os.name:\n        return 'x'\n    return 'y'\nOp(conn_id=g())",
        "def g():\n    if os.name:\n        return 'x'\n    else:\n        return 'y'\nOp(conn_id=g())",
        "def g():\n    if os.name:\n        return 'x'\n    if os.sep:\n        return 'y'\nOp(conn_id=g())",
        "def g():\n    try:\n        return 'x'\n    except KeyError:\n        return 'y'\nOp(conn_id=g())",
        "def g(env):\n    return 'x' if env else 'y'\nOp(conn_id=g(os.name))",
        "def g(a):\n    if a == 'a':\n        return 'x'\n    elif a == 'b':\n        return 'y'\nOp(conn_id=g('c'))",
        "def g():\n    if os.name:\n        id = 'x'\n    else:\n        id = 'y'\n    return id\nOp(conn_id=g())",
    ],
)
def test_an_id_that_a_function_may_return_is_optional_and_counted(code: str) -> None:
    found = found_in(code)
    assert set(connections(found)) == {"x", "y"}
    assert all(use.is_optional for use in found.uses)
    assert len(found.computed) == 1


def test_a_function_with_very_many_branches() -> None:
    branches = "".join(f"    elif a == {number}:\n        return 'x{number}'\n" for number in range(2_000))
    found = found_in(f"def g(a):\n    if a:\n        return 'x'\n{branches}Op(conn_id=g())\nOp(conn_id='y')")
    assert connections(found) == ["y"]
    assert len(found.computed) == 1


def test_a_function_that_may_return_nothing() -> None:
    found = found_in("def g():\n    if os.name:\n        return 'x'\nOp(conn_id=g())")
    assert [(use.id, use.is_optional) for use in found.uses] == [("x", True)]
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    "code",
    [
        "def g():\n    return os.name\nOp(conn_id=g())",
        "def g():\n    yield 'x'\nOp(conn_id=g())",
        "def g():\n    yield\n    return 'x'\nOp(conn_id=g())",
        "class A(Op):\n    @property\n    def id(self):\n        return self.id\n"
        "    def f(self):\n        Op(conn_id=self.id)",
        "class A(Op):\n    @property\n    def id(self):\n        return 'x'\n"
        "    @id.setter\n    def id(self, id): ...\n    def f(self):\n        Op(conn_id=self.id)",
        "class A(Op):\n    def id(self):\n        return 'x'\n    def f(self):\n        Op(conn_id=self.id)",
        "async def g():\n    return 'x'\nOp(conn_id=g())",
        "@other\ndef g():\n    return 'x'\nOp(conn_id=g())",
        "@task\ndef g():\n    return 'x'\nOp(conn_id=g())",
        "def g():\n    return 'x'\ng = other(g)\nOp(conn_id=g())",
        "def g():\n    return 'x'\ndef g():\n    return 'y'\nOp(conn_id=g())",
        "if os.name:\n    def g():\n        return 'x'\nelse:\n    def g():\n        return 'y'\nOp(conn_id=g())",
        "def g():\n    return 'x'\ndef f(g):\n    Op(conn_id=g())",
        "def g(id):\n    return id\nOp(conn_id=g(*ids))\nOp(table=g('x'))",
        "def g(id):\n    return id\nOp(conn_id=g())\nOp(table=g('x'))",
        "def g(id='x'):\n    return id\nOp(conn_id=g(*ids))",
        "def g(id='x'):\n    return id\nOp(conn_id=g(**ids))",
        "def g(id):\n    return g(id)\nOp(conn_id=g('x'))",
        "def g(id=os.name):\n    return id\nOp(conn_id=g())",
        "class A:\n    def g():\n        return 'x'\nOp(conn_id=g())",
        "class A:\n    def g(self):\n        return 'x'\nOp(conn_id=other.g())",
        "class A(Op):\n    def g(self):\n        return 'x'\n    def execute(self):\n        Op(conn_id=self.g())\n"
        "class B(A):\n    def g(self):\n        return 'y'",
        "class A(Op):\n    def execute(self):\n        Op(conn_id=self.g())\ndef g():\n    return 'x'",
        "def g():\n    return lambda: 'x'\nOp(conn_id=g())",
        "from other import g\nOp(conn_id=g().id)",
    ],
)
def test_what_a_function_computes_is_counted_and_not_guessed(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert len(found.computed) == 1
