"""Entries of a real Airflow, their ``export`` to manifests, and what a real Airflow reads from these."""

from __future__ import annotations

import json
import random
import subprocess
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml

from support.airflow import Airflow
from support.warm import warm_python

PASSWORD = "hunter2"
FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")

# Creates entries from a JSON file, and writes what the database contains afterwards.
INSERT_AND_SHOW = """
import json, sys
from airflow import settings
from airflow.models import Connection, Variable
given = json.load(open(sys.argv[1]))
session = settings.Session()
for conn_id, fields in given["connections"].items():
    connection = Connection(**fields)
    connection.conn_id = conn_id  # the constructor drops what its form for ids does not take
    session.add(connection)
for key, value in given["variables"].items():
    session.add(Variable(key=key, val=value, description="what for" if key == "described" else None))
session.commit()
session.expunge_all()  # everything below is read from the database
FIELDS = sys.argv[2].split(",")
shown = {c.conn_id: {**{f: getattr(c, f) for f in FIELDS}, "uri": c.get_uri()} for c in session.query(Connection)}
json.dump({"connections": shown, "variables": {v.key: v.val for v in session.query(Variable)}}, open(sys.argv[3], "w"))
"""

# Reads ids back through backends, each with its own ids and options.
READ = """
import json, sys
from airflow_kubernetes_secrets import KubernetesSecretsBackend
fields, found = sys.argv[2].split(","), []
for ids, kwargs in json.load(open(sys.argv[1])):
    backend = KubernetesSecretsBackend(**kwargs)
    connections = {}
    for conn_id in ids["connections"]:
        c = backend.get_connection(conn_id)
        connections[conn_id] = c and {**{f: getattr(c, f) for f in fields}, "uri": c.get_uri()}
    variables = {key: backend.get_variable(key) for key in ids["variables"]}
    found.append({"connections": connections, "variables": variables})
json.dump(found, open(sys.argv[3], "w"))
"""

UGLY_IDS = (
    "my_db", "My.DB-1", "team/orders@eu", "größe", "漢字💥", "with space", " led ", "x" * 200, "ä" * 200, "a'b\"c",
    "-dash", "--option", "$(id)", "tab\tnew\nline", "MY_DB", "my-db", "my--db", "aws:/prod/orders", ".", "__", "null",
)  # fmt: skip
UGLY = (
    PASSWORD, "p/y?z#@:%&= +", "'\"\\", "\u2028\x85\ufeff", "line\nline\r\n\ttab", "漢字💥ä", "{{ jinja }}", "${X}",
    "%2F%", " blank ", "- a: b # c", "0123", "null", "\x01\x7f", "'" * 50,
)  # fmt: skip


def entries(count: int = 200) -> dict[str, Any]:
    """Return ``count`` connections and variables, with all values that are easily lost.

    Connections share passwords, because the time to read them grows as the square of the number of passwords: Airflow's
    masker compiles all of them again for each new one.
    """
    chosen = random.Random(2)  # the same choice each time

    def texts() -> list[str | None]:
        return [None, "", *UGLY, *("".join(chosen.choices("".join(UGLY), k=30)) for _ in range(5))]

    def text() -> str | None:
        return chosen.choice(texts())

    def extra() -> str | None:
        value = {chosen.choice(UGLY): chosen.choice([text(), 1e300, True, [text()], {"a": {"b": text()}}])}
        return chosen.choice([None, json.dumps(value), json.dumps(value, ensure_ascii=False, indent=3), '{"a": "b"}'])

    ids = [*UGLY_IDS, *(f"{chosen.choice(UGLY_IDS)[:100]}{number}" for number in range(count - len(UGLY_IDS)))]
    passwords = texts()
    connections = {
        each: {
            "conn_type": chosen.choice(["postgres", "http", "google_cloud_platform", "x"]),
            "description": text(),
            "host": chosen.choice([text(), "https://example.com", "db.example.com"]),
            "login": text(),
            "password": chosen.choice(passwords),
            "schema": text(),
            "port": chosen.choice([None, 1, 5432, 65535]),
            "extra": extra(),
        }
        for each in ids
    }
    connections["no_type"] = {"conn_type": "", "host": "h"}
    variables = {each: text() or "" for each in ids}
    variables |= {"described": PASSWORD, "null_character": "a\0b", "large": "x" * 200_000}
    return {"connections": connections, "variables": variables}


def export(airflow: Airflow, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``export`` with this Airflow."""
    return warm_python(airflow.prefix).run(
        "from airflow_kubernetes_secrets.cli.main import main; raise SystemExit(main())",
        ["airflow-kubernetes-secrets", "export", *arguments],
        {**airflow.environment, **variables},
        60,
        directory=airflow.home.parent,
    )


class ExportHere(Protocol):
    """Runs ``export`` in the process of the test, in a hundredth of the time, for tests without a home of Airflow.

    ``variables`` are the only environment variables that configure Airflow.
    """

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``export`` with these arguments and environment variables."""


def command(airflow: Airflow, *arguments: str) -> list[str]:
    """Return the command line of ``export`` with this Airflow."""
    return [str(airflow.prefix / "bin" / "python"), "-m", "airflow_kubernetes_secrets.cli.main", "export", *arguments]


def done(result: subprocess.CompletedProcess[str]) -> None:
    """Assert that a program has succeeded."""
    assert result.returncode == 0, result.stdout + result.stderr


def held(airflow: Airflow) -> dict[str, dict[str, Any]]:
    """Return the entries of the Airflow's database, as :data:`INSERT_AND_SHOW` has written them."""
    found: dict[str, dict[str, Any]] = json.loads((airflow.home / "held.json").read_text())
    # Airflow treats an empty type as no type.
    for connection in found["connections"].values():
        connection["conn_type"] = connection["conn_type"] or None
    return found


def read_back(airflow: Airflow, ids: Mapping[str, Any], folder: Path, **kwargs: object) -> dict[str, Any]:
    """Return what this Airflow's backend reads for these ids.

    Args:
        ids: the ids by kind: ``connections`` and ``variables``.
        folder: for temporary files.
        kwargs: the options of the backend.
    """
    [found] = read_back_each(airflow, [(ids, kwargs)], folder)
    return found


def read_back_each(
    airflow: Airflow, backends: Sequence[tuple[Mapping[str, Any], Mapping[str, object]]], folder: Path
) -> list[dict[str, Any]]:
    """Return what each of several backends of this Airflow reads, all in one process.

    Args:
        backends: the ids and options of each, as those of :func:`read_back`.
    """
    asked, answers = folder / "asked.json", folder / "answers.json"
    asked.write_text(json.dumps([({kind: list(each) for kind, each in ids.items()}, own) for ids, own in backends]))
    done(airflow.python(READ, str(asked), ",".join(FIELDS), str(answers)))
    found: list[dict[str, Any]] = json.loads(answers.read_text())
    return found


def manifests(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the manifests in a folder, by file name."""
    return {
        str(path.relative_to(folder)): yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        for path in sorted(folder.rglob("*.yaml"))
    }


def value_of(manifest: dict[str, Any]) -> str:
    """Return the value in a manifest."""
    return b64decode(manifest["data"]["value"]).decode()


def connections_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the fields in the manifests of connections, by id."""
    key = "airflow.apache.org/connection-id"
    return {
        {**each["metadata"]["labels"], **each["metadata"].get("annotations", {})}[key]: json.loads(value_of(each))
        for file, each in manifests(folder).items()
        if file.startswith("connections/")
    }


def variables_in(folder: Path) -> dict[str, str]:
    """Return the values in the manifests of variables, by id."""
    key = "airflow.apache.org/variable-key"
    return {
        {**each["metadata"]["labels"], **each["metadata"].get("annotations", {})}[key]: value_of(each)
        for file, each in manifests(folder).items()
        if file.startswith("variables/")
    }
