"""The teams whose lookups can select a Secret."""

from __future__ import annotations

from airflow_kubernetes_secrets.inventory.location import BackendLocation
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.mounted import MountedSecret


class OwningTeams:
    """Finds the teams that own a Secret: by its team label, or else by its namespace."""

    def __init__(self, options: Options, location: BackendLocation) -> None:
        self._label = options.team_label
        self._teams_by_namespace: dict[str, list[str | None]] = {}
        for team, namespace in options.team_namespaces.items():
            self._teams_by_namespace.setdefault(location.namespace(namespace), []).append(team)
        self._shared_namespaces = {location.namespace(namespace) for namespace in options.namespaces}

    def teams(self, secret: Secret) -> list[str | None]:
        """Return the teams that the Secret is for; ``None`` means lookups without a team."""
        team = None if self._label is None else secret.labels.get(self._label)
        if team is not None:
            return [team]
        namespace = secret.lookup_namespace if isinstance(secret, MountedSecret) else secret.namespace
        is_shared = "" in self._shared_namespaces or namespace in self._shared_namespaces
        return [*self._teams_by_namespace.get(namespace, ()), *([None] if is_shared else [])]
