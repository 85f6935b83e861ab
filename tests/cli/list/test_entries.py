"""``list`` shows each entry with its location, content and owner, on both servers."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.listing import codes, entries, manifest
from support.secrets import CONNECTION, Put


def test_entries_of_all_kinds(commands: Commands, put: Put) -> None:
    put.connection("my_db", URI, name="my-db")
    put.connection("my_db", f"mysql://u:{SECRET}@mysql/x", team="data", name="their-db")
    put.variable("greeting", SECRET, name="greeting")
    put.config("fernet-key", SECRET, name="fernet")
    parts = {"host": "parts.example.com", "login": "u", "password": SECRET, "type": "mysql"}
    put({CONNECTION: "parts"}, name="parts", data=parts)
    put({"app": "other"}, SECRET, name="other")
    found = entries(commands)
    shown = [(each["kind"], each["id"], each["team"], each["secret"], each["shape"], each["host"]) for each in found]
    assert shown == [
        ("config", "fernet-key", None, "fernet", "key 'value'", ""),
        ("connection", "my_db", None, "my-db", "key 'value'", "db.example.com"),
        ("connection", "parts", None, "parts", "fields", "parts.example.com"),
        ("connection", "my_db", "data", "their-db", "key 'value'", "mysql"),
        ("variable", "greeting", None, "greeting", "key 'value'", ""),
    ]
    assert [each["conn_type"] for each in found] == ["", "postgres", "mysql", "mysql", ""]
    assert all(each["answers"] and each["problems"] == [] for each in found)
    assert {each["namespace"] for each in found} == {commands.namespace}
    assert all(each["created"].endswith("Z") for each in found)


def test_one_kind_and_one_team(commands: Commands, put: Put) -> None:
    put.connection("a", URI)
    put.variable("b", SECRET, team="data")
    put.config("c", SECRET)
    assert [each["id"] for each in entries(commands, "connections")] == ["a"]
    assert [each["id"] for each in entries(commands, "variables")] == ["b"]
    assert [each["id"] for each in entries(commands, "config")] == ["c"]
    assert [each["id"] for each in entries(commands, "--team", "data")] == ["b"]


def test_more_than_a_page(commands: Commands, put: Put) -> None:
    for number in range(520):
        put.variable(f"v{number:03}", SECRET)
    assert [each["id"] for each in entries(commands)] == [f"v{number:03}" for number in range(520)]


def test_columns_in_a_pipe(commands: Commands, put: Put) -> None:
    put.connection("my_db", URI, name="my-db")
    put.variable("v", f"{SECRET}\n", name="newline")
    done = commands.run("list")
    head, first, second = done.out.splitlines()
    assert head.split() == ["KIND", "ID", "SECRET", "FORMAT", "TYPE", "HOST", "AGE", "PROBLEMS"]
    assert first.split()[:4] == ["connection", "my_db", f"{commands.namespace}/my-db", "value"]
    assert first.split()[-1] == "-"
    assert second.split()[-1] == "trailing-newline"
    assert f"Secret {commands.namespace}/newline, key 'value': the value ends with a newline" in done.err
    # The columns of every line are aligned.
    assert head.index("SECRET") == first.index(commands.namespace) == second.index(commands.namespace)


def test_yaml(commands: Commands, put: Put) -> None:
    put.variable("v", SECRET)
    assert yaml.safe_load(commands.run("list", "-o", "yaml").out) == commands.run("list", "-o", "json").document


def test_no_entries(commands: Commands, cluster: Cluster) -> None:
    where = f"of the Kubernetes API at {cluster.host}:{cluster.port}."
    remedy = "This command cannot detect a misspelt label; 'doctor' and 'explain' can\n"
    done = commands.run("list")
    assert done.out == ""
    assert done.err == f"There are none in namespace {commands.namespace} {where} {remedy}"
    assert commands.run("list", "--output", "json").document == {"entries": [], "failures": [], "problems": []}

    del commands.kwargs["service_account_path"]
    commands.configure(
        namespace=[commands.namespace, "misspelt"], kubeconfig=str(cluster.kubeconfig(cluster.admin_token))
    )
    several = commands.run("list")
    nothing, missing, command = several.err.splitlines(keepends=True)
    assert nothing == f"There are none in namespaces {commands.namespace}, misspelt {where} {remedy}"
    assert missing.startswith("namespace 'misspelt' does not exist. Correct its name in --namespace or backend_kwargs")
    assert command.startswith("  kubectl ")
    assert command.endswith(" create namespace misspelt\n")


class TestReferences:
    def test_by_name(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        references = {"connections": {"x": "by-name", "gone": "not-there"}}
        account = cluster.service_account(
            commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["by-name", "not-there"]}
        )
        commands.configure(references=references, service_account_path=str(account.folder))
        put({"app": "x"}, URI, name="by-name")
        found = {each["id"]: each for each in entries(commands)}
        assert (found["x"]["secret"], found["x"]["answers"], found["x"]["problems"]) == ("by-name", True, [])
        assert [each["code"] for each in found["gone"]["problems"]] == ["missing-secret"]

    def test_reference_to_a_labelled_secret(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        account = cluster.service_account(
            commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["both"]}
        )
        commands.configure(references={"connections": {"x": "both"}}, service_account_path=str(account.folder))
        put.connection("x", URI, name="both")
        assert [(each["secret"], each["answers"], each["problems"]) for each in entries(commands)] == [
            ("both", True, [])
        ]

    def test_reference_outside_the_pattern(self, commands: Commands, cluster: Cluster, put: Put) -> None:
        account = cluster.service_account(
            commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["it"]}
        )
        references = {"connections": {"x": "it"}}
        commands.configure(
            references=references, connections_lookup_pattern="my_", service_account_path=str(account.folder)
        )
        put({"app": "x"}, URI, name="it")
        assert codes(commands, "it") == ["outside-pattern"]

    def test_reference_that_hides_a_labelled_secret(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        account = cluster.service_account(
            commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["by-name"]}
        )
        commands.configure(references={"connections": {"x": "by-name"}}, service_account_path=str(account.folder))
        put({"app": "x"}, URI, name="by-name")
        put.connection("x", URI, name="by-label")
        assert codes(commands, "by-label") == ["hidden"]


class TestTeams:
    def test_a_namespace_of_a_team(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        home = f"{commands.namespace}-data"
        account = cluster.service_account(commands.namespace, "both", {commands.namespace: ["list"], home: ["list"]})
        commands.configure(team_namespaces={"data": home}, service_account_path=str(account.folder))
        put.connection("x", URI, namespace=home)
        put.connection("x", URI)
        assert sorted((each["team"] or "", each["namespace"], each["answers"]) for each in entries(commands)) == [
            ("", commands.namespace, True),
            ("data", home, True),
        ]

    def test_one_namespace_of_two_teams(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        home = f"{commands.namespace}-both"
        account = cluster.service_account(commands.namespace, "both", {commands.namespace: ["list"], home: ["list"]})
        commands.configure(team_namespaces={"a": home, "b": home}, service_account_path=str(account.folder))
        put.connection("x", URI, namespace=home)
        assert [(each["team"], each["answers"]) for each in entries(commands)] == [("a", True), ("b", True)]


class TestOwners:
    @pytest.mark.parametrize(
        ("metadata", "owner"),
        [
            (
                {
                    "ownerReferences": [
                        {
                            "apiVersion": "external-secrets.io/v1",
                            "kind": "ExternalSecret",
                            "name": "my-db",
                            "uid": "1",
                            "controller": True,
                        }
                    ]
                },
                {"operator": "External Secrets Operator", "kind": "ExternalSecret", "name": "my-db"},
            ),
            ({"labels": {"cnpg.io/cluster": "app"}}, {"operator": "CloudNativePG", "kind": "", "name": ""}),
            (
                {"annotations": {"meta.helm.sh/release-name": "airflow"}},
                {"operator": "Helm", "kind": "", "name": ""},
            ),
        ],
    )
    def test_owner_of_a_secret(
        self, commands: Commands, cluster: Cluster, metadata: dict[str, Any], owner: dict[str, str]
    ) -> None:
        labels = {CONNECTION: "x", **metadata.get("labels", {})}
        cluster.apply(manifest(commands.namespace, "x", **{**metadata, "labels": labels}))
        assert entries(commands)[0]["owner"] == owner

    def test_owner_is_the_controller(self, commands: Commands, cluster: Cluster) -> None:
        """At most one owner is the controller, at any position in the list."""
        owners = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": "1"},
            {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "second", "uid": "2"},
            {
                "apiVersion": "external-secrets.io/v1",
                "kind": "ExternalSecret",
                "name": "third",
                "uid": "3",
                "controller": True,
            },
        ]
        cluster.apply(manifest(commands.namespace, "x", labels={CONNECTION: "x"}, ownerReferences=owners))

        expected = {"operator": "External Secrets Operator", "kind": "ExternalSecret", "name": "third"}
        assert entries(commands)[0]["owner"] == expected

    def test_first_owner_is_shown_without_a_controller(self, commands: Commands, cluster: Cluster) -> None:
        owners = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": "1"},
            {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "second", "uid": "2"},
        ]
        cluster.apply(manifest(commands.namespace, "x", labels={CONNECTION: "x"}, ownerReferences=owners))

        assert entries(commands)[0]["owner"] == {"operator": "ConfigMap", "kind": "ConfigMap", "name": "first"}
