"""The real hooks do what the warnings say, where their providers are installed: with Airflow 2.11."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from support.airflow import BACKEND, Airflow, installed
from support.hooks import HTTP, MARK, POSTGRES, OfHttp, OfPostgres
from support.secrets import CONNECTION

VERSION = "2.11"

pytestmark = pytest.mark.skipif(not installed(VERSION), reason="Airflow 2.11 is not installed beside this one")

OF_HTTP = """
import json, sys, warnings
warnings.simplefilter("ignore")
from airflow.providers.http.hooks.http import HttpHook

found = {}
for conn_id in json.loads(sys.argv[1]):
    hook = HttpHook(http_conn_id=conn_id)
    hook.get_conn()
    found[conn_id] = hook.base_url
sys.stdout.write("\\n" + json.dumps(found))
"""

OF_POSTGRES = """
import json, sys, warnings
warnings.simplefilter("ignore")
from airflow.providers.postgres.hooks.postgres import PostgresHook

found = {}
for conn_id in json.loads(sys.argv[1]):
    try:
        PostgresHook(postgres_conn_id=conn_id).get_conn()
    except Exception as error:
        found[conn_id] = str(error)
sys.stdout.write("\\n" + json.dumps(found))
"""


def results(tmp_path: Path, program: str, cases: Mapping[str, OfHttp | OfPostgres]) -> dict[str, str]:
    """What the program says of each case, which it looks up in Secrets by the id ``c<number>``."""
    ids = {f"c{number}": case for number, case in enumerate(cases)}
    folder = tmp_path / "secrets"
    folder.mkdir()
    for conn_id, case in ids.items():
        metadata = {"name": conn_id, "labels": {CONNECTION: conn_id}}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {**cases[case].data}}
        (folder / f"{conn_id}.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"path": str(folder)}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/at/all.db",
    }
    done = Airflow(VERSION, tmp_path / "home", variables).python(program, json.dumps([*ids]))
    assert done.returncode == 0, done.stderr
    return {ids[conn_id]: text for conn_id, text in json.loads(done.stdout.splitlines()[-1]).items()}


def test_the_url_of_http_hook(tmp_path: Path) -> None:
    assert results(tmp_path, OF_HTTP, HTTP) == {case: expected.url for case, expected in HTTP.items()}


def test_where_postgres_hook_connects(tmp_path: Path) -> None:
    found = results(tmp_path, OF_POSTGRES, POSTGRES)

    for case, expected in POSTGRES.items():
        assert all(each in found[case] for each in expected.tried), (case, found[case])
    assert MARK not in "".join(found.values())
