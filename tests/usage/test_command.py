"""``usage`` shows which ids DAGs use, and what provides each."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage.ids_without_manifest import problems_of_dags
from airflow_kubernetes_secrets.usage.uses import FoundUses, Position, Use
from support.cluster import Cluster
from support.commands import Commands
from support.secrets import BUNDLE, CONNECTION, TEAM, VARIABLE
from support.usage import READS, Usage, reads


def test_each_id_has_its_provider(usage: Usage) -> None:
    usage.dag(
        "etl.py",
        READS + 'Connection.get("db")\nVariable.get("in_environment")\nVariable.get("nowhere")\nVariable.get("d", 1)\n',
    )
    usage.put("db", {CONNECTION: "db"})
    usage.patch.setenv("AIRFLOW_VAR_IN_ENVIRONMENT", "hunter2")

    ids = usage.ids(status=1)

    assert {name: (each["status"], each["provider"]) for name, each in ids.items()} == {
        "db": ("found", {"place": "secret", "text": "airflow/db"}),
        "in_environment": (
            "found",
            {"place": "environment", "text": "the variable AIRFLOW_VAR_IN_ENVIRONMENT of this process"},
        ),
        "nowhere": ("missing", None),
        "d": ("optional", None),
    }
    assert ids["db"]["uses"] == [
        {
            "how": "Connection.get",
            "optional": False,
            "path": f"{usage.dags}/etl.py",
            "line": 2,
            "dags": [],
            "tasks": [],
        }
    ]


def test_nothing_is_missing(usage: Usage) -> None:
    usage.dag("etl.py", reads("x"))
    usage.put("x", {VARIABLE: "x"})
    done = usage.run("--dags", str(usage.dags), "--no-database")
    assert done.out.splitlines()[1].split() == [
        *("variable", "x", "found", "airflow/x", f"{usage.dags}/etl.py:2", "(Variable.get)"),
    ]
    assert "1 id in 1 file: 1 found" in done.err
    assert "Nothing is missing" in usage.run("--dags", str(usage.dags), "--no-database", "--missing").err


def test_id_that_is_invalid_in_other_sources(usage: Usage) -> None:
    """It does not end the search for the other ids."""
    usage.dag("etl.py", READS + 'Variable.get("\\ud800")\nVariable.get("x")\n')
    usage.patch.setenv("AIRFLOW_VAR_X", "1")

    document = usage.document(status=1)

    assert {each["id"]: each["status"] for each in document["ids"]} == {
        "x": "found",
        "\ud800": "missing",
    }
    assert document["failures"] == []


@pytest.mark.parametrize(("on_error", "status", "expected"), [("next", 0, "found"), ("deny", 1, "missing")])
def test_a_secret_that_cannot_be_read(usage: Usage, on_error: str, status: int, expected: str) -> None:
    usage.configure(on_error=on_error)
    usage.dag("etl.py", READS + 'Connection.get("db")')
    usage.put("db", {CONNECTION: "db"}, "hunter2")
    assert usage.ids(status=1)["db"]["status"] == "missing"

    usage.patch.setenv("AIRFLOW_CONN_DB", "http://hunter2")
    found = usage.ids(status=status)["db"]

    assert found["status"] == expected
    assert [each["code"] for each in found["problems"]] == ["unreadable"]


def test_teams(usage: Usage) -> None:
    usage.configure(team_label=TEAM, team_fallback=False)
    usage.dag("etl.py", reads("x"))
    usage.put("x", {VARIABLE: "x", TEAM: "sales"})
    assert usage.ids("--team", "sales")["x"]["provider"] == {"place": "secret", "text": "airflow/x"}
    assert usage.ids("--team", "other", status=1)["x"]["status"] == "missing"
    assert usage.ids(status=1)["x"]["status"] == "missing"


def test_filters(usage: Usage) -> None:
    usage.dag("etl.py", reads("x", "y", "y"))
    usage.put("x", {VARIABLE: "x"})
    usage.put("z", {VARIABLE: "z"})
    unused = [
        {"kind": "variable", "id": "z", "team": None, "namespace": "airflow", "secret": "z", "object_kind": "Secret"}
    ]

    document = usage.document("--unused")
    assert (document["ids"], document["unused"]) == ([], unused)
    document = usage.document("--missing", status=1)
    assert ([each["id"] for each in document["ids"]], document["unused"]) == (["y"], [])
    document = usage.document("--id", "x")
    assert ([each["id"] for each in document["ids"]], document["unused"]) == (["x"], [])
    assert usage.document(status=1)["unused"] == unused

    done = usage.run("--dags", str(usage.dags), "--no-database", "--id", "y", status=1)
    assert len(done.out.splitlines()) == 3
    done = usage.run("--dags", str(usage.dags), "--no-database", "--unused")
    assert done.out.splitlines()[1].split() == ["variable", "z", "airflow/z"]


def test_an_id_that_nothing_uses(usage: Usage) -> None:
    usage.dag("etl.py", READS + "Variable.get('a\\nb')")
    done = usage.run("--dags", str(usage.dags), "--no-database", "--id", "a\\nb")
    assert "No DAG uses the id 'a\\\\nb'" in done.err
    usage.run("--dags", str(usage.dags), "--no-database", "--id", "a\nb", status=1)


def test_blanks_at_the_ends_of_an_id_are_visible(usage: Usage) -> None:
    """Airflow does not ignore them. Without quotes, the row looks like that of another id."""
    usage.dag("etl.py", reads("x", "x ", " x"))
    lines = usage.run("--dags", str(usage.dags), "--no-database", status=1).out.splitlines()
    assert [line.partition("variable")[2].partition("missing")[0].strip() for line in lines[1:]] == [
        "' x'",
        "x",
        "'x '",
    ]
    assert set(usage.ids(status=1)) == {" x", "x", "x "}


def test_an_unused_config_map_is_not_shown_as_a_secret(usage: Usage) -> None:
    usage.configure(config_maps=True)
    metadata = {"name": "z", "namespace": "airflow", "labels": {VARIABLE: "z"}}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"value": "1"}}
    (usage.manifests / "z.json").write_text(json.dumps(document))
    done = usage.run("--dags", str(usage.dags), "--no-database", "--unused")
    assert done.out.splitlines()[1].split() == ["variable", "z", "ConfigMap", "airflow/z"]


def test_computed_ids_are_counted(usage: Usage) -> None:
    usage.dag("etl.py", READS + "import os\nVariable.get(os.name)\n")
    document = usage.document()
    assert document["ids"] == []
    assert document["computed"] == [
        {
            "kind": "variable",
            "how": "Variable.get",
            "path": f"{usage.dags}/etl.py",
            "line": 3,
            "dags": [],
            "tasks": [],
        }
    ]
    assert (
        f"Not counted: 1 use whose id is known only when the code runs ({usage.dags}/etl.py:3)"
        in usage.run("--dags", str(usage.dags), "--no-database").err
    )


def test_options_of_airflow(usage: Usage) -> None:
    usage.patch.setenv("AIRFLOW__CORE__FERNET_KEY_SECRET", "fernet")
    found = usage.ids(status=1)["fernet"]
    assert (found["kind"], found["status"]) == ("config", "missing")
    assert found["uses"][0]["path"] == "AIRFLOW__CORE__FERNET_KEY_SECRET"


def test_a_uri_in_place_of_an_id_is_hidden(usage: Usage) -> None:
    usage.dag("etl.py", READS + 'Connection.get("http://u:hunter2@db")')
    assert list(usage.ids(status=1)) == ["(a URI)"]


def test_check_reports_ids_without_a_manifest(usage: Usage) -> None:
    usage.dag(
        "etl.py",
        READS + 'import os\nVariable.get("x")\nVariable.get("orders_url")\nVariable.get("orders_url")\n'
        'Variable.get("d", 1)\nVariable.get(os.name)\n',
    )
    usage.dag("broken.py", "import airflow\nVariable.get(")
    usage.put("x", {VARIABLE: "x"}, "1")
    usage.put("orders", {VARIABLE: "order_url"}, "1")
    arguments = [str(usage.manifests), "--dags", str(usage.dags)]

    problems = usage.run(*arguments, "--output", "json", command="check").document["problems"]

    path = f"{usage.dags}/etl.py"
    assert [(each["path"], each["line"], each["code"], each["severity"]) for each in problems] == [
        (f"{usage.dags}/broken.py", 1, "unreadable-dag", "warning"),
        (path, 4, "no-manifest", "warning"),
        (path, 7, "not-checked", "notice"),
    ]
    assert problems[1]["text"].startswith("variable 'orders_url' is used here (2 times), and none of the checked")
    assert problems[1]["text"].endswith("Is 'order_url' meant?")
    usage.run(*arguments, "--strict", command="check", status=1)
    assert f"::warning file={path},line=4" in usage.run(*arguments, "-o", "github", command="check").out


def test_the_time_for_suggestions_is_limited() -> None:
    """The first ids without a manifest have one, and each of the others is named too."""
    made = {(Kind.VARIABLE, f"orders_eu_{number:05}") for number in range(10_000)}
    uses = [Use(Kind.VARIABLE, f"order_eu_{number:05}", "x", Position("a.py", 1)) for number in range(10_000)]
    began = time.process_time()
    problems = [each.problem.text for each in problems_of_dags(FoundUses(uses=uses), made)]
    assert time.process_time() - began < 20
    assert len(problems) == 10_000
    assert problems[0].endswith("Is 'orders_eu_00000' meant?")
    assert "meant" not in problems[-1]


def test_check_includes_the_ids_of_bundles(usage: Usage) -> None:
    usage.dag("etl.py", READS + 'Variable.get("My_Url")\nVariable.get("exact")\nVariable.get("Exact")\n')
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b", "labels": {BUNDLE: "variables"}}}
    data = {"AIRFLOW_VAR_MY_URL": "1", "exact": "1"}
    (usage.manifests / "b.json").write_text(json.dumps({**secret, "stringData": data}))
    arguments = [str(usage.manifests), "--dags", str(usage.dags), "--output", "json"]

    problems = usage.run(*arguments, command="check").document["problems"]

    assert [each["text"].split(" is used")[0] for each in problems if each["code"] == "no-manifest"] == [
        "variable 'Exact'"
    ]


def test_check_includes_the_references_of_the_options(usage: Usage) -> None:
    usage.configure(references={"variables": {"x": "any-name"}})
    usage.dag("etl.py", reads("x"))
    done = usage.run(str(usage.manifests), "--dags", str(usage.dags), "--strict", command="check")
    assert "0 warnings" in done.out


def test_a_reference_provides_an_id(usage: Usage) -> None:
    usage.configure(references={"variables": {"x": "any-name", "y": "nowhere"}})
    usage.put("any-name", {})
    usage.dag("etl.py", reads("x", "y"))
    ids = usage.ids(status=1)
    assert ids["x"]["provider"] == {"place": "secret", "text": "airflow/any-name"}
    assert (ids["y"]["status"], [each["code"] for each in ids["y"]["problems"]]) == ("missing", ["missing-secret"])


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
def test_namespace_without_permission_to_list(
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "etl.py").write_text(reads("x", "y"))
    account = cluster.service_account(namespace, "airflow", {})
    commands = Commands(account, cluster, monkeypatch, capsys)
    commands.set("AIRFLOW_VAR_Y", "1")

    document = commands.run("usage", "--dags", str(tmp_path), "--no-database", "-o", "json", status=2).document

    assert [(each["id"], each["status"]) for each in document["ids"]] == [("x", "unknown"), ("y", "found")]
    assert "may not list secrets in namespace" in document["failures"][0]


def test_a_team_without_a_folder(usage: Usage) -> None:
    assert "--team is the team of the DAGs in --dags" in usage.run("--team", "sales", status=2).err
    assert "--missing and --unused cannot be used together" in usage.run("--missing", "--unused", status=2).err


def put_bundle(usage: Usage, data: dict[str, str]) -> None:
    metadata = {"name": "b", "namespace": "airflow", "labels": {BUNDLE: "connections"}}
    document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
    (usage.manifests / "b.json").write_text(json.dumps(document))


def test_an_id_in_another_spelling_than_the_key_of_a_bundle(usage: Usage) -> None:
    """The entry is used, so it must not be listed as one that can be deleted. Its problems are those of the id."""
    usage.configure(bundles=True)
    put_bundle(usage, {"AIRFLOW_CONN_MYDB": "postgres://db", "AIRFLOW_CONN_BROKEN": "nothing", "other": "http://h"})
    usage.dag("etl.py", READS + 'Connection.get("MyDb")\nConnection.get("Broken")\n')

    document = usage.document(status=1)

    assert [each["id"] for each in document["unused"]] == ["other"]
    statuses = {
        each["id"]: (each["status"], [problem["code"] for problem in each["problems"]]) for each in document["ids"]
    }
    assert statuses == {"MyDb": ("found", []), "Broken": ("missing", ["unreadable"])}


def test_a_mounted_secret_whose_name_contains_a_hash(usage: Usage) -> None:
    """The id is only known from the DAG. The name of the file itself is the id of no Secret."""
    usage.configure(team_label=TEAM)
    name = label_value("orders/eu")
    for path, value in ((name, "1"), (label_value("not/used"), "1"), ("plain", "1")):
        (usage.manifests / "variables").mkdir(exist_ok=True)
        (usage.manifests / "variables" / path).write_text(value)
    usage.dag("etl.py", reads("orders/eu", name, "plain"))

    document = usage.document(status=1)

    assert {each["id"]: each["status"] for each in document["ids"]} == {
        "orders/eu": "found",
        name: "missing",
        "plain": "found",
    }
    assert [each["id"] for each in document["unused"]] == [label_value("not/used")]
    assert usage.ids("--team", "sales", status=1)["orders/eu"]["status"] == "found"


def test_explain_shows_the_first_of_many_uses(usage: Usage) -> None:
    tasks = "".join(
        f'    BashOperator(task_id="t{number}", bash_command="{{{{ var.value.x }}}}")\n' for number in range(50)
    )
    code = "from airflow.providers.standard.operators.bash import BashOperator\n"
    usage.dag("etl.py", f'from airflow.sdk import DAG\n{code}with DAG("etl"):\n{tasks}')
    usage.put("x", {VARIABLE: "x"}, "1")
    arguments = ["variable", "x", "--dags", str(usage.dags)]
    out = usage.run(*arguments, command="explain").out
    assert out.count("etl.py:") == 20
    assert "30 more uses are not shown. 'airflow-kubernetes-secrets usage --id ID' shows all of them" in out
    assert len(usage.run(*arguments, "-o", "json", command="explain").document["uses"]) == 50


def test_explain_shows_where_an_id_is_used(usage: Usage) -> None:
    usage.dag("etl.py", 'from airflow.sdk import DAG, Variable\nwith DAG("etl"):\n    Variable.get("x")\n')
    usage.put("x", {VARIABLE: "x"}, "1")
    arguments = ["variable", "x", "--dags", str(usage.dags)]
    lines = usage.run(*arguments, command="explain").out.splitlines()
    assert [each.split() for each in lines if each.startswith("Used by")] == [
        ["Used", "by", "etl", f"({usage.dags}/etl.py:3,", "Variable.get)"]
    ]
    (use,) = usage.run(*arguments, "-o", "json", command="explain").document["uses"]
    assert use["line"] == 3
    arguments[1] = "y"
    assert "none of these DAGs" in usage.run(*arguments, command="explain", status=1).out
    assert usage.run("variable", "x", "-o", "json", command="explain").document["uses"] is None
