"""Suggestions for an id that no Secret has: what else the user may have meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from heapq import nsmallest
from itertools import islice

from airflow_kubernetes_secrets.annotation_names import BUNDLE
from airflow_kubernetes_secrets.diagnosis.misspelt_labels import meant_for
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.bundles import ids_in_bundle, kind_of_bundle, problems_of_bundle
from airflow_kubernetes_secrets.inventory.id_corrections import commands_for_id, correction, set_label
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.labels_and_annotations import empty_team
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.missing_namespaces import missing_namespaces
from airflow_kubernetes_secrets.inventory.owning_teams import OwningTeams
from airflow_kubernetes_secrets.inventory.snapshot import namespaces_of
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, is_uri, label_value
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector, is_subdomain
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.kubernetes.resources import CONFIG_MAPS
from airflow_kubernetes_secrets.lookup.bundles import entries_of, keys_of, name_with_key
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, problem_of_bundle
from airflow_kubernetes_secrets.messages.listing import MOST_PROBLEMS, SEE_LIST, first_items, first_texts, number_of
from airflow_kubernetes_secrets.messages.suggestions import most_similar
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.layout import LayoutMistake
from airflow_kubernetes_secrets.sources.mounted import MountedSecret

# How many ids a lookup's id is compared with at most. A comparison takes up to a millisecond, so the ids that are
# nearest in length are taken.
_COMPARED = 1_000
# How many of the similar ids are checked for permission at most, the most similar first. A check can be a request to
# the server of Airflow's auth manager.
_CHECKED = 50
_SUGGESTED = 3

_SEE_DOCTOR = "'airflow-kubernetes-secrets doctor --output json' shows all of them"

# Whether the user may learn that this id exists, for a team or (``None``) without a team.
MayReveal = Callable[[Kind, str, "str | None"], bool]


def reveal_all(_kind: Kind, _id: str, _team: str | None) -> bool:
    """Permit everything, for users who may list the Secrets themselves."""
    return True


def similar_ids(
    lookup: Lookup,
    options: Options,
    location: BackendLocation,
    found: LabelledSecrets,
    may_reveal: MayReveal = reveal_all,
) -> list[str]:
    """Return suggestions, each as one line with its remedy. What cannot be read is skipped.

    Args:
        found: the Secrets among which to search for suggestions.
        may_reveal: called before a suggestion reveals that an id exists. A Secret without the label has no kind, so it
            is suggested only if the id is permitted for every kind.
    """
    owners = OwningTeams(options, location)
    same = [
        *_same_id(lookup, options, location, found, owners=owners, may_reveal=may_reveal),
        *_same_id_in_config_maps(lookup, options, found, owners, may_reveal),
        *_same_id_in_bundles(lookup, options, found, owners, may_reveal),
        *_same_id_in_misspelt_bundles(lookup, options, found, owners, may_reveal),
        *_same_id_in_unread_config_maps(lookup, options, location, owners, may_reveal),
    ]
    # The label that would be right is unknown to the user too, so it can be one of any kind.
    meant = [
        each
        for each in meant_for(lookup, options, location)
        if all(may_reveal(kind, lookup.id, team) for team in owners.teams(each.secret) for kind in Kind)
    ]
    named = {each.secret.full_name for each in meant}
    of_id = [
        *(each.text for each in location.misnamed(lookup.kind, lookup.id) if may_reveal(lookup.kind, lookup.id, None)),
        *(f"{text}{more and f';{more} like it'}" for text, more in first_items(same)),
        *_first_of([each.text for each in meant if each.has_id]),
        *_same_name(lookup, options, location, owners, may_reveal, named=named),
    ]
    bundles = _first_of([each.text for each in meant if not each.has_id])
    of_id += missing_namespaces(options, location)
    if not of_id:
        of_id += _of_variable(lookup)
        of_id += _close_ids(lookup, options, found, owners, may_reveal)
    of_id += bundles
    names = (lookup.id, label_value(lookup.id))
    problems = [(text, any(_is_about(text, name) for name in names)) for text in location.problems()]
    mistakes = [
        (each.text, each.kind in ("", lookup.kind.plural) and (each.name in names or _is_about(each.text, lookup.id)))
        for each in _mistakes(location, may_reveal)
    ]
    of_id += [text for text, is_of_id in (*mistakes, *problems) if is_of_id]
    for others in (problems, mistakes):
        of_id += first_texts([text for text, _is_of_id in others if text not in of_id], SEE_LIST)
    return list(dict.fromkeys(of_id))


def _first_of(texts: Sequence[str]) -> Iterator[str]:
    """Yield the first of these texts, each of which can end with a command, and then how many more there are."""
    yield from texts[:MOST_PROBLEMS]
    if more := len(texts[MOST_PROBLEMS:]):
        yield f"{number_of(more, 'more Secret')} {'is' if more == 1 else 'are'} like these. {_SEE_DOCTOR}"


def _is_about(text: str, name: str) -> bool:
    """Return whether a message about a folder contains a path with this name."""
    return re.search(rf"/{re.escape(name)}[ /:]", text) is not None


def _mistakes(location: BackendLocation, may_reveal: MayReveal) -> Sequence[LayoutMistake]:
    """Return what nothing reads in a folder. A file whose kind is unknown can be that of any kind."""
    kinds = {kind.plural: kind for kind in Kind}
    return [
        each
        for each in location.layout_mistakes()
        if all(may_reveal(kind, each.name, None) for kind in ((kinds[each.kind],) if each.kind else Kind))
    ]


def _same_id(
    lookup: Lookup,
    options: Options,
    location: BackendLocation,
    found: LabelledSecrets,
    *,
    owners: OwningTeams,
    may_reveal: MayReveal,
) -> Iterator[str]:
    """Yield where a Secret has this id for another kind or team, or has a label that does not match the id."""
    for kind, secrets in found.by_kind.items():
        label = kind.label(options)
        if label is None:
            continue
        for secret in secrets:
            if identifier_of(secret, label) != lookup.id:
                continue
            teams = [team for team in owners.teams(secret) if may_reveal(kind, lookup.id, team)]
            if not teams:
                continue
            if kind is not lookup.kind:
                yield _of_another_kind(secret, kind, lookup.kind, options)
                continue
            team = lookup.team if lookup.team in teams else teams[0]
            if team != lookup.team and team is not None:
                yield _of_another_team(secret, team, lookup.team, options)
            elif team is None and lookup.team and not options.team_fallback:
                yield f"{secret.full_name} has this id for all teams, but team_fallback is false in backend_kwargs"
            elif (value := label_value(lookup.id)) != secret.labels[label]:
                command = set_label(options, secret, label, value)
                remedy = correction(location.stored(secret), options, "Set the label to this value", [command])
                text = f"has an annotation with this id, but its label {label} is not {value!r}"
                yield f"{secret.full_name} {text}. {remedy}"


def _of_another_kind(secret: Secret, kind: Kind, requested: Kind, options: Options) -> str:
    """Return that a Secret has the id of a lookup for another kind, and what the requested kind needs."""
    has, requires = f"has the label {kind.label(options)}", requested.label(options)
    if isinstance(secret, MountedSecret):
        has, requires = f"is in the folder {kind.plural}", f"a file in the folder {requested.plural}"
    return f"{secret.full_name} {has}, so it is a {kind.word} with this id. A {requested.word} requires {requires}"


def _of_another_team(secret: Secret, team: str, requested: str | None, options: Options) -> str:
    """Return that a Secret has the id of a lookup for another team than the requested one."""
    if not team:
        return f"{secret.full_name} has this id, but {empty_team(options.team_label or '')}"
    return f"{secret.full_name} has this id for team {team!r}, not for {_lookups_of(requested)}"


def _same_id_in_config_maps(
    lookup: Lookup, options: Options, found: LabelledSecrets, owners: OwningTeams, may_reveal: MayReveal
) -> Iterator[str]:
    """Yield the ConfigMaps with the label of this connection or option, which no lookup reads."""
    label = lookup.kind.label(options)
    for secret in found.without_effect:
        has_id = label is not None and label in secret.labels and identifier_of(secret, label) == lookup.id
        if has_id and any(may_reveal(lookup.kind, lookup.id, team) for team in owners.teams(secret)):
            yield f"{secret.full_name} has this id, but only variables are read from ConfigMaps. Use a Secret"


def _same_id_in_unread_config_maps(
    lookup: Lookup, options: Options, location: BackendLocation, owners: OwningTeams, may_reveal: MayReveal
) -> Iterator[str]:
    """Yield the ConfigMaps that have this variable, if lookups do not read ConfigMaps."""
    label = lookup.kind.label(options)
    if options.config_maps or lookup.kind is not Kind.VARIABLE or label is None:
        return
    for namespace in dict.fromkeys(map(location.namespace, lookup.kind.namespaces(options))):
        try:
            labelled = list(location.config_maps(namespace, LabelSelector.equal(label, label_value(lookup.id))))
            bundles = list(location.config_maps(namespace, LabelSelector.equal(BUNDLE, lookup.kind.plural)))
        except KubernetesSecretsError:
            continue
        found: list[Secret] = [each.secret for each in labelled if identifier_of(each.secret, label) == lookup.id]
        for bundle in (stored.secret for stored in bundles if label not in stored.secret.labels):
            found += entries_of(bundle, keys_of(lookup.kind, lookup.id))[:1]
        for each in found:
            if any(may_reveal(lookup.kind, lookup.id, team) for team in owners.teams(each)):
                is_off = each.bundle_key != "" and not options.bundles
                needed = "config_maps and bundles are" if is_off else "config_maps is"
                remedy = f"switch {'them' if is_off else 'it'} on"
                remedy = f"Let Airflow list ConfigMaps, then {remedy}" if options.path is None else remedy.capitalize()
                text = f"{each.kind} {name_with_key(each)} has this id, but lookups read it only if {needed} true in"
                yield f"{text} backend_kwargs. {remedy}"


def _same_id_in_bundles(
    lookup: Lookup, options: Options, found: LabelledSecrets, owners: OwningTeams, may_reveal: MayReveal
) -> Iterator[str]:
    """Yield the bundles that have this id, and why the lookup does not read them."""
    for bundle in found.bundles:
        kind = kind_of_bundle(bundle)
        same = [] if kind is None else entries_of(bundle, keys_of(kind, lookup.id))
        if kind is None or not same:
            continue
        teams = [team for team in owners.teams(bundle) if may_reveal(kind, lookup.id, team)]
        if not teams:
            continue
        team = lookup.team if lookup.team in teams else teams[0]
        this = f"{bundle.kind} {name_with_key(same[0])}: a bundle of {kind.plural} has this id"
        if kind is not lookup.kind:
            yield f"{this}, so it is a {kind.word}"
        elif bundle.resource is CONFIG_MAPS and kind is not Kind.VARIABLE:
            yield f"{this}, but only variables are read from ConfigMaps"
        elif not options.bundles:
            yield f"{this}, but lookups read bundles only if bundles is true in backend_kwargs"
        elif team == "":
            yield f"{this}, but {empty_team(options.team_label or '')}"
        elif team != lookup.team and team is not None:
            yield f"{this} for team {team!r}, not for {_lookups_of(lookup.team)}"
        elif team is None and lookup.team and not options.team_fallback:
            yield f"{this} for all teams, but team_fallback is false in backend_kwargs"


def _same_id_in_misspelt_bundles(
    lookup: Lookup, options: Options, found: LabelledSecrets, owners: OwningTeams, may_reveal: MayReveal
) -> Iterator[str]:
    """Yield the Secrets with this key whose label of a bundle has no valid value. Their ids can be of any kind."""
    for bundle in found.bundles:
        same = entries_of(bundle, keys_of(lookup.kind, lookup.id))
        if not same or kind_of_bundle(bundle) is not None:
            continue
        if all(may_reveal(kind, lookup.id, team) for team in owners.teams(bundle) for kind in Kind):
            for problem in problems_of_bundle(bundle, options):
                yield f"key {same[0].bundle_key!r} has this id, but nothing reads it: {problem.text}"


def _lookups_of(team: str | None) -> str:
    return "lookups without a team" if team is None else f"team {team!r}"


def _same_name(
    lookup: Lookup,
    options: Options,
    location: BackendLocation,
    owners: OwningTeams,
    may_reveal: MayReveal,
    *,
    named: Set[str],
) -> Iterator[str]:
    """Yield the Secrets whose name is like the id and that do not have the label.

    Args:
        named: the full names of Secrets that another hint names.
    """
    label = lookup.kind.label(options)
    if label is None:
        return
    names = dict.fromkeys((lookup.id, lookup.id.lower().replace("_", "-").replace(".", "-")))
    for namespace in namespaces_of(options, location):
        for name in filter(is_subdomain, names):
            try:
                found = location.get_from_list(namespace, name)
            except KubernetesSecretsError:
                continue
            if found is None or label in found.secret.labels or found.secret.full_name in named:
                continue
            secret = found.secret
            if isinstance(secret, MountedSecret):
                continue  # it is for references only, and has no labels
            if all(may_reveal(kind, lookup.id, team) for team in owners.teams(secret) for kind in Kind):
                commands = commands_for_id(options, secret, label, lookup.id)
                remedy = correction(found, options, f"If this Secret is meant, add the label {label!r}", commands)
                yield f"Secret {secret} has this name but not the label; lookups do not use names. {remedy}"


def _of_variable(lookup: Lookup) -> Iterator[str]:
    """Yield the id that is meant, if the user has entered the name of an environment variable instead."""
    for kind in Kind:
        rest = lookup.id.removeprefix(kind.variable_prefix)
        if rest in (lookup.id, ""):
            continue
        is_name = f"{lookup.id!r} is the name of an environment variable"
        if kind is Kind.CONFIG:
            yield f"{is_name}. The id of an option is the value of its variable whose name ends with _SECRET"
        else:
            yield f"{is_name}. The id of the {kind.word} is the rest of it, usually in lower case: {rest.lower()!r}"


def _close_ids(
    lookup: Lookup, options: Options, found: LabelledSecrets, owners: OwningTeams, may_reveal: MayReveal
) -> Iterator[str]:
    """Yield the ids of this kind that are spelt like the id."""
    label = lookup.kind.label(options)
    if label is None:
        return
    owned = [
        (identifier_of(secret, label), secret)
        for secret in found.by_kind[lookup.kind]
        if not is_uri(identifier_of(secret, label))
    ]
    for bundle in found.bundles if options.bundles else ():
        if kind_of_bundle(bundle) is lookup.kind and problem_of_bundle(bundle, options) is None:
            owned += [(identifier, bundle) for _key, identifier in ids_in_bundle(bundle, lookup.kind)]
    by_folded: dict[str, list[tuple[str, Secret]]] = defaultdict(list)
    for identifier, secret in owned:
        if identifier != lookup.id:
            by_folded[identifier.lower()].append((identifier, secret))
    word = lookup.id.removeprefix(lookup.kind.variable_prefix).lower()
    compared = nsmallest(_COMPARED, by_folded, key=lambda each: abs(len(each) - len(word)))
    similar = (pair for folded in most_similar(word, compared, _CHECKED, 0.7) for pair in by_folded[folded])
    permitted = (
        (identifier, secret)
        for identifier, secret in islice(similar, _CHECKED)
        if any(may_reveal(lookup.kind, identifier, team) for team in owners.teams(secret))
    )
    suggested: dict[str, Secret] = {}
    for identifier, secret in permitted:
        suggested.setdefault(identifier, secret)
        if len(suggested) == _SUGGESTED:
            break
    for identifier, secret in suggested.items():
        yield f"Did you mean {identifier!r}? {secret.full_name} has it"
