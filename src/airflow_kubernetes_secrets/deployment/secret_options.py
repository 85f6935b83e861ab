"""Airflow's own options that are read from a Secret (``…_SECRET``), and what Airflow uses instead.

Airflow reads an option from the environment first: the value, then a command, then a Secret. Then it reads the same
three from ``airflow.cfg``, and at last it takes the default. Only options that Airflow calls sensitive can come from a
command or a Secret.
https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from configparser import RawConfigParser
from dataclasses import dataclass
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import kwarg_variables
from airflow_kubernetes_secrets.deployment.configuration import (
    IN_SECTION,
    KWARG_PREFIXES,
    OPTION_SUFFIXES,
    AirflowConfiguration,
    airflow_conf,
    configuration_file,
    is_known,
    read_configuration_file,
)
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS

_VARIABLE = re.compile("AIRFLOW__(?P<section>.+?)__(?P<key>.+)_SECRET")

# The option with the URL of the metadata database. If its Secret is not found, Airflow silently uses the default: an
# empty SQLite database.
METADATA_DATABASE = ("database", "sql_alchemy_conn")


@dataclass(frozen=True)
class SecretOption:
    """An option that names the Secret with its value.

    Attributes:
        where: the environment variable, or the file and the key in it.
        id: the id of the configuration option that the Secret is looked up by.
        instead: what Airflow uses instead of the Secret, and why; empty if it uses the Secret.
    """

    section: str
    key: str
    where: str
    id: str
    instead: str = ""

    @property
    def name(self) -> str:
        """The option as Airflow's documentation writes it."""
        return f"[{self.section}] {self.key}"


def secret_options() -> list[SecretOption]:
    """Return the options that name a Secret in this process's environment or in ``airflow.cfg``.

    Raises:
        NotConfiguredError: Airflow's configuration cannot be read.
    """
    conf = airflow_conf()
    sensitive = set(conf.sensitive_config_values)
    path = configuration_file()
    in_file = read_configuration_file(path)
    found = list(_in_environment(conf, sensitive))
    for section in in_file.sections():
        for option, text in in_file.items(section):
            key = option.removesuffix("_secret")
            if key != option and text.strip() and is_known(conf, section, key):
                first = _from_environment(section, key) or _from_file(in_file, section, key, path)
                instead = _instead(section, key, sensitive, first)
                where = printable(f"{path}, [{section}] {option}")
                found.append(SecretOption(section, key, where, text.strip(), instead))
    return found


def only_in_environment(option: SecretOption, configured: AirflowConfiguration) -> list[str]:
    """Return the environment variables that an option's Secret depends on and that ``airflow.cfg`` does not replace.

    A process without these variables silently uses the default of the option.
    """
    in_file = read_configuration_file(configuration_file())
    if any(in_file.has_option(option.section, option.key + suffix) for suffix in ("", "_cmd")):
        return []
    found = [] if in_file.has_option(option.section, f"{option.key}_secret") else [option.where]
    for key, origins in {"backend": (configured.backend_from,), "backend_kwargs": configured.kwargs_from}.items():
        # Airflow itself writes both options without a value into a new file.
        if not any(in_file.get("secrets", key + suffix, fallback="").strip() for suffix in OPTION_SUFFIXES):
            found += [origin for origin in origins if origin in os.environ]
    return found


def _in_environment(conf: Any, sensitive: set[tuple[str, str]]) -> Iterator[SecretOption]:
    """Yield the options that name a Secret in an environment variable."""
    for name in sorted(os.environ):
        match = _VARIABLE.fullmatch(name)
        if match is None or not os.environ[name]:
            continue
        section, key = match["section"].lower(), match["key"].lower()
        # Names of other options end with that word too, such as [api_auth] jwt_secret.
        if not is_known(conf, section, key):
            continue
        before = _variables(section, key)[:2]
        first = next((each for each in before if each in os.environ), "")
        yield SecretOption(section, key, name, os.environ[name], _instead(section, key, sensitive, first))


def _instead(section: str, key: str, sensitive: set[tuple[str, str]], first: str) -> str:
    """Return why Airflow does not use the Secret; empty if it does.

    Args:
        first: the variable, or the key of the file, that Airflow reads before the Secret; empty if there is none.
    """
    if (section, key) not in sensitive:
        problem = "is not one of the options that Airflow reads from a Secret. Set the option itself instead"
        return f"[{section}] {key} {problem}"
    return printable(f"{first} comes first, so Airflow uses it. Remove one of them") if first else ""


def _variables(section: str, key: str) -> list[str]:
    """Return the environment variables of an option, in the order in which Airflow reads them."""
    # Airflow replaces a dot in a section's name by an underscore in the variable.
    base = f"AIRFLOW__{section.replace('.', '_').upper()}__{key.upper()}"
    return [base + suffix.upper() for suffix in OPTION_SUFFIXES]


def _from_environment(section: str, key: str) -> str:
    """Return the environment variable that sets an option; empty if none does."""
    return next((name for name in _variables(section, key) if name in os.environ), "")


def _from_file(parser: RawConfigParser, section: str, key: str, path: str) -> str:
    """Return the key that sets an option's value or command in the file; empty if there is none."""
    found = (each for each in OPTION_SUFFIXES[:2] if parser.has_option(section, key + each))
    return next((f"[{section}] {key}{each} in {path}" for each in found), "")


def misplaced_options() -> dict[str, str]:
    """Return where options of the backend are set although Airflow does not read them there, with the remedy."""
    conf, path = airflow_conf(), configuration_file()
    keys = {name: name[len(IN_SECTION) :].lower() for name in sorted(os.environ) if name.startswith(IN_SECTION)}
    in_file = read_configuration_file(path)
    if in_file.has_section("secrets"):
        keys |= {f"{path}, [secrets] {key}": key for key in in_file.options("secrets")}
    found = {}
    for where, key in keys.items():
        prefix, name = next(((each, key[len(each) :]) for each in KWARG_PREFIXES if key.startswith(each)), ("", key))
        if name not in OPTIONS or where in kwarg_variables() or is_known(conf, "secrets", key):
            continue
        own = f"{IN_SECTION}BACKEND_KWARG__{name.upper()}"
        remedy = f"{name} is an option of backend_kwargs, and Airflow ignores it here. Move it into that JSON object"
        if prefix != "backend_kwarg__":
            remedy += f"; Airflow 3.2 and later also read {own}"
        else:
            remedy += "; only Airflow 3.2 and later read such a variable"
        found[printable(where)] = remedy
    return found
