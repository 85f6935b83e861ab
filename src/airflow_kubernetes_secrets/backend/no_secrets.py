"""The secrets backend for processes that get Secrets only from Airflow's API server.

In Airflow 3, a task requests from Airflow's API server what its own secrets backend does not have:
https://airflow.apache.org/docs/apache-airflow/stable/security/secrets/secrets-backend/index.html
"""

from __future__ import annotations

from airflow.secrets.base_secrets import BaseSecretsBackend


class NoSecretsBackend(BaseSecretsBackend):
    """Find nothing, and query nothing. Set it as ``[secrets] backend`` where tasks run.

    .. code-block:: bash

        AIRFLOW__SECRETS__BACKEND=airflow_kubernetes_secrets.NoSecretsBackend

    Setting ``[workers] secrets_backend`` alone is not enough, because every process reads configuration options through
    ``[secrets]``. All ``backend_kwargs`` are ignored: a worker may inherit those of the other processes.
    """

    def __init__(self, **_kwargs: object) -> None:
        """Accept any ``backend_kwargs``, and ignore them."""
        super().__init__()

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> None:
        """Return ``None``. Airflow continues with the environment, and then with the API server."""
        return

    def get_connection(self, conn_id: str, team_name: str | None = None) -> None:
        """Return ``None``, as :meth:`get_conn_value` does."""
        return

    async def aget_connection(self, conn_id: str, team_name: str | None = None) -> None:
        """Return ``None``, without starting a thread."""
        return

    def get_variable(self, key: str, team_name: str | None = None) -> None:
        """Return ``None``, as :meth:`get_conn_value` does."""
        return

    def get_config(self, key: str) -> None:
        """Return ``None``. Airflow uses the default of an option that would come from a Secret."""
        return

    def __repr__(self) -> str:
        return "<NoSecretsBackend>"
