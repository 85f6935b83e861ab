"""A misspelt label, or an annotation in its place: ``explain`` of the id and ``doctor`` find it in the metadata."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets.inventory.label_keys import known_labels, meant_label
from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.findings import doctor
from support.proxy import Proxy
from support.secrets import BUNDLE, CONNECTION, TEAM, VARIABLE, Put
from support.servers import on_the_devserver

KEYS = [
    "airflow.apache.org/conection-id",
    "airflow.apache.org/connection_id",
    "airflow.apache.org/Connection-ID",
    "airflow.apache.org/CONNECTION_ID",
    "airflow.apache.org/connection-ids",
    "airflow.apache.org/connection",
    "apache.airflow.org/connection-id",
    "airflow.apache.com/connection-id",
    "airfow.apache.org/connection-id",
    "airflow-apache.org/connection-id",
]

# Explain also finds these, because their value is the id.
KEYS_FOUND_BY_ID = ["airflow.apache.org/conn-id", "connection-id", "airflow/connection_id", "example.com/connection-id"]

# None of these is meant as a label of Airflow.
OF_OTHERS = [
    "app.kubernetes.io/name",
    "example.com/team",
    "airflow.example.com/team",
    "example.com/conection-id",
    "spark.apache.org/app-name",
    "kafka.apache.org/variable",
    "helm.sh/chart",
    "team",
    "bundle",
    "connection-id",
]


def hints(commands: Commands, kind: str, identifier: str, *arguments: str) -> list[str]:
    found = commands.run("explain", kind, identifier, "-o", "json", *arguments, status=1).document["hints"]
    assert not any(SECRET in each for each in found)
    return list(found)


def texts(commands: Commands, code: str) -> list[str]:
    return [each["text"] for each in doctor(commands, status=0) if each["code"] == code]


@pytest.mark.parametrize("key", KEYS)
def test_misspelt_keys_of_the_label(key: str) -> None:
    assert meant_label(key, known_labels(Options())) == CONNECTION


@pytest.mark.parametrize("key", [*OF_OTHERS, CONNECTION, "airflow.apache.org/connection-type"])
def test_keys_that_are_not_misspelt_labels(key: str) -> None:
    assert meant_label(key, known_labels(Options())) == ""


def test_keys_of_the_options() -> None:
    known = known_labels(Options(connections_label="example.com/airflow-connection", team_label="team"))

    assert meant_label("example.com/airflow_connections", known) == "example.com/airflow-connection"
    assert meant_label("teams", known) == "team"
    assert meant_label("example.com/airflow-connection-owner", known) == ""
    assert meant_label("example.com/teams", known) == ""


@pytest.mark.parametrize("key", [*KEYS, *KEYS_FOUND_BY_ID])
def test_explain(commands: Commands, put: Put, key: str) -> None:
    put({key: "my_db"}, URI, name="it")

    [hint] = hints(commands, "connection", "my_db")

    assert hint == (
        f"Secret {commands.namespace}/it has this id in the label {key!r}, which no lookup uses. Rename the label to "
        f"{CONNECTION!r}:\n  kubectl label secret -n {commands.namespace} it {CONNECTION}=my_db {key}-"
    )


@pytest.mark.parametrize("key", KEYS)
def test_doctor(commands: Commands, put: Put, key: str) -> None:
    put({key: "my_db"}, URI, name="it")

    [text] = texts(commands, "unknown-label")

    assert text.startswith(f"Secret {commands.namespace}/it, label {key!r}: it is unknown and has no effect; did you ")
    assert text.endswith(f"mean the label {CONNECTION!r}?")


def test_labels_of_other_programs(commands: Commands, put: Put) -> None:
    for number, key in enumerate(OF_OTHERS):
        put({key: "data"}, URI, name=f"s-{number}")

    assert {each["status"] for each in doctor(commands, status=0)} == {"ok"}
    assert hints(commands, "connection", "my_db") == []


class TestAnAnnotation:
    def test_annotation_in_place_of_the_label(self, commands: Commands, put: Put) -> None:
        put({}, URI, name="it", annotations={CONNECTION: "my_db"})

        [hint] = hints(commands, "connection", "my_db")
        assert hint == (
            f"Secret {commands.namespace}/it has this id in the annotation {CONNECTION!r}, but lookups search for a "
            f"label. Add the label {CONNECTION!r}:\n"
            f"  kubectl label secret -n {commands.namespace} it {CONNECTION}=my_db"
        )
        [text] = texts(commands, "unknown-annotation")
        assert "it has no effect without the label of that key, which selects the Secret. Add the label" in text

    def test_id_that_is_not_a_valid_label_value(self, commands: Commands, put: Put) -> None:
        hashed = label_value("team/x y")
        put({}, URI, name="a", annotations={CONNECTION: "team/x y"})
        put({"apache.airflow.org/connection-id": hashed}, URI, name="b")

        first, second = hints(commands, "connection", "team/x y")

        label = f"kubectl label secret -n {commands.namespace}"
        assert first.endswith(f":\n  {label} a {CONNECTION}={hashed}")
        assert second.endswith(
            f":\n  {label} b {CONNECTION}={hashed} apache.airflow.org/connection-id-\n  kubectl annotate secret -n "
            f"{commands.namespace} b '{CONNECTION}=team/x y'"
        )

    def test_annotation_of_a_connection_without_the_label(self, commands: Commands, put: Put) -> None:
        put({}, URI, name="it", annotations={"airflow.apache.org/connection-type": "postgres"})
        [text] = texts(commands, "unknown-annotation")
        assert f"the Secret does not have the label {CONNECTION!r}. Add the label, or remove the annotation" in text


@pytest.mark.parametrize(
    "key", ["airflow.apache.org/bundles", "apache.airflow.org/bundle", "airflow.apache.org/BUNDLE"]
)
def test_misspelt_label_of_a_bundle(commands: Commands, put: Put, key: str) -> None:
    put({key: "connections"}, data={"my_db": URI}, name="all")

    [hint] = hints(commands, "connection", "my_db")
    assert hint == (
        f"Secret {commands.namespace}/all has the label {key!r}, which does not make it a bundle. Rename the label to "
        f"{BUNDLE!r}:\n  kubectl label secret -n {commands.namespace} all {BUNDLE}=connections {key}-"
    )
    assert hints(commands, "variable", "my_db") == []
    assert len(texts(commands, "unknown-label")) == 1


def test_misspelt_label_of_a_team(commands: Commands, put: Put) -> None:
    """The Secret has the label of an id, so it is in the inventory."""
    put({CONNECTION: "my_db", "apache.airflow.org/team": "data"}, URI, name="it")
    [entry] = commands.run("list", "-o", "json").document["entries"]
    [problem] = entry["problems"]
    assert problem["code"] == "unknown-label"
    assert problem["text"].endswith(f"did you mean the label {TEAM!r}?")


def test_misspelt_label_on_a_secret_of_another_kind(commands: Commands, put: Put) -> None:
    """It has a label by which lookups find it, and a misspelt one."""
    put({VARIABLE: "x", "airflow.apache.org/conection-id": "my_db"}, URI, name="it")
    [hint] = hints(commands, "connection", "my_db")
    assert "has this id in the label 'airflow.apache.org/conection-id'" in hint
    assert len(texts(commands, "unknown-label")) == 1


def test_a_secret_that_an_operator_manages(commands: Commands, cluster: Cluster) -> None:
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "db", "uid": "1"}
    metadata = {"name": "it", "namespace": commands.namespace, "labels": {"airflow.apache.org/conection-id": "my_db"}}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {**metadata, "ownerReferences": [{**owner, "controller": True}]},
        }
    )

    [hint] = hints(commands, "connection", "my_db")

    assert "External Secrets Operator (ExternalSecret db) manages it and would undo a change of it, so rename" in hint
    assert "kubectl" not in hint


def test_a_secret_with_the_name_of_the_id_is_named_once(cluster: Cluster, commands: Commands, put: Put) -> None:
    grants = {commands.namespace: ["list"]}
    account = cluster.service_account(commands.namespace, "getter", grants, {commands.namespace: ["my-db"]})
    commands.configure(service_account_path=str(account.folder))
    put({"airflow.apache.org/conection-id": "my_db"}, URI, name="my-db")
    assert len(hints(commands, "connection", "my_db")) == 1


def test_many_secrets_with_misspelt_labels(commands: Commands, put: Put) -> None:
    for number in range(8):
        put({"airflow.apache.org/conection-id": "my_db"}, URI, name=f"s-{number}")

    found = hints(commands, "connection", "my_db")
    assert len(found) == 6
    assert found[-1].startswith(
        "3 more Secrets are like these. 'airflow-kubernetes-secrets doctor --output json' shows"
    )
    assert len(texts(commands, "unknown-label")) == 8
    done = commands.run("doctor")
    assert done.out.count("did you mean the label") == 5
    assert "3 more problems of this kind are not shown. Add '--output json' to see all of them" in done.out


def test_a_config_map(commands: Commands, cluster: Cluster) -> None:
    resources = ("secrets", "configmaps")
    account = cluster.service_account(commands.namespace, "both", {commands.namespace: ["list"]}, resources=resources)
    commands.configure(service_account_path=str(account.folder), config_maps=True)
    metadata = {"name": "it", "namespace": commands.namespace, "labels": {"airflow.apache.org/variable_key": "x"}}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": SECRET}})

    [hint] = hints(commands, "variable", "x")

    assert hint.endswith(
        f"kubectl label configmap -n {commands.namespace} it {VARIABLE}=x airflow.apache.org/variable_key-"
    )
    assert hints(commands, "connection", "x") == []
    assert len(texts(commands, "unknown-label")) == 1


class TestRequests:
    """Only metadata is requested, and only if the lookup finds no Secret."""

    @pytest.fixture
    def proxied(self, commands: Commands, cluster: Cluster) -> Iterator[Proxy]:
        with Proxy(cluster) as proxy:
            for name, value in proxy.pod_environment().items():
                commands.set(name, value)
            commands.configure(service_account_path=str(proxy.folder(commands.account)))
            yield proxy

    @staticmethod
    def of_metadata(proxy: Proxy) -> list[Any]:
        found = [each for each in proxy.requests if "PartialObjectMetadataList" in str(each.headers)]
        assert all("labelSelector" not in each.query for each in found)
        return found

    def test_explain_requests_metadata_only_for_a_missing_id(
        self, commands: Commands, put: Put, proxied: Proxy
    ) -> None:
        put.connection("there", "fs://")
        commands.run("explain", "connection", "there")
        commands.run("list")
        assert self.of_metadata(proxied) == []
        commands.run("explain", "connection", "not_there", status=1)
        assert len(self.of_metadata(proxied)) == 1

    def test_metadata_is_requested_in_pages(self, commands: Commands, put: Put, proxied: Proxy) -> None:
        for number in range(501):
            put({"app": "x"}, name=f"s-{number}")
        put({"airflow.apache.org/conection-id": "my_db"}, URI, name="z")
        assert len(hints(commands, "connection", "my_db")) == 1
        assert len(self.of_metadata(proxied)) == 2

    def test_without_permission(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        account = cluster.service_account(commands.namespace, "nobody", {})
        commands.configure(service_account_path=str(account.folder))
        put({"airflow.apache.org/conection-id": "my_db"}, URI, name="it")
        explanation = commands.run("explain", "connection", "my_db", "-o", "json", status=2).document
        assert explanation["hints"] == []
        codes = [each["code"] for each in doctor(commands, status=1)]
        assert "unlisted" in codes
        assert "unknown-label" not in codes


@on_the_devserver
def test_a_folder(commands: Commands, tmp_path: Path) -> None:
    labels = {"apache.airflow.org/connection-id": "my_db"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "it", "labels": labels}}
    (tmp_path / "it.yaml").write_text(yaml.safe_dump({**secret, "stringData": {"value": URI}}))
    commands.kwargs.clear()
    commands.configure(path=str(tmp_path))

    [hint] = hints(commands, "connection", "my_db")
    assert "has this id in the label 'apache.airflow.org/connection-id'" in hint
    assert len(texts(commands, "unknown-label")) == 1


@pytest.mark.parametrize("key", KEYS)
def test_check(commands: Commands, tmp_path: Path, key: str) -> None:
    """``check`` reports the misspelt label in a Secret and in the template of another manifest."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "it", "labels": {key: "my_db"}}}
    external = {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": "e"},
        "spec": {
            "target": {"template": {"metadata": {"labels": {key: "my_db"}}}},
            "dataFrom": [{"extract": {"key": "x"}}],
            "secretStoreRef": {"name": "s"},
        },
    }
    for document in (secret, external):
        (tmp_path / "it.yaml").write_text(yaml.safe_dump(document))
        [problem] = commands.run("check", str(tmp_path), "-o", "json").document["problems"]
        assert problem["code"] == "unknown-label"
        assert problem["text"].endswith(f"did you mean the label {CONNECTION!r}?")
