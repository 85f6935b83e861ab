"""The secrets backend of processes that are to have no Secret but those that the API server gives them.

Airflow 3's tasks ask Airflow's API server for what their own secrets backend does not have:
https://airflow.apache.org/docs/apache-airflow/stable/security/secrets/secrets-backend/index.html
"""

from __future__ import annotations

from airflow.secrets.base_secrets import BaseSecretsBackend


class NoSecretsBackend(BaseSecretsBackend):
    """Has nothing and asks nobody. To be set as ``[secrets] backend`` where tasks run.

    .. code-block:: bash

        AIRFLOW__SECRETS__BACKEND=airflow_kubernetes_secrets.NoSecretsBackend

    Setting ``[workers] secrets_backend`` alone is not enough: configuration options are read through ``[secrets]``
    everywhere. It takes any ``backend_kwargs`` and ignores them: a worker may inherit those of the other processes.
    """

    def __init__(self, **_kwargs: object) -> None:
        super().__init__()

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> None:
        """``None``: Airflow goes on to the environment, and then to the API server."""
        return

    def get_connection(self, conn_id: str, team_name: str | None = None) -> None:
        """The same."""
        return

    async def aget_connection(self, conn_id: str, team_name: str | None = None) -> None:
        """The same, without a thread."""
        return

    def get_variable(self, key: str, team_name: str | None = None) -> None:
        """The same."""
        return

    def get_config(self, key: str) -> None:
        """``None``: a configuration option that is to come from a Secret has its default."""
        return

    def __repr__(self) -> str:
        return "<NoSecretsBackend>"
