"""The usual Python clients list and watch Secrets on the devserver."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import lightkube
import pytest
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Secret

from airflow_kubernetes_secrets_devserver import DevServer
from kubernetes import client as official
from kubernetes import config as official_config
from kubernetes import watch as official_watch


@pytest.fixture
def server() -> Iterator[DevServer]:
    with DevServer() as server:
        yield server


def make(server: DevServer, name: str) -> None:
    server.apply({"metadata": {"name": name, "labels": {"app": "x"}}, "stringData": {"k": "v"}})


def named(metadata: ObjectMeta | official.V1ObjectMeta | None) -> str | None:
    return metadata.name if metadata else None


def test_lightkube(server: DevServer) -> None:
    make(server, "one")
    config = lightkube.KubeConfig.from_file(server.kubeconfig)
    with lightkube.Client(config=config) as client:
        assert client.namespace == "airflow"
        (found,) = client.list(Secret, labels={"app": "x"})
        assert found.data == {"k": "dg=="}
        timer = threading.Timer(0.2, make, (server, "two"))
        timer.start()
        events = client.watch(Secret, labels={"app": "x"}, resource_version="0", server_timeout=20)
        assert [named(next(events)[1].metadata) for _ in range(2)] == ["one", "two"]
        timer.join()
        for version in ("v1", "v2"):
            secret = Secret(metadata=ObjectMeta(name="three"), stringData={"version": version})
            client.apply(secret, field_manager="tester", force=True)
        assert client.get(Secret, "three").data == {"version": "djI="}
        client.delete(Secret, "three")


def test_the_official_client(server: DevServer) -> None:
    make(server, "one")
    with official_config.new_client_from_config(str(server.kubeconfig)) as connection:
        api = official.CoreV1Api(connection)
        listed = api.list_namespaced_secret("airflow", label_selector="app=x")
        assert [named(item.metadata) for item in listed.items] == ["one"]
        watch = official_watch.Watch()
        timer = threading.Timer(0.2, make, (server, "two"))
        timer.start()
        assert listed.metadata is not None
        version = listed.metadata.resource_version
        for event in watch.stream(api.list_namespaced_secret, "airflow", resource_version=version, timeout_seconds=20):
            assert (event["type"], event["object"].metadata.name) == ("ADDED", "two")
            watch.stop()
        timer.join()
        body = official.V1Secret(metadata=official.V1ObjectMeta(name="three"), string_data={"k": "v"})
        assert api.create_namespaced_secret("airflow", body).data == {"k": "dg=="}
        with pytest.raises(official.ApiException) as caught:
            api.create_namespaced_secret("airflow", body)
        assert caught.value.status == 409
