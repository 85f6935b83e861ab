"""An unavailable API server: which cached values are used, how old they may be, and what is logged."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

import pytest

from airflow_kubernetes_secrets.errors import (
    ApiResponseTooLargeError,
    ApiUnavailableError,
    ForbiddenError,
    UnauthorizedError,
)
from airflow_kubernetes_secrets.sources import cache_policy
from support.errors import everything_about
from support.exchange import Fault
from support.faults import FORBIDDEN, UNAUTHORIZED, answer_with, raw
from support.logs import log_messages
from support.proxy import Proxy
from support.secrets import MakeBackend, Put
from support.servers import on_the_devserver
from support.waiting import until


@pytest.fixture
def index_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the first lookup list everything. By default, a process must look up three times within `cache_ttl`."""
    monkeypatch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(queries_first=0))


NO_OUTAGE_CACHE = {"outage_ttl": 0}

# The tested code is on the client's side, so the devserver is enough.
pytestmark = on_the_devserver


class TestMemory:
    @pytest.mark.parametrize("cache_ttl", [0, 0.2, 60])
    def test_last_responses_cover_an_outage(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture, cache_ttl: float
    ) -> None:
        """Results of single requests are used as well, including misses."""
        put.variable("x", "found")
        put.config("x", "an option")
        backend = proxied(cache_ttl=cache_ttl, timeout=2)
        assert backend.get_variable("x") == "found"
        assert backend.get_variable("missing") is None
        assert backend.get_config("x") == "an option"
        proxy.refuse()
        began = time.monotonic()
        for _ in range(20):
            assert backend.get_variable("x") == "found"
            assert backend.get_variable("missing") is None
            assert backend.get_config("x") == "an option"

        # Each of the 60 lookups would wait for 2 s.
        assert time.monotonic() - began < 20
        [line] = log_messages(caplog)
        assert "connection refused" in line
        assert "Until it is available again, results from " in line
        assert f"are used, up to an age of {cache_ttl + 300:.0f} s" in line

    def test_id_that_was_never_looked_up_is_an_error(self, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """Without an index it is unknown whether such a Secret exists."""
        put.variable("x", "found")
        backend = proxied(timeout=2)
        assert backend.get_variable("x") == "found"
        proxy.refuse()

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("y")

    def test_an_id_absent_from_the_last_index_is_a_miss(
        self, index_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0.2, timeout=4)
        assert backend.get_variable("x") == "found"
        proxy.refuse()
        time.sleep(0.3)

        assert backend.get_variable("never asked for") is None
        assert backend.get_variable("x") == "found"

    def test_newest_response_is_used(self, index_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put) -> None:
        """The value is cached twice: in an index, and from a later request."""
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=0.3, timeout=4)
        assert backend.get_variable("x") == "one"
        put.variable("x", "two", name="x")
        time.sleep(0.3)
        proxy.faults.append(answer_with(503))
        proxy.faults.append(answer_with(503))
        until(lambda: backend.get_variable("x") == "two")
        proxy.refuse()
        time.sleep(0.4)

        assert backend.get_variable("x") == "two"

    def test_lookups_with_a_cached_value_wait_about_one_second(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """Other lookups would wait twice as long for the second probe."""
        put.variable("x", "found")
        backend = proxied(timeout=2.5)
        assert backend.get_variable("x") == "found"
        proxy.swallow()
        backend.get_variable("x")
        longest = 0.0
        # Two pauses and two probes; the second pause is as long as the first probe took.
        ends = time.monotonic() + 5
        while time.monotonic() < ends:
            began = time.monotonic()
            assert backend.get_variable("x") == "found"
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.02)

        assert 0.5 < longest < 1.9

    def test_resumed_watch_ends_the_outage(
        self, watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "one", name="x")
        backend = proxied(cache_ttl=2, timeout=3)
        assert backend.get_variable("x") == "one"
        until(lambda: proxy.open_watches == 1)
        proxy.refuse()
        time.sleep(2)
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            assert backend.get_variable("x") == "one"
            assert [line for line in log_messages(caplog) if "are used, up to an age of 302 s" in line]
            proxy.resume()

            until(lambda: [line for line in log_messages(caplog, logging.INFO) if "is available again" in line] != [])

        put.variable("x", "two", name="x")
        until(lambda: backend.get_variable("x") == "two")

    def test_web_page_instead_of_a_watch_does_not_end_the_outage(
        self, watched_at_once: None, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=60, timeout=2)
        assert backend.get_variable("x") == "found"
        until(lambda: proxy.open_watches == 1)
        proxy.always = answer_with(503)
        proxy.always_watch = answer_with(200, b"<h1>Log in</h1>", {"Content-Type": "text/html; charset=utf-8"})
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            with pytest.raises(ApiUnavailableError):
                backend.get_config("x")
            watches = len(proxy.watches)
            proxy.cut()
            until(lambda: len(proxy.watches) >= watches + 2)

            assert "is available again;" not in caplog.text

    def test_response_that_is_too_large_does_not_end_the_outage(
        self, short_pauses: None, proxied: MakeBackend, proxy: Proxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Something in place of the API server may have sent it."""
        backend = proxied(timeout=2)
        proxy.always = answer_with(503)
        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")
        proxy.always = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{")
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):

            def is_refused() -> bool:
                try:
                    with suppress(ApiUnavailableError):
                        backend.get_variable("x")
                except ApiResponseTooLargeError:
                    return True
                return False

            until(is_refused)

            assert "is available again;" not in caplog.text

    @pytest.mark.parametrize("cache_ttl", [0, 0.2, 2])
    @pytest.mark.parametrize(
        "answer",
        [
            answer_with(404, b"<h1>Not Found</h1>", {"Content-Type": "text/html"}),
            answer_with(302, b"", {"Location": "https://127.0.0.1/login"}),
            answer_with(200, b"<h1>Log in</h1>", {"Content-Type": "text/html"}),
        ],
        ids=["404", "redirect", "login page"],
    )
    def test_response_that_is_not_the_api_s_continues_the_outage(
        self,
        short_pauses: None,
        watched_at_once: None,
        proxied: MakeBackend,
        proxy: Proxy,
        put: Put,
        caplog: pytest.LogCaptureFixture,
        cache_ttl: float,
        answer: Fault,
    ) -> None:
        """A load balancer whose API servers are down may respond itself."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=cache_ttl, timeout=2)
        for _ in range(4):
            assert backend.get_variable("x") == "found"
        requests = len(proxy.requests)
        proxy.always = proxy.always_watch = answer
        proxy.cut()
        with caplog.at_level(logging.INFO, "airflow_kubernetes_secrets"):
            until(lambda: backend.get_variable("x") == "found" and len(proxy.requests) >= requests + 3)
            ends = time.monotonic() + 2
            while time.monotonic() < ends:
                assert backend.get_variable("x") == "found"
                time.sleep(0.02)
            assert "is available again;" not in caplog.text
            with pytest.raises(ApiUnavailableError):
                backend.get_config("never asked for")
            proxy.always = proxy.always_watch = None

            until(lambda: backend.get_variable("x") == "found" and "is available again;" in caplog.text)

    def test_cached_value_is_not_used_for_longer_than_outage_ttl(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        put.variable("x", "found")
        # The first lookup in the outage takes the whole timeout.
        backend = proxied(outage_ttl=3, timeout=1)
        asked_at = time.monotonic()
        backend.get_variable("x")
        answered_at = time.monotonic()
        proxy.refuse()
        served_until = asked_at
        while time.monotonic() < answered_at + 4:
            began = time.monotonic()
            try:
                assert backend.get_variable("x") == "found"
                served_until = began
            except ApiUnavailableError:
                assert time.monotonic() > asked_at + 3
            time.sleep(0.02)

        assert asked_at + 2 < served_until < answered_at + 3.1

    @pytest.mark.parametrize("cache_ttl", [0, 0.2])
    def test_no_cached_value_is_used_if_outage_ttl_is_0(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, cache_ttl: float
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=cache_ttl, timeout=2, **NO_OUTAGE_CACHE)
        for _ in range(4):
            assert backend.get_variable("x") == "found"
        proxy.refuse()
        time.sleep(0.3)

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")

    @pytest.mark.parametrize(("answer", "error"), [(FORBIDDEN, ForbiddenError), (UNAUTHORIZED, UnauthorizedError)])
    @pytest.mark.parametrize("cache_ttl", [0, 0.3])
    def test_refusal_is_an_error_and_discards_cached_values(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, cache_ttl: float, answer: Fault, error: type[Exception]
    ) -> None:
        put.variable("x", "found")
        put.config("x", "an option")
        backend = proxied(cache_ttl=cache_ttl, timeout=5)
        assert backend.get_config("x") == "an option"
        for _ in range(4):
            assert backend.get_variable("x") == "found"
        proxy.always = answer
        time.sleep(0.3)
        for _ in range(3):
            with pytest.raises(error):
                backend.get_variable("x")

        proxy.refuse()
        for ask in (backend.get_variable, backend.get_config):
            with pytest.raises(ApiUnavailableError):
                ask("x")

    def test_refusal_for_a_configuration_option_discards_an_index(
        self, proxied: MakeBackend, proxy: Proxy, put: Put
    ) -> None:
        """It is the same service account, and the same namespace."""
        put.variable("x", "found")
        backend = proxied(cache_ttl=60)
        for _ in range(4):
            assert backend.get_variable("x") == "found"
        proxy.always = FORBIDDEN
        with pytest.raises(ForbiddenError):
            backend.get_config("x")

        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

    def test_permission_that_is_removed_and_granted_again(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "found")
        backend = proxied(cache_ttl=0.2)
        for _ in range(3):
            proxy.always = None
            for _ in range(5):
                assert backend.get_variable("x") == "found"
            proxy.always = FORBIDDEN
            time.sleep(0.25)
            with pytest.raises(ForbiddenError):
                backend.get_variable("x")

        [line] = log_messages(caplog)
        assert "may not list secrets" in line

    def test_log_lines_and_errors_contain_no_value(
        self, proxied: MakeBackend, proxy: Proxy, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        put.variable("x", "hunter2")
        # A failed lookup takes the whole timeout, and after it the cached value must still be valid.
        backend = proxied(cache_ttl=0.2, timeout=1, outage_ttl=3)
        for _ in range(5):
            backend.get_variable("x")
        proxy.refuse()
        time.sleep(0.2)
        backend.get_variable("x")
        time.sleep(3.2)

        with pytest.raises(ApiUnavailableError) as raised:
            backend.get_variable("x")

        report = everything_about(raised.value) + "".join(record.getMessage() for record in caplog.records)
        assert "hunter2" not in report
        assert "aHVudGVyMg" not in report
