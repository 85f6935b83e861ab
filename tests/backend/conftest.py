"""A backend that reads its own namespace, on either API server."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes import file_stamps
from airflow_kubernetes_secrets.sources import cache_policy, outage
from support.cluster import Cluster, ServiceAccount
from support.manifest_sources import DirectSource, FolderSource, ManifestSource, ObservedSource, ServerSource
from support.memory import AT_ONCE, MakeLookups, StartProgram, VariableLookups
from support.piped_program import PipedProgram
from support.proxy import Proxy
from support.secrets import MakeBackend, Put


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests marked ``however_fresh`` with each way to answer a lookup, or with those that the mark lists."""
    marker = metafunc.definition.get_closest_marker("however_fresh")
    if marker is not None and "freshness" in metafunc.fixturenames:
        metafunc.parametrize("freshness", marker.args or ["queried", "indexed", "watched"], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run no test of a folder as "watched", which differs from "indexed" only in code for API servers."""
    items[:] = [each for each in items if not _repeats_a_folder(each)]


def _repeats_a_folder(item: pytest.Item) -> bool:
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return parameters.get("freshness") == "watched" and "folder" in parameters.values()


@pytest.fixture
def settle(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that waits until files have been unchanged for so long that they are not read again."""
    monkeypatch.setattr(file_stamps, "_SETTLED_AFTER_SECONDS", 0.3)
    return lambda: time.sleep(0.4)


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> ServiceAccount:
    """Create a service account that may only list and watch Secrets in its namespace."""
    return cluster.service_account(namespace, "airflow", {namespace: ["list", "watch"]})


@pytest.fixture
def put(cluster: Cluster, namespace: str) -> Put:
    """Return a function that creates Secrets in the namespace."""
    return Put(cluster, namespace)


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    """Run a proxy in front of the API server."""
    with Proxy(cluster) as running:
        yield running


@pytest.fixture
def freshness(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return the options of a test's backends. "indexed" and "watched" make them use memory from the first lookup."""
    mode = getattr(request, "param", "queried")
    if mode == "queried":
        return {}
    thresholds = cache_policy.Thresholds(queries_first=0, indexes_first=0 if mode == "watched" else 1)
    monkeypatch.setattr(cache_policy, "THRESHOLDS", thresholds)
    return {"cache_ttl": 60}


@pytest.fixture
def make_backend(account: ServiceAccount, in_pod: None, freshness: dict[str, object]) -> MakeBackend:
    """Return a function that builds backends which reach the API server as the account's pod would."""

    def make(**kwargs: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"service_account_path": str(account.folder), **freshness, **kwargs})

    return make


@pytest.fixture
def backend(make_backend: MakeBackend) -> KubernetesSecretsBackend:
    """Return a backend with default options."""
    return make_backend()


@pytest.fixture
def proxied(
    proxy: Proxy,
    account: ServiceAccount,
    in_pod: None,
    freshness: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> MakeBackend:
    """Return a function that builds backends which go through the proxy."""
    for name, value in proxy.pod_environment().items():
        monkeypatch.setenv(name, value)
    folder = proxy.folder(account)

    def make(**kwargs: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"service_account_path": str(folder), **freshness, **kwargs})

    return make


@pytest.fixture
def source(cluster: Cluster, proxy: Proxy, in_pod: None, monkeypatch: pytest.MonkeyPatch) -> ServerSource:
    """Return an API server behind a proxy, to which a test adds Secrets. Its backends may also get Secrets by name."""
    for name, value in proxy.pod_environment().items():
        monkeypatch.setenv(name, value)
    return ServerSource(cluster, proxy)


@pytest.fixture
def make_source(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ManifestSource]:
    """Return a function that makes a source of Secrets: an API server, or a folder of manifests."""

    def make(name: str) -> ManifestSource:
        if name == "folder":
            return new_folder(tmp_path)
        cluster = cluster_of(request, name)
        reach(cluster, monkeypatch)
        return DirectSource(cluster)

    return make


@pytest.fixture
def make_observed_source(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], ObservedSource]]:
    """Return a function that makes a source of Secrets: an API server behind a proxy, or a folder of manifests."""
    with ExitStack() as stack:

        def make(name: str) -> ObservedSource:
            if name == "folder":
                return new_folder(tmp_path)
            cluster = cluster_of(request, name)
            proxy = stack.enter_context(Proxy(cluster))
            reach(proxy, monkeypatch)
            return ServerSource(cluster, proxy)

        yield make


def new_folder(tmp_path: Path) -> FolderSource:
    """Return a new folder of manifests."""
    (tmp_path / "manifests").mkdir()
    return FolderSource(tmp_path / "manifests")


def cluster_of(request: pytest.FixtureRequest, name: str) -> Cluster:
    """Return the API server with this name."""
    found: Cluster = request.getfixturevalue(f"{name.replace('-', '_')}_cluster")
    return found


def reach(server: Cluster | Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables by which a pod finds this server."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for name, value in server.pod_environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["devserver", "kube-apiserver", "folder"])
def any_source(request: pytest.FixtureRequest, make_source: Callable[[str], ManifestSource]) -> ManifestSource:
    """Return each API server, and a folder of manifests, to which a test adds Secrets."""
    return make_source(request.param)


@pytest.fixture(params=["devserver", "kube-apiserver", "folder"])
def observed_source(
    request: pytest.FixtureRequest, make_observed_source: Callable[[str], ObservedSource]
) -> ObservedSource:
    """Return each API server behind a proxy, and a folder of manifests, for tests that count requests."""
    return make_observed_source(request.param)


@pytest.fixture
def watched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a process start an index with a watch at its first lookup."""
    monkeypatch.setattr(cache_policy, "THRESHOLDS", AT_ONCE)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between the probes of an outage to at most 1 s, for tests that wait for several probes."""
    monkeypatch.setattr(outage, "_PAUSE_SECONDS", (0.5, 1.0))


@pytest.fixture
def make_lookups(proxy: Proxy, account: ServiceAccount, put: Put) -> Iterator[MakeLookups]:
    """Return a function that makes lookups which go through the proxy or another server. They are closed at the end."""
    with ExitStack() as stack:

        def make(*, through: Proxy | Cluster = proxy, **options: Any) -> VariableLookups:
            lookups = VariableLookups(through, account, put.namespace, **options)
            stack.callback(lookups.close)
            return lookups

        yield make


@pytest.fixture
def program(in_pod: None, tmp_path: Path) -> Iterator[StartProgram]:
    """Return a function that starts Python programs in the pod, with an empty Airflow home. They end with the test."""
    with ExitStack() as stack:

        def start(text: str, *arguments: object, **variables: str) -> PipedProgram:
            environment = {**os.environ, **variables, "AIRFLOW_HOME": str(tmp_path)}
            process = PipedProgram(textwrap.dedent(text), list(map(str, arguments)), environment)
            stack.callback(process.end)
            return process

        yield start
