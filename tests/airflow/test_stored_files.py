"""What Airflow gets from files as repositories contain them, by the table that also tests ``check``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from airflow_kubernetes_secrets.formats.usability import AIRFLOW_2, SERVICES, TASKS
from support.airflow import BACKEND, Airflow
from verdicts.stored import FILES, MADE_UP, VERDICTS

LOOK_UP = """
import json, logging, sys, warnings
warnings.simplefilter("ignore")
from airflow.models import Connection
from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.messages import notices
from airflow_kubernetes_secrets.formats.usability import AIRFLOW_2, SERVICES, TASKS

class Messages(logging.Handler):
    def emit(self, record):
        messages.append(record.getMessage())

logging.getLogger("airflow_kubernetes_secrets").addHandler(Messages())
kinds = {AIRFLOW_2: Connection}
if hasattr(KubernetesSecretsBackend, "_set_connection_class"):
    from airflow.sdk import Connection as OfTasks
    kinds = {SERVICES: Connection, TASKS: OfTasks}
found = []
for reader, kind in kinds.items():
    for folder, identifiers in json.loads(sys.argv[1]).items():
        backend = KubernetesSecretsBackend(path=folder)
        if reader != AIRFLOW_2:
            backend._set_connection_class(kind)
        for identifier in identifiers:
            messages, fields = [], None
            try:
                connection = backend.get_connection(identifier)
                if connection is None:
                    fields = backend.get_variable(identifier)
                else:
                    connection.get_uri()
                    names = ("conn_type", "host", "login", "password", "port", "schema")
                    fields = {name: getattr(connection, name) for name in names}
                    fields["extra"] = connection.extra_dejson
                    fields = {name: value for name, value in fields.items() if value}
            except Exception:
                pass
            found.append((reader, folder, identifier, fields, messages))
            notices._logged.clear()
sys.stdout.write("\\n" + json.dumps(found))
"""


def test_airflow_gets_the_expected_values(version: str, tmp_path: Path) -> None:
    wanted = {}
    for name, verdict in VERDICTS.items():
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(FILES / name, folder)
        wanted[str(folder)] = [*verdict.got]
    variables = {
        "AIRFLOW__SECRETS__BACKEND": BACKEND,
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"path": str(tmp_path / "yaml-times.yaml")}),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////nowhere/at/all.db",
    }

    done = Airflow(version, tmp_path / "home", variables).python(LOOK_UP, json.dumps(wanted))

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    readers = (AIRFLOW_2,) if version == "2.11" else (SERVICES, TASKS)
    assert len(found) == len(readers) * sum(len(verdict.got) for verdict in VERDICTS.values())
    for reader, folder, identifier, fields, messages in found:
        name = Path(folder).name
        expected = VERDICTS[name].got[identifier]
        said = "\n".join(messages)
        if reader in expected.lost_by:
            assert fields is None, (name, identifier)
            assert all(word in said for word in expected.words), (name, identifier, messages)
        else:
            assert fields == (expected.fields or None), (name, identifier, reader)
        assert not any(word in said for word in MADE_UP)
