"""What differs between versions of Airflow, each with its reason. No other module asks for one."""

from __future__ import annotations


def access_denied() -> type[Exception] | None:
    """The exception at which Airflow stops its search; ``None`` where it has none.

    Task SDK 1.2.2 (Airflow 3.2.2) has brought it, in ``airflow.sdk.exceptions``. Before, and in Airflow 2, nothing that
    a backend raises keeps Airflow from asking the next one.
    """
    try:
        from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied
    except ImportError:
        return None
    return AirflowSecretsBackendAccessDenied
