"""The files in folders and archives of DAGs, as Airflow finds them: Python files, and templates next to them."""

from __future__ import annotations

import os
import posixpath
import stat
import zipfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from airflow_kubernetes_secrets.backend.airflow_versions import dag_folder_paths
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.usage.dag_file import LARGEST_DAG_FILE_BYTES, DagFile, folders_around
from airflow_kubernetes_secrets.usage.imported_names import MOST_FOLDERS, definers, imported_names
from airflow_kubernetes_secrets.usage.templates import FILE_SUFFIXES

_IGNORE_FILE = ".airflowignore"

# How many imports of one file, and how many files that could be imported, are looked for.
_MOST_IMPORTS = 1_000
_MOST_TRIED = 20_000


class DagFolderError(OneLineError):
    """A folder of DAGs cannot be read."""


def dag_files(folder: Path, team: str | None = None) -> Iterator[DagFile]:
    """Yield the Python files in a folder, in its subfolders and in archives; or the one file, if it is not a folder.

    Airflow parses only the files that seem to define DAGs. The others are included because DAGs can import them. A file
    that ``.airflowignore`` excludes is included if another one imports it.
    Templates are included too, except in archives, where Airflow does not find them.

    Raises:
        DagFolderError: the folder does not exist, or cannot be read; or the file is neither Python nor an archive.
    """
    if not _is_file(folder):
        yield from _files_of_folder(folder, team)
        return
    if folder.name.endswith(FILE_SUFFIXES) or not (found := list(_files(str(folder), team))):
        raise DagFolderError(f"{folder} is neither Python nor an archive. Name a folder, a .py file or a .zip file")
    yield from found


def _files_of_folder(folder: Path, team: str | None) -> Iterator[DagFile]:
    paths = _paths(folder)
    known = set(paths)
    excludes = any(_IGNORE_FILE in files for _folder, _folders, files in os.walk(folder, followlinks=True))
    imported = _ImportedFiles(folder)
    # Files that others import are appended.
    for path in paths:
        for file in _files(path, team):
            yield file
            if excludes and path.endswith(".py"):
                new = sorted(imported.of(path, file.code) - known)
                paths += new
                known.update(new)


class _ImportedFiles:
    """The files in a folder that files in it import."""

    def __init__(self, folder: Path) -> None:
        self._folder = f"{folder}/".replace("//", "/")
        self._tried: set[str] = set()
        self._names_in = lru_cache(maxsize=None)(_names_in)

    def of(self, path: str, code: bytes) -> set[str]:
        """Return the files that a file may import, except those that were already tried for other files."""
        found: set[str] = set()
        folders = [each for each in folders_around(posixpath.dirname(path)) if f"{each}/".startswith(self._folder)]
        around = [self._names_in(each) for each in folders[:MOST_FOLDERS]]
        for name in islice(imported_names(code), _MOST_IMPORTS):
            first = name.partition(".")[0]
            # Most imports are of installed packages, so nothing in the folder has this name.
            is_here = not first or any(first in names or f"{first}.py" in names for names in around)
            if is_here and len(self._tried) < _MOST_TRIED:
                # The name itself can be a module too.
                new = {each for each, _rest in definers(path, f"{name}.*") if each.startswith(self._folder)}
                found.update(each for each in new - self._tried if _is_file(Path(each)))
                self._tried |= new
        return found


def _names_in(folder: str) -> Set[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(each.name for each in entries)
    except OSError:
        return frozenset()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # The error is raised again where the folder is read.
        return False


def _files(path: str, team: str | None) -> Iterator[DagFile]:
    """Yield a file, or those in an archive; nothing if Airflow does not read it."""
    shown = printable(path)
    if path.endswith(".py"):
        yield _file(path, shown, team)
    elif path.endswith(FILE_SUFFIXES):
        # Other files with these endings are data, and can be large.
        if not (template := _file(path, shown, team)).problem:
            yield template
    else:
        try:
            with _opened(path) as file:
                if file is not None and zipfile.is_zipfile(file):
                    yield from _archive(file, shown, team)
        except OSError as error:
            # Airflow skips a link to nothing too.
            if not isinstance(error, FileNotFoundError):
                yield DagFile(shown, team=team, problem=_reason(error))


def _paths(folder: Path) -> list[str]:
    airflow_conf()
    try:
        next(os.scandir(folder), None)
        return sorted(dag_folder_paths(str(folder)))
    except OSError as error:
        problem = _reason(error)
    except (RuntimeError, ValueError) as error:
        problem = str(error).rstrip(".")
    raise DagFolderError(
        f"the DAGs in {folder} cannot be read: {problem}. Correct the path, its permissions, its links or "
        "[core] dag_ignore_file_syntax"
    )


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO | None]:
    """Open a regular file; ``None`` for anything else. It never waits, as for the other end of a pipe.

    Raises:
        OSError: the file cannot be opened.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        yield None
        return
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        yield file if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None


def _file(path: str, shown: str, team: str | None) -> DagFile:
    try:
        with _opened(path) as file:
            size = LARGEST_DAG_FILE_BYTES + 1 if file is None else os.fstat(file.fileno()).st_size
            if file is None or size > LARGEST_DAG_FILE_BYTES:
                return DagFile(shown, team=team, problem="it is not a regular file, or it is too large")
            # Files of the kernel without a size, such as /proc/kmsg, can have data without end.
            return DagFile(shown, file.read(size), team)
    except OSError as error:
        return DagFile(shown, team=team, problem=_reason(error))


def _archive(file: BinaryIO, shown: str, team: str | None) -> Iterator[DagFile]:
    """Yield the Python files in an archive."""
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:  # zipfile has no common class for what a corrupt archive raises
        yield DagFile(shown, team=team, problem=f"it is not a zip archive that can be read ({type(error).__name__})")
        return
    with archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".py"):
                yield _archived(archive, entry, f"{shown}/{printable(entry.filename)}", team)


def _archived(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, team: str | None) -> DagFile:
    # zipimport supports only these two methods. With others, zipfile has no limit on what it decompresses at once.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return DagFile(name, team=team, problem="Python cannot import it: it is neither stored nor deflated")
    try:
        with archive.open(entry) as file:
            # The size in the archive can be false.
            code = file.read(LARGEST_DAG_FILE_BYTES + 1)
    except Exception as error:  # also RuntimeError: it is encrypted
        return DagFile(name, team=team, problem=f"it cannot be read from the archive ({type(error).__name__})")
    if len(code) > LARGEST_DAG_FILE_BYTES:
        return DagFile(name, team=team, problem="it is too large")
    return DagFile(name, code, team)
