"""Secrets by name, and several namespaces, at an API server: requests, permissions, cached values and refusals."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiUnavailableError, ForbiddenError, UnauthorizedError
from support.cluster import Cluster, checked
from support.exchange import Exchange
from support.faults import UNAUTHORIZED, answer_with
from support.kubectl import needs_kubectl, run
from support.logs import log_messages
from support.manifest_sources import LABELS, ServerSource
from support.proxy import Proxy
from support.secrets import VARIABLE
from support.servers import on_the_devserver
from support.waiting import PATIENCE, until

NO_LABELS = dict.fromkeys(LABELS)
FORBIDDEN = answer_with(403, b'{"kind": "Status", "message": "secrets is forbidden: User \\"someone\\" cannot get"}')


def variables(**references: str) -> dict[str, object]:
    return {"references": {"variables": references}}


def knows(backend: KubernetesSecretsBackend, key: str) -> bool:
    """Return whether there is a value without the API server."""
    try:
        backend.get_variable(key)
    except ApiUnavailableError:
        return False
    return True


class TestRequests:
    def test_one_get_and_no_list(self, source: ServerSource) -> None:
        app = source.other("app")
        source.put({}, "x", name="settings", namespace=app)
        backend = source.make_backend(**variables(x=f"{app}/settings"))

        for _ in range(2):
            assert backend.get_variable("x") == "x"

        assert [request.method for request in source.requests] == ["GET"] * 2
        for request in source.requests:
            assert request.target == f"/api/v1/namespaces/{app}/secrets/settings?resourceVersion=0"

    def test_secrets_of_the_team_are_listed_before_the_get(self, source: ServerSource) -> None:
        source.put({}, "x", name="settings")
        backend = source.make_backend(**variables(x="settings"))

        assert backend.get_variable("x", team_name="blue") == "x"

        listed, got = source.requests
        assert listed.query["labelSelector"] == [f"{VARIABLE}=x"]
        assert got.target == f"/api/v1/namespaces/{source.namespace}/secrets/settings?resourceVersion=0"

    def test_without_labels_a_lookup_of_a_team_sends_only_the_get(self, source: ServerSource) -> None:
        source.put({}, "x", name="settings")
        backend = source.make_backend(**variables(x="settings"), **NO_LABELS)

        assert backend.get_variable("x", team_name="blue") == "x"
        assert backend.get_variable("other", team_name="blue") is None
        assert len(source.requests) == 1

    def test_a_namespace_is_listed_once_in_a_lookup(self, source: ServerSource) -> None:
        """One LIST serves the team's Secret and the global one."""
        second, blue = source.other("second"), source.other("blue")
        source.put({VARIABLE: "x"}, "x", namespace=second)
        backend = source.make_backend(namespace=[source.namespace, second], team_namespaces={"blue": blue})

        assert backend.get_variable("x", team_name="blue") == "x"
        assert backend.get_variable("x") == "x"

        queried = [request.target.split("/")[4] for request in source.requests]
        assert queried == [blue, source.namespace, second, source.namespace, second]


class TestPermissions:
    def test_permission_to_get_the_names_is_enough(self, source: ServerSource) -> None:
        source.put({}, "x", name="settings")
        backend = source.backend_of({}, {source.namespace: ["settings"]}, **variables(x="settings"))

        assert backend.get_variable("x") == "x"
        with pytest.raises(ForbiddenError, match="may not list secrets"):
            backend.get_variable("by label")

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    def test_commands_of_a_403_grant_exactly_the_referenced_names(
        self, source: ServerSource, cluster: Cluster, tmp_path: Path
    ) -> None:
        app = source.other("app")
        for name in ("x", "db.app", "not-referred-to"):
            source.put({}, "http://found", name=name, namespace=app)
        source.put({VARIABLE: "labelled"}, "found")
        references = {"variables": {"x": f"{app}/x"}, "connections": {"db": f"{app}/db.app"}}
        backend = source.backend_of({source.namespace: ["list"]}, {}, references=references)

        with pytest.raises(ForbiddenError) as raised:
            backend.get_variable("x")
        text = str(raised.value)
        assert f"may not get secrets in namespace '{app}'" in text
        assert (
            f"kubectl create role airflow-kubernetes-secrets-by-name --namespace={app} --verb=get --resource=secrets "
            "--resource-name=db.app --resource-name=x --dry-run"
        ) in text
        run(commands(text), cluster, tmp_path)

        until(lambda: is_allowed(backend, "x"))
        assert backend.get_conn_value("db") == "http://found"
        folder = backend.options.service_account_path
        other = KubernetesSecretsBackend(service_account_path=folder, **variables(x=f"{app}/not-referred-to"))
        with pytest.raises(ForbiddenError):
            other.get_variable("x")

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    def test_commands_of_a_403_with_and_without_the_namespace_in_references(
        self, source: ServerSource, cluster: Cluster, tmp_path: Path
    ) -> None:
        for name in ("one", "two"):
            source.put({VARIABLE: "labelled"}, name, name=name)
        backend = source.backend_of(
            {source.namespace: ["list"]}, {}, **variables(one="one", two=f"{source.namespace}/two")
        )

        with pytest.raises(ForbiddenError) as raised:
            backend.get_variable("one")
        assert "--resource-name=one --resource-name=two " in str(raised.value)
        run(commands(str(raised.value)), cluster, tmp_path)

        until(lambda: is_allowed(backend, "one"))
        assert backend.get_variable("two") == "two"
        # Lists by label have their own role.
        assert backend.get_variable("labelled") == "one"

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    @pytest.mark.parametrize("by_name", [True, False], ids=["by name", "by label"])
    def test_commands_of_a_403_keep_what_the_role_already_grants(
        self, by_name: bool, source: ServerSource, cluster: Cluster, tmp_path: Path
    ) -> None:
        """Components can have other options, such as cache_ttl and references, and share one Role."""
        source.put({VARIABLE: "x"}, "x", name="settings")
        name = "airflow-kubernetes-secrets-by-name" if by_name else "airflow-kubernetes-secrets"
        limit = {"resourceNames": ["of-others"]} if by_name else {}
        verb = "get" if by_name else "watch"
        others = {"apiGroups": [""], "resources": ["secrets"], "verbs": [verb], **limit}
        roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{source.namespace}/roles"
        checked(cluster.admin.post(roles, json={"metadata": {"name": name}, "rules": [others]}))
        options = variables(x="settings") if by_name else {}
        backend = source.backend_of({}, {}, **options)
        with pytest.raises(ForbiddenError) as raised:
            backend.get_variable("x")

        run(commands(str(raised.value)), cluster, tmp_path)

        until(lambda: is_allowed(backend, "x"))
        rules = checked(cluster.admin.get(f"{roles}/{name}"))["rules"]
        assert any(verb in rule["verbs"] and rule.get("resourceNames") == limit.get("resourceNames") for rule in rules)


def is_allowed(backend: KubernetesSecretsBackend, key: str) -> bool:
    """Return whether the lookup is permitted. RBAC applies a new role within moments."""
    try:
        return backend.get_variable(key) is not None
    except ForbiddenError:
        return False


def commands(error: str) -> str:
    """Return the commands in an error message, unchanged."""
    return error.partition("Grant it:\n")[2]


class TestMemory:
    def test_value_is_used_until_cache_ttl_has_passed(self, source: ServerSource) -> None:
        source.put({}, "old", name="settings")
        options = {"cache_ttl": 3, **variables(x="settings")}
        backend = source.make_backend(**options)
        began = time.monotonic()
        assert backend.get_variable("x") == "old"
        source.put({}, "new", name="settings")

        # The lookups use the same object or, as in Airflow, a new one.
        options["service_account_path"] = backend.options.service_account_path
        cached = 0
        while backend.get_variable("x") == (value := KubernetesSecretsBackend(**options).get_variable("x")) == "old":
            cached += 1
            assert len(source.requests) == 1
            assert time.monotonic() < began + 10
            time.sleep(0.02)

        assert cached > 0
        assert value == "new"
        assert time.monotonic() - began >= 3
        assert len(source.requests) == 2

    def test_configuration_option_is_always_requested(self, source: ServerSource) -> None:
        source.put({}, "x", name="settings")
        backend = source.make_backend(cache_ttl=60, references={"config": {"x": "settings"}})

        for _ in range(2):
            assert backend.get_config("x") == "x"
        assert len(source.requests) == 2

    @on_the_devserver
    def test_last_response_covers_an_outage(
        self, source: ServerSource, proxy: Proxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        source.put({}, "x", name="settings")
        backend = source.make_backend(timeout=2, **variables(x="settings", other="settings"))
        assert backend.get_variable("x") == "x"
        proxy.refuse()

        for _ in range(3):
            assert backend.get_variable("x") == "x"

        [warning] = log_messages(caplog)
        assert "Until it is available again, results from" in warning
        # The response is cached by request, so another id that refers to the same Secret uses it too.
        assert backend.get_variable("other") == "x"

    @on_the_devserver
    def test_no_response_covers_an_outage_if_outage_ttl_is_0(self, source: ServerSource, proxy: Proxy) -> None:
        source.put({}, "x", name="settings")
        backend = source.make_backend(timeout=2, outage_ttl=0, **variables(x="settings"))
        assert backend.get_variable("x") == "x"
        proxy.refuse()

        assert not knows(backend, "x")

    @on_the_devserver
    def test_403_for_a_secret_discards_only_that_secret(self, source: ServerSource, proxy: Proxy) -> None:
        """Kubernetes authorizes by name, so a 403 for one Secret does not apply to others."""
        for name in ("one", "two"):
            source.put({VARIABLE: f"labelled-{name}"}, name, name=name)
        backend = source.make_backend(timeout=5, **variables(one="one", two="two"))
        for key in ("one", "two", "labelled-one"):
            assert backend.get_variable(key)

        proxy.always = FORBIDDEN
        with pytest.raises(ForbiddenError):
            backend.get_variable("one")
        proxy.refuse()

        assert {key: knows(backend, key) for key in ("one", "two", "labelled-one")} == {
            "one": False,
            "two": True,
            "labelled-one": True,
        }

    @on_the_devserver
    def test_403_for_a_namespace_discards_only_that_namespace(self, source: ServerSource, proxy: Proxy) -> None:
        other = source.other("b")
        source.put({VARIABLE: "x"}, "x", name="x")
        source.put({}, "y", name="y", namespace=other)
        backend = source.make_backend(timeout=5, **variables(here="x", there=f"{other}/y"))
        for key in ("x", "here", "there"):
            assert backend.get_variable(key)

        proxy.always = FORBIDDEN
        with pytest.raises(ForbiddenError):
            backend.get_variable("x")
        proxy.refuse()

        assert {key: knows(backend, key) for key in ("x", "here", "there")} == {
            "x": False,
            "here": False,
            "there": True,
        }

    @on_the_devserver
    def test_401_discards_every_namespace(self, source: ServerSource, proxy: Proxy) -> None:
        other = source.other("b")
        source.put({VARIABLE: "x"}, "x", name="x")
        source.put({}, "y", name="y", namespace=other)
        backend = source.make_backend(timeout=5, **variables(here="x", there=f"{other}/y"))
        for key in ("x", "here", "there"):
            assert backend.get_variable(key)

        proxy.always = UNAUTHORIZED
        with pytest.raises(UnauthorizedError):
            backend.get_variable("there")
        proxy.refuse()

        assert not any(knows(backend, key) for key in ("x", "here", "there"))

    @on_the_devserver
    @pytest.mark.parametrize(("references", "refused_id"), [({}, "other"), ({"x": "ref"}, "x")], ids=["label", "name"])
    def test_response_that_arrives_after_a_refusal_is_not_cached(
        self,
        refusals_confirmed_at_once: None,
        source: ServerSource,
        proxy: Proxy,
        references: dict[str, str],
        refused_id: str,
    ) -> None:
        """A refused list concerns all ids of its namespace, and a refused request for one Secret only that Secret."""
        source.put({VARIABLE: "x"}, "x", name="ref")
        backend = source.make_backend(timeout=20, references={"variables": references})
        refused = threading.Event()

        def held(exchange: Exchange) -> bool:
            response = exchange.answer()
            refused.wait(PATIENCE)
            exchange.sock.sendall(response)
            return True

        proxy.faults.append(held)
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(backend.get_variable, "x")
            until(lambda: len(source.requests) == 1)
            proxy.always = FORBIDDEN
            with pytest.raises(ForbiddenError):
                backend.get_variable(refused_id)
            proxy.always = None
            refused.set()
            assert asking.result(PATIENCE) == "x"
        proxy.refuse()

        assert not knows(backend, "x")


class TestErrors:
    def test_later_namespace_is_not_used_if_an_earlier_one_is_forbidden(self, source: ServerSource) -> None:
        second = source.other("second")
        source.put({VARIABLE: "x"}, "x", namespace=second)
        backend = source.backend_of({second: ["list"]}, {}, namespace=[source.namespace, second])

        with pytest.raises(ForbiddenError, match=f"may not list secrets in namespace '{source.namespace}'"):
            backend.get_variable("x")

        # A namespace that is not needed is not queried.
        backend = source.backend_of({second: ["list"]}, {}, namespace=[second, source.namespace])
        assert backend.get_variable("x") == "x"

    @on_the_devserver
    def test_later_namespace_is_not_used_if_an_earlier_one_is_unavailable(
        self, source: ServerSource, proxy: Proxy
    ) -> None:
        second = source.other("second")
        source.put({VARIABLE: "x"}, "x", namespace=second)
        backend = source.make_backend(namespace=[source.namespace, second], timeout=5)
        proxy.faults.append(answer_with(500, b'{"kind": "Status"}', {"Retry-After": "9"}))

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")

    @on_the_devserver
    def test_forbidden_reference_has_no_fallback(self, source: ServerSource, proxy: Proxy) -> None:
        source.put({VARIABLE: "x"}, "must not stand in", name="settings")
        backend = source.make_backend(**variables(x="settings"))
        proxy.always = FORBIDDEN

        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

    @on_the_devserver
    def test_404_of_a_proxy_is_an_error_and_not_a_missing_secret(self, source: ServerSource, proxy: Proxy) -> None:
        """A 404 of the API server has its format. That of a proxy does not mean that the Secret does not exist."""
        source.put({}, "x", name="settings")
        backend = source.make_backend(timeout=1, **variables(x="settings"))
        proxy.always = answer_with(404, b"<h1>Not Found</h1>")

        with pytest.raises(ApiUnavailableError, match="it answered 404, without a message of the API"):
            backend.get_variable("x")

    @on_the_devserver
    def test_all_namespaces_share_one_timeout(
        self, source: ServerSource, proxy: Proxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        names = [source.other(f"n{number}") for number in range(10)]
        backend = source.make_backend(
            namespace=source.namespace, timeout=1, **variables(**{name: f"{name}/x" for name in names})
        )
        proxy.swallow()
        began = time.monotonic()

        for key in ("by label", *names):
            with pytest.raises(ApiUnavailableError):
                backend.get_variable(key)

        # 11 timeouts would take 11 s.
        assert time.monotonic() - began < 6
        assert len(log_messages(caplog)) == 1
