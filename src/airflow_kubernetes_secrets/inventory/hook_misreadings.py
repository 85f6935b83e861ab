"""Warnings for connections that Airflow accepts, but that the hook of a provider silently misreads.

Each rule describes the code of a hook in the releases that docs/reference/formats.md names. If a connection is built
from several keys, ``formats/hook_adjustments.py`` avoids these cases.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_kubernetes_secrets.errors import MalformedSecretError
from airflow_kubernetes_secrets.formats.aliases import URI
from airflow_kubernetes_secrets.formats.connection import connection_json
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.hook_adjustments import BARE_HOST, OF_SNOWFLAKE, WITH_PASSWORD
from airflow_kubernetes_secrets.formats.hosts import is_ipv6
from airflow_kubernetes_secrets.formats.parameters import MYSQL_CONNECTOR
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.remedies import or_store
from airflow_kubernetes_secrets.inventory.database_misreadings import RULES_OF_DATABASES
from airflow_kubernetes_secrets.inventory.driver_parameters import refused_parameters
from airflow_kubernetes_secrets.inventory.hook_connection import HookConnection, Rule, hook_connection, plain_host
from airflow_kubernetes_secrets.inventory.ignored_fields import ignored_fields
from airflow_kubernetes_secrets.inventory.needed_fields import (
    PRINCIPALS_OF_DATABRICKS,
    TOKENS_OF_DATABRICKS,
    needed_fields,
)
from airflow_kubernetes_secrets.inventory.private_keys import PRIVATE_KEYS_OF_HOOKS, is_encrypted_key
from airflow_kubernetes_secrets.inventory.servers_with_tls import servers_with_tls
from airflow_kubernetes_secrets.inventory.uri_misreadings import (
    HOOK_MISREADS,
    problem_of_other_type,
    problems_of_uri,
    warning_with_key,
)
from airflow_kubernetes_secrets.inventory.web_misreadings import RULES_OF_WEB_SERVERS
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import quoted
from airflow_kubernetes_secrets.messages.problem import Problem

# Characters that neither the name of a host has, nor an address, nor a list of these.
_IN_NO_HOST = re.compile(r"[\s\x00-\x1f\"'`;{}()<>|*?#&=$!^~+]")

# The types whose hooks pass the host to a driver, or build a URL of it.
_WITH_NAME_OF_HOST = BARE_HOST | {"elasticsearch", "opensearch", "gremlin", "ibmdb2", "azure_analysis_services"}

# https://www.rfc-editor.org/rfc/rfc8314#section-3.2
_PORT_OF_IMAP_WITHOUT_TLS = 143

# The types whose hooks write the port into a URL or a DSN, also if there is none, and the port of their servers.
_NEEDED_PORTS = {"drill": 8047, "druid": 8082, "exasol": 8563, "jenkins": 8080}

# The fields, and the names in extra, of each method of logging in.
# https://github.com/simple-salesforce/simple-salesforce#examples
_METHODS_OF_SALESFORCE = (
    {"login", "password", "security_token"},
    {"login", "password", "organization_id"},
    {"login", "password", "consumer_key", "consumer_secret"},
    {"login", "consumer_key", "private_key"},
    {"login", "consumer_key", "private_key_file_path"},
    {"consumer_key", "consumer_secret", "domain"},
)

_BEGIN_OF_PRIVATE_KEY = re.compile(r"^\s*-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*$", re.MULTILINE)
# https://www.rfc-editor.org/rfc/rfc4716#section-4
_FINGERPRINT = re.compile(r"\s*(?:SHA256:|MD5:|[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}:)")

# The fields of a connection, and the properties of librdkafka for them.
_SASL = {"login": "sasl.username", "password": "sasl.password"}


def problems_of_hooks(secret: Secret, key: str, whole: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield warnings where a hook misreads a connection.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        whole: the content of that key, or else the connection as JSON.
        connection: the fields of Airflow's JSON, with those from annotations. Some part of Airflow can use it.
    """
    of_other_type = problem_of_other_type(secret, str(connection.get("conn_type"))) if key == IN_FIELDS else None
    if of_other_type is not None:
        yield of_other_type
        return
    for what, remedy in _misread(hook_connection(secret, key, connection)):
        # The key `uri` is read with the rules for URIs of operators, which may avoid the problem.
        hint = ""
        if key not in (IN_FIELDS, URI) and not whole.strip().startswith("{") and _is_right_as_uri(whole.strip()):
            hint = f". Or store the URI under the key {URI!r} instead of {quoted(key)}"
        yield warning_with_key(HOOK_MISREADS, secret, key, f"{what}. {remedy}{hint}")
    yield from problems_of_uri(secret, key, whole, connection)


def _misread(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield what the hook of this connection type misreads, each with the remedy."""
    found = [each for rule in _RULES.get(connection.conn_type, ()) for each in rule(connection)]
    found += ignored_fields(connection)
    # What is in the wrong field may be what the hook needs.
    yield from found or needed_fields(connection)
    yield from servers_with_tls(connection)
    if connection.conn_type in _WITH_NAME_OF_HOST:
        yield from _address(connection)
    if connection.extra.get("client") != MYSQL_CONNECTOR:
        yield from refused_parameters(connection.secret, connection.conn_type, connection.extra)


def _is_right_as_uri(uri: str) -> bool:
    """Return whether a URI makes a connection without these problems if it is stored under the key ``uri``."""
    secret = Secret("", "", "", {}, {URI: b64encode(uri.encode()).decode()})
    try:
        fields = json.loads(connection_json(secret, fields_of(secret)))
    except MalformedSecretError:
        return False
    return not any(True for _ in _misread(hook_connection(secret, IN_FIELDS, fields)))


def _address(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Yield a warning if the host is more than the name or address that the hook expects."""
    host, hook = connection.host, connection.hook
    if "://" in host:
        # A web address with a path is not read from a URI either.
        is_readable = connection.conn_type in BARE_HOST and not host.startswith(("http://", "https://", "jdbc:"))
        yield (
            f"{hook} expects the name of a host, and reads the URL in the host as one",
            'Write the parts separately: {"host": "h", "port": 1234}'
            + (or_store(connection.secret, connection.key, "the URL", URI) if is_readable else ""),
        )
    elif "@" in host:
        yield (
            f"{hook} reads the part before '@' in the host as a part of the name",
            "Write login and password in fields of their own, and the host alone",
        )
    elif host.endswith(":") and not is_ipv6(host):
        yield f"{hook} reads the ':' at the end of the host as a part of the name", "Write the host alone"
    elif "/" in host and not host.startswith("/"):
        yield f"{hook} reads the path in the host as a part of the name", "Write the host alone"
    elif not host.startswith("/") and _IN_NO_HOST.search(host):
        yield (
            f"{hook} reads a character in the host that no name or address has, such as a space or quotation mark, as "
            "a part of the name",
            "Write the host alone",
        )
    elif "," not in host and host.count(":") == 1 and not host.rpartition(":")[2].isdigit():
        yield f"{hook} reads the ':' in the host as a part of the name", "Write host and port separately"


def _kafka(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Kafka's hooks use extra as the configuration of librdkafka, and no other field."""
    extra = connection.extra
    if connection.host and not extra.get("bootstrap.servers"):
        yield (
            "Kafka's hooks ignore host and port",
            'Write them in extra: {"bootstrap.servers": "h0:9092,h1:9092"}',
        )
    elif not extra.get("bootstrap.servers"):
        yield (
            "Kafka's hooks read the servers in extra, and there are none",
            'Write them there: {"bootstrap.servers": "h:9092"}',
        )
    used = {"login": connection.login, "password": connection.password}
    fields = [field for field, name in _SASL.items() if used[field] and not extra.get(name)]
    if fields and not extra.get("sasl.oauthbearer.config"):
        yield (
            f"Kafka's hooks ignore {' and '.join(fields)}, so the connection may be without authentication",
            "Write in extra: security.protocol, sasl.mechanism, sasl.username and sasl.password",
        )


def _sasl(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """librdkafka uses SASL if ``security.protocol`` says so, and Kerberos if there is no mechanism.

    https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
    """
    extra = connection.extra
    protocol = str(extra.get("security.protocol") or "")
    mechanism = str(extra.get("sasl.mechanism") or extra.get("sasl.mechanisms") or "")
    lacking = [name for name in _SASL.values() if not extra.get(name)]
    if not protocol.upper().startswith("SASL"):
        if len(lacking) < len(_SASL):
            yield (
                "librdkafka sends neither login nor password if 'security.protocol' in extra does not begin with SASL",
                'Write it there: {"security.protocol": "SASL_SSL"}, or SASL_PLAINTEXT without TLS',
            )
    elif not mechanism:
        yield (
            "librdkafka uses Kerberos if extra has no 'sasl.mechanism' next to 'security.protocol'",
            'Write it there: {"sasl.mechanism": "PLAIN"}, or SCRAM-SHA-512',
        )
    elif mechanism != mechanism.upper():
        yield (
            "librdkafka knows mechanisms in upper case only, and 'sasl.mechanism' in extra is in lower case",
            'Write it in upper case: {"sasl.mechanism": "SCRAM-SHA-512"}',
        )
    elif mechanism in WITH_PASSWORD and lacking:
        yield (
            f"librdkafka needs {' and '.join(map(repr, lacking))} in extra for 'sasl.mechanism'",
            "Write them there, or store login and password in keys of their own, in a Secret without other connections",
        )


def _databricks(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``DatabricksHook`` uses a login and a password for basic authentication, and SQL hooks refuse them."""
    login, extra = connection.login, connection.extra
    if (
        login
        and connection.password
        and not any(extra.get(name) for name in (*PRINCIPALS_OF_DATABRICKS, *TOKENS_OF_DATABRICKS))
    ):
        yield (
            "DatabricksHook uses login and password for basic authentication, which Databricks no longer supports for "
            "users, and DatabricksSqlHook refuses them",
            "Remove the login if the password is a token. For a service principal, write in extra: "
            '{"service_principal_oauth": true}',
        )


def _with_port(connection: HookConnection) -> Iterator[tuple[str, str]]:
    if connection.host and not connection.port:
        yield (
            f"{connection.hook} uses the string 'None' as the port if there is none",
            f"Write the port, such as {_NEEDED_PORTS[connection.conn_type]}",
        )


def _imap(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``ImapHook`` begins with TLS unless ``use_ssl`` in extra is false, and has no STARTTLS."""
    if connection.port == _PORT_OF_IMAP_WITHOUT_TLS and connection.extra.get("use_ssl", True):
        yield (
            "ImapHook begins with TLS, and port 143 is that without TLS",
            'Write the port with TLS, 993; or, without TLS, in extra: {"use_ssl": false}',
        )


def _one_private_key(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """These hooks refuse a private key next to the path of one."""
    names = PRIVATE_KEYS_OF_HOOKS[connection.conn_type]
    if connection.extra.get(names.key) and connection.extra.get(names.file):
        yield (
            f"{connection.hook} refuses {names.key!r} next to {names.file!r} in extra",
            f'Remove one of them: {{"{names.key}": null}}',
        )


def _of_ssh(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """Paramiko and OpenSSH read a private key in lines, of OpenSSH or PEM; ``SSHHook`` reads a key of the server."""
    key, host_key = connection.extra.get("private_key"), connection.extra.get("host_key")
    if isinstance(key, str) and key.strip() and _BEGIN_OF_PRIVATE_KEY.search(key) is None:
        yield (
            f"{connection.hook} needs a private key of OpenSSH or PEM, in lines, and cannot use 'private_key' in extra",
            "Write the lines '-----BEGIN … PRIVATE KEY-----' to '-----END … PRIVATE KEY-----'. To convert a key of "
            "PuTTY: puttygen key.ppk -O private-openssh",
        )
    if connection.conn_type != "git" and isinstance(host_key, str) and _FINGERPRINT.match(host_key):
        yield (
            f"{connection.hook} needs the key of the server as 'host_key' in extra, not its fingerprint",
            'Write what ssh-keyscan shows: {"host_key": "ssh-ed25519 …"}',
        )


def _git(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``GitHook`` uses the host as the repository that it passes to git: a URL, ``user@host:path``, or a path."""
    host = connection.host
    extra = connection.extra
    if connection.password and extra.get("github_app_id") and extra.get("github_installation_id"):
        yield "GitHook refuses a password next to a GitHub App", "Remove the password, or the entries of the app"
    if host and not re.search("[/@:]", host):
        yield (
            "GitHook reads the host as the URL of the repository, and ignores port and schema",
            'Write the URL in the host: {"conn_type": "git", "host": "https://host/repository.git"}'
            + or_store(connection.secret, connection.key, "it", "host"),
        )


def _snowflake(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``SnowflakeHook`` reads the account in ``extra``, and ignores host and port."""
    accounts = [connection.extra.get(f"{prefix}account") for prefix in ("", "extra__snowflake__")]
    account = next((each for each in accounts if each), None)
    if isinstance(account, str) and (OF_SNOWFLAKE.search(account) or "/" in account):
        yield (
            "SnowflakeHook adds .snowflakecomputing.com to the account in extra, and reads a URL there as a part of "
            "the name",
            'Write the account alone: {"account": "organization-account"}',
        )
    elif (
        account
        and ".privatelink." in connection.host
        and "privatelink" not in f"{account}{connection.extra.get('region')}"
    ):
        yield (
            "SnowflakeHook ignores the host, so it does not use the address of AWS PrivateLink in it",
            'Write the account as in that address: {"account": "account.region.privatelink"}',
        )
    authenticator = str(connection.extra.get("authenticator") or "").lower()
    if authenticator == "oauth" and connection.extra["authenticator"] != authenticator:
        yield (
            "SnowflakeHook gets a token only for the authenticator 'oauth' in lower case",
            'Write in extra: {"authenticator": "oauth"}',
        )
    if authenticator == "externalbrowser" and not connection.extra.get("client_store_temporary_credential"):
        yield (
            "the client of SnowflakeHook opens a browser for the authenticator 'externalbrowser', which tasks do not "
            "have",
            'Use a private key, or a token in the password: {"authenticator": "programmatic_access_token"}',
        )
    if authenticator == "username_password_mfa" and not connection.extra.get("client_request_mfa_token"):
        yield (
            "the client of SnowflakeHook waits at each login for a person who confirms it",
            'Use a private key, or a token in the password: {"authenticator": "programmatic_access_token"}',
        )
    key = connection.extra.get("private_key_content")
    if connection.password and isinstance(key, str) and key.startswith("-----BEGIN ") and not is_encrypted_key(key):
        yield (
            "SnowflakeHook uses the password as the passphrase of the private key, which is not encrypted, and fails",
            "Remove the password or the key",
        )
    if not account:
        yield (
            "SnowflakeHook reads the account in extra, and there is none",
            'Write it there: {"account": "organization-account"}',
        )


def _samba(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """``SambaHook`` builds a path of the host and the share, which is the schema."""
    if re.search(r"[/\\]", connection.host):
        yield (
            "SambaHook expects the name of a host, and reads the share or the URL in the host as a part of it",
            'Write both separately: {"host": "h", "schema": "share"}',
        )


def _salesforce(connection: HookConnection) -> Iterator[tuple[str, str]]:
    """The client of ``SalesforceHook`` chooses the method of logging in by what it gets."""
    given = {name.removeprefix("extra__salesforce__") for name, value in connection.extra.items() if value}
    given |= {field for field in ("login", "password") if getattr(connection, field)}
    if not any(given.issuperset(method) for method in _METHODS_OF_SALESFORCE):
        yield (
            "SalesforceHook finds no complete method of logging in, and fails",
            'Write in extra what belongs to the login and password: {"security_token": "…"}; or consumer_key and '
            "private_key for a login; or consumer_key, consumer_secret and domain",
        )


_RULES: Mapping[str, Sequence[Rule]] = {
    **RULES_OF_DATABASES,
    **RULES_OF_WEB_SERVERS,
    "kafka": (_kafka, _sasl),
    "databricks": (_databricks,),
    **dict.fromkeys(("drill", "exasol"), (_with_port,)),
    **{conn_type: (*RULES_OF_WEB_SERVERS[conn_type], _with_port) for conn_type in ("druid", "jenkins")},
    "ssh": (plain_host(22), _one_private_key, _of_ssh),
    "sftp": (plain_host(22), _one_private_key, _of_ssh),
    "ftp": (plain_host(21),),
    "imap": (plain_host(993), _imap),
    "git": (_git, _one_private_key, _of_ssh),
    "snowflake": (_snowflake, _one_private_key),
    "samba": (_samba,),
    "salesforce": (_salesforce,),
}
