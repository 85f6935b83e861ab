"""Values and options that ``put`` refuses, and those that it accepts."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from support.commands import PATIENCE, SECRET, Done, forked_program
from support.put_command import PutCommand
from support.secrets import VARIABLE


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("connection", "c", "--uri", f"postgres://u:{SECRET}@h"), "Use --uri - or --from-file"),
        (("connection", "c", "--json", f'{{"password": "{SECRET}"}}'), "Use --json - or --from-file"),
        (("variable", "v", "--value", SECRET), "Use --value - or --from-file"),
        (("config", "v", "--value", SECRET), "Use --value - or --from-file"),
        (("connection", "c", "--field", f"password={SECRET}"), "Use --field password=-,"),
        (("connection", "c", "--field", f"pass={SECRET}"), "Use --field password=-,"),
        (("connection", "c", "--field", f"extra={SECRET}"), "Use --field extra=-,"),
        (("connection", "c", "--field", f"url=a://{SECRET}@h"), "Use --field uri=-,"),
        (("connection", "c", "--field", f"host=http://u:{SECRET}@h"), "Use --field host=-,"),
        (("connection", "c", "--field", SECRET), "--field must be NAME=VALUE"),
        (("connection", "c", "--field", f"{SECRET}=x"), "the name before the '=' is not a field"),
        (("connection", "c", "--field", "pasword=-"), "'pasword' is not a field; did you mean 'password'?"),
        (("connection", "c", "--field", "host=a", "--field", "server=b"), "host is given twice"),
        (("connection", "c", "--value", "-"), "pass a connection with --uri, --json, --from-file or --field"),
        (("variable", "v", "--uri", "-"), "pass a variable with --value or --from-file"),
        (("variable", "v", "--json", "-"), "pass a variable with --value or --from-file"),
        (("config", "v", "--field", "host=h"), "pass a configuration option with --value or --from-file"),
        (("connection", "c"), "there is no value to write"),
        (("connection", "c", "--uri", "-", "--json", "-"), "the value is passed in two ways"),
        (("connection", "c", "--uri", "-", "--field", "host=h"), "the value is passed in two ways"),
        (
            ("connection", "c", "--field", "password=-", "--field", "extra=-"),
            "--field password, --field extra cannot all be read",
        ),
        (("connection", "c", "--uri", "-"), "the value of --uri is JSON"),
        (("connection", "", "--json", "-"), "the id is empty"),
        (("config", "v", "--team", "red", "--value", "-"), "remove --team"),
        (("connection", "c\udcff", "--json", "-"), "the id is not valid Unicode"),
        (("connection", "c", "--team", "a b", "--json", "-"), "the team is not a valid label value"),
        (("connection", "c", "--name", "A_b", "--json", "-"), "'A_b' cannot be the name of a Secret"),
        (("connection", "c", "--field", "host=h", "--field", "port=-"), "the port is not a number"),
        (("connection", "c", "--field", "conn_type=x"), "Airflow would not find it"),
    ],
)
def test_invalid_arguments_are_refused(local: Callable[..., Done], arguments: tuple[str, ...], text: str) -> None:
    done = local(*arguments, "--dry-run=client", "-o", "yaml", stdin=f'{{"conn_type": "{SECRET}"}}'.encode())

    assert done.status == 1
    assert text in done.err
    assert done.out == ""
    assert done.err.startswith("airflow-kubernetes-secrets put: ")


def test_invalid_values_on_standard_input(local: Callable[..., Done]) -> None:
    done = local("connection", "c", "--json", "-", "--dry-run=client", stdin=f"postgres://{SECRET}@h".encode())
    assert done.status == 1
    assert "not JSON ({…}); for a URI use --uri" in done.err
    done = local("connection", "c", "--uri", "-", "--dry-run=client", stdin=f"x:{SECRET}".encode())
    assert done.status == 1
    assert "neither a URI" in done.err
    done = local("variable", "v", "--value", "-", "--dry-run=client", stdin=b"\xff")
    assert done.status == 1
    assert "not UTF-8 text" in done.err
    done = local("variable", "v", "--value", "-", "--dry-run=client", stdin=b"x" * (1024 * 1024 + 1))
    assert done.status == 1
    assert "more than 1048576 bytes, the most that a Secret can contain" in done.err


@pytest.mark.parametrize("arguments", [("--from-file", "/dev/zero"), ("--from-file", "-"), ("--value", "-")])
def test_endless_files_and_pipes_are_refused(arguments: tuple[str, str]) -> None:
    command = [forked_program(), "put", "variable", "v", *arguments, "--dry-run=client"]
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(command, stdin=endless, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "more than 1048576 bytes, the most that a Secret can contain" in done.stderr


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"conn_type": "x", "password": 12345}, "'password' is not a string"),
        ({"conn_type": "x", "host": [SECRET]}, "'host' is not a string"),
        ({"conn_type": "x", "extra": [1]}, "'extra' is not a JSON object"),
        ({"conn_type": "x", "extra": SECRET}, "It cannot be used by the scheduler"),
        ({"conn_type": "x", "team_name": SECRET}, "It cannot be used by Airflow 2; tasks"),
        ({"uri": f"x://{SECRET}@h", "login": "me"}, "both 'uri' and 'login'"),
    ],
)
def test_json_that_airflow_cannot_use_is_refused(
    local: Callable[..., Done], fields: dict[str, object], said: str
) -> None:
    done = local("connection", "c", "--json", "-", "--dry-run=client", "-o", "yaml", stdin=json.dumps(fields).encode())

    assert done.status == 1
    assert done.out == ""
    assert said in done.err


@pytest.mark.parametrize(
    ("fields", "port", "said"),
    [
        ({"conn_type": "x", "port": 5432.0, "password": SECRET}, 5432, ""),
        ({"uri": f"x://me:{SECRET}@h:5432/db"}, 5432, ""),
        ({"conn_type": "x", "port": -5}, -5, ""),
        ({"host": "h", "port": "5432"}, 5432, "warning: Secret "),
    ],
)
def test_json_that_airflow_can_use(put: PutCommand, fields: dict[str, object], port: int, said: str) -> None:
    done = put("connection", "c", "--json", "-", stdin=json.dumps(fields))

    assert done.status == 0
    assert done.err.startswith(said)
    assert bool(said) == ("It cannot be used by tasks of Airflow 3 that get it from Airflow's API server" in done.err)
    connection = put.backend.get_connection("c")
    assert connection.port == port
    assert connection.get_uri()


def test_a_field_that_has_the_name_of_the_data_key(local: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_data_key": "uri"}))
    done = local("connection", "c", "--field", "uri=-", "--dry-run=client", stdin=f"a://{SECRET}@h".encode())
    assert done.status == 1
    assert "connections_data_key in backend_kwargs is 'uri'" in done.err


def test_secret_arguments_that_are_allowed(local: Callable[..., Done]) -> None:
    allowed = ("--allow-secret-arguments", "--dry-run=client", "-o", "json")
    done = local("connection", "c", "--field", f"password={SECRET}", *allowed)
    assert json.loads(done.out)["data"] == {"password": b64encode(SECRET.encode()).decode()}
    done = local("variable", "v", "--value", "", *allowed)
    assert json.loads(done.out)["data"] == {"value": ""}


@pytest.mark.parametrize(
    ("variables", "status", "text"),
    [
        ({"AIRFLOW__SECRETS__BACKEND": ""}, 0, "[secrets] backend is not set"),
        (
            {"AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend"},
            0,
            "continues as if it were configured",
        ),
        ({"AIRFLOW__SECRETS__BACKEND": "no.such.Backend"}, 2, "cannot be imported here"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": "{namespace: a}"}, 2, "it is not JSON"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": '{"namespce": "a"}'}, 2, "did you mean 'namespace'"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": '{"variables_label": null}'}, 1, "variables_label is null"),
        ({"AIRFLOW__SECRETS__BACKEND_KWARGS": '{"variables_lookup_pattern": "x"}'}, 1, "does not match the lookup"),
    ],
)
def test_problems_of_the_backend_configuration(
    local: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str], status: int, text: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    done = local("variable", "v", "--value", "-", "--dry-run=client", stdin=SECRET.encode())

    assert done.status == status
    assert text in done.err


def test_options_of_another_backend_are_ignored(local: Callable[..., Done], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"variables_file_path": "/x", "variables_label": "x.io/y"}')

    done = local("variable", "v", "--value", "-", "--dry-run=client", "-o", "json", stdin=SECRET.encode())

    assert json.loads(done.out)["metadata"]["labels"] == {VARIABLE: "v"}


@pytest.mark.parametrize("stdin", [b"x\n", b"a\r\n\n", b" ", b""])
def test_from_file_stores_every_byte_of_standard_input(local: Callable[..., Done], stdin: bytes) -> None:
    """``--value`` removes the newline that echo adds; ``--from-file -`` does not."""
    done = local("config", "v", "--from-file", "-", "--dry-run=client", "-o", "json", stdin=b"a" + stdin)
    assert b64decode(json.loads(done.out)["data"]["value"]) == b"a" + stdin


def test_missing_cluster_and_missing_file(local: Callable[..., Done], tmp_path: Path) -> None:
    done = local("variable", "v", "--value", "-", stdin=SECRET.encode())
    assert done.status == 2
    assert "no Kubernetes API is configured" in done.err
    done = local("variable", "v", "--from-file", str(tmp_path / "none"), "--dry-run=client")
    assert done.status == 2
    assert f"{tmp_path / 'none'} cannot be read" in done.err
