"""Options of every name, with some invalid values."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from airflow_kubernetes_secrets.options.backend_kwargs import OPTIONS
from fuzz.canary import CANARY
from fuzz.inputs.common import JSON, TEXTS, URIS, WORDS, as_json, some_of

_PATTERNS = st.sampled_from(
    ["^my_", "(a+)+$", "[[a]", "(", "a{1,99999999999}", "(?P<a>x)(?P=a)", "(?i)a", "a(?i)", "*"]
)
_REFERENCES = some_of(
    {
        kind: st.dictionaries(WORDS | URIS, st.sampled_from(["app", "shop/app", "A", "/"]) | URIS, max_size=2) | JSON
        for kind in ("connections", "variables", "config", "conections")
    }
)
_VALUES = st.one_of(
    *(WORDS, TEXTS, URIS, _PATTERNS, _REFERENCES, JSON, st.just(CANARY), st.integers(), st.floats(), st.booleans()),
    _REFERENCES.map(json.dumps),
    st.dictionaries(WORDS, WORDS | URIS, max_size=2),
    st.lists(WORDS, max_size=3),
    st.sampled_from(["next", "deny", "true", "0", "1e5", "-1", "nan", "a, b", "null", '["a"]']),
)

INPUTS = st.dictionaries(st.sampled_from([*OPTIONS, "timeuot", "path "]), _VALUES, max_size=4).map(as_json)
