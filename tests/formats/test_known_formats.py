"""Formats that are known by their keys, labels and values. The corpus has a Secret of each."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from airflow_kubernetes_secrets.formats.aliases import ALIASES
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.known_formats import EXTRA, KNOWN_FORMATS, KnownFormat
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from support.connection_secrets import Read, secret_manifest, stored_secret, whole
from support.corpus import CONNECTION_TYPE, CorpusFile, corpus

AWS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
SLACK = {"address": "https://hooks.slack.com/services/T0/B0/x"}
FILES = corpus()
FORMATS = {f"{each.conn_type} {' '.join(each.keys)}": each for each in KNOWN_FORMATS}


def labelled(data: Mapping[str, str], labels: Mapping[str, str]) -> Secret:
    manifest = secret_manifest("shop", "app", data)
    return Secret("shop", "app", "", labels, manifest["data"], annotations=None)


def types_of(file: CorpusFile) -> set[str]:
    return {recipe.connection["conn_type"] for recipe in file.recipes}


def test_formats_have_distinct_keys() -> None:
    assert len(FORMATS) == len(KNOWN_FORMATS)


@pytest.mark.parametrize("known", FORMATS.values(), ids=FORMATS)
def test_every_format_has_a_file_in_the_corpus(known: KnownFormat) -> None:
    matches = []
    for file in FILES:
        values = {key: text for key, text in file.data.items() if isinstance(text, str) and text.strip()}
        if known.meanings(file.secret.get("labels", {}), values) is not None:
            matches.append(file)

    if "conn_type" in known.missing:
        # Others have the same keys, so an annotation has to contain the type.
        matches = [file for file in matches if known.conn_type in types_of(file)]
    assert all(known.conn_type in types_of(file) for file in matches)
    assert any(file.works or (known.missing and file.needs == CONNECTION_TYPE) for file in matches)


@pytest.mark.parametrize("known", FORMATS.values(), ids=FORMATS)
def test_formats_consist_of_known_fields(known: KnownFormat) -> None:
    for meaning in [*known.keys.values(), *known.optional.values()]:
        assert callable(meaning) or meaning in {"", *ALIASES} or meaning.startswith(EXTRA)


def test_secret_that_matches_several_formats_is_skipped(read: Read) -> None:
    assert read({**AWS, "GITHUB_TOKEN": "t"}) is None


def test_a_blank_key_is_missing(read: Read) -> None:
    assert read({**AWS, "GITHUB_TOKEN": " "}) == whole(conn_type="aws", login="id", password="secret")
    assert read({**AWS, "AWS_SECRET_ACCESS_KEY": ""}) is None


@pytest.mark.parametrize(
    "others", [{"username": "u"}, {"host": "h"}, {"MYSQL_PASSWORD": "p"}], ids=lambda each: next(iter(each))
)
def test_a_key_for_another_field_excludes_a_format(others: dict[str, str]) -> None:
    assert fields_of(stored_secret({**AWS, **others})).conn_type == ""


def test_field_names_take_precedence_over_formats(read: Read) -> None:
    assert read({**AWS, "username": "u"}) == whole(conn_type="generic", login="u")


def test_variable_names_take_precedence_over_formats(read: Read) -> None:
    assert read({**AWS, "REDIS_HOST": "h"}) == whole(conn_type="redis", host="h", port=6379)


def test_other_keys_are_allowed(read: Read) -> None:
    assert read({**AWS, "LOG_LEVEL": "info"}) == whole(conn_type="aws", login="id", password="secret")


def test_first_known_key_of_a_setting_takes_precedence(read: Read) -> None:
    connection = read({**AWS, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-north-1"})

    assert connection == whole(conn_type="aws", login="id", password="secret", extra={"region_name": "eu-north-1"})


@pytest.mark.parametrize("other", ["c", b"\xff"])
def test_exact_format_allows_no_other_keys(read: Read, other: str | bytes) -> None:
    assert read(SLACK) == whole(conn_type="slackwebhook", password=SLACK["address"])
    assert read({**SLACK, "channel": other}) == whole(conn_type="generic", host=SLACK["address"])


@pytest.mark.parametrize(
    ("labels", "conn_type"),
    [
        ({}, "aws"),
        ({"app": "shop"}, "aws"),
        # The address of the object storage is not in the Secret, and without it the keys would be sent to Amazon.
        ({"bucket-provisioner": "rook-ceph.ceph.rook.io-bucket"}, ""),
        ({"app": "noobaa"}, ""),
    ],
)
def test_labels_exclude_a_format(labels: dict[str, str], conn_type: str) -> None:
    assert fields_of(labelled(AWS, labels)).conn_type == conn_type


def test_type_annotation_excludes_formats_of_other_types(read: Read) -> None:
    assert read(SLACK, {"connection-type": "http"}) == whole(conn_type="http", host=SLACK["address"])


def test_annotations_that_name_keys_exclude_formats(read: Read) -> None:
    connection = read(AWS, {"field-password": "AWS_SECRET_ACCESS_KEY"})

    assert connection == whole(conn_type="generic", password="secret")


def test_an_annotation_adds_a_field(read: Read) -> None:
    connection = read(AWS, {"connection-extra": '{"region_name": "eu-west-1"}'})

    assert connection == whole(conn_type="aws", login="id", password="secret", extra={"region_name": "eu-west-1"})


@pytest.mark.parametrize(
    ("annotations", "connection"),
    [
        ({}, None),
        ({"connection-type": "ssh"}, None),
        ({"connection-host": "h"}, whole(conn_type="generic", host="h")),
        (
            {"connection-type": "ssh", "connection-host": "h"},
            whole(conn_type="ssh", host="h", extra={"private_key": "key"}),
        ),
        (
            {"connection-type": "git", "connection-host": "git@h:x"},
            whole(conn_type="git", host="git@h:x", extra={"private_key": "key"}),
        ),
    ],
)
def test_annotations_add_missing_fields(
    read: Read, annotations: dict[str, str], connection: dict[str, object] | None
) -> None:
    assert read({"ssh-privatekey": "key"}, annotations) == connection
