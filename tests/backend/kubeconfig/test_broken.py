"""Unusable kubeconfig files: errors name the problem and quote no values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import (
    NotConfiguredError,
    UnauthorizedError,
)
from support.errors import everything_about


@pytest.mark.parametrize("content", ["token: hunter2: {", "token: *hunter2", "token: !hunter2 x"])
def test_a_file_that_is_not_yaml_is_not_quoted(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str) -> None:
    (tmp_path / "broken").write_text(content)

    with pytest.raises(NotConfiguredError, match="broken cannot be read") as raised:
        KubernetesSecretsBackend(kubeconfig=f"{tmp_path}/broken").get_variable("x")

    assert "hunter2" not in everything_about(raised.value)
    assert "hunter2" not in caplog.text


BROKEN: dict[str, Callable[[dict[str, Any]], None]] = {
    "an invalid CA": lambda config: config["clusters"][0].update(
        cluster={"server": "https://127.0.0.1:1", "certificate-authority-data": "aHVudGVyMg=="}
    ),
    "an invalid client certificate": lambda config: config["users"][0].update(
        user={"client-certificate-data": "aHVudGVyMg==", "client-key-data": "aHVudGVyMg=="}
    ),
    "an invalid port": lambda config: config["clusters"][0]["cluster"].update(server="https://hunter2:abc"),
    "an invalid server": lambda config: config["clusters"][0]["cluster"].update(server="//"),
    "no such user": lambda config: config.update(users=[]),
    "a password without a user": lambda config: config["users"][0].update(
        user={"username": None, "password": "hunter2"}
    ),
    "a key without a certificate": lambda config: config["users"][0].update(
        user={"client-certificate-data": None, "client-key-data": "hunter2"}
    ),
    "a plugin without a version": lambda config: config["users"][0].update(
        user={"exec": {"apiVersion": None, "command": "true", "env": [{"name": "PASSWORD", "value": "hunter2"}]}}
    ),
    "a user without a name": lambda config: config["users"].insert(0, {"user": {"token": "hunter2"}}),
    "users that are not a list": lambda config: config.update(users={"token": "hunter2"}),
    "a provider without its configuration": lambda config: config["users"][0].update(
        user={"auth-provider": {"name": "oidc", "config": {"id-token": None, "refresh-token": "hunter2"}}}
    ),
    "a provider whose program fails": lambda config: config["users"][0].update(
        user={
            "auth-provider": {
                "name": "gcp",
                "config": {"cmd-path": "sh", "cmd-args": "-c echo${IFS}hunter2>&2;exit${IFS}1"},
            }
        }
    ),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_invalid_contents_are_not_quoted(
    edited: Callable[..., Path], change: Callable[[dict[str, Any]], None], caplog: pytest.LogCaptureFixture
) -> None:
    broken = edited(change)

    with pytest.raises((NotConfiguredError, UnauthorizedError)) as raised:
        KubernetesSecretsBackend(kubeconfig=str(broken)).get_variable("x")

    assert f"the kubeconfig {broken}" in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is raised.value.__context__ is None
    assert "hunter2" not in caplog.text


def test_a_provider_whose_program_fails_later_is_not_quoted(
    edited: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its first token has expired when it is used, and its program does not run a second time."""
    program, ran = tmp_path / "program", tmp_path / "ran"
    token = '{"credential": {"access_token": "hunter2", "token_expiry": "2020-01-01T00:00:00Z"}}'
    program.write_text(f"#!/bin/sh\n[ -e {ran} ] && echo hunter2 >&2 && exit 1\ntouch {ran}\necho '{token}'\n")
    program.chmod(0o755)
    provider = {"name": "gcp", "config": {"cmd-path": str(program)}}
    broken = edited(lambda config: config["users"][0].update(user={"auth-provider": provider}))

    with pytest.raises(NotConfiguredError, match=r"cannot be used: cmd-path: process returned 1$") as raised:
        KubernetesSecretsBackend(kubeconfig=str(broken)).get_variable("x")

    assert ran.exists()
    assert f"the kubeconfig {broken}" in str(raised.value)
    assert "hunter2" not in everything_about(raised.value)
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("cluster", "tls-server-name", 5),
        ("user", "token", 123456),
        ("user", "token", ["hunter2"]),
        ("user", "tokenFile", 5),
        ("user", "username", True),
        ("user", "password", {"hunter2": None}),
    ],
)
def test_field_that_is_not_a_string(edited: Callable[..., Path], part: str, name: str, value: object) -> None:
    """YAML reads a token of digits as a number. Its first zeros would be lost."""
    broken = edited(lambda config: config[f"{part}s"][0][part].update({name: value}))

    with pytest.raises(NotConfiguredError, match=rf"its {name} is not a string\. Put it in quotation marks") as raised:
        KubernetesSecretsBackend(kubeconfig=str(broken)).get_variable("x")

    assert f"the kubeconfig {broken}" in str(raised.value)
    assert "hunter2" not in everything_about(raised.value)


def test_name_of_a_missing_token_file_is_not_quoted(edited: Callable[..., Path]) -> None:
    """The error does not quote the name, which can be a token in the wrong field."""
    broken = edited(lambda config: config["users"][0].update(user={"tokenFile": "hunter2"}))

    with pytest.raises(NotConfiguredError, match="its tokenFile cannot be read: No such file") as raised:
        KubernetesSecretsBackend(kubeconfig=str(broken)).get_variable("x")

    assert "hunter2" not in everything_about(raised.value)


def test_contents_in_place_of_a_path_are_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "apiVersion: v1\nusers:\n- user:\n    token: hunter2")

    with pytest.raises(NotConfiguredError, match="must be the path of a file") as raised:
        KubernetesSecretsBackend().get_variable("x")

    assert "hunter2" not in str(raised.value)


def test_encrypted_client_key_does_not_prompt_for_a_pass_phrase(edited: Callable[..., Path], tmp_path: Path) -> None:
    """OpenSSL would wait for a pass phrase at the terminal."""
    authority = trustme.CA()
    leaf = authority.issue_cert("airflow.example.com")
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    (tmp_path / "key").write_bytes(encrypted)
    leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate"))

    def use(config: dict[str, Any]) -> None:
        config["users"][0]["user"] = {
            "client-certificate": str(tmp_path / "certificate"),
            "client-key": str(tmp_path / "key"),
        }

    with pytest.raises(NotConfiguredError, match="its client key is encrypted"):
        KubernetesSecretsBackend(kubeconfig=str(edited(use))).get_variable("x")


def test_failing_exec_plugin_grants_no_permission_to_anonymous_users(
    edited: Callable[..., Path], tmp_path: Path
) -> None:
    """The loader continues without credentials, and the API server treats the request as anonymous."""

    def use_plugin(config: dict[str, Any]) -> None:
        command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
        config["users"][0]["user"] = {"exec": command}

    with pytest.raises(UnauthorizedError, match=r"exec plugin|does not accept") as raised:
        KubernetesSecretsBackend(kubeconfig=str(edited(use_plugin))).get_variable("x")

    assert "kubectl" not in str(raised.value)
