"""``explain``: the trace of one lookup, for every possible result."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import yaml

from support.cluster import Cluster
from support.commands import SECRET, URI, Commands
from support.listing import entries
from support.secrets import BUNDLE, CONNECTION, TEAM, VARIABLE, Put

EXTRA = json.dumps({"conn_type": "aws", "password": SECRET, "extra": {"region_name": SECRET, "token": SECRET}})


def explain(commands: Commands, *arguments: str, status: int) -> dict[str, Any]:
    found: dict[str, Any] = commands.run("explain", *arguments, "-o", "json", status=status).document
    return found


class TestFound:
    def test_a_connection(self, commands: Commands, put: Put) -> None:
        put.connection("my_db", URI, name="my-db")
        explanation = explain(commands, "connection", "my_db", status=0)
        assert explanation["verdict"] == "found"
        assert explanation["headline"] == f"connection 'my_db': Secret {commands.namespace}/my-db is selected"
        assert explanation["user"] == f"system:serviceaccount:{commands.namespace}:{commands.account.name}"
        selector = "airflow.apache.org/connection-id=my_db,!airflow.apache.org/team"
        step = {"verb": "list", "namespace": commands.namespace, "what": selector, "resource": "secrets"}
        assert explanation["steps"] == [{**step, "found": 1, "allowed": True}]
        assert [(each["secret"], each["answers"]) for each in explanation["candidates"]] == [("my-db", True)]
        assert (explanation["shape"], explanation["conn_type"], explanation["host"], explanation["port"]) == (
            "key 'value'",
            "postgres",
            "db.example.com",
            "5432",
        )
        assert explanation["set"] == ["login", "password", "port", "schema"]
        assert explanation["configuration"]["backend_from"] == "AIRFLOW__SECRETS__BACKEND"

    def test_labels_and_annotations_without_effect(self, commands: Commands, put: Put) -> None:
        """``explain`` reports the same metadata problems as ``list``, also for a Secret that is skipped."""
        unknown = {"airflow.apache.org/conection-type": "mysql"}
        put({CONNECTION: "x", "airflow.apache.org/tema": "blue"}, URI, annotations=unknown)
        put({VARIABLE: "y"}, data={"text": SECRET}, annotations={"airflow.apache.org/data-kye": "text"})

        for kind, identifier, status in (("connection", "x", 0), ("variable", "y", 1)):
            explanation = explain(commands, kind, identifier, status=status)
            [entry] = [each for each in entries(commands) if each["id"] == identifier]
            of_metadata = [each for each in entry["problems"] if each["code"] != "unreadable"]
            assert explanation["problems"] == of_metadata
            assert of_metadata

    def test_only_the_names_in_extra_are_shown(self, commands: Commands, put: Put) -> None:
        put.connection("x", EXTRA)
        assert explain(commands, "connection", "x", status=0)["extra"] == ["region_name", "token"]

    def test_fields(self, commands: Commands, put: Put) -> None:
        put({CONNECTION: "x"}, data={"username": "u", "pass": SECRET, "endpoint": "db", "engine": "postgresql"})
        explanation = explain(commands, "connection", "x", status=0)
        assert explanation["fields"] == {
            "conn_type": "engine",
            "host": "endpoint",
            "login": "username",
            "password": "pass",
        }
        assert (explanation["conn_type"], explanation["host"]) == ("postgres", "db")
        assert explanation["unused"] == []

    def test_unused_keys(self, commands: Commands, put: Put) -> None:
        put(
            {CONNECTION: "x"},
            data={"host": "db", "pgpass": SECRET, "jdbc-uri": f"jdbc:postgresql://db?password={SECRET}"},
        )
        assert explain(commands, "connection", "x", status=0)["unused"] == ["jdbc-uri", "pgpass"]
        assert "Unused      keys 'jdbc-uri', 'pgpass'\n" in commands.run("explain", "connection", "x").out
        put({CONNECTION: "y"}, data={"value": URI, "old": SECRET})
        assert explain(commands, "connection", "y", status=0)["unused"] == ["old"]

    @pytest.mark.parametrize("annotations", [{}, {"airflow.apache.org/connection-type": "mysql"}])
    def test_no_part_of_a_password_that_breaks_the_uri_is_shown(
        self, commands: Commands, put: Put, annotations: dict[str, str]
    ) -> None:
        put({CONNECTION: "x"}, f"postgres://u:12?{SECRET}=w@h/d", annotations=annotations)
        explanation = explain(commands, "connection", "x", status=0)
        assert [each["code"] for each in explanation["problems"]] == ["unescaped-uri"]
        assert (explanation["host"], explanation["extra"]) == ("", [])

    def test_a_connection_in_one_key_that_annotations_complete(self, commands: Commands, put: Put) -> None:
        data = {"value": "mysql://u:old@h/d", "password": SECRET, "old": SECRET}
        unprefixed = {
            "field-password": "password",
            "connection-type": "postgres",
            "connection-extra": '{"sslmode": "x"}',
        }
        put(
            {CONNECTION: "x"},
            data=data,
            annotations={f"airflow.apache.org/{key}": each for key, each in unprefixed.items()},
        )

        explanation = explain(commands, "connection", "x", status=0)

        assert (explanation["shape"], explanation["fields"], explanation["unused"]) == (
            "key 'value'",
            {"password": "password"},
            ["old"],
        )
        assert explanation["completed"] is True
        assert (explanation["conn_type"], explanation["host"], explanation["extra"]) == ("postgres", "h", ["sslmode"])
        out = commands.run("explain", "connection", "x").out
        assert "Format      key 'value', completed by annotations: password from 'password'\n" in out

    def test_text_output(self, commands: Commands, put: Put) -> None:
        put.connection("my_db", URI, name="my-db")
        put.connection("my_db", URI, name="my-other-db")
        out = commands.run("explain", "connection", "my_db").out
        lines = [line.split(maxsplit=1) for line in out.splitlines()]
        assert lines[0] == ["connection", f"'my_db': Secret {commands.namespace}/my-db is selected"]
        assert [line[0] for line in lines if not line[0].startswith((commands.namespace, "cache", "namespace="))] == [
            "connection",
            "Configured",
            "Looked",
            "Requests",
            "Secrets",
            "Format",
            "Airflow",
            "Unknown",
        ]
        assert f"{commands.namespace}/my-other-db has the same id, and is younger or comes later by name" in out
        assert not any(line.endswith(" ") for line in out.splitlines())

    def test_text_output_shows_the_first_of_many_secrets(self, commands: Commands, put: Put) -> None:
        for number in range(50):
            put.connection("my_db", URI, name=f"my-db-{number:02}")
        out = commands.run("explain", "connection", "my_db").out
        assert out.count("has the same id") == 19
        assert "30 more Secrets are not shown. 'airflow-kubernetes-secrets explain --output json' shows all" in out
        assert len(explain(commands, "connection", "my_db", status=0)["candidates"]) == 50

    def test_a_variable_for_a_team(self, commands: Commands, put: Put) -> None:
        put.variable("v", SECRET, name="everybodys")
        put.variable("v", SECRET, team="data", name="theirs")
        assert explain(commands, "variable", "v", status=0)["candidates"][0]["secret"] == "everybodys"
        explanation = explain(commands, "variable", "v", "--team", "data", status=0)
        assert explanation["candidates"][0]["secret"] == "theirs"
        assert explanation["headline"].startswith("variable 'v' of team 'data'")


class TestOtherSources:
    def test_hidden_entry_in_the_environment(self, commands: Commands, put: Put) -> None:
        put.connection("my_db", URI)
        commands.set("AIRFLOW_CONN_MY_DB", URI)
        hidden = explain(commands, "connection", "my_db", status=0)["hidden"]
        assert hidden[0]["place"] == "environment"
        assert "AIRFLOW_CONN_MY_DB" in hidden[0]["text"]

    def test_entry_in_the_environment_that_airflow_reads_instead(self, commands: Commands) -> None:
        commands.set("AIRFLOW_CONN_MY_DB", URI)
        explanation = explain(commands, "connection", "my_db", status=1)
        assert explanation["hidden"] == []
        [instead, *_others] = explanation["instead"]
        assert instead["place"] == "environment"
        assert "AIRFLOW_CONN_MY_DB" in instead["text"]
        assert instead["text"] in commands.run("explain", "connection", "my_db", status=1).out

    @pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
    def test_options_of_airflow_that_name_the_id(self, commands: Commands, put: Put) -> None:
        put.config("fernet", SECRET)
        nobody = commands.run("explain", "config", "fernet").out
        assert "no option of Airflow names this id" in nobody
        commands.set("AIRFLOW__CORE__FERNET_KEY_SECRET", "fernet")
        commands.set("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET", "another")
        assert explain(commands, "config", "fernet", status=0)["options"] == [
            {"option": "[core] fernet_key", "where": "AIRFLOW__CORE__FERNET_KEY_SECRET", "instead": None}
        ]
        commands.set("AIRFLOW__CORE__FERNET_KEY", SECRET)
        instead = explain(commands, "config", "fernet", status=0)["options"][0]["instead"]
        assert instead == "AIRFLOW__CORE__FERNET_KEY comes first, so Airflow uses it. Remove one of them"


class TestNotFound:
    def test_a_team_label_that_is_empty(self, commands: Commands, put: Put) -> None:
        put({CONNECTION: "x", TEAM: ""}, URI, name="mine")
        [hint] = explain(commands, "connection", "x", status=1)["hints"]
        assert f"its label {TEAM} is empty, so no lookup finds it. Write the team there, or remove the label" in hint
        assert explain(commands, "connection", "x", "--team", "", status=1)["hints"] == [hint]

    def test_a_team_label_of_a_bundle_that_is_empty(self, commands: Commands, put: Put) -> None:
        commands.configure(bundles=True)
        put({BUNDLE: "connections", TEAM: ""}, data={"x": URI}, name="mine")
        [hint] = explain(commands, "connection", "x", status=1)["hints"]
        assert f"its label {TEAM} is empty, so no lookup finds it. Write the team there, or remove the label" in hint

    def test_no_similar_secret(self, commands: Commands) -> None:
        explanation = explain(commands, "connection", "nope", status=1)
        assert (explanation["verdict"], explanation["candidates"], explanation["hints"]) == ("not-found", [], [])
        assert explanation["headline"] == "connection 'nope': no Secret matches"

    def test_another_kind(self, commands: Commands, put: Put) -> None:
        put.variable("x", SECRET, name="v")
        hint = explain(commands, "connection", "x", status=1)["hints"][0]
        assert f"Secret {commands.namespace}/v has the label airflow.apache.org/variable-key" in hint

    def test_another_team(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, team="data", name="theirs")
        hint = explain(commands, "connection", "x", status=1)["hints"][0]
        assert hint == f"Secret {commands.namespace}/theirs has this id for team 'data', not for lookups without a team"

    @pytest.mark.parametrize("found", [True, False])
    def test_a_team_that_is_misspelt(self, commands: Commands, put: Put, found: bool) -> None:
        put.connection("y", URI, team="blue", name="theirs")
        if found:
            put.connection("x", URI, name="everybodys")
        explanation = explain(commands, "connection", "x", "--team", "Blue", status=0 if found else 1)
        assert explanation["hints"] == ["No Secret and no option belongs to team 'Blue'. Did you mean 'blue'?"]
        assert explain(commands, "connection", "y", "--team", "blue", status=0)["hints"] == []

    def test_a_team_that_is_misspelt_and_has_a_namespace(self, commands: Commands, put: Put) -> None:
        put.connection("x", URI, name="everybodys")
        commands.configure(team_namespaces={"blue": commands.namespace})
        hints = explain(commands, "connection", "x", "--team", "bleu", status=0)["hints"]
        assert hints == ["No Secret and no option belongs to team 'bleu'. Did you mean 'blue'?"]
        assert explain(commands, "connection", "x", "--team", "blue", status=0)["hints"] == []

    def test_global_secret_without_team_fallback(self, commands: Commands, put: Put) -> None:
        commands.configure(team_fallback=False)
        put.connection("x", URI, name="everybodys")
        hint = explain(commands, "connection", "x", "--team", "data", status=1)["hints"][0]
        assert hint.startswith(f"Secret {commands.namespace}/everybodys has this id for all teams")

    def test_another_spelling(self, commands: Commands, put: Put) -> None:
        put.connection("My_DB", URI, name="it")
        hint = explain(commands, "connection", "my_db", status=1)["hints"][0]
        assert hint == f"Did you mean 'My_DB'? Secret {commands.namespace}/it has it"
        put.connection("WAREHOUSE", URI, name="capitals")
        assert "Did you mean 'WAREHOUSE'?" in explain(commands, "connection", "warehouse", status=1)["hints"][0]

    @pytest.mark.parametrize(
        ("kind", "identifier", "hints"),
        [
            ("connection", "AIRFLOW_CONN_MY_DB", ["in lower case: 'my_db'", "Did you mean 'my_db'?"]),
            ("connection", "AIRFLOW_CONN_OTHER", ["The id of the connection is the rest of it, usually in lower case"]),
            ("variable", "AIRFLOW_VAR_X", ["in lower case: 'x'"]),
            ("connection", "AIRFLOW_VAR_X", ["The id of the variable is the rest of it"]),
            (
                "config",
                "AIRFLOW__CORE__FERNET_KEY",
                ["The id of an option is the value of its variable whose name ends"],
            ),
        ],
    )
    def test_the_name_of_an_environment_variable(
        self, commands: Commands, put: Put, kind: str, identifier: str, hints: list[str]
    ) -> None:
        put.connection("my_db", "http://h")

        found = explain(commands, kind, identifier, status=1)["hints"]

        assert found[0].startswith(f"{identifier!r} is the name of an environment variable. ")
        assert all(any(each in hint for hint in found) for each in hints), found

    def test_secret_with_a_matching_name_but_no_label(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        account = cluster.service_account(
            commands.namespace, "getter", {commands.namespace: ["list"]}, {commands.namespace: ["my-db"]}
        )
        commands.configure(service_account_path=str(account.folder))
        put({"app": "x"}, URI, name="my-db")
        hint = explain(commands, "connection", "my_db", status=1)["hints"][0]
        assert hint.endswith(
            f"kubectl label secret -n {commands.namespace} my-db airflow.apache.org/connection-id=my_db"
        )

    def test_suggested_command_uses_the_given_kubeconfig(self, cluster: Cluster, commands: Commands, put: Put) -> None:
        """Another cluster may be the default of kubectl."""
        put({"app": "x"}, URI, name="my-db")
        kubeconfig = cluster.kubeconfig(cluster.admin_token)
        there = ("--kubeconfig", str(kubeconfig), "--namespace", commands.namespace)
        hint = explain(commands, "connection", "my_db", *there, status=1)["hints"][0]
        assert f"\n  kubectl --kubeconfig={kubeconfig} label secret -n {commands.namespace} my-db " in hint
        context = yaml.safe_load(kubeconfig.read_text())["current-context"]
        hint = explain(commands, "connection", "my_db", *there, "--context", context, status=1)["hints"][0]
        assert f"\n  kubectl --kubeconfig={kubeconfig} --context={context} label secret " in hint

    def test_matching_secret_that_cannot_be_read(self, commands: Commands, put: Put) -> None:
        put({CONNECTION: "x"}, name="x", data={"nothing": SECRET})
        explanation = explain(commands, "connection", "x", status=1)
        assert explanation["headline"] == "connection 'x': no matching Secret can be read"
        assert "is skipped: " in explanation["candidates"][0]["verdict"]
        assert "there is no such key in its data" in explanation["candidates"][0]["verdict"]

    @pytest.mark.parametrize(
        ("kwargs", "headline"),
        [
            ({"connections_lookup_pattern": "my_"}, "the id does not match the lookup pattern in backend_kwargs"),
            ({"connections_label": None}, "its label is null in backend_kwargs and no reference names it"),
        ],
    )
    def test_id_that_is_not_looked_up(self, commands: Commands, kwargs: dict[str, Any], headline: str) -> None:
        commands.configure(**kwargs)
        explanation = explain(commands, "connection", "x", status=1)
        assert headline in explanation["headline"]
        assert explanation["steps"] == []

    @pytest.mark.parametrize("kind", ["connection", "variable", "config"])
    def test_a_uri_for_an_id(self, commands: Commands, kind: str) -> None:
        for output in ("text", "json"):
            done = commands.run("explain", kind, f"postgresql://u:{SECRET}@host/db", "-o", output, status=1)
            assert "(a URI)" in done.out

    def test_an_option_for_a_team(self, commands: Commands) -> None:
        done = commands.run("explain", "config", "x", "--team", "data", status=2)
        assert "Airflow looks configuration options up without a team" in done.err

    def test_configured_options_that_arguments_override(self, cluster: Cluster, commands: Commands) -> None:
        kubeconfig = str(cluster.kubeconfig(commands.account.token))
        commands.configure(namespace=f"{SECRET} x", path="/nowhere")
        there = ("--kubeconfig", kubeconfig, "--namespace", commands.namespace)
        out = commands.run("explain", "connection", "x", *there, status=1).out
        assert "(namespace: --namespace is used instead) (path: --kubeconfig is used instead)" in out


class TestErrors:
    def test_invalid_connection(self, commands: Commands, put: Put) -> None:
        put.connection("x", json.dumps({"conn_type": "http", "secret_field": SECRET}), name="x")
        explanation = explain(commands, "connection", "x", status=2)
        assert explanation["headline"] == "connection 'x': a Secret is selected, but Airflow cannot read it"
        assert "'secret_field'" in explanation["problems"][0]["text"]

    def test_an_extra_that_hooks_cannot_read(self, commands: Commands, put: Put) -> None:
        put.connection("x", json.dumps({"conn_type": "http", "extra": f"[{SECRET}"}), name="x")
        explanation = explain(commands, "connection", "x", status=2)
        assert [each["code"] for each in explanation["problems"]] == ["extra-not-json"]

    def test_a_teams_secret_that_cannot_be_read(self, commands: Commands, put: Put) -> None:
        put({CONNECTION: "x", TEAM: "data"}, name="theirs", data={"nothing": SECRET})
        put.connection("x", URI)
        explanation = explain(commands, "connection", "x", "--team", "data", status=2)
        assert f"Secret {commands.namespace}/theirs" in explanation["error"]

    def test_forbidden(self, commands: Commands) -> None:
        commands.configure(namespace="kube-system")
        explanation = explain(commands, "connection", "x", status=2)
        assert explanation["steps"][0]["allowed"] is False
        assert explanation["steps"][0]["found"] is None
        assert "kubectl create role" in explanation["error"]
        assert "failed (not allowed)" in commands.run("explain", "connection", "x", status=2).out

    @pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
    def test_unreachable_api_server(self, commands: Commands) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            commands.set("KUBERNETES_SERVICE_PORT", str(taken.getsockname()[1]))
            commands.configure(timeout=1)
            explanation = explain(commands, "connection", "x", status=2)
        assert "could not be read" in explanation["error"]

    @pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
    def test_no_api_is_configured(self, commands: Commands) -> None:
        commands.set("KUBERNETES_SERVICE_HOST", None)
        commands.set("KUBECONFIG", None)
        assert "no Kubernetes API is configured" in commands.run("explain", "connection", "x", status=2).err


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_values_that_airflow_itself_would_log_are_not_shown(commands: Commands, put: Put) -> None:
    """Airflow's core logs parts of a query that are not JSON, and the variables. Its Task SDK 1.3 does not."""
    put.connection("x", f"{URI}?options=[{SECRET}")
    explanation = commands.run_program("explain", "connection", "x", "-o", "json").document
    assert explanation["extra"] == ["options"]
