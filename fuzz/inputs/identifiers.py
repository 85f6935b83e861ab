"""Ids as people write them."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.inputs.common import TEXTS, URIS, WORDS

_HASHED = st.sampled_from(["0" * 40, "a." + "0" * 40, "a-b." + "f" * 40, "A" * 21 + "." + "0" * 40, "a-12345678"])
_IDS = st.one_of(URIS, WORDS, _HASHED, TEXTS, st.builds("{}{}".format, WORDS, TEXTS))

INPUTS = _IDS.map(lambda text: text.encode("utf-8", "replace"))
