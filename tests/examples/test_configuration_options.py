"""``docs/how-to/configuration-options.md``: options from Secrets, in real Airflows."""

from __future__ import annotations

import configparser
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from support.airflow import BACKEND, Airflow
from support.charts import airflow_cfg
from support.cluster import Cluster, ServiceAccount
from support.examples import EXAMPLES, Namespaces, manifest
from support.pages import moved, page_file, shell
from support.requirements import require_airflow
from support.servers import on_one_server

FOLDER = EXAMPLES / "configuration-options"
# Airflow loads the driver of its database when it starts, and PostgreSQL's is not installed here.
URI = "sqlite:////tmp/that-nobody-opens.db"
KWARGS = "AIRFLOW__SECRETS__BACKEND_KWARGS"
GET_OPTION = ("config", "get-value", "database", "sql_alchemy_conn")
SENSITIVE = """
from airflow.configuration import conf
for section, key in conf.sensitive_config_values:
    print(f"[{section}] {key}")
"""


@pytest.fixture
def account(cluster: Cluster, namespaces: Namespaces) -> ServiceAccount:
    return cluster.service_account(
        namespaces["airflow"],
        "airflow-migrate-database-job",
        {namespaces["airflow-secrets"]: ["list"]},
        {namespaces["databases"]: ["airflow-database-app"]},
    )


@pytest.fixture
def variables(cluster: Cluster, account: ServiceAccount, namespaces: Namespaces) -> dict[str, str]:
    """Return the variables that configure the backend, as in the pod of that account."""
    kwargs = {"namespace": namespaces["airflow-secrets"], "service_account_path": str(account.folder)}
    return {"AIRFLOW__SECRETS__BACKEND": BACKEND, KWARGS: json.dumps(kwargs), **cluster.pod_environment()}


def put(cluster: Cluster, namespaces: Namespaces) -> None:
    """Create the Secret of the page."""
    made = manifest("configuration-options/secret.yaml", namespaces)
    assert made["stringData"]["value"].startswith("postgresql+psycopg2://")
    made["stringData"]["value"] = f"{URI}\n"
    cluster.apply(made)


def of(version: str, home: Path, variables: Mapping[str, str]) -> Airflow:
    require_airflow(version)
    return Airflow(version, home, variables)


@on_one_server
@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_named_by_a_variable(
    cluster: Cluster, namespaces: Namespaces, variables: dict[str, str], tmp_path: Path, version: str
) -> None:
    """The commands that check it work too."""
    of(version, tmp_path, variables)
    put(cluster, namespaces)
    script = "".join((FOLDER / file).read_text() for file in ("variable.sh", "check.sh"))

    # This timeout avoids a warning of doctor about tasks, which does not matter here.
    patient = {"AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60"}
    done = shell(f"set -e\n{script}", tmp_path, {**variables, **patient}, version)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Secret {namespaces['airflow-secrets']}/airflow-database is selected" in done.stdout
    assert "[database] sql_alchemy_conn is in Secret" in done.stdout
    assert done.stdout.splitlines()[-1] == URI


@on_one_server
@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_named_in_airflow_cfg(
    cluster: Cluster, namespaces: Namespaces, variables: dict[str, str], tmp_path: Path, version: str
) -> None:
    airflow = of(version, tmp_path, variables)
    put(cluster, namespaces)
    (tmp_path / "airflow.cfg").write_text((FOLDER / "airflow.cfg").read_text())

    assert airflow.output(*GET_OPTION).strip() == URI


@on_one_server
def test_by_a_reference(
    cluster: Cluster, namespaces: Namespaces, account: ServiceAccount, variables: dict[str, str], tmp_path: Path
) -> None:
    """The stricter way: a reference to a missing Secret stops Airflow."""
    config = configparser.RawConfigParser()
    config.read_string(moved((FOLDER / "reference.cfg").read_text(), namespaces))
    kwargs = {**json.loads(config["secrets"]["backend_kwargs"]), "service_account_path": str(account.folder)}
    named = {**variables, KWARGS: json.dumps(kwargs), "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET": "airflow-db"}
    refused = of("3.3", tmp_path, named).run(*GET_OPTION)
    assert refused.returncode != 0
    assert "airflow-database-app, which does not exist" in refused.stdout + refused.stderr

    made = manifest("configuration-options/secret.yaml", namespaces)
    made["metadata"] = {"name": "airflow-database-app", "namespace": namespaces["databases"]}
    made["stringData"] = {"uri": URI}
    cluster.apply(made)

    assert of("3.3", tmp_path, named).output(*GET_OPTION).strip() == URI


@on_one_server
def test_missing_secret_means_the_default_of_the_option(variables: dict[str, str], tmp_path: Path) -> None:
    """The page warns about this, and mentions that doctor reports it."""
    named = {**variables, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_SECRET": "airflow-db"}
    assert of("3.3", tmp_path, named).output(*GET_OPTION).startswith("sqlite:")

    done = shell("airflow-kubernetes-secrets doctor", tmp_path, named)

    assert done.returncode == 1
    assert "silently uses the default of [database] sql_alchemy_conn" in " ".join(done.stdout.split())


@on_one_server
def test_with_the_chart(cluster: Cluster, namespaces: Namespaces, account: ServiceAccount, tmp_path: Path) -> None:
    put(cluster, namespaces)
    values = yaml.safe_load((FOLDER / "values.yaml").read_text())
    secrets = values["config"]["secrets"]
    kwargs = json.loads(moved(secrets["backend_kwargs"], namespaces))
    secrets["backend_kwargs"] = json.dumps({**kwargs, "service_account_path": str(account.folder)})
    built_in = dict.fromkeys(values["enableBuiltInSecretEnvVars"], "sqlite:////of-the-chart.db")

    # The chart's jobs with `applyCustomEnv: false` have the mounted file, but no variable of `env`.
    assert "env" not in values
    switched_off = of("3.3", tmp_path, cluster.pod_environment())
    (tmp_path / "airflow.cfg").write_text(airflow_cfg(values))
    as_it_comes = switched_off.with_variables(**built_in)

    assert not any(values["enableBuiltInSecretEnvVars"].values())
    assert switched_off.output(*GET_OPTION).strip() == URI
    assert as_it_comes.output(*GET_OPTION).strip() == "sqlite:////of-the-chart.db"


@pytest.mark.parametrize("cluster", ["devserver"], indirect=True)
@pytest.mark.parametrize(("version", "column"), [("3.3", 1), ("2.11", 2)])
def test_the_table(cluster: Cluster, tmp_path: Path, version: str, column: int) -> None:
    """The table has exactly the options that Airflow itself treats as sensitive."""
    rows = [
        row.split(" | ") for row in re.findall(r"^\| (`\[.*) \|$", page_file("configuration-options").read_text(), re.M)
    ]
    told = {row[0].strip("`") for row in rows if row[column] == "yes"}

    done = of(version, tmp_path, {}).python(SENSITIVE)

    known = set(done.stdout.splitlines())
    # The backend's own options are explained below the table. [core] sql_alchemy_conn is a former name.
    about = {"[secrets] backend_kwargs", "[workers] secrets_backend_kwargs", "[core] sql_alchemy_conn"}
    assert told == known - about, done.stderr
