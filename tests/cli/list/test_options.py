"""``list`` with each option for the source, and without permissions."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.listing import entries, manifest
from support.secrets import CONFIG, CONNECTION, VARIABLE, Put


@pytest.mark.slow
class TestAccess:
    def test_one_of_two_namespaces_cannot_be_listed(self, commands: Commands, put: Put) -> None:
        other = f"{commands.namespace}-secret"
        commands.configure(namespace=[commands.namespace, other])
        put.connection("x", URI)
        done = commands.run("list", "-o", "json", status=1)
        assert [each["id"] for each in done.document["entries"]] == ["x"]
        assert f"may not list secrets in namespace {other!r}" in done.document["failures"][0]
        assert "kubectl create role" in done.err

    def test_no_namespace_can_be_listed(self, commands: Commands) -> None:
        commands.configure(namespace="kube-system")
        done = commands.run("list", status=2)
        assert done.err.startswith("airflow-kubernetes-secrets list: the service account 'airflow'")
        assert done.out == ""

    def test_several_namespaces_cannot_be_listed(self, commands: Commands) -> None:
        """Each command can be copied, because nothing follows it in its line."""
        commands.configure(namespace=["kube-system", "kube-public"])
        lines = commands.run("list", status=2).err.splitlines()
        bindings = [line for line in lines if line.startswith("  kubectl create rolebinding ")]
        account = f"--serviceaccount={commands.namespace}:airflow"
        assert [line.rpartition(" ")[2] for line in bindings] == [account, account]
        assert sum("may not list secrets in namespace" in line for line in lines) == 2

    def test_impersonation(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        put.connection("x", URI)
        kubeconfig = str(cluster.kubeconfig(cluster.admin_token))
        me = f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
        there = ("--kubeconfig", kubeconfig, "--namespace", commands.namespace)
        assert [each["id"] for each in entries(commands, *there, "--as", me)] == ["x"]
        refused = commands.run("list", *there, "--as", "somebody", status=2)
        assert "the user 'somebody' may not list secrets" in refused.err

    def test_suggested_commands_use_the_given_kubeconfig(self, cluster: Cluster, commands: Commands) -> None:
        """Another cluster may be the default of kubectl, and must not get these roles."""
        kubeconfig = str(cluster.kubeconfig(cluster.admin_token))
        there = ("--kubeconfig", kubeconfig, "--namespace", commands.namespace)
        for user in ("somebody", "system:serviceaccount:kube-system:default"):
            err = commands.run("list", *there, "--as", user, status=2).err
            grants = [line for line in err.splitlines() if line.startswith("  ")]
            assert len(grants) == 2
            assert "".join(grants).count("kubectl") == "".join(grants).count(f"kubectl --kubeconfig={kubeconfig} ") == 3
            doctor = commands.run("doctor", *there, "--as", user, status=1).out
            assert grants[0].strip() in doctor
        kubeconfig = str(cluster.kubeconfig(commands.account.token))
        err = commands.run("list", "--kubeconfig", kubeconfig, "--as", "somebody", status=2).err
        assert "may not act as 'somebody'" in err
        assert err.count("  kubectl ") == err.count(f"  kubectl --kubeconfig={kubeconfig} create ") == 2

    def test_a_team_that_is_misspelt(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, team="blue")
        assert "Did you mean 'blue'?" in commands.run("list", "--team", "Blue").err
        assert "Did you mean" not in commands.run("list", "--team", "blue").err

    def test_a_namespace_that_does_not_exist(self, cluster: Cluster, commands: Commands) -> None:
        """The API server returns an empty list for it. Only a user who may get the namespace learns the reason."""
        there = ("--kubeconfig", str(cluster.kubeconfig(cluster.admin_token)), "--namespace", "airflow-secret")
        missing = "namespace 'airflow-secret' does not exist"
        assert missing in commands.run("list", *there).err
        assert missing in commands.run("explain", "connection", "x", *there, status=1).out
        findings = commands.run("doctor", *there, "-o", "json", status=1).document["findings"]
        assert [each["code"] for each in findings if each["status"] == "error"] == ["no-namespace"]

    def test_missing_permission_to_impersonate(self, commands: Commands) -> None:
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

    @pytest.mark.parametrize(
        ("created", "names", "why"),
        [
            (("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"), ("b", "a"), "is older"),
            (("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), ("a", "b"), "comes first by name"),
        ],
    )
    def test_the_reason_why_another_takes_precedence(
        self, commands: Commands, tmp_path: Any, created: tuple[str, str], names: tuple[str, str], why: str
    ) -> None:
        for time, name in zip(created, names, strict=True):
            metadata = {"name": name, "creationTimestamp": time, "labels": {CONNECTION: "x"}}
            document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": URI}}
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(document))
        commands.configure(path=str(tmp_path))
        [problem] = [each for entry in entries(commands) for each in entry["problems"]]
        assert f"{names[0]} has the same id, and {why}, so that one is used" in problem["text"]

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
        assert (
            "is read, so there is no API server to impersonate a user on"
            in commands.run("list", "--as", "somebody", status=2).err
        )
        assert "broken.yaml" in commands.run("explain", "connection", "nope", status=1).out

    def test_team_namespaces_are_not_listed_for_options(self, commands: Commands, put: Put) -> None:
        """A team's options are never looked up, so no permission for them is needed."""
        put.config("x", SECRET)
        commands.configure(connections_label=None, variables_label=None, team_namespaces={"data": "not-mine"})
        assert [each["id"] for each in entries(commands)] == ["x"]

    def test_an_id_that_is_a_uri_with_a_password(self, commands: Commands, cluster: Cluster) -> None:
        from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value

        uri = f"http://u:{SECRET}@host/x"
        metadata = {"labels": {VARIABLE: label_value(uri)}, "annotations": {VARIABLE: uri}}
        cluster.apply(manifest(commands.namespace, "x", **metadata))
        assert entries(commands)[0]["id"] == "(a URI)"
        for output in ("plain", "table", "yaml"):
            assert "(a URI)" in commands.run("list", "-o", output).out

    def test_hostile_ids(self, commands: Commands, cluster: Cluster) -> None:
        """An annotation may contain control sequences of a terminal, or markup of rich."""
        hostile = "\x1b[31mred\n[bold]x[/bold] :smile:"
        from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value

        labels, annotations = {CONNECTION: label_value(hostile)}, {CONNECTION: hostile}
        cluster.apply(manifest(commands.namespace, "x", labels=labels, annotations=annotations))
        assert entries(commands)[0]["id"] == hostile
        for output in ("plain", "table"):
            printed = commands.run("list", "-o", output).out
            assert "\x1b" not in printed
            assert "\\x1b[31mred\\n[bold]x[/bold] :smile:" in printed.replace("\n", "")
