"""Where Secrets are looked for by a person's commands: an API server, or a folder of manifests in place of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from airflow_kubernetes_secrets.api.deadline import Allowance
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.stored import Stored
from airflow_kubernetes_secrets.labels import LabelSelector
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.printable import printable
from airflow_kubernetes_secrets.sources.folder import Folder
from airflow_kubernetes_secrets.sources.query import Query


class Place(Protocol):
    """Where Secrets are. Whatever cannot be asked raises :class:`KubernetesSecretsError`."""

    @property
    def text(self) -> str:
        """Where it is, for a person."""

    def namespace(self, query_namespace: str | None) -> str:
        """The name of the namespace that a query is about; empty for all of them."""

    def find(self, query: Query, time: Allowance) -> Sequence[Secret]:
        """What answers a query of a lookup, now."""

    def pages(self, namespace: str, selector: LabelSelector) -> Iterator[Sequence[Stored]]:
        """The Secrets that a selector matches, in parts."""

    def get(self, namespace: str, name: str) -> Stored | None:
        """One Secret."""

    def stored(self, secret: Secret) -> Stored:
        """What else is known of a Secret that came of here."""

    def problems(self) -> Sequence[str]:
        """What keeps it from being read in part."""

    def close(self) -> None:
        """End what is open."""


class FolderPlace:
    """A folder of manifests."""

    def __init__(self, path: str, namespaces: Sequence[str] | None) -> None:
        self._path = path
        self._folder = Folder(path, namespaces)

    @property
    def text(self) -> str:
        return f"the folder {printable(self._path)}"

    def namespace(self, query_namespace: str | None) -> str:
        return query_namespace or ""

    def find(self, query: Query, time: Allowance) -> Sequence[Secret]:
        return self._folder.find(query, time)

    def pages(self, namespace: str, selector: LabelSelector) -> Iterator[Sequence[Stored]]:
        yield [
            Stored(secret)
            for secret in self._folder.secrets()
            if selector.matches(secret.labels) and namespace in ("", secret.namespace)
        ]

    def get(self, namespace: str, name: str) -> Stored | None:
        found = (each for each in self._folder.secrets() if each.name == name and namespace in ("", each.namespace))
        return next(map(Stored, found), None)

    def stored(self, secret: Secret) -> Stored:
        return Stored(secret)

    def problems(self) -> Sequence[str]:
        return self._folder.problems()

    def close(self) -> None:
        self._folder.close()


def place_of(options: Options, as_user: str | None = None) -> Place:
    """
    Args:
        as_user: whom to impersonate at an API server.

    Raises:
        NotConfiguredError: there is no way to the API, or no namespace to look in.
    """
    if options.path is None:
        return Cluster(options, as_user)
    if as_user is not None:
        raise NotConfiguredError(f"--as: nobody is asked where the folder {options.path} is read. Leave it out")
    return FolderPlace(options.path, options.namespace)
