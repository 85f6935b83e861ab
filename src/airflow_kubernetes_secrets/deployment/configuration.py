"""The configuration of Airflow's secrets backend, readable even if Airflow could not start with it.

Airflow builds the backend while ``airflow.configuration`` is imported, so one invalid option stops every command. Here
it is imported without a backend, and the options are read afterwards.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from configparser import Error, RawConfigParser
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from locale import getpreferredencoding
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import kwarg_variables
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, NotConfiguredError
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.accepted_values import redacted_name
from airflow_kubernetes_secrets.options.backend_kwargs import Options

_CLASS = "KubernetesSecretsBackend"
BACKEND = f"airflow_kubernetes_secrets.{_CLASS}"
_NO_SECRETS = "airflow_kubernetes_secrets.NoSecretsBackend"

# With these problems Airflow does not use this backend at all, so its options do not matter.
NOT_OURS = ("no-backend", "another-backend", "reads-no-secrets")

# The beginning of the variables for the options of the section [secrets].
IN_SECTION = "AIRFLOW__SECRETS__"
_BACKEND_VARIABLE = f"{IN_SECTION}BACKEND"
_KWARGS_VARIABLE = f"{IN_SECTION}BACKEND_KWARGS"
_OPTION = re.compile("AIRFLOW__(?P<section>.+?)__(?P<key>.+)")

# The beginning of the key for one option of the backend, as Airflow 3.2 and later read it, and a misspelt one.
KWARG_PREFIXES = ("backend_kwarg__", "backend_kwargs__")

# The similarity to the name of an option, from 0 to 1, from which another name was probably meant as this option.
OPTION_CUTOFF = 0.85

# An option, a command that prints it, and the id of its Secret, in the order in which Airflow reads them.
OPTION_SUFFIXES = ("", "_cmd", "_secret")

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
        kwargs_ignored: where they are set too, although Airflow does not use them there.
        problems: why Airflow would not read Kubernetes Secrets as intended.
        warnings: what Airflow accepts, although it was probably not intended.
    """

    backend: str
    backend_from: str
    kwargs: Mapping[str, object]
    kwargs_from: tuple[str, ...]
    kwargs_ignored: tuple[str, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def reads_no_secrets(self) -> bool:
        """Whether the backend is the one for workers that get everything from Airflow's API server."""
        return any(each.code == "reads-no-secrets" for each in self.problems)

    @property
    def kwargs_origins(self) -> str:
        """Where ``backend_kwargs`` is set, and where Airflow ignores it, as the end of a line."""
        origins = f", from {', '.join(self.kwargs_from)}" if self.kwargs_from else ""
        return origins + (f"; ignored: {', '.join(self.kwargs_ignored)}" if self.kwargs_ignored else "")

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
    kwargs, dropped, repeated = _kwargs(text)
    kwargs_from = [_origin(_KWARGS_VARIABLE)] if text.strip() else []
    replaced = [
        f"{redacted_name(key)} in {kwargs_from[0]}" for key, _value in kwarg_variables().values() if key in kwargs
    ]
    for name, (key, value) in kwarg_variables().items():
        kwargs[key] = value
        kwargs_from.append(name)
    is_complete = bool(backend) and bool(kwargs_from)
    misspelt = {} if is_complete else _misspelt_names(conf)
    problems = [*_problems_of_class(backend, misspelt), *([dropped] if dropped else [])]
    if any(each.code == "another-backend" for each in problems) and not backend.endswith(f".{_CLASS}"):
        # Apache's class of the same name has the same options. The options of any other class have other meanings.
        kwargs, kwargs_from, repeated = {}, [], None
        misspelt.clear()
    unintended = [repeated] if repeated else []
    if not kwargs_from and _KWARGS_VARIABLE in misspelt:
        text = f"{misspelt[_KWARGS_VARIABLE]}. Without it, all options have their defaults"
        unintended.append(Problem("misplaced-option", text, Severity.WARNING))
    return AirflowConfiguration(
        backend,
        _origin(_BACKEND_VARIABLE) if backend else "",
        kwargs,
        tuple(kwargs_from),
        (*replaced, *_ignored_kwargs()) if kwargs_from else (),
        tuple(problems),
        tuple(unintended),
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
            encoding = getpreferredencoding(do_setlocale=False)
            if isinstance(error, UnicodeError) and encoding.lower().replace("-", "") != "utf8":
                problem = f"{problem}: Python reads files as {encoding} here; set PYTHONUTF8=1 or LC_ALL=C.UTF-8"
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


def _kwargs(text: str) -> tuple[dict[str, object], Problem | None, Problem | None]:
    """Return ``backend_kwargs`` as Airflow reads it. If it is not a JSON object, Airflow uses nothing of it.

    Returns:
        The options; the reason why Airflow uses nothing; and the names that are present more than once.
    """
    if not text.strip():
        return {}, None, None
    repeated: dict[str, None] = {}

    def as_object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
        counts = Counter(name for name, _value in pairs)
        repeated.update((name, None) for name, count in counts.items() if count > 1)
        return dict(pairs)

    try:
        kwargs = json.loads(text, object_pairs_hook=as_object)
    except json.JSONDecodeError as error:
        # The message of this error is only about syntax and quotes nothing.
        problem = f"it is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        problem = "it is JSON that is nested too deeply"
    else:
        if isinstance(kwargs, dict):
            return kwargs, None, _repeated(sorted(repeated)) if repeated else None
        if not kwargs:
            return {}, None, None
        problem = "it is not a JSON object"
    dropped = Problem(
        "kwargs-dropped",
        f"[secrets] backend_kwargs in {printable(_origin(_KWARGS_VARIABLE))}: {problem}. Airflow logs a warning, "
        'ignores all of it and uses the defaults. Correct it; the format is {"namespace": "airflow"}',
    )
    return {}, dropped, None


def _repeated(names: Sequence[str]) -> Problem:
    """Return that names are present more than once. Airflow parses the JSON, so only the commands detect it."""
    shown = [redacted_name(name) for name in names]
    listed = f"{', '.join(shown[:-1])} and {shown[-1]} are" if len(shown) > 1 else f"{shown[0]} is"
    return Problem(
        "repeated-option",
        f"backend_kwargs, from {printable(_origin(_KWARGS_VARIABLE))}: {listed} present twice, and only the last value "
        "is used. Remove the others",
        Severity.WARNING,
    )


def _misspelt_names(conf: Any) -> dict[str, str]:
    """Return the environment variables and keys of the file that were probably meant as the options of the backend.

    Returns:
        For the variable of each option that has such a name, a sentence with the name and a remedy.
    """
    path = configuration_file()
    in_file = read_configuration_file(path)
    names = [(name, printable(name), "") for name in sorted(os.environ) if os.environ[name].strip()]
    names += [
        # The case of a section counts, and that of a key does not.
        (f"AIRFLOW__{section.swapcase()}__{key.upper()}", printable(f"[{section}] {key} in {path}"), "[secrets] ")
        for section in in_file.sections()
        for key, text in in_file.items(section)
        if text.strip()
    ]
    found: dict[str, str] = {}
    for name, where, section in names:
        base = _without_suffix(name)
        meant = nearest(base.upper(), (_BACKEND_VARIABLE, _KWARGS_VARIABLE), OPTION_CUTOFF)
        if meant and base != meant and not _is_read(conf, base):
            option = meant.removeprefix(IN_SECTION).lower()
            right = f"{section}{option}" if section else meant + name[len(base) :]
            text = f"is set, but Airflow does not read it. If [secrets] {option} is meant, rename it to {right}"
            found.setdefault(meant, f"{where} {text}")
    return found


def _without_suffix(variable: str) -> str:
    """Return the name of the variable for the value of an option, from one for its value, command or Secret."""
    return next((variable.removesuffix(each) for each in ("_CMD", "_SECRET") if variable.endswith(each)), variable)


def _is_read(conf: Any, variable: str) -> bool:
    """Return whether Airflow reads a variable as an option, or as one of ``backend_kwargs``."""
    match = _OPTION.fullmatch(variable)
    if match is None or not variable.isupper():
        return False
    section, key = match["section"].lower(), match["key"].lower()
    is_kwarg = section == "secrets" and key.startswith(KWARG_PREFIXES)
    return is_kwarg or is_known(conf, section, key)


def is_known(conf: Any, section: str, key: str) -> bool:
    """Return whether Airflow has an option of this name."""
    # ``conf.has_option`` would read the option, and so look up the Secret.
    return key in conf.configuration_description.get(section, {}).get("options", {})


def _problems_of_class(backend: str, misspelt: Mapping[str, str]) -> Iterator[Problem]:
    """Yield the reason why Airflow does not use this backend's class.

    Args:
        misspelt: for the variable of an option, a sentence about a name that was probably meant as this option.
    """
    if not backend:
        remedy = misspelt.get(_BACKEND_VARIABLE, f"Set {_BACKEND_VARIABLE}={BACKEND}")
        text = f"[secrets] backend is not set, so Airflow does not read Kubernetes Secrets. {remedy}"
        yield Problem("no-backend", text)
        return
    from airflow_kubernetes_secrets.backend.kubernetes_secrets import KubernetesSecretsBackend
    from airflow_kubernetes_secrets.backend.no_secrets import NoSecretsBackend

    module, _, name = backend.rpartition(".")
    origin = printable(_origin(_BACKEND_VARIABLE))
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError):
        # A worker whose class is misspelt must not be told to read Secrets.
        meant = nearest(backend, (BACKEND, _NO_SECRETS), 0.8) or BACKEND
        yield Problem(
            "backend-missing",
            f"[secrets] backend in {origin} is {printable(backend)}, which cannot be imported here, so "
            f"Airflow does not start. Install its package, or set it to {meant}",
        )
        return
    if isinstance(found, type) and issubclass(found, NoSecretsBackend):
        yield Problem(
            "reads-no-secrets",
            f"[secrets] backend in {origin} is {printable(backend)}, so lookups in this process read no Secrets. In "
            "Airflow 3, tasks get connections and variables from Airflow's API server: run this command there",
            Severity.WARNING,
        )
    elif not (isinstance(found, type) and issubclass(found, KubernetesSecretsBackend)):
        yield Problem(
            "another-backend",
            f"[secrets] backend in {origin} is {printable(backend)}, not this one. To use "
            f"this one, set it to {BACKEND}",
            Severity.WARNING,
        )


def _origin(variable: str) -> str:
    """Return the environment variable that sets an option of this name, or else the configuration file."""
    return next(_set_variables(variable), configuration_file())


def _set_variables(variable: str) -> Iterator[str]:
    """Yield the environment variables that set an option, in the order in which Airflow reads them."""
    return (name for suffix in OPTION_SUFFIXES if (name := variable + suffix.upper()) in os.environ)


def _ignored_kwargs() -> list[str]:
    """Return where ``backend_kwargs`` is set too. Airflow reads only the first place that sets it."""
    path = configuration_file()
    in_file = read_configuration_file(path)
    # Airflow itself writes the option without a value into a new file.
    keys = [
        key
        for suffix in OPTION_SUFFIXES
        if in_file.get("secrets", key := f"backend_kwargs{suffix}", fallback="").strip()
    ]
    return [*_set_variables(_KWARGS_VARIABLE), *(f"[secrets] {key} in {path}" for key in keys)][1:]


def read_configuration_file(path: str) -> RawConfigParser:
    """Read ``airflow.cfg``. The result is empty if the file cannot be parsed."""
    parser = RawConfigParser()
    try:
        parser.read(path)
    except (Error, UnicodeDecodeError):
        return RawConfigParser()  # Airflow itself reports the error
    return parser


def configuration_file() -> str:
    """Return the path of ``airflow.cfg``, by Airflow's own rule."""
    home = os.environ.get("AIRFLOW_HOME", "~/airflow")
    return os.path.expandvars(os.path.expanduser(os.environ.get("AIRFLOW_CONFIG", f"{home}/airflow.cfg")))  # noqa: PTH111  # Path raises for '~nobody'
