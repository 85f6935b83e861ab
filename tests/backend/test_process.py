"""State of the process: connections outlive backend objects, and threads share them."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from airflow_kubernetes_secrets.backend.threads import in_a_thread
from airflow_kubernetes_secrets.errors import ApiUnavailableError, NotConfiguredError
from support.cluster import Cluster, ServiceAccount
from support.faults import late
from support.memory import PATIENCE, StartProgram
from support.proxy import Proxy
from support.secrets import MakeBackend, Put


def test_building_a_backend_sends_no_request_and_starts_no_thread(proxied: MakeBackend, proxy: Proxy) -> None:
    before = threading.active_count()

    backend = proxied(namespace="airflow")
    repr(backend)

    assert proxy.connections == 0
    assert threading.active_count() == before


def test_backend_is_built_without_a_configured_cluster(
    monkeypatch: pytest.MonkeyPatch, make_backend: MakeBackend
) -> None:
    """Airflow builds the backend in every process, including those that never look anything up."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")

    make_backend(service_account_path="/no/such/folder")


def test_a_new_backend_for_each_lookup_uses_the_same_connection(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("x", "found")

    assert [proxied().get_variable("x") for _ in range(10)] == ["found"] * 10
    assert proxied().get_config("missing") is None

    assert proxy.connections == 1
    assert len(proxy.requests) == 11


def test_change_of_the_environment_takes_effect(
    proxied: MakeBackend, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put.variable("x", "found")
    backend = proxied()
    assert backend.get_variable("x") == "found"

    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")

    with pytest.raises(NotConfiguredError):
        backend.get_variable("x")


def test_backends_with_other_options_share_no_connection(
    cluster: Cluster, proxied: MakeBackend, proxy: Proxy, put: Put, namespace: str
) -> None:
    other = f"{namespace}-other"
    cluster.service_account(other, "unused", {})
    put.variable("x", "here")

    assert proxied().get_variable("x") == "here"
    assert proxied(variables_data_key="another").get_variable("x") is None
    assert proxy.connections == 2


def test_another_api_server_in_the_variables_is_another_source(
    proxied: MakeBackend, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put.variable("x", "found")
    backend = proxied(timeout=2)
    assert backend.get_variable("x") == "found"

    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")

    with pytest.raises(ApiUnavailableError, match=r"at 127\.0\.0\.1:1 could not be read: connection refused"):
        backend.get_variable("x")


def test_the_thread_sees_the_context_of_the_trigger() -> None:
    """Airflow stores there which trigger and task a log line belongs to."""
    trigger: ContextVar[str] = ContextVar("trigger")

    def lookup(suffix: str, *, prefix: str) -> str:
        found = prefix + trigger.get() + suffix
        # Values that a lookup sets stay in its thread.
        trigger.set("changed")
        return found

    async def run(name: str) -> tuple[str, str]:
        trigger.set(name)
        return await in_a_thread(lookup, "!", prefix="of "), trigger.get()

    async def both() -> list[tuple[str, str]]:
        return list(await asyncio.gather(run("one"), run("two")))

    assert asyncio.run(both()) == [("of one!", "one"), ("of two!", "two")]


def test_threads_share_a_backend(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    keys = [f"x{number}" for number in range(8)]
    for key in keys:
        put.variable(key, f"value of {key}")
    backend = proxied()

    with ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            assert list(threads.map(backend.get_variable, keys)) == [f"value of {key}" for key in keys]

    assert proxy.connections <= 8


def test_number_of_idle_connections_is_limited(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("x", "found")
    backend = proxied()
    # The first response comes after the last request, so each request has a connection of its own.
    proxy.faults.extend([late(2)] * 20)
    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(lambda _: backend.get_variable("x"), range(20))) == {"found"}
    opened = proxy.connections

    proxy.faults.extend([late(2)] * 20)
    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(lambda _: backend.get_variable("x"), range(20))) == {"found"}

    assert proxy.connections - opened >= opened - 8


def test_nothing_is_imported_after_the_first_lookup(account: ServiceAccount, put: Put, program: StartProgram) -> None:
    """A fork during an import in another thread leaves the child with a lock that is never released."""
    put.connection("x", "http://example.com")
    text = f"""
        import asyncio, sys, time
        from airflow_kubernetes_secrets import KubernetesSecretsBackend
        folder = {str(account.folder)!r}
        backend = KubernetesSecretsBackend(service_account_path=folder, cache_ttl=2)
        backend.get_conn_value("x")
        imported = set(sys.modules)
        for _ in range(3):
            asyncio.run(backend.aget_connection("x"))
        time.sleep(2)
        backend.get_conn_value("x")
        backend.get_variable("missing")
        new = set(sys.modules) - imported
        print(*[name for name in new if name.startswith("airflow_kubernetes_secrets")], "checked")
    """

    process = program(text)

    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert output.splitlines()[-1] == "checked"


def test_open_connections_cause_no_warning_at_exit(account: ServiceAccount, put: Put, program: StartProgram) -> None:
    """Open connections must cause no warning when the interpreter ends."""
    put.variable("x", "found")
    text = f"""
        from airflow_kubernetes_secrets import KubernetesSecretsBackend
        print(KubernetesSecretsBackend(service_account_path={str(account.folder)!r}).get_variable("x"))
    """

    process = program(text)

    assert process.communicate(timeout=PATIENCE) == ("found\n", "")
    assert process.returncode == 0


def test_process_that_cannot_start_threads_still_finds_values(
    account: ServiceAccount, put: Put, program: StartProgram
) -> None:
    """No thread can start at interpreter exit or at a thread limit. Then everything is listed again when needed."""
    put.variable("x", "found")
    text = f"""
        import resource, time
        from airflow_kubernetes_secrets import KubernetesSecretsBackend
        from airflow_kubernetes_secrets.sources import cache_policy, watcher
        cache_policy.THRESHOLDS = cache_policy.Thresholds(queries_first=0, indexes_first=0, shortest_watched=0)
        folder = {str(account.folder)!r}
        backend = KubernetesSecretsBackend(service_account_path=folder, cache_ttl=0.5)
        backend.get_config("x")
        limit = 64 * 1024 * 1024
        grown = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        # A thread needs room for its stack, of which there is none.
        import threading
        threading.stack_size(2 * limit)
        resource.setrlimit(resource.RLIMIT_AS, (grown + limit, grown + limit))
        print(backend.get_variable("x"), threading.active_count(), flush=True)
        time.sleep(0.5)
        print(backend.get_variable("x"), threading.active_count(), flush=True)
    """

    process = program(text)

    assert process.communicate(timeout=PATIENCE) == ("found 1\nfound 1\n", "")
    assert process.returncode == 0


def test_ipv6(cluster: Cluster, make_backend: MakeBackend, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    account = cluster.service_account(put.namespace, "ipv6", {put.namespace: ["list"]})
    put.variable("x", "found")
    with Proxy(cluster, host="::1") as proxy:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "::1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(proxy.port))

        assert make_backend(service_account_path=str(proxy.folder(account))).get_variable("x") == "found"

        assert proxy.requests[0].headers["host"] == f"[::1]:{proxy.port}"

        # The socket is bound, so no other program can listen there, and it does not listen itself.
        with socket.socket(socket.AF_INET6) as closed:
            closed.bind(("::1", 0))
            port = closed.getsockname()[1]
            monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))
            with pytest.raises(ApiUnavailableError, match=rf"at \[::1\]:{port} "):
                make_backend(timeout=0.5).get_variable("x")
