"""How tables show an entry."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from airflow_kubernetes_secrets.inventory.content import Content
from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.lookup.kinds import Kind

NOW = datetime(2026, 3, 10, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("created", "age"),
    [
        ("2026-03-08T11:59:59Z", "2d"),
        ("2026-03-09T12:00:01Z", "23h"),
        ("2026-03-10T13:30:00+02:00", "30m"),
        ("2026-03-10T11:59:01Z", "59s"),
        ("2026-03-10T11:00:00", "1h"),
        ("2026-03-10T12:00:05Z", "0s"),
        ("2026-03-10T12:00:00Z", "0s"),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_age_has_the_format_of_kubectl(created: str, age: str) -> None:
    assert Entry(Kind.VARIABLE, "x", None, "n", "s", created=created).age(NOW) == age


@pytest.mark.parametrize(("shape", "short"), [("key 'tls.crt'", "tls.crt"), ("fields", "fields"), ("", "")])
def test_the_format_is_short(shape: str, short: str) -> None:
    assert Entry(Kind.VARIABLE, "x", None, "n", "s", Content(shape)).short_format == short
