"""What is wrong with a document before it is read as a manifest.

For example, it is neither YAML nor JSON, it is not a mapping, it is completely encrypted, or it has a key twice. Files
of other programs are not judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, quoted_data_key, quoted_label_key
from airflow_kubernetes_secrets.kubernetes.manifest_documents import (
    Document,
    is_list,
    is_manifest,
    refused_list,
)
from airflow_kubernetes_secrets.kubernetes.unprocessed import is_ciphertext, is_encrypted_by_sops, unrendered
from airflow_kubernetes_secrets.lookup.kinds import labels_of_ids
from airflow_kubernetes_secrets.manifests.planned_secret import INVALID_MANIFEST, NOT_CHECKED
from airflow_kubernetes_secrets.manifests.server_validation import no_such_resource
from airflow_kubernetes_secrets.messages.listing import first_items
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.options.backend_kwargs import Options

UNREADABLE_MANIFEST: Final = "unreadable-manifest"
DUPLICATE_KEY: Final = "duplicate-key"

# Matches the keys at the top of a Kubernetes manifest: at the beginning of a line, or quoted in JSON.
_TOP = re.compile(
    r"""^(?:kind|apiVersion|["']kind["']|["']apiVersion["'])\s*:|["'](?:kind|apiVersion)["']\s*:""", re.MULTILINE
)
# Matches the line that ends a YAML document, and a line with content before it.
_END = re.compile(r"^\.\.\.[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^[^#\s]", re.MULTILINE)
_KIND_OF_SECRET = re.compile(r"\bkind[\"']?\s*:\s*[\"']?\w*Secret", re.MULTILINE)


def can_be_manifest(document: Document, options: Options) -> bool:
    """Return whether a document is, or was meant as, a Kubernetes manifest."""
    if document.problem:
        return _TOP.search(document.text) is not None or _is_for_airflow(document.text, options)
    return isinstance(document.value, dict) and is_manifest(document.value)


def _is_for_airflow(text: str, options: Options) -> bool:
    """Return whether a text contains one of Airflow's labels or annotations."""
    return ANNOTATION_PREFIX in text or any(label in text for label in labels_of_ids(options))


def problems_of_unparsed(document: Document, options: Options) -> Iterator[Problem]:
    """Yield the problem of a document that cannot be parsed."""
    if not unrendered(document.text):
        text = f"{document.problem}. Correct it; kubectl would refuse the file too"
        yield Problem(UNREADABLE_MANIFEST, text)
    elif _is_for_airflow(document.text, options) or _KIND_OF_SECRET.search(document.text):
        text = (
            "a template that is not rendered cannot be checked. Check the rendered "
            "manifests: helm template CHART | airflow-kubernetes-secrets check -"
        )
        yield Problem(NOT_CHECKED, text, Severity.NOTICE)


def problems_of_non_mapping(document: Document, options: Options) -> Iterator[Problem]:
    """Yield the problem of a list or string that was meant as a manifest, or of a List that kubectl refuses."""
    if not isinstance(document.value, dict) and is_ciphertext(document.text):
        yield _encrypted("the file")
    elif (problem := refused_list(document.value)) and _is_for_airflow(document.text, options):
        yield Problem(UNREADABLE_MANIFEST, problem)
    elif (
        is_list(document.value)
        and (problem := no_such_resource(document.value))
        and _is_for_airflow(document.text, options)
    ):
        text = f"a list with a label for Airflow: {problem}. kubectl would refuse the file"
        yield Problem(INVALID_MANIFEST, text)
    elif not isinstance(document.value, (dict, type(None))) and _TOP.search(document.text):
        yield Problem(UNREADABLE_MANIFEST, "it is not a mapping, so kubectl would refuse it. JSON has no comments")


def problems_of_repeated_keys(document: Document, options: Options) -> Iterator[tuple[int, Problem]]:
    """Yield keys that a mapping contains twice, each with its line."""
    is_ours = _is_for_airflow(document.text, options) or _KIND_OF_SECRET.search(document.text)
    for (line, name), more in first_items(document.repeated if is_ours else ()):
        is_of_airflow = name.startswith(ANNOTATION_PREFIX) or name in labels_of_ids(options)
        quoted = quoted_label_key(name) if is_of_airflow else quoted_data_key(name)
        text = (
            f"the key {quoted}{more} is present twice. kubectl uses the last one; Kustomize, "
            "which Flux runs, refuses the file. Remove one of them"
        )
        yield line, Problem(DUPLICATE_KEY, text, Severity.WARNING)


def problems_of_ignored_rest(document: Document, options: Options) -> Iterator[tuple[int, Problem]]:
    """Yield a manifest for Airflow that kubectl ignores, because it follows a line with '...', with its line."""
    found = _END.search(document.text)
    if (
        found
        and _CONTENT.search(document.text, 0, found.start())
        and _is_for_airflow(document.text[found.end() :], options)
    ):
        text = "kubectl ignores the manifest for Airflow after this line with '...'. Write '---' instead"
        yield document.line + document.text.count("\n", 0, found.start()), Problem(UNREADABLE_MANIFEST, text)


def problems_of_encrypted(document: object) -> Iterator[Problem]:
    """Yield a notice for a mapping whose kind is encrypted, or that has nothing but encrypted data."""
    if (
        isinstance(document, dict)
        and is_encrypted_by_sops(document)
        and (is_ciphertext(document.get("kind")) or document.keys() == {"data", "sops"})
    ):
        yield _encrypted("the manifest")


def _encrypted(what: str) -> Problem:
    text = (
        f"{what} is completely encrypted with SOPS, so it cannot be checked. Encrypt values only: sops encrypt "
        "--encrypted-regex '^(data|stringData)$'"
    )
    return Problem(NOT_CHECKED, text, Severity.NOTICE)
