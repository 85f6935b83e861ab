"""The entries of a source that DAGs require: ``export --missing``.

An entry of the database or the environment is exported if lookups of DAGs get it from there today. Another condition
is that a new Secret would provide it to all of these lookups. So no lookup gets another value than before, and none
loses its value if the entry is deleted afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace

from airflow_kubernetes_secrets.deployment.airflow_entries import AirflowEntry
from airflow_kubernetes_secrets.deployment.hidden_entries import DATABASE, ENVIRONMENT, SOURCES
from airflow_kubernetes_secrets.deployment.other_sources import IN_LOWER_CASE, environment_variable
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.requested_secret import why_it_would_hide, why_not_read
from airflow_kubernetes_secrets.options.backend_kwargs import Options


@dataclass(frozen=True)
class RequiredId:
    """An id that no Secret provides.

    Attributes:
        lookup: its lookup.
        origin: where Airflow finds it today: ``environment`` or ``metadata-db``; ``None`` if that is unknown, or if
            nothing provides it.
        owner: the team that it belongs to there; ``None`` if it belongs to no team.
        why_no_new_secret: why no new Secret would provide it; empty if one would.
        owners: the teams that have the id of their own outside Kubernetes.
    """

    lookup: Lookup
    origin: str | None = None
    owner: str | None = None
    why_no_new_secret: str = ""
    owners: Set[str] = frozenset()


class RequiredIds:
    """The ids that are required.

    Args:
        source: the source of the entries, as for the argument ``--from``.
        options: the options of the lookups.

    Attributes:
        in_environment: the lookups whose id the source has too, but that Airflow takes from the environment.
    """

    def __init__(self, ids: Iterable[RequiredId], source: str, options: Options) -> None:
        self._options = options
        # The origin of the entries: the environment or the metadata database; `None` for a file.
        self._origin = next((origin for origin, name in SOURCES.items() if name == source), None)
        self._by_key: dict[object, list[RequiredId]] = defaultdict(list)
        # The teams that get Secrets of their own, by kind and id.
        self._exported_owners: dict[tuple[Kind, str], set[str]] = defaultdict(set)
        for each in ids:
            self._by_key[self._key_of(each)].append(each)
            if each.owner is not None and each.origin == self._origin and not self._why_not(each, each.owner):
                self._exported_owners[each.lookup.kind, each.lookup.id].add(each.owner.lower())
        self.in_environment: list[str] = []

    def exported_as(self, entry: AirflowEntry) -> Iterator[AirflowEntry]:
        """Yield the entries to export for an entry of the source: one for each required id and team that it provides.

        Each has the spelling of the required id: the name of an environment variable does not show the case of its id.
        If a new Secret would not provide the id to all lookups, the yielded entry has the reason as its problem.
        """
        required = self._by_key.get(self._key_of_entry(entry), ())
        if self._is_hidden_by_environment(entry, required):
            return
        # Why a Secret of an owner would change what lookups get, by the id and its owner; empty if it would not.
        reasons: dict[tuple[str, str | None], set[str]] = defaultdict(set)
        for each in required:
            if self._is_provided(each, entry):
                owner = each.owner if self._origin == ENVIRONMENT else entry.team
                reasons[each.lookup.id, owner].add(self._why_not(each, owner))
        notes = tuple(each for each in entry.notes if each != IN_LOWER_CASE)
        for (identifier, owner), texts in reasons.items():
            exact = replace(entry, id=identifier, team=owner, notes=notes)
            problem = "; ".join(sorted(filter(None, texts)))
            yield replace(exact, data=None, problem=problem) if problem else exact

    def _is_hidden_by_environment(self, entry: AirflowEntry, required: Sequence[RequiredId]) -> bool:
        """Return whether lookups take an id of this entry from the environment instead, and record these lookups."""
        if self._origin == ENVIRONMENT:
            return False
        hidden = [each for each in required if each.origin == ENVIRONMENT and entry.team in (None, each.lookup.team)]
        self.in_environment += (str(each.lookup) for each in hidden)
        return bool(hidden)

    def _why_not(self, required: RequiredId, owner: str | None) -> str:
        """Return why a Secret of ``owner`` would change what lookups get; empty if it would not."""
        reason = required.why_no_new_secret or why_not_read(owner, required.lookup.team, self._options)
        if reason or owner is not None:
            return reason
        exported = self._exported_owners[required.lookup.kind, required.lookup.id]
        others = {each for each in required.owners if each.lower() not in exported}
        return why_it_would_hide(None, others, self._options)

    def _key_of(self, required: RequiredId) -> object:
        """Return the key that a required id and the entries that can provide it have in common."""
        lookup = required.lookup
        if self._origin == ENVIRONMENT:
            return environment_variable(lookup.kind, lookup.id, required.owner)
        return lookup.kind, lookup.id

    def _key_of_entry(self, entry: AirflowEntry) -> object:
        """Return the key of an entry, which is that of the required ids that it can provide."""
        return entry.environment_variable if self._origin == ENVIRONMENT else (entry.kind, entry.id)

    def _is_provided(self, required: RequiredId, entry: AirflowEntry) -> bool:
        """Return whether Airflow reads a required id from an entry. An entry of a file counts if its team fits."""
        # A lookup that fails searches no other source. The reason is reported with the entry.
        if self._origin is None or (required.origin is None and required.why_no_new_secret):
            return entry.team in (None, required.lookup.team)
        if self._origin == DATABASE and required.owner != entry.team:
            return False
        return required.origin == self._origin
