"""What differs between versions of Airflow, each with its reason. No other module asks for one."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
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


def _module_if_there(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def pod_secret_class() -> Any:
    """What ``KubernetesPodOperator`` takes for a Secret; ``None`` where Apache's provider is not installed."""
    return getattr(_module_if_there("airflow.providers.cncf.kubernetes.secret"), "Secret", None)


def kwarg_variables() -> dict[str, tuple[str, str]]:
    """The environment variables that each set one of ``backend_kwargs``, with its name and value.

    Airflow 3.2 has brought them; Airflow 2 and the first releases of 3 know only ``AIRFLOW__SECRETS__BACKEND_KWARGS``.
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


def has_teams() -> bool:
    """Whether teams can have connections and variables of their own: since 3.2, if ``[core] multi_team`` is on."""
    from airflow.configuration import conf

    return bool(conf.getboolean("core", "multi_team", fallback=False))


def imports_descriptions() -> bool:
    """Whether ``airflow variables import`` takes ``{"value": …}`` for a variable with a description.

    Airflow 3 does; for Airflow 2 such an object is the variable's value itself.
    """
    from airflow import __version__

    return not __version__.startswith("2.")


@cache
def is_airflow_2() -> bool:
    """Whether this is Airflow 2, where tasks read connections as everything else does."""
    try:
        return airflow_version().startswith("2.")
    except PackageNotFoundError:
        return False  # Airflow 3 can be there in parts: its core or its Task SDK alone


def is_for_tasks(backend: Any) -> bool:
    """Whether a backend makes connections of the Task SDK's class, which takes other ones than that of the database.

    Airflow says it to each backend from 3.1 on. A backend that it has not made itself is for the database's class.
    """
    of_it = getattr(backend, "_connection_class", None)
    return of_it is not None and of_it.__module__.startswith("airflow.sdk")


def parsed_connection(conn_id: str, stored: str) -> Any:
    """The Connection that Airflow makes of a text, as its tasks do, without a word in the logs.

    Raises:
        Exception: it cannot be parsed; the text may quote it.
    """
    text = stored.strip()
    # The Task SDK has a class of its own, from 3.1 on with these ways to make one. It logs nothing.
    connection: Any = getattr(_module_if_there("airflow.sdk"), "Connection", None)
    if hasattr(connection, "from_uri"):
        return connection.from_json(text, conn_id) if text.startswith("{") else connection.from_uri(text, conn_id)
    connection = import_module("airflow.models.connection").Connection
    have_a_masker()
    with silence():
        return connection.from_json(text, conn_id) if text.startswith("{") else connection(conn_id, uri=text)


def have_a_masker() -> None:
    """Have the masker without which Airflow 2 and 3.0 make no Connection, and no engine for a URL with a password.

    There it comes with logs, which a library does not set up; from 3.1 on there always is one.
    """
    if _module_if_there("airflow._shared.secrets_masker") is not None:
        return
    module = _module_if_there("airflow.sdk.execution_time.secrets_masker") or import_module(
        "airflow.utils.log.secrets_masker"
    )
    log = logging.getLogger("airflow.task")
    if not any(isinstance(each, module.SecretsMasker) for each in log.filters):
        log.addFilter(module.SecretsMasker())


def connection_of_uri(uri: str) -> Any:
    """A connection, taken apart by Airflow's own rules and without a word in the logs.

    Raises:
        Exception: it cannot be; the text may quote the URI.
    """
    from airflow.models import Connection

    # Not by the constructor: it asks for the masker, which Airflow 2 has only with its logs set up.
    connection = Connection()
    with silence():
        connection._parse_from_uri(uri)
    return connection


@contextmanager
def silence() -> Iterator[None]:
    """Nothing is logged meanwhile.

    Airflow 3 logs at debug each part of a query that is no JSON, with the traceback and the variables in it.

    That is shown where its logs are not set up, as in a command of its own. Airflow 2 logs it by ``logging``.
    """
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        try:
            from structlog.testing import capture_logs
        except ImportError:
            yield
        else:
            with capture_logs():
                yield
    finally:
        logging.disable(before)


def airflow_version() -> str:
    """Airflow's version. Its own ``airflow.__version__`` may not be there while it is imported as a library."""
    return version("apache-airflow")


def has_pages() -> bool:
    """Whether Airflow's UI shows pages of plugins to whoever has logged in.

    Airflow 3.1 has brought them. Its first release keeps the login where only its own scripts find it, and no cookie.
    """
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", airflow_version())
    return numbers is not None and tuple(map(int, numbers.groups())) >= (3, 1, 1)


def authorized_ids(manager: Any, plural: str, ids: set[str], user: Any, team: str | None) -> set[str] | None:
    """Those of a team's connections or variables that a user may read, asked for all at once.

    ``None`` before Airflow 3.2, whose auth managers are asked for each.
    """
    if plural == "connections" and hasattr(manager, "filter_authorized_connections"):
        found = manager.filter_authorized_connections(conn_ids=ids, user=user, method="GET", team_name=team)
    elif plural == "variables" and hasattr(manager, "filter_authorized_variables"):
        found = manager.filter_authorized_variables(variable_keys=ids, user=user, method="GET", team_name=team)
    else:
        return None
    return set(found)


# Those of Airflow itself: ``ProvidersManager._init_airflow_core_hooks``, in 2.11 and 3.3.
_TYPES_OF_AIRFLOW = ("generic", "email", "fs", "package_index")


@cache
def known_connection_types() -> frozenset[str] | None:
    """The connection types that the installed providers and Airflow itself know; ``None`` if Airflow cannot tell.

    No hook is imported: a provider names its types beside its hooks. One that names hooks alone, as before Airflow 2.2,
    would have to be imported for its types. ``ProvidersManager.hooks``, which does that, has moved in Airflow 3.2.
    """
    found = set(_TYPES_OF_AIRFLOW)
    try:
        with silence():
            providers = import_module("airflow.providers_manager").ProvidersManager().providers
        for provider in providers.values():
            types = provider.data.get("connection-types") or ()
            if not {each["hook-class-name"] for each in types}.issuperset(provider.data.get("hook-class-names") or ()):
                return None
            found.update(each["connection-type"] for each in types)
    except Exception:  # a provider that is broken may raise anything
        return None
    return frozenset(found)
