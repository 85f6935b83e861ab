"""Label keys, label values, label selectors and object names: the rules of Kubernetes, and the keys of this package.

:class:`LabelSelector` is rendered for the API, matched locally, and parsed by the devserver.
Rules: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

# What the keys of all annotations and default labels of this package begin with.
ANNOTATION_PREFIX = "airflow.apache.org/"

# The keys of the default labels. If a label cannot contain an id, an annotation with its key does. Unlike other
# annotations, those with these keys do not describe the Secret.
IDENTIFIERS = frozenset(
    f"{ANNOTATION_PREFIX}{name}" for name in ("connection-id", "variable-key", "config-key", "team")
)

# The label of a Secret in which every key of the data is an id. Its value is the kind of the ids.
BUNDLE = f"{ANNOTATION_PREFIX}bundle"

# The patterns are strings, compiled on first use: every Airflow process imports this module, and most use few of them.
_DNS_SUBDOMAIN = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_DATA_KEY = r"(?!\.\.|\.$)[-._a-zA-Z0-9]{1,253}"
_OPERATION = r"(?P<key>[^\s=!,()<>]+)\s*(?:(?P<sign>==|=|!=|>|<)\s*(?P<value>[^\s=!,()<>]*))?"
_SET_OPERATION = r"(?P<key>[^\s=!,()]+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)"

# How a requirement compares a label: the words of the selector syntax, and names for the operators without a word.
IN = "in"
NOT_IN = "notin"
EXISTS = "exists"
NOT_EXISTS = "!"
GREATER = ">"
LESS = "<"

_SIGNS = {IN: "=", NOT_IN: "!=", GREATER: GREATER, LESS: LESS}

# The rules for names and values, as messages state them.
LABEL_VALUE_RULE = "1 to 63 of A-Z, a-z, 0-9, '-', '_' and '.', with a letter or digit at both ends"
NAMESPACE_RULE = "1 to 63 of a-z, 0-9 and '-', no '-' at either end"
SUBDOMAIN_RULE = "1 to 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends"

# A message contains this instead of a name that may be or contain a value.
NAME_NOT_SHOWN = "(name not shown)"


def is_label_value(text: str) -> bool:
    """Return whether ``text`` is a label value of 1 to 63 characters.

    Kubernetes also allows the empty value. It is refused here, because no id is empty.
    """
    # This uses no pattern: compiling one would take a tenth of the time of a process's first lookup.
    return (
        0 < len(text) <= 63
        and text.isascii()
        and text[0].isalnum()
        and text[-1].isalnum()
        and text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    )


def is_subdomain(text: str) -> bool:
    """Return whether ``text`` is a DNS subdomain (RFC 1123), as the names of most objects are."""
    return len(text) <= 253 and re.fullmatch(_DNS_SUBDOMAIN, text) is not None


def name_from_beginning(text: str) -> str:
    """Return the name by which the API checks ``generateName``.

    A name continues after a final hyphen, so the API replaces the last two characters. A single hyphen is not replaced.
    """
    return f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text


def is_namespace(text: str) -> bool:
    """Return whether ``text`` is a valid name of a namespace (an RFC 1123 label)."""
    return is_label_value(text) and text == text.lower() and "." not in text and "_" not in text


def is_data_key(text: str) -> bool:
    """Return whether ``text`` is a valid key of a Secret's data."""
    return re.fullmatch(_DATA_KEY, text) is not None


def is_label_key(text: str) -> bool:
    """Return whether ``text`` is a label key: an optional DNS prefix and ``/``, then a name of 1 to 63 characters."""
    prefix, slash, name = text.rpartition("/")
    return (not slash or is_subdomain(prefix)) and is_label_value(name)


def quoted_data_key(text: str) -> str:
    """Return the key of a Secret's data as a message may quote it.

    A name that is not a valid data key may be or contain a value, so it is hidden: in YAML, ``{value:text}`` is one
    name without a value.
    """
    return repr(text) if is_data_key(text) else NAME_NOT_SHOWN


def quoted_label_key(text: str) -> str:
    """Return the key of a label or annotation as a message may quote it; see :func:`quoted_data_key`."""
    return repr(text) if is_label_key(text.lower()) else NAME_NOT_SHOWN


class Requirement(msgspec.Struct, frozen=True):
    """One condition on one label. As in Kubernetes, an absent label satisfies NOT_IN and NOT_EXISTS."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether an object with these labels satisfies the requirement."""
        value = labels.get(self.key)
        if self.operator == IN:
            return value is not None and value in self.values
        if self.operator == NOT_IN:
            return value is None or value not in self.values
        if self.operator in (GREATER, LESS):
            if value is None or not _is_number(value):
                return False
            difference = int(value) - int(self.values[0])
            return difference > 0 if self.operator == GREATER else difference < 0
        return (value is not None) is (self.operator == EXISTS)

    def __str__(self) -> str:
        if self.operator == EXISTS:
            return self.key
        if self.operator == NOT_EXISTS:
            return f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{_SIGNS[self.operator]}{self.values[0]}"
        return f"{self.key} {self.operator} ({','.join(self.values)})"


class SelectorError(ValueError):
    """A string is not a label selector, or a key or value in it is not valid for labels."""


class LabelSelector(msgspec.Struct, frozen=True):
    """Requirements that must all hold. ``str()`` returns the value for ``?labelSelector=``."""

    requirements: tuple[Requirement, ...] = ()

    @classmethod
    def equal(cls, key: str, value: str) -> LabelSelector:
        """Return the selector for Secrets whose label ``key`` has ``value``.

        Raises:
            SelectorError: ``value`` is not a label value. The API would reject the selector, or read another one
                (``a,b=c``).
        """
        if not is_label_value(value):
            raise SelectorError(f"{value!r} cannot be the value of a label")
        return cls((Requirement(key, IN, (value,)),))

    @classmethod
    def exists(cls, key: str) -> LabelSelector:
        """Return the selector for Secrets that have the label ``key``, whatever its value."""
        return cls((Requirement(key, EXISTS),))

    def without(self, key: str) -> LabelSelector:
        """Return this selector with the additional requirement that the label ``key`` is absent."""
        return LabelSelector((*self.requirements, Requirement(key, NOT_EXISTS)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether an object with these labels satisfies all requirements."""
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    @classmethod
    def parse(cls, text: str) -> LabelSelector:
        """Parse the selector syntax of the API.

        Raises:
            SelectorError: ``text`` is not a selector. The message states what is wrong.
        """
        if not text.strip():
            return cls()
        return cls(tuple(_requirement(part.strip()) for part in _split(text)))


def _split(text: str) -> list[str]:
    """Split at the commas that are outside parentheses, in one pass."""
    return re.findall(r"((?:\([^()]*\)|[^,])*),", f"{text},")


def _requirement(text: str) -> Requirement:
    if text.startswith("!"):
        return Requirement(_checked_key(text[1:].strip()), NOT_EXISTS)
    if match := re.fullmatch(_SET_OPERATION, text):
        values = tuple(sorted({_checked_value(value.strip()) for value in match["values"].split(",")}))
        return Requirement(_checked_key(match["key"]), match["word"], values)
    if match := re.fullmatch(_OPERATION, text):
        key = _checked_key(match["key"])
        sign, value = match["sign"], match["value"]
        if sign is None:
            return Requirement(key, EXISTS)
        if sign in (GREATER, LESS):
            if not _is_number(value):
                raise SelectorError(f"unable to parse requirement: after {sign}, {value!r} must be a number")
            return Requirement(key, sign, (value,))
        return Requirement(key, NOT_IN if sign == "!=" else IN, (_checked_value(value),))
    raise SelectorError(f"unable to parse requirement: {text!r} is not a requirement of a label selector")


def _is_number(text: str) -> bool:
    """Return whether a label value is an integer of 64 bits. A label value has no sign."""
    return re.fullmatch("[0-9]{1,63}", text) is not None and int(text) < 2**63


def _checked_key(key: str) -> str:
    if not is_label_key(key):
        raise SelectorError(f"unable to parse requirement: {key!r} is not a label key")
    return key


def _checked_value(value: str) -> str:
    if value and not is_label_value(value):
        raise SelectorError(f"unable to parse requirement: {value!r} is not a label value")
    return value
