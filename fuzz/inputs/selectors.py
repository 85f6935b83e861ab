"""Label selectors from the words and signs that have a meaning in them."""

from __future__ import annotations

from hypothesis import strategies as st

_KEYS = st.sampled_from(
    ["a", "in", "notin", "example.com/a", "airflow.apache.org/team", "A.b", "/", "a/b/c", "-", "", "!a"]
)
_VALUES = st.sampled_from(["", "a", "in", "b.c", "-", "a" * 63, "a" * 64, "ä"])
_SPACE = st.sampled_from(["", "", " ", "  ", "\t"])
_EQUAL = st.builds("{}{}{}{}{}".format, _KEYS, _SPACE, st.sampled_from(["=", "==", "!=", "===", "<"]), _SPACE, _VALUES)
_SETS = st.builds(
    "{} {}{}({}){}".format,
    _KEYS,
    st.sampled_from(["in", "notin", "In", "in in"]),
    _SPACE,
    st.lists(_VALUES, max_size=3).map(" ,".join),
    _SPACE,
)
_PARTS = st.one_of(_KEYS, _EQUAL, _SETS, _KEYS.map("!{}".format), st.sampled_from(["(", ")", ",", "(,)"]))

INPUTS = st.lists(_PARTS, max_size=5).map(lambda parts: ",".join(parts).encode())
