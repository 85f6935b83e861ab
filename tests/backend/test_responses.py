"""A response is accepted only for its request: connection, namespace and name. Its size and duration are limited."""

from __future__ import annotations

import json
import re
import threading
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiResponseTooLargeError, ApiUnavailableError, KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.cluster import Cluster as ManifestSource
from airflow_kubernetes_secrets.kubernetes import http1
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources import cache_policy
from support.cluster import Cluster
from support.exchange import Exchange, Fault, reply
from support.faults import STREAM, chunk, event, forward, stream_of
from support.logs import log_messages
from support.manifest_sources import ServerSource
from support.memory import AT_ONCE, MakeLookups, watchers
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.waiting import PATIENCE, until

NO_SECRETS = json.dumps({"kind": "SecretList", "metadata": {"resourceVersion": "1"}, "items": []}).encode()
IDLE_408 = reply(408, b"", {"Connection": "close"})

# Responses without a request, sent after a complete response.
STRAYS: dict[str, tuple[bytes, bool]] = {
    "another list": (reply(200, NO_SECRETS), True),
    "a list, and the end": (reply(200, NO_SECRETS), False),
    "a 408, and the end": (IDLE_408, False),
    "a 408, and no end": (IDLE_408, True),
    "a byte": (b"H", True),
    "a line end": (b"\r\n", True),
    "no HTTP": (b"hunter2\r\n\r\n", True),
    "nothing but the end": (b"", False),
}


class Followed:
    """Sends the real response, and then a stray one: in the same packet, or separately after it."""

    def __init__(self, stray: bytes, *, apart: bool, stays: bool) -> None:
        self._stray = stray
        self._apart = apart
        self._stays = stays
        self.is_sent = threading.Event()

    def __call__(self, exchange: Exchange) -> bool:
        answer = exchange.answer()
        if self._apart:
            exchange.sock.sendall(answer)
            exchange.wait(0.05)
            exchange.sock.sendall(self._stray)
        else:
            exchange.sock.sendall(answer + self._stray)
        self.is_sent.set()
        return self._stays


@pytest.mark.parametrize("apart", [False, True], ids=["at once", "while it is idle"])
@pytest.mark.parametrize(("stray", "stays"), STRAYS.values(), ids=STRAYS)
def test_stray_response_is_never_used(
    proxied: MakeBackend,
    proxy: Proxy,
    put: Put,
    caplog: pytest.LogCaptureFixture,
    stray: bytes,
    stays: bool,
    apart: bool,
) -> None:
    for each in ("x", "y", "z"):
        put.variable(each, f"the value of {each}")
    backend = proxied()
    followed = Followed(stray, apart=apart, stays=stays)
    proxy.faults.append(followed)
    assert backend.get_variable("x") == "the value of x"
    assert followed.is_sent.wait(PATIENCE)

    found = [backend.get_variable(each) for each in ("y", "missing", "z")]

    assert found == ["the value of y", None, "the value of z"]
    assert log_messages(caplog) == []


def test_two_responses_at_once_are_both_rejected(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    """It is unknown which of them belongs to the request, so the request is sent again on another connection."""
    put.variable("x", "found")

    def preceded(exchange: Exchange) -> bool:
        exchange.sock.sendall(reply(200, NO_SECRETS) + exchange.answer())
        return True

    proxy.faults.append(preceded)

    assert proxied().get_variable("x") == "found"
    assert [request.connection for request in proxy.requests] == [1, 2]


def test_408_for_an_idle_connection_is_retried(
    proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that closes an idle connection may send a 408 at the moment at which a request is sent."""
    put.variable("x", "found")
    backend = proxied()
    assert backend.get_variable("x") == "found"

    def timed_out(exchange: Exchange) -> bool:
        exchange.sock.sendall(IDLE_408)
        return False

    proxy.faults.append(timed_out)

    assert backend.get_variable("x") == "found"
    assert [request.connection for request in proxy.requests] == [1, 1, 2]
    assert log_messages(caplog) == []


def test_connection_of_a_watch_is_reused_only_if_no_data_follows_it(
    proxy: Proxy, make_lookups: MakeLookups, put: Put
) -> None:
    put.variable("x", "found")

    def followed(exchange: Exchange) -> bool:
        forward(exchange)
        exchange.sock.sendall(reply(200, NO_SECRETS))
        return True

    proxy.always_watch = followed
    lookups = make_lookups(ttl=2.0)
    assert lookups.get("x") == "found"
    until(lambda: len(proxy.watches) > 2)
    lookups.policy.close()

    lookups.restart()

    assert [lookups.get("x"), lookups.get("missing")] == ["found", None]


def answer_to(pattern: str, other: str) -> Fault:
    """Return the response to another target: the requested one with the pattern replaced."""

    def fault(exchange: Exchange) -> bool:
        target = re.sub(pattern, other, exchange.request.target)
        assert target != exchange.request.target
        exchange.sock.sendall(exchange.answer(target))
        return True

    return fault


def knows(backend: KubernetesSecretsBackend, key: str, value: str) -> bool:
    """Return whether a lookup finds the value. It may fail while it treats the API server as unavailable."""
    with suppress(ApiUnavailableError):
        return backend.get_variable(key) == value
    return False


class TestNamespaceAndName:
    """Secrets of another namespace or name, from a proxy or a server, are rejected."""

    def test_a_list_of_another_namespace(self, source: ServerSource, caplog: pytest.LogCaptureFixture) -> None:
        home, other = source.namespace, source.other("app")
        source.put({VARIABLE: "x"}, "mine")
        source.put({VARIABLE: "x"}, "another's", namespace=other)
        backend = source.make_backend(namespace=[home, other], timeout=2)
        source.proxy.always = answer_to(f"/namespaces/{home}/", f"/namespaces/{other}/")

        with pytest.raises(ApiUnavailableError, match=f"a Secret of another namespace than {home!r}"):
            backend.get_variable("x")

        source.proxy.always = None
        until(lambda: knows(backend, "x", "mine"))
        assert "another's" not in caplog.text

    def test_an_index_of_another_namespace(self, source: ServerSource, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cache_policy, "THRESHOLDS", AT_ONCE)
        home, other = source.namespace, source.other("app")
        source.put({VARIABLE: "x"}, "mine")
        source.put({VARIABLE: "x"}, "another's", namespace=other)
        backend = source.make_backend(namespace=[home, other], cache_ttl=60)
        source.proxy.faults.append(answer_to(f"/namespaces/{home}/", f"/namespaces/{other}/"))

        assert backend.get_variable("x") == "mine"

    @pytest.mark.parametrize("part", ["namespace", "name"])
    def test_get_response_with_another_secret(self, source: ServerSource, part: str) -> None:
        home, other = source.namespace, source.other("app")
        source.put({}, "mine", name="settings")
        source.put({}, "another's", name="settings", namespace=other)
        source.put({}, "another's", name="other-settings")
        backend = source.make_backend(
            references={"variables": {"x": "settings", "y": "other-settings", "z": f"{other}/settings"}}, timeout=1
        )
        pattern, replacement, problem = {
            "namespace": (f"/namespaces/{home}/", f"/namespaces/{other}/", f"of another namespace than {home!r}"),
            "name": ("/settings", "/other-settings", f"another Secret than {home}/settings"),
        }[part]
        source.proxy.always = answer_to(pattern, replacement)

        with pytest.raises(ApiUnavailableError, match=problem):
            backend.get_variable("x")

        source.proxy.always = None
        until(lambda: knows(backend, "x", "mine"))

    def test_an_event_of_another_namespace(self, proxy: Proxy, make_lookups: MakeLookups, put: Put) -> None:
        created = put.variable("x", "mine")
        metadata = {**created["metadata"], "namespace": "another"}
        foreign = {**created, "metadata": metadata, "data": {"value": b64encode(b"another's").decode()}}
        proxy.watch_faults.append(stream_of(event("MODIFIED", foreign), then="hang"))
        lookups = make_lookups(ttl=60.0)
        assert lookups.get("x") == "mine"

        # The watch that has sent the Secret is ended, and begins again.
        until(lambda: len(proxy.watches) > 1)

        assert lookups.get("x") == "mine"


class TestCommands:
    """The responses to other requests of the commands are checked in the same way."""

    @pytest.fixture
    def admins(
        self, cluster: Cluster, proxy: Proxy, in_pod: None, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[ManifestSource]:
        for name, value in proxy.pod_environment().items():
            monkeypatch.setenv(name, value)
        verbs = ["list", "get", "patch", "create"]
        account = cluster.service_account(put.namespace, "admin", {put.namespace: verbs})
        put.variable("x", "mine", name="settings")
        put.variable("x", "another", name="other-settings")
        options = Options(service_account_path=str(proxy.folder(account)), namespace=(put.namespace,), timeout=1.0)
        with closing(ManifestSource(options)) as source:
            yield source

    def test_a_page_of_another_namespace(self, admins: ManifestSource, proxy: Proxy, put: Put) -> None:
        def foreign(exchange: Exchange) -> bool:
            listed = exchange.answer().replace(f'"namespace":"{put.namespace}"'.encode(), b'"namespace":"another"')
            body = listed.partition(b"\r\n\r\n")[2]
            exchange.sock.sendall(reply(200, body))
            return True

        proxy.always = foreign
        for ask in (lambda: list(admins.pages(put.namespace, None)), lambda: admins.count(put.namespace)):
            with pytest.raises(KubernetesSecretsError, match=f"a Secret of another namespace than {put.namespace!r}"):
                ask()

    def test_another_secret(self, admins: ManifestSource, proxy: Proxy, put: Put) -> None:
        proxy.always = answer_to("/settings", "/other-settings")

        with pytest.raises(KubernetesSecretsError, match=f"another Secret than {put.namespace}/settings"):
            admins.get(put.namespace, "settings")

    def test_pages_that_are_too_large(
        self, admins: ManifestSource, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Helm's releases have 1 MiB each. Smaller pages are requested, until a single Secret is too large."""
        for each in range(60):
            put({}, "x" * 20_000, name=f"large-{each}")
        monkeypatch.setattr(http1, "LARGEST_BODY_BYTES", 1_600_000)

        assert len([each for page in admins.pages(put.namespace, None) for each in page]) == 62
        assert [request.query["limit"] for request in proxy.requests] == [["500"], ["50"], ["500"]]

        monkeypatch.setattr(http1, "LARGEST_BODY_BYTES", 10_000)
        with pytest.raises(ApiResponseTooLargeError, match="could not be read"):
            list(admins.pages(put.namespace, None))


def endless(exchange: Exchange) -> bool:
    """Send a chunked body without an end."""
    piece = chunk(b" " * 1024 * 1024)
    exchange.sock.sendall(STREAM)
    while True:
        exchange.sock.sendall(piece)


def too_long(exchange: Exchange) -> bool:
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")
    while True:
        exchange.sock.sendall(b" " * 1024 * 1024)


def until_it_closes(exchange: Exchange) -> bool:
    exchange.sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        exchange.sock.sendall(b" " * 1024 * 1024)


@pytest.mark.parametrize("fault", [endless, too_long, until_it_closes])
def test_size_of_a_response_is_limited(
    proxied: MakeBackend, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """Its memory is limited too, and it is not requested again: the next response would be as large."""
    monkeypatch.setattr(http1, "LARGEST_BODY_BYTES", 8 * 1024 * 1024)
    proxy.always = fault
    backend = proxied(timeout=30)

    tracemalloc.start()
    try:
        with pytest.raises(ApiResponseTooLargeError, match="the response is larger than 8 MiB") as raised:
            backend.get_variable("x")
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 32 * 1024 * 1024
    assert len(proxy.requests) == 1
    assert "namespace of their own" in str(raised.value)


def test_a_watch_that_is_not_ended_in_time(
    proxy: Proxy, make_lookups: MakeLookups, put: Put, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy delays the end, or does not pass ``timeoutSeconds``, while bookmarks continue."""
    put.variable("x", "found")

    def for_ever(exchange: Exchange) -> bool:
        exchange.sock.sendall(STREAM)
        bookmark = event("BOOKMARK", {"kind": "Secret", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}})
        while True:
            exchange.sock.sendall(chunk(bookmark))
            exchange.wait(0.05)

    proxy.always_watch = for_ever
    lookups = make_lookups(ttl=4.0)
    assert lookups.get("x") == "found"
    until(lambda: len(proxy.watches) == 1)

    until(lambda: len(proxy.watches) > 1)

    assert lookups.get("x") == "found"
    until(lambda: not watchers(), 10)
    assert any("Each watch ends early or sends no events" in line for line in log_messages(caplog))
    assert proxy.open_watches == 0
