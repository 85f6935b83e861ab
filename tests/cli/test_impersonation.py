"""``--as``: permissions to impersonate a user on a real API server, and the commands that grant them.

https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.cluster import GRANT_SECONDS, Cluster, ServiceAccount, checked
from support.commands import Commands, Done
from support.kubectl import run
from support.versions import Since, at

pytestmark = pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)


@pytest.fixture
def worker(cluster: Cluster, namespace: str) -> ServiceAccount:
    """Create a service account that may list Secrets."""
    return cluster.service_account(namespace, "worker", {namespace: ["list"]})


def name_of(account: ServiceAccount) -> str:
    return f"system:serviceaccount:{account.namespace}:{account.name}"


def until(is_so: Callable[[Done], bool], ask: Callable[[], Done]) -> Done:
    """Return the result as soon as the server applies a grant."""
    deadline = time.monotonic() + GRANT_SECONDS
    while not is_so(done := ask()):
        assert time.monotonic() < deadline, done
        time.sleep(0.05)
    return done


@pytest.mark.parametrize("who", ["a service account", "a user"])
def test_suggested_commands_permit_the_impersonation(
    who: str, cluster: Cluster, worker: ServiceAccount, commands: Commands, tmp_path: Path
) -> None:
    """An administrator runs the commands. Then the refused user may impersonate exactly this other user."""
    is_account = who == "a service account"
    other = name_of(worker) if is_account else f"ada o'hara of {commands.namespace}"
    refused = commands.run("list", "--as", other, status=2).err
    assert f"may not act as {other!r}" in refused
    lines = [line for line in refused.splitlines() if line.startswith("  kubectl ")]
    assert len(lines) == 2

    run("\n".join(lines), cluster, tmp_path)

    done = until(
        lambda done: "may not act as" not in done.err,
        lambda: commands.run("list", "--as", other, status=(0, 1, 2)),
    )
    assert done.status == (0 if is_account else 2), done.err
    assert is_account or f"the user {other!r} may not list secrets" in done.err
    namesake = f"system:serviceaccount:kube-system:{worker.name}"
    for somebody in (namesake, f"{other}x"):
        assert "may not act as" in commands.run("list", "--as", somebody, status=2).err


def grant(cluster: Cluster, subject: ServiceAccount, name: str, rules: list[dict[str, Any]]) -> None:
    """Grant the service account these permissions in all namespaces."""
    base = "/apis/rbac.authorization.k8s.io/v1"
    name = f"{name}-{subject.namespace}"
    checked(cluster.admin.post(f"{base}/clusterroles", json={"metadata": {"name": name}, "rules": rules}))
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subjects = [{"kind": "ServiceAccount", "namespace": subject.namespace, "name": subject.name}]
    body = {"metadata": {"name": name}, "roleRef": role, "subjects": subjects}
    checked(cluster.admin.post(f"{base}/clusterrolebindings", json=body))


def test_doctor_with_constrained_impersonation(cluster: Cluster, worker: ServiceAccount, commands: Commands) -> None:
    """With constrained impersonation (from 1.36 on), a user may impersonate another for some requests only."""
    on = "impersonate-on:serviceaccount"
    of_account = {"apiGroups": ["authentication.k8s.io"], "resources": ["serviceaccounts"], "resourceNames": ["worker"]}
    on_secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": [f"{on}:list"]}
    grant(cluster, commands.account, "act", [{**of_account, "verbs": ["impersonate:serviceaccount"]}, on_secrets])
    knows = at(cluster, Since({0: False, 36: True}))

    def listed() -> Done:
        return commands.run("list", "--as", name_of(worker), status=(0, 2))

    def examined() -> str:
        done = commands.run("doctor", "--as", name_of(worker), "--output", "json", status=(0, 1))
        return json.dumps(done.document)

    if not knows:
        assert "may not act as" in listed().err
        assert "constrained" not in examined()
        return
    until(lambda done: done.status == 0, listed)
    assert f"the verb '{on}:create' is missing on the resource 'selfsubjectaccessreviews' in the cluster" in examined()
    reviews = {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]}
    grant(cluster, commands.account, "review", [{**reviews, "verbs": [f"{on}:create"]}])
    deadline = time.monotonic() + GRANT_SECONDS
    while "may not act as" in (done := examined()):
        assert time.monotonic() < deadline, done
        time.sleep(0.05)
    assert f"may list Secrets in {worker.namespace}" in done
    assert "may not change Secrets in the namespaces that it searches" in done
