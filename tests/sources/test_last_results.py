"""The last responses of the API server: how many are stored, and for how long."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.sources import outage
from airflow_kubernetes_secrets.sources.outage import LastResults
from airflow_kubernetes_secrets.sources.query import LabelQuery
from support.clock import Clock

MOST = 1000
LONG = 1e6


def query(number: int) -> LabelQuery:
    return LabelQuery("airflow", "airflow.apache.org/variable-key", f"x{number}", f"x{number}")


@pytest.fixture
def answers() -> LastResults:
    return LastResults()


def test_only_the_last_thousand_results_are_stored(answers: LastResults) -> None:
    for number in range(2 * MOST):
        answers.remember(query(number), float(number), [])

    assert len(answers._results) == MOST
    for number in range(MOST):
        assert answers.get(query(number), LONG) is None
    for number in range(MOST, 2 * MOST):
        assert answers.get(query(number), LONG) == (float(number), [])


def test_result_that_is_stored_again_is_discarded_later(answers: LastResults) -> None:
    for number in range(MOST):
        answers.remember(query(number), 1.0, [])
    answers.remember(query(0), 2.0, [])

    for number in range(MOST, 2 * MOST - 1):
        answers.remember(query(number), 3.0, [])

    assert answers.get(query(0), LONG) == (2.0, [])
    assert answers.get(query(1), LONG) is None
    answers.remember(query(2 * MOST), 3.0, [])
    assert answers.get(query(0), LONG) is None


def test_storing_the_same_query_again_discards_no_result(answers: LastResults) -> None:
    for number in range(MOST):
        answers.remember(query(number), 1.0, [])
    for _ in range(10):
        answers.remember(query(7), 2.0, [])

    assert all(answers.get(query(number), LONG) for number in range(MOST))


def test_newest_result_is_returned(answers: LastResults) -> None:
    secret = Secret("airflow", "x", "", {}, {})
    answers.remember(query(0), 1.0, [])
    answers.remember(query(0), 2.0, [secret])

    assert answers.get(query(0), LONG) == (2.0, [secret])


def test_maximum_age_of_a_result(answers: LastResults, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(outage, "monotonic", clock)
    answers.remember(query(0), clock.now, [])
    assert answers.get(query(0), 0) is None

    clock.now += 9.9
    assert answers.get(query(0), 10) is not None
    clock.now += 0.1
    assert answers.get(query(0), 10) is None


def test_discarding_results(answers: LastResults) -> None:
    answers.remember(query(0), 1.0, [])
    answers.remember(query(1), 1.0, [])

    answers.drop(query(0))
    answers.drop(query(2))
    assert answers.get(query(0), LONG) is None
    assert answers.get(query(1), LONG) is not None

    answers.forget()
    assert answers.get(query(1), LONG) is None
