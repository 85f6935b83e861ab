"""A watch: it sees every change, and whatever happens to it, no answer is older than ``cache_ttl``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Protocol

import pytest

from airflow_kubernetes_secrets.errors import ForbiddenError, UnauthorizedError
from support.cluster import Cluster, KubeApiserverCluster, ServiceAccount, checked
from support.logs import said
from support.memory import AT_ONCE, ONE_SERVER, SLACK, Asker, Reader, Story, grant, reading, replace_token, watchers
from support.proxy import (
    NO_JSON,
    STREAM,
    Exchange,
    Fault,
    Proxy,
    Request,
    answer_with,
    chunk,
    close_at_once,
    ends_at_once,
    event,
    expired_in_the_middle,
    forward_events,
    garbled_after,
    raw,
    reset_after,
    split_bytes,
    stream_of,
    until,
)
from support.secrets import VARIABLE, Put

# So long that nothing but the watch can have seen a change in a test.
LONG = 600.0


class MakeAsker(Protocol):
    def __call__(self, **options: object) -> Asker: ...


@pytest.fixture
def make_asker(proxy: Proxy, account: ServiceAccount, put: Put) -> Iterator[MakeAsker]:
    with ExitStack() as stack:

        def make(**options: object) -> Asker:
            asker = Asker(proxy, account, put.namespace, **options)  # type: ignore[arg-type]
            stack.callback(asker.close)
            return asker

        yield make


class Secrets:
    """Writes over HTTP, for what ``Put`` does not do."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._path = f"/api/v1/namespaces/{namespace}/secrets"

    def delete(self, name: str) -> None:
        checked(self._cluster.admin.delete(f"{self._path}/{name}"))

    def patch(self, name: str, content: dict[str, object]) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        checked(self._cluster.admin.patch(f"{self._path}/{name}", content=json.dumps(content), headers=headers))


@pytest.fixture
def secrets(cluster: Cluster, namespace: str) -> Secrets:
    return Secrets(cluster, namespace)


def versions(proxy: Proxy) -> list[str]:
    """From which version on each watch was asked for."""
    return [request.query["resourceVersion"][0] for request in proxy.watches]


def story_of(put: Put, key: str = "x") -> Story:
    story = Story(key, lambda key, text: put.variable(key, text, name=key))
    story.go_on()
    return story


def go_on_for(seconds: float, *stories: Story, pause: float = 0.02) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        for story in stories:
            story.go_on()
        time.sleep(pause)


class TestChanges:
    def test_each_is_seen(self, make_asker: MakeAsker, proxy: Proxy, put: Put, secrets: Secrets) -> None:
        asker = make_asker(ttl=LONG)
        put.variable("x", "one", name="first")
        assert (asker.get("x"), asker.get("y")) == ("one", None)

        put.variable("y", "added", name="second")
        until(lambda: asker.get("y") == "added")
        put.variable("x", "two", name="first")
        until(lambda: asker.get("x") == "two")
        secrets.delete("second")
        until(lambda: asker.get("y") is None)
        put.variable("y", "made anew", name="second")
        until(lambda: asker.get("y") == "made anew")
        secrets.patch("second", {"metadata": {"labels": {VARIABLE: "z"}}})
        until(lambda: asker.get("z") == "made anew" and asker.get("y") is None)
        secrets.patch("second", {"metadata": {"labels": {VARIABLE: None}}})
        until(lambda: asker.get("z") is None)
        put.variable("z", "labelled again", name="second")
        until(lambda: asker.get("z") == "labelled again")
        assert asker.get("x") == "two"

        assert len(proxy.lists) == 1

    def test_a_secret_that_moves_is_never_under_neither(
        self, make_asker: MakeAsker, put: Put, secrets: Secrets
    ) -> None:
        """Looked for between any two steps of the watch: there are moments in which it is under both."""
        put.variable("a", "found", name="moving")
        asker = make_asker(ttl=LONG)
        where: list[set[str]] = []

        def look(frame: FrameType, happens: str, _argument: object) -> object:
            if not frame.f_code.co_filename.endswith("/sources/index.py"):
                return None
            if happens == "line":
                where.append({key for key in "ab" if asker.get(key) == "found"})
            return look

        threading.settrace(look)  # type: ignore[arg-type]
        try:
            assert asker.get("a") == "found"
        finally:
            threading.settrace(None)  # type: ignore[arg-type]
        for old, new in ("ab", "ba"):
            where.clear()
            secrets.patch("moving", {"metadata": {"labels": {VARIABLE: new}}})
            until(lambda old=old: asker.get(old) is None)  # type: ignore[misc]
            assert set() not in where
            assert {"a", "b"} in where

    def test_a_secret_of_a_mebibyte(self, make_asker: MakeAsker, proxy: Proxy, put: Put) -> None:
        asker = make_asker(ttl=LONG)
        assert asker.get("x") is None
        for letter in "ab":
            value = letter * (1024 * 1024 - 4096)
            put.variable("x", value, name="large")
            until(lambda value=value: asker.get("x") == value)  # type: ignore[misc]
        assert len(proxy.lists) == 1

    def test_a_thousand_secrets_that_change_all_the_time(
        self, cluster: Cluster, make_asker: MakeAsker, put: Put
    ) -> None:
        stories = [story_of(put, f"x{number}") for number in range(200)]
        asker = make_asker(ttl=10.0)
        asker.get("x0")
        readers = [Reader(f"reader {number}", stories[number::2], asker.get, 0.001) for number in range(2)]
        with reading(*readers), ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda each: go_on_for(4, *each, pause=0), (stories[0::3], stories[1::3], stories[2::3])))
            last = time.monotonic()
            until(lambda: all(asker.get(story.key) == str(story.last) for story in stories))
            assert time.monotonic() - last < 1 + SLACK
        assert max(reader.oldest for reader in readers) < asker.ttl


class TestResuming:
    def test_after_an_event(self, make_asker: MakeAsker, proxy: Proxy, put: Put) -> None:
        asker = make_asker(ttl=LONG)
        asker.get("x")
        for number in range(2):
            until(lambda number=number: len(proxy.watches) == number + 1 and proxy.open_watches == 1)  # type: ignore[misc]
            version = put.variable("x", str(number), name="x")["metadata"]["resourceVersion"]
            until(lambda number=number: asker.get("x") == str(number))  # type: ignore[misc]

            proxy.cut()

            until(lambda number=number: len(proxy.watches) == number + 2)  # type: ignore[misc]
            assert versions(proxy)[-1] == version
        # What happened while there was no watch comes too.
        proxy.watch_faults.append(answer_with(503))
        proxy.cut()
        put.variable("x", "meanwhile", name="x")
        until(lambda: asker.get("x") == "meanwhile")
        assert len(proxy.lists) == 1

    @ONE_SERVER
    def test_after_a_bookmark(self, make_asker: MakeAsker, proxy: Proxy, put: Put) -> None:
        """Else a quiet label would always resume from where others have left long ago, and be answered with 410.

        When a real server sends one in a watch of a few seconds is its own affair.
        """
        put.variable("x", "found")
        asker = make_asker(ttl=10.0)
        asker.get("x")
        until(lambda: proxy.open_watches == 1)
        version = put({"app": "other"}, "of no interest")["metadata"]["resourceVersion"]

        until(lambda: int(versions(proxy)[-1]) >= int(version))

        assert len(proxy.lists) == 1
        # Each has ended in its time, and its connection goes on.
        assert len({request.connection for request in proxy.watches}) == 1

    @pytest.mark.parametrize("fault", [answer_with(410), expired_in_the_middle(0)], ids=["status", "event"])
    def test_a_version_that_is_too_old_at_the_beginning(
        self, make_asker: MakeAsker, proxy: Proxy, put: Put, fault: Fault
    ) -> None:
        put.variable("x", "one", name="x")
        proxy.watch_faults.append(fault)
        asker = make_asker(ttl=LONG)
        assert asker.get("x") == "one"
        put.variable("x", "two", name="x")

        until(lambda: asker.get("x") == "two")

        until(lambda: proxy.open_watches == 1)
        assert (len(proxy.lists), len(proxy.watches)) == (2, 2)

    def test_a_version_that_is_too_old_in_the_middle(self, make_asker: MakeAsker, proxy: Proxy, put: Put) -> None:
        proxy.watch_faults.append(expired_in_the_middle(1))
        asker = make_asker(ttl=LONG)
        assert asker.get("x") is None
        put.variable("x", "one", name="x")
        until(lambda: len(proxy.watches) == 2)
        put.variable("x", "two", name="x")

        until(lambda: asker.get("x") == "two")

        assert len(proxy.lists) == 2

    def test_a_server_that_forgot_its_history(
        self, cluster: Cluster, make_asker: MakeAsker, proxy: Proxy, put: Put, secrets: Secrets
    ) -> None:
        for key in ("x", "y"):
            put.variable(key, "one", name=key)
        asker = make_asker(ttl=LONG, outage_ttl=LONG)
        assert asker.get("x") == "one"
        until(lambda: proxy.open_watches == 1)
        proxy.refuse()
        put.variable("x", "two", name="x")
        secrets.delete("y")

        cluster.forget_history()
        proxy.resume()

        until(lambda: asker.get("x") == "two")
        assert asker.get("y") is None


def slow_lines(seconds: float) -> Fault:
    """A line that is as slow as that: what it has not yet carried waits in front of it, the end as well."""

    def fault(exchange: Exchange) -> bool:
        with exchange.upstream() as response:
            exchange.sock.sendall(STREAM)
            for line in response:
                exchange.wait(seconds)
                exchange.sock.sendall(chunk(line))
        exchange.sock.sendall(b"0\r\n\r\n")
        return True

    return fault


def one_byte_a_second(exchange: Exchange) -> bool:
    with exchange.upstream() as response:
        exchange.sock.sendall(STREAM)
        while byte := response.read(1):
            exchange.sock.sendall(chunk(byte))
            exchange.wait(1)
    return False


def torn_after(count: int) -> Fault:
    """So many bytes of the stream, then its clean end."""

    def fault(exchange: Exchange) -> bool:
        with exchange.upstream() as response:
            exchange.sock.sendall(STREAM + chunk(response.read(count)) + b"0\r\n\r\n")
        return True

    return fault


def error_event(code: int) -> bytes:
    return event("ERROR", {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "code": code})


EVERY_WATCH: dict[str, Fault] = {
    "ends at once": ends_at_once,
    "ends after an event": forward_events(1),
    "is silent": forward_events(0, "hang"),
    "falls silent": forward_events(3, "hang"),
    "is reset": forward_events(2, "reset"),
    "is reset at once": reset_after(0),
    "is closed at once": close_at_once,
    "is not HTTP": raw(b"hunter2\r\n\r\n"),
    "is a 500": answer_with(500),
    "is a 429": answer_with(429, b"", {"Retry-After": "3600"}),
    "is garbled": garbled_after(2),
    "is garbled and goes on": stream_of(*[NO_JSON] * 1000),
    "is torn": torn_after(700),
    "has an error in it": stream_of(error_event(500)),
    "has an error after an event": stream_of(error_event(429), then="hang"),
    "is too old each time": expired_in_the_middle(0),
    "is a 410 each time": answer_with(410),
    "is one byte at a time": split_bytes,
    "is one byte a second": one_byte_a_second,
    "is slow": slow_lines(1.0),
}


def test_whatever_every_watch_does_no_answer_is_too_old(cluster: Cluster, account: ServiceAccount, put: Put) -> None:
    """All of them at once, each through a proxy of its own, for as long as an answer may be old, and more."""
    ttl = 3.0
    story = story_of(put)
    readers: dict[str, Reader] = {}
    proxies: dict[str, Proxy] = {}
    began = time.monotonic()
    with ExitStack() as stack:
        for name, fault in EVERY_WATCH.items():
            proxies[name] = proxy = stack.enter_context(Proxy(cluster))
            proxy.always_watch = fault
            asker = stack.enter_context(closing(Asker(proxy, account, put.namespace, ttl=ttl)))
            asker.get("x")
            readers[name] = Reader(name, [story], asker.get, pause=0.05)
        with reading(*readers.values()):
            go_on_for(3 * ttl, story, pause=0.15)
            time.sleep(ttl + SLACK)
    seconds = time.monotonic() - began
    too_old = {name: round(reader.oldest, 1) for name, reader in readers.items() if reader.oldest > ttl + SLACK}
    assert too_old == {}
    # What fails at once is tried again after pauses that grow up to a quarter of the time, of which jitter takes half.
    most = 10 + seconds / (ttl / 4 / 2)
    watches = {name: len(proxy.watches) for name, proxy in proxies.items()}
    assert max(watches.values()) < most, watches
    lists = {name: len(lists_of_all(proxy)) for name, proxy in proxies.items()}
    assert max(lists.values()) < most, lists


def lists_of_all(proxy: Proxy) -> list[Request]:
    """The requests for everything that has the label."""
    return [request for request in proxy.lists if request.query["labelSelector"] == [VARIABLE]]


class TestOutages:
    def test_a_network_that_swallows_everything(self, make_asker: MakeAsker, proxy: Proxy, put: Put) -> None:
        story = story_of(put)
        asker = make_asker(ttl=2.0, outage_ttl=LONG, timeout=1.0)
        asker.get("x")
        with reading(*[Reader(f"reader {number}", [story], asker.get, pause=0.01) for number in range(4)]):
            proxy.swallow()
            story.go_on()
            time.sleep(3)
            proxy.resume()
            until(lambda: asker.get("x") == str(story.last))
            story.go_on()
            until(lambda: asker.get("x") == str(story.last), asker.ttl + SLACK)

    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    def test_an_api_server_that_is_killed_and_started_again(
        self, cluster: KubeApiserverCluster, account: ServiceAccount, put: Put
    ) -> None:
        """One that has just started may answer 403 until it has read its roles, and is taken at its word."""
        story = story_of(put)
        starting = threading.Event()

        def get(key: str) -> str | None:
            while True:
                try:
                    return asker.get(key)
                except ForbiddenError:
                    if not starting.is_set():
                        raise
                    time.sleep(0.01)

        with closing(Asker(cluster, account, put.namespace, ttl=3.0, outage_ttl=LONG, timeout=2.0)) as asker:
            asker.get("x")
            with reading(*[Reader(f"reader {number}", [story], get, pause=0.01) for number in range(8)]):
                go_on_for(1, story)
                cluster.server.kill_apiserver()
                # Until the index is too old.
                until(lambda: asker.ladder.recall("x") is None)
                time.sleep(1)
                starting.set()
                cluster.server.start_apiserver()
                go_on_for(1, story)
                until(lambda: get("x") == str(story.last), asker.ttl + SLACK)
                starting.clear()
                go_on_for(1, story)
                until(lambda: get("x") == str(story.last), asker.ttl + SLACK)

    @ONE_SERVER
    def test_connections_that_all_break_at_once(self, proxy: Proxy, account: ServiceAccount, put: Put) -> None:
        """Each thread that finds one broken throws away the others, while the rest put theirs back."""
        put.variable("x", "found")
        direct = AT_ONCE._replace(asked_first=10**9)
        failures: list[BaseException] = []
        ends = time.monotonic() + 3

        def ask(_number: int) -> None:
            try:
                while time.monotonic() < ends:
                    assert asker.get("x") == "found"
            except BaseException as error:
                failures.append(error)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with (
                closing(Asker(proxy, account, put.namespace, thresholds=direct)) as asker,
                ThreadPoolExecutor(12) as threads,
            ):
                asking = [threads.submit(ask, number) for number in range(12)]
                while time.monotonic() < ends:
                    time.sleep(0.05)
                    proxy.cut()
                for each in asking:
                    each.result()
        finally:
            sys.setswitchinterval(interval)
        assert failures == []


class TestPermissions:
    def test_to_watch_is_granted_later(
        self,
        cluster: Cluster,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Until then everything is listed whenever the last list is too old, which is said once, with the remedy."""
        account = cluster.service_account(put.namespace, "lister", {put.namespace: ["list"]})
        story = story_of(put)
        ttl = 2.0
        thresholds = AT_ONCE._replace(refused_for=ttl)
        with closing(Asker(proxy, account, put.namespace, ttl=ttl, thresholds=thresholds)) as asker:
            reader = Reader("reader", [story], asker.get, pause=0.01)
            with reading(reader):
                go_on_for(1.25 * ttl, story)
                assert 2 <= len(lists_of_all(proxy)) <= 3
                assert watchers() == []
                [line] = said(caplog)
                assert "cannot be watched: everything that has it is listed instead" in line
                assert "--verb=list,watch" in line

                grant(cluster, account, "watch")

                until(lambda: proxy.open_watches == 1)
                lists = len(proxy.lists)
                go_on_for(1.25 * ttl, story)
                until(lambda: asker.get("x") == str(story.last))
            assert reader.oldest < ttl + SLACK
            assert len(proxy.lists) == lists
            assert len(said(caplog)) == 1

    def test_a_token_that_is_revoked(
        self, cluster: Cluster, make_asker: MakeAsker, account: ServiceAccount, put: Put
    ) -> None:
        """Nothing is remembered then, not even for an outage, and a new token is enough to go on."""
        put.variable("x", "found")
        asker = make_asker(ttl=3.0, outage_ttl=LONG)
        assert asker.get("x") == "found"

        token = replace_token(cluster, account)

        until(lambda: asker.ladder.recall("x") is None)
        with pytest.raises(UnauthorizedError):
            asker.get("x")
        assert asker.ladder.last_known("x", LONG) is None
        assert watchers() == []

        (asker.folder / "token").write_text(token)
        until(lambda: found(asker, "x") == "found")
        until(lambda: len(watchers()) == 1, 10)

    @ONE_SERVER
    def test_a_token_that_is_rotated(
        self, cluster: Cluster, make_asker: MakeAsker, account: ServiceAccount, proxy: Proxy, put: Put
    ) -> None:
        """The new one is there before the old one ends: nobody notices."""
        story = story_of(put)
        asker = make_asker(ttl=3.0)
        asker.get("x")
        with reading(Reader("reader", [story], asker.get, pause=0.01)):
            (asker.folder / "token").write_text(replace_token(cluster, account))
            until(lambda: proxy.watches[-1].headers["authorization"] != f"Bearer {account.token}")
            story.go_on()
            until(lambda: asker.get("x") == str(story.last), asker.ttl + SLACK)
        assert len(watchers()) == 1


def found(asker: Asker, key: str) -> str | None:
    """None as well where it is refused, as by a real server for a moment after a service account was made."""
    try:
        return asker.get(key)
    except UnauthorizedError:
        return None


@ONE_SERVER
def test_one_that_nobody_needs_ends(make_asker: MakeAsker, proxy: Proxy, put: Put) -> None:
    put.variable("x", "one", name="x")
    asker = make_asker(ttl=1.0, thresholds=AT_ONCE._replace(shortest_watched=0.0, idle_after=0.0))
    asker.get("x")
    until(lambda: asker.get("x") == "one" and len(watchers()) == 1)
    [thread] = watchers()
    ends = time.monotonic() + 4
    while time.monotonic() < ends:
        assert asker.get("x") == "one"
        time.sleep(0.01)
    assert watchers() == [thread]

    until(lambda: watchers() == [])

    until(lambda: proxy.open_watches == 0)
    put.variable("x", "two", name="x")
    until(lambda: asker.get("x") == "two")
    # It begins to watch again when somebody needs it.
    until(lambda: asker.get("x") == "two" and proxy.open_watches == 1)


ENDINGS = {
    "falls off its end": ("", 0, ""),
    "exits": ("sys.exit(3)", 3, ""),
    "fails": ("raise ValueError('its own error')", 1, "ValueError: its own error"),
    "looks up at its exit": ("atexit.register(lambda: print(backend.get_variable('x')))", 0, ""),
    "has threads that look up": (
        "threading.Thread(target=lambda: [backend.get_variable('x') for _ in iter(int, 1)], daemon=True).start()",
        0,
        "",
    ),
    "is interrupted": ("raise KeyboardInterrupt", -2, "KeyboardInterrupt"),
}

PROGRAM = """
import atexit, logging, sys, threading, time
from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources import ladder
logging.basicConfig(level=logging.INFO, force=True)
ladder.THRESHOLDS = ladder.Thresholds(asked_first=0, indexes_first=0)
backend = KubernetesSecretsBackend(service_account_path={folder!r}, cache_ttl=60)
{before}
print(backend.get_variable("x"))
{ending}
"""
WAIT = "watcher = threading.enumerate()[-1]\nwhile watcher._stream is None: time.sleep(0.01)\n"


@contextmanager
def program(folder: Path, home: Path, ending: str, before: str = "") -> Iterator[subprocess.Popen[str]]:
    text = PROGRAM.format(folder=str(folder), before=before, ending=ending)
    with subprocess.Popen(
        [sys.executable, "-c", text],
        env={**os.environ, "AIRFLOW_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@ONE_SERVER
def test_a_process_that_ends_while_it_watches_says_nothing_of_it(
    account: ServiceAccount, in_pod: None, put: Put, tmp_path: Path
) -> None:
    put.variable("x", "found")
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(program(account.folder, tmp_path, WAIT + ending))
            for name, (ending, _code, _error) in ENDINGS.items()
        }
        for name, process in running.items():
            _ending, code, error = ENDINGS[name]
            output, errors = process.communicate(timeout=60)
            assert output.startswith("found\n"), (name, errors)
            # A traceback of its own, and nothing else.
            last = errors.strip().rpartition("\n")[2]
            assert (last, errors.count("Traceback"), process.returncode) == (error, 1 if error else 0, code), (
                name,
                errors,
            )


@ONE_SERVER
def test_a_process_in_which_no_thread_can_start_lists_and_ends_in_silence(
    account: ServiceAccount, in_pod: None, put: Put, tmp_path: Path
) -> None:
    """As where the number of processes in a container is limited."""
    put.variable("x", "found")

    with program(account.folder, tmp_path, "", before="threading.stack_size(1 << 46)") as process:
        assert process.communicate(timeout=60) == ("found\n", "")
    assert process.returncode == 0


@ONE_SERVER
def test_a_process_that_ends_while_its_watch_hears_nothing_ends_soon(
    proxy: Proxy, account: ServiceAccount, put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put.variable("x", "found")
    for name, value in proxy.pod_environment().items():
        monkeypatch.setenv(name, value)
    ending = WAIT + "print('watches', flush=True); sys.stdin.readline()"
    with program(proxy.folder(account), tmp_path, ending) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["found\n", "watches\n"]
        proxy.swallow()
        began = time.monotonic()
        assert process.communicate("\n", timeout=60) == ("", "")
    assert time.monotonic() - began < 5
