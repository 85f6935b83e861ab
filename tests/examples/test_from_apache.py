"""``docs/how-to/from-apache.md``: the same Secrets and options, with the published class of Apache's provider."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS
from support.airflow import BACKEND
from support.cluster import Cluster
from support.environments import Environment, downloaded_wheel
from support.examples import EXAMPLES, Namespaces
from support.pages import moved, page_file, shell
from support.secrets import Put

FOLDER = EXAMPLES / "from-apache"
PROVIDER = "apache-airflow-providers-cncf-kubernetes"

# Prints the defaults of Apache's class, and builds it with options. The last line is JSON.
BUILD = """
import inspect, json, sys
from importlib import import_module

module, name = sys.argv[1].rsplit(".", 1)
found = getattr(import_module(module), name)
parameters = inspect.signature(found).parameters.values()
try:
    found(**json.loads(sys.argv[2]))
    refused = ""
except TypeError as error:
    refused = str(error)
defaults = {p.name: p.default for p in parameters if p.kind is not p.VAR_KEYWORD}
print(json.dumps({"defaults": defaults, "refused": refused}))
"""


def configuration(file: str) -> dict[str, str]:
    config = configparser.RawConfigParser()
    config.read_string((FOLDER / file).read_text())
    return dict(config["secrets"])


@pytest.fixture(scope="module")
def apache_environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment with Apache's provider."""
    environment = Environment.create(tmp_path_factory.mktemp("apache_environment") / "environment")
    environment.install(downloaded_wheel(PROVIDER, "10.25.0"))
    return environment


def built(environment: Environment, backend: str, kwargs: str) -> dict[str, Any]:
    done = environment.run("-c", BUILD, backend, kwargs, variables={"_AIRFLOW__AS_LIBRARY": "1"})
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_both_accept_the_same_options(apache_environment: Environment) -> None:
    before, after = configuration("apache.cfg"), configuration("airflow.cfg")
    assert (after["backend"], after["backend_kwargs"]) == (BACKEND, before["backend_kwargs"])

    assert built(apache_environment, before["backend"], before["backend_kwargs"])["refused"] == ""
    KubernetesSecretsBackend(**json.loads(after["backend_kwargs"]))


def test_the_table_of_options(apache_environment: Environment) -> None:
    rows = [
        row.split(" | ") for row in re.findall(r"^\| (`\w+` \| .*) \|$", page_file("from-apache").read_text(), re.M)
    ]
    told = {row[0].strip("`"): row[1].strip("`") for row in rows}

    backend = configuration("apache.cfg")["backend"]
    theirs = built(apache_environment, backend, "{}")["defaults"]

    assert told.pop("namespace") == "one; by default the pod's own"
    assert theirs.pop("namespace") is None
    assert told == theirs == {name: OPTIONS[name].default for name in theirs}
    assert all(row[2] == "the same" for row in rows[1:])
    assert built(apache_environment, backend, '{"cache_ttl": 60}')["refused"]


def test_commands_after_the_move(cluster: Cluster, namespaces: Namespaces, tmp_path: Path) -> None:
    namespace = namespaces["airflow"]
    Put(cluster, namespace)({"example.com/connection": "my_db"}, "postgres://u:pw@db.example.com/app")
    account = cluster.service_account(namespace, "airflow-scheduler", {namespace: ["list"]})
    kwargs = json.loads(moved(configuration("airflow.cfg")["backend_kwargs"], namespaces))
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({**kwargs, "service_account_path": str(account.folder)}),
        **cluster.pod_environment(),
    }

    done = shell(f"set -e\n{(FOLDER / 'look.sh').read_text()}", tmp_path, variables)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 connection, 0 variables" in done.stdout
