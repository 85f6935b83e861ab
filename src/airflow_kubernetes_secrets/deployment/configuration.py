"""The configuration of Airflow's secrets backend, readable even if Airflow could not start with it.

Airflow builds the backend while ``airflow.configuration`` is imported, so one invalid option stops every command. Here
it is imported without a backend, and the options are read afterwards.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import kwarg_variables
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, NotConfiguredError
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_CLASS = "KubernetesSecretsBackend"
BACKEND = f"airflow_kubernetes_secrets.{_CLASS}"

# With these problems Airflow does not use this backend at all, so its options do not matter.
NOT_OURS = ("no-backend", "another-backend")

_BACKEND_VARIABLE = "AIRFLOW__SECRETS__BACKEND"
_KWARGS_VARIABLE = "AIRFLOW__SECRETS__BACKEND_KWARGS"

# With this variable, importing Airflow does not set up its logs and its database; see ``airflow/__init__.py``.
_AS_LIBRARY = "_AIRFLOW__AS_LIBRARY"


@dataclass(frozen=True)
class AirflowConfiguration:
    """The configuration of Airflow's secrets backend.

    Attributes:
        backend: the class path in ``[secrets] backend``; empty if it is not set.
        backend_from: the environment variable or the file that sets it.
        kwargs: ``backend_kwargs`` as Airflow would pass them to the class, before they are checked.
        kwargs_from: the environment variables or the file that set them.
        problems: why Airflow would not read Kubernetes Secrets as intended.
    """

    backend: str
    backend_from: str
    kwargs: Mapping[str, object]
    kwargs_from: tuple[str, ...]
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, object]:
        """Return the configuration as the JSON outputs show it, without values of options.

        docs/reference/cli.md describes the outputs.
        """
        backend = {"backend": self.backend or None, "backend_from": self.backend_from or None}
        return {**backend, "kwargs": sorted(self.kwargs), "kwargs_from": list(self.kwargs_from)}

    def options(self, **overrides: str | None) -> Options:
        """Return the options, checked.

        Args:
            overrides: options that replace the configured ones; ``None`` keeps the configured value.

        Raises:
            OptionError: an option is unknown or invalid.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        replaced = replaced_options(given)
        kwargs = {**self.kwargs, **given}
        return Options.parse({name: value for name, value in kwargs.items() if name in given or name not in replaced})


def replaced_options(given: Iterable[str]) -> dict[str, str]:
    """Return the options that are not used because others are given instead.

    Args:
        given: the names of options that replace the configured ones.

    Returns:
        For each replaced option, the given one.
    """
    names = sorted(given)
    replaced = {name: name for name in names}
    # A kubeconfig or context selects an API server, so the configured folder is not used.
    api = next((name for name in ("kubeconfig", "context") if name in names), None)
    return replaced if api is None else {**replaced, "path": api}


def read_configuration() -> AirflowConfiguration:
    """Read Airflow's configuration.

    Raises:
        NotConfiguredError: Airflow cannot read it either.
    """
    conf = airflow_conf()
    problem = ""
    try:
        backend = str(conf.get("secrets", "backend", fallback="") or "").strip()
        text = str(conf.get("secrets", "backend_kwargs", fallback="") or "")
    except Exception as error:
        problem = type(error).__name__
    if problem:
        # This is raised outside the except block, with nothing chained, because Airflow's errors quote the
        # configuration.
        raise NotConfiguredError(
            f"[secrets] in Airflow's configuration cannot be read ({problem}): check {configuration_file()} "
            "and the variables AIRFLOW__SECRETS__…"
        )
    kwargs, dropped = _kwargs(text)
    kwargs_from = [_origin(_KWARGS_VARIABLE)] if text.strip() else []
    for name, (key, value) in kwarg_variables().items():
        kwargs[key] = value
        kwargs_from.append(name)
    problems = [*_problems_of_class(backend), *([dropped] if dropped else [])]
    if any(each.code == "another-backend" for each in problems) and not backend.endswith(f".{_CLASS}"):
        # Apache's class of the same name has the same options. The options of any other class have other meanings.
        kwargs, kwargs_from = {}, []
    return AirflowConfiguration(
        backend, _origin(_BACKEND_VARIABLE) if backend else "", kwargs, tuple(kwargs_from), tuple(problems)
    )


def airflow_conf() -> Any:
    """Return ``airflow.configuration.conf``. If it is not imported yet, import it without the backend.

    Raises:
        NotConfiguredError: Airflow cannot be imported.
    """
    if "airflow.configuration" not in sys.modules:
        problem = ""
        try:
            with _environment(**{_BACKEND_VARIABLE: "", _AS_LIBRARY: "1"}):
                import_module("airflow.configuration")
        except KubernetesSecretsError:
            raise
        except Exception as error:
            problem = type(error).__name__
        if problem:
            # This is raised outside the except block, with nothing chained, because Airflow's errors quote the
            # configuration.
            raise NotConfiguredError(
                f"Airflow cannot be imported with its configuration ({problem}): check {configuration_file()} "
                "and the variables AIRFLOW__…; 'airflow version' shows more"
            )
    from airflow.configuration import conf

    return conf


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables inside the block, and restore them afterwards."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _kwargs(text: str) -> tuple[dict[str, object], Problem | None]:
    """Return ``backend_kwargs`` as Airflow reads it. If it is not a JSON object, Airflow uses nothing of it."""
    if not text.strip():
        return {}, None
    try:
        kwargs = json.loads(text)
    except json.JSONDecodeError as error:
        # The message of this error is only about syntax and quotes nothing.
        problem = f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem = "it is JSON that is nested too deeply"
    else:
        if isinstance(kwargs, dict):
            return kwargs, None
        if not kwargs:
            return {}, None
        problem = "it is not a JSON object"
    return {}, Problem(
        "kwargs-dropped",
        f"[secrets] backend_kwargs in {printable(_origin(_KWARGS_VARIABLE))}: {problem}. Airflow logs a warning, "
        'ignores all of it and uses the defaults. Correct it; the format is {"namespace": "airflow"}',
    )


def _problems_of_class(backend: str) -> Iterator[Problem]:
    """Yield the reason why Airflow does not use this backend's class."""
    if not backend:
        yield Problem(
            "no-backend",
            f"[secrets] backend is not set, so Airflow does not read Kubernetes Secrets. Set "
            f"{_BACKEND_VARIABLE}={BACKEND}",
        )
        return
    from airflow_kubernetes_secrets.backend.kubernetes_secrets import KubernetesSecretsBackend

    module, _, name = backend.rpartition(".")
    origin = printable(_origin(_BACKEND_VARIABLE))
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        yield Problem(
            "backend-missing",
            f"[secrets] backend in {origin} is {printable(backend)}, which cannot be imported here, so "
            f"Airflow does not start. Install its package, or set it to {BACKEND}",
        )
        return
    if not (isinstance(found, type) and issubclass(found, KubernetesSecretsBackend)):
        yield Problem(
            "another-backend",
            f"[secrets] backend in {origin} is {printable(backend)}, not this one. To use "
            f"this one, set it to {BACKEND}",
            Severity.WARNING,
        )


def _origin(variable: str) -> str:
    """Return the environment variable that sets an option of this name, or else the configuration file."""
    # This is the order in which Airflow reads them.
    variables = (variable + suffix for suffix in ("", "_CMD", "_SECRET"))
    return next((name for name in variables if name in os.environ), configuration_file())


def configuration_file() -> str:
    """Return the path of ``airflow.cfg``, by Airflow's own rule."""
    home = os.environ.get("AIRFLOW_HOME", "~/airflow")
    return os.path.expandvars(os.path.expanduser(os.environ.get("AIRFLOW_CONFIG", f"{home}/airflow.cfg")))  # noqa: PTH111  # Path raises for '~nobody'
