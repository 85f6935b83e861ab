"""Ids and names that are spelt like the id of a lookup."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Set
from heapq import nsmallest
from itertools import islice

from airflow_kubernetes_secrets.diagnosis.hint_search import HintSearch
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.inventory.bundles import ids_in_bundle, kind_of_bundle
from airflow_kubernetes_secrets.inventory.id_corrections import commands_for_id, correction
from airflow_kubernetes_secrets.inventory.snapshot import namespaces_of
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, is_uri
from airflow_kubernetes_secrets.kubernetes.labels import is_subdomain
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, problem_of_bundle
from airflow_kubernetes_secrets.messages.suggestions import most_similar
from airflow_kubernetes_secrets.sources.mounted import MountedSecret

# How many ids a lookup's id is compared with at most. A comparison takes up to a millisecond, so the ids that are
# nearest in length are taken.
_COMPARED = 1_000
# How many of the similar ids are checked for permission at most, the most similar first. A check can be a request to
# the server of Airflow's auth manager.
_CHECKED = 50
_SUGGESTED = 3


def similar_ids(search: HintSearch) -> Iterator[str]:
    """Yield the ids of this kind that are spelt like the id."""
    lookup, options, label = search.lookup, search.options, search.label
    if label is None:
        return
    owned = [
        (identifier_of(secret, label), secret)
        for secret in search.labelled.by_kind[lookup.kind]
        if not is_uri(identifier_of(secret, label))
    ]
    for bundle in search.labelled.bundles if options.bundles else ():
        if kind_of_bundle(bundle) is lookup.kind and problem_of_bundle(bundle, options) is None:
            owned += [(identifier, bundle) for _key, identifier in ids_in_bundle(bundle, lookup.kind)]
    by_folded: dict[str, list[tuple[str, Secret]]] = defaultdict(list)
    for identifier, secret in owned:
        if identifier != lookup.id:
            by_folded[identifier.lower()].append((identifier, secret))
    word = lookup.id.removeprefix(lookup.kind.env_prefix).lower()
    compared = nsmallest(_COMPARED, by_folded, key=lambda each: abs(len(each) - len(word)))
    similar = (pair for folded in most_similar(word, compared, _CHECKED, 0.7) for pair in by_folded[folded])
    suggested: dict[str, Secret] = {}
    for identifier, secret in islice(similar, _CHECKED):
        if search.is_revealed(secret, lookup.kind, identifier):
            suggested.setdefault(identifier, secret)
            if len(suggested) == _SUGGESTED:
                break
    for identifier, secret in suggested.items():
        yield f"Did you mean {identifier!r}? {secret.full_name} has it"


def id_of_env_name(lookup: Lookup) -> Iterator[str]:
    """Yield the id that is meant, if the user has entered the name of an environment variable instead."""
    for kind in Kind:
        rest = lookup.id.removeprefix(kind.env_prefix)
        if rest in (lookup.id, ""):
            continue
        is_name = f"{lookup.id!r} is the name of an environment variable"
        if kind is Kind.CONFIG:
            yield f"{is_name}. The id of an option is the value of its variable whose name ends with _SECRET"
        else:
            yield f"{is_name}. The id of the {kind.word} is the rest of it, usually in lower case: {rest.lower()!r}"


def secrets_named_like(search: HintSearch, *, shown: Set[str]) -> Iterator[str]:
    """Yield the Secrets whose name is like the id and that do not have the label.

    Args:
        shown: the full names of Secrets that another hint names.
    """
    lookup, options, location, label = search.lookup, search.options, search.location, search.label
    if label is None:
        return
    names = dict.fromkeys((lookup.id, lookup.id.lower().replace("_", "-").replace(".", "-")))
    for namespace in namespaces_of(options, location):
        for name in filter(is_subdomain, names):
            try:
                stored = location.get_from_list(namespace, name)
            except KubernetesSecretsError:
                continue
            if stored is None or label in stored.secret.labels or stored.secret.full_name in shown:
                continue
            secret = stored.secret
            if isinstance(secret, MountedSecret):
                continue  # it is for references only, and has no labels
            if search.is_revealed_for_every_kind(secret):
                commands = commands_for_id(options, secret, label, lookup.id)
                remedy = correction(stored, options, f"If this Secret is meant, add the label {label!r}", commands)
                yield f"Secret {secret} has this name but not the label; lookups do not use names. {remedy}"
