"""Credentials from a kubeconfig file, read by the official client's loader (the extra ``kubeconfig``).

Exec plugins, client certificates, merging of several files: that loader is the well-kept library for them. It has no
deadline for an exec plugin, and neither has this.
"""

from __future__ import annotations

import ssl
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from airflow_kubernetes_secrets.api.connection import Endpoint, Tls
from airflow_kubernetes_secrets.api.credentials import client_context
from airflow_kubernetes_secrets.errors import NotConfiguredError


class _Loaded(NamedTuple):
    """What a kubeconfig says. ``tls`` is made at once: the loader's temporary certificate files may be gone later."""

    configuration: Any
    endpoint: Endpoint
    tls: Tls | None
    namespace: str


class KubeconfigCredentials:
    """Those of one context of a kubeconfig. ``path`` may name several files, as ``KUBECONFIG`` may."""

    def __init__(self, path: str, context: str | None) -> None:
        """
        Raises:
            NotConfiguredError: the extra is not installed, or the file or the context cannot be used.
        """
        if "\n" in path:
            # It may be credentials, so it is not shown.
            raise NotConfiguredError("the kubeconfig has to be the path of a file, and is a text of several lines")
        self._path = path
        self._context = context
        self._loaded = self._load()

    @property
    def endpoint(self) -> Endpoint:
        return self._loaded.endpoint

    @property
    def source(self) -> str:
        return f"the kubeconfig {self._path}"

    def renew(self) -> None:
        self._loaded = self._load()

    def tls(self) -> Tls | None:
        return self._loaded.tls

    def authorization(self) -> str | None:
        # This asks the loader's hook first, which runs an exec plugin again when its token has expired.
        setting = self._loaded.configuration.auth_settings().get("BearerToken")
        # A file with a token mostly ends with a newline.
        return setting["value"].strip() if setting else None

    def namespace(self) -> str:
        return self._loaded.namespace

    def _load(self) -> _Loaded:
        try:
            from kubernetes import client, config
        except ImportError as error:
            raise NotConfiguredError(
                f"reading {self.source} needs the official client: pip install 'airflow-kubernetes-secrets[kubeconfig]'"
            ) from error
        loader: Any = config  # it has no types
        configuration = client.Configuration()
        try:
            loader.load_kube_config(self._path, context=self._context, client_configuration=configuration)
            contexts, current = loader.list_kube_config_contexts(self._path)
            chosen = next((each for each in contexts if each["name"] == self._context), current)
            # Releases of the loader before 37 take no notice of one, and later ones mix it with the environment's.
            clusters = loader.kube_config.KubeConfigMerger(self._path).config["clusters"]
            _refuse_proxy(clusters.get_with_name(chosen["context"]["cluster"])["cluster"])
            # As kubectl does, a context without a namespace means the one called default.
            namespace = chosen["context"].get("namespace") or "default"
            return _Loaded(configuration, _endpoint(configuration.host), _tls(configuration), namespace)
        except (config.ConfigException, NotConfiguredError) as error:
            problem = f"cannot be used: {error}"
        except Exception as error:  # the loader lets everything through, YAML's errors included
            problem = f"cannot be read ({type(error).__name__}): look at its form, its certificates and its server"
        # Outside the except blocks, with nothing chained: YAML's errors quote the file, token and all.
        raise NotConfiguredError(f"{self.source} {problem}")


def _endpoint(server: str) -> Endpoint:
    url = urlsplit(server)
    if not url.hostname:
        raise NotConfiguredError("its server is not a URL")
    return Endpoint(url.hostname, url.port or (80 if url.scheme == "http" else 443), url.path.rstrip("/"))


def _tls(configuration: Any) -> Tls | None:
    if urlsplit(configuration.host).scheme == "http":
        return None
    context = client_context(configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file, password=_refuse_to_ask)
    if not configuration.verify_ssl:
        # insecure-skip-tls-verify in the kubeconfig: its owner asked for it.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Tls(context, configuration.tls_server_name)


def _refuse_proxy(cluster: Any) -> None:
    if cluster.safe_get("proxy-url"):
        raise NotConfiguredError("it asks for a proxy (proxy-url), which is not supported")


def _refuse_to_ask() -> str:
    """Called for the pass phrase of an encrypted key; without it OpenSSL would wait for somebody to type one."""
    raise NotConfiguredError("its client key is encrypted; store it without a pass phrase")
