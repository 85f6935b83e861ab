"""Values whose format identifies them."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from airflow_kubernetes_secrets.formats import value_parsers as parsers
from airflow_kubernetes_secrets.formats.value_parsers import ValueParser

AUTH = b64encode(b"tiger:pass:1234").decode()
DISCORD = "https://discord.com/api/webhooks/123/abc_DEF-g"
TEAMS = "https://prod-12.westeurope.logic.azure.com:443/workflows/0/triggers/manual/paths/invoke?sig=x"

CASES: list[tuple[ValueParser, str, dict[str, Any] | None]] = [
    (parsers.parser_if_true("extra.x", "no"), "true", {"extra.x": "no"}),
    (parsers.parser_if_true("extra.x", "no"), "false", {}),
    (parsers.parser_of_word("oci"), "oci", {}),
    (parsers.parser_of_word("oci"), "git", None),
    (parsers.parser_of_prefix("xoxb-", "xoxp-", name="password"), "xoxp-1\n", {"password": "xoxp-1"}),
    (parsers.parser_of_prefix("xoxb-", name="password"), "1-xoxb-", None),
    (parsers.database_uri, "postgresql+psycopg2://h/d", {"uri": "postgresql+psycopg2://h/d"}),
    (parsers.database_uri, "mongodb+srv://h", {"uri": "mongodb+srv://h"}),
    (parsers.database_uri, "https://h", None),
    (parsers.database_uri, "jdbc:postgresql://h/d", None),
    (parsers.database_uri, "postgres", None),
    (
        parsers.query,
        "sslmode=require&application_name=a%20b",
        {"extra.sslmode": "require", "extra.application_name": "a b"},
    ),
    (parsers.https, "https://h", {"extra.use_ssl": True, "extra.verify_certs": True}),
    (parsers.https, "http://h", None),
    (parsers.vault_address, "https://v:8200", {"extra.use_tls": True, "host": "v", "port": "8200"}),
    (parsers.vault_address, "http://v/", {"extra.use_tls": False, "host": "v"}),
    (parsers.vault_address, "https://v/path", None),
    (parsers.oci_registry, "oci://r.example.com:5000/a/b", {"host": "r.example.com:5000"}),
    (parsers.oci_registry, "https://r.example.com", None),
    (
        parsers.docker_config,
        f'{{"auths": {{"r": {{"auth": "{AUTH}"}}}}}}',
        {"host": "r", "login": "tiger", "password": "pass:1234"},
    ),
    (
        parsers.docker_config,
        f'{{"r": {{"auth": "{AUTH}"}}}}',
        {"host": "r", "login": "tiger", "password": "pass:1234"},
    ),
    (
        parsers.docker_config,
        '{"auths": {"r": {"username": "u", "password": "p", "email": "e"}}}',
        {"host": "r", "login": "u", "password": "p", "extra.email": "e"},
    ),
    (  # without padding, as Kubernetes also accepts it, and in lines
        parsers.docker_config,
        f'{{"auths": {{"r": {{"auth": "{AUTH[:8]}\\n{AUTH[8:].rstrip("=")}\\n"}}}}}}',
        {"host": "r", "login": "tiger", "password": "pass:1234"},
    ),
    (parsers.docker_config, '{"auths": {"r": {"auth": 5}}}', None),
    (parsers.docker_config, '{"auths": {"r": {"username": "u", "password": "p"}, "s": {}}}', None),
    (parsers.docker_config, '{"auths": {"r": {"auth": "not base64"}}}', None),
    (parsers.docker_config, '{"auths": {"r": null}}', None),
    (parsers.docker_config, '{"auths": {"r": {"identitytoken": "t"}}}', None),
    (parsers.docker_config, '{"auths": []}', None),
    (parsers.docker_config, "{", None),
    (
        parsers.mysql_dsn,
        "u:p@(/x@tcp(h:3306)/d?a=b",
        {"login": "u", "password": "p@(/x", "host": "h", "port": "3306", "schema": "d"},
    ),
    (parsers.mysql_dsn, "u:p@unix(/tmp/s)/d", None),
    (parsers.mysql_dsn, "mysql://u:p@h/d", None),
    (
        parsers.stackexchange_redis,
        "h:6380,password=a=,ssl=True",
        {"host": "h:6380", "password": "a=", "extra.ssl": True},
    ),
    (parsers.stackexchange_redis, "h:6379,password=a", {"host": "h:6379", "password": "a", "extra.ssl": False}),
    (parsers.stackexchange_redis, "AccountName=a,password=b", None),
    (parsers.stackexchange_redis, "h:6380", None),
    (
        parsers.discord_webhook,
        DISCORD,
        {"host": "https://discord.com/api/", "extra.webhook_endpoint": "webhooks/123/abc_DEF-g"},
    ),
    (parsers.discord_webhook, f"{DISCORD}/github", None),
    (parsers.teams_webhook, f"{TEAMS}\n", {"host": TEAMS}),
    (parsers.teams_webhook, "https://u@h.webhook.office.com/x", None),
    (parsers.teams_webhook, "https://h/?x.logic.azure.com/x", None),
    (parsers.openai_organization, "org-1", {"extra.openai_client_kwargs": {"organization": "org-1"}}),
    (
        parsers.azure_storage,
        "DefaultEndpointsProtocol=https;AccountName=a",
        {"extra.connection_string": "DefaultEndpointsProtocol=https;AccountName=a"},
    ),
    (parsers.azure_storage, "Endpoint=sb://h/", None),
    (parsers.google_key, '{"type": "authorized_user"}', None),
    (parsers.kubeconfig, "kind: ConfigMap", None),
    (parsers.database_json, '{"engine": "mysql"}', None),
    (parsers.secrets_manager_json, "[]", None),
    (parsers.secrets_manager_json, '{"engine": "mysql", "host": 5}', None),
]


@pytest.mark.parametrize(
    ("parse", "value", "fields"), CASES, ids=[f"{each[0].__name__} {each[1][:30]}" for each in CASES]
)
def test_parsers_of_values(parse: ValueParser, value: str, fields: dict[str, Any] | None) -> None:
    assert parse(value) == fields


CLUSTERS = '[{"name": "c", "cluster": {"server": "https://k"}}]'


@pytest.mark.parametrize(
    "text",
    [
        "kind: Config\nclusters: []\n",
        f'{{"apiVersion": "v1", "kind": "Config", "clusters": {CLUSTERS}}}',
        f'{{\n  "clusters": {CLUSTERS},\n  "kind": "Config"\n}}\n',
        f"clusters: {CLUSTERS}\n'kind': \"Config\"\n",
        "  clusters: []\n  kind:   Config   # the kind\n",
        "---\n# written by a tool\nclusters: []\n? kind\n: Config\n",
        "{clusters: [], kind: Config}",
        "kind: Config\r\nclusters: []\r\n",
    ],
)
def test_a_kubeconfig_in_any_notation(text: str) -> None:
    assert parsers.kubeconfig(text) == {"extra.kube_config": text}


@pytest.mark.parametrize(
    "text",
    [
        "kind: ConfigMap\nclusters: []\n",
        '{"kind": "Secret", "clusters": "Config"}',
        "a kind of Config for clusters",
        "- clusters\n- Config\n",
        "clusters: [\n'kind': Config",
        "kind: Deployment\nclusters: []\n---\nkind: 'Config'\n",
        "",
    ],
)
def test_values_that_are_not_a_kubeconfig(text: str) -> None:
    assert parsers.kubeconfig(text) is None


def test_a_large_value_is_parsed_only_if_it_is_a_kubeconfig() -> None:
    """Parsing other YAML of this size would take ten seconds in each lookup."""
    large = "".join(f"- Config clusters {number}: [a, b]\n" for number in range(20_000))

    assert parsers.kubeconfig(large) is None
    assert parsers.kubeconfig(f"{{{'kind: Config, clusters: [],' * 20_000}}}") is None
    assert parsers.kubeconfig(f"kind: Config\nclusters:\n{large}") is not None
