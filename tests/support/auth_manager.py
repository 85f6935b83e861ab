"""Auth managers for Airflow whose users have fewer permissions than the simple auth manager's roles can express."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class NamedUsers(SimpleAuthManager):
    """An auth manager in which some users may read less.

    ``nora`` may read nothing, and ``cora`` only connections that begin with ``app`` and DAGs that do not begin with
    ``private``.
    """

    def is_authorized_configuration(self, *, method: Any, user: Any, details: Any = None) -> bool:
        permitted = super().is_authorized_configuration(method=method, user=user, details=details)
        return permitted and user.get_name() not in ("nora", "cora")

    def is_authorized_connection(self, *, method: Any, user: Any, details: Any = None) -> bool:
        permitted = super().is_authorized_connection(method=method, user=user, details=details)
        conn_id = details.conn_id if details is not None else None
        return permitted and (user.get_name() != "cora" or conn_id is None or conn_id.startswith("app"))

    def is_authorized_variable(self, *, method: Any, user: Any, details: Any = None) -> bool:
        permitted = super().is_authorized_variable(method=method, user=user, details=details)
        return permitted and user.get_name() != "cora"

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        permitted = super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)
        dag_id = details.id if details is not None else None
        return permitted and (user.get_name() != "cora" or dag_id is None or not dag_id.startswith("private"))


class ChangingPermissions(SimpleAuthManager):
    """An auth manager whose permissions change while Airflow runs.

    Attributes:
        taken_away: the ids of connections that no user may read any more.
        checks: the number of checks for a single connection.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's has no types
        self.taken_away: set[str] = set()
        self.checks = 0

    def is_authorized_connection(self, *, method: Any, user: Any, details: Any = None) -> bool:
        permitted = super().is_authorized_connection(method=method, user=user, details=details)
        if details is None or details.conn_id is None:
            return permitted
        self.checks += 1
        return permitted and details.conn_id not in self.taken_away
