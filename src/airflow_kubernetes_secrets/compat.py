"""What differs between versions of Airflow, each with its reason. No other module asks for one."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any


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


# Tasks and the services have a masker each, in modules that have moved with every release.
_MASKERS = (
    ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker"),  # tasks: 3.1, 3.0
    ("airflow._shared.secrets_masker", "airflow.utils.log.secrets_masker"),  # the rest: 3.1 and later, before
)


def maskers() -> list[Callable[[list[str]], None]]:
    """What registers texts with Airflow's maskers of logs.

    That of tasks also tells the process that writes the task's log, and waits for it.
    """
    found = []
    for names in _MASKERS:
        for name in names:
            try:
                found.append(import_module(name).mask_secret)
                break
            except (ImportError, AttributeError):
                continue
    return found


def secrets_backends() -> list[Any]:
    """What Airflow looks things up in where this runs, in order: first the backend that its configuration names.

    In Airflow 3 this depends on the process: where DAG files are read and where tasks run ``[workers] secrets_backend``
    comes before ``[secrets] backend``. The Task SDK knows which process it is in. Airflow 2 has one list for all.
    """
    try:
        from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded
    except ImportError:
        from airflow.configuration import ensure_secrets_loaded

        return list(ensure_secrets_loaded())
    return list(ensure_secrets_backend_loaded())


def pod_secret_class() -> Any:
    """What ``KubernetesPodOperator`` takes for a Secret; ``None`` where Apache's provider is not installed."""
    try:
        return import_module("airflow.providers.cncf.kubernetes.secret").Secret
    except ImportError:
        return None


def kwarg_variables() -> dict[str, tuple[str, str]]:
    """The environment variables that each set one of ``backend_kwargs``, with its name and value.

    Airflow 3.3 has brought them; Airflow 2 and the first releases of 3 know only ``AIRFLOW__SECRETS__BACKEND_KWARGS``.
    """
    try:
        from airflow._shared.configuration.parser import _build_kwarg_env_prefix
    except ImportError:
        return {}
    prefix = _build_kwarg_env_prefix("secrets", "backend_kwargs")
    # As Airflow itself does: in any case, and not without a name.
    found = {
        name: (name[len(prefix) :].lower(), value) for name, value in os.environ.items() if name.startswith(prefix)
    }
    return {name: each for name, each in found.items() if each[0]}
