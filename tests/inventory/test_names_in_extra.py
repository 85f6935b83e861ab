"""Keys with the name of a setting that the hook reads in ``extra``, and that nothing reads."""

from __future__ import annotations

import json

import pytest

from airflow_kubernetes_secrets.formats.aliases import ALIASES, folded
from airflow_kubernetes_secrets.formats.names_of_types import keys_of_type
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.settings import SETTINGS
from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.inventory.hook_names import hook_name
from airflow_kubernetes_secrets.inventory.names_in_extra import NAMES_IN_EXTRA
from airflow_kubernetes_secrets.lookup.kinds import Kind
from support.connection_secrets import stored_secret

MARK = "hunter2"
FIELDS = {"host": "h.example.com", "username": "u", "password": "p"}
OF_FIELDS = {name for names in ALIASES.values() for name in names}


def texts_of(data: dict[str, str], **annotations: str) -> list[str]:
    """Return the messages about keys that nothing reads."""
    secret = stored_secret(data, {name.replace("_", "-"): value for name, value in annotations.items()})
    codes = ("unused-settings", "half-connection")
    found = [
        each.text
        for each in content_of(Kind.CONNECTION, secret, "value" if "value" in data else IN_FIELDS).problems
        if each.code in codes
    ]
    assert not any(MARK in each for each in found)
    return found


@pytest.mark.parametrize("conn_type", NAMES_IN_EXTRA)
def test_each_name_is_reported_until_the_remedy_is_followed(conn_type: str) -> None:
    for name in NAMES_IN_EXTRA[conn_type]:
        if folded(name) in OF_FIELDS or keys_of_type(conn_type, {name: name})[0]:
            continue  # it is read
        data = {**FIELDS, name: MARK}
        before = texts_of(data, connection_type=conn_type)
        assert any(
            text.startswith("Secret") and f"nothing reads the key {name!r}, which {hook_name(conn_type)}" in text
            for text in before
        ), (name, before)
        assert any(text.endswith(f"airflow.apache.org/extra-{name}") for text in before), (name, before)
        after = texts_of(data, connection_type=conn_type, **{f"extra-{name}": name})
        assert not any(repr(name) in text for text in after), (name, after)


@pytest.mark.parametrize(
    ("conn_type", "key", "name"),
    [
        ("spark", "deploy_mode", "deploy-mode"),
        ("trino", "TIMEZONE", "timezone"),
        ("azure", "keyPath", "key_path"),
    ],
)
def test_name_in_another_format_is_reported_with_the_name_of_the_hook(conn_type: str, key: str, name: str) -> None:
    [text] = texts_of({**FIELDS, key: MARK}, connection_type=conn_type)

    assert f"nothing reads the key {key!r}, which {hook_name(conn_type)} reads in extra. " in text
    assert text.endswith(f"airflow.apache.org/extra-{name}")


def test_key_next_to_a_connection_in_one_key_is_reported() -> None:
    [text] = texts_of({"value": "trino://u:p@h.example.com:443/s", "catalog": MARK})

    assert "nothing reads the key 'catalog', which TrinoHook reads in extra. " in text


@pytest.mark.parametrize(
    "annotations",
    [{"connection_extra": '{"timezone": "x"}'}, {"other_keys": "extra"}, {"connection_type": "http"}],
    ids=["another value", "all keys", "another type"],
)
def test_a_setting_that_is_not_needed_is_not_reported(annotations: dict[str, str]) -> None:
    assert texts_of({**FIELDS, "timezone": MARK}, **{"connection_type": "trino", **annotations}) == []


def test_a_setting_in_the_value_is_not_reported() -> None:
    value = json.dumps({"conn_type": "trino", "host": "h", "extra": {"catalog": "x"}})
    assert texts_of({"value": value, "catalog": MARK}) == []


def test_no_name_is_also_a_setting_that_is_read() -> None:
    assert not [
        (each, name) for each, names in NAMES_IN_EXTRA.items() for name in names if name in SETTINGS.get(each, ())
    ]
