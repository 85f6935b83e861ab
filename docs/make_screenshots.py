"""Takes the pictures of the page in Airflow's UI: ``PYTHONPATH=tests python docs/make_screenshots.py``.

It uses the devserver, Airflow's API server and Chromium. The page differs from run to run (ages, the hour), so run it
by hand when the page looks different.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize

from airflow_kubernetes_secrets_devserver import DevServer
from support.airflow_ui import PAGE, AirflowUI, running_ui
from support.browser import PATIENCE_MS, PLUGIN, framed, log_in, ready, running_browser
from support.cluster import DevserverCluster
from support.team_secrets import TeamSecrets, airflow_of

DOCS = Path(__file__).parent

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
SIZE: ViewportSize = {"width": 1520, "height": 760}
NARROW: ViewportSize = {"width": 420, "height": 760}

EXTERNAL = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "uid": "1", "controller": True}
SEALED = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "uid": "1", "controller": True}
CLUSTER = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "uid": "1", "controller": True}


# Replaces Airflow's temporary home in the panel, which differs in each run.
SHOW_HOME = """home => {
  const texts = document.createTreeWalker(document.getElementById("explanation"), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(home, "/opt/airflow");
}"""

# The templates of each DAG. Nothing provides the connection `crm_archive`.
DAGS = {
    "load_orders": "{{ conn.app_db }} {{ conn.warehouse }} {{ var.value.bucket }}",
    "report": "{{ conn.warehouse }} {{ conn.smtp_default }} {{ var.value.environment }} {{ conn.reporting }}",
    "sync_crm": "{{ conn.crm_api }} {{ conn.sftp_partner }} {{ var.value.slack_channel }} {{ conn.crm_archive }}",
}
DAG = """
from datetime import datetime
from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("{name}", start_date=datetime(2024, 1, 1), schedule=None):
    BashOperator(task_id="run", bash_command="{tasks}")
"""


def fill(team_secrets: TeamSecrets) -> None:
    """Create a small deployment, with common mistakes."""
    database = {"username": "app", "password": "-", "host": "app-db-rw", "dbname": "app", "port": "5432"}
    for secret, conn_id, namespace in (
        ("app-db", "app_db", team_secrets.home),
        ("orders-db", "orders_db", team_secrets.blue),
    ):
        team_secrets.put(
            f"{secret}-app",
            {"connection-id": conn_id},
            database,
            namespace=namespace,
            annotations={"connection-type": "postgres"},
            ownerReferences=[{**CLUSTER, "name": secret}],
        )
    for name, uri in {
        "warehouse": "snowflake://loader:-@acme.eu-central-1.example.com/analytics",
        "crm-api": "https://bot:-@crm.example.com",
        "data-lake": "aws://key:-@",
        "reporting": "mysql://report:-@reporting-db:3306/report",
    }.items():
        owners = [{**EXTERNAL, "name": name}]
        team_secrets.put(name, {"connection-id": name.replace("-", "_")}, {"value": uri}, ownerReferences=owners)
    mail = {"value": "smtp://mailer:-@smtp.example.com:587"}
    team_secrets.put("mail", {"connection-id": "smtp_default"}, mail, ownerReferences=[{**SEALED, "name": "mail"}])
    team_secrets.put("mail-2024", {"connection-id": "smtp_default"}, {"value": "smtp://mailer:-@mail.example.com:25"})
    team_secrets.put("sftp", {"connection-id": "sftp_partner"}, {"pasword": "-"})
    team_secrets.put("ftp", {"connection-id": "ftp_partner"}, {"value": "ftp://user:-@ftp.example.com"})
    for key, value in {"bucket": "-", "environment": "-", "batch_size": "-", "slack_channel": "-\n"}.items():
        team_secrets.put(key.replace("_", "-"), {"variable-key": key}, {"value": value})
    team_secrets.put(
        "metadata-database", {"config-key": "metadata-database"}, {"value": "postgresql://airflow:-@metadata/airflow"}
    )
    team_secrets.put("fernet-key", {"config-key": "fernet-key"}, {"value": "-"})


def _until_dags_are_read(ui: AirflowUI) -> None:
    with ui.client("ada") as client:
        while client.get(f"{PAGE}api/entries", params={"refresh": True}).raise_for_status().json()["reads_dags"]:
            time.sleep(1)


@contextmanager
def deployment() -> Iterator[AirflowUI]:
    with DevServer() as server, tempfile.TemporaryDirectory() as folder:
        cluster = DevserverCluster(server)
        home, blue = "airflow-secrets", "team-blue"
        for namespace in (home, blue):
            cluster.create_namespace(namespace)
        account = cluster.service_account(home, "airflow-api-server", {home: ["list"], blue: ["list"]})
        team_secrets = TeamSecrets(cluster, account, home, blue)
        fill(team_secrets)
        airflow = airflow_of(team_secrets, Path(folder) / "home")
        dags = airflow.home / "dags"
        dags.mkdir(parents=True)
        for name, tasks in DAGS.items():
            (dags / f"{name}.py").write_text(DAG.format(name=name, tasks=tasks))
        airflow = airflow.with_variables(AIRFLOW__CORE__DAGS_FOLDER=str(dags), AIRFLOW__CORE__LOAD_EXAMPLES="False")
        with running_ui(airflow) as ui:
            ui.airflow.output("variables", "set", "bucket", "-")
            _until_dags_are_read(ui)
            yield ui
        cluster.close()


def take(browser: Browser, ui: AirflowUI, scheme: Scheme) -> None:
    def save(page: Page, name: str) -> None:
        page.wait_for_timeout(300)
        page.screenshot(path=DOCS / "images" / f"ui-{name}-{scheme}.png")

    context = browser.new_context(viewport=SIZE, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    log_in(page, ui, "ada", PLUGIN)
    frame = framed(page)
    save(page, "table")
    frame.fill("#search", "smtp")
    frame.wait_for_selector("text=of 16 in all")
    frame.locator("#rows .link").first.click()
    frame.wait_for_selector("#panel [data-verdict]")
    frame.evaluate(SHOW_HOME, str(ui.airflow.home))
    save(page, "panel")
    page.set_viewport_size(NARROW)
    page.goto(f"{ui.url}{PAGE}?search=smtp_defualt")
    ready(page)
    page.get_by_role("button", name="Why is there no connection").click()
    page.wait_for_selector("#panel [data-verdict]")
    save(page, "hint")
    context.close()


if __name__ == "__main__":
    with deployment() as ui, running_browser() as browser:
        for scheme in SCHEMES:
            take(browser, ui, scheme)
