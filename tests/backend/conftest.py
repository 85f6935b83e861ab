"""A backend that looks into a namespace of its own, on either server."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.api import refusals
from airflow_kubernetes_secrets.process import start_anew
from airflow_kubernetes_secrets.sources import ladder, outage
from support.cluster import Cluster, ServiceAccount
from support.memory import AT_ONCE, Asker, MakeAsker, StartProgram
from support.places import ServerPlace
from support.proxy import Proxy
from support.secrets import MakeBackend, Put


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked ``however_fresh`` in each way to answer a lookup, or in those that the mark names."""
    marker = metafunc.definition.get_closest_marker("however_fresh")
    if marker is not None and "freshness" in metafunc.fixturenames:
        metafunc.parametrize("freshness", marker.args or ["asked", "indexed", "watched"], indirect=True)


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Each test begins as a new process does: nothing connected, nothing logged."""
    start_anew()
    yield
    start_anew()


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> ServiceAccount:
    """A service account that may list and watch Secrets in its namespace, and nothing else."""
    return cluster.service_account(namespace, "airflow", {namespace: ["list", "watch"]})


@pytest.fixture
def put(cluster: Cluster, namespace: str) -> Put:
    """Creates Secrets in the namespace."""
    return Put(cluster, namespace)


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    """A proxy in front of the server."""
    with Proxy(cluster) as running:
        yield running


@pytest.fixture
def in_pod(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process sees the server as a pod would."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def freshness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The options of a test's backends, which answer from memory from the first lookup on, where that is asked for."""
    mode = getattr(request, "param", "asked")
    if mode == "asked":
        return {}
    thresholds = ladder.Thresholds(asked_first=0, indexes_first=0 if mode == "watched" else 1)
    monkeypatch.setattr(ladder, "THRESHOLDS", thresholds)
    return {"cache_ttl": 60}


@pytest.fixture
def make_backend(account: ServiceAccount, in_pod: None, freshness: dict[str, object]) -> MakeBackend:
    """Builds backends that reach the server as the account's pod would."""

    def make(**kwargs: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"service_account_path": str(account.folder), **freshness, **kwargs})

    return make


@pytest.fixture
def backend(make_backend: MakeBackend) -> KubernetesSecretsBackend:
    """A backend with nothing but defaults."""
    return make_backend()


@pytest.fixture
def proxied(
    proxy: Proxy,
    account: ServiceAccount,
    in_pod: None,
    freshness: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> MakeBackend:
    """Builds backends that go through the proxy."""
    for name, value in proxy.pod_environment().items():
        monkeypatch.setenv(name, value)
    folder = proxy.folder(account)

    def make(**kwargs: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"service_account_path": str(folder), **freshness, **kwargs})

    return make


@pytest.fixture
def place(cluster: Cluster, proxy: Proxy, in_pod: None, monkeypatch: pytest.MonkeyPatch) -> ServerPlace:
    """A server to which a test gives Secrets, and that it may get them from by name too."""
    for name, value in proxy.pod_environment().items():
        monkeypatch.setenv(name, value)
    return ServerPlace(cluster, proxy)


@pytest.fixture
def watched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From its first lookup on a process has an index that is watched."""
    monkeypatch.setattr(ladder, "THRESHOLDS", AT_ONCE)


@pytest.fixture
def refusals_confirmed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal over a new connection counts with the next one."""
    monkeypatch.setattr(refusals, "CONFIRMED_AFTER_SECONDS", 0.0)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the probes of an outage there is a moment instead of seconds, for tests that wait for several."""
    monkeypatch.setattr(outage, "_PAUSE_SECONDS", (0.5, 1.0))


@pytest.fixture
def make_asker(proxy: Proxy, account: ServiceAccount, put: Put) -> Iterator[MakeAsker]:
    """Makes askers that go through the proxy, and are closed at the end."""
    with ExitStack() as stack:

        def make(**options: object) -> Asker:
            asker = Asker(proxy, account, put.namespace, **options)  # type: ignore[arg-type]  # mypy cannot know the options
            stack.callback(asker.close)
            return asker

        yield make


@pytest.fixture
def program(in_pod: None, tmp_path: Path) -> Iterator[StartProgram]:
    """Starts Python programs in the pod, with an Airflow that has nothing yet. None outlives the test."""
    with ExitStack() as stack:

        def start(text: str, *arguments: object, **variables: str) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)],
                    env={**os.environ, **variables, "AIRFLOW_HOME": str(tmp_path)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        yield start
