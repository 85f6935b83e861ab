"""``usage --missing`` shows the commands that create what is missing, or move it into Secrets. They work as shown."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.usage.next_commands import NextCommand, NextCommands
from support.cluster import Cluster
from support.commands import SECRET, URI, Commands, forked_program
from support.secrets import CONNECTION, VARIABLE
from support.standard_input import on_standard_input
from support.usage import Usage

READS = "from airflow.sdk import Connection, Variable\n"
NAME = "airflow-kubernetes-secrets "

# Ids that a shell or the command itself could read as something else.
ODD_IDS = (
    "$(touch forged)", "`touch forged`", "a; touch forged", "a'b", 'a"b', "a\\b", "-x", "--", "--uri", "-", "=ls", "~",
    "*", "a b", " led ", "!!", "#x", "größe", "漢字💥", "שלום", "a\u0301", "x" * 300, "team/orders@eu", "%s", "{a,b}",
    "a&b",     "airflow-kubernetes-secrets put connection x", "::error::x",
)  # fmt: skip
# A command cannot show these exactly.
UNSEEN_IDS = ("a\nb", "a\n  airflow-kubernetes-secrets put variable forged", "a\u202eb", "a\u200bb", "\x1b[2J", "##[x]")


def commands_in(text: str) -> list[str]:
    """Return the commands in the messages of ``usage``."""
    return [line.strip() for line in text.splitlines() if line.startswith(f"  {NAME}")]


def words_of(command: str, shell: Sequence[str], folder: Path) -> list[str]:
    """Return the arguments that a shell passes to the program."""
    script = f"printf '%s\\0' {command.removeprefix(NAME)}"
    done = subprocess.run([*shell, script], cwd=folder, capture_output=True, check=True)
    assert list(folder.iterdir()) == []
    return done.stdout.decode().split("\0")[:-1]


def shells() -> list[list[str]]:
    """Return the shells of this machine, without the files of the user."""
    known = {"sh": ["sh", "-c"], "bash": ["bash", "--norc", "-c"], "zsh": ["zsh", "-f", "-c"]}
    return [words for name, words in known.items() if shutil.which(name)]


def run(command: str, patch: pytest.MonkeyPatch, value: str) -> int:
    """Run a command as a shell would run it, with a value on standard input."""
    on_standard_input(patch, value)
    return main(shlex.split(command)[1:])


def missing(usage: Usage, *arguments: str) -> str:
    given = ["--dags", str(usage.dags), "--no-database", "--missing", *arguments]
    return usage.run(*given, status=1).err


def reads(*ids: str) -> str:
    return READS + "".join(f"Variable.get({each!r})\n" for each in ids)


def test_each_command_creates_its_secret(
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "etl.py").write_text(READS + 'Connection.get("db")\nVariable.get("region")\nVariable.get("d", 1)\n')
    account = cluster.service_account(namespace, "airflow", {namespace: ["list", "get", "create", "patch"]})
    commands = Commands(account, cluster, monkeypatch, capsys)
    commands.set("AIRFLOW__CORE__FERNET_KEY_SECRET", "fernet")
    arguments = ["usage", "--missing", "--dags", str(tmp_path), "--no-database"]

    done = commands.run(*arguments, "--namespace", namespace, status=1)

    assert "To create their Secrets:\n" in done.err
    found = commands_in(done.err)
    assert found == [
        f"{NAME}put config fernet --value - --namespace {namespace}",
        f"{NAME}put connection db --uri - --namespace {namespace}",
        f"{NAME}put variable region --value - --namespace {namespace}",
    ]
    for each in found:
        assert run(each, monkeypatch, URI if "connection" in each else SECRET) == 0
    assert "Nothing is missing" in commands.run(*arguments).err


def test_odd_ids_are_one_shell_word(usage: Usage, tmp_path: Path) -> None:
    usage.dag("etl.py", reads(*ODD_IDS))
    empty = tmp_path / "empty"
    empty.mkdir()

    found = commands_in(missing(usage))

    assert len(found) == len(ODD_IDS)
    for shell in shells():
        ids = set()
        for each in found:
            words = words_of(each, shell, empty)
            words = [
                word for word in words if word not in ("put", "--value", "--dry-run", "client", "--output", "yaml")
            ]
            # Besides the id, only the '-' of --value is left, and a '--' before the id.
            assert words[0] == "variable", each
            rest = words[1:]
            rest.remove("-")
            ids.add(rest[-1])
            assert rest in ([rest[-1]], ["--", rest[-1]]), each
        assert ids == set(ODD_IDS)


def test_a_folder_gets_the_manifests_of_odd_ids(usage: Usage) -> None:
    usage.configure(namespace=None)
    usage.dag("etl.py", reads(*ODD_IDS))
    err = missing(usage)
    assert f"To print their manifests for {usage.manifests}:\n" in err

    for number, each in enumerate(commands_in(err)):
        usage.capsys.readouterr()
        assert run(each, usage.patch, "x") == 0
        (usage.manifests / f"{number}.yaml").write_text(usage.capsys.readouterr().out)

    assert {each["status"] for each in usage.ids().values()} == {"found"}


def test_ids_that_a_command_cannot_show(usage: Usage) -> None:
    usage.dag("etl.py", reads("plain", *UNSEEN_IDS))

    err = missing(usage)

    assert commands_in(err) == [f"{NAME}put variable plain --value - --dry-run client --output yaml"]
    assert ": the id has characters that a command cannot show. If they are a mistake, correct the DAGs\n" in err
    assert all(repr(each)[1:-1].replace("##", "#\\u0023") in err for each in UNSEEN_IDS)
    ids = usage.ids(status=1)
    assert [each for each in UNSEEN_IDS if ids[each]["command"] is not None] == []


def test_ids_that_a_new_secret_cannot_provide(usage: Usage) -> None:
    """Their Secret cannot be read, or lookups skip them."""
    usage.configure(variables_lookup_pattern="[a-z]+$", config_label=None)
    usage.patch.setenv("AIRFLOW__CORE__FERNET_KEY_SECRET", "fernet")
    usage.dag("etl.py", reads("skipped1", "plain", "") + 'Connection.get("db")\nConnection.get("http://u:hunter2@h")\n')
    usage.put("db", {CONNECTION: "db"}, "neither a URI nor JSON")

    ids = usage.ids(status=1)

    assert {name for name, each in ids.items() if each["command"]} == {"plain"}
    assert {each["status"] for each in ids.values()} == {"missing"}
    err = missing(usage)
    assert "hunter2" not in err
    assert "for variable 'skipped1': the id does not match the lookup pattern in backend_kwargs, so the lookup" in err
    assert "for connection (a URI): the id is a URI, so the lookup was skipped. Correct the DAGs\n" in err
    assert "for configuration option 'fernet': its label is null in backend_kwargs" in err


@pytest.mark.parametrize(
    ("team", "kwargs", "expected"),
    [
        ("sales", {"team_label": None, "team_fallback": False}, "team_label is null in backend_kwargs, so no label"),
        ("a team", {}, "the team is not a valid label value"),
        ("-t", {}, "the team is not a valid label value"),
    ],
)
def test_a_team_without_secrets_of_its_own(usage: Usage, team: str, kwargs: dict[str, object], expected: str) -> None:
    usage.configure(**kwargs)
    usage.dag("etl.py", reads("x"))
    err = missing(usage, f"--team={team}")
    assert commands_in(err) == []
    assert f"No command is shown for variable 'x' of team {team!r}: {expected}" in err
    assert usage.ids(f"--team={team}", status=1)["x"]["command"] is None
    done = usage.run("variable", "x", f"--team={team}", command="explain", status=1)
    # The metadata database cannot be read here, so it could provide the id.
    assert "Unknown     could not check" in done.out
    assert "Instead" not in done.out


def test_no_command_for_entries_that_the_team_would_not_read(usage: Usage) -> None:
    usage.patch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    usage.dag("etl.py", reads("x", "y"))
    usage.patch.setenv("AIRFLOW_VAR_X", "1")
    usage.patch.setenv("AIRFLOW_VAR__SALES___Y", "1")
    given = ["--dags", str(usage.dags), "--no-database", "--missing", "--team", "sales"]
    for kwargs, without in (({"team_fallback": False}, "x"), ({"team_label": None}, "y")):
        usage.configure(**kwargs)
        err = usage.run(*given).err
        assert len(commands_in(err)) == 1
        assert f"No command is shown for variable {without!r} of team 'sales': team_" in err


def test_a_path_that_a_command_cannot_show(usage: Usage, tmp_path: Path) -> None:
    for name in ("dags\u00a0x", "da\ngs"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "etl.py").write_text(reads("x"))
        usage.patch.setenv("AIRFLOW_VAR_X", "1")
        err = usage.run("--dags", str(folder), "--no-database", "--missing").err
        assert commands_in(err) == []
        assert "No command is shown for variable 'x': --dags has characters that a command cannot show." in err


def test_the_namespaces_of_the_commands(
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """They name the namespace, because they may run with other credentials. Those of `put` are the user's own."""
    (tmp_path / "etl.py").write_text(reads("x", "y"))
    home, other = f"{namespace}-home", f"{namespace}-other"
    for each in (home, other):
        cluster.create_namespace(each)
    account = cluster.service_account(namespace, "airflow", {each: ["list"] for each in (namespace, home, other)})
    commands = Commands(account, cluster, monkeypatch, capsys)
    commands.set("AIRFLOW_VAR_X", "1")

    def shown(*arguments: str) -> tuple[list[str], str]:
        given = ["usage", "--missing", "--no-database", "--dags", str(tmp_path), *arguments]
        err = commands.run(*given, status=1).err
        return commands_in(err), err

    put = f"{NAME}put variable y --value -"
    export = f"{NAME}export --missing --from env --dags {tmp_path}"
    assert shown()[0] == [
        f"{put} --namespace {namespace}",
        f"{export} --output-dir secrets --namespace {namespace}",
    ]
    for arguments, kwargs in ((f"{other}", {}), (f"{namespace},{other}", {}), (f"{namespace},{other}", None)):
        if kwargs is None:
            del commands.kwargs["namespace"]
            commands.configure()
        found, err = shown("--namespace", arguments)
        assert found == [f"{put} --namespace {arguments.partition(',')[0]}"]
        assert "No command is shown for variable 'x': '" in err
        assert "'export --missing' searches " in err
    found, err = shown("--namespace", other)
    assert found == [f"{put} --namespace {other}"]
    assert f"Airflow does not search namespace {other}: 'namespace' is not set in backend_kwargs" in err
    assert shown()[0] == [
        f"{put} --namespace {namespace}",
        f"{export} --output-dir secrets --namespace {namespace}",
    ]
    commands.configure(namespace=namespace, team_namespaces={"sales": home}, team_label=None)
    assert shown("--team", "sales", "--namespace", namespace)[0] == [
        f"{put} --team sales --namespace {home}",
        f"{export} --team sales --output-dir secrets --namespace {namespace}",
    ]
    config = cluster.kubeconfig(cluster.admin_token)
    access = ("--kubeconfig", str(config), "--as", f"system:serviceaccount:{namespace}:airflow")
    assert shown(*access)[0] == [
        f"{put} --kubeconfig {config} --namespace {namespace}",
        f"{export} --output-dir secrets {' '.join(access)} --namespace {namespace}",
    ]


def test_a_team(usage: Usage) -> None:
    usage.dag("etl.py", reads("x"))
    for kwargs, shown in (
        ({}, " --team sales"),
        ({"team_label": None}, ""),
        ({"team_label": None, "team_namespaces": {"sales": "sales"}}, " --team sales"),
    ):
        usage.configure(**kwargs)
        [command] = commands_in(missing(usage, "--team", "sales"))
        assert command == f"{NAME}put variable x --value -{shown} --dry-run client --output yaml"
        assert run(command, usage.patch, "x") == 0


def test_a_team_and_a_path_like_an_option() -> None:
    commands = NextCommands(
        Options(team_namespaces={"-t": "of-t"}), [("--kubeconfig", "-k")], [("--dags", "-d"), ("--team", "-t")]
    )
    lookup = Lookup(Kind.VARIABLE, "x", "-t")
    put, export = commands.put(lookup), commands.export(lookup, "environment", None)
    assert isinstance(put, NextCommand)
    assert isinstance(export, NextCommand)
    assert put.text == f"{NAME}put variable x --value - --team=-t --kubeconfig=-k --namespace of-t"
    assert export.text == f"{NAME}export --missing --from env --dags=-d --team=-t --output-dir secrets --kubeconfig=-k"


def test_ids_from_the_environment_are_exported(usage: Usage, tmp_path: Path) -> None:
    """The ids get the case that the DAGs use."""
    usage.dag("etl.py", reads("in_Environment", "IN_ENVIRONMENT", "missing") + 'Connection.get("db")\n')
    usage.put("db", {CONNECTION: "db"})
    usage.patch.setenv("AIRFLOW_VAR_IN_ENVIRONMENT", "east")
    usage.patch.setenv("AIRFLOW_VAR_NOT_USED", "x")
    usage.patch.setenv("AIRFLOW_CONN_DB", URI)
    usage.patch.chdir(tmp_path)

    err = missing(usage)
    [put, export] = commands_in(err)
    assert put.startswith(f"{NAME}put variable missing ")
    assert (
        "To write manifests for all ids that DAGs use, that no Secret has, and that the environment provides:\n" in err
    )
    commands = {name: each["command"] for name, each in usage.ids(status=1).items()}
    assert commands.pop("missing") == put
    assert commands == {"db": None, "in_Environment": export, "IN_ENVIRONMENT": export}

    assert run(export, usage.patch, "") == 0

    shown = usage.capsys.readouterr()
    assert "in lower case" not in shown.out
    assert "No Secret provides 3 of the 4 connections and variables that DAGs use" in shown.err
    written = sorted((tmp_path / "secrets").rglob("*.yaml"))
    manifests = [yaml.safe_load(each.read_text()) for each in written]
    assert {each["metadata"]["labels"][VARIABLE] for each in manifests} == {"in_Environment", "IN_ENVIRONMENT"}
    shutil.move(tmp_path / "secrets", usage.manifests / "exported")
    assert {name for name, each in usage.ids(status=1).items() if each["status"] == "found"} == {
        *("db", "in_Environment", "IN_ENVIRONMENT")
    }
    assert [each["provider"]["place"] for each in usage.ids(status=1).values() if each["provider"]] == ["secret"] * 3


def test_a_variable_with_a_uri_in_its_name(usage: Usage) -> None:
    usage.dag("etl.py", READS + f"Connection.get({URI!r})\n")
    usage.patch.setenv(f"AIRFLOW_CONN_{URI}".upper(), "1")
    given = ["--dags", str(usage.dags)]
    done = usage.run(*given, "--no-database", "--id", URI)
    shown = usage.run("connection", URI, *given, command="explain", status=1)
    for each in (done.out, shown.out):
        assert "a variable with a URI in its name of this process" in " ".join(each.split())
        assert SECRET not in each.lower()


def test_one_id(usage: Usage) -> None:
    usage.dag("etl.py", reads("x", "y", "z"))
    usage.patch.setenv("AIRFLOW_VAR_Y", "1")
    given = ["--dags", str(usage.dags), "--no-database"]
    assert len(commands_in(usage.run(*given, "--id", "x", status=1).err)) == 1
    assert "export --missing --from env" in usage.run(*given, "--id", "y").err
    assert commands_in(usage.run(*given, status=1).err) == []
    assert commands_in(usage.run(*given, "--unused", "--id", "x").err) == []


def test_thousands_of_ids_with_a_closed_pipe(usage: Usage) -> None:
    usage.dag("etl.py", reads(*(f"id_{number}" for number in range(5_000))))
    usage.patch.setenv("AIRFLOW_VAR_ID_7", "1")
    err = missing(usage)
    assert len(commands_in(err)) == 5_000
    command = shlex.join([forked_program(), "usage", "--missing", "--no-database", "--dags", str(usage.dags)])
    for streams in ("2>/dev/null | head -1", "2>&1 >/dev/null | head -1"):
        script = f"{{ {command}; echo $? > status; }} {streams}"
        done = subprocess.run(["sh", "-c", script], cwd=usage.manifests, capture_output=True, text=True, check=True)
        assert len(done.stdout.splitlines()) == 1
        assert done.stderr == ""
        status = usage.manifests / "status"
        assert status.read_text() == "141\n"
        status.unlink()


def test_explain_shows_the_command(usage: Usage) -> None:
    usage.dag("etl.py", reads("x", "y"))
    usage.patch.setenv("AIRFLOW_VAR_Y", "1")
    usage.patch.setenv("AIRFLOW__CORE__FERNET_KEY_SECRET", "fernet")

    def command(*arguments: str, status: int = 1) -> str | None:
        shown: str | None = usage.run(*arguments, "-o", "json", command="explain", status=status).document["command"]
        return shown

    dags = ["--dags", str(usage.dags)]
    export = f"{NAME}export --missing --from env --dags {usage.dags} --output-dir secrets"
    assert command("variable", "y", *dags) == export
    assert f" {export}\n" in usage.run("variable", "y", *dags, command="explain", status=1).out
    # Without a use, `export --missing` would not export it.
    assert command("variable", "y") is None
    # The metadata database cannot be read here, so it could provide the id.
    assert command("variable", "x", *dags) is None
    assert command("config", "fernet") == f"{NAME}put config fernet --value - --dry-run client --output yaml"
    # No option names this id.
    assert command("config", "other") is None
    usage.patch.setenv("AIRFLOW__CORE__FERNET_KEY_SECRET", "a\nb")
    assert command("config", "a\nb") is None
    shown = usage.run("config", "a\nb", command="explain", status=1).out
    assert "No command is shown: the id has characters that a command cannot show." in " ".join(shown.split())
    usage.put("x", {VARIABLE: "x"})
    assert command("variable", "x", status=0) is None
