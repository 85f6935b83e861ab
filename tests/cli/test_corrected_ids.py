"""Secrets whose label and annotation do not match: ``explain`` and ``list`` show the commands that correct them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.kubectl import needs_kubectl, run
from support.listing import entries
from support.secrets import CONNECTION, Put
from support.servers import on_the_devserver


def hints(commands: Commands, identifier: str) -> list[str]:
    """Return the hints of ``explain`` for a connection that no Secret provides."""
    done = commands.run("explain", "connection", identifier, "-o", "json", status=1)
    return [str(each) for each in done.document["hints"]]


def problem(commands: Commands, secret: str) -> str:
    """Return the text of the only problem that ``list`` reports of a Secret."""
    [text] = [each["text"] for entry in entries(commands) if entry["secret"] == secret for each in entry["problems"]]
    return str(text)


def commands_in(text: str) -> list[str]:
    return [each.strip() for each in text.split("\n")[1:]]


class TestWithoutTheAnnotation:
    @needs_kubectl
    def test_explain(self, cluster: Cluster, commands: Commands, put: Put, tmp_path: Path) -> None:
        put.connection(label_value("team/x y"), URI, name="it")

        [hint] = hints(commands, "team/x y")

        command = f"kubectl annotate secret -n {commands.namespace} it '{CONNECTION}=team/x y'"
        expected = (
            f"If Secret {commands.namespace}/it is meant, set the annotation {CONNECTION!r} to this id:\n  {command}"
        )
        assert hint == expected
        run(command, cluster, tmp_path)
        commands.run("explain", "connection", "team/x y")

    def test_list(self, commands: Commands, put: Put) -> None:
        put.connection(label_value("team/x y"), URI, name="it")
        text = problem(commands, "it")
        assert text.endswith(f". Add it:\n  kubectl annotate secret -n {commands.namespace} it {CONNECTION}=ID")
        assert text in commands.run("list", "--problems").err


@needs_kubectl
class TestWithAnotherId:
    @pytest.mark.parametrize("identifier", ["x", "x y"])
    def test_the_annotation_is_wrong(
        self, cluster: Cluster, commands: Commands, put: Put, identifier: str, tmp_path: Path
    ) -> None:
        put.connection(label_value(identifier), URI, name="it", annotations={CONNECTION: "other id"})

        [hint] = hints(commands, identifier)

        [command] = commands_in(hint)
        assert command.startswith(f"kubectl annotate secret -n {commands.namespace} it ")
        run(command, cluster, tmp_path)
        commands.run("explain", "connection", identifier)

    def test_the_label_is_wrong(self, cluster: Cluster, commands: Commands, put: Put, tmp_path: Path) -> None:
        put.connection("x", URI, name="it", annotations={CONNECTION: "other id"})

        [of_explain] = commands_in(hints(commands, "other id")[0])
        [of_list] = commands_in(problem(commands, "it"))

        assert of_explain == of_list
        run(of_list, cluster, tmp_path)
        commands.run("explain", "connection", "other id")


def test_an_owner_would_undo_the_command(cluster: Cluster, commands: Commands, put: Put) -> None:
    account = cluster.service_account(
        commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["by-name"]}
    )
    commands.configure(service_account_path=str(account.folder))
    owned = {"reconcile.external-secrets.io/managed": "true"}
    put({**owned, CONNECTION: label_value("a b")}, URI, name="without")
    put({**owned, CONNECTION: "x"}, URI, name="another", annotations={CONNECTION: "other id"})
    put(owned, URI, name="by-name")
    found = [problem(commands, "without"), problem(commands, "another")]
    found += [hints(commands, each)[0] for each in ("a b", "x", "other id", "by_name")]
    assert [each for each in found if "would undo a change of it, so " not in each or "kubectl" in each] == []


@on_the_devserver
def test_no_command_changes_a_folder(commands: Commands, tmp_path: Path) -> None:
    both = {"name": "it", "labels": {CONNECTION: "x"}, "annotations": {CONNECTION: "other id"}}
    misspelt = {"name": "misspelt", "labels": {"airflow.apache.org/conection-id": "my_db"}}
    for metadata in (both, misspelt, {"name": "by-name"}):
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": URI}}
        (tmp_path / f"{metadata['name']}.yaml").write_text(yaml.safe_dump(manifest))
    commands.kwargs.clear()
    commands.configure(path=str(tmp_path))
    found = [problem(commands, "it"), *(hints(commands, each)[0] for each in ("x", "other id", "my_db", "by-name"))]
    assert [each for each in found if "kubectl" in each or CONNECTION not in each or SECRET in each] == []
