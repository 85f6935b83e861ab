"""Namespaces, teams, references and patterns, with the same tests on each server and on a folder of manifests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.errors import MalformedSecretError, MissingSecretError, NotConfiguredError
from airflow_kubernetes_secrets.lookup.identifiers import label_value
from support.cluster import Cluster
from support.logs import said
from support.places import FolderLocation, Place, ServerPlace
from support.proxy import Proxy
from support.secrets import CONFIG, CONNECTION, TEAM, VARIABLE
from support.waiting import until

NO_LABELS = {"connections_label": None, "variables_label": None, "config_label": None}

pytestmark = pytest.mark.however_fresh


@pytest.fixture(params=["devserver", "kube-apiserver", "folder"])
def cluster(request: pytest.FixtureRequest) -> Cluster | None:
    """Return the API server, or None for the folder of manifests."""
    if request.param == "folder":
        return None
    found: Cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    return found


@pytest.fixture
def place(cluster: Cluster | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if cluster is None:
        (tmp_path / "manifests").mkdir()
        yield FolderLocation(tmp_path / "manifests")
        return
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with Proxy(cluster) as proxy:
        for name, value in proxy.pod_environment().items():
            monkeypatch.setenv(name, value)
        yield ServerPlace(cluster, proxy)


class TestNamespaces:
    def test_one(self, place: Place, freshness: dict[str, object]) -> None:
        place.put({VARIABLE: "x"}, "at home")
        place.put({VARIABLE: "x"}, "elsewhere", namespace=place.other("b"))

        assert place.make_backend(namespace=place.namespace, **freshness).get_variable("x") == "at home"
        assert place.make_backend(namespace=place.other("b"), **freshness).get_variable("x") == "elsewhere"

    @pytest.mark.parametrize("form", ["list", "commas"])
    def test_the_first_that_has_one_answers(self, place: Place, freshness: dict[str, object], form: str) -> None:
        b, a = place.other("b"), place.other("a")
        for kind, name in ((VARIABLE, "a-get-variable"), (CONNECTION, "a-get-conn-value"), (CONFIG, "a-get-config")):
            # The second namespace has the older Secret, whose name comes first.
            place.put({kind: "both"}, "http://a", namespace=a, name=name)
            place.put({kind: "both"}, "http://b", namespace=b)
            place.put({kind: "second"}, "http://a", namespace=a)
            place.put({kind: "neither"}, "http://elsewhere")
        backend = place.make_backend(namespace=[b, a] if form == "list" else f"{b} , {a}", **freshness)

        reads: tuple[Callable[[str], str | None], ...] = (
            backend.get_variable,
            backend.get_conn_value,
            backend.get_config,
        )
        for read in reads:
            assert read("both") == "http://b"
            assert read("second") == "http://a"
            assert read("neither") is None
        assert backend.get_connection("both").host == "b"

    def test_one_that_cannot_be_read_is_passed_over_for_the_next(
        self, place: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        place.put({VARIABLE: "x"}, data={"other": "hunter2"}, name="broken")
        place.put({VARIABLE: "x"}, "readable", namespace=place.other("b"))
        backend = place.make_backend(namespace=[place.namespace, place.other("b")], **freshness)

        for _ in range(2):
            assert backend.get_variable("x") == "readable"

        [warning] = said(caplog)
        assert f"Secret {place.namespace}/broken, key 'value': there is no such key in its data" in warning
        assert "hunter2" not in warning

    def test_changes_in_each_are_followed(self, place: Place, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 2}
        a, b = place.namespace, place.other("b")
        place.put({VARIABLE: "x"}, "b", namespace=b, name="x")
        backend = place.make_backend(namespace=[a, b], **freshness)
        assert backend.get_variable("x") == "b"

        place.put({VARIABLE: "x"}, "c", namespace=b, name="x")
        until(lambda: backend.get_variable("x") == "c")
        place.put({VARIABLE: "x"}, "a", namespace=a, name="x")
        until(lambda: backend.get_variable("x") == "a")
        place.delete("x", a)
        until(lambda: backend.get_variable("x") == "c")
        place.delete("x", b)
        until(lambda: backend.get_variable("x") is None)


# Where a Secret for one id can be, in the order of preference.
OF_THE_TEAM = ("its own namespace", "team, first", "team, second")
OF_NO_TEAM = ("reference", "global, first", "global, second")


EVERYWHERE = OF_THE_TEAM + OF_NO_TEAM
COMBINATIONS = {
    f"x{number}": [where for where, is_there in zip(EVERYWHERE, exists, strict=True) if is_there]
    for number, exists in enumerate(itertools.product([False, True], repeat=len(EVERYWHERE)))
}


@pytest.fixture(scope="module")
def stocked() -> dict[str | None, Place]:
    """Return the places that already contain all combinations, by server."""
    return {}


@pytest.fixture
def combinations(place: Place, cluster: Cluster | None, stocked: dict[str | None, Place]) -> Place:
    """Return a place with a Secret in every combination. It is filled once for all tests of a server."""
    server = cluster.name if cluster is not None else None
    if server in stocked:
        place.namespace = stocked[server].namespace
        if isinstance(place, FolderLocation):
            return stocked[server]
        return place
    put = {
        "its own namespace": (place.other("blue"), {}),
        "team, first": (place.namespace, {TEAM: "blue"}),
        "team, second": (place.other("second"), {TEAM: "blue"}),
        "global, first": (place.namespace, {}),
        "global, second": (place.other("second"), {}),
    }
    for key, present in COMBINATIONS.items():
        for where in present:
            if where == "reference":
                # The label is for another id: this Secret is found by its name.
                place.put({VARIABLE: "other"}, where, name=f"ref-{key}")
            else:
                namespace, labels = put[where]
                place.put({VARIABLE: key, **labels}, where, namespace=namespace)
    stocked[server] = place
    return place


@pytest.mark.parametrize(
    ("team", "fallback", "order"),
    [
        ("blue", True, OF_THE_TEAM + OF_NO_TEAM),
        ("blue", False, OF_THE_TEAM),
        ("green", True, OF_NO_TEAM),
        ("green", False, ()),
        (None, True, OF_NO_TEAM),
        (None, False, OF_NO_TEAM),
    ],
    ids=["team", "team alone", "another team", "another team alone", "no team", "no team, no fallback"],
)
def test_the_order(
    combinations: Place, freshness: dict[str, object], team: str | None, fallback: bool, order: tuple[str, ...]
) -> None:
    """The order holds for every combination of existing Secrets."""
    place = combinations
    expected = {
        key: next((where for where in order if where in present), None) for key, present in COMBINATIONS.items()
    }
    backend = place.make_backend(
        namespace=[place.namespace, place.other("second")],
        team_namespaces={"blue": place.other("blue"), "red": place.other("red")},
        team_fallback=fallback,
        references={"variables": {key: f"ref-{key}" for key in COMBINATIONS if "reference" in COMBINATIONS[key]}},
        **freshness,
    )

    assert {key: backend.get_variable(key, team_name=team) for key in expected} == expected


class TestTeams:
    def test_a_namespace_of_its_own_is_of_nobody_else(self, place: Place, freshness: dict[str, object]) -> None:
        blue = place.other("blue")
        place.put({CONNECTION: "x"}, "http://unlabelled", namespace=blue)
        place.put({CONNECTION: "y", TEAM: "green"}, "http://green", namespace=blue)
        backend = place.make_backend(namespace=place.namespace, team_namespaces={"blue": blue}, **freshness)

        assert backend.get_conn_value("x", team_name="blue") == "http://unlabelled"
        assert backend.get_conn_value("x", team_name="green") is None
        assert backend.get_conn_value("x") is None
        # This Secret belongs to another team, although it is in this namespace.
        for team in ("blue", "green", None):
            assert backend.get_conn_value("y", team_name=team) is None

    def test_a_broken_one_is_not_replaced(self, place: Place, freshness: dict[str, object]) -> None:
        blue = place.other("blue")
        place.put({VARIABLE: "x"}, data={"other": "hunter2"}, namespace=blue, name="broken")
        place.put({VARIABLE: "x", TEAM: "blue"}, "of the team too")
        place.put({VARIABLE: "x"}, "global")
        backend = place.make_backend(namespace=place.namespace, team_namespaces={"blue": blue}, **freshness)

        with pytest.raises(MalformedSecretError, match=f"Secret {blue}/broken, key 'value'") as raised:
            backend.get_variable("x", team_name="blue")
        assert "hunter2" not in str(raised.value)
        assert backend.get_variable("x") == "global"

    def test_without_a_fallback(self, place: Place, freshness: dict[str, object]) -> None:
        place.put({VARIABLE: "x"}, "global")
        backend = place.make_backend(team_fallback="false", **freshness)

        assert backend.get_variable("x", team_name="blue") is None
        assert backend.get_variable("x") == "global"

    def test_a_namespace_makes_a_team_where_labels_do_not(self, place: Place, freshness: dict[str, object]) -> None:
        blue = place.other("blue")
        place.put({VARIABLE: "x", TEAM: "green"}, "in the namespace of blue", namespace=blue)
        place.put({VARIABLE: "x", TEAM: "blue"}, "global")
        backend = place.make_backend(
            namespace=place.namespace, team_namespaces={"blue": blue}, team_label=None, **freshness
        )

        assert backend.get_variable("x", team_name="blue") == "in the namespace of blue"
        assert backend.get_variable("x", team_name="green") == "global"
        assert backend.get_variable("x") == "global"


class TestReferences:
    @pytest.mark.parametrize("labels", [{}, NO_LABELS], ids=["labels too", "no labels"])
    def test_unlabelled_secrets_of_all_kinds(
        self, place: Place, freshness: dict[str, object], labels: dict[str, None]
    ) -> None:
        app = place.other("app")
        place.put({}, name="app-db-app", data={"host": "db", "user": "app", "password": b"\xc3\xa4"}, namespace=app)
        place.put({}, "a variable", name="settings")
        place.put({}, " an option\n", name="settings.options")
        backend = place.make_backend(
            references={
                "connections": {"my_db": f"{app}/app-db-app"},
                "variables": {"any id: ä": "settings"},
                "config": {"option": f"{place.namespace}/settings.options"},
            },
            **labels,
            **freshness,
        )

        for _ in range(2):
            connection = backend.get_connection("my_db")
            assert (connection.host, connection.login, connection.password) == ("db", "app", "ä")
            assert backend.get_variable("any id: ä") == "a variable"
            assert backend.get_config("option") == "an option"
        # A reference applies to one kind only.
        assert backend.get_variable("my_db") is None
        assert backend.get_conn_value("option") is None

    def test_a_name_alone_is_in_the_first_namespace(self, place: Place, freshness: dict[str, object]) -> None:
        place.put({}, "second", name="x", namespace=place.namespace)
        place.put({}, "first", name="x", namespace=place.other("first"))
        backend = place.make_backend(
            namespace=[place.other("first"), place.namespace], references={"variables": {"x": "x"}}, **freshness
        )

        assert backend.get_variable("x") == "first"

    def test_one_that_leads_nowhere(
        self, place: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        place.put({VARIABLE: "x"}, "must not stand in")
        place.put({}, "another namespace's", name="gone", namespace=place.other("b"))
        backend = place.make_backend(
            namespace=place.namespace, references={"variables": {"x": f"{place.namespace}/gone"}}, **freshness
        )

        for _ in range(2):
            with pytest.raises(MissingSecretError) as raised:
                backend.get_variable("x")

        assert str(raised.value) == (
            f"'references' in backend_kwargs names Secret {place.namespace}/gone, which does not exist. Create it, "
            "or correct the reference"
        )
        assert len(said(caplog)) == 1
        # The remedy takes effect within cache_ttl.
        place.put({}, "here", name="gone")
        if not freshness:
            until(lambda: backend.get_variable("x") == "here")

    @pytest.mark.parametrize("broken", [{"other": "hunter2"}, {"value": b"\xffhunter2"}], ids=["no key", "not UTF-8"])
    def test_nothing_stands_in_for_one_that_cannot_be_read(
        self, place: Place, freshness: dict[str, object], broken: dict[str, str | bytes]
    ) -> None:
        place.put({VARIABLE: "x"}, "must not stand in")
        place.put({}, name="broken", data=broken)
        backend = place.make_backend(references={"variables": {"x": "broken"}}, **freshness)

        for team in (None, "blue"):
            with pytest.raises(MalformedSecretError, match=f"Secret {place.namespace}/broken, key 'value'") as raised:
                backend.get_variable("x", team_name=team)
            assert "hunter2" not in str(raised.value)

    def test_a_change_is_followed(self, place: Place, freshness: dict[str, object]) -> None:
        if freshness:
            freshness = {"cache_ttl": 1}
        place.put({}, "old", name="x")
        backend = place.make_backend(references={"variables": {"x": "x"}}, **freshness)
        assert backend.get_variable("x") == "old"

        place.put({}, "new", name="x")
        until(lambda: backend.get_variable("x") == "new")


class TestPatterns:
    def test_an_id_that_does_not_match_is_a_miss_for_which_nothing_is_asked(
        self, place: Place, freshness: dict[str, object]
    ) -> None:
        place.put({}, "referred to", name="secret")
        backend = place.make_backend(
            connections_lookup_pattern="k8s_",
            variables_lookup_pattern="k8s_",
            config_lookup_pattern="k8s_",
            references={kind: {"x_k8s_": "secret"} for kind in ("connections", "variables", "config")},
            **freshness,
        )
        before = len(place.requests)
        place.leave()

        for key in ("x_k8s_", "k8s-", "other"):
            assert backend.get_connection(key) is None
            assert backend.get_conn_value(key, team_name="blue") is None
            assert backend.get_variable(key) is None
            assert backend.get_config(key) is None
        assert len(place.requests) == before

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("^k8s_", {"k8s_x", "K8S_X"}),
            ("k8s_", {"k8s_x", "K8S_X"}),
            ("K8S_X$", {"k8s_x", "K8S_X"}),
            (".*_x$", {"k8s_x", "K8S_X", "x_k8s_x"}),
            ("x|k8s", {"k8s_x", "K8S_X", "x_k8s_x"}),
            ("null", {"k8s_x", "K8S_X", "x_k8s_x"}),
            (None, {"k8s_x", "K8S_X", "x_k8s_x"}),
        ],
    )
    def test_it_matches_as_in_amazons_backend(
        self, place: Place, freshness: dict[str, object], pattern: str | None, found: set[str]
    ) -> None:
        """The pattern matches at the beginning, in any case: ``re.match(pattern, id, re.IGNORECASE)``.

        Amazon's backend is ``airflow.providers.amazon.aws.secrets.secrets_manager``.
        """
        ids = ("k8s_x", "K8S_X", "x_k8s_x")
        for key in ids:
            for kind in (CONNECTION, VARIABLE, CONFIG):
                place.put({kind: key}, f"http://{kind}/{key}")
        backend = place.make_backend(
            connections_lookup_pattern=pattern,
            variables_lookup_pattern=pattern,
            config_lookup_pattern=pattern,
            **freshness,
        )

        assert {key for key in ids if backend.get_variable(key) == f"http://{VARIABLE}/{key}"} == found
        assert {key for key in ids if backend.get_conn_value(key) == f"http://{CONNECTION}/{key}"} == found
        assert {key for key in ids if backend.get_config(key) == f"http://{CONFIG}/{key}"} == found

    def test_each_kind_has_its_own(self, place: Place, freshness: dict[str, object]) -> None:
        place.put({CONNECTION: "x"}, "http://x")
        place.put({VARIABLE: "x"}, "x")
        backend = place.make_backend(variables_lookup_pattern="y", **freshness)

        assert backend.get_conn_value("x") == "http://x"
        assert backend.get_variable("x") is None


class TestIdsAndAnnotations:
    def test_ids_that_no_label_can_hold(self, place: Place, freshness: dict[str, object]) -> None:
        ids = ["cosmos__2026-05-04T10:15:00+00:00", "zwölf", "a/b", "x" * 64, "a,b=c", " x ", "-x"]
        for number, key in enumerate(ids):
            for kind in (CONNECTION, VARIABLE, CONFIG):
                place.put({kind: label_value(key)}, f"http://{number}", annotations={kind: key})
        backend = place.make_backend(**freshness)

        for number, key in enumerate(ids):
            assert backend.get_conn_value(key) == f"http://{number}"
            assert backend.get_variable(key) == f"http://{number}"
            assert backend.get_config(key) == f"http://{number}"
            assert backend.get_variable(label_value(key)) is None

    def test_one_for_another_id_is_passed_over_with_one_warning(
        self, place: Place, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        place.put({VARIABLE: "x"}, "of y", name="of-y", annotations={VARIABLE: "y"})
        place.put({VARIABLE: "both"}, "of another", annotations={VARIABLE: "another"}, name="a")
        place.put({VARIABLE: "both"}, "found", name="b")
        backend = place.make_backend(**freshness)

        for _ in range(2):
            assert backend.get_variable("x") is None
            assert backend.get_variable("y") is None

        [warning] = said(caplog)
        assert f"variable 'x': Secret {place.namespace}/of-y, annotation '{VARIABLE}'" in warning
        assert "it specifies another id. It is skipped" in warning
        assert backend.get_variable("both") == "found"

    def test_the_data_key_in_an_annotation(self, place: Place, freshness: dict[str, object]) -> None:
        key = {"airflow.apache.org/data-key": "token"}
        place.put({VARIABLE: "x"}, data={"token": b"t0ken", "other": "x"}, annotations=key)
        place.put({CONFIG: "x"}, data={"token": "option"}, annotations=key)
        place.put({CONNECTION: "x"}, data={"token": "http://x"}, annotations=key)
        # The annotation takes precedence over the options.
        place.put({VARIABLE: "both"}, data={"token": "yes", "value": "no"}, annotations=key)
        backend = place.make_backend(**freshness)

        assert backend.get_variable("x") == "t0ken"
        assert backend.get_config("x") == "option"
        assert backend.get_conn_value("x") == "http://x"
        assert backend.get_variable("both") == "yes"


@pytest.mark.parametrize("cluster", ["folder"], indirect=True)
def test_a_folder_that_is_gone_is_no_miss(place: Place, freshness: dict[str, object]) -> None:
    place.put({VARIABLE: "x"}, "x")
    backend = place.make_backend(**freshness)
    assert backend.get_variable("x") == "x"
    place.leave()

    with pytest.raises(NotConfiguredError, match="the folder of 'path' in backend_kwargs cannot be read"):
        backend.get_variable("x")
