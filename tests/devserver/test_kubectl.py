"""kubectl works on the devserver as it does on a real kube-apiserver, with the commands of Airflow's documentation."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from support.cluster import Cluster

KUBECTL = shutil.which("kubectl") or ""
pytestmark = pytest.mark.skipif(not KUBECTL, reason="kubectl is not on the PATH")

MANIFEST = """\
apiVersion: v1
kind: Secret
metadata:
  name: db
  labels: {app: one}
stringData: {value: "postgresql://user:first@db/x"}
"""


class Kubectl:
    def __init__(self, cluster: Cluster, namespace: str, home: Path) -> None:
        self.namespace = namespace
        kubeconfig = cluster.kubeconfig(cluster.admin_token, namespace)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KUBECACHEDIR": str(home / "cache"),
            "KUBECONFIG": str(kubeconfig),
        }

    def __call__(self, *arguments: str, stdin: str | None = None, check: bool = True, **environment: str) -> str:
        done = subprocess.run(
            [KUBECTL, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={**self.environment, **environment},
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if check else f"{done.stdout}{done.stderr}"

    def secret(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("get", "secret", name, "-o", "json"))
        return found


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str, tmp_path: Path) -> Kubectl:
    return Kubectl(cluster, namespace, tmp_path)


def test_the_commands_of_airflows_documentation(cluster: Cluster, tmp_path: Path) -> None:
    cluster.create_namespace("airflow")
    cluster.admin.delete("/api/v1/namespaces/airflow/secrets/my-smtp-secret")
    kubectl = Kubectl(cluster, "default", tmp_path)
    kubectl(
        "create", "secret", "generic", "my-smtp-secret",
        "--from-literal=value=smtp://user:password@smtp.example.com:587", "--namespace=airflow",
    )  # fmt: skip
    kubectl("label", "secret", "my-smtp-secret", "airflow.apache.org/connection-id=smtp_default", "--namespace=airflow")
    selector = {"labelSelector": "airflow.apache.org/connection-id=smtp_default"}
    (found,) = cluster.admin.get("/api/v1/namespaces/airflow/secrets", params=selector).json()["items"]
    assert base64.b64decode(found["data"]["value"]) == b"smtp://user:password@smtp.example.com:587"
    cluster.admin.delete("/api/v1/namespaces/airflow/secrets/my-smtp-secret")


def test_create_label_annotate_get_delete(kubectl: Kubectl) -> None:
    assert kubectl("create", "secret", "generic", "a", "--from-literal=k=v") == "secret/a created\n"
    assert "already exists" in kubectl("create", "secret", "generic", "a", check=False)
    assert "labeled" in kubectl("label", "secret", "a", "app=one")
    assert "not labeled" in kubectl("label", "secret", "a", "app=one")
    assert "--overwrite is false" in kubectl("label", "secret", "a", "app=two", check=False)
    kubectl("label", "secret", "a", "app=two", "--overwrite")
    kubectl("annotate", "secret", "a", "note=x y")
    assert kubectl.secret("a")["metadata"]["labels"] == {"app": "two"}
    assert kubectl.secret("a")["metadata"]["annotations"] == {"note": "x y"}
    assert "k: dg==" in kubectl("get", "secret", "a", "-o", "yaml")
    assert kubectl("get", "secrets", "-l", "app=two", "-o", "name") == "secret/a\n"
    assert kubectl("get", "secrets", "-l", "app in (one)", "-o", "name") == ""
    header, row = kubectl("get", "secrets").splitlines()
    assert header.split() == ["NAME", "TYPE", "DATA", "AGE"]
    assert row.split()[:3] == ["a", "Opaque", "1"]
    kubectl("label", "secret", "a", "app-")
    assert "labels" not in kubectl.secret("a")["metadata"]
    assert "deleted" in kubectl("delete", "secret", "a")
    assert 'secrets "a" not found' in kubectl("get", "secret", "a", check=False)


def test_apply(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=MANIFEST) == "secret/db created\n"
    assert kubectl("apply", "-f", "-", stdin=MANIFEST).strip() in ("secret/db unchanged", "secret/db configured")
    assert "configured" in kubectl("apply", "-f", "-", stdin=MANIFEST.replace("app: one", "app: two"))
    assert kubectl.secret("db")["metadata"]["labels"] == {"app": "two"}
    kubectl("apply", "-f", "-", stdin=MANIFEST.replace("  labels: {app: one}\n", ""))
    assert "labels" not in kubectl.secret("db")["metadata"]


def test_apply_on_the_server(kubectl: Kubectl) -> None:
    for app in ("one", "two"):
        manifest = MANIFEST.replace("app: one", f"app: {app}, {app}: x")
        assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
        assert kubectl.secret("db")["metadata"]["labels"] == {"app": app, app: "x"}


def test_a_misspelt_field_is_refused(kubectl: Kubectl) -> None:
    misspelt = MANIFEST.replace("stringData", "stringdata")
    assert "stringdata" in kubectl("apply", "-f", "-", stdin=misspelt, check=False)
    assert "not found" in kubectl("get", "secret", "db", check=False)


def test_patch_and_edit(kubectl: Kubectl) -> None:
    kubectl("create", "secret", "generic", "a", "--from-literal=k=v")
    kubectl("patch", "secret", "a", "-p", '{"metadata": {"labels": {"one": "1"}}}')
    kubectl("patch", "secret", "a", "--type=merge", "-p", '{"metadata": {"labels": {"two": "2"}}}')
    operation = '[{"op": "replace", "path": "/metadata/labels/two", "value": "22"}]'
    kubectl("patch", "secret", "a", "--type=json", "-p", operation)
    assert kubectl.secret("a")["metadata"]["labels"] == {"one": "1", "two": "22"}
    assert "edited" in kubectl("edit", "secret", "a", KUBE_EDITOR="sed -i s/one:/three:/")
    assert kubectl.secret("a")["metadata"]["labels"] == {"three": "1", "two": "22"}


def test_get_and_follow(kubectl: Kubectl) -> None:
    kubectl("create", "secret", "generic", "first")
    process = subprocess.Popen(
        [KUBECTL, "get", "secrets", "-w", "-o", "name"], stdout=subprocess.PIPE, text=True, env=kubectl.environment
    )
    timer = threading.Timer(60, process.kill)
    timer.start()
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "secret/first\n"
        kubectl("create", "secret", "generic", "second")
        assert process.stdout.readline() == "secret/second\n"
    finally:
        timer.cancel()
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_what_one_may(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    assert kubectl("auth", "can-i", "list", "secrets") == "yes\n"
    account = cluster.service_account(namespace, "reader", {namespace: ["list"]})
    kubectl.environment["KUBECONFIG"] = str(cluster.kubeconfig(account.token, namespace))
    assert kubectl("auth", "can-i", "list", "secrets") == "yes\n"
    assert "no" in kubectl("auth", "can-i", "delete", "secrets", check=False).split()
    assert "cannot get resource" in kubectl("get", "secret", "a", check=False)


def test_namespaces(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-new"
    kubectl("create", "namespace", name)
    assert kubectl("get", "namespace", name).splitlines()[1].split()[:2] == [name, "Active"]
