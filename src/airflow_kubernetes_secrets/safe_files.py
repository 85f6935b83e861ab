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
    """Yield the descriptor of a folder, or of the folder ``below`` in it, which must not be a link.

    Raises:
        OSError: there is no such folder.
    """
    with _closed_once(os.open(path, os.O_RDONLY | os.O_DIRECTORY)) as folder:
        if not below:
            yield folder
            return
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        with _closed_once(os.open(below, flags, dir_fd=folder)) as inner:
            yield inner


def read_file(folder: int, file: str, size: int) -> bytes | None:
    """Return the content of a file, but at most ``size`` + 1 bytes.

    Returns:
        The content; empty if this is not a regular file, ``None`` if nothing has this name.

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
    """Write a file.

    Args:
        mode: the permissions of the file, from which the process's umask removes some.
        replace: whether to replace what already has this name. If that is a link, the link itself is replaced.

    Raises:
        FileExistsError: something has this name, and ``replace`` is false.
        OSError: the file cannot be written.
    """
    # kubectl reads no file with this suffix, in case it is ever left behind.
    temporary = f"{_partial(file)}{os.getpid()}.part"
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
    """Remove the incomplete files of processes that were killed while they wrote this file."""
    partial = re.compile(re.escape(_partial(file)) + r"\d+\.part")
    for name in filter(partial.fullmatch, os.listdir(folder)):
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _partial(file: str) -> str:
    return f".{file}."


def _give_name(folder: int, temporary: str, file: str) -> None:
    try:
        os.link(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    else:
        return
    with suppress(FileNotFoundError):
        os.stat(file, dir_fd=folder, follow_symlinks=False)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), file)
    os.replace(temporary, file, src_dir_fd=folder, dst_dir_fd=folder)
