"""The files in folders and archives of DAGs, as Airflow finds them: Python files, and templates next to them."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from airflow_kubernetes_secrets.backend.airflow_versions import dag_folder_paths
from airflow_kubernetes_secrets.deployment.configuration import airflow_conf
from airflow_kubernetes_secrets.errors import OneLineError
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.usage.dag_file import LARGEST_FILE_BYTES, DagFile
from airflow_kubernetes_secrets.usage.templates import FILE_SUFFIXES


class DagFolderError(OneLineError):
    """A folder of DAGs cannot be read."""


def dag_files(folder: Path, team: str | None = None) -> Iterator[DagFile]:
    """Yield the Python files in a folder, in its subfolders and in archives; or the one file, if it is not a folder.

    Airflow parses only the files that seem to define DAGs. The others are included because DAGs can import them.
    Templates are included too, except in archives, where Airflow does not find them.

    Raises:
        DagFolderError: the folder does not exist, or cannot be read; or the file is neither Python nor an archive.
    """
    if not _is_file(folder):
        for path in _paths(folder):
            yield from _files(path, team)
        return
    if folder.name.endswith(FILE_SUFFIXES) or not (found := list(_files(str(folder), team))):
        raise DagFolderError(f"{folder} is neither Python nor an archive. Name a folder, a .py file or a .zip file")
    yield from found


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
            size = LARGEST_FILE_BYTES + 1 if file is None else os.fstat(file.fileno()).st_size
            if file is None or size > LARGEST_FILE_BYTES:
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
            code = file.read(LARGEST_FILE_BYTES + 1)
    except Exception as error:  # also RuntimeError: it is encrypted
        return DagFile(name, team=team, problem=f"it cannot be read from the archive ({type(error).__name__})")
    if len(code) > LARGEST_FILE_BYTES:
        return DagFile(name, team=team, problem="it is too large")
    return DagFile(name, code, team)
