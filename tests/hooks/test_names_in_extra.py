"""The table of the settings that hooks read in ``extra``, compared with the code of the providers."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.formats.known_formats import EXTRA
from airflow_kubernetes_secrets.formats.names_of_types import NAMES
from airflow_kubernetes_secrets.inventory.names_in_extra import NAMES_IN_EXTRA
from support.airflow import ROOT

ENVIRONMENT = ROOT / ".venv-hooks"

# Prints the connection types of each installed provider, with the folder of its package, and the parameters of libpq.
PROGRAM = """
import importlib, json
from pathlib import Path
import airflow.providers, psycopg.pq

types = {}
for folder in airflow.providers.__path__:
    for path in Path(folder).rglob("get_provider_info.py"):
        name = "airflow.providers." + ".".join(path.parent.relative_to(folder).parts)
        info = importlib.import_module(f"{name}.get_provider_info").get_provider_info()
        types |= {each["connection-type"]: str(path.parent) for each in info.get("connection-types", [])}
libpq = [each.keyword.decode() for each in psycopg.pq.Conninfo.get_defaults()]
print(json.dumps({"types": types, "libpq": libpq}))
"""

# The hooks of these types pass a part of `extra` to the hook of another type.
BASES = {"discord": "http", "livy": "http", "gcpssh": "ssh", "sftp": "ssh"}


def in_extra(conn_type: str) -> set[str]:
    """Return the names in ``extra`` to which keys with a name of the type go. Clients read those of these two types."""
    if conn_type in ("elasticsearch", "kafka"):
        return set()
    return {each[len(EXTRA) :] for each in NAMES.get(conn_type, {}).values() if each.startswith(EXTRA)}


@cache
def code_of(folder: str) -> str:
    return "\n".join(path.read_text() for path in Path(folder).rglob("*.py"))


@pytest.mark.skipif(not ENVIRONMENT.exists(), reason="the environment of requirements/hooks.txt is not installed")
def test_each_name_is_in_the_code_of_the_provider() -> None:
    done = subprocess.run(
        [str(ENVIRONMENT / "bin" / "python"), "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    installed = json.loads(done.stdout.splitlines()[-1])
    folders = installed["types"]

    tables = {each: {*NAMES_IN_EXTRA.get(each, ()), *in_extra(each)} for each in (*NAMES_IN_EXTRA, *NAMES)}
    checked = [each for each in tables if each in folders and BASES.get(each, each) in folders]
    assert len(checked) > 40
    unknown = {}
    for conn_type in checked:
        code = "".join(code_of(folders[each]) for each in {conn_type, BASES.get(conn_type, conn_type)})
        known = installed["libpq"] if conn_type == "postgres" else ()
        names = sorted(tables[conn_type])
        unknown[conn_type] = [name for name in names if name not in known and f'"{name}"' not in code]
    assert {conn_type: names for conn_type, names in unknown.items() if names} == {}
