"""``check`` with ConfigMaps, from which lookups read only variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets.deployment.configuration import BACKEND
from manifests.build import CONNECTION, URI, VARIABLE, secret
from manifests.case import Case, checked, write
from support.secrets import BUNDLE, CONFIG

CIPHERTEXT = "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]"
OFF = "it is a ConfigMap, but lookups read ConfigMaps only if config_maps is true in backend_kwargs"


@pytest.fixture(autouse=True)
def switched_on(not_configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"bundles": true, "config_maps": true}')


def config_map(name: str, labels: dict[str, str], data: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "airflow", "labels": labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {}, **more}


def test_options_with_the_label_of_variables(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ConfigMap with the label is a variable."""
    kwargs = {"config_maps": True, "config_label": VARIABLE}
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))

    found, _text = checked(run, tmp_path, config_map("a", {VARIABLE: "x"}, {"value": "one"}))

    assert found == []


def test_valid_config_maps(run: Any, tmp_path: Path) -> None:
    found, _text = checked(
        run,
        tmp_path,
        config_map("a", {VARIABLE: "x"}, {"value": "one"}, immutable=True),
        config_map("b", {VARIABLE: "bytes"}, binaryData={"value": "b25l"}),
        config_map("c", {BUNDLE: "variables"}, {"first": "one", "AIRFLOW_VAR_SECOND": "two"}),
        # A ConfigMap of another program.
        config_map("d", {"app": "other"}, {"value": "{{ .Values.x }}", "hunter2": "x\n"}, nonsense=1),
    )

    assert found == []


def test_config_maps_count_as_manifests_for_airflow(run: Any, tmp_path: Path) -> None:
    manifests = [config_map("a", {VARIABLE: "x"}, {"value": "one"}), config_map("b", {"app": "other"})]
    out = run(write(tmp_path, Case(manifests)), "-o", "json")[1]

    assert json.loads(out)["manifests"] == 1


@pytest.mark.parametrize(
    ("manifest", "code", "text"),
    [
        (
            config_map("m", {CONNECTION: "my_db"}, {"value": URI}),
            "not-looked-up",
            f"ConfigMap airflow/m, label '{CONNECTION}': only variables are read from ConfigMaps. Move this connection "
            "to a Secret",
        ),
        (
            config_map("m", {CONFIG: "x"}, {"value": "hunter2"}),
            "not-looked-up",
            f"ConfigMap airflow/m, label '{CONFIG}': only variables are read from ConfigMaps. Move this configuration "
            "option to a Secret",
        ),
        (
            config_map("m", {BUNDLE: "connections"}, {"my_db": URI}),
            "bundle-not-read",
            f"ConfigMap airflow/m, label '{BUNDLE}': only variables are read from ConfigMaps. Move these connections "
            "to a Secret",
        ),
        (
            config_map("m", {VARIABLE: "x"}, {"other": "hunter2"}),
            "unreadable",
            "ConfigMap airflow/m, key 'value': there is no such key in its data",
        ),
        (
            config_map("m", {VARIABLE: "x"}, {"value": "hunter2\n"}),
            "trailing-newline",
            "ConfigMap airflow/m, key 'value': the value ends with a newline",
        ),
        (
            config_map("m", {VARIABLE: "x"}, {"value": "a"}, binaryData={"value": "YQ=="}),
            "invalid-manifest",
            "ConfigMap m: 'value' is in data and in binaryData; remove one of them. The API would refuse it",
        ),
        (
            config_map("m", {VARIABLE: "x"}, binaryData={"value": "hunter2!"}),
            "invalid-manifest",
            "ConfigMap m: binaryData: 'value' is not base64; plain text belongs in data",
        ),
        (
            config_map("m", {VARIABLE: "x"}, {"value": 1}),
            "invalid-manifest",
            "ConfigMap m: data: 'value' is not a string; put it in quotation marks",
        ),
        (
            config_map("m", {VARIABLE: "x"}, {"value": "a"}, stringData={"value": "hunter2"}),
            "invalid-manifest",
            "ConfigMap m: the field 'stringData' is not known",
        ),
        (
            config_map("m", {VARIABLE: "x"}, binaryData={"value": '{{ .Files.Get "x" | b64enc }}'}),
            "not-checked",
            "key 'value' contains a template that is not rendered",
        ),
        (
            {
                **config_map("m", {VARIABLE: "x"}, binaryData={"value": CIPHERTEXT}),
                "sops": {"mac": CIPHERTEXT, "version": "3"},
            },
            "not-checked",
            "key 'value' contains ciphertext of SOPS",
        ),
        (
            {**config_map("m", {}, {"value": "a"}), "metadata": {"name": "m", "annotations": {VARIABLE: "x"}}},
            "unknown-annotation",
            "it has no effect without the label of that key, which selects the ConfigMap. Add the label",
        ),
        (
            {
                **config_map("m", {}, {"value": "a"}),
                "metadata": {
                    "name": "m",
                    "labels": {VARIABLE: "x"},
                    "annotations": {"airflow.apache.org/connection-type": "postgres"},
                },
            },
            "unknown-annotation",
            "only variables are read from ConfigMaps. Remove the annotation",
        ),
        (
            config_map("m", {BUNDLE: "config"}, {"core__x": "a"}),
            "bundle-not-read",
            "Move these configuration options to a Secret",
        ),
        (
            config_map("m", {VARIABLE: "a b"}, {"value": "a"}),
            "invalid-label",
            f"ConfigMap airflow/m, label '{VARIABLE}'",
        ),
    ],
)
def test_problems_of_a_config_map(run: Any, tmp_path: Path, manifest: dict[str, Any], code: str, text: str) -> None:
    found, texts = checked(run, tmp_path, manifest)

    assert found == [code]
    assert text in texts


@pytest.mark.parametrize(
    ("manifest", "code", "text"),
    [
        (config_map("m", {VARIABLE: "x"}, {"value": "a"}), "not-looked-up", f"label '{VARIABLE}': {OFF}"),
        (config_map("m", {BUNDLE: "variables"}, {"x": "a"}), "bundle-not-read", f"ConfigMap airflow/m: {OFF}"),
    ],
)
def test_option_config_maps_is_disabled(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: dict[str, Any], code: str, text: str
) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"bundles": true}')

    found, texts = checked(run, tmp_path, manifest)

    assert found == [code]
    assert text in texts


def test_null_label_is_reported(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kwargs = {"bundles": True, "config_maps": True, "variables_label": None}
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps(kwargs))

    found, texts = checked(run, tmp_path, config_map("m", {BUNDLE: "variables"}, {"x": "a"}))

    assert found == ["bundle-not-read"]
    assert "variables_label is null" in texts


def test_secret_with_the_same_id_hides_the_config_map(run: Any, tmp_path: Path) -> None:
    own = secret("s", {"value": "b"}, labels={VARIABLE: "x"})

    found, texts = checked(run, tmp_path, config_map("m", {VARIABLE: "x"}, {"value": "a"}), own)

    assert found == ["hidden"]
    assert (
        "ConfigMap airflow/m: Secret airflow/s is variable 'x' too, and Airflow uses a Secret before a ConfigMap"
        in texts
    )


def test_two_config_maps_with_one_name(run: Any, tmp_path: Path) -> None:
    """A Secret and a ConfigMap with one name are two objects."""
    one = config_map("m", {VARIABLE: "x"}, {"value": "a"})
    other = config_map("m", {VARIABLE: "two"}, {"value": "a"})
    of_the_secret = secret("m", {"value": "b"}, labels={VARIABLE: "three"})

    found, texts = checked(run, tmp_path, one, of_the_secret, other)

    assert found == ["duplicate-secret"]
    assert "ConfigMap airflow/m is created by" in texts
