"""The Secrets that the resources of other tools make, as far as their manifests specify them.

- Vault Secrets Operator: https://developer.hashicorp.com/vault/docs/deploy/kubernetes/vso/api-reference
- sops-secrets-operator: https://github.com/isindir/sops-secrets-operator
- 1Password: https://github.com/1Password/onepassword-operator
- Secrets Store CSI Driver: https://secrets-store-csi-driver.sigs.k8s.io/topics/sync-as-kubernetes-secret
- Kustomize: https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/secretgenerator/
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.kubernetes.documents import mapping
from airflow_kubernetes_secrets.kubernetes.labels import is_data_key
from airflow_kubernetes_secrets.kubernetes.manifest_secrets import NO_DATA_KEY
from airflow_kubernetes_secrets.kubernetes.objects import ANNOTATION_PREFIX
from airflow_kubernetes_secrets.lookup.selection import kinds_by_label
from airflow_kubernetes_secrets.manifests.secret_templates import (
    INVALID_MANIFEST,
    KUSTOMIZATION_FILES,
    LABEL_LOST,
    PlannedSecret,
    Way,
    manifest_of,
    name_for_messages,
    planned,
)
from airflow_kubernetes_secrets.messages.listing import few, first
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_SUGGESTION_CUTOFF = 0.75


def plans(document: object, options: Options, file: str = "") -> list[PlannedSecret]:
    """Return the Secrets that a manifest makes; none if it makes no Secrets.

    Args:
        document: one manifest, which is not a List.
        file: the name of its file. A kustomization needs no ``kind`` if its file has the right name.
    """
    if (plan := planned(document, options)) is not None:
        return [plan]
    if not isinstance(document, dict):
        return []
    kind, group = str(document.get("kind") or ""), str(document.get("apiVersion") or "").partition("/")[0]
    is_kustomization = (group, kind) == ("", "") and file in KUSTOMIZATION_FILES
    read = _of_kustomization if is_kustomization else _READERS.get((group, kind))
    return [] if read is None else list(read(document, options))


def _of_vault(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret of a resource of Vault Secrets Operator."""
    metadata = mapping(document, "metadata")
    target = mapping(mapping(document, "spec"), "destination")
    title = f"{document['kind']} {name_for_messages(metadata)}"
    way = Way(title, (metadata,), "spec.destination", "Vault Secrets Operator reads it only from there")
    missing_annotations, problems = way.missing(target, options)
    if way.is_labelled(target, options) and target.get("create") is not True:
        text = (
            f"{title}: labels of spec.destination reach the Secret only if 'create' is true; otherwise another "
            "tool must create the Secret. Set spec.destination.create to true, or label the Secret where it is created"
        )
        problems = (*problems, Problem(LABEL_LOST, text))
    yield PlannedSecret(
        manifest_of(target.get("name"), metadata.get("namespace"), target, ()),
        way.is_labelled(target, options),
        keys_are_known=False,
        missing_annotations=missing_annotations,
        problems=problems,
        **way.places(target),
    )


def _of_sops(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secrets of a SopsSecret."""
    metadata, spec = mapping(document, "metadata"), mapping(document, "spec")
    field = "secretTemplates" if "secretTemplates" in spec else "secret_templates"
    for template in _mappings(spec.get(field)):
        title = f"SopsSecret {name_for_messages(metadata)}"
        way = Way(title, (metadata,), f"spec.{field}[]", "the operator reads it only from the template")
        missing_annotations, problems = way.missing(template, options)
        described = {part: template.get(part) for part in ("labels", "annotations")}
        yield PlannedSecret(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": template.get("name"), "namespace": metadata.get("namespace"), **described},
                "data": template.get("data"),
                "stringData": template.get("stringData"),
            },
            way.is_labelled(template, options),
            missing_annotations=missing_annotations,
            problems=problems,
            **way.places(template),
        )


def _of_one_password(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secret of a OnePasswordItem."""
    metadata = mapping(document, "metadata")
    way = Way(
        f"OnePasswordItem {name_for_messages(metadata)}", (), "metadata", "the operator copies it only from there"
    )
    yield PlannedSecret(
        manifest_of(metadata.get("name"), metadata.get("namespace"), metadata, ()),
        way.is_labelled(metadata, options),
        keys_are_known=False,
        **way.places(metadata),
    )


def _of_secrets_store(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secrets of a SecretProviderClass."""
    metadata = mapping(document, "metadata")
    title = f"SecretProviderClass {name_for_messages(metadata)}"
    objects = _mappings(mapping(document, "spec").get("secretObjects"))
    way = Way(title, (metadata,), "spec.secretObjects[]", "the driver reads it only from there")
    for each in objects:
        missing_annotations, problems = way.missing(each, options)
        keys = {str(item.get("key")) for item in _mappings(each.get("data"))}
        yield PlannedSecret(
            manifest_of(each.get("secretName"), metadata.get("namespace"), each, keys),
            way.is_labelled(each, options),
            unknown=frozenset(keys),
            missing_annotations=missing_annotations,
            problems=problems,
            **way.places(each),
        )


def _of_kustomization(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secrets that the generators of a kustomization make."""
    general = mapping(document, "generatorOptions")
    pairs = [mapping(each, "pairs") for each in _mappings(document.get("labels"))]
    made: set[tuple[str, str]] = set()
    for generator in _mappings(document.get("secretGenerator")):
        own = mapping(generator, "options")
        # The labels and annotations for all resources of a kustomization override those of the generator.
        described: dict[str, dict[str, Any]] = {"labels": {}, "annotations": {}}
        for each in (mapping(general, "labels"), mapping(own, "labels"), *pairs, mapping(document, "commonLabels")):
            described["labels"] |= each
        for each in (*(mapping(one, "annotations") for one in (general, own)), mapping(document, "commonAnnotations")):
            described["annotations"] |= each
        title = f"secretGenerator {name_for_messages(generator)}"
        way = Way(title, (generator,), "secretGenerator[].options", "Kustomize reads it only from there")
        missing_annotations, problems = way.missing(described, options)
        written, files = _literals(generator), _files(generator)
        if way.is_labelled(described, options) and not all(map(is_data_key, written)):
            problems = (*problems, _unnamed_literal(title, list(written)))
            written = {key: text for key, text in written.items() if is_data_key(key)}
        is_alone = generator.get("behavior") not in ("merge", "replace")
        namespace = document.get("namespace") or generator.get("namespace")
        if any(
            label in kinds_by_label(options) or str(label).startswith(ANNOTATION_PREFIX)
            for label in described["labels"]
        ):
            reasons = [*_unknown_fields(document, generator, bool(problems)), *_wrong_values(document, generator)]
            if is_alone and (str(namespace), str(generator.get("name"))) in made:
                reasons.append(
                    "another generator creates a Secret of that name. Remove one, or set 'behavior' to merge"
                )
            problems = (*problems, *_refused(title, reasons))
        made.add((str(namespace), str(generator.get("name"))))
        yield PlannedSecret(
            # The final place is unknown: overlays can change the namespace, and Kustomize appends a suffix to the name.
            {
                **manifest_of(generator.get("name"), namespace, described, {*written, *files}, written),
                "type": generator.get("type"),
            },
            way.is_labelled(described, options),
            keys_are_known=is_alone and not generator.get("envs") and not generator.get("env"),
            unknown=files,
            is_alone=False,
            place_is_known=False,
            is_generated=True,
            missing_annotations=missing_annotations,
            problems=problems,
            reaching=tuple(
                mapping(parent, part)
                for parent, part in (
                    *((parent, part) for parent in (general, own) for part in ("labels", "annotations")),
                    *((each, "pairs") for each in _mappings(document.get("labels"))),
                    (document, "commonLabels"),
                    (document, "commonAnnotations"),
                )
            ),
            above=tuple(mapping(generator, part) for part in ("labels", "annotations")),
            metadata_path=way.metadata_path,
            title=title,
        )


def _unnamed_literal(title: str, names: Sequence[str]) -> Problem:
    """Return the problem of a literal that has a value where its name belongs."""
    number = next(number for number, name in enumerate(names, 1) if not is_data_key(name))
    return Problem(INVALID_MANIFEST, f"{title}, literal {number}: {NO_DATA_KEY}. Kustomize expects 'name=value'")


# Kustomize accepts the names of these fields in any case.
_GENERATOR = ("name", "namespace", "behavior", "type", "literals", "files", "envs", "env", "options")
_OPTIONS = ("labels", "annotations", "disableNameSuffixHash", "immutable")


def _unknown_fields(document: Mapping[str, Any], generator: Mapping[str, Any], is_reported: bool) -> Iterator[str]:
    """Yield the fields of a generator and its options that Kustomize refuses.

    Args:
        is_reported: whether labels and annotations outside the options are already reported.
    """
    places = (("", generator, _GENERATOR), ("options.", mapping(generator, "options"), _OPTIONS))
    general = mapping(document, "generatorOptions")
    for prefix, found, known in (*places, ("generatorOptions.", general, _OPTIONS)):
        names = {each.lower(): each for each in known}
        for name in found:
            if name.lower() in names or (is_reported and name in ("labels", "annotations")):
                continue
            similar = nearest(name, known, _SUGGESTION_CUTOFF)
            remedy = "Put it under options" if name in _OPTIONS else f"Write '{similar}'" if similar else "Remove it"
            what = f"the field '{prefix}{name}'" if re.fullmatch("[A-Za-z]{1,30}", name) else "one of its fields"
            yield f"{what} is not known. {remedy}"


def _wrong_values(document: Mapping[str, Any], generator: Mapping[str, Any]) -> Iterator[str]:
    """Yield the values in a generator that Kustomize refuses."""
    texts = {field: generator.get(field) for field in ("behavior", "env")}
    texts["namespace"] = document.get("namespace") if "namespace" in document else generator.get("namespace")
    for field, text in texts.items():
        if text is not None and not isinstance(text, str):
            yield f"'{field}' is not a string. Put it in quotation marks"
    keys: list[str] = []
    for field in ("literals", "files", "envs"):
        entries = generator.get(field)
        if entries is not None and not (isinstance(entries, list) and all(isinstance(each, str) for each in entries)):
            yield f"'{field}' is not a list of strings. Write one, each string in quotation marks"
        elif field == "literals" and any(each.find("=") < 1 for each in entries or ()):
            yield "one of its literals has no key. Write key=value"
        elif field != "envs":
            keys += (_key(field, each) for each in entries or ())
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        # If a literal is a URI or base64 without a key, the text before its first '=' contains the password.
        blank = {key for key, text in _literals(generator).items() if not text.strip("= ")}
        names = [repr(key) for key in repeated if is_data_key(key) and key not in blank]
        what = f"the key {few(names, len(names))}" if names else "one of its keys"
        yield f"{what} is present twice. Remove one of them"


def _refused(title: str, reasons: Sequence[str]) -> Iterator[Problem]:
    """Yield the problems of a generator that Kustomize would refuse."""
    for reason, more in first(reasons):
        yield Problem(INVALID_MANIFEST, f"{title}: {reason}{more and f';{more}'}. Kustomize would refuse it")


def _key(field: str, entry: str) -> str:
    """Return the data key of a literal or file. A file without a key gets its file name."""
    key, equals, _path = entry.partition("=")
    return key if equals or field == "literals" else key.rpartition("/")[2]


def _literals(generator: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of literals by key."""
    found = {}
    literals = generator.get("literals")
    for each in literals if isinstance(literals, list) else ():
        key, equals, text = str(each).partition("=")
        if equals:
            # Kustomize removes one pair of quotation marks.
            quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
            found[key] = text[1:-1] if quoted else text
    return found


def _files(generator: Mapping[str, Any]) -> frozenset[str]:
    """Return the keys whose values are in files."""
    files = generator.get("files")
    keys = set()
    for each in files if isinstance(files, list) else ():
        keys.add(_key("files", str(each)))
    return frozenset(keys)


def _mappings(found: object) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


_READERS: Mapping[tuple[str, str], Callable[[Mapping[str, Any], Options], Iterator[PlannedSecret]]] = {
    **{
        ("secrets.hashicorp.com", kind): _of_vault
        for kind in ("VaultStaticSecret", "VaultDynamicSecret", "VaultPKISecret", "HCPVaultSecretsApp")
    },
    ("isindir.github.com", "SopsSecret"): _of_sops,
    ("onepassword.com", "OnePasswordItem"): _of_one_password,
    ("secrets-store.csi.x-k8s.io", "SecretProviderClass"): _of_secrets_store,
    ("kustomize.config.k8s.io", "Kustomization"): _of_kustomization,
    ("kustomize.config.k8s.io", "Component"): _of_kustomization,
}
