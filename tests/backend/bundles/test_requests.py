"""The requests that lookups of bundles send, and what they cache."""

from __future__ import annotations

import logging

import pytest

from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.formats import values
from support.bundles import URI
from support.call_counts import calls_of
from support.proxy import Proxy
from support.secrets import BUNDLE, CONFIG, TEAM, VARIABLE, MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until

pytestmark = pytest.mark.however_fresh


# The tested code is on the client's side, so the devserver is enough.
@on_the_devserver
@pytest.mark.however_fresh("queried")
class TestRequests:
    def test_bundles_are_listed_only_for_ids_without_a_labelled_secret(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("own", "found")
        put({BUNDLE: "variables"}, data={"x": "bundle"})
        put({BUNDLE: "config"}, data={"x": "option"})
        backend = proxied(bundles=True)

        assert (backend.get_variable("own"), backend.get_variable("x")) == ("found", "bundle")
        assert backend.get_variable("x", team_name="blue") == "bundle"
        assert backend.get_config("x") == "option"

        assert [request.query["labelSelector"] for request in proxy.requests] == [
            [f"{VARIABLE}=own,!{TEAM}"],
            [f"{VARIABLE}=x,!{TEAM}"],
            [f"{BUNDLE}=variables,!{TEAM}"],
            # One query covers the Secrets of the team and of no team.
            [f"{VARIABLE}=x"],
            [f"{BUNDLE}=variables"],
            [f"{CONFIG}=x,!{TEAM}"],
            [f"{BUNDLE}=config,!{TEAM}"],
        ]

    def test_memory_covers_hits_and_misses(
        self, watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put({BUNDLE: "variables"}, data={"x": "bundle"})
        put({BUNDLE: "connections"}, data={"x": URI})
        backend = proxied(bundles=True, cache_ttl=60)
        read = (backend.get_variable("x"), backend.get_conn_value("x"))
        assert read == ("bundle", URI)
        lists = len(proxy.lists)

        for _ in range(3):
            assert (backend.get_variable("x"), backend.get_conn_value("x")) == read
            assert backend.get_variable("missing") is None

        assert len(proxy.lists) == lists
        # One list for the label of each kind, and one for all bundles.
        assert lists == 3

    def test_each_entry_is_parsed_once_per_version(self, watched_at_once: None, proxied: MakeBackend, put: Put) -> None:
        put({BUNDLE: "connections"}, data={"x": URI, "y": URI, "z": URI}, name="bundle")
        backend = proxied(bundles=True, cache_ttl=60)
        with calls_of(values.check_usable) as read:
            for _ in range(3):
                assert (backend.get_conn_value("x"), backend.get_conn_value("y")) == (URI, URI)
            assert [each["key"] for each in read] == ["x", "y"]

            put({BUNDLE: "connections"}, data={"x": URI, "y": "http://new", "z": URI}, name="bundle")
            until(lambda: backend.get_conn_value("y") == "http://new")
            assert [each["key"] for each in read] == ["x", "y", "y"]

    def test_the_last_result_covers_an_outage(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put({BUNDLE: "variables"}, data={"x": "found"})
        backend = proxied(bundles=True, timeout=2)
        assert backend.get_variable("x") == "found"
        proxy.refuse()

        assert backend.get_variable("x") == "found"
        # It is unknown whether this id has a Secret of its own, which would be used instead.
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("y")

    def test_hit_is_not_logged(self, proxied: MakeBackend, put: Put, caplog: pytest.LogCaptureFixture) -> None:
        put({BUNDLE: "variables"}, data={"x": "found"})
        with caplog.at_level(logging.DEBUG, "airflow_kubernetes_secrets"):
            assert proxied(bundles=True).get_variable("x") == "found"

        assert [record for record in caplog.records if record.name == "airflow_kubernetes_secrets"] == []
