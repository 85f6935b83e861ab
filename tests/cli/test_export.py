"""`export`: what Airflow has in its database, in the environment and in its own exports, read back out of manifests.

Real Airflows on both ends: one makes and holds the entries, both read the manifests.
"""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from airflow_kubernetes_secrets.inventory import elsewhere
from airflow_kubernetes_secrets.lookup import Kind, Lookup
from support.airflow import ENVIRONMENTS, Airflow, installed
from support.cluster import Cluster
from support.warm import warm_python

PASSWORD = "hunter2"
FIELDS = ("conn_type", "description", "host", "login", "password", "schema", "port", "extra")

# Makes entries out of a JSON file, and prints what the database holds then.
INSERT = """
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
"""

SHOW = """
import json, sys
from airflow import settings
from airflow.models import Connection, Variable
session = settings.Session()
FIELDS = sys.argv[1].split(",")
shown = {c.conn_id: {**{f: getattr(c, f) for f in FIELDS}, "uri": c.get_uri()} for c in session.query(Connection)}
json.dump({"connections": shown, "variables": {v.key: v.val for v in session.query(Variable)}}, open(sys.argv[2], "w"))
"""

# Reads all ids back through the backend.
READ = """
import json, sys
from airflow_kubernetes_secrets import KubernetesSecretsBackend
ids, fields, kwargs = json.load(open(sys.argv[1])), sys.argv[2].split(","), json.loads(sys.argv[4])
backend = KubernetesSecretsBackend(**kwargs)
connections = {}
for conn_id in ids["connections"]:
    c = backend.get_connection(conn_id)
    connections[conn_id] = c and {**{f: getattr(c, f) for f in fields}, "uri": c.get_uri()}
variables = {key: backend.get_variable(key) for key in ids["variables"]}
json.dump({"connections": connections, "variables": variables}, open(sys.argv[3], "w"))
"""

UGLY_IDS = (
    "my_db", "My.DB-1", "team/orders@eu", "größe", "漢字💥", "with space", " led ", "x" * 200, "ä" * 200, "a'b\"c",
    "-dash", "--option", "$(id)", "tab\tnew\nline", "MY_DB", "my-db", "my--db", "aws:/prod/orders", ".", "__", "null",
)  # fmt: skip
UGLY = (
    PASSWORD, "p/y?z#@:%&= +", "'\"\\", "\u2028\x85\ufeff", "line\nline\r\n\ttab", "漢字💥ä", "{{ jinja }}", "${X}",
    "%2F%", " blank ", "- a: b # c", "0123", "null", "\x01\x7f", "'" * 50,
)  # fmt: skip


def entries(count: int = 500) -> dict[str, Any]:
    """So many connections and variables, with everything that tends to get lost."""
    chosen = random.Random(2)  # noqa: S311  # the same choice each time

    def text() -> str | None:
        return chosen.choice([None, "", *UGLY, *("".join(chosen.choices("".join(UGLY), k=30)) for _ in range(5))])

    def extra() -> str | None:
        value = {chosen.choice(UGLY): chosen.choice([text(), 1e300, True, [text()], {"a": {"b": text()}}])}
        return chosen.choice([None, json.dumps(value), json.dumps(value, ensure_ascii=False, indent=3), '{"a": "b"}'])

    ids = [*UGLY_IDS, *(f"{chosen.choice(UGLY_IDS)[:100]}{number}" for number in range(count - len(UGLY_IDS)))]
    connections = {
        each: {
            "conn_type": chosen.choice(["postgres", "http", "google_cloud_platform", "x"]),
            "description": text(),
            "host": chosen.choice([text(), "https://example.com", "db.example.com"]),
            "login": text(),
            "password": text(),
            "schema": text(),
            "port": chosen.choice([None, 1, 5432, 65535]),
            "extra": extra(),
        }
        for each in ids
    }
    connections["no_type"] = {"conn_type": "", "host": "h"}
    variables = {each: text() or "" for each in ids}
    variables |= {"described": PASSWORD, "null_character": "a\0b", "large": "x" * 700_000}
    return {"connections": connections, "variables": variables}


@pytest.fixture(scope="module", params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def migrated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """An Airflow with a database of its own that has 500 connections and as many variables."""
    version = request.param
    if not installed(version):
        pytest.skip(f"Airflow {version} is not installed beside this one; `make environments` does it")
    home = tmp_path_factory.mktemp("migrated")
    airflow = Airflow(version, home, {"AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode()})
    airflow.migrate()
    (home / "given.json").write_text(json.dumps(entries()))
    done(airflow.python(INSERT, str(home / "given.json")))
    done(airflow.python(SHOW, ",".join(FIELDS), str(home / "held.json")))
    return airflow


@pytest.fixture(scope="module")
def exported(migrated: Airflow) -> Path:
    """The folder that the whole database was exported to."""
    folder = migrated.home / "exported"
    result = export(migrated, "--from", "metadata-db", "-o", str(folder))
    assert result.returncode == 0, result.stdout + result.stderr
    assert PASSWORD not in result.stdout + result.stderr
    (migrated.home / "report.txt").write_text(result.stdout)
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> Airflow:
    """The newest Airflow without a database."""
    return Airflow("3.3", tmp_path / "home")


@pytest.fixture(params=["3.3", "2.11"], ids=["airflow-3.3", "airflow-2.11"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Airflow:
    if not installed(request.param):
        pytest.skip(f"Airflow {request.param} is not installed beside this one")
    return Airflow(request.param, tmp_path / "home")


def export(airflow: Airflow, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return warm_python(airflow.prefix).run(
        "from airflow_kubernetes_secrets.cli.main import main; raise SystemExit(main())",
        ["airflow-kubernetes-secrets", "export", *arguments],
        {**airflow.environment, **variables},
        60,
        directory=airflow.home.parent,
    )


def command(airflow: Airflow, *arguments: str) -> list[str]:
    python = sys.executable if airflow.version == "3.3" else str(ENVIRONMENTS[airflow.version] / "bin" / "python")
    return [python, "-m", "airflow_kubernetes_secrets.cli.main", "export", *arguments]


def done(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 0, result.stdout + result.stderr


def held(airflow: Airflow) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((airflow.home / "held.json").read_text())
    # Airflow takes a type that is not there for none.
    for connection in found["connections"].values():
        connection["conn_type"] = connection["conn_type"] or None
    return found


def read_back(airflow: Airflow, ids: Mapping[str, Any], folder: Path, **kwargs: object) -> dict[str, Any]:
    asked, answers = folder / "asked.json", folder / "answers.json"
    asked.write_text(json.dumps({kind: list(each) for kind, each in ids.items()}))
    done(airflow.python(READ, str(asked), ",".join(FIELDS), str(answers), json.dumps(kwargs)))
    found: dict[str, Any] = json.loads(answers.read_text())
    return found


def manifests(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        str(path.relative_to(folder)): yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        for path in sorted(folder.rglob("*.yaml"))
    }


def value_of(manifest: dict[str, Any]) -> str:
    return b64decode(manifest["data"]["value"]).decode()


def connections_in(folder: Path) -> dict[str, dict[str, Any]]:
    """By id: the fields that the manifests of connections hold."""
    key = "airflow.apache.org/connection-id"
    return {
        {**each["metadata"]["labels"], **each["metadata"].get("annotations", {})}[key]: json.loads(value_of(each))
        for file, each in manifests(folder).items()
        if file.startswith("connections/")
    }


def variables_in(folder: Path) -> dict[str, str]:
    key = "airflow.apache.org/variable-key"
    return {
        {**each["metadata"]["labels"], **each["metadata"].get("annotations", {})}[key]: value_of(each)
        for file, each in manifests(folder).items()
        if file.startswith("variables/")
    }


class TestFromTheDatabase:
    @pytest.mark.parametrize("reader", ["3.3", "2.11"])
    def test_all_is_read_back_equal(self, migrated: Airflow, exported: Path, reader: str, tmp_path: Path) -> None:
        if not installed(reader):
            pytest.skip(f"Airflow {reader} is not installed beside this one")
        expected = held(migrated)
        airflow = migrated if reader == migrated.version else Airflow(reader, tmp_path / "home")

        found = read_back(airflow, expected, tmp_path, path=str(exported))

        assert len(expected["connections"]) > 500
        assert len(expected["variables"]) > 500
        if reader != migrated.version:
            for each in (*found["connections"].values(), *expected["connections"].values()):
                each["uri"] = "each version has its own"
        assert found == expected

    def test_all_is_read_back_equal_over_the_api(
        self, migrated: Airflow, exported: Path, cluster: Cluster, namespace: str, tmp_path: Path
    ) -> None:
        for manifest in manifests(exported).values():
            manifest["metadata"]["namespace"] = namespace
            cluster.apply(manifest)
        account = cluster.service_account(namespace, "reader", {namespace: ["list", "watch"]})
        reader = migrated.with_variables(**cluster.pod_environment())
        expected = held(migrated)

        found = read_back(reader, expected, tmp_path, service_account_path=str(account.folder), cache_ttl=60)

        assert found == expected

    def test_the_report(self, migrated: Airflow, exported: Path) -> None:
        report = (migrated.home / "report.txt").read_text()

        numbers = {kind: len(each) for kind, each in held(migrated).items()}
        assert report.startswith(
            f"connections: {numbers['connections']} written\nvariables: {numbers['variables']} written\n"
        )
        assert f"kubectl apply -R -f {exported}" in report
        assert "'airflow-kubernetes-secrets list' shows them" in report
        assert "base64 is no encryption" in report
        assert "a variable's description is not moved: a Secret has no place for it (1)" in report
        assert len(report.splitlines()) < 20

    def test_only_the_owner_can_read_the_files(self, exported: Path) -> None:
        modes = {stat.S_IMODE(path.stat().st_mode) for path in exported.rglob("*.yaml")}

        assert modes == {0o600}
        assert {stat.S_IMODE(path.stat().st_mode) for path in (exported, *exported.glob("*/"))} == {0o700}
        assert stat.S_IMODE((exported / "delete-from-database.sh").stat().st_mode) == 0o700
        assert {path.suffix for path in exported.rglob("*") if path.is_file()} == {".yaml", ".sh"}

    def test_the_script_deletes_what_was_exported(self, migrated: Airflow, exported: Path, tmp_path: Path) -> None:
        """With a stand-in for ``airflow`` that notes what it is called with: the real one takes seconds each time."""
        (tmp_path / "airflow").write_text('#!/bin/sh\nprintf "%s\\0" "$@" END >> "$NOTES"\n')
        (tmp_path / "airflow").chmod(0o755)
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NOTES": str(tmp_path / "notes")}

        subprocess.run([exported / "delete-from-database.sh"], env=environment, check=True, timeout=180)

        calls = [call.split("\0")[:-1] for call in (tmp_path / "notes").read_text().split("END\0")[:-1]]
        ids = {kind: {call[-1] for call in calls if call[0] == kind} for kind in ("connections", "variables")}
        assert ids == {kind: set(each) for kind, each in held(migrated).items()}
        assert {call[1] for call in calls} == {"delete"}

    def test_a_command_of_the_script_deletes_one(self, migrated: Airflow, exported: Path, tmp_path: Path) -> None:
        script = (exported / "delete-from-database.sh").read_text()
        [line] = [line for line in script.splitlines() if line == "airflow connections delete -- --option"]
        copy = self._copy(migrated, tmp_path)

        assert "deleted connection" in copy.output(*shlex.split(line)[1:])

        query = "SELECT conn_id FROM connection WHERE conn_id = '--option'"
        assert not sqlite3.connect(copy.home / "airflow.db").execute(query).fetchall()

    def test_again_nothing_changes(self, migrated: Airflow, exported: Path) -> None:
        before = {path: path.stat().st_mtime_ns for path in exported.rglob("*.*")}

        result = export(migrated, "--from", "metadata-db", "-o", str(exported))

        assert result.returncode == 0
        numbers = {kind: len(each) for kind, each in held(migrated).items()}
        assert f"connections: {numbers['connections']} unchanged" in result.stdout
        assert {path: path.stat().st_mtime_ns for path in exported.rglob("*.*")} == before

    def test_one_kind(self, migrated: Airflow, tmp_path: Path) -> None:
        result = export(migrated, "--from", "metadata-db", "-o", str(tmp_path / "out"), "--kind", "variables")

        assert result.returncode == 0
        assert "connections:" not in result.stdout
        assert not (tmp_path / "out" / "connections").exists()

    def test_what_another_key_has_encrypted_is_named_and_the_rest_goes_on(
        self, migrated: Airflow, tmp_path: Path
    ) -> None:
        copy = self._copy(migrated, tmp_path)
        foreign = Fernet(Fernet.generate_key()).encrypt(PASSWORD.encode()).decode()
        with sqlite3.connect(copy.home / "airflow.db") as database:
            database.execute(
                "UPDATE connection SET password = ?, is_encrypted = 1 WHERE conn_id IN ('my_db', '.')", (foreign,)
            )
            database.execute("UPDATE connection SET extra = ?, is_extra_encrypted = 1 WHERE conn_id = '__'", (foreign,))
            database.execute("UPDATE connection SET extra = '[1]', is_extra_encrypted = 0 WHERE conn_id = 'null'")
            database.execute("UPDATE variable SET val = ?, is_encrypted = 1 WHERE key = 'my_db'", (foreign,))
            if migrated.version == "2.11":  # Airflow 3 forbids it
                database.execute("UPDATE variable SET val = NULL, is_encrypted = 0 WHERE key = '.'")

        result = export(copy, "--from", "metadata-db", "-o", str(tmp_path / "out"), "--report", "json")

        report = json.loads(result.stdout)
        assert result.returncode == 1
        lost = {(each["kind"], each["id"]): each["reason"] for each in report["entries"] if "reason" in each}
        undecrypted = "it cannot be decrypted with [core] fernet_key; add the key that it has"
        assert lost.pop(("variable", "."), "it has no value") == "it has no value"
        assert lost == {
            ("connection", "my_db"): undecrypted,
            ("connection", "."): undecrypted,
            ("connection", "__"): undecrypted,
            ("connection", "null"): "its extra is not a JSON object, which Airflow refuses",
            ("variable", "my_db"): undecrypted,
        }
        script = Path(report["delete_script"]).read_text().splitlines()
        assert "airflow connections delete my_db" not in script
        assert "airflow connections delete MY_DB" in script
        assert report["connections"]["not_written"] == 4
        assert "my_db" not in connections_in(tmp_path / "out")

    @pytest.mark.parametrize("migrated", ["3.3"], ids=["airflow-3.3"], indirect=True)  # the older has no teams
    def test_a_team_of_the_database(self, migrated: Airflow, tmp_path: Path) -> None:
        copy = self._copy(migrated, tmp_path)
        with sqlite3.connect(copy.home / "airflow.db") as database:
            database.execute("INSERT INTO team (name) VALUES ('sales')")
            database.execute("UPDATE connection SET team_name = 'sales' WHERE conn_id = 'my_db'")

        export(copy, "--from", "metadata-db", "-o", str(tmp_path / "out"), "--kind", "connections", "--team", "ops")

        teams = {
            each["metadata"]["labels"]["airflow.apache.org/connection-id"]: each["metadata"]["labels"][
                "airflow.apache.org/team"
            ]
            for each in manifests(tmp_path / "out").values()
        }
        assert teams["my_db"] == "sales"
        assert set(teams.values()) == {"sales", "ops"}

    @staticmethod
    def _copy(airflow: Airflow, folder: Path) -> Airflow:
        """The same with a copy of the database."""
        (folder / "home").mkdir()
        (folder / "home" / "airflow.db").write_bytes((airflow.home / "airflow.db").read_bytes())
        return Airflow(airflow.version, folder / "home", airflow.variables)


class TestTrouble:
    """One line, status 2, and nothing written."""

    def refused(self, airflow: Airflow, *arguments: str, **variables: str) -> str:
        result = export(airflow, *arguments, **variables)
        assert result.returncode == 2, result.stdout + result.stderr
        assert result.stdout == ""
        assert PASSWORD not in result.stderr
        [line] = result.stderr.splitlines()
        return line.removeprefix("airflow-kubernetes-secrets export: ")

    def test_a_database_that_was_never_made(self, either: Airflow) -> None:
        assert "has no tables of Airflow's: run 'airflow db migrate'" in self.refused(
            either, "--from", "metadata-db", "-o", "out"
        )
        assert not (either.home / "airflow.db").exists()

    def test_an_empty_database(self, either: Airflow) -> None:
        either.home.mkdir()
        (either.home / "airflow.db").touch()
        assert "run 'airflow db migrate'" in self.refused(either, "--from", "metadata-db", "-o", "out")

    def test_a_database_out_of_reach(self, either: Airflow) -> None:
        url = f"sqlite:////proc/nowhere/{PASSWORD}"
        Path(either.home).mkdir()
        (either.home / "file").write_text("no database " * 100)
        line = self.refused(either, "--from", "metadata-db", "-o", "out", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url)
        assert "the metadata database" in line
        url = f"sqlite:///{either.home}/file"
        line = self.refused(either, "--from", "metadata-db", "-o", "out", AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=url)
        assert line.startswith("the metadata database cannot be reached (DatabaseError): look at [database]")

    def test_a_key_that_is_none(self, migrated: Airflow) -> None:
        line = self.refused(
            migrated, "--from", "metadata-db", "-o", "out", AIRFLOW__CORE__FERNET_KEY=f"{PASSWORD} is no key"
        )
        assert line.startswith("[core] fernet_key cannot be used (")

    def test_a_file_for_a_folder(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / "out").touch()
        assert self.refused(bare, "--from", "env", "-o", "out") == "out is not a folder. Name another one with -o"
        assert "out/deeper cannot be made: Not a directory" in self.refused(
            bare, "--from", "env", "-o", "out/deeper", AIRFLOW_VAR_A="x"
        )

    def test_links_are_not_followed(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "variables").symlink_to(tmp_path / "elsewhere")
        line = self.refused(bare, "--from", "env", "-o", "out", "--force", AIRFLOW_VAR_A=PASSWORD)
        assert line.startswith("out/variables/airflow-variable-a.yaml cannot be written: ")
        assert list((tmp_path / "elsewhere").iterdir()) == []

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("missing.json", None, "missing.json cannot be read: No such file or directory. --from takes metadata-db"),
            ("metadata", None, "metadata cannot be read: No such file"),
            ("broken.json", '{"a": "hunter2', "broken.json, line 1: Unterminated string"),
            ("broken.yaml", "a: 'hunter2\nb: [", "broken.yaml, line 2: "),
            ("two.yaml", "a: hunter2\n---\nb: hunter2\n", "two.yaml is not an object of ids"),
            ("broken.env", "# fine\n\nA=b\nhunter2\n", "broken.env, line 4: there is no '='"),
            ("list.json", '["hunter2"]', "list.json is not an object of ids"),
            ("odd.txt", "hunter2", "odd.txt has to end with .json, .yaml, .yml or .env"),
            ("latin.json", b'{"a": "hunter2\xe4"}', "latin.json is not text in UTF-8"),
            ("either.json", '{"a": "x://u:hunter2@h"}', "either.json does not say which it holds. Say it: --kind con"),
            ("mixed.json", '{"a": {"conn_type": "x"}, "b": "hunter2"}', "mixed.json does not say which it holds"),
            ("mixed.env", "a=x://u:hunter2@h\nb=hunter2\n", "mixed.env does not say which it holds"),
        ],
    )
    def test_a_file_that_cannot_be_read(
        self, bare: Airflow, tmp_path: Path, name: str, content: str | bytes | None, says: str
    ) -> None:
        if content is not None:
            (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        assert self.refused(bare, "--from", name, "-o", "out").startswith(says)
        assert not (tmp_path / "out").exists()

    def test_arguments_that_no_manifest_can_have(self, bare: Airflow) -> None:
        assert "cannot be the name of a namespace" in self.refused(bare, "--from", "env", "-o", "o", "-n", "A b")
        assert "cannot be the value of a label" in self.refused(bare, "--from", "env", "-o", "o", "--team", "a b")


class TestFromTheEnvironment:
    def test_ids_are_written_in_small_letters(self, either: Airflow, tmp_path: Path) -> None:
        result = export(
            either, "--from", "env", "-o", "out",
            AIRFLOW_CONN_MY_DB=f"postgresql://u:{PASSWORD}%2F@h:5432/s?a=b&c=%7B",
            AIRFLOW_CONN_JSON=json.dumps({"conn_type": "http", "password": PASSWORD, "extra": {"a": 1}}),
            AIRFLOW_VAR_A="", AIRFLOW_VAR_B=f" {PASSWORD}\n",
        )  # fmt: skip

        assert result.returncode == 0, result.stdout + result.stderr
        assert "the environment has names in capitals only" in result.stdout
        assert PASSWORD not in result.stdout + result.stderr
        assert connections_in(tmp_path / "out") == {
            "my_db": {
                "conn_type": "postgres", "host": "h", "login": "u", "password": "hunter2/", "schema": "s", "port": 5432,
                "extra": '{"a": "b", "c": "{"}',
            },
            "json": {"conn_type": "http", "password": PASSWORD, "extra": '{"a": 1}'},
        }  # fmt: skip
        assert variables_in(tmp_path / "out") == {"a": "", "b": " hunter2\n"}
        assert not (tmp_path / "out" / "delete-from-database.sh").exists()

    def test_what_cannot_be_moved(self, either: Airflow) -> None:
        variables = {
            "AIRFLOW_CONN_BLANK": " ",
            "AIRFLOW_CONN_WORD": PASSWORD,
            "AIRFLOW_CONN_PORT": f"x://u:{PASSWORD}@h:port",
            "AIRFLOW_CONN_TWICE": f"x://u:{PASSWORD}@y://z://",
            "AIRFLOW_CONN_JSON": f'{{"password": "{PASSWORD}"',
            "AIRFLOW_CONN_FIELDS": f'{{"conn_type": "x", "{PASSWORD}": "{PASSWORD}"}}',
            "AIRFLOW_CONN_NUMBER": '{"conn_type": "x", "password": 1}',
            "AIRFLOW_CONN_EXTRA": f'{{"conn_type": "x", "extra": "{PASSWORD}"}}',
            "AIRFLOW_CONN_": f"x://u:{PASSWORD}@h",
            "AIRFLOW_CONN_HALF": r'{"conn_type": "x", "host": "\ud800"}',
            "AIRFLOW_VAR_BYTES": os.fsdecode(b"\xff"),
            "AIRFLOW_VAR_LARGE1": "x" * 100,
        }

        result = export(either, "--from", "env", "-o", "out", "--report", "json", **variables)

        assert result.returncode == 1
        assert PASSWORD not in result.stdout + result.stderr
        report = json.loads(result.stdout)
        reasons = {each["id"]: each.get("reason", "") for each in report["entries"]}
        assert reasons.pop("large1") == ""
        assert reasons.pop("port").startswith("Airflow cannot take its URI apart (")
        assert reasons.pop("twice").startswith("Airflow cannot take its URI apart (")
        assert reasons.pop("fields").startswith("it has fields that Airflow does not know; it knows conn_type")
        assert reasons == {
            "blank": "it is blank",
            "word": "it is neither a URI (conn-type://…) nor JSON ({…})",
            "json": "it is not valid JSON: line 1: Expecting ',' delimiter",
            "number": "its password is not a text",
            "extra": "its extra is not a JSON object, which Airflow refuses",
            "": "Airflow would not find it: the id is empty, so nothing was asked",
            "half": "its host is not Unicode",
            "bytes": "its value is not Unicode, so it cannot be stored in UTF-8",
        }

    def test_the_report_names_each_that_was_not_written(self, bare: Airflow) -> None:
        result = export(bare, "--from", "env", "-o", "out", AIRFLOW_CONN_A=" ", AIRFLOW_CONN_B="", AIRFLOW_VAR_C="c")

        assert result.returncode == 1
        assert "Not written:\n  - it is blank\n    connection 'a', connection 'b'\n" in result.stdout
        assert result.stdout.startswith("connections: 2 not written\nvariables: 1 written\n")

    def test_teams(self, bare: Airflow, tmp_path: Path) -> None:
        variables = {
            "AIRFLOW_VAR__SALES___MY_KEY": "team",
            "AIRFLOW_VAR_MY_KEY": "all",
            "AIRFLOW_VAR_A___B": "nobody",
        }

        result = export(bare, "--from", "env", "-o", "out", AIRFLOW__CORE__MULTI_TEAM="True", **variables)

        labels = {
            value_of(each): each["metadata"]["labels"].get("airflow.apache.org/team")
            for each in manifests(tmp_path / "out").values()
        }
        assert labels == {"team": "sales", "all": None}
        assert "Airflow does not read the environment for an id with '___' in it\n    variable 'a___b'" in result.stdout

    def test_without_teams_it_is_an_id(self, either: Airflow, tmp_path: Path) -> None:
        export(either, "--from", "env", "-o", "out", AIRFLOW_VAR__SALES___MY_KEY="x")

        assert variables_in(tmp_path / "out") == {"_sales___my_key": "x"}


class TestFiles:
    def test_a_file_with_other_content_stays(self, bare: Airflow, tmp_path: Path) -> None:
        export(bare, "--from", "env", "-o", "out", AIRFLOW_VAR_A="old", AIRFLOW_VAR_B="same")

        result = export(bare, "--from", "env", "-o", "out", AIRFLOW_VAR_A=PASSWORD, AIRFLOW_VAR_B="same")

        assert result.returncode == 1
        assert "its file is there with other content; --force replaces it\n    variable 'a'" in result.stdout
        assert result.stdout.startswith("variables: 1 unchanged, 1 not written\n")
        assert variables_in(tmp_path / "out") == {"a": "old", "b": "same"}

        result = export(bare, "--from", "env", "-o", "out", "--force", AIRFLOW_VAR_A=PASSWORD, AIRFLOW_VAR_B="same")

        assert result.returncode == 0
        assert result.stdout.startswith("variables: 1 written, 1 unchanged\n")
        assert variables_in(tmp_path / "out") == {"a": PASSWORD, "b": "same"}

    def test_a_link_is_replaced_and_never_written_through(self, bare: Airflow, tmp_path: Path) -> None:
        target, link = tmp_path / "target", tmp_path / "out" / "variables" / "airflow-variable-a.yaml"
        target.write_text("mine")
        link.parent.mkdir(parents=True)
        link.symlink_to(target)

        assert export(bare, "--from", "env", "-o", "out", AIRFLOW_VAR_A="x").returncode == 1
        assert link.is_symlink()
        assert export(bare, "--from", "env", "-o", "out", "--force", AIRFLOW_VAR_A="x").returncode == 0

        assert target.read_text() == "mine"
        assert not link.is_symlink()

    def test_a_file_that_all_can_read_is_closed_to_them(self, bare: Airflow, tmp_path: Path) -> None:
        export(bare, "--from", "env", "-o", "out", AIRFLOW_VAR_A="x")
        file = tmp_path / "out" / "variables" / "airflow-variable-a.yaml"
        file.chmod(0o644)

        export(bare, "--from", "env", "-o", "out", AIRFLOW_VAR_A="x")

        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_too_large(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / "v.json").write_text(json.dumps({"a": "x" * 1024 * 1024, "b": "x" * (1024 * 1024 + 1)}))

        result = export(bare, "--from", "v.json", "-o", "out")

        assert result.returncode == 1
        assert "  - it has 1048577 bytes, and a Secret can hold 1048576\n    variable 'b'" in result.stdout
        assert list(variables_in(tmp_path / "out")) == ["a"]

    def test_namespace_team_and_options_reach_the_manifests(self, bare: Airflow, tmp_path: Path) -> None:
        airflow = bare.with_variables(
            AIRFLOW__SECRETS__BACKEND="airflow_kubernetes_secrets.KubernetesSecretsBackend"
        ).with_kwargs(variables_label="example.com/key", variables_data_key="text", team_label="example.com/team")

        export(airflow, "--from", "env", "-o", "out", "-n", "prod", "--team", "ops", AIRFLOW_VAR_A="x")

        [manifest] = manifests(tmp_path / "out").values()
        assert manifest["metadata"]["namespace"] == "prod"
        assert manifest["metadata"]["labels"] == {"example.com/key": "a", "example.com/team": "ops"}
        assert manifest["data"] == {"text": "eA=="}

    @pytest.mark.parametrize(
        "kwargs", ['{"variables_label": "a b"}', '{"nonsense": 1}', "hunter2"], ids=["value", "name", "no JSON"]
    )
    def test_options_that_cannot_be_used_are_named(self, bare: Airflow, tmp_path: Path, kwargs: str) -> None:
        result = export(
            bare, "--from", "env", "-o", "out", AIRFLOW_VAR_A="x",
            AIRFLOW__SECRETS__BACKEND="airflow_kubernetes_secrets.KubernetesSecretsBackend",
            AIRFLOW__SECRETS__BACKEND_KWARGS=kwargs,
        )  # fmt: skip

        assert result.returncode == 0
        assert "backend_kwargs" in result.stderr
        assert "The default labels and keys are taken" in result.stderr
        assert variables_in(tmp_path / "out") == {"a": "x"}

    def test_ctrl_c_leaves_whole_files_only(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / "v.json").write_text(json.dumps({f"key {number}": "x" * 5000 for number in range(20_000)}))
        folder = tmp_path / "out" / "variables"
        with subprocess.Popen(
            command(bare, "--from", "v.json", "-o", "out"),
            env=bare.environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            while not (folder.exists() and any(folder.glob("*.yaml"))):
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=180)

        assert (process.returncode, output, errors) == (130, "", "")
        assert all(path.suffix == ".yaml" and path.stat().st_size > 5000 for path in folder.iterdir())


class TestFromAFile:
    """Written by the real exports."""

    @pytest.mark.parametrize(
        "form",
        [("c.json",), ("c.yaml",), ("c.env", "--serialization-format", "json"), ("c.env",)],
        ids=["json", "yaml", "env-json", "env-uri"],
    )
    def test_connections(self, migrated: Airflow, form: tuple[str, ...], tmp_path: Path) -> None:
        # A line of .env ends where an id has a line's end, and has no comments.
        migrated.output("connections", "export", str(tmp_path / form[0]), *form[1:])
        expected = {each: fields for each, fields in held(migrated)["connections"].items() if form[0] != "c.env" or (
            len(each.splitlines()) == 1 and "=" not in each
        )}  # fmt: skip
        if form[0] == "c.env":
            lines = (tmp_path / "c.env").read_text().split("\n")
            (tmp_path / "c.env").write_text("\n".join(line for line in lines if "://" in line or "{" in line))

        result = export(
            migrated, "--from", str(tmp_path / form[0]), "-o", str(tmp_path / "out"), "--kind", "connections"
        )

        assert PASSWORD not in result.stdout + result.stderr
        found = read_back(migrated, {"connections": expected, "variables": []}, tmp_path, path=str(tmp_path / "out"))
        if form == ("c.env",):
            # What a URI cannot say is lost before this: it is Airflow that takes it apart.
            assert {each for each, fields in found["connections"].items() if fields} >= {"my_db", "größe", "MY_DB"}
            return
        assert found["connections"] == expected

    def test_variables(self, migrated: Airflow, tmp_path: Path) -> None:
        migrated.output("variables", "export", str(tmp_path / "v.json"))
        expected = held(migrated)["variables"]

        result = export(migrated, "--from", str(tmp_path / "v.json"), "-o", str(tmp_path / "out"))

        assert result.returncode == 0, result.stdout + result.stderr
        found = read_back(migrated, {"connections": [], "variables": expected}, tmp_path, path=str(tmp_path / "out"))
        # The export makes numbers and objects of texts that read so, and import writes them anew.
        assert {key: each for key, each in found["variables"].items() if each != expected[key]} == {}

    def test_variables_as_import_stores_them(self, either: Airflow, tmp_path: Path) -> None:
        given = {"a": {"b": ["c", 1]}, "n": 1.5, "t": True, "none": None, "d": {"value": {"x": 1}, "description": "y"}}
        (tmp_path / "v.json").write_text(json.dumps(given))

        export(either, "--from", "v.json", "-o", "out")

        described = given["d"] if either.version == "2.11" else {"x": 1}
        stored = {key: json.dumps(value, indent=2) for key, value in given.items()}
        assert variables_in(tmp_path / "out") == {**stored, "d": json.dumps(described, indent=2)}

    def test_what_import_takes_too(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / "c.yml").write_text(
            "a: {conn_type: x, conn_id: a, port: '5', extra_dejson: {b: 1}}\n"
            "b: {conn_type: x, conn_id: other}\nc: {conn_type: x, password: 2026-01-01}\n"
        )

        result = export(bare, "--from", "c.yml", "-o", "out")

        assert connections_in(tmp_path / "out") == {
            "a": {"conn_type": "x", "port": "5", "extra": '{"b": 1}'},
            "c": {"conn_type": "x", "password": "2026-01-01"},
        }
        assert "it says that it is for another id\n    connection 'b'" in result.stdout

    def test_env_files(self, bare: Airflow, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("# comment\n\na=x://h\nb=y://u:p=q@h\na=x://i\n")
        os.rename(tmp_path / ".env", tmp_path / "c.env")  # noqa: PTH104  # it replaces the file

        result = export(bare, "--from", "c.env", "-o", "out")

        assert connections_in(tmp_path / "out")["b"]["password"] == "p=q"
        assert "the file has it more than once\n    connection 'a'" in result.stdout


class TestHidden:
    """What `explain` is told of the same id in other places."""

    PROGRAM = """
import sys, json
from airflow_kubernetes_secrets.inventory.elsewhere import hidden
from airflow_kubernetes_secrets.lookup import Kind, Lookup
found = hidden(Lookup(Kind[sys.argv[1]], sys.argv[2], sys.argv[3] or None), database=True)
print(json.dumps([[each.place, each.text] for each in found]))
"""

    def asked(self, airflow: Airflow, kind: str, identifier: str, team: str = "") -> list[list[str]]:
        python = command(airflow)[0]
        result = subprocess.run(
            [python, "-c", self.PROGRAM, kind, identifier, team],
            env=airflow.environment, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        done(result)
        assert PASSWORD not in result.stdout + result.stderr
        found: list[list[str]] = json.loads(result.stdout.splitlines()[-1])
        return found

    def test_both(self, migrated: Airflow) -> None:
        airflow = migrated.with_variables(AIRFLOW_CONN_MY_DB=f"x://{PASSWORD}", AIRFLOW_VAR_OTHER=PASSWORD)

        assert self.asked(airflow, "CONNECTION", "my_db") == [
            ["environment", "the variable AIRFLOW_CONN_MY_DB of this process"],
            ["metadata-db", "a connection in the metadata database"],
        ]
        assert self.asked(airflow, "VARIABLE", "nowhere") == []
        assert self.asked(airflow, "CONFIG", "my_db") == []

    def test_a_database_that_cannot_be_asked(self, either: Airflow) -> None:
        [[place, text]] = self.asked(either, "VARIABLE", "x")

        assert place == "metadata-db"
        assert text.startswith("not known whether there is one: the metadata database has no tables")

    def test_teams(self, bare: Airflow) -> None:
        airflow = bare.with_variables(
            AIRFLOW__CORE__MULTI_TEAM="True", AIRFLOW_VAR__SALES___X="1", AIRFLOW_VAR_X="2", AIRFLOW_VAR_A___B="3"
        )

        names = [text for place, text in self.asked(airflow, "VARIABLE", "x", "sales") if place == "environment"]

        assert names == [
            "the variable AIRFLOW_VAR__SALES___X of this process",
            "the variable AIRFLOW_VAR_X of this process",
        ]
        assert [place for place, _ in self.asked(airflow, "VARIABLE", "a___b")] == ["metadata-db"]

    MANY = """
import json
from airflow_kubernetes_secrets.inventory import elsewhere
from airflow_kubernetes_secrets.lookup import Kind, Lookup
engine, tables = elsewhere._database()
from airflow.models.team import Team
rows = [{"key": f"v{number}", "val": "x"} for number in range(1_200)]
with engine.begin() as connection:
    connection.execute(Team.__table__.insert(), [{"name": "blue"}, {"name": "red"}])
    connection.execute(tables[Kind.VARIABLE].insert(), rows)
    connection.execute(tables[Kind.VARIABLE].insert(), [{"key": "of_blue", "val": "x", "team_name": "blue"}])
lookups = [Lookup(Kind.VARIABLE, f"v{number}", "red") for number in range(1_300)]
lookups += [Lookup(Kind.VARIABLE, "of_blue", team) for team in (None, "red", "blue")]
found = elsewhere.hidden_entries(lookups)
told = [[id, team, [each.text for each in hidden]] for (_, id, team), hidden in found.of.items()]
print(json.dumps([told, found.failures]))
"""

    def test_many_at_once_and_of_a_team_its_own(self, bare: Airflow) -> None:
        bare.migrate()
        result = bare.python(self.MANY)
        done(result)
        found, failures = json.loads(result.stdout.splitlines()[-1])

        assert failures == []
        assert [id for id, _team, _texts in found[:-1]] == [f"v{number}" for number in range(1_200)]
        assert found[-1] == ["of_blue", "blue", ["a variable in the metadata database, of team 'blue'"]]

    def test_it_is_no_exception(self) -> None:
        assert elsewhere.hidden(Lookup(Kind.CONFIG, "x"), database=False) == []


def test_a_source_that_is_a_uri(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow_kubernetes_secrets.cli.main import main

    assert main(["export", "--from", "postgresql://airflow:hunter2@db/airflow", "-o", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert "Airflow's own database is --from metadata-db" in err
    assert "hunter2" not in err
