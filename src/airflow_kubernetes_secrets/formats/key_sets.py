"""Formats that software writes, as data: a set of keys, with the connection that it is.

A format applies to a Secret that has all of its keys, and where it says so the label, no other keys, or values of a
form. Names are compared exactly. If several formats apply, none does. Each has a file in ``tests/formats/corpus``, with
the source that defines the keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from types import MappingProxyType
from typing import Any

# What a key contains: a field of the connection; or, behind these, a name in `extra` or a setting
# (`formats/settings.py`); or nothing that the connection needs.
EXTRA = "extra."
SETTING = "setting."

_NONE: Mapping[str, Any] = MappingProxyType({})


class KeySet:
    """One format.

    Attributes:
        conn_type: the connection type.
        keys: what each key contains. The Secret has all of them.
        optional: what each key contains that the Secret can also have.
        extra: the part of ``extra`` that is always the same.
        label: key and value of a label that the software sets.
        values: patterns that are in the values of keys.
        is_exact: whether the Secret has no other keys. Such a format, and one with a label, takes precedence over the
            names of fields.
    """

    __slots__ = ("conn_type", "extra", "is_exact", "keys", "label", "optional", "values")

    def __init__(
        self,
        conn_type: str,
        keys: Mapping[str, str],
        optional: Mapping[str, str] = _NONE,
        *,
        extra: Mapping[str, Any] = _NONE,
        label: tuple[str, str] | None = None,
        values: Mapping[str, re.Pattern[bytes]] = _NONE,
        is_exact: bool = False,
    ) -> None:
        self.conn_type = conn_type
        self.keys = keys
        self.optional = optional
        self.extra = extra
        self.label = label
        self.values = values
        self.is_exact = is_exact

    @property
    def takes_precedence(self) -> bool:
        """Whether the format applies although keys have the names of fields."""
        return self.is_exact or self.label is not None

    def applies(self, labels: Mapping[str, str], values: Mapping[str, bytes]) -> bool:
        """Return whether a Secret has this format.

        Args:
            values: those that are not blank, by data key.
        """
        return (
            self.keys.keys() <= values.keys()
            and (not self.is_exact or values.keys() <= self.keys.keys() | self.optional.keys())
            and (self.label is None or labels.get(self.label[0]) == self.label[1])
            and all(pattern.search(values[key]) for key, pattern in self.values.items())
        )


_GOOGLE = re.compile(rb'"type":\s*"service_account"')
_KUBECONFIG = re.compile(rb"^kind: Config\s*$", re.MULTILINE)
_REPOSITORY = ("argocd.argoproj.io/secret-type", "repository")

_SNOWFLAKE = {
    "SNOWFLAKE_ACCOUNT": f"{EXTRA}account",
    "SNOWFLAKE_USER": "login",
}
_OF_SNOWFLAKE = {
    "SNOWFLAKE_DATABASE": f"{EXTRA}database",
    "SNOWFLAKE_SCHEMA": "schema",
    "SNOWFLAKE_WAREHOUSE": f"{EXTRA}warehouse",
    "SNOWFLAKE_ROLE": f"{EXTRA}role",
}

KEY_SETS = (
    # Amazon
    KeySet(
        "aws",
        {"AWS_ACCESS_KEY_ID": "login", "AWS_SECRET_ACCESS_KEY": "password"},
        {
            "AWS_SESSION_TOKEN": f"{EXTRA}aws_session_token",
            "AWS_DEFAULT_REGION": f"{EXTRA}region_name",
            "AWS_ENDPOINT_URL": f"{EXTRA}endpoint_url",
            "AWS_ROLE_ARN": f"{EXTRA}role_arn",
        },
    ),
    KeySet("aws", {"accesskey": "login", "secretkey": "password"}, is_exact=True),  # Flux
    KeySet(  # Crossplane, Upbound's AccessKey of IAM
        "aws",
        {"username": "login", "password": "password", "attribute.secret": "", "attribute.ses_smtp_password_v4": ""},
        is_exact=True,
    ),
    KeySet(  # Crossplane, Upbound's ReplicationGroup. A token requires TLS.
        "redis",
        {"primary_endpoint_address": "host", "port": "port", "attribute.auth_token": "password"},
        extra={"ssl": True},
    ),
    # Azure
    KeySet(
        "azure",
        {"AZURE_CLIENT_ID": "login", "AZURE_CLIENT_SECRET": "password", "AZURE_TENANT_ID": f"{EXTRA}tenantId"},
        {"AZURE_SUBSCRIPTION_ID": f"{EXTRA}subscriptionId"},
    ),
    KeySet(  # Flux
        "azure",
        {"clientId": "login", "clientSecret": "password", "tenantId": f"{EXTRA}tenantId"},
        is_exact=True,
    ),
    KeySet("wasb", {"AZURE_STORAGE_ACCOUNT": "login", "AZURE_STORAGE_KEY": "password"}),
    *(
        KeySet("wasb", {key: f"{EXTRA}connection_string"}, values={key: re.compile(rb"(?:^|;)AccountName=")})
        for key in ("AZURE_STORAGE_CONNECTION_STRING", "attribute.primary_connection_string")
    ),
    # Google
    *(
        KeySet("google_cloud_platform", {key: f"{EXTRA}keyfile_dict"}, values={key: _GOOGLE})
        for key in ("key.json", "serviceaccount", "private_key")
    ),
    KeySet(  # Crossplane, Upbound's Redis instance with TLS
        "redis",
        {"host": "host", "port": "port", "attribute.auth_string": "password", "server_ca_certs_0_cert": ""},
        extra={"ssl": True},
        is_exact=True,
    ),
    # Kubernetes: vcluster, and Crossplane's GKE and AKS
    *(
        KeySet("kubernetes", {key: f"{EXTRA}kube_config"}, values={key: _KUBECONFIG})
        for key in ("config", "kubeconfig")
    ),
    # Argo CD
    KeySet(
        "git",
        {"url": "host", "sshPrivateKey": f"{EXTRA}private_key"},
        {"type": "conn_type", "insecure": f"{SETTING}insecure"},
        label=_REPOSITORY,
    ),
    KeySet(
        "git",
        {
            "url": "host",
            "githubAppID": f"{EXTRA}github_app_id",
            "githubAppInstallationID": f"{EXTRA}github_installation_id",
            "githubAppPrivateKey": f"{EXTRA}private_key",
        },
        {"type": "conn_type"},
        label=_REPOSITORY,
    ),
    # Others
    KeySet("databricks", {"DATABRICKS_HOST": "host", "DATABRICKS_TOKEN": "password"}),
    KeySet(
        "databricks",
        {"DATABRICKS_HOST": "host", "DATABRICKS_CLIENT_ID": "login", "DATABRICKS_CLIENT_SECRET": "password"},
        extra={"service_principal_oauth": True},
    ),
    KeySet("github", {"GITHUB_TOKEN": "password"}),
    KeySet("pagerduty", {"PAGERDUTY_TOKEN": "password"}),
    KeySet("slack", {"SLACK_BOT_TOKEN": "password"}),
    KeySet("slack", {"token": "password"}, values={"token": re.compile(rb"^xox[bp]-")}, is_exact=True),  # Flux
    KeySet(  # Flux
        "slackwebhook",
        {"address": "password"},
        values={"address": re.compile(rb"^https://hooks\.slack\.com/services/")},
        is_exact=True,
    ),
    KeySet("snowflake", {**_SNOWFLAKE, "SNOWFLAKE_PASSWORD": "password"}, _OF_SNOWFLAKE),
    KeySet(
        "snowflake",
        {**_SNOWFLAKE, "SNOWFLAKE_PRIVATE_KEY_RAW": f"{EXTRA}private_key_content"},
        {**_OF_SNOWFLAKE, "PRIVATE_KEY_PASSPHRASE": "password"},
    ),
)


def key_sets_with(names: Set[str]) -> list[KeySet]:
    """Return the formats of which a Secret has all keys."""
    return [each for each in KEY_SETS if each.keys.keys() <= names]


def key_set_of(candidates: Iterable[KeySet], labels: Mapping[str, str], values: Mapping[str, bytes]) -> KeySet | None:
    """Return the format of a Secret; ``None`` if it has none, or several.

    Args:
        values: those that are not blank, by data key.
    """
    found = [each for each in candidates if each.applies(labels, values)]
    return found[0] if len(found) == 1 else None
