"""An auth manager for Airflow, with users who may read less than the roles of the simple one can say."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class NamedUsers(SimpleAuthManager):
    """Beyond their roles, ``nora`` may read nothing here, and ``cora`` only connections that begin with ``app``."""

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
