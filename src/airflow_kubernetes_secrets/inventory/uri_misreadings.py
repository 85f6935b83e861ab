"""Warnings for the URI that a connection is built from: parts of its scheme and query that no hook reads as meant."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from airflow_kubernetes_secrets.formats.aliases import CONNECTION_TYPES, URI, connection_type
from airflow_kubernetes_secrets.formats.connection import parsed_uri
from airflow_kubernetes_secrets.formats.fields import fields_of
from airflow_kubernetes_secrets.formats.hook_adjustments import BARE_HOST
from airflow_kubernetes_secrets.formats.reading import IN_FIELDS
from airflow_kubernetes_secrets.formats.remedies import in_extra, set_type
from airflow_kubernetes_secrets.formats.single_key import extra_of
from airflow_kubernetes_secrets.formats.uri import REPEATED, SECURE, unread_security
from airflow_kubernetes_secrets.formats.usability import EXTRA_IN_QUERY
from airflow_kubernetes_secrets.formats.web_servers import SPEAK_HTTP, WEB
from airflow_kubernetes_secrets.kubernetes.objects import Secret
from airflow_kubernetes_secrets.messages.listing import first_names, quoted
from airflow_kubernetes_secrets.messages.problem import Problem, Severity
from airflow_kubernetes_secrets.messages.problem_codes import ProblemCode

HOOK_MISREADS: Final = "hook-misreads"
REPEATED_PARAMETER: Final = "repeated-parameter"

# The names in extra that HttpHook uses itself. It sends all other names as headers.
_OF_HTTP = frozenset(
    (
        *("stream", "cert", "proxies", "proxy", "timeout", "verify", "verify_ssl", "allow_redirects", "max_redirects"),
        *("trust_env", "check_response", "srv_lookup"),
    )
)

# Other names for TLS in extra, of hooks that are not known here.
_IS_FOR_TLS = re.compile("ssl|tls|secur|encrypt|verify|scheme|protocol", re.IGNORECASE)

# Types whose hooks read one protocol, and the schemes of others that are equivalent for them.
_SCHEMES: Mapping[str, Collection[str]] = {
    **dict.fromkeys(BARE_HOST, ()),
    **dict.fromkeys(SPEAK_HTTP, WEB),
    **dict.fromkeys(("ssh", "sftp"), ("ssh", "sftp")),
    "kafka": ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
    "smtp": ("smtps",),
    "imap": ("imaps",),
    "ftp": ("ftps",),
}
# Other schemes may be those of compatible servers (cockroachdb), or specify the transport (tcp).
_OF_ONE_TYPE = frozenset((*_SCHEMES, *CONNECTION_TYPES.values(), *SECURE, "amqp", "ldap", "mqtt", "ws"))


def warning_with_key(code: ProblemCode, secret: Secret, key: str, text: str) -> Problem:
    """Return a warning about a part of a connection.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
    """
    where = f"Secret {secret}" if key == IN_FIELDS else f"Secret {secret}, key {quoted(key)}"
    return Problem(code, f"{where}: {text}", Severity.WARNING)


def problems_of_uri(secret: Secret, key: str, whole: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield warnings about the query and the scheme of the URI, if there is one.

    Args:
        key: the key that holds the whole connection, or ``IN_FIELDS``.
        whole: the content of that key, or else the connection as JSON.
        connection: the fields of Airflow's JSON, with those from annotations.
    """
    yield from _problems_of_query(secret, key, whole, connection)
    if key == IN_FIELDS:
        yield from _problems_of_scheme(secret, connection)


def _problems_of_query(secret: Secret, key: str, whole: str, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield warnings about parameters of a URI's query that get lost.

    A name without a value may be a credential, so only names with a value are shown.
    """
    query = _query_of(secret, key, whole)
    counts = Counter(name for name, _value in query)
    shown = {name: repr(name) for name, value in query if value.strip("= ")}
    is_ours = key == IN_FIELDS

    def named(names: Collection[str]) -> str:
        found = [shown[name] for name in names if name in shown]
        return first_names(found, len(found)) or "a parameter"

    repeated = [name for name, count in counts.items() if count > 1 and not (is_ours and name.lower() == REPEATED)]
    if repeated:
        target = in_extra(secret, key) if is_ours else " in extra of JSON"
        yield warning_with_key(
            REPEATED_PARAMETER,
            secret,
            key,
            f"the query of the URI has {named(repeated)} more than once, and only the last value counts. Write it "
            f'once; a list goes{target}: {{"name": ["a", "b"]}}',
        )
    if not is_ours and EXTRA_IN_QUERY in counts and len(counts) > 1:
        yield warning_with_key(
            HOOK_MISREADS,
            secret,
            key,
            f"Airflow ignores {named(counts.keys() - {EXTRA_IN_QUERY})} if {EXTRA_IN_QUERY!r} is in the query "
            "of the URI. Write all of it in that",
        )
    headers = [name for name in shown if name not in _OF_HTTP]
    if is_ours and headers and connection.get("conn_type") == "http":
        yield warning_with_key(
            HOOK_MISREADS,
            secret,
            key,
            f"HttpHook sends {named(headers)} of the URI's query as headers, not as a query. Pass them to the "
            "operator in its endpoint or data",
        )


def problem_of_other_type(secret: Secret, conn_type: str) -> Problem | None:
    """Return the warning that the URI, from which the connection is built, has the scheme of another type."""
    fields = fields_of(secret)
    if conn_type not in _SCHEMES or URI not in fields.keys or not fields.have_type:
        return None
    uri = parsed_uri(secret, fields)
    if uri is None or uri.scheme.partition("+")[0] in _SCHEMES[conn_type]:
        return None
    meant = connection_type(uri.scheme)
    if meant == conn_type or meant not in _OF_ONE_TYPE:
        return None
    return warning_with_key(
        HOOK_MISREADS,
        secret,
        IN_FIELDS,
        f"the connection type is {conn_type!r}, and the scheme of the URI is that of another type, so parts of the URI "
        f"have no effect or another meaning. {set_type(secret, '', meant)}; or store the URI of a server of this type",
    )


def _problems_of_scheme(secret: Secret, connection: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a warning if the scheme of the URI, or the type in a key, has a part for TLS that no hook reads."""
    fields = fields_of(secret)
    for field, what in (("conn_type", "type"), (URI, "scheme of the URI")):
        key = fields.keys.get(field)
        if key is None or key in fields.parsers:
            continue
        word = secret.value(key).partition(b"://")[0].decode("utf-8", "replace").strip()
        security = unread_security(word)
        is_lost = word.lower() in SECURE and word.lower() not in WEB
        if field == URI and is_lost and connection_type(word) != connection.get("conn_type"):
            security = word.lower()
        if not security or any(map(_IS_FOR_TLS.search, extra_of(connection))):
            continue
        if field != URI or parsed_uri(secret, fields) is not None:
            yield warning_with_key(
                HOOK_MISREADS,
                secret,
                IN_FIELDS,
                f"nothing reads {security!r} in the {what}, so the connection may be without TLS. Write what its hook "
                f"reads for TLS{in_extra(secret, IN_FIELDS)}",
            )


def _query_of(secret: Secret, key: str, whole: str) -> Sequence[tuple[str, str]]:
    """Return the names and values in the query of the URI that a connection is made from."""
    if key == IN_FIELDS:
        fields = fields_of(secret)
        if URI not in fields.keys or b"?" not in secret.value(fields.keys[URI]):
            return ()  # most Secrets have no query, and parsing a URI a second time takes time
        uri = parsed_uri(secret, fields)
        return uri.query if uri is not None else ()
    text = whole.strip()
    if text.startswith("{"):
        text = json.loads(text).get(URI) or ""
    return parse_qsl(urlsplit(text).query, keep_blank_values=True)
