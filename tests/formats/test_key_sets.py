"""Formats that are known as a set of keys. The corpus has a Secret of each."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.formats.aliases import ALIASES
from airflow_kubernetes_secrets.formats.key_sets import EXTRA, KEY_SETS, SETTING, KeySet
from support.corpus import corpus
from support.shapes import Read, whole

AWS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
SLACK = {"address": "https://hooks.slack.com/services/T0/B0/x"}


def name_of(key_set: KeySet) -> str:
    return " ".join(key_set.keys)


@pytest.mark.parametrize("key_set", KEY_SETS, ids=name_of)
def test_each_has_a_file_in_the_corpus(key_set: KeySet) -> None:
    matches = []
    for file in corpus():
        values = {key: text.encode() for key, text in file.data.items() if isinstance(text, str) and text.strip()}
        if key_set.applies(file.secret.get("labels", {}), values):
            matches.append(file)

    assert {file.connection["conn_type"] for file in matches} == {key_set.conn_type}
    assert all(file.works for file in matches)


@pytest.mark.parametrize("key_set", KEY_SETS, ids=name_of)
def test_each_is_made_of_fields(key_set: KeySet) -> None:
    for content in [*key_set.keys.values(), *key_set.optional.values()]:
        assert content in {"", *ALIASES} or content.startswith((EXTRA, SETTING))
    assert key_set.values.keys() <= key_set.keys.keys()


def test_several_formats_are_none(read: Read) -> None:
    assert read({**AWS, "GITHUB_TOKEN": "t"}) is None


def test_a_blank_key_is_missing(read: Read) -> None:
    assert read({**AWS, "GITHUB_TOKEN": " "}) == whole(conn_type="aws", login="id", password="secret")
    assert read({**AWS, "AWS_SECRET_ACCESS_KEY": ""}) is None


def test_names_of_fields_take_precedence(read: Read) -> None:
    assert read({**AWS, "username": "u"}) == whole(conn_type="generic", login="u")


def test_an_exact_format_takes_precedence_over_names_of_fields(read: Read) -> None:
    assert read(SLACK) == whole(conn_type="slackwebhook", password=SLACK["address"])


def test_an_exact_format_has_no_other_keys(read: Read) -> None:
    assert read({**SLACK, "channel": "c"}) == whole(conn_type="generic", host=SLACK["address"])


def test_another_type_in_an_annotation_means_another_format(read: Read) -> None:
    assert read(SLACK, {"connection-type": "http"}) == whole(conn_type="http", host=SLACK["address"])


def test_annotations_that_name_keys_exclude_formats(read: Read) -> None:
    connection = read(AWS, {"field-password": "AWS_SECRET_ACCESS_KEY"})

    assert connection == whole(conn_type="generic", password="secret")


def test_an_annotation_adds_a_field(read: Read) -> None:
    connection = read(AWS, {"connection-extra": '{"region_name": "eu-west-1"}'})

    assert connection == whole(conn_type="aws", login="id", password="secret", extra={"region_name": "eu-west-1"})
