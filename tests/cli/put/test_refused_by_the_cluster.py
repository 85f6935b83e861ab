"""``put`` when a rule of the cluster refuses the Secret. This is no missing permission, although most are a 403."""

from __future__ import annotations

import json

import pytest

from support.cluster import checked
from support.commands import SECRET
from support.exchange import Exchange
from support.faults import answer_with, forward
from support.proxy import Proxy
from support.put_command import PutCommand
from support.servers import on_a_real_server, on_the_devserver

# What API servers answer to a write, from their source and from Kubernetes 1.20.2 and 1.36.2.
ANSWERS = [
    (403, 'secrets "x" is forbidden: unable to create new content in namespace a because it is being terminated'),
    (403, 'secrets "x" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=5, limited: secrets=5'),
    (403, 'admission webhook "secrets.example.com" denied the request: every Secret needs an owner'),
    (400, 'admission webhook "secrets.example.com" denied the request: every Secret needs an owner'),
    (422, "secrets \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no owner"),
]


@pytest.mark.parametrize(
    ("status", "words"),
    [(413, "answered 413, without a message of the API"), (403, "Something in front of the API server refuses")],
)
@on_the_devserver
def test_something_in_front_of_the_cluster_refuses(put: PutCommand, proxy: Proxy, status: int, words: str) -> None:
    """For example, it limits the size of a request. A 403 must be confirmed."""

    def fault(exchange: Exchange) -> bool:
        refused = answer_with(status, b"<h1>No</h1>")
        return (refused if exchange.request.method == "PATCH" else forward)(exchange)

    proxy.always = fault

    done = put("variable", "key", "--value", "-", stdin=SECRET)

    assert done.status == 2
    assert words in done.err
    assert "permission" not in done.err
    requests = [request for request in proxy.requests if request.method == "PATCH"]
    assert (len(requests) == 1) == (status == 413)


@pytest.mark.parametrize(("status", "message"), ANSWERS)
@on_a_real_server
def test_the_rule_is_named(put: PutCommand, proxy: Proxy, status: int, message: str) -> None:
    body = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status})

    def fault(exchange: Exchange) -> bool:
        return (answer_with(status, body.encode()) if exchange.request.method == "PATCH" else forward)(exchange)

    proxy.always = fault

    done = put("variable", "key", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert f"Secret {put.namespace}/airflow-variable-key: " in done.err
    assert message in done.err
    assert "A rule of the cluster refuses this, whatever the permissions" in done.err
    assert "may not" not in done.err
    assert "create role" not in done.err


@on_a_real_server
def test_a_namespace_that_is_being_deleted(put: PutCommand) -> None:
    put.cluster.create_namespace(f"{put.namespace}-ending")
    # Without a controller manager, the namespace stays in this state.
    checked(put.cluster.admin.delete(f"/api/v1/namespaces/{put.namespace}-ending"))

    done = put("variable", "key", "-n", f"{put.namespace}-ending", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert "because it is being terminated" in done.err
    assert "create role" not in done.err


@on_a_real_server
def test_a_webhook_that_does_not_respond(put: PutCommand) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    hook = {
        "name": "secrets.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "objectSelector": {"matchLabels": {"airflow.apache.org/variable-key": put.namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets"]}],
    }
    checked(put.cluster.admin.post(path, json={"metadata": {"name": put.namespace}, "webhooks": [hook]}))
    try:
        done = put("variable", put.namespace, "--value", "-", stdin=SECRET)
    finally:
        checked(put.cluster.admin.delete(f"{path}/{put.namespace}"))

    assert done.status == 2
    assert 'failed calling webhook "secrets.example.com"' in done.err
    assert "Have an administrator repair this webhook" in done.err
    assert "network policies" not in done.err
