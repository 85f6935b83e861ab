"""Manifests for ids: each is found for exactly its id and team. Manifests that Airflow would not find are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_kubernetes_secrets.kubernetes.deadline import TimeBudget
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.kubernetes.labels import is_subdomain
from airflow_kubernetes_secrets.kubernetes.objects import Secret, kept_annotations
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup, decide
from airflow_kubernetes_secrets.manifests.secret_manifest import (
    LARGEST_BYTES,
    NotWritableError,
    secret_manifest,
    secret_name,
)
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from airflow_kubernetes_secrets.sources.query import Query
from support.secrets import CONFIG, CONNECTION, TEAM, VARIABLE

KINDS = st.sampled_from(Kind)
TEAMS = st.none() | st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,8}[A-Za-z0-9])?", fullmatch=True)
# Any Unicode text, ids as people choose them, and values that represent another id in a label.
IDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80),
    st.from_regex(r"[a-z0-9][a-z0-9_./@-]{0,20}", fullmatch=True),
    st.text(min_size=1, max_size=20, alphabet="ab-_. /").map(label_value),
).filter(lambda text: "://" not in text)
DATA = {Kind.CONNECTION: b"x://h", Kind.VARIABLE: b"", Kind.CONFIG: b"text"}


def made(lookup: Lookup, options: Options | None = None, **more: Any) -> dict[str, Any]:
    manifest, _content = secret_manifest(lookup, {"value": DATA[lookup.kind]}, options or Options(), **more)
    # Read the manifest as from its file.
    read: dict[str, Any] = yaml.safe_load(yaml.safe_dump(manifest, sort_keys=False))
    assert read == manifest
    return read


def finds(lookup: Lookup, manifest: Mapping[str, Any]) -> bool:
    metadata = manifest["metadata"]
    annotations = kept_annotations(metadata.get("annotations"), metadata["labels"])
    secret = Secret("n", metadata["name"], "", metadata["labels"], dict(manifest["data"]), annotations=annotations)

    def find(query: Query, _time: TimeBudget) -> list[Secret]:
        return [secret] if query.matches(secret) else []

    return decide(lookup, Options(namespace=("n",)), find).secret is not None


@given(KINDS, IDS, TEAMS, IDS, TEAMS)
@settings(max_examples=400)
def test_manifest_is_found_only_for_its_id_and_team(
    kind: Kind, identifier: str, team: str | None, other: str, other_team: str | None
) -> None:
    manifest = made(Lookup(kind, identifier, team))

    assert finds(Lookup(kind, identifier, team), manifest)
    assert finds(Lookup(kind, other, team), manifest) == (other == identifier)
    assert finds(Lookup(kind, label_value(identifier), team), manifest) == (label_value(identifier) == identifier)
    assert finds(Lookup(kind, identifier, other_team), manifest) == (team in (None, other_team))
    assert not any(finds(Lookup(each, identifier, team), manifest) for each in Kind if each is not kind)


@given(KINDS, IDS, TEAMS, IDS, TEAMS)
@settings(max_examples=400)
def test_each_id_and_team_has_a_unique_name(
    kind: Kind, identifier: str, team: str | None, other: str, other_team: str | None
) -> None:
    name = secret_name(kind, identifier, team)

    assert is_subdomain(name)
    assert len(name) <= 63
    assert secret_name(kind, identifier, team) == name
    assert (secret_name(kind, other, other_team) == name) == ((other, other_team) == (identifier, team))


@pytest.mark.parametrize("identifier", ["my db", "MY_DB", "a" * 200, "größe"])
def test_id_that_equals_a_hashed_name_gets_another_name(identifier: str) -> None:
    name = secret_name(Kind.VARIABLE, identifier)
    twin = name.removeprefix("airflow-variable-")

    assert re.search("-[0-9a-f]{8}$", name)
    assert secret_name(Kind.VARIABLE, twin) != name


def test_a_plain_id_has_a_plain_name() -> None:
    assert secret_name(Kind.CONNECTION, "warehouse-1") == "airflow-connection-warehouse-1"
    assert secret_name(Kind.CONFIG, "smtp") == "airflow-config-smtp"


def test_complete_manifest() -> None:
    assert made(Lookup(Kind.CONNECTION, "my db", "ops"), namespace="prod", name="mine") == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "mine",
            "namespace": "prod",
            "labels": {CONNECTION: label_value("my db"), TEAM: "ops"},
            "annotations": {CONNECTION: "my db"},
        },
        "type": "Opaque",
        "data": {"value": "eDovL2g="},
    }
    assert made(Lookup(Kind.VARIABLE, "a"))["metadata"] == {"name": "airflow-variable-a", "labels": {VARIABLE: "a"}}
    assert made(Lookup(Kind.CONFIG, "a"))["metadata"]["labels"] == {CONFIG: "a"}


@pytest.mark.parametrize(
    ("lookup", "options", "more", "says"),
    [
        (Lookup(Kind.VARIABLE, ""), {}, {}, "the id is empty"),
        (Lookup(Kind.CONFIG, "postgres://u:hunter2@h"), {}, {}, "the id is a URI"),
        (Lookup(Kind.VARIABLE, "half \ud800"), {}, {}, "the id is not valid Unicode"),
        (Lookup(Kind.VARIABLE, "x" * 256_001), {}, {}, "its id is too long for an annotation"),
        (
            Lookup(Kind.VARIABLE, "a"),
            {"variables_label": None},
            {},
            "variables_label is null in backend_kwargs, so no Secret is selected by label. Set it to a label key; or "
            "create the Secret yourself, and name it in 'references'",
        ),
        (Lookup(Kind.VARIABLE, "a"), {"variables_lookup_pattern": "b"}, {}, "does not match the lookup pattern"),
        (Lookup(Kind.VARIABLE, "a", "ops"), {"team_label": None}, {}, "team_label is null"),
        (Lookup(Kind.VARIABLE, "a", "o p s"), {}, {}, "the team is not a valid label value"),
        (Lookup(Kind.VARIABLE, "a"), {"variables_data_key": "other"}, {}, "there is no such key in its data"),
        (Lookup(Kind.VARIABLE, "a"), {}, {"name": "A b"}, "'A b' cannot be the name of a Secret"),
        (Lookup(Kind.VARIABLE, "a"), {}, {"namespace": "A"}, "'A' cannot be the name of a namespace"),
    ],
)
def test_manifest_that_airflow_would_not_find_is_refused(
    lookup: Lookup, options: dict[str, Any], more: dict[str, Any], says: str
) -> None:
    with pytest.raises(NotWritableError) as raised:
        made(lookup, Options(**options), **more)

    assert says in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert len(str(raised.value)) < 1000


@pytest.mark.parametrize(
    ("kind", "data", "says"),
    [
        (Kind.VARIABLE, {"value": b"\xff"}, "the value is not UTF-8 text"),
        (Kind.CONFIG, {"value": b" \n"}, "the configuration option is blank. Store its value"),
        (Kind.CONNECTION, {"value": b"hunter2"}, "nor JSON ({…}). Write it in one of these forms"),
        (Kind.CONNECTION, {"value": b'{"hunter2'}, "the connection is not valid JSON"),
        (
            Kind.CONNECTION,
            {"value": b'{"port": "hunter2"}'},
            "the connection's port is not a number. Write only digits, such as 5432",
        ),
        (Kind.VARIABLE, {"value": b"", "a b": b""}, "'a b' cannot be a key of a Secret's data"),
        (
            Kind.VARIABLE,
            {"value": b"x" * (LARGEST_BYTES + 1)},
            "it has 1048577 bytes, and a Secret can contain 1048576",
        ),
    ],
)
def test_invalid_values_are_refused(kind: Kind, data: dict[str, bytes], says: str) -> None:
    with pytest.raises(NotWritableError) as raised:
        secret_manifest(Lookup(kind, "id"), data, Options())

    assert says in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_value_of_the_maximum_size() -> None:
    secret_manifest(Lookup(Kind.VARIABLE, "id"), {"value": b"x" * LARGEST_BYTES}, Options())
