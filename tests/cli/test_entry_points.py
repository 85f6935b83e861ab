"""Properties of all commands: both entry points, terminals, errors in one line, completion."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.cli.definition import COMMANDS
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

    @on_the_devserver
    def test_ctrl_c(self, commands: Commands) -> None:
        # A server that accepts connections and never responds keeps the command waiting.
        with socket.create_server(("127.0.0.1", 0)) as silent:
            commands.configure(timeout=60)
            environment = {**os.environ, "KUBERNETES_SERVICE_PORT": str(silent.getsockname()[1])}
            waiting = subprocess.Popen([*PROGRAM, "list"], env=environment, stderr=subprocess.PIPE, text=True)
            connection, _address = silent.accept()
            with connection:
                waiting.send_signal(signal.SIGINT)
                _out, err = waiting.communicate(timeout=PATIENCE)
        assert (waiting.returncode, err) == (130, "")


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
