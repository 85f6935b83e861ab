"""Write files completely or not at all, and never through a symbolic link.

The functions take the descriptor of an open folder, so that they are not affected if the folder is replaced meanwhile.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# The errors of file systems without hard links: FAT, and some network file systems.
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


@contextmanager
def _closed_once(descriptor: int) -> Iterator[int]:
    """Close a descriptor at the end, and only once: its number can belong to another thread's file afterwards."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def open_folder(path: Path, below: str = "") -> Iterator[int]:
    """Yield the descriptor of a folder, and close it afterwards.

    Args:
        below: the name of a folder in ``path``, which is opened instead; empty for ``path`` itself. It must not be a
            symbolic link.

    Raises:
        OSError: there is no such folder, or it cannot be opened.
    """
    with _closed_once(os.open(path, os.O_RDONLY | os.O_DIRECTORY)) as folder:
        if not below:
            yield folder
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        with _closed_once(os.open(below, flags, dir_fd=folder)) as inner:
            yield inner


def read_file(folder: int, file: str, size: int) -> bytes | None:
    """Read a file.

    Args:
        folder: the descriptor of the folder.
        file: the name of the file in the folder.
        size: the expected largest size in bytes.

    Returns:
        At most ``size`` + 1 bytes, so that a larger file can be recognized. The result is empty if this is not a
        regular file, and ``None`` if nothing has this name.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        # Open without blocking: opening a pipe would wait for its other end.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
            return b""
        raise
    with _closed_once(descriptor):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return b""
        with os.fdopen(descriptor, "rb", closefd=False) as found:
            return found.read(size + 1)


def write_file(folder: int, file: str, content: bytes, mode: int, *, replace: bool) -> None:
    """Write a file: first under a temporary name, and then under its own.

    Args:
        folder: the descriptor of the folder.
        file: the name of the file in the folder.
        mode: the permissions of the file, from which the process's umask removes some.
        replace: whether to replace what already has this name. If that is a link, the link itself is replaced.

    Raises:
        FileExistsError: something has this name, and ``replace`` is false.
        OSError: the file cannot be written.
    """
    # kubectl reads no file with this suffix, in case it is ever left behind.
    temporary = f"{_beginning_of_temporary(file)}{os.getpid()}.part"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)  # left by a killed process with the same id
    try:
        with os.fdopen(os.open(temporary, flags, mode, dir_fd=folder), "wb") as partial:
            partial.write(content)
        if replace:
            os.replace(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            _give_name(folder, temporary, file)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)


def remove_partial(folder: int, file: str) -> None:
    """Remove the incomplete files of processes that were killed while they wrote this file.

    Args:
        folder: the descriptor of the folder.
        file: the name of the file in the folder.
    """
    partial = re.compile(re.escape(_beginning_of_temporary(file)) + r"\d+\.part")
    for name in filter(partial.fullmatch, os.listdir(folder)):
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _beginning_of_temporary(file: str) -> str:
    return f".{file}."


def _give_name(folder: int, temporary: str, file: str) -> None:
    """Rename a file, unless something has the new name already.

    Raises:
        FileExistsError: something has the new name.
        OSError: the file cannot be renamed.
    """
    try:
        os.link(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        return
    # On a file system without hard links, another process can create the file between these two calls.
    with suppress(FileNotFoundError):
        os.stat(file, dir_fd=folder, follow_symlinks=False)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), file)
    os.replace(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
