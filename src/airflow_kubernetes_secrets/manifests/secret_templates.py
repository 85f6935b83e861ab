"""The Secret that a manifest makes: a Secret itself, or a resource of External Secrets Operator or Sealed Secrets.

``docs/how-to/external-secrets.md`` and ``docs/how-to/sealed-secrets.md`` describe how labels and keys get into the
Secret. No template is executed.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_kubernetes_secrets.inventory.content import UNREADABLE
from airflow_kubernetes_secrets.inventory.labels_and_annotations import SOME_VALUE
from airflow_kubernetes_secrets.kubernetes.documents import mapping
from airflow_kubernetes_secrets.kubernetes.labels import is_subdomain, quoted_data_key, quoted_label_key
from airflow_kubernetes_secrets.kubernetes.objects import ANNOTATION_PREFIX
from airflow_kubernetes_secrets.kubernetes.unprocessed import SOPS, is_encrypted, is_of_a_chart, tools_by_key
from airflow_kubernetes_secrets.lookup.selection import kinds_by_label
from airflow_kubernetes_secrets.manifests.go_templates import breaks_json, literal_text
from airflow_kubernetes_secrets.messages.listing import first
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode
from airflow_kubernetes_secrets.options.backend_kwargs import Options

INVALID_LABEL: Final = "invalid-label"
INVALID_MANIFEST: Final = "invalid-manifest"

# The names of a kustomization's file that Kustomize accepts.
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

LABEL_LOST: Final = "label-lost"
ANNOTATION_LOST: Final = "annotation-lost"
NOT_CREATED: Final = "not-created"
OLD_API: Final = "old-api"
UNESCAPED_URI: Final = "unescaped-uri"
UNESCAPED_JSON: Final = "unescaped-json"

# These match a value that a template puts unescaped into a URI: before the host, or into the query.
_IN_A_URI = re.compile(r"\s*[\0A-Za-z][\0A-Za-z0-9+.-]*://[^/?#@\s\0]*\0[^/?#@\s]*@")
_IN_A_QUERY = re.compile(
    r"(?i)\s*[\0a-z][\0a-z0-9+.-]*://\S*[?&](?:user|username|login|\w{0,40}(?:pass|pwd|token|secret|key)\w{0,40})=[^&#\s]*\0"
)

# With these policies the Secret can also have keys from elsewhere.
# https://external-secrets.io/latest/guides/ownership-deletion-policy/
_OF_ANOTHER_OWNER = ("Merge", "CreateOrMerge")


@dataclass(frozen=True)
class PlannedSecret:
    """A Secret that a manifest makes.

    Attributes:
        manifest: the manifest of the Secret. It is ``None`` if no Secret is made, and has no data if the keys are
            unknown.
        is_labelled: whether the Secret has a label that lookups use, or would have one that gets lost.
        keys_are_known: whether all keys of the Secret are in the manifest.
        unknown: the keys whose values are not in the manifest.
        is_alone: whether nothing else writes the same Secret.
        place_is_known: whether the manifest specifies the namespace and team of the Secret.
        is_generated: whether all Secrets of the document at least have the same namespace.
        missing_annotations: the annotations that do not reach the Secret.
        problems: what is wrong with the manifest.
        reaching, above: the mappings of labels and annotations that reach the Secret, and those that do not.
        metadata_path: the path in the manifest where labels and annotations belong.
        title: the manifest's name in messages.
        templates: the values that a template makes, by key.
    """

    manifest: dict[str, Any] | None
    is_labelled: bool
    keys_are_known: bool = True
    unknown: frozenset[str] = frozenset()
    is_alone: bool = True
    place_is_known: bool = True
    is_generated: bool = False
    missing_annotations: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()
    reaching: tuple[Mapping[str, Any], ...] = ()
    above: tuple[Mapping[str, Any], ...] = ()
    metadata_path: str = "metadata"
    title: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)


def planned(document: Any, options: Options) -> PlannedSecret | None:
    """Return the Secret that a manifest makes; ``None`` if it is of another kind.

    Args:
        document: one manifest, which is not a List.
    """
    if not isinstance(document, dict):
        return None
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind == "Secret" and version in ("v1", None):
        return _of_secret(document, options)
    if kind == "SealedSecret" and version == "bitnami.com/v1alpha1":
        return _of_sealed_secret(document, options)
    if version in ("external-secrets.io/v1", "external-secrets.io/v1beta1", "external-secrets.io/v1alpha1"):
        if kind == "ExternalSecret":
            return _of_external_secret(_External.of(document), options)
        if kind == "ClusterExternalSecret":
            return _of_external_secret(_External.of_cluster(document), options)
    return None


def _of_secret(document: dict[str, Any], options: Options) -> PlannedSecret:
    """Return the Secret that a manifest of a Secret makes."""
    metadata = mapping(document, "metadata")
    labels = mapping(metadata, "labels")
    title = f"Secret {name_for_messages(metadata)}"
    is_labelled = bool(labels.keys() & kinds_by_label(options).keys())
    tools = tools_by_key(document)
    problems = [
        Problem(
            UNREADABLE,
            f"{title}, key {quoted_data_key(key)}: it is ciphertext of SOPS, and the manifest has no 'sops' with which "
            "it could be decrypted. Encrypt it again with sops",
        )
        for key, tool in tools.items()
        if tool is SOPS and is_labelled and not is_encrypted(document)
    ]
    return PlannedSecret(
        document,
        is_labelled,
        problems=tuple(problems[:1]),
        reaching=(labels, mapping(metadata, "annotations")),
        title=title,
    )


def _of_sealed_secret(document: Mapping[str, Any], options: Options) -> PlannedSecret:
    """Return the Secret that a SealedSecret makes."""
    metadata, spec = mapping(document, "metadata"), mapping(document, "spec")
    template = mapping(spec, "template")
    described = mapping(template, "metadata")
    way = Way(
        f"SealedSecret {name_for_messages(metadata)}",
        (metadata,),
        "spec.template.metadata",
        "the controller reads it only from the template",
    )
    missing_annotations, problems = way.missing(described, options)
    # Old SealedSecrets have all data encrypted in one piece.
    is_whole = spec.get("data") is not None
    written = _written(template)
    keys = mapping(spec, "encryptedData").keys() | mapping(template, "data").keys()
    # The controller takes name and namespace from the SealedSecret, and ignores those in the template.
    return PlannedSecret(
        manifest_of(metadata.get("name"), metadata.get("namespace"), described, () if is_whole else keys, written),
        way.is_labelled(described, options),
        keys_are_known=not is_whole,
        unknown=frozenset(keys) - written.keys(),
        templates=_templates(template),
        missing_annotations=missing_annotations,
        problems=problems,
        **way.places(described),
    )


@dataclass(frozen=True)
class _External:
    """An ExternalSecret, or the one that a ClusterExternalSecret makes in several namespaces.

    Attributes:
        title: its name in messages.
        metadata: what is copied to the Secret if there is no template.
        above: labels and annotations that never reach the Secret.
        spec_path: the path of the specification.
    """

    title: str
    name: object
    namespace: object
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    above: tuple[Mapping[str, Any], ...] = ()
    spec_path: str = "spec"
    is_in_one_namespace: bool = True
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> _External:
        """Return the parts of an ExternalSecret."""
        metadata = mapping(document, "metadata")
        title = f"ExternalSecret {name_for_messages(metadata)}"
        return cls(
            title,
            metadata.get("name"),
            metadata.get("namespace"),
            metadata,
            mapping(document, "spec"),
            problems=tuple(_old_api(title, document)),
        )

    @classmethod
    def of_cluster(cls, document: Mapping[str, Any]) -> _External:
        """Return the parts of a ClusterExternalSecret."""
        metadata, spec = mapping(document, "metadata"), mapping(document, "spec")
        return cls(
            f"ClusterExternalSecret {name_for_messages(metadata)}",
            spec.get("externalSecretName") or metadata.get("name"),
            None,
            mapping(spec, "externalSecretMetadata"),
            mapping(spec, "externalSecretSpec"),
            above=(metadata,),
            spec_path="spec.externalSecretSpec",
            is_in_one_namespace=False,
            problems=tuple(_old_api(f"ClusterExternalSecret {name_for_messages(metadata)}", document)),
        )


def _old_api(title: str, document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem if current releases of the operator do not support the API version."""
    if document.get("apiVersion") == "external-secrets.io/v1alpha1":
        yield Problem(
            OLD_API,
            f"{title}: External Secrets Operator 0.16 and later do not support external-secrets.io/v1alpha1, "
            "so no Secret is created. Write external-secrets.io/v1",
        )


def _of_external_secret(external: _External, options: Options) -> PlannedSecret | None:
    """Return the Secret that an ExternalSecret makes; ``None`` if it makes none."""
    target = mapping(external.spec, "target")
    template = target.get("template")
    if target.get("manifest") is not None:
        return None  # it makes another resource than a Secret
    if template is None:
        metadata_path = "metadata" if external.is_in_one_namespace else "spec.externalSecretMetadata"
        described, above = external.metadata, external.above
    else:
        described, above = mapping(template, "metadata"), (*external.above, external.metadata)
        metadata_path = f"{external.spec_path}.target.template.metadata"
    adds = _targets(template)
    way = Way(
        external.title,
        above,
        metadata_path,
        "if there is a template, External Secrets Operator reads it only from the template"
        if template is not None
        else "External Secrets Operator reads it only from there",
        labels_are_known="Labels" not in adds,
        annotations_are_known="Annotations" not in adds,
    )
    is_labelled = way.is_labelled(described, options)
    if target.get("creationPolicy") == "None":
        return _not_created(external, way.places(described)) if is_labelled else None
    missing_annotations, problems = way.missing(described, options)
    constant = {part: _constant(described.get(part), template) for part in ("labels", "annotations")}
    is_alone = target.get("creationPolicy") not in _OF_ANOTHER_OWNER
    # Annotations can name keys that must exist, so the keys are unknown if a template makes annotations.
    is_known = is_alone and constant["annotations"] == described.get("annotations")
    keys = _keys(external.spec, template) if is_known else None
    written = _written(template)
    if is_labelled:
        problems = (*external.problems, *problems, *_unescaped(external, template))
        if template is None:
            problems = (*problems, *_without_template(external, described))
    return PlannedSecret(
        manifest_of(target.get("name") or external.name, external.namespace, constant, keys or (), written),
        is_labelled,
        keys_are_known=keys is not None,
        unknown=frozenset(keys or ()) - written.keys(),
        templates=_templates(template),
        is_alone=is_alone,
        place_is_known=external.is_in_one_namespace and constant["labels"] == described.get("labels"),
        missing_annotations=missing_annotations,
        problems=problems,
        **way.places(described),
    )


def _written(template: object) -> dict[str, str]:
    """Return the values in a template that contain no actions."""
    data = mapping(template, "data")
    return {key: text for key, text in data.items() if isinstance(text, str) and "{{" not in text}


def _templates(template: object) -> dict[str, str]:
    """Return the values in a template that contain actions, unchanged."""
    data = mapping(template, "data")
    return {key: text for key, text in data.items() if isinstance(text, str) and "{{" in text}


def _unescaped(external: _External, template: object) -> Iterator[Problem]:
    """Yield warnings for values of a template that break if a password contains certain characters."""
    for key, text in mapping(template, "data").items():
        if not isinstance(text, str):
            continue
        literal = literal_text(text)
        if _IN_A_URI.match(literal):
            yield Problem(
                UNESCAPED_URI,
                f"{external.title}, key {quoted_data_key(key)} of the template: it puts a login or password into "
                "a URI without encoding, so a '/', '@' or '%' in it breaks the URI. Store each field "
                "in its own key: login, password, host",
                Severity.WARNING,
            )
        elif _IN_A_QUERY.match(literal):
            yield Problem(
                UNESCAPED_URI,
                f"{external.title}, key {quoted_data_key(key)} of the template: it puts a login or password into the "
                "query of a URI without encoding, so a '+', '&', '%' or '#' in it breaks the URI. Write "
                "{{ .name | urlquery }}",
                Severity.WARNING,
            )
        elif text.lstrip().startswith("{") and not text.lstrip().startswith("{{") and breaks_json(text):
            yield Problem(
                UNESCAPED_JSON,
                f"{external.title}, key {quoted_data_key(key)} of the template: it puts a value between quotation "
                "marks of JSON without escaping, so a '\"' or '\\' in it breaks the JSON. Write "
                "{{ .name | toJson }} without quotation marks",
                Severity.WARNING,
            )


def _without_template(external: _External, described: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield labels that contain template actions although there is no template."""
    for key, text in mapping(described, "labels").items():
        if isinstance(text, str) and "{{" in text and not is_of_a_chart(text):
            yield Problem(
                INVALID_LABEL,
                f"{external.title}, label {quoted_label_key(key)}: the value is a template expression, but "
                f"there is no template. Put it under {external.spec_path}.target.template.metadata.labels",
            )


def _not_created(external: _External, places: dict[str, Any]) -> PlannedSecret:
    """Return the plan of an ExternalSecret that creates no Secret."""
    text = f"{external.title}: creationPolicy is None, so no Secret is created. Remove it, or the label"
    return PlannedSecret(None, is_labelled=True, problems=(Problem(NOT_CREATED, text, Severity.WARNING),), **places)


def _keys(spec: Mapping[str, Any], template: object) -> set[str] | None:
    """Return the keys of the Secret that External Secrets Operator makes; ``None`` if they are unknown.

    https://external-secrets.io/latest/guides/templating/
    """
    of_template = set(mapping(template, "data"))
    if isinstance(template, dict):
        if template.get("templateFrom"):
            return None
        if of_template and template.get("mergePolicy") != "Merge":
            return of_template
    if spec.get("dataFrom"):
        return None
    data = spec.get("data")
    sources = data if isinstance(data, list) else []
    return of_template | {str(each.get("secretKey")) for each in sources if isinstance(each, dict)}


def _targets(template: object) -> set[str]:
    """Return what a template takes from other sources: ``Data``, ``Labels`` or ``Annotations``."""
    sources = template.get("templateFrom") if isinstance(template, dict) else None
    return {
        str(each.get("target") or "Data")
        for each in (sources if isinstance(sources, list) else ())
        if isinstance(each, dict)
    }


def _constant(texts: object, template: object) -> Any:
    """Return labels or annotations without those whose value a template makes."""
    if template is None or not isinstance(texts, dict):
        return texts
    return {key: text for key, text in texts.items() if "{{" not in str(text)}


@dataclass(frozen=True)
class Way:
    """How labels and annotations get from a manifest to the Secret.

    Attributes:
        title: the manifest's name in messages.
        above: the metadata whose labels and annotations have no effect.
        metadata_path: the path in the manifest where they belong.
        rule: why they belong there.
        labels_are_known, annotations_are_known: whether the manifest contains all of them.
    """

    title: str
    above: Sequence[Mapping[str, Any]]
    metadata_path: str
    rule: str
    labels_are_known: bool = True
    annotations_are_known: bool = True

    def is_labelled(self, described: Mapping[str, Any], options: Options) -> bool:
        """Return whether there is any label that lookups use, including one that has no effect."""
        everywhere = (described, *self.above)
        return any(mapping(each, "labels").keys() & kinds_by_label(options).keys() for each in everywhere)

    def places(self, described: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of :class:`PlannedSecret` that say where labels and annotations are."""
        parts = ("labels", "annotations")
        return {
            "reaching": tuple(mapping(described, part) for part in parts),
            "above": tuple(mapping(each, part) for each in self.above for part in parts),
            "metadata_path": self.metadata_path,
            "title": self.title,
        }

    def missing(self, described: Mapping[str, Any], options: Options) -> tuple[frozenset[str], tuple[Problem, ...]]:
        """Return Airflow's annotations that do not reach the Secret, and the problems with those and with labels."""
        if not self.is_labelled(described, options):
            return frozenset(), ()
        kinds = kinds_by_label(options).keys()
        lost_labels = self._lost("labels", described, kinds | {options.team_label}) if self.labels_are_known else []
        lost_annotations = []
        if self.annotations_are_known:
            above = [key for each in self.above for key in mapping(each, "annotations")]
            ours = {key for key in above if key in kinds or str(key).startswith(ANNOTATION_PREFIX)}
            lost_annotations = self._lost("annotations", described, ours)
        problems = (
            *self._problems(LABEL_LOST, "label", lost_labels),
            *self._problems(ANNOTATION_LOST, "annotation", lost_annotations),
        )
        return frozenset(lost_annotations), problems

    def _lost(self, part: str, described: Mapping[str, Any], ours: Any) -> list[str]:
        """Return the keys that are only in places without effect."""
        kept = mapping(described, part)
        above = dict.fromkeys(key for each in self.above for key in mapping(each, part))
        return [key for key in above if key in ours and key not in kept]

    def _problems(self, code: ProblemCode, word: str, keys: Sequence[str]) -> Iterator[Problem]:
        for key, more in first(keys):
            yield Problem(
                code,
                f"{self.title}: {word} {quoted_label_key(key)}{more} does not reach the Secret: {self.rule}. Put it "
                f"under {self.metadata_path}.{word}s",
            )


def manifest_of(
    name: object,
    namespace: object,
    described: Mapping[str, Any],
    keys: Iterable[str],
    written: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the manifest of a Secret; a placeholder replaces each value that is unknown.

    Args:
        described: the mapping with its labels and annotations.
        keys: the data keys.
        written: the known values by key.
    """
    metadata = {"name": name, "namespace": namespace}
    metadata |= {part: described.get(part) for part in ("labels", "annotations")}
    data = {key: _encoded((written or {}).get(key)) for key in sorted(keys)}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def _encoded(text: str | None) -> str:
    """Return a value in base64, or the placeholder if it is unknown."""
    return SOME_VALUE if text is None else b64encode(text.encode("utf-8", "replace")).decode("ascii")


def name_for_messages(metadata: Mapping[str, Any]) -> str:
    """Return the name of an object for messages."""
    name = metadata.get("name")
    return name if isinstance(name, str) and is_subdomain(name) else "without a name"
