"""Decode the bytes of a Secret to the strings that Airflow expects."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from contextlib import suppress

from airflow_kubernetes_secrets.formats.usability import Objection, are_from_everyone, objections, problem_of_objections
from airflow_kubernetes_secrets.kubernetes.labels import ANNOTATION_PREFIX
from airflow_kubernetes_secrets.kubernetes.objects import Secret

# Editors of Windows begin a file with it. By the rules of Unicode it is not a part of the text.
BOM = "\ufeff"

_NOT_TEXT = "the value is not UTF-8 text, and Airflow accepts nothing else. Store it as UTF-8 text"

# This annotation names the key with the whole value.
_DATA_KEY = f"{ANNOTATION_PREFIX}data-key"

# The other remedy, for a key that only an annotation makes a part of a connection.
_NAME_IT_IN_NONE = "name this key in no annotation"


def text(secret: Secret, key: str) -> str:
    """Return the string under ``key`` without a byte order mark. A private key needs its last newline.

    Raises:
        MalformedSecretError: the value is not UTF-8.
    """
    return exact_text(secret, key).removeprefix(BOM)


def exact_text(secret: Secret, key: str) -> str:
    """Return the string under ``key``, exactly as stored.

    Raises:
        MalformedSecretError: the value is not UTF-8.
    """
    try:
        return secret.value(key).decode("utf-8")
    except (UnicodeDecodeError, binascii.Error):
        pass  # a decoding error contains the bytes, so it must not become the cause of ours
    raise secret.malformed(key, _not_text(secret, key))


def _not_text(secret: Secret, key: str) -> str:
    annotations = secret.annotations or {}
    if not any(text == key and name != _DATA_KEY for name, text in annotations.items()):
        return _NOT_TEXT
    if secret.is_mounted:
        return f"{_NOT_TEXT}; or {_NAME_IT_IN_NONE}{secret.annotation_suffix}"
    return f"{_NOT_TEXT}; or mount it as a file, and {_NAME_IT_IN_NONE}"


def texts(secret: Secret, keys: Mapping[str, str]) -> dict[str, str]:
    """Return the strings under several keys, as :func:`text` does.

    Args:
        keys: the data keys, by the names that the strings get in the result.

    Raises:
        MalformedSecretError: a value is not UTF-8. The message names the first such key.
    """
    data = secret.data
    with suppress(UnicodeDecodeError, binascii.Error):
        return {name: binascii.a2b_base64(data[key]).decode("utf-8").removeprefix(BOM) for name, key in keys.items()}
    return {name: text(secret, key) for name, key in keys.items()}


def config_text(secret: Secret, key: str) -> str:
    """Return a configuration option, without the newline that ``kubectl create --from-file`` stores.

    Raises:
        MalformedSecretError: the value is not UTF-8, or blank. Airflow would use a blank value, or silently continue
            with its default.
    """
    option = text(secret, key).strip()
    if not option:
        raise secret.malformed(key, "the configuration option is blank. Store its value")
    return option


def check_usable(secret: Secret, key: str, connection: str) -> Sequence[Objection]:
    """Check whether Airflow can use a connection that a Secret contains, in one key or in fields.

    Args:
        key: the key that an error names.
        connection: the connection as a URI or JSON.

    Returns:
        Why some parts of Airflow cannot use it; empty if all can.

    Raises:
        MalformedSecretError: no part of any version of Airflow can use it.
    """
    found = objections(connection)
    if not found or not are_from_everyone(found):
        return found
    # Error reports can show the local variables of each frame that an exception passes, so delete the value.
    del connection
    raise secret.malformed(key, problem_of_objections(found))
