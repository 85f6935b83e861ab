"""Writes Secrets and ConfigMaps in the namespace of a measurement, over a connection of its own."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPSConnection
from pathlib import Path
from ssl import VERIFY_X509_STRICT, create_default_context

from probes.served import FOLDER, NAMESPACE

_PATIENCE = 5.0


class Writer:
    """A client that may create and replace objects."""

    def __init__(self) -> None:
        context = create_default_context(cafile=f"{FOLDER}/ca.crt")
        context.verify_flags &= ~VERIFY_X509_STRICT
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], int(os.environ["KUBERNETES_SERVICE_PORT"])
        self._connection = HTTPSConnection(host, port, context=context, timeout=_PATIENCE)
        token = Path(FOLDER, "writer-token").read_text()
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def write(self, name: str, labels: Mapping[str, str], data: Mapping[str, str]) -> None:
        """Create or replace a Secret, and return after the whole response has arrived."""
        self._write("secrets", name, labels, {key: b64encode(value.encode()).decode() for key, value in data.items()})

    def write_config_map(self, name: str, labels: Mapping[str, str], data: Mapping[str, str]) -> None:
        """Create or replace a ConfigMap, and return after the whole response has arrived."""
        self._write("configmaps", name, labels, data)

    def _write(self, plural: str, name: str, labels: Mapping[str, str], data: Mapping[str, str]) -> None:
        body = json.dumps({"metadata": {"name": name, "labels": dict(labels)}, "data": dict(data)})
        path = f"/api/v1/namespaces/{NAMESPACE}/{plural}"
        if self._send("PUT", f"{path}/{name}", body) == 404:
            status = self._send("POST", path, body)
            assert status == 201, status

    def _send(self, method: str, path: str, body: str) -> int:
        self._connection.request(method, path, body, self._headers)
        response = self._connection.getresponse()
        response.read()
        assert response.status in (200, 201, 404), response.status
        return response.status
