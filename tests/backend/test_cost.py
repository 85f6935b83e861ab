"""No Secret, and no number of Secrets, makes a lookup take longer than its ``timeout``, including CPU time."""

from __future__ import annotations

import time

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import MalformedSecretError
from support.cluster import Cluster
from support.connection_secrets import PREFIX
from support.logs import log_messages
from support.secrets import CONNECTION, VARIABLE, MakeBackend, Put

# Seconds. Without a limit, the tested cases took from ten seconds to minutes.
TIMEOUT = 2.0


def annotated(cluster: Cluster, namespace: str, name: str, unprefixed: dict[str, str]) -> None:
    """Create a Secret for ``my_db`` with hundreds of annotations that resemble one another."""
    annotations = {f"{PREFIX}extra-a{number:05}": "k" for number in range(400)}
    annotations |= {f"{PREFIX}exta-b{number:05}": "" for number in range(400)}
    annotations |= {PREFIX + key: text for key, text in unprefixed.items()}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {CONNECTION: "my_db"},
                "annotations": annotations,
            },
            "stringData": {"k": "x", "host": "h", "password": "hunter2"},
        }
    )


@pytest.mark.however_fresh
class TestAnnotations:
    def test_many_annotations_and_another_usable_secret(
        self,
        make_backend: MakeBackend,
        cluster: Cluster,
        put: Put,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        put.connection("my_db", "http://good", name="a-good")
        annotated(cluster, put.namespace, "b-heavy", {})
        backend = make_backend(timeout=TIMEOUT)

        began = time.process_time()
        for _ in range(3):
            assert backend.get_conn_value("my_db") == "http://good"
        assert time.process_time() - began < TIMEOUT
        assert len([text for text in log_messages(caplog) if "it is unknown" in text]) == 5

    def test_many_annotations_of_an_unusable_secret(
        self, make_backend: MakeBackend, cluster: Cluster, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        annotated(cluster, put.namespace, "heavy", {"field-host": "nowhere"})
        backend = make_backend(timeout=TIMEOUT)

        began = time.process_time()
        for _ in range(3):
            with pytest.raises(MalformedSecretError, match="field-host"):
                backend.get_conn_value("my_db")
        assert time.process_time() - began < TIMEOUT


class TestManySecretsForOneId:
    def test_the_warning_names_the_first_and_counts_the_others(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(30):
            put.variable("x", "found", name=f"s-{number:02}")

        assert backend.get_variable("x") == "found"

        [warning] = log_messages(caplog)
        assert "30 Secrets match" in warning
        assert warning.count(f"{put.namespace}/s-") == 11
        assert " and 19 more. Delete or relabel" in warning

    def test_unusable_secrets_are_counted_too(
        self, backend: KubernetesSecretsBackend, put: Put, caplog: pytest.LogCaptureFixture
    ) -> None:
        for number in range(30):
            put({VARIABLE: "x"}, data={"other": "x"}, name=f"s-{number:02}")

        assert backend.get_variable("x") is None
        assert backend.get_variable("x") is None

        warnings = log_messages(caplog)
        assert len(warnings) == 5
        assert f"{put.namespace}/s-00" in warnings[0]
        assert warnings[4].endswith("This Secret is skipped, and 25 more")


@pytest.mark.parametrize("mark", ["\u0315\u0300", "\u0301\u0316"])
def test_uri_that_is_slow_to_normalize(backend: KubernetesSecretsBackend, put: Put, mark: str) -> None:
    """Python normalises the part of a URI before its path, and sorts accents one by one."""
    put.connection("x", f"postgres://{mark * 100_000}@host/db", name="uri")

    began = time.process_time()
    with pytest.raises(MalformedSecretError, match=r"Secret \S+/uri, key 'value': .* percent-encode") as raised:
        backend.get_conn_value("x")
    assert time.process_time() - began < TIMEOUT
    assert mark not in str(raised.value)
