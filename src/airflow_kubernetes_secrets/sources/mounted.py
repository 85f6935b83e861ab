"""Mounted files as Secrets. ``docs/how-to/mounted-secrets.md`` describes them for users.

In the folder that the option ``path`` names, ``connections/<id>`` is a connection: a file with the whole value, or a
folder whose files are the keys of a Secret. In the same way, ``variables/<id>`` is a variable, and ``config/<id>`` an
option. ``secrets/<name>`` is a whole Secret for ``references``. A folder ``<id>`` with a file ``type`` is a service
binding, and a connection too: https://servicebinding.io
"""

from __future__ import annotations

import os
from binascii import b2a_base64
from collections.abc import Collection, Iterator, Mapping, Sequence

from airflow_kubernetes_secrets.errors import MountedFileError
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value, looks_hashed
from airflow_kubernetes_secrets.kubernetes.labels import is_data_key
from airflow_kubernetes_secrets.kubernetes.manifest_files import MANIFEST_SUFFIXES
from airflow_kubernetes_secrets.kubernetes.mounted_folder import MountedContent, MountedFolder, Version, is_of_volume
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Secret
from airflow_kubernetes_secrets.options.accepted_values import IN_REFERENCES
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.query import NameQuery, Query

CONNECTIONS = "connections"
KIND_FOLDERS = (CONNECTIONS, "variables", "config")

# The folder with whole Secrets.
WHOLE_SECRETS = "secrets"

# The file that every service binding contains. Service bindings are directly in the folder that `path` names.
BINDING = "type"
BINDINGS = ""


class MountedSecret(Secret):
    """A mounted file or folder as a Secret.

    Its namespace is the path of the folder that contains it, and its name is the name of the file. So messages contain
    its path.

    Attributes:
        lookup_namespace: the namespace in which lookups find it.
        ignored: the names in its folder that are no keys of it.
    """

    __slots__ = ("ignored", "lookup_namespace")

    annotation_suffix = IN_REFERENCES
    ignored: Sequence[str]
    lookup_namespace: str

    def __init__(
        self,
        folder: str,
        name: str,
        labels: Mapping[str, str],
        data: Mapping[str, str],
        *,
        lookup_namespace: str,
        annotations: Mapping[str, str] | None = None,
        ignored: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, name, "", labels, data, annotations=annotations)
        object.__setattr__(self, "ignored", ignored)
        object.__setattr__(self, "lookup_namespace", lookup_namespace)

    @property
    def can_be_annotated(self) -> bool:
        """Whether a user can add annotations: for a whole Secret, a reference in the options can contain them."""
        return not self.labels

    @property
    def path(self) -> str:
        """The path of the file or folder."""
        return f"{self.namespace.rstrip('/')}/{self.name}"

    @property
    def has_hashed_name(self) -> bool:
        """Whether the name contains only the hash of an id."""
        return bool(self.labels) and looks_hashed(self.name)

    @property
    def is_of_unknown_id(self) -> bool:
        """Whether the id is unknown until it is looked up."""
        return self.has_hashed_name and self.annotations is None

    def of_id(self, label: str, identifier: str) -> MountedSecret:
        """Return a copy of the Secret with the id of a lookup. The name of its file contains only the hash."""
        return MountedSecret(
            self.namespace,
            self.name,
            self.labels,
            self.data,
            lookup_namespace=self.lookup_namespace,
            annotations={label: identifier},
            ignored=self.ignored,
        )


class FolderState:
    """The state of the folder of ``path`` and its subfolders, as a source last read them.

    Attributes:
        manifests: the paths of the folders with manifests of Secrets. These folders are not mounted Secrets, whatever
            their names.
        broken: the paths of the folders in which something cannot be read, or not as manifests. It can be meant as the
            key of a mounted Secret, so these folders can be mounted Secrets.
        without_manifest: the paths of the files with a name like that of a manifest that contain something else.
        token: the same object as long as none of these folders has changed. Until then, each has the same names, and
            each volume the same files.
    """

    __slots__ = ("broken", "manifests", "token", "without_manifest")

    def __init__(
        self, manifests: Collection[str], broken: Collection[str], without_manifest: Collection[str], token: object
    ) -> None:
        self.manifests = manifests
        self.broken = broken
        self.without_manifest = without_manifest
        self.token = token


class _Names:
    """The names in a folder, and the token of :class:`FolderState` when these names were read."""

    __slots__ = ("names", "token")

    def __init__(self, names: frozenset[str], token: object) -> None:
        self.names = names
        self.token = token


class _Found:
    """The last result of reading a file or folder.

    Attributes:
        secret: the Secret; ``None`` if the file or folder is not a mounted Secret.
        version: its version; ``None`` if its content can change without changing the version.
        token: that of :class:`FolderState` at that time; ``None`` if its content can change without changing the token.
    """

    __slots__ = ("secret", "token", "version")

    def __init__(self, secret: MountedSecret | None, version: Version | None, token: object | None) -> None:
        self.secret = secret
        self.version = version
        self.token = token


class Mounted:
    """The mounted Secrets in a folder."""

    def __init__(self, path: str, namespace: str, options: Options) -> None:
        """Create it. Nothing is read yet.

        Args:
            namespace: the namespace whose queries find mounted Secrets.
        """
        self._folder = MountedFolder(path)
        self._namespace = namespace
        self._labels: dict[str, str] = {}
        self._data_keys: dict[str, str] = {}
        for kind in KIND_FOLDERS:
            label = getattr(options, f"{kind}_label")
            if label is not None:
                self._labels[kind] = label
                self._data_keys[kind] = getattr(options, f"{kind}_data_key")
        # Each entry is replaced as a whole, so that an interrupted lookup leaves nothing half done.
        self._names: dict[str, _Names] = {}
        self._found: dict[tuple[str, str], _Found] = {}

    def find(self, query: Query, state: FolderState) -> Iterator[MountedSecret]:
        """Yield the Secrets for a query.

        Raises:
            MountedFileError: one cannot be read.
        """
        if query.resource is not SECRETS or query.namespace not in (None, self._namespace):
            return
        if isinstance(query, NameQuery):
            yield from self._secret(WHOLE_SECRETS, query.name, state)
            return
        for kind, label in self._labels.items():
            # A name with a hash belongs to the id that has this hash, and never to an id that equals the name.
            if label == query.label and not looks_hashed(query.identifier):
                names = (query.value,) if query.value == query.identifier else (query.identifier, query.value)
                for subfolder in (kind, BINDINGS) if kind == CONNECTIONS else (kind,):
                    for name in names:
                        yield from self._secret(subfolder, name, state, query.identifier)

    def all(self, state: FolderState) -> tuple[Sequence[MountedSecret], Mapping[str, str]]:
        """Return all Secrets, and the problems of those that cannot be read, by the path of the file or folder."""
        secrets: list[MountedSecret] = []
        problems: dict[str, str] = {}
        # This is the order of :meth:`find`: of equal names, the first is used.
        for subfolder in (*KIND_FOLDERS, BINDINGS, WHOLE_SECRETS):
            try:
                names = self._names_in(subfolder, state)
            except MountedFileError as error:
                problems[self._path(subfolder)] = str(error)
                continue
            for name in sorted(names):
                try:
                    secrets += self._secret(subfolder, name, state)
                except MountedFileError as error:
                    problems[self._path(subfolder, name)] = str(error)
        return secrets, problems

    def includes(self, path: str, state: FolderState) -> bool:
        """Return whether a path below this folder is, or is in, a mounted Secret, even one that cannot be read."""
        names = path.removeprefix(self._folder.path("")).split("/")
        subfolder = names.pop(0) if names[0] in (*KIND_FOLDERS, WHOLE_SECRETS) else BINDINGS
        try:
            if names:
                return any(True for _ in self._secret(subfolder, names[0], state))
            self._names_in(subfolder, state)
        except MountedFileError:
            return True
        return False

    def unused(self, query: Query, state: FolderState) -> Iterator[tuple[str, str]]:
        """Yield the files and folders that have the name for a query, or of its kind, and are no mounted Secrets.

        Each is the name of the subfolder that it is in, and its own name. :meth:`find` must have been called before.
        """
        if isinstance(query, NameQuery):
            candidates = [(WHOLE_SECRETS, query.name)]
        else:
            kinds = [kind for kind, label in self._labels.items() if label == query.label]
            both = dict.fromkeys((query.identifier, query.value))
            names = (*both, *(f"{query.identifier}{suffix}" for suffix in MANIFEST_SUFFIXES))
            candidates = [(kind, name) for kind in kinds for name in names]
            candidates += [(BINDINGS, name) for name in both if kinds and name not in (*KIND_FOLDERS, WHOLE_SECRETS)]
            # A file in place of the folder of a kind has no names in it.
            candidates += [(BINDINGS, kind) for kind in kinds if not self._names_in(kind, state)]
        for subfolder, name in candidates:
            if self._has(subfolder, name, state) and not self.includes(self._path(subfolder, name), state):
                yield subfolder, name

    def _has(self, subfolder: str, name: str, state: FolderState) -> bool:
        try:
            return name in self._names_in(subfolder, state)
        except MountedFileError:
            return False

    @property
    def folder(self) -> MountedFolder:
        """The folder that contains them."""
        return self._folder

    @property
    def kinds(self) -> Collection[str]:
        """The kinds that are looked up by label."""
        return self._labels.keys()

    def _secret(
        self, subfolder: str, name: str, state: FolderState, identifier: str | None = None
    ) -> Iterator[MountedSecret]:
        """Yield the Secret of a file or folder, if it is one.

        Args:
            subfolder: the name of the subfolder that it is in; :data:`BINDINGS` for none.
            identifier: the id of the lookup, if it is known.
        """
        if name not in self._names_in(subfolder, state):
            return
        key = (subfolder, name)
        found = self._found.get(key)
        if found is None or found.token is not state.token:
            found = self._found[key] = self._current(subfolder, name, state, found, is_id=identifier is not None)
        secret = found.secret
        if secret is None:
            return
        if identifier is not None and identifier != name and secret.annotations is None:
            secret = self._make(subfolder, name, secret.data, identifier, secret.ignored)
            self._found[key] = _Found(secret, found.version, found.token)
        yield secret

    def _current(self, subfolder: str, name: str, state: FolderState, before: _Found | None, *, is_id: bool) -> _Found:
        """Return the current result for a file or folder. It is read only if it may have changed."""
        names = (subfolder, name) if subfolder else (name,)
        path = self._path(subfolder, name)
        if path in state.manifests or not self._may_be_secret(subfolder, name, state, is_id=is_id):
            return _Found(None, None, None)
        if subfolder != BINDINGS and name.endswith(MANIFEST_SUFFIXES) and not os.path.isdir(path):  # noqa: PTH112  # a string
            return _Found(None, None, None)  # if it is a file, it is a manifest
        if before is not None and before.version and self._folder.is_unchanged(before.version, *names):
            token = state.token if is_of_volume(before.version) else None
            return _Found(before.secret, before.version, token)
        content = self._folder.read(*names)
        data = None if content is None else self._data(content, subfolder, name)
        if content is None or data is None:
            return _Found(None, None, None)
        secret = None if before is None else before.secret
        if secret is None or secret.data != data or secret.ignored != content.ignored:
            secret = self._make(subfolder, name, data, None, content.ignored)
        version = content.version if content.is_settled else None
        return _Found(secret, version, state.token if is_of_volume(content.version) else None)

    def _may_be_secret(self, subfolder: str, name: str, state: FolderState, *, is_id: bool) -> bool:
        """Return whether a file or folder can be a mounted Secret, judging by its name and the names in it.

        Args:
            is_id: whether an id with this name is looked up.

        Raises:
            MountedFileError: the names in it cannot be read, and an id with its name is looked up.
        """
        if subfolder != BINDINGS:
            return subfolder == WHOLE_SECRETS or subfolder in self._labels
        if name in (*KIND_FOLDERS, WHOLE_SECRETS) or CONNECTIONS not in self._labels:
            return False
        try:
            return BINDING in self._names_in(name, state)
        except MountedFileError:
            if is_id:
                raise
            return False  # the folder may have nothing to do with Airflow

    def _data(self, content: MountedContent, subfolder: str, name: str) -> dict[str, str] | None:
        """Return the data of the Secret; ``None`` if the file or folder is not a mounted Secret."""
        files = content.files
        if isinstance(files, bytes):
            # A file is the value of an id, so it is in the folder of a kind.
            return {self._data_keys[subfolder]: _base64(files)} if subfolder in self._data_keys else None
        names = [*files, *(each for each in content.ignored if not is_data_key(each))]
        if not is_of_volume(content.version) and all(each.endswith(MANIFEST_SUFFIXES) for each in names):
            return None  # a folder for manifests, which may be empty at the moment
        return {each: _base64(files[each]) for each in files}

    def _make(
        self, subfolder: str, name: str, data: Mapping[str, str], identifier: str | None, ignored: Sequence[str]
    ) -> MountedSecret:
        """Return the Secret.

        Args:
            identifier: the id whose hash the name contains, if it is known.
            ignored: the names in its folder that are no keys.
        """
        labels, annotations = {}, None
        if subfolder != WHOLE_SECRETS:
            label = self._labels[subfolder or CONNECTIONS]
            labels[label] = label_value(name)
            if identifier is not None or labels[label] != name:
                annotations = {label: identifier or name}
        return MountedSecret(
            self._path(subfolder),
            name,
            labels,
            data,
            lookup_namespace=self._namespace,
            annotations=annotations,
            ignored=ignored,
        )

    def _path(self, subfolder: str, *name: str) -> str:
        return self._folder.path(subfolder, *name) if subfolder else self._folder.path(*name)

    def _names_in(self, subfolder: str, state: FolderState) -> frozenset[str]:
        """Return the names in a subfolder; none if it does not exist."""
        before = self._names.get(subfolder)
        if before is not None and before.token is state.token:
            return before.names
        found = self._read_names((subfolder,) if subfolder else (), state)
        self._names[subfolder] = _Names(found, state.token)
        if before is not None:
            for name in before.names - found:
                self._found.pop((subfolder, name), None)
        return found

    def _read_names(self, names: tuple[str, ...], state: FolderState) -> frozenset[str]:
        try:
            return self._folder.names(*names)
        except MountedFileError:
            if self._folder.path(*names) in state.manifests:
                return frozenset()
            raise


def absolute_path(path: str) -> str:
    """Return the folder that the option ``path`` names now. A relative path starts at the working directory."""
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111  # Path raises for '~nobody'


def _base64(content: bytes) -> str:
    return b2a_base64(content, newline=False).decode("ascii")
