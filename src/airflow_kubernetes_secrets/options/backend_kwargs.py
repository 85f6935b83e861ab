"""Parse and check ``backend_kwargs``. No other module reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from airflow_kubernetes_secrets.errors import OptionError
from airflow_kubernetes_secrets.kubernetes.labels import is_data_key, is_label_key, is_namespace, is_subdomain
from airflow_kubernetes_secrets.record import Record

_LONGEST_TIMEOUT = 3600
_LONGEST_TTL = 86400

# The values of ``on_error``.
NEXT = "next"
DENY = "deny"

# The kinds of ids in ``references``.
REFERENCE_KINDS = ("connections", "variables", "config")

Parser = Callable[[object], Any]

Key = TypeVar("Key")
Value = TypeVar("Value")


class Map(dict[Key, Value]):
    """A mapping that can be part of a dictionary key, since nothing changes it."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # a dict is not hashable, and this class has to be
        return hash(frozenset(self.items()))


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or any(each < " " or "\x7f" <= each <= "\x9f" for each in value):
        raise ValueError("must be a string on one line that is not blank and has no control characters")
    return value


def _json(text: str) -> object:
    """Return the value of a string in JSON, or else the string. ``AIRFLOW__SECRETS__BACKEND_KWARG__X`` can be JSON."""
    import json

    with suppress(ValueError, RecursionError):
        return json.loads(text)
    return text


_NAMESPACE = "the name of a namespace (1 to 63 of a-z, 0-9 and '-', no '-' at either end)"


def _namespaces(value: object) -> tuple[str, ...]:
    given = value
    if isinstance(value, str):
        given = _json(value) if value.lstrip().startswith("[") else [part.strip() for part in value.split(",")]
    if (
        not isinstance(given, list)
        or not given
        or not all(isinstance(each, str) and is_namespace(each) for each in given)
    ):
        raise ValueError(f"must be {_NAMESPACE}, or several names as a list or separated by commas")
    return tuple(dict.fromkeys(given))


def _boolean(value: object) -> bool:
    word = value.strip().lower() if isinstance(value, str) else value
    if word in (True, "true", "1"):
        return True
    if word in (False, "false", "0"):
        return False
    raise ValueError("must be true or false")


def _pattern(value: object) -> str:
    from airflow_kubernetes_secrets.options.pattern_cost import longest_id

    needs = "must be a regular expression"
    if not isinstance(value, str) or not value:
        raise ValueError(needs)
    try:
        # Compile with the flag that the lookup uses, so that the pattern is compiled once.
        re.compile(value, re.IGNORECASE)
        limit = longest_id(value)
    except RecursionError:
        raise ValueError(f"{needs}; this one is nested too deeply") from None
    except (re.error, OverflowError) as error:
        # The error can quote a part of the expression.
        raise ValueError(f"{needs} ({error})" if _can_be_shown(value) else needs) from None
    if not limit:
        raise ValueError(
            f"{needs}; this one could take minutes to match an id: it has a nested repeat such as '(a+)+', "
            "repeated alternatives such as '(ab|c)*', or too many repeats. Repeat sets such as '[a-z_]+' instead"
        )
    return value


def _object(value: object) -> dict[Any, Any]:
    """Return a JSON object, which may be given as a string."""
    given = _json(value) if isinstance(value, str) else value
    if isinstance(given, dict):
        return given
    raise ValueError(f"must be a JSON object; it is {_kind_of(value)}")


def _team_namespaces(value: object) -> Map[str, str]:
    given = _object(value)
    for team, namespace in given.items():
        if not isinstance(namespace, str) or not is_namespace(namespace):
            raise ValueError(f"must map team {_name(team)} to {_NAMESPACE}; it is {_name(namespace)}")
    return Map(given)


def _references(value: object) -> Map[str, Map[str, tuple[str | None, str]]]:
    given = _object(value)
    for kind in given:
        if kind not in REFERENCE_KINDS:
            hint = _nearest(str(kind), REFERENCE_KINDS)
            known = ", ".join(map(repr, REFERENCE_KINDS))
            raise ValueError(f"may contain {known}, but not {_name(kind)}{hint and f'; {hint}'}")
    return Map({kind: _references_of(kind, references) for kind, references in given.items()})


def _references_of(kind: str, value: object) -> Map[str, tuple[str | None, str]]:
    if isinstance(value, dict):
        return Map({identifier: _reference(kind, identifier, secret) for identifier, secret in value.items()})
    raise ValueError(f'must have under {kind!r} an object such as {{"my_db": "name-of-a-secret"}}')


def _reference(kind: str, identifier: str, value: object) -> tuple[str | None, str]:
    namespace, slash, name = value.rpartition("/") if isinstance(value, str) else ("", "", "")
    if not is_subdomain(name) or (slash and not is_namespace(namespace)):
        raise ValueError(
            f"must map {_name(identifier)} under {kind!r} to the name of a Secret, or namespace/name; "
            f"it is {_name(value)}"
        )
    return (namespace or None, name)


def _label_key(value: object) -> str:
    if not isinstance(value, str) or not is_label_key(value):
        raise ValueError("must be a label key such as 'example.com/name', or null")
    return value


def _data_key(value: object) -> str:
    if not isinstance(value, str) or not is_data_key(value):
        raise ValueError("must be a key of a Secret's data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'")
    return value


def _number(value: object) -> float:
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            return float(value)
    return math.nan


def _timeout(value: object) -> float:
    seconds = _number(value)
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        raise ValueError(f"must be a number of seconds above 0 and up to {_LONGEST_TIMEOUT}")
    return seconds


def _ttl(value: object) -> float:
    seconds = _number(value)
    if not 0 <= seconds <= _LONGEST_TTL:
        raise ValueError(f"must be a number of seconds from 0 to {_LONGEST_TTL}")
    return seconds


def _on_error(value: object) -> str:
    if value not in (NEXT, DENY):
        raise ValueError(f"must be {NEXT!r} or {DENY!r}")
    return str(value)


def _or_null(parse: Parser) -> Parser:
    """Return a parser that also accepts null, which ``AIRFLOW__SECRETS__BACKEND_KWARG__X`` contains as a string."""

    def parse_or_null(value: object) -> Any:
        if value is None or (isinstance(value, str) and value.strip().lower() in ("null", "none")):
            return None
        return parse(value)

    return parse_or_null


class Option:
    """One option: its parser, its default, and its line in the reference."""

    __slots__ = ("default", "doc", "parse")

    def __init__(self, parse: Parser, default: object, doc: str) -> None:
        self.parse = parse
        self.default = default
        self.doc = doc


# The parsers of options that are objects with several parts.
_OBJECTS = (_team_namespaces, _references)

OPTIONS: dict[str, Option] = {
    "namespace": Option(
        _or_null(_namespaces),
        None,
        "Namespace to search, or several that are searched in order. Default: the pod's own namespace, or the "
        "namespace of the kubeconfig's context.",
    ),
    "team_namespaces": Option(
        _team_namespaces,
        Map(),
        "Object that maps each team to its namespace. Lookups of the team search this namespace first.",
    ),
    "team_fallback": Option(
        _boolean,
        True,
        "Whether a lookup of a team that has no Secret for an id uses the reference or the global Secret.",
    ),
    "references": Option(
        _references,
        Map(),
        'Secrets that are selected by name and need no label: `{"connections": {"id": "name"}, "variables": …, '
        '"config": …}`; the name may be `namespace/name`.',
    ),
    "path": Option(
        _or_null(_text),
        None,
        "Folder with manifests of Secrets, read instead of the Kubernetes API. Changed files are read again.",
    ),
    "connections_label": Option(
        _or_null(_label_key),
        "airflow.apache.org/connection-id",
        "Label key that marks a connection's Secret; its value is the connection id. `null`: no connection is "
        "selected by label.",
    ),
    "variables_label": Option(
        _or_null(_label_key),
        "airflow.apache.org/variable-key",
        "Label key that marks a variable's Secret; its value is the variable's key. `null`: no variable is selected "
        "by label.",
    ),
    "config_label": Option(
        _or_null(_label_key),
        "airflow.apache.org/config-key",
        "Label key that marks a configuration option's Secret; its value is the value of the `…_secret` option. "
        "`null`: no option is selected by label.",
    ),
    "team_label": Option(
        _or_null(_label_key),
        "airflow.apache.org/team",
        "Label key whose value is the team that a Secret belongs to. `null`: there are no teams.",
    ),
    "connections_data_key": Option(_data_key, "value", "Key in the Secret's data that contains a connection."),
    "variables_data_key": Option(_data_key, "value", "Key in the Secret's data that contains a variable."),
    "config_data_key": Option(_data_key, "value", "Key in the Secret's data that contains a configuration option."),
    "connections_lookup_pattern": Option(
        _or_null(_pattern),
        None,
        "Regular expression that the beginning of a connection id must match to be looked up. Case is ignored.",
    ),
    "variables_lookup_pattern": Option(
        _or_null(_pattern),
        None,
        "Regular expression that the beginning of a variable's key must match to be looked up. Case is ignored.",
    ),
    "config_lookup_pattern": Option(
        _or_null(_pattern),
        None,
        "Regular expression that the beginning of a configuration option's id must match to be looked up. Case is "
        "ignored.",
    ),
    "service_account_path": Option(
        _text,
        "/var/run/secrets/kubernetes.io/serviceaccount",
        "Folder with the service account's `token`, `ca.crt` and `namespace`.",
    ),
    "kubeconfig": Option(
        _or_null(_text),
        None,
        "Path of a kubeconfig file, for use outside a cluster (also the variable `KUBECONFIG`). "
        "Needs the extra `kubeconfig`.",
    ),
    "context": Option(_or_null(_text), None, "Context in the kubeconfig. Default: its current context."),
    "timeout": Option(_timeout, 4.0, "Time limit of one lookup in seconds, retries included."),
    "cache_ttl": Option(
        _ttl,
        0.0,
        "Maximum age of a cached connection or variable in seconds. 0: each lookup queries the API server. Above 0: a "
        "process with repeated lookups caches all Secrets with the label in memory, and updates them with a watch.",
    ),
    "outage_ttl": Option(
        _ttl,
        300.0,
        "Seconds beyond `cache_ttl` for which a cached result may be used while the API server is unavailable. 0: "
        "never.",
    ),
    "on_error": Option(
        _on_error,
        NEXT,
        "What Airflow does when the lookup of a connection or variable fails. `next`: it continues with the "
        "environment and its database. `deny`: it stops (Airflow 3.2.2 and later).",
    ),
    "mask_values": Option(
        _boolean, False, "Whether to register all values that are read from a Secret with Airflow's log masker."
    ),
}


class Options(Record):
    """The options of one backend. Equal options mean the same source of Secrets. :data:`OPTIONS` describes them."""

    __slots__ = tuple(OPTIONS)

    namespace: tuple[str, ...] | None
    team_namespaces: Map[str, str]
    team_fallback: bool
    references: Map[str, Map[str, tuple[str | None, str]]]
    path: str | None
    connections_label: str | None
    variables_label: str | None
    config_label: str | None
    team_label: str | None
    connections_data_key: str
    variables_data_key: str
    config_data_key: str
    connections_lookup_pattern: str | None
    variables_lookup_pattern: str | None
    config_lookup_pattern: str | None
    service_account_path: str
    kubeconfig: str | None
    context: str | None
    timeout: float
    cache_ttl: float
    outage_ttl: float
    on_error: str
    mask_values: bool

    def __init__(self, **given: Any) -> None:
        """Create options from parsed values.

        Args:
            given: the options that differ from their defaults.

        Raises:
            TypeError: there is no such option.
        """
        for name, option in OPTIONS.items():
            setattr(self, name, given.pop(name, option.default))
        if given:
            raise TypeError(f"no such option: {', '.join(given)}")

    @classmethod
    def parse(cls, kwargs: Mapping[str, object]) -> Options:
        """Parse ``backend_kwargs``. Values may be strings, as in environment variables.

        Raises:
            OptionError: an option is unknown or invalid. The message names the option and what it needs, and for an
                unknown option the most similar one.
        """
        options = cls(**{name: _parse(name, value) for name, value in kwargs.items()})
        options._check_together()
        return options

    @property
    def namespaces(self) -> tuple[str | None, ...]:
        """The namespaces of lookups without a team, in order; ``None`` is the namespace of the credentials."""
        return self.namespace or (None,)

    @property
    def referenced(self) -> dict[str | None, tuple[str, ...]]:
        """For each namespace, the names of the Secrets that these options read by name."""
        names: dict[str | None, set[str]] = {}
        for references in self.references.values():
            for namespace, name in references.values():
                names.setdefault(namespace or self.namespaces[0], set()).add(name)
        return {namespace: tuple(sorted(each)) for namespace, each in names.items()}

    def _check_together(self) -> None:
        for name in ("connections_label", "variables_label", "config_label"):
            if self.team_label is not None and getattr(self, name) == self.team_label:
                raise OptionError(
                    f"backend_kwargs: {name} and team_label are both {self.team_label!r}; use two different keys"
                )
        for name in ("kubeconfig", "context"):
            if self.path is not None and getattr(self, name) is not None:
                raise OptionError(
                    f"backend_kwargs: path replaces the Kubernetes API, so it excludes {name}; remove one of them"
                )
        if self.path is not None and self.team_namespaces and self.namespace is None:
            raise OptionError(
                "backend_kwargs: path with team_namespaces requires namespace too; without it, every team "
                "can use every namespace in the folder"
            )


def _parse(name: str, value: object) -> Any:
    if name not in OPTIONS:
        raise OptionError(_unknown(name, list(OPTIONS)))
    try:
        return OPTIONS[name].parse(value)
    except ValueError as error:
        problem = str(error)
    # The problem names the wrong part of an object. The rest is not shown: it may contain a URI with a password.
    shown = "" if OPTIONS[name].parse in _OBJECTS else f"; it is {_shown(value)}"
    raise OptionError(f"backend_kwargs: {name} {problem}{shown}")


def _shown(value: object) -> str:
    """Return a value as an error shows it. A URI with a login, or a long string, may be a misplaced credential."""
    return repr(value) if _can_be_shown(value) else _kind_of(value)


def _can_be_shown(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= 300 and "\n" not in value and not ("://" in value and "@" in value)
    return value is None or isinstance(value, (bool, int, float))


def _name(value: object) -> str:
    """Return a name in an object as an error shows it."""
    if isinstance(value, str) and ("://" in value or "@" in value or len(value) > 80):
        return _kind_of(value)
    return _shown(value)


def _kind_of(value: object) -> str:
    if isinstance(value, str):
        return f"a string of {len(value)} character{'s' if len(value) != 1 else ''}"
    return f"of type {type(value).__name__}"


def _unknown(name: str, known: list[str]) -> str:
    hint = _nearest(name, known)
    return f"backend_kwargs: there is no option {_name(name)}; {hint and f'{hint} '}The options are {', '.join(known)}"


def _nearest(name: str, known: Sequence[str]) -> str:
    """Return the question whether the most similar name is meant; empty if none is similar."""
    from airflow_kubernetes_secrets.messages.suggestions import nearest

    meant = nearest(name, tuple(known), 0.5)
    return f"did you mean {meant!r}?" if meant else ""
