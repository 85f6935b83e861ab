"""Secrets that were probably meant for an id, and that no query finds: their label is misspelt or an annotation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from airflow_kubernetes_secrets.annotation_names import BUNDLE
from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.formats.annotations import SUGGESTION_CUTOFF, is_known_annotation
from airflow_kubernetes_secrets.inventory.label_keys import folded_name, known_labels, meant_label
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.kubernetes.kubectl_commands import on_object
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.kubernetes.resources import SECRETS
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages.listing import quoted
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.backend_kwargs import Options


@dataclass(frozen=True)
class MeantSecret:
    """A Secret that was probably meant for an id.

    Attributes:
        text: why no query finds it, and the remedy.
        has_id: whether the id is in its metadata. The ids of a bundle are its keys, which are not read.
    """

    secret: Secret
    text: str
    has_id: bool


def meant_for(lookup: Lookup, options: Options, location: BackendLocation) -> Iterator[MeantSecret]:
    """Yield the Secrets that were probably meant for a lookup. Only metadata is read.

    If the metadata of a namespace cannot be listed, the namespace is skipped.
    """
    label = lookup.kind.label(options)
    if label is None:
        return
    resources = options.resources if lookup.kind is Kind.VARIABLE else (SECRETS,)
    known = known_labels(options)
    for resource, namespace in product(
        resources, dict.fromkeys(map(location.namespace, lookup.kind.namespaces(options)))
    ):
        try:
            for page in location.metadata(namespace, resource):
                for stored in page:
                    yield from _with_id(stored, lookup, label, known)
                    yield from _bundle(stored, lookup, label, known)
        except KubernetesSecretsError:
            continue


def _with_id(stored: StoredSecret, lookup: Lookup, label: str, known: tuple[str, ...]) -> Iterator[MeantSecret]:
    """Yield a Secret that has the id under a key that is like the label, or in an annotation."""
    secret = stored.secret
    if label in secret.labels:
        return
    value = label_value(lookup.id)
    values = (lookup.id, value)
    key = next((key for key, text in secret.labels.items() if text in values and _is_like(key, label, known)), None)
    if key is not None:
        why = f"{secret.full_name} has this id in the label {quoted(key)}, which no lookup uses"
        yield MeantSecret(secret, f"{why}. {_correction(stored, label, value, key, lookup.id)}", has_id=True)
        return
    for key, text in (secret.annotations or {}).items():
        if text in values and (key == label or _is_like(key, label, known)):
            why = f"{secret.full_name} has this id in the annotation {quoted(key)}, but lookups search for a label"
            yield MeantSecret(secret, f"{why}. {_correction(stored, label, value, '', lookup.id)}", has_id=True)
            return


def _bundle(stored: StoredSecret, lookup: Lookup, label: str, known: tuple[str, ...]) -> Iterator[MeantSecret]:
    """Yield a Secret that was probably meant as a bundle of the kind of a lookup."""
    secret = stored.secret
    if BUNDLE in secret.labels or label in secret.labels:
        return
    for part, texts in (("label", secret.labels), ("annotation", secret.annotations or {})):
        for key, text in texts.items():
            is_meant = meant_label(key, known) == BUNDLE or (key == BUNDLE and part == "annotation")
            if is_meant and text == lookup.kind.plural:
                why = f"{secret.full_name} has the {part} {quoted(key)}, which does not make it a bundle"
                remedy = _correction(stored, BUNDLE, text, key if part == "label" else "")
                yield MeantSecret(secret, f"{why}. {remedy}", has_id=False)
                return


def _is_like(key: str, label: str, known: tuple[str, ...]) -> bool:
    """Return whether the name in a key is like that of a label, whatever its prefix: its value is an id already."""
    if key in known or is_known_annotation(key):
        return False
    return nearest(folded_name(key), (folded_name(label),), SUGGESTION_CUTOFF) != ""


def _correction(stored: StoredSecret, label: str, value: str, wrong: str, identifier: str | None = None) -> str:
    """Return how to give an object a label, as the beginning of a sentence.

    Args:
        wrong: the label that it replaces; empty if none.
        identifier: as for :func:`labelling`.
    """
    owner = stored.owner
    what = f"rename the label to {label!r}" if wrong else f"add the label {label!r}"
    if owner is not None and owner.controls:
        return f"{owner} manages it and would undo a change of it, so {what} there"
    return f"{what[0].upper()}{what[1:]}:{labelling(stored.secret, label, value, identifier, wrong)}"


def labelling(secret: Secret, label: str, value: str, identifier: str | None, wrong: str = "") -> str:
    """Return the commands that label an object, each in a line of its own.

    Args:
        identifier: the id that the label's value represents; ``None`` for another label. If the value is not the id,
            an annotation must contain it.
        wrong: a label to remove.
    """
    place = (secret.kind, secret.namespace, secret.name)
    commands = [on_object("label", *place, f"{label}={value}", *([f"{wrong}-"] if wrong else []))]
    if identifier not in (None, value, (secret.annotations or {}).get(label)):
        # A command cannot show an id with control characters.
        shown = identifier if printable(identifier) == identifier else "ID"
        commands.append(on_object("annotate", *place, f"{label}={shown}"))
    return "".join(f"\n  {each}" for each in commands)
