"""The state of Python's garbage collector after work without it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from airflow_kubernetes_secrets.garbage_collection import no_garbage_collection


@pytest.fixture
def restored() -> Iterator[None]:
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("is_on", [True, False])
def test_the_collector_is_as_before(is_on: bool) -> None:
    (gc.enable if is_on else gc.disable)()

    with no_garbage_collection():
        assert not gc.isenabled()

    assert gc.isenabled() == is_on
