"""Differences between versions of Airflow, each with its reason. Only this module determines the version."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# The warning about the value of an option if `access_denied` returns nothing.
DENY_IS_UNSUPPORTED = (
    "on_error is 'deny', which this version of Airflow does not support: after a failed lookup, it continues with the "
    "environment and its database. Upgrade to Airflow 3.2.2 or later, or remove on_error from backend_kwargs"
)


def access_denied() -> type[Exception] | None:
    """Return the exception at which Airflow stops searching; ``None`` if this version has none.

    Airflow 3.2.2 (Task SDK 1.2.2) added it, in ``airflow.sdk.exceptions``. In earlier versions, including Airflow 2,
    no exception of a backend keeps Airflow from querying the next one.
    """
    try:
        from airflow.sdk.exceptions import AirflowSecretsBackendAccessDenied
    except ImportError:
        return None
    return AirflowSecretsBackendAccessDenied


# Tasks and services have separate maskers, in modules that have moved with every release.
_MASKERS = (
    ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker"),  # tasks: Airflow 3.1 and later, then 3.0
    ("airflow._shared.secrets_masker", "airflow.utils.log.secrets_masker"),  # services: 3.1 and later, then earlier
)


def maskers() -> list[Callable[[list[str]], None]]:
    """Return the functions that register strings with Airflow's log maskers.

    The function for tasks also sends the strings to the process that writes the task's log, and waits for that process.
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


def stats() -> Any:
    """Return what sends Airflow's metrics in this process, with ``incr``, ``gauge`` and ``timing``.

    Since 3.2, Airflow has two clients: one for tasks (Task SDK) and one for the other processes. Airflow configures a
    client only in processes that send Airflow's own metrics. A task's process can inherit the configured client of its
    parent process, so that of the Task SDK is tried first.

    Returns:
        An object or a module; ``None`` if Airflow sends no metrics in this process.
    """
    shared = ("airflow.sdk._shared.observability.metrics.stats", "airflow._shared.observability.metrics.stats")
    found = [sys.modules[name] for name in shared if name in sys.modules]
    for module in found:
        # 3.3 has functions, and 3.2 has a class. A missing attribute of that class configures it to send nothing.
        client, factory = (
            (module, module._factory) if hasattr(module, "_factory") else (module.Stats, module.Stats.factory)
        )
        # A client that is used before it is configured sends nothing either.
        if factory is not None and getattr(factory, "__name__", "") != "NoStatsLogger":
            return client
    return None if found else getattr(sys.modules.get("airflow.stats"), "Stats", None)


def created_stats() -> Any:
    """Return what :func:`stats` returns if Airflow has already created the client behind it; else ``None``.

    Creating it reads Airflow's configuration and imports modules. If an import fails, Airflow sends no metrics in this
    process any more.
    """
    found = stats()
    # Before 3.3, access to a missing attribute of the class would create the client.
    own = {} if found is None else vars(found)
    client = own.get("_backend") or own.get("instance")
    return None if client is None or type(client).__name__ == "NoStatsLogger" else found


def secrets_backends() -> list[Any]:
    """Return the secrets backends that Airflow uses in this process, in order, starting with the configured one.

    In Airflow 3 the list depends on the process: where DAG files are parsed and where tasks run, ``[workers]
    secrets_backend`` takes precedence over ``[secrets] backend``. The Task SDK knows which process it runs in. Airflow
    2 has one list for all processes.
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
    """Return the ``Secret`` class that ``KubernetesPodOperator`` takes; ``None`` without Apache's provider."""
    return getattr(_module_if_there("airflow.providers.cncf.kubernetes.secret"), "Secret", None)


def kwarg_variables() -> dict[str, tuple[str, str]]:
    """Return the environment variables that each set one of ``backend_kwargs``.

    Airflow 3.2 added them; Airflow 2, 3.0 and 3.1 only read ``AIRFLOW__SECRETS__BACKEND_KWARGS``.

    Returns:
        For each environment variable, the option's name and value.
    """
    try:
        from airflow._shared.configuration.parser import _build_kwarg_env_prefix
    except ImportError:
        return {}
    prefix = _build_kwarg_env_prefix("secrets", "backend_kwargs")
    # As in Airflow, names are case-insensitive, and a variable with an empty option name is ignored.
    found = {
        name: (name[len(prefix) :].lower(), value) for name, value in os.environ.items() if name.startswith(prefix)
    }
    return {name: each for name, each in found.items() if each[0]}


def has_teams() -> bool:
    """Return whether teams can own connections and variables: in 3.2 and later, if ``[core] multi_team`` is on."""
    from airflow.configuration import conf

    return bool(conf.getboolean("core", "multi_team", fallback=False))


def imports_descriptions() -> bool:
    """Return whether ``airflow variables import`` accepts ``{"value": …}`` for a variable with a description.

    Airflow 3 does. Airflow 2 stores such an object as the variable's value.
    """
    return not is_airflow_2()


@cache
def is_airflow_2() -> bool:
    """Return whether this is Airflow 2, where tasks read connections as every other part does."""
    try:
        return airflow_version().startswith("2.")
    except PackageNotFoundError:
        return False  # only a part of Airflow 3 may be installed: its core or its Task SDK


def is_for_tasks(backend: Any) -> bool:
    """Return whether a backend creates connections of the Task SDK's class.

    That class accepts other values than the class of the database. Airflow 3.1 and later sets this class on each
    backend. A backend that Airflow did not create uses the class of the database.
    """
    connection_class = getattr(backend, "_connection_class", None)
    return connection_class is not None and connection_class.__module__.startswith("airflow.sdk")


def parsed_connection(conn_id: str, stored: str) -> Any:
    """Return the ``Connection`` that Airflow's tasks parse from a stored connection. Nothing is logged.

    Raises:
        Exception: it cannot be parsed. The message may quote it.
    """
    text = stored.strip()
    # The Task SDK has its own class, since 3.1 with these constructors. It logs nothing.
    connection: Any = getattr(_module_if_there("airflow.sdk"), "Connection", None)
    if hasattr(connection, "from_uri"):
        return connection.from_json(text, conn_id) if text.startswith("{") else connection.from_uri(text, conn_id)
    connection = import_module("airflow.models.connection").Connection
    ensure_masker()
    with silence():
        return connection.from_json(text, conn_id) if text.startswith("{") else connection(conn_id, uri=text)


def ensure_masker() -> None:
    """Install a log masker in Airflow 2 and 3.0, which create no Connection with a password without one.

    They also create no database engine for a URL with a password. In these versions the masker is part of the logging
    setup, which a library does not run. Airflow 3.1 and later always has a masker.
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
    """Return the ``Connection`` that Airflow parses from a URI. Nothing is logged.

    Raises:
        Exception: it cannot be parsed. The message may quote the URI.
    """
    from airflow.models import Connection

    # For a URI with a password, the constructor needs the masker, which Airflow 2 only has after its logging setup.
    connection = Connection()
    with silence():
        connection._parse_from_uri(uri)
    return connection


@contextmanager
def silence() -> Iterator[None]:
    """Log nothing inside the ``with`` block.

    Airflow 3 logs each part of a query that is not JSON at debug level, with the traceback and its variables. Without
    Airflow's logging setup, as in a command of this package, these lines are printed. Airflow 2 logs them through
    ``logging``.
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


@cache
def airflow_version() -> str:
    """Return Airflow's version. ``airflow.__version__`` may be missing while Airflow is imported as a library.

    It is read once, because Python parses the long description of Airflow each time.
    """
    return version("apache-airflow")


def has_pages() -> bool:
    """Return whether Airflow's UI shows pages of plugins to users who have logged in.

    Airflow 3.1 added these pages. Its first release, 3.1.0, stores the login where only Airflow's own scripts find it,
    and not in a cookie.
    """
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", airflow_version())
    return numbers is not None and tuple(map(int, numbers.groups())) >= (3, 1, 1)


def authorized_ids(manager: Any, plural: str, ids: set[str], user: Any, team: str | None) -> set[str] | None:
    """Return which of a team's connections or variables a user may read, from one call of the auth manager.

    Returns:
        The ids; ``None`` before Airflow 3.2, whose auth managers are called for each id.
    """
    if plural == "connections" and hasattr(manager, "filter_authorized_connections"):
        found = manager.filter_authorized_connections(conn_ids=ids, user=user, method="GET", team_name=team)
    elif plural == "variables" and hasattr(manager, "filter_authorized_variables"):
        found = manager.filter_authorized_variables(variable_keys=ids, user=user, method="GET", team_name=team)
    else:
        return None
    return set(found)


# The types that Airflow itself defines: ``ProvidersManager._init_airflow_core_hooks``, in 2.11 and 3.3.
_TYPES_OF_AIRFLOW = ("generic", "email", "fs", "package_index")


@cache
def known_connection_types() -> frozenset[str] | None:
    """Return the connection types that Airflow and the installed providers define; ``None`` if that is unknown.

    No hook is imported: a provider lists its types together with its hooks. A provider that lists only hooks, as before
    Airflow 2.2, makes the result ``None``: its types would be known only after importing the hooks.
    ``ProvidersManager.hooks`` imports them, but has moved in Airflow 3.2.
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
    except Exception:  # a broken provider may raise anything
        return None
    return frozenset(found)


def dag_folder_paths(folder: str) -> Iterator[str]:
    """Yield the files in a folder of DAGs that no ``.airflowignore`` excludes.

    Patterns are globs or regular expressions, as ``[core] dag_ignore_file_syntax`` says. Its default has changed from
    Airflow 2 to 3, and the function has moved in Airflow 3.2.

    Raises:
        RuntimeError: a link leads to a folder around it.
        ValueError: the option is invalid.
    """
    from airflow.configuration import conf

    found = _module_if_there("airflow._shared.module_loading") or import_module("airflow.utils.file")
    if not hasattr(found, "find_path_from_directory"):
        found = import_module("airflow.utils.file")
    yield from found.find_path_from_directory(folder, ".airflowignore", conf.get("core", "dag_ignore_file_syntax"))
