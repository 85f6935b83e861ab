"""What may have been meant by an id that no Secret has."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.identifiers import identifier_of, label_value
from airflow_kubernetes_secrets.inventory.place import Place
from airflow_kubernetes_secrets.inventory.snapshot import Snapshot, namespaces_of
from airflow_kubernetes_secrets.labels import is_subdomain
from airflow_kubernetes_secrets.lookup import Kind, Lookup
from airflow_kubernetes_secrets.options import Options


def near_misses(lookup: Lookup, options: Options, place: Place) -> list[str]:
    """One line each, with the remedy. What may not be read is left out."""
    snapshot = Snapshot(place, options, tuple(Kind))
    hints = [*place.problems(), *_same_id(lookup, options, snapshot), *_same_name(lookup, options, place)]
    if not hints:
        hints += _close_ids(lookup, options, snapshot)
    return hints


def _same_id(lookup: Lookup, options: Options, snapshot: Snapshot) -> Iterator[str]:
    """Where the id is that of another kind, or another team's."""
    for kind, each in snapshot.labelled.items():
        label = kind.label(options)
        if label is None:
            continue
        for stored in each:
            secret = stored.secret
            if identifier_of(secret, label) != lookup.id:
                continue
            if kind is not lookup.kind:
                yield (
                    f"Secret {secret} has the label {label}, so it is a {kind.word} of this id. For a "
                    f"{lookup.kind.word} it takes {lookup.kind.label(options)}"
                )
                continue
            team = None if options.team_label is None else secret.labels.get(options.team_label)
            if team != lookup.team and team is not None:
                yield f"Secret {secret} has this id for team {team!r}, and not for {_whom(lookup.team)}"
            elif team is None and lookup.team and not options.team_fallback:
                yield f"Secret {secret} has this id for everybody, and team_fallback is false in backend_kwargs"
            elif label_value(lookup.id) != secret.labels[label]:
                yield (
                    f"Secret {secret} says in an annotation that it is for this id, and its label {label} is not "
                    f"{label_value(lookup.id)!r}, by which it is found"
                )


def _whom(team: str | None) -> str:
    return "lookups without a team" if team is None else f"team {team!r}"


def _same_name(lookup: Lookup, options: Options, place: Place) -> Iterator[str]:
    """Secrets that are called like the id and do not have the label."""
    label = lookup.kind.label(options)
    if label is None:
        return
    names = dict.fromkeys((lookup.id, lookup.id.lower().replace("_", "-").replace(".", "-")))
    for namespace in namespaces_of(options, place):
        for name in filter(is_subdomain, names):
            try:
                found = place.get(namespace, name)
            except KubernetesSecretsError:
                continue
            if found is not None and label not in found.secret.labels:
                secret = found.secret
                yield (
                    f"Secret {secret} has that name and not the label; names do not matter here. If it is meant: "
                    f"kubectl label secret {secret.name} --namespace={secret.namespace} "
                    f"{label}={label_value(lookup.id)}"
                )


def _close_ids(lookup: Lookup, options: Options, snapshot: Snapshot) -> Iterator[str]:
    label = lookup.kind.label(options)
    if label is None:
        return
    ids = {identifier_of(stored.secret, label): stored.secret for stored in snapshot.labelled[lookup.kind]}
    folded = {identifier.lower(): identifier for identifier in ids}
    for close in get_close_matches(lookup.id.lower(), folded, n=3, cutoff=0.7):
        yield f"Did you mean {folded[close]!r}? Secret {ids[folded[close]]} has it"
