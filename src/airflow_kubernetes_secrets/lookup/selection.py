"""Select the Secret or ConfigMap for a lookup. Every rule of selection is in this module.

A lookup uses the first of these that exists:

1. for a team: the team's own Secret, in the team's namespace and then in each of the others
2. the Secret that the options reference by name
3. the Secret that has the label and belongs to no team, in the order of the namespaces

If several Secrets in one namespace match, the oldest one that can be read is used.

If bundles are switched on and no Secret with the label of the id was found, steps 1 and 3 then search the bundles in
the same namespaces. If ConfigMaps are read, the same steps of a variable then search them in the same way: first by the
label of the id, and then the bundles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NoReturn

from airflow_kubernetes_secrets.errors import MalformedSecretError, MissingSecretError
from airflow_kubernetes_secrets.formats.reading import (
    IN_FIELDS,
    data_key_of_connection,
    data_key_of_variable,
    has_fields,
    near_misses_of,
)
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, is_uri, label_value
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, BUNDLE
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Resource, Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.accepted_values import Reference
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.process import importing
from airflow_kubernetes_secrets.sources.query import LabelQuery, NameQuery, Query

Find = Callable[[Query, TimeBudget], Sequence[Secret]]


class Outcome:
    """How a lookup ended. Each text completes the sentence "connection 'x': …"."""

    FOUND = "found"
    NOT_A_STRING = "the id is not a string, so the lookup was skipped"
    EMPTY = "the id is empty, so the lookup was skipped"
    A_URI = "the id is a URI, so the lookup was skipped"
    OUTSIDE_PATTERN = "the id does not match the lookup pattern in backend_kwargs, so the lookup was skipped"
    TOO_LONG = "the id is too long to be matched with the lookup pattern in backend_kwargs, so the lookup was skipped"
    DISABLED = "its label is null in backend_kwargs and no reference names it, so the lookup was skipped"
    NO_MATCH = "no Secret matches"
    ALL_SKIPPED = "no matching Secret can be read"


def shown_id(identifier: object) -> str:
    """Return an id for display.

    A URI is hidden: users have put URIs with passwords in the place of an id. So is everything that is not a string: it
    can be a connection.
    """
    if not isinstance(identifier, str):
        return f"(of type {type(identifier).__name__})"
    return "(a URI)" if is_uri(identifier) else identifier


class Lookup:
    """A lookup that Airflow requests: the id, and the team of the request, if any.

    Airflow does not check the id that a DAG passes, so it can be of any type.
    """

    __slots__ = ("id", "kind", "team")

    def __init__(self, kind: Kind, id: str, team: str | None = None) -> None:
        self.kind = kind
        self.id = id
        self.team = team

    def __str__(self) -> str:
        shown = shown_id(self.id)
        text = repr(shown) if shown == self.id else shown
        return printable(f"{self.kind.word} {text}" + (f" of team {self.team!r}" if self.team else ""))


def data_key_of(kind: Kind, secret: Secret, default: str) -> str:
    """Return the key of a Secret's data that contains the whole value; :data:`IN_FIELDS` if none does.

    Args:
        default: the key to use if no annotation names one.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    if secret.bundle_key:
        return secret.bundle_key
    if secret.annotations is None:
        return default if default in secret.data else IN_FIELDS
    return (data_key_of_connection if kind is Kind.CONNECTION else data_key_of_variable)(secret, default)


def missing_key(kind: Kind, secret: Secret, data_key: str) -> MalformedSecretError | None:
    """Return the error for a Secret without a usable key; ``None`` if it has one.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    is_connection = kind is Kind.CONNECTION
    if data_key_of(kind, secret, data_key) != IN_FIELDS or (is_connection and has_fields(secret)):
        return None
    problem = f"there is no such key in its data; {secret.keys_text()}"
    remedy = f"If one of these files contains the {kind.word}, name that file {data_key!r}"
    of_fields = ", or name the files of its fields 'host', 'login' and 'password'"
    if secret.can_be_annotated:
        annotation = f"{ANNOTATION_PREFIX}data-key"
        remedy = f"If one of these keys contains the {kind.word}, name that key in the annotation {annotation}"
        of_fields = f", or the keys of its fields in {ANNOTATION_PREFIX}field-<field>"
    if is_connection:
        nor = "nor a key for the host, login or password of a connection"
        problem = f"there is no such key in its data, {nor}; {secret.keys_text()}"
        remedy += of_fields
    if secret.can_be_annotated:
        remedy += secret.annotation_suffix
    if secret.data:
        remedies = (near_misses_of(secret) if is_connection else []) or [remedy]
        problem = ". ".join([problem, *remedies])
    return secret.malformed(data_key, problem)


class Decision:
    """The result of a lookup, with everything that explains it.

    Attributes:
        queries: the queries that the source received, in order.
        matches: the matching Secrets in order of preference. The first one is used.
        data_key: the key of the first match that contains the whole value, or :data:`IN_FIELDS`.
        skipped: why Secrets with the label value were skipped; one error for each.
    """

    __slots__ = ("data_key", "lookup", "matches", "outcome", "queries", "skipped")

    def __init__(
        self,
        lookup: Lookup,
        outcome: str,
        queries: Sequence[Query] = (),
        matches: Sequence[Secret] = (),
        *,
        data_key: str = IN_FIELDS,
        skipped: Sequence[MalformedSecretError] = (),
    ) -> None:
        self.lookup = lookup
        self.outcome = outcome
        self.queries = queries
        self.matches = matches
        self.data_key = data_key
        self.skipped = skipped

    @property
    def secret(self) -> Secret | None:
        """The selected Secret; ``None`` if there is none."""
        return self.matches[0] if self.matches else None


def decide(lookup: Lookup, options: Options, find: Find) -> Decision:
    """Select the Secret for a lookup.

    Args:
        find: queries the source. All queries share one time budget. The result may contain more Secrets than the query
            requests, in any order.

    Raises:
        MalformedSecretError: a team's Secret or a referenced one is unusable, or an annotation is invalid. Secrets of
            lower precedence are not used instead.
        MissingSecretError: a referenced Secret does not exist.
        KubernetesSecretsError: the source could not be queried.
    """
    kind = lookup.kind
    outcome = _why_never(lookup.id) or _outside(kind.pattern(options), lookup.id)
    if outcome is not None:
        return Decision(lookup, outcome)
    label = kind.label(options)
    reference = kind.reference(options, lookup.id) if options.references else None
    if label is None and reference is None:
        return Decision(lookup, Outcome.DISABLED)
    search = _Search(lookup, options, find, label)
    matches: Sequence[Secret] = ()
    if lookup.team:
        matches = search.of_the_team(lookup.team)
    if not matches and (options.team_fallback or not lookup.team):
        matches = search.of_no_team() if reference is None else search.referred_to(reference)
    if matches:
        key = data_key_of(kind, matches[0], kind.data_key(options))
        return Decision(lookup, Outcome.FOUND, search.queries, matches, data_key=key, skipped=search.skipped)
    outcome = Outcome.ALL_SKIPPED if search.skipped else Outcome.NO_MATCH
    return Decision(lookup, outcome, search.queries, skipped=search.skipped)


def _why_never(identifier: object) -> str | None:
    """Return the outcome for what no lookup can have as its id; ``None`` for all other ids."""
    if not isinstance(identifier, str):
        return Outcome.NOT_A_STRING
    if not identifier:
        return Outcome.EMPTY
    return Outcome.A_URI if is_uri(identifier) else None


def _outside(pattern: str | None, identifier: str) -> str | None:
    """Return the outcome for an id that the lookup pattern excludes; ``None`` if it does not exclude the id."""
    if pattern is None:
        return None
    with importing.lock:
        from airflow_kubernetes_secrets.options.pattern_cost import longest_id

    if len(identifier) > longest_id(pattern):
        return Outcome.TOO_LONG
    # Like Amazon's backend, which has the same options, match at the beginning and ignore case.
    return None if re.match(pattern, identifier, re.IGNORECASE) else Outcome.OUTSIDE_PATTERN


_SearchIn = Callable[[Resource, "str | None"], Sequence[Secret]]


class _Search:
    """The steps of one lookup, with the queries that were made and the Secrets that were skipped."""

    __slots__ = (
        "_bundled_entries",
        "_data_key",
        "_find",
        "_found",
        "_invalid_annotation",
        "_label",
        "_lookup",
        "_options",
        "_time",
        "queries",
        "skipped",
    )

    def __init__(self, lookup: Lookup, options: Options, find: Find, label: str | None) -> None:
        self._lookup = lookup
        self._options = options
        self._find = find
        self._label = label
        self._data_key = lookup.kind.data_key(options)
        self._time = TimeBudget(options.timeout)
        self._found: dict[tuple[Resource, str | None], list[Secret]] = {}
        self._bundled_entries: dict[tuple[Resource, str | None], list[Secret]] = {}
        # The error of an invalid annotation. `of_no_team` raises it, instead of searching further namespaces.
        self._invalid_annotation: MalformedSecretError | None = None
        self.queries: list[Query] = []
        self.skipped: list[MalformedSecretError] = []

    def of_the_team(self, team: str) -> list[Secret]:
        """Return the team's own Secrets, from the first namespace that has any.

        Raises:
            MalformedSecretError: none of them can be read.
        """
        team_namespace = self._options.team_namespaces.get(team)
        if team_namespace is None and self._options.team_label is None:
            return []
        namespaces = (
            self._options.namespaces
            if team_namespace is None
            else dict.fromkeys((team_namespace, *self._options.namespaces))
        )
        for search, resource in self._searches():
            for namespace in namespaces:
                # A Secret without a team in the team's own namespace also belongs to the team.
                teams = (team,) if team_namespace is None or namespace != team_namespace else (team, None)
                own = [secret for secret in search(resource, namespace) if self._team_of(secret) in teams]
                if own:
                    return self._readable(own) or self._refuse(len(own))
        return []

    def referred_to(self, reference: Reference) -> list[Secret]:
        """Return the Secret of a reference.

        Raises:
            MissingSecretError: it does not exist.
            MalformedSecretError: it cannot be read.
        """
        query = NameQuery(reference.namespace or self._options.namespaces[0], reference.name)
        self.queries.append(query)
        found = [secret for secret in _in_order(self._find(query, self._time)) if query.matches(secret)]
        if not found:
            raise MissingSecretError(
                f"'references' in backend_kwargs names Secret {query}, which does not exist. {self._creation(query)}, "
                "or correct the reference"
            )
        if reference.annotations:
            with importing.lock:
                from airflow_kubernetes_secrets.lookup.reference_annotations import with_annotations
            found = [with_annotations(secret, reference.annotations) for secret in found]
        return self._readable(found) or self._refuse(len(found))

    def _creation(self, query: NameQuery) -> str:
        """Return how to create a Secret that does not exist, for a message."""
        path = self._options.path
        if path is None:
            return "Create it"
        if query.namespace != self._options.namespaces[0]:
            return "Add a manifest of it"  # mounted Secrets are in the first namespace
        with importing.lock:
            from airflow_kubernetes_secrets.sources.layout import how_to_mount
        return how_to_mount(path, query.name)

    def of_no_team(self) -> list[Secret]:
        """Return the Secrets that belong to no team, from the first namespace where one can be read.

        Raises:
            MalformedSecretError: a Secret has an invalid annotation and no other one in its namespace can be read. The
                search stops, because somebody meant this Secret to be used.
        """
        for search, resource in self._searches():
            for namespace in self._options.namespaces:
                matches = search(resource, namespace)
                if self._lookup.team:
                    matches = [secret for secret in matches if self._team_of(secret) is None]
                readable = self._readable(matches)
                if readable:
                    return readable
                if self._invalid_annotation is not None:
                    raise self._invalid_annotation
        return []

    def _searches(self) -> Sequence[tuple[_SearchIn, Resource]]:
        """Return the searches in order, each with its resource. Each covers all namespaces before the next."""
        # An attribute with these methods would be a reference cycle, which only the garbage collector ends.
        options = self._options
        of_secrets: tuple[tuple[_SearchIn, Resource], ...] = ((self._labelled, SECRETS),)
        if options.bundles and self._label is not None:
            of_secrets = ((self._labelled, SECRETS), (self._bundled, SECRETS))
        if not options.config_maps or self._lookup.kind is not Kind.VARIABLE:
            return of_secrets
        return [(search, resource) for resource in options.resources for search, _resource in of_secrets]

    def _labelled(self, resource: Resource, namespace: str | None) -> Sequence[Secret]:
        """Return the objects of a resource for this id in a namespace.

        For a team, they include those of every other team and of no team, so that one query is enough.
        """
        label = self._label
        if label is None:
            return []
        team = self._lookup.team
        # Only a lookup for a team searches twice.
        if team and (resource, namespace) in self._found:
            return self._found[resource, namespace]
        identifier = self._lookup.id
        absent = None if team else self._options.team_label
        value = label_value(identifier)
        query = LabelQuery(namespace, label, value, identifier=identifier, absent=absent, resource=resource)
        self.queries.append(query)
        found = []
        for secret in _in_order(self._find(query, self._time)):
            if query.matches(secret):
                if identifier_of(secret, label) == identifier:
                    found.append(secret)
                elif self._team_of(secret) in (None, team):
                    self.skipped.append(_error_of_another_id(secret, label))
        if team:
            self._found[resource, namespace] = found
        return found

    def _bundled(self, resource: Resource, namespace: str | None) -> Sequence[Secret]:
        """Return the entries for this id in the bundles of a resource in a namespace.

        For a team, they include those of every other team and of no team, so that one query is enough.
        """
        lookup = self._lookup
        if lookup.team and (resource, namespace) in self._bundled_entries:
            return self._bundled_entries[resource, namespace]
        with importing.lock:
            from airflow_kubernetes_secrets.lookup.bundles import entries_of, keys_of
        absent = None if lookup.team else self._options.team_label
        value = lookup.kind.plural
        query = LabelQuery(namespace, BUNDLE, value, identifier=value, absent=absent, resource=resource)
        self.queries.append(query)
        keys = keys_of(lookup.kind, lookup.id)
        found: list[Secret] = []
        for bundle in _in_order(self._find(query, self._time)):
            if query.matches(bundle) and (entries := entries_of(bundle, keys)):
                problem = problem_of_bundle(bundle, self._options)
                if problem is None:
                    found += entries
                elif self._team_of(bundle) in (None, lookup.team):
                    self.skipped.append(problem)
        if lookup.team:
            self._bundled_entries[resource, namespace] = found
        return found

    def _readable(self, matches: Sequence[Secret]) -> list[Secret]:
        """Return the Secrets that can be read. Record the errors of the others."""
        readable = []
        for secret in matches:
            is_plain = secret.annotations is None and (self._data_key in secret.data or secret.bundle_key != "")
            problem = None if is_plain else self._problem_of(secret)
            if problem is None:
                readable.append(secret)
            else:
                self.skipped.append(problem)
        return readable

    def _problem_of(self, secret: Secret) -> MalformedSecretError | None:
        """Return why a Secret with annotations, or without the data key, cannot be read; ``None`` if it can be."""
        try:
            return missing_key(self._lookup.kind, secret, self._data_key)
        except MalformedSecretError as error:
            self._invalid_annotation = error
            return error

    def _refuse(self, count: int) -> NoReturn:
        """Raise the error of the first Secret in the last search, in which all were skipped.

        Args:
            count: the number of Secrets in that search.
        """
        raise self.skipped[-count]

    def _team_of(self, secret: Secret) -> str | None:
        team_label = self._options.team_label
        return None if team_label is None else secret.labels.get(team_label)


def problem_of_bundle(bundle: Secret, options: Options) -> MalformedSecretError | None:
    """Return why the keys of a bundle are not ids; ``None`` if they are.

    A bundle that also has the label of an id is the Secret of one connection, variable or option. Its keys can be a
    host and a password, which must not become connections.
    """
    labels = (options.connections_label, options.variables_label, options.config_label)
    if bundle.labels.keys().isdisjoint(labels):
        return None
    label = next(label for label in labels if label in bundle.labels)
    problem = (
        f"the {bundle.object_kind} also has the label {label!r} of one id, so its keys are not ids. "
        "Remove one of the labels"
    )
    return bundle.malformed(BUNDLE, problem, part="label")


def _in_order(secrets: Sequence[Secret]) -> Sequence[Secret]:
    """Sort by preference: an API server may return the Secrets in a different order each time."""
    return sorted(secrets, key=lambda secret: secret.age_order) if len(secrets) > 1 else secrets


def _error_of_another_id(secret: Secret, label: str) -> MalformedSecretError:
    # The other id is not shown: it may be a URI with a password, or an id that the user is not allowed to know.
    if secret.annotations is not None and label in secret.annotations:
        problem = "it specifies another id than the label. Correct one of them"
    else:
        problem = f"it is missing; without it, the {secret.object_kind} belongs to another id. Add it with the exact id"
    return secret.malformed(label, problem, part="annotation")
