"""Objects that have the id of a lookup, which does not read them: of another kind or team, or switched off."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_kubernetes_secrets.diagnosis.hint_search import HintSearch
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.bundles import kind_of_bundle, problems_of_bundle
from airflow_kubernetes_secrets.inventory.id_corrections import correction, set_label
from airflow_kubernetes_secrets.inventory.labels_and_annotations import empty_team
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, label_value
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE, LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, Secret
from airflow_kubernetes_secrets.lookup.bundles import entries_of, keys_of, name_with_key
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.mounted import MountedSecret


def objects_with_id(search: HintSearch) -> Iterator[str]:
    """Yield where an object has this id, and why the lookup does not read it."""
    yield from _labelled_secrets(search)
    yield from _config_maps_without_effect(search)
    yield from _bundles(search)
    yield from _invalid_bundles(search)
    yield from _config_maps_switched_off(search)


def _labelled_secrets(search: HintSearch) -> Iterator[str]:
    """Yield where a Secret has this id for another kind or team, or has a label that does not match the id."""
    lookup, options = search.lookup, search.options
    for kind, secrets in search.labelled.by_kind.items():
        label = kind.label(options)
        if label is None:
            continue
        for secret in secrets:
            if identifier_of(secret, label) != lookup.id:
                continue
            teams = search.revealed_teams(secret, kind, lookup.id)
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
                remedy = correction(search.location.stored(secret), options, "Set the label to this value", [command])
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


def _lookups_of(team: str | None) -> str:
    return "lookups without a team" if team is None else f"team {team!r}"


def _config_maps_without_effect(search: HintSearch) -> Iterator[str]:
    """Yield the ConfigMaps with the label of this connection or option, which no lookup reads."""
    lookup, label = search.lookup, search.label
    for secret in search.labelled.without_effect:
        has_id = label is not None and label in secret.labels and identifier_of(secret, label) == lookup.id
        if has_id and search.is_revealed(secret, lookup.kind, lookup.id):
            yield f"{secret.full_name} has this id, but only variables are read from ConfigMaps. Use a Secret"


def _config_maps_switched_off(search: HintSearch) -> Iterator[str]:
    """Yield the ConfigMaps that have this variable, if lookups do not read ConfigMaps."""
    lookup, options, location, label = search.lookup, search.options, search.location, search.label
    if options.config_maps or lookup.kind is not Kind.VARIABLE or label is None:
        return
    for namespace in dict.fromkeys(map(location.namespace, lookup.kind.namespaces(options))):
        try:
            labelled = list(location.config_maps(namespace, LabelSelector.equal(label, label_value(lookup.id))))
            bundles = list(location.config_maps(namespace, LabelSelector.equal(BUNDLE, lookup.kind.plural)))
        except KubernetesSecretsError:
            continue
        with_id: list[Secret] = [each.secret for each in labelled if identifier_of(each.secret, label) == lookup.id]
        for bundle in (stored.secret for stored in bundles if label not in stored.secret.labels):
            with_id += entries_of(bundle, keys_of(lookup.kind, lookup.id))[:1]
        for each in with_id:
            if search.is_revealed(each, lookup.kind, lookup.id):
                is_off = each.bundle_key != "" and not options.bundles
                needed = "config_maps and bundles are" if is_off else "config_maps is"
                remedy = f"switch {'them' if is_off else 'it'} on"
                remedy = f"Let Airflow list ConfigMaps, then {remedy}" if options.path is None else remedy.capitalize()
                text = f"{each.object_kind} {name_with_key(each)} has this id, but lookups read it only if"
                yield f"{text} {needed} true in backend_kwargs. {remedy}"


def _bundles(search: HintSearch) -> Iterator[str]:
    """Yield the bundles that have this id, and why the lookup does not read them."""
    lookup, options = search.lookup, search.options
    for bundle in search.labelled.bundles:
        kind = kind_of_bundle(bundle)
        entries = [] if kind is None else entries_of(bundle, keys_of(kind, lookup.id))
        if kind is None or not entries:
            continue
        teams = search.revealed_teams(bundle, kind, lookup.id)
        if not teams:
            continue
        team = lookup.team if lookup.team in teams else teams[0]
        this = f"{bundle.object_kind} {name_with_key(entries[0])}: a bundle of {kind.plural} has this id"
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


def _invalid_bundles(search: HintSearch) -> Iterator[str]:
    """Yield the Secrets with this key whose label of a bundle has no valid value. Their ids can be of any kind."""
    lookup = search.lookup
    for bundle in search.labelled.bundles:
        entries = entries_of(bundle, keys_of(lookup.kind, lookup.id))
        if not entries or kind_of_bundle(bundle) is not None:
            continue
        if search.is_revealed_for_every_kind(bundle):
            for problem in problems_of_bundle(bundle, search.options):
                yield f"key {entries[0].bundle_key!r} has this id, but nothing reads it: {problem.text}"
