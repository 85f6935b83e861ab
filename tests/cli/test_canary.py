"""No output shows a part of a value that may be a credential. A made-up word replaces the credentials."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.cli.main import main
from airflow_kubernetes_secrets.ui.snapshot_cache import take_snapshot
from support.connection_secrets import secret_manifest
from support.corpus import corpus

# It looks like a token, like a host name and like the name of a setting, so that no check excludes it.
CANARY = "MADEUPCANARY0123456789"

# Where a credential can be in an address that software calls a URL, a host or an endpoint.
ADDRESSES = {
    "path": f"https://hooks.example.com/services/T0/B0/{CANARY}",
    "path that is a host": f"https://hooks.example.com/{CANARY}.example.com:443",
    "query": f"https://hooks.example.com/send?key=k&token={CANARY}",
    "query without a name": f"https://hooks.example.com/send?{CANARY}",
    "query in base64": f"https://hooks.example.com/send?{CANARY}==",
    "query without a path": f"https://hooks.example.com?{CANARY}",
    "fragment": f"https://hooks.example.com#{CANARY}",
    "login": f"https://{CANARY}@hooks.example.com",
    "password": f"https://user:{CANARY}@hooks.example.com/v1",
    "password with a slash": f"https://user:12/{CANARY}@hooks.example.com",
    "password with a number and a slash": f"https://{CANARY}:12/x@hooks.example.com",
    "percent-encoded": f"https://user%3A{CANARY}%40hooks.example.com/",
    "two addresses": f"https://hooks.example.com,https://u:{CANARY}@hooks.example.com",
    "another scheme": f"amqps://hooks.example.com/{CANARY}",
    "no scheme": f"hooks.example.com/services/{CANARY}",
    "no scheme, a password": f"user:{CANARY}@hooks.example.com",
    "no host": f"/services/{CANARY}",
    "two slashes": f"//hooks.example.com/{CANARY}",
    "a scheme twice": f"https://https://hooks.example.com/{CANARY}",
    "jdbc": f"jdbc:postgresql://hooks.example.com/db?password={CANARY}",
    "a connection string": f"Endpoint=sb://ns.example.com/;SharedAccessKeyName=R;SharedAccessKey={CANARY}=",
    "words": f"Server=db;Password={CANARY}",
    "several lines": f"hooks.example.com\n{CANARY}",
    "JSON": json.dumps({"host": "h", "password": CANARY}),
}

KEYS = ("value", "uri", "url", "host", "address", "endpoint", "server", "type", "engine", "port", "database", "extra")


def of_json(field: str, address: str) -> dict[str, str]:
    return {"value": json.dumps({"conn_type": "http", "host": "h", field: address})}


def formats() -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """Return data and annotations of Secrets. Each contains the canary."""
    found: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
    for file in corpus():
        password = str(file.connection.get("password") or "no password")
        if "://" in password:
            # The webhook's last part is its credential. Its host is shown.
            password = password.rpartition("/")[2]
        data = {key: text.replace(password, CANARY) for key, text in file.data.items() if isinstance(text, str)}
        found[file.name] = data | {"unused": CANARY}, {}
        if file.annotations:
            found[f"{file.name} with annotations"] = data | {"unused": CANARY}, dict(file.annotations)
    for key, (name, address) in itertools.product(KEYS, ADDRESSES.items()):
        found[f"{key} with {name}"] = {key: address, "password": CANARY}, {}
        found[f"{key} alone with {name}"] = {key: address}, {}
    for name, address in ADDRESSES.items():
        for field in ("conn_type", "host", "port", "schema", "login", "extra", "description", "uri", "another"):
            found[f"JSON {field} with {name}"] = of_json(field, address), {}
        found[f"named for the password: {name}"] = (
            {"url": address},
            {"connection-type": "slackwebhook", "field-password": "url"},
        )
        found[f"named for extra: {name}"] = {"host": address}, {"connection-type": "http", "extra-token": "host"}
        found[f"named for the host: {name}"] = {"webhook": address}, {"field-host": "webhook"}
    return found


def names_of(count: int) -> list[str]:
    return [f"secret-{number}" for number in range(count)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a folder with a subfolder for each Secret. Each Secret has its own id."""
    folder = tmp_path_factory.mktemp("canary")
    secrets = formats()
    for name, (data, unprefixed) in zip(names_of(len(secrets)), secrets.values(), strict=True):
        assert CANARY in "".join(data.values())
        (folder / name).mkdir()
        (folder / name / "secret.json").write_text(json.dumps(secret_manifest("airflow", name, data, unprefixed)))
    return folder


@pytest.fixture
def configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Configure Airflow to read the folder. Returns the kind of each Secret by its name."""
    configure(monkeypatch, folder)
    secrets = formats()
    return dict(zip(names_of(len(secrets)), secrets, strict=True))


def configure(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow_kubernetes_secrets.KubernetesSecretsBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"path": str(path), "namespace": "airflow"}))


def leaks(output: str, secrets: Mapping[str, str]) -> list[str]:
    """Return the lines that show the canary, with the kinds of the Secrets that they name."""
    lines = [line for line in output.splitlines() if CANARY.lower() in line.lower()]
    return [f"{[kind for name, kind in secrets.items() if name in line]}: {line[:300]}" for line in lines[:20]]


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--output", "json"),
        ("list", "--problems"),
        ("doctor",),
        ("doctor", "--output", "json"),
        ("check",),
        ("check", "--output", "json"),
        ("check", "--output", "github"),
    ],
    ids=" ".join,
)
def test_commands_about_all_secrets_show_no_credential(
    arguments: tuple[str, ...],
    configured: Mapping[str, str],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    main([*arguments, *([str(folder)] if arguments[0] == "check" else [])])
    captured = capsys.readouterr()
    assert len(captured.out) > 1000
    assert leaks(captured.out + captured.err + caplog.text, configured) == []


@pytest.mark.parametrize("output", ["text", "json"])
def test_explain_shows_no_credential(
    output: str,
    configured: Mapping[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = []
    for name, kind in configured.items():
        configure(monkeypatch, folder / name)
        main(["explain", "connection", name, "--output", output])
        captured = capsys.readouterr()
        assert name in captured.out
        found += leaks(captured.out + captured.err + caplog.text, {name: kind})
        caplog.clear()
    assert found == []


def test_the_page_shows_no_credential(configured: Mapping[str, str]) -> None:
    snapshot = take_snapshot()
    assert len(snapshot.rows) == len(configured)
    output = "\n".join(json.dumps(entry.as_json()) for entry in snapshot.rows)
    assert leaks(output, configured) == []
