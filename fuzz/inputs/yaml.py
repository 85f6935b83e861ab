"""YAML from lines that PyYAML treats differently."""

from __future__ import annotations

import yaml
from hypothesis import strategies as st

from fuzz.canary import CANARY
from fuzz.inputs.common import JSON, as_json

_SCALARS = st.sampled_from(
    [
        *(
            "a",
            "1",
            "1.5",
            "0x1F",
            "0b11",
            "017",
            "1:10:10",
            "1_000",
            ".inf",
            ".nan",
            "~",
            "yes",
            "2026-01-01",
            "=",
            "<<",
        ),
        *(
            CANARY,
            f"'{CANARY}'",
            f'"{CANARY}',
            f"'{CANARY}",
            f"!!int {CANARY}",
            f"!!bool {CANARY}",
            f"!!binary {CANARY}",
        ),
        *(
            f"!!{CANARY} a",
            f"!{CANARY} a",
            "&a b",
            "*a",
            f"*{CANARY}",
            f"&a [*a, {CANARY}]",
            "!!set {a, b}",
            "!!omap [a: 1]",
        ),
        *(
            "!!float x",
            "!!timestamp x",
            "!!python/name:os.system x",
            '"\\x4"',
            '"\\ud800"',
            "[a, {b: c}]",
            "{a: b, a: c}",
        ),
        *(
            "|\n    " + CANARY,
            f">-2\n    {CANARY}",
            "@a",
            "`a",
            "%a",
            "?",
            "- -",
            "[",
            "}",
            ",",
            "&a &b c",
            "'it''s'",
            "",
        ),
    ]
)
_KEYS = st.sampled_from(
    ["a", "b", "kind", "items", "<<", "? [a]\n", "1", "null", CANARY, "'a", "- a", "&k a", "*a", "\ta"]
)
_LINES = st.builds("{}{}: {}\n".format, st.sampled_from(["", "", "  ", "- ", "  - ", "? "]), _KEYS, _SCALARS)
_BREAKS = st.sampled_from(
    ["---\n", "...\n", "# x\n", "%YAML 1.1\n---\n", "%TAG ! a\n", "--- |\n", "\ufeff", "\0", "\x85"]
)
_TEXT = st.lists(st.one_of(_LINES, _LINES, _LINES, _BREAKS), max_size=8).map("".join)
_DUMPED = JSON.map(lambda document: yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass"))

INPUTS = st.one_of(_TEXT.map(str.encode), _TEXT.map(lambda text: text.encode("utf-16")), _DUMPED, JSON.map(as_json))
