"""An API server with errors: what is retried, for how long, and what is logged."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest

from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
)
from airflow_kubernetes_secrets.sources.cache_policy import Thresholds
from support.cluster import Cluster
from support.deadlines import ends_within
from support.exchange import Fault
from support.faults import answer_with, close_at_once, late, raw, reset_after, silent, trickle, truncated
from support.logs import log_messages
from support.memory import MakeLookups
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.waiting import until


def item(**parts: object) -> bytes:
    """Return a list of one Secret with parts of the wrong type."""
    labels = parts.pop("labels", {})
    metadata = {"name": "a", "namespace": "b", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels}
    return json.dumps({"kind": "SecretList", "items": [{"metadata": metadata, **parts}]}).encode()


TEMPORARY_FAULTS: dict[str, Fault] = {
    "closed": close_at_once,
    "reset before the answer": reset_after(0),
    "reset in the headers": reset_after(20),
    "reset in the body": reset_after(150),
    "truncated": truncated,
    "not HTTP": raw(b"hunter2 is not HTTP\r\n\r\n"),
    "not JSON": answer_with(200, b"<html>hunter2</html>"),
    "a 404 of a load balancer": answer_with(404, b"<h1>Not Found</h1> hunter2"),
    "a 400 with JSON that is not a Status": answer_with(400, b'{"message": "hunter2"}'),
    "a redirect to a login page": answer_with(302, b"", {"Location": "https://127.0.0.1/hunter2"}),
    "a 204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "another kind": answer_with(200, b'{"kind": "Status", "status": "Success"}'),
    "a list of another kind": answer_with(200, b'{"kind": "PodList", "items": []}'),
    "no items": answer_with(200, b'{"kind": "SecretList"}'),
    "an item without metadata": answer_with(
        200, b'{"kind": "SecretList", "items": [{"data": {"value": "aHVudGVyMg=="}}]}'
    ),
    "a body that is too short": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"kind": "hunter2'),
    # A body of more than 256 MiB is refused at once, and not requested again: test_responses.py.
    "a Content-Length that is too large": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n{"),
    "a chunk size that is too large": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffe\r\n{"),
    "lists in lists": answer_with(200, b"[" * 100_000),
    "a 503 of lists in lists": answer_with(503, b"[" * 100_000),
    "labels of the wrong type": answer_with(200, item(labels=["x"])),
    "data of the wrong type": answer_with(200, item(data=["value"])),
    "data of numbers": answer_with(200, item(data={"value": 1})),
    "an invalid Retry-After": answer_with(503, b"", {"Retry-After": "Mon, 01 Jan 99999999999 00:00:00 GMT"}),
    "a broken chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhunter2\r\n"),
    "429": answer_with(429),
    "500": answer_with(500, b'{"kind": "Status", "message": "etcdserver: leader changed"}'),
    "502": answer_with(502),
    "503": answer_with(503),
    "504": answer_with(504),
}


@pytest.mark.parametrize("fault", TEMPORARY_FAULTS.values(), ids=TEMPORARY_FAULTS)
def test_temporary_fault_is_retried_without_a_log_line(
    proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    put.variable("x", "found")
    proxy.faults.extend([fault, fault])

    assert proxied().get_variable("x") == "found"
    assert len(proxy.requests) == 3
    assert log_messages(caplog) == []


PERMANENT_FAULTS: dict[str, tuple[Fault, str]] = {
    "silent": (silent, "no response in time"),
    "one byte each tenth of a second": (trickle, "no response in time"),
    "reset": (reset_after(0), "connection reset by peer|TLS failed|the connection was closed"),
    "closed": (close_at_once, "the connection was closed|TLS failed"),
    "truncated": (truncated, "the response is cut off|TLS failed"),
    "garbled": (answer_with(200, b"hunter2"), "not a list of Secrets"),
    "500": (
        answer_with(500, b'{"kind": "Status", "message": "etcdserver: request timed out"}'),
        "it answered 500 etcdserver: request timed out",
    ),
    "503": (answer_with(503), "it answered 503"),
    "429": (answer_with(429), "it answered 429"),
}


@pytest.mark.parametrize(("fault", "problem"), PERMANENT_FAULTS.values(), ids=PERMANENT_FAULTS)
def test_permanent_fault_fails_within_the_timeout(
    proxied: MakeBackend, proxy: Proxy, caplog: pytest.LogCaptureFixture, fault: Fault, problem: str
) -> None:
    proxy.faults.extend([fault] * 1000)
    backend = proxied(timeout=1)

    with ends_within(1), pytest.raises(ApiUnavailableError, match=problem) as raised:
        backend.get_variable("x")

    text = str(raised.value)
    assert f"the Kubernetes API at 127.0.0.1:{proxy.port}" in text
    assert "raise 'timeout' in backend_kwargs" in text
    assert "hunter2" not in text
    assert log_messages(caplog) == [f"variable 'x': {text}"]


def test_error_names_the_last_cause_before_the_timeout(proxied: MakeBackend, proxy: Proxy) -> None:
    proxy.faults.append(answer_with(503))
    proxy.always = silent

    with pytest.raises(ApiUnavailableError, match="it answered 503"):
        proxied(timeout=2).get_variable("x")


def test_each_error_is_logged_once(proxied: MakeBackend, proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """The number of attempts and their duration do not make it another error."""
    for status in (503, 500):
        proxy.faults.clear()
        proxy.faults.extend([answer_with(status)] * 1000)
        for timeout in (1.5 + status / 1e4, 1.6 + status / 1e4):
            with pytest.raises(ApiUnavailableError, match=r"attempts? in \d\.\d s"):
                proxied(timeout=timeout).get_variable("x")

    first, second = log_messages(caplog)
    assert "it answered 503" in first
    assert "it answered 500" in second


def test_the_pauses_between_attempts_grow(proxied: MakeBackend, proxy: Proxy) -> None:
    proxy.faults.extend([answer_with(503)] * 1000)

    with pytest.raises(ApiUnavailableError):
        proxied(timeout=2).get_variable("x")

    assert 4 <= len(proxy.requests) <= 12


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_retry_after_is_respected(proxied: MakeBackend, proxy: Proxy, put: Put, as_date: bool) -> None:
    put.variable("x", "found")
    # A date has whole seconds, so one that is 2 s ahead is at least 1 s ahead.
    header = formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    proxy.faults.append(answer_with(429, b"", {"Retry-After": header}))
    began = time.monotonic()

    assert proxied().get_variable("x") == "found"

    assert time.monotonic() - began >= 1
    assert len(proxy.requests) == 2


def test_retry_after_beyond_the_timeout_fails_immediately(proxied: MakeBackend, proxy: Proxy) -> None:
    proxy.faults.extend([answer_with(429, b"", {"Retry-After": "3600"})] * 1000)

    with ends_within(1), pytest.raises(ApiUnavailableError, match="it answered 429"):
        proxied(timeout=5).get_variable("x")

    assert len(proxy.requests) == 1


@pytest.mark.parametrize("status", [405, 411, 413, 414, 415, 417, 431, 501])
def test_status_about_the_request_is_not_retried(proxied: MakeBackend, proxy: Proxy, put: Put, status: int) -> None:
    """Also without a message of the API: the same request would get the same response."""
    put.variable("x", "found")
    backend = proxied()
    proxy.faults.append(answer_with(status, b"<h1>hunter2</h1>"))

    with pytest.raises(ApiUnavailableError, match=f"answered {status}, without a message of the API"):
        backend.get_variable("x")

    assert len(proxy.requests) == 1
    # So the next lookup does not wait.
    assert backend.get_variable("x") == "found"


def test_retry_after_of_a_load_balancer_is_respected(proxied: MakeBackend, proxy: Proxy) -> None:
    proxy.always = answer_with(404, b"<h1>Not Found</h1>", {"Retry-After": "3600"})

    with ends_within(1), pytest.raises(ApiUnavailableError, match="it answered 404"):
        proxied(timeout=5).get_variable("x")

    assert len(proxy.requests) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"reason": "Conflict", "message": ""}, "Conflict"),
        ({"message": None}, "(no reason given)"),
        ({}, "(no reason given)"),
    ],
)
def test_status_without_a_message_is_one_of_the_api(
    proxied: MakeBackend, proxy: Proxy, status: dict[str, object], words: str
) -> None:
    proxy.faults.append(answer_with(409, json.dumps({"kind": "Status", **status}).encode()))

    with pytest.raises(ApiError, match=re.escape(f"answered 409 {words}")):
        proxied().get_variable("x")

    assert len(proxy.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_applies_to_the_other_requests_of_a_lookup(
    make_lookups: MakeLookups, proxy: Proxy, put: Put, status: int
) -> None:
    """If a list fails, another list and a query for the single id follow."""
    put.variable("x", "found")
    lookups = make_lookups(ttl=0.5, thresholds=Thresholds(queries_first=0))
    assert lookups.get("x") == "found"
    until(lambda: lookups.policy.find_in_memory("x") is None)
    requests = len(proxy.requests)
    proxy.faults.append(answer_with(status, b"", {"Retry-After": "2"}))
    began = time.monotonic()

    assert lookups.get("x") == "found"

    assert time.monotonic() - began >= 2
    assert len(proxy.requests) == requests + 2


def test_retry_after_applies_to_the_requests_of_all_threads(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("x", "found")
    backend = proxied(timeout=20)
    proxy.faults.append(answer_with(429, b"", {"Retry-After": "2"}))
    began = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(backend.get_variable, "x")
        until(lambda: len(proxy.requests) == 1 and not proxy.faults)
        # The response has arrived by then, and the first thread waits.
        time.sleep(0.3)
        assert threads.submit(backend.get_variable, "x").result() == "found"
        assert time.monotonic() - began >= 2
        assert first.result() == "found"
    assert len(proxy.requests) == 3


@pytest.mark.parametrize("status", [400, 404, 410, 302])
def test_permanent_http_error_is_not_retried(proxied: MakeBackend, proxy: Proxy, status: int) -> None:
    body = json.dumps({"kind": "Status", "message": "so it is"}).encode()
    proxy.faults.append(answer_with(status, body))

    with pytest.raises(ApiError, match=f"at 127.0.0.1:{proxy.port} answered {status} so it is") as raised:
        proxied().get_variable("x")

    assert raised.value.status == status
    assert len(proxy.requests) == 1


def test_error_body_that_is_not_a_status_is_not_quoted(proxied: MakeBackend, proxy: Proxy) -> None:
    """A proxy may repeat the request in its own error message, including the token."""
    proxy.always = answer_with(400, b'{"message": "hunter2"}')
    remedy = "Check the address, its path, and what responds there"

    with (
        ends_within(1),
        pytest.raises(ApiUnavailableError, match=f"answered 400, without a message of the API .*{remedy}") as raised,
    ):
        proxied(timeout=1).get_variable("x")

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("status", [200, 404])
def test_what_responds_in_place_of_the_api_is_not_asked_again_over_the_same_connection(
    proxied: MakeBackend, proxy: Proxy, put: Put, status: int
) -> None:
    """Behind a load balancer, a new connection may lead to the API server."""
    put.variable("x", "found")
    proxy.faults.append(answer_with(status, b"<h1>Hello</h1>"))

    assert proxied().get_variable("x") == "found"
    assert proxy.connections == 2


def test_null_items_are_an_empty_list(proxied: MakeBackend, proxy: Proxy) -> None:
    """Go writes an unset list as null."""
    proxy.faults.append(
        answer_with(200, b'{"kind": "SecretList", "metadata": {"resourceVersion": "1"}, "items": null}')
    )

    assert proxied().get_variable("x") is None
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("cache_ttl", [0, 60])
def test_several_namespaces_share_one_deadline(
    cluster: Cluster, proxied: MakeBackend, proxy: Proxy, namespace: str, cache_ttl: int
) -> None:
    names = [f"{namespace}-{number}" for number in range(4)]
    account = cluster.service_account(namespace, "reader", {name: ["list"] for name in names})
    proxy.always = late(0.5)
    folder = str(proxy.folder(account))
    backend = proxied(service_account_path=folder, namespace=names, timeout=1.2, cache_ttl=cache_ttl, outage_ttl=0)

    for _ in range(3):
        # With a deadline for each namespace, all four requests would succeed.
        with ends_within(1.2), pytest.raises(ApiUnavailableError):
            backend.get_variable("nobody")
