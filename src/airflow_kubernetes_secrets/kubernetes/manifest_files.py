"""The files of a folder of manifests, and their content.

Everything that reads a folder of manifests uses this module: lookups, commands and the devserver.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from airflow_kubernetes_secrets.kubernetes.file_stamps import Visited

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json")

# The link to the current version of a volume, by which the kubelet replaces all files of the volume at once. The CSI
# driver for Secrets does it in the same way.
# https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter.Write
DATA_LINK = "..data"

# A folder of the file system ext4 in each of its mounts. Only root can read it.
LOST_AND_FOUND = "lost+found"

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
    folder: str,
    is_excluded: Callable[[str], bool] = lambda _path: False,
    also_named: Collection[str] = (),
    visited: Visited | None = None,
) -> Iterator[tuple[str, os.stat_result | OSError]]:
    """Yield the files with manifests in a folder and its subfolders, in the order in which kubectl applies them.

    These are the regular files whose names end with ``.yaml``, ``.yml`` or ``.json``. Links are followed, as in a
    mounted Secret or ConfigMap; a subfolder is visited only once. Names that begin with a dot are skipped, and so is
    ``lost+found``.

    Args:
        is_excluded: returns whether to skip a path. An excluded folder is skipped with everything in it.
        also_named: names of files that are yielded although they do not end with one of the suffixes.
        visited: gets the stamps of all files and folders that the result depends on.

    Yields:
        The path of a file and its status; or the path of a file or subfolder that cannot be read, and the error.

    Raises:
        OSError: the folder itself cannot be read.
    """
    visited = Visited() if visited is None else visited
    seen: set[Identity] = set()
    # The open folders, the innermost last. A recursive function would fail for very deep folders.
    levels = [_Level(folder, seen, visited)]
    while levels:
        level = levels[-1]
        entry = next(level.entries, None)
        if entry is None:
            levels.pop()
            continue
        if is_excluded(entry.path):
            continue
        try:
            if entry.is_dir():
                # In the folder of a volume, all names are links, except those of other mounts.
                is_frozen = level.is_frozen and not (level.is_volume and not entry.is_symlink())
                levels.append(_Level(entry.path, seen, visited, is_frozen=is_frozen))
                continue
            if entry.name.endswith(MANIFEST_SUFFIXES) or entry.name in also_named:
                status = entry.stat()
                level.add(entry.path, status)
                if stat.S_ISREG(status.st_mode):
                    yield entry.path, status
            elif entry.is_symlink():
                level.add_target(entry)
        except (FileNotFoundError, NotADirectoryError):
            visited.doubt()  # It was removed meanwhile, or is a link that leads nowhere.
        except OSError as error:
            visited.doubt()
            yield entry.path, error


class _Level:
    """An open folder.

    Attributes:
        entries: those that are not hidden, sorted by name; none if the folder was visited before.
        is_frozen: whether it is, or is in, a volume with :data:`DATA_LINK`. Its content then changes only together with
            the stamp of a folder that was visited before.
    """

    __slots__ = ("_visited", "entries", "is_frozen", "is_volume")

    def __init__(self, folder: str, seen: set[Identity], visited: Visited, *, is_frozen: bool = False) -> None:
        self._visited = visited
        self.is_frozen, self.is_volume = is_frozen, False
        self.entries: Iterator[os.DirEntry[str]] = iter(())
        status = os.stat(folder)
        self.add(folder, status)
        itself = identity(status)
        if itself in seen:
            return
        seen.add(itself)
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda each: each.name)
        self.is_volume = any(each.name == DATA_LINK and each.is_symlink() for each in entries)
        self.is_frozen = is_frozen or self.is_volume
        self.entries = (each for each in entries if not each.name.startswith(".") and each.name != LOST_AND_FOUND)

    def add(self, path: str, status: os.stat_result) -> None:
        """Record the stamp of a file or folder, unless this folder is frozen: then a recorded stamp changes with it."""
        if not self.is_frozen:
            self._visited.add(path, status)

    def add_target(self, link: os.DirEntry[str]) -> None:
        """Record the stamp of a link's target, which can become a folder."""
        try:
            self.add(link.path, link.stat())
        except OSError:
            self._visited.doubt()


def identity(status: os.stat_result) -> Identity:
    """Return the identity of a file or folder. It is equal for all paths that lead to it."""
    return status.st_dev, status.st_ino


def read_manifest_file(path: str | Path) -> bytes:
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
