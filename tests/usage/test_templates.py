"""The ids in templates are found. An id that is only known when the template is rendered is counted, never guessed."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.usage.templates import uses_in_template
from support.dag_code import IMPORTS, connections, found_in, variables


@pytest.mark.parametrize(
    "code",
    [
        'Op(bash_command="echo {{ conn.x.host }}")',
        "Op(bash_command=\"echo {{ conn.get('x').host }}\")",
        "Op(bash_command=\"echo {{conn['x'].host}}\")",
        'Op(bash_command="echo {{ conn . x . host }}")',
        "Op(bash_command=\"echo {{ conn ['x']['host'] }}\")",
        'Op(env={"HOST": "{{ conn.x.host }}"})',
        "Op(bash_command=\"echo {{ (conn|attr('x')).host }}\")",
        'Op(bash_command="{% if conn.x.host %}echo{% endif %}")',
        "Op(bash_command=\"{{ '}}' ~ conn.x.host }}\")",
        'Op(bash_command="{% for conn in [conn.x] %}{{ conn.y }}{% endfor %}")',
        'Op(bash_command="{% for a, conn in b %}{{ conn.y }}{% endfor %}{{ conn.x.host }}")',
        'Op(bash_command="{% macro m(conn) %}{{ conn.y }}{% endmacro %}{{ conn.x.host }}")',
    ],
)
def test_a_connection_is_found(code: str) -> None:
    found = found_in(code)
    assert set(connections(found)) == {"x"}
    assert not found.computed
    assert not found.unread


@pytest.mark.parametrize(
    "code",
    [
        'Op(sql="SELECT {{ var.value.x }}")',
        'Op(sql="SELECT {{ var.json.x.y }}")',
        "Op(sql=\"SELECT {{ var.value.get('x') }}\")",
        "Op(sql=\"SELECT {{ var.json.get('x').y }}\")",
        "Op(sql=\"SELECT {{ var['value']['x'] }}\")",
        "Op(sql=\"SELECT {{ var['value'].x }}\")",
        "Op(sql=\"SELECT {{ var[ 'json' ] . get( 'x' ) }}\")",
        "Op(sql=\"SELECT {{ var.get('value').x }}\")",
        "Op(sql=\"SELECT {{ var.get( 'json' )['x'] }}\")",
        "Op(sql=\"SELECT {{ var.value|attr('x') }}\")",
        "Op(sql=\"SELECT {{ var.json | attr('x') }}\")",
        "Op(sql=\"SELECT {{ var.value['x'] }}\")",
        'Op(sql="SELECT {{ var . value . x }}")',
        "Op(sql=\"{{ {'a': {'b': 1}}['a'] ~ var.value.x }}\")",
        "Op(sql=\"{{ f('}}', var.value.x)[0] }}\")",
        'Op(sql="{% do f(var.value.x) %}")',
        'Op(sql=\'{% if var["value"]["x"] %}SELECT 1{% endif %}\')',
        'Op(sql=["a", "SELECT {{ var.value.x | upper }}"])',
        'table = "t"\nOp(sql=f"SELECT {{{{ var.value.x }}}} FROM {table} {os.name}")',
        'Op(sql="SELECT {{ var.value.x }} FROM %s" % os.name)',
        "Op(sql=\"{{ ds | upper }} {{- var.json.x.get('a-b', 5)['c'] | upper|trim -}} {{ f(1, 'a b') }}\")",
        "Op(sql=\"{{ var.get('value', none).x }}\")",
    ],
)
def test_a_variable_is_found(code: str) -> None:
    found = found_in(code)
    assert variables(found) == ["x"]
    assert not found.uses[0].is_optional
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        "Op(sql=\"{{ var.value.get('x', 'a') }}\")",
    ],
)
def test_use_with_a_default_is_optional(code: str) -> None:
    (use,) = found_in(code).uses
    assert use.id == "x"
    assert use.is_optional


@pytest.mark.parametrize(
    "code",
    [
        'Op(conn_id="{{ params.id }}")',
        'Op(sql="{{ var.value[params.x] }}")',
        'Op(sql="{{ var.value.get(params.x) }}")',
        "Op(sql=\"{{ var['value'][params.x] }}\")",
        "Op(sql=\"{{ var[params.x]['x'] }}\")",
        'Op(sql="{{ var.get(params.x).x }}")',
        'Op(sql="{{ var.get(params.x) }}")',
        'Op(sql="{{ var.value|attr(params.x) }}")',
        'Op(sql="{{ conn [params.x].host }}")',
        'Op(sql="{{ var.value.get (params.x) }}")',
        'Op(sql=f"{{{{ var.value.{os.name} }}}}")',
        'Op(sql=f"{{{{ var.value.x_{os.name} }}}}")',
        'Op(sql="{{{{ var.value.{} }}}}".format(os.name))',
        'Op(sql="{{ var.value.%s }}" % os.name)',
        "Op(sql=\"{{ var.value.get('%s') }}\" % os.name)",
        'Op(sql="{{ var.value.x_%s }}" % os.name)',
        'Op(sql="{% set v = var.value %}{{ v.x }}{{ var[v] }}")',
        'Op(sql="{{ f(conn) }}")',
        'Op(sql="{{ var(conn) }}")',
    ],
)
def test_an_id_that_is_computed_is_counted_and_not_guessed(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    (computed,) = found.computed
    last = (IMPORTS + code).count("\n") + 1
    assert computed.position.line in (last, last - 2)


@pytest.mark.parametrize(
    "code",
    [
        '"""Set {{ var.value.x }} first."""',
        'def f():\n    """Use {{ conn.x.host }} here."""',
        'DAG("d", doc_md="{{ var.value.x }}", description="{{ conn.x }}")',
        'DOCS = """{{ var.value.x }}"""\nDAG("d", doc_md=DOCS)',
        'd = Op()\nd.doc_md = "{{ var.value.x }}"',
        'from textwrap import dedent\nDAG("d", doc_md=dedent("""{{ var.value.x }}"""))',
        'Op(sql="{{ params.conn.x }} {{ my_var.value.x }} {{ dag_run.conf.var.value.x }}")',
        'Op(sql="{% for conn in params.all %}{{ conn.x }}{% endfor %}")',
        'Op(sql="{# {{ var.value.x }} #}")',
        'Op(sql="{%- raw -%}{{ var.value.x }}{% endraw %}{% raw %}{{ conn.x }}{%endraw%}")',
        "Op(sql=\"{{ 'var.value.x' }}\")",
        "Op(sql=\"{{ params.var[params.x] }} {{ my_var.get(params.x) }} {{ var['other'] }}\")",
        'Op(sql="{% for var in params.all %}{{ var[params.x] }}{% endfor %}")',
        'Op(sql="{% macro m(conn) %}{{ conn.x }}{% endmacro %}")',
        'Op(sql="{% macro conn(a) %}{% endmacro %}{{ conn.x }}")',
        'Op(sql="{% with conn = p %}{{ conn.x }}{% endwith %}")',
        'Op(sql="{% with a = 1, conn = p %}{{ conn.x }}{% endwith %}")',
        "Op(sql=\"{% import 'm' as conn %}{{ conn.x }}\")",
        "Op(sql=\"{% from 'm' import y as conn, var with context %}{{ conn.x }}{{ var.value.x }}\")",
        'Op(sql="{% call(var) f() %}{{ var.value.x }}{% endcall %}")',
        'Op(sql="{% set conn %}x{% endset %}{{ conn.x }}")',
        'Op(sql="{% set a, conn = p %}{{ conn.x }}")',
        'Op(sql="{% for k, conn in p.items() recursive %}{{ conn.x }}{% endfor %}")',
        'Op(sql="{% for k, (a, conn) in p if conn.x %}{{ conn.x }}{% endfor %}")',
        "Op(sql=\"{{ 'see conn.foo' }}\")",
        "Op(sql=\"{% if f(ds) %}{{ var('x') }} {{ var('a', f(params)).y }} {{ conn('x') }}{% endif %}\")",
        'Op(sql="{{ $conn.host }} {{ $var.value.x }}")',
        # Strings that look like an expression, next to simple expressions.
        "Op(sql=\"{{ ds }} {{ params['a conn.x'] }} {{ params.get('of var.value.x', 1) }}\")",
        "Op(sql=\"{{ params.get('conn', 'var') }} {{ params['conn'].x }} {{ params.get('my-var').x }}\")",
        "Op(sql=\"{{ '{{ conn.x }}' }} {{ ds ~ '}} {{ conn.x' }}\")",
    ],
)
def test_other_text_is_not_a_use(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert not found.computed


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 200_000 + " conn",
        "{{ conn }}" + "{#" * 200_000,
        "{% set " + "conn " * 100_000 + "%}",
        "{{ conn.get('" + "conn.get(\\" * 50_000,
        "{{ conn[" * 50_000,
        "{{ var[x" * 50_000,
        "{% raw %}" * 50_000 + "{% endraw " * 50_000,
        "{{ conn.abc }}\n" * 50_000,
        "{{ conn.abc }}\n" * 50_000 + "{{",
        "{{ conn.abc" + ".x" * 50_000 + "}}",
        "{{ " + "[" * 50_000 + "conn.abc",
        "{{ " + "1 + " * 50_000 + "conn.abc }}",
        "{{ conn.abc" + ".get('x')" * 10_000 + "|a" * 1_000 + " " * 5_000,
    ],
    ids=[
        *("blocks", "comments", "names", "calls", "items", "computed", "raw", "lines", "searched lines", "attributes"),
        *("nested", "operators", "calls and filters"),
    ],
)
def test_parsing_time_of_a_template_is_linear(text: str) -> None:
    """Without a limit, each of these takes minutes. The test has the timeout of all tests."""
    assert len(list(uses_in_template(text))) <= 50_001
