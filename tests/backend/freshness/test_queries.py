"""``cache_ttl``: when a lookup queries the API server, and which values are invalid."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from support.label_selectors import selector, selectors
from support.memory import watchers
from support.proxy import Proxy
from support.secrets import MakeBackend, Put


class TestQueries:
    def test_without_a_ttl_every_lookup_sends_a_query(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        backend = proxied()
        for value in ("one", "two", "three", "four"):
            put.variable("x", value, name="x")

            assert backend.get_variable("x") == value

        assert selectors(proxy) == [selector("x")] * 4

    def test_first_two_lookups_send_one_query_each(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """A task that reads two connections pays for two requests, not for the whole namespace."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=60)

        assert backend.get_variable("x") == "found"
        assert backend.get_variable("y") is None

        assert selectors(proxy) == [selector("x"), selector("y")]
        assert watchers() == []

    def test_infrequent_lookups_send_one_query_each(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0.1)
        for _ in range(4):
            assert backend.get_variable("x") == "found"
            time.sleep(0.1)

        assert selectors(proxy) == [selector("x")] * 4


@pytest.mark.parametrize(
    ("option", "value"),
    [("cache_ttl", -1), ("cache_ttl", "soon"), ("cache_ttl", 86401), ("outage_ttl", -1), ("on_error", "stop")],
)
def test_invalid_option_values(make_backend: Callable[..., object], option: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"backend_kwargs: {option} must be "):
        make_backend(**{option: value})
