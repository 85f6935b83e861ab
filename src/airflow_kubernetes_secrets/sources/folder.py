"""A folder of manifests in place of an API. It contains the Secrets that ``kubectl apply`` would create.

The ``.yaml``, ``.yml`` and ``.json`` files in the folder and its subfolders are read, except hidden ones. Each lookup
checks whether a file has changed, so nothing runs in the background. The API's rules for the types and the size of
Secrets are not checked.
"""

from __future__ import annotations

import binascii
import logging
import os
import re
import stat
from base64 import b64decode, b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from threading import RLock
from time import time
from typing import Any

from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.documents import TooLargeError, read_file
from airflow_kubernetes_secrets.kubernetes.labels import (
    is_data_key,
    is_label_key,
    is_label_value,
    is_namespace,
    is_subdomain,
    quoted_data_key,
    quoted_label_key,
)
from airflow_kubernetes_secrets.kubernetes.manifest_documents import read_manifests, unpacked
from airflow_kubernetes_secrets.kubernetes.objects import Secret, kept_annotations
from airflow_kubernetes_secrets.kubernetes.unprocessed import is_ciphertext, unprocessed, unrendered
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.listing import first
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.record import Record
from airflow_kubernetes_secrets.sources.query import Query

_SUFFIXES = (".yaml", ".yml", ".json")

# The namespace of manifests without one, if the options name none either. kubectl has the same default.
_DEFAULT_NAMESPACE = "default"

# File systems record the time of a change in steps of milliseconds, or in some cases of two seconds. A file that has
# just changed may change again within the same step, so it is read again.
_SETTLED_AFTER_SECONDS = 2.0

_Stamp = tuple[int, int, int, int]


# The error for a key whose name is not shown.
NO_DATA_KEY = (
    "the name of a key is not valid in a Secret's data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'. It is not shown, "
    "since it may contain a value. Correct it; in YAML a space follows the ':' after a key"
)


class RefusedError(Exception):
    """The API would refuse a manifest. The message quotes no value."""


class _File(Record):
    """The result of reading a file.

    Attributes:
        stamp: changes whenever the file does; ``None`` if that is not certain.
        content: the hash of the content; ``None`` if it could not be read.
        problems: why the file, or a part of it, is unusable. In that case, Secrets that the file contained before are
            still used, even if it does not contain them any more: each may be in the unusable part.
    """

    __slots__ = ("content", "problems", "secrets", "stamp")

    def __init__(
        self, stamp: _Stamp | None, content: int | None, secrets: Sequence[Secret], problems: Sequence[str] = ()
    ) -> None:
        self.stamp = stamp
        self.content = content
        self.secrets = secrets
        self.problems = problems

    @classmethod
    def broken(
        cls,
        path: str,
        problems: Sequence[str],
        before: _File | None,
        *,
        secrets: Sequence[Secret] = (),
        stamp: _Stamp | None = None,
        content: int | None = None,
    ) -> _File:
        """Create the result for a file with problems.

        Args:
            problems: what is wrong, with the line if there is one.
            before: the previous result for the file.
            secrets: the Secrets that can be read.
        """
        names = {str(secret) for secret in secrets}
        previous = [secret for secret in (before.secrets if before is not None else ()) if str(secret) not in names]
        used = "the rest of the file is used" if secrets else "nothing in it is used"
        used = "its previous content is still used" if previous else used
        texts = [f"{printable(path)}: {problem}{more}; {used}" for problem, more in first(problems)]
        return cls(stamp, content, [*previous, *secrets], texts)


class _Known:
    """The content of a folder when it was last checked. It never changes.

    Attributes:
        secrets: the Secrets of all files. If two manifests are for one Secret, the later one counts, as with ``kubectl
            apply``.
        warnings: what a user should know about it, by cause.
    """

    __slots__ = ("files", "secrets", "warnings")

    def __init__(self, files: Mapping[str, _File]) -> None:
        self.files = files
        self.warnings: dict[tuple[str, ...], str] = {}
        secrets: dict[str, tuple[Secret, str]] = {}
        twice: list[tuple[str, str, str]] = []
        for path, file in files.items():
            for problem in file.problems:
                self.warnings["manifest", path, problem] = problem
            for secret in file.secrets:
                name = str(secret)
                if name in secrets:
                    twice.append((name, secrets[name][1], path))
                secrets[name] = (secret, path)
        for (name, other, path), more in first(twice):
            where = f"twice in {path}" if other == path else f"in {other} and in {path}"
            text = f"Secret {name} is {where}; the latter is used. Remove one of them{more and f',{more}'}"
            self.warnings["manifests", name, other, path] = printable(text)
        self.secrets = [secret for secret, _path in secrets.values()]


class Folder:
    """A source of Secrets; see :class:`airflow_kubernetes_secrets.sources.source.Source`.

    A query without a namespace covers all of them: on a laptop, the namespaces of the manifests do not matter.
    """

    def __init__(self, path: str, namespaces: Sequence[str] | None) -> None:
        """Create a source. It reads nothing yet.

        Args:
            path: a relative path is resolved now, so that it stays the same if the process changes its directory.
            namespaces: those of the options. Manifests without a namespace are in the first one.
        """
        self._path = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  # Path raises for '~nobody'
        self._home = namespaces[0] if namespaces else _DEFAULT_NAMESPACE
        # Threads that arrive while files are read wait for them, instead of reading them too. Reentrant: a signal
        # handler may look something up in the middle of it.
        self._lock = RLock()
        # Replaced as a whole, so that an interrupted lookup leaves nothing half done.
        self._known = _Known({})

    def recall(self, query: Query) -> Sequence[Secret] | None:
        """Return ``None``: files may have to be read, and an event loop must not wait for that."""
        return None

    def find(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets for a query, as the files are now.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        known = self._look()
        for cause, text in known.warnings.items():
            notices.once(logging.WARNING, cause, text)
        return [
            secret
            for secret in known.secrets
            if query.matches(secret) and (query.namespace is None or query.namespace == secret.namespace)
        ]

    def ask(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets for a query, as :meth:`find` does."""
        return self.find(query, time)

    def secrets(self) -> Sequence[Secret]:
        """Return all Secrets in the folder, in the order of the files.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        return self._look().secrets

    def problems(self) -> Sequence[str]:
        """Return what a user should know about the folder: unreadable files, and Secrets that occur twice.

        Raises:
            NotConfiguredError: there is no such folder, or it cannot be read.
        """
        return list(self._look().warnings.values())

    def close(self) -> None:
        """Do nothing: there is nothing to stop."""

    def after_fork(self) -> None:
        """Replace the lock, since another thread of the parent may have held it."""
        self._lock = RLock()

    def _look(self) -> _Known:
        """Return the current content. Only files that have changed are read."""
        with self._lock:
            try:
                files = self._files()
            except OSError as error:
                problem = _problem(error)
            else:
                before = self._known
                if files == before.files:
                    return before
                self._known = known = _Known(files)
                notices.forget_each(before.warnings.keys() - known.warnings.keys())
                return known
        raise NotConfiguredError(
            f"the folder of 'path' in backend_kwargs cannot be read: {self._path} ({problem}). "
            "Create it, or correct 'path'"
        )

    def _files(self) -> dict[str, _File]:
        known, files = self._known.files, {}
        paths = list(known)
        for path, found in list_files(self._path, set()):
            before = known.get(path)
            if isinstance(found, OSError):
                files[path] = _File.broken(path, [_problem(found)], before)
                # If it is a folder, its previous content is still used.
                files.update({each: known[each] for each in _below(path, paths)})
            elif before is not None and before.stamp is not None and before.stamp == _stamp(found):
                files[path] = before
            elif stat.S_ISREG(found.st_mode):
                files[path] = self._read(path, _stamp(found), before)
        return files

    def _read(self, path: str, stamp: _Stamp | None, before: _File | None) -> _File:
        try:
            content = read_file(path)
        except OSError as error:
            return _File.broken(path, [_problem(error)], before)
        except TooLargeError as error:
            return _File.broken(path, [str(error)], before, stamp=stamp)
        content_hash = hash(content)
        if before is not None and before.content == content_hash:
            return _File(stamp, content_hash, before.secrets, before.problems)
        secrets, problems = _secrets(content, self._home)
        if problems:
            return _File.broken(path, problems, before, secrets=secrets, stamp=stamp, content=content_hash)
        return _File(stamp, content_hash, secrets)


def _problem(error: OSError) -> str:
    return error.strerror or "it cannot be read"


def _stamp(found: os.stat_result) -> _Stamp | None:
    # The stamp contains the change time of the inode, because tools that copy files set the modification time back.
    settled = time() - found.st_ctime >= _SETTLED_AFTER_SECONDS
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino) if settled else None


def list_files(folder: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, os.stat_result | OSError]]:
    """Yield the files to read, in the order in which kubectl applies them, and the errors of unreadable entries.

    Args:
        seen: the folders that have been visited. A link may lead back to one.

    Raises:
        OSError: the folder cannot be read.
    """
    # The open folders, the innermost last. A recursive function would fail for very deep folders.
    levels = [_entries(folder, seen)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        try:
            if entry.is_dir():
                levels.append(_entries(entry.path, seen))
            elif entry.name.endswith(_SUFFIXES):
                yield entry.path, entry.stat()
        except FileNotFoundError:
            continue  # It was removed meanwhile, or is a link that leads nowhere.
        except OSError as error:
            yield entry.path, error


def _entries(folder: str, seen: set[tuple[int, int]]) -> Iterator[os.DirEntry[str]]:
    """Return the entries of a folder that are not hidden, sorted by name; none if it was visited before."""
    itself = os.stat(folder)  # noqa: PTH116 - a single system call
    identity = itself.st_dev, itself.st_ino
    if identity in seen:
        return iter(())
    seen.add(identity)
    with os.scandir(folder) as found:
        return iter(sorted((each for each in found if not each.name.startswith(".")), key=lambda each: each.name))


def _below(folder: str, paths: Sequence[str]) -> Sequence[str]:
    """Return the paths that are in a folder. They must be in the order of :func:`list_files`."""
    start = bisect_right(paths, _parts(folder), key=_parts)
    end = bisect_left(paths, True, start, key=lambda each: not each.startswith(folder + os.sep))
    return paths[start:end]


def _parts(path: str) -> list[str]:
    return path.split(os.sep)  # noqa: PTH206 - a path may be any string


def _secrets(content: bytes, home: str) -> tuple[list[Secret], list[str]]:
    """Return the Secrets in a file, and the problems of other parts: kubectl or the API would refuse them."""
    secrets, problems = [], []
    for document in read_manifests(content):
        if document.problem:
            problems.append(f"line {document.line}: {unrendered(document.text) or document.problem}")
        for each in unpacked(document.value):
            if isinstance(each, dict) and is_ciphertext(each.get("kind")):
                problems.append(f"line {document.line}: {unprocessed(each)}")
            elif isinstance(each, dict) and each.get("kind") == "Secret" and each.get("apiVersion") in ("v1", None):
                try:
                    secrets.append(secret_to_serve(each, home))
                except RefusedError as error:
                    problems.append(f"line {document.line}: {error}")
    return secrets, problems


def secret_to_serve(manifest: dict[str, Any], home: str) -> Secret:
    """Return the Secret of a manifest that has all its values.

    Raises:
        RefusedError: the API would refuse it, or another tool must still process it.
    """
    if problem := unprocessed(manifest):
        metadata = _mapping(manifest, "metadata")
        name = metadata.get("name")
        named = f"Secret {name}" if isinstance(name, str) and is_subdomain(name) else "a Secret"
        raise RefusedError(f"{named}: {problem}")
    return secret_of(manifest, home)


def secret_of(manifest: dict[str, Any], home: str) -> Secret:
    """Return the Secret that the API would create from a manifest.

    Args:
        home: the namespace of a manifest without one.

    Raises:
        RefusedError: the API would refuse the manifest.
    """
    metadata = _mapping(manifest, "metadata")
    namespace, name = _namespace_and_name(manifest, metadata, home)
    labels, annotations = _texts(metadata, "labels", name), _texts(metadata, "annotations", name)
    for key, text in labels.items():
        if not is_label_key(key) or (text and not is_label_value(text)):
            raise RefusedError(
                f"Secret {name}: label {quoted_label_key(key)}: the key or value is not valid for a label"
            )
    for key in annotations:
        if not is_label_key(key.lower()):
            raise RefusedError(
                f"Secret {name}: a name is not a valid annotation key. It is not shown, since "
                "it may contain a value. Correct it; in YAML a space follows the ':' after a key"
            )
    data = {key: _base64(name, key, text) for key, text in _texts(manifest, "data", name).items()}
    for key, text in _texts(manifest, "stringData", name).items():
        data[key] = b64encode(text.encode("utf-8")).decode("ascii")
    if not all(map(is_data_key, data)):
        raise RefusedError(f"Secret {name}: {NO_DATA_KEY}")
    created = metadata.get("creationTimestamp")
    return Secret(
        namespace,
        name,
        created if isinstance(created, str) else "",
        labels,
        data,
        annotations=kept_annotations(annotations, labels),
    )


def _namespace_and_name(manifest: dict[str, Any], metadata: dict[str, Any], home: str) -> tuple[str, str]:
    namespace, name = metadata.get("namespace") or home, metadata.get("name")
    if not isinstance(name, str) or not is_subdomain(name):
        raise RefusedError("a Secret has no name, or an invalid one")
    if manifest.get("apiVersion") is None:
        raise RefusedError(f"Secret {name}: it has no 'apiVersion'; write 'apiVersion: v1'")
    if not isinstance(namespace, str) or not is_namespace(namespace):
        raise RefusedError(f"Secret {name}: its namespace is not a valid name")
    return namespace, name


def _mapping(parent: dict[str, Any], field: str) -> dict[str, Any]:
    found = parent.get(field)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise RefusedError(f"'{field}' is not a mapping")
    return found


def _texts(parent: dict[str, Any], field: str, name: str) -> dict[str, str]:
    found = _mapping(parent, field)
    for key, text in found.items():
        if text is not None and not isinstance(text, str):
            raise RefusedError(f"Secret {name}: {field}: {_quoted(key)} is not a string; put it in quotation marks")
        if text and re.search("[\ud800-\udfff]", text):
            raise RefusedError(
                f"Secret {name}: {field}: {_quoted(key)} is not Unicode: it has half of a surrogate pair"
            )
    # The API reads null as an empty string.
    return {key: text or "" for key, text in found.items()}


def _quoted(key: str) -> str:
    """Return a key of data, labels or annotations as an error may quote it."""
    return quoted_data_key(key) if "/" not in key else quoted_label_key(key)


def _base64(name: str, key: str, text: str) -> str:
    """Return a value in base64 in one line. Like the API, refuse other white space than line breaks.

    Raises:
        RefusedError: the value is not base64.
    """
    text = text.replace("\r", "").replace("\n", "")
    try:
        b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass  # the error could quote the value
    else:
        return text
    raise RefusedError(f"Secret {name}: data: {quoted_data_key(key)} is not base64; plain text belongs in stringData")
