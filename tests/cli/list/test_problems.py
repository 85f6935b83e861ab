"""``list`` shows each problem of an entry, on both servers."""

from __future__ import annotations

import json

import pytest

from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.listing import codes, entries, manifest
from support.secrets import BUNDLE, CONFIG, CONNECTION, TEAM, VARIABLE, Put


class TestProblems:
    def test_a_younger_duplicate(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, name="a")
        put.connection("x", URI, name="b")
        found = {each["secret"]: each for each in entries(commands)}
        assert (found["a"]["answers"], found["b"]["answers"]) == (True, False)
        assert codes(commands, "a") == []
        assert codes(commands, "b") == ["duplicate-id"]
        assert f"Secret {commands.namespace}/a has the same id" in found["b"]["problems"][0]["text"]

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (b"\xff" + SECRET.encode(), "unreadable"),
            (SECRET, "unreadable"),
            (json.dumps({"conn_type": "http", "users": SECRET}), "unreadable"),
            (json.dumps({"conn_type": "http", "port": f"8{SECRET}"}), "unreadable"),
            (f"postgres://u:{SECRET}/x@host/db", "unreadable"),
            (f"postgres://u:1/{SECRET}@host/db", "unescaped-uri"),
        ],
    )
    def test_invalid_connection_values(self, commands: Commands, put: Put, value: str | bytes, code: str) -> None:
        put.connection("x", value, name="x")
        assert codes(commands, "x") == [code]
        entry = entries(commands)[0]
        assert entry["answers"] is (code != "unreadable")
        # If the URI is split at the wrong place, the host can contain a part of the password.
        assert entry["host"] == ""

    def test_a_host_with_a_password_in_it(self, commands: Commands, put: Put) -> None:
        put.connection("x", json.dumps({"conn_type": "http", "host": f"https://u:{SECRET}@host"}), name="x")
        assert (entries(commands)[0]["conn_type"], entries(commands)[0]["host"]) == ("http", "")

    def test_no_key_and_no_fields(self, commands: Commands, put: Put) -> None:
        put({CONNECTION: "x"}, name="x", data={"token": SECRET})
        assert codes(commands, "x") == ["unreadable"]

    @pytest.mark.parametrize("label", [VARIABLE, CONFIG])
    def test_missing_data_key(self, commands: Commands, put: Put, label: str) -> None:
        put({label: "x"}, name="s", data={"another": SECRET})
        [entry] = entries(commands)
        assert not entry["answers"]
        assert [each["code"] for each in entry["problems"]] == ["unreadable"]
        assert "there is no such key in its data" in entry["problems"][0]["text"]

    def test_a_blank_option(self, commands: Commands, put: Put) -> None:
        put.config("x", " \n", name="x")
        assert codes(commands, "x") == ["unreadable"]

    def test_newlines(self, commands: Commands, put: Put) -> None:
        put.variable("x", f"{SECRET}\n", name="variable")
        fields = {"type": "mysql", "host": "h\n", "login": "u", "password": f"{SECRET}\n"}
        put({CONNECTION: "x"}, name="fields", data=fields)
        put.connection("y", f"{URI}\n", name="uri")
        put.config("x", f"{SECRET}\n", name="option")
        assert codes(commands, "variable") == codes(commands, "fields") == ["trailing-newline"]
        assert codes(commands, "uri") == codes(commands, "option") == []

    def test_annotations_of_ids(self, commands: Commands, cluster: Cluster) -> None:
        namespace, hashed = commands.namespace, "a-b.3b64db95cb55c763391c707108489ae18b4112d7"
        cluster.apply(manifest(namespace, "mismatch", labels={CONNECTION: "x"}, annotations={CONNECTION: "y z"}))
        cluster.apply(manifest(namespace, "missing", labels={CONNECTION: hashed}))
        assert codes(commands, "mismatch") == ["id-label-mismatch"]
        assert codes(commands, "missing") == ["missing-id-annotation"]

    def test_misspelt_labels_and_annotations(self, commands: Commands, cluster: Cluster) -> None:
        labels = {CONNECTION: "x", "airflow.apache.org/variable-kay": "x"}
        annotations = {"airflow.apache.org/conection-type": "mysql"}
        cluster.apply(manifest(commands.namespace, "x", labels=labels, annotations=annotations))
        assert codes(commands, "x") == ["unknown-label", "unknown-annotation"]

    def test_outside_the_pattern(self, commands: Commands, put: Put) -> None:
        commands.configure(connections_lookup_pattern="my_")
        put.connection("x", URI, name="x")
        assert codes(commands, "x") == ["outside-pattern"]

    def test_being_deleted(self, commands: Commands, cluster: Cluster) -> None:
        path = f"/api/v1/namespaces/{commands.namespace}/secrets/x"
        cluster.apply(manifest(commands.namespace, "x", labels={CONNECTION: "x"}, finalizers=["example.com/wait"]))
        cluster.delete(path)
        assert codes(commands, "x") == ["being-deleted"]
        merge = {"Content-Type": "application/merge-patch+json"}
        cluster.admin.patch(path, content='{"metadata": {"finalizers": null}}', headers=merge)

    def test_hidden_by_an_earlier_namespace(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        other = f"{commands.namespace}-other"
        account = cluster.service_account(commands.namespace, "both", {commands.namespace: ["list"], other: ["list"]})
        commands.configure(namespace=[commands.namespace, other], service_account_path=str(account.folder))
        put.connection("x", URI, name="first")
        put.connection("x", URI, name="second", namespace=other)
        assert codes(commands, "second") == ["hidden"]

    def test_entry_blocked_by_an_unreadable_secret(self, commands: Commands, cluster: Cluster, put: Put) -> None:
        """A team's Secret that cannot be read is an error, and no other Secret replaces it."""
        home = f"{commands.namespace}-data"
        account = cluster.service_account(commands.namespace, "both", {commands.namespace: ["list"], home: ["list"]})
        commands.configure(team_namespaces={"data": home}, service_account_path=str(account.folder))
        put({CONNECTION: "x", TEAM: "data"}, name="bad", data={"nothing": SECRET}, namespace=home)
        put.connection("x", URI, team="data", name="good")
        assert codes(commands, "bad") == ["unreadable"]
        assert codes(commands, "good") == ["blocked"]
        put({CONNECTION: "x", TEAM: "data"}, name="good", data={"nothing": SECRET})
        assert codes(commands, "good") == ["blocked", "unreadable"]

    def test_entry_blocked_by_a_namespace_that_cannot_be_listed(self, commands: Commands, put: Put) -> None:
        commands.configure(namespace=["kube-system", commands.namespace])
        put({CONNECTION: "x"}, name="bad", data={"nothing": SECRET})
        listed = commands.run("list", "-o", "json", status=1).document
        [entry] = listed["entries"]
        assert [each["code"] for each in entry["problems"]] == ["blocked", "unreadable"]

    def test_problems_name_the_id(self, commands: Commands, put: Put) -> None:
        put({CONNECTION: "my_db"}, name="bad", data={"nothing": SECRET})
        for command, status in (("list", 0), ("doctor", 1)):
            done = commands.run(command, status=status)
            assert f"connection 'my_db': Secret {commands.namespace}/bad" in done.out + done.err

    def test_an_id_that_is_never_looked_up(self, commands: Commands, cluster: Cluster) -> None:
        from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value

        uri = "sqlite:////tmp/x.db"
        metadata = {"labels": {CONFIG: label_value(uri)}, "annotations": {CONFIG: uri}}
        cluster.apply(manifest(commands.namespace, "x", **metadata))
        assert codes(commands, "x") == ["not-looked-up"]

    @pytest.mark.parametrize("labels", [{CONNECTION: "x"}, {CONFIG: "x"}, {BUNDLE: "connections"}, {BUNDLE: "config"}])
    def test_a_team_label_that_is_empty(self, commands: Commands, put: Put, labels: dict[str, str]) -> None:
        """``list`` and ``doctor`` report the same problem as ``explain``, even if another Secret is used."""
        commands.configure(bundles=True)
        put.connection("x", "fs://", name="used")
        put({**labels, TEAM: ""}, name="mine", data={"value" if BUNDLE not in labels else "x": "fs://"})
        text = f"Secret {commands.namespace}/mine: its label {TEAM} is empty, so no lookup finds it. Write the team"
        assert codes(commands, "mine") == ["not-looked-up"]
        assert text in commands.run("list").err
        assert text in commands.run("doctor").out

    def test_an_option_of_a_team(self, commands: Commands, put: Put) -> None:
        put({CONFIG: "x", TEAM: "data"}, SECRET, name="x")
        assert codes(commands, "x") == ["not-looked-up"]


def test_missing_or_unknown_connection_type(commands: Commands, put: Put) -> None:
    put.connection("driver", f"postgresql+psycopg2://u:{SECRET}@db/app", name="driver")
    put({CONNECTION: "nothing"}, name="nothing", data={"host": "db", "username": "u", "password": SECRET})
    put({CONNECTION: "type"}, name="type", data={"host": "db", "login": "u", "password": SECRET, "type": "postgresql"})

    assert codes(commands, "driver") == ["unknown-type"]
    assert codes(commands, "nothing") == ["unknown-type"]
    assert codes(commands, "type") == []
    explanation = commands.run("explain", "connection", "driver", "--output", "json").document
    assert [(each["code"], each["severity"]) for each in explanation["problems"]] == [("unknown-type", "warning")]
    assert "to 'postgres', or install its provider" in explanation["problems"][0]["text"]


def test_uri_that_a_hook_misreads(commands: Commands, put: Put) -> None:
    put.connection("api", f"https://u:{SECRET}@api.example.com:8443/v1", name="api")
    put({CONNECTION: "api2"}, name="api2", data={"uri": f"https://u:{SECRET}@api.example.com:8443/v1"})

    assert codes(commands, "api") == ["hook-misreads", "unknown-type"]
    assert codes(commands, "api2") == []
    found = commands.run("explain", "connection", "api").out
    assert "Or store the URI under the key 'uri' instead of 'value'" in found
