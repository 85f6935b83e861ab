"""``put`` and the API server: permissions, dry runs, and manifests without a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from support.airflow import BACKEND
from support.cluster import Cluster, checked
from support.commands import SECRET, Commands, Done
from support.put_command import UGLY, PutCommand
from support.secrets import VARIABLE
from support.servers import on_the_devserver
from support.standard_input import on_standard_input


def test_required_permissions_and_each_missing_one(put: PutCommand) -> None:
    verbs = ["list", "get", "create", "patch"]
    for missing in (None, "patch", "create", "get", "list"):
        granted = [verb for verb in verbs if verb != missing]
        account = put.cluster.service_account(
            put.namespace, f"writer-without-{missing or 'none'}", {put.namespace: granted}
        )
        put.kubeconfig = str(put.cluster.kubeconfig(account.token, put.namespace))
        put.configure()

        done = put("variable", f"key-{missing}", "--value", "-", stdin=SECRET)

        assert done.status == (0 if missing is None else 2), done.err
        # A kube-apiserver reports `patch` if `create` is missing.
        refused = "patch" if missing == "create" else missing
        if missing is not None:
            assert f"may not {refused} secrets in namespace '{put.namespace}'. Grant it:" in done.err
            # The first remedy grants all four verbs, and only to the account that writes.
            assert f"{put.kubectl} create role airflow-kubernetes-secrets-writer " in done.err
            assert "--verb=list,get,create,patch --resource=secrets --dry-run" in done.err
    assert len(put.names()) == 1


def test_write_with_your_own_kubeconfig(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = Commands(
        cluster.service_account(namespace, "airflow", {namespace: ["list"]}), cluster, monkeypatch, capsys
    )
    admin = str(cluster.kubeconfig(cluster.admin_token))
    for own, status in (((), 2), (("--kubeconfig", admin), 0)):
        on_standard_input(monkeypatch, SECRET)
        arguments = ["put", "variable", "key", "--value", "-", "--namespace", namespace, *own]
        if "--kubeconfig" in own:
            del commands.kwargs["service_account_path"]
            commands.configure()
        err = commands.run(*arguments, status=status).err
        assert ("To write with your own account instead, add --kubeconfig" in err) is (status == 2)


def test_an_immutable_secret(put: PutCommand) -> None:
    path = f"/api/v1/namespaces/{put.namespace}/secrets"
    metadata = {"name": "fixed", "labels": {VARIABLE: "key"}}
    checked(put.cluster.admin.post(path, json={"metadata": metadata, "data": {"value": "b2xk"}, "immutable": True}))

    done = put("variable", "key", "--value", "-", "--force", stdin=SECRET)

    assert done.status == 1
    assert f"Delete it first:\n  {put.kubectl} delete secret -n {put.namespace} fixed" in done.err


def test_a_namespace_that_does_not_exist(put: PutCommand) -> None:
    done = put("variable", "key", "-n", f"{put.namespace}-none", "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert f"{put.kubectl} create namespace {put.namespace}-none" in done.err


def test_a_dry_run_at_the_server_stores_nothing(put: PutCommand) -> None:
    done = put("variable", "key", "--value", "-", "--dry-run", "server", "-o", "yaml", stdin=SECRET)

    assert done.status == 0
    assert f"variable 'key' would be in Secret {put.namespace}/airflow-variable-key (created, dry run)" in done.err
    assert yaml.safe_load(done.out)["metadata"]["namespace"] == put.namespace
    assert put.names() == []


def test_the_manifest_after_a_real_write(put: PutCommand) -> None:
    done = put("variable", "key", "--value", "-", "-o", "json", stdin=SECRET)

    manifest = json.loads(done.out)
    assert manifest["data"] == {"value": b64encode(SECRET.encode()).decode()}
    assert put.stored("airflow-variable-key")["data"] == manifest["data"]
    assert f"is in Secret {put.namespace}/airflow-variable-key (created)" in done.err


def test_label_and_data_key_from_the_options(put: PutCommand) -> None:
    put.configure(variables_label="example.com/variable", variables_data_key="text")

    assert put("variable", "key", "--name", "v", "--value", "-", stdin="x").status == 0

    assert put.data("v") == {"text": b"x"}
    assert put.backend.get_variable("key") == "x"


def test_impersonation(put: PutCommand) -> None:
    account = put.cluster.service_account(put.namespace, "nobody", {})
    who = f"system:serviceaccount:{put.namespace}:{account.name}"

    done = put("variable", "key", "--as", who, "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert "the service account 'nobody'" in done.err


def test_credentials_that_are_not_accepted(put: PutCommand) -> None:
    wrong = str(put.cluster.kubeconfig("wrong", put.namespace))

    done = put("variable", "key", "--kubeconfig", wrong, "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert "does not accept" in done.err


def test_manifest_written_without_a_cluster_works_in_a_folder(local: Callable[..., Done], tmp_path: Path) -> None:
    done = local("connection", "my db", "--field", "password=-", "--dry-run=client", "-o", "yaml", stdin=UGLY.encode())

    assert done.status == 0
    assert "namespace" not in yaml.safe_load(done.out)["metadata"]
    assert "connection 'my db' would be in Secret airflow-connection-my-db-" in done.err
    (tmp_path / "db.yaml").write_text(done.out)
    assert KubernetesSecretsBackend(path=str(tmp_path)).get_connection("my db").password == UGLY
    given = local("variable", "key", "-n", "there", "--value", "-", "--dry-run=client", stdin=b"x")
    assert given.out == "variable 'key' would be in Secret there/airflow-variable-key (dry run)\n"


def test_a_folder_in_the_options(local: Callable[..., Done], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"path": str(tmp_path)}))

    refused = local("variable", "key", "--value", "-", stdin=SECRET.encode())

    assert refused.status == 1
    assert f"reads the folder {tmp_path}" in refused.err
    assert "--dry-run=client -o yaml" in refused.err
    assert local("variable", "key", "--value", "-", "--dry-run=client", stdin=SECRET.encode()).status == 0


@on_the_devserver
def test_the_output_cannot_be_written(put: PutCommand) -> None:
    """The Secret is written already, so the error says that."""
    environment = {
        **os.environ,
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(put.kwargs),
    }
    command = [sys.executable, "-m", "airflow_kubernetes_secrets.cli.main", "put", "variable", "key", "--value", "-"]
    for arguments, said in ((("--dry-run=server",), "the"), ((), "variable 'key' was written, but the")):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [*command, *arguments],
                input=SECRET,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
                timeout=180,
                check=False,
            )
        assert done.returncode == 2
        assert done.stderr.startswith(f"airflow-kubernetes-secrets put: {said} output cannot be written: ")
    assert put.data("airflow-variable-key") == {"value": SECRET.encode()}
