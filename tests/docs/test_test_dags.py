"""``docs/how-to/test-dags.md``, executed unchanged, with both Airflows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.pages import blocks, shell
from support.requirements import require_airflow

PAGE = blocks("test-dags")
EXAMPLE = [each for each in PAGE if each.heading == "A complete example"]

SUITE = """
import pytest
from airflow.exceptions import AirflowNotFoundException
from airflow.sdk import BaseHook

def test_one(app_db, kubernetes_devserver):
    labels = {"airflow.apache.org/connection-id": "mine"}
    kubernetes_devserver.apply({"metadata": {"name": "mine", "labels": labels}, "stringData": {"value": "http://mine"}})
    assert BaseHook.get_connection("app_db").host == "db.example.com"
    assert BaseHook.get_connection("mine").host == "mine"

def test_two(app_db):
    assert BaseHook.get_connection("app_db").host == "db.example.com"
    with pytest.raises(AirflowNotFoundException):
        BaseHook.get_connection("mine")
"""
NEXT = """
import pytest
from airflow.exceptions import AirflowNotFoundException
from airflow.sdk import BaseHook

def test_it(kubernetes_devserver):
    with pytest.raises(AirflowNotFoundException):
        BaseHook.get_connection("app_db")
"""


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_a_complete_example(version: str, tmp_path: Path) -> None:
    require_airflow(version)
    script = "".join(each.text for each in EXAMPLE if each.language == "bash")
    if version == "2.11":
        (imports,) = (each.text for each in EXAMPLE if each.language == "python")
        script, count = re.subn(r"(?m)^from airflow\.sdk import .*\n", imports, script)
        assert count == 1
    (shown,) = (each.text.strip() for each in EXAMPLE if each.language == "text")

    done = shell(f"set -e\n{script}", tmp_path, {}, version)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"= {shown} in " in done.stdout


def test_secrets_for_several_tests(tmp_path: Path) -> None:
    (block,) = (each for each in PAGE if each.heading == "Secrets for several tests")
    (tmp_path / "conftest.py").write_text(block.text)
    (tmp_path / "test_one.py").write_text(SUITE)
    (tmp_path / "test_two.py").write_text(NEXT)

    done = shell("python -m pytest -q", tmp_path, {})

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed in " in done.stdout


def test_what_is_installed() -> None:
    """The requirements are those of the first page, which tests check, and pytest."""
    first = next(each.text for each in blocks("laptop") if each.heading == "Install")
    (install,) = (each.text for each in PAGE if each.heading == "Install")

    assert install.strip() == f"{first.splitlines()[-1]} pytest"
