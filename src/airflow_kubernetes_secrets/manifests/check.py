"""``check``: what Airflow will find in the Secrets that manifests make.

No cluster is needed, so it is unknown which Secrets exist already, and which permissions there are.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO

from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests, unpacked
from airflow_kubernetes_secrets.kubernetes.manifest_files import (
    Identity,
    TooLargeError,
    identity,
    manifest_files,
    read_manifest_file,
    read_stream,
)
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.manifests.document_problems import (
    UNREADABLE_MANIFEST,
    can_be_manifest,
    problems_of_encrypted,
    problems_of_ignored_rest,
    problems_of_non_mapping,
    problems_of_repeated_keys,
    problems_of_unparsed,
)
from airflow_kubernetes_secrets.manifests.duplicates import Duplicates, ManifestPosition
from airflow_kubernetes_secrets.manifests.given_values import STDIN
from airflow_kubernetes_secrets.manifests.kustomize import (
    KUSTOMIZATION_FILES,
    Patches,
    inline_patches,
    is_kustomization,
    problems_of_patch,
)
from airflow_kubernetes_secrets.manifests.manifest_kinds import planned_secrets
from airflow_kubernetes_secrets.manifests.misplaced_labels import misplaced_labels
from airflow_kubernetes_secrets.manifests.planned_secret import INVALID_MANIFEST, has_airflow_label
from airflow_kubernetes_secrets.manifests.secret_problems import problems_of_planned
from airflow_kubernetes_secrets.manifests.server_validation import no_such_resource
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options


class PathError(OneLineError):
    """A file or folder with manifests does not exist, or cannot be read."""


@dataclass(frozen=True)
class ManifestProblem:
    """A problem, and the position of its manifest."""

    position: ManifestPosition
    problem: Problem


class Check:
    """Checks manifests. All of them together are one set, in which no Secret and no id may occur twice.

    Attributes:
        problems: the problems, in the order of the files, and of the documents in each file.
        manifests: how many manifests have a label that lookups use.
    """

    def __init__(self, options: Options, default_namespace: str, exclude: Sequence[str] = ()) -> None:
        """Start with an empty set of manifests.

        Args:
            options: the options that Airflow will look things up with.
            default_namespace: the namespace of manifests that name none.
            exclude: patterns of paths, or of names of files and folders, that are skipped.
        """
        self._exclude = tuple(exclude)
        self._options = options
        self._default_namespace = default_namespace
        self._files: set[Identity] = set()
        self._patches = Patches()
        self._known = Duplicates()
        self.problems: list[ManifestProblem] = []
        self.manifests = 0

    @property
    def ids(self) -> Set[tuple[Kind, str]]:
        """The ids of the Secrets in all manifests that were checked so far, and those in the option ``references``."""
        references = self._options.references
        return self._known.ids.union((kind, each) for kind in Kind for each in references.get(kind.plural, ()))

    def check_path(self, path: Path) -> bool:
        """Check a file, or all files in a folder and its subfolders. A file is checked only once.

        Returns:
            Whether there was a manifest for Airflow, or a problem.

        Raises:
            PathError: the path, or something in the folder, cannot be read.
        """
        before = self.manifests, len(self.problems)
        try:
            found = path.stat()
            if stat.S_ISDIR(found.st_mode):
                files = list(manifest_files(str(path), self._is_excluded, KUSTOMIZATION_FILES))
                for each, _status in files:
                    self._patches.search_folder(Path(each).parent)
                for each, status in files:
                    if isinstance(status, OSError):
                        raise _unreadable(each, status)
                    self._read(each, status)
            elif not self._is_excluded(str(path)):
                self._patches.search_folder(path.parent)
                self._read(str(path), found)
        except OSError as error:
            raise _unreadable(str(path), error) from None
        return before != (self.manifests, len(self.problems))

    def check_stream(self, stream: BinaryIO) -> bool:
        """Check the manifests from standard input.

        Returns:
            Whether there was a manifest for Airflow, or a problem.
        """
        before = self.manifests, len(self.problems)
        try:
            self._check_content(STDIN, read_stream(stream))
        except TooLargeError as error:
            self._report(ManifestPosition(STDIN, 1), Problem(UNREADABLE_MANIFEST, str(error)))
        return before != (self.manifests, len(self.problems))

    def _is_excluded(self, path: str) -> bool:
        """Return whether a pattern matches the path, a parent folder, or one of their names."""
        parts = Path(path).parts
        paths = ["/".join(parts[:end]).replace("//", "/") for end in range(1, len(parts) + 1)]
        return any(fnmatchcase(each, pattern.rstrip("/")) for pattern in self._exclude for each in (*parts, *paths))

    def _read(self, path: str, found: os.stat_result) -> None:
        """Read a file, unless it was read before, and check its documents."""
        this = identity(found)
        if this in self._files:
            return
        self._files.add(this)
        shown = _shown(path)
        try:
            content = read_manifest_file(path)
        except OSError as error:
            raise _unreadable(path, error) from None
        except TooLargeError as error:
            self._report(ManifestPosition(shown, 1), Problem(UNREADABLE_MANIFEST, str(error)))
            return
        self._check_content(shown, content, self._patches.folder_of(found))

    def _check_content(self, path: str, content: bytes, patched: str | None = None) -> None:
        """Check the documents of a file.

        Args:
            patched: the folder of the kustomization, if the file is a patch; else ``None``.
        """
        documents = list(read_manifests(content))
        # Files of other programs are not judged. They may have tags and comments that kubectl does not accept.
        can_be_manifests = any(can_be_manifest(document, self._options) for document in documents)
        for document in documents:
            position = ManifestPosition(path, document.line)
            if document.problem:
                if can_be_manifests:
                    self._report(position, *problems_of_unparsed(document, self._options))
                continue
            if patched is not None:
                self._check_patches(position, unpacked(document.value), _shown(patched))
                continue
            if can_be_manifests and isinstance(document.value, dict):
                for find in (problems_of_repeated_keys, problems_of_ignored_rest):
                    for line, problem in find(document, self._options):
                        self._report(ManifestPosition(path, line), problem)
            self._report(position, *problems_of_non_mapping(document, self._options))
            if isinstance(document.value, dict):
                for each in unpacked(document.value):
                    self._check(position, each)

    def _check(self, position: ManifestPosition, document: Any) -> None:
        """Check one manifest: the Secrets that it makes, its patches, and labels without effect."""
        file = Path(position.path)
        found = planned_secrets(document, self._options, file.name)
        for plan in found:
            self.manifests += plan.is_labelled
            self._report(
                position, *problems_of_planned(plan, position, self._options, self._default_namespace, self._known)
            )
        if is_kustomization(document, file.name):
            self._check_patches(position, inline_patches(document), str(file.parent))
        if isinstance(document, dict):
            is_of_no_tool = not found and has_airflow_label(document, self._options)
            if is_of_no_tool and (problem := no_such_resource(document)):
                text = f"a manifest with a label for Airflow: {problem}. The API would refuse it"
                self._report(position, Problem(INVALID_MANIFEST, text))
            elif encrypted := list(problems_of_encrypted(document)):
                self._report(position, *encrypted)
            else:
                self._report(position, *misplaced_labels(document, found, self._options))

    def _check_patches(self, position: ManifestPosition, patches: Iterable[object], folder: str) -> None:
        for patch in patches:
            self._report(position, *problems_of_patch(patch, self._options, folder))

    def _report(self, position: ManifestPosition, *problems: Problem) -> None:
        self.problems += (ManifestProblem(position, problem) for problem in problems)


def _unreadable(path: str, error: OSError) -> PathError:
    problem = error.strerror or type(error).__name__
    return PathError(f"{_shown(path)} cannot be read: {problem}. Correct the path, or its permissions")


def _shown(path: str) -> str:
    """Return a path as a printable string. The names of files can contain any bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
