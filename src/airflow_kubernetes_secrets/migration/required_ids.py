"""The entries of a source that DAGs require: ``export --missing``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from airflow_kubernetes_secrets.deployment.airflow_entries import AirflowEntry
from airflow_kubernetes_secrets.deployment.other_sources import IN_LOWER_CASE
from airflow_kubernetes_secrets.lookup.selection import Kind


class RequiredIds:
    """The ids that are required, each with the team of its lookups.

    Args:
        ids: kind, id and team of each. The value is why a new Secret would not provide the id; empty if it would.
        team: the team of entries without a team; ``None`` if they stay without one.
        ignore_case: whether an entry provides all ids and teams that differ from its own in case only. Those of
            environment variables do.
    """

    def __init__(self, ids: Mapping[tuple[Kind, str, str | None], str], team: str | None, *, ignore_case: bool) -> None:
        self._team = team
        self._ignore_case = ignore_case
        self._by_id: dict[tuple[Kind, str], list[tuple[str, str | None, str]]] = defaultdict(list)
        for (kind, identifier, team_of_it), why_not in ids.items():
            self._by_id[kind, self._folded(identifier)].append((identifier, team_of_it, why_not))

    def of(self, entry: AirflowEntry) -> Iterator[AirflowEntry]:
        """Yield an entry once for each required id that it provides, with the case of that id.

        If a new Secret would not provide the id, the entry has the reason as its problem.
        """
        found: dict[str, str] = {}
        for identifier, team, why_not in self._by_id.get((entry.kind, self._folded(entry.id)), ()):
            # Lookups of a team also use Secrets without a team.
            if not self._is_for(entry.team or self._team, team):
                continue
            if identifier not in found or not why_not:
                found[identifier] = why_not
        notes = tuple(each for each in entry.notes if each != IN_LOWER_CASE)
        for identifier, why_not in found.items():
            exact = replace(entry, id=identifier, notes=notes)
            yield replace(exact, data=None, problem=why_not) if why_not else exact

    def _is_for(self, owner: str | None, team: str | None) -> bool:
        """Return whether lookups of a team use a Secret of this owner."""
        return owner is None or (team is not None and self._folded(owner) == self._folded(team))

    def _folded(self, text: str) -> str:
        # Airflow derives the name of an environment variable with this method.
        return text.upper() if self._ignore_case else text
