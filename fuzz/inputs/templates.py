"""Templates with connections, variables and everything that looks like them."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.inputs.common import TEXTS

_NAMES = st.one_of(st.sampled_from(["x", "my_db", "x.y", "get", "a-b", "{{ y }}", "%s", "{x}", ""]), TEXTS)
_ACCESS = st.builds(
    "{}{}".format,
    st.sampled_from(["var.value", "var.json", "conn", "var", "params.conn", "my_conn", "var.value "]),
    st.one_of(
        _NAMES.map(".{}".format),
        _NAMES.map("['{}']".format),
        _NAMES.map('.get("{}")'.format),
        _NAMES.map(".get('{}', 1)".format),
        st.sampled_from([".get(x)", "[x]", "", ".x.host", ".get( 'x' ,", "[ 'x"]),
    ),
)
_BLOCKS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["{{ ", "{% if ", "{%- for conn in ", "{% set var = ", "{#", "{{", "{"]),
    _ACCESS,
    st.sampled_from([" }}", " %}", "-%}", "#}", "}", ""]),
)

INPUTS = st.lists(st.one_of(_BLOCKS, _ACCESS, TEXTS), max_size=6).map(
    lambda parts: "\n".join(parts).encode("utf-8", "surrogatepass")
)
