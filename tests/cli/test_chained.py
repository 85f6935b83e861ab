"""Errors of commands have no chained exceptions of Airflow, a driver or a decoder."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from support.airflow import Airflow
from support.commands import SECRET

NOTHING_CHAINED = """
import sys
from pathlib import Path
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.deployment.airflow_entries import fernet
from airflow_kubernetes_secrets.deployment.configuration import read_configuration
from airflow_kubernetes_secrets.deployment.other_sources import from_database
from airflow_kubernetes_secrets.migration.exported_files import from_file

what = {
    "configuration": read_configuration,
    "database": lambda: list(from_database()),
    "fernet": fernet,
    "file": lambda: list(from_file(Path(sys.argv[2]))),
}
try:
    what[sys.argv[1]]()
except KubernetesSecretsError as error:
    print("told", error.__context__, error.__cause__, error)
"""


@pytest.mark.parametrize(
    ("what", "variables", "message"),
    [
        ("configuration", {"AIRFLOW_CONFIG": "FOLDER/broken.cfg"}, "Airflow cannot be imported"),
        ("configuration", {"AIRFLOW_CONFIG": "FOLDER/incomplete.cfg"}, "cannot be read"),
        ("database", {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"nodriver://u:{SECRET}@h/d"}, "cannot be reached"),
        ("database", {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:///FOLDER/airflow.db"}, "cannot be read"),
        ("fernet", {"AIRFLOW__CORE__FERNET_KEY": SECRET}, "fernet_key cannot be used"),
        ("file", {}, "is not text in UTF-8"),
    ],
)
def test_errors_of_libraries_are_not_chained(
    what: str, variables: dict[str, str], message: str, tmp_path: Path
) -> None:
    """Such errors quote configuration, URLs, rows and files, and some reports show chained exceptions."""
    file = tmp_path / "connections.json"
    file.write_bytes(f'{{"a": "{SECRET}\xff"}}'.encode("latin-1"))
    (tmp_path / "broken.cfg").write_text(f"[secrets\nbackend_kwargs = {SECRET}\n")
    (tmp_path / "incomplete.cfg").write_text(f"[secrets]\nbackend_kwargs = {SECRET} %(x)s\n")
    with closing(connect(tmp_path / "airflow.db")) as database:
        database.execute("create table connection (other text)")
    variables = {name: value.replace("FOLDER", str(tmp_path)) for name, value in variables.items()}

    done = Airflow("3.3", tmp_path / "home", variables).python(NOTHING_CHAINED, what, str(file))

    told = [line for line in done.stdout.splitlines() if line.startswith("told")]
    assert len(told) == 1, done.stderr
    assert told[0].startswith("told None None ")
    assert message in told[0]
