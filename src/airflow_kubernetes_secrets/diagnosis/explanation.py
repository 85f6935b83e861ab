"""The trace of one lookup, as data.

It shows each query, which Secret is selected, which ones are skipped and why, and what Airflow reads.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from airflow_kubernetes_secrets.deployment.hidden_entries import HiddenEntry
from airflow_kubernetes_secrets.deployment.secret_options import SecretOption
from airflow_kubernetes_secrets.diagnosis.hook_test import HookTest
from airflow_kubernetes_secrets.inventory.content import UNREADABLE, Content
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Resource
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, Outcome, shown_id
from airflow_kubernetes_secrets.manifests.requested_secret import why_it_would_hide
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.usage.next_commands import NextCommand, NextCommands, NoCommand
from airflow_kubernetes_secrets.usage.uses import Use


class Verdict(Enum):
    """How a lookup ends. The value is the exit status of ``explain``."""

    FOUND = 0
    NOT_FOUND = 1
    TROUBLE = 2


@dataclass(frozen=True)
class Step:
    """One query to the API server or the folder.

    Attributes:
        verb: ``list`` or ``get``.
        what: the label selector, or the name.
        resource: the resource that was queried.
        found: how many objects matched; ``None`` if the query failed.
        allowed: whether this user has the permission for it; ``None`` if that is unknown.
    """

    verb: str
    namespace: str
    what: str
    found: int | None
    allowed: bool | None = None
    resource: Resource = SECRETS


@dataclass(frozen=True)
class Candidate:
    """A Secret that has the label value, or that a reference names.

    Attributes:
        text: whether the Secret is selected, and if not, why, in words for people.
        is_selected: whether the Secret is selected.
        key: the key that has the id, if the Secret is a bundle; else empty.
    """

    stored: StoredSecret
    text: str
    is_selected: bool
    key: str = ""


@dataclass(frozen=True)
class Parsed:
    """How Airflow parses a connection, as far as it may be shown.

    Attributes:
        fields: the fields that have a value.
        extra: the names in ``extra``.
    """

    fields: Sequence[str] = ()
    extra: Sequence[str] = ()


@dataclass
class Explanation:
    """The trace of one lookup.

    Attributes:
        location: the backend location, for people.
        commands: makes the command that comes next.
        user: the user that the API server sees; empty for a folder, or if the user is unknown.
        steps: the queries, in order.
        outcome: how the lookup ended; ``None`` if it failed.
        error: why the lookup failed; empty if it did not.
        candidates: the Secrets that match: the selected one first, and the skipped ones last.
        content: what Airflow reads from the selected Secret.
        fields: the data keys that hold fields of a connection, by field. They complete the connection in another key,
            or make up the connection.
        parsed: how Airflow parses the connection.
        tested: the result of the hook's test; ``None`` if there was no test.
        problems: what is wrong with the selected Secret.
        options: for the id of a configuration option, Airflow's own options that name the id.
        hidden: connections and variables with this id outside Kubernetes that Airflow does not read.
        instead: those that Airflow reads because no Secret has the id, in the order in which it searches them.
        owners: the teams that have an entry of their own with the id outside Kubernetes.
        may_name_owners: whether the user may learn that these teams have it.
        hints: if nothing was found, what the user may have meant.
        uses: where DAGs use the id; ``None`` if no DAGs were read.
    """

    lookup: Lookup
    location: str
    commands: NextCommands
    user: str = ""
    steps: list[Step] = field(default_factory=list)
    outcome: str | None = None
    error: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    content: Content | None = None
    fields: dict[str, str] = field(default_factory=dict)
    parsed: Parsed | None = None
    tested: HookTest | None = None
    problems: list[Problem] = field(default_factory=list)
    options: list[SecretOption] = field(default_factory=list)
    hidden: list[HiddenEntry] = field(default_factory=list)
    instead: list[HiddenEntry] = field(default_factory=list)
    owners: Set[str] = frozenset()
    may_name_owners: bool = True
    hints: list[str] = field(default_factory=list)
    uses: list[Use] | None = None

    @property
    def verdict(self) -> Verdict:
        """How the lookup ends."""
        is_lost = self.content is not None and not self.content.is_readable
        if self.error or is_lost or any(problem.code == UNREADABLE for problem in self.problems):
            return Verdict.TROUBLE
        return Verdict.FOUND if self.outcome == Outcome.FOUND else Verdict.NOT_FOUND

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        selected = next((candidate for candidate in self.candidates if candidate.is_selected), None)
        if selected is not None and self.verdict is Verdict.FOUND:
            key = f", key {selected.key!r}," if selected.key else ""
            return f"{self.lookup}: {selected.stored.secret.full_name}{key} is selected"
        if self.error:
            return f"{self.lookup}: the lookup fails"
        if self.verdict is Verdict.TROUBLE:
            object_kind = SECRETS.kind if selected is None else selected.stored.secret.object_kind
            return f"{self.lookup}: a {object_kind} is selected, but Airflow cannot read it"
        return f"{self.lookup}: {self.outcome if self.outcome is not None else 'not looked up'}"

    @property
    def next_command(self) -> NextCommand | NoCommand | None:
        """The command that comes next, or the reason why none is shown; ``None`` if no command would help."""
        if self.outcome != Outcome.NO_MATCH:
            return None
        if self.instead:
            first = self.instead[0]
            if not first.is_there or not self.uses:
                return None
            return self.commands.export(self.lookup, first.origin, first.owner)
        if self.lookup.kind is Kind.CONFIG and not self.options:
            return None  # no option of Airflow names it, so Airflow does not look it up
        if reason := why_it_would_hide(self.lookup.team, self.owners, self.commands.options):
            return NoCommand(reason) if self.may_name_owners else None
        return self.commands.put(self.lookup)

    def as_json(self) -> dict[str, Any]:
        """Return the trace as the JSON output shows it; docs/reference/cli.md describes it."""
        content, command = self.content, self.next_command
        return {
            "kind": self.lookup.kind.name.lower(),
            "id": shown_id(self.lookup.id),
            "team": self.lookup.team,
            "verdict": self.verdict.name.lower().replace("_", "-"),
            "headline": self.headline,
            "place": self.location,
            "user": self.user or None,
            "steps": [
                {
                    "verb": step.verb,
                    "namespace": step.namespace,
                    "what": step.what,
                    "resource": step.resource.plural,
                    "found": step.found,
                    "allowed": step.allowed,
                }
                for step in self.steps
            ],
            "error": self.error or None,
            "candidates": [
                {
                    "namespace": candidate.stored.secret.namespace,
                    "secret": candidate.stored.secret.name,
                    "object_kind": candidate.stored.secret.object_kind,
                    "key": candidate.key or None,
                    "created": candidate.stored.secret.created or None,
                    "owner": str(candidate.stored.owner) if candidate.stored.owner is not None else None,
                    "answers": candidate.is_selected,
                    "verdict": candidate.text,
                }
                for candidate in self.candidates
            ],
            "shape": content.data_format if content is not None else None,
            "fields": self.fields,
            "completed": content.is_completed if content is not None else None,
            "unused": list(content.unused) if content is not None else None,
            "conn_type": content.conn_type if content is not None else None,
            "host": content.host if content is not None else None,
            "port": content.port if content is not None else None,
            "set": list(self.parsed.fields) if self.parsed is not None else None,
            "extra": list(self.parsed.extra) if self.parsed is not None else None,
            "test": self.tested.as_json() if self.tested is not None else None,
            "problems": [problem.as_json() for problem in self.problems],
            "options": [
                {"option": option.name, "where": option.where, "instead": option.instead or None}
                for option in self.options
            ],
            "hidden": [each.as_json() for each in self.hidden],
            "instead": [each.as_json() for each in self.instead],
            "hints": self.hints,
            "uses": None if self.uses is None else [use.as_json() for use in self.uses],
            "command": command.text if isinstance(command, NextCommand) else None,
        }
