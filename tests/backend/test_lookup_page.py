"""The examples in docs/how-to/namespaces-and-references.md work with these permissions, on a server with RBAC."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ForbiddenError
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.cluster import Cluster
from support.kubectl import needs_kubectl, run
from support.pages import page_file
from support.secrets import CONNECTION, VARIABLE, Put
from support.servers import on_a_real_server
from support.waiting import until

PAGE = page_file("namespaces-and-references")
NAMESPACES = ("airflow", "airflow-secrets", "databases", "blue-secrets")


class Section:
    """The options and the manifests of one section, in namespaces of this test."""

    def __init__(self, title: str) -> None:
        self._run = uuid.uuid4().hex[:8]
        text = PAGE.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
        names = "|".join(sorted(NAMESPACES, key=len, reverse=True))
        text = re.sub(rf"(?<![\w.-])({names})(?![\w.-])", lambda found: self.namespace(found[0]), text)
        [options] = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
        self.options = json.loads(options)
        [self.manifests] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)

    def namespace(self, name: str) -> str:
        return f"{name}-{self._run}"


def granted(
    cluster: Cluster, section: Section, home: Path, account_name: str
) -> Callable[..., KubernetesSecretsBackend]:
    """Apply the manifests, and return a function that builds backends of the service account that they bind."""
    for name in NAMESPACES:
        cluster.create_namespace(section.namespace(name))
    account = cluster.service_account(section.namespace("airflow"), account_name, {})
    path = home / "manifests.yaml"
    path.write_text(section.manifests)
    run(f"kubectl apply -f {path}", cluster, home)
    return lambda **options: KubernetesSecretsBackend(service_account_path=str(account.folder), **options)


def is_allowed(read: Callable[[], object]) -> bool:
    """Return whether the read is permitted. RBAC applies a new role within moments."""
    try:
        read()
    except ForbiddenError:
        return False
    return True


@needs_kubectl
@on_a_real_server
def test_namespaces_and_teams(cluster: Cluster, in_pod: None, tmp_path: Path) -> None:
    section = Section("Several namespaces, and a namespace for a team")
    backend = granted(cluster, section, tmp_path, "airflow-api-server")(**section.options)
    for number, name in enumerate(("airflow-secrets", "databases", "blue-secrets")):
        Put(cluster, section.namespace(name)).variable(f"in-{number}", name)

    until(lambda: is_allowed(lambda: backend.get_variable("nowhere", team_name="blue")))
    assert backend.get_variable("in-0") == "airflow-secrets"
    assert backend.get_variable("in-1") == "databases"
    assert backend.get_variable("in-2") is None
    assert backend.get_variable("in-2", team_name="blue") == "blue-secrets"


@needs_kubectl
@on_a_real_server
def test_references(cluster: Cluster, in_pod: None, tmp_path: Path) -> None:
    section = Section("Secrets by name")
    make = granted(cluster, section, tmp_path, "airflow-worker")
    backend = make(**section.options)
    put = Put(cluster, section.namespace("databases"))
    put({}, name="app-db-app", data={"uri": "postgresql://app:secret@db:5432/app"})
    put({}, "a license", name="license")
    put({}, "postgresql://metadata", name="airflow-metadata")
    put({CONNECTION: "other", VARIABLE: "other"}, "not to be seen", name="other")

    until(lambda: is_allowed(lambda: backend.get_variable("license")))
    assert backend.get_connection("my_db").host == "db"
    assert backend.get_variable("license") == "a license"
    assert backend.get_config("sql_alchemy_conn") == "postgresql://metadata"
    # Other reads stay forbidden.
    assert backend.get_variable("other") is None
    for options in ({"references": {"variables": {"x": f"{put.namespace}/other"}}}, {"namespace": put.namespace}):
        with pytest.raises(ForbiddenError):
            make(**options).get_variable("x")


@pytest.mark.parametrize("page", [PAGE, page_file("folder")], ids=lambda page: page.stem)
def test_options_on_the_pages_are_valid(page: Path) -> None:
    blocks = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        Options.parse(json.loads(block))
