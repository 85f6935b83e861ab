"""Values in a form that identifies what they are, or that contain several fields.

Each function returns the fields in a value: by the name of a field, or with the prefix ``extra.`` by a name in
``extra``. It returns ``None`` if the value has another form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Split = Callable[[str], Mapping[str, str] | None]


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
