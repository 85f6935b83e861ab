"""Everything that an id can come from, with one interface: the contract tests of lookups run on each."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.kubernetes.encoded_ids import is_uri, label_value
from airflow_kubernetes_secrets.lookup.bundles import key_for
from airflow_kubernetes_secrets.lookup.kinds import Kind
from support.manifest_sources import ManifestSource
from support.secrets import BUNDLE, CONFIG, CONNECTION, VARIABLE
from support.volumes import Volume

LABELS = {Kind.CONNECTION: CONNECTION, Kind.VARIABLE: VARIABLE, Kind.CONFIG: CONFIG}


class ValueSource(ABC):
    """Something that an id can come from.

    Attributes:
        kinds: the kinds of ids that can come from it.
        duplicated: an id that can be there twice; ``None`` if no id can.
        has_namespaces: whether it can be in any namespace.
    """

    kinds: tuple[Kind, ...] = tuple(Kind)
    duplicated: str | None = "my_db"
    has_namespaces = True

    def can_have(self, kind: Kind, identifier: str) -> bool:
        """Return whether an id can come from it."""
        return not is_uri(identifier)

    @abstractmethod
    def put(self, kind: Kind, identifier: str, value: bytes, *, number: int = 1, namespace: str | None = None) -> None:
        """Create or replace an id.

        Args:
            number: 2 for a duplicate, which comes second by name.
        """

    @abstractmethod
    def remove(self, kind: Kind, identifier: str) -> None:
        """Remove an id."""

    @abstractmethod
    def backend(self, **options: object) -> KubernetesSecretsBackend:
        """Return a backend that reads it."""

    @property
    @abstractmethod
    def namespace(self) -> str:
        """The namespace of :meth:`put`, if it is not given."""


def text_or_bytes(value: bytes) -> str | bytes:
    """Return a value as people write it: as text, if it is text that YAML can hold."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value
    return text if text.isprintable() else value


class OfPlace(ValueSource):
    """A source in an API server or in a folder of manifests."""

    object_kind = "Secret"
    options: Mapping[str, object] = {}

    def __init__(self, manifest_source: ManifestSource) -> None:
        self.manifest_source = manifest_source

    @property
    def namespace(self) -> str:
        return self.manifest_source.namespace

    def backend(self, **options: object) -> KubernetesSecretsBackend:
        return self.manifest_source.make_backend(**{**self.options, **options})


class Labelled(OfPlace):
    """A Secret with the label of the id."""

    def put(self, kind: Kind, identifier: str, value: bytes, *, number: int = 1, namespace: str | None = None) -> None:
        value_of_label = label_value(identifier)
        self.manifest_source.put(
            {LABELS[kind]: value_of_label},
            text_or_bytes(value),
            name=_name(kind, identifier, number),
            namespace=namespace,
            annotations={} if value_of_label == identifier else {LABELS[kind]: identifier},
            kind=self.object_kind,
        )

    def remove(self, kind: Kind, identifier: str) -> None:
        self.manifest_source.delete(_name(kind, identifier, 1), kind=self.object_kind)


class LabelledConfigMap(Labelled):
    kinds = (Kind.VARIABLE,)
    object_kind = "ConfigMap"
    options: Mapping[str, object] = {"config_maps": True}


class Bundled(OfPlace):
    """A key of a bundle."""

    options: Mapping[str, object] = {"bundles": True}

    def __init__(self, manifest_source: ManifestSource) -> None:
        super().__init__(manifest_source)
        self._data: dict[tuple[str | None, str], dict[str, str | bytes]] = {}

    def can_have(self, kind: Kind, identifier: str) -> bool:
        return key_for(kind, identifier) is not None

    def put(self, kind: Kind, identifier: str, value: bytes, *, number: int = 1, namespace: str | None = None) -> None:
        name = f"{kind.plural}-{number}"
        data = self._data.setdefault((namespace, name), {})
        data[identifier] = text_or_bytes(value)
        self._write(kind, name, namespace)

    def remove(self, kind: Kind, identifier: str) -> None:
        name = f"{kind.plural}-1"
        del self._data[None, name][identifier]
        self.manifest_source.delete(name, kind=self.object_kind)
        self._write(kind, name, None)

    def _write(self, kind: Kind, name: str, namespace: str | None) -> None:
        data = self._data[namespace, name]
        self.manifest_source.put(
            {BUNDLE: kind.plural}, name=name, namespace=namespace, data=data, kind=self.object_kind
        )


class BundledConfigMap(Bundled):
    kinds = (Kind.VARIABLE,)
    object_kind = "ConfigMap"
    options: Mapping[str, object] = {"bundles": True, "config_maps": True}


class Referenced(OfPlace):
    """A Secret without labels that the options name."""

    duplicated = None

    def __init__(self, manifest_source: ManifestSource) -> None:
        super().__init__(manifest_source)
        self._references: dict[str, dict[str, str]] = {}

    def put(self, kind: Kind, identifier: str, value: bytes, *, number: int = 1, namespace: str | None = None) -> None:
        name = _name(kind, identifier, number)
        reference = name if namespace is None else f"{namespace}/{name}"
        self._references.setdefault(kind.plural, {})[identifier] = reference
        self.manifest_source.put({}, text_or_bytes(value), name=name, namespace=namespace)

    def remove(self, kind: Kind, identifier: str) -> None:
        self.manifest_source.delete(_name(kind, identifier, 1))

    def backend(self, **options: object) -> KubernetesSecretsBackend:
        return super().backend(**{"references": self._references, **options})


class Mounted(ValueSource):
    """A file in a folder of mounted files."""

    duplicated: str | None = "my db"
    has_namespaces = False

    def __init__(self, mount: Path) -> None:
        self.mount = mount

    @property
    def namespace(self) -> str:
        return "first"

    def path(self, kind: Kind, identifier: str, number: int) -> Path:
        """Return the path of the file. The second one of an id has the label value as its name."""
        is_name = number == 1 and identifier == self.duplicated
        return self.mount / kind.plural / (identifier if is_name else label_value(identifier))

    def put(self, kind: Kind, identifier: str, value: bytes, *, number: int = 1, namespace: str | None = None) -> None:
        path = self.path(kind, identifier, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(value)

    def remove(self, kind: Kind, identifier: str) -> None:
        self.path(kind, identifier, 1).unlink()

    def backend(self, **options: object) -> KubernetesSecretsBackend:
        return KubernetesSecretsBackend(**{"path": str(self.mount), "namespace": self.namespace, **options})


class MountedFolder(Mounted):
    """A folder of keys."""

    def path(self, kind: Kind, identifier: str, number: int) -> Path:
        return super().path(kind, identifier, number) / "value"


class MountedVolume(Mounted):
    """A key of a Secret that is mounted as a whole."""

    def __init__(self, mount: Path) -> None:
        super().__init__(mount)
        self._volumes: dict[Kind, tuple[Volume, dict[str, str | bytes]]] = {}

    def put(self, kind: Kind, identifier: str, value: bytes, *, number: int = 1, namespace: str | None = None) -> None:
        if kind not in self._volumes:
            self._volumes[kind] = Volume(self.mount / kind.plural), {}
        volume, files = self._volumes[kind]
        files[self.path(kind, identifier, number).name] = value
        volume.write(files)

    def remove(self, kind: Kind, identifier: str) -> None:
        volume, files = self._volumes[kind]
        del files[self.path(kind, identifier, 1).name]
        volume.write(files)


class MountedWhole(Mounted):
    """A whole mounted Secret that the options name."""

    duplicated = None

    def __init__(self, mount: Path) -> None:
        super().__init__(mount)
        self._references: dict[str, dict[str, str]] = {}

    def path(self, kind: Kind, identifier: str, number: int) -> Path:
        return self.mount / "secrets" / _name(kind, identifier, number) / "value"

    def put(self, kind: Kind, identifier: str, value: bytes, *, number: int = 1, namespace: str | None = None) -> None:
        self._references.setdefault(kind.plural, {})[identifier] = _name(kind, identifier, number)
        super().put(kind, identifier, value, number=number)

    def remove(self, kind: Kind, identifier: str) -> None:
        self.path(kind, identifier, 1).parent.rename(self.mount / "removed")

    def backend(self, **options: object) -> KubernetesSecretsBackend:
        return super().backend(**{"references": self._references, **options})


def _name(kind: Kind, identifier: str, number: int) -> str:
    """Return the name of the Secret for an id. Names are in the order of the numbers."""
    readable = re.sub("[^a-z0-9]+", "-", identifier.lower()).strip("-")[:20]
    digest = b64encode(identifier.encode()).hex()[:40]
    return f"{kind.plural}-{readable or 'x'}-{digest}-{number}".replace("--", "-")


OF_PLACES: Mapping[str, type[OfPlace]] = {
    "Secret": Labelled,
    "bundle": Bundled,
    "ConfigMap": LabelledConfigMap,
    "ConfigMap bundle": BundledConfigMap,
    "reference": Referenced,
}

OF_MOUNTS: Mapping[str, type[Mounted]] = {
    "mounted file": Mounted,
    "mounted folder": MountedFolder,
    "mounted volume": MountedVolume,
    "mounted reference": MountedWhole,
}
