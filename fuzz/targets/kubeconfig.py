"""``kubernetes/kubeconfig.py``: a kubeconfig file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import yaml
from kubernetes.config import kube_config

from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes.kubeconfig import KubeconfigCredentials
from fuzz.target import Target
from fuzz.trial import Trial

loader: Any = kube_config  # the official client has no types

# The fields with values that must never be shown.
_SECRET = ("token", "password", "client-key-data", "client-certificate-data", "certificate-authority-data")


def _run(trial: Trial, data: bytes) -> None:
    trial.allow(*_names(data))
    with TemporaryDirectory() as folder:
        path = Path(folder, "config")
        path.write_bytes(data)
        # Loading the system's CAs would take ten times as long as everything else.
        with patch.dict(os.environ, SSL_CERT_FILE="", SSL_CERT_DIR=""):
            trial.attempt(NotConfiguredError, _use, trial, path)
    loader._cleanup_temp_files()  # otherwise it keeps them until the process ends


def _use(trial: Trial, path: Path) -> None:
    credentials = KubeconfigCredentials(str(path), None)
    trial.say(repr(credentials), credentials.source, str(credentials.endpoint))
    credentials.tls()
    authorization = credentials.authorization()
    trial.claim(authorization is None or isinstance(authorization, str), "the credential is a string")
    namespace: object = credentials.namespace()
    # The caller checks whether the string is a valid namespace name.
    trial.claim(isinstance(namespace, str), "the namespace is a string")


def _names(data: bytes) -> Iterator[str]:
    """Yield all strings except the secret ones: the loader's errors name users, clusters, contexts and files."""
    try:
        documents = [yaml.safe_load(data)]
    except Exception:
        return
    while documents:
        found = documents.pop()
        if isinstance(found, dict):
            yield from map(str, found)
            documents += (value for name, value in found.items() if name not in _SECRET)
        elif isinstance(found, list):
            documents += found
        else:
            yield str(found)


TARGET = Target(
    _run,
    tokens=(
        *("apiVersion: v1\nkind: Config\n", "current-context: a\n", "clusters:\n- name: a\n  cluster:\n"),
        *("users:\n- name: a\n  user:\n", "contexts:\n- name: a\n  context: {cluster: a, user: a}\n", "    token: "),
        *(
            "    server: https://localhost:6443\n",
            "namespace: ",
            "tokenFile: ",
            "exec:",
            "auth-provider:",
            "proxy-url: ",
        ),
        *("insecure-skip-tls-verify: true\n", "tls-server-name: ", "client-key-data: ", "client-certificate-data: "),
        *("certificate-authority-data: ", "certificate-authority: ", "username: ", "password: ", "null", "[]", "{}"),
    ),
)
