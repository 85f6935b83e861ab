"""The ids that a class passes to the constructor of its base class."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.dag_code import connections, found_in, found_in_files

HOOK = "from airflow.providers.postgres.hooks.postgres import PostgresHook\n"
BASE = """
class Base(Op):
    def __init__(self, connection, table=None):
        self.connection = connection
    def execute(self, context):
        BaseHook.get_connection(self.connection)
"""


@pytest.mark.parametrize(
    "code",
    [
        f"{HOOK}class A(PostgresHook):\n    def __init__(self):\n        super().__init__('x')",
        f"{HOOK}class A(PostgresHook):\n    def __init__(self):\n        super(A, self).__init__('x')",
        f"{HOOK}class A(PostgresHook):\n    def __init__(self):\n        PostgresHook.__init__(self, 'x')",
        f"{HOOK}class A(PostgresHook):\n    def __init__(self):\n        super().__init__(postgres_conn_id='x')",
        f"{HOOK}class A(PostgresHook, Mixin):\n    def __init__(self):\n        super().__init__('x')",
        f"{BASE}class A(Base):\n    def __init__(self):\n        super().__init__('x')",
        f"{BASE}class A(Base):\n    def __init__(self):\n        super().__init__(connection='x')",
        f"{BASE}class A(Base):\n    def __init__(self):\n        Base.__init__(self, 'x')",
        f"{BASE}class A(Base):\n    def __init__(self, id):\n        super().__init__(id)\nA('x')",
        f"{BASE}class A(Base):\n    def __init__(self, id, **more):\n        super().__init__(id, **more)\nA('x')",
        f"{BASE}class A(Base):\n    def __init__(self, *args, **more):\n        super().__init__(*args, **more)\n"
        "A('x')",
        f"{BASE}class A(Base):\n    def __init__(self, end, **more):\n        super().__init__(**more)\n"
        "A('y', connection='x')",
        f"{BASE}class A(Base): ...\nclass B(A):\n    def __init__(self):\n        super().__init__('x')",
        "class A:\n    def load(self, id):\n        BaseHook.get_connection(id)\n"
        "class B(A):\n    def run(self):\n        super().load('x')",
    ],
)
def test_an_id_for_the_constructor_of_the_base_class(code: str) -> None:
    found = found_in(code)
    assert connections(found) == ["x"]
    assert not any(use.is_optional for use in found.uses)
    assert not found.computed


def test_the_default_of_a_constructor_that_passes_it_on() -> None:
    found = found_in(f"{BASE}class A(Base):\n    def __init__(self, id='x'):\n        super().__init__(id)\nA()")
    assert connections(found) == ["x"]
    assert not found.computed


def test_a_base_class_of_another_file(tmp_path: Path) -> None:
    files = {
        "base.py": "from airflow.sdk import BaseHook\nfrom operators import Op\n" + BASE,
        "dag.py": "import airflow\nfrom base import Base\nclass A(Base):\n"
        "    def __init__(self):\n        super().__init__('x')\n",
    }
    found = found_in_files(tmp_path, files)
    assert [(use.id, Path(use.position.path).name, use.position.line) for use in found.uses] == [("x", "dag.py", 5)]
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        f"{BASE}class A(Base):\n    def __init__(self, **more):\n        super().__init__(**more)",
        f"{BASE}class A(Base):\n    def __init__(self):\n        super().__init__(os.name)",
        f"{BASE}class A(Base):\n    def __init__(self):\n        super(Base, self).__init__('x')",
        f"{BASE}class A(Mixin, Base):\n    def __init__(self):\n        super().__init__('x')",
        f"{BASE}class A(Base):\n    def __init__(self, id, **more):\n        super().__init__(**more)\nA('x')",
        f"{BASE}class A(Base):\n    def __init__(self, *args):\n        super().__init__(f(*args))\nA('x')",
        f"{HOOK}class A(PostgresHook):\n    def __init__(self):\n        super().__init__(os.name)",
    ],
)
def test_an_id_that_a_constructor_computes_is_counted_and_not_guessed(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    "code",
    [
        f"{HOOK}class A(Mixin, PostgresHook):\n    def __init__(self):\n        super().__init__('x')",
        f"{HOOK}class A(PostgresHook):\n    def __init__(self):\n        super().__init__()",
        f"{HOOK}class A(PostgresHook):\n    def __init__(self, *args):\n        super().__init__(*args)",
        "def f():\n    super().__init__('x')",
    ],
)
def test_a_constructor_without_an_id(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert not found.computed
