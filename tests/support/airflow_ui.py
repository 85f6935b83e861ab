"""Airflow's UI in a real browser, served by a real API server, with users who have different permissions."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import httpx

from support.airflow import ROOT, Airflow
from support.airflow_services import API_SERVER, START_SECONDS, Processes, options
from support.kube_apiserver import NO_TLS
from support.ports import HOST, on_free_ports

PASSWORD = "in-the-browser"

PAGE = "/kubernetes-secrets/"

# The permissions that support/auth_manager.py gives them: `ada` may read everything, `vic` only the configuration,
# `nora` nothing, and `cora` only connections whose id begins with `app`.
USERS = {"ada": "admin", "vic": "viewer", "nora": "viewer", "cora": "op"}


class AirflowUI:
    """The API server with its UI, and the users who may log in.

    Attributes:
        url: its address, without a slash at the end.
    """

    def __init__(self, processes: Processes, url: str) -> None:
        self._processes = processes
        self._tokens: dict[str, str] = {}
        self.url = url

    @property
    def airflow(self) -> Airflow:
        """The Airflow that runs the command line on the same home and database."""
        return self._processes.airflow

    @property
    def log(self) -> str:
        """The log of the API server."""
        return self._processes.log(API_SERVER)

    def session(self, user: str) -> dict[str, str]:
        """Return the cookie of a browser in which this user has logged in. All tests with this server share it."""
        if user not in self._tokens:
            login = {"username": user, "password": PASSWORD}
            answer = httpx.post(f"{self.url}/auth/token", json=login, verify=NO_TLS, timeout=START_SECONDS)
            self._tokens[user] = answer.raise_for_status().json()["access_token"]
        return {"_token": self._tokens[user]}

    def client(self, user: str | None) -> httpx.Client:
        """Return a client that has logged in as this user, as a browser does. None: it has not logged in."""
        cookies = self.session(user) if user is not None else {}
        return httpx.Client(base_url=self.url, cookies=cookies, verify=NO_TLS, timeout=START_SECONDS)

    def add_variable(self, key: str, value: str) -> None:
        """Create a variable in Airflow's database, as the user `ada` does."""
        with self.client("ada") as client:
            client.headers["Authorization"] = f"Bearer {client.cookies['_token']}"
            client.post("/api/v2/variables", json={"key": key, "value": value}).raise_for_status()


@contextmanager
def running_ui(airflow: Airflow, path: str = "", users: Mapping[str, str] = USERS) -> Iterator[AirflowUI]:
    """Run the API server, and end all of its processes at the end.

    Args:
        path: the path below which Airflow is served, as behind a proxy.
        users: roles by user name; a colon separates the name from the team.

    Raises:
        RuntimeError: it does not respond within START_SECONDS.
    """
    airflow.home.mkdir(parents=True, exist_ok=True)
    passwords = airflow.home / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(users, PASSWORD)))
    airflow = airflow.with_variables(
        AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_hex(32),
        PYTHONPATH=str(ROOT / "tests"),
        AIRFLOW__CORE__AUTH_MANAGER="support.auth_manager.NamedUsers",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="False",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=",".join(f"{name}:{role}" for name, role in users.items()),
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=str(passwords),
    )
    airflow.migrate()
    processes = Processes(airflow, {})

    def start(port: int) -> str:
        # End the processes of an earlier attempt, which had another port.
        processes.stop()
        url = f"http://{HOST}:{port}{path}"
        processes.airflow = airflow.with_variables(AIRFLOW__API__BASE_URL=f"{url}/")
        # The API for tasks would cost another quarter of the start.
        processes.spawn(API_SERVER, *options(API_SERVER, port), "--apps", "core")
        processes.until("the API server answers", lambda: _answers(url), START_SECONDS)
        return url

    try:
        yield AirflowUI(processes, on_free_ports(1, start))
    finally:
        processes.stop()


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/api/v2/version", verify=NO_TLS).is_success
    return False
