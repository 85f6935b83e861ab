"""Lookups with secrets in all that they process, and which of these secrets an error report would show."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import KubernetesSecretsError, MalformedSecretError
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from support.errors import AtEveryLine, leaks
from support.secrets import CONFIG, CONNECTION, VARIABLE

# The marks of tests that raise exceptions at every line.
AT_EVERY_LINE = [
    pytest.mark.timeout(600),
    # If the exception comes before a socket has an owner, the garbage collector closes the socket and warns about it.
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
    """Return whether a file belongs to this package or to Python."""
    return "/site-packages/" not in file


def with_values(file: str) -> bool:
    """Return whether a file processes values. The code that finds the Secret is the same in all cases."""
    return any(part in file for part in HANDLING) and in_package(file)


def of_memory(file: str) -> bool:
    """Return whether a file processes values or caches them."""
    return any(part in file for part in CACHING) or with_values(file)


HANDLING = (
    *("/airflow_kubernetes_secrets/formats/", "/airflow_kubernetes_secrets/lookup/", "/kubernetes_secrets.py"),
    *("/masking.py", "/decode.py", "/objects.py", "/tracebacks.py", "/notices.py", "/listing.py", "/errors.py"),
    *("/json/", "/re/", "/re.py", "/enum.py", "/urllib/", "/base64.py"),
)

CACHING = (
    *("/airflow_kubernetes_secrets/sources/", "/kubernetes/client.py", "/kubernetes/labels.py", "/counters.py"),
    *("/process.py", "/backend/threads.py"),
)


Look = Callable[[KubernetesSecretsBackend], object]


@dataclass(frozen=True)
class Case:
    """A Secret, and how it is looked up.

    Attributes:
        look: the lookups.
        options: the options of the backend.
        here: returns whether exceptions are raised in a file. Those in the code that connects to the API server and
            sends requests are raised with one Secret, which is enough because this code does not depend on the Secret.
        error: the error of the lookup without an interruption, if the Secret cannot be used.
    """

    label: str
    data: Mapping[str, str | bytes]
    look: Look
    options: Mapping[str, object] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    here: Callable[[str], bool] = with_values
    error: type[KubernetesSecretsError] | None = None

    def manifest(self, namespace: str) -> dict[str, Any]:
        """Return the Secret, as kubectl would have applied it."""
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
                # kubectl stores the whole applied manifest in this annotation.
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied, **annotations},
            },
            "data": data,
        }

    @property
    def hidden(self) -> set[str]:
        """The values that must stay hidden, also in base64."""
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
    """Look up twice. The second lookup reuses the connection to the API server, or cached values."""
    return lambda backend: (look(backend), look(backend))


CASES = {
    "URI": Case(CONNECTION, {"value": URI}, twice(connection), here=lambda _file: True),
    "JSON": Case(CONNECTION, {"value": JSON}, connection),
    "fields": Case(
        CONNECTION,
        FIELDS,
        connection,
        annotations={"extra-other": "other", "connection-extra": '{"b": 1}', "connection-schema": "s"},
    ),
    "text of fields": Case(CONNECTION, FIELDS, text_of_a_connection),
    "variable": Case(VARIABLE, {"value": f"{PASSWORD}\n"}, twice(variable)),
    "option": Case(CONFIG, {"value": f"{PASSWORD}\n"}, config),
    "index": Case(CONNECTION, FIELDS, twice(connection), {"cache_ttl": 60}, here=of_memory),
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
    """Return the secrets that a report would show, by the line at which an exception was raised."""
    found, lines = {}, 0
    for line, error in work.raised():
        lines += 1
        shown = leaks(error, hidden)
        if shown:
            found[line] = shown[:3]
            # Ten lines are enough to find the cause.
            if len(found) == 10:
                return found
    assert lines >= least, "the exceptions have missed the lookup"
    return found
