"""A kubeconfig with embedded keys and certificates: the files for OpenSSL are removed after they were read."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import trustme
import yaml
from kubernetes.client import Configuration
from kubernetes.config import kube_config

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import NotConfiguredError
from airflow_kubernetes_secrets.kubernetes import kubeconfig
from airflow_kubernetes_secrets.kubernetes.kubeconfig import KubeconfigCredentials
from support.cluster import Cluster, ServiceAccount
from support.faults import answer_with
from support.memory import fork, join
from support.proxy import Proxy
from support.secrets import Put
from support.servers import on_the_devserver

# The proxy responds by itself: no user of the server has a certificate.
pytestmark = on_the_devserver


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a folder for temporary files that only this test uses."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def clients() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def proxy(cluster: Cluster, clients: trustme.CA) -> Iterator[Proxy]:
    """Run a proxy that accepts only clients with a certificate."""
    with Proxy(cluster, clients=clients) as running:
        yield running


@pytest.fixture
def user(clients: trustme.CA) -> dict[str, str]:
    """Return the certificate and key of a user, as the data of a kubeconfig."""
    issued = clients.issue_cert("jane")
    return {
        "client-certificate-data": b64encode(issued.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": b64encode(issued.private_key_pem.bytes()).decode(),
    }


@pytest.fixture
def plugin(clients: trustme.CA, tmp_path: Path) -> dict[str, object]:
    """Return an exec plugin that returns a new certificate and key at each call."""
    issued = [clients.issue_cert(f"jane-{number}") for number in range(4)]
    answers = [
        {
            "clientCertificateData": each.cert_chain_pems[0].bytes().decode(),
            "clientKeyData": each.private_key_pem.bytes().decode(),
        }
        for each in issued
    ]
    (tmp_path / "answers").write_text(json.dumps(answers))
    path = tmp_path / "plugin"
    path.write_text(
        f"#!{sys.executable}\nimport json, pathlib\n"
        f"path = pathlib.Path({str(tmp_path / 'answers')!r})\n"
        "first, *others = json.loads(path.read_text())\n"
        "path.write_text(json.dumps(others))\n"
        "print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', 'kind': 'ExecCredential', "
        "'status': first}))\n"
    )
    path.chmod(0o755)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(path),
            "interactiveMode": "Never",
        }
    }


Write = Callable[[dict[str, Any]], Path]


@pytest.fixture
def write(cluster: Cluster, account: ServiceAccount, namespace: str, proxy: Proxy) -> Write:
    """Return a function that writes a kubeconfig with this user. Its server is the proxy, with its CA as data."""

    def write_it(user: dict[str, Any]) -> Path:
        path = cluster.kubeconfig(account.token, namespace)
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"] = {
            "server": f"https://{proxy.host}:{proxy.port}",
            "certificate-authority-data": b64encode(proxy.ca_file.read_bytes()).decode(),
        }
        config["users"][0]["user"] = user
        path.write_text(yaml.safe_dump(config))
        return path

    return write_it


NOTHING = b'{"kind": "SecretList", "metadata": {"resourceVersion": "1"}, "items": []}'


@pytest.fixture(params=["data", "plugin"])
def path(request: pytest.FixtureRequest, write: Write) -> Path:
    """Return a kubeconfig whose user has a certificate as data, or from a plugin."""
    return write(request.getfixturevalue("user" if request.param == "data" else "plugin"))


def left(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_no_file_remains_after_a_lookup(path: Path, temporary: Path, proxy: Proxy) -> None:
    proxy.always = answer_with(200, NOTHING)
    before = dict(kube_config._temp_files)

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") is None

    assert left(temporary) == []
    # The loader must not return the name of a removed file to the next caller with the same content.
    assert kube_config._temp_files == before


def test_no_file_remains_after_a_401(path: Path, temporary: Path, proxy: Proxy) -> None:
    proxy.faults.append(answer_with(401))
    proxy.always = answer_with(200, NOTHING)

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") is None

    assert len(proxy.requests) == 2
    assert left(temporary) == []


def test_no_file_remains_after_a_child_exits_without_cleanup(path: Path, temporary: Path, proxy: Proxy) -> None:
    proxy.always = answer_with(200, NOTHING)
    backend = KubernetesSecretsBackend(kubeconfig=str(path))

    # The child ends with os._exit, so nothing is cleaned up at its end. The first forked child loads by itself.
    join(fork(lambda: backend.get_variable("x") is None))
    assert left(temporary) == []
    assert backend.get_variable("x") is None
    join(fork(lambda: backend.get_variable("y") is None))

    assert left(temporary) == []


def test_child_does_not_delete_files_that_its_parent_is_loading(
    write: Write, plugin: dict[str, Any], temporary: Path, proxy: Proxy, tmp_path: Path
) -> None:
    """The child ends as Python ends. The files that its parent is loading stay until the parent has read them."""
    proxy.always = answer_with(200, NOTHING)
    waiting, go_on = tmp_path / "waiting", tmp_path / "go-on"
    command = Path(plugin["exec"]["command"])
    text = command.read_text()
    command.write_text(
        text.replace(
            "import json, pathlib\n",
            f"import json, pathlib, time\npathlib.Path({str(waiting)!r}).touch()\n"
            f"while not pathlib.Path({str(go_on)!r}).exists():\n    time.sleep(0.01)\n",
        )
    )
    backend = KubernetesSecretsBackend(kubeconfig=str(write(plugin)), timeout=60)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(backend.get_variable("x")))
    thread.start()
    while not waiting.exists():
        thread.join(0.01)

    def tidy_up() -> None:
        import atexit

        atexit._run_exitfuncs()

    join(fork(tidy_up))
    go_on.touch()
    thread.join(60)

    assert found == [None]
    assert left(temporary) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"client-key-data": b64encode(b"no key").decode()},
        {"client-certificate-data": b64encode(b"no certificate").decode()},
        {"client-key-data": "no base64"},
    ],
)
def test_no_file_remains_of_invalid_keys_or_certificates(
    write: Write, user: dict[str, str], temporary: Path, wrong: dict[str, str]
) -> None:
    with pytest.raises(NotConfiguredError, match="cannot be read"):
        KubernetesSecretsBackend(kubeconfig=str(write({**user, **wrong}))).get_variable("x")

    assert left(temporary) == []


def test_no_file_remains_of_a_kubeconfig_with_an_invalid_server(
    write: Write, user: dict[str, str], temporary: Path
) -> None:
    path = write(user)
    path.write_text(path.read_text().replace("https://127.0.0.1:", "https://127.0.0.1:x"))

    with pytest.raises(NotConfiguredError):
        KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x")

    assert left(temporary) == []


class Interrupted(BaseException):
    """The exception of a signal handler, such as Airflow's execution timeout."""


# The functions of the loader that handle files.
LOADER_FUNCTIONS = (
    *("load_and_set", "_load_cluster_info", "_set_config", "as_file", "_write_file"),
    "_create_temp_file_with_content",
)


def interrupted_at(number: int, load: Callable[[], object]) -> bool:
    """Raise an exception at this line of the code that handles the files. Returns False if there are fewer lines."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        code = frame.f_code
        if not (code.co_filename == kubeconfig.__file__ or code.co_name in LOADER_FUNCTIONS):
            return None
        if event == "line":
            count += 1
            if count == number:
                raise Interrupted
        return trace

    sys.settrace(trace)
    try:
        load()
    except Interrupted:
        return True
    finally:
        sys.settrace(None)
    return False


# If the exception comes before a file has an owner, the garbage collector closes the file and warns about it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_file_remains_after_an_interruption_at_any_line(
    write: Write, user: dict[str, str], temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write(user))
    # The file is read many times. libyaml reads it in a tenth of the time.
    monkeypatch.setattr(yaml, "safe_load", partial(yaml.load, Loader=yaml.CSafeLoader))
    number = 1
    while interrupted_at(number, lambda: KubeconfigCredentials(path, None)):
        # A folder that was being created may remain, but it is empty.
        assert [each for each in left(temporary) if each.is_file()] == []
        number += 1
    assert number > 50


def test_files_of_another_user_of_the_client_remain(write: Write, user: dict[str, str], temporary: Path) -> None:
    """Apache's provider is such a user. The client caches files by their content for the whole process."""
    path = str(write(user))
    configuration: Any = Configuration()
    kube_config.load_kube_config(path, client_configuration=configuration)
    theirs = {configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file}

    KubeconfigCredentials(path, None)

    assert {str(each) for each in left(temporary)} == theirs
    for each in theirs:
        assert Path(each).stat().st_size


def test_another_user_of_the_client_can_load_the_same_file_afterwards(
    write: Write, user: dict[str, str], temporary: Path
) -> None:
    path = str(write(user))
    KubeconfigCredentials(path, None)
    configuration: Any = Configuration()

    kube_config.load_kube_config(path, client_configuration=configuration)

    assert Path(configuration.key_file).is_file()


def test_token_works_without_a_folder_for_temporary_files(
    cluster: Cluster, account: ServiceAccount, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    put.variable("x", "found")
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    path = cluster.kubeconfig(account.token, put.namespace)

    assert KubernetesSecretsBackend(kubeconfig=str(path)).get_variable("x") == "found"
