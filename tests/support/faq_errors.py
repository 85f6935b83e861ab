"""Scenes that cause the errors which ``docs/reference/faq.md`` explains."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from support.airflow import BACKEND, Airflow
from support.cluster import Cluster
from support.logs import log_messages
from support.secrets import CONNECTION, Put

ID = "my_db"

GET = """
from airflow.sdk import BaseHook
try:
    BaseHook.get_connection("nowhere")
except Exception as error:
    print(error)
"""


@dataclass(frozen=True)
class FaqScene:
    """The environment of a scene: an API server, an empty namespace, and a folder."""

    cluster: Cluster
    namespace: str
    folder: Path
    patch: pytest.MonkeyPatch
    caplog: pytest.LogCaptureFixture

    @property
    def put(self) -> Put:
        """Creates Secrets in the namespace."""
        return Put(self.cluster, self.namespace)

    def kwargs(self, *verbs: str, **more: object) -> dict[str, object]:
        """Return the ``backend_kwargs`` of a pod whose account has these verbs in the namespace."""
        self.in_pod(self.cluster.pod_environment())
        account = self.cluster.service_account(self.namespace, "airflow-worker", {self.namespace: verbs})
        return {"service_account_path": str(account.folder), **more}

    def in_pod(self, variables: Mapping[str, str]) -> None:
        """Set the variables of a pod in this process."""
        self.patch.delenv("KUBECONFIG", raising=False)
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def error(self, **kwargs: Any) -> str:
        """Return the error of a lookup."""
        with pytest.raises(KubernetesSecretsError) as raised:
            KubernetesSecretsBackend(**kwargs).get_connection(ID)
        return str(raised.value)

    def of(self, texts: dict[str, Any], annotations: dict[str, str] | None = None, **more: Any) -> str:
        """Return the error or the log messages of a lookup of this connection's Secret."""
        self.write({CONNECTION: ID}, texts, annotations, **more)
        return self.look(lambda backend: backend.get_connection(ID))

    def write(
        self, labels: dict[str, str], texts: dict[str, Any], annotations: dict[str, str] | None = None, **more: Any
    ) -> None:
        """Write a Secret into the folder."""
        metadata = {"name": "my-db", "labels": labels, "annotations": annotations or {}}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": texts, **more}
        (self.folder / f"{len(list(self.folder.iterdir()))}.yaml").write_text(yaml.safe_dump(manifest))

    def look(self, ask: Callable[[KubernetesSecretsBackend], object]) -> str:
        """Return the error of a lookup in the folder, or what it has logged."""
        try:
            ask(KubernetesSecretsBackend(path=str(self.folder)))
        except KubernetesSecretsError as error:
            return str(error)
        return "\n".join(log_messages(self.caplog))

    def airflow(self, *arguments: str, **variables: str) -> str:
        """Return the output of a real Airflow."""
        kwargs = json.dumps({"path": str(self.folder)})
        given = {"AIRFLOW__SECRETS__BACKEND": BACKEND, "AIRFLOW__SECRETS__BACKEND_KWARGS": kwargs, **variables}
        airflow = Airflow("3.3", self.folder / "home", given)
        airflow.migrate()
        done = airflow.run(*arguments) if arguments else airflow.python(GET)
        return done.stdout + done.stderr


# Causes an error, and returns its text.
CauseError = Callable[[FaqScene], str]
# By the heading of the section.
SCENES: dict[str, CauseError] = {}


def happens(heading: str) -> Callable[[CauseError], CauseError]:
    """Register the function that causes the error of a section, and returns its text."""

    def register(cause: CauseError) -> CauseError:
        assert heading not in SCENES
        SCENES[heading] = cause
        return cause

    return register
