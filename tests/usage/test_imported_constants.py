"""A constant that code imports from another file of the folder is found; one that may have several values is not."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from support.dag_code import connections, found_in_files

CONFIG = """
DB = "x"
EMPTY = ""
LIMIT = 5
WAREHOUSE = {"prod": "x", "sizes": {"a": "x"}}
class Ids(str, Enum):
    DB = "x"
COPY = Ids.DB
PATTERN = "x{}%s"
CHANGED = {"prod": "x"}
CHANGED["prod"] = other()
if LIMIT:
    SEVERAL = "x"
else:
    SEVERAL = "y"
TEMPLATE = "{{ params.id }}"
"""


@pytest.mark.parametrize(
    "code",
    [
        "from config import DB\nOp(conn_id=DB)",
        "from config import DB as ID\nOp(conn_id=ID)",
        "import config\nOp(conn_id=config.DB)",
        "import config as c\nOp(conn_id=c.WAREHOUSE['prod'])",
        "from config import WAREHOUSE\nOp(conn_id=WAREHOUSE['sizes']['a'])",
        "from config import Ids\nOp(conn_id=Ids.DB)",
        "from config import Ids\nOp(conn_id=Ids.DB.value)",
        "from config import COPY\nOp(conn_id=COPY)",
        "def f():\n    from config import DB\n    Op(conn_id=DB)",
        "from config import DB\ndef f(id):\n    BaseHook.get_connection(id)\nf(DB)",
        "from .config import DB\nOp(conn_id=DB)",
        "from . import config\nOp(conn_id=config.DB)",
        "from config import *\nOp(conn_id=DB)",
        "from config import *\nOp(conn_id=Ids.DB)",
        "from config import *\nfrom other import *\nOp(conn_id=DB)",
        "from absent import *\nfrom config import *\nfrom .other import *\nfrom os.path import *\nOp(conn_id=DB)",
        "from other import *\nfrom derived import *\nOp(conn_id=Ids.DB.value)",
        "from . import *\nfrom config import *\nOp(conn_id=DB)",
        "from config import DB\nID = DB\nOp(conn_id=ID)",
        "import config\nID = config.WAREHOUSE['prod']\nOp(conn_id=ID)",
        "from config import EMPTY\nOp(conn_id=f'x{EMPTY}')",
        "from config import EMPTY\nOp(conn_id=EMPTY + 'x')",
        "from config import EMPTY\nOp(conn_id='%sx' % EMPTY)",
        "from config import EMPTY\nOp(conn_id='{}x'.format(EMPTY))",
        "from config import EMPTY, DB\nID = f'{EMPTY}{DB}'\nOp(conn_id=ID)",
        "from config import Ids\nOp(conn_id=f'{Ids.DB.value}')",
        "from config import WAREHOUSE\nOp(conn_id=WAREHOUSE.get('prod', 'y'))",
        "from config import DB\nclass Own:\n    ID = DB\nOp(conn_id=Own.ID)",
        "from derived import OTHER\nOp(conn_id=OTHER)",
        "from derived import FORMATTED\nOp(conn_id=FORMATTED)",
        "from derived import *\nOp(conn_id=FORMATTED)",
        "from derived import *\nOp(conn_id=DB)",
    ],
)
def test_a_constant_of_another_file(tmp_path: Path, code: str) -> None:
    code = f"from airflow.sdk import BaseHook\n{code}"
    derived = "from config import *\nfrom config import EMPTY, DB\nOTHER = DB\nFORMATTED = f'{EMPTY}{DB}'"
    files = {"dag.py": code, "config.py": CONFIG, "derived.py": derived, "other.py": "OTHER_DB = 'y'"}
    found = found_in_files(tmp_path, files)
    assert connections(found) == ["x"]
    assert not found.uses[0].is_optional
    assert found.uses[0].position.path == str(tmp_path / "dag.py")
    assert found.uses[0].position.line == code.count("\n") + 1
    assert not found.computed


@pytest.mark.parametrize(
    "name",
    ["LIMIT", "WAREHOUSE['other']", "WAREHOUSE", "CHANGED['prod']", "TEMPLATE", "ABSENT", "Ids.ABSENT"],
)
def test_values_that_are_not_constant_are_counted_and_not_guessed(tmp_path: Path, name: str) -> None:
    found = found_in_files(tmp_path, {"dag.py": f"import config\nOp(conn_id=config.{name})", "config.py": CONFIG})
    assert not found.uses
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    "code",
    [
        "from config import SEVERAL\nOp(conn_id=SEVERAL)",
        "from conditions import ID\nOp(conn_id=ID)",
        "from conditions import ID as A\nB = A\nOp(conn_id=B)",
        "from conditions import *\nOp(conn_id=ID)",
        "from conditions import IDS\nOp(conn_id=IDS['db'])",
        "from conditions import FROM_OTHER\nOp(conn_id=FROM_OTHER)",
        "from conditions import ID\ndef f(id):\n    Op(conn_id=id)\nf(ID)",
        "from conditions import ID\nfrom conditions import load\nload(ID)",
        "from again import ID\nOp(conn_id=ID)",
    ],
)
def test_each_string_of_a_constant_of_another_file_is_optional(tmp_path: Path, code: str) -> None:
    conditions = """
import os
from config import DB, OTHER
ID = "x" if os.name else "y"
IDS = {"db": "x" if os.name else "y"}
FROM_OTHER = DB if os.name else OTHER
def load(id):
    Op(conn_id=id)
"""
    files = {
        "config.py": f"{CONFIG}OTHER = 'y'\n",
        "conditions.py": conditions,
        "again.py": "from conditions import ID",
    }
    found = found_in_files(tmp_path, {"dag.py": f"from airflow.sdk import BaseHook\n{code}", **files})
    uses = [(use.id, use.is_optional) for use in found.uses if use.position.path == str(tmp_path / "dag.py")]
    assert sorted(uses) == [("x", True), ("y", True)]
    assert len([each for each in found.computed if each.position.path == str(tmp_path / "dag.py")]) == 1


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    from config import DB\nexcept ImportError:\n    from local import DB\nOp(conn_id=DB)",
        "try:\n    from config import DB\nexcept ImportError:\n    DB = 'y'\nOp(conn_id=DB)",
        "try:\n    from config import DB as ID\nexcept ImportError:\n    from local import DB as ID\nOp(conn_id=ID)",
        "if os.name:\n    from config import DB\nelse:\n    from .local import DB\nOp(conn_id=DB)",
        "try:\n    from config import Ids\nexcept ImportError:\n    from local import Ids\nOp(conn_id=Ids.DB)",
        "try:\n    from config import Ids\nexcept ImportError:\n    Ids = {'DB': 'y'}\nOp(conn_id=Ids['DB'])",
        "def f():\n    try:\n        from config import DB\n    except ImportError:\n        from local import DB\n"
        "    Op(conn_id=DB)",
        "from both import DB\nOp(conn_id=DB)",
    ],
)
def test_a_constant_that_is_imported_from_one_of_two_files(tmp_path: Path, code: str) -> None:
    files = {
        "dag.py": code,
        "config.py": CONFIG,
        "local.py": "DB = 'y'\nclass Ids:\n    DB = 'y'",
        "both.py": "try:\n    from config import DB\nexcept ImportError:\n    from local import DB",
    }
    found = found_in_files(tmp_path, files)
    assert sorted((use.id, use.is_optional) for use in found.uses) == [("x", True), ("y", True)]
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    "code",
    [
        "if os.name:\n    from config import DB\nOp(conn_id=DB)",
        "with suppress(ImportError):\n    from config import Ids\nOp(conn_id=Ids.DB)",
        "try:\n    from config import DB\nfinally:\n    f()\nOp(conn_id=DB)",
    ],
)
def test_a_constant_that_is_imported_in_a_branch(tmp_path: Path, code: str) -> None:
    found = found_in_files(tmp_path, {"dag.py": code, "config.py": CONFIG})
    assert [(use.id, use.is_optional) for use in found.uses] == [("x", False)]
    assert not found.computed


def test_a_file_that_may_not_exist(tmp_path: Path) -> None:
    code = "try:\n    from config import DB\nexcept ImportError:\n    from absent import DB\nOp(conn_id=DB)"
    found = found_in_files(tmp_path, {"dag.py": code, "config.py": CONFIG})
    assert [(use.id, use.is_optional) for use in found.uses] == [("x", True)]
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("config", "config.py"),
        ("config", "team/config.py"),
        ("team.config", "team/config.py"),
        ("team.inner", "team/inner/__init__.py"),
        (".config", "team/inner/config.py"),
        ("..config", "team/config.py"),
        ("..other.config", "team/other/config/__init__.py"),
        (".", "team/inner/__init__.py"),
    ],
)
def test_module_paths_relative_to_the_file(tmp_path: Path, module: str, file: str) -> None:
    code = f"from {module} import DB\nOp(conn_id=DB)"
    found = found_in_files(tmp_path, {"team/inner/dag.py": code, file: CONFIG})
    assert connections(found) == ["x"]


@pytest.mark.parametrize(
    "code",
    [
        "from config import DB\nDB = DB + other()\nOp(conn_id=DB)",
        "from config import DB\nif other():\n    DB = 'y'\nOp(conn_id=DB)",
        "from config import DB\nfor DB in other():\n    Op(conn_id=DB)",
        "from config import DB\ndef f():\n    global DB\n    DB = other()\nOp(conn_id=DB)",
        "try:\n    from config import DB\nexcept ImportError:\n    from local import DB\nDB = other()\nOp(conn_id=DB)",
        "import config\nconfig = config.load()\nOp(conn_id=config.DB)",
        "import config\nconfig.DB = other()\nOp(conn_id=config.DB)",
        "from config import Ids\nIds.DB = other()\nOp(conn_id=Ids.DB)",
        "from config import WAREHOUSE\nWAREHOUSE['prod'] = other()\nOp(conn_id=WAREHOUSE['prod'])",
        "import config\nconfig.WAREHOUSE.update(other())\nOp(conn_id=config.WAREHOUSE['prod'])",
        "from again import DB\nOp(conn_id=DB)",
        "from config import Ids\nOp(conn_id=f'{Ids.DB}_y')",
        "from config import COPY\nOp(conn_id='%s_y' % COPY)",
        "from config import Ids\nID = Ids.DB\nOp(conn_id=f'{ID}_y')",
        "from config import PATTERN\nOp(conn_id=PATTERN.format('y'))",
        "from config import PATTERN\nOp(conn_id=('a' + PATTERN) % 'y')",
        "from config import *\nfrom local import *\nOp(conn_id=DB)",
        "from config import *\nfrom absent import *\nOp(conn_id=DB)",
        "from config import *\nDB = other()\nOp(conn_id=DB)",
        "DB = 'y'\nfrom config import *\nOp(conn_id=DB)",
        "from config import *\nOp(conn_id=copyright)",
    ],
)
def test_a_name_that_the_code_sets_again_is_counted_and_not_guessed(tmp_path: Path, code: str) -> None:
    again = "from config import DB\nDB = DB + other()"
    found = found_in_files(tmp_path, {"dag.py": code, "config.py": CONFIG, "local.py": "DB = 'y'", "again.py": again})
    assert not found.uses
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    "code",
    [
        "from config import DB\nfrom config import DB\nOp(conn_id=DB)",
        "import config\nimport config.other\nOp(conn_id=config.DB)",
        "import config\nobject.config = config\nOp(conn_id=config.DB)",
    ],
)
def test_a_name_that_is_imported_twice(tmp_path: Path, code: str) -> None:
    assert connections(found_in_files(tmp_path, {"dag.py": code, "config.py": CONFIG})) == ["x"]


@pytest.mark.parametrize("other", ["DB = other()", "def DB(): ...", "from absent import DB", "DB = 'x'\nDB = 'x'"])
def test_ambiguous_module_that_computes_the_name(tmp_path: Path, other: str) -> None:
    dag = "from config import DB\nOp(conn_id=DB)"
    found = found_in_files(tmp_path, {"team/dag.py": dag, "team/config.py": 'DB = "x"', "config.py": other})
    assert not found.uses
    assert len(found.computed) == 1


def test_package_that_reexports_a_constant(tmp_path: Path) -> None:
    files = {
        "dag.py": "from pkg import DB, ids\nOp(conn_id=DB)\nOp(conn_id=ids.Ids.DB)",
        "pkg/__init__.py": "from .first import DB\nfrom pkg import second as ids",
        "pkg/first.py": "from pkg.second import DB",
        "pkg/second.py": CONFIG,
    }
    found = found_in_files(tmp_path, files)
    assert connections(found) == ["x", "x"]
    assert not found.computed


@pytest.mark.parametrize(
    "code", ["from . import config", "from pkg import config", "import pkg.config", "from . import config, a"]
)
def test_a_package_that_imports_its_modules(tmp_path: Path, code: str) -> None:
    dag = "from pkg import config\nimport pkg\nOp(conn_id=config.DB)\nOp(conn_id=pkg.config.DB)"
    files = {"dag.py": dag, "pkg/__init__.py": code, "pkg/config.py": CONFIG, "pkg/a.py": ""}
    found = found_in_files(tmp_path, files)
    assert connections(found) == ["x", "x"]
    assert not found.computed


def test_ambiguous_modules(tmp_path: Path) -> None:
    dag = "from config import DB\nOp(conn_id=DB)"
    files = {"team/dag.py": dag, "team/config.py": 'DB = "x"', "config.py": 'DB = "y"'}
    found = found_in_files(tmp_path, files)
    assert not found.uses
    assert len(found.computed) == 1
    (tmp_path / "config.py").write_text('DB = "x"')
    assert connections(found_in_files(tmp_path, {})) == ["x"]


def test_files_that_import_each_other(tmp_path: Path) -> None:
    files = {"a.py": "from b import DB\nOp(conn_id=DB)", "b.py": "from c import DB", "c.py": "from b import DB"}
    found = found_in_files(tmp_path, files)
    assert not found.uses
    assert len(found.computed) == 1


def test_an_archive_and_a_default(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("dag.py", "from config import K\nfrom airflow.sdk import Variable\nVariable.get(K, default=1)")
        archive.writestr("config.py", 'K = "x"')
    (use,) = found_in_files(tmp_path, {}).uses
    assert (use.id, use.is_optional) == ("x", True)
