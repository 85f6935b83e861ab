"""A user of the page. Airflow's auth manager decides which entries the user may see, as for Airflow's own pages.

https://airflow.apache.org/docs/apache-airflow/stable/core-concepts/auth-manager/index.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails, VariableDetails

from airflow_kubernetes_secrets.backend.airflow_versions import authorized_ids, has_teams
from airflow_kubernetes_secrets.inventory.entries import Entry
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.ui.row import Row, UseState
from airflow_kubernetes_secrets.ui.snapshot_cache import PageSnapshot
from airflow_kubernetes_secrets.ui.used_ids import UsedIds
from airflow_kubernetes_secrets.usage.uses import Use


class Viewer:
    """A user who is logged in to Airflow.

    Args:
        user: the user object of Airflow's auth manager.
    """

    def __init__(self, user: Any) -> None:
        self._user = user
        self._manager = get_auth_manager()
        self._has_teams = has_teams()

    @cached_property
    def kinds(self) -> list[Kind]:
        """The kinds that Airflow would list for this user."""
        manager, user = self._manager, self._user
        permitted = {
            Kind.CONNECTION: manager.is_authorized_connection(method="GET", user=user),
            Kind.VARIABLE: manager.is_authorized_variable(method="GET", user=user),
            Kind.CONFIG: manager.is_authorized_configuration(method="GET", user=user),
        }
        return [kind for kind in Kind if permitted[kind]]

    def may_see(self, kind: Kind, identifier: str, team: str | None) -> bool:
        """Return whether the user may read this connection or variable. Options have one permission for all of them."""
        team = team if self._has_teams else None
        if kind not in self.kinds:
            return False
        if kind is Kind.CONNECTION:
            details = ConnectionDetails(conn_id=identifier, team_name=team)
            return bool(self._manager.is_authorized_connection(method="GET", details=details, user=self._user))
        if kind is Kind.VARIABLE:
            variable = VariableDetails(key=identifier, team_name=team)
            return bool(self._manager.is_authorized_variable(method="GET", details=variable, user=self._user))
        return True

    def rows(self, snapshot: PageSnapshot, kinds: Sequence[Kind]) -> Sequence[Row]:
        """Return the entries of these kinds that the user may see."""
        key = (str(self._user.get_id()), tuple(kinds))
        return snapshot.visible.rows(key, lambda: self._visible(snapshot, kinds))

    def _visible(self, snapshot: PageSnapshot, kinds: Sequence[Kind]) -> list[Row]:
        """Query the auth manager, and return the entries that it permits."""
        rows = snapshot.rows
        requested: dict[tuple[Kind, str | None], set[str]] = defaultdict(set)
        for row in rows:
            if row.entry.kind in kinds:
                requested[row.entry.kind, self._team(row.entry)].add(row.entry.id)
        seen = {(kind, team): self._authorized(kind, ids, team) for (kind, team), ids in requested.items()}
        visible = [row for row in rows if row.entry.id in seen.get((row.entry.kind, self._team(row.entry)), ())]
        if snapshot.used is None:
            return visible
        may_see_use = self._use_filter(snapshot.used)
        return list(filter(_is_known, (_with_uses(row, filter(may_see_use, row.uses or ())) for row in visible)))

    def visible_uses(self, uses: Sequence[Use], used: UsedIds) -> list[Use]:
        """Return the uses in DAGs that the user may see.

        Args:
            used: all ids that DAGs use.
        """
        return list(filter(self._use_filter(used), uses))

    def _use_filter(self, used: UsedIds) -> Callable[[Use], bool]:
        """Query the auth manager, and return whether the user may see a use.

        A file that belongs to several DAGs is visible if all of these DAGs are. The DAGs of a file without any are
        unknown, so a user sees it who may see every DAG that uses an id. A use by an option of Airflow belongs to the
        option, which has a permission of its own.
        """
        dags: dict[str | None, set[str]] = defaultdict(set)
        for team, ids in used.dags.items():
            dags[team if self._has_teams else None].update(ids)
        seen = {team: self._permitted_dags(ids, team) for team, ids in dags.items()}
        sees_all = any(dags.values()) and all(seen[team] >= ids for team, ids in dags.items())

        def may_see(use: Use) -> bool:
            if use.kind is Kind.CONFIG:
                return True
            permitted = seen[use.position.team if self._has_teams else None]
            return permitted.issuperset(use.position.dags) if use.position.dags else sees_all

        return may_see

    def _permitted_dags(self, ids: set[str], team: str | None) -> set[str]:
        """Return those of the DAGs that the user may see. Before Airflow has teams, it does not accept one."""
        of_team = {"team_name": team} if self._has_teams else {}
        permitted = self._manager.filter_authorized_dag_ids(dag_ids=ids, user=self._user, method="GET", **of_team)
        return set(permitted)

    def _team(self, entry: Entry) -> str | None:
        # If Airflow has no teams, the auth manager cannot check the team in a Secret's label.
        return entry.team if self._has_teams else None

    def _authorized(self, kind: Kind, ids: set[str], team: str | None) -> set[str]:
        """Return those of the ids that the user may see."""
        if kind is Kind.CONFIG:
            return ids
        # An auth manager with its own server can check many ids in one request.
        many = authorized_ids(self._manager, kind.plural, ids, self._user, team)
        return {each for each in ids if self.may_see(kind, each, team)} if many is None else many


def _with_uses(row: Row, uses: Iterable[Use]) -> Row:
    """Return a row with only these uses. Without any, nothing says that the id is used."""
    left = list(uses)
    return replace(
        row, uses=left, use_state=row.use_state if left or row.use_state is not UseState.MISSING else UseState.OTHER
    )


def _is_known(row: Row) -> bool:
    """Return whether the user may know the id: from a Secret, or from a DAG."""
    return row.has_secret or bool(row.uses)
