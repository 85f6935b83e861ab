"""The types of values that options accept. A value is JSON, or a string from an environment variable."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

from airflow_kubernetes_secrets.kubernetes.labels import (
    ANNOTATION_PREFIX,
    NAMESPACE_RULE,
    is_data_key,
    is_label_key,
    is_namespace,
    is_subdomain,
)
from airflow_kubernetes_secrets.messages.listing import number_of

# The values of ``on_error``.
NEXT = "next"
DENY = "deny"

_LONGEST_TIMEOUT = 3600
_LONGEST_TTL = 86400

# The parts of a reference that describes its Secret.
_SECRET, _ANNOTATIONS = "secret", "annotations"

# Where the annotations of a reference are, for remedies.
IN_REFERENCES = " in 'references'"

# The kinds of ids in ``references``.
_REFERENCE_KINDS = ("connections", "variables", "config")

Key = TypeVar("Key")
Value = TypeVar("Value")


class Map(dict[Key, Value]):
    """A dictionary that is hashable, since nothing changes it: options are a part of the key of a source."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]  # a dict is not hashable, and this class has to be
        return hash(frozenset(self.items()))


class Reference(msgspec.Struct, frozen=True):
    """A Secret that the options name for an id.

    Attributes:
        namespace: its namespace; ``None`` for the first one of the options.
        name: its name.
        annotations: those that replace the Secret's own, with the prefix in their keys; empty if its own are used.
    """

    namespace: str | None
    name: str
    annotations: Map[str, str]

    def __str__(self) -> str:
        """Return the name as the options contain it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Accepted(Generic[Value]):
    """One type of values.

    Attributes:
        parse: converts a given value. If it is invalid, it raises a ``ValueError`` that says what the option needs.
        words: the type and the allowed values, for the reference.
        names_the_wrong_part: whether the ``ValueError`` already names the wrong part of the value. Then the error does
            not show the whole value, because another part of it may be a URI with a password.
    """

    __slots__ = ("names_the_wrong_part", "parse", "words")

    def __init__(self, parse: Callable[[object], Value], words: str, *, names_the_wrong_part: bool = False) -> None:
        self.parse = parse
        self.words = words
        self.names_the_wrong_part = names_the_wrong_part


def or_null(accepted: Accepted[Value]) -> Accepted[Value | None]:
    """Return a type of values that also accepts null; in an environment variable, the word ``null`` or ``none``.

    The words ``true`` and ``false`` are refused as the boolean values are: in an environment variable they mean those.
    """

    def parse(value: object) -> Value | None:
        word = value.strip().lower() if isinstance(value, str) else value
        if word in (None, "null", "none"):
            return None
        return accepted.parse(word == "true" if word in ("true", "false") else value)

    return Accepted(parse, f"{accepted.words}, or `null`")


def shown_value(value: object) -> str:
    """Return a value as an error shows it. A URI with a login, or a long string, may be a misplaced credential."""
    return repr(value) if _can_be_shown(value) else _description_of(value)


def redacted_name(value: object) -> str:
    """Return the name of an option, or a name in an object, as an error shows it."""
    if isinstance(value, str) and ("://" in value or "@" in value or len(value) > 80):
        return _description_of(value)
    return shown_value(value)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return the question whether the most similar name is meant; empty if none is similar."""
    from airflow_kubernetes_secrets.messages import suggestions

    meant = suggestions.nearest(name, tuple(known), 0.5)
    return f"did you mean {meant!r}?" if meant else ""


def _can_be_shown(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= 300 and "\n" not in value and not ("://" in value and "@" in value)
    return value is None or isinstance(value, (bool, int, float))


def _description_of(value: object) -> str:
    """Return the type of a value, and the length of a string, for an error that must not show the value."""
    if isinstance(value, str):
        return f"a string of {number_of(len(value), 'character')}"
    return f"of type {type(value).__name__}"


def _text(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or any(each < " " or "\x7f" <= each <= "\x9f" for each in text):
        raise ValueError("must be a string on one line that is not blank and has no control characters")
    try:
        # The surrogates that represent bytes of a path which are not UTF-8 are accepted.
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise ValueError("must be a string in Unicode, without half of a surrogate pair") from None
    return text


def _json(text: str) -> object:
    """Return the value of a string in JSON, or else the string. ``AIRFLOW__SECRETS__BACKEND_KWARG__X`` can be JSON.

    Raises:
        ValueError: an object in it has a name twice. Python would silently use the last one.
    """
    import json

    repeated: list[str] = []

    def as_dict(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _value in pairs]
            repeated.extend(name for name in found if names.count(name) > 1)
        return found

    value: object = text
    with suppress(ValueError, RecursionError):
        value = json.loads(text, object_pairs_hook=as_dict)
    if repeated:
        raise ValueError(f"must not contain {redacted_name(repeated[0])} twice in one object")
    return value


_NAMESPACE = f"the name of a namespace ({NAMESPACE_RULE})"


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
    except (re.error, OverflowError, ValueError) as error:
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
    raise ValueError(f"must be a JSON object; it is {_description_of(value)}")


def _team_namespaces(value: object) -> Map[str, str]:
    given = _object(value)
    for team, namespace in given.items():
        if not isinstance(namespace, str) or not is_namespace(namespace):
            raise ValueError(f"must map team {redacted_name(team)} to {_NAMESPACE}; it is {redacted_name(namespace)}")
    return Map(given)


def _references(value: object) -> Map[str, Map[str, Reference]]:
    given = _object(value)
    for kind in given:
        if kind not in _REFERENCE_KINDS:
            hint = did_you_mean(str(kind), _REFERENCE_KINDS)
            known = ", ".join(map(repr, _REFERENCE_KINDS))
            raise ValueError(f"may contain {known}, but not {redacted_name(kind)}{hint and f'; {hint}'}")
    return Map({kind: _references_of(kind, references) for kind, references in given.items()})


def _references_of(kind: str, value: object) -> Map[str, Reference]:
    if isinstance(value, dict):
        return Map({identifier: _reference(kind, identifier, secret) for identifier, secret in value.items()})
    raise ValueError(f'must have under {kind!r} an object such as {{"my_db": "name-of-a-secret"}}')


def _reference(kind: str, identifier: str, value: object) -> Reference:
    annotations: Map[str, str] = Map()
    if isinstance(value, dict) and value.keys() == {_SECRET, _ANNOTATIONS}:
        annotations = _annotations(kind, identifier, value[_ANNOTATIONS])
        value = value[_SECRET]
    namespace, slash, name = value.rpartition("/") if isinstance(value, str) else ("", "", "")
    if not is_subdomain(name) or (slash and not is_namespace(namespace)):
        raise ValueError(
            f"must map {redacted_name(identifier)} under {kind!r} to the name of a Secret, or namespace/name, or an "
            f"object with 'secret' and 'annotations'; it is {redacted_name(value)}"
        )
    return Reference(namespace or None, name, annotations)


def _annotations(kind: str, identifier: str, value: object) -> Map[str, str]:
    """Return annotations with the prefix of their keys."""
    if isinstance(value, dict) and all(isinstance(each, str) for pair in value.items() for each in pair):
        for name in value:
            if name.startswith(ANNOTATION_PREFIX) and name.removeprefix(ANNOTATION_PREFIX) in value:
                short = name.removeprefix(ANNOTATION_PREFIX)
                raise ValueError(
                    f"must map {redacted_name(identifier)} under {kind!r} to 'annotations' without repetitions; "
                    f"{redacted_name(short)} is there with and without the prefix {ANNOTATION_PREFIX}"
                )
        return Map({f"{ANNOTATION_PREFIX}{name.removeprefix(ANNOTATION_PREFIX)}": text for name, text in value.items()})
    raise ValueError(
        f"must map {redacted_name(identifier)} under {kind!r} to an object whose 'annotations' are an object of strings"
    )


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
    word = value.strip() if isinstance(value, str) else ""
    if word not in (NEXT, DENY):
        raise ValueError(f"must be {NEXT!r} or {DENY!r}")
    return word


TEXT = Accepted(_text, "a string on one line")
BOOLEAN = Accepted(_boolean, "`true` or `false`")
TIMEOUT = Accepted(_timeout, f"seconds, a number above 0 and up to {_LONGEST_TIMEOUT}")
TTL = Accepted(_ttl, f"seconds, a number from 0 to {_LONGEST_TTL}")
ON_ERROR = Accepted(_on_error, f'`"{NEXT}"` or `"{DENY}"`')
NAMESPACES = Accepted(_namespaces, "names of namespaces (a list, or a string with commas)")
LABEL_KEY = Accepted(_label_key, "a label key")
DATA_KEY = Accepted(_data_key, "a key of a Secret's data: 1 to 253 of `A-Z`, `a-z`, `0-9`, `-`, `_` and `.`")
PATTERN = Accepted(_pattern, "a Python regular expression")
TEAM_NAMESPACES = Accepted(_team_namespaces, "an object: team to namespace", names_the_wrong_part=True)
REFERENCES = Accepted(
    _references,
    "an object: `connections`, `variables` and `config`, each an object: id to `name` or `namespace/name`, or to "
    '`{"secret": …, "annotations": {…}}`',
    names_the_wrong_part=True,
)
