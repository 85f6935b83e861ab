"""Secrets as operators create them, with some invalid values."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from fuzz.canary import CANARY
from fuzz.inputs.annotations import SECRETS
from fuzz.inputs.common import JSON, VALUES, as_json, some_of, sometimes

_KEYS = st.sampled_from(
    [
        *(
            "uri",
            "fqdn-uri",
            "url",
            "connection_string",
            "jdbc-uri",
            "host",
            "endpoint",
            "username",
            "user",
            "password",
        ),
        *("pass", "port", "dbname", "database", "db", "engine", "type", "extra", "value", "attribute.password", "a"),
    ]
)
_CONNECTION = some_of(
    {
        "conn_type": sometimes(VALUES),
        "host": sometimes(VALUES),
        "login": sometimes(VALUES),
        "password": sometimes(st.just(CANARY)),
        "port": sometimes(st.sampled_from([5432, "5432", 70000, "x", None, 1e999])),
        "schema": sometimes(VALUES),
        "extra": JSON | VALUES | st.just(json.dumps({"a": CANARY})),
        "unknown": JSON,
    }
)
_VALUES = VALUES | _CONNECTION.map(json.dumps) | st.sampled_from(["{", "[]", f'{{"password": "{CANARY}"', "1" * 5000])


def _with(secret: dict[str, Any], data: dict[str, str]) -> dict[str, Any]:
    return {**secret, "data": {**secret["data"], **data}}


INPUTS = st.one_of(
    st.builds(_with, SECRETS, st.dictionaries(_KEYS, _VALUES, max_size=4)),
    st.fixed_dictionaries({"data": st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=6)}),
).map(as_json)
