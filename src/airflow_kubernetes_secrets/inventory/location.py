"""The backend location that commands read Secrets from: an API server, or a folder in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.inventory.cluster import Cluster
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.labels import LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import CONFIG_MAPS, SECRETS, Resource, Secret
from airflow_kubernetes_secrets.lookup.bundles import env_name_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.folder import Folder
from airflow_kubernetes_secrets.sources.layout import LayoutMistake
from airflow_kubernetes_secrets.sources.query import NameQuery, Query


class BackendLocation(Protocol):
    """A backend location. Every method raises :class:`KubernetesSecretsError` if the location cannot be read."""

    @property
    def text(self) -> str:
        """A description of the location for people."""

    def namespace(self, query_namespace: str | None) -> str:
        """Return the name of the namespace that a query is for; an empty string means all namespaces."""

    def find(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets that match the query of a lookup, read now."""

    def pages(
        self, namespace: str, selector: LabelSelector, resource: Resource = SECRETS
    ) -> Iterator[Sequence[StoredSecret]]:
        """Yield the objects of a resource that a selector matches, in parts; without a namespace, in all of them."""

    def metadata(self, namespace: str, resource: Resource) -> Iterator[Sequence[StoredSecret]]:
        """Yield all objects of a resource, whatever their labels, in parts; without a namespace, in all of them.

        Only their metadata may be used: an API server omits the data. Mounted files, which have no labels of their own,
        are not included.
        """

    def refusals(self) -> Callable[[Query], None]:
        """Return a function that raises the error of a query for something that cannot be read by itself.

        :meth:`pages` contains no such thing, but lookups that need it fail.
        """

    def config_maps(self, namespace: str, selector: LabelSelector) -> Iterator[StoredSecret]:
        """Yield the ConfigMaps that a selector matches, even if lookups read none.

        If this user may not list them, yield nothing.
        """

    def get(self, namespace: str, name: str) -> StoredSecret | None:
        """Return one Secret, or ``None`` if it does not exist."""

    def may_list(self, namespace: str, resource: Resource) -> bool:
        """Return whether this user may list all objects of a resource in a namespace.

        A refused request takes a second to be confirmed, so call this before a request whose result is only a hint.
        """

    def get_from_list(self, namespace: str, name: str) -> StoredSecret | None:
        """Return one Secret for a hint, with the permission that lookups by label need.

        If it does not exist, or if this user may not list Secrets, return ``None``.
        """

    def stored(self, secret: Secret) -> StoredSecret:
        """Return a Secret of this location with the metadata that lookups do not need."""

    def problems(self) -> Sequence[str]:
        """Return the reasons why a part of the location cannot be read."""

    def layout_mistakes(self) -> Sequence[LayoutMistake]:
        """Return what nothing reads in a folder although it was probably meant as a value."""

    def misnamed(self, kind: Kind, identifier: str) -> Sequence[LayoutMistake]:
        """Return the files of a folder that are probably meant for an id, and have another name or place."""

    def close(self) -> None:
        """Close everything that is open."""


class FolderLocation:
    """A folder as a backend location."""

    def __init__(self, path: str, options: Options) -> None:
        self._path = path
        self._options = options
        self._folder = Folder(path, options)

    @property
    def text(self) -> str:
        return f"the folder {printable(self._path)}"

    def namespace(self, query_namespace: str | None) -> str:
        return query_namespace or ""

    def find(self, query: Query, time: TimeBudget) -> Sequence[Secret]:
        return self._folder.find(query, time)

    def pages(
        self, namespace: str, selector: LabelSelector, resource: Resource = SECRETS
    ) -> Iterator[Sequence[StoredSecret]]:
        found = (each for each in self._folder.secrets(namespace) if each.resource is resource)
        yield [StoredSecret(secret) for secret in found if selector.matches(secret.labels)]

    def metadata(self, namespace: str, resource: Resource) -> Iterator[Sequence[StoredSecret]]:
        found = self._folder.secrets(namespace)
        yield [StoredSecret(each) for each in found if each.resource is resource and not each.is_mounted]

    def refusals(self) -> Callable[[Query], None]:
        return self._folder.refusals()

    def config_maps(self, namespace: str, selector: LabelSelector) -> Iterator[StoredSecret]:
        folder = Folder(self._path, self._options.replace(config_maps=True))
        for each in folder.secrets(namespace):
            if each.resource is CONFIG_MAPS and selector.matches(each.labels):
                yield StoredSecret(each)

    def get(self, namespace: str, name: str) -> StoredSecret | None:
        found = self._folder.find(NameQuery(namespace or None, name), TimeBudget(0))
        return next(map(StoredSecret, found), None)

    def may_list(self, namespace: str, resource: Resource) -> bool:
        return True

    def get_from_list(self, namespace: str, name: str) -> StoredSecret | None:
        return self.get(namespace, name)

    def stored(self, secret: Secret) -> StoredSecret:
        return StoredSecret(secret)

    def problems(self) -> Sequence[str]:
        return self._folder.problems()

    def layout_mistakes(self) -> Sequence[LayoutMistake]:
        return self._folder.layout_mistakes()

    def misnamed(self, kind: Kind, identifier: str) -> Sequence[LayoutMistake]:
        return self._folder.misnamed(kind.plural, identifier, env_name_of(kind, identifier))

    def close(self) -> None:
        self._folder.close()


def location_of(options: Options, as_user: str | None = None) -> BackendLocation:
    """Return the backend location that the options select.

    Args:
        as_user: the user to impersonate at an API server.

    Raises:
        NotConfiguredError: no API server is configured, or the namespace of its credentials is missing or invalid; or
            ``as_user`` is given for a folder.
    """
    if options.path is None:
        return Cluster(options, as_user)
    if as_user is not None:
        raise NotConfiguredError(
            f"--as: the folder {options.path} is read, so there is no API server to impersonate a user on. Remove it"
        )
    return FolderLocation(options.path, options)
