"""Stamps of files and folders. As long as the stamp of a file or folder is the same, the file or folder is unchanged.

This is certain only if the file or folder is settled, which means that its last change was some seconds ago.
"""

from __future__ import annotations

import os
from time import time

# File systems record the time of a change in steps of milliseconds, or in some cases of two seconds. What has just
# changed may change again within the same step.
_SETTLED_AFTER_SECONDS = 2.0

Stamp = tuple[int, ...]


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file or folder: its times, size and inode.

    The stamp of a folder changes if a name in it is added, removed or replaced. It does not change with the content of
    a file in the folder. The change time of the inode is included, because tools that copy files set the modification
    time back.
    """
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


def is_settled(status: os.stat_result) -> bool:
    """Return whether every later change will change the stamp too: the last change was some seconds ago."""
    return time() - status.st_ctime >= _SETTLED_AFTER_SECONDS


class Visited:
    """The stamps of everything that was visited in a folder and its subfolders.

    Attributes:
        are_certain: whether every later change will change one of the stamps.
    """

    __slots__ = ("_stamps", "are_certain")

    def __init__(self) -> None:
        self._stamps: dict[str, Stamp] = {}
        self.are_certain = True

    def add(self, path: str, status: os.stat_result) -> None:
        """Add a file or folder. Its status must have been read before its content."""
        self._stamps[path] = stamp_of(status)
        self.are_certain = self.are_certain and is_settled(status)

    def doubt(self) -> None:
        """Note that something could not be visited, so that a change of it would not be noticed."""
        self.are_certain = False

    def are_unchanged(self) -> bool:
        """Return whether nothing has changed. If that is not certain, return False."""
        try:
            return (
                bool(self._stamps)
                and self.are_certain
                and all(stamp_of(os.stat(path)) == stamp for path, stamp in self._stamps.items())
            )
        except OSError:
            return False
