"""Which files ``usage`` reads: DAG files, archives, the folders of DAG bundles, and files with templates."""

from __future__ import annotations

import os
import struct
import sys
import zipfile
from typing import Any

import pytest

from airflow_kubernetes_secrets.usage.dag_file import LARGEST_DAG_FILE_BYTES
from support.secrets import TEAM, VARIABLE
from support.usage import Usage, reads


@pytest.mark.parametrize(
    ("syntax", "pattern"), [("glob", "old/*\n# a comment\n!old/kept.py"), ("regexp", "old/.*[a-z]{5}")]
)
def test_ignored_files_are_not_read(usage: Usage, syntax: str, pattern: str) -> None:
    usage.patch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", syntax)
    usage.dag("etl.py", reads("x"))
    usage.dag("old/ignored.py", reads("ignored"))
    usage.dag("old/kept.py", reads("kept"))
    (usage.dags / ".airflowignore").write_text(pattern)
    assert set(usage.ids(status=1)) == {"x", "kept"}


def test_archives_and_other_files(usage: Usage) -> None:
    with zipfile.ZipFile(usage.dags / "packed.zip", "w") as archive:
        archive.writestr("etl.py", reads("packed"))
        archive.writestr("lib/common.py", reads("deep"))
    (usage.dags / "broken.zip").write_bytes(b"PK\3\4")
    (usage.dags / "notes.txt").write_text("{{ var.value.no }}")
    os.mkfifo(usage.dags / "pipe")
    ids = usage.ids(status=1)
    assert set(ids) == {"packed", "deep"}
    assert ids["deep"]["uses"][0]["path"] == f"{usage.dags}/packed.zip/lib/common.py"


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("stated", [None, 10])
def test_an_archive_that_expands_to_much(usage: Usage, compression: int, stated: int | None) -> None:
    """The size that the archive states can be false."""
    path = usage.dags / "packed.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("etl.py", b"#" * (LARGEST_DAG_FILE_BYTES + 1))
    if stated is not None:
        real, false = (struct.pack("<L", each) for each in (LARGEST_DAG_FILE_BYTES + 1, stated))
        path.write_bytes(path.read_bytes().replace(real, false))
    usage.dag("etl.py", reads("x"))
    document = usage.document(status=1)
    [failure] = document["failures"]
    assert failure.startswith(str(path))
    assert [each["id"] for each in document["ids"]] == ["x"]


def test_unreadable_files_are_errors(usage: Usage) -> None:
    usage.dag("etl.py", "import airflow\nVariable.get(")
    document = usage.document(status=2)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    (failure,) = document["failures"]
    assert failure.startswith(f"{usage.dags}/etl.py: it is not valid Python {version} (line 2). ")
    assert "run the command with the Python of your DAGs" in failure
    done = usage.run("--dags", str(usage.dags / "nowhere"), status=2)
    assert "nowhere cannot be read: No such file or directory" in done.err


def test_one_file(usage: Usage) -> None:
    usage.dag("etl.py", reads("x"))
    usage.dag("other.py", reads("y"))
    found: Any = usage.run("--dags", str(usage.dags / "etl.py"), "--no-database", "-o", "json", status=1).document
    assert [each["id"] for each in found["ids"]] == ["x"]


@pytest.mark.parametrize("problem", ["does not exist", "is not a folder"])
def test_invalid_folder_of_dags(usage: Usage, problem: str) -> None:
    folder = usage.dags / "of-airflow"
    if problem == "is not a folder":
        folder.write_text("")
    usage.patch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(folder))
    document = usage.run("--no-database", "--output", "json", status=2).document
    assert document["failures"] == [
        f"the DAG bundle dags-folder: its folder {folder} {problem}. Create it, or name another folder with --dags"
    ]


def test_bundles(usage: Usage) -> None:
    usage.configure(team_label=TEAM)
    usage.dag("etl.py", reads("x"))
    usage.put("x", {VARIABLE: "x", TEAM: "sales"})
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    git = "airflow.providers.git.bundles.git.GitDagBundle"
    usage.patch.setenv(
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST",
        f'[{{"name": "here", "classpath": "{local}", "kwargs": {{"path": "{usage.dags}"}}, "team_name": "sales"}},'
        f' {{"name": "there", "classpath": "{git}", "kwargs": {{}}}}]',
    )
    document = usage.run("--no-database", "--output", "json", status=2).document
    assert [(each["id"], each["team"], each["status"]) for each in document["ids"]] == [("x", "sales", "found")]
    assert document["failures"] == ["the DAG bundle there: it is not on this machine. Name its folder with --dags"]

    usage.patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", '{"name": 1}')
    assert "is not a JSON list of bundles" in usage.run("--no-database", status=2).err


def test_templates_in_files(usage: Usage) -> None:
    """Templates that a DAG names are uses. Others are optional uses, because code can compute their names."""
    usage.dag(
        "etl.py",
        "from airflow.sdk import DAG\nfrom airflow.providers.standard.operators.bash import BashOperator\n"
        'with DAG("etl"):\n    BashOperator(task_id="load", bash_command="./scripts/load.sh")\n'
        'with DAG("other"):\n    BashOperator(task_id="run", bash_command="scripts/load.sh")\n',
    )
    usage.dag("scripts/load.sh", "#!/bin/sh\n# {# {{ var.value.comment }} #}\necho {{ var.value.named }}\n")
    usage.dag("elsewhere/load.sh", "{{ var.value.elsewhere }}")
    usage.dag("sql/query.sql", "SELECT '{{ conn.db.host }}', {{ var.json.get('limit', 1) }}, {{ var.value[x] }}")
    usage.dag("chart.yaml", "a: {{ .Values.connection }}\nb: {{ conn }}\n")
    usage.dag("data.json", "\xff{{ var.value." + "[" * 10_000)

    document = usage.document(status=1)

    shown = {
        each["id"]: [each["status"], *((use["line"], use["dags"], use["tasks"]) for use in each["uses"])]
        for each in document["ids"]
    }
    assert shown == {
        "named": ["missing", (3, ["etl"], ["load"]), (3, ["other"], ["run"])],
        "elsewhere": ["optional", (1, [], [])],
        "db": ["optional", (1, [], [])],
        "limit": ["optional", (1, [], [])],
    }
    assert f"{usage.dags}/sql/query.sql" in [each["path"] for each in document["computed"]]
    assert document["failures"] == []
