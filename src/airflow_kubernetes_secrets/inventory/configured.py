"""How Airflow is configured to look things up, read as Airflow reads it, and also where it could not start with that.

Airflow builds the backend while ``airflow.configuration`` is imported, so that one wrong option stops every command.
Here it is imported without a backend, and the options are read from it afterwards.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from airflow_kubernetes_secrets.compat import kwarg_variables
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, NotConfiguredError
from airflow_kubernetes_secrets.inventory.problem import Problem, Severity
from airflow_kubernetes_secrets.options import Options
from airflow_kubernetes_secrets.printable import printable

_CLASS = "KubernetesSecretsBackend"
BACKEND = f"airflow_kubernetes_secrets.{_CLASS}"

# Problems with which Airflow does not use this backend at all, so that its options are nobody's concern.
NOT_OURS = ("no-backend", "another-backend")

_BACKEND_VARIABLE = "AIRFLOW__SECRETS__BACKEND"
_KWARGS_VARIABLE = "AIRFLOW__SECRETS__BACKEND_KWARGS"

# With this Airflow does not set up its logs and its database when it is imported; see ``airflow/__init__.py``.
_AS_LIBRARY = "_AIRFLOW__AS_LIBRARY"


@dataclass(frozen=True)
class Configured:
    """What Airflow is configured with.

    Attributes:
        backend: the class path in ``[secrets] backend``; empty if there is none.
        backend_from: the environment variable or the file that says so.
        kwargs: ``backend_kwargs`` as Airflow would hand them to the class, before they are checked.
        kwargs_from: what says so.
        problems: why Airflow would not look into Kubernetes Secrets as is meant.
    """

    backend: str
    backend_from: str
    kwargs: Mapping[str, object]
    kwargs_from: tuple[str, ...]
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, object]:
        """As the JSON outputs have it; docs/cli.md describes them. No option's value is in it."""
        backend = {"backend": self.backend or None, "backend_from": self.backend_from or None}
        return {**backend, "kwargs": sorted(self.kwargs), "kwargs_from": list(self.kwargs_from)}

    def options(self, **overrides: str | None) -> Options:
        """The options, with those that are given in place of the configured ones.

        Raises:
            OptionError: one is unknown or cannot be used.
        """
        given = {name: value for name, value in overrides.items() if value is not None}
        kwargs = {**self.kwargs, **given}
        if given.keys() & {"kubeconfig", "context"}:
            # Whoever names an API does not mean the folder that stands in for one.
            kwargs.pop("path", None)
        return Options.parse(kwargs)


def read_configuration() -> Configured:
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
        # Outside the except block, with nothing chained: what Airflow raises quotes what is configured.
        raise NotConfiguredError(
            f"[secrets] in Airflow's configuration cannot be read ({problem}): look at {configuration_file()} and at "
            "the variables AIRFLOW__SECRETS__…"
        )
    kwargs, dropped = _kwargs(text)
    kwargs_from = [_origin(_KWARGS_VARIABLE)] if text.strip() else []
    for name, (key, value) in kwarg_variables().items():
        kwargs[key] = value
        kwargs_from.append(name)
    problems = [*_problems_of_class(backend), *([dropped] if dropped else [])]
    if any(each.code == "another-backend" for each in problems) and not backend.endswith(f".{_CLASS}"):
        # Apache's class of that name has the same options; those of any other mean something else.
        kwargs, kwargs_from = {}, []
    return Configured(
        backend, _origin(_BACKEND_VARIABLE) if backend else "", kwargs, tuple(kwargs_from), tuple(problems)
    )


def airflow_conf() -> Any:
    """``airflow.configuration.conf``, imported without the backend if it was not imported before.

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
            # Outside the except block, for the same reason.
            raise NotConfiguredError(
                f"Airflow cannot be imported with its configuration ({problem}): look at {configuration_file()} and at "
                "the variables AIRFLOW__…; 'airflow version' says more"
            )
    from airflow.configuration import conf

    return conf


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _kwargs(text: str) -> tuple[dict[str, object], Problem | None]:
    """``backend_kwargs`` as Airflow reads it: where that is no JSON object, nothing of it is used."""
    if not text.strip():
        return {}, None
    try:
        kwargs = json.loads(text)
    except json.JSONDecodeError as error:
        # The error's own text is about its form alone.
        problem = f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem = "it is JSON that is nested too deep"
    else:
        if isinstance(kwargs, dict):
            return kwargs, None
        if not kwargs:
            return {}, None
        problem = "it is not a JSON object"
    return {}, Problem(
        "kwargs-dropped",
        f"[secrets] backend_kwargs in {printable(_origin(_KWARGS_VARIABLE))}: {problem}. Airflow warns, drops all of "
        'it and goes on with the defaults. Correct it; it has to be such as {"namespace": "airflow"}',
    )


def _problems_of_class(backend: str) -> Iterator[Problem]:
    if not backend:
        yield Problem(
            "no-backend",
            f"[secrets] backend is not set, so Airflow does not look into Kubernetes Secrets. Set "
            f"{_BACKEND_VARIABLE}={BACKEND}",
        )
        return
    from airflow_kubernetes_secrets.backend import KubernetesSecretsBackend

    module, _, name = backend.rpartition(".")
    origin = printable(_origin(_BACKEND_VARIABLE))
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        yield Problem(
            "backend-missing",
            f"[secrets] backend in {origin} is {printable(backend)}, which cannot be imported here, so "
            f"Airflow does not start. Install what it is in, or set it to {BACKEND}",
        )
        return
    if not (isinstance(found, type) and issubclass(found, KubernetesSecretsBackend)):
        yield Problem(
            "another-backend",
            f"[secrets] backend in {origin} is {printable(backend)}, and not this one. To use this one, "
            f"set it to {BACKEND}",
            Severity.WARNING,
        )


def _origin(variable: str) -> str:
    # In the order in which Airflow asks them.
    variables = (variable + suffix for suffix in ("", "_CMD", "_SECRET"))
    return next((name for name in variables if name in os.environ), configuration_file())


def configuration_file() -> str:
    """The path of ``airflow.cfg``, by Airflow's rule."""
    home = os.environ.get("AIRFLOW_HOME", "~/airflow")
    return os.path.expandvars(os.path.expanduser(os.environ.get("AIRFLOW_CONFIG", f"{home}/airflow.cfg")))  # noqa: PTH111  # Path raises for '~nobody'
