"""``docs/reference/faq.md``: the code produces every message on the page in the situation that the page describes."""

from __future__ import annotations

import json
import logging
import re
import time
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.sources import cache_policy
from support.airflow import BACKEND, Airflow
from support.cluster import Cluster
from support.environments import downloaded_wheel
from support.faq_errors import ID, SCENES, FaqScene, happens
from support.faults import answer_with, silent
from support.logs import log_messages
from support.pages import blocks, page_file, shell
from support.proxy import Proxy
from support.requirements import require_airflow
from support.secrets import BUNDLE, CONNECTION, VARIABLE
from support.waiting import PATIENCE

PREFIX = "airflow.apache.org"


happens("The conn_id isn't defined")(lambda scene: scene.airflow())
happens("Connection not found")(lambda scene: scene.airflow("connections", "get", "nowhere"))
happens("Variable does not exist")(lambda scene: scene.airflow("variables", "get", "nowhere"))
happens("Cannot retrieve config from alternative secrets backend")(
    lambda scene: scene.airflow(
        "version",
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET="x",
        AIRFLOW__SECRETS__BACKEND_KWARGS='{"path": "/nowhere"}',
    )
)
happens('The object could not be loaded. Please check "backend" key in "secrets" section')(
    lambda scene: scene.airflow("version", AIRFLOW__SECRETS__BACKEND=BACKEND.replace("secrets", "secret"))
)
happens("Failed to parse backend_kwargs as JSON")(
    lambda scene: scene.airflow("version", AIRFLOW__SECRETS__BACKEND_KWARGS="{'path': '/x'}")
)


@happens("AirflowSecretsBackendAccessDenied")
def denied(scene: FaqScene) -> str:
    with pytest.raises(PermissionError) as raised:
        KubernetesSecretsBackend(path="/nowhere", on_error="deny").get_connection(ID)
    return f"{type(raised.value).__name__}: {raised.value}"


happens("may not list secrets in namespace")(lambda scene: scene.error(**scene.kwargs()))
happens("may not get secrets in namespace")(
    lambda scene: scene.error(**scene.kwargs(connections_label=None, references={"connections": {ID: "my-db"}}))
)


@happens("cannot be watched: they are listed instead")
def not_watched(scene: FaqScene) -> str:
    scene.patch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(queries_first=0, indexes_first=0))
    backend = KubernetesSecretsBackend(**scene.kwargs("list", cache_ttl=60))
    backend.get_connection(ID)
    return logged(scene)


def logged(scene: FaqScene) -> str:
    """Return what another thread logs in a moment."""
    deadline = time.monotonic() + PATIENCE
    while not log_messages(scene.caplog):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return "\n".join(log_messages(scene.caplog))


@happens("may not act as")
def impersonates(scene: FaqScene) -> str:
    scene.put.connection(ID, "postgres://h")
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(scene.kwargs("list")),
    }
    command = f"airflow-kubernetes-secrets list --as system:serviceaccount:{scene.namespace}:other"
    return shell(command, scene.folder, {**variables, **scene.cluster.pod_environment()}).stderr


@happens("does not accept the token, which was read again")
def not_accepted(scene: FaqScene) -> str:
    kwargs = scene.kwargs("list")
    (Path(str(kwargs["service_account_path"])) / "token").write_text("not-a-token")
    return scene.error(**kwargs)


@happens("no Kubernetes API is configured")
def nowhere(scene: FaqScene) -> str:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        scene.patch.delenv(name, raising=False)
    return scene.error()


@happens("cannot be read: Kubernetes mounts it unless automountServiceAccountToken is false")
def no_token(scene: FaqScene) -> str:
    scene.in_pod(scene.cluster.pod_environment())
    return scene.error(namespace="airflow", service_account_path=str(scene.folder))


@happens("contains no usable CA certificate")
def no_ca(scene: FaqScene) -> str:
    kwargs = scene.kwargs("list")
    (Path(str(kwargs["service_account_path"])) / "ca.crt").write_text("no certificate")
    return scene.error(**kwargs)


@happens("the namespace to look in is not known")
def no_namespace(scene: FaqScene) -> str:
    kwargs = scene.kwargs("list")
    (Path(str(kwargs["service_account_path"])) / "namespace").unlink()
    return scene.error(**kwargs)


@happens("needs the official client")
def no_client(scene: FaqScene) -> str:
    """The client cannot be imported in this process, as if it was not installed."""
    program = (
        "import sys; sys.modules['kubernetes'] = None\n"
        "from airflow_kubernetes_secrets import KubernetesSecretsBackend\n"
        f"KubernetesSecretsBackend(kubeconfig={str(kubeconfig(scene))!r}).get_connection('x')"
    )
    return Airflow("3.3", scene.folder).python(program).stderr


def kubeconfig(scene: FaqScene, **cluster: str) -> Path:
    path = scene.cluster.kubeconfig(scene.cluster.admin_token, scene.namespace)
    config = yaml.safe_load(path.read_text())
    config["clusters"][0]["cluster"] |= cluster
    path.write_text(yaml.safe_dump(config))
    return path


happens("specifies a proxy (proxy-url), which is not supported")(
    lambda scene: scene.error(kubeconfig=str(kubeconfig(scene, **{"proxy-url": "http://proxy"})))
)


@happens("a kubeconfig that cannot be read")
def kubeconfig_unreadable(scene: FaqScene) -> str:
    path = kubeconfig(scene, **{"certificate-authority": str(scene.folder / "nowhere")})
    return scene.error(kubeconfig=str(path))


happens("the context requires a kubeconfig")(lambda scene: scene.error(**scene.kwargs("list", context="staging")))


@happens("the Kubernetes API could not be read")
def refused(scene: FaqScene) -> str:
    kwargs = scene.kwargs("list", timeout=1)
    with Proxy(scene.cluster) as proxy:
        proxy.refuse()
        scene.in_pod(proxy.pod_environment())
        return scene.error(**kwargs)


@happens("received no credentials and treats this process as system:anonymous")
def anonymous(scene: FaqScene) -> str:
    path = kubeconfig(scene)
    config = yaml.safe_load(path.read_text())
    config["users"][0]["user"] = {}
    path.write_text(yaml.safe_dump(config))
    return scene.error(kubeconfig=str(path))


@happens("answered 400, 404, 409")
def not_found(scene: FaqScene) -> str:
    """A kube-apiserver responds so to a wrong path. The devserver responds with a message of the API."""
    kwargs = scene.kwargs("list", timeout=3)
    account = scene.cluster.service_account(scene.namespace, "lost", {scene.namespace: ["list"]})
    with Proxy(scene.cluster) as proxy:
        proxy.always = answer_with(404, b"404 page not found\n")
        scene.in_pod(proxy.pod_environment())
        return scene.error(**{**kwargs, "service_account_path": str(proxy.folder(account))})


@happens("its certificate is not trusted")
def not_trusted(scene: FaqScene) -> str:
    kwargs = scene.kwargs("list")
    with Proxy(scene.cluster) as proxy:
        scene.in_pod(proxy.pod_environment())
        return scene.error(**kwargs)


@happens("Until it is available again, earlier results are used")
def bridged(scene: FaqScene) -> str:
    scene.put.connection(ID, "postgres://h")
    kwargs = scene.kwargs("list", timeout=2)
    with Proxy(scene.cluster) as proxy:
        scene.in_pod(proxy.pod_environment())
        account = scene.cluster.service_account(scene.namespace, "behind", {scene.namespace: ["list"]})
        backend = KubernetesSecretsBackend(**{**kwargs, "service_account_path": str(proxy.folder(account))})
        backend.get_connection(ID)
        proxy.refuse()
        backend.get_connection(ID)
        bridged_with = "\n".join(log_messages(scene.caplog))
        # The page also quotes the message after the outage.
        proxy.resume()
        deadline = time.monotonic() + PATIENCE
        while not any("is available again" in line for line in log_messages(scene.caplog, logging.INFO)):
            assert time.monotonic() < deadline
            backend.get_connection(ID)
            time.sleep(0.1)
        return bridged_with


@happens("could not be listed, so each lookup queries the API server")
def not_listed(scene: FaqScene) -> str:
    scene.patch.setattr(cache_policy, "THRESHOLDS", cache_policy.Thresholds(queries_first=0, list_again_after=0.1))
    scene.put.variable("x", "found")
    account = scene.cluster.service_account(scene.namespace, "behind", {scene.namespace: ["list"]})
    with Proxy(scene.cluster) as proxy:
        scene.in_pod(proxy.pod_environment())
        kwargs = {"service_account_path": str(proxy.folder(account)), "cache_ttl": 60, "timeout": 6}
        for _ in range(2):
            proxy.faults.append(silent)
            assert KubernetesSecretsBackend(**kwargs).get_variable("x") == "found"
            time.sleep(0.3)
        return "\n".join(log_messages(scene.caplog))


happens("there is no option in backend_kwargs")(lambda scene: scene.error(connection_label="a/b"))
happens("backend_kwargs: the option must be")(lambda scene: scene.error(timeout="soon"))
happens("the folder of 'path' in backend_kwargs cannot be read")(lambda scene: scene.error(path="/nowhere"))
happens("'references' in backend_kwargs names a Secret which does not exist")(
    lambda scene: scene.error(path=str(scene.folder), references={"connections": {ID: "nowhere"}})
)


@happens("on_error is 'deny', which this version of Airflow does not support")
def deny_unknown(scene: FaqScene) -> str:
    """This happens in Airflow 2.11."""
    require_airflow("2.11")
    program = (
        "import logging; logging.basicConfig()\nfrom airflow_kubernetes_secrets import KubernetesSecretsBackend\n"
        "KubernetesSecretsBackend(path='/nowhere', on_error='deny').get_connection('x')"
    )
    done = Airflow("2.11", scene.folder).python(program)
    return done.stdout + done.stderr


@happens("metrics: Airflow's metrics did not accept a value")
def not_sent(scene: FaqScene) -> str:
    """The configuration of a real Airflow has a client for metrics that fails."""
    (scene.folder / "clients.py").write_text(
        "from statsd import StatsClient\n"
        "class Failing(StatsClient):\n    def incr(self, *args, **kwargs):\n        raise ValueError\n"
    )
    program = (
        "import logging; logging.basicConfig()\n"
        "from airflow.sdk.observability import stats\n"
        "from airflow.sdk.observability.metrics import stats_utils\n"
        "stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)\n"
        "from airflow_kubernetes_secrets import KubernetesSecretsBackend\n"
        f"KubernetesSecretsBackend(path={str(scene.folder)!r}, metrics=True).get_variable('x')"
    )
    variables = {
        "PYTHONPATH": f"{scene.folder}:{downloaded_wheel('statsd', '4.0.1')}",
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_CUSTOM_CLIENT_PATH": "clients.Failing",
    }
    done = Airflow("3.3", scene.folder / "home", variables).python(program)
    return done.stdout + done.stderr


@happens("mask_values: Airflow's masker did not accept the values of a Secret")
def not_masked(scene: FaqScene) -> str:
    """The configuration of a real Airflow has an adapter that fails."""
    scene.write({VARIABLE: "x"}, {"value": "a long value"})
    (scene.folder / "adapters.py").write_text(
        "def fail(text):\n    if 'long' in text:\n        raise ValueError\n    return text\n"
    )
    program = (
        "import logging; logging.basicConfig()\nfrom airflow_kubernetes_secrets import KubernetesSecretsBackend\n"
        f"KubernetesSecretsBackend(path={str(scene.folder)!r}, mask_values=True).get_variable('x')"
    )
    variables = {"AIRFLOW__LOGGING__SECRET_MASK_ADAPTER": "adapters.fail", "PYTHONPATH": str(scene.folder)}
    done = Airflow("3.3", scene.folder / "home", variables).python(program)
    return done.stdout + done.stderr


@happens("mask_values: a Secret contains more than Airflow's masker has time for")
def masked_in_part(scene: FaqScene) -> str:
    scene.write({VARIABLE: "x"}, {"value": "\n".join(f"line {number}" for number in range(100))})
    KubernetesSecretsBackend(path=str(scene.folder), mask_values=True).get_variable("x")
    return "\n".join(log_messages(scene.caplog))


happens("there is no such key in its data")(lambda scene: scene.of({"tls.crt": "x"}))
happens("the value is not UTF-8 text")(lambda scene: scene.of({}, data={"value": "/w=="}))
happens("keys cannot go to extra, because only text in UTF-8 can")(
    lambda scene: scene.of(
        {"host": "h", "password": "p"}, {"airflow.apache.org/other-keys": "extra"}, data={"keystore": "/w=="}
    )
)
happens("the connection is neither a URI nor JSON")(lambda scene: scene.of({"value": "db.example.com"}))
happens("the connection is not valid JSON")(lambda scene: scene.of({"value": "{'host': 'h'}"}))
happens("the connection's JSON has unknown fields")(lambda scene: scene.of({"value": '{"hosts": "h"}'}))
happens("the connection's URI does not begin with a valid connection type")(
    lambda scene: scene.of({"value": "my_type://h"})
)
happens("the connection's URI cannot be split into host and port")(
    lambda scene: scene.of({"value": "postgres://u:p/w@h:5432/db"})
)
happens("the connection's 'password' is not a string")(lambda scene: scene.of({"value": '{"password": 12345}'}))
happens("the connection's 'extra' is not a JSON object")(lambda scene: scene.of({"value": '{"extra": [1]}'}))
happens("the connection's JSON has both 'uri' and other fields")(
    lambda scene: scene.of({"value": '{"uri": "postgres://h", "login": "me"}'})
)
happens("It cannot be used by a part of Airflow")(lambda scene: scene.of({"value": '{"host": "h"}'}))
happens("the connection's URI contains a second '://'")(
    lambda scene: scene.of({"value": "postgres://me:pw@h/db?callback=https://x"})
)
happens("the port is not a number from 1 to 65535")(lambda scene: scene.of({"host": "h", "port": "0"}))
happens("the connection's extra is not a JSON object")(lambda scene: scene.of({"host": "h", "extra": "[]"}))
happens("the data does not contain the key that it names")(
    lambda scene: scene.of({"host": "h"}, {f"{PREFIX}/field-password": "pw"})
)
happens("it is unknown and has no effect")(
    lambda scene: scene.of({"host": "h"}, {f"{PREFIX}/conection-type": "postgres"})
)
happens("it specifies another id")(lambda scene: scene.of({"host": "h"}, {CONNECTION: "other"}))


@happens("the configuration option is blank")
def blank(scene: FaqScene) -> str:
    scene.write({f"{PREFIX}/config-key": ID}, {"value": " \n"})
    return scene.look(lambda backend: backend.get_config(ID))


@happens("it is missing; without it, the Secret belongs to another id")
def annotation_missing(scene: FaqScene) -> str:
    scene.write({VARIABLE: "my-db.7db90c8c3216df2b8e01021c99b1f2a5f94a9122"}, {"value": "x"})
    return scene.look(lambda backend: backend.get_variable("my db"))


@happens("Secrets match; the first by age and name is used")
def duplicates(scene: FaqScene) -> str:
    scene.put.connection(ID, "postgres://h")
    scene.put.connection(ID, "postgres://h")
    KubernetesSecretsBackend(**scene.kwargs("list")).get_connection(ID)
    return "\n".join(log_messages(scene.caplog))


@happens("keys of bundles match; the first by age and name is used")
def duplicates_in_bundles(scene: FaqScene) -> str:
    for name in ("a", "b"):
        metadata = {"name": name, "labels": {BUNDLE: "connections"}}
        scene.write({}, {"my_db": "postgres://h"}, metadata=metadata)
    KubernetesSecretsBackend(path=str(scene.folder), bundles=True).get_connection("my_db")
    return "\n".join(log_messages(scene.caplog))


@happens("keys of one bundle match; the key that equals the id is used")
def duplicates_in_one_bundle(scene: FaqScene) -> str:
    scene.write({BUNDLE: "connections"}, {"my_db": "postgres://h", "AIRFLOW_CONN_MY_DB": "postgres://h"})
    KubernetesSecretsBackend(path=str(scene.folder), bundles=True).get_connection("my_db")
    return "\n".join(log_messages(scene.caplog))


@happens("nothing reads a mounted file")
def an_empty_folder(scene: FaqScene) -> str:
    (scene.folder / "connections" / "x").mkdir(parents=True)
    KubernetesSecretsBackend(path=str(scene.folder)).get_conn_value("x")
    return "\n".join(log_messages(scene.caplog))


@happens("the Secret also has the label of one id, so its keys are not ids")
def no_bundle(scene: FaqScene) -> str:
    scene.write({BUNDLE: "variables", VARIABLE: "x"}, {"other": "z"})
    KubernetesSecretsBackend(path=str(scene.folder), bundles=True).get_variable("other")
    return "\n".join(log_messages(scene.caplog))


@happens("a mounted file has a problem")
def link_outside(scene: FaqScene) -> str:
    (scene.folder / "connections").mkdir()
    (scene.folder / "connections" / ID).symlink_to("/etc/passwd")
    return scene.error(path=str(scene.folder))


@happens("could not be read: a manifest in the folder")
def no_manifest(scene: FaqScene) -> str:
    (scene.folder / "broken.yaml").write_text("kind: Secret\nmetadata: {}\n")
    return scene.look(lambda backend: backend.get_connection(ID))


MESSAGES = {each.heading: each.text for each in blocks("faq")}


def test_every_message_on_the_page_has_a_scene() -> None:
    assert list(MESSAGES) == re.findall(r"^### (.*)\n\n```text", page_file("faq").read_text(), re.MULTILINE), (
        "a section has one message, right below its heading"
    )
    assert set(MESSAGES) == set(SCENES)


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
@pytest.mark.parametrize("heading", MESSAGES)
def test_message_is_produced(
    heading: str,
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "airflow_kubernetes_secrets")

    text = SCENES[heading](FaqScene(cluster, namespace, tmp_path, monkeypatch, caplog))

    pattern = re.escape(" ".join(MESSAGES[heading].split())).replace("…", ".+?")
    assert re.search(pattern, " ".join(text.split())), text
