"""Airflow's labels and annotations in places of a manifest where they have no effect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from airflow_kubernetes_secrets.inventory.label_keys import is_airflows, known_labels
from airflow_kubernetes_secrets.inventory.labels_and_annotations import UNKNOWN_LABEL, misspelt_label
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.kubernetes.labels import NAME_NOT_SHOWN, is_data_key, quoted_label_key
from airflow_kubernetes_secrets.lookup.kinds import selecting_labels
from airflow_kubernetes_secrets.manifests.planned_secret import (
    ANNOTATION_LOST,
    LABEL_LOST,
    NOT_CHECKED,
    PlannedSecret,
    name_for_messages,
)
from airflow_kubernetes_secrets.messages.listing import first_items
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# Matches the name of the mapping of annotations, even if it is misspelt.
_ANNOTATIONS = re.compile("(?i)an+ot.*")


def misplaced_labels(document: dict[str, Any], found: Sequence[PlannedSecret], options: Options) -> Iterator[Problem]:
    """Yield problems with Airflow's labels and annotations in places where they have no effect.

    If nothing is known about the kind of resource, yield a notice instead.

    Args:
        found: the Secrets that the manifest makes.
    """
    metadata = mapping(document, "metadata")
    title = f"{printable(str(document.get('kind')))} {name_for_messages(metadata)}"
    if not isinstance(document.get("kind"), str) or not isinstance(document.get("apiVersion"), str):
        return
    labels, known = {*selecting_labels(options), options.team_label}, known_labels(options)
    reaching = {id(each) for plan in found for each in plan.reaching}
    # An annotation that also reaches the Secret from another place is not lost.
    reaching_keys = {key for plan in found for each in plan.reaching for key in each} - labels
    without_effect = {id(each) for plan in found for each in plan.without_effect}
    strays: dict[str, str] = {}
    for path, found_there in _all_mappings(document):
        for key in found_there:
            is_ours = is_airflows(str(key), known)
            # Keys in places that never reach the Secret are already reported with the reason, except misspelt ones.
            is_reported = id(found_there) in reaching or (
                id(found_there) in without_effect and (key in labels or not misspelt_label(key, options))
            )
            if is_ours and not is_reported and key not in reaching_keys:
                strays.setdefault(str(key), path)
    if not found and strays:
        key, path = next(iter(strays.items()))
        text = (
            f"{title}: it has {quoted_label_key(key)} under {path}, but this command does not know which "
            "Secrets such a resource creates. Check one with kubectl get secret --show-labels"
        )
        yield Problem(NOT_CHECKED, text, Severity.NOTICE)
        return
    for (key, path), more in first_items(list(strays.items())):
        quoted = quoted_label_key(key)
        if problem := misspelt_label(key, options):
            yield Problem(UNKNOWN_LABEL, f"{title}, {quoted}{more} under {path}: {problem}", Severity.WARNING)
            continue
        is_label = key in labels and not _ANNOTATIONS.fullmatch(path.rpartition(".")[2])
        code: ProblemCode = LABEL_LOST if is_label else ANNOTATION_LOST
        word = "label" if is_label else "annotation"
        text = (
            f"{word} {quoted}{more} under {path} does not reach the Secret. Put it under "
            f"{found[0].metadata_path}.{word}s"
        )
        yield Problem(code, f"{title}: {text}")


def _all_mappings(document: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every mapping in a document, at any level, with its path."""
    waiting = [("", document)]
    while waiting:
        path, each = waiting.pop()
        if isinstance(each, dict):
            yield path or "the top", each
            shown = ((key if is_data_key(key) else NAME_NOT_SHOWN, value) for key, value in each.items())
            waiting += [(f"{path}.{key}" if path else key, value) for key, value in shown]
        elif isinstance(each, list):
            waiting += [(f"{path}[]", value) for value in each]
