"""``list``: every kind of entry and of problem, on both servers and in a folder."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
import yaml

from support.cluster import Cluster
from support.commands import SECRET, Commands
from support.secrets import CONFIG, CONNECTION, TEAM, VARIABLE, Put

URI = f"postgres://u:{SECRET}@db.example.com:5432/app"


def manifest(namespace: str, name: str, **metadata: Any) -> dict[str, Any]:
    """A Secret with a connection in it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "data": {"value": b64encode(URI.encode()).decode()},
    }


def entries(commands: Commands, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = commands.run("list", *arguments, "--output", "json", status=status).document[
        "entries"
    ]
    return found


def codes(commands: Commands, secret: str) -> list[str]:
    """The problems of the entries of one Secret."""
    return [each["code"] for entry in entries(commands) if entry["secret"] == secret for each in entry["problems"]]


def test_all_there_is(commands: Commands, put: Put) -> None:
    put.connection("my_db", URI, name="my-db")
    put.connection("my_db", f"mysql://u:{SECRET}@mysql/x", team="data", name="their-db")
    put.variable("greeting", SECRET, name="greeting")
    put.config("fernet-key", SECRET, name="fernet")
    put({CONNECTION: "parts"}, name="parts", data={"host": "parts.example.com", "password": SECRET, "type": "mysql"})
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
    assert head.split() == ["KIND", "ID", "SECRET", "SHAPE", "TYPE", "HOST", "AGE", "PROBLEMS"]
    assert first.split()[:4] == ["connection", "my_db", f"{commands.namespace}/my-db", "value"]
    assert first.split()[-1] == "-"
    assert second.split()[-1] == "trailing-newline"
    assert f"Secret {commands.namespace}/newline, key 'value': the value ends with a newline" in done.err
    # Every line has its columns at the same place.
    assert head.index("SECRET") == first.index(commands.namespace) == second.index(commands.namespace)


def test_yaml(commands: Commands, put: Put) -> None:
    put.variable("v", SECRET)
    assert yaml.safe_load(commands.run("list", "-o", "yaml").out) == commands.run("list", "-o", "json").document


def test_nothing(commands: Commands) -> None:
    done = commands.run("list")
    assert done.out == ""
    assert done.err == "There is none. A misspelt label is not seen here: 'check' finds it, in manifests\n"
    assert commands.run("list", "--output", "json").document == {"entries": [], "failures": []}


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
            (json.dumps({"conn_type": "http", "user": SECRET}), "unreadable"),
            (json.dumps({"conn_type": "http", "port": f"8{SECRET}"}), "unreadable"),
            (f"postgres://u:{SECRET}/x@host/db", "unreadable"),
            (f"postgres://u:1/{SECRET}@host/db", "unescaped-uri"),
        ],
    )
    def test_a_connection(self, commands: Commands, put: Put, value: str | bytes, code: str) -> None:
        put.connection("x", value, name="x")
        assert codes(commands, "x") == [code]
        entry = entries(commands)[0]
        assert entry["answers"] is (code != "unreadable")
        # Of one that is taken apart at the wrong place, the host can be a part of the password.
        assert entry["host"] == ""

    def test_a_host_with_a_password_in_it(self, commands: Commands, put: Put) -> None:
        put.connection("x", json.dumps({"conn_type": "http", "host": f"https://u:{SECRET}@host"}), name="x")
        assert (entries(commands)[0]["conn_type"], entries(commands)[0]["host"]) == ("http", "")

    def test_no_key_and_no_fields(self, commands: Commands, put: Put) -> None:
        put({CONNECTION: "x"}, name="x", data={"token": SECRET})
        assert codes(commands, "x") == ["unreadable"]

    @pytest.mark.parametrize("label", [VARIABLE, CONFIG])
    def test_no_key_where_one_is_needed(self, commands: Commands, put: Put, label: str) -> None:
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
        put({CONNECTION: "x"}, name="fields", data={"type": "mysql", "host": "h\n", "password": f"{SECRET}\n"})
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

    def test_misspelt_marks(self, commands: Commands, cluster: Cluster) -> None:
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
        cluster.admin.delete(path)
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

    def test_blocked_by_another_that_cannot_be_read(self, commands: Commands, cluster: Cluster, put: Put) -> None:
        """A team's Secret that cannot be read is an error, and nothing stands in for it."""
        home = f"{commands.namespace}-data"
        account = cluster.service_account(commands.namespace, "both", {commands.namespace: ["list"], home: ["list"]})
        commands.configure(team_namespaces={"data": home}, service_account_path=str(account.folder))
        put({CONNECTION: "x", TEAM: "data"}, name="bad", data={"nothing": SECRET}, namespace=home)
        put.connection("x", URI, team="data", name="good")
        assert codes(commands, "bad") == ["unreadable"]
        assert codes(commands, "good") == ["blocked"]
        put({CONNECTION: "x", TEAM: "data"}, name="good", data={"nothing": SECRET})
        assert codes(commands, "good") == ["blocked", "unreadable"]

    def test_a_namespace_that_may_not_be_listed_hides_nothing(self, commands: Commands, put: Put) -> None:
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

    def test_an_id_that_is_never_asked_for(self, commands: Commands, cluster: Cluster) -> None:
        from airflow_kubernetes_secrets.identifiers import label_value

        uri = "sqlite:////tmp/x.db"
        metadata = {"labels": {CONFIG: label_value(uri)}, "annotations": {CONFIG: uri}}
        cluster.apply(manifest(commands.namespace, "x", **metadata))
        assert codes(commands, "x") == ["not-looked-up"]

    def test_an_option_of_a_team(self, commands: Commands, put: Put) -> None:
        put({CONFIG: "x", TEAM: "data"}, SECRET, name="x")
        assert codes(commands, "x") == ["not-looked-up"]


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

    def test_one_that_has_the_label_too(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        account = cluster.service_account(
            commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["both"]}
        )
        commands.configure(references={"connections": {"x": "both"}}, service_account_path=str(account.folder))
        put.connection("x", URI, name="both")
        assert [(each["secret"], each["answers"], each["problems"]) for each in entries(commands)] == [
            ("both", True, [])
        ]

    def test_one_outside_the_pattern(self, commands: Commands, cluster: Cluster, put: Put) -> None:
        account = cluster.service_account(
            commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["it"]}
        )
        references = {"connections": {"x": "it"}}
        commands.configure(
            references=references, connections_lookup_pattern="my_", service_account_path=str(account.folder)
        )
        put({"app": "x"}, URI, name="it")
        assert codes(commands, "it") == ["outside-pattern"]

    def test_one_that_hides_a_label(self, cluster: Cluster, commands: Commands, put: Put) -> None:
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
    def test_who_keeps_it(
        self, commands: Commands, cluster: Cluster, metadata: dict[str, Any], owner: dict[str, str]
    ) -> None:
        labels = {CONNECTION: "x", **metadata.get("labels", {})}
        cluster.apply(manifest(commands.namespace, "x", **{**metadata, "labels": labels}))
        assert entries(commands)[0]["owner"] == owner

    def test_of_several_the_one_that_would_undo_a_change(self, commands: Commands, cluster: Cluster) -> None:
        """At most one owner is the controller, wherever it is in the list."""
        owners = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": "1"},
            {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "second", "uid": "2"},
            {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "third", "uid": "3"},
        ]
        owners[2]["controller"] = True  # type: ignore[assignment]  # another type on purpose
        cluster.apply(manifest(commands.namespace, "x", labels={CONNECTION: "x"}, ownerReferences=owners))

        expected = {"operator": "External Secrets Operator", "kind": "ExternalSecret", "name": "third"}
        assert entries(commands)[0]["owner"] == expected

    def test_of_several_without_a_controller_the_first(self, commands: Commands, cluster: Cluster) -> None:
        owners = [
            {"apiVersion": "v1", "kind": "ConfigMap", "name": "first", "uid": "1"},
            {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "second", "uid": "2"},
        ]
        cluster.apply(manifest(commands.namespace, "x", labels={CONNECTION: "x"}, ownerReferences=owners))

        assert entries(commands)[0]["owner"] == {"operator": "ConfigMap", "kind": "ConfigMap", "name": "first"}


class TestWhatCannotBeListed:
    def test_one_namespace_of_two(self, commands: Commands, put: Put) -> None:
        other = f"{commands.namespace}-secret"
        commands.configure(namespace=[commands.namespace, other])
        put.connection("x", URI)
        done = commands.run("list", "-o", "json", status=1)
        assert [each["id"] for each in done.document["entries"]] == ["x"]
        assert f"may not list secrets in namespace {other!r}" in done.document["failures"][0]
        assert "kubectl create role" in done.err

    def test_none(self, commands: Commands) -> None:
        commands.configure(namespace="kube-system")
        done = commands.run("list", status=2)
        assert done.err.startswith("airflow-kubernetes-secrets list: the service account 'airflow'")
        assert done.out == ""

    def test_as_somebody_else(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        put.connection("x", URI)
        kubeconfig = str(cluster.kubeconfig(cluster.admin_token))
        me = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
        there = ("--kubeconfig", kubeconfig, "--namespace", commands.namespace)
        assert [each["id"] for each in entries(commands, *there, "--as", me)] == ["x"]
        refused = commands.run("list", *there, "--as", "somebody", status=2)
        assert "the user 'somebody' may not list secrets" in refused.err

    def test_who_may_not_act_for_others(self, commands: Commands) -> None:
        done = commands.run("list", "--as", "somebody", status=2)
        assert "may not act as 'somebody'" in done.err
        assert "--verb=impersonate --resource=users --resource-name=somebody" in done.err


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
class TestConfiguration:
    def test_a_folder(self, commands: Commands, tmp_path: Any) -> None:
        document = manifest("airflow", "x", labels={CONNECTION: "x"})
        (tmp_path / "x.yaml").write_text(yaml.safe_dump(document))
        commands.kwargs.clear()
        commands.configure(path=str(tmp_path))
        assert [(each["id"], each["host"]) for each in entries(commands)] == [("x", "db.example.com")]

    def test_other_labels(self, commands: Commands, put: Put) -> None:
        commands.configure(connections_label="example.com/c", variables_label=None)
        put({"example.com/c": "x"}, URI)
        put({VARIABLE: "y"}, SECRET)
        put({CONFIG: "z"}, SECRET)
        assert [each["id"] for each in entries(commands)] == ["z", "x"]

    def test_an_unknown_option(self, commands: Commands) -> None:
        commands.configure(namespce="x")
        assert "there is no option 'namespce'; did you mean 'namespace'?" in commands.run("list", status=2).err

    def test_no_backend(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI)
        commands.set("AIRFLOW__SECRETS__BACKEND", None)
        done = commands.run("list", "-o", "json")
        assert done.err.startswith("error: [secrets] backend is not set")
        assert [each["id"] for each in done.document["entries"]] == ["x"]

    def test_broken_manifests(self, commands: Commands, tmp_path: Any) -> None:
        (tmp_path / "broken.yaml").write_text(f"a: [{SECRET}\n")
        odd = manifest("airflow", "x", labels={CONNECTION: "x"}, creationTimestamp="yesterday")
        (tmp_path / "odd.yaml").write_text(yaml.safe_dump(odd))
        naive = manifest("airflow", "z", labels={CONNECTION: "z"}, creationTimestamp="2024-01-01T00:00:00")
        (tmp_path / "naive.yaml").write_text(yaml.safe_dump(naive))
        commands.kwargs.clear()
        commands.configure(path=str(tmp_path))
        done = commands.run("list", status=1)
        assert "broken.yaml" in done.err
        assert [line.split()[:2] for line in done.out.splitlines()[1:]] == [["connection", "x"], ["connection", "z"]]
        assert "nobody is asked where the folder" in commands.run("list", "--as", "somebody", status=2).err
        assert "broken.yaml" in commands.run("explain", "connection", "nope", status=1).out

    def test_teams_have_namespaces_for_connections_and_variables_alone(self, commands: Commands, put: Put) -> None:
        """Nobody asks for a team's options, so nobody may have to."""
        put.config("x", SECRET)
        commands.configure(connections_label=None, variables_label=None, team_namespaces={"data": "not-mine"})
        assert [each["id"] for each in entries(commands)] == ["x"]

    def test_an_id_that_is_a_uri_with_a_password(self, commands: Commands, cluster: Cluster) -> None:
        from airflow_kubernetes_secrets.identifiers import label_value

        uri = f"http://u:{SECRET}@host/x"
        metadata = {"labels": {VARIABLE: label_value(uri)}, "annotations": {VARIABLE: uri}}
        cluster.apply(manifest(commands.namespace, "x", **metadata))
        assert entries(commands)[0]["id"] == "(a URI)"
        for output in ("plain", "table", "yaml"):
            assert "(a URI)" in commands.run("list", "-o", output).out

    def test_hostile_ids(self, commands: Commands, cluster: Cluster) -> None:
        """An annotation may hold what a terminal obeys, or rich takes for markup."""
        hostile = "\x1b[31mred\n[bold]x[/bold] :smile:"
        from airflow_kubernetes_secrets.identifiers import label_value

        labels, annotations = {CONNECTION: label_value(hostile)}, {CONNECTION: hostile}
        cluster.apply(manifest(commands.namespace, "x", labels=labels, annotations=annotations))
        assert entries(commands)[0]["id"] == hostile
        for output in ("plain", "table"):
            printed = commands.run("list", "-o", output).out
            assert "\x1b" not in printed
            assert "\\x1b[31mred\\n[bold]x[/bold] :smile:" in printed.replace("\n", "")


def test_a_type_that_no_provider_knows(commands: Commands, put: Put) -> None:
    put.connection("driver", f"postgresql+psycopg2://u:{SECRET}@db/app", name="driver")
    put({CONNECTION: "nothing"}, name="nothing", data={"host": "db", "username": "u", "password": SECRET})
    put({CONNECTION: "type"}, name="type", data={"host": "db", "password": SECRET, "type": "postgresql"})

    assert codes(commands, "driver") == ["unknown-type"]
    assert codes(commands, "nothing") == ["unknown-type"]
    assert codes(commands, "type") == []
    story = commands.run("explain", "connection", "driver", "--output", "json").document
    assert [(each["code"], each["severity"]) for each in story["problems"]] == [("unknown-type", "warning")]
    assert "to 'postgres', or install its provider" in story["problems"][0]["text"]


def test_what_a_hook_makes_of_it(commands: Commands, put: Put) -> None:
    put.connection("api", f"https://u:{SECRET}@api.example.com:8443/v1", name="api")
    put({CONNECTION: "api2"}, name="api2", data={"uri": f"https://u:{SECRET}@api.example.com:8443/v1"})

    assert codes(commands, "api") == ["hook-misreads", "unknown-type"]
    assert codes(commands, "api2") == []
    found = commands.run("explain", "connection", "api").out
    assert "Or store the URI under the key 'uri' instead of 'value'" in found
