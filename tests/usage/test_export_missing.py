"""``export --missing`` writes manifests only for ids that DAGs use and no Secret provides."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets.deployment.airflow_entries import AirflowEntry
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.migration.required_ids import RequiredId, RequiredIds
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.cluster import Cluster
from support.commands import SECRET, Commands, Done
from support.secrets import CONNECTION, TEAM, VARIABLE, Put
from support.usage import Usage

READS = "from airflow.sdk import Connection, Variable\n"


def reads(*ids: str) -> str:
    return READS + "".join(f"Variable.get({each!r})\n" for each in ids)


def export(usage: Usage, folder: Path, *arguments: str, source: str = "env", status: int = 0) -> Done:
    """Run the command with the DAGs of ``usage``."""
    given = ["--from", source, "--missing", "--dags", str(usage.dags), "-o", str(folder), *arguments]
    return usage.run(*given, command="export", status=status)


def written(folder: Path) -> dict[str, str | None]:
    """Return the team of each id in the manifests of a folder."""
    found = {}
    for path in folder.rglob("*.yaml"):
        metadata = yaml.safe_load(path.read_text())["metadata"]
        labels = metadata["labels"]
        label = VARIABLE if VARIABLE in labels else CONNECTION
        found[metadata.get("annotations", {}).get(label, labels[label])] = labels.get(TEAM)
    return found


def file_of(folder: Path, **variables: object) -> str:
    path = folder / "variables.json"
    path.write_text(json.dumps(variables))
    return str(path)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_only_used_ids_without_a_secret_are_exported(usage: Usage, out: Path, tmp_path: Path) -> None:
    usage.dag(
        "etl.py", reads("here", "there", "nowhere", "Here") + 'Variable.get("optional", 1)\nConnection.get("c")\n'
    )
    usage.put("there", {VARIABLE: "there"})
    source = file_of(tmp_path, here=SECRET, there=SECRET, optional=SECRET, idle=SECRET, c=SECRET)

    done = export(usage, out, source=source)

    assert written(out) == {"here": None, "optional": None}
    assert done.out.startswith("variables: 2 written\n")
    assert done.out.endswith(f"\n\nAirflow reads {usage.manifests}: move the files there.\n")
    assert done.err == "No Secret provides 5 of the 6 connections and variables that DAGs use\n"
    usage.run("--from", source, "-o", str(out), command="export")
    assert len(written(out)) == 5


def test_nothing_is_missing(usage: Usage, out: Path) -> None:
    usage.dag("etl.py", reads("x"))
    usage.put("x", {VARIABLE: "x"})
    usage.patch.setenv("AIRFLOW_VAR_X", SECRET)
    assert export(usage, out).out == "There is nothing to export.\n"
    assert not out.exists()


def test_a_secret_that_cannot_be_used_is_not_hidden_by_another(usage: Usage, out: Path) -> None:
    """A second Secret would have no effect, or would replace the first one."""
    usage.configure(variables_lookup_pattern="[a-z]+$")
    usage.dag("etl.py", reads("x", "x1") + 'Connection.get("db")\n')
    usage.put("db", {CONNECTION: "db"}, "neither a URI nor JSON")
    for name in ("AIRFLOW_VAR_X", "AIRFLOW_VAR_X1"):
        usage.patch.setenv(name, SECRET)
    usage.patch.setenv("AIRFLOW_CONN_DB", f"http://u:{SECRET}@h")

    document: Any = export(usage, out, "--report", "json", status=1).document

    reasons = {each["id"]: each.get("reason") for each in document["entries"]}
    assert written(out) == {"x": None}
    assert reasons.pop("x") is None
    assert reasons.pop("x1") == (
        "the id does not match the lookup pattern in backend_kwargs, so the lookup was skipped. Change the pattern if "
        "the id needs a Secret"
    )
    assert reasons.pop("db").startswith("Secret airflow/db, key 'value': ")


def test_dags_that_cannot_be_read(usage: Usage, out: Path) -> None:
    """The known missing ids are written, and the exit status reports that there may be more."""
    usage.dag("etl.py", reads("x") + "import os\nVariable.get(os.name)\n")
    usage.dag("broken.py", "import airflow\nVariable.get(")
    usage.patch.setenv("AIRFLOW_VAR_X", SECRET)

    done = export(usage, out, status=1)

    assert written(out) == {"x": None}
    assert f"Not counted: 1 use whose id is known only when the code runs ({usage.dags}/etl.py:4)" in done.err
    assert f"error: {usage.dags}/broken.py: it is not valid Python" in done.err


def test_secrets_that_cannot_be_read(usage: Usage, out: Path) -> None:
    usage.dag("etl.py", reads("x"))
    usage.patch.setenv("AIRFLOW_VAR_X", SECRET)
    (usage.manifests / "broken.yaml").write_text("a: [")

    done = export(usage, out, status=2)

    assert "it is unknown which ids have no Secret:\n" in done.err
    assert "broken.yaml" in done.err
    assert not out.exists()


def test_teams(usage: Usage, out: Path, tmp_path: Path) -> None:
    """An entry without a team is used by all teams, so it does not get the team of the DAGs."""
    usage.dag("etl.py", reads("x", "y"))
    usage.put("y", {VARIABLE: "y", TEAM: "sales"})
    source = file_of(tmp_path, x=SECRET, y=SECRET)
    export(usage, out, "--team", "sales", source=source)
    assert written(out) == {"x": None}


def test_the_team_of_an_environment_variable(usage: Usage, out: Path) -> None:
    """The name of the variable is in capitals. A Secret needs the exact team."""
    usage.patch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    usage.dag("etl.py", reads("x"))
    usage.patch.setenv("AIRFLOW_VAR__SALES___X", SECRET)
    usage.patch.setenv("AIRFLOW_VAR_X", SECRET)
    assert (
        usage.ids("--team", "Sales")["x"]["provider"]["text"] == "the variable AIRFLOW_VAR__SALES___X of this process"
    )

    export(usage, out, "--team", "Sales")

    # No lookup of these DAGs uses the variable without a team.
    assert written(out) == {"x": "Sales"}
    shutil.move(out, usage.manifests / "exported")
    assert usage.ids("--team", "Sales")["x"]["provider"]["place"] == "secret"
    assert usage.ids("--team", "hr")["x"]["provider"]["text"] == "the variable AIRFLOW_VAR_X of this process"


def test_a_team_that_does_not_read_secrets_without_a_team(usage: Usage, out: Path) -> None:
    usage.configure(team_fallback=False)
    usage.dag("etl.py", reads("x"))
    usage.patch.setenv("AIRFLOW_VAR_X", SECRET)
    done = export(usage, out, "--team", "sales", status=1)
    assert "team_fallback is false in backend_kwargs, so lookups of team 'sales' do not read" in " ".join(
        done.out.split()
    )
    assert not out.exists()


def test_a_team_without_a_label(usage: Usage, out: Path) -> None:
    usage.patch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    usage.configure(team_label=None)
    usage.dag("etl.py", reads("x"))
    usage.patch.setenv("AIRFLOW_VAR__SALES___X", SECRET)
    done = export(usage, out, "--team", "sales", status=1)
    assert "no label can assign a Secret to a team. Set it, or give the team its own namespace" in " ".join(
        done.out.split()
    )
    usage.patch.delenv("AIRFLOW_VAR__SALES___X")
    usage.patch.setenv("AIRFLOW_VAR_X", SECRET)
    export(usage, out, "--team", "sales")
    assert written(out) == {"x": None}


def test_entry_of_all_teams_is_not_exported_if_one_team_cannot_read_it(usage: Usage, out: Path, tmp_path: Path) -> None:
    """The file's entry is for all teams, and the lookups of one of them would fail as before."""
    ids = [
        RequiredId(Lookup(Kind.VARIABLE, "x", "sales"), why_no_new_secret="broken"),
        RequiredId(Lookup(Kind.VARIABLE, "x")),
    ]
    for order in (ids, ids[::-1]):
        required = RequiredIds(order, "file.json", Options())
        assert [each.problem for each in required.exported_as(AirflowEntry(Kind.VARIABLE, "x", data=b"1"))] == [
            "broken"
        ]


def test_ids_from_the_environment_are_skipped(usage: Usage, out: Path, tmp_path: Path) -> None:
    """A Secret takes precedence, so its value would replace the current one."""
    usage.dag("etl.py", reads("x", "y"))
    usage.patch.setenv("AIRFLOW_VAR_X", "east")
    done = export(usage, out, source=file_of(tmp_path, x=SECRET, y=SECRET))
    assert written(out) == {"y": None}
    assert "Airflow reads these from the environment, so this export skips them: variable 'x'." in done.out
    done = export(usage, out, "--dags", str(usage.dags), source=file_of(tmp_path, x=SECRET))
    assert done.out.startswith("There is nothing to export.\n\nNotes:\n  - Airflow reads these from the environment")


def test_variables_that_airflow_does_not_read(usage: Usage, out: Path) -> None:
    usage.dag("etl.py", reads("bar", "foo", "İST", "ẞx"))
    for name in ("bar", "FOO", "foo", "İST", "ẞX"):
        usage.patch.setenv(f"AIRFLOW_VAR_{name}", name)
    export(usage, out)
    assert written(out) == {"foo": None, "İST": None, "ẞx": None}
    values = [yaml.safe_load(path.read_text())["data"]["value"] for path in out.rglob("*foo.yaml")]
    assert [base64.b64decode(value) for value in values] == [b"FOO"]


def test_the_api_server_of_the_manifests(
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They are applied where lookups search: that API server, and that namespace."""
    (tmp_path / "etl.py").write_text(reads("x"))
    account = cluster.service_account(namespace, "airflow", {namespace: ["list"]})
    commands = Commands(account, cluster, monkeypatch, capsys)
    del commands.kwargs["namespace"]
    commands.configure()
    commands.set("AIRFLOW_VAR_X", SECRET)
    given = ["export", "--missing", "--from", "env", "--dags", str(tmp_path), "-o", str(tmp_path / "out")]
    assert f"\n  kubectl apply -R -f {tmp_path}/out\n" in commands.run(*given).out
    [manifest] = [yaml.safe_load(path.read_text()) for path in (tmp_path / "out").rglob("*.yaml")]
    assert manifest["metadata"]["namespace"] == namespace

    config = tmp_path / "a b"
    config.write_text(cluster.kubeconfig(cluster.admin_token).read_text())
    del commands.kwargs["service_account_path"]
    commands.configure()
    for report in ("text", "json"):
        done = commands.run(*given, "-n", namespace, "--kubeconfig", str(config), "--report", report)
        assert f"kubectl '--kubeconfig={config}' apply -R -f {tmp_path}/out" in done.out


def test_namespace_is_missing_in_the_configuration(
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "etl.py").write_text(reads("x"))
    other = f"{namespace}-other"
    cluster.create_namespace(other)
    Put(cluster, other)({VARIABLE: "x"}, SECRET)
    account = cluster.service_account(namespace, "airflow", {namespace: ["list"], other: ["list"]})
    commands = Commands(account, cluster, monkeypatch, capsys)
    commands.set("AIRFLOW_VAR_X", SECRET)
    arguments = [
        "export",
        "--missing",
        "--from",
        "env",
        "--dags",
        str(tmp_path / "etl.py"),
        "-o",
        str(tmp_path / "out"),
    ]

    assert (
        "lookups without a team do not search it, because 'namespace' in"
        in commands.run(*arguments, "-n", other, status=2).err
    )
    assert not (tmp_path / "out").exists()
    del commands.kwargs["namespace"]
    commands.configure()
    done = commands.run(*arguments, "-n", other, status=2)
    assert f"searches the namespace of its credentials, {namespace}. Use --namespace {namespace}, or set" in done.err
    assert not (tmp_path / "out").exists()

    # A person's credentials show nothing of Airflow's namespace.
    config = cluster.kubeconfig(cluster.admin_token)
    done = commands.run(*arguments, "-n", other, "--kubeconfig", str(config))
    assert "nothing to export" in done.out
    assert f"This command continues as if that were {other}" in done.err


def test_namespace_without_permission_to_read(
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "etl.py").write_text(reads("x"))
    commands = Commands(cluster.service_account(namespace, "airflow", {}), cluster, monkeypatch, capsys)
    commands.set("AIRFLOW_VAR_X", SECRET)
    given = ["--dags", str(tmp_path / "etl.py"), "-o", str(tmp_path / "out")]
    err = commands.run("export", "--missing", "--from", "env", *given, status=2).err
    assert "may not list secrets in namespace" in err
    assert not (tmp_path / "out").exists()

    commands.configure(namespace=["kube-system", "kube-public"])
    lines = commands.run("export", "--missing", "--from", "env", *given, status=2).err.splitlines()
    assert lines[0] == "airflow-kubernetes-secrets export: it is unknown which ids have no Secret:"
    # Each command can be copied, because nothing follows it in its line.
    bindings = [line for line in lines if line.startswith("  kubectl create rolebinding ")]
    account = f"--serviceaccount={namespace}:airflow"
    assert [line.rpartition(" ")[2] for line in bindings] == [account, account]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--missing", "--bundle"], "--missing cannot be combined with --bundle"),
        (["--dags", "dags"], "--dags requires --missing"),
        (["--kubeconfig", "file"], "--kubeconfig requires --missing"),
        (["--as", "me"], "--as requires --missing"),
        (["--missing", "--team", "sales"], "--team is the team of the DAGs in --dags"),
    ],
)
def test_invalid_combinations_of_arguments(usage: Usage, out: Path, arguments: list[str], expected: str) -> None:
    done = usage.run("--from", "env", "-o", str(out), *arguments, command="export", status=2)
    assert expected in done.err
