"""The objects in a folder of manifests, kept current: only files that have changed are read again.

If a file, or a part of it, cannot be used, its previous objects are still used.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from airflow_kubernetes_secrets.kubernetes.file_stamps import Stamp, Visited, is_settled, stamp_of
from airflow_kubernetes_secrets.kubernetes.manifest_documents import (
    Document,
    RefusedError,
    read_manifests,
    refused_list,
    unpacked,
)
from airflow_kubernetes_secrets.kubernetes.manifest_files import (
    Identity,
    TooLargeError,
    identity,
    manifest_files,
    read_manifest_file,
)
from airflow_kubernetes_secrets.kubernetes.unprocessed import unrendered
from airflow_kubernetes_secrets.messages.listing import first_items
from airflow_kubernetes_secrets.messages.printable import printable

Name = TypeVar("Name", bound=Hashable)
Object = TypeVar("Object")

# Returns the objects of a manifest with their names. Its first argument is the position of the document, for messages.
# It raises RefusedError.
Convert = Callable[[str, Any], Iterable[tuple[Name, Object]]]


class ManifestFile(msgspec.Struct, Generic[Name, Object], frozen=True):
    """The result of reading a file.

    Attributes:
        identity: equal for all paths of one file; ``None`` if it was never read.
        stamp: changes whenever the file does; ``None`` if that is not certain.
        content: the hash of the content; ``None`` if it could not be read.
        objects: the objects with their names, in the order of the file.
        has_no_manifest: whether the file contains something and no manifest: each has a kind and an API version.
        problems: why the file, or a part of it, is unusable. In that case, objects that the file contained before are
            still there, even if it does not contain them any more: each may be in the unusable part.
    """

    objects: Sequence[tuple[Name, Object]]
    problems: Sequence[str] = ()
    identity: Identity | None = None
    stamp: Stamp | None = None
    content: int | None = None
    has_no_manifest: bool = False

    def __repr__(self) -> str:
        """Return a description without the objects, which can be Secrets: error reports show local variables."""
        names = [name for name, _object in self.objects]
        return f"<{type(self).__name__} objects={names} problems={self.problems}>"


Files = Mapping[str, ManifestFile[Name, Object]]


def current_files(
    folder: str, before: Files[Name, Object], convert: Convert[Name, Object], visited: Visited | None = None
) -> Files[Name, Object]:
    """Return the files of a folder by path, in the order in which kubectl applies them.

    Args:
        before: the previous result. If nothing has changed, it is returned itself.
        convert: makes the objects of a manifest that this folder is for.
        visited: gets the stamps of all files and folders that the result depends on.

    Raises:
        OSError: the folder cannot be read.
    """
    paths = list(before)
    files: dict[str, ManifestFile[Name, Object]] = {}
    for path, found in manifest_files(folder, visited=visited):
        previous = before.get(path)
        if isinstance(found, OSError):
            this = None if previous is None else previous.identity
            files[path] = _with_problems(path, [problem_of_error(found)], (), previous, identity=this)
            # If it is a folder, its previous content is still used.
            files.update({each: before[each] for each in _below(path, paths)})
        elif previous is not None and previous.stamp is not None and previous.stamp == _stamp(found):
            files[path] = previous
        else:
            files[path] = _read(path, found, previous, convert)
    return before if files == before else files


def problem_of_error(error: OSError) -> str:
    """Return why a file or folder cannot be read."""
    return error.strerror or "it cannot be read"


def _stamp(found: os.stat_result) -> Stamp | None:
    return stamp_of(found) if is_settled(found) else None


def _below(folder: str, paths: Sequence[str]) -> Sequence[str]:
    """Return the paths that are in a folder. They must be in the order of :func:`manifest_files`."""
    start = bisect_right(paths, _parts(folder), key=_parts)
    end = bisect_left(paths, True, start, key=lambda each: not each.startswith(folder + os.sep))
    return paths[start:end]


def _parts(path: str) -> list[str]:
    return path.split(os.sep)


def _read(
    path: str, found: os.stat_result, previous: ManifestFile[Name, Object] | None, convert: Convert[Name, Object]
) -> ManifestFile[Name, Object]:
    """Read a file. If its content has not changed, its previous objects are returned."""
    this, stamp = identity(found), _stamp(found)
    try:
        content = read_manifest_file(path)
    except OSError as error:
        return _with_problems(path, [problem_of_error(error)], (), previous, identity=this)
    except TooLargeError as error:
        return _with_problems(path, [str(error)], (), previous, identity=this, stamp=stamp)
    digest = hash(content)
    if previous is not None and previous.content == digest:
        has_no_manifest = previous.has_no_manifest
        return ManifestFile(
            previous.objects,
            previous.problems,
            identity=this,
            stamp=stamp,
            content=digest,
            has_no_manifest=has_no_manifest,
        )
    documents = list(read_manifests(content))
    objects, problems = _objects(path, documents, convert)
    if not problems and not objects and _have_no_manifest(documents):
        return ManifestFile(objects, identity=this, stamp=stamp, content=digest, has_no_manifest=True)
    return _with_problems(path, problems, objects, previous, identity=this, stamp=stamp, content=digest)


def _have_no_manifest(documents: Sequence[Document]) -> bool:
    """Return whether there is something in these documents, and nothing with a kind and an API version."""
    values = [each.value for each in documents if each.value is not None]
    return bool(values) and not any(isinstance(each, dict) and {"kind", "apiVersion"} <= each.keys() for each in values)


def _with_problems(
    path: str,
    problems: Sequence[str],
    objects: Sequence[tuple[Name, Object]],
    previous: ManifestFile[Name, Object] | None,
    *,
    identity: Identity | None = None,
    stamp: Stamp | None = None,
    content: int | None = None,
) -> ManifestFile[Name, Object]:
    """Return the result for a file. If it has problems, its previous objects are used too.

    Args:
        problems: what is wrong, with the line if there is one.
        objects: the objects that can be used.
    """
    names = {name for name, _object in objects}
    before = previous.objects if previous is not None and problems else ()
    kept = [each for each in before if each[0] not in names]
    used = "the rest of the file is used" if objects else "nothing in it is used"
    used = "its previous content is still used" if kept else used
    texts = [f"{printable(path)}: {problem}{more}; {used}" for problem, more in first_items(problems)]
    return ManifestFile([*kept, *objects], texts, identity=identity, stamp=stamp, content=content)


def _objects(
    path: str, documents: Sequence[Document], convert: Convert[Name, Object]
) -> tuple[list[tuple[Name, Object]], list[str]]:
    """Return the objects in a file, and the problems of other parts: kubectl or the API would refuse them."""
    objects: list[tuple[Name, Object]] = []
    problems = []
    for document in documents:
        line = f"line {document.line}"
        if document.problem:
            problems.append(f"{line}: {unrendered(document.text) or document.problem}")
        elif problem := refused_list(document.value):
            problems.append(f"{line}: {problem}")
        for each in unpacked(document.value):
            try:
                objects += convert(f"{path}: {line}", each)
            except RefusedError as error:
                problems.append(f"{line}: {error}")
    return objects, problems
