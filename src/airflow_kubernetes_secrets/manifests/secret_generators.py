"""The Secrets that the generators of a kustomization make, and what Kustomize refuses in a generator.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/secretgenerator/
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping, mappings
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, is_data_key
from airflow_kubernetes_secrets.kubernetes.manifest_secrets import INVALID_DATA_KEY
from airflow_kubernetes_secrets.lookup.kinds import labels_of_ids
from airflow_kubernetes_secrets.manifests.planned_secret import (
    INVALID_MANIFEST,
    PlannedSecret,
    Propagation,
    manifest_of,
    name_for_messages,
    similar_field,
    unknown_field,
)
from airflow_kubernetes_secrets.messages.listing import first_items, first_names
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options


def planned_by_kustomization(document: Mapping[str, Any], options: Options) -> Iterator[PlannedSecret]:
    """Yield the Secrets that the generators of a kustomization make."""
    made: set[tuple[str, str]] = set()
    for generator in mappings(document.get("secretGenerator")):
        labels, annotations = _reaching(document, generator)
        secret_metadata = {"labels": _merged(labels), "annotations": _merged(annotations)}
        title = f"secretGenerator {name_for_messages(generator)}"
        propagation = Propagation(
            title, (generator,), "secretGenerator[].options", "Kustomize reads it only from there"
        )
        missing_annotations, problems = propagation.missing(secret_metadata, options)
        written, files = _literals(generator), _files(generator)
        if propagation.is_labelled(secret_metadata, options) and not all(map(is_data_key, written)):
            problems = (*problems, _unnamed_literal(title, list(written)))
            written = {key: text for key, text in written.items() if is_data_key(key)}
        is_alone = generator.get("behavior") not in ("merge", "replace")
        namespace = document.get("namespace") or generator.get("namespace")
        if any(
            label in labels_of_ids(options) or str(label).startswith(ANNOTATION_PREFIX)
            for label in secret_metadata["labels"]
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
            manifest_of(
                generator.get("name"),
                namespace,
                secret_metadata,
                {*written, *files},
                written,
                secret_type=generator.get("type"),
            ),
            propagation.is_labelled(secret_metadata, options),
            keys_are_known=is_alone and not generator.get("envs") and not generator.get("env"),
            unknown=files,
            is_alone=False,
            namespace_and_team_are_known=False,
            is_generated=True,
            missing_annotations=missing_annotations,
            problems=problems,
            reaching=(*labels, *annotations),
            without_effect=tuple(mapping(generator, part) for part in ("labels", "annotations")),
            metadata_path=propagation.metadata_path,
            title=title,
        )


def _reaching(
    document: Mapping[str, Any], generator: Mapping[str, Any]
) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
    """Return the mappings of labels that reach the Secret of a generator, and those of annotations.

    A later mapping overrides an earlier one: those for all resources of a kustomization override the generator's.
    """
    options = (mapping(document, "generatorOptions"), mapping(generator, "options"))
    pairs = (mapping(each, "pairs") for each in mappings(document.get("labels")))
    labels = (*(mapping(each, "labels") for each in options), *pairs, mapping(document, "commonLabels"))
    return labels, (*(mapping(each, "annotations") for each in options), mapping(document, "commonAnnotations"))


def _merged(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {key: value for each in found for key, value in each.items()}


def _unnamed_literal(title: str, names: Sequence[str]) -> Problem:
    """Return the problem of a literal that has a value where its name belongs."""
    number = next(number for number, name in enumerate(names, 1) if not is_data_key(name))
    return Problem(INVALID_MANIFEST, f"{title}, literal {number}: {INVALID_DATA_KEY}. Kustomize expects 'name=value'")


# Kustomize accepts the names of these fields in any case.
_GENERATOR = ("name", "namespace", "behavior", "type", "literals", "files", "envs", "env", "options")
_OPTIONS = ("labels", "annotations", "disableNameSuffixHash", "immutable")


def _unknown_fields(document: Mapping[str, Any], generator: Mapping[str, Any], is_reported: bool) -> Iterator[str]:
    """Yield the fields of a generator and its options that Kustomize refuses.

    Args:
        is_reported: whether labels and annotations outside the options are already reported.
    """
    mappings = (("", generator, _GENERATOR), ("options.", mapping(generator, "options"), _OPTIONS))
    general = mapping(document, "generatorOptions")
    for prefix, found, known in (*mappings, ("generatorOptions.", general, _OPTIONS)):
        names = {each.lower(): each for each in known}
        for name in found:
            if name.lower() in names or (is_reported and name in ("labels", "annotations")):
                continue
            similar = similar_field(name, known)
            remedy = "Put it under options" if name in _OPTIONS else f"Write '{similar}'" if similar else ""
            yield unknown_field(prefix, name, remedy)


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
        what = f"the key {first_names(names, len(names))}" if names else "one of its keys"
        yield f"{what} is present twice. Remove one of them"


def _refused(title: str, reasons: Sequence[str]) -> Iterator[Problem]:
    """Yield the problems of a generator that Kustomize would refuse."""
    for reason, more in first_items(reasons):
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
