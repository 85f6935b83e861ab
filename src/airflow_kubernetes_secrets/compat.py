"""What differs between Airflow's versions, each with its reason. No other module asks for a version."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.secrets.base_secrets import BaseSecretsBackend
else:
    try:
        from airflow.secrets.base_secrets import BaseSecretsBackend
    except ImportError:
        # A worker of Airflow 3 may have the Task SDK alone, which has a base class of its own.
        from airflow.sdk.bases.secrets_backend import BaseSecretsBackend

__all__ = ["BaseSecretsBackend"]
