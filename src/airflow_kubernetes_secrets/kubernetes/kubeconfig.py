"""Credentials from a kubeconfig file, read by the loader of the official client (the extra ``kubeconfig``).

That loader is well maintained, and supports exec plugins, client certificates and merged files. It waits for an exec
plugin without a limit, so this module has :mod:`~airflow_kubernetes_secrets.kubernetes.exec_plugin` set one.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from time import time
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes.bearer_token import token_claims
from airflow_kubernetes_secrets.kubernetes.credentials import NOT_ACCEPTED, client_context
from airflow_kubernetes_secrets.kubernetes.exec_plugin import limited
from airflow_kubernetes_secrets.kubernetes.http_connection import Endpoint, Tls
from airflow_kubernetes_secrets.messages.printable import printable
from airflow_kubernetes_secrets.process import importing

Result = TypeVar("Result")

# The most contexts that an error lists.
_SHOWN_CONTEXTS = 10


class _Loaded(NamedTuple):
    """The content of a kubeconfig. ``tls`` is created at once, while the loader's certificate files exist."""

    configuration: Any
    endpoint: Endpoint
    tls: Tls | None
    namespace: str
    has_plugin: bool


class KubeconfigCredentials:
    """The credentials of one context of a kubeconfig; :class:`Credentials` describes the methods.

    ``path`` may name several files, as ``KUBECONFIG`` may.
    """

    def __init__(self, path: str, context: str | None) -> None:
        """Load the kubeconfig.

        Raises:
            NotConfiguredError: the extra is not installed, or the file or the context cannot be used.
        """
        if "\n" in path:
            # It may be credentials, so the message does not show it.
            raise NotConfiguredError("the kubeconfig must be the path of a file; it is a string of several lines")
        self._path = path
        self._context = context
        self._loaded = self._load()

    @property
    def endpoint(self) -> Endpoint:
        return self._loaded.endpoint

    @property
    def source(self) -> str:
        return f"the kubeconfig {printable(self._path)}"

    @property
    def refusal_reason(self) -> str:
        # This does not call the loader's hook, which can run an exec plugin.
        expires = token_claims(self._loaded.configuration.api_key.get("BearerToken")).get("exp")
        if isinstance(expires, (int, float)) and expires <= time():
            return f"its token has expired. {self.renewal}"
        return f"{NOT_ACCEPTED}. {self.renewal}"

    @property
    def renewal(self) -> str:
        if self._loaded.has_plugin:
            return "Log in again as its exec plugin requires"
        return "Log in to the cluster again, or copy a current kubeconfig"

    def renew(self) -> None:
        self._loaded = self._load()

    def tls(self) -> Tls | None:
        return self._loaded.tls

    def authorization(self) -> str | None:
        # This first calls the loader's hook, which runs an exec plugin again when its token has expired.
        setting = self._from_loader(self._loaded.configuration.auth_settings).get("BearerToken")
        # The token of a file usually ends with a newline.
        return setting["value"].strip() if setting else None

    def namespace(self) -> str:
        return self._loaded.namespace

    def _load(self) -> _Loaded:
        try:
            with importing.lock:
                from kubernetes import client, config
        except ImportError as error:
            raise NotConfiguredError(
                f"reading {self.source} needs the official client: pip install 'airflow-kubernetes-secrets[kubeconfig]'"
            ) from error
        return self._from_loader(lambda: _loaded(config.kube_config, client.Configuration(), self._path, self._context))

    def _from_loader(self, step: Callable[[], Result]) -> Result:
        """Return the result of code that calls the loader.

        Raises:
            NotConfiguredError: it failed.
        """
        try:
            return step()
        except Exception as error:  # the loader handles no error itself, not even those of YAML
            problem = _problem_of(error)
        # Raise outside the except block, with nothing chained: errors of YAML quote the file, including its token.
        raise NotConfiguredError(f"{self.source} {problem}")


def _problem_of(error: Exception) -> str:
    """Return what an error of the loader means, without quotations of the kubeconfig."""
    from kubernetes.config import ConfigException  # the loader has imported it

    if isinstance(error, NotConfiguredError):
        return f"cannot be used: {error}"
    if isinstance(error, ConfigException):
        return f"cannot be used: {_without_quotations(str(error))}"
    return (
        f"cannot be read ({type(error).__name__}): check its format, the files that it names, its certificates and its "
        "server"
    )


def _loaded(reader: Any, configuration: Any, path: str, chosen: str | None) -> _Loaded:
    """Load one context of a kubeconfig.

    Args:
        reader: the module of the official client that contains the loader. It has no types.
        configuration: an empty ``Configuration`` of the official client.

    Raises:
        NotConfiguredError: there is no such file, or it cannot be used.
    """
    _check_readable(path)
    merger = reader.KubeConfigMerger(path)
    if merger.config is None:
        raise NotConfiguredError("there is no such file. Correct its path")
    _check_context(merger.config, chosen)
    with _temporary_folder(reader) as folder:
        loader = reader.KubeConfigLoader(
            # Without a base path, the names of files are relative to the kubeconfig that contains them, as in kubectl.
            merger.config,
            chosen,
            config_base_path=None,
            config_persister=merger.save_changes,
            temp_file_path=folder,
        )
        context = loader.current_context["context"]
        cluster = merger.config["clusters"].get_with_name(context["cluster"])["cluster"]
        user = _user(merger.config, context.get("user"))
        _check(cluster, user)
        has_plugin = user is not None and isinstance(user.safe_get("exec"), Mapping)
        # With an auth-provider, the loader may write the content back to the file.
        if user is None or not user.safe_get("auth-provider"):
            _remove_empty(cluster, user)
            _adapt(user)
        _check_files(cluster, user)
        loader.load_and_set(configuration)
        # As in kubectl, a context without a namespace means the namespace `default`.
        namespace = context.get("namespace") or "default"
        _check_string("the namespace of its context", namespace)
        return _Loaded(configuration, _endpoint(configuration.host), _tls(configuration), namespace, has_plugin)


def _check_readable(paths: str) -> None:
    """Check the files of a kubeconfig. The loader takes a file in a folder without permission for a missing one.

    Raises:
        NotConfiguredError: a file exists and cannot be read.
    """
    for path in paths.split(os.pathsep):
        # Unlike `Path.expanduser`, this leaves the name of an unknown user as it is, like the loader.
        error = _read_error(Path(os.path.expanduser(path))) if path else None
        # As in kubectl, a file that does not exist is skipped.
        if error is not None and not isinstance(error, FileNotFoundError):
            raise NotConfiguredError(f"{path} cannot be read: {_reason(error)}. Correct the path, or its permissions")


def _remove_empty(cluster: Any, user: Any) -> None:
    """Remove empty strings. They have no effect in kubectl; the loader uses them, such as for the name of a file."""
    for node in (cluster, user):
        for name, text in list(node.value.items()) if node is not None else ():
            if text == "":
                del node.value[name]


def _check_context(config: Any, chosen: str | None) -> None:
    """Check that a kubeconfig has the chosen context, or the current one if none is chosen.

    Raises:
        NotConfiguredError: it has no such context.
    """
    # The merged kubeconfig has a list, and each entry is a node of the loader.
    entries = [each.value for each in config.value["contexts"]]
    names = [each["name"] for each in entries if isinstance(each, Mapping) and isinstance(each.get("name"), str)]
    name = chosen or config.value.get("current-context")
    if name in names:
        return
    if not names:
        raise NotConfiguredError("it has no contexts. Copy a complete kubeconfig")
    more = len(names) - _SHOWN_CONTEXTS
    listed = printable(", ".join(names[:_SHOWN_CONTEXTS])) + (f" and {more} more" if more > 0 else "")
    if not name:
        raise NotConfiguredError(f"it has no current-context. Choose one of its contexts: {listed}")
    raise NotConfiguredError(f"it has no context '{printable(str(name))}'. Choose one of its contexts: {listed}")


def _adapt(user: Any) -> None:
    """Change a user where the loader would read it in another way than kubectl."""
    if user is None:
        return
    content, folder = user.value, _folder_of(user)
    if isinstance(content.get("exec"), Mapping):
        content["exec"] = limited(content["exec"], folder)
    # kubectl uses the file of a token even if there is a token too.
    if content.get("tokenFile"):
        content.pop("token", None)
    # The loader searches for these files next to the kubeconfig of the cluster.
    for name in ("client-certificate", "client-key"):
        if isinstance(content.get(name), str):
            content[name] = str(folder / content[name])


def _folder_of(node: Any) -> Path:
    """Return the folder of the kubeconfig that contains a part of the configuration."""
    return Path(node.path).absolute().parent


def _check_files(cluster: Any, user: Any) -> None:
    """Check the files that only the loader reads, since its errors do not name the field.

    Raises:
        NotConfiguredError: a file cannot be read. Its name is not shown: it may be the token itself.
    """
    for node, name in ((cluster, "certificate-authority"), (user, "tokenFile")):
        file = None if node is None else node.safe_get(name)
        if not isinstance(file, str) or not file or node.safe_get(f"{name}-data"):
            continue
        if error := _read_error(_folder_of(node) / file):
            raise NotConfiguredError(
                f"its {name} cannot be read: {_reason(error)}. A relative path starts at the folder of the kubeconfig"
            )


def _read_error(path: Path) -> OSError | ValueError | None:
    """Return why a file cannot be read; ``None`` if it can."""
    try:
        # A pipe, such as `<(command)` in a shell, has its content only once, for the loader.
        if not path.is_fifo():
            path.read_bytes()
    except (OSError, ValueError) as error:
        return error
    return None


def _reason(error: OSError | ValueError) -> str:
    """Return an error in words, without the name of the file."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "that is not a path"  # it contains a NUL


@contextmanager
def _temporary_folder(reader: Any) -> Iterator[str | None]:
    """Yield a folder for the loader's files with keys and certificates, since OpenSSL reads keys only from files.

    The loader would leave these files until the process ends. If it ends with ``os._exit``, as forked children do, they
    would stay for good. Only this thread removes the folder; a child that is forked meanwhile does not.
    """
    folder = None
    try:
        try:
            # Most kubeconfigs need no folder, so a failure to create one does not matter yet.
            with suppress(OSError):
                folder = mkdtemp(prefix="airflow-kubernetes-secrets-")
            yield folder
        finally:
            _remove(reader, folder)
    finally:
        # An exception from a signal handler can have interrupted the removal.
        _remove(reader, folder)


def _remove(reader: Any, folder: str | None) -> None:
    if folder is None:
        return
    # The loader reuses its files for the same content, for example when Apache's provider loads it in this process.
    for content, name in list(reader._temp_files.items()):
        if name.startswith(folder):
            reader._temp_files.pop(content, None)
    with suppress(FileNotFoundError):
        rmtree(folder)


def _without_quotations(problem: str) -> str:
    """Return the loader's message up to a quotation, which may be a user's whole entry or the output of a plugin."""
    return problem.partition("{")[0].partition("\n")[0]


def _user(config: Any, name: str | None) -> Any:
    """Return the user of that name; ``None`` if there is none. The loader also works without one."""
    users = config.safe_get("users") and config["users"]
    found = users.get_with_name(name, safe=True) if users else None
    return None if found is None else found["user"]


# Strings that YAML can read as something else. The loader would send what Python calls that.
_CLUSTER_STRINGS = ("tls-server-name",)
_USER_STRINGS = ("token", "tokenFile", "username", "password")

# The fields of a user for which the loader sends credentials. A client certificate is only used in TLS.
_SENT = ("token", "tokenFile", "exec", "auth-provider", "username", "password")

# The fields of a user for impersonation. The loader ignores them and so would use the permissions of the user itself.
_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")


def _check(cluster: Any, user: Any) -> None:
    """Check a cluster and a user before a plugin is run or a key is written.

    Raises:
        NotConfiguredError: credentials would be sent over plain HTTP, which kubectl does not do either; it is unclear
            whether to check the certificate; or the kubeconfig requests what is not supported.
    """
    server = cluster.safe_get("server")
    if not isinstance(server, str) or not server.startswith(("https://", "http://")):
        raise NotConfiguredError("its server is not a URL that begins with https://. Correct 'server' of the cluster")
    sent = [name for name in _SENT if user is not None and user.safe_get(name)]
    if sent and server.startswith("http://"):
        raise NotConfiguredError(
            "its server begins with http://, so anyone on the network path could read the user's credentials "
            f"({sent[0]}). Write https://; or, for 'kubectl proxy', which adds its own credentials, use a context "
            "whose user has none"
        )
    plugin = None if user is None else user.safe_get("exec")
    for name in ("apiVersion", "command"):
        # The loader would log the missing field together with everything that the user contains.
        if isinstance(plugin, dict) and not plugin.get(name):
            raise NotConfiguredError(f"its exec plugin has no {name}. Add it to 'exec' of the user")
    _check_verification(cluster)
    for node, names in ((cluster, _CLUSTER_STRINGS), (user, _USER_STRINGS)):
        for name in names if node is not None else ():
            _check_string(f"its {name}", node.safe_get(name))
    # Releases of the loader before 37 ignore the proxy, and later ones mix it with the one of the environment.
    if cluster.safe_get("proxy-url"):
        raise NotConfiguredError(
            "it specifies a proxy (proxy-url), which is not supported. Use a context without a proxy"
        )
    if user is not None and any(user.safe_get(name) for name in _IMPERSONATION):
        raise NotConfiguredError(
            "its user impersonates another user ('as'), which is not supported. Use a context whose user does not; "
            "the commands have the argument --as instead"
        )


def _check_verification(cluster: Any) -> None:
    """Check that it is clear whether to check the server's certificate.

    Raises:
        NotConfiguredError: it is unclear.
    """
    skip = cluster.safe_get("insecure-skip-tls-verify")
    if not isinstance(skip, (bool, type(None))):
        raise NotConfiguredError("its insecure-skip-tls-verify is neither true nor false; remove it")
    if skip and any(cluster.safe_get(name) for name in ("certificate-authority", "certificate-authority-data")):
        raise NotConfiguredError(
            "it specifies both a CA certificate and insecure-skip-tls-verify, which kubectl refuses too. "
            "Remove the latter"
        )


def _check_string(what: str, value: object) -> None:
    if not isinstance(value, (str, type(None))):
        raise NotConfiguredError(f"{what} is not a string. Put it in quotation marks")


def _endpoint(server: str) -> Endpoint:
    url = urlsplit(server)
    if not url.hostname:
        raise NotConfiguredError("its server is not a URL that begins with https://. Correct 'server' of the cluster")
    return Endpoint(url.hostname, url.port or (80 if url.scheme == "http" else 443), url.path.rstrip("/"))


def _tls(configuration: Any) -> Tls | None:
    if urlsplit(configuration.host).scheme == "http":
        return None
    try:
        context = client_context(configuration.ssl_ca_cert)
    except ssl.SSLError:
        raise NotConfiguredError("its certificate-authority contains no usable CA certificate. Correct it") from None
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file, password=_refuse_passphrase)
    if not configuration.verify_ssl:
        # The kubeconfig contains insecure-skip-tls-verify: its owner requested this, and doctor warns about it.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return Tls(context, configuration.tls_server_name)


def _refuse_passphrase() -> str:
    """Refuse to decrypt a client key. OpenSSL would otherwise wait for somebody to type the pass phrase."""
    raise NotConfiguredError("its client key is encrypted; store it without a passphrase")
