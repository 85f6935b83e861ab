"""A folder of mounted files, such as volumes of Secrets. Files of different versions are never combined.

The kubelet and the CSI driver for Secrets write all files of a volume to a new folder. Then they replace the link
``..data``, so that it leads to this folder. They never use the name of such a folder again. So all files are read in
the folder to which the link leads at the start. The result is valid only if the link has the same target at the end,
because nothing in that folder was deleted until then. Files outside volumes are compared by their stamps instead.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic

from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.kubernetes.file_stamps import is_settled, stamp_of
from airflow_kubernetes_secrets.kubernetes.labels import is_data_key
from airflow_kubernetes_secrets.kubernetes.manifest_files import (
    DATA_LINK,
    LARGEST_FILE_BYTES,
    LOST_AND_FOUND,
    MANIFEST_SUFFIXES,
)

# Two versions are equal only if nothing has changed in between. A version is determined without reading a file.
Version = tuple[object, ...]

# A volume is updated at most about once a second, and reading a Secret takes a fraction of a millisecond. A large file
# outside volumes can take much longer to read, and the process must not wait for it without end.
_ATTEMPTS = 1000
_LONGEST_SECONDS = 2.0

_ABSENT = (errno.ENOENT, errno.ENOTDIR)
# The exceptions for these errors. If they occur after a file or folder was found, it has just been replaced.
_ABSENT_ERRORS = (FileNotFoundError, NotADirectoryError)

# What is wrong with a path, with the remedy.
LEADS_NOWHERE = "is a link that leads nowhere. Correct or remove it"
_IS_NEITHER = "is neither a file nor a folder. Replace it by a file, or remove it"

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a pipe would wait for its other end


class MountedContent:
    """What a mounted file or folder contained at one moment. Its ``repr`` does not show it.

    Attributes:
        files: the content of a file; or the contents of the files in a folder, by name.
        ignored: the other names in a folder: those of subfolders, and those that no key of a Secret can have.
        version: the version of the file or folder.
        is_settled: whether every later change will change the version too.
    """

    __slots__ = ("files", "ignored", "is_settled", "version")

    def __init__(
        self, files: bytes | Mapping[str, bytes], ignored: Sequence[str], version: Version, *, is_settled: bool
    ) -> None:
        self.files = files
        self.ignored = ignored
        self.version = version
        self.is_settled = is_settled


def is_of_volume(version: Version) -> bool:
    """Return whether a version is that of a volume."""
    return version[0] == DATA_LINK


class MountedFolder:
    """A folder with mounted files. All methods take the names of a path relative to this folder.

    A link is followed only if its target is in this folder. Among the files of a volume, no link is followed, because
    the kubelet creates none there. What is in the folder of a volume and is no link, such as another mount, does not
    belong to the volume.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def path(self, *names: str) -> str:
        """Return the path of a file or folder."""
        return os.path.join(self._path, *names)

    def names(self, *names: str) -> frozenset[str]:
        """Return the names in a folder that are not hidden; none if there is no such folder.

        Raises:
            MountedFileError: it cannot be read, or is a link that leads nowhere.
        """
        problem: MountedFileError | None
        for _ in _attempts():
            with self._errors(names):
                before = self.version(*names)
                if before is None:
                    self._refuse_dangling_link(names)
                    return frozenset()
                found: frozenset[str] = frozenset()
                problem = None
                try:
                    with self._opened(names, before[0]) as folder:
                        if stat.S_ISDIR(os.fstat(folder).st_mode):
                            found = frozenset(filter(_is_visible, os.listdir(folder)))
                            if is_of_volume(before[0]):
                                found |= _other_names(self.path(*names), found)
                except MountedFileError as error:
                    problem = error
                except _ABSENT_ERRORS:
                    pass
                after = self.version(*names)
                if after is not None and after[0] == before[0]:
                    if problem is not None:
                        raise problem
                    if not found:
                        self._refuse_other_link(names, before[0])
                    return found
        raise self._keeps_changing(names)

    def read(self, *names: str) -> MountedContent | None:
        """Return the content of a file or folder; ``None`` if there is none of this name.

        Raises:
            MountedFileError: it cannot be read, is too large, or is neither a file nor a folder, or is a link that is
                not followed or leads nowhere; or this applies to something in the folder that has the name of a key.
        """
        problem: MountedFileError | None
        for _ in _attempts():
            with self._errors(names):
                before = self.version(*names, with_files=True)
                if before is None:
                    self._refuse_dangling_link(names)
                    return None
                content = problem = None
                try:
                    with self._opened(names, before[0]) as found:
                        content = self._content_of(found, names, is_volume=is_of_volume(before[0]))
                except MountedFileError as error:
                    problem = error
                except _ABSENT_ERRORS:
                    pass
                after = self.version(*names, with_files=True)
                if after is not None and after[0] == before[0]:
                    if problem is not None:
                        raise problem
                    if content is not None:
                        return MountedContent(*content, before[0], is_settled=before[1])
                    self._refuse_other_link(names, before[0])
                    if not is_of_volume(before[0]):
                        raise MountedFileError(f"{self.path(*names)} {_IS_NEITHER}")
                    return None
        raise self._keeps_changing(names)

    def version(self, *names: str, with_files: bool = False) -> tuple[Version, bool] | None:
        """Return the version of a file or folder, and whether it is settled; ``None`` if there is none of this name.

        For a path in a volume, it is the version of the whole volume.

        Args:
            with_files: whether the files in the folder matter, and not only their names.

        Raises:
            OSError: it cannot be read.
        """
        innermost: Version = ()
        for path in self._folders(names):
            if innermost and innermost[1] == os.path.dirname(path) and _is_no_link(path):
                innermost = ()
            # A volume can be mounted in another one.
            if link := _data_link(path):
                innermost = (DATA_LINK, path, link)
        if innermost:
            return innermost, True
        try:
            status = os.stat(path)
            if not with_files or not stat.S_ISDIR(status.st_mode):
                return ("", stamp_of(status)), is_settled(status)
            each = _statuses(path)
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise
        stamps = ((name, stamp_of(each[name])) for name in sorted(each))
        return ("", stamp_of(status), *stamps), all(map(is_settled, (status, *each.values())))

    def _folders(self, names: tuple[str, ...]) -> Iterator[str]:
        """Yield this folder, and each path below it up to the one of the names."""
        path = self._path
        yield path
        for name in names:
            path = f"{path}/{name}"
            yield path

    def _is_in_volume(self, names: tuple[str, ...]) -> bool:
        with suppress(OSError):
            return any(map(_data_link, self._folders(names)))
        return False

    def is_unchanged(self, version: Version, *names: str) -> bool:
        """Return whether a file or folder that was read still has this version. If that is not known, return False."""
        try:
            if len(version) == 2:  # of one file outside volumes, where its stamp is enough
                return stamp_of(os.stat(self.path(*names))) == version[1]
            found = self.version(*names, with_files=True)
        except OSError:
            return False  # reading it raises an error that says more
        return found is not None and found[0] == version

    @contextmanager
    def _opened(self, names: tuple[str, ...], version: Version) -> Iterator[int]:
        """Yield the descriptor of a file or folder. In a volume, it is opened in the folder of this version.

        Raises:
            MountedFileError: the folder of this version does not exist. If this is not because of an update, nothing is
                known of the volume.
            OSError: it cannot be opened.
        """
        below = names[:0]
        if is_of_volume(version):
            _, volume, link = version
            below = names[str(volume).removeprefix(self._path).count("/") :]
            try:
                descriptor = _open(f"{volume}/{link}")
            except _ABSENT_ERRORS:
                raise MountedFileError(f"{volume}/{DATA_LINK} {LEADS_NOWHERE}") from None
        else:
            descriptor = _open(self._followed(self.path(*names)))
        try:
            for name in below:
                inner = _open(name, descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _refuse_other_link(self, names: tuple[str, ...], version: Version) -> None:
        """Refuse a link in the folder of a volume that the kubelet has not created.

        Raises:
            MountedFileError: the path is, or is below, such a link.
        """
        if not is_of_volume(version):
            return
        volume = str(version[1])
        below = names[volume.removeprefix(self._path).count("/") :]
        if below and _is_other_link(f"{volume}/{below[0]}"):
            raise MountedFileError(
                f"{volume}/{below[0]} is a link in a volume, and such a link is not followed. Replace it by what it "
                "leads to"
            )

    def _refuse_dangling_link(self, names: tuple[str, ...]) -> None:
        """Refuse a link that leads nowhere: somebody meant it as the file or folder of this name.

        Raises:
            MountedFileError: the path is such a link. The kubelet's links are in volumes, so they are none of these.
        """
        if os.path.islink(self.path(*names)):
            raise MountedFileError(f"{self.path(*names)} {LEADS_NOWHERE}")

    def _content_of(
        self, found: int, names: tuple[str, ...], *, is_volume: bool
    ) -> tuple[bytes | Mapping[str, bytes], Sequence[str]] | None:
        """Return the files and the ignored names in what is open, as :class:`MountedContent` has them.

        The result is ``None`` if it is neither a file nor a folder.
        """
        mode = os.fstat(found).st_mode
        if not stat.S_ISDIR(mode):
            return (self._read(found, LARGEST_FILE_BYTES, names), ()) if stat.S_ISREG(mode) else None
        files: dict[str, bytes] = {}
        ignored: list[str] = []
        left = LARGEST_FILE_BYTES
        for name in sorted(filter(_can_be_key, os.listdir(found))):
            content = None
            if is_data_key(name):
                try:
                    content = self._content_of_key(found, (*names, name), left, is_volume=is_volume)
                except _ABSENT_ERRORS:
                    if is_volume:
                        raise  # the version is being deleted
                    continue  # it was removed meanwhile
            if content is None:
                ignored.append(name)
            else:
                files[name] = content
                left -= len(content)
        return files, tuple(ignored)

    def _content_of_key(self, folder: int, names: tuple[str, ...], limit: int, *, is_volume: bool) -> bytes | None:
        """Return the content of a file in an open folder; ``None`` if it is a folder.

        Raises:
            MountedFileError: it cannot be read, or is neither a file nor a folder.
            OSError: it does not exist any more.
        """
        is_dangling = False
        with self._errors(names):
            try:
                with self._opened_in(folder, names, is_volume=is_volume) as file:
                    mode = os.fstat(file).st_mode
                    if stat.S_ISREG(mode):
                        return self._read(file, limit, names)
            except PermissionError:
                mode = os.stat(names[-1], dir_fd=folder).st_mode
                if not stat.S_ISDIR(mode):
                    raise
            except _ABSENT_ERRORS:
                mode = os.stat(names[-1], dir_fd=folder, follow_symlinks=False).st_mode
                is_dangling = stat.S_ISLNK(mode)
        if stat.S_ISDIR(mode):
            return None
        raise MountedFileError(f"{self.path(*names)} {LEADS_NOWHERE if is_dangling else _IS_NEITHER}")

    @contextmanager
    def _opened_in(self, folder: int, names: tuple[str, ...], *, is_volume: bool) -> Iterator[int]:
        """Yield the descriptor of a file in an open folder."""
        try:
            file = _open(names[-1], folder)
        except OSError as error:
            if error.errno != errno.ELOOP or is_volume:
                raise
            file = _open(self._followed(self.path(*names)))
        try:
            yield file
        finally:
            os.close(file)

    def _read(self, file: int, limit: int, names: tuple[str, ...]) -> bytes:
        """Return the content of an open file."""
        with os.fdopen(file, "rb", closefd=False) as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise MountedFileError(
                f"{self.path(*names)} has more than {LARGEST_FILE_BYTES // 1024**2} MiB, the limit for a mounted "
                "Secret. A Secret in Kubernetes has at most 1 MiB; check what is mounted there"
            )
        return content

    def _followed(self, path: str) -> str:
        """Return the path to which links lead.

        Raises:
            MountedFileError: it is not in this folder.
        """
        target = os.path.realpath(path)
        folder = os.path.realpath(self._path)
        if target == folder or target.startswith(f"{folder.rstrip('/')}/"):
            return target
        raise MountedFileError(
            f"{path} is a link that leaves {self._path}, and such a link is not followed. Replace it by what it leads "
            "to"
        )

    @contextmanager
    def _errors(self, names: tuple[str, ...]) -> Iterator[None]:
        """Explain the errors of the file system."""
        try:
            yield
        except _ABSENT_ERRORS:
            raise
        except PermissionError:
            problem = (
                "cannot be read by Airflow's user (permission denied). Set fsGroup in the pod's securityContext to a "
                "group of that user, or a defaultMode of the volume that lets it read, such as 0444"
            )
        except OSError as error:
            if error.errno != errno.ELOOP:
                problem = f"cannot be read: {error.strerror or type(error).__name__}. Check the volume"
            elif self._is_in_volume(names):
                problem = "is a link in a volume, and such a link is not followed. Replace it by what it leads to"
            else:
                problem = "is a link that leads back to itself. Replace it by a file or folder"
        else:
            return
        raise MountedFileError(f"{self.path(*names)} {problem}")

    def _keeps_changing(self, names: tuple[str, ...]) -> MountedFileError:
        return MountedFileError(
            f"{self.path(*names)} changed during each attempt to read it. Find out what writes to it so often"
        )


def _open(path: str, folder: int | None = None) -> int:
    """Return the descriptor of a file or folder.

    Args:
        folder: the descriptor of the folder that a relative path is in.

    Raises:
        OSError: it cannot be opened.
    """
    try:
        return os.open(path, _OPEN, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ENXIO:
            # A socket. The callers find out that something is there, and that it is neither a file nor a folder.
            raise FileNotFoundError(path) from None
        raise


def _attempts() -> Iterator[None]:
    """Yield for each attempt to read something that may change meanwhile, at least once."""
    ends = monotonic() + _LONGEST_SECONDS
    for _ in range(_ATTEMPTS):
        yield
        if monotonic() >= ends:
            return


def _statuses(folder: str) -> dict[str, os.stat_result]:
    """Return the status of everything in a folder, by name. For a link that cannot be followed, it is its own."""
    statuses = {}
    with os.scandir(folder) as found:
        for entry in found:
            if _can_be_key(entry.name):
                try:
                    statuses[entry.name] = entry.stat()
                except OSError:
                    with suppress(*_ABSENT_ERRORS):
                        statuses[entry.name] = entry.stat(follow_symlinks=False)
    return statuses


def _other_names(folder: str, names: Collection[str]) -> frozenset[str]:
    """Return the names in the folder of a volume that are not those of its files, such as the names of other mounts.

    Links to manifests are followed wherever they are, so they are omitted.
    """
    with os.scandir(folder) as found:
        others = [each.name for each in found if _is_visible(each.name) and each.name not in names]
    return frozenset(
        name
        for name in others
        if _is_no_link(f"{folder}/{name}")
        or (_is_other_link(f"{folder}/{name}") and not name.endswith(MANIFEST_SUFFIXES))
    )


def _is_no_link(path: str) -> bool:
    """Return whether something exists and is not a link."""
    try:
        return not stat.S_ISLNK(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_other_link(path: str) -> bool:
    """Return whether a path in the folder of a volume is a link that the kubelet has not created.

    The kubelet's links lead to the file of the same name in the current version. While it updates the volume, such a
    link can lead nowhere.
    """
    folder, _slash, name = path.rpartition("/")
    try:
        link = os.readlink(path)
    except OSError:
        return False
    return link not in (f"{DATA_LINK}/{name}", f"{folder}/{DATA_LINK}/{name}")


def _data_link(folder: str) -> str:
    """Return the name of the folder with the current version of a volume; empty if this folder is no volume."""
    try:
        link = os.readlink(f"{folder}/{DATA_LINK}")
    except OSError as error:
        if error.errno in (*_ABSENT, errno.EINVAL):
            return ""
        raise
    # The kubelet's links lead to a folder in the volume.
    return "" if "/" in link or link in (".", "..") else link


def _can_be_key(name: str) -> bool:
    """Return whether a file can be a key of a Secret, such as ``.dockerconfigjson``. The kubelet's own names cannot."""
    return not name.startswith("..") and name != LOST_AND_FOUND


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name != LOST_AND_FOUND
