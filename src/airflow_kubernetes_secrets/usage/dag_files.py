"""The files in folders and archives of DAGs, as Airflow finds them: Python files, and templates next to them."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

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
        DagFolderError: the folder does not exist, or cannot be read.
    """
    for path in [str(folder)] if folder.is_file() else _paths(folder):
        shown = printable(path)
        if path.endswith(".py"):
            yield _file(Path(path), shown, team)
        elif path.endswith(FILE_SUFFIXES):
            # Other files with these endings are data, and can be large.
            if not (template := _file(Path(path), shown, team)).problem:
                yield template
        elif Path(path).is_file() and zipfile.is_zipfile(path):
            yield from _archive(path, shown, team)


def _paths(folder: Path) -> list[str]:
    airflow_conf()
    try:
        next(os.scandir(folder), None)
        return sorted(dag_folder_paths(str(folder)))
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except (RuntimeError, ValueError) as error:
        problem = str(error)
    raise DagFolderError(
        f"the DAGs in {folder} cannot be read: {problem}. Correct the path, its permissions, its links or "
        "[core] dag_ignore_file_syntax"
    )


def _file(path: Path, shown: str, team: str | None) -> DagFile:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE_BYTES:
            return DagFile(shown, team=team, problem="it is not a regular file, or it is too large")
        return DagFile(shown, path.read_bytes(), team)
    except OSError as error:
        return DagFile(shown, team=team, problem=error.strerror or type(error).__name__)


def _archive(path: str, shown: str, team: str | None) -> Iterator[DagFile]:
    """Yield the Python files in an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".py"):
                    name = f"{shown}/{printable(entry.filename)}"
                    yield _archived(archive, entry, name, team)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        # RuntimeError: it is encrypted.
        yield DagFile(shown, team=team, problem=f"it is not a zip archive that can be read ({type(error).__name__})")


def _archived(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, team: str | None) -> DagFile:
    # zipimport supports only these two methods. With others, zipfile has no limit on what it decompresses at once.
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return DagFile(name, team=team, problem="Python cannot import it: it is neither stored nor deflated")
    with archive.open(entry) as file:
        # The size in the archive can be false.
        code = file.read(LARGEST_FILE_BYTES + 1)
    if len(code) > LARGEST_FILE_BYTES:
        return DagFile(name, team=team, problem="it is too large")
    return DagFile(name, code, team)
