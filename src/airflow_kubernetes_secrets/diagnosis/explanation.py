"""``explain``: the trace of one lookup.

It shows each query, which Secret is selected, which ones are skipped and why, and what Airflow reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from airflow_kubernetes_secrets.backend.airflow_versions import parsed_connection
from airflow_kubernetes_secrets.deployment.hidden_entries import HiddenEntry, hidden_entries_of
from airflow_kubernetes_secrets.deployment.secret_options import SecretOption, secret_options
from airflow_kubernetes_secrets.diagnosis.hook_test import HookTest
from airflow_kubernetes_secrets.diagnosis.similar_ids import MayReveal, reveal_all, similar_ids
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, connection_text, key_for_messages
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.connection_types import problems_of_connection_type
from airflow_kubernetes_secrets.inventory.content import UNESCAPED, UNREADABLE, Content, content_of
from airflow_kubernetes_secrets.inventory.entries import LAYOUT
from airflow_kubernetes_secrets.inventory.id_corrections import correction, set_annotation
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.labels_and_annotations import problems_of_metadata
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.owning_teams import OwningTeams
from airflow_kubernetes_secrets.inventory.similar_teams import similar_team
from airflow_kubernetes_secrets.inventory.snapshot import Snapshot
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.inventory.visible_fields import shown_names
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, label_value
from airflow_kubernetes_secrets.kubernetes.objects import ConfigMap, Secret
from airflow_kubernetes_secrets.kubernetes.resources import CONFIG_MAPS, SECRETS, Resource
from airflow_kubernetes_secrets.lookup.bundles import are_of_one_bundle
from airflow_kubernetes_secrets.lookup.kinds import Kind, kinds_with_labels
from airflow_kubernetes_secrets.lookup.selection import Decision, Lookup, Outcome, decide, shown_id
from airflow_kubernetes_secrets.manifests.requested_secret import why_hidden
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.layout import ignored_keys
from airflow_kubernetes_secrets.sources.mounted import MountedSecret
from airflow_kubernetes_secrets.sources.query import LabelQuery, Query
from airflow_kubernetes_secrets.usage.next_commands import NextCommand, NextCommands, NoCommand
from airflow_kubernetes_secrets.usage.uses import Use

Result = TypeVar("Result")


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
            kind = SECRETS.kind if selected is None else selected.stored.secret.kind
            return f"{self.lookup}: a {kind} is selected, but Airflow cannot read it"
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
            return self.commands.export(self.lookup, first.place, first.owner)
        if self.lookup.kind is Kind.CONFIG and not self.options:
            return None  # no option of Airflow names it, so Airflow does not look it up
        if reason := why_hidden(self.lookup.team, self.owners, self.commands.options):
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
                    "object_kind": candidate.stored.secret.kind,
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


# Tests a connection as Airflow gets it.
RunHookTest = Callable[[str], HookTest]


def explain(
    lookup: Lookup,
    options: Options,
    location: BackendLocation,
    *,
    database: bool = True,
    may_reveal: MayReveal = reveal_all,
    labelled: Callable[[], LabelledSecrets | None] = lambda: None,
    run_test: RunHookTest | None = None,
    commands: NextCommands | None = None,
) -> Explanation:
    """Follow a lookup, and return its trace.

    Args:
        database: whether to check Airflow's metadata database for the same id.
        may_reveal: which ids of others the trace may reveal; see :func:`similar_ids`.
        labelled: returns the Secrets among which to search for suggestions; ``None`` to list them. It is called only if
            a suggestion is needed.
        run_test: tests the connection, if Airflow can read it; ``None`` for no test.
        commands: makes the command that comes next; ``None`` for commands without arguments for access and DAGs.
    """
    explanation = Explanation(
        lookup, location.text, commands or NextCommands(options, default_namespace=location.namespace(None) or None)
    )
    if isinstance(location, Cluster):
        explanation.user = _unless_it_fails(location.user) or ""
    found: dict[str, Secret] = {}
    decision = _decide(explanation, options, location, found)
    if isinstance(decision, Decision):
        explanation.outcome = decision.outcome
        _add_candidates(explanation, decision, location)
        if decision.secret is not None:
            _add_content(explanation, decision.secret, decision.data_key)
            if run_test is not None and explanation.parsed is not None:
                stored = connection_text(decision.secret, decision.data_key)
                explanation.tested = run_test(stored)
        is_missing = decision.secret is None and bool(decision.queries)
        if is_missing or _may_be_of_other_team(decision, options, location):
            known = labelled() or Snapshot(location, options, tuple(Kind)).secrets
            explanation.hints += _of_team(lookup, options, location, known, may_reveal)
            if is_missing:
                explanation.hints += _of_annotation(decision, found, options, location)
                explanation.hints += similar_ids(lookup, options, location, known, may_reveal)
    explanation.problems += _problems_of_metadata(decision, found, options, location)
    if lookup.kind is Kind.CONFIG:
        explanation.options = [option for option in secret_options() if option.id == lookup.id]
    elif explanation.verdict is Verdict.NOT_FOUND:
        explanation.instead, explanation.owners = hidden_entries_of(lookup, database=database)
        explanation.may_name_owners = all(may_reveal(lookup.kind, lookup.id, team) for team in explanation.owners)
    else:
        explanation.hidden, _owners = hidden_entries_of(lookup, database=database)
    return explanation


def _decide(
    explanation: Explanation, options: Options, location: BackendLocation, secrets: dict[str, Secret]
) -> Decision | KubernetesSecretsError:
    """Decide the lookup, and record each query.

    Args:
        secrets: gets the Secrets that were found, by their full names.

    Returns:
        The decision, or the error of the lookup.
    """

    def find(query: Query, time: TimeBudget) -> Sequence[Secret]:
        namespace = location.namespace(query.namespace)
        verb, name = ("list", "") if isinstance(query, LabelQuery) else ("get", query.name)
        what = str(query) if isinstance(query, LabelQuery) else query.name
        resource = query.resource
        allowed = None
        if isinstance(location, Cluster):
            allowed = _unless_it_fails(lambda: location.may(verb, namespace, name, resource=resource))
        try:
            found = location.find(query, time)
        except KubernetesSecretsError:
            explanation.steps.append(Step(verb, namespace, what, None, allowed, resource))
            raise
        explanation.steps.append(Step(verb, namespace, what, len(found), allowed, resource))
        secrets.update((secret.full_name, secret) for secret in found)
        return found

    try:
        return decide(explanation.lookup, options, find)
    except KubernetesSecretsError as error:
        explanation.error = str(error)
        return error


def _may_be_of_other_team(decision: Decision, options: Options, location: BackendLocation) -> bool:
    """Return whether a lookup for a team selects nothing of this team, so that the team may be misspelt.

    A global Secret can be selected, so a misspelt team is not noticed otherwise.
    """
    team, selected = decision.lookup.team, decision.secret
    return bool(team) and (selected is None or team not in OwningTeams(options, location).teams(selected))


def _of_team(
    lookup: Lookup, options: Options, location: BackendLocation, labelled: LabelledSecrets, may_reveal: MayReveal
) -> list[str]:
    """Return a suggestion for the team of a lookup, if nothing belongs to this team."""
    if not lookup.team:
        return []
    found = [*(secret for each in labelled.by_kind.values() for secret in each), *labelled.bundles]
    labels = dict(kinds_with_labels(options))

    def reveals(secret: Secret, owner: str) -> bool:
        # A bundle has many ids, so its team is not suggested.
        kinds = [kind for kind, label in labels.items() if label in secret.labels]
        return kinds != [] and all(may_reveal(kind, identifier_of(secret, labels[kind]), owner) for kind in kinds)

    hint = similar_team(lookup.team, options, OwningTeams(options, location), found, reveals)
    return [hint] if hint else []


def _of_annotation(
    decision: Decision, found: Mapping[str, Secret], options: Options, location: BackendLocation
) -> Iterator[str]:
    """Yield how to correct the annotations of Secrets that have the label value of an id, but not the id itself."""
    lookup = decision.lookup
    label = lookup.kind.label(options)
    if label is None:
        return
    for secret in _skipped(decision.skipped, found):
        # A bundle is also skipped, if it has the label of another id.
        if secret.labels.get(label) == label_value(lookup.id) and identifier_of(secret, label) != lookup.id:
            what = f"If {secret.full_name} is meant, set the annotation {label!r} to this id"
            command = set_annotation(options, secret, label, lookup.id)
            yield correction(location.stored(secret), options, what, [command])


def _skipped(errors: Sequence[KubernetesSecretsError], found: Mapping[str, Secret]) -> Iterator[Secret]:
    """Yield the Secrets that errors are about, with the metadata that the queries of the lookup returned."""
    for error in errors:
        if isinstance(error, MalformedSecretError):
            name = printable(f"{error.kind} {error.namespace}/{error.secret}")
            if name in found:
                yield found[name]


def _problems_of_metadata(
    decision: Decision | KubernetesSecretsError,
    found: Mapping[str, Secret],
    options: Options,
    location: BackendLocation,
) -> Sequence[Problem]:
    """Return what is wrong with the labels and annotations of the Secrets that decide a lookup.

    These are the selected one and the skipped ones, or the one that makes the lookup fail: a misspelt annotation can be
    the reason. ``list`` shows the same problems of a Secret.
    """
    secrets: dict[str, Secret] = {}
    errors: Sequence[KubernetesSecretsError] = ()
    if isinstance(decision, KubernetesSecretsError):
        errors = (decision,)
    else:
        errors = decision.skipped
        if (selected := decision.secret) is not None:
            # The annotations of a bundle are not those of its entry.
            is_entry = selected.bundle_key != ""
            secrets[selected.full_name] = found.get(selected.full_name, selected) if is_entry else selected
    for secret in _skipped(errors, found):
        secrets.setdefault(secret.full_name, secret)
    return [
        problem for secret in secrets.values() for problem in problems_of_metadata(location.stored(secret), options)
    ]


def _unless_it_fails(read: Callable[[], Result]) -> Result | None:
    """Return the result of a query that only adds details, or ``None`` if it fails."""
    try:
        return read()
    except KubernetesSecretsError:
        return None


def _add_candidates(explanation: Explanation, decision: Decision, location: BackendLocation) -> None:
    """Add the Secrets that matched: the selected one, those with the same id, and the skipped ones."""
    for position, secret in enumerate(decision.matches):
        verdict = "is selected" if position == 0 else "has the same id, and is younger or comes later by name"
        if position and are_of_one_bundle(secret, decision.matches[0]):
            verdict = "has the same id, and is not used because another key equals the id"
        key = secret.bundle_key
        if key:
            verdict += f": key {key!r} of this bundle"
        explanation.candidates.append(Candidate(location.stored(secret), verdict, position == 0, key))
    for skipped in decision.skipped:
        # The error contains only the name of the Secret. The location still has its metadata from the query.
        object_type = ConfigMap if skipped.kind == CONFIG_MAPS.kind else Secret
        secret = object_type(skipped.namespace, skipped.secret, "", {}, {})
        explanation.candidates.append(Candidate(location.stored(secret), f"is skipped: {skipped}", is_selected=False))


def _add_content(explanation: Explanation, secret: Secret, key: str) -> None:
    """Add what Airflow reads from the selected Secret."""
    kind = explanation.lookup.kind
    explanation.content = content_of(kind, secret, key)
    ignored = ignored_keys(secret.path) if isinstance(secret, MountedSecret) else ()
    explanation.problems = [
        *explanation.content.problems,
        *problems_of_connection_type(kind, secret, key, explanation.content),
        *(Problem(LAYOUT, each.text, Severity.WARNING) for each in ignored),
    ]
    if kind is Kind.CONNECTION:
        fields = fields_of(secret)
        read = (fields if key == IN_FIELDS else fields.completing(key)).keys
        explanation.fields = {field: each for field, each in read.items() if each not in explanation.content.unused}
    if kind is Kind.CONNECTION and explanation.content.is_readable:
        parsed = _parse(explanation.lookup.id, secret, key)
        if isinstance(parsed, Problem):
            explanation.problems.append(parsed)
        elif any(each.code == UNESCAPED for each in explanation.problems):
            # The name of a parameter may be a part of the password.
            explanation.parsed = Parsed(parsed.fields)
        else:
            explanation.parsed = parsed


def _parse(conn_id: str, secret: Secret, key: str) -> Parsed | Problem:
    """Return how Airflow itself parses the connection."""
    stored = connection_text(secret, key)
    try:
        connection = parsed_connection(conn_id, stored)
        fields = [name for name in ("login", "password", "port", "schema", "extra") if getattr(connection, name)]
        return Parsed(fields, _names(connection.extra))
    except Exception as failure:  # Airflow's parsers raise many classes, and their messages can quote the password
        problem = f"Airflow cannot parse the connection ({type(failure).__name__})"
    return Problem(UNREADABLE, str(secret.malformed(key_for_messages(key), problem)))


def _names(extra: str | None) -> list[str]:
    """Return the names in ``extra`` that may be shown.

    Airflow's own property for this logs what it cannot read, so it is not used.
    """
    try:
        found = json.loads(extra or "{}")
    except (ValueError, RecursionError):
        return []
    return shown_names(found) if isinstance(found, dict) else []
