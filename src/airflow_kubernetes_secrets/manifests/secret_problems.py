"""What Airflow will find in a Secret that a manifest makes, decided by the rules of a lookup."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.fields import may_be_of_a_type, possible_formats
from airflow_kubernetes_secrets.formats.known_formats import KnownFormat
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, is_completed, near_misses_of
from airflow_kubernetes_secrets.inventory.bundles import (
    ids_in_bundle,
    kind_of_bundle,
    problems_of_all_keys,
    problems_of_bundle,
    problems_of_keys,
)
from airflow_kubernetes_secrets.inventory.connection_types import problems_of_missing_type
from airflow_kubernetes_secrets.inventory.content import UNESCAPED_URI, UNREADABLE, content_of
from airflow_kubernetes_secrets.inventory.labels_and_annotations import (
    NOT_LOOKED_UP,
    SOME_VALUE,
    invalid_labels,
    problem_of_team_label,
    problems_of_annotations,
    problems_of_id,
    unknown_labels_and_annotations,
    without_effect_on_config_map,
)
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, is_uri, label_value
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE, quoted_data_key
from airflow_kubernetes_secrets.kubernetes.manifest_documents import RefusedError
from airflow_kubernetes_secrets.kubernetes.manifest_secrets import secret_of
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, Secret
from airflow_kubernetes_secrets.kubernetes.unprocessed import Tool, known_part
from airflow_kubernetes_secrets.lookup.bundles import entries_of, problem_of_key
from airflow_kubernetes_secrets.lookup.kinds import Kind, kinds_with_labels
from airflow_kubernetes_secrets.lookup.selection import Lookup, Outcome, missing_key, problem_of_bundle
from airflow_kubernetes_secrets.manifests.duplicates import Duplicates, ManifestPosition
from airflow_kubernetes_secrets.manifests.go_templates import example_of, has_no_type, problem_of_template
from airflow_kubernetes_secrets.manifests.planned_secret import (
    INVALID_MANIFEST,
    NOT_CHECKED,
    PlannedSecret,
    has_airflow_label,
)
from airflow_kubernetes_secrets.manifests.secret_manifest import decide_alone
from airflow_kubernetes_secrets.manifests.server_validation import refusals
from airflow_kubernetes_secrets.messages.listing import first_items, first_names
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.options.backend_kwargs import Options

DEPENDS_ON_VALUE: Final = "depends-on-value"

_DATA = ("data", "stringData", "binaryData")


def problems_of_planned(
    plan: PlannedSecret, position: ManifestPosition, options: Options, default_namespace: str, known: Duplicates
) -> Iterator[Problem]:
    """Yield the problems of a Secret that a manifest makes.

    Args:
        position: the position of the manifest.
        default_namespace: the namespace of a manifest that names none.
        known: the Secrets and ids of other manifests, to which those of this Secret are added.
    """
    yield from plan.problems
    if plan.manifest is None:
        return
    manifest, values, names = known_part(plan.manifest, SOME_VALUE)
    is_ours = plan.is_labelled or has_airflow_label(plan.manifest, options)
    if is_ours:
        yield from _not_checked(plan, values, names)
    elif values or names:
        return  # the manifest has no label for Airflow
    invalid = tuple(invalid_labels(manifest, options))
    if invalid:
        yield from invalid
        return
    try:
        secret = secret_of(manifest, default_namespace)
    except RefusedError as error:
        yield Problem(INVALID_MANIFEST, f"{error}. {error.consequence}")
        return
    plan = replace(
        plan,
        unknown=plan.unknown | values.keys(),
        namespace_and_team_are_known=plan.namespace_and_team_are_known and not names,
        # Annotations can name keys that must exist, so unknown annotations leave the keys unknown.
        keys_are_known=plan.keys_are_known and not any(name.startswith(("annotation", *_DATA)) for name in names),
    )
    if is_ours:
        reasons = list(refusals(manifest, secret, plan.unknown if plan.keys_are_known else None))
        for reason, more in first_items(reasons):
            text = f"{secret.object_kind} {secret.name}: {reason}{more and f';{more}'}. The API would refuse it"
            yield Problem(INVALID_MANIFEST, text)
    # A Secret with several ids would report the same problem for each of them.
    problems = [*unknown_labels_and_annotations(secret, options), *_problems_of(plan, secret, position, options, known)]
    yield from dict.fromkeys(problems)


def _problems_of(
    plan: PlannedSecret, secret: Secret, position: ManifestPosition, options: Options, known: Duplicates
) -> Iterator[Problem]:
    """Yield the problems of one Secret with its ids and its content."""
    if plan.is_alone and plan.namespace_and_team_are_known:
        yield from known.add_secret(position, plan, secret)
    if BUNDLE in secret.labels:
        yield from _problems_of_bundle(plan, secret, position, options, known)
    yield from without_effect_on_config_map(secret, options)
    for kind, label in kinds_with_labels(options):
        if label not in secret.labels or (kind is not Kind.VARIABLE and secret.resource is CONFIG_MAPS):
            continue
        if secret.resource not in options.resources:
            text = "it is a ConfigMap, but lookups read ConfigMaps only if config_maps is true in backend_kwargs"
            yield Problem(NOT_LOOKED_UP, f"{secret.full_name}, label {label!r}: {text}", Severity.WARNING)
        yield from problems_of_id(secret, label, plan.missing_annotations)
        identifier = identifier_of(secret, label)
        if is_uri(identifier) or label_value(identifier) != secret.labels[label]:
            continue  # no lookup finds it
        team_label = options.team_label
        team = None if team_label is None else secret.labels.get(team_label)
        if kind is Kind.CONFIG and team is not None:
            yield problem_of_team_label(secret)
            continue
        lookup = Lookup(kind, identifier, team)
        known.ids.add((kind, identifier))
        if plan.namespace_and_team_are_known or plan.is_generated:
            yield from known.add_id(position, lookup, secret, str(position) if plan.is_generated else "")
        if plan.keys_are_known:
            yield from _content(plan, lookup, secret, options.replace(config_maps=True))
        else:
            yield from problems_of_annotations(secret, kind)


def _problems_of_bundle(
    plan: PlannedSecret, bundle: Secret, position: ManifestPosition, options: Options, known: Duplicates
) -> Iterator[Problem]:
    """Yield the problems of a bundle with its ids and their values. They are checked even if bundles are off."""
    yield from problems_of_bundle(bundle, options)
    kind = kind_of_bundle(bundle)
    if kind is None or problem_of_bundle(bundle, options) is not None:
        return
    if bundle.resource is CONFIG_MAPS and kind is not Kind.VARIABLE:
        return
    team = None if options.team_label is None else bundle.labels.get(options.team_label)
    if kind is Kind.CONFIG and team is not None:
        yield problem_of_team_label(bundle)
        return
    if not plan.keys_are_known:
        return
    yield from problems_of_keys(bundle, options)
    yield from problems_of_all_keys(bundle, kind)
    switched_on = options.replace(bundles=True, config_maps=True)
    for key, identifier in ids_in_bundle(bundle, kind):
        if problem_of_key(kind, key):
            continue
        known.ids.add((kind, key))
        lookup = Lookup(kind, identifier, team)
        if plan.namespace_and_team_are_known or plan.is_generated:
            [entry] = entries_of(bundle, (key,))
            yield from known.add_id(position, lookup, entry, str(position) if plan.is_generated else "")
        if kind.label(options) is not None:
            yield from _content(plan, lookup, bundle, switched_on)


def _content(plan: PlannedSecret, lookup: Lookup, secret: Secret, options: Options) -> Sequence[Problem]:
    """Return what Airflow could not read, or not as intended."""
    try:
        decision = decide_alone(lookup, secret, options)
    except MalformedSecretError as error:
        return list(_why_skipped(plan, lookup, secret, options, str(error)))
    if decision.outcome == Outcome.FOUND:
        key = decision.data_key
        has_other_keys = lookup.kind is Kind.CONNECTION and (key == IN_FIELDS or is_completed(decision.matches[0], key))
        read = secret.data if has_other_keys else (key,)
        if lookup.kind is Kind.CONNECTION and not has_other_keys and key in plan.templates:
            return list(_problems_of_template(plan, key))
        if not plan.unknown.isdisjoint(read):
            return ()
        content = content_of(lookup.kind, decision.matches[0], decision.data_key)
        missing = problems_of_missing_type(lookup.kind, decision.matches[0], decision.data_key, content)
        return [*content.problems, *missing]
    if decision.skipped:
        return list(_why_skipped(plan, lookup, secret, options, "; ".join(map(str, decision.skipped))))
    text = f"{secret.full_name}, {lookup}: {decision.outcome}. Give it another id, or correct backend_kwargs"
    return [Problem(NOT_LOOKED_UP, text)]


def _why_skipped(
    plan: PlannedSecret, lookup: Lookup, secret: Secret, options: Options, problem: str
) -> Iterator[Problem]:
    """Yield why a lookup skips a Secret, unless it may be a connection with the values that are not in the manifest.

    Args:
        problem: why a lookup skips it with any other values.
    """
    unknown = {key: example_of(plan.templates[key]) if key in plan.templates else "" for key in plan.unknown}
    certain: Sequence[KnownFormat] = ()
    possible: Sequence[KnownFormat] = ()
    # An invalid annotation is an error with any values.
    with suppress(MalformedSecretError):
        if lookup.kind is Kind.CONNECTION and missing_key(lookup.kind, secret, options.connections_data_key):
            if may_be_of_a_type(secret, unknown):
                return
            certain, possible = possible_formats(secret, unknown)
    if len(certain) == 1:
        return  # the form of a template shows it
    if certain or not possible:
        yield Problem(UNREADABLE, problem)
        return
    # The keys may also be meant for a format that needs annotations: `token` is a name of many.
    if near_misses_of(secret) or all(each.is_of_any_key for each in possible):
        forms = ", or ".join(each.described_value for each in possible)
        text = f"{problem}. Without this, a lookup reads the Secret only if the value is {forms}"
        yield Problem(DEPENDS_ON_VALUE, text, Severity.WARNING)


def _problems_of_template(plan: PlannedSecret, key: str) -> Iterator[Problem]:
    """Yield what is wrong with the template of a connection, whatever values it gets."""
    text = plan.templates[key]
    where = f"{plan.title}, key {key!r} of the template"
    if problem := problem_of_template(text):
        yield Problem(UNREADABLE, f"{where}: with any values, {problem}")
    elif has_no_type(text):
        problem = (
            "it begins with a value and has no '://'. Airflow can read it only if that value contains a type, '://' "
            "and more. Write the type in the template, as in postgres://; or store each field in its own key, in a "
            "Secret without other connections: login, password, host"
        )
        yield Problem(UNESCAPED_URI, f"{where}: {problem}", Severity.WARNING)


def _not_checked(plan: PlannedSecret, values: dict[str, Tool], names: dict[str, Tool]) -> Iterator[Problem]:
    """Yield notices for values and names that the manifest does not contain. The rest of the manifest is checked."""
    title = plan.title or "the Secret"
    for tool in dict.fromkeys(values.values()):
        keys = [quoted_data_key(key) for key, each in values.items() if each is tool]
        holds = "key {} contains" if len(keys) == 1 else "keys {} contain"
        what = f"{holds.format(first_names(keys, len(keys)))} {tool.what}"
        text = f"{title}: {what}. Labels, names and keys are checked; values are not"
        yield Problem(NOT_CHECKED, text, Severity.NOTICE)
    for tool in dict.fromkeys(names.values()):
        parts = [name for name, each in names.items() if each is tool]
        what = f"{first_names(parts, len(parts))} {'is' if len(parts) == 1 else 'are each'} {tool.what}"
        text = f"{title}: {what}, and {'is' if len(parts) == 1 else 'are'} not checked. {tool.remedy}"
        yield Problem(NOT_CHECKED, text, Severity.NOTICE)
