"""Determine which key of a Secret contains which field of a connection."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.aliases import ALIASES, EXACT, URI, connection_type, folded
from airflow_kubernetes_secrets.formats.annotations import OTHER_KEYS, Description
from airflow_kubernetes_secrets.formats.env_names import ENV_FIELDS, env_names_in, is_env_name
from airflow_kubernetes_secrets.formats.known_formats import (
    EXTRA,
    KnownFormat,
    Meaning,
    format_of_keys,
    format_of_value,
    may_have,
)
from airflow_kubernetes_secrets.formats.names_of_types import NAMES, keys_of_type
from airflow_kubernetes_secrets.formats.settings import IN_KEYS
from airflow_kubernetes_secrets.formats.value_parsers import ValueParser
from airflow_kubernetes_secrets.formats.values import BOM
from airflow_kubernetes_secrets.kubernetes.objects import DerivedValues, Secret
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.listing import first_names

# A connection needs at least one of these fields. A type or a port alone is not enough.
_ESSENTIAL = (URI, "host", "login", "password")

# The field of each name, and the position of the name among the names of that field.
_NAMES = {name: (field, rank) for field, names in ALIASES.items() for rank, name in enumerate(names)}

# If keys have a common prefix, the rest of a key may also be the last part of the name of an environment variable.
_NAMES_AFTER_PREFIX = {folded(rest): (field, len(_NAMES)) for rest, field in ENV_FIELDS.items()} | _NAMES

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Fields:
    """The fields of a connection in one Secret. There can be none.

    Attributes:
        description: the annotations.
        keys: the data keys by field; :data:`ALIASES` lists the fields.
        extra_keys: the data keys by their name in ``extra``.
        settings: the data keys by the name of a setting. Which of them a hook uses depends on the connection type.
        conn_type: the connection type that the format determines; empty if it does not.
        extra: the part of ``extra`` that the format determines.
        parsers: the parsers of values that contain several fields, or that identify the format, by data key. ``keys``
            and ``extra_keys`` have these fields too.
        unneeded: the data keys of the format that the connection does not need.
    """

    __slots__ = ("conn_type", "description", "extra", "extra_keys", "keys", "parsers", "settings", "unneeded")

    def __init__(
        self,
        description: Description,
        keys: Mapping[str, str],
        extra_keys: Mapping[str, str],
        *,
        settings: Mapping[str, str] = _NOTHING,
        conn_type: str = "",
        extra: Mapping[str, Any] = _NOTHING,
        parsers: Mapping[str, ValueParser] = _NOTHING,
        unneeded: Collection[str] = (),
    ) -> None:
        self.description = description
        self.keys = keys
        self.extra_keys = extra_keys
        self.settings = settings
        self.conn_type = conn_type
        self.extra = extra
        self.parsers = parsers
        self.unneeded = unneeded

    @property
    def have_type(self) -> bool:
        """Whether an annotation, a key or the format determines the connection type. A URI also has one."""
        return bool(self.description.connection_type or self.conn_type) or "conn_type" in self.keys

    @property
    def are_sufficient(self) -> bool:
        """Whether the fields are enough for a connection: one must say what to connect to, or how to log in.

        Annotations for the type, the port or ``connection-extra`` alone are not enough: CloudNativePG also copies them
        to Secrets with certificates.
        """
        present = self.keys.keys() | self.description.literals.keys()
        return bool(self.extra_keys or self.conn_type) or any(field in present for field in _ESSENTIAL)

    def completing(self, key: str) -> Fields:
        """Return the fields that complete the connection in ``key``: those that annotations name, and no others."""
        named, extra = self.description.fields, self.extra_keys
        return Fields(self.description, named, {name: each for name, each in extra.items() if each != key})

    @property
    def add_anything(self) -> bool:
        """Whether the fields add anything to a connection that one key contains."""
        description = self.description
        return bool(
            self.keys or self.extra_keys or description.literals or description.connection_type or description.extra
        )


_known: DerivedValues[Secret, Fields | MalformedSecretError] = DerivedValues()


def fields_of(secret: Secret) -> Fields:
    """Return the fields in a Secret: those that its annotations name, and else those under known names.

    A Secret in memory is examined once, even if that ends with an error.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    known = _known.get(secret)
    if known is None:
        try:
            known = _fields_of(secret)
        except MalformedSecretError as error:
            # Store a copy, which refers to no frames.
            known = error.again()
        _known.put(secret, known)
    if isinstance(known, MalformedSecretError):
        raise known.again()
    return known


def key_of_whole_connection(secret: Secret, default: str) -> str | None:
    """Return the key that contains a whole connection; ``None`` if no key does.

    Args:
        default: the key to use if no annotation names one.

    Raises:
        MalformedSecretError: an annotation is invalid, or names a second key with the whole connection.
    """
    description = fields_of(secret).description
    key = description.data_key
    is_for_a_field = default in description.named or description.key_prefix
    if key is None and default in secret.data and not is_for_a_field:
        key = default
    if key is not None:
        description.check_whole(secret, key)
    return key


def fields_in_value(secret: Secret, key: str) -> Fields | None:
    """Return the fields in a value that is a whole connection, although Airflow cannot read it; ``None`` without any.

    Annotations complete them, or replace some.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    values = {key: _text(secret, key)}
    found = format_of_value(key, values[key])
    return None if found is None else _fields_in(fields_of(secret).description, *found, values)


class PossibleFormats(NamedTuple):
    """The known formats of a Secret of which some values are not known.

    Attributes:
        certain: those that it has with any values. If there are several, the Secret is skipped.
        possible: those that it has if these values have the right form.
    """

    certain: Sequence[KnownFormat]
    possible: Sequence[KnownFormat]


def possible_formats(secret: Secret, unknown: Mapping[str, str]) -> PossibleFormats:
    """Return the known formats that a Secret may have although some of its values are not known.

    Args:
        unknown: the keys of these values, with an example of each; empty if the value can have any form.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    description = fields_of(secret).description
    if description.named or description.key_prefix or description.others_to_extra:
        return PossibleFormats([], [])
    texts = texts_of_keys(secret)
    values = texts | {key: example for key, example in unknown.items() if example}
    of_any_form = [key for key, example in unknown.items() if not example]
    certain: list[KnownFormat] = []
    possible: list[KnownFormat] = []
    for each in may_have(secret.data, secret.labels):
        if not _can_be(each, description):
            continue
        depending, meanings = of_any_form, each.meanings(secret.labels, values, of_any_form)
        if meanings is None and not each.is_of_any_key:
            # An example shows whether a value is a URI or JSON. For a format with names of its own, other examples may
            # have another form.
            depending, meanings = [*unknown], each.meanings(secret.labels, texts, [*unknown])
        # Another key that makes a connection of its own would still take precedence.
        if meanings is None or any(map(is_essential, values.keys() - meanings.keys())):
            continue
        depends = any(not isinstance(meaning, str) and key in depending for key, meaning in meanings.items())
        (possible if depends else certain).append(each)
    # As in `format_of_keys`.
    return PossibleFormats([each for each in certain if not each.is_of_any_key] or certain, possible)


def may_be_of_a_type(secret: Secret, unknown: Collection[str]) -> bool:
    """Return whether the keys make a connection of some type, and an unknown value contains the type.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    description = fields_of(secret).description
    if description.connection_type or description.others_to_extra:
        return False
    prefix = description.key_prefix
    candidates = [key for key in secret.data.keys() - description.named if key.startswith(prefix)]
    by_name = {key[len(prefix) :]: key for key in candidates}
    has_unknown_type = any(folded(name) in ALIASES["conn_type"] and key in unknown for name, key in by_name.items())
    return has_unknown_type and any(keys_of_type(conn_type, by_name)[0] for conn_type in NAMES)


def fields_made_from(secret: Secret, key: str) -> Fields:
    """Return the fields that a connection is made from: those in a converted value, or those in the keys.

    Args:
        key: the key that contains a whole connection, if it is converted; empty if there is none.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    return (fields_in_value(secret, key) if key else None) or fields_of(secret)


def _fields_of(secret: Secret) -> Fields:
    description = Description(secret)
    # A key that an annotation names has no other use: the `url` of a webhook, named as its password, is not the URI of
    # a host.
    prefix = description.key_prefix
    candidates = sorted(key for key in secret.data.keys() - description.named if key.startswith(prefix))
    conn_type, of_type, extra = _fields_of_type(secret, description, candidates)
    rest = [key for key in candidates if key not in of_type.values()]
    found, others = _fields_by_name(secret, rest, prefix)
    settings: dict[str, str] = {}
    for key in rest:
        if (name := folded(key[len(prefix) :])) in IN_KEYS:
            settings.setdefault(name, key)
    named = {field: key for field, key in of_type.items() if not field.startswith(EXTRA)}
    keys = {field: found[field] for field in ALIASES if field in found} | named | description.fields
    extra_keys = {name[len(EXTRA) :]: key for name, key in of_type.items() if name.startswith(EXTRA)}
    extra_keys |= description.extra_fields
    if description.others_to_extra:
        texts = _texts_of(secret, others)
        return Fields(description, keys, {key[len(prefix) :]: key for key in texts} | extra_keys)
    if description.named or prefix:
        return Fields(description, keys, extra_keys, settings=settings, conn_type=conn_type, extra=extra)
    known = _fields_of_known_format(secret, description)
    if known is not None:
        return known
    if not of_type and not any(field in found for field in _ESSENTIAL):
        # Names of environment variables count only where no other name does.
        env_names = env_names_in((key for key in others if not _is_blank(secret, key, "")), description.literals)
        if env_names is not None:
            keys = {**env_names.keys, **keys}
            return Fields(description, keys, extra_keys, settings=env_names.settings, conn_type=env_names.conn_type)
    return Fields(description, keys, extra_keys, settings=settings, conn_type=conn_type, extra=extra)


def _fields_by_name(secret: Secret, keys: Sequence[str], prefix: str) -> tuple[dict[str, str], list[str]]:
    """Return the keys with a name that all types have, by field, and the keys with other names.

    Of two keys that differ only in case, the one in lower case is used. A blank value counts as missing.
    """
    names = _NAMES_AFTER_PREFIX if prefix else _NAMES
    ranks: dict[str, int] = {}
    found: dict[str, str] = {}
    others = []
    for key in keys:
        field, rank = names.get(folded(key[len(prefix) :]), ("", 0))
        if not field:
            others.append(key)
        elif (field not in found or rank <= ranks[field]) and not _is_blank(secret, key, field):
            ranks[field], found[field] = rank, key
    return found, others


def _fields_of_type(
    secret: Secret, description: Description, candidates: Sequence[str]
) -> tuple[str, dict[str, str], Mapping[str, Any]]:
    """Return the connection type, the keys with a name that only it has, by field, and what follows for ``extra``.

    The type is empty if it has no such key.
    """
    start = len(description.key_prefix)
    by_name = {key[start:]: key for key in candidates}
    word = description.connection_type
    if not word:
        types = {folded(name): key for name, key in by_name.items() if folded(name) in ALIASES["conn_type"]}
        word = next((_text(secret, types[name]) for name in ALIASES["conn_type"] if name in types), "")
    conn_type = connection_type(word)
    if conn_type not in NAMES or description.others_to_extra:
        return "", {}, _NOTHING
    filled = {name: key for name, key in by_name.items() if not _is_blank(secret, key, "")}
    found, extra = keys_of_type(conn_type, filled)
    # What an annotation contains or names takes precedence.
    annotated = {*description.literals, *description.fields, *(f"{EXTRA}{name}" for name in description.extra_fields)}
    return conn_type if found else "", {field: key for field, key in found.items() if field not in annotated}, extra


def _fields_of_known_format(secret: Secret, description: Description) -> Fields | None:
    """Return the fields of a format that software writes; ``None`` if there is none, or if other keys are fields."""
    candidates = [each for each in may_have(secret.data, secret.labels) if _can_be(each, description)]
    if not candidates:
        return None  # as for most Secrets, whose values are then not decoded here
    values = texts_of_keys(secret)
    found = format_of_keys(candidates, secret.labels, values)
    if found is None:
        return None
    known, meanings = found
    others = values.keys() - meanings.keys()
    if any(map(is_essential, others)):
        return None
    return _fields_in(description, known, meanings, values)


def _can_be(known: KnownFormat, description: Description) -> bool:
    """Return whether a format can apply: annotations contain everything that it lacks, and no other type."""
    is_its_type = not known.conn_type or description.connection_type in ("", known.conn_type)
    return is_its_type and description.contained.issuperset(known.missing)


def _fields_in(
    description: Description, known: KnownFormat, meanings: Mapping[str, Meaning], values: Mapping[str, str]
) -> Fields:
    parsers = {key: each for key, each in meanings.items() if not isinstance(each, str)}
    # A login in a separate key is exact; a login inside another value may not be. So separate keys take precedence.
    names = {name: key for key, parse in parsers.items() for name in parse(values[key]) or ()}
    names |= {each: key for key, each in meanings.items() if isinstance(each, str) and each}
    keys = {name: key for name, key in names.items() if name in ALIASES and name not in description.literals}
    extra_keys = {name[len(EXTRA) :]: key for name, key in names.items() if name.startswith(EXTRA)}
    return Fields(
        description,
        keys | description.fields,
        extra_keys | description.extra_fields,
        conn_type=known.conn_type,
        extra=known.extra,
        parsers=parsers,
        unneeded=[key for key, each in meanings.items() if not each],
    )


def _texts_of(secret: Secret, keys: Sequence[str]) -> list[str]:
    """Return the keys whose values are text, and log a warning for the others: ``extra`` cannot contain bytes."""
    binary = [key for key in keys if not _is_text(secret, key)]
    if binary:
        text = (
            f"Secret {secret}, {secret.annotation_part} {OTHER_KEYS!r}: "
            f"{first_names(map(repr, binary), len(binary))} cannot go to extra, because only text in UTF-8 can. Mount "
            "the Secret if the connection needs it"
        )
        notices.once(logging.WARNING, ("binary key", text), text)
    return [key for key in keys if key not in binary]


def _is_text(secret: Secret, key: str) -> bool:
    try:
        secret.value(key).decode("utf-8")
    except ValueError:
        return False
    return True


def texts_of_keys(secret: Secret) -> dict[str, str]:
    """Return the values of a Secret that are not blank, by data key."""
    return {key: value for key in secret.data if (value := _text(secret, key)).strip()}


def is_name_after_prefix(rest: str) -> bool:
    """Return whether the rest of a key, behind the common beginning of keys, is the name of a field."""
    return folded(rest) in _NAMES_AFTER_PREFIX


def is_essential(key: str) -> bool:
    """Return whether a key alone would make a connection, or is the name of an environment variable of a product."""
    return _NAMES.get(folded(key), ("", 0))[0] in _ESSENTIAL or is_env_name(key)


def _text(secret: Secret, key: str) -> str:
    try:
        return secret.value(key).decode("utf-8", "replace").removeprefix(BOM)
    except ValueError:
        return "\ufffd"  # not base64; the code that reads the value reports it


def _is_blank(secret: Secret, key: str, field: str) -> bool:
    try:
        value = secret.value(key)
        return not (value if field in EXACT else value.strip())
    except ValueError:
        return False  # not base64; the code that reads the value reports it
