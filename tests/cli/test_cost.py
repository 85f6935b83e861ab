"""The time of commands grows linearly with a Secret's size and with the Secrets of one id. Their output stays short."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.diagnosis.explain import explain
from airflow_kubernetes_secrets.diagnosis.hint_search import MayReveal, reveal_all
from airflow_kubernetes_secrets.inventory.entries import Inventory, inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.kubernetes.manifest_files import LARGEST_FILE_BYTES
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.lookup.selection import Lookup
from airflow_kubernetes_secrets.manifests.check import Check
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.call_counts import calls
from support.cluster import Cluster
from support.commands import Commands
from support.secrets import BUNDLE, CONNECTION, TEAM, VARIABLE, Put

PREFIX = "airflow.apache.org/"

# Seconds: far above the measured time, and far below the time without limits.
SECONDS = 10.0


def manifest(name: str, labels: dict[str, str], data: dict[str, str], annotations: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": labels, "annotations": annotations},
        "data": {key: b64encode(text.encode()).decode() for key, text in data.items()},
    }


def heavy(count: int) -> dict[str, Any]:
    """Return a Secret with ``count`` known annotations, and as many nearly known annotations, labels and keys."""
    annotations = {f"{PREFIX}extra-a{number:05}": "host" for number in range(count)}
    annotations |= {f"{PREFIX}exta-b{number:05}": "" for number in range(count)}
    labels = {CONNECTION: "my_db", **{f"{PREFIX}tem-{number:05}": "x" for number in range(count)}}
    data = {"host": "h", **{f"hots-{number:05}": "x" for number in range(count)}}
    return manifest("heavy", labels, data, annotations)


def folder_with(folder: Path, manifests: list[dict[str, Any]], **options: object) -> Options:
    folder.mkdir(exist_ok=True)
    (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))
    return Options.parse({"path": str(folder), **options})


def listed(options: Options) -> Inventory:
    return inventory_of(location_of(options), options)


def hints_for(lookup: Lookup, options: Options, may_reveal: MayReveal = reveal_all) -> list[str]:
    """Return the hints for a lookup in a folder."""
    return explain(lookup, options, location_of(options), database=False, may_reveal=may_reveal).hints


class TestLargeSecret:
    def test_list_and_explain_with_a_large_secret(self, commands: Commands, cluster: Cluster) -> None:
        secret = heavy(400)
        secret["metadata"]["namespace"] = commands.namespace
        cluster.apply(secret)

        began = time.process_time()
        [entry] = commands.run("list", "--output", "json").document["entries"]
        commands.run("explain", "connection", "my_db")
        assert time.process_time() - began < SECONDS

        texts = [problem["text"] for problem in entry["problems"] if problem["code"] == "unknown-annotation"]
        assert len(texts) == 5
        assert f"annotation '{PREFIX}exta-b00004' and 395 more: it is unknown and has no effect" in texts[4]
        assert [problem["code"] for problem in entry["problems"]].count("unknown-label") == 5

    def test_check_with_a_large_secret(self, commands: Commands, tmp_path: Path) -> None:
        (tmp_path / "heavy.json").write_text(json.dumps(heavy(400)))

        began = time.process_time()
        problems = commands.run("check", str(tmp_path), "--output", "json").document["problems"]
        assert time.process_time() - began < SECONDS

        assert [problem["code"] for problem in problems] == ["unknown-label"] * 5 + ["unknown-annotation"] * 5
        assert " and 395 more: " in problems[4]["text"]
        assert " and 395 more: " in problems[9]["text"]

    def test_work_of_list_and_check_grows_linearly_with_the_secret(self, tmp_path: Path) -> None:
        def list_and_check(count: int) -> None:
            options = folder_with(tmp_path / str(count), [heavy(count)])
            assert listed(options).entries
            Check(options, "default").check_path(tmp_path / str(count))

        list_and_check(100)
        assert calls(lambda: list_and_check(1_000)) < 6 * calls(lambda: list_and_check(250))

    def test_work_of_check_and_lookup_grows_linearly_with_the_secret(self, tmp_path: Path) -> None:
        def check_and_look_up(count: int) -> None:
            options = folder_with(tmp_path / str(count), [heavy(count)])
            Check(options, "default").check_path(tmp_path / str(count))
            assert KubernetesSecretsBackend(path=options.path).get_connection("my_db") is not None

        check_and_look_up(100)
        assert calls(lambda: check_and_look_up(1_000)) < 6 * calls(lambda: check_and_look_up(250))

    def test_a_value_that_looks_like_a_number_in_base_60(self, tmp_path: Path) -> None:
        def check_and_look_up(count: int) -> None:
            folder = tmp_path / str(count)
            folder.mkdir(exist_ok=True)
            metadata = f"{{name: x, labels: {{{VARIABLE}: x}}}}"
            value = f"1{':10' * count}"
            (folder / "x.yaml").write_text(
                f"apiVersion: v1\nkind: Secret\nmetadata: {metadata}\nstringData: {{value: {value}}}\n"
            )
            Check(Options(), "default").check_path(folder)
            assert KubernetesSecretsBackend(path=str(folder)).get_variable("x") == value

        check_and_look_up(100)
        assert calls(lambda: check_and_look_up(10_000)) < 6 * calls(lambda: check_and_look_up(2_500))

        began = time.process_time()
        check_and_look_up(200_000)
        assert time.process_time() - began < SECONDS

    def test_many_invalid_labels_and_lost_annotations(self, commands: Commands, tmp_path: Path) -> None:
        labels = {CONNECTION: "my_db", **{f"example.com/-{number}": "x" for number in range(50)}}
        (tmp_path / "a.json").write_text(json.dumps(manifest("a", labels, {"host": "h"}, {})))
        annotations = {f"{PREFIX}extra-a{number}": "k" for number in range(50)}
        external = {
            "apiVersion": "external-secrets.io/v1",
            "kind": "ExternalSecret",
            "metadata": {"name": "b", "annotations": annotations},
            "spec": {"target": {"template": {"metadata": {"labels": {CONNECTION: "b"}}, "data": {"host": "h"}}}},
        }
        (tmp_path / "b.json").write_text(json.dumps(external))

        problems = commands.run("check", str(tmp_path), "--output", "json", status=1).document["problems"]

        assert [problem["code"] for problem in problems] == ["invalid-label"] * 5 + ["annotation-lost"] * 5
        assert all(" and 45 more" in problems[position]["text"] for position in (4, 9))

    def test_one_long_id_does_not_widen_other_rows(self, commands: Commands, put: Put, cluster: Cluster) -> None:
        put.variable("x", "found", name="short")
        long = manifest("long", {VARIABLE: "y"}, {"value": "x"}, {VARIABLE: "y" * 100_000})
        long["metadata"]["namespace"] = commands.namespace
        cluster.apply(long)

        out = commands.run("list").out

        assert len(out) < 110_000


def test_work_for_bundles_grows_linearly_with_their_keys(tmp_path: Path) -> None:
    """Each id is looked up in the bundles that have its key only."""

    def list_all(count: int) -> None:
        bundles = [
            manifest(f"b-{number}", {BUNDLE: "variables"}, {f"k-{number}-{key}": "x" for key in range(4)}, {})
            for number in range(count)
        ]
        options = folder_with(tmp_path / str(count), bundles, bundles=True)
        assert len(listed(options).entries) == 4 * count

    list_all(10)
    assert calls(lambda: list_all(400)) < 6 * calls(lambda: list_all(100))


class TestManySecretsForOneId:
    @pytest.mark.parametrize(
        ("labels", "data"),
        [({}, {"value": "x"}), ({}, {"other": "x"}), ({TEAM: "team-{}"}, {"value": "x"})],
        ids=["duplicates", "all unreadable", "of a team each"],
    )
    def test_work_grows_linearly_with_the_number_of_secrets(
        self, tmp_path: Path, labels: dict[str, str], data: dict[str, str]
    ) -> None:
        def list_and_check(count: int) -> None:
            secrets = [
                manifest(
                    f"s-{number}",
                    {VARIABLE: "x", **{key: text.format(number) for key, text in labels.items()}},
                    data,
                    {},
                )
                for number in range(count)
            ]
            options = folder_with(tmp_path / str(count), secrets)
            assert len(listed(options).entries) == count
            Check(options, "default").check_path(tmp_path / str(count))

        list_and_check(50)
        assert calls(lambda: list_and_check(800)) < 6 * calls(lambda: list_and_check(200))

    @pytest.mark.parametrize("identifier", ["x", "of-{}"], ids=["the same", "another, by an annotation"])
    def test_work_grows_linearly_with_team_and_global_secrets(self, tmp_path: Path, identifier: str) -> None:
        """Each team's lookup would examine all global Secrets."""

        def survey(count: int) -> None:
            secrets = []
            for number in range(count):
                annotations = {VARIABLE: identifier.format(number)}
                secrets.append(manifest(f"everybodys-{number}", {VARIABLE: "x"}, {"value": "x"}, annotations))
                labels = {VARIABLE: "x", TEAM: f"team-{number}"}
                secrets.append(manifest(f"of-a-team-{number}", labels, {"value": "x"}, {}))
            options = folder_with(tmp_path / str(count), secrets)
            assert len(listed(options).entries) == 2 * count

        survey(50)
        assert calls(lambda: survey(400)) < 6 * calls(lambda: survey(100))

    def test_duplicate_secrets_in_a_folder_are_summarized(self, tmp_path: Path) -> None:
        secrets = [manifest(f"s-{number % 100}", {VARIABLE: "x"}, {"value": "x"}, {}) for number in range(200)]
        options = folder_with(tmp_path, secrets)

        problems = location_of(options).problems()

        assert len(problems) == 5
        assert problems[4].endswith("the latter is used. Remove one of them, and 95 more")

    def test_hints_for_an_id_of_another_kind(self, tmp_path: Path) -> None:
        secrets = [manifest(f"s-{number}", {VARIABLE: "x"}, {"value": "x"}, {}) for number in range(50)]
        options = folder_with(tmp_path, secrets)

        hints = hints_for(Lookup(Kind.CONNECTION, "x"), options)

        assert len(hints) == 5
        assert hints[4].endswith("; and 45 more like it")


class TestSuggestedIds:
    def test_most_similar_id_is_suggested_first(self, tmp_path: Path) -> None:
        secrets = [
            manifest(f"s-{number}", {VARIABLE: f"orders-{number}"}, {"value": "x"}, {}) for number in range(2_000)
        ]
        options = folder_with(tmp_path, secrets)

        hints = hints_for(Lookup(Kind.VARIABLE, "order-77"), options)

        assert hints[0] == "Did you mean 'orders-77'? Secret default/s-77 has it"

    @pytest.mark.parametrize(("identifier", "checked"), [("order-77", 3), ("nothing-like-it", 0)])
    def test_permission_is_checked_only_for_suggestions(self, tmp_path: Path, identifier: str, checked: int) -> None:
        """A check can be a request to the server of Airflow's auth manager."""
        secrets = [manifest(f"s-{number}", {VARIABLE: f"orders-{number}"}, {"value": "x"}, {}) for number in range(500)]
        options = folder_with(tmp_path, secrets)
        ids: list[str] = []

        def reveal(_kind: Kind, each: str, _team: str | None) -> bool:
            ids.append(each)
            return True

        hints = hints_for(Lookup(Kind.VARIABLE, identifier), options, reveal)

        assert len(hints) == len(ids) == checked

    def test_an_id_without_permission_is_replaced_by_the_next(self, tmp_path: Path) -> None:
        secrets = [manifest(f"s-{number}", {VARIABLE: f"orders-{number}"}, {"value": "x"}, {}) for number in range(40)]
        options = folder_with(tmp_path, secrets)
        ids: list[str] = []

        def reveal(_kind: Kind, each: str, _team: str | None) -> bool:
            ids.append(each)
            return each == "orders-9"

        hints = hints_for(Lookup(Kind.VARIABLE, "order-77"), options, reveal)

        assert hints == ["Did you mean 'orders-9'? Secret default/s-9 has it"]
        assert len(ids) <= 50

    def test_long_ids_are_not_compared(self, tmp_path: Path) -> None:
        """A comparison would take time that grows with the square of their length."""
        ids = [("ab" * 20_000) + str(number) for number in range(20)]
        secrets = [
            manifest(f"s-{number}", {VARIABLE: f"x-{number}"}, {"value": "x"}, {VARIABLE: each})
            for number, each in enumerate(ids)
        ]
        options = folder_with(tmp_path, secrets)

        began = time.process_time()
        hints_for(Lookup(Kind.VARIABLE, "ba" * 20_000), options)
        hints_for(Lookup(Kind.VARIABLE, "short"), options)
        assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("name", ["large.yaml", "large.json"])
def test_a_file_that_is_too_large(commands: Commands, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b" " * (LARGEST_FILE_BYTES + 1))

    [problem] = commands.run("check", str(tmp_path), "--output", "json", status=1).document["problems"]

    assert problem["code"] == "unreadable-manifest"
    assert problem["path"] == f"{tmp_path}/{name}"
    assert problem["text"] == "it has more than 8 MiB, the limit for a file with manifests. Split it"


def test_an_endless_file(commands: Commands) -> None:
    [problem] = commands.run("check", "/dev/zero", "--output", "json", status=1).document["problems"]

    assert problem["text"].startswith("it has more than 8 MiB")
