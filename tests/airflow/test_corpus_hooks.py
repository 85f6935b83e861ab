"""The real hooks get what they need from the Secrets in the corpus, where their providers are installed.

A hook builds the client, or the arguments of its driver. Nothing connects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from support.airflow import BACKEND, Airflow
from support.corpus import CorpusFile, Recipe, corpus
from support.requirements import needs_airflow

VERSION = "2.11"

# Prints what each hook makes of its connections: by the class of the hook, the ids.
PROGRAM = """
import json, sys, warnings
warnings.simplefilter("ignore")


def of_postgres(conn_id):
    import psycopg2
    from psycopg2.extensions import parse_dsn

    from airflow.providers.postgres.hooks.postgres import PostgresHook

    # The function of libpq. psycopg2 has checked the names of the arguments before.
    psycopg2._connect = lambda dsn, **_: dsn
    return parse_dsn(PostgresHook(postgres_conn_id=conn_id).get_conn())


def of_http(conn_id):
    from airflow.providers.http.hooks.http import HttpHook

    hook = HttpHook(http_conn_id=conn_id)
    session = hook.get_conn()
    auth = session.auth
    return {"url": hook.base_url, "auth": auth and [auth.username, auth.password]}


def of_smtp(conn_id):
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    hook = SmtpHook(smtp_conn_id=conn_id)
    hook.smtp_connection = hook.get_connection(conn_id)
    names = ("host", "port", "smtp_user", "smtp_password", "use_ssl", "smtp_starttls", "from_email")
    return {name: getattr(hook, name) for name in names}


def of_kubernetes(conn_id):
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    return {"server": KubernetesHook(conn_id=conn_id).get_conn().configuration.host}


makers = {"PostgresHook": of_postgres, "HttpHook": of_http, "SmtpHook": of_smtp, "KubernetesHook": of_kubernetes}
result = {conn_id: makers[hook](conn_id) for conn_id, hook in json.loads(sys.argv[1]).items()}
sys.stdout.write("\\n" + json.dumps(result))
"""


def for_postgres(connection: Mapping[str, Any]) -> dict[str, Any]:
    names = {"host": "host", "login": "user", "password": "password", "schema": "dbname", "port": "port"}
    arguments = {name: connection[field] for field, name in names.items() if field in connection}
    return {name: str(value) for name, value in {**arguments, **connection.get("extra", {})}.items()}


def for_http(connection: Mapping[str, Any]) -> dict[str, Any]:
    address = connection["host"]
    if "://" not in address:
        address = f"{connection.get('schema', 'http')}://{address}"
    login = [connection["login"], connection.get("password", "")] if "login" in connection else None
    return {"url": f"{address}:{connection['port']}" if "port" in connection else address, "auth": login}


def for_smtp(connection: Mapping[str, Any]) -> dict[str, Any]:
    extra = connection.get("extra", {})
    return {
        "host": connection["host"],
        "port": connection["port"],
        "smtp_user": connection["login"],
        "smtp_password": connection["password"],
        "use_ssl": not extra.get("disable_ssl", False),
        "smtp_starttls": True,
        "from_email": extra.get("from_email"),
    }


def for_kubernetes(connection: Mapping[str, Any]) -> dict[str, Any]:
    config = yaml.safe_load(connection["extra"]["kube_config"])
    return {"server": config["clusters"][0]["cluster"]["server"]}


EXPECTED: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "PostgresHook": for_postgres,
    "HttpHook": for_http,
    "SmtpHook": for_smtp,
    "KubernetesHook": for_kubernetes,
}


def hook_of(file: CorpusFile, recipe: Recipe) -> str:
    """Return the class of the hook; empty if the recipe is for the hook of another type."""
    is_its_type = recipe.connection["conn_type"] == file.connection["conn_type"]
    return file.hook.rpartition(".")[2] if is_its_type else ""


RECIPES = {
    f"c{number}": (file, recipe)
    for number, (file, recipe) in enumerate((file, recipe) for file in corpus() for recipe in file.recipes)
    if hook_of(file, recipe) in EXPECTED
}


@needs_airflow(VERSION)
def test_hooks_get_the_expected_arguments(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    for conn_id, (file, recipe) in RECIPES.items():
        (folder / f"{conn_id}.json").write_text(json.dumps(file.manifest("shop", conn_id, recipe.annotations)))
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"path": str(folder)}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/at/all.db",
    }
    hooks = {conn_id: hook_of(*recipe) for conn_id, recipe in RECIPES.items()}

    done = Airflow(VERSION, tmp_path / "home", variables).python(PROGRAM, json.dumps(hooks))

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == len(RECIPES) > 50
    for conn_id, (file, recipe) in RECIPES.items():
        assert found[conn_id] == EXPECTED[hooks[conn_id]](recipe.connection), (file.name, recipe.purpose)
