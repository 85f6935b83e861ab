"""``cache_ttl``: when an index is watched, and when it is not."""

from __future__ import annotations

import time

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources import cache_policy, watcher
from support.cluster import Cluster
from support.faults import stream_of
from support.label_selectors import WATCHED, selector, selectors
from support.logs import log_messages
from support.memory import watchers
from support.proxy import Proxy
from support.secrets import VARIABLE, MakeBackend, Put
from support.waiting import until


def start_a_watch(backend: KubernetesSecretsBackend, proxy: Proxy) -> None:
    """Look up until the index of variables is watched."""
    for _ in range(3):
        backend.get_variable("x")
    time.sleep(WATCHED)
    backend.get_variable("x")
    until(lambda: proxy.open_watches == 1)


class TestWatch:
    def test_process_with_continued_lookups_starts_a_watch(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=WATCHED)
        start_a_watch(backend, proxy)
        version = proxy.watches[0].query["resourceVersion"][0]
        requests = len(proxy.lists)

        put.variable("x", "two", name="x")
        until(lambda: backend.get_variable("x") == "two")

        assert len(proxy.lists) == requests
        assert version not in ("", "0")
        assert proxy.watches[0].query["allowWatchBookmarks"] == ["true"]
        assert selectors(proxy)[-1] == VARIABLE
        assert [thread.daemon for thread in watchers()] == [True]
        # Long after the index would have expired, no other request was sent.
        time.sleep(WATCHED)
        put.variable("x", "three", name="x")
        until(lambda: backend.get_variable("x") == "three")
        assert len(proxy.lists) == requests

    def test_configuration_options_are_never_watched(
        self, watched_at_once: None, proxied: MakeBackend, put: Put
    ) -> None:
        put.config("x", "option")
        backend = proxied(cache_ttl=WATCHED)
        for _ in range(4):
            assert backend.get_config("x") == "option"

        assert watchers() == []
        # An index of variables would be watched by now.
        backend.get_variable("x")
        assert len(watchers()) == 1

    def test_without_permission_to_watch_it_lists_and_warns_once(
        self, cluster: Cluster, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        account = cluster.service_account(put.namespace, "lister", {put.namespace: ["list"]})
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=WATCHED, service_account_path=str(proxy.folder(account)))
        for _ in range(3):
            backend.get_variable("x")
        for value in ("two", "three"):
            put.variable("x", value, name="x")
            time.sleep(WATCHED)

            assert backend.get_variable("x") == value

            # The refusal has been confirmed by now.
            until(lambda: len(log_messages(caplog)) == 1 and watchers() == [])
            watches = proxy.watches
            assert len(watches) > 1
        assert proxy.watches == watches
        [line] = log_messages(caplog)
        assert f"{VARIABLE} cannot be watched: they are listed instead" in line
        assert "'lister' of namespace" in line
        assert "--verb=list,watch" in line

    def test_lists_replace_watches_if_a_proxy_blocks_streams(
        self,
        watched_at_once: None,
        proxied: MakeBackend,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A proxy buffers streams: watches begin and send nothing, but LISTs are answered."""
        # The watcher waits this much longer for each watch than the watch should last.
        monkeypatch.setattr(watcher, "_LATENESS_SECONDS", (0.1, 5.0))
        put.variable("x", "one", name="x")
        proxy.always_watch = stream_of(then="hang")
        backend = proxied(cache_ttl=WATCHED)
        assert backend.get_variable("x") == "one"

        until(lambda: log_messages(caplog) != [])
        until(lambda: watchers() == [])

        [line] = log_messages(caplog)
        assert f"{VARIABLE} cannot be watched: they are listed instead" in line
        assert "something between Airflow and the API server may block streams" in line
        watches = len(proxy.watches)
        put.variable("x", "two", name="x")
        time.sleep(WATCHED)
        assert backend.get_variable("x") == "two"
        assert len(proxy.watches) == watches

    def test_unused_watch_ends(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The limit is twice the age that a value may have, which is short here."""
        thresholds = cache_policy.Thresholds(queries_first=0, indexes_first=0, shortest_watched=0, idle_after=0)
        monkeypatch.setattr(cache_policy, "THRESHOLDS", thresholds)
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=1)
        until(lambda: backend.get_variable("x") == "one" and proxy.open_watches == 1)

        until(lambda: watchers() == [])

        put.variable("x", "two", name="x")
        until(lambda: backend.get_variable("x") == "two")

    def test_process_with_a_long_pause_starts_with_single_queries_again(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One lookup an hour justifies neither a LIST nor a watch."""
        monkeypatch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(forgotten_after=0.1))
        put.variable("x", "found")
        backend = proxied(cache_ttl=2)
        for _ in range(3):
            backend.get_variable("x")
        time.sleep(2.2)

        assert backend.get_variable("x") == "found"

        assert selectors(proxy) == [selector("x"), selector("x"), VARIABLE, selector("x")]
