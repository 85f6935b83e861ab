"""Label keys, label values and label selectors, and the names of things, by the rules of Kubernetes.

The one :class:`LabelSelector` is rendered for the API, matched locally, and parsed by the devserver.
Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum

from airflow_kubernetes_secrets.record import Record

# Patterns are texts, compiled when they are first used: every Airflow process imports this, and most use few of them.
_DNS_SUBDOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_DATA_KEY = r"(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}"
_OPERATION = r"(?P<key>[^\s=!,()]+)\s*(?:(?P<equals>==|=|!=)\s*(?P<value>[^\s=!,()]*))?"
_SET_OPERATION = r"(?P<key>[^\s=!,()]+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)"

# What a message has in place of a name that may hold a value.
HIDDEN = "(name not shown)"


def is_label_value(text: str) -> bool:
    """Whether ``text`` can be the value of a label that says something: 1 to 63 characters, not empty.

    Kubernetes also allows the empty value; no id is empty, so here it is not one.
    """
    # Without a pattern: compiling one would be a tenth of what the first lookup of a process costs.
    return (
        0 < len(text) <= 63
        and text.isascii()
        and text[0].isalnum()
        and text[-1].isalnum()
        and text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    )


def is_subdomain(text: str) -> bool:
    """Whether ``text`` is a DNS subdomain by RFC 1123, as the names of most objects are."""
    return len(text) <= 253 and re.fullmatch(_DNS_SUBDOMAIN, text) is not None


def is_namespace(text: str) -> bool:
    """Whether ``text`` can be the name of a namespace (an RFC 1123 label)."""
    return is_label_value(text) and text == text.lower() and "." not in text and "_" not in text


def is_data_key(text: str) -> bool:
    """Whether ``text`` can be a key of a Secret's data."""
    return re.fullmatch(_DATA_KEY, text) is not None


def is_label_key(text: str) -> bool:
    """Whether ``text`` is a label key: an optional DNS prefix and ``/``, then a name of 1 to 63 characters."""
    prefix, slash, name = text.rpartition("/")
    return (not slash or is_subdomain(prefix)) and is_label_value(name)


def quoted_data_key(text: str) -> str:
    """Return a data key of a file as a message may quote it.

    A name that no data key can have may be a value, or hold one: in YAML ``{value:text}`` is one name without a value.
    """
    return repr(text) if is_data_key(text) else HIDDEN


def quoted_label_key(text: str) -> str:
    """Return the key of a label or annotation of a file as a message may quote it; see :func:`quoted_data_key`."""
    return repr(text) if is_label_key(text.lower()) else HIDDEN


class Operator(Enum):
    """How a requirement compares a label; the value is the word of the selector syntax."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    NOT_EXISTS = "!"


class Requirement(Record):
    """One condition on one label. An absent label satisfies NOT_IN and NOT_EXISTS, as in Kubernetes."""

    __slots__ = ("key", "operator", "values")

    def __init__(self, key: str, operator: Operator, values: tuple[str, ...] = ()) -> None:
        self.key = key
        self.operator = operator
        self.values = values

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator is Operator.IN:
            return value is not None and value in self.values
        if self.operator is Operator.NOT_IN:
            return value is None or value not in self.values
        return (value is not None) is (self.operator is Operator.EXISTS)

    def __str__(self) -> str:
        if self.operator is Operator.EXISTS:
            return self.key
        if self.operator is Operator.NOT_EXISTS:
            return f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator is Operator.IN else '!='}{self.values[0]}"
        return f"{self.key} {self.operator.value} ({','.join(self.values)})"


class SelectorError(ValueError):
    """A text is no label selector, or a key or value in it breaks the rules for labels."""


class LabelSelector(Record):
    """Requirements that must all hold. ``str()`` gives the text for ``?labelSelector=``."""

    __slots__ = ("requirements",)

    def __init__(self, requirements: tuple[Requirement, ...] = ()) -> None:
        self.requirements = requirements

    @classmethod
    def equal(cls, key: str, value: str) -> LabelSelector:
        """The selector for Secrets whose label ``key`` has ``value``.

        Raises:
            SelectorError: ``value`` cannot be a label value. Sent to the API as it is, it would be rejected,
                or mean another selector (``a,b=c``).
        """
        if not is_label_value(value):
            raise SelectorError(f"{value!r} cannot be the value of a label")
        return cls((Requirement(key, Operator.IN, (value,)),))

    @classmethod
    def exists(cls, key: str) -> LabelSelector:
        """The selector for Secrets that have the label ``key``, whatever its value."""
        return cls((Requirement(key, Operator.EXISTS),))

    def without(self, key: str) -> LabelSelector:
        """This selector, and the label ``key`` must be absent."""
        return LabelSelector((*self.requirements, Requirement(key, Operator.NOT_EXISTS)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    @classmethod
    def parse(cls, text: str) -> LabelSelector:
        """Read the selector syntax of the API, without its ``<`` and ``>`` for numbers.

        Raises:
            SelectorError: with a text that says what is wrong.
        """
        if not text.strip():
            return cls()
        return cls(tuple(_requirement(part.strip()) for part in _split(text)))


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside parentheses, in one pass."""
    return re.findall(r"((?:\([^()]*\)|[^,])*),", f"{text},")


def _requirement(text: str) -> Requirement:
    if text.startswith("!"):
        return Requirement(_checked_key(text[1:].strip()), Operator.NOT_EXISTS)
    if match := re.fullmatch(_SET_OPERATION, text):
        values = tuple(sorted({_checked_value(value.strip()) for value in match["values"].split(",")}))
        return Requirement(_checked_key(match["key"]), Operator(match["word"]), values)
    if match := re.fullmatch(_OPERATION, text):
        key = _checked_key(match["key"])
        if match["equals"] is None:
            return Requirement(key, Operator.EXISTS)
        operator = Operator.NOT_IN if match["equals"] == "!=" else Operator.IN
        return Requirement(key, operator, (_checked_value(match["value"]),))
    raise SelectorError(f"unable to parse requirement: {text!r} is not a requirement of a label selector")


def _checked_key(key: str) -> str:
    if not is_label_key(key):
        raise SelectorError(f"unable to parse requirement: {key!r} is not a label key")
    return key


def _checked_value(value: str) -> str:
    if value and not is_label_value(value):
        raise SelectorError(f"unable to parse requirement: {value!r} is not a label value")
    return value
