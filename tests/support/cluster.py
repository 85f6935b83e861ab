"""One interface for the two Kubernetes API servers of the test suites: the devserver and a real kube-apiserver."""

from __future__ import annotations

import copy
import itertools
import json
import shutil
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from support.json_client import JsonClient, JsonResponse
from support.kube_apiserver import KubeApiserver, SharedApiserver, bearer, trust

if TYPE_CHECKING:
    from airflow_kubernetes_secrets_devserver import DevServer

GRANT_SECONDS = 60.0
_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ServiceAccount:
    """A service account. ``folder`` is laid out like the one in a pod: token, ca.crt, namespace."""

    namespace: str
    name: str
    token: str = field(repr=False)
    folder: Path


class Cluster(ABC):
    """A running Kubernetes API server."""

    name: str

    def __init__(self, host: str, port: int, ca_file: Path, admin_token: str) -> None:
        self.host = host
        self.port = port
        self.url = f"https://{host}:{port}"
        self.ca_file = ca_file
        self.admin_token = admin_token
        self.directory = Path(tempfile.mkdtemp(prefix="cluster-"))
        self.admin = self.client(admin_token)
        self._requests = JsonClient(host, port, trust(ca_file), bearer(admin_token))
        self._namespaces: set[str] = set()

    @cached_property
    def minor_version(self) -> int:
        """The y of the server's version 1.y, on which its messages and features depend."""
        version = checked(self.admin.get("/version"))
        assert version["major"] == "1"
        return int(version["minor"].rstrip("+"))

    def client(self, token: str | None) -> httpx.Client:
        """Return a client that sends ``token``. The caller closes it."""
        headers = bearer(token) if token is not None else {}
        return httpx.Client(base_url=self.url, headers=headers, verify=trust(self.ca_file), timeout=60)

    def create_namespace(self, name: str) -> None:
        """Create the namespace; an existing one is not changed."""
        if name not in self._namespaces:
            self._create_namespace(name)
            self._namespaces.add(name)

    def _create_namespace(self, name: str) -> None:
        response = self._requests.post("/api/v1/namespaces", json={"metadata": {"name": name}})
        if response.status_code != httpx.codes.CONFLICT:
            checked(response)

    def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create or replace a Secret, or an object of the ``kind`` in the manifest, and return the stored object."""
        metadata = manifest["metadata"]
        path = f"/api/v1/namespaces/{metadata.get('namespace', 'default')}/{plural_of(manifest.get('kind', 'Secret'))}"
        response = self._requests.post(path, json=manifest)
        if response.status_code == httpx.codes.CONFLICT:
            response = self._requests.put(f"{path}/{metadata['name']}", json=manifest)
        stored = checked(response)
        self._wait_for_version(f"{path}/{metadata['name']}", stored["metadata"]["resourceVersion"])
        return stored

    def delete(self, path: str) -> None:
        """Delete the Secret or ConfigMap with this path."""
        checked(self._requests.delete(path))
        self.wait_for_watch_cache()

    @abstractmethod
    def wait_for_watch_cache(self) -> None:
        """Wait until lookups see every write to Secrets and ConfigMaps before this call.

        Lookups read from the server's watch cache. etcd sends each change to that cache after it has answered the
        write, so a lookup can be faster: by up to 50 ms for large Secrets on a busy machine.
        """

    def _wait_for_version(self, path: str, resource_version: str) -> None:
        """Wait until the server's watch cache has this version of the object."""
        deadline = time.monotonic() + GRANT_SECONDS
        # The server waits up to three seconds for the version, and then responds with 504.
        while not (response := self._requests.get(path, params={"resourceVersion": resource_version})).is_success:
            assert response.status_code != httpx.codes.NOT_FOUND, f"{path} was deleted meanwhile"
            assert time.monotonic() < deadline, f"the watch cache stays behind: {response.text}"
            time.sleep(0.05)

    def service_account(
        self,
        namespace: str,
        name: str,
        grants: Mapping[str, Sequence[str]],
        named: Mapping[str, Sequence[str]] | None = None,
        resources: Sequence[str] = ("secrets",),
    ) -> ServiceAccount:
        """Create a service account, and return it once the server applies its permissions.

        Namespaces that do not exist are created.

        Args:
            grants: verbs on the resources, by namespace (``*`` is every namespace).
            named: names of Secrets that the account may get, by namespace. On the devserver it may also get others
                there.
            resources: the resources on which the account has the grants.
        """
        named = named or {}
        for each in {namespace, *grants, *named} - {"*"}:
            self.create_namespace(each)
        token = self._token(namespace, name, grants, named, resources)
        folder = self.directory / f"serviceaccount-{next(_numbers)}"
        folder.mkdir()
        (folder / "token").write_text(token)
        (folder / "namespace").write_text(namespace)
        shutil.copyfile(self.ca_file, folder / "ca.crt")
        return ServiceAccount(namespace, name, token, folder)

    @abstractmethod
    def _token(
        self,
        namespace: str,
        name: str,
        grants: Mapping[str, Sequence[str]],
        named: Mapping[str, Sequence[str]] | None = None,
        resources: Sequence[str] = ("secrets",),
    ) -> str:
        """Create a service account, and return its token once the server applies its permissions."""

    def kubeconfig(self, token: str, namespace: str | None = None) -> Path:
        """Write a new kubeconfig file with this server, ``token`` and, where given, a default namespace."""
        context = {"cluster": "test", "user": "test", **({"namespace": namespace} if namespace else {})}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.ca_file)}}],
            "users": [{"name": "test", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
        path = self.directory / f"kubeconfig-{next(_numbers)}"
        path.write_text(yaml.safe_dump(config))
        path.chmod(0o600)
        return path

    @abstractmethod
    def forget_history(self) -> None:
        """Make every version before now too old for watches and pages: 410, as after some minutes."""

    def pod_environment(self) -> dict[str, str]:
        """Return the variables by which a pod finds its API server."""
        return {"KUBERNETES_SERVICE_HOST": self.host, "KUBERNETES_SERVICE_PORT": str(self.port)}

    def close(self) -> None:
        """Close the client and remove the files. The owner of the server stops it."""
        self.admin.close()
        self._requests.close()
        shutil.rmtree(self.directory, ignore_errors=True)


class KubeApiserverCluster(Cluster):
    """A real kube-apiserver, with its own service accounts, RBAC and tokens."""

    name = "kube-apiserver"

    def __init__(self, server: KubeApiserver | SharedApiserver) -> None:
        super().__init__(server.host, server.port, server.ca_file, server.admin_token)
        self.server = server
        self._roles: dict[tuple[tuple[str, ...], ...], str] = {}

    def wait_for_watch_cache(self) -> None:
        # The cache receives the changes of a kind in their order, and `apply` waits for the last one.
        self.create_namespace("last-write")
        metadata = {"name": "last", "namespace": "last-write", "annotations": {"written": uuid.uuid4().hex}}
        for kind in ("Secret", "ConfigMap"):
            self.apply({"apiVersion": "v1", "kind": kind, "metadata": metadata})

    def forget_history(self) -> None:
        """Forget the history. This takes about 4 s: the server is restarted, and etcd's history is compacted."""
        with self._killed() as server:
            server.compact()

    def restart(self) -> None:
        """Kill the server, and start it again half a second later."""
        with self._killed():
            time.sleep(0.5)

    @contextmanager
    def _killed(self) -> Iterator[KubeApiserver]:
        assert isinstance(self.server, KubeApiserver), "it is shared: mark the test with 'restarts'"
        self.server.kill_apiserver()
        try:
            yield self.server
        finally:
            self.server.start_apiserver()
            self.admin.close()
            self._requests.close()
            self.admin = self.client(self.admin_token)

    def _token(
        self,
        namespace: str,
        name: str,
        grants: Mapping[str, Sequence[str]],
        named: Mapping[str, Sequence[str]] | None = None,
        resources: Sequence[str] = ("secrets",),
    ) -> str:
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        checked(self._requests.post(accounts, json={"metadata": {"name": name}}))
        subject = {"kind": "ServiceAccount", "namespace": namespace, "name": name}
        granted = {each: verbs for each, verbs in grants.items() if verbs}
        for each, verbs in granted.items():
            self._grant(each, verbs, subject, resources=resources)
        for each, names in (named or {}).items():
            self._grant(each, ["get"], subject, names)
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        token: str = checked(self._requests.post(f"{accounts}/{name}/token", json=request))["status"]["token"]
        # The server applies a binding a moment later, and all rules of a binding at once.
        for each, verbs in granted.items():
            self._wait_until_granted(subject, each, verbs[-1], resource=resources[-1])
        for each, names in (named or {}).items():
            self._wait_until_granted(subject, each, "get", names[-1])
        return token

    def _wait_until_granted(
        self, subject: Mapping[str, str], namespace: str, verb: str, name: str = "", *, resource: str = "secrets"
    ) -> None:
        # The connection of the administrator exists, and a connection of the account would need a TLS handshake.
        user = f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
        namespace = "" if namespace == "*" else namespace
        wait_until_allowed(self._requests, namespace, verb, name, resource=resource, user=user)

    def _grant(
        self,
        namespace: str,
        verbs: Sequence[str],
        subject: dict[str, str],
        names: Sequence[str] = (),
        *,
        resources: Sequence[str] = ("secrets",),
    ) -> None:
        name = f"grant-{uuid.uuid4().hex[:12]}"
        everywhere = namespace == "*"
        base = _RBAC if everywhere else f"{_RBAC}/namespaces/{namespace}"
        kind = "ClusterRoleBinding" if everywhere else "RoleBinding"
        reference = {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": self._role(verbs, resources, names),
        }
        body = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
        checked(self._requests.post(f"{base}/{plural_of(kind)}", json=body))

    def _role(self, verbs: Sequence[str], resources: Sequence[str], names: Sequence[str]) -> str:
        """Return the name of a role with these rules. Thousands of accounts share a few roles."""
        rules = (tuple(verbs), tuple(resources), tuple(names))
        if rules not in self._roles:
            name = f"role-{uuid.uuid4().hex[:12]}"
            rule = {"apiGroups": [""], "verbs": verbs, "resources": resources, "resourceNames": names}
            checked(self._requests.post(f"{_RBAC}/clusterroles", json={"metadata": {"name": name}, "rules": [rule]}))
            self._roles[rules] = name
        return self._roles[rules]


class DevserverCluster(Cluster):
    """The devserver of this project, in a thread of the test process."""

    name = "devserver"

    def __init__(self, server: DevServer) -> None:
        super().__init__(server.host, server.port, server.ca_file, server.create_token("admin", None))
        self.server = server

    def wait_for_watch_cache(self) -> None:
        """Do nothing: lookups read what was written."""

    def forget_history(self) -> None:
        self.server.forget_history()

    def _create_namespace(self, name: str) -> None:
        # It is created without a request, because thousands of tests begin with it.
        self.server.apply({"kind": "Namespace", "metadata": {"name": name}})

    def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Create or replace the object without a request, because thousands of tests begin with it."""
        metadata = {"namespace": "default", **manifest["metadata"]}
        return copy.deepcopy(self.server.apply({**manifest, "metadata": metadata}))

    def _token(
        self,
        namespace: str,
        name: str,
        grants: Mapping[str, Sequence[str]],
        named: Mapping[str, Sequence[str]] | None = None,
        resources: Sequence[str] = ("secrets",),
    ) -> str:
        named = named or {}
        verbs = {each: [*grants.get(each, ()), *(["get"] if each in named else [])] for each in {*grants, *named}}
        on_config_maps = grants if "configmaps" in resources else {}
        return self.server.create_token(f"system:serviceaccount:{namespace}:{name}", verbs, on_config_maps)


def checked(response: httpx.Response | JsonResponse) -> dict[str, Any]:
    """Return the JSON of a response, which must be successful."""
    assert response.is_success, f"{response.request.method} {response.request.url}: {response.text}"
    body: dict[str, Any] = json.loads(response.text)
    return body


def plural_of(kind: str) -> str:
    """Return the name of a kind in paths."""
    return f"{kind.lower()}s"


def wait_until_allowed(
    client: httpx.Client | JsonClient,
    namespace: str,
    verb: str,
    name: str = "",
    *,
    resource: str = "secrets",
    user: str | None = None,
) -> None:
    """Wait until the server permits this. RBAC uses caches, so a real server applies a grant a moment later.

    Args:
        user: who needs the permission; None for the user of ``client``.
    """
    attributes = {"namespace": namespace, "verb": verb, "resource": resource, "name": name}
    spec: dict[str, object] = {"resourceAttributes": attributes}
    kind = "SelfSubjectAccessReview"
    if user is not None:
        spec["user"], kind = user, "SubjectAccessReview"
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    deadline = time.monotonic() + GRANT_SECONDS
    while True:
        response = client.post(f"/apis/authorization.k8s.io/v1/{plural_of(kind)}", json=body)
        if response.is_success and response.json()["status"]["allowed"]:
            return
        assert time.monotonic() < deadline, f"{verb} {resource} in {namespace!r} is not allowed: {response.text}"
        time.sleep(0.01)
