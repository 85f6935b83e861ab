"""Credentials from a kubeconfig file, read by the official client's loader (the extra ``kubeconfig``).

Exec plugins, client certificates, merging of several files: that loader is the well-kept library for them. It has no
deadline for an exec plugin, and neither has this.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_kubernetes_secrets.api.connection import Endpoint, Tls
from airflow_kubernetes_secrets.api.credentials import client_context
from airflow_kubernetes_secrets.errors import NotConfiguredError


class KubeconfigCredentials:
    """Those of one context of a kubeconfig. ``path`` may name several files, as ``KUBECONFIG`` may."""

    def __init__(self, path: str, context: str | None) -> None:
        """
        Raises:
            NotConfiguredError: the extra is not installed, or the file or the context cannot be used.
        """
        self._path = os.pathsep.join(str(Path(part).expanduser()) for part in path.split(os.pathsep) if part)
        self._context = context
        self.renew()

    @property
    def source(self) -> str:
        return f"the kubeconfig {self._path}"

    def renew(self) -> None:
        configuration, self._namespace = self._load()
        url = urlsplit(configuration.host)
        if configuration.proxy:
            raise NotConfiguredError(f"{self.source} or the environment asks for a proxy, which is not supported")
        if not url.hostname:
            raise NotConfiguredError(f"{self.source} names no usable server: {configuration.host!r}")
        plain = url.scheme == "http"
        self.endpoint = Endpoint(url.hostname, url.port or (80 if plain else 443), url.path.rstrip("/"))
        self._configuration = configuration
        # Made now and kept: the loader's temporary certificate files may be gone later.
        self._tls = None if plain else _tls(configuration)

    def tls(self) -> Tls | None:
        return self._tls

    def authorization(self) -> str | None:
        # This asks the loader's hook first, which runs an exec plugin again when its token has expired.
        setting = self._configuration.auth_settings().get("BearerToken")
        return setting["value"] if setting else None

    def namespace(self) -> str:
        return self._namespace

    def _load(self) -> tuple[Any, str]:
        try:
            from kubernetes import client, config
        except ImportError:
            raise NotConfiguredError(
                f"reading {self.source} needs the official client: pip install 'airflow-kubernetes-secrets[kubeconfig]'"
            ) from None
        configuration = client.Configuration()
        loader: Any = config  # it has no types
        try:
            loader.load_kube_config(self._path, context=self._context, client_configuration=configuration)
            contexts, current = loader.list_kube_config_contexts(self._path)
        except config.ConfigException as error:
            raise NotConfiguredError(f"{self.source} cannot be used: {error}") from None
        except Exception as error:
            # The loader lets YAML's errors through, which quote the file, token and all.
            raise NotConfiguredError(f"{self.source} cannot be read: {type(error).__name__}") from None
        chosen = next((c for c in contexts if c["name"] == self._context), current)
        # As kubectl does, a context without a namespace means the one called default.
        return configuration, chosen["context"].get("namespace") or "default"


def _tls(configuration: Any) -> Tls:
    context = client_context(configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        # insecure-skip-tls-verify in the kubeconfig: its owner asked for it.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Tls(context, configuration.tls_server_name)
