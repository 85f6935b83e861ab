"""Parsers of values whose form identifies their meaning, or that contain several fields.

Each parser returns the fields in a value. The keys of the result are names of fields, and names in ``extra`` with the
prefix ``extra.``. The values of fields are strings. If the value has another form, the result is ``None``.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from airflow_kubernetes_secrets.formats.aliases import URI
from airflow_kubernetes_secrets.formats.settings import PLAIN, with_newlines
from airflow_kubernetes_secrets.formats.usability import AIRFLOW_FIELDS
from airflow_kubernetes_secrets.messages.listing import first_names
from airflow_kubernetes_secrets.process import importing

# The prefix of a setting. Which of them a hook uses depends on the connection type, which an annotation may contain.
SETTING = "setting."

# Returns the fields in a value; ``None`` if the value has another form.
ValueParser = Callable[[str], Mapping[str, Any] | None]

# The schemes of URIs whose type Airflow's providers know. Other URIs, such as those of web pages, can mean anything.
_SCHEMES = ("postgres", "postgresql", "mysql", "mariadb", "mongodb", "redis", "rediss", "valkey", "valkeys")

# The field of each name in JSON that Airflow's SecretsManagerBackend for AWS reads. If several names are for one field,
# the first one in the JSON counts. AWS itself writes `dbname` for its databases.
# https://airflow.apache.org/docs/apache-airflow-providers-amazon/stable/secrets-backends/aws-secrets-manager.html
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
JSON_NAMES: Mapping[str, tuple[str, ...]] = {
    "conn_type": ("conn_type", "conn_id", "connection_type", "engine"),
    "host": ("host", "remote_host", "server"),
    "login": ("login", "user", "username", "user_name"),
    "password": ("password", "pass", "key"),
    "port": ("port", "dbport"),
    "schema": ("schema", "database", "dbname"),
    "extra": ("extra",),
}
_FIELD = {name: field for field, names in JSON_NAMES.items() for name in names}

# The types of JSON that the value of each field may have.
_ACCEPTED: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(JSON_NAMES, (str, type(None))),
    "port": (str, int, type(None)),
    "extra": (str, dict, type(None)),
}

# Other names that AWS writes. The connection does not need them.
UNNEEDED_IN_JSON = ("masterarn", "dbInstanceIdentifier", "dbClusterIdentifier")


# The longest kubeconfig, in characters, without a line `kind: Config`. Parsing 100,000 characters takes two seconds.
_LONGEST_OTHER_YAML = 20_000


def parser_if_true(name: str, text: str) -> ValueParser:
    """Return the parser of a value that turns on a setting of the hook if it is ``true``."""
    return lambda value: {name: text} if value.strip() == "true" else {}


def parser_of_word(expected: str) -> ValueParser:
    """Return the parser of a word, in any case, that only identifies the format."""
    return lambda value: {} if value.strip().lower() == expected else None


def private_key_of_snowflake(value: str) -> Mapping[str, Any]:
    """Read a private key, which can have ``\\n`` in the place of each newline."""
    return {"extra.private_key_content": with_newlines(value)}


def parser_of_prefix(*prefixes: str, name: str = "") -> ValueParser:
    """Return the parser of a value that begins with one of these prefixes.

    Args:
        name: what the value contains; empty if the connection does not need it.
    """
    return lambda value: ({name: value.strip()} if name else {}) if value.startswith(prefixes) else None


def database_uri(value: str) -> Mapping[str, Any] | None:
    """Read the URI of a database or a cache, which is a connection in any key."""
    scheme, separator, _rest = value.strip().partition("://")
    return {URI: value} if separator and scheme.lower().partition("+")[0] in _SCHEMES else None


def query(value: str) -> Mapping[str, Any]:
    """Read parameters in the form of a URI's query."""
    return {f"extra.{name}": each for name, each in parse_qsl(value)}


def https(value: str) -> Mapping[str, Any] | None:
    """Read the URL of a server with TLS, as Airflow's OpenSearchHook needs it."""
    return {"extra.use_ssl": True, "extra.verify_certs": True} if value.startswith("https://") else None


def endpoint_url(value: str) -> Mapping[str, Any]:
    """Read the URL of a server that is compatible with Amazon S3. A host without a protocol is not one."""
    url = value.strip()
    return {"extra.endpoint_url": url} if url.startswith(("https://", "http://")) else {}


def vault_address(value: str) -> Mapping[str, Any] | None:
    """Read the URL of a Vault server. ``VaultHook`` builds the URL from its parts.

    https://developer.hashicorp.com/vault/docs/commands#vault_addr
    """
    found = re.fullmatch(r"(https?)://([^/:]+)(?::([0-9]+))?/?", value.strip())
    return found and {"extra.use_tls": found[1] == "https", "host": found[2]} | ({"port": found[3]} if found[3] else {})


def oci_registry(value: str) -> Mapping[str, Any] | None:
    """Read the URL of a repository in an OCI registry. The connection is to the registry."""
    found = re.match(r"oci://([^/]+)", value)
    return found and {"host": found[1]}


def docker_config(value: str) -> Mapping[str, Any] | None:
    """Read the credentials for one registry in Docker's configuration.

    Kubernetes also accepts ``auth`` without the padding of base64.

    https://kubernetes.io/docs/concepts/configuration/secret/#docker-config-secrets
    """
    found = _object(value)
    registries = found.get("auths", found)
    if not isinstance(registries, dict) or len(registries) != 1:
        return None
    [(host, entry)] = registries.items()
    if not isinstance(entry, dict):
        return None
    try:
        encoded = "".join(entry["auth"].split()).rstrip("=")
        user, _colon, password = b64decode(encoded + "=" * (-len(encoded) % 4)).decode().partition(":")
    except (AttributeError, KeyError, TypeError, ValueError):
        user = password = ""
    fields = {"host": host, "login": entry.get("username") or user, "password": entry.get("password") or password}
    if not all(isinstance(each, str) and each for each in fields.values()):
        return None
    return fields | ({"extra.email": entry["email"]} if entry.get("email") else {})


def mysql_dsn(value: str) -> Mapping[str, Any] | None:
    """Read the DSN of Go's driver for MySQL: ``user:password@tcp(host:port)/database?parameter=…``.

    https://github.com/go-sql-driver/mysql#dsn-data-source-name
    """
    pattern = r"([^:]*):(.*)@tcp\((\[[^\]()]+\]|[^:()]+)(?::([0-9]+))?\)/([^/?]*)(?:\?(.*))?"
    found = re.fullmatch(pattern, value.strip(), re.DOTALL)
    if found is None:
        return None
    tls = {name.lower(): each for name, each in parse_qsl(found[6] or "")}.get("tls", "")
    # The port is a field of its own, because the host can be in another key.
    fields = {"login": found[1], "password": found[2], "host": found[3].strip("[]"), "schema": found[5]}
    return fields | ({"port": found[4]} if found[4] else {}) | ({"extra.tls": tls} if tls else {})


def stackexchange_redis(value: str) -> Mapping[str, Any] | None:
    """Read the connection string of Azure's Redis: ``host:port,password=…,ssl=True``.

    https://stackexchange.github.io/StackExchange.Redis/Configuration
    """
    address, _comma, rest = value.partition(",")
    options = {name.lower(): each for name, _equals, each in (part.partition("=") for part in rest.split(","))}
    if "=" in address or not options.get("password"):
        return None
    return {"host": address, "password": options["password"], "extra.ssl": options.get("ssl", "").lower() == "true"}


def discord_webhook(value: str) -> Mapping[str, Any] | None:
    """Read the URL of a webhook of Discord, which its hook needs in two parts."""
    found = re.fullmatch(r"(https://discord(?:app)?\.com/api/)(webhooks/[0-9]+/[A-Za-z0-9_-]+)", value.strip())
    return found and {"host": found[1], "extra.webhook_endpoint": found[2]}


def teams_webhook(value: str) -> Mapping[str, Any] | None:
    """Read the URL of a webhook of Microsoft Teams. Its query is the credential.

    https://fluxcd.io/flux/components/notification/providers/#microsoft-teams
    """
    pattern = r"https://[^/?#@]+\.(?:logic\.azure\.com|webhook\.office\.com)(?::[0-9]+)?/\S+"
    return {"host": value.strip()} if re.fullmatch(pattern, value.strip()) else None


def openai_organization(value: str) -> Mapping[str, Any]:
    """Read the organization for OpenAI's client, whose arguments ``OpenAIHook`` reads in ``extra``."""
    return {"extra.openai_client_kwargs": {"organization": value.strip()}}


def github_installation(value: str) -> Mapping[str, Any] | None:
    """Read the id of an installation of a GitHub App, which ``GithubHook`` accepts only as a number."""
    text = value.strip()
    return {"extra.installation_id": int(text)} if text.isascii() and text.isdecimal() and len(text) < 20 else None


def azure_storage(value: str) -> Mapping[str, str] | None:
    """Read a connection string of Azure's storage.

    https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string
    """
    return {"extra.connection_string": value} if re.search(r"(?:^|;)AccountName=", value) else None


def google_key(value: str) -> Mapping[str, str] | None:
    """Read the key file of a Google service account.

    https://cloud.google.com/iam/docs/keys-create-delete
    """
    return {"extra.keyfile_dict": value} if _object(value).get("type") == "service_account" else None


def kubeconfig(value: str) -> Mapping[str, str] | None:
    """Read a kubeconfig, which is YAML or JSON.

    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    """
    if re.search(r"^kind: Config\s*$", value, re.MULTILINE):
        return {"extra.kube_config": value}
    if "Config" not in value or "clusters" not in value:
        return None
    if found := _object(value):
        return {"extra.kube_config": value} if found.get("kind") == "Config" else None
    if len(value) > _LONGEST_OTHER_YAML:
        return None
    with importing.lock:
        from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, mapping, read_yaml
    try:
        documents = [document for _line, document in read_yaml(value)]
    except UnreadableError:
        return None
    is_one = len(documents) == 1 and mapping({"": documents[0]}, "").get("kind") == "Config"
    return {"extra.kube_config": value} if is_one else None


def secrets_manager_json(value: str) -> Mapping[str, Any] | None:
    """Read JSON with names that Airflow's backend for AWS Secrets Manager accepts, and Airflow does not."""
    found = _object(value)
    return None if found.keys() <= JSON_NAMES.keys() else _fields_of_json(found)


def database_json(value: str) -> Mapping[str, Any] | None:
    """Read JSON with names of Airflow or AWS. If it has a type and a host, it is a connection in any key."""
    fields = _fields_of_json(_object(value))
    return fields if fields is not None and fields.get("conn_type") and fields.get("host") else None


def _fields_of_json(found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    fields: dict[str, Any] = {}
    settings = {}
    for name, each in found.items():
        if name in _FIELD:
            if each is not None:
                fields.setdefault(_FIELD[name], each)
        elif name in PLAIN:
            settings[name] = each if isinstance(each, str) else json.dumps(each)
        elif name not in UNNEEDED_IN_JSON:
            return None
    if isinstance(fields.get("port"), int):
        fields["port"] = str(fields["port"])
    if isinstance(fields.get("extra"), dict):
        fields["extra"] = json.dumps(fields["extra"])
    if not all(isinstance(each, str) for each in fields.values()):
        return None
    return fields | {f"{SETTING}{name}": each for name, each in settings.items()}


def unread_names(value: str) -> Mapping[str, tuple[str, str]]:
    """Return the names in JSON that are not read because another name of the field comes first, with another value.

    Returns:
        the field and the name that is read, by name.
    """
    read: dict[str, str] = {}
    unread = {}
    found = _object(value)
    for name, each in found.items():
        field = _FIELD.get(name, "")
        if field in ("", "conn_type", "extra") or each is None:
            continue
        first = read.setdefault(field, name)
        if str(found[first]) != str(each):
            unread[name] = (field, first)
    return unread


def problem_of_json(value: str) -> str:
    """Return why JSON with names of AWS makes no connection; empty if it has no such name, or no such problem."""
    found = _object(value)
    if found.keys() <= {*AIRFLOW_FIELDS} or not found.keys() & (_FIELD.keys() - AIRFLOW_FIELDS):
        return ""
    foreign = [name for name in found if name not in _FIELD and name not in PLAIN and name not in UNNEEDED_IN_JSON]
    if foreign:
        return (
            f"the connection's JSON has unknown fields: {first_names(map(repr, foreign), len(foreign))}. Its other "
            "names are those of AWS Secrets Manager, which can be read without these. Remove them, move them into "
            "'extra', or store each field in its own key, in a Secret without other connections"
        )
    invalid = [name for name, each in found.items() if name in _FIELD and not isinstance(each, _ACCEPTED[_FIELD[name]])]
    if invalid:
        names = first_names(map(repr, invalid), len(invalid))
        return (
            f"the connection's JSON has names whose values must be strings: {names}. Put the values in quotation marks"
        )
    return ""


def _object(value: str) -> Mapping[str, Any]:
    """Return a JSON object; an empty one if the value is none."""
    if not value.lstrip().startswith("{"):
        return {}
    try:
        found: dict[str, Any] = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return found
