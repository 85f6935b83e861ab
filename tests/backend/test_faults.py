"""An API server in trouble: every lookup ends inside its time, and says what it ran into."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import formatdate
from types import FrameType

import pytest
import trustme

from airflow_kubernetes_secrets.api.client import Client
from airflow_kubernetes_secrets.api.credentials import ServiceAccountCredentials
from airflow_kubernetes_secrets.api.retry import Backoff
from airflow_kubernetes_secrets.errors import (
    ApiError,
    ApiUnavailableError,
    ForbiddenError,
    NotConfiguredError,
    UnauthorizedError,
)
from airflow_kubernetes_secrets.labels import LabelSelector
from support.cluster import Cluster, ServiceAccount
from support.errors import everything_about
from support.exchange import Exchange, Fault
from support.faults import answer_with, close_at_once, forward, late, raw, reset_after, silent, trickle, truncated
from support.logs import said
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.sockets import full
from support.waiting import until


def item(**parts: object) -> bytes:
    """A list of one Secret with parts of the wrong type."""
    metadata = {"name": "a", "namespace": "b", "creationTimestamp": "2026-01-01T00:00:00Z"}
    metadata["labels"] = parts.pop("labels", {})  # type: ignore[assignment]  # that is what is wrong with it
    return json.dumps({"kind": "SecretList", "items": [{"metadata": metadata, **parts}]}).encode()


PASSING_FAULTS: dict[str, Fault] = {
    "closed": close_at_once,
    "reset before the answer": reset_after(0),
    "reset in the headers": reset_after(20),
    "reset in the body": reset_after(150),
    "truncated": truncated,
    "not HTTP": raw(b"hunter2 is not HTTP\r\n\r\n"),
    "not JSON": answer_with(200, b"<html>hunter2</html>"),
    "another kind": answer_with(200, b'{"kind": "Status", "status": "Success"}'),
    "a list of another kind": answer_with(200, b'{"kind": "PodList", "items": []}'),
    "no items": answer_with(200, b'{"kind": "SecretList"}'),
    "an item without metadata": answer_with(
        200, b'{"kind": "SecretList", "items": [{"data": {"value": "aHVudGVyMg=="}}]}'
    ),
    "a body that is too short": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"kind": "hunter2'),
    # A body of more than 256 MiB is refused at once, and not asked for again: test_answers.py.
    "much more than comes": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n{"),
    "a chunk of much more than comes": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffe\r\n{"),
    "lists in lists": answer_with(200, b"[" * 100_000),
    "a 503 of lists in lists": answer_with(503, b"[" * 100_000),
    "labels that are none": answer_with(200, item(labels=["x"])),
    "data that is none": answer_with(200, item(data=["value"])),
    "data of numbers": answer_with(200, item(data={"value": 1})),
    "Retry-After without sense": answer_with(503, b"", {"Retry-After": "Mon, 01 Jan 99999999999 00:00:00 GMT"}),
    "a broken chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhunter2\r\n"),
    "429": answer_with(429),
    "500": answer_with(500, b'{"kind": "Status", "message": "etcdserver: leader changed"}'),
    "502": answer_with(502),
    "503": answer_with(503),
    "504": answer_with(504),
}


@pytest.mark.parametrize("fault", PASSING_FAULTS.values(), ids=PASSING_FAULTS)
def test_a_fault_that_passes_is_not_noticed(
    proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    put.variable("x", "found")
    proxy.faults.extend([fault, fault])

    assert proxied().get_variable("x") == "found"
    assert len(proxy.requests) == 3
    assert said(caplog) == []


LASTING_FAULTS: dict[str, tuple[Fault, str]] = {
    "silent": (silent, "no answer in time"),
    "one byte each tenth of a second": (trickle, "no answer in time"),
    "reset": (reset_after(0), "connection reset by peer|TLS failed|the connection was closed"),
    "closed": (close_at_once, "the connection was closed|TLS failed"),
    "truncated": (truncated, "the answer is cut off|TLS failed"),
    "garbled": (answer_with(200, b"hunter2"), "not a list of Secrets"),
    "500": (
        answer_with(500, b'{"kind": "Status", "message": "etcdserver: request timed out"}'),
        "it answered 500 etcdserver: request timed out",
    ),
    "503": (answer_with(503), "it answered 503"),
    "429": (answer_with(429), "it answered 429"),
}


@pytest.mark.parametrize(("fault", "problem"), LASTING_FAULTS.values(), ids=LASTING_FAULTS)
def test_a_fault_that_lasts_ends_inside_the_timeout(
    proxied: MakeBackend, proxy: Proxy, caplog: pytest.LogCaptureFixture, fault: Fault, problem: str
) -> None:
    proxy.faults.extend([fault] * 1000)
    backend = proxied(timeout=0.5)

    with ends_within(0.5), pytest.raises(ApiUnavailableError, match=problem) as raised:
        backend.get_variable("x")

    text = str(raised.value)
    assert f"the Kubernetes API at 127.0.0.1:{proxy.port}" in text
    assert "raise 'timeout' in backend_kwargs" in text
    assert "hunter2" not in text
    assert said(caplog) == [f"variable 'x': {text}"]


def test_each_trouble_is_logged_once(proxied: MakeBackend, proxy: Proxy, caplog: pytest.LogCaptureFixture) -> None:
    """How often and how long it was tried is not what makes it another one."""
    for status in (503, 500):
        proxy.faults.clear()
        proxy.faults.extend([answer_with(status)] * 1000)
        for timeout in (0.3 + status / 1e4, 0.4 + status / 1e4):
            with pytest.raises(ApiUnavailableError, match=r"attempts? in 0\.\d s"):
                proxied(timeout=timeout).get_variable("x")

    first, second = said(caplog)
    assert "it answered 503" in first
    assert "it answered 500" in second


def test_the_pauses_between_attempts_grow(proxied: MakeBackend, proxy: Proxy) -> None:
    proxy.faults.extend([answer_with(503)] * 1000)

    with pytest.raises(ApiUnavailableError):
        proxied(timeout=2).get_variable("x")

    assert 4 <= len(proxy.requests) <= 12


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
def test_retry_after_is_honoured(proxied: MakeBackend, proxy: Proxy, put: Put, as_date: bool) -> None:
    put.variable("x", "found")
    # A date has whole seconds: one that is 2 s ahead is at least 1 s ahead.
    header = formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    proxy.faults.append(answer_with(429, b"", {"Retry-After": header}))
    began = time.monotonic()

    assert proxied().get_variable("x") == "found"

    assert time.monotonic() - began >= 1
    assert len(proxy.requests) == 2


def test_a_retry_after_beyond_the_timeout_is_not_waited_for(proxied: MakeBackend, proxy: Proxy) -> None:
    proxy.faults.extend([answer_with(429, b"", {"Retry-After": "3600"})] * 1000)

    with ends_within(1), pytest.raises(ApiUnavailableError, match="it answered 429"):
        proxied(timeout=5).get_variable("x")

    assert len(proxy.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 410, 302])
def test_an_answer_that_trying_again_does_not_mend(proxied: MakeBackend, proxy: Proxy, status: int) -> None:
    body = json.dumps({"kind": "Status", "message": "so it is"}).encode()
    proxy.faults.append(answer_with(status, body))

    with pytest.raises(ApiError, match=f"at 127.0.0.1:{proxy.port} answered {status} so it is") as raised:
        proxied().get_variable("x")

    assert raised.value.status == status
    assert len(proxy.requests) == 1


def test_what_is_not_a_status_is_not_quoted(proxied: MakeBackend, proxy: Proxy) -> None:
    """A proxy in between may repeat the request in its own error, token and all."""
    proxy.faults.append(answer_with(400, b'{"message": "hunter2"}'))

    with pytest.raises(ApiError, match=r"answered 400$"):
        proxied().get_variable("x")


def test_an_empty_list_may_be_null(proxied: MakeBackend, proxy: Proxy) -> None:
    """As Go writes a list that nobody made."""
    proxy.faults.append(
        answer_with(200, b'{"kind": "SecretList", "metadata": {"resourceVersion": "1"}, "items": null}')
    )

    assert proxied().get_variable("x") is None
    assert len(proxy.requests) == 1


def test_nobody_listens(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))

    with ends_within(0.5), pytest.raises(ApiUnavailableError, match=f"127.0.0.1:{port} .*: connection refused"):
        make_backend(timeout=0.5).get_variable("x")


def test_nobody_accepts(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port drops what arrives, as a firewall does."""
    with full(socket.AF_INET, "127.0.0.1", 0) as port:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))

        with ends_within(0.5), pytest.raises(ApiUnavailableError, match="no answer in time"):
            make_backend(timeout=0.5).get_variable("x")


def test_nobody_shakes_hands(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port accepts connections and never says a word, so that TLS does not begin."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(listener.getsockname()[1]))

        with ends_within(0.5), pytest.raises(ApiUnavailableError, match="no answer in time"):
            make_backend(timeout=0.5).get_variable("x")


def test_a_kept_connection_that_is_dead_costs_no_error(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("x", "found")
    backend = proxied()
    assert backend.get_variable("x") == "found"

    proxy.cut()

    assert backend.get_variable("x") == "found"
    assert proxy.connections == 2


def test_a_kept_connection_that_is_dead_is_replaced_without_a_pause(
    account: ServiceAccount, proxy: Proxy, put: Put
) -> None:
    """There is no time for the pause before another attempt here."""
    put.variable("x", "found")
    credentials = ServiceAccountCredentials(str(proxy.folder(account)), proxy.pod_environment())
    selector = LabelSelector.equal(VARIABLE, "x")
    with contextlib.closing(Client(credentials, backoff=Backoff(first=60, longest=60))) as client:
        assert len(client.list_secrets(put.namespace, selector, timeout=30).secrets) == 1

        proxy.cut()

        assert len(client.list_secrets(put.namespace, selector, timeout=30).secrets) == 1
    assert proxy.connections == 2


@pytest.mark.parametrize(
    ("doubtful_after", "found"), [(0.0, True), (3600.0, False)], ids=["after a long time", "just now"]
)
def test_a_kept_connection_that_fell_silent(
    proxy: Proxy, account: ServiceAccount, put: Put, doubtful_after: float, found: bool
) -> None:
    """One that was idle for long may be dead, so time is left for a new one; one that just answered is only slow."""
    put.variable("x", "found")
    credentials = ServiceAccountCredentials(str(proxy.folder(account)), proxy.pod_environment())
    selector = LabelSelector.equal(VARIABLE, "x")
    with contextlib.closing(Client(credentials, doubtful_after=doubtful_after)) as client:
        assert len(client.list_secrets(put.namespace, selector, timeout=10).secrets) == 1
        proxy.faults.append(silent)

        if found:
            assert len(client.list_secrets(put.namespace, selector, timeout=3).secrets) == 1
        else:
            with pytest.raises(ApiUnavailableError, match="no answer in time"):
                client.list_secrets(put.namespace, selector, timeout=1)


def test_an_answer_renews_the_trust_in_a_kept_connection(proxy: Proxy, account: ServiceAccount, put: Put) -> None:
    credentials = ServiceAccountCredentials(str(proxy.folder(account)), proxy.pod_environment())
    selector = LabelSelector.equal(VARIABLE, "x")
    with contextlib.closing(Client(credentials)) as client:
        client.list_secrets(put.namespace, selector, timeout=10)
        [connection] = client._idle
        connection._last_used -= 3600
        client.list_secrets(put.namespace, selector, timeout=10)

        assert connection.idle_seconds() < 3600
    assert proxy.connections == 1


def test_a_certificate_of_another_ca_is_refused_at_once(
    make_backend: MakeBackend, account: ServiceAccount, cluster: Cluster
) -> None:
    trustme.CA().cert_pem.write_to_path(str(account.folder / "ca.crt"))

    with ends_within(1), pytest.raises(ApiUnavailableError, match="certificate is not trusted") as raised:
        make_backend(timeout=30).get_variable("x")

    assert "Check that the CA certificate is this API server's" in str(raised.value)
    assert str(account.folder / "token") in str(raised.value)


class TestForbidden:
    @pytest.mark.parametrize("grants", [[], ["get", "watch"]], ids=["nothing", "other verbs"])
    def test_the_error_grants_what_is_missing(
        self,
        cluster: Cluster,
        namespace: str,
        make_backend: MakeBackend,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        grants: list[str],
    ) -> None:
        account = cluster.service_account(namespace, "powerless", {namespace: grants})
        put.variable("x", "found")
        backend = make_backend(service_account_path=str(account.folder))

        with pytest.raises(ForbiddenError) as raised:
            backend.get_variable("x")
        with pytest.raises(ForbiddenError):
            backend.get_connection("y")

        assert str(raised.value) == (
            f"the service account 'powerless' of namespace '{namespace}' may not list secrets in namespace "
            f"'{namespace}'. Grant it:\n"
            f"  kubectl create role airflow-kubernetes-secrets --namespace={namespace} --verb=list --resource=secrets"
            " --dry-run=client -o yaml | kubectl apply -f -\n"
            f"  kubectl create rolebinding airflow-kubernetes-secrets-{namespace}-powerless --namespace={namespace} "
            f"--role=airflow-kubernetes-secrets --serviceaccount={namespace}:powerless"
        )
        assert len(said(caplog)) == 1

    @pytest.mark.parametrize(
        ("user", "subject", "binding"),
        [
            ("jane@example.com", "jane@example.com", "jane-example-com"),
            ("O'Brien $(id)", "'O'\"'\"'Brien $(id)'", "o-brien-id"),
        ],
    )
    def test_a_person_is_named_too(
        self, proxied: MakeBackend, proxy: Proxy, user: str, subject: str, binding: str
    ) -> None:
        message = f'secrets is forbidden: User "{user}" cannot list resource "secrets"'
        proxy.always = answer_with(403, json.dumps({"kind": "Status", "message": message}).encode())

        with pytest.raises(ForbiddenError) as raised:
            proxied().get_variable("x")

        assert f"the user {user!r} may not list secrets" in str(raised.value)
        assert f"rolebinding airflow-kubernetes-secrets-{binding} " in str(raised.value)
        assert str(raised.value).endswith(f" --user={subject}")

    def test_nothing_is_granted_to_everybody(self, proxied: MakeBackend, proxy: Proxy) -> None:
        message = 'secrets is forbidden: User "system:anonymous" cannot list resource "secrets"'
        proxy.always = answer_with(403, json.dumps({"kind": "Status", "message": message}).encode())

        with pytest.raises(UnauthorizedError, match="got no credentials") as raised:
            proxied().get_variable("x")

        assert "kubectl" not in str(raised.value)

    def test_a_proxy_that_forbids_without_a_status(self, proxied: MakeBackend, proxy: Proxy) -> None:
        proxy.always = answer_with(403, b"<html>no</html>")

        with pytest.raises(ForbiddenError, match="the user of this process may not list secrets"):
            proxied().get_variable("x")


class TestUnauthorized:
    def test_the_token_is_read_again_at_once_and_tried_once_more(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        backend = proxied()
        token_file = next(proxy.ca_file.parent.glob("serviceaccount-*")) / "token"
        valid = token_file.read_text()
        token_file.write_text("expired")
        # Another option, hence a client of its own, which reads the expired token.
        other = proxied(timeout=9)
        with pytest.raises(UnauthorizedError):
            other.get_variable("x")
        token_file.write_text(valid)
        before = len(proxy.requests)

        assert other.get_variable("x") == "found"

        first, second = proxy.requests[before:]
        assert first.headers["authorization"] == "Bearer expired"
        assert second.headers["authorization"] == f"Bearer {valid}"
        # A connection that is kept would keep a client certificate too.
        assert first.connection != second.connection
        assert backend.get_variable("x") == "found"

    def test_no_connection_from_before_is_used_again(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """It would show the old client certificate."""
        put.variable("x", "found")
        backend = proxied()
        assert backend.get_variable("x") == "found"
        proxy.faults.append(answer_with(401))
        assert backend.get_variable("x") == "found"
        assert [request.connection for request in proxy.requests] == [1, 1, 2]

        def together(exchange: Exchange) -> bool:
            until(lambda: len(proxy.requests) == 5)
            return forward(exchange)

        proxy.faults.extend([together, together])
        with ThreadPoolExecutor(2) as threads:
            assert list(threads.map(backend.get_variable, ["x", "x"])) == ["found", "found"]

        assert {request.connection for request in proxy.requests[3:]} == {2, 3}

    def test_a_token_that_stays_invalid(
        self, make_backend: MakeBackend, account: ServiceAccount, caplog: pytest.LogCaptureFixture
    ) -> None:
        (account.folder / "token").write_text("hunter2")

        with (
            ends_within(1),
            pytest.raises(UnauthorizedError, match="does not accept the service account's token") as raised,
        ):
            make_backend().get_variable("x")

        assert str(account.folder / "token") in str(raised.value)
        assert "hunter2" not in str(raised.value)
        assert "hunter2" not in caplog.text

    def test_a_token_with_a_line_break_sends_no_second_header(self, proxied: MakeBackend, proxy: Proxy) -> None:
        [folder] = proxy.ca_file.parent.glob("serviceaccount-*")
        (folder / "token").write_text("hunter2\r\nX-Remote-User: admin")

        with (
            ends_within(1),
            pytest.raises(ApiUnavailableError, match="characters that HTTP cannot carry") as raised,
        ):
            proxied(timeout=30).get_variable("x")

        assert proxy.requests == []
        assert f"Correct it; it came with the service account's token in {folder}/token" in str(raised.value)
        assert "hunter2" not in everything_about(raised.value)

    def test_a_token_file_that_went_away(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied()
        assert backend.get_variable("x") == "found"
        [folder] = proxy.ca_file.parent.glob("serviceaccount-*")
        shutil.rmtree(folder)
        proxy.faults.append(answer_with(401))

        with pytest.raises(NotConfiguredError, match="token cannot be read: No such file"):
            backend.get_variable("x")


class Interrupted(BaseException):
    """What a signal handler raises, as Airflow's execution timeout does."""


def test_an_exception_in_the_middle_of_a_request_spoils_nothing(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    put.variable("first", "of the first")
    put.variable("second", "of the second")
    backend = proxied()
    assert backend.get_variable("first") == "of the first"
    proxy.faults.append(late(0.5))

    with interrupted_after(0.2), pytest.raises(Interrupted):
        backend.get_variable("first")

    assert backend.get_variable("second") == "of the second"
    assert backend.get_variable("first") == "of the first"


# A socket that has no owner yet when the exception comes is closed by the garbage collector, which warns of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_exceptions_at_any_moment_spoil_nothing(proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
    """The interruptions walk through the whole of a lookup in small steps."""
    values = {f"x{number}": f"value {number}" for number in range(4)}
    for key, value in values.items():
        put.variable(key, value)
    backend = proxied()
    interruptions = 0
    for step in range(1, 80):
        try:
            with interrupted_after(step * 0.00025):
                for key in values:
                    backend.get_variable(key)
        except Interrupted:
            interruptions += 1
        for key, value in values.items():
            assert backend.get_variable(key) == value

    assert interruptions > 10


def test_a_host_with_a_name(proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """On many machines localhost is ::1 first, where the proxy is not."""
    put.variable("x", "found")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "localhost")

    assert proxied().get_variable("x") == "found"
    assert proxy.requests[0].headers["host"] == f"localhost:{proxy.port}"


def test_a_host_that_is_no_name(make_backend: MakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is too long for one, so that nobody outside this machine is asked for it."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "x" * 300)

    with pytest.raises(ApiUnavailableError, match="could not be read"):
        make_backend(timeout=0.5).get_variable("x")


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise Interrupted

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextmanager
def ends_within(timeout: float) -> Iterator[None]:
    """A lookup that hangs fails here, with room for a slow machine."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < timeout + 2


@pytest.mark.parametrize("cache_ttl", [0, 60])
def test_several_namespaces_have_one_deadline(
    cluster: Cluster, proxied: MakeBackend, proxy: Proxy, namespace: str, cache_ttl: int
) -> None:
    names = [f"{namespace}-{number}" for number in range(4)]
    account = cluster.service_account(namespace, "reader", {name: ["list"] for name in names})
    proxy.always = late(0.5)
    folder = str(proxy.folder(account))
    backend = proxied(service_account_path=folder, namespace=names, timeout=1.2, cache_ttl=cache_ttl, outage_ttl=0)

    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("nobody")
        assert time.monotonic() - began < 1.2 + 0.8
