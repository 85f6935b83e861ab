"""A watch sees every change, and resumes after an interruption. If it cannot resume, everything is listed again."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import Any

import pytest

from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS
from support.cluster import Cluster, checked
from support.exchange import Fault
from support.faults import GONE, answer_with, expired_in_the_middle, raw
from support.memory import LONG, LONGEST_PAUSE, MakeLookups, Reader, count_up_for, counted_variable, reading
from support.proxy import Proxy
from support.secrets import VARIABLE, Put
from support.servers import on_the_devserver
from support.waiting import PATIENCE, until, until_equal


class Secrets:
    """Writes over HTTP that ``Put`` does not offer."""

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
    """Return the version from which each watch was requested."""
    return [request.query["resourceVersion"][0] for request in proxy.watches]


class TestChanges:
    def test_every_change_is_seen(self, make_lookups: MakeLookups, proxy: Proxy, put: Put, secrets: Secrets) -> None:
        lookups = make_lookups(ttl=LONG)
        put.variable("x", "one", name="first")
        assert (lookups.get("x"), lookups.get("y")) == ("one", None)

        put.variable("y", "added", name="second")
        until(lambda: lookups.get("y") == "added")
        put.variable("x", "two", name="first")
        until(lambda: lookups.get("x") == "two")
        secrets.delete("second")
        until(lambda: lookups.get("y") is None)
        put.variable("y", "created again", name="second")
        until(lambda: lookups.get("y") == "created again")
        secrets.patch("second", {"metadata": {"labels": {VARIABLE: "z"}}})
        until(lambda: lookups.get("z") == "created again" and lookups.get("y") is None)
        secrets.patch("second", {"metadata": {"labels": {VARIABLE: None}}})
        until(lambda: lookups.get("z") is None)
        put.variable("z", "labelled again", name="second")
        until(lambda: lookups.get("z") == "labelled again")
        assert lookups.get("x") == "two"

        assert len(proxy.lists) == 1

    def test_secret_is_always_found_while_its_id_changes(
        self, make_lookups: MakeLookups, put: Put, secrets: Secrets
    ) -> None:
        """The Secret is looked up between any two steps of the watch. At some moments it is found under both ids."""
        put.variable("a", "found", name="moving")
        lookups = make_lookups(ttl=LONG)
        where: list[set[str]] = []

        def look(frame: FrameType, happens: str, _argument: object) -> Any:
            if not frame.f_code.co_filename.endswith("/sources/index.py"):
                return None
            if happens == "line":
                where.append({key for key in "ab" if lookups.get(key) == "found"})
            return look

        threading.settrace(look)
        try:
            assert lookups.get("a") == "found"
        finally:
            threading.settrace(None)
        for old, new in ("ab", "ba"):
            where.clear()
            secrets.patch("moving", {"metadata": {"labels": {VARIABLE: new}}})
            until_equal(partial(lookups.get, old), None)
            assert set() not in where
            assert {"a", "b"} in where

    def test_a_secret_of_a_mebibyte(self, make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
        lookups = make_lookups(ttl=LONG)
        assert lookups.get("x") is None
        for letter in "ab":
            value = letter * (1024 * 1024 - 4096)
            put.variable("x", value, name="large")
            until_equal(partial(lookups.get, "x"), value)
        assert len(proxy.lists) == 1

    def test_two_hundred_secrets_that_change_all_the_time(
        self, cluster: Cluster, make_lookups: MakeLookups, put: Put
    ) -> None:
        variables = [counted_variable(put, f"x{number}") for number in range(200)]
        lookups = make_lookups(ttl=10.0)
        lookups.get("x0")
        readers = [Reader(f"reader {number}", variables[number::2], lookups.get, 0.001) for number in range(2)]
        with reading(*readers), ThreadPoolExecutor(3) as threads:
            list(
                threads.map(
                    lambda each: count_up_for(2, *each, pause=0), (variables[0::3], variables[1::3], variables[2::3])
                )
            )
            last = time.monotonic()
            until(lambda: all(lookups.get(counted.key) == str(counted.last) for counted in variables))
            # A LIST of the expired index would find them after 10 s.
            assert time.monotonic() - last < lookups.ttl / 2
        assert max(reader.oldest for reader in readers) < lookups.ttl


class TestResuming:
    def test_after_an_event(self, make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
        lookups = make_lookups(ttl=LONG)
        lookups.get("x")
        for number in range(2):
            until_equal(lambda: (len(proxy.watches), proxy.open_watches), (number + 1, 1))
            version = put.variable("x", str(number), name="x")["metadata"]["resourceVersion"]
            until_equal(partial(lookups.get, "x"), str(number))

            proxy.cut()

            until_equal(lambda: len(proxy.watches), number + 2)
            assert versions(proxy)[-1] == version
        # Events that happened while there was no watch arrive too.
        proxy.watch_faults.append(answer_with(503))
        proxy.cut()
        put.variable("x", "meanwhile", name="x")
        until(lambda: lookups.get("x") == "meanwhile")
        assert len(proxy.lists) == 1

    @on_the_devserver
    def test_after_a_bookmark(self, make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
        """Without bookmarks, a quiet label would resume from a version that is too old, and get a 410.

        When a real server sends a bookmark, in a watch of a few seconds, is not specified.
        """
        put.variable("x", "found")
        lookups = make_lookups(ttl=10.0)
        lookups.get("x")
        until(lambda: proxy.open_watches == 1)
        version = put({"app": "other"}, "of no interest")["metadata"]["resourceVersion"]

        until(lambda: int(versions(proxy)[-1]) >= int(version))

        assert len(proxy.lists) == 1
        # Each watch has ended in its time, and its connection is reused.
        assert len({request.connection for request in proxy.watches}) == 1

    @on_the_devserver
    @pytest.mark.parametrize("media_type", ["application/json;stream=watch", "Application/JSON ; charset=utf-8"])
    def test_other_forms_of_the_media_type(self, make_lookups: MakeLookups, proxy: Proxy, media_type: str) -> None:
        lookups = make_lookups()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        proxy.watch_faults.append(raw(head.encode() + b"0\r\n\r\n"))
        selector = LabelSelector.exists(VARIABLE)

        watch = lookups.client.watch_objects(SECRETS, lookups.server.namespace, selector, "0", seconds=60, timeout=10)

        assert list(watch) == []
        watch.close()

    @pytest.mark.parametrize("fault", [GONE, expired_in_the_middle(0)], ids=["status", "event"])
    def test_a_version_that_is_too_old_at_the_beginning(
        self, make_lookups: MakeLookups, proxy: Proxy, put: Put, fault: Fault
    ) -> None:
        put.variable("x", "one", name="x")
        proxy.watch_faults.append(fault)
        lookups = make_lookups(ttl=LONG)
        assert lookups.get("x") == "one"
        put.variable("x", "two", name="x")

        until(lambda: lookups.get("x") == "two")

        until(lambda: proxy.open_watches == 1)
        assert (len(proxy.lists), len(proxy.watches)) == (2, 2)

    def test_a_version_that_is_too_old_in_the_middle(self, make_lookups: MakeLookups, proxy: Proxy, put: Put) -> None:
        proxy.watch_faults.append(expired_in_the_middle(1))
        lookups = make_lookups(ttl=LONG)
        assert lookups.get("x") is None
        put.variable("x", "one", name="x")
        until(lambda: len(proxy.watches) == 2)
        put.variable("x", "two", name="x")

        until(lambda: lookups.get("x") == "two")

        assert len(proxy.lists) == 2

    @pytest.mark.restarts
    def test_server_that_lost_its_history(
        self, cluster: Cluster, make_lookups: MakeLookups, proxy: Proxy, put: Put, secrets: Secrets
    ) -> None:
        for key in ("x", "y"):
            put.variable(key, "one", name=key)
        lookups = make_lookups(ttl=LONG, outage_ttl=LONG)
        assert lookups.get("x") == "one"
        until(lambda: proxy.open_watches == 1)
        proxy.refuse()
        put.variable("x", "two", name="x")
        secrets.delete("y")

        cluster.forget_history()
        proxy.resume()

        # On a busy machine, the server restarts so slowly that the watch has reached its longest pause.
        until(lambda: lookups.get("x") == "two", LONGEST_PAUSE + PATIENCE)
        assert lookups.get("y") is None
