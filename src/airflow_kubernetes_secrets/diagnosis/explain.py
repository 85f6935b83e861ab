"""``explain``: follows one lookup, and returns its trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from airflow_kubernetes_secrets.backend.airflow_versions import parsed_connection
from airflow_kubernetes_secrets.deployment.hidden_entries import hidden_entries_of
from airflow_kubernetes_secrets.deployment.secret_options import secret_options
from airflow_kubernetes_secrets.diagnosis.explanation import Candidate, Explanation, Parsed, Step, Verdict
from airflow_kubernetes_secrets.diagnosis.hint_search import MayReveal, reveal_all
from airflow_kubernetes_secrets.diagnosis.hints import hints
from airflow_kubernetes_secrets.diagnosis.hook_test import HookTest
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, connection_text, key_for_messages
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.connection_types import problems_of_connection_type
from airflow_kubernetes_secrets.inventory.content import UNESCAPED_URI, UNREADABLE, content_of
from airflow_kubernetes_secrets.inventory.entries import FOLDER_LAYOUT
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.labels_and_annotations import problems_of_metadata
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.visible_fields import shown_names
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, ConfigMap, Secret
from airflow_kubernetes_secrets.lookup.bundles import are_of_one_bundle
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Decision, Lookup, decide
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.layout import ignored_keys
from airflow_kubernetes_secrets.sources.mounted import MountedSecret
from airflow_kubernetes_secrets.sources.query import LabelQuery, Query
from airflow_kubernetes_secrets.usage.next_commands import NextCommands

Result = TypeVar("Result")

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
        may_reveal: which ids of others the trace may reveal; see :class:`HintSearch`.
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
    queried: dict[str, Secret] = {}
    decision = _decide(explanation, options, location, queried)
    if isinstance(decision, Decision):
        explanation.outcome = decision.outcome
        _add_candidates(explanation, decision, location)
        if decision.secret is not None:
            _add_content(explanation, decision.secret, decision.data_key)
            if run_test is not None and explanation.parsed is not None:
                stored = connection_text(decision.secret, decision.data_key)
                explanation.tested = run_test(stored)
        skipped = list(_secrets_of(decision.skipped, queried))
        explanation.hints = list(hints(decision, skipped, options, location, labelled=labelled, may_reveal=may_reveal))
        shown = [*_selected_object(decision, queried), *skipped]
    else:
        shown = list(_secrets_of([decision], queried))
    explanation.problems += _problems_of_metadata(shown, options, location)
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


def _secrets_of(errors: Sequence[KubernetesSecretsError], queried: Mapping[str, Secret]) -> Iterator[Secret]:
    """Yield the Secrets that errors are about, with the metadata that the queries of the lookup returned."""
    for error in errors:
        if isinstance(error, MalformedSecretError):
            name = printable(f"{error.object_kind} {error.namespace}/{error.secret}")
            if name in queried:
                yield queried[name]


def _selected_object(decision: Decision, queried: Mapping[str, Secret]) -> Iterator[Secret]:
    """Yield the selected Secret with its own annotations. An entry of a bundle has none."""
    if (selected := decision.secret) is not None:
        yield queried.get(selected.full_name, selected) if selected.bundle_key else selected


def _problems_of_metadata(secrets: Iterable[Secret], options: Options, location: BackendLocation) -> Iterator[Problem]:
    """Yield what is wrong with the labels and annotations of the Secrets that decide a lookup.

    A misspelt annotation can be the reason for the result. ``list`` shows the same problems of a Secret.
    """
    by_name: dict[str, Secret] = {}
    for secret in secrets:
        by_name.setdefault(secret.full_name, secret)
    for secret in by_name.values():
        yield from problems_of_metadata(location.stored(secret), options)


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
        object_type = ConfigMap if skipped.object_kind == CONFIG_MAPS.kind else Secret
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
        *(Problem(FOLDER_LAYOUT, each.text, Severity.WARNING) for each in ignored),
    ]
    if kind is Kind.CONNECTION:
        fields = fields_of(secret)
        read = (fields if key == IN_FIELDS else fields.completing(key)).keys
        explanation.fields = {field: each for field, each in read.items() if each not in explanation.content.unused}
    if kind is Kind.CONNECTION and explanation.content.is_readable:
        parsed = _parse(explanation.lookup.id, secret, key)
        if isinstance(parsed, Problem):
            explanation.problems.append(parsed)
        elif any(each.code == UNESCAPED_URI for each in explanation.problems):
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
