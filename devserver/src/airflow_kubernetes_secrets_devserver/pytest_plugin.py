"""The pytest fixture ``kubernetes_devserver``, available in every project that has the package installed.

pytest loads this module in every run, so it imports nothing but pytest until the fixture is used.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from airflow_kubernetes_secrets_devserver import DevServer

# Airflow 3 prefers this option to [secrets] backend in tasks. An empty value means that it is not set.
_OF_WORKERS = "AIRFLOW__WORKERS__SECRETS_BACKEND"
# Airflow 3.2 and later add the variables with this prefix to the backend_kwargs.
_MORE_KWARGS = "AIRFLOW__SECRETS__BACKEND_KWARG__"


class _Servers:
    """The devserver of the session, which starts when it is first used. If a test has stopped it, another starts."""

    def __init__(self) -> None:
        self._server: DevServer | None = None

    def running(self) -> DevServer:
        """Return the server. The test fails if a requirement is not installed."""
        if self._server is None or not self._server.running:
            try:
                from airflow_kubernetes_secrets_devserver import DevServer
            except ModuleNotFoundError as error:
                pytest.fail(
                    f"{error.name} is missing: pip install 'airflow-kubernetes-secrets[devserver]'", pytrace=False
                )
            self.stop()
            self._server = DevServer()
            self._server.start()
        return self._server

    def stop(self) -> None:
        """Stop the server, if there is one."""
        if self._server is not None:
            self._server.stop()


@pytest.fixture(scope="session")
def _kubernetes_devservers() -> Iterator[_Servers]:
    servers = _Servers()
    try:
        yield servers
    finally:
        servers.stop()


@pytest.fixture(scope="session")
def kubernetes_devserver_session(_kubernetes_devservers: _Servers) -> Iterator[DevServer]:
    """Return the devserver of the session, for fixtures of a session, package, module or class.

    Airflow reads its secrets from it until the end of the session. Nothing removes the Secrets that are created in it.
    """
    server = _kubernetes_devservers.running()
    with _airflow_reads_from(server):
        yield server


@pytest.fixture
def kubernetes_devserver(_kubernetes_devservers: _Servers) -> Iterator[DevServer]:
    """Return a running devserver, from which Airflow reads its secrets during the test.

    One server runs for the whole session; with pytest-xdist, one for each worker. Each test starts without Secrets,
    except those that fixtures of a wider scope have created. At the end of the test, every change is undone, and
    Airflow gets back the secrets backends that it had.
    """
    server = _kubernetes_devservers.running()
    with server.restored(), _airflow_reads_from(server):
        yield server


@contextlib.contextmanager
def _airflow_reads_from(server: DevServer) -> Iterator[None]:
    """Configure Airflow in this process to read from the server, whether Airflow is already imported or not."""
    variables = {**server.environment(), _OF_WORKERS: ""}
    backends = _loaded_backends()
    before = None if backends is None else list(backends)
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith(_MORE_KWARGS)]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        _forget()
        yield
    _forget(before)


def _forget(backends: list[Any] | None = None) -> None:
    """Drop what the backend and Airflow remember in this process.

    Args:
        backends: the secrets backends that Airflow uses from now on; None to build them from its configuration.
    """
    from airflow_kubernetes_secrets.process import restart

    restart()
    # Airflow itself is not imported here: what is not loaded remembers nothing.
    loaded = _loaded_backends()
    if loaded is not None:
        # Other modules of Airflow have imported this list, so the list itself is changed.
        loaded[:] = sys.modules["airflow.configuration"].initialize_secrets_backends() if backends is None else backends
    # The Task SDK of Airflow 3.3 has its own backends, and builds them when they are needed.
    clear = getattr(sys.modules.get("airflow.sdk.configuration"), "clear_secrets_backends_cache", None)
    if clear is not None:
        clear()


def _loaded_backends() -> list[Any] | None:
    """Return Airflow's list of secrets backends; ``None`` if Airflow has not read its configuration yet."""
    return getattr(sys.modules.get("airflow.configuration"), "secrets_backend_list", None)
