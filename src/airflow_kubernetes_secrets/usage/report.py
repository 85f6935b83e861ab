"""What provides each id that DAGs use: a Secret, the environment, the metadata database, or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import access_denied
from airflow_kubernetes_secrets.deployment.airflow_entries import STORED_KINDS
from airflow_kubernetes_secrets.deployment.hidden_entries import HiddenEntries, hidden_entries
from airflow_kubernetes_secrets.deployment.secret_options import SecretOption
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError, MissingSecretError
from airflow_kubernetes_secrets.inventory.content import UNREADABLE
from airflow_kubernetes_secrets.inventory.entries import Entry, inventory_and_lookups
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.bundles import identifier_of_key
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Decision, Lookup, Outcome, shown_id
from airflow_kubernetes_secrets.manifests.requested_secret import why_it_would_hide
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.accepted_values import DENY
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.mounted import MountedSecret
from airflow_kubernetes_secrets.usage.next_commands import NextCommand, NextCommands, NoCommand
from airflow_kubernetes_secrets.usage.uses import FoundUses, Position, Use

SECRET = "secret"  # noqa: S105  # an origin

# What to do about an id that lookups skip.
_CORRECT_ID = "Correct the DAGs"
_REMEDIES = {
    Outcome.OUTSIDE_PATTERN: "Change the pattern if the id needs a Secret",
    Outcome.TOO_LONG: "Remove the pattern if the id needs a Secret",
    Outcome.DISABLED: "Set the label if the id needs a Secret",
}


class IdStatus(Enum):
    """Whether Airflow finds an id. ``OPTIONAL`` means that it does not, and that all uses may work without it."""

    FOUND = "found"
    OPTIONAL = "optional"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Provider:
    """What provides an id.

    Attributes:
        origin: where it comes from: ``secret``, ``environment`` or ``metadata-db``.
        text: which Secret, variable or row.
        owner: the team that the variable or row belongs to; ``None`` if it belongs to no team, and for a Secret.
    """

    origin: str
    text: str
    owner: str | None = None

    def as_json(self) -> dict[str, str]:
        """Return the provider as the JSON outputs show it; docs/reference/cli.md describes them."""
        return {"place": self.origin, "text": self.text}


@dataclass(frozen=True)
class UsedId:
    """An id that is used.

    Attributes:
        uses: all uses, in the order of the files.
        provider: what provides it; ``None`` if nothing does, or if that is unknown.
        problems: what is wrong with its Secret, or why a lookup fails.
        fails: whether the lookup in Kubernetes Secrets ends with an error.
        outcome: how the lookup in Kubernetes Secrets ends if it selects no Secret; ``None`` if it selects one or fails.
        owners: the teams with an environment variable or a row of their own for the id.
    """

    lookup: Lookup
    status: IdStatus
    uses: Sequence[Use]
    provider: Provider | None = None
    problems: Sequence[Problem] = ()
    fails: bool = False
    outcome: str | None = None
    owners: Set[str] = frozenset()

    def other_sources_are_searched(self, ends_at_error: bool) -> bool:
        """Return whether Airflow searches other sources than Kubernetes Secrets for the id.

        Args:
            ends_at_error: whether an error ends the search.
        """
        return self.status is not IdStatus.FOUND and not (self.fails and ends_at_error)

    @property
    def can_get_secret(self) -> bool:
        """Whether the id has no Secret, and a new Secret would provide it."""
        return self.outcome == Outcome.NO_MATCH

    @property
    def why_no_new_secret(self) -> str:
        """Why a new Secret would not provide the id; empty if it would."""
        if self.outcome is None or self.problems:
            return "; ".join(problem.text for problem in self.problems)
        return "" if self.can_get_secret else f"{self.outcome}. {_REMEDIES.get(self.outcome, _CORRECT_ID)}"

    def next_command(self, commands: NextCommands) -> NextCommand | NoCommand | None:
        """Return the command that creates the Secret of a missing id, or that moves an id into one.

        ``None`` if the id needs no command: a Secret provides it, it is optional, its status is unknown, or the
        problems of its Secret say what to do.
        """
        if self.status is IdStatus.MISSING and self.outcome is not None and not self.problems:
            reason = self.why_no_new_secret or why_it_would_hide(self.lookup.team, self.owners, commands.options)
            return NoCommand(reason) if reason else commands.put(self.lookup)
        if self.provider is None or not self.can_get_secret:
            return None
        return commands.export(self.lookup, self.provider.origin, self.provider.owner)

    def as_json(self, commands: NextCommands) -> dict[str, Any]:
        """Return the id as the JSON outputs show it; docs/reference/cli.md describes them."""
        command = self.next_command(commands)
        return {
            "kind": self.lookup.kind.name.lower(),
            "id": shown_id(self.lookup.id),
            "team": self.lookup.team,
            "status": self.status.value,
            "provider": None if self.provider is None else self.provider.as_json(),
            "problems": [problem.as_json() for problem in self.problems],
            "uses": [use.as_json() for use in self.uses],
            "command": command.text if isinstance(command, NextCommand) else None,
        }


@dataclass(frozen=True)
class UsageReport:
    """All ids that are used, and the Secrets that no DAG uses.

    Attributes:
        ids: sorted by kind, team and id.
        unused: the connections and variables in Secrets whose id is not used.
        failures: what could not be read, with the remedy.
        default_namespace: the namespace of queries that name none; ``None`` for a folder.
    """

    ids: Sequence[UsedId]
    unused: Sequence[Entry]
    failures: Sequence[str]
    default_namespace: str | None = None

    def without_secret(self) -> list[UsedId]:
        """Return the connections and variables that no Secret provides."""
        return [
            each
            for each in self.ids
            if each.lookup.kind in STORED_KINDS and (each.provider is None or each.provider.origin != SECRET)
        ]


def uses_of_options(options: Iterable[SecretOption]) -> list[Use]:
    """Return the uses of Secrets by Airflow's options. An option that Airflow takes from another source uses none."""
    return [
        Use(Kind.CONFIG, option.id, option.name, Position(option.where, 0)) for option in options if not option.instead
    ]


def report_of(found: FoundUses, location: BackendLocation, options: Options, *, database: bool) -> UsageReport:
    """Return what provides each id that is used.

    Args:
        database: whether to check Airflow's metadata database.
    """
    inventory, outcome_of = inventory_and_lookups(location, options)
    uses: dict[tuple[Kind, str, str | None], list[Use]] = defaultdict(list)
    for use in found.uses:
        # Airflow requests configuration options without a team.
        uses[use.kind, use.id, None if use.kind is Kind.CONFIG else use.position.team].append(use)
    entries = {
        (each.kind, each.id, each.object_kind, each.namespace, each.secret): each
        for each in reversed(inventory.entries)
    }
    ids = [_provided_by_secret(Lookup(*key), each, outcome_of(Lookup(*key)), entries) for key, each in uses.items()]
    # Airflow searches the other sources next, unless a failed lookup ends the search.
    ends_at_error = options.on_error == DENY and access_denied() is not None
    others = hidden_entries(
        [each.lookup for each in ids if each.other_sources_are_searched(ends_at_error)], database=database
    )
    ids = [
        _provided_by_others(each, others) if each.other_sources_are_searched(ends_at_error) else each for each in ids
    ]
    ids.sort(key=lambda each: (each.lookup.kind.plural, each.lookup.team or "", each.lookup.id))
    used = {(kind, identifier) for kind, identifier, _team in uses}
    # The key of a bundle can be listed under another spelling than the id that reads it.
    outcomes = ((lookup, outcome_of(lookup)) for lookup in (Lookup(*key) for key in uses))
    used |= {
        (lookup.kind, _listed_id(lookup, outcome.secret))
        for lookup, outcome in outcomes
        if isinstance(outcome, Decision) and outcome.secret is not None
    }
    unused = [
        each
        for each in inventory.entries
        if each.provides_value and each.kind in STORED_KINDS and (each.kind, each.id) not in used
    ]
    failures = [f"could not check the {origin}: {text}" for origin, text in others.failures]
    failures = [*inventory.failures, *location.problems(), *failures]
    return UsageReport(ids, unused, failures, location.namespace(None) or None)


def _provided_by_secret(
    lookup: Lookup,
    uses: Sequence[Use],
    outcome: Decision | KubernetesSecretsError,
    entries: Mapping[tuple[Kind, str, str, str, str], Entry],
) -> UsedId:
    """Return what the lookup in Kubernetes Secrets finds."""
    is_optional = all(use.is_optional for use in uses)
    missing = IdStatus.OPTIONAL if is_optional else IdStatus.MISSING
    if isinstance(outcome, MissingSecretError):
        return UsedId(lookup, missing, uses, problems=[Problem("missing-secret", str(outcome))], fails=True)
    if isinstance(outcome, MalformedSecretError):
        return UsedId(lookup, missing, uses, problems=[Problem(UNREADABLE, str(outcome))], fails=True)
    if isinstance(outcome, KubernetesSecretsError):
        return UsedId(lookup, IdStatus.UNKNOWN, uses, problems=[Problem("unreachable", str(outcome))], fails=True)
    secret = outcome.secret
    if secret is None:
        skipped = [Problem(UNREADABLE, str(each)) for each in outcome.skipped]
        return UsedId(lookup, missing, uses, problems=skipped, outcome=outcome.outcome)
    entry = entries.get((lookup.kind, _listed_id(lookup, secret), secret.object_kind, secret.namespace, secret.name))
    problems = [] if entry is None else entry.problems
    if entry is not None and not entry.provides_value:
        return UsedId(lookup, missing, uses, problems=problems, fails=True)
    return UsedId(lookup, IdStatus.FOUND, uses, Provider(SECRET, secret.listed_name), problems)


def _listed_id(lookup: Lookup, secret: Secret) -> str:
    """Return the id under which the inventory lists the Secret that a lookup selects."""
    if secret.bundle_key:
        return identifier_of_key(lookup.kind, secret.bundle_key) or secret.bundle_key
    return secret.name if isinstance(secret, MountedSecret) and secret.has_hashed_name else lookup.id


def _provided_by_others(used: UsedId, others: HiddenEntries) -> UsedId:
    """Return what provides an id that no Secret provides."""
    used = replace(used, owners=others.owners.get((used.lookup.kind, used.lookup.id), frozenset()))
    found = others.by_lookup.get((used.lookup.kind, used.lookup.id, used.lookup.team))
    if found:
        return replace(used, status=IdStatus.FOUND, provider=Provider(found[0].origin, found[0].text, found[0].owner))
    could_be_there = others.failures and used.lookup.kind in STORED_KINDS
    return replace(used, status=IdStatus.UNKNOWN) if could_be_there and used.status is IdStatus.MISSING else used
