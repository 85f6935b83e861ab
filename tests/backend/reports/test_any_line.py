"""What an error report shows, with an exception at any line of a lookup: no token and no value.

Reports show the variables of the frames that an exception went through. Airflow's timeouts raise from a signal handler,
so an exception can come at any line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.backend import masking
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.process import restart
from airflow_kubernetes_secrets.sources import cache_policy
from support.cluster import Cluster, ServiceAccount
from support.errors import AtEveryLine, leaks
from support.reports import AT_EVERY_LINE, CASES, Case, found_at, in_package, with_values
from support.secrets import MakeBackend
from support.servers import on_the_devserver

pytestmark = AT_EVERY_LINE


# The servers differ only in the bytes of their responses, which are the same for all Secrets.
BOTH = ("URI", "fields", "variable")
SERVERS_AND_CASES = [("devserver", name) for name in CASES] + [("kube-apiserver", name) for name in BOTH]


@pytest.mark.parametrize(
    ("cluster", "case"),
    [(server, CASES[name]) for server, name in SERVERS_AND_CASES],
    ids=[f"{server}-{name}" for server, name in SERVERS_AND_CASES],
    indirect=["cluster"],
)
def test_an_exception_at_any_line(
    case: Case,
    cluster: Cluster,
    account: ServiceAccount,
    namespace: str,
    make_backend: MakeBackend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster.apply(case.manifest(namespace))
    monkeypatch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(queries_first=0))
    hidden = {*case.hidden, account.token}
    backend = make_backend(**case.options)
    if case.error is None:
        assert case.look(backend) is not None
    else:
        with pytest.raises(Exception, match=r"Secret .*/app, key") as raised:
            case.look(backend)
        assert leaks(raised.value, hidden) == []

    def forget() -> None:
        notices.forget(())
        masking._forget()

    def connect() -> None:
        nonlocal backend
        restart()
        backend = make_backend(**case.options)

    # A new connection takes longer than the rest. So it is made only for the lines that connect, and for those that
    # depend on what is cached.
    is_cached = "cache_ttl" in case.options
    again = connect if is_cached else forget
    work = AtEveryLine(
        lambda: case.look(backend), again, here=lambda file: case.here(file) and (is_cached or with_values(file))
    )
    assert found_at(work, hidden, least=40) == {}
    if case.here is not with_values and not is_cached:
        work = AtEveryLine(
            lambda: case.look(backend), connect, here=lambda file: case.here(file) and not with_values(file)
        )
        assert found_at(work, hidden, least=40) == {}


@on_the_devserver
@pytest.mark.parametrize("error", [TimeoutError, KeyError, ValueError])
def test_exception_of_the_same_type_as_a_network_or_parser_error(
    error: type[Exception], cluster: Cluster, account: ServiceAccount, namespace: str, make_backend: MakeBackend
) -> None:
    """The package then raises its own exceptions."""
    case = CASES["fields"]
    cluster.apply(case.manifest(namespace))
    backend = make_backend()

    def again() -> None:
        nonlocal backend
        restart()
        backend = make_backend(timeout=0.2)

    work = AtEveryLine(lambda: case.look(backend), again, error, here=in_package, step=2)
    assert found_at(work, {*case.hidden, account.token}, least=100) == {}


def that_reads(file: str) -> bool:
    """Return whether a file reads manifests. The other files process JSON and YAML in the same way."""
    return in_package(file) and any(
        f"/airflow_kubernetes_secrets/{each}/" in file for each in ("kubernetes", "sources")
    )


@pytest.mark.parametrize(("suffix", "here"), [("json", in_package), ("yaml", that_reads)], ids=["json", "yaml"])
def test_in_a_folder(suffix: str, here: Callable[[str], bool], tmp_path: Path) -> None:
    case = CASES["fields"]
    manifest = case.manifest("airflow")
    text = json.dumps(manifest) if suffix == "json" else yaml.safe_dump(manifest)
    (tmp_path / f"app.{suffix}").write_text(text)
    backend = KubernetesSecretsBackend(path=str(tmp_path))

    def again() -> None:
        nonlocal backend
        restart()
        backend = KubernetesSecretsBackend(path=str(tmp_path))

    assert case.look(backend) is not None
    assert found_at(AtEveryLine(lambda: case.look(backend), again, here=here), case.hidden, least=200) == {}


@on_the_devserver
def test_in_an_event_loop(
    cluster: Cluster,
    account: ServiceAccount,
    namespace: str,
    make_backend: MakeBackend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The event loop of the triggerer, with a value from memory."""
    case = CASES["fields"]
    cluster.apply(case.manifest(namespace))
    backend = make_backend(cache_ttl=60)

    def again() -> None:
        nonlocal backend
        restart()
        backend = make_backend(cache_ttl=60)
        backend.get_variable("x")
        backend.decide(Lookup(Kind.CONNECTION, "x"))

    # The first lookup of each kind lists everything, and no watch begins.
    monkeypatch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(queries_first=0, indexes_first=1))

    def look() -> None:
        coroutine = backend.aget_connection("x")
        with pytest.raises(StopIteration):
            coroutine.send(None)

    again()
    look()
    assert found_at(AtEveryLine(look, again, here=with_values), {*case.hidden, account.token}, least=50) == {}
