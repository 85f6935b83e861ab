"""Properties of all commands: both entry points, terminals and pipes, errors in one line, completion."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets.cli.argument_values import user_argument
from airflow_kubernetes_secrets.cli.definition import COMMANDS, Command
from airflow_kubernetes_secrets.cli.main import main, make_parser
from support.airflow import ENVIRONMENTS
from support.cluster import Cluster
from support.commands import PATIENCE, PROGRAM, SECRET, Commands, forked_program, on_a_terminal
from support.requirements import needs_airflow
from support.secrets import Put
from support.servers import on_the_devserver

AIRFLOW = [str(ENVIRONMENTS["3.3"] / "bin" / "airflow"), "kubernetes-secrets"]
ESCAPE = "\x1b["


class TestUnderAirflow:
    """``airflow kubernetes-secrets`` has the same results."""

    def test_found_and_not_found(self, commands: Commands, put: Put) -> None:
        put.connection("my_db", f"postgres://u:{SECRET}@db/x")
        for arguments, status in (
            (["explain", "connection", "my_db", "-o", "json"], 0),
            (["explain", "connection", "nope", "-o", "json"], 1),
            (["list", "-o", "json"], 0),
        ):
            under_airflow = commands.run_program(*arguments, program=AIRFLOW, status=status)
            alone = commands.run_program(*arguments, status=status)
            # Under Airflow the database is available, and is created if it does not exist.
            assert {**under_airflow.document, "hidden": None} == {**alone.document, "hidden": None}

    def test_doctor(self, commands: Commands) -> None:
        commands.set("AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT", "60")
        done = commands.run_program("doctor", "-o", "json", program=AIRFLOW)
        assert done.document["counts"] == commands.run_program("doctor", "-o", "json").document["counts"]

    def test_put_and_rbac(self, cluster: Cluster, commands: Commands) -> None:
        account = cluster.service_account(
            commands.namespace, "writer", {commands.namespace: ["list", "get", "create", "patch"]}
        )
        commands.configure(service_account_path=str(account.folder))
        fields = ("put", "connection", "my_db", "--field", "host=db.example.com", "--field", "conn_type=postgres")
        assert "(created)" in commands.run_program(*fields, program=AIRFLOW).out
        assert "(unchanged)" in commands.run_program(*fields).out
        roles = ("rbac", "--service-account", "airflow/airflow-worker")
        assert commands.run_program(*roles, program=AIRFLOW).out == commands.run_program(*roles).out

    @on_the_devserver
    def test_check_and_export(self, commands: Commands, tmp_path: Path) -> None:
        commands.set("AIRFLOW_CONN_MOVED", f"postgres://u:{SECRET}@db/x")
        exported = str(tmp_path / "exported")
        done = commands.run_program("export", "--from", "env", "-o", exported, "--report", "json", program=AIRFLOW)
        assert done.document["connections"]["written"] == 1
        again = commands.run_program("export", "--from", "env", "-o", exported, "--report", "json")
        assert again.document["connections"]["unchanged"] == 1
        for program in (AIRFLOW, PROGRAM):
            done = commands.run_program("check", exported, "-o", "json", program=program)
            assert done.document == {"manifests": 1, "problems": []}

    def test_devserver(self, tmp_path: Path) -> None:
        ready = tmp_path / "ready"
        command = [*AIRFLOW, "devserver", "--ready-file", str(ready)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + PATIENCE
        while not ready.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
        assert "Kubernetes API for Secrets and ConfigMaps on https://127.0.0.1:" in out
        assert "Traceback" not in err

    @on_the_devserver
    def test_an_error(self, commands: Commands) -> None:
        commands.configure(namespace="kube-system")
        done = commands.run_program("list", program=AIRFLOW, status=2)
        assert "airflow-kubernetes-secrets list: the service account" in done.err

    def test_provider_has_every_command_and_argument(self) -> None:
        from airflow_kubernetes_secrets.cli.provider import get_cli_commands

        (group,) = get_cli_commands()
        assert group.name == "kubernetes-secrets"
        assert [each.name for each in group.subcommands] == [each.name for each in COMMANDS]
        for theirs, ours in zip(group.subcommands, COMMANDS, strict=True):
            assert [each.flags for each in theirs.args] == [each.flags for each in ours.arguments]

    @on_the_devserver
    @needs_airflow("2.11")
    def test_airflow_2_has_only_the_separate_command(self, commands: Commands, put: Put) -> None:
        put.connection("my_db", f"postgres://u:{SECRET}@db/x")
        program = [str(ENVIRONMENTS["2.11"] / "bin" / "python"), "-m", "airflow_kubernetes_secrets.cli.main"]
        found = commands.run_program("explain", "connection", "my_db", "-o", "json", program=program).document
        assert found["set"] == ["login", "password", "schema"]
        assert [
            each["id"] for each in commands.run_program("list", "-o", "json", program=program).document["entries"]
        ] == ["my_db"]
        commands.run_program("doctor", program=program)


@on_the_devserver
class TestTerminals:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("rbac", "--service-account", "airflow/airflow-worker"),
            ("export", "--from", "env", "-o", "{}/exported"),
            ("check", "{}"),
        ],
    )
    def test_other_commands_print_on_a_terminal(
        self, commands: Commands, tmp_path: Path, arguments: tuple[str, ...]
    ) -> None:
        commands.set("AIRFLOW_CONN_MOVED", f"postgres://u:{SECRET}@db/x")
        printed = commands.run_on_a_terminal(*(each.format(tmp_path) for each in arguments)).out
        assert printed.strip()

    @pytest.mark.parametrize("arguments", [("list",), ("explain", "connection", "x"), ("doctor",)])
    def test_colour(self, commands: Commands, put: Put, arguments: tuple[str, ...]) -> None:
        put.connection("x", f"postgres://u:{SECRET}@db/x")
        assert ESCAPE in commands.run_on_a_terminal(*arguments).out
        assert ESCAPE + "3" not in commands.run_on_a_terminal(*arguments, NO_COLOR="1").out
        assert ESCAPE not in commands.run_program(*arguments).out

    def test_a_table(self, commands: Commands, put: Put) -> None:
        put.connection("x", f"postgres://u:{SECRET}@db/x")
        assert "───" in commands.run_on_a_terminal("list", NO_COLOR="1").out
        assert "───" not in commands.run_program("list").out

    def test_a_narrow_terminal_truncates_no_values(self, commands: Commands, put: Put) -> None:
        put.connection("a_connection_with_a_name_of_some_length", f"postgres://u:{SECRET}@db/x")
        printed = commands.run_on_a_terminal("list", NO_COLOR="1", COLUMNS="60").out
        assert "…" not in printed.partition("KIND")[2]


class TestErrors:
    @on_the_devserver
    def test_one_line_without_a_traceback(self, commands: Commands) -> None:
        commands.configure(namespce="x")
        done = commands.run_program("list", status=2)
        assert done.err.count("\n") == 1
        assert done.err.startswith("airflow-kubernetes-secrets list: backend_kwargs: there is no option 'namespce'")

    @on_the_devserver
    def test_a_traceback_with_debug(self, commands: Commands) -> None:
        commands.configure(namespce="x")
        done = subprocess.run(
            [forked_program(), "list", "--debug"], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert "Traceback" in done.stderr
        assert done.stderr.rstrip().rpartition("\n")[2].startswith("airflow_kubernetes_secrets.errors.OptionError")

    @pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
    def test_unknown_argument(self, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main([command.name, "--no-such-argument"])
        assert ended.value.code == 2
        assert "error: " in capsys.readouterr().err

    def test_output_pipe_that_is_closed_early(self) -> None:
        """The program that reads the output can end first."""
        program = " ".join([forked_program(), "rbac", "--service-account", "a/b", "--namespace", "a"])
        done = subprocess.run(
            ["sh", "-c", f"{program} | head -c 0"], capture_output=True, timeout=PATIENCE, check=False
        )
        assert b"Traceback" not in done.stderr

    @on_the_devserver
    @pytest.mark.parametrize("command", ["list", "doctor", "explain connection x", "devserver"])
    def test_status_141_if_the_output_pipe_is_closed(self, commands: Commands, put: Put, command: str) -> None:
        """The status is 141, as for other programs, and differs from all documented statuses."""
        put.connection("x", f"postgres://u:{SECRET}@db/x")
        process = subprocess.Popen([forked_program(), *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.stderr.close()
        assert process.wait(PATIENCE) == 141
        assert b"Traceback" not in err

    @on_the_devserver
    def test_no_standard_output(self, commands: Commands) -> None:
        line = " ".join([*PROGRAM, "explain", "connection", "x", ">&-"])
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert (done.returncode, done.stderr) == (1, "")

    @pytest.mark.parametrize("name", ["ü", "", "a\r\nX: y"])
    def test_invalid_user_name(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
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
    def test_a_service_account_in_another_form(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
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
    def test_users_that_are_not_service_accounts(self, name: str) -> None:
        assert user_argument(name) == name

    def test_invalid_port(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["devserver", "--port", "99999"])
        assert "a port is a number up to 65535" in capsys.readouterr().err

    def test_abbreviated_arguments_are_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit):
            main(["put", "variable", "x", "--val", "-"])
        assert "--val" in capsys.readouterr().err

    @on_the_devserver
    def test_ctrl_c(self, commands: Commands) -> None:
        # A server that accepts connections and never responds keeps the command waiting.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            environment = {**os.environ, "KUBERNETES_SERVICE_PORT": str(silent.getsockname()[1])}
            waiting = subprocess.Popen([*PROGRAM, "list"], env=environment, stderr=subprocess.PIPE, text=True)
            connection, _address = silent.accept()
            with connection:
                waiting.send_signal(signal.SIGINT)
                _out, err = waiting.communicate(timeout=PATIENCE)
        assert (waiting.returncode, err) == (130, "")


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


class TestOutput:
    """Standard output that cannot be written, or that cannot encode all characters."""

    @pytest.mark.parametrize(
        "arguments",
        [
            ("rbac", "--service-account", "a/b", "--namespace", "a"),
            ("put", "variable", "x", "--from-file", "/dev/null", "--dry-run=client", "-o", "yaml"),
            ("check", "/dev/null"),
        ],
    )
    def test_a_full_disk(self, arguments: tuple[str, ...]) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [forked_program(), *arguments],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1] == (
            f"airflow-kubernetes-secrets {arguments[0]}: the output cannot be written: No space left on device. Free "
            "some space, or redirect it to another place"
        )

    def test_a_full_disk_after_an_export(self, tmp_path: Path) -> None:
        (tmp_path / "v.json").write_text('{"a": "x"}')
        command = [forked_program(), "export", "--from", "v.json", "--kind", "variables", "-o", "out"]
        for report in ("text", "json"):
            with Path("/dev/full").open("wb") as full:
                done = subprocess.run(
                    [*command, "--report", report],
                    stdout=full,
                    stderr=subprocess.PIPE,
                    text=True,
                    timeout=PATIENCE,
                    check=False,
                    cwd=tmp_path,
                )
            assert done.returncode == 2
            assert done.stderr.splitlines()[-1].startswith(
                "airflow-kubernetes-secrets export: the export to out has ended, but the output cannot be written: "
            )
        assert (tmp_path / "out/variables/airflow-variable-a.yaml").exists()

    @pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("list", "--help")])
    def test_a_full_disk_for_the_help(self, arguments: tuple[str, ...]) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*PROGRAM, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False
            )
        assert done.returncode == 2
        assert done.stderr == (
            "airflow-kubernetes-secrets: the output cannot be written: No space left on device. Free some space, or "
            "redirect it to another place\n"
        )

    def test_a_full_disk_for_output_and_errors(self) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [forked_program(), "check", "nowhere"], stdout=full, stderr=full, timeout=PATIENCE, check=False
            )
        assert done.returncode == 2

    @pytest.mark.parametrize(
        ("encoding", "name"),
        [
            ("ascii", r"\u043a\u043b\u044e\u0447"),
            ("latin-1", r"\u043a\u043b\u044e\u0447"),
            ("ascii:surrogateescape", r"\u043a\u043b\u044e\u0447"),
            ("ascii:replace", "????"),
        ],
    )
    def test_an_encoding_that_lacks_characters(self, tmp_path: Path, encoding: str, name: str) -> None:
        manifest = tmp_path / "ключ.yaml"
        manifest.write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {airflow.apache.org: 1}\n{")
        done = _encoded(encoding, "check", str(manifest))
        assert done.returncode == 1, done.stderr
        assert done.stdout.startswith(f"{tmp_path}/{name}.yaml:5: error: ")

    def test_help_in_ascii(self) -> None:
        done = _encoded("ascii", "export", "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert r"AIRFLOW_CONN_\u2026 and AIRFLOW_VAR_\u2026" in " ".join(done.stdout.split())

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
    def test_a_document_is_the_same_in_every_encoding(self, encoding: str) -> None:
        fields = ("--field", "conn_type=http", "--field", "host=h")
        done = _encoded(encoding, "put", "connection", "ключ 😀", *fields, "--dry-run=client", "-o", "yaml")
        manifest = yaml.safe_load(done.stdout)
        assert manifest["metadata"]["annotations"] == {"airflow.apache.org/connection-id": "ключ 😀"}
        assert ("ключ" in done.stdout) is (encoding == "utf-8")


def _encoded(encoding: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose output has this encoding, and optionally an error handler."""
    return subprocess.run(
        [forked_program(), *arguments],
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        encoding=encoding.partition(":")[0],
        timeout=PATIENCE,
        check=False,
    )


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


def test_completion(tmp_path: Path) -> None:
    """The environment is that of a shell with argcomplete: https://kislyuk.github.io/argcomplete/"""
    found = tmp_path / "completions"
    line = "airflow-kubernetes-secrets ex"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(found),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    program = str(Path(sys.prefix) / "bin" / "airflow-kubernetes-secrets")
    subprocess.run([program], env=environment, timeout=PATIENCE, check=False, capture_output=True)
    assert found.read_text().split() == ["explain", "export"]


def test_a_terminal_shows_help() -> None:
    done = on_a_terminal([*PROGRAM, "explain", "--help"], {})
    assert done.status == 0
    assert "Show every step of one lookup" in " ".join(done.out.split())
