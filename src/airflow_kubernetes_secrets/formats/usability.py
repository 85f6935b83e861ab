"""Decide whether Airflow can use a stored connection. Lookups, commands and the page all use this decision.

Airflow has several parsers, in different versions and in different parts of one version. Some of their errors occur
only in ``get_uri()``, which Airflow calls in each lookup. The rules in this module describe what those parsers do.
``tests/verdicts`` compares them with Airflow 2.11 and 3.3 on thousands of values.

This module imports nothing of Airflow, because it runs in every lookup of a connection that is not in memory.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from airflow_kubernetes_secrets.messages.listing import first_names

# The parts of Airflow that read a connection, in the words of a message.
AIRFLOW_2 = "Airflow 2"
SERVICES = "the scheduler, API server and commands of Airflow 3"
TASKS = "tasks and DAG files of Airflow 3 that read Secrets themselves"
API_TASKS = "tasks of Airflow 3 that get it from Airflow's API server"
OF_AIRFLOW_2 = (AIRFLOW_2,)
OF_AIRFLOW_3 = (SERVICES, TASKS, API_TASKS)
EVERYONE = (*OF_AIRFLOW_2, *OF_AIRFLOW_3)
# Tasks that request a connection from Airflow's API server get the result of that server's parser.
_BY_SERVICES = (SERVICES, API_TASKS)

# The fields that Airflow's Connection accepts in JSON:
# https://airflow.apache.org/docs/apache-airflow/stable/howto/connection.html#json-format-example
AIRFLOW_FIELDS = ("conn_type", "description", "login", "password", "host", "port", "schema", "extra")
_ALSO_TAKEN = ("uri", "team_name")

# The name in the query of a URI under which Airflow stores the whole of ``extra``.
EXTRA_IN_QUERY = "__extra__"

EXTRA_IS_NO_OBJECT = (
    'the connection\'s \'extra\' is not a JSON object such as {"sslmode": "require"}, so hooks would read nothing '
    "from it"
)

# The remedy for JSON that Python refuses: a number of thousands of digits, or objects and lists in too many levels.
_PARSABLE = "Use fewer levels of nesting, and write long numbers in quotation marks"

# The most characters before the path of a URI, unless all of them are ASCII. Python normalizes the others, in a time
# that can grow with the square of their number.
_LONGEST_AUTHORITY = 4096

# The most levels of objects and lists in ``extra``. Airflow walks through them with a recursive function, which Python
# stops at 1,000 calls, including those of the caller.
_MOST_LEVELS = 500

# A string of this length has neither more digits than Python converts nor more levels than Python parses.
_SHORT = 500

# The integers that a message to another process can contain (MessagePack).
_PORTS_OF_MESSAGES = range(-(2**63), 2**64)

_SURROGATES = "[\ud800-\udfff]"
_CONTROLS = "".join(map(chr, range(0x21)))


class Objection:
    """A reason why some parts of Airflow cannot use a connection.

    Attributes:
        problem: the field and the remedy, without a value.
        unusable_by: the parts that cannot use the connection, out of :data:`EVERYONE`.
    """

    __slots__ = ("problem", "unusable_by")

    def __init__(self, problem: str, unusable_by: Sequence[str] = EVERYONE) -> None:
        self.problem = problem
        self.unusable_by = unusable_by

    def __str__(self) -> str:
        if len(self.unusable_by) == len(EVERYONE):
            return self.problem
        return f"{self.problem}. It cannot be used by {'; '.join(self.unusable_by)}"


def objections(stored: str) -> tuple[Objection, ...]:
    """Return why parts of Airflow cannot use a connection; empty if every part can.

    Args:
        stored: an Airflow URI or JSON, as stored in the Secret.
    """
    text = stored.strip()  # as Airflow does
    if not text:
        return (Objection("the connection is blank. Store it as a URI or JSON"),)
    return tuple(_objections_to_json(text) if text.startswith("{") else _objections_to_uri(text))


def are_from_everyone(found: Sequence[Objection]) -> bool:
    """Return whether no part of any version of Airflow can use the connection."""
    return {reader for each in found for reader in each.unusable_by} == {*EVERYONE}


def problem_of_objections(found: Sequence[Objection]) -> str:
    """Return the problem of a connection that no part can use: one that all parts share, or else all problems."""
    shared = [each for each in found if len(each.unusable_by) == len(EVERYONE)]
    return str(shared[0]) if shared else ". ".join(map(str, found))


def _objections_to_json(text: str) -> Iterator[Objection]:
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        problem = f"the connection is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        yield Objection(problem)
        return
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or deeply nested lists.
        yield Objection(f"Python cannot parse the connection's JSON ({type(error).__name__}). {_PARSABLE}")
        return
    unknown = [name for name in fields if name not in AIRFLOW_FIELDS and name not in _ALSO_TAKEN]
    if unknown:
        yield Objection(
            f"the connection's JSON has unknown fields: {first_names(map(repr, unknown), len(unknown))}; the fields "
            f"are {', '.join(AIRFLOW_FIELDS)}. Rename them, move them into 'extra', or store each field in its own "
            "key, in a Secret without other connections"
        )
    if "team_name" in fields:
        yield Objection(
            "the connection's JSON has the field 'team_name'. Remove it; a label of the Secret specifies the team",
            (AIRFLOW_2, TASKS),
        )
    uri = fields.get("uri")
    if uri:
        yield from _objections_to_uri_in_json(uri, fields)
        return
    if uri is not None:
        yield Objection("the connection's 'uri' is empty. Remove that field from its JSON", (TASKS,))
    yield from _objections_to_fields(fields)


def _objections_to_uri_in_json(uri: object, fields: Mapping[str, Any]) -> Iterator[Objection]:
    """Yield the objections to JSON with a URI in the field ``uri``, which Airflow accepts if no other field is set."""
    port = _port_number(fields.get("port"))
    other_fields = [
        name for name in AIRFLOW_FIELDS if fields.get(name) and (name != "port" or port != 0) and name != "description"
    ]
    if other_fields:
        yield Objection(_mixed(other_fields))
    # Tasks count every field that is present, even an empty one, except for these three, which count if they have a
    # value.
    other_fields = [
        name
        for name in AIRFLOW_FIELDS
        if name in fields and (fields[name] or name not in ("conn_type", "port", "extra"))
    ]
    if other_fields:
        yield Objection(_mixed(other_fields), (TASKS,))
    if not isinstance(uri, str):
        yield Objection(_not_text("uri"))
        return
    yield from _objections_to_uri(uri)


def _mixed(other_fields: Sequence[str]) -> str:
    names = ", ".join(map(repr, other_fields))
    return (
        f"the connection's JSON has both 'uri' and {names}. Airflow accepts one or the other: put everything into one "
        "of them"
    )


def _objections_to_fields(fields: Mapping[str, Any]) -> Iterator[Objection]:
    conn_type = fields.get("conn_type")
    if not conn_type:
        yield Objection("the connection has no 'conn_type'. Add it to its JSON", (API_TASKS,))
    elif not isinstance(conn_type, str):
        yield Objection(_not_text("conn_type"))
    elif _has_surrogates(conn_type):
        yield Objection(_not_unicode("conn_type"), (API_TASKS,))
    for name in ("host", "login", "password", "schema"):
        value = fields.get(name)
        if value is None:
            continue
        if isinstance(value, str):
            yield from _objections_to_text(name, value)
        elif value or name == "login":
            yield Objection(_not_text(name))
        else:
            # Most parts treat zero and the like as missing. This part uses the value as it is.
            yield Objection(_not_text(name), (TASKS,) if name == "password" else (API_TASKS,))
    yield from _objections_to_port(fields.get("port"))
    yield from _objections_to_extra(fields.get("extra"))


def _objections_to_text(name: str, value: str) -> Iterator[Objection]:
    if not _has_surrogates(value):
        return
    # ``get_uri()`` does not encode a protocol before the host.
    in_protocol = name == "host" and "://" in value and not _has_surrogates(value.partition("://")[2])
    yield Objection(_not_unicode(name), (API_TASKS,) if in_protocol else EVERYONE)


def _not_text(name: str) -> str:
    return f"the connection's {name!r} is not a string. Write it in quotation marks"


def _not_unicode(name: str) -> str:
    return (
        f"the connection's {name!r} contains half of a surrogate pair (\\ud800 to \\udfff), which UTF-8 cannot encode. "
        "Remove the escape, or write both halves"
    )


def _objections_to_port(port: Any) -> Iterator[Objection]:
    if not port:
        return
    number = _port_number(port)
    if number is None:
        yield Objection("the connection's port is not a number. Write only digits, such as 5432")
    elif number not in _PORTS_OF_MESSAGES:
        yield Objection("the connection's port number is too large. Write a port from 1 to 65535", (API_TASKS,))


def _port_number(port: Any) -> int | None:
    """Return the number that Airflow reads, also from ``5432.0`` and ``" 5432 "``; ``None`` if it reads none."""
    try:
        return int(port)
    except (ValueError, TypeError, OverflowError):
        return None


def _objections_to_extra(extra: Any) -> Iterator[Objection]:
    if not extra:
        return
    if isinstance(extra, str):
        if _has_surrogates(extra):
            yield Objection(_not_unicode("extra"))
            return
        try:
            extra = json.loads(extra)
        except json.JSONDecodeError:
            # The other parts log the error, and continue without ``extra``.
            yield Objection(EXTRA_IS_NO_OBJECT, _BY_SERVICES)
            return
        except (ValueError, RecursionError) as error:
            kind = type(error).__name__
            yield Objection(f"Python cannot parse the JSON of the connection's 'extra' ({kind}). {_PARSABLE}")
            return
    if not isinstance(extra, dict):
        yield Objection(EXTRA_IS_NO_OBJECT)
    elif _is_deep(extra):
        yield Objection(
            f"the connection's 'extra' has objects or lists nested more than {_MOST_LEVELS} levels deep. Use fewer "
            "levels"
        )
    elif _has_surrogates("".join(_texts((*extra, *extra.values())))):
        yield Objection(_not_unicode("extra"))
    elif _has_surrogates("".join(_inner_texts(extra))):
        # Airflow 2's log masker encodes each nested string. ``get_uri()`` encodes Python's notation of objects and
        # lists, in which surrogates are escaped.
        yield Objection(_not_unicode("extra"), (AIRFLOW_2,))


def _objections_to_uri(text: str) -> Iterator[Objection]:
    before, separator, rest = text.partition("://")
    if not text.isascii() and len(re.split("[/?#]", rest, maxsplit=1)[0]) > _LONGEST_AUTHORITY:
        yield Objection(
            f"the connection's URI has more than {_LONGEST_AUTHORITY} characters before its path, and not all of them "
            "are ASCII: percent-encode login and password"
        )
        return
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        scheme = ""
        if _is_scheme(before):
            yield Objection(_NOT_TAKEN_APART)
            return
    if not scheme or not _without_controls(text).lower().startswith(f"{scheme}://"):
        yield Objection(_no_scheme(before) if separator else _no_uri(text))
        return
    protocols = text.count("://")
    rest = text.replace(f"{scheme}://", "//" if protocols == 1 else "")
    if protocols > 2 or (protocols == 2 and re.search("[@:]", rest.split("://", 1)[0])):
        yield Objection(
            "the connection's URI contains a second '://', which Airflow reads as a protocol before the host: "
            "in login, password and query it must be percent-encoded (%3A%2F%2F)"
        )
        return
    try:
        parts = urlsplit(rest)
        _ = parts.port
    except ValueError:
        yield Objection(_NOT_TAKEN_APART)
        return
    if _has_surrogates(parts.netloc + parts.path + parts.query):
        yield Objection(_not_unicode("uri"))
    elif parts.query:
        yield from _objections_to_query(dict(parse_qsl(parts.query, keep_blank_values=True)))


_NOT_TAKEN_APART = (
    "the connection's URI cannot be split into host and port: Airflow accepts one host and one port, "
    "and characters such as / ? # @ : in login and password must be percent-encoded"
)


def _objections_to_query(query: Mapping[str, str]) -> Iterator[Objection]:
    if EXTRA_IN_QUERY in query:
        yield from _objections_to_extra(query[EXTRA_IN_QUERY])
        return
    for value in query.values():
        if (len(value) > _SHORT or "\\u" in value) and (problem := _problem_of_query(value)):
            yield Objection(problem, _BY_SERVICES)
            return


def _problem_of_query(value: str) -> str:
    """Return why Airflow 3 cannot use a value in a query, which it parses as JSON if possible; empty if it can."""
    try:
        found = json.loads(value)
    except json.JSONDecodeError:
        return ""
    except (ValueError, RecursionError) as error:
        kind = type(error).__name__
        return f"Python cannot parse the JSON in the query of the connection's URI ({kind}). {_PARSABLE}"
    if _is_deep(found):
        return (
            f"the query of the connection's URI has objects or lists nested more than {_MOST_LEVELS} levels deep. Use "
            "fewer levels"
        )
    return _not_unicode("query") if isinstance(found, str) and _has_surrogates(found) else ""


_NEITHER = "the connection is neither a URI (conn-type://…) nor JSON ({…})"
_NEITHER_FORM = f"{_NEITHER}. Write it in one of these forms"

# The names in the connection strings of libpq, ODBC and ADO.NET. The end of a longer one would show no others.
_NAMES_OF_DRIVERS = (
    r"\b(host|server|data\s?source|user(?:\s?id|name)?|uid|password|pwd|database|initial\s?catalog|dbname)\s*="
)
_LONGEST_CONNECTION_STRING = 4096


def _no_scheme(before: str) -> str:
    if before and re.fullmatch(r"[\w+.-]+", before):
        return (
            "the connection's URI does not begin with a valid connection type: "
            "letters, digits, '+', '.' and '-' (write '-' for '_')"
        )
    return _NEITHER_FORM


def _no_uri(text: str) -> str:
    if _is_encoded(text):
        return (
            f"{_NEITHER}, but base64 of one. It was encoded twice: write it unencoded in stringData, or encoded once "
            "in data"
        )
    names = re.findall(_NAMES_OF_DRIVERS, text[:_LONGEST_CONNECTION_STRING], re.IGNORECASE)
    if len({*map(str.lower, names)}) < 2:
        return _NEITHER_FORM
    return (
        f"{_NEITHER}, but the connection string of a driver (name=value). Write its parts as a URI: "
        "conn-type://login:password@host:port/schema"
    )


def _is_encoded(text: str) -> bool:
    """Return whether a string is base64 of a URI or JSON."""
    start = "".join(text[:_LONGEST_CONNECTION_STRING].split())
    try:
        decoded = b64decode(start[: len(start) // 4 * 4], validate=True).decode("utf-8", "replace").strip()
    except ValueError:
        return False
    return decoded.startswith("{") or re.match("[A-Za-z][A-Za-z0-9+.-]*://", decoded) is not None


def _is_scheme(text: str) -> bool:
    return re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", text) is not None


def _without_controls(text: str) -> str:
    """Return a URI without the characters that ``urlsplit`` removes."""
    return text.lstrip(_CONTROLS).replace("\t", "").replace("\r", "").replace("\n", "")


def _has_surrogates(text: str) -> bool:
    return not text.isascii() and re.search(_SURROGATES, text) is not None


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _inner_texts(extra: Mapping[str, Any]) -> Iterator[str]:
    """Yield the strings in the objects and lists of ``extra``, but not the names."""
    waiting = [value for value in extra.values() if isinstance(value, (dict, list))]
    while waiting:
        container = waiting.pop()
        values = container.values() if isinstance(container, dict) else container
        waiting += [value for value in values if isinstance(value, (dict, list))]
        yield from _texts(values)


def _is_deep(found: Any) -> bool:
    level = [found]
    for _ in range(_MOST_LEVELS + 1):
        level = [each for each in level if isinstance(each, (dict, list))]
        if not level:
            return False
        level = [each for inner in level for each in (inner.values() if isinstance(inner, dict) else inner)]
    return True
