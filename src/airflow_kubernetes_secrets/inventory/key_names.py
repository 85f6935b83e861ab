"""What the name of a key or of an entry of ``extra`` suggests: a host, a credential, a setting for TLS …

Names are compared in the form of ``folded``, in which ``-`` is ``_``.
"""

from __future__ import annotations

import re
from binascii import Error
from collections.abc import Mapping
from typing import Any

from airflow_kubernetes_secrets.formats.aliases import folded
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.kubernetes.objects import Secret

# Patterns for the names that operators and people give to keys.
TLS = re.compile(
    r"(?:^|[._])(?:ssl|tls|mtls)|(?:ssl|tls)_?(?:mode|enabled|verify)$|truststore|keystore|root_?cert"
    r"|(?:^|[._])(?:ca|ca_?cert|ca_?certificate|ca_?bundle|client_?cert|client_?key|server_?ca)(?:[._]|$)"
    r"|(?:^|[._])(?:encrypt|encrypted|encryption|secure)$|wallet(?:\.zip)?$|^cert(?:ificate)?$"
    r"|security[._]?protocol|channel_?binding|^pg(?:require)?ssl"
    r"|^secure_connection$|(?:use|require|enable|force|enforce)_?(?:ssl|tls)|secure_?transport|\.(?:crt|pem|p12|pfx|jks|sso)$"
    r"|(?:client|user|server)[._]key$|(?:^|[._])(?:use_?|enable_?)?https(?:_?enabled)?$"
)
HOST = re.compile(
    r"(?:hosts?|host_?name|server_?name|(?:private|public)_?ip|fqdn|fullyqualifieddomainname|(?:^|[._])(?:addr|ip|(?:sub_?)?domain)|ip_?address|endpoints?|servers?"
    r"|brokers?|contact_?points|(?:^|[._])(?:nodes|sentinels|seeds|cloud_?id)|cloud\.id|bootstrap|registry|uri|url|connection_?string|(?:^|[._])(?:unix_?)?socket(?:_?(?:path|file|dir))?)$"
)
# Credentials that a hook may use instead of a password. Certificates are in `TLS`.
CREDENTIAL = re.compile(
    r"(?:passwords?|passwd|passphrase|pwd|(?:^|[._])(?:pass|pw|auth)|auth_?string|token|secret|api_?key|access_?key"
    r"|jaas[._]config|secret_?key|secret_?id|(?:^|[._])jwt|(?:account|storage|primary|shared)_?key|private_?key(?:_?(?:b64|base64|pem))?|credentials?|(?:^|[._])(?:identity|id_(?:rsa|dsa|ecdsa|ed25519))"
    r"|private_?key_?(?:file|path)|key_?file|rsa_key|\.p8|\.ppk|pass_?file"
    r"|pgpass|authorization|(?:^|[._])bearer|cookie|subscription_?key)$"
)
# A password of the names in `formats/aliases.py` and `formats/env_names.py`.
PASSWORD = re.compile(
    r"^(?:(?:pg|postgres|postgresql|mysql|mariadb|wordpress_db|mongo|mongodb|db|database)_?)?pass(?:word|wd)?$"
)
# What is neither a credential nor a setting for one, although its name suggests nothing else here.
_NO_CREDENTIAL = re.compile(
    r"(?:^|[._])(?:comment|description|notes?|labels?|tags?|env|environment|stage|region|zone|location|name|namespace"
    r"|version|owner|team|project|app|application|purpose|status|expir\w*|expires?_?(?:at|in|on)?|created\w*|updated\w*"
    r"|rotat\w*|dir|directory|folder|path|queue|cluster|mode|shell|bucket|method|format"
    r"|proxy|retries|accept|accept_language|content_type|user_agent|charset|encoding|timezone|tz|language|locale|provider|arn|id|dialect|driver|adapter)$"
    r"|name$|_id$|_arn$|(?:^|[._])pub(?:lic)?(?:$|[._])|public_?key|schema|search_?path|catalog|timeout|pool|max_|min_"
)
_SETTING = re.compile(rb"\s*(?:true|false|yes|no|on|off|null|none|[0-9]{1,5})?\s*", re.IGNORECASE)
# A private key of SSH, which is no password.
PRIVATE_KEY = re.compile(
    r"(?:private_?key(?:_?(?:file|path|b64|base64|pem))?|key_?file|rsa_key|\.p8|\.ppk|identity|(?:^|[._])id_(?:rsa|dsa|ecdsa|ed25519))$"
)
DATABASE = re.compile(
    r"(?:database|database_?name|db_?name|dbname|schema_?name|service_?name|keyspace|keyspace_?name|(?:^|[._])(?:db|sid)"
    r"|(?:database|db)_?(?:index|number))$"
)
# The database of the types that have one (Django: `NAME`). For others, it can be anything.
NAME = re.compile("^name$")
# HttpHook reads the scheme of its addresses in the schema.
SCHEME = re.compile("^(?:scheme|protocol)$")
# `servicePort` and `mysqlPort`, but not other words.
PORT = re.compile(r"(?<!re)(?<!im)(?<!ex)(?<!sup)(?<!trans)(?<!pass)port$")
OPTIONS = re.compile("^(?:options|srv|autocommit)$")
# What a server can accept instead of a password, in `extra`: a token of AWS, a file of libpq, a certificate, Kerberos.
IN_PLACE_OF_PASSWORD = (
    *("iam", "service", "passfile", "sslcert", "tlsCertificateKeyFile", "authMechanism", "auth_mechanism", "auth"),
    *("auth_type", "auth_method", "gss_auth", "krbsrvname", "managed_identity_client_id"),
)
# The passphrase of a private key, which can be next to a password.
PASSPHRASE = re.compile("passphrase$")
LOGIN = re.compile(
    r"(?:user|user_?name|user_?id|login|uid|(?:client|access_?key|role|account)_?id|^e_?mail|(?:^|[._])(?:usr|role|role_?name))$"
)

# A Sentinel of Redis, and the name of the server that it watches.
SENTINEL = re.compile(r"sentinel|^master_?(?:name|set|group)$")

# The keys of servers for SSH.
KNOWN_HOSTS = re.compile(r"known_?hosts$|fingerprint$")

# The domain of a login for Windows, and the share of a file server, which its hook reads in the schema.
DOMAIN = re.compile(r"^(?:windows_?|ad_?)?domain(?:_?name)?$")
SHARE = re.compile(r"^share(?:_?name)?$")

# The file with the users of a Redis server.
USERS_OF_REDIS = re.compile(r"(?:^|[._])(?:users?_?)?acl(?:_?file|\.conf)?$")

# How a client proves its identity: LDAP, Kerberos.
MECHANISM = re.compile(
    r"(?:auth_?mech(?:anism)?|log_?mech|auth_?method|auth_?type|^authentication|^(?:kerberos_?)?(?:keytab|principal))$"
)

# An instance of SQL Server, and the path of a web address: parts of the host for their hooks.
INSTANCE = re.compile(r"^instance(?:_?name)?$")
PATH = re.compile(r"^(?:(?:base|context|url)_?)?path$")

# The method of logging in to a server for mail, and the values with which a password is enough.
METHOD_OF_MAIL = re.compile(r"^auth(?:_?(?:mode|mechanism))?$")
_WITH_PASSWORD = (b"login", b"plain", b"password", b"basic", b"true", b"1", b"yes", b"on")

# The types of OpenSSH's certificates, with which each begins.
# https://github.com/openssh/openssh-portable/blob/V_9_9_P1/PROTOCOL.certkeys
_CERTIFICATE = re.compile(
    rb"\s*(?:sk-)?(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp(?:256|384|521))-cert-v0[01]@openssh\.com\s"
)

# The roles of settings for TLS: one of them does not replace another.
_ROLES: Mapping[str, re.Pattern[str]] = {
    "root certificate": re.compile(
        r"(?:^|[._])ca(?:$|[._])|^ca|ca_?(?:certs?|file|path|bundle|certificate)|root|trust"
    ),
    "certificate": re.compile(r"(?:ssl|tls|client|user)[._]?_?(?:cert|crt)|certificate|keystore|^cert$|cert_?file"),
    "key": re.compile(r"(?:ssl|tls|client|user)[._]?_?key|(?:private|certificate)_?key|keystore|key_?file|^key$"),
}
# `scheme`, `protocol` and `security` are about TLS with one of these values.
_PROTOCOL = re.compile(r"(?:^|[._])(?:scheme|protocol|security)$")
_WITH_TLS = re.compile(
    rb"\s*(?:https|tls|ssl|tcps|ldaps|amqps|smtps|imaps|ftps|wss|rediss|starttls|force_tls|\S*\+(?:s|ssc|ssl|tls|https))\s*"
)
_OFF = (b"", b"false", b"0", b"no", b"off", b"disable", b"disabled", b"null", b"none")

# The beginning of a URI, including a URI within another (jdbc:postgresql://…).
_URI = re.compile(rb"\s*[A-Za-z][A-Za-z0-9+.:-]{1,40}://")


def suggests(name: str, names: re.Pattern[str]) -> bool:
    """Return whether a name suggests one of the meanings above."""
    return names.search(folded(name)) is not None


def roles_of_tls(name: str) -> frozenset[str]:
    """Return what a key or an entry of ``extra`` with a name for TLS is: certificates, or else ``mode``."""
    return frozenset(role for role, names in _ROLES.items() if names.search(folded(name))) or frozenset(("mode",))


def is_for_tls(secret: Secret, key: str) -> bool:
    """Return whether a key may switch TLS on or is needed for it, by its name and value."""
    is_protocol = suggests(key, _PROTOCOL)
    if not is_protocol and not suggests(key, TLS):
        return False
    try:
        value = secret.value(key)
    except Error:
        return not is_protocol  # not valid base64
    if _WITH_TLS.fullmatch(value.lower()):
        return True
    if folded(key).endswith("disabled"):
        return False  # it switches TLS off, or nothing
    return not is_protocol and value.strip().lower() not in _OFF


def may_contain_host(secret: Secret, key: str) -> bool:
    """Return whether a key may contain the host of the connection, by its name or because its value is a URI."""
    return suggests(key, HOST) or _is_uri(secret, key)


def has_in_extra(connection: Mapping[str, Any], names: re.Pattern[str]) -> bool:
    """Return whether ``extra`` of a connection has a name that suggests a meaning."""
    return any(suggests(name, names) for name in extra_of(connection))


def has_credential(connection: Mapping[str, Any]) -> bool:
    """Return whether the connection has a password, or a credential in another place in which some hooks expect it."""
    in_schema = connection.get("conn_type") == "azure_service_bus" and connection.get("schema")
    in_string = extra_of(connection).get("connection_string")
    return bool(connection.get("password") or in_schema or in_string) or has_in_extra(connection, CREDENTIAL)


def has_address(connection: Mapping[str, Any]) -> bool:
    """Return whether the connection has a host, or an address in another field in which some hooks expect it."""
    extra = extra_of(connection)
    in_extra = (each for name, each in extra.items() if suggests(name, HOST))
    others = (connection.get("login"), connection.get("schema"), *in_extra)
    has_host = bool(connection.get("host") or extra.get("bootstrap.servers"))
    return has_host or any(isinstance(each, str) and "://" in each for each in others)


def _is_uri(secret: Secret, key: str) -> bool:
    """Return whether the value of a key begins like a URI."""
    try:
        return _URI.match(secret.value(key)) is not None
    except Error:
        return False  # not valid base64


def is_off(secret: Secret, key: str) -> bool:
    """Return whether a value switches something off, or is empty."""
    try:
        return secret.value(key).strip().lower() in _OFF
    except Error:
        return False  # not valid base64


def is_with_password(secret: Secret, key: str) -> bool:
    """Return whether a value is a method of logging in with a password, or none."""
    try:
        return secret.value(key).strip().lower() in (*_WITH_PASSWORD, *_OFF)
    except Error:
        return False  # not valid base64


def may_be_credential(secret: Secret, key: str) -> bool:
    """Return whether a key may contain a credential, because neither its name nor its value is of anything else."""
    known = (HOST, DATABASE, PORT, OPTIONS, SCHEME, LOGIN, MECHANISM, KNOWN_HOSTS, TLS, _NO_CREDENTIAL)
    if any(suggests(key, names) for names in known):
        return False
    try:
        return _SETTING.fullmatch(secret.value(key)) is None
    except Error:
        return False  # not valid base64


def is_certificate_of_ssh(secret: Secret, key: str) -> bool:
    """Return whether a key contains a certificate of OpenSSH, by its value or by the name of its file."""
    try:
        return folded(key).endswith("_cert.pub") or _CERTIFICATE.match(secret.value(key)) is not None
    except Error:
        return False  # not valid base64


def is_path(secret: Secret, key: str) -> bool:
    """Return whether a value is a path, which ``extra`` can contain."""
    return begins_with(secret, key, b"/")


def begins_with(secret: Secret, key: str, beginning: bytes) -> bool:
    """Return whether a value begins like this, after white space."""
    try:
        return secret.value(key).lstrip().startswith(beginning)
    except Error:
        return False  # not valid base64
