"""Airflow's own options that are read from a Secret (``…_SECRET``), and what Airflow uses instead.

Airflow reads an option from the environment first: the value, then a command, then a Secret. Then it reads the same
three from ``airflow.cfg``, and at last it takes the default. Only options that Airflow calls sensitive can come from a
command or a Secret.
https://airflow.apache.org/docs/apache-airflow/stable/howto/set-config.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from configparser import RawConfigParser
from dataclasses import dataclass, replace
from typing import Any

from airflow_kubernetes_secrets.backend.airflow_versions import kwarg_variables
from airflow_kubernetes_secrets.deployment.configuration import (
    IN_SECTION,
    KWARG_PREFIXES,
    OPTION_CUTOFF,
    OPTION_SUFFIXES,
    AirflowConfiguration,
    airflow_conf,
    configuration_file,
    is_known,
    read_configuration_file,
)
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.messages.suggestions import nearest
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS

_VARIABLE = re.compile("AIRFLOW__(?P<section>.+?)__(?P<key>.+)_SECRET")

# The options of Airflow's own sections that any version from 2.11 to 3.3 reads from a Secret. A version that lacks one
# of them silently ignores it.
_OF_ANY_VERSION = {
    ("api", "secret_key"),
    ("api_auth", "jwt_secret"),
    ("core", "asset_manager_kwargs"),
    ("core", "dataset_manager_kwargs"),
    ("core", "fernet_key"),
    ("core", "internal_api_secret_key"),
    ("database", "sql_alchemy_conn"),
    ("database", "sql_alchemy_conn_async"),
    ("database", "sql_alchemy_engine_args"),
    ("logging", "remote_task_handler_kwargs"),
    ("sentry", "sentry_dsn"),
    ("smtp", "smtp_password"),
    ("webserver", "secret_key"),
}

# The option with the URL of the metadata database. If its Secret is not found, Airflow silently uses the default: an
# empty SQLite database.
_METADATA_DATABASE = ("database", "sql_alchemy_conn")


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
    path = configuration_file()
    in_file = read_configuration_file(path)
    found = list(_in_environment(conf))
    for section in in_file.sections():
        for option, text in in_file.items(section):
            key = option.removesuffix("_secret")
            if key != option and text.strip():
                names = _names(conf, section, key)
                first = _from_environment(names) or _from_file(in_file, names, (section, key), path)
                where = printable(f"{path}, [{section}] {option}")
                found += _named(conf, SecretOption(section, key, where, text.strip()), first)
    return found


def is_of_metadata_database(option: SecretOption) -> bool:
    """Return whether an option is that of the metadata database, under its current or its deprecated name."""
    return _METADATA_DATABASE in _names(airflow_conf(), option.section, option.key)


def only_in_environment(option: SecretOption, configured: AirflowConfiguration) -> list[str]:
    """Return the environment variables that an option's Secret depends on and that ``airflow.cfg`` does not replace.

    A process without these variables silently uses the default of the option.
    """
    in_file = read_configuration_file(configuration_file())
    names = _names(airflow_conf(), option.section, option.key)
    if any(in_file.has_option(section, key + suffix) for section, key in names for suffix in ("", "_cmd")):
        return []
    is_in_file = any(in_file.has_option(section, f"{key}_secret") for section, key in names)
    found = [] if is_in_file else [option.where]
    for key, origins in {"backend": (configured.backend_from,), "backend_kwargs": configured.kwargs_from}.items():
        # Airflow itself writes both options without a value into a new file.
        if not any(in_file.get("secrets", key + suffix, fallback="").strip() for suffix in OPTION_SUFFIXES):
            found += [origin for origin in origins if origin in os.environ]
    return found


def _in_environment(conf: Any) -> Iterator[SecretOption]:
    """Yield the options that name a Secret in an environment variable."""
    for name in sorted(os.environ):
        match = _VARIABLE.fullmatch(name)
        if match is None or not os.environ[name]:
            continue
        section, key = match["section"].lower(), match["key"].lower()
        env_names = _env_names(_names(conf, section, key))
        before = env_names[: env_names.index(name)] if name in env_names else []
        first = next((each for each in before if each in os.environ), "")
        yield from _named(conf, SecretOption(section, key, name, os.environ[name]), first)


def _named(conf: Any, option: SecretOption, first: str) -> Iterator[SecretOption]:
    """Yield an option with what Airflow uses instead of its Secret, if its name is an option of Airflow.

    A name that was probably meant as such an option, or that only other versions of Airflow have, is yielded too,
    because Airflow silently ignores it.

    Args:
        first: the variable, or the key of the file, that Airflow reads before the Secret; empty if there is none.
    """
    sensitive, name = conf.sensitive_config_values, (option.section, option.key)
    if name in sensitive:
        instead = f"{first} comes first, so Airflow uses it. Remove one of them" if first else ""
    elif is_known(conf, *name):
        instead = (
            f"{option.name} is not one of the options that Airflow reads from a Secret. Set the option itself instead"
        )
    elif name in _OF_ANY_VERSION:
        instead = f"this version of Airflow has no option {option.name}, so it ignores this. Remove it"
    elif meant := _meant(conf, option, sensitive):
        instead = f"Airflow has no option {option.name}, so it ignores this; did you mean {meant}?"
    else:
        return
    yield replace(option, instead=printable(instead))


def _meant(conf: Any, option: SecretOption, sensitive: Collection[tuple[str, str]]) -> str:
    """Return the option that an unknown name was probably meant as; empty if there is none."""
    own = (option.section, f"{option.key}_secret")
    # Names of other options end with that word too, such as [api_auth] jwt_secret.
    if is_known(conf, *own) or own in _OF_ANY_VERSION:
        return ""
    # Names like those of the options that configure backends have a finding of their own.
    known = (f"[{section}] {key}" for section, key in sensitive if not key.endswith("backend_kwargs"))
    # Plugins have options of their own, whose names can end with "secret" too.
    return nearest(option.name, tuple(sorted(known)), OPTION_CUTOFF)


def _names(conf: Any, section: str, key: str) -> list[tuple[str, str]]:
    """Return the names under which Airflow reads an option, in its order: the current one, then the deprecated one."""
    deprecated = {tuple(old[:2]): new for new, old in conf.deprecated_options.items()}
    current = deprecated.get((section, key), (section, key))
    old = conf.deprecated_options.get(current)
    return [current, (old[0], old[1])] if old else [current]


def _env_names(names: Sequence[tuple[str, str]]) -> list[str]:
    """Return the environment variables of an option, in the order in which Airflow reads them."""
    # Airflow replaces a dot in a section's name by an underscore in the variable.
    bases = (f"AIRFLOW__{section.replace('.', '_').upper()}__{key.upper()}" for section, key in names)
    return [base + suffix.upper() for base in bases for suffix in OPTION_SUFFIXES]


def _from_environment(names: Sequence[tuple[str, str]]) -> str:
    """Return the environment variable that sets an option; empty if none does."""
    return next((name for name in _env_names(names) if name in os.environ), "")


def _from_file(parser: RawConfigParser, names: Sequence[tuple[str, str]], own: tuple[str, str], path: str) -> str:
    """Return the key of the file that Airflow reads before the Secret of an option; empty if there is none.

    Args:
        own: the name in the file that the Secret belongs to.
    """
    keys = [(*name, suffix) for suffix in OPTION_SUFFIXES for name in names]
    before = keys[: keys.index((*own, OPTION_SUFFIXES[2]))]
    found = (each for each in before if parser.has_option(each[0], each[1] + each[2]))
    return next((f"[{section}] {key}{suffix} in {path}" for section, key, suffix in found), "")


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
