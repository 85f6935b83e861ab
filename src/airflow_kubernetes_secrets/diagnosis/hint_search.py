"""The search for hints: what is searched, and what the hints may reveal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.owning_teams import OwningTeams
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# Whether the user may learn that this id exists, for a team or (``None``) without a team.
MayReveal = Callable[[Kind, str, "str | None"], bool]


def reveal_all(_kind: Kind, _id: str, _team: str | None) -> bool:
    """Permit everything, for users who may list the Secrets themselves."""
    return True


@dataclass(frozen=True)
class HintSearch:
    """The search for what the user of a lookup may have meant.

    Attributes:
        labelled: the Secrets with the labels of lookups, among which to search.
        may_reveal: called before a hint reveals that an id exists.
    """

    lookup: Lookup
    options: Options
    location: BackendLocation
    labelled: LabelledSecrets
    may_reveal: MayReveal = reveal_all

    @property
    def label(self) -> str | None:
        """The label that the lookup searches for; ``None`` if the options switch this kind off."""
        return self.lookup.kind.label(self.options)

    @cached_property
    def owners(self) -> OwningTeams:
        """Finds the teams that own a Secret."""
        return OwningTeams(self.options, self.location)

    def revealed_teams(self, secret: Secret, kind: Kind, identifier: str) -> list[str | None]:
        """Return the teams of a Secret for which the user may learn that it has this id."""
        return [team for team in self.owners.teams(secret) if self.may_reveal(kind, identifier, team)]

    def is_revealed(self, secret: Secret, kind: Kind, identifier: str) -> bool:
        """Return whether the user may learn for any team of a Secret that it has this id."""
        return any(self.may_reveal(kind, identifier, team) for team in self.owners.teams(secret))

    def is_revealed_for_every_kind(self, secret: Secret) -> bool:
        """Return whether the user may learn that a Secret, whose kind is unknown, has the id of the lookup."""
        teams, identifier = self.owners.teams(secret), self.lookup.id
        return all(self.may_reveal(kind, identifier, team) for team in teams for kind in Kind)
