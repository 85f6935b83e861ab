"""Secrets as in a real deployment, for the tests of Airflow's UI."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.airflow import BACKEND, TESTED, Airflow
from support.cluster import Cluster, ServiceAccount

# Each value contains this. No response and no log may contain it.
SECRET = "hunter2"
DOMAIN = "airflow.apache.org"

_MARKUP = "<script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">"
# An id, and what the page shows of it; and a host, which the page does not show.
HOSTILE, HOSTILE_SHOWN = f"{_MARKUP}\u202e\x1b[31m\n\ufe0fx", f"{_MARKUP}\\u202e\\x1b[31m\\n\\ufe0fx"
HOST = "<img src=x onerror=document.title=1>\ud800\u202e\U000e0041"


@dataclass
class TeamSecrets:
    """The Secrets of one test run, in a namespace for all teams and one of the team `blue`.

    Attributes:
        account: a service account that may list both.
    """

    cluster: Cluster
    account: ServiceAccount
    home: str
    blue: str

    def put(
        self,
        name: str,
        labels: Mapping[str, str],
        data: Mapping[str, str],
        *,
        namespace: str | None = None,
        annotations: Mapping[str, str] | None = None,
        kind: str = "Secret",
        **metadata: Any,
    ) -> None:
        """Create a Secret or ConfigMap. Labels and annotations are Airflow's own, without their domain."""
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": kind,
                "metadata": {
                    "name": name,
                    "namespace": namespace or self.home,
                    "labels": {f"{DOMAIN}/{label}": value for label, value in labels.items()},
                    "annotations": {f"{DOMAIN}/{label}": value for label, value in (annotations or {}).items()},
                    **metadata,
                },
                "stringData" if kind == "Secret" else "data": dict(data),
            }
        )

    @property
    def kwargs(self) -> dict[str, Any]:
        """Return the ``backend_kwargs`` that read these Secrets."""
        return {
            "service_account_path": str(self.account.folder),
            "namespace": self.home,
            "team_namespaces": {"blue": self.blue},
        }


def team_secrets_on(cluster: Cluster) -> TeamSecrets:
    """Create two empty namespaces, and an account that may list Secrets and ConfigMaps in them."""
    home = f"ui-{uuid.uuid4().hex[:8]}"
    blue = f"{home}-blue"
    for namespace in (home, blue):
        cluster.create_namespace(namespace)
    grants = {home: ["list", "get"], blue: ["list"]}
    account = cluster.service_account(home, "airflow", grants, resources=("secrets", "configmaps"))
    return TeamSecrets(cluster, account, home, blue)


def fill(team_secrets: TeamSecrets) -> None:
    """Create the Secrets of a deployment, valid and invalid ones, and sixty more than fit on a page."""
    owner = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "name": "app-db", "uid": "1", "controller": True}
    fields = {"username": "app", "password": SECRET, "host": "app-db-rw", "dbname": "app", "port": "5432"}
    fields["uri"] = f"postgresql://app:{SECRET}@app-db-rw:5432/app"
    team_secrets.put("app-db-app", {"connection-id": "app_db"}, fields, ownerReferences=[owner])
    team_secrets.put(
        "blue-db", {"connection-id": "app_db"}, {"value": f"mysql://u:{SECRET}@blue-db/b"}, namespace=team_secrets.blue
    )
    team_secrets.put("smtp", {"connection-id": "smtp_default"}, {"value": f"smtp://user:{SECRET}@smtp.example.com:587"})
    team_secrets.put("smtp-copy", {"connection-id": "smtp_default"}, {"value": f"smtp://user:{SECRET}@old.example.com"})
    team_secrets.put("broken", {"connection-id": "warehouse"}, {"other": SECRET})
    team_secrets.put(
        "hostile", {"connection-id": "x1"}, {"value": f"http://{SECRET}@h"}, annotations={"connection-id": HOSTILE}
    )
    team_secrets.put(
        "uri-id", {"connection-id": "x2"}, {"value": "http://h"}, annotations={"connection-id": f"a://b:{SECRET}@c"}
    )
    # An HTML image as the host of a connection in JSON.
    image = json.dumps({"conn_type": "http", "host": HOST, "password": SECRET})
    team_secrets.put("image", {"connection-id": "image"}, {"value": image})
    team_secrets.put("bucket", {"variable-key": "bucket"}, {"value": SECRET})
    # A user who may only read connections that begin with `app` must not see these.
    team_secrets.put("ap", {"connection-id": "ap_report"}, {"value": f"http://{SECRET}@h"})
    team_secrets.put("app-key", {"variable-key": "app_key"}, {"value": SECRET})
    team_secrets.put("app-unlabelled", {}, {"value": SECRET})
    team_secrets.put("stage", {"variable-key": "stage", "taem": "blue"}, {"value": f"{SECRET}\n"})
    team_secrets.put(
        "database", {"config-key": "metadata-database"}, {"value": f"postgresql://airflow:{SECRET}@pg/airflow"}
    )
    for number in range(60):
        team_secrets.put(
            f"service-{number:02}",
            {"connection-id": f"service_{number:02}"},
            {"value": f"http://u:{SECRET}@host-{number:02}"},
        )


def airflow_of(team_secrets: TeamSecrets, home: Path) -> Airflow:
    """Return an Airflow as in a pod, with a connection in its environment, and its own database."""
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW_CONN_SMTP_DEFAULT": "smtp://from-the-environment",
        **team_secrets.cluster.pod_environment(),
    }
    return Airflow(TESTED, home, variables).with_kwargs(**team_secrets.kwargs)
