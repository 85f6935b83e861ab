"""``list``, ``explain`` and ``doctor`` with bundles, on both servers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.commands import SECRET, URI, Commands
from support.listing import entries
from support.secrets import BUNDLE, CONFIG, CONNECTION, TEAM, VARIABLE, Put


def by_id(commands: Commands) -> dict[str, dict[str, Any]]:
    """Return the entries of ``list``, by id. No id occurs twice."""
    found = {each["id"]: each for each in entries(commands)}
    assert len(found) == len(entries(commands))
    return found


def codes(entry: dict[str, Any]) -> list[str]:
    return [each["code"] for each in entry["problems"]]


class TestList:
    def test_the_entries(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put({BUNDLE: "connections"}, data={"my_db": URI, "AIRFLOW_CONN_MY_API": "http://api"}, name="c")
        put({BUNDLE: "variables", TEAM: "blue"}, data={"x": SECRET}, name="v")
        put({BUNDLE: "config"}, data={"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": SECRET}, name="o")

        found = by_id(commands)

        assert {id: (each["kind"], each["secret"], each["shape"], each["team"]) for id, each in found.items()} == {
            "my_api": ("connection", "c", "key 'AIRFLOW_CONN_MY_API'", None),
            "my_db": ("connection", "c", "key 'my_db'", None),
            "x": ("variable", "v", "key 'x'", "blue"),
            "database/sql_alchemy_conn": ("config", "o", "key 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN'", None),
        }
        assert (found["my_db"]["conn_type"], found["my_db"]["host"]) == ("postgres", "db.example.com")
        assert all(each["answers"] and not each["problems"] for each in found.values())
        assert [each["id"] for each in entries(commands, "variables")] == ["x"]

    def test_an_id_in_several_keys_or_secrets(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put.variable("own", "own", name="own")
        put({BUNDLE: "variables"}, data={"own": "x", "twice": "a", "AIRFLOW_VAR_TWICE": "b"}, name="a")
        put({BUNDLE: "variables"}, data={"twice": "c"}, name="b")

        found = entries(commands)

        space = commands.namespace
        assert [(each["id"], each["secret"], each["shape"], each["answers"], codes(each)) for each in found] == [
            ("own", "own", "key 'value'", True, []),
            ("own", "a", "key 'own'", False, ["hidden"]),
            ("twice", "a", "key 'twice'", True, []),
            ("twice", "a", "key 'AIRFLOW_VAR_TWICE'", False, ["duplicate-id"]),
            ("twice", "b", "key 'twice'", False, ["duplicate-id"]),
        ]
        assert found[1]["problems"][0]["text"] == (
            f"Secret {space}/a, key 'own': Secret {space}/own is used for its id, because it is searched first"
        )
        assert found[3]["problems"][0]["text"] == (
            f"Secret {space}/a, key 'AIRFLOW_VAR_TWICE': Secret {space}/a, key 'twice' equals the id, and this key is "
            "a variable's name for it, so that one is used. Change one of them"
        )
        assert re.fullmatch(
            f"Secret {space}/b, key 'twice': Secret {space}/a, key 'twice' has the same id, and "
            r"(is older|comes first by name), so that one is used\. Change one of them",
            found[4]["problems"][0]["text"],
        )

    def test_values_and_keys_that_cannot_be_read(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        data: dict[str, str | bytes] = {
            "bytes": b"\xff" + SECRET.encode(),
            "text": SECRET,
            "AIRFLOW_VAR_X": URI,
            "AIRFLOW_CONN_x": URI,
        }
        put({BUNDLE: "connections"}, data={**data, "good": URI}, name="c")

        found = by_id(commands)

        assert {id: codes(each) for id, each in found.items()} == {
            "bytes": ["unreadable"],
            "text": ["unreadable"],
            "AIRFLOW_VAR_X": ["bundle-key"],
            "AIRFLOW_CONN_x": ["bundle-key"],
            "good": [],
        }
        assert [id for id, each in found.items() if each["answers"]] == ["good"]

    def test_a_key_without_a_value_is_counted_and_not_shown(self, commands: Commands, put: Put) -> None:
        """``--from-literal=T0KEN==`` creates such a key from a credential."""
        commands.configure(bundles=True)
        put({BUNDLE: "variables"}, data={SECRET: "", "x": "y"}, name="v")
        put({BUNDLE: "variables"}, data={}, name="w")

        document = commands.run("list", "-o", "json").document

        assert [each["id"] for each in document["entries"]] == ["x"]
        space = commands.namespace
        assert [each["text"].partition(",")[0] for each in document["problems"]] == [
            f"Secret {space}/v: 1 key has no value",
            f"Secret {space}/w: the bundle is empty. Add a key for each id",
        ]
        assert f"- Secret {space}/v: 1 key has no value" in commands.run("list").err

    def test_an_empty_value(self, commands: Commands, put: Put) -> None:
        """A variable can be empty, as in a labelled Secret. A connection or an option cannot."""
        commands.configure(bundles=True)
        for kind in ("connections", "variables", "config"):
            put({BUNDLE: kind}, data={f"{kind}_empty": "", f"{kind}_blank": " "}, name=kind)

        found = by_id(commands)

        assert {id: (each["answers"], codes(each)) for id, each in found.items()} == {
            "connections_empty": (False, ["unreadable"]),
            "connections_blank": (False, ["unreadable"]),
            "config_empty": (False, ["unreadable"]),
            "config_blank": (False, ["unreadable"]),
            "variables_empty": (True, []),
            "variables_blank": (True, []),
        }

    @pytest.mark.parametrize(
        ("labels", "options", "problem"),
        [
            ({}, {}, "it is a bundle, but lookups read bundles only if bundles is true in backend_kwargs"),
            ({}, {"bundles": True, "variables_label": None}, "variables_label is null in backend_kwargs"),
            ({VARIABLE: "x"}, {"bundles": True}, f"label '{BUNDLE}': the Secret also has the label '{VARIABLE}'"),
            ({CONFIG: "x"}, {"bundles": True}, f"label '{BUNDLE}': the Secret also has the label '{CONFIG}'"),
        ],
        ids=["off", "null", "an id of this kind", "an id of another kind"],
    )
    def test_a_bundle_that_is_not_read(
        self, commands: Commands, put: Put, labels: dict[str, str], options: dict[str, Any], problem: str
    ) -> None:
        commands.configure(**options)
        put({BUNDLE: "variables", **labels}, data={"a": "b", "value": "of its own"}, name="v")

        found = [each for each in entries(commands) if "bundle-not-read" in codes(each)]

        assert [each["id"] for each in found] == ["a", "value"]
        assert not any(each["answers"] for each in found)
        assert problem in found[0]["problems"][0]["text"]

    @pytest.mark.parametrize("kind", ["connection", "Variables", "x"])
    def test_an_unknown_kind(self, commands: Commands, put: Put, kind: str) -> None:
        put({BUNDLE: kind}, data={"a": URI}, name="c")

        document = commands.run("list", "-o", "json").document

        assert document["entries"] == []
        [problem] = document["problems"]
        assert problem["code"] == "bundle-not-read"
        meant = {"connection": "; did you mean 'connections'?", "Variables": "; did you mean 'variables'?"}.get(
            kind, ""
        )
        reason = f"is none of 'connections', 'variables', 'config', so nothing reads the Secret{meant}"
        assert problem["text"].endswith(reason)
        assert problem["text"] in commands.run("list").err

    def test_an_annotation_without_effect(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        annotations = {"airflow.apache.org/connection-type": "mysql", "airflow.apache.org/data-key": "x"}
        put({BUNDLE: "connections"}, data={"x": URI, "y": URI}, name="c", annotations=annotations)

        assert [codes(each) for each in entries(commands)] == [["unknown-annotation"] * 2] * 2
        assert commands.run("list").err.count("it has no effect in a bundle") == 2


class TestExplain:
    def test_selected_key_and_bundle(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put({BUNDLE: "connections"}, data={"AIRFLOW_CONN_MY_DB": URI}, name="a")
        put({BUNDLE: "connections"}, data={"my_db": URI}, name="b")

        explanation = commands.run("explain", "connection", "my_db", "-o", "json").document

        space = commands.namespace
        assert explanation["headline"] == (
            f"connection 'my_db': Secret {space}/a, key 'AIRFLOW_CONN_MY_DB', is selected"
        )
        assert [(each["what"], each["found"]) for each in explanation["steps"]] == [
            (f"{CONNECTION}=my_db,!{TEAM}", 0),
            (f"{BUNDLE}=connections,!{TEAM}", 2),
        ]
        assert [(each["secret"], each["key"], each["verdict"]) for each in explanation["candidates"]] == [
            ("a", "AIRFLOW_CONN_MY_DB", "is selected: key 'AIRFLOW_CONN_MY_DB' of this bundle"),
            ("b", "my_db", "has the same id, and is younger or comes later by name: key 'my_db' of this bundle"),
        ]
        assert (explanation["shape"], explanation["host"], explanation["unused"]) == (
            "key 'AIRFLOW_CONN_MY_DB'",
            "db.example.com",
            [],
        )
        assert "key 'AIRFLOW_CONN_MY_DB' of this bundle" in commands.run("explain", "connection", "my_db").out

    def test_two_keys_of_one_bundle(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put({BUNDLE: "connections"}, data={"AIRFLOW_CONN_MY_DB": URI, "my_db": URI}, name="a")

        explanation = commands.run("explain", "connection", "my_db", "-o", "json").document

        assert [(each["key"], each["verdict"]) for each in explanation["candidates"]] == [
            ("my_db", "is selected: key 'my_db' of this bundle"),
            (
                "AIRFLOW_CONN_MY_DB",
                "has the same id, and is not used because another key equals the id: key 'AIRFLOW_CONN_MY_DB' of this "
                "bundle",
            ),
        ]

    def test_labels_and_annotations_without_effect(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        annotations = {"airflow.apache.org/connection-type": "mysql"}
        labels = {BUNDLE: "connections", "airflow.apache.org/temas": "blue"}
        put(labels, data={"x": URI}, name="c", annotations=annotations)

        explanation = commands.run("explain", "connection", "x", "-o", "json").document

        assert codes(explanation) == ["unknown-label", "unknown-annotation"]
        assert explanation["problems"] == entries(commands)[0]["problems"]

    def test_hints_about_bundles_with_the_id(self, commands: Commands, put: Put) -> None:
        put({BUNDLE: "connections"}, data={"AIRFLOW_CONN_MY_DB": URI}, name="a")
        put({BUNDLE: "variables"}, data={"my_db": SECRET}, name="b")

        explanation = commands.run("explain", "connection", "my_db", "-o", "json", status=1).document

        space = commands.namespace
        assert explanation["hints"] == [
            f"Secret {space}/a, key 'AIRFLOW_CONN_MY_DB': a bundle of connections has this id, but lookups read "
            "bundles only if bundles is true in backend_kwargs",
            f"Secret {space}/b, key 'my_db': a bundle of variables has this id, so it is a variable",
        ]

    def test_a_similar_id_in_a_bundle(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put({BUNDLE: "connections", TEAM: "blue"}, data={"my_db": URI}, name="a")
        put({BUNDLE: "connections"}, data={"AIRFLOW_CONN_WAREHOUSE": URI}, name="b")

        explanation = commands.run("explain", "connection", "warehous", "-o", "json", status=1).document
        assert explanation["hints"] == [f"Did you mean 'warehouse'? Secret {commands.namespace}/b has it"]
        explanation = commands.run("explain", "connection", "my_db", "-o", "json", status=1).document
        assert explanation["hints"] == [
            f"Secret {commands.namespace}/a, key 'my_db': a bundle of connections has this id for team 'blue', not for "
            "lookups without a team"
        ]

    def test_bundle_with_an_id_label_is_skipped(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put({BUNDLE: "connections", CONNECTION: "x"}, data={"host": "db", "y": URI}, name="a")

        explanation = commands.run("explain", "connection", "y", "-o", "json", status=1).document

        assert explanation["headline"] == "connection 'y': no matching Secret can be read"
        assert "is skipped: Secret" in explanation["candidates"][0]["verdict"]
        assert "its keys are not ids" in explanation["candidates"][0]["verdict"]


def test_doctor_counts_and_checks_the_entries(commands: Commands, put: Put) -> None:
    commands.configure(bundles=True)
    put({BUNDLE: "connections"}, data={"a": URI, "b": URI, "c": SECRET}, name="a")
    put({BUNDLE: "connection"}, data={"a": URI}, name="b")

    findings = commands.run("doctor", "-o", "json", status=1).document["findings"]

    ours = [(each["code"], each["text"]) for each in findings if each["check"] == "Secrets"]
    assert ("ok", "2 connections, 0 variables, 0 configuration options can be read") in ours
    assert [code for code, _text in ours if code != "ok"] == ["unreadable", "bundle-not-read"]


class TestHints:
    def test_both_labels(self, commands: Commands, put: Put) -> None:
        """The explanation states why the Secret is skipped, so there is no hint about it."""
        commands.configure(bundles=True)
        put({BUNDLE: "variables", VARIABLE: "own"}, data={"value": "x", "inboth": "x"}, name="both")

        found = commands.run("explain", "variable", "inboth", "-o", "json", status=1).document

        assert "is skipped" in found["candidates"][0]["verdict"]
        assert found["hints"] == []

    def test_a_misspelt_kind(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put({BUNDLE: "connection"}, data={"my_db": URI}, name="misspelt")

        for kind in ("connection", "variable"):
            [hint] = commands.run("explain", kind, "my_db", "-o", "json", status=1).document["hints"]
            assert hint == (
                f"key 'my_db' has this id, but nothing reads it: Secret {commands.namespace}/misspelt, label "
                f"'{BUNDLE}': the value is none of 'connections', 'variables', 'config', so nothing reads the Secret; "
                "did you mean 'connections'?"
            )
