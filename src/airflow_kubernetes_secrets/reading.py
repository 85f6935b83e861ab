"""From the Secret that answers to what Airflow is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets import values
from airflow_kubernetes_secrets.api.objects import IDENTIFIERS, Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.process import importing

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.shapes import Fields

# In place of the data key that holds a connection whole, where none does: it is put together from several.
IN_FIELDS = ""


def connection_key(secret: Secret, data_key: str) -> str:
    """The key that holds a connection whole: what an annotation names, or ``data_key``; else :data:`IN_FIELDS`.

    Raises:
        MalformedSecretError: an annotation cannot be used, or says that another key holds it whole too.
    """
    if not _is_described(secret):
        return data_key if data_key in secret.data else IN_FIELDS
    with importing.lock:
        from airflow_kubernetes_secrets.shapes import key_of_whole
    return key_of_whole(secret, data_key) or IN_FIELDS


def value_key(secret: Secret, data_key: str) -> str:
    """The key that holds a variable or option: what an annotation names, or ``data_key``; else :data:`IN_FIELDS`.

    Raises:
        MalformedSecretError: the annotation names a key that is not there.
    """
    if _is_described(secret):
        with importing.lock:
            from airflow_kubernetes_secrets.shapes import key_of_value
        return key_of_value(secret) or (data_key if data_key in secret.data else IN_FIELDS)
    return data_key if data_key in secret.data else IN_FIELDS


def has_fields(secret: Secret) -> bool:
    """Whether a connection can be put together from the keys of a Secret.

    Raises:
        MalformedSecretError: an annotation cannot be used.
    """
    return secret.connection is not None or _fields(secret).make_a_connection


def connection_text(secret: Secret, key: str) -> str:
    """A connection as a text that Airflow can parse: a URI or JSON. A Secret that is kept in memory is read once.

    Args:
        key: the data key that holds it, or :data:`IN_FIELDS`.

    What only some parts of Airflow can use is in ``secret.objections`` afterwards.

    Raises:
        MalformedSecretError: no part of Airflow can use it; it names Secret and key.
    """
    if secret.connection is None:
        stored = _stored(secret, key)
        try:
            secret.objections = values.judged(secret, named(key), stored)
            secret.connection = stored
        finally:
            # Error reports can show the variables of the frames that an exception went through.
            del stored
    return secret.connection


def is_completed(secret: Secret, key: str) -> bool:
    """Whether annotations add to the connection that a key holds whole, or say something else of it."""
    return _is_described(secret) and _fields(secret).beside(key).complete


def named(key: str) -> str:
    """What an error names of a Secret: of several keys only ``extra`` can hold what Airflow does not take."""
    return "extra" if key == IN_FIELDS else key


def variable_text(secret: Secret, key: str) -> str:
    """A variable exactly as it is stored. A Secret that is kept in memory is read once.

    Raises:
        MalformedSecretError: it is not UTF-8.
    """
    if secret.variable is None:
        secret.variable = values.text(secret, key)
    return secret.variable


# The modules for Secrets with several keys are imported at the first such Secret. Every Airflow process imports this
# package, and many never read one.


def _stored(secret: Secret, key: str) -> str:
    if key != IN_FIELDS and not is_completed(secret, key):
        return values.text(secret, key)
    with importing.lock:
        from airflow_kubernetes_secrets.shapes import completed_json, connection_json
    if key == IN_FIELDS:
        return connection_json(secret, _fields(secret))
    return completed_json(secret, _fields(secret).beside(key), key)


def _is_described(secret: Secret) -> bool:
    """Whether a Secret has annotations for this package other than its ids."""
    annotations = secret.annotations
    return annotations is not None and not annotations.keys() <= IDENTIFIERS


def _fields(secret: Secret) -> Fields:
    known: Fields | MalformedSecretError | None = secret.fields
    if known is None or isinstance(known, MalformedSecretError):
        with importing.lock:
            from airflow_kubernetes_secrets.shapes import fields_of
        return fields_of(secret)
    return known
