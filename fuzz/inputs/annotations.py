"""Secrets with annotations and labels of this package, some of them misspelt."""

from __future__ import annotations

from hypothesis import strategies as st

from fuzz.canary import CANARY
from fuzz.inputs.common import TEXTS, URIS, WORDS, as_json

_PREFIX = "airflow.apache.org/"
_ID_NAMES = st.sampled_from(["connection-id", "variable-key", "config-key", "team"])
_ANNOTATION_NAMES = st.one_of(
    _ID_NAMES,
    st.sampled_from(["data-key", "connection-type", "connection-extra", "other-keys"]),
    st.sampled_from(["connection-host", "connection-login", "connection-port", "connection-schema"]),
    st.sampled_from(["field-uri", "field-host", "field-password", "field-port", "field-x", "field-"]),
    st.sampled_from(["extra-a", "extra-b", "extra-", "exta-a", "conection-type", "field_uri", ""]),
    TEXTS,
)
_DATA_KEYS = st.sampled_from(["uri", "host", "password", "username", "port", "extra", "a", "value", "PASSWORD"])
_TEXT = st.one_of(
    _DATA_KEYS,
    _DATA_KEYS,
    WORDS,
    TEXTS,
    URIS,
    st.just(CANARY),
    st.sampled_from(["5432", "0", "extra", "postgres", '{"a": 1}', '{"b": [1, {}]}', "[]", f'{{"a": {CANARY}}}', "{"]),
    st.sampled_from(["x." + "0" * 40, "0" * 40]),
)

SECRETS = st.fixed_dictionaries(
    {
        "labels": st.dictionaries(_ID_NAMES.map(_PREFIX.__add__), _TEXT, max_size=3),
        "annotations": st.dictionaries(_ANNOTATION_NAMES.map(_PREFIX.__add__), _TEXT, max_size=6),
        "data": st.dictionaries(_DATA_KEYS, _TEXT, max_size=6),
    }
)

INPUTS = SECRETS.map(as_json)
