"""Parts that several formats have in common."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from fuzz.canary import CANARY

# Characters that some reader treats differently.
TEXTS = st.text("aZ09-_./:@?#%&=,;!()[]{}<>|*+^$'\"\\ \t\n\r\0\x1b\x7fä漢💥\u2028\ud800", max_size=12)

WORDS = st.sampled_from(["a", "app", "shop", "x1", "A-b_c.d", "", "0", "true", "null", "a" * 64])

URIS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(
        [
            "postgresql://",
            "mysql://",
            "redis://",
            "rediss://",
            "mongodb+srv://",
            "https://",
            "amqp://",
            "x_y://",
            "://",
            "",
        ]
    ),
    st.sampled_from(["", f"user:{CANARY}@", f":{CANARY}@", f"{CANARY}@", f"user:a/{CANARY}@", f"u:%2F{CANARY}@", "u@"]),
    st.sampled_from(["db", "db:5432", "db:99999", "[::1]:5432", "[::1", "a:1,b:2", "", "db%20x", "DB.example:"]),
    st.sampled_from(["", "/", "/app", "/0", "/*", "?a=true", "/app?ssl=false&b=", "#x", f"/a@{CANARY}", "/%zz"]),
)

# Values of a Secret.
VALUES = st.one_of(
    TEXTS, WORDS, URIS, st.just(CANARY), st.just(f"{CANARY}\n"), st.sampled_from(["5432", "70000", "{}"])
)

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3),
    max_leaves=6,
)


def sometimes(strategy: st.SearchStrategy[Any], other: st.SearchStrategy[Any] = JSON) -> st.SearchStrategy[Any]:
    """Return mostly values of one strategy, and sometimes one of another strategy, which is invalid in that place."""
    return st.integers(0, 15).flatmap(lambda number: strategy if number else other)


def some_of(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return an object with some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def as_json(document: Any) -> bytes:
    """Return a document as a JSON file."""
    return json.dumps(document).encode()
