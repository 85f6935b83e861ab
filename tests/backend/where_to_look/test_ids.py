"""Which ids are looked up: patterns, and ids in annotations. On each server and on a folder of manifests."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from support.logs import said
from support.places import Place
from support.secrets import CONFIG, CONNECTION, VARIABLE

pytestmark = pytest.mark.however_fresh


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
