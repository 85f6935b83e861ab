"""Files that a devserver creates and removes. It never replaces or removes other files.

An existing file is not replaced, and a file that was changed later is not removed. A record in the same folder lists
the files, each with a digest. The record is locked while the devserver runs. So two devservers cannot use the same
files, and the next devserver recognises and removes the files that a killed devserver has left.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from airflow_kubernetes_secrets import safe_files

RECORD = ".airflow-kubernetes-secrets-devserver"

_FOLDER_MODE = 0o700
_FILE_MODE = 0o600

# The first line of a record. What was created is listed below it.
_HEADER = b"# A devserver of airflow-kubernetes-secrets has created this, and removes it when it ends:\n"
_FOLDER = "folder"  # stored in place of a digest
_HERE = "."  # the folder that contains the record
_OTHER_FOLDER = "choose another directory"

# The devserver's own files and records are smaller than this.
_LARGEST = 1024 * 1024

# Another devserver may remove the record between the two steps that open and lock it.
_ATTEMPTS = 10


class OwnFiles:
    """The files that one devserver creates in one folder, and in folders that it creates there."""

    def __init__(self, folder: Path, record: str, claimed: Path, remedy: str) -> None:
        """Lock the record, and remove the files that it lists: a killed devserver has left them.

        Args:
            folder: it must exist.
            record: the file name of the record.
            claimed: the path that no other devserver may use; error messages name it.
            remedy: the end of the error messages, after "or".

        Raises:
            OSError: another running devserver has locked the record, or the file is not a record.
        """
        self.folder = folder
        self._record = record
        self._claimed = claimed
        self._remedy = remedy
        self._created: list[tuple[str, str]] = []
        lock = self._locked()
        self._lock: int | None = lock
        try:
            found = self._remove_leftovers(lock)
            os.ftruncate(lock, 0)
            os.lseek(lock, 0, os.SEEK_SET)
            os.write(lock, _HEADER)
            if (_FOLDER, _HERE) in found:
                self._note(_FOLDER, _HERE)
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def in_folder(cls, folder: Path) -> OwnFiles:
        """Claim a folder; it is created if it does not exist.

        Raises:
            OSError: the folder cannot be used, or another devserver uses it.
        """
        is_new = not folder.is_dir()
        if is_new:
            try:
                folder.mkdir(_FOLDER_MODE, parents=True)
            except FileExistsError:
                raise FileExistsError(f"{folder} is not a folder. Move it away, or {_OTHER_FOLDER}") from None
        own = cls(folder, RECORD, folder, _OTHER_FOLDER)
        if is_new:
            own._note(_FOLDER, _HERE)
        return own

    @classmethod
    def for_file(cls, file: Path) -> OwnFiles:
        """Claim one file in a folder that contains other files.

        Raises:
            OSError: the folder does not exist, or another devserver uses the file.
        """
        return cls(file.parent, f".{file.name}{RECORD}", file, "choose another ready file")

    def make_folder(self, name: str) -> Path:
        """Create a folder.

        Raises:
            FileExistsError: a file or folder of that name exists.
        """
        with safe_files.open_folder(self.folder) as folder:
            try:
                os.mkdir(name, _FOLDER_MODE, dir_fd=folder)
            except FileExistsError:
                raise self._not_ours(name) from None
        self._note(_FOLDER, name)
        return self.folder / name

    def write(self, name: str, content: bytes, mode: int = _FILE_MODE) -> Path:
        """Write a file, whole or not at all.

        Args:
            name: it may be in a folder that :meth:`make_folder` has created.

        Raises:
            FileExistsError: a file or folder of that name exists.
        """
        digest = hashlib.sha256(content).hexdigest()
        # The record is written first: the next devserver would not recognise a file that is not listed.
        self._append(digest, name)
        parent, _, file = name.rpartition("/")
        with safe_files.open_folder(self.folder, parent) as folder:
            try:
                safe_files.write_file(folder, file, content, mode, replace=False)
            except FileExistsError:
                raise self._not_ours(name) from None
        self._created.append((digest, name))
        return self.folder / name

    def remove(self) -> list[Path]:
        """Remove what was created, and release the lock. May be called more than once.

        Returns:
            The files that were not removed, because they have been changed since.
        """
        if self._lock is None:
            return []
        kept = [self.folder / name for digest, name in reversed(self._created) if not self._removed(digest, name)]
        with suppress(OSError), safe_files.open_folder(self.folder) as folder:
            if _is_at(self._lock, folder, self._record):
                os.unlink(self._record, dir_fd=folder)
        if (_FOLDER, _HERE) in self._created:
            with suppress(OSError):  # the folder is not empty
                self.folder.rmdir()
        # A forked child has the descriptor too, and would hold the lock.
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        # A signal handler may raise after each line. The number of a closed descriptor may already belong to another
        # file.
        lock, self._lock = self._lock, None
        os.close(lock)
        self._created.clear()
        return kept

    def _locked(self) -> int:
        """Return the descriptor of the record, which this process has locked."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        path = self.folder / self._record
        for _ in range(_ATTEMPTS):
            with safe_files.open_folder(self.folder) as folder:
                try:
                    lock = os.open(self._record, flags, _FILE_MODE, dir_fd=folder)
                except OSError as error:
                    if error.errno in (errno.ELOOP, errno.EMLINK, errno.EISDIR, errno.ENXIO):
                        raise self._not_ours(self._record) from None
                    raise OSError(error.errno, error.strerror, str(path)) from None
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    os.close(lock)
                    raise self._not_locked(error) from None
                if _is_at(lock, folder, self._record):
                    return lock
                os.close(lock)
        raise self._in_use()

    def _remove_leftovers(self, lock: int) -> list[tuple[str, str]]:
        """Remove what the record lists, and return the list.

        Raises:
            FileExistsError: the file is not a record.
        """
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise self._not_ours(self._record)
        content = os.pread(lock, _LARGEST, 0)
        # A devserver may have been killed while it wrote the first line.
        if not (content.startswith(_HEADER) or _HEADER.startswith(content)):
            raise self._not_ours(self._record)
        found = list(_entries(content))
        for digest, name in reversed(found):
            self._removed(digest, name)
        return found

    def _note(self, digest: str, name: str) -> None:
        self._append(digest, name)
        self._created.append((digest, name))

    def _append(self, digest: str, name: str) -> None:
        if self._lock is not None:
            os.write(self._lock, os.fsencode(f"{digest}  {name}\n"))

    def _removed(self, digest: str, name: str) -> bool:
        """Remove a file or folder. Returns False if the file has been changed since it was created, and stays."""
        parent, _, file = name.rpartition("/")
        try:
            with safe_files.open_folder(self.folder, parent) as folder:
                return _remove_folder(folder, file) if digest == _FOLDER else _remove_file(folder, file, digest)
        except OSError as error:
            return isinstance(error, FileNotFoundError)

    def _not_ours(self, name: str) -> FileExistsError:
        path = self.folder / name
        return FileExistsError(
            f"{path} already exists, and the devserver does not replace it. Move it away, or {self._remedy}"
        )

    def _not_locked(self, error: OSError) -> OSError:
        if isinstance(error, BlockingIOError):
            return self._in_use()
        path = self.folder / self._record
        return OSError(f"{path} cannot be locked: {error.strerror}. Use another file system: {self._remedy}")

    def _in_use(self) -> OSError:
        return OSError(f"another devserver uses {self._claimed}. Stop it, or {self._remedy}")


def _remove_folder(parent: int, name: str) -> bool:
    with suppress(OSError):  # the folder is not empty
        os.rmdir(name, dir_fd=parent)
    return True


def _remove_file(folder: int, name: str, digest: str) -> bool:
    safe_files.remove_partial(folder, name)
    found = safe_files.read_file(folder, name, _LARGEST)
    if found is not None and hashlib.sha256(found).hexdigest() == digest:
        os.unlink(name, dir_fd=folder)
        return True
    return found is None


def _is_at(descriptor: int, folder: int, name: str) -> bool:
    """Return whether the open file is still the one of that name."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), found)


def _entries(record: bytes) -> Iterator[tuple[str, str]]:
    """Yield what a record lists: digests and names. Skips incomplete lines, and paths that leave the folder."""
    *lines, _cut_off = os.fsdecode(record.removeprefix(_HEADER)).split("\n")
    for line in lines:
        digest, _, name = line.partition("  ")
        parts = name.split("/")
        if len(parts) <= 2 and not {"", ".."} & set(parts):
            yield digest, name
