"""A folder in place of an API: the Secrets and ConfigMaps that ``kubectl apply`` would create, and mounted files.

Each lookup checks whether a file has changed, so nothing runs in the background.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from threading import RLock
from typing import TYPE_CHECKING, Any

from airflow_kubernetes_secrets.counters import FROM_FOLDER, counters
from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.file_stamps import Visited
from airflow_kubernetes_secrets.kubernetes.manifest_documents import RefusedError
from airflow_kubernetes_secrets.kubernetes.manifest_files import Identity
from airflow_kubernetes_secrets.kubernetes.manifest_folder import Files, current_files, problem_of_error
from airflow_kubernetes_secrets.kubernetes.manifest_secrets import complete_secret_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.kubernetes.unprocessed import is_ciphertext, unprocessed
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.listing import first_items, first_names
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.process import importing
from airflow_kubernetes_secrets.sources.mounted import FolderState, Mounted, MountedSecret, absolute_path
from airflow_kubernetes_secrets.sources.query import Query

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.sources.layout import LayoutMistake

# The namespace of manifests without one, if the options name none either. kubectl has the same default.
_DEFAULT_NAMESPACE = "default"


class _Known:
    """The Secrets of a folder when it was last checked. It never changes.

    Attributes:
        secrets: the Secrets of all files, and the ConfigMaps if they are read. If two manifests are for one object,
            the later one counts, as with ``kubectl apply``.
        warnings: what a user should know about it, by the key with which it is logged once.
        unusable: why a file, or a part of it, is not used, by such a key. The second part of the key is the path.
        visited: the stamps of all files and folders that the result depends on.
    """

    __slots__ = ("_broken", "_manifests", "_without_manifest", "files", "secrets", "unusable", "visited", "warnings")

    def __init__(self, files: Files[str, Secret], visited: Visited) -> None:
        self.files = files
        self.visited = visited
        self._manifests = {folder for path, file in files.items() if file.objects for folder in _folders_of(path)}
        self._broken = {folder for path, file in files.items() if file.problems for folder in _folders_of(path)}
        self._without_manifest = {path for path, file in files.items() if file.has_no_manifest}
        self.warnings: dict[tuple[str, ...], str] = {}
        self.unusable: dict[tuple[str, ...], str] = {}
        secrets: dict[str, tuple[Secret, str, Identity | None]] = {}
        twice: list[tuple[str, str, str]] = []
        for path, file in files.items():
            for problem in file.problems:
                self.unusable["manifest", path, problem] = problem
            for name, secret in file.objects:
                if name in secrets:
                    _secret, other, other_file = secrets[name]
                    # If a link leads to the file, the Secret is in one manifest only.
                    if other == path or other_file != file.identity:
                        twice.append((name, other, path))
                secrets[name] = (secret, path, file.identity)
        for (name, other, path), more in first_items(twice):
            where = f"twice in {path}" if other == path else f"in {other} and in {path}"
            text = f"{name} is {where}; the latter is used. Remove one of them{more and f',{more}'}"
            self.warnings["manifests", name, other, path] = printable(text)
        self.secrets = [secret for secret, _path, _file in secrets.values()]

    def again(self, visited: Visited) -> _Known:
        """Return a copy for a later check, which has found the same files."""
        known = copy(self)
        known.visited = visited
        return known

    def state(self) -> FolderState:
        """Return the state of the folder and its subfolders, on which mounted Secrets depend."""
        token = self.visited if self.visited.are_certain else object()
        return FolderState(self._manifests, self._broken, self._without_manifest, token)

    def log_keys(self) -> set[tuple[str, ...]]:
        """Return the keys of all warnings."""
        return {*self.warnings, *self.unusable}


def _folders_of(path: str) -> Iterator[str]:
    while (folder := os.path.dirname(path)) != path:  # noqa: PTH120  # a path may be any string
        yield folder
        path = folder


def _log_ignored(secret: MountedSecret) -> None:
    names = first_names(map(repr, secret.ignored), len(secret.ignored))
    text = (
        f"{secret.path}: nothing reads {names} in this folder. A key of a Secret is a file, and its name contains only "
        "letters, digits, '-', '_' and '.'. Rename or remove it"
    )
    notices.once(logging.WARNING, ("ignored", secret.path, *secret.ignored), printable(text))


def _is_in(namespace: str | None, secret: Secret) -> bool:
    return namespace is None or namespace == secret.namespace


class Folder:
    """A source of Secrets; see :class:`airflow_kubernetes_secrets.sources.source.Source`.

    A query without a namespace covers all of them: on a laptop, the namespaces of the manifests do not matter.
    """

    index_results = None  # a folder has no indexes

    def __init__(self, path: str, options: Options) -> None:
        """Create a source. It reads nothing yet.

        Args:
            path: a relative path is resolved now, so that it stays the same if the process changes its directory.
            options: those of the backend. Manifests without a namespace, and mounted files, belong to the first
                namespace in them.
        """
        self._path = absolute_path(path)
        self._default_namespace = options.namespace[0] if options.namespace else _DEFAULT_NAMESPACE
        self._mounted = Mounted(self._path, self._default_namespace, options)
        self._object_kinds = {each.kind for each in options.resources}
        # Threads that arrive while files are read wait for them, instead of reading them too. Reentrant: a signal
        # handler may look something up in the middle of it.
        self._lock = RLock()
        # Replaced as a whole, so that an interrupted lookup leaves nothing half done.
        self._known = _Known({}, Visited())

    def find_in_memory(self, query: Query) -> Sequence[Secret] | None:
        """Return ``None``: files may have to be read, and an event loop must not wait for that."""
        return None

    def find(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets for a query, as the files are now.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
            MountedFileError: a mounted file for the query cannot be read.
        """
        with self._lock:
            known = self._look()
            found = [secret for secret in known.secrets if query.matches(secret) and _is_in(query.namespace, secret)]
            state = known.state()
            mounted = list(self._mounted.find(query, state))
            found += mounted
            to_log = self._warnings(known, state)
            unused = [] if found else list(self._mounted.unused(query, state))
        if unused:
            self._log_why_unused(unused, state)
        counters.count(FROM_FOLDER, send_soon=True)
        for key, text in to_log.items():
            notices.once(logging.WARNING, key, text)
        for each in mounted:
            if each.ignored:
                _log_ignored(each)
        return found

    def _warnings(self, known: _Known, state: FolderState) -> Mapping[tuple[str, ...], str]:
        """Return what a user should know about the manifests, by the key with which it is logged once.

        A file in a mounted Secret is a key of it. If the file cannot be read, the lookup of the Secret says so.
        """
        if not known.unusable:
            return known.warnings
        unusable = {key: text for key, text in known.unusable.items() if not self._mounted.includes(key[1], state)}
        return {**unusable, **known.warnings}

    def _log_why_unused(self, unused: Sequence[tuple[str, str]], state: FolderState) -> None:
        # Most processes never need it.
        with importing.lock:
            from airflow_kubernetes_secrets.sources.layout import why_not_found
        for reason in why_not_found(self._mounted.folder, unused, state):
            notices.once(logging.WARNING, ("layout", reason), reason)

    def find_uncached(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets for a query, as :meth:`find` does."""
        return self.find(query, time)

    def secrets(self, namespace: str = "") -> Sequence[Secret]:
        """Return the Secrets in a namespace, or in all if it is empty: those of manifests in order, then mounted ones.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        with self._lock:
            known = self._look()
            mounted, _problems = self._mounted.all(known.state())
        found = [each for each in known.secrets if _is_in(namespace or None, each)]
        return [*found, *(mounted if namespace in ("", self._default_namespace) else ())]

    def problems(self) -> Sequence[str]:
        """Return what a user should know about the folder: unreadable files, and Secrets that occur twice.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        with self._lock:
            known = self._look()
            state = known.state()
            _secrets, problems = self._mounted.all(state)
            return [*self._warnings(known, state).values(), *problems.values()]

    def refusals(self) -> Callable[[Query], None]:
        """Return a function that raises the error of a query for a mounted file that cannot be read.

        :meth:`secrets` contains no such file. The function compares no files with those at the time of the call.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        with self._lock:
            state = self._look().state()

        def refuse(query: Query) -> None:
            with self._lock:
                for _ in self._mounted.find(query, state):
                    pass

        return refuse

    def layout_mistakes(self) -> Sequence[LayoutMistake]:
        """Return what nothing reads in the folder although it was probably meant as a value.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        with importing.lock:
            from airflow_kubernetes_secrets.sources.layout import mistakes
        with self._lock:
            known = self._look()
            state = known.state()
            secrets, problems = self._mounted.all(state)
            return mistakes(self._mounted, secrets, problems, state)

    def misnamed(self, kind: str, identifier: str, env_name: str = "") -> Sequence[LayoutMistake]:
        """Return the files that are probably meant for an id of this kind, and have another name or place.

        Args:
            env_name: the name of the environment variable that Airflow derives from the id, if it derives one.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        with importing.lock:
            from airflow_kubernetes_secrets.sources.layout import misnamed
        with self._lock:
            return misnamed(self._mounted.folder, kind, identifier, self._look().state(), env_name)

    def measurements(self) -> dict[str, float]:
        """Return nothing: the files are the state."""
        return {}

    def close(self) -> None:
        """Do nothing: there is nothing to stop."""

    def after_fork(self) -> None:
        """Replace the lock, since another thread of the parent may have held it."""
        self._lock = RLock()

    def _look(self) -> _Known:
        """Return the current Secrets of the manifests. Only files that have changed are read."""
        with self._lock:
            before = self._known
            if before.visited.are_unchanged():
                return before
            visited = Visited()
            try:
                files = current_files(self._path, before.files, self._secrets, visited)
            except OSError as error:
                problem = problem_of_error(error)
            else:
                known = before.again(visited) if files is before.files else _Known(files, visited)
                self._known = known
                notices.forget_each(before.log_keys() - known.log_keys())
                return known
        raise NotConfiguredError(
            f"the folder of 'path' in backend_kwargs cannot be read: {self._path} ({problem}). "
            "Create it, or correct 'path'"
        )

    def _secrets(self, _position: str, manifest: Any) -> Iterator[tuple[str, Secret]]:
        """Yield the Secret or ConfigMap of a manifest with its name; nothing if its kind is not read."""
        if not isinstance(manifest, dict):
            return
        if is_ciphertext(manifest.get("kind")):
            raise RefusedError(unprocessed(manifest))
        if manifest.get("kind") in self._object_kinds and manifest.get("apiVersion") in ("v1", None):
            secret = complete_secret_of(manifest, self._default_namespace)
            yield secret.full_name, secret
