"""Generated and real connections: what Airflow's parsers may find in a Secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

FIELDS = ("conn_type", "description", "login", "password", "host", "port", "schema", "extra")

SCALARS: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 5, 5432, 65536, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**300),
    *(0.0, -0.0, 5432.0, 5432.5, 1e3, 1e308, float("nan"), float("inf"), float("-inf")),
    *(
        "",
        " ",
        "\n",
        "0",
        "5432",
        " 5432 ",
        "5432.0",
        "5_432",
        "-5",
        "\u0665\u0664\u0663\u0662",
        "0x10",
        "true",
        "null",
        "[]",
        "{}",
        "[1]",
    ),
    *('""', '"a"', "5", "NaN", '{"a": 1}', '{"a": NaN}', ' {"a": {"b": [1, null]}} ', '{"a": "b"', "{'a': 'b'}"),
    *(
        '{"a": 1, "a": 2}',
        "plain",
        "näme",
        "日本",
        "\x00",
        "\ufeff{}",
        "a b",
        "a/b?c#d@e:f",
        "%40%zz",
        "h:5432",
        "\U0001f600",
    ),
    *("https://h", "postgres://u:p@h/d", "a://b://c", "://", "x-y", "x_y", "POSTGRES", "postgresql", "-", "@"),
    *("\ud800", "a\udfff", "\ud800://h", "h://\ud800", '{"a": "\\ud800"}', '{"a": ["\\ud800"]}', '{"\\ud800": 1}'),
    *('{"a": "\ud800"}', "9" * 5000, '{"a": ' + "9" * 5000 + "}", "[" * 5000, '{"a":' * 5000, "a" * 5000),
    '{"a":' * 300 + "1" + "}" * 300,
)
CONTAINERS: tuple[Any, ...] = (
    *([], {}, [1], [None], ["a"], ["-"], ["://"], [[]], {"a": 1}, {"": ""}, {"-": 1}, {"a": None}, {"a": "b"}),
    *({"a": {"b": {"c": [1, 2.5, True, None, "x"]}}}, {"a": "\ud800"}, {"a": {"b": "\ud800"}}, {"a": {"\ud800": 1}}),
    *({"\ud800": 1}, {"__extra__": "{}"}, {"a": float("nan")}, {"password": "x", "token": ["y"]}, {"a": 10**300}),
)
GOOD: dict[str, tuple[Any, ...]] = {
    "conn_type": ("postgres", "postgresql", "http", "aws", "google-cloud-platform", "my_type", "generic"),
    "description": ("text", ""),
    "login": ("user", "", "u@x", "ü"),
    "password": ("hunter2", "", "a/b?c#d@e:f%", "päss"),
    "host": ("db.example.com", "https://example.com/x", "10.0.0.1", "::1", "h1,h2", ""),
    "port": (5432, "5432", 5432.0, None, 0, ""),
    "schema": ("public", "", "https"),
    "extra": ({}, "", "{}", {"sslmode": "require"}, '{"sslmode": "require"}', {"a": {"b": [1, 2]}}, None),
}
UNKNOWN = (
    "username",
    "user",
    "uri ",
    "URI",
    "Host",
    "conn_id",
    "id",
    "self",
    "cls",
    "extra_dejson",
    "extra__x",
    "",
    "ä",
)
URIS = (
    *(
        "postgres://u:p@h:5432/db?sslmode=require",
        "http://https://example.com",
        "my-type://",
        "x://h",
        "//h/db",
        "h:5432",
    ),
    *(
        "postgres:db",
        "a://b://c://d",
        "",
        " postgres://h",
        "my_type://h",
        "POSTGRES://u:p@h/d",
        "{",
        "{}",
        "\ud800://h",
    ),
    *("postgres://u:p\ud800@h/d", "postgres://u:p@h/\ud800", "postgres://h/?a=\ud800", "postgres://h/#\ud800"),
)

SCHEMES = (
    *("postgres", "postgresql", "http", "https", "HTTP", "google-cloud-platform", "a+b", "a.b", "mongodb+srv", "x"),
    *("my_type", "7z", "", "ä", "po\nst", "a b", "jdbc:postgresql", "{x"),
)
SEPARATORS = ("://",) * 12 + (":", "//", ":/", "", ":////", "://://")
USERS = (
    "",
    "u:p@",
    "u@",
    ":p@",
    "u:@",
    "a:b:c@",
    "u%40x:p%2Fw@",
    "ü:é@",
    "u:p@x@",
    "u:p/x@",
    "u:p?x@",
    "u:p#x@",
    "u:p://x@",
    "[u]:p@",
)
HOSTS = (
    *(
        "h",
        "db.example.com",
        "10.0.0.1",
        "[::1]",
        "[::1",
        "::1",
        "[v1.x]",
        "[x]",
        "h%2Fx",
        "%2Fcloudsql%2Fa",
        "h1:1,h2:2",
    ),
    *(
        "",
        "HOST",
        "bücher.de",
        "℀.com",
        "h%zz",
        "h h",
        "h\th",
        "*",
        "https://h",
        "http://h",
        "ftp://h:21",
        "postgres://h",
    ),
)
PORTS = (
    "",
    "",
    ":5432",
    ":0",
    ":",
    ":65535",
    ":65536",
    ":-1",
    ":x",
    ":+1",
    ": 1",
    ":\u0665",
    ":5432.0",
    ":" + "9" * 5000,
)
PATHS = ("", "/", "/db", "/a/b", "/%2F", "/db%20x", "//x", "/ä", "/a:b", "/x://y")
QUERIES = (
    *(
        "",
        "?",
        "?a=b",
        "?a",
        "?a=",
        "?=b",
        "?a=b&a=c",
        "?a=b;c=d",
        "?a=%7B%22b%22%3A1%7D",
        "?a=[1,2]",
        "?a=5&b=true",
        "?a=NaN",
    ),
    *("?__extra__=", "?__extra__=%7B%22a%22%3A%201%7D", '?__extra__={"a":{"b":1}}', "?__extra__=[1]", "?__extra__=5"),
    *("?__extra__=plain", "?__extra__={&a=b", "?__extra__=%22%5Cud800%22", "?__extra__=%7B%22a%22%3A%22%5Cud800%22%7D"),
    *("?__extra__=%7B%22a%22%3A%5B%22%5Cud800%22%5D%7D", "?a=%22%5Cud800%22", "?a=%5B%22%5Cud800%22%5D", "?a=%5Cud800"),
    *(
        "?a=" + "9" * 5000,
        "?a=" + "[" * 5000,
        "?__extra__=" + "9" * 5000,
        "?__extra__=%7B%22a%22%3A" + "9" * 5000 + "%7D",
    ),
    *("?url=https://x", "?url=https%3A%2F%2Fx", "?a=%ff%fe", "?a=ä#frag", "#f", "#a@b", "?a=" + "x" * 5000, "? a = b "),
)
AROUND = (
    "",
    "",
    "",
    "",
    " ",
    "\n",
    "\t",
    "\r\n",
    "\u00a0",
    "\u2003",
    "\ufeff",
    "\x1c",
    "\x01",
    "\x00",
    "\u200b",
    "'",
    '"',
)

# Half of a longer value could be nested nearly as deep as Python's limit, which depends on the caller.
_LONGEST_DAMAGED = 500

BROKEN = (
    *("", " ", "\n\t", "{", "{}", " {} ", "{} x", "[]", "null", "5", '"x"', "{'a': 1}", '{"a"}', '{"conn_type": "x",}'),
    *(
        '{"conn_type": "x"} // y',
        "{" * 5000,
        '{"a": ' + "[" * 100_000,
        '{"extra": ' + "9" * 5000 + "}",
        "hunter2",
        "h:5432",
    ),
    *(
        '{"conn_type": "x", "conn_type": "y"}',
        '{"port": "x", "port": 1, "conn_type": "y"}',
        '{"password": 1, "password": "x"}',
    ),
    *(
        '{"host": NaN}',
        '{"port": Infinity}',
        '{"port": -Infinity}',
        '{"port": 1e999}',
        '{"port": 5432.0}',
        '{"port": 1E2}',
    ),
    *('\ufeff{"conn_type": "x"}', '{"conn_type": "x"}\x00', '{"conn_type": "\t"}', '{"conn_type": "x"}\ufeff'),
    *(
        "user:pw@tcp(h:3306)/db",
        "jdbc:postgresql://h/db",
        "Server=h;Password=p",
        "-----BEGIN X-----\nabc\n-----END X-----",
    ),
    *("postgres://ü:" + "ß" * 1000 + "@h", "postgres://u:p@h/" + "ß" * 5000, "a" * 5000 + "://h"),
)


def connections(seed: int, count: int) -> Iterator[str]:
    """Yield strings that a Secret may contain as a connection. The same seed gives the same strings."""
    random = Random(seed)  # the same values in each run, not values that are hard to guess
    yield from BROKEN
    yield from _one_field_each()
    makers: tuple[Callable[[Random], str], ...] = (
        _fields,
        _fields,
        _one_wrong,
        _with_uri,
        _uri,
        _uri,
        _plain_uri,
        _damaged,
    )
    for _ in range(count):
        text = random.choice(makers)(random)
        yield random.choice(AROUND) + text + random.choice(AROUND) if random.random() < 0.3 else text


def _one_field_each() -> Iterator[str]:
    """Yield every type in every field, alone and in a connection."""
    for name in (*FIELDS, "uri", "team_name", *UNKNOWN):
        for value in (*SCALARS, *CONTAINERS):
            yield json.dumps({name: value})
            yield json.dumps({"conn_type": "postgres", "host": "h", name: value})
            yield (
                json.dumps({"conn_type": "postgres", "host": "h", name: value}, ensure_ascii=False)
                .encode("utf-8", "replace")
                .decode()
            )
    for name in FIELDS:
        for value in (*SCALARS, *CONTAINERS):
            yield json.dumps({"uri": "postgres://u:p@h/db", name: value})


def _any(random: Random) -> Any:
    kind = random.random()
    if kind < 0.5:
        return random.choice(SCALARS)
    if kind < 0.7:
        return random.choice(CONTAINERS)
    if kind < 0.85:
        return _nested(random, 0)
    return "".join(random.choices('ab{}[]":,/@?#%&=\\ 01ß\n', k=random.randrange(12)))


def _nested(random: Random, level: int) -> Any:
    if level > 4 or random.random() < 0.4:
        return random.choice(SCALARS)
    if random.random() < 0.5:
        return [_nested(random, level + 1) for _ in range(random.randrange(3))]
    return {str(_nested(random, 9)): _nested(random, level + 1) for _ in range(random.randrange(3))}


def _good(random: Random) -> dict[str, Any]:
    names = [name for name in FIELDS if random.random() < 0.6]
    return {name: random.choice(GOOD[name]) for name in random.sample(names, len(names))}


def _dumped(random: Random, fields: dict[str, Any]) -> str:
    pairs = list(fields.items())
    if pairs and random.random() < 0.1:
        pairs.append((random.choice(pairs)[0], _any(random)))  # a repeated key: the last one counts
    parts = (f"{json.dumps(name)}: {_json(random, value)}" for name, value in pairs)
    return "{" + random.choice((", ", ",", ",\n ")).join(parts) + "}"


def _json(random: Random, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=random.random() < 0.5)
    # A Secret can contain text that UTF-8 cannot encode only as an escape sequence.
    return (
        text
        if text.isascii()
        else "".join(json.dumps(each)[1:-1] if "\ud800" <= each <= "\udfff" else each for each in text)
    )


def _fields(random: Random) -> str:
    return _dumped(random, _good(random))


def _one_wrong(random: Random) -> str:
    fields = {"conn_type": "postgres", **_good(random)}
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        names = (*FIELDS, *FIELDS, "uri", "team_name", random.choice(UNKNOWN))
        fields[random.choice(names)] = _any(random)
    return _dumped(random, fields)


def _with_uri(random: Random) -> str:
    uri = random.choice(URIS) if random.random() < 0.5 else _uri(random)
    fields = {"uri": _any(random) if random.random() < 0.2 else uri}
    if random.random() < 0.6:
        name = random.choice((*FIELDS, "team_name"))
        fields[name] = random.choice((None, "", 0, False, [], {}, "x", 5432, {"a": 1}))
    return _dumped(random, fields)


def _plain_uri(random: Random) -> str:
    user, path = random.choice(("", "u:p@", "u%40:p%2F@")), random.choice(("", "/", "/db"))
    return f"{random.choice(SCHEMES[:6])}://{user}{random.choice(HOSTS)}{random.choice(PORTS[:6])}{path}{random.choice(QUERIES)}"


def _uri(random: Random) -> str:
    parts = (SCHEMES, SEPARATORS, USERS, HOSTS, PORTS, PATHS, QUERIES)
    return "".join(map(random.choice, parts))


def _damaged(random: Random) -> str:
    text = random.choice((_fields, _with_uri, _uri))(random)
    if len(text) > _LONGEST_DAMAGED:
        return text
    at = random.randrange(len(text) + 1)
    what = random.choice(
        ("", "{", "}", '"', "\\", "://", "@", ":", "/", "%", "\n", "\x00", "ß", "[", "]", ",", "\ufeff")
    )
    return text[:at] + what + text[at + random.randrange(2) :]
