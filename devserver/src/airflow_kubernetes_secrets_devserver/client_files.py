"""The files that clients need: the CA, kubeconfigs, and folders laid out like a pod's service account."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml

from airflow_kubernetes_secrets.kubernetes.credentials import DEVSERVER_FOLDER_PREFIX
from airflow_kubernetes_secrets_devserver.own_files import OwnFiles


class ClientFiles:
    """The files for clients, in one folder.

    :meth:`remove` removes what was written, and the folder if it was created for the files.

    Args:
        directory: where to write; a new temporary folder if None.

    Raises:
        OSError: the folder cannot be used, or another devserver uses it.
    """

    def __init__(self, directory: Path | None) -> None:
        self._is_temporary = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix=DEVSERVER_FOLDER_PREFIX)) if directory is None else directory
        self._own = OwnFiles.in_folder(self.directory)

    @property
    def ca_file(self) -> Path:
        """The path of the server's CA, in PEM."""
        return self.directory / "ca.crt"

    def write_ca(self, certificate: bytes) -> None:
        """Write the CA."""
        self._own.write(self.ca_file.name, certificate)

    def write_kubeconfig(self, name: str, url: str, token: str, namespace: str) -> Path:
        """Write a kubeconfig with one server, one user and one context."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "devserver", "cluster": {"server": url, "certificate-authority": str(self.ca_file.resolve())}}
            ],
            "users": [{"name": "devserver", "user": {"token": token}}],
            "contexts": [
                {"name": "devserver", "context": {"cluster": "devserver", "user": "devserver", "namespace": namespace}}
            ],
            "current-context": "devserver",
        }
        return self._own.write(name, yaml.safe_dump(config, sort_keys=False).encode())

    def write_service_account(self, name: str, token: str, namespace: str) -> Path:
        """Write a folder with ``token``, ``ca.crt`` and ``namespace``, as under /var/run/secrets in a pod."""
        folder = self._own.make_folder(name)
        for file, content in (("ca.crt", self.ca_file.read_bytes()), ("namespace", namespace.encode())):
            self._own.write(f"{name}/{file}", content)
        # The token is written last, so a program that waits for it finds the other files as well.
        self._own.write(f"{name}/token", token.encode())
        return folder

    def remove(self) -> list[Path]:
        """Remove the files. May be called more than once.

        Returns:
            The files that were not removed, because they have been changed since.
        """
        kept = self._own.remove()
        if not self._is_temporary:
            return kept
        shutil.rmtree(self.directory, ignore_errors=True)
        return []
