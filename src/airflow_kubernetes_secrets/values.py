"""From a Secret's bytes to the text that Airflow wants."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from contextlib import suppress

from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.usable import Objection, are_from_everyone, objections, problem_of

_NOT_TEXT = (
    "the value is not text in UTF-8, and Airflow takes nothing else. Store it as text; or mount the Secret as files, "
    "and let no annotation name this key ('other-keys' names all keys)"
)


def text(secret: Secret, key: str) -> str:
    """The text under ``key``, exactly as stored: a private key needs its last newline.

    Raises:
        MalformedSecretError: it is not UTF-8.
    """
    try:
        return secret.value(key).decode("utf-8")
    except (UnicodeDecodeError, binascii.Error):
        pass  # a decoding error carries the bytes: it must not become the cause of ours
    raise MalformedSecretError(secret.namespace, secret.name, key, _NOT_TEXT)


def texts(secret: Secret, keys: Mapping[str, str]) -> dict[str, str]:
    """The texts under several keys, exactly as stored, by the names that the keys have in the mapping.

    Raises:
        MalformedSecretError: one is not UTF-8; it names the first such key.
    """
    data = secret.data
    with suppress(UnicodeDecodeError, binascii.Error):
        return {name: binascii.a2b_base64(data[key]).decode("utf-8") for name, key in keys.items()}
    return {name: text(secret, key) for name, key in keys.items()}


def config_text(secret: Secret, key: str) -> str:
    """The text of a configuration option, without the newline that ``kubectl create --from-file`` keeps.

    Raises:
        MalformedSecretError: it is not UTF-8, or blank. Airflow would take a blank one for the value, or silently
            go on with its default.
    """
    option = text(secret, key).strip()
    if not option:
        raise MalformedSecretError(secret.namespace, secret.name, key, "the configuration option is blank")
    return option


def judged(secret: Secret, key: str, connection: str) -> Sequence[Objection]:
    """Judge a connection that a Secret has, whole or in fields.

    Args:
        key: what an error names.

    Returns:
        Why some parts of Airflow cannot use it; empty if all can.

    Raises:
        MalformedSecretError: no part of any Airflow can use it.
    """
    found = objections(connection)
    if not found or not are_from_everyone(found):
        return found
    # Error reports can show the variables of the frames that an exception went through.
    del connection
    raise MalformedSecretError(secret.namespace, secret.name, key, problem_of(found))
