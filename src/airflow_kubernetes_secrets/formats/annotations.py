"""The annotations that describe a Secret. Labels select a Secret, annotations describe it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.aliases import ALIASES, URI, folded
from airflow_kubernetes_secrets.formats.hosts import port_number
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX, IDENTIFIERS
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.listing import first_items, quoted
from airflow_kubernetes_secrets.messages.suggestions import nearest

DATA_KEY = f"{ANNOTATION_PREFIX}data-key"
CONNECTION_TYPE = f"{ANNOTATION_PREFIX}connection-type"
CONNECTION_EXTRA = f"{ANNOTATION_PREFIX}connection-extra"
# Fields that the owner of a Secret often does not store in it. A password does not belong in an annotation.
LITERALS = {field: f"{ANNOTATION_PREFIX}connection-{field}" for field in ("host", "login", "port", "schema")}
FIELD = f"{ANNOTATION_PREFIX}field-"
EXTRA_FIELD = f"{ANNOTATION_PREFIX}extra-"
OTHER_KEYS = f"{ANNOTATION_PREFIX}other-keys"
KEY_PREFIX = f"{ANNOTATION_PREFIX}key-prefix"

_FIXED = (CONNECTION_TYPE, *LITERALS.values(), CONNECTION_EXTRA, OTHER_KEYS, KEY_PREFIX)

# All annotations with a fixed name.
ANNOTATIONS = (DATA_KEY, *_FIXED, *(f"{FIELD}{field}" for field in ALIASES))
_ANNOTATIONS = frozenset(ANNOTATIONS)
# The common prefix is removed, because it would make all names similar.
_NAMES = tuple(each.removeprefix(ANNOTATION_PREFIX) for each in ANNOTATIONS)

# The similarity, from 0 to 1, that a name must have to be suggested.
SUGGESTION_CUTOFF = 0.7


class Description:
    """The annotations of one Secret that describe a connection in it.

    Attributes:
        data_key: the key that contains the whole connection, if an annotation names it.
        connection_type: Airflow's connection type.
        literals: the fields whose values are in annotations.
        fields: the data keys, by the field that they contain.
        extra_fields: the data keys, by their name in ``extra``.
        named: the data keys that contain a field or a part of ``extra``.
        extra: the object to add to ``extra``.
        others_to_extra: whether data keys without another use become a part of ``extra``.
        key_prefix: the beginning of the data keys that contain the connection, which is not a part of their names;
            empty for all data keys.
    """

    __slots__ = (
        "connection_type",
        "data_key",
        "extra",
        "extra_fields",
        "fields",
        "key_prefix",
        "literals",
        "named",
        "others_to_extra",
    )

    def __init__(self, secret: Secret) -> None:
        """Read and check the annotations.

        Raises:
            MalformedSecretError: an annotation is invalid. The message names it.
        """
        annotations: Mapping[str, str] = secret.annotations or {}
        self.data_key = annotated_data_key(secret)
        # Airflow's types are in lower case, as in a key of the data.
        self.connection_type = folded(annotations.get(CONNECTION_TYPE, "").strip())
        self.literals = {field: annotations[key].strip() for field, key in LITERALS.items() if key in annotations}
        self.fields = _named(annotations, FIELD)
        self.extra_fields = _named(annotations, EXTRA_FIELD)
        self.named = {*self.fields.values(), *self.extra_fields.values()}
        self.others_to_extra = annotations.get(OTHER_KEYS) == "extra"
        self.key_prefix = annotations.get(KEY_PREFIX, "")
        self.extra = _extra(secret, annotations.get(CONNECTION_EXTRA))
        if annotations:
            self._check(secret, annotations)
        _warn_of_unknown(secret)

    @property
    def contained(self) -> set[str]:
        """The fields whose values are in annotations; and, with the prefix ``extra.``, the names in ``extra``."""
        conn_type = {"conn_type"} if self.connection_type else set()
        return {*self.literals, *conn_type, *(f"extra.{name}" for name in self.extra)}

    def check_whole(self, secret: Secret, key: str) -> None:
        """Check the annotations of a Secret of which one key contains the whole connection.

        Raises:
            MalformedSecretError: an annotation names another key for the URI, or this key for a field.
        """
        if URI in self.fields:
            problem = f"the key {quoted(key)} contains the whole connection. Remove one of them"
            raise _malformed(secret, FIELD + URI, problem)
        for annotation, named in self._keys():
            if named == key:
                problem = f"it names the same key as {DATA_KEY!r}. Remove one of them"
                raise _malformed(secret, annotation, problem)

    def _check(self, secret: Secret, annotations: Mapping[str, str]) -> None:
        for field, annotation in {"conn_type": CONNECTION_TYPE, **LITERALS}.items():
            if annotation in annotations and field in self.fields:
                raise _malformed(secret, annotation, f"'{FIELD}{field}' specifies it too. Remove one of them")
        if "port" in self.literals and port_number(self.literals["port"]) is None:
            raise _malformed(
                secret, LITERALS["port"], "the port is not a number from 1 to 65535. Write one, such as 5432"
            )
        if annotations.get(OTHER_KEYS) not in (None, "extra"):
            raise _malformed(secret, OTHER_KEYS, "it can only be 'extra'")
        if KEY_PREFIX in annotations and not any(key.startswith(self.key_prefix) for key in secret.data):
            # The value is not quoted, as in `_check_key`.
            raise _malformed(secret, KEY_PREFIX, f"no key in the data begins with it; {secret.keys_text()}")
        self._check_names(secret)

    def _check_names(self, secret: Secret) -> None:
        for name in self.extra_fields:
            if name in self.extra:
                raise _malformed(
                    secret, EXTRA_FIELD + name, f"{CONNECTION_EXTRA!r} contains it too. Remove one of them"
                )
        for name in self.fields:
            if name not in ALIASES:
                raise _malformed(secret, FIELD + name, f"there is no such field; the fields are {', '.join(ALIASES)}")
        for annotation, key in self._keys():
            _check_key(secret, annotation, key)

    def _keys(self) -> Iterator[tuple[str, str]]:
        """Yield the annotations that name keys, each with its key."""
        for name, key in self.fields.items():
            yield FIELD + name, key
        for name, key in self.extra_fields.items():
            yield EXTRA_FIELD + name, key


def annotated_data_key(secret: Secret) -> str | None:
    """Return the key that the annotation ``data-key`` names; ``None`` if there is no such annotation.

    Raises:
        MalformedSecretError: there is no such key.
    """
    key = (secret.annotations or {}).get(DATA_KEY)
    if key is not None:
        _check_key(secret, DATA_KEY, key)
    return key


def named_keys(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the data keys that annotations name, by annotation."""
    return {key: text for key, text in annotations.items() if key == DATA_KEY or key.startswith((FIELD, EXTRA_FIELD))}


def is_known_annotation(annotation: str) -> bool:
    """Return whether an annotation describes a connection. An annotation for an unknown field is a different error."""
    return annotation in _ANNOTATIONS or annotation.startswith((FIELD, EXTRA_FIELD))


def _warn_of_unknown(secret: Secret) -> None:
    """Log a warning for unknown annotations: a misspelled one would silently have no effect."""
    known = _ANNOTATIONS | secret.labels.keys()
    unknown = [key for key in secret.annotations or () if key not in known and not key.startswith((FIELD, EXTRA_FIELD))]
    # A Secret that is selected by reference may have annotations with ids but without the label.
    unknown = [key for key in unknown if key not in IDENTIFIERS]
    for key, more in first_items(unknown):
        meant = nearest(key.removeprefix(ANNOTATION_PREFIX), _NAMES, SUGGESTION_CUTOFF)
        hint = f"; did you mean {ANNOTATION_PREFIX + meant!r}?" if meant else ""
        text = (
            f"{secret.full_name}, {secret.annotation_part} {quoted(key)}{more}: it is unknown and has no effect{hint}"
        )
        notices.once(logging.WARNING, ("unknown annotation", text), text)


def _check_key(secret: Secret, annotation: str, key: str) -> None:
    if key not in secret.data:
        # The value is not quoted: somebody may have put the password itself there.
        raise _malformed(secret, annotation, f"the data does not contain the key that it names; {secret.keys_text()}")


def _named(annotations: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key[len(prefix) :]: text for key, text in annotations.items() if key.startswith(prefix)}


def _extra(secret: Secret, text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        extra = json.loads(text)
    except (ValueError, RecursionError):
        extra = None
    if not isinstance(extra, dict):
        raise _malformed(secret, CONNECTION_EXTRA, 'it is not a JSON object such as {"sslmode": "require"}')
    return extra


def _malformed(secret: Secret, annotation: str, problem: str) -> MalformedSecretError:
    return secret.malformed(annotation, problem, part=secret.annotation_part)
