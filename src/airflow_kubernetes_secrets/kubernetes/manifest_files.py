"""The files of a folder of manifests, and their content.

Everything that reads a folder of manifests uses this module: lookups, commands and the devserver.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

_SUFFIXES = (".yaml", ".yml", ".json")

# Limit for a file of manifests. A Secret has at most 1.5 MiB, because etcd takes no larger object. The limit is enough
# for five of the largest, or for about ten thousand ordinary ones. PyYAML needs about ten seconds for a MiB.
LARGEST_FILE_BYTES = 8 * 1024 * 1024

# The device and the inode. Two paths with the same identity lead to the same file or folder.
Identity = tuple[int, int]


class TooLargeError(ValueError):
    """A file is larger than :data:`LARGEST_FILE_BYTES`."""

    def __init__(self) -> None:
        super().__init__(
            f"it has more than {LARGEST_FILE_BYTES // 1024**2} MiB, the limit for a file with manifests. Split it"
        )


def manifest_files(
    folder: str, is_excluded: Callable[[str], bool] = lambda _path: False, also_named: Collection[str] = ()
) -> Iterator[tuple[str, os.stat_result | OSError]]:
    """Yield the files with manifests in a folder and its subfolders, in the order in which kubectl applies them.

    These are the regular files whose names end with ``.yaml``, ``.yml`` or ``.json``. Links are followed, as in a
    mounted Secret or ConfigMap; a subfolder is visited only once. Names that begin with a dot are skipped.

    Args:
        is_excluded: returns whether to skip a path. An excluded folder is skipped with everything in it.
        also_named: names of files that are yielded although they do not end with one of the suffixes.

    Yields:
        The path of a file and its status; or the path of a file or subfolder that cannot be read, and the error.

    Raises:
        OSError: the folder itself cannot be read.
    """
    seen: set[Identity] = set()
    # The open folders, the innermost last. A recursive function would fail for very deep folders.
    levels = [_entries(folder, seen)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        if is_excluded(entry.path):
            continue
        try:
            if entry.is_dir():
                levels.append(_entries(entry.path, seen))
            elif entry.name.endswith(_SUFFIXES) or entry.name in also_named:
                status = entry.stat()
                if stat.S_ISREG(status.st_mode):
                    yield entry.path, status
        except FileNotFoundError:
            continue  # It was removed meanwhile, or is a link that leads nowhere.
        except OSError as error:
            yield entry.path, error


def _entries(folder: str, seen: set[Identity]) -> Iterator[os.DirEntry[str]]:
    """Return the entries of a folder that are not hidden, sorted by name; none if it was visited before."""
    itself = identity(os.stat(folder))  # noqa: PTH116 - a single system call
    if itself in seen:
        return iter(())
    seen.add(itself)
    with os.scandir(folder) as found:
        return iter(sorted((each for each in found if not each.name.startswith(".")), key=lambda each: each.name))


def identity(status: os.stat_result) -> Identity:
    """Return what two paths have in common if they lead to the same file or folder."""
    return status.st_dev, status.st_ino


def read_file(path: str | Path) -> bytes:
    """Return the content of a file of manifests.

    Raises:
        TooLargeError: the file is too large.
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        return read_stream(file)


def read_stream(stream: BinaryIO) -> bytes:
    """Return manifests from a stream. At most one byte more than the limit is read.

    Raises:
        TooLargeError: there is more than the limit.
        OSError: the stream cannot be read.
    """
    content = stream.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise TooLargeError
    return content
