"""File names, names in a Secret and messages of a server cannot forge log lines or error messages."""

from __future__ import annotations

import io
import json
import logging
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.process import restart
from support.fake_api import FakeApi, always, refusal
from support.hostile import FILE_NAMES, NAMES, assert_harmless, assert_one_message
from support.secrets import CONNECTION

each_name = pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)


class Log:
    """The backend's log as a text file, in which each record begins with ``RECORD``."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(logging.Formatter("RECORD %(levelname)s %(message)s"))
        self.count = 0
        self.handler.addFilter(self._counted)

    def _counted(self, _record: logging.LogRecord) -> bool:
        self.count += 1
        return True

    def records(self) -> list[str]:
        """Return all records so far. Each of them must look like exactly one record."""
        text = self._stream.getvalue()
        if not text:
            return []
        found = [f"RECORD{each}" for each in f"\n{text}".rstrip("\n").split("\nRECORD")[1:]]
        assert len(found) == self.count
        for each in found:
            assert_one_message(each)
        return found


@pytest.fixture
def log() -> Iterator[Log]:
    found, logger = Log(), logging.getLogger("airflow_kubernetes_secrets")
    level = logger.level
    logger.addHandler(found.handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        logger.removeHandler(found.handler)
        logger.setLevel(level)


class TestFolder:
    def test_files_that_cannot_be_read(self, tmp_path: Path, log: Log) -> None:
        folder = tmp_path / "a\u202e##[error]b"
        folder.mkdir()
        for name in FILE_NAMES.values():
            (folder / f"{name}.yaml").write_text("a: [\n")
        assert KubernetesSecretsBackend(path=str(folder)).get_conn_value("x") is None
        # One record for each file, and the miss.
        records = log.records()
        assert len(records) == len(FILE_NAMES) + 1
        assert all("\n" not in record for record in records)

    @pytest.mark.parametrize("name", FILE_NAMES.values(), ids=FILE_NAMES)
    def test_secret_in_two_manifests(self, tmp_path: Path, log: Log, name: str) -> None:
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "labels": {CONNECTION: "x"}}}
        for each in ("plain", name):
            (tmp_path / f"{each}.json").write_text(json.dumps({**manifest, "stringData": {"value": "http://h"}}))
        KubernetesSecretsBackend(path=str(tmp_path)).get_conn_value("x")
        assert len(log.records()) == 1

    @each_name
    def test_ids(self, tmp_path: Path, log: Log, name: str) -> None:
        for kind in ("get_conn_value", "get_variable", "get_config"):
            assert getattr(KubernetesSecretsBackend(path=str(tmp_path)), kind)(name) is None
        assert KubernetesSecretsBackend(path=str(tmp_path)).get_conn_value("x", team_name=name) is None
        assert len(log.records()) == 4

    @pytest.mark.parametrize("name", FILE_NAMES.values(), ids=FILE_NAMES)
    def test_missing_folder(self, tmp_path: Path, log: Log, name: str) -> None:
        try:
            backend = KubernetesSecretsBackend(path=str(tmp_path / name))
        except KubernetesSecretsError as error:
            # An option accepts no control characters.
            assert_harmless(str(error))
            return
        with pytest.raises(KubernetesSecretsError) as raised:
            backend.get_conn_value("x")
        assert_harmless(str(raised.value))
        (record,) = log.records()
        assert "\n" not in record


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with FakeApi(lambda _method, _target: refusal(404, ""), tmp_path / "account") as api:
        for name, value in api.pod_environment().items():
            monkeypatch.setenv(name, value)
        yield api


def backend_of(api: FakeApi, **options: object) -> KubernetesSecretsBackend:
    return KubernetesSecretsBackend(service_account_path=str(api.folder), timeout=3, **options)


def listed(*secrets: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    document = {"kind": "SecretList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": list(secrets)}
    return 200, document


def secret(name: str, identifier: str, value: str | None, **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "airflow",
            "creationTimestamp": None,
            "labels": {CONNECTION: label_value(identifier)},
            "annotations": {CONNECTION: identifier, **annotations},
        },
        "data": {name: ""} if value is None else {"value": b64encode(value.encode()).decode()},
    }


class TestServer:
    @pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 500])
    def test_error_messages_of_the_server(
        self, refusals_confirmed_at_once: None, api: FakeApi, log: Log, code: int
    ) -> None:
        # An error that is retried takes the whole timeout.
        names = list(NAMES.values())[: 2 if code == 500 else None]
        for name in names:
            restart()
            words = f'secrets is forbidden: User "{name}" cannot list resource "secrets": {name}'
            api.answer = always(*refusal(code, words, reason=name))
            with pytest.raises(KubernetesSecretsError) as raised:
                backend_of(api).get_conn_value("x")
            assert_one_message(str(raised.value))
        records = log.records()
        assert len(records) == len(names)
        # Only the commands that grant a permission have their own lines.
        assert {record.count("\n") for record in records} == {2 if code == 403 else 0}

    @each_name
    def test_names_in_the_secrets_of_the_server(self, api: FakeApi, log: Log, name: str) -> None:
        errors: list[str] = []
        for secrets in (
            [secret(name, name, "http://h"), secret(f"{name}b", name, "http://h")],
            [secret(name, name, None)],
            [secret(name, name, "no connection")],
            [secret(name, name, json.dumps({name: "x"}))],
            [secret(name, name, "http://h", **{f"airflow.apache.org/{name}": name})],
            [secret(name, name, None, **{"airflow.apache.org/data-key": name})],
            [secret(name, name, None, **{f"airflow.apache.org/field-{name}": name})],
            [secret(name, name, None, **{"airflow.apache.org/connection-port": name})],
            [secret(name, "another", "http://h")],
        ):
            api.answer = always(*listed(*secrets))
            try:
                backend_of(api).get_connection(name)
            except KubernetesSecretsError as error:
                errors.append(str(error))
        for text in errors:
            assert_harmless(text)
        assert errors
        assert log.records()
        assert all("\n" not in record for record in log.records())

    def test_a_denial(self, api: FakeApi, log: Log) -> None:
        """The message for Airflow, which Airflow logs itself."""
        for name in NAMES.values():
            api.answer = always(*refusal(400, name))
            with pytest.raises(Exception, match="connection 'x'") as raised:
                backend_of(api, on_error="deny").get_conn_value("x")
            assert_harmless(str(raised.value))
        assert len(log.records()) == len(NAMES)

    def test_a_long_message(self, api: FakeApi, log: Log) -> None:
        api.answer = lambda _method, _target: refusal(400, "\x1b" * 100_000)
        with pytest.raises(KubernetesSecretsError, match=r"\[cut off: 100000 characters in all\]$"):
            backend_of(api).get_conn_value("x")
        assert len(log.records()[0]) < 1300
