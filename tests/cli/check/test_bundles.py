"""``check`` with bundles: Secrets in which every key is an id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.deployment.configuration import BACKEND
from manifests.build import CONNECTION, URI, VARIABLE, external, fetched, sealed, secret
from manifests.case import Case, checked, write
from support.secrets import BUNDLE, TEAM

JSON = '{"conn_type": "http", "host": "api.example.com"}'


@pytest.fixture(autouse=True)
def switched_on(not_configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"bundles": true}')


def bundle(data: dict[str, str], kind: str = "connections", name: str = "bundle", **labels: str) -> dict[str, Any]:
    return secret(name, data, labels={BUNDLE: kind, **labels})


def test_valid_bundles(run: Any, tmp_path: Path) -> None:
    found, _text = checked(
        run,
        tmp_path,
        bundle({"my_db": URI, "AIRFLOW_CONN_MY_API": JSON}),
        bundle({"greeting": "hello", "AIRFLOW_VAR_X": "x"}, "variables", "v"),
        bundle({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://x"}, "config", "o"),
        bundle({"my_db": URI}, name="of-a-team", **{TEAM: "blue"}),
    )

    assert found == []


def test_bundles_count_as_manifests_for_airflow(run: Any, tmp_path: Path) -> None:
    out = run(write(tmp_path, Case([bundle({"my_db": URI})])), "-o", "json")[1]

    assert json.loads(out)["manifests"] == 1


@pytest.mark.parametrize(
    ("data", "kind", "code", "text"),
    [
        ({"my_db": "hunter2"}, "connections", "unreadable", "key 'my_db': the connection is neither a URI"),
        ({"a": "postgres://u:a/hunter2@h/d"}, "connections", "unreadable", "key 'a'"),
        ({"a": " "}, "config", "unreadable", "key 'a': the configuration option is blank"),
        ({"a": ""}, "connections", "unreadable", "key 'a': the connection is blank"),
        ({"hunter2": " =="}, "config", "bundle-key", "1 key has no value"),
        ({"a": "hunter2\n"}, "variables", "trailing-newline", "key 'a': the value ends with a newline"),
        ({"AIRFLOW_CONN_x": URI}, "connections", "bundle-key", "Write AIRFLOW_CONN_X"),
        ({"AIRFLOW_VAR_X": URI}, "connections", "bundle-key", "the prefix in this bundle is AIRFLOW_CONN_"),
        ({}, "variables", "bundle-key", "the bundle is empty"),
        ({"hunter2": ""}, "variables", "bundle-key", "1 key has no value"),
        ({"a": URI}, "connection", "bundle-not-read", "did you mean 'connections'?"),
    ],
)
def test_problems_of_a_bundle(run: Any, tmp_path: Path, data: dict[str, str], kind: str, code: str, text: str) -> None:
    found, said = checked(run, tmp_path, bundle({"good": URI, **data} if data else {}, kind))

    assert found == [code]
    assert text in said


def test_an_empty_variable_is_valid(run: Any, tmp_path: Path) -> None:
    found, _text = checked(run, tmp_path, bundle({"a": "", "b_2": " ", "AIRFLOW_VAR_C": ""}, "variables"))

    assert found == []


def test_an_id_that_occurs_twice(run: Any, tmp_path: Path) -> None:
    own = secret("own", labels={CONNECTION: "a"})
    found, said = checked(
        run, tmp_path, own, bundle({"a": URI, "b": URI, "AIRFLOW_CONN_B": URI}), bundle({"b": URI}, name="second")
    )

    assert found == ["hidden", "duplicate-id", "duplicate-id"]
    assert "/bundle, key 'a': Secret airflow/own is connection 'a' too" in said
    # Within one bundle, the order is known, and a lookup only warns. Between two bundles, the age decides.
    assert (
        "Secret airflow/bundle, key 'AIRFLOW_CONN_B': Secret airflow/bundle, key 'b' is connection 'b' too, and "
        "Airflow uses the key that equals the id. Remove one of them" in said
    )
    assert "Secret airflow/second, key 'b': Secret airflow/bundle, key 'b' in" in said


def test_two_keys_for_one_id_are_only_a_warning(run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case([bundle({"b": URI, "AIRFLOW_CONN_B": URI})]))

    status, out, _err = run(path, "-o", "json")

    [problem] = json.loads(out)["problems"]
    assert (status, problem["code"], problem["severity"]) == (0, "duplicate-id", "warning")


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        (("host", "password"), "'host', 'password'"),
        (("USERNAME", "password", "port", "my_db"), "'USERNAME', 'password', 'port'"),
        (("password", "my_db"), ""),
        (("my_host", "my_password"), ""),
    ],
)
def test_keys_that_look_like_the_fields_of_one_connection(
    run: Any, tmp_path: Path, keys: tuple[str, ...], named: str
) -> None:
    found, said = checked(run, tmp_path, bundle(dict.fromkeys(keys, URI)))

    assert found == (["bundle-key"] if named else [])
    text = f"{named} look like the fields of one connection. If they are, replace the label '{BUNDLE}' by"
    assert (f"{text} '{CONNECTION}' with the id" in said) == bool(named)


def test_variables_can_have_the_names_of_fields(run: Any, tmp_path: Path) -> None:
    assert checked(run, tmp_path, bundle({"host": "a", "password": "b"}, "variables"))[0] == []


def test_a_labelled_secret_after_a_bundle(run: Any, tmp_path: Path) -> None:
    found, said = checked(run, tmp_path, bundle({"a": URI}), secret("own", labels={CONNECTION: "a"}))

    assert found == ["hidden"]
    assert "/bundle, key 'a': Secret airflow/own is connection 'a' too" in said


def test_an_id_label_on_a_bundle(run: Any, tmp_path: Path) -> None:
    found, said = checked(run, tmp_path, bundle({"value": "x"}, "variables", **{VARIABLE: "x"}))

    assert found == ["bundle-not-read"]
    assert f"also has the label '{VARIABLE}'" in said


@pytest.mark.parametrize(
    ("kwargs", "text"),
    [
        ("{}", "only if bundles is true in backend_kwargs"),
        ('{"bundles": true, "connections_label": null}', "connections_label is null in backend_kwargs"),
    ],
)
def test_bundles_that_are_not_read(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kwargs: str, text: str
) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", kwargs)

    found, said = checked(run, tmp_path, bundle({"a": URI}))

    assert found == ["bundle-not-read"]
    assert text in said


def test_an_id_outside_the_pattern(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kwargs = '{"bundles": true, "connections_lookup_pattern": "k8s_"}'
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", kwargs)

    assert checked(run, tmp_path, bundle({"k8s_a": URI, "a": URI}))[0] == ["not-looked-up"]


def test_a_label_that_is_misspelt_or_lost(run: Any, tmp_path: Path) -> None:
    misspelt = secret("a", {"a": URI}, labels={"airflow.apache.org/bundel": "connections"})
    lost = external({"template": {"metadata": {"annotations": {"a": "b"}}}}, labels={BUNDLE: "connections"})

    found, said = checked(run, tmp_path, misspelt, lost)

    assert found == ["unknown-label", "label-lost"]
    assert f"did you mean the label '{BUNDLE}'?" in said


def test_bundles_of_other_tools(run: Any, tmp_path: Path) -> None:
    """Values that the manifest does not contain are not checked. Keys that it contains are checked."""
    secret_metadata = {"labels": {BUNDLE: "connections"}}
    data = {"a": "hunter2 {{ .x }}", "AIRFLOW_CONN_x": "{{ .x }}"}
    made = external({"template": {"metadata": secret_metadata, "data": data}}, fetched("x"), labels={})

    assert checked(run, tmp_path, sealed(secret_metadata, keys=("a", "AIRFLOW_CONN_B")))[0] == []
    assert checked(run, tmp_path, external(labels={BUNDLE: "connections"}))[0] == []
    found, said = checked(run, tmp_path, made)
    assert found == ["bundle-key", "unreadable"]
    assert "key 'a' of the template: with any values" in said
