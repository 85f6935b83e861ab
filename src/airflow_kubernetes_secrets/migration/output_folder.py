"""The output folder, whose files contain secret values.

Only their owner can read them. A file is written completely or not at all, and never through a symbolic link.
"""

from __future__ import annotations

import os
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NoReturn

from airflow_kubernetes_secrets import safe_files
from airflow_kubernetes_secrets.errors import OneLineError

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600


class FolderError(OneLineError):
    """A folder or file cannot be written."""


class FileResult(Enum):
    """The result of writing a file. ``REFUSED``: a file with other content exists."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class OutputFolder:
    """A folder to write to. It is created with its first file."""

    def __init__(self, path: Path) -> None:
        """Check the path.

        Raises:
            FolderError: the path is not a folder, or cannot be read.
        """
        self.path = path
        try:
            is_something_else = path.exists() and not path.is_dir()
        except OSError as error:
            raise FolderError(f"{path} cannot be read: {error.strerror}. Choose another folder with -o") from None
        if is_something_else:
            raise FolderError(f"{path} is not a folder. Choose another one with -o")

    def write(self, name: str, content: bytes, *, replace: bool, mode: int = _FILE_MODE) -> FileResult:
        """Write a file.

        Args:
            name: the name of the file, or ``subfolder/name``.
            replace: whether to replace an existing file with other content. A symbolic link is replaced, not followed.
            mode: the permissions of the file.

        Raises:
            FolderError: the file cannot be written, or the subfolder is a symbolic link.
        """
        self._make()
        parent, _, file = name.rpartition("/")
        try:
            if parent:
                self._make_below(parent)
            with safe_files.open_folder(self.path, parent) as folder:
                present = safe_files.read_file(folder, file, len(content))
                if present == content:
                    os.chmod(file, mode, dir_fd=folder)  # relative to the open folder
                    return FileResult.UNCHANGED
                if present is not None and not replace:
                    return FileResult.REFUSED
                safe_files.write_file(folder, file, content, mode, replace=replace)
        except OSError as error:
            raise FolderError(
                f"{self.path / name} cannot be written: {error.strerror}. Correct that, and run this command again; "
                "files that were written before are complete"
            ) from None
        return FileResult.WRITTEN

    def files(self, suffixes: tuple[str, ...]) -> list[str]:
        """Return the sorted paths of the files in this folder and its subfolders with one of these suffixes.

        Raises:
            FolderError: a folder cannot be read.
        """
        found: list[str] = []

        def refuse(error: OSError) -> NoReturn:
            raise FolderError(f"{error.filename} cannot be read: {error.strerror}. Choose another folder with -o")

        for folder, _folders, names in os.walk(self.path, onerror=refuse):
            within = Path(folder).relative_to(self.path)
            found += (str(within / name) for name in names if name.endswith(suffixes))
        return sorted(found)

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(f"{self.path} cannot be created: {error.strerror}. Choose another one with -o") from None

    def _make_below(self, name: str) -> None:
        with safe_files.open_folder(self.path) as folder, suppress(FileExistsError):
            os.mkdir(name, _FOLDER_MODE, dir_fd=folder)
