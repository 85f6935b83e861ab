"""The devserver as a whole, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import ipaddress
import itertools
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import trustme
from starlette.applications import Starlette

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import mapping
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets_devserver.access import Access, User
from airflow_kubernetes_secrets_devserver.app import Api
from airflow_kubernetes_secrets_devserver.client_files import ClientFiles
from airflow_kubernetes_secrets_devserver.deletion import DeleteOptions
from airflow_kubernetes_secrets_devserver.manifests import Manifests
from airflow_kubernetes_secrets_devserver.objects import CONFIG_MAPS, NAMESPACES, RESOURCES, SECRETS, ServedResource
from airflow_kubernetes_secrets_devserver.received import as_go_reads
from airflow_kubernetes_secrets_devserver.registry import Registry
from airflow_kubernetes_secrets_devserver.runner import Runner
from airflow_kubernetes_secrets_devserver.status import StatusError
from airflow_kubernetes_secrets_devserver.store import JsonObject, Key, Store

READ_VERBS = ("get", "list", "watch")
_NOT_STARTED = "the devserver is not started; use it in a `with` statement"

Result = TypeVar("Result")


class DevServer:
    """A Kubernetes API for Secrets, ConfigMaps and namespaces on loopback; a context manager.

    The attributes are set by :meth:`start`. :meth:`stop` removes the files, except those that have been changed.

    Attributes:
        url, host, port: where it listens.
        ca_file: the CA of its certificate.
        kubeconfig: a kubeconfig file with all permissions.
        service_account_path: a folder like a pod's. Its token may get, list and watch the Secrets and
            ConfigMaps of ``namespace``.

    Args:
        manifests: a folder whose Secrets, ConfigMaps and namespaces are served; changes to its files are followed.
        namespace: a namespace that exists from the start, in addition to ``default``.
        host: ``127.0.0.1`` or ``::1``.
        port: 0 for a free port.
        directory: where the files for clients are written; a temporary folder if None. No other devserver may use it.
            It must not contain files of the same names, except those that a killed devserver has left.
        bookmark_seconds: the seconds between the bookmarks of a watch that allows them.
        history: the number of changes over which a watch can resume; an older watch gets 410.
        report: called with a line for each change and each problem of the manifests, and for each file that
            :meth:`stop` does not remove. A line contains names, never values.

    Raises:
        ValueError: ``host`` is not loopback.
    """

    def __init__(
        self,
        manifests: Path | None = None,
        *,
        namespace: str = "airflow",
        host: str = "127.0.0.1",
        port: int = 0,
        directory: Path | None = None,
        bookmark_seconds: float = 5.0,
        history: int = 1000,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the devserver listens on loopback only, so the host is 127.0.0.1 or ::1, not {host}")
        self.host = host
        self.port = port
        self.namespace = namespace
        self._folder = manifests
        self._directory = directory
        self._report = report
        self._bookmark_seconds = bookmark_seconds
        self._access = Access()
        self._accounts = itertools.count(1)
        self._store = Store(history)
        self._registry = Registry(self._store)
        self._manifests = Manifests(manifests, self._registry, namespace, report) if manifests is not None else None
        self._files: ClientFiles | None = None
        self._runner: Runner | None = None

    def __repr__(self) -> str:
        state = self.url if self.running else "stopped"
        return f"DevServer({state})"

    @property
    def running(self) -> bool:
        """Whether it serves requests now."""
        return self._runner is not None and self._runner.running

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"https://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The file with the CA that has signed the server's certificate."""
        return self._written.ca_file

    @property
    def _written(self) -> ClientFiles:
        if self._files is None:
            raise RuntimeError(_NOT_STARTED)
        return self._files

    def _call(self, function: Callable[[], Result]) -> Result:
        if self._runner is None:
            raise RuntimeError(_NOT_STARTED)
        return self._runner.call(function)

    def __enter__(self) -> DevServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, write the files for clients, and return when the server accepts requests.

        Raises:
            OSError: the port or the directory is in use; the manifests cannot be read; or the directory cannot be
                written, or contains a file that would have to be replaced.
            RuntimeError: it does not start in time.
        """
        if self._folder is not None and not self._folder.is_dir():
            raise NotADirectoryError(f"{printable(self._folder)} is not a folder")
        if self._folder is not None:
            os.scandir(self._folder).close()  # raise the error of a folder that cannot be read
        listener = _listen(self.host, self.port)
        try:
            self.port = listener.getsockname()[1]
            self._files = ClientFiles(self._directory)
            context = self._certify(self._files)
            self._runner = Runner(listener, context, self._make_app, self._store.close)
            self._runner.start()
        except BaseException:
            self.stop()
            listener.close()
            raise

    def _certify(self, files: ClientFiles) -> ssl.SSLContext:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = ("127.0.0.1", "::1", "localhost", "kubernetes.default.svc")
        authority.issue_cert(*names).configure_cert(context)
        files.write_ca(authority.cert_pem.bytes())
        admin = self._access.create_token("admin", None)
        self.kubeconfig = files.write_kubeconfig("kubeconfig", self.url, admin, self.namespace)
        granted = {self.namespace: READ_VERBS}
        token = self.create_token(self._user(self.namespace, "default"), granted, granted)
        self.service_account_path = files.write_service_account("serviceaccount", token, self.namespace)
        return context

    def _make_app(self) -> Starlette:
        for name in dict.fromkeys(("default", self.namespace)):
            self._registry.create(NAMESPACES, "", {"metadata": {"name": name}})
        if self._manifests is not None:
            self._manifests.load()
        return Api(self._registry, self._access, self._bookmark_seconds).app(self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        following = [asyncio.create_task(self._manifests.follow(stop))] if self._manifests else []
        yield
        stop.set()
        await asyncio.gather(*following)

    def stop(self) -> None:
        """End the open watches, stop, and remove the files. May be called more than once."""
        if self._runner is not None:
            self._runner.stop()
        if self._files is not None:
            for path in self._files.remove():
                self._report(f"{path} was changed since the devserver wrote it, so it is not removed")

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which an Airflow outside a cluster reads from this server."""
        options = {"namespace": self.namespace, "service_account_path": str(self.service_account_path)}
        return {
            "KUBERNETES_SERVICE_HOST": self.host,
            "KUBERNETES_SERVICE_PORT": str(self.port),
            "AIRFLOW__SECRETS__BACKEND": "airflow_kubernetes_secrets.KubernetesSecretsBackend",
            "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(options),
        }

    def apply(self, manifest: Mapping[str, Any]) -> JsonObject:
        """Create or replace a Secret, ConfigMap or Namespace, and return a copy of the stored object.

        If the manifest names no namespace, the server's own is used. A missing namespace is created.

        Raises:
            StatusError: the API would reject the object.
        """
        return copy.deepcopy(self._call(lambda: self._apply(as_go_reads(dict(manifest)))))

    def _apply(self, manifest: JsonObject) -> JsonObject:
        resource = self._resource(str(manifest.get("kind", "Secret")))
        metadata = mapping(manifest, "metadata")
        namespace = str(metadata.get("namespace") or self.namespace) if resource.namespaced else ""
        if namespace and self._store.get(Key(NAMESPACES.plural, "", namespace)) is None:
            self._registry.create(NAMESPACES, "", {"metadata": {"name": namespace}})
        name = str(metadata.get("name", ""))
        if self._store.get(Key(resource.plural, namespace, name)) is None:
            return self._registry.create(resource, namespace, manifest)
        return self._registry.update(resource, namespace, name, manifest)

    def delete(self, name: str, namespace: str | None = None, kind: str = "Secret") -> None:
        """Delete the Secret, ConfigMap or Namespace.

        Raises:
            StatusError: 404, it does not exist.
        """
        resource = self._resource(kind)
        where = (namespace or self.namespace) if resource.namespaced else ""
        self._call(lambda: self._registry.delete(resource, where, name, DeleteOptions()))

    @staticmethod
    def _resource(kind: str) -> ServedResource:
        for resource in RESOURCES.values():
            if resource.kind == kind:
                return resource
        raise StatusError(400, "BadRequest", f"the devserver has Secrets, ConfigMaps and Namespaces, no {kind}")

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Undo all changes of objects and tokens at the end of the ``with`` block.

        Finalizers do not prevent this. If the server has been stopped in the block, there is nothing to undo.
        """
        objects, users = self._call(lambda: (self._store.snapshot(), dict(self._access.users)))
        try:
            yield
        finally:
            if self.running:
                self._call(lambda: self._restore(objects, users))

    def _restore(self, objects: Mapping[Key, JsonObject], users: Mapping[str, User]) -> None:
        self._store.restore(objects)
        self._access.users.clear()
        self._access.users.update(users)

    def create_token(
        self,
        user: str,
        grants: Mapping[str, Sequence[str]] | None,
        config_maps: Mapping[str, Sequence[str]] | None = None,
    ) -> str:
        """Return a new token for ``user``.

        Args:
            grants: verbs on Secrets, by namespace (``*`` for all namespaces). None permits everything.
            config_maps: verbs on ConfigMaps, in the same form. None permits nothing on them.
        """
        by_resource = None if grants is None else {SECRETS.plural: grants, CONFIG_MAPS.plural: config_maps or {}}
        return self._access.create_token(user, by_resource)

    def revoke_token(self, token: str) -> None:
        """Answer requests with this token with 401 from now on, as if it had expired."""
        self._access.users.pop(token, None)

    def service_account(
        self,
        namespace: str,
        name: str,
        grants: Mapping[str, Sequence[str]],
        config_maps: Mapping[str, Sequence[str]] | None = None,
    ) -> Path:
        """Return a new folder like a pod's, with a token for this service account; see :meth:`create_token`."""
        token = self.create_token(self._user(namespace, name), grants, config_maps)
        return self._written.write_service_account(f"serviceaccount-{next(self._accounts)}", token, namespace)

    @staticmethod
    def _user(namespace: str, name: str) -> str:
        return f"system:serviceaccount:{namespace}:{name}"

    def forget_history(self) -> None:
        """Answer every watch and page that resumes from before now with 410, as a real server does in time."""
        self._call(self._store.forget_history)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets with an explicit protocol. Without it, each response waits 40 ms for an
    # ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(256)
    except BaseException:
        listener.close()
        raise
    return listener
