"""kubectl works with the devserver as with a real kube-apiserver, with the commands of Airflow's documentation."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from support.cluster import Cluster
from support.versions import Since, at

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
            timeout=180,
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


def test_describe(kubectl: Kubectl) -> None:
    """For a ConfigMap, kubectl also requests the events."""
    kubectl("create", "secret", "generic", "shown", "--from-literal=value=hunter2")
    kubectl("create", "configmap", "shown", "--from-literal=value=eu-west-1")
    assert "hunter2" not in kubectl("describe", "secret", "shown")
    text = kubectl("describe", "configmap", "shown")
    assert "eu-west-1" in text
    assert re.search(r"Events: +<none>", text)


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


def test_server_side_apply(kubectl: Kubectl) -> None:
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


def test_get_with_watch(kubectl: Kubectl) -> None:
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
        process.wait(60)
        process.stdout.close()


def test_can_i_reports_the_permissions(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
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


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_current_kubectl_reports_no_version_skew(kubectl: Kubectl) -> None:
    said = kubectl("version", check=False)
    assert "Server Version: v1.36" in said
    assert "Warning" not in said


def test_explain(kubectl: Kubectl) -> None:
    found = kubectl("explain", "secret")
    assert re.search(r"KIND: +Secret\nVERSION: +v1\n", found)
    for field, type_ in (("data", "map[string]string"), ("stringData", "map[string]string"), ("type", "string")):
        assert re.search(rf"  {field}\s<{re.escape(type_)}>", found)
    assert re.search(r"FIELD: +data <map\[string\]string>", kubectl("explain", "secret.data"))
    recursive = kubectl("explain", "secret", "--recursive")
    assert re.search(r"\n +labels\s<map\[string\]string>", recursive)
    assert re.search(r"\n +uid\s<string>", recursive)
    assert 'field "nonsense" does not exist' in kubectl("explain", "secret.nonsense", check=False)
    assert re.search(r"KIND: +Namespace\n", kubectl("explain", "ns"))


def test_can_i_lists_the_permissions(cluster: Cluster, namespace: str, kubectl: Kubectl) -> None:
    account = cluster.service_account(namespace, "reader", {namespace: ["list"]})
    kubeconfig = str(cluster.kubeconfig(account.token, namespace))
    rows = [line.split() for line in kubectl("auth", "can-i", "--list", KUBECONFIG=kubeconfig).splitlines()]
    assert ["secrets", "[]", "[]", "[list]"] in rows
    assert ["selfsubjectrulesreviews.authorization.k8s.io", "[]", "[]", "[create]"] in rows
    assert ["*.*", "[]", "[]", "[*]"] in [line.split() for line in kubectl("auth", "can-i", "--list").splitlines()]


UNKNOWN = MANIFEST.replace("name: db", "name: warned\n  nonsense: 1") + "other: 1\n"


def test_unknown_fields_cause_warnings(cluster: Cluster, kubectl: Kubectl) -> None:
    """A server that does not check fields leaves this to kubectl, which cannot warn."""
    said = kubectl("apply", "--validate=warn", "-f", "-", stdin=UNKNOWN, check=False)
    assert "secret/warned created" in said
    fields = [line for line in said.splitlines() if line.startswith("Warning: unknown field")]
    warned = ['Warning: unknown field "metadata.nonsense"', 'Warning: unknown field "other"']
    assert fields == at(cluster, Since({0: [], 25: warned}))
    without = "cannot perform warn validation if server-side field validation is unsupported"
    assert (without in said) == at(cluster, Since({0: True, 25: False}))
    for command in (["apply"], ["create", "--dry-run=server"], ["replace"]):
        refused = kubectl(*command, "--validate=strict", "-f", "-", stdin=UNKNOWN, check=False)
        assert 'unknown field "' in refused
    assert "Warning" not in kubectl("apply", "--validate=ignore", "-f", "-", stdin=UNKNOWN, check=False)


def test_conflicts_of_server_side_apply(kubectl: Kubectl) -> None:
    kubectl("create", "secret", "generic", "db", "--from-literal=k=v")
    manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {k: eA==}\n"
    refused = kubectl("apply", "--server-side", "-f", "-", stdin=manifest, check=False)
    assert 'Apply failed with 1 conflict: conflict with "kubectl-create" using v1: .data.k' in refused
    assert kubectl.secret("db")["data"] == {"k": "dg=="}
    forced = kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    assert "secret/db serverside-applied" in forced
    assert kubectl.secret("db")["data"] == {"k": "eA=="}


def test_switch_from_client_side_to_server_side_apply(kubectl: Kubectl) -> None:
    """Fields from kubectl's client-side apply are no conflict."""
    manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {k: eA==}\n"
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl("apply", "--server-side", "-f", "-", stdin=manifest.replace("eA==", "eQ=="))
    assert kubectl.secret("db")["data"] == {"k": "eQ=="}
    kubectl("apply", "--server-side", "-f", "-", stdin=manifest.replace("k: eA==", ""))
    assert "data" not in kubectl.secret("db")


def test_switch_to_server_side_apply_and_back(kubectl: Kubectl) -> None:
    manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {a: eA==, b: eA==}\n"
    kubectl("apply", "-f", "-", stdin=manifest)
    kubectl("apply", "--server-side", "-f", "-", stdin=manifest.replace("b:", "c:"))
    assert kubectl.secret("db")["data"].keys() == {"a", "c"}
    kubectl("apply", "-f", "-", stdin=manifest.replace(", b: eA==", ""))
    assert kubectl.secret("db")["data"].keys() == {"a"}


@pytest.mark.parametrize("command", [["apply"], ["apply", "--server-side"], ["create"]])
def test_null_values(cluster: Cluster, kubectl: Kubectl, command: Any) -> None:
    manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, labels: {a: }}\nstringData: {value: }\n"
    # With an old server kubectl checks the fields itself, and rejects null.
    validate = at(cluster, Since({0: "--validate=ignore", 25: "--validate=strict"}))
    kubectl(*command, validate, "-f", "-", stdin=manifest)
    found = kubectl.secret("db")
    is_dropped = command == ["apply"]
    assert found.get("data") == (None if is_dropped else {"value": ""})
    assert found["metadata"].get("labels") == (None if is_dropped else {"a": ""})


def test_config_maps(kubectl: Kubectl, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff")
    kubectl("create", "configmap", "settings", "--from-literal=region=eu", f"--from-file=bytes={tmp_path / 'bytes'}")
    found = json.loads(kubectl("get", "cm", "settings", "-o", "json"))
    assert (found["data"], found["binaryData"]) == ({"region": "eu"}, {"bytes": "/w=="})
    assert re.search(r"^settings +2 +\S+$", kubectl("get", "configmaps"), re.MULTILINE)

    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {region: one}\n"
    assert "created" in kubectl("apply", "-f", "-", stdin=manifest)
    assert "configured" in kubectl("apply", "-f", "-", stdin=manifest.replace("one", "two"))
    by_another = ("apply", "--server-side", "--field-manager=other", "-f", "-")
    refused = kubectl(*by_another, stdin=manifest, check=False)
    assert "conflict" in refused
    assert ".data.region" in refused
    kubectl(*by_another, "--force-conflicts", stdin=manifest)
    assert kubectl("get", "configmap", "applied", "-o", "jsonpath={.data.region}") == "one"

    assert "stringData" in kubectl(*by_another, stdin=manifest.replace("\ndata", "\nstringData"), check=False)
    assert kubectl("auth", "can-i", "list", "configmaps").strip() == "yes"
    assert "configmap" in kubectl("delete", "configmap", "settings", "applied")
