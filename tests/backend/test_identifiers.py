"""Ids that are not valid label values, on servers: each id finds exactly the Secret that was written for it."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from support.cluster import Cluster
from support.connection_secrets import secret_manifest
from support.proxy import Proxy
from support.secrets import CONFIG, CONNECTION, VARIABLE, MakeBackend

IDS = [
    "my_db",
    "my db",
    "my db ",
    label_value("my db"),
    "a,b=c",
    "a in (b)",
    "!a",
    "größe",
    "漢字💥",
    "x" * 64,
    "y" * 1000,
    "../../secrets?labelSelector=",
    "orders\n",
    "null\0",
    '"',
]

pytestmark = pytest.mark.however_fresh


@pytest.mark.parametrize(
    ("label", "get"), [(CONNECTION, "get_conn_value"), (VARIABLE, "get_variable"), (CONFIG, "get_config")]
)
def test_each_id_finds_its_own_secret(
    make_backend: MakeBackend, cluster: Cluster, namespace: str, label: str, get: str
) -> None:
    for number, identifier in enumerate(IDS):
        manifest = secret_manifest(namespace, f"s-{number}", {"value": f"x://{number}"})
        value = label_value(identifier)
        manifest["metadata"]["labels"] = {label: value}
        manifest["metadata"]["annotations"] = {label: identifier} if value != identifier else {}
        cluster.apply(manifest)

    read = getattr(make_backend(), get)

    assert [read(identifier) for identifier in IDS] == [f"x://{number}" for number in range(len(IDS))]
    assert read("my  db") is None
    assert read(label_value("a,b=c")) is None


@pytest.mark.parametrize(
    "uri",
    ["postgresql://airflow:hunter2@db/airflow", "https://hooks.example.com/services/hunter2", "hunter2://", "a b://c"],
)
@pytest.mark.parametrize("method", ["get_connection", "get_conn_value", "get_variable", "get_config"])
def test_an_id_that_is_a_uri_is_never_sent(
    proxied: MakeBackend,
    proxy: Proxy,
    cluster: Cluster,
    namespace: str,
    caplog: pytest.LogCaptureFixture,
    method: str,
    uri: str,
) -> None:
    """It is a value in place of an id. Not even a Secret that was written for it is found."""
    manifest = secret_manifest(namespace, "for-a-uri", {"value": "x://1"})
    manifest["metadata"]["labels"] = dict.fromkeys((CONNECTION, VARIABLE, CONFIG), label_value(uri))
    manifest["metadata"]["annotations"] = dict.fromkeys((CONNECTION, VARIABLE, CONFIG), uri)
    cluster.apply(manifest)

    with caplog.at_level("DEBUG"):
        assert getattr(proxied(), method)(uri) is None

    assert proxy.requests == []
    assert "hunter2" not in caplog.text
