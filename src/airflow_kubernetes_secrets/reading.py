"""From the Secret that answers to what Airflow is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets import values
from airflow_kubernetes_secrets.api.objects import Secret
from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.process import importing

if TYPE_CHECKING:
    from airflow_kubernetes_secrets.shapes import Fields

# In place of the data key that holds a connection whole, where none does: it is put together from several.
IN_FIELDS = ""


def key_of(secret: Secret, data_key: str) -> str:
    """The key that holds what is wanted whole: ``data_key``, or what an annotation names; else :data:`IN_FIELDS`.

    Raises:
        MalformedSecretError: an annotation cannot be used.
    """
    if data_key in secret.data:
        return data_key
    return _fields(secret).description.data_key or IN_FIELDS


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
        stored = _from_fields(secret) if key == IN_FIELDS else values.text(secret, key)
        try:
            secret.objections = values.judged(secret, named(key), stored)
            secret.connection = stored
        finally:
            # Error reports can show the variables of the frames that an exception went through.
            del stored
    return secret.connection


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


def _from_fields(secret: Secret) -> str:
    with importing.lock:
        from airflow_kubernetes_secrets.shapes import connection_json
    return connection_json(secret, _fields(secret))


def _fields(secret: Secret) -> Fields:
    known: Fields | MalformedSecretError | None = secret.fields
    if known is None or isinstance(known, MalformedSecretError):
        with importing.lock:
            from airflow_kubernetes_secrets.shapes import fields_of
        return fields_of(secret)
    return known
