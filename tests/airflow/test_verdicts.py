"""The judge decides whether Airflow can use a stored connection, and agrees with what Airflow does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets.formats.usability import AIRFLOW_2, API_TASKS, EVERYONE, SERVICES, TASKS, objections
from support.airflow import BACKEND, ENVIRONMENTS, Airflow
from support.secrets import CONNECTION
from verdicts.comparison import disagreements
from verdicts.generated import connections

MARK = "hunter2"

# `python -m verdicts` tries more.
SEED, COUNT, LEAST = 1, 4000, 10_000


def test_judge_agrees_with_airflow_on_generated_connections(version: str) -> None:
    texts = [*dict.fromkeys(connections(SEED, COUNT))]
    assert len(texts) >= LEAST
    if python_of(version) != f"python{sys.version_info.major}.{sys.version_info.minor}":
        # Versions of Python differ in how deeply nested JSON they read.
        texts = [text for text in texts if text.count("[") + text.count("{") < 1000]

    found = [str(each) for each in disagreements(version, texts, patience=110)]

    assert found[:10] == []


def python_of(version: str) -> str:
    """Return the Python of the environment with a version of Airflow, such as ``python3.11``."""
    return next((ENVIRONMENTS[version] / "lib").glob("python3.*")).name


def test_the_same_seed_gives_the_same_connections() -> None:
    assert [*connections(3, 50)] == [*connections(3, 50)]
    assert [*connections(3, 50)] != [*connections(4, 50)]


def fields(**more: object) -> str:
    return json.dumps({"conn_type": "postgres", "host": "h", "password": MARK, **more})


URI = f"postgres://me:{MARK}@h:5432/db"

# A connection, the parts of Airflow that cannot use it, and a part of the message.
CASES: dict[str, tuple[str, tuple[str, ...], str]] = {
    "plain": (fields(), (), ""),
    "a URI": (URI, (), ""),
    "a password that is a number": (fields(password=12345), EVERYONE, "'password' is not a string"),
    "a login that is a number": (fields(login=1), EVERYONE, "'login' is not a string"),
    "a login that is false": (fields(login=False), EVERYONE, "'login' is not a string"),
    "a schema that is a number": (fields(schema=5), EVERYONE, "'schema' is not a string"),
    "hosts in a list": (fields(host=[MARK]), EVERYONE, "'host' is not a string"),
    "a type that is a list": (fields(conn_type=["x"]), EVERYONE, "'conn_type' is not a string"),
    "a password that is 0": (fields(password=0), (TASKS,), "'password' is not a string"),
    "a host that is false": (fields(host=False), (API_TASKS,), "'host' is not a string"),
    "a description that is an object": (fields(description={"a": MARK}), (), ""),
    "extra that is a list": (fields(extra=[1]), EVERYONE, "'extra' is not a JSON object"),
    "extra that is a number": (fields(extra=5), EVERYONE, "'extra' is not a JSON object"),
    "extra with a list as a string": (fields(extra="[1]"), EVERYONE, "'extra' is not a JSON object"),
    "extra that is no JSON": (fields(extra=MARK), (SERVICES, API_TASKS), "'extra' is not a JSON object"),
    "extra that is false": (fields(extra=False), (), ""),
    "a surrogate in extra": (fields(extra={"a": f"{MARK}\ud800"}), EVERYONE, "'extra' contains half"),
    "a surrogate inside extra": (fields(extra={"a": [f"{MARK}\ud800"]}), (AIRFLOW_2,), "'extra' contains half"),
    "a surrogate in a password": (fields(password=f"{MARK}\ud800"), EVERYONE, "'password' contains half"),
    "a port with a point": (fields(port=5432.0), (), ""),
    "a port as a string": (fields(port=" 5432 "), (), ""),
    "a port that is true": (fields(port=True), (), ""),
    "a port that is a list": (fields(port=[5432]), EVERYONE, "port is not a number"),
    "a port with a fraction as a string": (fields(port="5432.5"), EVERYONE, "port is not a number"),
    "an infinite port": ('{"conn_type": "x", "port": Infinity}', EVERYONE, "port is not a number"),
    "a port of many digits": (fields(port=10**30), (API_TASKS,), "port number is too large"),
    "no type": (json.dumps({"host": "h", "password": MARK}), (API_TASKS,), "no 'conn_type'"),
    "a team": (fields(team_name="x"), (AIRFLOW_2, TASKS), "'team_name'"),
    "an unknown field": (fields(nickname=MARK), EVERYONE, "'nickname'"),
    "a URI in JSON": (json.dumps({"uri": URI}), (), ""),
    "a URI in JSON next to a host": (json.dumps({"uri": URI, "host": MARK}), EVERYONE, "both 'uri' and 'host'"),
    "a URI in JSON next to null": (json.dumps({"uri": URI, "host": None}), (TASKS,), "both 'uri' and 'host'"),
    "an invalid URI in JSON": (json.dumps({"uri": MARK}), EVERYONE, "neither a URI"),
    "an empty URI in JSON": (fields(uri=""), (TASKS,), "'uri' is empty"),
    "a URL in the query": (f"{URI}?callback=https://x", EVERYONE, "a second '://'"),
    "many digits in the query": (f"{URI}?a={'9' * 5000}", (SERVICES, API_TASKS), "Python cannot parse the JSON"),
    "extra of a URI that is a list": (f"{URI}?__extra__=[1]", EVERYONE, "'extra' is not a JSON object"),
    # A lookup removes only the first one.
    "byte order marks": (f"\ufeff\ufeff{fields()}", EVERYONE, "neither a URI"),
}  # fmt: skip

LOOK_UP = """
import json, logging, sys, warnings
warnings.simplefilter("ignore")
from airflow.models import Connection
from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.formats.usability import AIRFLOW_2, SERVICES, TASKS

class Messages(logging.Handler):
    def emit(self, record):
        messages.append(record.getMessage())

logging.getLogger("airflow_kubernetes_secrets").addHandler(Messages())
ids, path = json.loads(sys.argv[1]), sys.argv[2]
first = AIRFLOW_2 if not hasattr(KubernetesSecretsBackend, "_set_connection_class") else SERVICES
readers = {first: Connection.get_connection_from_secrets}
if first == SERVICES:
    from airflow.sdk import Connection as OfTasks
    backend = KubernetesSecretsBackend(path=path)
    backend._set_connection_class(OfTasks)
    readers[TASKS] = backend.get_connection
found = {}
for reader, read in readers.items():
    for conn_id in ids:
        messages = []
        try:
            read(conn_id).get_uri()
            worked = True
        except Exception:
            worked = False
        found[f"{reader} {conn_id}"] = (worked, messages)
        from airflow_kubernetes_secrets.messages import notices
        notices._logged.clear()
sys.stdout.write("\\n" + json.dumps(found))
"""


def test_lookup_logs_what_airflow_cannot_use(version: str, tmp_path: Path) -> None:
    """Airflow gets each connection as the judge predicts. If it gets none, the log names the field."""
    ids = {f"c{number}": case for number, case in enumerate(CASES)}
    folder = tmp_path / "secrets"
    folder.mkdir()
    for conn_id, case in ids.items():
        metadata = {"name": conn_id, "labels": {CONNECTION: conn_id}}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"value": CASES[case][0]}}
        (folder / f"{conn_id}.yaml").write_text(yaml.safe_dump(manifest, allow_unicode=True), encoding="utf-8")
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"path": str(folder)}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/at/all.db",
    }

    done = Airflow(version, tmp_path / "home", variables).python(LOOK_UP, json.dumps([*ids]), str(folder))

    assert done.returncode == 0, done.stderr
    here = (AIRFLOW_2,) if version == "2.11" else (SERVICES, TASKS)
    of_this_airflow = (AIRFLOW_2,) if version == "2.11" else (SERVICES, TASKS, API_TASKS)
    found = json.loads(done.stdout.splitlines()[-1])
    for reader in here:
        for conn_id, case in ids.items():
            worked, messages = found[f"{reader} {conn_id}"]
            _text, losers, named = CASES[case]
            assert worked == (reader not in losers), case
            logged = [each for each in messages if f"/{conn_id}, key 'value': " in each and named in each]
            assert bool(logged) == (not set(losers).isdisjoint(of_this_airflow)), (case, messages)
            assert MARK not in "".join(messages)


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: str) -> None:
    text, losers, named = CASES[case]

    found = objections(text)

    assert {reader for each in found for reader in each.unusable_by} == {*losers}
    assert all(named in str(each) for each in found)
    assert MARK not in "".join(map(str, found))
