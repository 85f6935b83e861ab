"""A Secret that a manifest makes, and how labels and annotations get from the manifest to the Secret."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_kubernetes_secrets.inventory.label_keys import known_labels, meant_label
from airflow_kubernetes_secrets.inventory.labels_and_annotations import SOME_VALUE
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, is_subdomain, quoted_label_key
from airflow_kubernetes_secrets.kubernetes.unprocessed import is_ciphertext
from airflow_kubernetes_secrets.lookup.kinds import selecting_labels
from airflow_kubernetes_secrets.messages.listing import first_items
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.backend_kwargs import Options

INVALID_MANIFEST: Final = "invalid-manifest"
LABEL_LOST: Final = "label-lost"
ANNOTATION_LOST: Final = "annotation-lost"
NOT_CHECKED: Final = "not-checked"

# The similarity, from 0 to 1, that the name of a field must have to be suggested.
_SUGGESTION_CUTOFF = 0.75


@dataclass(frozen=True)
class PlannedSecret:
    """A Secret that a manifest makes.

    Attributes:
        manifest: the manifest of the Secret. It is ``None`` if no Secret is made, and has no data if the keys are
            unknown.
        is_labelled: whether the Secret has a label that lookups use, or would have it if the label reached the Secret.
        keys_are_known: whether all keys of the Secret are in the manifest.
        unknown: the keys whose values are not in the manifest.
        is_alone: whether nothing else writes the same Secret.
        namespace_and_team_are_known: whether the manifest specifies the namespace and team of the Secret.
        is_generated: whether a kustomization generates the Secret. Its final namespace is unknown, but all
            Secrets of the document are in it.
        missing_annotations: the annotations that do not reach the Secret.
        problems: what is wrong with the manifest.
        reaching, without_effect: the mappings of labels and annotations that reach the Secret, and those that do not.
        metadata_path: the path in the manifest where labels and annotations belong.
        title: the manifest's name in messages.
        templates: the values that a template makes, by key.
    """

    manifest: dict[str, Any] | None
    is_labelled: bool
    keys_are_known: bool = True
    unknown: frozenset[str] = frozenset()
    is_alone: bool = True
    namespace_and_team_are_known: bool = True
    is_generated: bool = False
    missing_annotations: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    reaching: tuple[Mapping[str, Any], ...] = ()
    without_effect: tuple[Mapping[str, Any], ...] = ()
    metadata_path: str = "metadata"
    title: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Propagation:
    """How labels and annotations get from a manifest to the Secret.

    The argument ``secret_metadata`` of the methods is the mapping whose labels and annotations reach the Secret.

    Attributes:
        title: the manifest's name in messages.
        without_effect: the metadata whose labels and annotations have no effect.
        metadata_path: the path in the manifest where they belong.
        rule: why they belong there.
        labels_are_known, annotations_are_known: whether the manifest contains all of them.
    """

    title: str
    without_effect: Sequence[Mapping[str, Any]]
    metadata_path: str
    rule: str
    labels_are_known: bool = True
    annotations_are_known: bool = True

    def is_labelled(self, secret_metadata: Mapping[str, Any], options: Options) -> bool:
        """Return whether there is any label that lookups use, including one that has no effect."""
        everywhere = (secret_metadata, *self.without_effect)
        return any(mapping(each, "labels").keys() & selecting_labels(options) for each in everywhere)

    def label_mappings(self, secret_metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of :class:`PlannedSecret` for the positions of labels and annotations."""
        parts = ("labels", "annotations")
        return {
            "reaching": tuple(mapping(secret_metadata, part) for part in parts),
            "without_effect": tuple(mapping(each, part) for each in self.without_effect for part in parts),
            "metadata_path": self.metadata_path,
            "title": self.title,
        }

    def missing(
        self, secret_metadata: Mapping[str, Any], options: Options
    ) -> tuple[frozenset[str], tuple[Problem, ...]]:
        """Return Airflow's annotations that do not reach the Secret, and the problems with those and with labels."""
        if not self.is_labelled(secret_metadata, options):
            return frozenset(), ()
        kinds = selecting_labels(options)
        lost_labels = (
            self._lost("labels", secret_metadata, kinds | {options.team_label}) if self.labels_are_known else []
        )
        lost_annotations = []
        if self.annotations_are_known:
            without_effect = [key for each in self.without_effect for key in mapping(each, "annotations")]
            ours = {key for key in without_effect if key in kinds or str(key).startswith(ANNOTATION_PREFIX)}
            lost_annotations = self._lost("annotations", secret_metadata, ours)
        problems = (
            *self._problems(LABEL_LOST, "label", lost_labels),
            *self._problems(ANNOTATION_LOST, "annotation", lost_annotations),
        )
        return frozenset(lost_annotations), problems

    def _lost(self, part: str, secret_metadata: Mapping[str, Any], ours: Any) -> list[str]:
        """Return the keys that are only in places without effect."""
        kept = mapping(secret_metadata, part)
        without_effect = dict.fromkeys(key for each in self.without_effect for key in mapping(each, part))
        return [key for key in without_effect if key in ours and key not in kept]

    def _problems(self, code: ProblemCode, word: str, keys: Sequence[str]) -> Iterator[Problem]:
        for key, more in first_items(keys):
            yield Problem(
                code,
                f"{self.title}: {word} {quoted_label_key(key)}{more} does not reach the Secret: {self.rule}. Put it "
                f"under {self.metadata_path}.{word}s",
            )


def manifest_of(
    name: object,
    namespace: object,
    secret_metadata: Mapping[str, Any],
    keys: Collection[str],
    written: Mapping[str, str] | None = None,
    *,
    secret_type: object = None,
) -> dict[str, Any]:
    """Return the manifest of a Secret; a placeholder replaces each value that is unknown.

    Args:
        secret_metadata: the mapping with its labels and annotations.
        keys: the data keys.
        written: the known values by key, as text: another tool may still have to replace a part of it.
    """
    metadata = {"name": name, "namespace": namespace}
    metadata |= {part: secret_metadata.get(part) for part in ("labels", "annotations")}
    texts = {key: text for key, text in (written or {}).items() if key in keys}
    data = dict.fromkeys(sorted({*keys} - texts.keys()), SOME_VALUE)
    fields = {"type": secret_type, "metadata": metadata, "data": data, "stringData": texts}
    return {"apiVersion": "v1", "kind": "Secret", **fields}


def name_for_messages(metadata: Mapping[str, Any]) -> str:
    """Return the name of an object as a message shows it. An invalid name may be a value, so it is not shown."""
    name = metadata.get("name")
    if isinstance(name, str) and is_subdomain(name):
        return name
    return "with an invalid name" if name else "without a name"


def unknown_field(prefix: str, name: str, remedy: str) -> str:
    """Return that a field is unknown. A name that is no word may be a misplaced value, so it is not shown.

    Args:
        prefix: the path of the field without its name.
        remedy: a sentence; empty if the field can only be removed.
    """
    what = f"the field '{prefix}{name}'" if re.fullmatch("[A-Za-z]{1,30}", name) else "one of its fields"
    return f"{what} is not known. {remedy or 'Remove it'}"


def similar_field(name: str, known: tuple[str, ...]) -> str:
    """Return the known field or kind with the most similar name; empty if none is similar."""
    return nearest(name, known, _SUGGESTION_CUTOFF)


def has_airflow_label(manifest: dict[str, Any], options: Options) -> bool:
    """Return whether a manifest is for Airflow, or was meant to be."""
    if not {str(key).lower() for key in manifest} & {"kind", "apiversion"} or is_ciphertext(manifest.get("kind")):
        return False
    labels, known = mapping(mapping(manifest, "metadata"), "labels"), known_labels(options)
    selecting = selecting_labels(options)
    return any(
        label in selecting or str(label).startswith(ANNOTATION_PREFIX) or meant_label(str(label), known) in selecting
        for label in labels
    )
