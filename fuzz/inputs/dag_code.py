"""DAG code from the statements that can name ids, and serialized DAGs."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from fuzz.inputs.common import TEXTS

_STRINGS = st.one_of(
    TEXTS.map(repr),
    st.sampled_from(
        ["'x'", "X", "f'{X}_y'", "'{{ var.value.x }}'", "f'{{{{ conn.{X}.host }}}}'", "'a' + X", "None", "y()"]
    ),
)
_CALLS = st.builds(
    "{}({})".format,
    st.sampled_from(
        [
            *("Variable.get", "Connection.get", "BaseHook.get_connection", "HttpHook", "HttpOperator", "DAG", "dict"),
            *("ObjectStoragePath", "BashOperator.partial", "super().get_connection", "self.get_connection", "f"),
        ]
    ),
    st.lists(
        st.one_of(
            _STRINGS,
            _STRINGS.map("http_conn_id={}".format),
            _STRINGS.map("task_id={}".format),
            _STRINGS.map("dag_id={}".format),
            _STRINGS.map("default_args={{'a_conn_id': {}}}".format),
            st.sampled_from(["*x", "**x", "dag=DAG('d')", "python_callable=f", "doc_md='{{ conn.x }}'"]),
        ),
        max_size=4,
    ).map(", ".join),
)
_LINES = st.one_of(
    _CALLS,
    _CALLS.map("with {} as dag:\n    pass".format),
    _CALLS.map("X = {}".format),
    _STRINGS.map("X = {}".format),
    _STRINGS.map("A_CONN_ID: str = {}".format),
    _STRINGS.map("@task(task_id='t')\ndef f(a_conn_id={}):\n    pass".format),
    _CALLS.map("class XHook(BaseHook):\n    def g(self):\n        return {}".format),
    _CALLS.map("x = [{} for X in y if (Z := X)]".format),
    st.sampled_from(["global X", "from a import *", "def", "(" * 90, "lambda X: X", "if x:", "\t1", "\f", "\\"]),
)
_IMPORTS = "from airflow.sdk import *\nfrom airflow.providers.http.hooks.http import HttpHook\n"
_CODE = st.lists(_LINES, max_size=8).map(lambda lines: _IMPORTS + "\n".join(lines))
_VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.integers(), st.just("{{ var.value.x }}")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a_conn_id", "conn_id", "task_id", "doc_md", "__var", "sql"]), inner),
    ),
    max_leaves=8,
)
_SERIALIZED = st.builds(
    lambda arguments, tasks: json.dumps({"dag": {"default_args": arguments, "tasks": tasks}}), _VALUES, _VALUES
)

INPUTS = st.one_of(_CODE, _SERIALIZED).map(lambda text: text.encode("utf-8", "surrogatepass"))
