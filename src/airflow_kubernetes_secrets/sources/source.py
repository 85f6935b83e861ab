"""Where the Secrets of one configuration come from in this process: the API server, or memory."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets import notices
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import ApiUnavailableError
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.sources.api_server import ApiServer, bridged
from airflow_kubernetes_secrets.sources.outage import FIRST_PROBE_SECONDS
from airflow_kubernetes_secrets.sources.query import Query

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.sources.ladder import Ladder

# When something was last confirmed, in seconds on the monotonic clock, and what.
_Known = tuple[float, Sequence[Secret]]


class Source:
    """Answers queries, as fresh as the options want it, and in an outage from what is remembered.

    An answer may hold more Secrets than were asked for; see :attr:`Query.absent`.
    """

    def __init__(self, server: ApiServer, ladders: dict[str, Ladder], longest: float) -> None:
        """
        Args:
            ladders: by the labels whose Secrets may be kept in memory.
            longest: seconds that an answer may be old in an outage; 0 for no such answers.
        """
        self._server = server
        self._ladders = ladders
        self._longest = longest
        server.on_refusal = self._forget

    @classmethod
    def from_options(cls, options: Options) -> Source:
        """
        Raises:
            NotConfiguredError: there is no way to the API, or no namespace to look in.
        """
        # Here, and not when the first answer comes: a process that forks while another of its threads imports something
        # leaves the child a lock that nobody opens.
        from airflow_kubernetes_secrets.api import decode  # noqa: F401

        server = ApiServer.from_options(options)
        ladders = {}
        if options.cache_ttl:
            from airflow_kubernetes_secrets.sources.ladder import Ladder

            for label in (options.connections_label, options.variables_label):
                if label is not None:
                    ladders[label] = Ladder(server, label, options.cache_ttl)
        longest = options.cache_ttl + options.outage_ttl if options.outage_ttl else 0.0
        return cls(server, ladders, longest)

    def recall(self, query: Query) -> Sequence[Secret] | None:
        """The answer, if memory has it and it is fresh; else ``None``. It does not wait."""
        ladder = self._ladders.get(query.label)
        return None if ladder is None else ladder.recall(query.value)

    def find(self, query: Query) -> Sequence[Secret]:
        """The answer, at most ``cache_ttl`` old; in an outage as old as ``outage_ttl`` allows beyond that.

        Raises:
            KubernetesSecretsError: the API server had to be asked and could not be.
        """
        ladder = self._ladders.get(query.label)
        if ladder is None or self._server.is_away:
            return self._ask(query, ladder)
        try:
            return ladder.find(query)
        except ApiUnavailableError as error:
            return _bridge(error, self._last_known(query, ladder), self._longest)

    def ask(self, query: Query) -> Sequence[Secret]:
        """The answer of the API server now; in an outage its last, if that is not older than is allowed.

        Raises:
            KubernetesSecretsError: the API server could not be asked.
        """
        return self._ask(query, None)

    def close(self) -> None:
        """End what runs, and forget everything."""
        for ladder in self._ladders.values():
            ladder.close()
        self._server.close()

    def after_fork(self) -> None:
        """In a forked child: leave what is the parent's to the parent. What is remembered stays."""
        for ladder in self._ladders.values():
            ladder.after_fork()
        self._server.after_fork()

    def _ask(self, query: Query, ladder: Ladder | None) -> Sequence[Secret]:
        seconds = self._server.timeout
        # Who has something to go on with does not wait long to see whether the API server is back.
        if self._server.is_away and self._last_known(query, ladder) is not None:
            seconds = min(seconds, FIRST_PROBE_SECONDS)
        try:
            return self._server.find(query, seconds)
        except ApiUnavailableError as error:
            return _bridge(error, self._last_known(query, ladder), self._longest)

    def _last_known(self, query: Query, ladder: Ladder | None) -> _Known | None:
        """The newest that is remembered, if that may be used."""
        if not self._longest:
            return None
        known: list[_Known] = []
        if (answer := self._server.last_answer(query, self._longest)) is not None:
            known.append(answer)
        if ladder is not None and (kept := ladder.last_known(query.value, self._longest)) is not None:
            known.append(kept)
        return max(known, key=lambda each: each[0], default=None)

    def _forget(self) -> None:
        """The API server refuses this process: what it has remembered is no longer its to use."""
        for ladder in self._ladders.values():
            ladder.forget()
        self._server.forget()


def _bridge(error: ApiUnavailableError, known: _Known | None, longest: float) -> Sequence[Secret]:
    """What is known, with a word on its age; or the error."""
    if known is None:
        raise error
    confirmed_at, secrets = known
    notices.once(
        logging.WARNING,
        bridged(error),
        f"{error} Until it answers, what it had {monotonic() - confirmed_at:.0f} s ago is used, "
        f"until that is {longest:.0f} s old (cache_ttl and outage_ttl)",
    )
    return secrets
