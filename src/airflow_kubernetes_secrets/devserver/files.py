"""What clients need as files: the CA, kubeconfigs, and folders laid out like a pod's service account."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml


class Files:
    """Files in a folder; :meth:`remove` takes away what was written, and the folder if it was made for them.

    Args:
        directory: where to write; a new temporary folder when None.
    """

    def __init__(self, directory: Path | None) -> None:
        self._own = directory is None or not directory.exists()
        self.directory = Path(tempfile.mkdtemp(prefix="kubernetes-devserver-")) if directory is None else directory
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._written: list[Path] = []

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.crt"

    def write_ca(self, certificate: bytes) -> None:
        self._write(self.ca_file, certificate)

    def write_kubeconfig(self, name: str, url: str, token: str, namespace: str) -> Path:
        """A kubeconfig with the one server, user and context."""
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
        path = self.directory / name
        self._write(path, yaml.safe_dump(config, sort_keys=False).encode())
        return path

    def write_service_account(self, name: str, token: str, namespace: str) -> Path:
        """A folder with ``token``, ``ca.crt`` and ``namespace``, as under /var/run/secrets in a pod."""
        folder = self.directory / name
        if not folder.exists():
            folder.mkdir(mode=0o700)
            self._written.append(folder)
        for file, content in (("ca.crt", self.ca_file.read_bytes()), ("namespace", namespace.encode())):
            self._write(folder / file, content)
        # Last: who waits for the token then finds the rest as well.
        self._write(folder / "token", token.encode())
        return folder

    def _write(self, path: Path, content: bytes) -> None:
        """Whole or not at all, and never readable by others."""
        partial = path.with_name(f".{path.name}.partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_bytes(content)
        partial.replace(path)
        self._written.append(path)

    def remove(self) -> None:
        """May be called more than once."""
        if self._own:
            shutil.rmtree(self.directory, ignore_errors=True)
        for path in reversed(self._written):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        self._written.clear()
