"""Watches send the same events on the devserver and on a real kube-apiserver."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpx
import pytest

from support.cluster import Cluster
from support.contract import Secrets, encoded
from support.kube_apiserver import bearer, trust
from support.versions import Since, at
from support.waiting import PATIENCE


def summaries(events: Iterable[dict[str, Any]], count: int) -> list[str]:
    """Return the next ``count`` events as strings: type, name and the label ``z``."""
    found = []
    for event in events:
        metadata = event["object"]["metadata"]
        found.append(f"{event['type']} {metadata['name']} {metadata.get('labels', {}).get('z', '-')}")
        if len(found) == count:
            return found
    return [*found, "END"]


def relabel(secrets: Secrets, value: str) -> None:
    response = secrets.patch("w", {"metadata": {"labels": {"z": value}}})
    assert response.status_code == 200, response.text


def test_changes_arrive_as_they_happen(secrets: Secrets) -> None:
    version = secrets.version()
    with secrets.watch(seconds=120, resourceVersion=version) as events:
        for change, expected in (
            (lambda: secrets.create("w", {"z": "1"}), "ADDED w 1"),
            (lambda: relabel(secrets, "2"), "MODIFIED w 2"),
            (lambda: secrets.delete("w"), "DELETED w 2"),
        ):
            began = time.monotonic()
            change()
            assert summaries(events, 1) == [expected]
            # If the server sent events only at the end of the watch, they would arrive after 120 s.
            assert time.monotonic() - began < 60


def test_event_contains_the_object(secrets: Secrets) -> None:
    with secrets.watch(resourceVersion=secrets.version()) as events:
        made = secrets.create("w", {"z": "1"}, stringData={"k": "v"})
        assert next(events) == {"type": "ADDED", "object": made}
        secrets.delete("w")
        gone = next(events)["object"]
    assert gone["data"] == made["data"]
    assert int(gone["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}], ids=["unset", "zero"])
def test_watch_without_a_version_begins_with_existing_objects(secrets: Secrets, query: dict[str, str]) -> None:
    secrets.create("w", {"z": "1"})
    secrets.create("x", {"z": "1"})
    # A real server serves version 0 from a cache that may be a moment behind.
    list(summaries_until(secrets, {"ADDED w 1", "ADDED x 1"}, query))


def summaries_until(secrets: Secrets, expected: set[str], query: dict[str, str]) -> list[str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with secrets.watch(seconds=1, **query) as events:
            found = summaries(events, len(expected))
        if set(found) == expected:
            return found
    raise AssertionError(found)


def test_a_watch_resumes_from_a_version(secrets: Secrets) -> None:
    version = secrets.create("w", {"z": "1"})["metadata"]["resourceVersion"]
    relabel(secrets, "2")
    secrets.delete("w")
    with secrets.watch(resourceVersion=version) as events:
        assert summaries(events, 2) == ["MODIFIED w 2", "DELETED w 2"]


def test_watch_from_a_future_version_skips_earlier_changes(secrets: Secrets) -> None:
    """A client that was connected to a server which is ahead sends such a request."""
    version = int(secrets.version())
    with secrets.watch(seconds=3, resourceVersion=str(version + 1_000_000)) as events:
        secrets.create("w")
        relabel(secrets, "2")
        secrets.delete("w")
        assert list(events) == []


@pytest.mark.parametrize("live", [True, False], ids=["live", "from history"])
def test_entering_and_leaving_the_selection(secrets: Secrets, live: bool) -> None:
    version = secrets.version()

    def act() -> None:
        secrets.create("w", {"z": "1"})
        relabel(secrets, "2")
        relabel(secrets, "3")
        relabel(secrets, "1")
        secrets.patch("w", {"metadata": {"labels": {"other": "x"}}})
        secrets.patch("w", {"metadata": {"labels": {"z": None}}})
        secrets.delete("w")
        secrets.create("w", {"z": "1"})
        secrets.delete("w")

    if not live:
        act()
    with secrets.watch(resourceVersion=version, labelSelector="z=1") as events:
        if live:
            act()
        assert summaries(events, 7) == [
            "ADDED w 1",
            "DELETED w 1",
            "ADDED w 1",
            "MODIFIED w 1",
            "DELETED w 1",
            "ADDED w 1",
            "DELETED w 1",
        ]


def test_a_watch_on_one_name(secrets: Secrets) -> None:
    with secrets.watch(resourceVersion=secrets.version(), fieldSelector="metadata.name=w") as events:
        secrets.create("v")
        secrets.create("w")
        assert summaries(events, 1) == ["ADDED w -"]


def test_a_watch_sees_its_namespace_only(secrets: Secrets) -> None:
    other = f"{secrets.namespace}-other"
    secrets.cluster.create_namespace(other)
    with secrets.watch(resourceVersion=secrets.version()) as events:
        secrets.cluster.apply({"metadata": {"name": "foreign", "namespace": other}})
        secrets.create("w")
        assert summaries(events, 1) == ["ADDED w -"]


def test_a_watch_on_all_namespaces(secrets: Secrets) -> None:
    query = {"watch": "1", "timeoutSeconds": "10", "resourceVersion": secrets.version()}
    with secrets.cluster.admin.stream("GET", "/api/v1/secrets", params=query) as response:
        secrets.create("w")
        # Other tests may write to other namespaces of this server meanwhile.
        namespaces = (json.loads(line)["object"]["metadata"]["namespace"] for line in response.iter_lines() if line)
        assert secrets.namespace in namespaces


def test_watch_ends_at_its_timeout(secrets: Secrets) -> None:
    began = time.monotonic()
    with secrets.watch(seconds=1, resourceVersion=secrets.version()) as events:
        assert list(events) == []
    assert 0.8 < time.monotonic() - began < 20


def test_bookmarks_contain_the_current_version(secrets: Secrets, cluster: Cluster) -> None:
    query = {"resourceVersion": secrets.version(), "labelSelector": "nothing", "allowWatchBookmarks": "true"}
    with secrets.watch(seconds=15, **query) as events:
        version = int(secrets.create("w")["metadata"]["resourceVersion"])
        found = list(events)
    assert found
    for event in found:
        assert event["type"] == "BOOKMARK"
        assert (event["object"]["kind"], event["object"]["apiVersion"]) == ("Secret", "v1")
        also = at(cluster, Since[set[str]]({0: {"creationTimestamp"}, 34: set()}))
        assert set(event["object"]["metadata"]) == {"resourceVersion", *also}
    assert int(found[-1]["object"]["metadata"]["resourceVersion"]) >= version


def test_bookmarks_are_sent_only_on_request(secrets: Secrets) -> None:
    with secrets.watch(seconds=3, resourceVersion=secrets.version(), labelSelector="nothing") as events:
        secrets.create("w")
        assert list(events) == []


def test_concurrent_watches_receive_the_same_events(secrets: Secrets) -> None:
    version, results = secrets.version(), []

    def follow() -> None:
        with secrets.watch(resourceVersion=version) as events:
            results.append(summaries(events, 20))

    threads = [threading.Thread(target=follow) for _ in range(5)]
    for thread in threads:
        thread.start()
    for number in range(20):
        secrets.create(f"w{number:02}")
    for thread in threads:
        thread.join(30)
    assert results == [[f"ADDED w{number:02} -" for number in range(20)]] * 5


def test_watch_returns_tables_on_request(secrets: Secrets) -> None:
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    secrets.create("w")
    query = {"watch": "1", "timeoutSeconds": "5"}
    with secrets.cluster.admin.stream("GET", secrets.path, params=query, headers=headers) as response:
        line = next(response.iter_lines())
    assert '"kind":"Table"' in line
    assert '"cells":["w","Opaque",0,' in line


@pytest.mark.restarts
def test_expired_versions_return_410(secrets: Secrets) -> None:
    secrets.create("a")
    secrets.create("b")
    listed = secrets.list(limit="1").json()["metadata"]
    secrets.delete("a")
    secrets.cluster.forget_history()
    with secrets.watch(resourceVersion=listed["resourceVersion"]) as events:
        found = list(events)
    assert [event["type"] for event in found] == ["ERROR"]
    status = found[0]["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    assert status["message"].startswith(f"too old resource version: {listed['resourceVersion']} (")

    response = secrets.list(limit="1", continue_=listed["continue"])
    assert response.status_code == 410, response.text
    assert response.json()["reason"] == "Expired"
    assert response.json()["message"].startswith("The provided continue parameter is too old")
    assert secrets.names() == {"b"}
    with secrets.watch(resourceVersion=secrets.version()) as events:
        secrets.create("c")
        assert summaries(events, 1) == ["ADDED c -"]


INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
# The error if a watch cannot begin with the current objects; empty if it can. Version 1.33 had this switched off again.
GATE = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
NO_INITIAL = Since({0: "resourceVersionMatch is forbidden for watch", 27: GATE, 32: "", 33: GATE, 34: ""})


def refused_initial(secrets: Secrets, cluster: Cluster, query: dict[str, str]) -> bool:
    """Return whether the server does not support it, and assert its error in that case."""
    if not (why := at(cluster, NO_INITIAL)):
        return False
    response = secrets.list(watch="1", timeoutSeconds="1", **query)
    assert response.status_code == 422, response.text
    assert why in response.json()["message"]
    return True


@pytest.mark.parametrize("since", ["", "0", "now"])
def test_initial_events_end_with_a_bookmark(secrets: Secrets, cluster: Cluster, since: Any) -> None:
    """https://kubernetes.io/docs/reference/using-api/api-concepts/#streaming-lists"""
    secrets.create("a", {"app": "x"})
    secrets.create("b", {"app": "y"})
    version = secrets.version()
    query = {**INITIAL, "labelSelector": "app=x", "resourceVersion": version if since == "now" else since}
    if refused_initial(secrets, cluster, query):
        return
    with secrets.watch(seconds=8, **query) as events:
        first, mark = next(events), next(events)
        secrets.create("c", {"app": "x"})
        later = next(each for each in events if each["type"] != "BOOKMARK")
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert (mark["type"], mark["object"]["kind"]) == ("BOOKMARK", "Secret")
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(mark["object"]["metadata"]["resourceVersion"]) >= int(version)
    assert (later["type"], later["object"]["metadata"]["name"]) == ("ADDED", "c")


def test_resuming_from_the_initial_bookmark_misses_no_object(secrets: Secrets, cluster: Cluster) -> None:
    """A client that resumes from the bookmark gets the objects that were written while it read the first events."""
    if refused_initial(secrets, cluster, INITIAL):
        return
    # This is more than the sockets of both sides can buffer, so the server cannot finish before the client has read it.
    large = encoded("x" * 700_000)
    for number in range(8):
        secrets.create(f"large{number}", data={"k": large})
    options = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)]
    transport = httpx.HTTPTransport(verify=trust(cluster.ca_file), socket_options=options)
    query = {"watch": "1", "timeoutSeconds": "60", **INITIAL}
    found = []
    with (
        httpx.Client(
            base_url=cluster.url, transport=transport, headers=bearer(cluster.admin_token), timeout=60
        ) as slow,
        slow.stream("GET", secrets.path, params=query) as response,
    ):
        events = (json.loads(line) for line in response.iter_lines() if line)
        found.append(next(events))
        secrets.create("meanwhile")
        while found[-1]["type"] != "BOOKMARK":
            found.append(next(events))
    *first, mark = found
    names = {each["object"]["metadata"]["name"] for each in first}
    with secrets.watch(resourceVersion=mark["object"]["metadata"]["resourceVersion"]) as resumed:
        while "meanwhile" not in names and (event := next(resumed, None)) is not None:
            names.add(event["object"]["metadata"]["name"])
    assert sorted(names) == [*(f"large{number}" for number in range(8)), "meanwhile"]


def test_initial_events_without_bookmarks(secrets: Secrets, cluster: Cluster) -> None:
    secrets.create("a")
    query = {**INITIAL, "allowWatchBookmarks": "false"}
    if refused_initial(secrets, cluster, query):
        return
    with secrets.watch(seconds=2, **query) as events:
        assert [(each["type"], each["object"]["metadata"]["name"]) for each in events] == [("ADDED", "a")]


def test_watch_without_initial_events(secrets: Secrets, cluster: Cluster) -> None:
    secrets.create("a")
    query = {**INITIAL, "sendInitialEvents": "false", "allowWatchBookmarks": "false"}
    if refused_initial(secrets, cluster, query):
        return
    with secrets.watch(seconds=15, **query) as events:
        secrets.create("b")
        # An event about the first Secret would come before.
        assert summaries(events, 1) == ["ADDED b -"]


def test_initial_events_of_a_future_version_fail(secrets: Secrets, cluster: Cluster) -> None:
    query = {**INITIAL, "resourceVersion": str(int(secrets.version()) + 100_000)}
    if refused_initial(secrets, cluster, query):
        return
    with secrets.watch(seconds=6, **query) as events:
        (event,) = events
    assert (event["type"], event["object"]["code"]) == ("ERROR", 504)
    assert event["object"]["message"].startswith("Timeout: Too large resource version: ")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"sendInitialEvents": "true"}, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
        (
            {"resourceVersionMatch": "NotOlderThan"},
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (
            {"sendInitialEvents": "true", "resourceVersionMatch": "Exact", "resourceVersion": "1"},
            'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"',
        ),
    ],
)
def test_invalid_options_for_initial_events(
    secrets: Secrets, cluster: Cluster, query: dict[str, str], why: Any
) -> None:
    if refused_initial(secrets, cluster, INITIAL):
        return
    response = secrets.list(watch="1", timeoutSeconds="1", **query)
    assert response.status_code == 422, response.text
    assert why in response.json()["message"]


def test_a_list_has_no_initial_events(secrets: Secrets, cluster: Cluster) -> None:
    response = secrets.list(sendInitialEvents="true")
    assert response.status_code == at(cluster, Since({0: 200, 27: 422})), response.text


def test_initial_events_as_tables_end_with_a_bookmark(secrets: Secrets, cluster: Cluster) -> None:
    secrets.create("a")
    if refused_initial(secrets, cluster, INITIAL):
        return
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    query = {"watch": "1", "timeoutSeconds": "1", **INITIAL}
    found = secrets.cluster.admin.get(secrets.path, params=query, headers=headers).text.splitlines()
    first, mark = (json.loads(line) for line in found[:2])
    assert [each["object"]["rows"][0]["cells"][0] for each in (first, mark)] == ["a", ""]
    metadata = mark["object"]["rows"][0]["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
