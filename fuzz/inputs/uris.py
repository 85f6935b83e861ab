"""URIs, with a login and a password that they may contain."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.canary import CANARY
from fuzz.inputs.common import TEXTS, URIS

_KNOWN = st.sampled_from(["", "user", CANARY, f"a/{CANARY}", f"a@{CANARY}"]) | TEXTS
_UNESCAPED = st.builds(
    lambda login, password, host: f"mysql://{login}:{password}@{host}/db\n{login}\n{password}",
    _KNOWN,
    _KNOWN,
    st.sampled_from(["db", "db:3306", "[::1]"]),
)

INPUTS = st.one_of(_UNESCAPED, st.builds("{}\n{}\n{}".format, URIS, _KNOWN, _KNOWN)).map(
    lambda text: text.encode("utf-8", "replace")
)
