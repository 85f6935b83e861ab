"""A snapshot of everything that lookups could find. Lookups can be decided on it as on the backend location itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import product

from airflow_kubernetes_secrets.errors import (
    ApiUnavailableError,
    KubernetesSecretsError,
    MountedFileError,
    NotConfiguredError,
)
from airflow_kubernetes_secrets.inventory.labelled_secrets import LabelledSecrets
from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.inventory.stored_secret import StoredSecret
from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.labels import BUNDLE, LabelSelector
from airflow_kubernetes_secrets.kubernetes.objects import SECRETS, Resource, Secret
from airflow_kubernetes_secrets.lookup.bundles import keys_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Find, Lookup
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.mounted import MountedSecret
from airflow_kubernetes_secrets.sources.query import LabelQuery, Query

# In place of a key of the data, for Secrets that are not bundles. No key of a Secret is empty.
_ANY_KEY = ""

_ByTeam = dict[str | None, list[tuple[int, Secret]]]


class Snapshot:
    """The Secrets of a backend location at one moment, and the ConfigMaps if lookups read them.

    Attributes:
        labelled: the Secrets with the label of each kind, from every namespace that lookups search; for variables also
            the ConfigMaps.
        bundles: those with the label of a bundle there, whatever its value, even if lookups do not read bundles.
        without_effect: ConfigMaps with the label of another kind than variables.
    """

    def __init__(self, location: BackendLocation, options: Options, kinds: Sequence[Kind]) -> None:
        self._location = location
        self._options = options
        # The keys are resource, namespace, label and label value, and for bundles a key of the data, because thousands
        # of ids can be looked up in hundreds of bundles; then the team, because thousands of teams can use one id. The
        # numbers preserve the order in which the location listed the Secrets.
        self._by_label: dict[tuple[Resource, str, str, str, str], _ByTeam] = defaultdict(dict)
        self._by_name: dict[tuple[str, str], list[Secret]] = {}
        self._unread: dict[tuple[Resource, str], KubernetesSecretsError] = {}
        self._unread_names: dict[tuple[str, str], KubernetesSecretsError] = {}
        self.labelled: dict[Kind, list[StoredSecret]] = {kind: [] for kind in kinds}
        self.bundles: list[StoredSecret] = []
        self.without_effect: list[StoredSecret] = []
        self._refuse: Callable[[Query], None] = lambda _query: None
        with suppress(NotConfiguredError):  # the folder itself cannot be read, and so neither can its namespaces
            self._refuse = location.refusals()
        everywhere: dict[str, None] = {}
        for kind in kinds:
            label = kind.label(options)
            for namespace in dict.fromkeys(map(location.namespace, kind.namespaces(options))):
                everywhere[namespace] = None
                if label is not None:
                    for resource in options.resources:
                        has_effect = resource is SECRETS or kind is Kind.VARIABLE
                        listed = self.labelled[kind] if has_effect else self.without_effect
                        self._list(resource, namespace, label, listed)
        for resource, namespace in product(options.resources, everywhere):
            self._list(resource, namespace, BUNDLE, self.bundles)
        for kind in kinds:
            for reference in options.references.get(kind.plural, {}).values():
                self._get(reference.namespace, reference.name)

    @property
    def failures(self) -> list[str]:
        """What could not be listed or read, as messages without repetitions.

        Only lookups of variables need ConfigMaps. The location itself reports mounted files that cannot be read.
        """
        needed = self._options.resources if Kind.VARIABLE in self.labelled else (SECRETS,)
        unread = [error for (resource, _namespace), error in self._unread.items() if resource in needed]
        unread += [error for error in self._unread_names.values() if not isinstance(error, MountedFileError)]
        # The messages about one outage differ in attempts and seconds only.
        by_key: dict[object, str] = {}
        for error in unread:
            by_key.setdefault(error.log_key if isinstance(error, ApiUnavailableError) else str(error), str(error))
        return list(by_key.values())

    @property
    def secrets(self) -> LabelledSecrets:
        """The objects of this snapshot, without what else the API server returns with them."""
        return LabelledSecrets(
            {kind: [each.secret for each in found] for kind, found in self.labelled.items()},
            [each.secret for each in self.bundles],
            [each.secret for each in self.without_effect],
        )

    def find_for(self, lookup: Lookup) -> Find:
        """Return a function that finds the Secrets for a lookup: only those of its team, or those without a team.

        If the namespace of a query could not be listed, the function raises the error of that LIST.
        """
        return partial(self._find, lookup)

    def _find(self, lookup: Lookup, query: Query, _time: TimeBudget) -> Sequence[Secret]:
        """Return the Secrets for a lookup that match a query."""
        if not isinstance(query, LabelQuery):
            # As in a lookup, a query without a namespace goes to the first namespace in the options.
            key = (self._location.namespace(query.namespace), query.name)
            if key in self._unread_names:
                raise self._unread_names[key]
            return self._by_name.get(key, ())
        namespace = self._location.namespace(query.namespace)
        if (query.resource, namespace) in self._unread:
            raise self._unread[query.resource, namespace]
        self._refuse(query)
        keys = keys_of(lookup.kind, lookup.id) if query.label == BUNDLE else (_ANY_KEY,)
        team = lookup.team
        team_namespace = None if team is None else self._options.team_namespaces.get(team)
        # In a team's own namespace, a Secret without a team's label belongs to that team. Other namespaces can have
        # thousands of Secrets without a team, which must not be searched again for each team.
        is_team_namespace = team_namespace is not None and namespace == self._location.namespace(team_namespace)
        found: dict[int, Secret] = {}
        for data_key in keys:
            by_team = self._by_label.get((query.resource, namespace, query.label, query.value, data_key), {})
            for each in {team, None} if is_team_namespace else {team}:
                found.update(by_team.get(each, ()))
        return [each for number in sorted(found) for each in _as_found(found[number], query)]

    def stored(self, secret: Secret) -> StoredSecret:
        """Return a Secret of this snapshot with its other metadata."""
        return self._location.stored(secret)

    def _list(self, resource: Resource, namespace: str, label: str, labelled: list[StoredSecret]) -> None:
        """List the objects with a label in a namespace, and add them to ``labelled``."""
        if (resource, namespace) in self._unread:
            return
        team_label = self._options.team_label
        try:
            for page in self._location.pages(namespace, LabelSelector.exists(label), resource):
                for stored in page:
                    labelled.append(stored)
                    labels = stored.secret.labels
                    team = None if team_label is None else labels.get(team_label)
                    for key in stored.secret.data if label == BUNDLE else (_ANY_KEY,):
                        by_team = self._by_label[resource, namespace, label, labels[label], key]
                        by_team.setdefault(team, []).append((len(labelled), stored.secret))
        except KubernetesSecretsError as error:
            self._unread[resource, namespace] = error

    def _get(self, query_namespace: str | None, name: str) -> None:
        """Read a Secret that a reference names."""
        namespace = self._location.namespace(query_namespace or self._options.namespaces[0])
        try:
            found = self._location.get(namespace, name)
        except KubernetesSecretsError as error:
            self._unread_names[namespace, name] = error
        else:
            self._by_name[namespace, name] = [] if found is None else [found.secret]


def _as_found(secret: Secret, query: LabelQuery) -> Iterator[Secret]:
    """Yield a Secret as its source finds it for a query. If its name contains a hash, only the query knows the id."""
    if not isinstance(secret, MountedSecret) or not secret.has_hashed_name:
        yield secret
    elif query.identifier != query.value:
        yield secret.of_id(query.label, query.identifier)


def namespaces_of(options: Options, location: BackendLocation) -> list[str]:
    """Return the namespaces that lookups by label search, also those of teams; an empty name means all namespaces."""
    everywhere = (namespace for kind in Kind for namespace in kind.namespaces(options))
    return list(dict.fromkeys(map(location.namespace, everywhere)))
