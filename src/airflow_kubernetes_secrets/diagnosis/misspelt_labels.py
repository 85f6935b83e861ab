"""Secrets that were probably meant for an id, and that no query finds: their label is misspelt or an annotation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from airflow_kubernetes_secrets.errors import KubernetesSecretsError
from airflow_kubernetes_secrets.formats.annotations import SUGGESTION_CUTOFF, is_known_annotation
from airflow_kubernetes_secrets.inventory.id_corrections import commands_for_id, correction, set_label
from airflow_kubernetes_secrets.inventory.label_keys import folded_name, known_labels, meant_label
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Secret
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.messages.listing import quoted
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
    search = _Search(lookup, label, known_labels(options), options)
    resources = options.resources if lookup.kind is Kind.VARIABLE else (SECRETS,)
    for resource, namespace in product(
        resources, dict.fromkeys(map(location.namespace, lookup.kind.namespaces(options)))
    ):
        try:
            if not location.may_list(namespace, resource):
                continue
            for page in location.metadata(namespace, resource):
                for stored in page:
                    yield from search.with_id(stored)
                    yield from search.bundle(stored)
        except KubernetesSecretsError:
            continue


@dataclass(frozen=True)
class _Search:
    """The search for Secrets that were meant for one lookup.

    Attributes:
        label: the label that the lookup uses.
        known: the labels that have a meaning.
    """

    lookup: Lookup
    label: str
    known: tuple[str, ...]
    options: Options

    def with_id(self, stored: StoredSecret) -> Iterator[MeantSecret]:
        """Yield a Secret that has the id under a key that is like the label, or in an annotation."""
        secret = stored.secret
        if self.label in secret.labels:
            return
        values = (self.lookup.id, label_value(self.lookup.id))
        key = next((key for key, text in secret.labels.items() if text in values and self._is_like(key)), None)
        if key is not None:
            why = f"{secret.full_name} has this id in the label {quoted(key)}, which no lookup uses"
            yield MeantSecret(secret, f"{why}. {self._with_label_of_id(stored, key)}", has_id=True)
            return
        for key, text in (secret.annotations or {}).items():
            if text in values and (key == self.label or self._is_like(key)):
                why = f"{secret.full_name} has this id in the annotation {quoted(key)}, but lookups search for a label"
                yield MeantSecret(secret, f"{why}. {self._with_label_of_id(stored, '')}", has_id=True)
                return

    def bundle(self, stored: StoredSecret) -> Iterator[MeantSecret]:
        """Yield a Secret that was probably meant as a bundle of the kind of the lookup."""
        secret, kind = stored.secret, self.lookup.kind.plural
        if BUNDLE in secret.labels or self.label in secret.labels:
            return
        for part, texts in (("label", secret.labels), ("annotation", secret.annotations or {})):
            for key, text in texts.items():
                is_meant = meant_label(key, self.known) == BUNDLE or (key == BUNDLE and part == "annotation")
                if is_meant and text == kind:
                    why = f"{secret.full_name} has the {part} {quoted(key)}, which does not make it a bundle"
                    wrong = key if part == "label" else ""
                    commands = [set_label(self.options, secret, BUNDLE, kind, wrong)]
                    remedy = correction(stored, self.options, _change(BUNDLE, wrong), commands)
                    yield MeantSecret(secret, f"{why}. {remedy}", has_id=False)
                    return

    def _with_label_of_id(self, stored: StoredSecret, wrong: str) -> str:
        """Return how to give an object the label of the id, as the beginning of a sentence.

        Args:
            wrong: the label that it replaces; empty if none.
        """
        commands = commands_for_id(self.options, stored.secret, self.label, self.lookup.id, wrong)
        return correction(stored, self.options, _change(self.label, wrong), commands)

    def _is_like(self, key: str) -> bool:
        """Return whether the name in a key is like that of the label. The prefix can differ: the value is an id."""
        if key in self.known or is_known_annotation(key):
            return False
        return nearest(folded_name(key), (folded_name(self.label),), SUGGESTION_CUTOFF) != ""


def _change(label: str, wrong: str) -> str:
    """Return in words that an object gets a label, which may replace a wrong one."""
    return f"Rename the label to {label!r}" if wrong else f"Add the label {label!r}"
