"""Read the value that Airflow requested from the selected Secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats import values
from airflow_kubernetes_secrets.kubernetes.labels import IDENTIFIERS
from airflow_kubernetes_secrets.kubernetes.objects import DerivedValues, Secret
from airflow_kubernetes_secrets.process import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_kubernetes_secrets.formats.fields import Fields
    from airflow_kubernetes_secrets.formats.usability import Objection

# Used in place of a data key if no key contains the whole connection, which is then built from several keys.
IN_FIELDS = ""


class ConnectionValue:
    """The connection that Airflow gets from a Secret. Its ``repr`` does not show it.

    Attributes:
        text: a URI or JSON that Airflow can parse.
        objections: why some parts of Airflow cannot use it; empty if all can.
    """

    __slots__ = ("objections", "text")

    def __init__(self, text: str, objections: Sequence[Objection]) -> None:
        self.text = text
        self.objections = objections


# An index returns the same Secret again and again, so each Secret is parsed once.
_connections: DerivedValues[Secret, ConnectionValue] = DerivedValues()
_variables: DerivedValues[Secret, str] = DerivedValues()


def data_key_of_connection(secret: Secret, default: str) -> str:
    """Return the key that contains a whole connection; :data:`IN_FIELDS` if none does.

    Lookups use :func:`airflow_kubernetes_secrets.lookup.selection.data_key_of`, which also knows bundles.

    Args:
        default: the key to use if no annotation names one.

    Raises:
        MalformedSecretError: an annotation is invalid, or names a second key with the whole connection.
    """
    if not _has_description(secret):
        return default if default in secret.data else IN_FIELDS
    with importing.lock:
        from airflow_kubernetes_secrets.formats.fields import key_of_whole_connection
    return key_of_whole_connection(secret, default) or IN_FIELDS


def data_key_of_variable(secret: Secret, default: str) -> str:
    """Return the key that contains a variable or option; :data:`IN_FIELDS` if none does.

    Args:
        default: the key to use if no annotation names one.

    Raises:
        MalformedSecretError: the annotation names a missing key.
    """
    if _has_description(secret):
        with importing.lock:
            from airflow_kubernetes_secrets.formats.annotations import annotated_data_key
        return annotated_data_key(secret) or (default if default in secret.data else IN_FIELDS)
    return default if default in secret.data else IN_FIELDS


def has_fields(secret: Secret) -> bool:
    """Return whether a connection can be built from the keys of a Secret.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    return _connections.get(secret) is not None or _fields(secret).are_sufficient


def near_misses_of(secret: Secret) -> list[str]:
    """Return a sentence for each rule that nearly makes a connection of the keys of a Secret.

    Raises:
        MalformedSecretError: an annotation is invalid.
    """
    with importing.lock:
        from airflow_kubernetes_secrets.formats.near_misses import near_misses
    return near_misses(secret)


def connection_value(secret: Secret, key: str) -> ConnectionValue:
    """Return the connection that Airflow gets from a Secret. A Secret in memory is parsed once.

    Args:
        key: the data key that contains the connection, or :data:`IN_FIELDS`.

    Raises:
        MalformedSecretError: no part of Airflow can use it. The message names Secret and key.
    """
    known = _connections.get(secret)
    if known is None:
        try:
            known = _checked(secret, key, _stored)
        except MalformedSecretError:
            if not is_converted(secret, key):
                problem = _problem_of_json(secret, key)
                if problem:
                    raise secret.malformed(key, problem) from None
                raise
            known = _checked(secret, key, _converted)
        _connections.put(secret, known)
    return known


def connection_text(secret: Secret, key: str) -> str:
    """Return the string of :func:`connection_value`."""
    return connection_value(secret, key).text


def is_completed(secret: Secret, key: str) -> bool:
    """Return whether annotations add to the connection that a key contains, or replace a part of it."""
    return _has_description(secret) and _fields(secret).completing(key).add_anything


def is_converted(secret: Secret, key: str) -> bool:
    """Return whether a key contains a whole connection in a form that Airflow cannot read, so it is converted."""
    return key != IN_FIELDS and _fields_in_value(secret, key) is not None


def key_for_messages(key: str) -> str:
    """Return the key that an error names. Of several keys, only ``extra`` can contain what Airflow does not accept."""
    return "extra" if key == IN_FIELDS else key


def variable_text(secret: Secret, key: str) -> str:
    """Return a variable exactly as stored. A Secret in memory is decoded once.

    Raises:
        MalformedSecretError: it is not UTF-8.
    """
    known = _variables.get(secret)
    if known is None:
        known = values.exact_text(secret, key)
        _variables.put(secret, known)
    return known


# The modules for Secrets with several keys are imported when the first such Secret is read. Every Airflow process
# imports this package, and many never read one.


def _stored(secret: Secret, key: str) -> str:
    if key != IN_FIELDS and not is_completed(secret, key):
        return values.text(secret, key)
    with importing.lock:
        from airflow_kubernetes_secrets.formats.connection import completed_json, connection_json
    if key == IN_FIELDS:
        return connection_json(secret, _fields(secret))
    return completed_json(secret, _fields(secret).completing(key), key)


def _converted(secret: Secret, key: str) -> str:
    with importing.lock:
        from airflow_kubernetes_secrets.formats.connection import connection_json
    return connection_json(secret, _fields_in_value(secret, key) or _fields(secret))


def _checked(secret: Secret, key: str, read: Callable[[Secret, str], str]) -> ConnectionValue:
    stored = read(secret, key)
    try:
        return ConnectionValue(stored, values.check_usable(secret, key_for_messages(key), stored))
    finally:
        # Error reports can show the local variables of each frame that an exception passes, so delete the value.
        del stored


def _has_description(secret: Secret) -> bool:
    """Return whether a Secret has annotations for this package other than its ids."""
    annotations = secret.annotations
    return annotations is not None and not annotations.keys() <= IDENTIFIERS


def _fields_in_value(secret: Secret, key: str) -> Fields | None:
    with importing.lock:
        from airflow_kubernetes_secrets.formats.fields import fields_in_value
    return fields_in_value(secret, key)


def _problem_of_json(secret: Secret, key: str) -> str:
    """Return why JSON in a key makes no connection, in words that know its other forms; empty if they do not apply."""
    if key == IN_FIELDS:
        return ""
    with importing.lock:
        from airflow_kubernetes_secrets.formats.value_parsers import problem_of_json
    try:
        return problem_of_json(values.text(secret, key))
    except MalformedSecretError:
        return ""


def _fields(secret: Secret) -> Fields:
    with importing.lock:
        from airflow_kubernetes_secrets.formats.fields import fields_of
    return fields_of(secret)
