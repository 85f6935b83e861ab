"""Derived values are stored by the modules that derive them, for as long as their Secret exists."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from weakref import ref

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS, connection_value, variable_text
from airflow_kubernetes_secrets.kubernetes.objects import DerivedValues, Secret
from support.connection_secrets import stored_secret


def invalid(secret: Secret) -> object:
    """Read fields that annotations describe incorrectly, and return the error."""
    with pytest.raises(MalformedSecretError) as raised:
        fields_of(secret)
    return str(raised.value)


class Thing:
    """An object, or a value derived from it."""


def test_a_value_is_stored_for_one_object() -> None:
    values = DerivedValues[Thing, str]()
    first, second = Thing(), Thing()
    values.put(first, "a")
    values.put(second, "b")
    values.put(first, "c")

    assert (values.get(first), values.get(second), values.get(Thing())) == ("c", "b", None)


def test_value_is_deleted_with_its_object() -> None:
    values = DerivedValues[Thing, Thing]()
    thing, value = Thing(), Thing()
    values.put(thing, Thing())
    values.put(thing, value)
    stored = ref(value)
    del value
    assert stored() is not None

    del thing

    assert stored() is None


def test_no_python_code_runs_when_an_object_is_deleted() -> None:
    """Python would discard the exception of a signal handler that runs there."""
    values = DerivedValues[Thing, str]()
    things = [Thing() for _ in range(3)]
    for thing in things:
        values.put(thing, "a")
    del thing
    called = []

    sys.setprofile(lambda frame, event, _argument: called.append(frame.f_code.co_name) if event == "call" else None)
    try:
        things.clear()
    finally:
        sys.setprofile(None)

    assert called == []


@pytest.mark.parametrize(
    ("read", "annotations"),
    [
        (lambda secret: connection_value(secret, IN_FIELDS), {}),
        (lambda secret: connection_value(secret, "host"), {}),
        (lambda secret: variable_text(secret, "host"), {}),
        (fields_of, {"field-host": "host"}),
        (invalid, {"field-host": "missing"}),
    ],
    ids=["fields", "one key", "variable", "annotations", "invalid annotation"],
)
def test_derived_values_do_not_keep_a_secret_in_memory(
    read: Callable[[Secret], object], annotations: dict[str, str]
) -> None:
    secret = stored_secret({"host": "http://db", "password": "hunter2"}, annotations)
    exists = ref(secret)
    first, second = read(secret), read(secret)
    assert first == second

    del secret
    gc.collect()  # the frames of an error refer to one another

    assert exists() is None


def test_a_connection_is_parsed_once_and_its_repr_does_not_show_it() -> None:
    secret = stored_secret({"value": "http://x:hunter2@db"})

    value = connection_value(secret, "value")

    assert connection_value(secret, "value") is value
    assert value.text == "http://x:hunter2@db"
    assert "hunter2" not in repr(value)
