"""The Secrets that External Secrets Operator makes. No template is executed.

``docs/how-to/external-secrets.md`` describes how labels and keys get into the Secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_kubernetes_secrets.inventory.content import UNESCAPED_URI
from airflow_kubernetes_secrets.inventory.labels_and_annotations import INVALID_LABEL
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.kubernetes.labels import quoted_data_key, quoted_label_key
from airflow_kubernetes_secrets.kubernetes.unprocessed import is_of_a_chart
from airflow_kubernetes_secrets.manifests.go_templates import (
    breaks_json,
    literal_text,
    values_with_actions,
    values_without_actions,
)
from airflow_kubernetes_secrets.manifests.planned_secret import (
    PlannedSecret,
    Propagation,
    manifest_of,
    name_for_messages,
)
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.options.backend_kwargs import Options

NOT_CREATED: Final = "not-created"
OLD_API: Final = "old-api"
UNESCAPED_JSON: Final = "unescaped-json"

# These match a value that a template inserts into a URI without escaping: before the host, or in the query.
_UNESCAPED_IN_URI = re.compile(r"\s*[\0A-Za-z][\0A-Za-z0-9+.-]*://[^/?#@\s\0]*\0[^/?#@\s]*@")
_UNESCAPED_IN_QUERY = re.compile(
    r"(?i)\s*[\0a-z][\0a-z0-9+.-]*://\S*[?&](?:user|username|login|\w{0,40}(?:pass|pwd|token|secret|key)\w{0,40})=[^&#\s]*\0"
)

# With these policies the Secret can also have keys from other sources.
# https://external-secrets.io/latest/guides/ownership-deletion-policy/
_SHARED_POLICIES = ("Merge", "CreateOrMerge")


def planned_by_external_secret(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret of an ExternalSecret; nothing if it makes another resource."""
    yield from _plans(_ExternalSecret.from_external_secret(document), options)


def planned_by_cluster_external_secret(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret that a ClusterExternalSecret makes in each namespace."""
    yield from _plans(_ExternalSecret.from_cluster_external_secret(document), options)


@dataclass(frozen=True)
class _ExternalSecret:
    """An ExternalSecret, or the one that a ClusterExternalSecret makes in several namespaces.

    Attributes:
        title: its name in messages.
        metadata: the labels and annotations that are copied to the Secret if there is no template.
        without_effect: labels and annotations that never reach the Secret.
        spec_path: the path of the specification.
    """

    title: str
    name: object
    namespace: object
    metadata: Mapping[str, Any]
    spec: Mapping[str, Any]
    without_effect: tuple[Mapping[str, Any], ...] = ()
    spec_path: str = "spec"
    is_in_one_namespace: bool = True
    problems: tuple[Problem, ...] = ()

    @classmethod
    def from_external_secret(cls, document: Mapping[str, Any]) -> _ExternalSecret:
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
    def from_cluster_external_secret(cls, document: Mapping[str, Any]) -> _ExternalSecret:
        """Return the parts of a ClusterExternalSecret."""
        metadata, spec = mapping(document, "metadata"), mapping(document, "spec")
        return cls(
            f"ClusterExternalSecret {name_for_messages(metadata)}",
            spec.get("externalSecretName") or metadata.get("name"),
            None,
            mapping(spec, "externalSecretMetadata"),
            mapping(spec, "externalSecretSpec"),
            without_effect=(metadata,),
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


def _plans(external: _ExternalSecret, options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret of an ExternalSecret."""
    target = mapping(external.spec, "target")
    template = target.get("template")
    if target.get("manifest") is not None:
        return  # it makes another resource than a Secret
    if template is None:
        metadata_path = "metadata" if external.is_in_one_namespace else "spec.externalSecretMetadata"
        secret_metadata, without_effect = external.metadata, external.without_effect
    else:
        secret_metadata, without_effect = mapping(template, "metadata"), (*external.without_effect, external.metadata)
        metadata_path = f"{external.spec_path}.target.template.metadata"
    from_sources = _parts_from_sources(template)
    propagation = Propagation(
        external.title,
        without_effect,
        metadata_path,
        "if there is a template, External Secrets Operator reads it only from the template"
        if template is not None
        else "External Secrets Operator reads it only from there",
        labels_are_known="Labels" not in from_sources,
        annotations_are_known="Annotations" not in from_sources,
    )
    is_labelled = propagation.is_labelled(secret_metadata, options)
    if target.get("creationPolicy") == "None":
        if is_labelled:
            yield _not_created(external, propagation.label_mappings(secret_metadata))
        return
    missing_annotations, problems = propagation.missing(secret_metadata, options)
    constant = {part: _constant(secret_metadata.get(part), template) for part in ("labels", "annotations")}
    is_alone = target.get("creationPolicy") not in _SHARED_POLICIES
    # Annotations can name keys that must exist, so the keys are unknown if a template makes annotations.
    is_known = is_alone and constant["annotations"] == secret_metadata.get("annotations")
    keys = _keys(external.spec, template) if is_known else None
    written = values_without_actions(template)
    if is_labelled:
        problems = (*external.problems, *problems, *_unescaped(external, template))
        if template is None:
            problems = (*problems, *_without_template(external, secret_metadata))
    yield PlannedSecret(
        manifest_of(
            target.get("name") or external.name,
            external.namespace,
            constant,
            keys or (),
            written,
            secret_type=template.get("type") if isinstance(template, dict) else None,
        ),
        is_labelled,
        keys_are_known=keys is not None,
        unknown=frozenset(keys or ()) - written.keys(),
        templates=values_with_actions(template),
        is_alone=is_alone,
        namespace_and_team_are_known=external.is_in_one_namespace
        and constant["labels"] == secret_metadata.get("labels"),
        missing_annotations=missing_annotations,
        problems=problems,
        **propagation.label_mappings(secret_metadata),
    )


def _unescaped(external: _ExternalSecret, template: object) -> Iterator[Problem]:
    """Yield warnings for values of a template that break if a password contains certain characters."""
    for key, text in mapping(template, "data").items():
        if not isinstance(text, str):
            continue
        literal = literal_text(text)
        if _UNESCAPED_IN_URI.match(literal):
            yield Problem(
                UNESCAPED_URI,
                f"{external.title}, key {quoted_data_key(key)} of the template: it puts a login or password into "
                "a URI without encoding, so a '/', '@' or '%' in it breaks the URI. Store each field "
                "in its own key, in a Secret without other connections: login, password, host",
                Severity.WARNING,
            )
        elif _UNESCAPED_IN_QUERY.match(literal):
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


def _without_template(external: _ExternalSecret, secret_metadata: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield labels that contain template actions although there is no template."""
    for key, text in mapping(secret_metadata, "labels").items():
        if isinstance(text, str) and "{{" in text and not is_of_a_chart(text):
            yield Problem(
                INVALID_LABEL,
                f"{external.title}, label {quoted_label_key(key)}: the value is a template expression, but "
                f"there is no template. Put it under {external.spec_path}.target.template.metadata.labels",
            )


def _not_created(external: _ExternalSecret, label_mappings: dict[str, Any]) -> PlannedSecret:
    """Return the plan of an ExternalSecret that creates no Secret."""
    text = f"{external.title}: creationPolicy is None, so no Secret is created. Remove it, or the label"
    return PlannedSecret(
        None, is_labelled=True, problems=(Problem(NOT_CREATED, text, Severity.WARNING),), **label_mappings
    )


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


def _parts_from_sources(template: object) -> set[str]:
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
