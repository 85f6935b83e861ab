"""Secrets by name, and several namespaces, at an API server: requests, permissions, cached values and refusals."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.errors import ApiError, ApiUnavailableError, ForbiddenError, UnauthorizedError
from support.cluster import Cluster
from support.exchange import Exchange
from support.faults import UNAUTHORIZED, answer_with, forward
from support.kubectl import needs_kubectl, run
from support.logs import said
from support.places import LABELS, ServerPlace
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
    def test_one_get_and_no_list(self, place: ServerPlace) -> None:
        app = place.other("app")
        place.put({}, "x", name="settings", namespace=app)
        backend = place.make_backend(**variables(x=f"{app}/settings"))

        for _ in range(2):
            assert backend.get_variable("x") == "x"

        assert [request.method for request in place.requests] == ["GET"] * 2
        for request in place.requests:
            assert request.target == f"/api/v1/namespaces/{app}/secrets/settings?resourceVersion=0"

    def test_for_a_team_its_own_are_listed_first(self, place: ServerPlace) -> None:
        place.put({}, "x", name="settings")
        backend = place.make_backend(**variables(x="settings"))

        assert backend.get_variable("x", team_name="blue") == "x"

        listed, got = place.requests
        assert listed.query["labelSelector"] == [f"{VARIABLE}=x"]
        assert got.target == f"/api/v1/namespaces/{place.namespace}/secrets/settings?resourceVersion=0"

    def test_without_labels_a_teams_lookup_is_the_get_alone(self, place: ServerPlace) -> None:
        place.put({}, "x", name="settings")
        backend = place.make_backend(**variables(x="settings"), **NO_LABELS)

        assert backend.get_variable("x", team_name="blue") == "x"
        assert backend.get_variable("other", team_name="blue") is None
        assert len(place.requests) == 1

    def test_a_namespace_is_listed_once_in_a_lookup(self, place: ServerPlace) -> None:
        """One LIST serves the team's Secret and the global one."""
        second, blue = place.other("second"), place.other("blue")
        place.put({VARIABLE: "x"}, "x", namespace=second)
        backend = place.make_backend(namespace=[place.namespace, second], team_namespaces={"blue": blue})

        assert backend.get_variable("x", team_name="blue") == "x"
        assert backend.get_variable("x") == "x"

        asked = [request.target.split("/")[4] for request in place.requests]
        assert asked == [blue, place.namespace, second, place.namespace, second]


class TestRights:
    def test_get_with_names_is_enough(self, place: ServerPlace) -> None:
        place.put({}, "x", name="settings")
        backend = place.backend_of({}, {place.namespace: ["settings"]}, **variables(x="settings"))

        assert backend.get_variable("x") == "x"
        with pytest.raises(ForbiddenError, match="may not list secrets"):
            backend.get_variable("by label")

    @needs_kubectl
    @pytest.mark.parametrize("cluster", ["kube-apiserver"], indirect=True)
    def test_the_commands_of_a_403_grant_all_of_the_namespace_and_no_more(
        self, place: ServerPlace, cluster: Cluster, tmp_path: Path
    ) -> None:
        app = place.other("app")
        for name in ("x", "db.app", "not-referred-to"):
            place.put({}, "http://found", name=name, namespace=app)
        place.put({VARIABLE: "labelled"}, "found")
        references = {"variables": {"x": f"{app}/x"}, "connections": {"db": f"{app}/db.app"}}
        backend = place.backend_of({place.namespace: ["list"]}, {}, references=references)

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
    def test_they_do_so_however_references_spell_the_namespace(
        self, place: ServerPlace, cluster: Cluster, tmp_path: Path
    ) -> None:
        for name in ("one", "two"):
            place.put({VARIABLE: "labelled"}, name, name=name)
        backend = place.backend_of(
            {place.namespace: ["list"]}, {}, **variables(one="one", two=f"{place.namespace}/two")
        )

        with pytest.raises(ForbiddenError) as raised:
            backend.get_variable("one")
        assert "--resource-name=one --resource-name=two " in str(raised.value)
        run(commands(str(raised.value)), cluster, tmp_path)

        until(lambda: is_allowed(backend, "one"))
        assert backend.get_variable("two") == "two"
        # Lists by label have their own role.
        assert backend.get_variable("labelled") == "one"


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
    def test_an_answer_is_used_until_it_is_cache_ttl_old(self, place: ServerPlace) -> None:
        place.put({}, "old", name="settings")
        options = {"cache_ttl": 1, **variables(x="settings")}
        backend = place.make_backend(**options)
        began = time.monotonic()
        assert backend.get_variable("x") == "old"
        place.put({}, "new", name="settings")

        # The lookups use the same object or, as in Airflow, a new one.
        options["service_account_path"] = backend.options.service_account_path
        while backend.get_variable("x") == (value := KubernetesSecretsBackend(**options).get_variable("x")) == "old":
            assert len(place.requests) == 1
            assert time.monotonic() < began + 10
            time.sleep(0.02)

        assert value == "new"
        assert time.monotonic() - began >= 1
        assert len(place.requests) == 2

    def test_an_option_is_always_asked_for(self, place: ServerPlace) -> None:
        place.put({}, "x", name="settings")
        backend = place.make_backend(cache_ttl=60, references={"config": {"x": "settings"}})

        for _ in range(2):
            assert backend.get_config("x") == "x"
        assert len(place.requests) == 2

    @on_the_devserver
    def test_the_last_answer_bridges_an_outage(
        self, place: ServerPlace, proxy: Proxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        place.put({}, "x", name="settings")
        backend = place.make_backend(timeout=1, **variables(x="settings", other="settings"))
        assert backend.get_variable("x") == "x"
        proxy.refuse()

        for _ in range(3):
            assert backend.get_variable("x") == "x"

        [warning] = said(caplog)
        assert "Until it is available again, results from" in warning
        # The response is cached by request, so another id that refers to the same Secret uses it too.
        assert backend.get_variable("other") == "x"

    @on_the_devserver
    def test_not_where_outage_ttl_is_0(self, place: ServerPlace, proxy: Proxy) -> None:
        place.put({}, "x", name="settings")
        backend = place.make_backend(timeout=1, outage_ttl=0, **variables(x="settings"))
        assert backend.get_variable("x") == "x"
        proxy.refuse()

        assert not knows(backend, "x")

    @on_the_devserver
    def test_a_403_for_one_drops_that_one(self, place: ServerPlace, proxy: Proxy) -> None:
        """Kubernetes authorizes by name, so a 403 for one Secret says nothing about others."""
        for name in ("one", "two"):
            place.put({VARIABLE: f"labelled-{name}"}, name, name=name)
        backend = place.make_backend(timeout=3, **variables(one="one", two="two"))
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
    def test_a_403_for_a_namespace_drops_what_is_known_of_that(self, place: ServerPlace, proxy: Proxy) -> None:
        other = place.other("b")
        place.put({VARIABLE: "x"}, "x", name="x")
        place.put({}, "y", name="y", namespace=other)
        backend = place.make_backend(timeout=3, **variables(here="x", there=f"{other}/y"))
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
    def test_a_401_drops_everything_in_every_namespace(self, place: ServerPlace, proxy: Proxy) -> None:
        other = place.other("b")
        place.put({VARIABLE: "x"}, "x", name="x")
        place.put({}, "y", name="y", namespace=other)
        backend = place.make_backend(timeout=3, **variables(here="x", there=f"{other}/y"))
        for key in ("x", "here", "there"):
            assert backend.get_variable(key)

        proxy.always = UNAUTHORIZED
        with pytest.raises(UnauthorizedError):
            backend.get_variable("there")
        proxy.refuse()

        assert not any(knows(backend, key) for key in ("x", "here", "there"))

    @on_the_devserver
    def test_an_answer_that_a_refusal_has_overtaken_is_not_remembered(
        self, refusals_confirmed_at_once: None, place: ServerPlace, proxy: Proxy
    ) -> None:
        place.put({VARIABLE: "x"}, "x", name="x")
        backend = place.make_backend(timeout=20)
        refused = threading.Event()

        def held(exchange: Exchange) -> bool:
            refused.wait(PATIENCE)
            return forward(exchange)

        proxy.faults.append(held)
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(backend.get_variable, "x")
            until(lambda: len(place.requests) == 1)
            proxy.always = FORBIDDEN
            with pytest.raises(ForbiddenError):
                backend.get_variable("other")
            proxy.always = None
            refused.set()
            assert asking.result(PATIENCE) == "x"
        proxy.refuse()

        assert not knows(backend, "x")


class TestErrors:
    def test_nothing_of_a_later_namespace_stands_in_for_one_that_may_not_be_read(self, place: ServerPlace) -> None:
        second = place.other("second")
        place.put({VARIABLE: "x"}, "x", namespace=second)
        backend = place.backend_of({second: ["list"]}, {}, namespace=[place.namespace, second])

        with pytest.raises(ForbiddenError, match=f"may not list secrets in namespace '{place.namespace}'"):
            backend.get_variable("x")

        # A namespace that is not needed is not queried.
        backend = place.backend_of({second: ["list"]}, {}, namespace=[second, place.namespace])
        assert backend.get_variable("x") == "x"

    @on_the_devserver
    def test_nor_for_one_that_does_not_answer(self, place: ServerPlace, proxy: Proxy) -> None:
        second = place.other("second")
        place.put({VARIABLE: "x"}, "x", namespace=second)
        backend = place.make_backend(namespace=[place.namespace, second], timeout=5)
        proxy.faults.append(answer_with(500, b'{"kind": "Status"}', {"Retry-After": "9"}))

        with pytest.raises(ApiUnavailableError):
            backend.get_variable("x")

    @on_the_devserver
    def test_a_reference_that_may_not_be_read_has_no_stand_in(self, place: ServerPlace, proxy: Proxy) -> None:
        place.put({VARIABLE: "x"}, "must not stand in", name="settings")
        backend = place.make_backend(**variables(x="settings"))
        proxy.always = FORBIDDEN

        with pytest.raises(ForbiddenError):
            backend.get_variable("x")

    @on_the_devserver
    def test_a_404_of_something_else_says_nothing_of_the_secret(self, place: ServerPlace, proxy: Proxy) -> None:
        """A 404 of the API server has its format. That of a proxy does not mean that the Secret does not exist."""
        place.put({}, "x", name="settings")
        backend = place.make_backend(**variables(x="settings"))
        proxy.faults.append(answer_with(404, b"<h1>Not Found</h1>"))

        with pytest.raises(ApiError, match="answered 404, without a message of the API"):
            backend.get_variable("x")

    @on_the_devserver
    def test_all_namespaces_wait_for_one_timeout_in_all(
        self, place: ServerPlace, proxy: Proxy, caplog: pytest.LogCaptureFixture
    ) -> None:
        names = [place.other(f"n{number}") for number in range(10)]
        backend = place.make_backend(
            namespace=place.namespace, timeout=1, **variables(**{name: f"{name}/x" for name in names})
        )
        proxy.swallow()
        began = time.monotonic()

        for key in ("by label", *names):
            with pytest.raises(ApiUnavailableError):
                backend.get_variable(key)

        # 11 timeouts would take 11 s.
        assert time.monotonic() - began < 6
        assert len(said(caplog)) == 1
