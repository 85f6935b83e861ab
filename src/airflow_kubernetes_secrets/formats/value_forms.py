"""Values in a form that identifies what they are, or that contain several fields.

Each function returns the fields in a value: by the name of a field, or with the prefix ``extra.`` by a name in
``extra``. It returns ``None`` if the value has another form. Fields are strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from airflow_kubernetes_secrets.formats.aliases import connection_type, folded
from airflow_kubernetes_secrets.formats.settings import PLAIN, setting

Split = Callable[[str], Mapping[str, Any] | None]

# The field of each name in JSON that Airflow's SecretsManagerBackend for AWS reads. If several names are for one field,
# the first one in the JSON counts. AWS itself writes `dbname` for its databases.
# https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/secrets-backends/aws-secrets-manager.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
JSON_NAMES: Mapping[str, tuple[str, ...]] = {
    "conn_type": ("conn_type", "conn_id", "connection_type", "engine"),
    "host": ("host", "remote_host", "server"),
    "login": ("login", "user", "username", "user_name"),
    "password": ("password", "pass", "key"),
    "port": ("port",),
    "schema": ("schema", "database", "dbname"),
    "extra": ("extra",),
}
_FIELD = {name: field for field, names in JSON_NAMES.items() for name in names}

# What AWS writes beside these.
UNNEEDED_IN_JSON = ("masterarn", "dbInstanceIdentifier", "dbClusterIdentifier")


def if_true(name: str, text: str) -> Split:
    """Return the function for a value that turns on a setting of the hook if it is ``true``."""
    return lambda value: {name: text} if value.strip() == "true" else {}


def azure_storage(value: str) -> Mapping[str, str] | None:
    """Read a connection string of Azure's storage.

    https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string
    """
    return {"extra.connection_string": value} if re.search(r"(?:^|;)AccountName=", value) else None


def google_key(value: str) -> Mapping[str, str] | None:
    """Read the key file of a Google service account.

    https://cloud.google.com/iam/docs/keys-create-delete
    """
    return {"extra.keyfile_dict": value} if re.search(r'"type":\s*"service_account"', value) else None


def kubeconfig(value: str) -> Mapping[str, str] | None:
    """Read a kubeconfig.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    """
    return {"extra.kube_config": value} if re.search(r"^kind: Config\s*$", value, re.MULTILINE) else None


def slack_token(value: str) -> Mapping[str, str] | None:
    """Read a token of a bot or user in Slack.

    https://docs.slack.dev/authentication/tokens
    """
    return {"password": value} if value.startswith(("xoxb-", "xoxp-")) else None


def slack_webhook(value: str) -> Mapping[str, str] | None:
    """Read the URL of a webhook of Slack.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """
    return {"password": value.strip()} if value.startswith("https://hooks.slack.com/services/") else None


def secrets_manager_json(value: str) -> Mapping[str, Any] | None:
    """Read JSON with names that Airflow's backend for AWS Secrets Manager accepts, and Airflow does not."""
    found = _object(value)
    return None if found.keys() <= JSON_NAMES.keys() else _fields_of_json(found)


def database_json(value: str) -> Mapping[str, Any] | None:
    """Read JSON of this form, or Airflow's, that has a type and a host, so that it is a connection in any key."""
    fields = _fields_of_json(_object(value))
    return fields if fields is not None and fields.get("conn_type") and fields.get("host") else None


def _fields_of_json(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    fields: dict[str, Any] = {}
    settings = {}
    for name, each in found.items():
        if name in _FIELD:
            fields.setdefault(_FIELD[name], each)
        elif name in PLAIN:
            settings[name] = each if isinstance(each, str) else json.dumps(each)
        elif name not in UNNEEDED_IN_JSON:
            return None
    if isinstance(fields.get("port"), int):
        fields["port"] = str(fields["port"])
    if isinstance(fields.get("extra"), dict):
        fields["extra"] = json.dumps(fields["extra"])
    fields = {name: each for name, each in fields.items() if each is not None}
    if not all(isinstance(each, str) for each in fields.values()):
        return None
    conn_type = connection_type(fields.get("conn_type", ""))
    of_extra = filter(None, (setting(conn_type, folded(name), each) for name, each in settings.items()))
    return fields | {f"extra.{name}": each for name, each in of_extra}


def _object(value: str) -> Mapping[str, Any]:
    """Return a JSON object; an empty one if the value is none."""
    if not value.lstrip().startswith("{"):
        return {}
    try:
        found: dict[str, Any] = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return found
