"""Hints for a lookup that selects nothing, or nothing of its team: what the user may have meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from airflow_kubernetes_secrets.diagnosis.hint_search import HintSearch, MayReveal
from airflow_kubernetes_secrets.diagnosis.misspelt_labels import meant_for
from airflow_kubernetes_secrets.diagnosis.same_id import objects_with_id
from airflow_kubernetes_secrets.diagnosis.similar_ids import id_of_env_name, secrets_named_like, similar_ids
from airflow_kubernetes_secrets.inventory.id_corrections import correction, set_annotation
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.missing_namespaces import missing_namespaces
from airflow_kubernetes_secrets.inventory.owning_teams import OwningTeams
from airflow_kubernetes_secrets.inventory.similar_teams import similar_team
from airflow_kubernetes_secrets.inventory.snapshot import Snapshot
from airflow_kubernetes_secrets.kubernetes.encoded_ids import identifier_of, label_value
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind, kinds_with_labels
from airflow_kubernetes_secrets.lookup.selection import Decision
from airflow_kubernetes_secrets.messages.listing import MOST_PROBLEMS, SEE_LIST, first_items, first_texts, number_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.layout import LayoutMistake

_SEE_DOCTOR = "'airflow-kubernetes-secrets doctor --output json' shows all of them"


def hints(
    decision: Decision,
    skipped: Iterable[Secret],
    options: Options,
    location: BackendLocation,
    *,
    labelled: Callable[[], LabelledSecrets | None],
    may_reveal: MayReveal,
) -> Iterator[str]:
    """Yield what the user of a lookup may have meant, each as one line with its remedy.

    Args:
        skipped: the Secrets that the lookup has skipped.
        labelled: returns the Secrets among which to search; ``None`` to list them. It is called only if there are hints
            to search.
    """
    is_missing = decision.secret is None and bool(decision.queries)
    if not is_missing and not _may_be_of_another_team(decision, options, location):
        return
    secrets = labelled() or Snapshot(location, options, tuple(Kind)).secrets
    search = HintSearch(decision.lookup, options, location, secrets, may_reveal)
    yield from _for_team(search)
    if is_missing:
        yield from _for_annotations(search, skipped)
        yield from _for_id(search)


def _may_be_of_another_team(decision: Decision, options: Options, location: BackendLocation) -> bool:
    """Return whether a lookup for a team selects nothing of this team, so that the team may be misspelt.

    A global Secret can be selected, so a misspelt team is not noticed otherwise.
    """
    team, selected = decision.lookup.team, decision.secret
    return bool(team) and (selected is None or team not in OwningTeams(options, location).teams(selected))


def _for_team(search: HintSearch) -> list[str]:
    """Return a hint if nothing belongs to the team of the lookup, which may be misspelt."""
    if not search.lookup.team:
        return []
    labelled = search.labelled
    secrets = [*(secret for each in labelled.by_kind.values() for secret in each), *labelled.bundles]
    labels = dict(kinds_with_labels(search.options))

    def may_reveal(secret: Secret, owner: str) -> bool:
        # A bundle has many ids, so its team is not suggested.
        kinds = [kind for kind, label in labels.items() if label in secret.labels]
        return kinds != [] and all(
            search.may_reveal(kind, identifier_of(secret, labels[kind]), owner) for kind in kinds
        )

    hint = similar_team(search.lookup.team, search.options, search.owners, secrets, may_reveal)
    return [hint] if hint else []


def _for_annotations(search: HintSearch, skipped: Iterable[Secret]) -> Iterator[str]:
    """Yield how to correct the annotations of Secrets that have the label value of an id, but not the id itself."""
    lookup, label = search.lookup, search.label
    if label is None:
        return
    for secret in skipped:
        # A bundle is also skipped, if it has the label of another id.
        if secret.labels.get(label) == label_value(lookup.id) and identifier_of(secret, label) != lookup.id:
            what = f"If {secret.full_name} is meant, set the annotation {label!r} to this id"
            command = set_annotation(search.options, secret, label, lookup.id)
            yield correction(search.location.stored(secret), search.options, what, [command])


def _for_id(search: HintSearch) -> list[str]:
    """Return what the user may have meant by an id that no Secret has. What cannot be read is skipped."""
    lookup, options, location = search.lookup, search.options, search.location
    kind_and_id = (lookup.kind, lookup.id)
    # The label that would be right is unknown to the user too, so it can be one of any kind.
    meant = [each for each in meant_for(lookup, options, location) if search.is_revealed_for_every_kind(each.secret)]
    texts = [
        *(each.text for each in location.misnamed(*kind_and_id) if search.may_reveal(*kind_and_id, None)),
        *(f"{text}{more and f';{more} like it'}" for text, more in first_items(list(objects_with_id(search)))),
        *_first_of([each.text for each in meant if each.has_id]),
        *secrets_named_like(search, shown={each.secret.full_name for each in meant}),
        *missing_namespaces(options, location),
    ]
    if not texts:
        texts = [*id_of_env_name(lookup), *similar_ids(search)]
    texts += _first_of([each.text for each in meant if not each.has_id])
    texts += _problems_of_folder(search, texts)
    return list(dict.fromkeys(texts))


def _first_of(texts: Sequence[str]) -> Iterator[str]:
    """Yield the first of these texts, each of which can end with a command, and then how many more there are."""
    yield from texts[:MOST_PROBLEMS]
    if more := len(texts[MOST_PROBLEMS:]):
        yield f"{number_of(more, 'more Secret')} {'is' if more == 1 else 'are'} like these. {_SEE_DOCTOR}"


def _problems_of_folder(search: HintSearch, shown: Sequence[str]) -> list[str]:
    """Return what a folder contains that cannot be read, those about the id first.

    Args:
        shown: the hints that are shown before.
    """
    lookup = search.lookup
    names = (lookup.id, label_value(lookup.id))
    problems = [(text, any(_is_about(text, name) for name in names)) for text in search.location.problems()]
    mistakes = [
        (each.text, each.kind in ("", lookup.kind.plural) and (each.name in names or _is_about(each.text, lookup.id)))
        for each in _layout_mistakes(search)
    ]
    texts = [text for text, is_of_id in (*mistakes, *problems) if is_of_id]
    for others in (problems, mistakes):
        known = {*shown, *texts}
        texts += first_texts([text for text, _is_of_id in others if text not in known], SEE_LIST)
    return texts


def _is_about(text: str, name: str) -> bool:
    """Return whether a message about a folder contains a path with this name."""
    return re.search(rf"/{re.escape(name)}[ /:]", text) is not None


def _layout_mistakes(search: HintSearch) -> Sequence[LayoutMistake]:
    """Return what nothing reads in a folder. A file whose kind is unknown can be that of any kind."""
    kinds = {kind.plural: kind for kind in Kind}
    return [
        each
        for each in search.location.layout_mistakes()
        if all(search.may_reveal(kind, each.name, None) for kind in ((kinds[each.kind],) if each.kind else Kind))
    ]
