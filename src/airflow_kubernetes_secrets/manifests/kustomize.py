"""Kustomizations and their patches. A patch is a part of a resource, and is not applied by itself. Nothing is rendered.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/patches/
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_kubernetes_secrets.inventory.labels_and_annotations import UNKNOWN_LABEL, invalid_labels, misspelt_label
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX
from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests, unpacked
from airflow_kubernetes_secrets.kubernetes.manifest_files import Identity, TooLargeError, identity, read_manifest_file
from airflow_kubernetes_secrets.lookup.kinds import labels_of_ids
from airflow_kubernetes_secrets.manifests.planned_secret import NOT_CHECKED, name_for_messages
from airflow_kubernetes_secrets.messages.listing import first_items
from airflow_kubernetes_secrets.messages.printable import printable, shell_word
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.options.backend_kwargs import Options

# The names of a kustomization's file that Kustomize accepts.
KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")

_GROUP = "kustomize.config.k8s.io"
_KINDS = ("Kustomization", "Component")


class Patches:
    """The files that are patches, because a kustomization in a folder around them names them."""

    def __init__(self) -> None:
        self._seen: set[Path] = set()
        self._folders: dict[Identity, str] = {}

    def search_folder(self, folder: Path) -> None:
        """Read the kustomizations in a folder and above it.

        A kustomization only names patches in its own folder and below.
        """
        # Messages contain the path with its links, so it is not resolved. Its parents are wrong if it contains '..'.
        folder = Path(os.path.abspath(folder))  # noqa: PTH100  # Path.absolute() would leave '..' in it
        while folder not in self._seen:
            self._seen.add(folder)
            for name in KUSTOMIZATION_FILES:
                self._read(folder, folder / name)
            folder = folder.parent

    def folder_of(self, found: os.stat_result) -> str | None:
        """Return the folder of the kustomization that names a file as a patch; ``None`` if no kustomization does."""
        return self._folders.get(identity(found))

    def _read(self, folder: Path, path: Path) -> None:
        """Read a file that may be a kustomization, and note the patches that it names."""
        try:
            # Only regular files are read, because reading a pipe would wait for its other end.
            if not path.is_file():
                return
            content = read_manifest_file(path)
        except (OSError, TooLargeError):
            return  # `check` reports the error where it checks the file itself.
        for document in read_manifests(content):
            for name in _patch_files(document.value):
                try:
                    found = (folder / name).stat()
                except (OSError, ValueError):
                    continue  # The file does not exist.
                self._folders.setdefault(identity(found), str(folder))


def is_kustomization(document: object, file: str) -> bool:
    """Return whether a document is a kustomization.

    Args:
        file: the name of its file. If the file has one of Kustomize's names, Kustomize supplies a missing ``kind`` or
            ``apiVersion``.
    """
    if not isinstance(document, dict):
        return False
    group, kind = str(document.get("apiVersion") or "").partition("/")[0], document.get("kind")
    completes = file in KUSTOMIZATION_FILES
    return (group == _GROUP or (completes and not group)) and (kind in _KINDS or (completes and not kind))


def inline_patches(kustomization: dict[str, Any]) -> Iterator[object]:
    """Yield the patches that a kustomization itself contains."""
    texts = [each.get("patch") for each in _entries(kustomization) if isinstance(each, dict)]
    texts += [each for each in _strategic(kustomization) if "\n" in each]
    for text in texts:
        if isinstance(text, str):
            for document in read_manifests(text.encode("utf-8", "replace")):
                yield from unpacked(document.value)


def problems_of_patch(patch: object, options: Options, folder: str) -> Iterator[Problem]:
    """Yield what is wrong with a patch by itself: labels that are invalid or misspelt.

    Args:
        patch: a part of a resource, or a list of operations.
        folder: the folder of the kustomization.
    """
    of_ids = labels_of_ids(options)
    ours = [key for key in dict.fromkeys(_set_keys(patch)) if key in of_ids or key.startswith(ANNOTATION_PREFIX)]
    if not ours:
        return
    metadata, kind = mapping(patch, "metadata"), patch.get("kind") if isinstance(patch, dict) else None
    title = f"patch of {printable(str(kind or 'a resource'))} {name_for_messages(metadata)}" if metadata else "a patch"
    misspelt = [(key, problem) for key in ours if (problem := misspelt_label(key, options))]
    for (key, problem), more in first_items(misspelt):
        yield Problem(UNKNOWN_LABEL, f"{title}, {key!r}{more}: {problem}", Severity.WARNING)
    if kind == "Secret":
        # A null removes the label.
        labels = {key: value for key, value in mapping(metadata, "labels").items() if value is not None}
        yield from invalid_labels({"metadata": {**metadata, "labels": labels}}, options)
    text = (
        f"{title}: Kustomize combines it with other files into a resource, so only its labels are checked here. Check "
        f"the resource: kubectl kustomize {shell_word(folder)} | airflow-kubernetes-secrets check -"
    )
    yield Problem(NOT_CHECKED, text, Severity.NOTICE)


def _patch_files(document: object) -> Iterator[str]:
    """Yield the names of the files that a kustomization uses as patches."""
    if not isinstance(document, dict):
        return
    names = [each.get("path") for each in _entries(document) if isinstance(each, dict)]
    names += [each for each in _strategic(document) if "\n" not in each]
    yield from (name for name in names if isinstance(name, str) and name)


def _entries(kustomization: dict[str, Any]) -> Iterator[object]:
    """Yield the patches in the fields of current and old kustomizations."""
    for field in ("patches", "patchesJson6902"):
        found = kustomization.get(field)
        yield from found if isinstance(found, list) else ()


def _strategic(kustomization: dict[str, Any]) -> Iterator[str]:
    """Yield the patches in an older field, where each is a file name or the patch itself."""
    found = kustomization.get("patchesStrategicMerge")
    yield from (each for each in (found if isinstance(found, list) else ()) if isinstance(each, str))


def _set_keys(patch: object) -> Iterator[str]:
    """Yield the keys that a patch sets, at any level. Keys that it removes are not included."""
    waiting = [patch]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict) and each.get("op") != "remove":
            yield from (key for key, value in each.items() if value is not None)
            waiting += each.values()
            if isinstance(pointer := each.get("path"), str) and "op" in each:
                yield pointer.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
