"""Files that hold secret values: for their owner only, whole or not at all, and never behind a symbolic link."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.errors import KubernetesSecretsError

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

# File systems without hard links say one of these: FAT, and some that are mounted over a network.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class FolderError(KubernetesSecretsError):
    """A folder or file cannot be written."""


class Written(Enum):
    """What became of a file."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Folder:
    """A folder to write to, which is made with the first file."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            FolderError: there is something else in its place.
        """
        self.path = path
        try:
            is_something_else = path.exists() and not path.is_dir()
        except OSError as error:
            raise FolderError(f"{path} cannot be looked at: {error.strerror}. Name another one with -o") from None
        if is_something_else:
            raise FolderError(f"{path} is not a folder. Name another one with -o")

    def write(self, name: str, content: bytes, *, replace: bool, mode: int = _FILE_MODE) -> Written:
        """Write a file.

        Args:
            name: its name, which may be one folder down.
            replace: whether something else under that name is replaced. A link is replaced itself.

        Raises:
            FolderError: it cannot be written, or the folder in between is a link.
        """
        self._make()
        parent, _, file = name.rpartition("/")
        try:
            with _opened(self.path, parent) as folder:
                present = _content(folder, file, len(content))
                if present == content:
                    os.chmod(file, mode, dir_fd=folder)  # relative to the open folder
                    return Written.UNCHANGED
                if present is not None and not replace:
                    return Written.REFUSED
                _put(folder, file, content, mode, replace=replace)
        except OSError as error:
            raise FolderError(
                f"{self.path / name} cannot be written: {error.strerror}. Files that were written before are whole"
            ) from None
        return Written.WRITTEN

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(f"{self.path} cannot be made: {error.strerror}. Name another one with -o") from None


@contextmanager
def _opened(path: Path, below: str) -> Iterator[int]:
    """The folder, or the one below it, which is made and may be no link."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if below:
            with suppress(FileExistsError):
                os.mkdir(below, _FOLDER_MODE, dir_fd=folder)
            inner = os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _content(folder: int, file: str, size: int) -> bytes | None:
    """What a file holds, up to one byte more than ``size``; empty if it is no file, None if there is nothing."""
    try:
        # Not blocking: opening a pipe would wait for its other end.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            return b""
        raise
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        return opened.read(size + 1)


def _put(folder: int, file: str, content: bytes, mode: int, *, replace: bool) -> None:
    # Its end is none that kubectl reads, should it ever stay.
    temporary = f".{file}.{os.getpid()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)  # of a process that was killed and had the same number
    try:
        with os.fdopen(os.open(temporary, flags, mode, dir_fd=folder), "wb") as opened:
            opened.write(content)
        if not replace:
            try:
                os.link(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
            else:
                return
        os.replace(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
