"""What may have been meant by an id that no Secret has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.identifiers import identifier_of, label_value
from airflow_kubernetes_secrets.inventory.place import Place
from airflow_kubernetes_secrets.inventory.snapshot import Snapshot, namespaces_of
from airflow_kubernetes_secrets.labels import is_subdomain
from airflow_kubernetes_secrets.lookup import Kind, Lookup
from airflow_kubernetes_secrets.options import Options

# Whether somebody may be told that there is this id, for this team or for everybody.
MayTell = Callable[[Kind, str, "str | None"], bool]


def tell_all(_kind: Kind, _id: str, _team: str | None) -> bool:
    """For those who may list the Secrets themselves."""
    return True


def near_misses(lookup: Lookup, options: Options, place: Place, may_tell: MayTell = tell_all) -> list[str]:
    """One line each, with the remedy. What may not be read is left out.

    Args:
        may_tell: asked before any other id is named; and for every kind before it is said that a Secret without a label
            has the id for its name, since that is nobody's in Airflow.
    """
    snapshot = Snapshot(place, options, tuple(Kind))
    hints = [*place.problems(), *_same_id(lookup, options, snapshot, may_tell)]
    if all(may_tell(kind, lookup.id, None) for kind in Kind):
        hints += _same_name(lookup, options, place)
    if not hints:
        hints += _close_ids(lookup, options, snapshot, may_tell)
    return hints


def _same_id(lookup: Lookup, options: Options, snapshot: Snapshot, may_tell: MayTell) -> Iterator[str]:
    """Where the id is that of another kind, or another team's."""
    for kind, each in snapshot.labelled.items():
        label = kind.label(options)
        if label is None:
            continue
        for stored in each:
            secret = stored.secret
            team = _team(secret, options)
            if identifier_of(secret, label) != lookup.id or not may_tell(kind, lookup.id, team):
                continue
            if kind is not lookup.kind:
                yield (
                    f"Secret {secret} has the label {label}, so it is a {kind.word} of this id. For a "
                    f"{lookup.kind.word} it takes {lookup.kind.label(options)}"
                )
                continue
            if team != lookup.team and team is not None:
                yield f"Secret {secret} has this id for team {team!r}, and not for {_whom(lookup.team)}"
            elif team is None and lookup.team and not options.team_fallback:
                yield f"Secret {secret} has this id for everybody, and team_fallback is false in backend_kwargs"
            elif label_value(lookup.id) != secret.labels[label]:
                yield (
                    f"Secret {secret} says in an annotation that it is for this id, and its label {label} is not "
                    f"{label_value(lookup.id)!r}, by which it is found"
                )


def _team(secret: Secret, options: Options) -> str | None:
    return None if options.team_label is None else secret.labels.get(options.team_label)


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


def _close_ids(lookup: Lookup, options: Options, snapshot: Snapshot, may_tell: MayTell) -> Iterator[str]:
    label = lookup.kind.label(options)
    if label is None:
        return
    ids = {identifier_of(stored.secret, label): stored.secret for stored in snapshot.labelled[lookup.kind]}
    folded = {identifier.lower(): identifier for identifier in ids}
    for close in get_close_matches(lookup.id.lower(), folded, n=3, cutoff=0.7):
        if may_tell(lookup.kind, folded[close], _team(ids[folded[close]], options)):
            yield f"Did you mean {folded[close]!r}? Secret {ids[folded[close]]} has it"
