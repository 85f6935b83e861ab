"""Whatever a folder of DAGs contains, each file is read or named, and the others are read too."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.usage.dag_files import DagFolderError
from airflow_kubernetes_secrets.usage.dag_sources import uses_in_folders
from airflow_kubernetes_secrets.usage.uses import FoundUses
from support.dag_code import variables

READ = "from airflow.sdk import Variable\nVariable.get('x')\n"
NAME = "sch\u00f6n.py"


def found_in_folders(*folders: Path) -> FoundUses:
    return uses_in_folders(folders, None, lambda things, _done: things)


def test_dag_uses_the_template_next_to_it(tmp_path: Path) -> None:
    """Without this, each file would belong to each DAG."""
    dag = "from airflow import DAG\nwith DAG({!r}):\n    Operator(task_id='t', sql='query.sql')\n"
    for number in range(500):
        folder = tmp_path / f"t{number}"
        folder.mkdir()
        (folder / "dag.py").write_text(dag.format(f"d{number}"))
        (folder / "query.sql").write_text("{{ var.value.x }}")
    uses = found_in_folders(tmp_path).uses
    assert len(uses) == 500
    assert all(use.position.dags == ("d" + Path(use.position.path).parent.name[1:],) for use in uses)


def test_a_template_in_another_folder(tmp_path: Path) -> None:
    """The template in the nearest folder is used. If many folders match, the uses are optional."""
    dag = "from airflow import DAG\nwith DAG('d'):\n    Operator(task_id='t', sql=['near.sql', 'far.sql'])\n"
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "dag.py").write_text(dag)
    for number in range(50):
        folder = tmp_path / f"sql{number}"
        folder.mkdir()
        (folder / "far.sql").write_text("{{ var.value.far }}")
        (folder / "near.sql").write_text("{{ var.value.other }}")
    (tmp_path / "team" / "sql").mkdir()
    (tmp_path / "team" / "sql" / "near.sql").write_text("{{ var.value.near }}")
    uses = found_in_folders(tmp_path).uses
    assert {use.id: use.is_optional for use in uses} == {"near": False, "far": True, "other": True}
    assert len(uses) == 101


def test_a_template_that_all_dags_share(tmp_path: Path) -> None:
    (tmp_path / "load.sql").write_text("{{ var.value.x }}\n" * 100)
    for number in range(300):
        dag = f"from airflow import DAG\nwith DAG('d{number}'):\n    Operator(task_id='t', sql='load.sql')\n"
        (tmp_path / f"dag{number}.py").write_text(dag)
    uses = found_in_folders(tmp_path).uses
    assert len(uses) == 100
    assert len(uses[0].position.dags) == 300


def test_corrupt_names_in_an_archive(tmp_path: Path) -> None:
    """The name is flagged as UTF-8, and its bytes are not."""
    for name, parts in (("central.zip", [2]), ("local.zip", [1])):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(NAME, READ)
        pieces = (tmp_path / name).read_bytes().split("\u00f6".encode())
        assert len(pieces) == 3
        seams = [b"\xff\xff" if number in parts else "\u00f6".encode() for number in (1, 2)]
        (tmp_path / name).write_bytes(pieces[0] + seams[0] + pieces[1] + seams[1] + pieces[2])
    (tmp_path / "dag.py").write_text(READ)
    found = found_in_folders(tmp_path)
    assert variables(found) == ["x"]
    assert sorted(path.split("/")[-1] for path in found.unread) == ["central.zip", NAME]


@pytest.mark.slow
def test_archives_with_one_wrong_byte(tmp_path: Path) -> None:
    path = tmp_path / "packed.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, READ)
    whole = path.read_bytes()
    for position in range(len(whole)):
        for value in (0, 1, 0x7F, 0xFF):
            path.write_bytes(whole[:position] + bytes([value]) + whole[position + 1 :])
            found = found_in_folders(tmp_path)
            assert len(found.unread) <= 1


def test_an_encrypted_entry_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "packed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.py", READ)
        archive.writestr("b.py", READ)
    code = bytearray(path.read_bytes())
    central = code.index(b"PK\1\2")
    struct.pack_into("<H", code, 6, 1)
    struct.pack_into("<H", code, central + 8, 1)
    path.write_bytes(code)
    found = found_in_folders(tmp_path)
    assert list(found.unread) == [f"{path}/a.py"]
    assert variables(found) == ["x"]


@pytest.mark.parametrize("name", ["link", "link.py"])
@pytest.mark.parametrize("target", ["a" * 300, "", "folder/" + "b" * 300])
def test_a_link_that_cannot_be_followed(tmp_path: Path, name: str, target: str) -> None:
    (tmp_path / "dag.py").write_text(READ)
    (tmp_path / "folder").mkdir()
    (tmp_path / name).symlink_to(target or name)
    found = found_in_folders(tmp_path)
    assert variables(found) == ["x"]
    assert list(found.unread) == [str(tmp_path / name)]


def test_pipes_and_kernel_files_do_not_block(tmp_path: Path) -> None:
    (tmp_path / "dag.py").write_text(READ)
    for name in ("k.py", "k.sql", "k"):
        (tmp_path / name).symlink_to("/proc/kmsg")
        (tmp_path / f"z{name}").symlink_to("/dev/zero")
        os.mkfifo(tmp_path / f"p{name}")
    assert variables(found_in_folders(tmp_path)) == ["x"]


@pytest.mark.parametrize("name", ["notes.txt", "query.sql", "broken.zip", "dag"])
def test_one_file_that_is_neither_python_nor_an_archive(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(READ)
    with pytest.raises(DagFolderError, match=f"{name} is neither Python nor an archive"):
        found_in_folders(tmp_path / name)


def test_a_folder_that_is_named_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "dags" / "inner"
    folder.mkdir(parents=True)
    (folder / "dag.py").write_text(READ)
    Path("link").symlink_to("dags")
    names = ["dags", "./dags", "dags/inner", "dags/inner/dag.py", "link", str(folder)]
    assert len(found_in_folders(*map(Path, names)).uses) == 1


def test_arguments_in_yaml_are_optional_uses(tmp_path: Path) -> None:
    """Packages such as dag-factory make tasks from them."""
    text = (
        "tasks:\n  - http_conn_id: x  # a comment\n    'conn_id': \"y\"\n    aws_conn_id: null\n    my_connection: z\n"
    )
    (tmp_path / "dags.yaml").write_text(text)
    uses = found_in_folders(tmp_path).uses
    assert [(use.id, use.how, use.position.line, use.is_optional) for use in uses] == [
        ("x", "http_conn_id", 2, True),
        ("y", "conn_id", 3, True),
    ]


@pytest.mark.parametrize(
    "code",
    [
        "from utils.slack import alert",
        "from utils import slack",
        "from utils import (  # helpers\n    other,\n    slack as s,\n)",
        "from utils import \\\n    slack",
        "import os, utils.slack as s",
        "def f():\n    from .utils import slack",
        "from utils.chain import alert",
        "from ...dags.team.utils.slack import alert",
        "from team.utils import slack",
    ],
)
def test_a_file_that_a_dag_imports_is_read_even_if_it_is_excluded(tmp_path: Path, code: str) -> None:
    """Teams exclude helper modules, so that Airflow does not search them for DAGs."""
    folder = tmp_path / "dags" / "team"
    (folder / "utils").mkdir(parents=True)
    (folder / "dag.py").write_text(code)
    (folder / "utils" / "__init__.py").write_text("from utils import slack" if "\\" in code else "")
    (folder / "utils" / "slack.py").write_text(READ)
    (folder / "utils" / "chain.py").write_text("from .slack import alert")
    (folder / "utils" / "unused.py").write_text(READ.replace("'x'", "'y'"))
    (tmp_path / "dags" / ".airflowignore").write_text("utils\n")
    found = found_in_folders(tmp_path / "dags")
    assert variables(found) == ["x"]
    assert found.uses[0].position.path == str(folder / "utils" / "slack.py")


def test_imports_do_not_leave_the_folder(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "dag.py").write_text(
        "from outside import a\nfrom ..outside import a\nfrom ... import outside\n"
    )
    (tmp_path / "dags" / ".airflowignore").write_text("none\n")
    (tmp_path / "outside.py").write_text(READ)
    assert not found_in_folders(tmp_path / "dags").uses


@pytest.mark.slow
def test_time_for_imports_is_limited(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 100)
    (deep / "a").mkdir(parents=True)
    (tmp_path / ".airflowignore").write_text("none\n")
    for number in range(3):
        imports = "".join(f"from {'a.' * 5}m{line} import x{number}\n" for line in range(20_000))
        (deep / f"dag{number}.py").write_text(imports + READ)
    assert set(variables(found_in_folders(tmp_path))) == {"x"}


@pytest.mark.parametrize("name", ["load.sql", "load.md"])
def test_arguments_at_the_beginning_of_a_file(tmp_path: Path, name: str) -> None:
    """The package gusty makes a task from each file. Markdown is not a template of Airflow's operators."""
    text = "---\noperator: airflow.providers.postgres.operators.postgres.PostgresOperator\npostgres_conn_id: x\n---\n"
    query = "SELECT '\npostgres_conn_id: y\n' FROM {{ var.value.z }};\n"
    (tmp_path / name).write_text(text + query)
    uses = found_in_folders(tmp_path).uses
    assert sorted((use.id, use.is_optional) for use in uses) == ([("x", True), ("z", True)] if ".sql" in name else [])


@pytest.mark.parametrize("ending", ["cql", "jinja", "kql", "sql"])
def test_file_extensions_of_templates(tmp_path: Path, ending: str) -> None:
    """They are those of `template_ext` in the providers."""
    (tmp_path / f"query.{ending}").write_text("{{ var.value.x }}")
    assert variables(found_in_folders(tmp_path)) == ["x"]
