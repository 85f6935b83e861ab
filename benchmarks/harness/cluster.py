"""A real API server with one namespace that grows, and its CPU time and requests as seen from outside."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import httpx
import psutil

from harness.filling import fill, foreign, secret_manifest
from support.kube_apiserver import HOW_TO_GET_IT, KubeApiserver, assets, bearer, trust

NAMESPACE = "bench"
_TOKEN_SECONDS = 4 * 3600
_SETTLING_SECONDS = 5.0
_IDLE_SECONDS = 10.0
_DOWN_SECONDS = 0.5
_SECRETS_LISTED = re.compile(r'^apiserver_request_total\{.*resource="secrets".*verb="LIST".*\} (\S+)$', re.MULTILINE)


class Cluster:
    """The API server, and a namespace with ``app-db`` (the connection ``my_db``) and any number of other Secrets.

    Attributes:
        admin: a client with all permissions.
        secrets: the number of other Secrets.
        idle_cpu: the share of one core that the API server uses without requests.
    """

    def __init__(self, server: KubeApiserver, directory: Path) -> None:
        self._server = server
        self._process = _api_server_process()
        self.admin = httpx.Client(
            base_url=server.url, headers=bearer(server.admin_token), verify=trust(server.ca_file), timeout=60
        )
        self.secrets = 0
        self.idle_cpu = 0.0
        self._directory = directory
        self._prepare(directory)

    @property
    def version(self) -> str:
        version: str = self.admin.get("/version").raise_for_status().json()["gitVersion"]
        return version.removeprefix("v")

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables with which a probe runs as in a pod."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "KUBE", "PYTHON"))
        }
        return {
            **clean,
            "BENCH_SERVICE_ACCOUNT": str(self._directory),
            "BENCH_API_SERVER_PID": str(self._process.pid),
            "BENCH_API_SERVER_IDLE_CPU": str(self.idle_cpu),
            "KUBERNETES_SERVICE_HOST": self._server.host,
            "KUBERNETES_SERVICE_PORT": str(self._server.port),
            "AIRFLOW_HOME": str(self._directory / "airflow"),
            "TMPDIR": str(self._directory / "tmp"),
        }

    def grow(self, secrets: int) -> None:
        """Create other Secrets up to this number, then :meth:`settle`."""
        fill(self._server, NAMESPACE, range(self.secrets, secrets))
        self.secrets = secrets
        self.settle()

    def settle(self) -> None:
        """Wait until the API server is idle, and measure its CPU usage then."""
        time.sleep(_SETTLING_SECONDS)
        before = self.cpu_seconds()
        time.sleep(_IDLE_SECONDS)
        self.idle_cpu = (self.cpu_seconds() - before) / _IDLE_SECONDS

    def crowd(self, secrets: int) -> None:
        """Add ``secrets`` Secrets that are not for Airflow."""
        fill(self._server, NAMESPACE, range(secrets), foreign)

    def restart(self) -> None:
        """Kill the API server as a crash would, start it half a second later, and wait until it is ready."""
        self._server.kill_apiserver()
        time.sleep(_DOWN_SECONDS)
        self._server.start_apiserver()
        self._process = _api_server_process()

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the API server, user and system, since its start. Exact to 10 ms."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def client(self) -> httpx.Client:
        """Return a client of Airflow's service account. The caller closes it."""
        token = (self._directory / "token").read_text()
        return httpx.Client(
            base_url=self._server.url, headers=bearer(token), verify=trust(self._server.ca_file), timeout=10
        )

    def add_namespace(self, name: str, secret: dict[str, Any]) -> None:
        """Create a namespace with one Secret, which the same service account may read."""
        self._post("/api/v1/namespaces", {"metadata": {"name": name}})
        self._post(f"/api/v1/namespaces/{name}/secrets", secret)
        self._let_read(name)

    def lists(self) -> int:
        """Return how many LISTs of Secrets the API server has counted so far."""
        return sum(int(float(count)) for count in _SECRETS_LISTED.findall(self.admin.get("/metrics").text))

    def close(self) -> None:
        self.admin.close()

    def _prepare(self, directory: Path) -> None:
        self._post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        self._post(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret_manifest("app-db", "my_db", 52))
        accounts = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
        self._post(accounts, {"metadata": {"name": "airflow"}})
        self._let_read(NAMESPACE)
        spec = {"expirationSeconds": _TOKEN_SECONDS}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token = self._post(f"{accounts}/airflow/token", request).json()["status"]["token"]
        (directory / "token").write_text(token)
        (directory / "namespace").write_text(NAMESPACE)
        (directory / "ca.crt").write_bytes(self._server.ca_file.read_bytes())
        (directory / "writer-token").write_text(self._server.admin_token)
        (directory / "tmp").mkdir()

    def _let_read(self, namespace: str) -> None:
        rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
        rule = {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "list", "watch"]}
        self._post(f"{rbac}/roles", {"metadata": {"name": "r"}, "rules": [rule]})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
        subject = {"kind": "ServiceAccount", "name": "airflow", "namespace": NAMESPACE}
        self._post(f"{rbac}/rolebindings", {"metadata": {"name": "r"}, "roleRef": role, "subjects": [subject]})

    def _post(self, path: str, body: object) -> httpx.Response:
        return self.admin.post(path, json=body).raise_for_status()


def _api_server_process() -> psutil.Process:
    return next(child for child in psutil.Process().children() if child.name() == "kube-apiserver")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a cluster. It is removed at the end, with all its files.

    Raises:
        SystemExit: it cannot be started; the message says why.
    """
    folder = assets()
    if folder is None:
        raise SystemExit(f"The benchmark needs a real kube-apiserver: {HOW_TO_GET_IT}")
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        server = KubeApiserver(folder)
        try:
            server.start()
            running = Cluster(server, Path(directory))
            try:
                yield running
            finally:
                running.close()
        except (RuntimeError, OSError, HTTPException, httpx.HTTPError) as error:
            raise SystemExit(f"The API server of the benchmark failed: {type(error).__name__}: {error}") from None
        finally:
            server.stop()
