"""What the API server last answered, for when it is away."""

from __future__ import annotations

from contextlib import suppress
from time import monotonic

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.sources.query import Query

# A process that runs for months may ask for ids without end; the ones that it keeps asking for stay.
_MOST_REMEMBERED = 1000


class LastAnswers:
    """The last answer to each query, and when it was asked. Safe under threads: each step is atomic."""

    def __init__(self) -> None:
        self._answers: dict[Query, tuple[float, list[Secret]]] = {}

    def remember(self, query: Query, asked_at: float, secrets: list[Secret]) -> None:
        """Keep an answer in place of the last one; ``asked_at`` is on the monotonic clock."""
        self._answers.pop(query, None)
        self._answers[query] = (asked_at, secrets)
        if len(self._answers) > _MOST_REMEMBERED:
            self._forget_the_oldest()

    def recall(self, query: Query, longest: float) -> tuple[float, list[Secret]] | None:
        """When it was asked and the answer, unless that is ``longest`` ago (seconds), or longer."""
        answer = self._answers.get(query)
        return None if answer is None or monotonic() - answer[0] >= longest else answer

    def drop(self, query: Query) -> None:
        """Forget one of them."""
        self._answers.pop(query, None)

    def forget(self) -> None:
        self._answers.clear()

    def _forget_the_oldest(self) -> None:
        # Those errors: another thread has just done it.
        with suppress(StopIteration, RuntimeError):
            self._answers.pop(next(iter(self._answers)), None)
