"""Error reports contain no values, wherever a command or the page raises an exception."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets.cli.main import main, make_parser
from airflow_kubernetes_secrets.process import restart
from airflow_kubernetes_secrets.ui.snapshot_cache import take_snapshot
from support.commands import SECRET, Commands
from support.errors import AtEveryLine, leaks
from support.secrets import CONNECTION, Put
from support.servers import on_the_devserver
from support.standard_input import on_standard_input

pytestmark = [
    on_the_devserver,
    # If the exception comes before an object has an owner, the garbage collector closes the object and warns about it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

URI = f"postgres://u:{SECRET}-password@db.example.com:5432/app"
FIELDS = {"username": "u", "password": f"{SECRET}-password", "host": "db", "extra": json.dumps({"a": f"{SECRET}-a"})}
MANIFESTS = [
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {CONNECTION: name}},
        "stringData": data,
    }
    for name, data in {"a": {"value": URI}, "b": FIELDS, "c": {"value": f"{SECRET}-no-uri"}}.items()
]

COMMANDS = {
    "list": ["list"],
    "explain": ["explain", "connection", "b"],
    "doctor": ["doctor"],
    "put": ["put", "connection", "new", "--uri", "-"],
    "check": ["check", "FOLDER/manifests.yaml"],
    "export": ["export", "--from", "env", "--output-dir", "FOLDER/out", "--force"],
}


def ours(file: str) -> bool:
    """Return whether a file is part of this package, or of the modules that it parses values with."""
    return any(part in file for part in ("/airflow_kubernetes_secrets/", "/json/", "/ssl.py", "/base64.py", "/urllib/"))


@pytest.fixture
def hidden(commands: Commands, put: Put) -> set[str]:
    """Return the values that must stay hidden. They are in Secrets, in the token, and in Airflow's environment."""
    put.connection("a", URI)
    put({CONNECTION: "b"}, data=FIELDS)
    put.connection("c", f"{SECRET}-no-uri")
    commands.set("AIRFLOW_CONN_D", URI)
    values = [URI, f"{SECRET}-no-uri", *FIELDS.values()]
    return {SECRET, commands.account.token, *(b64encode(each.encode()).decode() for each in values if len(each) > 5)}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_error_in_a_command_contains_no_values(
    arguments: list[str],
    commands: Commands,
    hidden: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "manifests.yaml").write_text(yaml.safe_dump_all(MANIFESTS))

    def begin() -> None:
        restart()
        on_standard_input(monkeypatch, URI)

    def run() -> None:
        main([each.replace("FOLDER", str(tmp_path)) for each in (*arguments, "--debug")])

    work = AtEveryLine(run, begin, here=ours, step=7)
    assert found_in(work.raised, hidden) == {}


def test_error_before_a_command_contains_no_values(hidden: set[str]) -> None:
    """The parser of the arguments is the same for all commands. To make it takes longer than some of them."""
    work = AtEveryLine(
        lambda: main(["explain", "connection", "x", "--debug"]),
        make_parser.cache_clear,
        here=lambda file: file == make_parser.__wrapped__.__code__.co_filename,
    )
    assert found_in(work.raised, hidden) == {}


def test_error_in_the_page_contains_no_values(commands: Commands, hidden: set[str]) -> None:
    work = AtEveryLine(take_snapshot, restart, here=ours, step=7)
    assert found_in(work.raised, hidden) == {}


def found_in(raised: Callable[[], Iterable[tuple[str, BaseException]]], hidden: set[str]) -> dict[str, list[str]]:
    errors = list(raised())
    assert len(errors) > 20
    return {line: shown for line, error in errors if (shown := leaks(error, hidden))}
