"""``list``, ``explain``, ``doctor``, ``rbac`` and ``usage`` with variables in ConfigMaps, on both servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from support.cluster import Cluster, ServiceAccount
from support.commands import SECRET, URI, Commands
from support.findings import doctor
from support.listing import entries
from support.secrets import BUNDLE, CONFIG, CONNECTION, TEAM, VARIABLE, Put

RESOURCES = ["secrets", "configmaps"]


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> ServiceAccount:
    return cluster.service_account(namespace, "airflow", {namespace: ["list"]}, resources=RESOURCES)


@pytest.fixture(autouse=True)
def switched_on(commands: Commands) -> None:
    commands.configure(config_maps=True, bundles=True)


class PutConfigMap:
    """Creates ConfigMaps in one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def __call__(
        self,
        name: str,
        labels: Mapping[str, str],
        data: Mapping[str, str],
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        metadata = {"name": name, "namespace": self._namespace, "labels": labels, "annotations": annotations or {}}
        self._cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)})


@pytest.fixture
def put_config_map(cluster: Cluster, namespace: str) -> PutConfigMap:
    return PutConfigMap(cluster, namespace)


def codes(entry: dict[str, Any]) -> list[str]:
    return [each["code"] for each in entry["problems"]]


class TestList:
    def test_the_entries(self, commands: Commands, put: Put, put_config_map: PutConfigMap) -> None:
        put.variable("both", "own", name="x")
        put.connection("my_db", URI, name="c")
        put_config_map("x", {VARIABLE: "both"}, {"value": SECRET})
        put_config_map("y", {VARIABLE: "only", TEAM: "blue"}, {"value": f"{SECRET}\n"})
        put_config_map("z", {BUNDLE: "variables"}, {"AIRFLOW_VAR_IN_BUNDLE": SECRET})

        found = entries(commands)

        shown = [(each["id"], each["object_kind"], each["secret"], each["team"], each["answers"]) for each in found]
        assert shown == [
            ("my_db", "Secret", "c", None, True),
            ("both", "Secret", "x", None, True),
            ("both", "ConfigMap", "x", None, False),
            ("in_bundle", "ConfigMap", "z", None, True),
            ("only", "ConfigMap", "y", "blue", True),
        ]
        assert [codes(each) for each in found] == [[], [], ["hidden"], [], ["trailing-newline"]]
        space = commands.namespace
        assert found[2]["problems"][0]["text"] == (
            f"ConfigMap {space}/x: Secret {space}/x is used for its id, because it is searched first"
        )
        assert found[4]["problems"][0]["text"].startswith(f"ConfigMap {space}/y, key 'value': the value ends with")

    def test_the_table(self, commands: Commands, put: Put, put_config_map: PutConfigMap) -> None:
        put.variable("a", "1", name="a")
        put_config_map("b", {VARIABLE: "b"}, {"value": "2"})

        lines = commands.run("list", "-o", "plain").out.splitlines()

        space = commands.namespace
        assert [f"ConfigMap {space}/b" in line for line in lines[1:]] == [False, True]
        assert f"{space}/a" in lines[1]

    def test_config_maps_that_are_not_read(self, commands: Commands, put_config_map: PutConfigMap) -> None:
        put_config_map("a", {CONNECTION: "my_db", CONFIG: "my-option"}, {"value": URI})
        put_config_map("b", {BUNDLE: "connections"}, {"my_db": URI})
        put_config_map("c", {BUNDLE: "variable"}, {"x": SECRET})

        document = commands.run("list", "-o", "json").document

        space = commands.namespace
        assert document["entries"] == []
        rest = "only variables are read from ConfigMaps. Move"
        assert [(each["code"], each["text"]) for each in document["problems"]] == [
            ("bundle-not-read", f"ConfigMap {space}/b, label '{BUNDLE}': {rest} these connections to a Secret"),
            (
                "bundle-not-read",
                f"ConfigMap {space}/c, label '{BUNDLE}': the value is none of 'connections', 'variables', 'config', so "
                "nothing reads the ConfigMap; did you mean 'variables'?",
            ),
            ("not-looked-up", f"ConfigMap {space}/a, label '{CONNECTION}': {rest} this connection to a Secret"),
            ("not-looked-up", f"ConfigMap {space}/a, label '{CONFIG}': {rest} this configuration option to a Secret"),
        ]

    def test_a_variable_that_is_also_a_bundle_of_connections(
        self, commands: Commands, put_config_map: PutConfigMap
    ) -> None:
        put_config_map("a", {VARIABLE: "a", BUNDLE: "connections"}, {"value": "x"})

        document = commands.run("list", "-o", "json").document

        [problem] = document["problems"]
        assert f"also has the label '{VARIABLE}' of one id, so its keys are not ids. Remove one" in problem["text"]
        assert [each["answers"] for each in document["entries"]] == [True]

    def test_config_map_without_the_data_key(self, commands: Commands, put_config_map: PutConfigMap) -> None:
        put_config_map("x", {VARIABLE: "x"}, {"other": SECRET})

        [found] = entries(commands)

        assert (found["answers"], codes(found)) == (False, ["unreadable"])
        assert found["problems"][0]["text"].startswith(f"ConfigMap {commands.namespace}/x, key 'value': there is no")

    def test_no_entries_if_config_maps_are_disabled(self, commands: Commands, put_config_map: PutConfigMap) -> None:
        put_config_map("x", {VARIABLE: "x"}, {"value": SECRET})
        commands.configure(config_maps=False)

        assert entries(commands) == []

    def test_only_variables_need_the_permission(
        self, commands: Commands, cluster: Cluster, namespace: str, put: Put
    ) -> None:
        put.connection("my_db", URI)
        put.variable("stage", SECRET)
        account = cluster.service_account(namespace, "other", {namespace: ["list"]})
        commands.configure(service_account_path=str(account.folder))

        assert [each["id"] for each in entries(commands, "connections")] == ["my_db"]
        done = commands.run("list", "variables", "--output", "json", status=1)
        assert [each["id"] for each in done.document["entries"]] == ["stage"]
        assert "may not list configmaps" in done.document["failures"][0]


class TestExplain:
    @pytest.mark.parametrize(
        ("labels", "data", "options", "said"),
        [
            (
                {VARIABLE: "x"},
                {"value": SECRET},
                {"bundles": True},
                "has this id, but lookups read it only if config_maps",
            ),
            (
                {BUNDLE: "variables"},
                {"x": SECRET},
                {"bundles": True},
                "key 'x' has this id, but lookups read it only if",
            ),
            (
                {BUNDLE: "variables"},
                {"AIRFLOW_VAR_X": SECRET},
                {"bundles": False},
                "key 'AIRFLOW_VAR_X' has this id, but lookups read it only if config_maps and bundles are true",
            ),
        ],
        ids=["label", "bundle", "bundle, both off"],
    )
    def test_hint_if_config_maps_are_disabled(
        self,
        commands: Commands,
        put_config_map: PutConfigMap,
        labels: dict[str, str],
        data: dict[str, str],
        options: dict[str, bool],
        said: str,
    ) -> None:
        put_config_map("c", labels, data)
        commands.configure(config_maps=False, **options)

        found = commands.run("explain", "variable", "x", "-o", "json", status=1).document

        [hint] = found["hints"]
        assert hint.endswith("witch them on" if "bundles are" in said else "witch it on")
        assert hint.startswith(f"ConfigMap {commands.namespace}/c")
        assert said in hint
        assert commands.run("explain", "variable", "other", "-o", "json", status=1).document["hints"] == []
        assert commands.run("explain", "connection", "x", "-o", "json", status=1).document["hints"] == []

    def test_no_hint_without_the_permission(
        self, commands: Commands, cluster: Cluster, namespace: str, put_config_map: PutConfigMap
    ) -> None:
        put_config_map("x", {VARIABLE: "x"}, {"value": SECRET})
        account = cluster.service_account(namespace, "other", {namespace: ["list"]})
        commands.configure(config_maps=False, service_account_path=str(account.folder))

        found = commands.run("explain", "variable", "x", "-o", "json", status=1)

        assert (found.document["hints"], found.document["error"], found.err) == ([], None, "")

    def test_config_map_that_is_selected(self, commands: Commands, put_config_map: PutConfigMap) -> None:
        put_config_map("x", {VARIABLE: "x"}, {"value": SECRET})
        space = commands.namespace

        done = commands.run("explain", "variable", "x")
        assert f"variable 'x': ConfigMap {space}/x is selected" in done.out
        assert f"list ConfigMaps {VARIABLE}=x,!{TEAM} in {space}: 1 ConfigMap" in done.out
        assert f"ConfigMap {space}/x is selected" in done.out

        explanation = commands.run("explain", "variable", "x", "-o", "json").document
        assert [(step["resource"], step["found"], step["allowed"]) for step in explanation["steps"]] == [
            ("secrets", 0, True),
            ("secrets", 0, True),
            ("configmaps", 1, True),
        ]
        assert [(each["object_kind"], each["secret"]) for each in explanation["candidates"]] == [("ConfigMap", "x")]

    def test_config_map_that_is_skipped(self, commands: Commands, put_config_map: PutConfigMap) -> None:
        put_config_map("x", {VARIABLE: "x"}, {"other": SECRET})

        explanation = commands.run("explain", "variable", "x", "-o", "json", status=(1, 2)).document

        [candidate] = explanation["candidates"]
        assert (candidate["object_kind"], candidate["answers"]) == ("ConfigMap", False)

    def test_connection_in_a_config_map_is_not_found(self, commands: Commands, put_config_map: PutConfigMap) -> None:
        put_config_map("a", {CONNECTION: "my_db"}, {"value": URI})
        put_config_map("b", {BUNDLE: "connections"}, {"my_db": URI})

        explanation = commands.run("explain", "connection", "my_db", "-o", "json", status=1).document

        space = commands.namespace
        assert {step["resource"] for step in explanation["steps"]} == {"secrets"}
        hints = "\n".join(explanation["hints"])
        assert f"ConfigMap {space}/a has this id, but only variables are read from ConfigMaps. Use a Secret" in hints
        assert f"ConfigMap {space}/b, key 'my_db': a bundle of connections has this id, but only variables" in hints


class TestPermissions:
    def test_permissions_for_both_resources_are_checked(self, commands: Commands, put_config_map: PutConfigMap) -> None:
        put_config_map("x", {VARIABLE: "x"}, {"value": SECRET})

        texts = [each["text"] for each in doctor(commands, status=0)]

        space = commands.namespace
        assert f"may list Secrets in {space}" in texts
        assert f"may list ConfigMaps in {space}" in texts
        assert any(text.endswith("can be read") and "1 variable" in text for text in texts)

    def test_missing_watch_permission(self, commands: Commands) -> None:
        commands.configure(cache_ttl=60)

        texts = [each["text"] for each in doctor(commands, status=0) if each["code"] == "may-not-watch"]

        assert len(texts) == 2
        assert "may not watch configmaps in namespace" in texts[1]
        assert "--verb=list,watch --resource=secrets,configmaps" in texts[1]
        assert "Without it, all ConfigMaps are listed every 60 s (cache_ttl)" in texts[1]

    def test_missing_list_permission(self, commands: Commands, cluster: Cluster, namespace: str) -> None:
        account = cluster.service_account(namespace, "other", {namespace: ["list"]})
        commands.configure(service_account_path=str(account.folder))

        found = {each["code"]: each["text"] for each in doctor(commands, status=1) if each["status"] == "error"}

        assert found.keys() == {"may-not-list", "unlisted"}
        text = found["may-not-list"]
        assert "may not list configmaps in namespace" in text
        assert "--verb=list --resource=secrets,configmaps" in text


@pytest.mark.parametrize(
    ("options", "resources"),
    [
        ({"config_maps": True}, RESOURCES),
        ({"config_maps": False}, RESOURCES[:1]),
        ({"config_maps": True, "variables_label": None}, RESOURCES[:1]),
    ],
)
def test_the_roles(commands: Commands, options: dict[str, object], resources: list[str]) -> None:
    commands.configure(cache_ttl=60, **options)

    role, _binding = yaml.safe_load_all(commands.run("rbac", "-s", "airflow/worker").out)

    assert role["rules"] == [{"apiGroups": [""], "resources": resources, "verbs": ["list", "watch"]}]
