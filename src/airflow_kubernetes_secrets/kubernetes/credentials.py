"""The address of the API server and the credentials of this process: from a pod, or from a kubeconfig.

In a pod, this follows ``kubernetes.config.load_incluster_config()`` of the official client, with the same environment
variables, files and refusals.
https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Protocol

from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes.http_connection import Endpoint, Tls
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.process import ForkGuard

SERVICE_HOST = "KUBERNETES_SERVICE_HOST"
SERVICE_PORT = "KUBERNETES_SERVICE_PORT"

# The name of a temporary folder of a devserver begins with this. The devserver removes the folder when it ends.
DEVSERVER_FOLDER_PREFIX = "kubernetes-devserver-"

# The kubelet replaces a projected token long before it expires. The official client also reads it every minute.
_TOKEN_SECONDS = 60

# Why the API server can refuse credentials.
NOT_ACCEPTED = "it has expired, was revoked, or belongs to another cluster"

# OpenSSL takes locks to look up its algorithms. A child that was forked during that hung in the same place.
_openssl = ForkGuard()


def in_a_pod(environ: Mapping[str, str] | None = None) -> bool:
    """Return whether the environment variables are set by which a pod finds the API server."""
    return all((environ or os.environ).get(name) for name in (SERVICE_HOST, SERVICE_PORT))


class Credentials(Protocol):
    """What a client needs to reach an API server."""

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def source(self) -> str:
        """The origin of these credentials, for messages."""

    @property
    def refusal_reason(self) -> str:
        """Why the API server can refuse credentials that were just read, with a remedy, for messages."""

    @property
    def renewal(self) -> str:
        """How to get other credentials, as a sentence without its end."""

    def tls(self) -> Tls | None:
        """Return how to check the API server on a new connection; ``None`` for plain HTTP."""

    def authorization(self) -> str | None:
        """Return the value of the ``Authorization`` header; ``None`` if none is sent, as with a client certificate.

        Raises:
            NotConfiguredError: the last token has expired, and no other can be read.
        """

    def renew(self) -> None:
        """Read everything again, after the API server has refused the credentials."""

    def namespace(self) -> str:
        """Return the namespace that belongs to these credentials."""


def client_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a TLS context that trusts ``ca_file``, or else the CAs of the system.

    Python 3.13 sets ``VERIFY_X509_STRICT`` by default. That rejects a CA without key usage or authority key identifier,
    which many clusters have (https://docs.python.org/3.13/whatsnew/3.13.html#ssl).
    """
    with _openssl.lock:
        context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class ServiceAccountCredentials:
    """The credentials that Kubernetes mounts into a pod: ``token``, ``ca.crt`` and ``namespace`` in one folder.

    Files are read when they are needed: the token again every minute, the CA for each new connection. If a file becomes
    unusable, its last usable content is used instead, as client-go does with the token. The content may be valid for
    long, and the next rotation replaces the file. :class:`Credentials` describes the methods.
    """

    def __init__(self, folder: str, environ: Mapping[str, str] | None = None) -> None:
        """Read the token, and check that the CA certificate is there.

        Args:
            environ: replaces the environment of this process. That one is never in a local variable here: error
                reports can show local variables, and Airflow's environment contains passwords.

        Raises:
            NotConfiguredError: this is not a pod, or a file is missing or unusable.
        """
        if not in_a_pod(environ):
            raise NotConfiguredError(
                f"no Kubernetes API is configured: {SERVICE_HOST} and {SERVICE_PORT} are not set, so this is not a "
                "pod, and there is no kubeconfig. Run Airflow in a pod, or name a kubeconfig file in backend_kwargs "
                '({"kubeconfig": "…"}) or in the variable KUBECONFIG'
            )
        host, port = map((environ or os.environ).__getitem__, (SERVICE_HOST, SERVICE_PORT))
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise NotConfiguredError(f"{SERVICE_PORT} is not a port number: {port!r}")
        self.endpoint = Endpoint(host, int(port))
        self._folder = Path(folder)
        self._token = self._read("token")
        self._token_read_at = monotonic()
        self._read("ca.crt")
        self._tls: Tls | None = None

    @property
    def source(self) -> str:
        return f"the service account's token in {printable(self._folder / 'token')}"

    @property
    def refusal_reason(self) -> str:
        return f"{NOT_ACCEPTED}. {self.renewal}"

    @property
    def renewal(self) -> str:
        return "Mount a current one, or restart the pod"

    def tls(self) -> Tls:
        path = self._folder / "ca.crt"
        try:
            self._tls = Tls(client_context(str(path)))
        except OSError as error:
            if isinstance(error, ssl.SSLError):
                problem = f"{path} contains no usable CA certificate: {type(error).__name__}"
            else:
                problem = f"{path} cannot be read: {error.strerror}"
            if self._tls is None:
                raise NotConfiguredError(
                    f"{problem}. Kubernetes mounts it with the service account; see service_account_path in "
                    "backend_kwargs"
                ) from error
            self._warn_of_previous_content("ca.crt", problem)
        else:
            notices.forget(self._log_key("ca.crt"))
        return self._tls

    def authorization(self) -> str:
        if monotonic() - self._token_read_at >= _TOKEN_SECONDS:
            self._rotate()
        return f"Bearer {self._token.text}"

    def renew(self) -> None:
        token = self._read("token")
        if not token.text.isprintable():
            raise NotConfiguredError(
                f"{self._folder / 'token'} contains characters that HTTP does not allow. {self._remedy}"
            )
        self._token = token
        self._token_read_at = monotonic()

    def namespace(self) -> str:
        try:
            return self._read("namespace").text
        except NotConfiguredError as error:
            raise NotConfiguredError(
                f"the namespace to look in is not known: {error}. Or set 'namespace' in backend_kwargs"
            ) from None

    @property
    def _remedy(self) -> str:
        """What to do if a file is missing or unusable."""
        made_by_devserver = any(part.startswith(DEVSERVER_FOLDER_PREFIX) for part in self._folder.parts)
        return _DEVSERVER_REMEDY if made_by_devserver and not self._folder.exists() else _MOUNT_REMEDY

    def _rotate(self) -> None:
        """Read the token again. An unusable file does not replace it, and is read again at each request."""
        try:
            self.renew()
        except NotConfiguredError as error:
            self._warn_of_previous_content("token", str(error).removesuffix(f". {self._remedy}"))
        else:
            notices.forget(self._log_key("token"))

    def _warn_of_previous_content(self, name: str, problem: str) -> None:
        notices.once(
            logging.WARNING,
            self._log_key(name),
            f"{problem}. Its previous content is used for as long as the API server accepts it. Kubernetes "
            "rewrites the file when it rotates it; if it does not, fix what writes the file, or restart the pod",
        )

    def _log_key(self, name: str) -> tuple[str, ...]:
        return ("unusable file", str(self._folder / name))

    def _read(self, name: str) -> _FileContent:
        path = self._folder / name
        try:
            file = _FileContent(path)
        except OSError as error:
            raise NotConfiguredError(f"{path} cannot be read: {error.strerror}. {self._remedy}") from error
        if not file.content:
            raise NotConfiguredError(f"{path} is empty. {self._remedy}")
        if not file.content.isascii():
            raise NotConfiguredError(f"{path} is not plain text. {self._remedy}")
        return file


class _FileContent:
    """The content of a file, without surrounding white space. Its ``repr`` does not show it."""

    __slots__ = ("content",)

    def __init__(self, path: Path) -> None:
        self.content = path.read_bytes().strip()

    @property
    def text(self) -> str:
        return self.content.decode("ascii")


_MOUNT_REMEDY = (
    "Kubernetes mounts it unless automountServiceAccountToken is false; "
    "if it is mounted elsewhere, set service_account_path in backend_kwargs"
)

_DEVSERVER_REMEDY = (
    "The devserver that wrote it has ended. Start a devserver again, and use the environment variables of the new one"
)
