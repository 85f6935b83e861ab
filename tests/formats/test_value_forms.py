"""Values in a form that says what they are."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from airflow_kubernetes_secrets.formats import value_forms as forms
from airflow_kubernetes_secrets.formats.value_forms import Split

AUTH = b64encode(b"tiger:pass:1234").decode()
DISCORD = "https://discord.com/api/webhooks/123/abc_DEF-g"
TEAMS = "https://prod-12.westeurope.logic.azure.com:443/workflows/0/triggers/manual/paths/invoke?sig=x"

CASES: list[tuple[Split, str, dict[str, Any] | None]] = [
    (forms.if_true("extra.x", "no"), "true", {"extra.x": "no"}),
    (forms.if_true("extra.x", "no"), "false", {}),
    (forms.word("oci"), "oci", {}),
    (forms.word("oci"), "git", None),
    (forms.beginning("xoxb-", "xoxp-", name="password"), "xoxp-1\n", {"password": "xoxp-1"}),
    (forms.beginning("xoxb-", name="password"), "1-xoxb-", None),
    (forms.database_uri, "postgresql+psycopg2://h/d", {"uri": "postgresql+psycopg2://h/d"}),
    (forms.database_uri, "mongodb+srv://h", {"uri": "mongodb+srv://h"}),
    (forms.database_uri, "https://h", None),
    (forms.database_uri, "jdbc:postgresql://h/d", None),
    (forms.database_uri, "postgres", None),
    (
        forms.query,
        "sslmode=require&application_name=a%20b",
        {"extra.sslmode": "require", "extra.application_name": "a b"},
    ),
    (forms.https, "https://h", {"extra.use_ssl": True, "extra.verify_certs": True}),
    (forms.https, "http://h", None),
    (forms.vault_address, "https://v:8200", {"extra.use_tls": True, "host": "v", "port": "8200"}),
    (forms.vault_address, "http://v/", {"extra.use_tls": False, "host": "v"}),
    (forms.vault_address, "https://v/path", None),
    (forms.oci_registry, "oci://r.example.com:5000/a/b", {"host": "r.example.com:5000"}),
    (forms.oci_registry, "https://r.example.com", None),
    (
        forms.docker_config,
        f'{{"auths": {{"r": {{"auth": "{AUTH}"}}}}}}',
        {"host": "r", "login": "tiger", "password": "pass:1234"},
    ),
    (forms.docker_config, f'{{"r": {{"auth": "{AUTH}"}}}}', {"host": "r", "login": "tiger", "password": "pass:1234"}),
    (
        forms.docker_config,
        '{"auths": {"r": {"username": "u", "password": "p", "email": "e"}}}',
        {"host": "r", "login": "u", "password": "p", "extra.email": "e"},
    ),
    (forms.docker_config, '{"auths": {"r": {"username": "u", "password": "p"}, "s": {}}}', None),
    (forms.docker_config, '{"auths": {"r": {"auth": "not base64"}}}', None),
    (forms.docker_config, '{"auths": {"r": null}}', None),
    (forms.docker_config, '{"auths": {"r": {"identitytoken": "t"}}}', None),
    (forms.docker_config, '{"auths": []}', None),
    (forms.docker_config, "{", None),
    (
        forms.mysql_dsn,
        "u:p@(/x@tcp(h:3306)/d?a=b",
        {"login": "u", "password": "p@(/x", "host": "h:3306", "schema": "d"},
    ),
    (forms.mysql_dsn, "u:p@unix(/tmp/s)/d", None),
    (forms.mysql_dsn, "mysql://u:p@h/d", None),
    (forms.stackexchange_redis, "h:6380,password=a=,ssl=True", {"host": "h:6380", "password": "a=", "extra.ssl": True}),
    (forms.stackexchange_redis, "h:6379,password=a", {"host": "h:6379", "password": "a", "extra.ssl": False}),
    (forms.stackexchange_redis, "AccountName=a,password=b", None),
    (forms.stackexchange_redis, "h:6380", None),
    (
        forms.discord_webhook,
        DISCORD,
        {"host": "https://discord.com/api/", "extra.webhook_endpoint": "webhooks/123/abc_DEF-g"},
    ),
    (forms.discord_webhook, f"{DISCORD}/github", None),
    (forms.teams_webhook, f"{TEAMS}\n", {"host": TEAMS}),
    (forms.teams_webhook, "https://u@h.webhook.office.com/x", None),
    (forms.teams_webhook, "https://h/?x.logic.azure.com/x", None),
    (forms.openai_organization, "org-1", {"extra.openai_client_kwargs": {"organization": "org-1"}}),
    (
        forms.azure_storage,
        "DefaultEndpointsProtocol=https;AccountName=a",
        {"extra.connection_string": "DefaultEndpointsProtocol=https;AccountName=a"},
    ),
    (forms.azure_storage, "Endpoint=sb://h/", None),
    (forms.google_key, '{"type": "authorized_user"}', None),
    (forms.kubeconfig, "kind: ConfigMap", None),
    (forms.database_json, '{"engine": "mysql"}', None),
    (forms.secrets_manager_json, "[]", None),
    (forms.secrets_manager_json, '{"engine": "mysql", "host": 5}', None),
]


@pytest.mark.parametrize(
    ("split", "value", "fields"), CASES, ids=[f"{each[0].__name__} {each[1][:30]}" for each in CASES]
)
def test_a_value(split: Split, value: str, fields: dict[str, Any] | None) -> None:
    assert split(value) == fields
