"""All connections, variables and configuration options in Secrets, and what is wrong with each: ``list``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Final

from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MissingSecretError, NotConfiguredError
from airflow_kubernetes_secrets.garbage_collection import no_garbage_collection
from airflow_kubernetes_secrets.inventory.bundles import (
    ids_in_bundle,
    kind_of_bundle,
    problem_of_entry,
    problems_of_bundle,
    problems_of_keys,
)
from airflow_kubernetes_secrets.inventory.content import UNREADABLE, Content
from airflow_kubernetes_secrets.inventory.known_contents import NO_CONTENTS, Contents, KnownContents
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.labels_and_annotations import (
    problem_of_empty_team,
    problem_of_team_label,
    problems_of_metadata,
    problems_of_stored_id,
    without_effect_on_config_map,
)
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.lookup_results import BLOCKED, LookupResult, unreached_problem
from airflow_kubernetes_secrets.inventory.owning_teams import OwningTeams
from airflow_kubernetes_secrets.inventory.snapshot import Snapshot
from airflow_kubernetes_secrets.inventory.stored_secret import Owner, StoredSecret
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, label_value
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Secret
from airflow_kubernetes_secrets.lookup.bundles import entries_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Decision, Lookup, decide, shown_id
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.mounted import MountedSecret

FOLDER_LAYOUT: Final = "folder-layout"

# Seconds, and the unit of an age.
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


@dataclass(frozen=True)
class Entry:
    """One id in one Secret.

    Attributes:
        team: the team that the entry is for; ``None`` means lookups without a team.
        namespace, secret: the namespace and the name of the Secret, or of the ConfigMap.
        content: what Airflow reads from the Secret, as far as it may be shown.
        created: the creation time as the API writes it; empty if it is unknown.
        owner: who manages the Secret.
        provides_value: whether a lookup of the id selects this Secret and can read it.
        object_kind: ``Secret`` or ``ConfigMap``.
    """

    kind: Kind
    id: str
    team: str | None
    namespace: str
    secret: str
    content: Content = field(default_factory=lambda: Content("", is_readable=False))
    created: str = ""
    owner: Owner | None = None
    provides_value: bool = False
    problems: tuple[Problem, ...] = ()
    object_kind: str = SECRETS.kind

    @property
    def shown_name(self) -> str:
        """Namespace and name as tables show them. The kind is added for an object that is not a Secret."""
        name = f"{self.namespace}/{self.secret}" if self.namespace else self.secret
        return name if self.object_kind == SECRETS.kind else f"{self.object_kind} {name}"

    @property
    def short_format(self) -> str:
        """The data format as tables show it: the name of the key that holds the whole value, or ``fields``."""
        return self.content.data_format.removeprefix("key ").strip("'")

    def age(self, now: datetime) -> str:
        """Return the age as kubectl shows it, in the largest unit that fits; empty if it is unknown."""
        if not self.created:
            return ""
        try:
            # Python 3.10 cannot parse the Z.
            since = datetime.fromisoformat(self.created.replace("Z", "+00:00"))
        except ValueError:
            return ""  # in a folder of manifests, the creation time can be any string
        seconds = (now - (since if since.tzinfo else since.replace(tzinfo=timezone.utc))).total_seconds()
        for size, unit in _UNITS:
            if seconds >= size:
                return f"{seconds // size:.0f}{unit}"
        return "0s"

    def as_json(self) -> dict[str, Any]:
        """Return the entry as the JSON outputs show it; docs/reference/cli.md describes them."""
        owner = self.owner
        return {
            "kind": self.kind.name.lower(),
            "id": shown_id(self.id),
            "team": self.team,
            "namespace": self.namespace,
            "secret": self.secret,
            "object_kind": self.object_kind,
            "shape": self.content.data_format,
            "conn_type": self.content.conn_type,
            "host": self.content.host,
            "created": self.created or None,
            "owner": None if owner is None else {"operator": owner.operator, "kind": owner.kind, "name": owner.name},
            "answers": self.provides_value,
            "problems": [problem.as_json() for problem in self.problems],
        }


@dataclass(frozen=True)
class Inventory:
    """All entries, and what could not be read.

    Attributes:
        failures: messages, each with its remedy.
        problems: what is wrong with bundles as a whole, and with the layout of a folder.
        contents: what Airflow reads, for a later inventory, which need not read unchanged Secrets again.
        labelled: the objects with the labels that lookups use, without values; ``None`` for a folder.
    """

    entries: Sequence[Entry]
    failures: Sequence[str]
    problems: Sequence[Problem] = ()
    contents: KnownContents = field(default_factory=dict)
    labelled: LabelledSecrets | None = None

    @property
    def is_unread(self) -> bool:
        """Whether there are no entries because they could not be read."""
        return bool(self.failures) and not self.entries


def problems_with_ids(entries: Iterable[Entry], failures: Sequence[str] = ()) -> list[Problem]:
    """Return the problems of entries as messages that name the id, for lists that do not show ids.

    A problem of several entries is listed once, with the first id.

    Args:
        failures: messages that the reader sees too, so that no problem repeats them for each id.
    """
    found: dict[Problem, Problem] = {}
    for entry in entries:
        lookup = str(Lookup(entry.kind, entry.id, entry.team))
        for problem in entry.problems:
            text = problem.text if problem.text.startswith(lookup) else f"{lookup}: {problem.text}"
            if problem.code == UNREADABLE and text.removeprefix(f"{lookup}: ") in failures:
                text = f"{lookup}: Secret {entry.shown_name} cannot be read"
            found.setdefault(problem, replace(problem, text=text))
    return list(found.values())


def inventory_of(
    location: BackendLocation,
    options: Options,
    kinds: Sequence[Kind] = tuple(Kind),
    known: KnownContents = NO_CONTENTS,
) -> Inventory:
    """Return all entries in the namespaces that Airflow searches.

    The rules of a lookup decide on a snapshot which Secret each id gets. The entries of bundles are included even if
    lookups do not read bundles.

    Args:
        known: the contents in an earlier inventory of the same location.
    """
    return inventory_and_lookups(location, options, kinds, known)[0]


def inventory_and_lookups(
    location: BackendLocation,
    options: Options,
    kinds: Sequence[Kind] = tuple(Kind),
    known: KnownContents = NO_CONTENTS,
) -> tuple[Inventory, Callable[[Lookup], Decision | KubernetesSecretsError]]:
    """Return all entries, and a function that decides any lookup on the same snapshot, or returns its error."""
    with no_garbage_collection():
        snapshot = Snapshot(location, options, kinds)
        survey = _Survey(snapshot, options, location, known)
        entries = [entry for kind in kinds for entry in survey.entries(kind)]
    entries.sort(
        key=lambda entry: (entry.kind.plural, entry.team or "", entry.id, not entry.provides_value, entry.created)
    )
    problems = list(_problems_of_bundles(snapshot, options, kinds))
    with suppress(NotConfiguredError):  # the folder itself cannot be read, which is one of the failures
        problems += _problems_of_layout(location, kinds)
    labelled = snapshot.secrets.without_values(options) if options.path is None else None
    inventory = Inventory(entries, snapshot.failures, problems, survey.contents.by_version, labelled)
    return inventory, survey.outcome


def _problems_of_bundles(snapshot: Snapshot, options: Options, kinds: Sequence[Kind]) -> Iterator[Problem]:
    """Yield the problems of what has no entries: of a bundle as a whole, and of a ConfigMap without a variable."""
    for bundle in (stored.secret for stored in snapshot.bundles):
        kind = kind_of_bundle(bundle)
        if kind is None or (kind in kinds and not _can_have_entries(kind, bundle)):
            yield from problems_of_bundle(bundle, options)
        elif kind in kinds:
            yield from problems_of_keys(bundle, options)
    for secret in {stored.secret.full_name: stored.secret for stored in snapshot.without_effect}.values():
        yield from without_effect_on_config_map(secret, options)


def _problems_of_layout(location: BackendLocation, kinds: Sequence[Kind]) -> Iterator[Problem]:
    """Yield what nothing reads in a folder, unless it is in the folder of another kind."""
    plurals = ("", *(kind.plural for kind in kinds))
    found = [each.text for each in location.layout_mistakes() if each.kind in plurals]
    for text in dict.fromkeys(found):
        yield Problem(FOLDER_LAYOUT, text, Severity.WARNING)


def _can_have_entries(kind: Kind, bundle: Secret) -> bool:
    return kind is Kind.VARIABLE or bundle.resource is SECRETS


class _Survey:
    """Makes the entries. Each distinct lookup is decided once.

    Attributes:
        contents: what Airflow reads from the objects.
    """

    def __init__(self, snapshot: Snapshot, options: Options, location: BackendLocation, known: KnownContents) -> None:
        self._snapshot = snapshot
        self._options = options
        self._without_fallback = options.replace(team_fallback=False)
        self._location = location
        self._owning_teams = OwningTeams(options, location)
        self._listed: set[tuple[Kind, str, str, str]] = set()
        self._results: dict[tuple[Kind, str, str | None], LookupResult] = {}
        self._hashed: dict[Kind, Mapping[str, str]] = {}
        self.contents = Contents(options, known)

    def entries(self, kind: Kind) -> Iterator[Entry]:
        """Yield the entries of a kind: first those by label, then those by reference, and then those of bundles."""
        label = kind.label(self._options)
        for stored in self._snapshot.labelled[kind]:
            if label is not None:
                for team in self._owning_teams.teams(stored.secret):
                    yield self._labelled(kind, label, stored, team)
        for identifier, reference in self._options.references.get(kind.plural, {}).items():
            where = self._location.namespace(reference.namespace or self._options.namespaces[0])
            # A referenced Secret that also has the label already has an entry.
            if (kind, identifier, where, reference.name) not in self._listed:
                yield self._referenced(kind, identifier, where, reference.name)
        for stored in self._snapshot.bundles:
            if kind_of_bundle(stored.secret) is kind and _can_have_entries(kind, stored.secret):
                for team in self._owning_teams.teams(stored.secret):
                    yield from self._bundled(kind, stored, team)

    def outcome(self, lookup: Lookup) -> Decision | KubernetesSecretsError:
        """Return the decision of any lookup, or its error."""
        return self._result(lookup.kind, lookup.id, lookup.team).outcome

    def _labelled(self, kind: Kind, label: str, stored: StoredSecret, team: str | None) -> Entry:
        """Return the entry of a Secret with the label of a kind."""
        secret = stored.secret
        identifier = identifier_of(secret, label)
        if isinstance(secret, MountedSecret) and secret.is_of_unknown_id:
            known = self._ids_by_value(kind, label).get(secret.labels[label])
            if known is None:
                # The id is unknown, so the name of the file is shown instead. A lookup of the id selects this Secret.
                return self._entry(Lookup(kind, identifier, team), stored, [], is_selected=True)
            identifier, secret = known, secret.of_id(label, known)
            stored = replace(stored, secret=secret)
        problems = list(problems_of_stored_id(stored, label, self._options))
        result = self._result(kind, identifier, team)
        is_selected = result.selects(secret)
        if is_selected and result.selected is not None and result.selected is not secret:
            # A reference selects the Secret, so its annotations can differ from those of the Secret.
            stored = replace(stored, secret=result.selected, version="")
        if team is None and secret.resource is SECRETS:
            self._listed.add((kind, identifier, secret.namespace, secret.name))
        if not problems and not is_selected:
            problems.append(self._problem_of_team(kind, secret) or result.why_not(secret))
        return self._entry(Lookup(kind, identifier, team), stored, problems, is_selected=is_selected)

    def _ids_by_value(self, kind: Kind, label: str) -> Mapping[str, str]:
        """Return the ids whose label value has a hash, by this value, as far as something contains the id itself."""
        if kind not in self._hashed:
            labelled = (stored.secret for stored in self._snapshot.labelled[kind])
            ids = {
                *(identifier_of(each, label) for each in labelled),
                *self._options.references.get(kind.plural, ()),
            }
            self._hashed[kind] = {value: each for each in ids if (value := label_value(each)) != each}
        return self._hashed[kind]

    def _bundled(self, kind: Kind, bundle: StoredSecret, team: str | None) -> Iterator[Entry]:
        """Yield the entries of a bundle."""
        of_all = tuple(problems_of_bundle(bundle.secret, self._options))
        if not of_all and (of_team := self._problem_of_team(kind, bundle.secret)) is not None:
            of_all = (of_team,)
        for key, identifier in ids_in_bundle(bundle.secret, kind):
            [secret] = entries_of(bundle.secret, (key,))
            problems = list(of_all)
            if not problems and (problem := problem_of_entry(bundle.secret, kind, key)):
                problems.append(problem)
            is_selected = False
            if not problems:
                result = self._result(kind, identifier, team)
                is_selected = result.selects(secret)
                if not is_selected:
                    problems.append(result.why_not(secret))
            stored = replace(bundle, secret=secret)
            yield self._entry(
                Lookup(kind, identifier, team), stored, problems, is_selected=is_selected, bundle=bundle.secret
            )

    def _problem_of_team(self, kind: Kind, secret: Secret) -> Problem | None:
        """Return why no lookup reads a Secret because of its label of a team; ``None`` if there is no such reason."""
        label = self._options.team_label
        if label is None or label not in secret.labels:
            return None
        of_option = problem_of_team_label(secret) if kind is Kind.CONFIG else None
        return problem_of_empty_team(secret, self._options) or of_option

    def _referenced(self, kind: Kind, identifier: str, namespace: str, name: str) -> Entry:
        """Return the entry of an id for which the options name a Secret."""
        outcome = self._result(kind, identifier, None).outcome
        if isinstance(outcome, Decision) and outcome.secret is not None:
            stored = replace(self._snapshot.stored(outcome.secret), secret=outcome.secret, version="")
            return self._entry(outcome.lookup, stored, [], is_selected=True)
        if isinstance(outcome, Decision):
            problem = unreached_problem(f"Secret {namespace}/{name}" if namespace else f"Secret {name}", outcome)
        else:
            code: ProblemCode = "missing-secret" if isinstance(outcome, MissingSecretError) else UNREADABLE
            problem = Problem(code, f"{Lookup(kind, identifier)}: {outcome}")
        return Entry(kind, identifier, None, namespace, name, problems=(problem,))

    def _entry(
        self,
        lookup: Lookup,
        stored: StoredSecret,
        problems: list[Problem],
        *,
        is_selected: bool,
        bundle: Secret | None = None,
    ) -> Entry:
        """Return an entry with what Airflow reads from its Secret, which can be an entry of a bundle."""
        secret = stored.secret
        content, of_type = self.contents.of(lookup.kind, stored)
        # The blocking Secret may be fixed while this Secret still cannot be read, so both problems are shown.
        if is_selected or not problems or any(each.code == BLOCKED for each in problems):
            problems += content.problems
            problems += of_type
        problems += problems_of_metadata(replace(stored, secret=bundle or secret), self._options)
        return Entry(
            lookup.kind,
            lookup.id,
            lookup.team,
            secret.namespace,
            secret.name,
            content,
            secret.created,
            stored.owner,
            is_selected and content.is_readable,
            tuple(problems),
            object_kind=secret.object_kind,
        )

    def _result(self, kind: Kind, identifier: str, team: str | None) -> LookupResult:
        """Return the result of a lookup, which is decided only once."""
        # Airflow requests configuration options without a team.
        team = None if kind is Kind.CONFIG else team
        key = (kind, identifier, team)
        if key not in self._results:
            result = self._own_result(Lookup(kind, identifier, team))
            if team is not None and self._options.team_fallback and result.selects_none:
                result = self._result(kind, identifier, None).as_fallback_after(result)
            self._results[key] = result
        return self._results[key]

    def _own_result(self, lookup: Lookup) -> LookupResult:
        """Return the result of a lookup that does not fall back to the Secrets without a team."""
        try:
            return LookupResult(decide(lookup, self._without_fallback, self._snapshot.find_for(lookup)))
        except KubernetesSecretsError as error:
            return LookupResult(error)
