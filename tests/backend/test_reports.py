"""What a report of an error shows, whichever exception comes at whichever line of a lookup: no token, no value.

Reports show the variables of the frames that an exception went through. Airflow's timeouts raise from a signal handler,
so it can be any line.
"""

from __future__ import annotations

import json
import logging
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.api import kubeconfig as api_kubeconfig
from airflow_kubernetes_secrets.api.retry import Backoff
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError
from airflow_kubernetes_secrets.lookup import Kind, Lookup
from airflow_kubernetes_secrets.process import start_anew
from airflow_kubernetes_secrets.sources import ladder
from airflow_kubernetes_secrets.sources.index import Index
from airflow_kubernetes_secrets.sources.watcher import Watcher
from support.cluster import Cluster, ServiceAccount
from support.errors import PACKAGE, AtEveryLine, leaks, shown
from support.faults import event, stream_of
from support.memory import ONE_SERVER, Asker
from support.proxy import Proxy
from support.secrets import CONFIG, CONNECTION, VARIABLE, MakeBackend

pytestmark = [
    pytest.mark.timeout(600),
    # A socket that has no owner yet when the exception comes is closed by the garbage collector, which warns of it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

MARK = "hunter2"
PASSWORD = f"{MARK}-password-0123456789"
URI = f"postgres://{MARK}-login:{PASSWORD}@{MARK}-host.example.com:5432/{MARK}-schema?{MARK}-option=1"
JSON = json.dumps({"conn_type": "postgres", "login": f"{MARK}-login", "password": PASSWORD, "extra": {"a": MARK}})
FIELDS = {
    "type": "postgres",
    "host": f"{MARK}-host.example.com:5432",
    "username": f"{MARK}-login",
    "password": PASSWORD,
    "uri": URI,
    "extra": json.dumps({"a": MARK}),
    "other": f"{MARK}-other",
}


def in_package(file: str) -> bool:
    """Whether a line is of this package or of Python's."""
    return "/site-packages/" not in file


def with_values(file: str) -> bool:
    """Whether a line is of what handles values; what finds the Secret is the same for all cases."""
    return any(part in file for part in HANDLING) and in_package(file)


HANDLING = (
    *("/backend.py", "/reading.py", "/values.py", "/shapes/", "/masking.py", "/decode.py", "/objects.py"),
    *("/tracebacks.py", "/notices.py", "/errors.py", "/json/", "/re/", "/re.py", "/urllib/", "/base64.py"),
)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)


Look = Callable[[KubernetesSecretsBackend], object]


@dataclass(frozen=True)
class Case:
    """A Secret, and how it is looked up.

    Attributes:
        look: the lookups.
        options: of the backend.
        here: in which files exceptions come.
        error: what comes of it without an interruption, if it cannot be used.
    """

    label: str
    data: Mapping[str, str | bytes]
    look: Look
    options: Mapping[str, object] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    here: Callable[[str], bool] = with_values
    error: type[KubernetesSecretsError] | None = None

    def manifest(self, namespace: str) -> dict[str, Any]:
        data = {key: encoded(value) for key, value in self.data.items()}
        applied = json.dumps({"kind": "Secret", "data": data})
        annotations = {f"airflow.apache.org/{name}": value for name, value in self.annotations.items()}
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "app",
                "namespace": namespace,
                "labels": {self.label: "x"},
                # As kubectl leaves it, with all that it was given.
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied, **annotations},
            },
            "data": data,
        }

    @property
    def hidden(self) -> set[str]:
        return {MARK, *(encoded(value) for value in self.data.values() if len(value) > 5)}


def encoded(value: str | bytes) -> str:
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def connection(backend: KubernetesSecretsBackend) -> object:
    return backend.get_connection("x")


def text_of_a_connection(backend: KubernetesSecretsBackend) -> object:
    return backend.get_conn_value("x")


def variable(backend: KubernetesSecretsBackend) -> object:
    return backend.get_variable("x")


def config(backend: KubernetesSecretsBackend) -> object:
    return backend.get_config("x")


def decision(backend: KubernetesSecretsBackend) -> object:
    return backend.decide(Lookup(Kind.CONNECTION, "x"))


def twice(look: Look) -> Look:
    """The second lookup finds a connection to the API server, or memory."""
    return lambda backend: (look(backend), look(backend))


CASES = {
    "URI": Case(CONNECTION, {"value": URI}, twice(connection), here=lambda _file: True),
    "JSON": Case(CONNECTION, {"value": JSON}, connection),
    "fields": Case(
        CONNECTION,
        FIELDS,
        connection,
        annotations={"extra-other": "other", "connection-extra": '{"b": 1}', "connection-schema": "s"},
        here=in_package,
    ),
    "text of fields": Case(CONNECTION, FIELDS, text_of_a_connection),
    "variable": Case(VARIABLE, {"value": f"{PASSWORD}\n"}, twice(variable)),
    "option": Case(CONFIG, {"value": f"{PASSWORD}\n"}, config),
    "index": Case(CONNECTION, FIELDS, twice(connection), {"cache_ttl": 60}, here=in_package),
    "masked connection": Case(CONNECTION, FIELDS, connection, {"mask_values": True}),
    "masked variable": Case(VARIABLE, {"value": json.dumps({"a": [PASSWORD]})}, variable, {"mask_values": True}),
    "decision": Case(CONNECTION, FIELDS, decision),
    "a key that is not UTF-8": Case(
        CONNECTION, {**FIELDS, "password": b"\xff" + PASSWORD.encode()}, connection, error=MalformedSecretError
    ),
    "a port that is none": Case(CONNECTION, {**FIELDS, "port": MARK}, connection, error=MalformedSecretError),
    "a URI that is none": Case(
        CONNECTION, {"value": f"postgres://me:{PASSWORD}/x@h/y"}, connection, error=MalformedSecretError
    ),
    "JSON that is none": Case(CONNECTION, {"value": JSON[:-1]}, connection, error=MalformedSecretError),
    "fields that Airflow does not know": Case(
        CONNECTION, {"value": json.dumps({"conn_type": "x", "passwort": PASSWORD})}, connection,
        error=MalformedSecretError,
    ),
    "three schemes": Case(
        CONNECTION, {"value": f"a://b://c://user:{PASSWORD}@d"}, connection, error=MalformedSecretError
    ),
    "a variable that is not UTF-8": Case(
        VARIABLE, {"value": b"\xff" + PASSWORD.encode()}, variable, error=MalformedSecretError
    ),
    "a denial": Case(
        VARIABLE, {"value": b"\xff" + PASSWORD.encode()}, variable, {"on_error": "deny"}, error=MalformedSecretError
    ),
}  # fmt: skip


def found_at(work: AtEveryLine, hidden: set[str], *, least: int) -> dict[str, list[str]]:
    """What a report would show that nobody may see, by the line at which an exception came."""
    found, lines = {}, 0
    for line, error in work.raised():
        lines += 1
        shown = leaks(error, hidden)
        if shown:
            found[line] = shown[:3]
            # More of them tell no more.
            if len(found) == 10:
                return found
    assert lines >= least, "the exceptions have missed the lookup"
    return found


# The servers differ in the bytes of their answers, and those are the same for all Secrets.
BOTH = ("URI", "fields", "variable")
SERVERS_AND_CASES = [("devserver", name) for name in CASES] + [("kube-apiserver", name) for name in BOTH]


@pytest.mark.parametrize(
    ("cluster", "case"),
    [(server, CASES[name]) for server, name in SERVERS_AND_CASES],
    ids=[f"{server}-{name}" for server, name in SERVERS_AND_CASES],
    indirect=["cluster"],
)
def test_an_exception_at_any_line(
    case: Case,
    cluster: Cluster,
    account: ServiceAccount,
    namespace: str,
    make_backend: MakeBackend,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster.apply(case.manifest(namespace))
    monkeypatch.setattr(ladder, "THRESHOLDS", ladder.Thresholds(asked_first=0))
    hidden = {*case.hidden, account.token}
    backend = make_backend(**case.options)
    if case.error is None:
        assert case.look(backend) is not None
    else:
        with pytest.raises(Exception, match=r"Secret .*/app, key") as raised:
            case.look(backend)
        assert leaks(raised.value, hidden) == []

    def again() -> None:
        nonlocal backend
        start_anew()
        backend = make_backend(**case.options)

    work = AtEveryLine(lambda: case.look(backend), again, here=case.here)
    assert found_at(work, hidden, least=40) == {}


@ONE_SERVER
@pytest.mark.parametrize("error", [TimeoutError, KeyError, ValueError])
def test_an_exception_that_is_taken_for_one_of_the_network_or_of_a_parser(
    error: type[Exception], cluster: Cluster, account: ServiceAccount, namespace: str, make_backend: MakeBackend
) -> None:
    """Then others follow, of the package."""
    case = CASES["fields"]
    cluster.apply(case.manifest(namespace))
    backend = make_backend()

    def again() -> None:
        nonlocal backend
        start_anew()
        backend = make_backend(timeout=0.2)

    work = AtEveryLine(lambda: case.look(backend), again, error, here=in_package, step=2)
    assert found_at(work, {*case.hidden, account.token}, least=100) == {}


@pytest.fixture
def kubeconfig(
    request: pytest.FixtureRequest, cluster: Cluster, account: ServiceAccount, namespace: str, tmp_path: Path
) -> Path:
    """One with the account's token, in the form that the test names."""
    version = "client.authentication.k8s.io/v1"
    status = {"token": account.token, "expirationTimestamp": "2020-01-01T00:00:00Z"}
    (tmp_path / "answer").write_text(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))
    (tmp_path / "token").write_text(account.token)
    users: dict[str, dict[str, Any]] = {
        "token": {"token": account.token},
        "tokenFile": {"tokenFile": str(tmp_path / "token")},
        "exec": {"exec": {"apiVersion": version, "command": "cat", "args": [str(tmp_path / "answer")]}},
    }
    path = cluster.kubeconfig(account.token, namespace)
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = users[request.param]
    path.write_text(yaml.safe_dump(config))
    return path


@ONE_SERVER
@pytest.mark.parametrize("kubeconfig", ["token", "exec"], indirect=True)
def test_with_a_kubeconfig(kubeconfig: Path, cluster: Cluster, account: ServiceAccount, namespace: str) -> None:
    """The token of the plugin has expired, so that it is called each time."""
    case = CASES["variable"]
    cluster.apply(case.manifest(namespace))
    backend = KubernetesSecretsBackend(kubeconfig=str(kubeconfig))

    def again() -> None:
        nonlocal backend
        start_anew()
        backend = KubernetesSecretsBackend(kubeconfig=str(kubeconfig))
        assert backend.get_config("x") is None

    again()
    assert case.look(backend) is not None
    work = AtEveryLine(
        lambda: backend.get_variable("x"),
        again,
        here=lambda file: "/airflow_kubernetes_secrets/" in file or "/kubernetes/" in file,
    )
    assert found_at(work, {*case.hidden, account.token}, least=100) == {}


@ONE_SERVER
@pytest.mark.parametrize("kubeconfig", ["token", "tokenFile", "exec"], indirect=True)
def test_while_a_kubeconfig_is_read(kubeconfig: Path, account: ServiceAccount) -> None:
    backend = KubernetesSecretsBackend(kubeconfig=str(kubeconfig))

    def again() -> None:
        nonlocal backend
        start_anew()
        backend = KubernetesSecretsBackend(kubeconfig=str(kubeconfig))

    again()
    assert backend.get_config("x") is None
    # Not in the thousands of lines that read YAML.
    work = AtEveryLine(lambda: backend.get_config("x"), again, here=lambda file: file == api_kubeconfig.__file__)
    assert found_at(work, {account.token}, least=50) == {}


@ONE_SERVER
def test_in_a_watch(cluster: Cluster, proxy: Proxy, account: ServiceAccount, namespace: str) -> None:
    """Its thread may not end with more than that either."""
    case = CASES["fields"]
    stored = cluster.apply(case.manifest(namespace))
    asker = Asker(proxy, account, namespace)
    asker.client.close()

    class Owner:
        """Has it watch once."""

        def replace_index(self, _watcher: Watcher, _index: Index) -> None:
            pass

        def is_idle(self) -> bool:
            self.asked = not getattr(self, "asked", True)
            return self.asked

        def watch_ended(self, _watcher: Watcher, *, refused: bool) -> None:
            pass

    def watch() -> None:
        index = Index(CONNECTION, [], "1", 0.0)
        watcher = Watcher(asker.server, CONNECTION, 60, index, Owner())
        watcher._backoff = Backoff(0.001, 0.001)
        watcher.run()
        assert len(watcher._index) == 1

    proxy.always_watch = stream_of(event("ADDED", stored), event("MODIFIED", stored))
    watch()

    work = AtEveryLine(watch, asker.client.close)
    assert found_at(work, {*case.hidden, account.token}, least=300) == {}
    asker.close()


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_in_a_folder(suffix: str, tmp_path: Path) -> None:
    case = CASES["fields"]
    manifest = case.manifest("airflow")
    text = json.dumps(manifest) if suffix == "json" else yaml.safe_dump(manifest)
    (tmp_path / f"app.{suffix}").write_text(text)
    backend = KubernetesSecretsBackend(path=str(tmp_path))

    def again() -> None:
        nonlocal backend
        start_anew()
        backend = KubernetesSecretsBackend(path=str(tmp_path))

    assert case.look(backend) is not None
    assert found_at(AtEveryLine(lambda: case.look(backend), again, here=in_package), case.hidden, least=200) == {}


@ONE_SERVER
def test_in_an_event_loop(cluster: Cluster, account: ServiceAccount, namespace: str, make_backend: MakeBackend) -> None:
    """The triggerer's: from memory."""
    case = CASES["fields"]
    cluster.apply(case.manifest(namespace))
    backend = make_backend(cache_ttl=60)

    def again() -> None:
        nonlocal backend
        start_anew()
        backend = make_backend(cache_ttl=60)
        for _ in range(3):
            backend.get_variable("x")
            backend.decide(Lookup(Kind.CONNECTION, "x"))

    def look() -> None:
        coroutine = backend.aget_connection("x")
        with pytest.raises(StopIteration):
            coroutine.send(None)

    again()
    look()
    assert found_at(AtEveryLine(look, again, here=with_values), {*case.hidden, account.token}, least=50) == {}


class Stack(logging.Handler):
    """Looks at the variables of all functions that run while a line is logged, as some reports of log lines do."""

    def __init__(self, hidden: set[str]) -> None:
        super().__init__()
        self._hidden = hidden
        self.lines = 0
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        frame = sys._getframe()
        while frame is not None:
            if PACKAGE in frame.f_code.co_filename:
                texts = "\n".join(shown(frame.f_locals))
                self.found += [f"{frame.f_code.co_filename}:{frame.f_lineno}" for each in self._hidden if each in texts]
            frame = frame.f_back  # type: ignore[assignment]  # the first has none


@ONE_SERVER
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_while_a_line_is_logged(
    case: Case, cluster: Cluster, account: ServiceAccount, namespace: str, make_backend: MakeBackend
) -> None:
    manifest = case.manifest(namespace)
    cluster.apply(manifest)
    manifest["metadata"]["name"] = "another"
    manifest["metadata"]["annotations"]["airflow.apache.org/unknown"] = "x"
    cluster.apply(manifest)
    stack = Stack({*case.hidden, account.token})
    log = logging.getLogger("airflow_kubernetes_secrets")
    log.addHandler(stack)
    try:
        with suppress(Exception):
            case.look(make_backend(**case.options))
    finally:
        log.removeHandler(stack)
    assert stack.lines
    assert stack.found == []
