"""Which ids are looked up: patterns, and ids in annotations. On each server and on a folder of manifests."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from support.logs import log_messages
from support.manifest_sources import ManifestSource, ObservedSource
from support.secrets import CONFIG, CONNECTION, VARIABLE

pytestmark = pytest.mark.however_fresh


class TestPatterns:
    def test_id_that_does_not_match_the_pattern_is_a_miss_without_a_request(
        self, observed_source: ObservedSource, freshness: dict[str, object]
    ) -> None:
        observed_source.put({}, "referred to", name="secret")
        backend = observed_source.make_backend(
            connections_lookup_pattern="k8s_",
            variables_lookup_pattern="k8s_",
            config_lookup_pattern="k8s_",
            references={kind: {"x_k8s_": "secret"} for kind in ("connections", "variables", "config")},
            **freshness,
        )
        before = len(observed_source.requests)
        observed_source.leave()

        for key in ("x_k8s_", "k8s-", "other"):
            assert backend.get_connection(key) is None
            assert backend.get_conn_value(key, team_name="blue") is None
            assert backend.get_variable(key) is None
            assert backend.get_config(key) is None
        assert len(observed_source.requests) == before

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
    def test_pattern_matches_as_in_amazons_backend(
        self, source: ManifestSource, freshness: dict[str, object], pattern: str | None, found: set[str]
    ) -> None:
        """The pattern matches at the beginning, in any case: ``re.match(pattern, id, re.IGNORECASE)``.

        Amazon's backend is ``airflow.providers.amazon.aws.secrets.secrets_manager``.
        """
        ids = ("k8s_x", "K8S_X", "x_k8s_x")
        for key in ids:
            for kind in (CONNECTION, VARIABLE, CONFIG):
                source.put({kind: key}, f"http://{kind}/{key}")
        backend = source.make_backend(
            connections_lookup_pattern=pattern,
            variables_lookup_pattern=pattern,
            config_lookup_pattern=pattern,
            **freshness,
        )

        assert {key for key in ids if backend.get_variable(key) == f"http://{VARIABLE}/{key}"} == found
        assert {key for key in ids if backend.get_conn_value(key) == f"http://{CONNECTION}/{key}"} == found
        assert {key for key in ids if backend.get_config(key) == f"http://{CONFIG}/{key}"} == found

    def test_each_kind_has_its_own_pattern(self, source: ManifestSource, freshness: dict[str, object]) -> None:
        source.put({CONNECTION: "x"}, "http://x")
        source.put({VARIABLE: "x"}, "x")
        backend = source.make_backend(variables_lookup_pattern="y", **freshness)

        assert backend.get_conn_value("x") == "http://x"
        assert backend.get_variable("x") is None


class TestIdsAndAnnotations:
    def test_ids_that_are_not_valid_label_values(self, source: ManifestSource, freshness: dict[str, object]) -> None:
        ids = ["cosmos__2026-05-04T10:15:00+00:00", "zwölf", "a/b", "x" * 64, "a,b=c", " x ", "-x"]
        for number, key in enumerate(ids):
            for kind in (CONNECTION, VARIABLE, CONFIG):
                source.put({kind: label_value(key)}, f"http://{number}", annotations={kind: key})
        backend = source.make_backend(**freshness)

        for number, key in enumerate(ids):
            assert backend.get_conn_value(key) == f"http://{number}"
            assert backend.get_variable(key) == f"http://{number}"
            assert backend.get_config(key) == f"http://{number}"
            assert backend.get_variable(label_value(key)) is None

    def test_secret_for_another_id_is_skipped_with_one_warning(
        self, source: ManifestSource, freshness: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        source.put({VARIABLE: "x"}, "of y", name="of-y", annotations={VARIABLE: "y"})
        source.put({VARIABLE: "both"}, "of another", annotations={VARIABLE: "another"}, name="a")
        source.put({VARIABLE: "both"}, "found", name="b")
        backend = source.make_backend(**freshness)

        for _ in range(2):
            assert backend.get_variable("x") is None
            assert backend.get_variable("y") is None

        [warning] = log_messages(caplog)
        assert f"variable 'x': Secret {source.namespace}/of-y, annotation '{VARIABLE}'" in warning
        assert "it specifies another id than the label. Correct one of them. This Secret is skipped" in warning
        assert backend.get_variable("both") == "found"

    def test_the_data_key_in_an_annotation(self, source: ManifestSource, freshness: dict[str, object]) -> None:
        key = {"airflow.apache.org/data-key": "token"}
        source.put({VARIABLE: "x"}, data={"token": b"t0ken", "other": "x"}, annotations=key)
        source.put({CONFIG: "x"}, data={"token": "option"}, annotations=key)
        source.put({CONNECTION: "x"}, data={"token": "http://x"}, annotations=key)
        # The annotation takes precedence over the options.
        source.put({VARIABLE: "both"}, data={"token": "yes", "value": "no"}, annotations=key)
        backend = source.make_backend(**freshness)

        assert backend.get_variable("x") == "t0ken"
        assert backend.get_config("x") == "option"
        assert backend.get_conn_value("x") == "http://x"
        assert backend.get_variable("both") == "yes"
