"""Invalid arguments of all commands, and their help."""

from __future__ import annotations

import sys

import pytest

from airflow_kubernetes_secrets.cli.argument_values import user_argument
from airflow_kubernetes_secrets.cli.definition import COMMANDS, Command
from airflow_kubernetes_secrets.cli.main import main, make_parser


class TestHelp:
    def test_help_names_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["--help"])
        printed = capsys.readouterr().out
        assert all(command.name in printed and command.help.split()[0] in printed for command in COMMANDS)

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_help_explains_every_exit_status(self, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main([command.name, "--help"])
        printed = " ".join(capsys.readouterr().out.split())
        assert all(f"{status}: {meaning}" in printed for status, meaning in command.statuses.items())

    def test_every_command_can_be_run(self) -> None:
        parser = make_parser()
        for command in COMMANDS:
            __import__(command.module)
            assert callable(sys.modules[command.module].run)
        assert parser.prog == "airflow-kubernetes-secrets"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_unknown_argument(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--no-such-argument"])
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ü", "", "a\r\nX: y"])
def test_invalid_user_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["list", "--as", name])
    assert "argument --as: a user's name is printable ASCII" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        "airflow/worker",
        "serviceaccount:airflow:worker",
        "system:serviceaccounts:airflow:worker",
        "system:serviceaccount:airflow/worker",
        "system:serviceaccount:airflow",
        "system:serviceaccount:airflow:Worker",
    ],
)
def test_a_service_account_in_another_form(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Kubernetes would treat each of these as the name of a user, who has no permissions."""
    with pytest.raises(SystemExit):
        main(["list", "--as", name])
    err = capsys.readouterr().err
    assert "argument --as: " in err
    assert "the name of a service account has the form system:serviceaccount:NAMESPACE:NAME" in err
    if name.endswith(":worker") or name.endswith("/worker"):
        assert "write system:serviceaccount:airflow:worker" in err


@pytest.mark.parametrize(
    "name",
    ["ada", "oidc:ada", "system:admin", "https://issuer.example.com#ada", "arn:aws:iam::1:role/ada", "a/b/c"],
)
def test_users_that_are_not_service_accounts(name: str) -> None:
    assert user_argument(name) == name


def test_invalid_port(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["devserver", "--port", "99999"])
    assert "a port is a number up to 65535" in capsys.readouterr().err


def test_abbreviated_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["put", "variable", "x", "--val", "-"])
    assert "--val" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", ""),
        ("check", "x", "--dags", ""),
        ("export", "--from", "env", "-o", ""),
        ("usage", "--dags", ""),
        ("put", "variable", "x", "--from-file", ""),
        ("devserver", "--directory", ""),
    ],
)
def test_an_empty_path_is_not_the_working_directory(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert capsys.readouterr().err.endswith(": the path is empty. For the working directory, write .\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["usage", "--dag", "dags"], "unrecognized arguments: --dag; did you mean --dags?"),
        (["list", "--namespaces=airflow"], "unrecognized arguments: --namespaces; did you mean --namespace?"),
        (["explain", "connection", "x", "-q", "--tset"], "unrecognized arguments: -q --tset; did you mean --test?"),
        (["usage", "dags"], "1 argument too many"),
        (["doctor", "--\x1b[1m"], r"unrecognized arguments: --\x1b[1m"),
    ],
)
def test_unknown_arguments_are_reported_by_the_command(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"usage: airflow-kubernetes-secrets {arguments[0]} [-h]")
    assert printed.endswith(f"airflow-kubernetes-secrets {arguments[0]}: error: {message}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["put", "connection", "x", "--urii", "postgres://u:hunter2@h"],
        ["put", "connection", "x", "--urii=hunter2"],
        ["put", "connection", "x", "hunter2"],
        ["put", "connection", "x", "-phunter2"],
        ["put", "postgres://u:hunter2 or@h", "x"],
        ["put", "variable", "x", "--namespac", "a", "--value", "-", "hunter2"],
        ["postgres://u:hunter2@h"],
    ],
)
def test_values_in_wrong_places_are_not_printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert "error: " in printed.err
    assert "hunter2" not in printed.out + printed.err
