"""Names follow Python's rules: each has a scope, and can have an alias or be set again in other code."""

from __future__ import annotations

import pytest

from airflow_kubernetes_secrets.lookup.kinds import Kind
from support.dag_code import found_in, found_in_bytes


@pytest.mark.parametrize(
    "code",
    [
        "from airflow.hooks.base import BaseHook as B\nB.get_connection('x')",
        "import airflow.hooks.base as b\nb.BaseHook.get_connection('x')",
        "from mycompat import Variable\nVariable.get('x')",
        "import mycompat as m\nm.Variable.get('x')",
        "def f(**kwargs):\n    kwargs['conn'].get('x')",
        "def f(context):\n    context['var']['value'].get('x')",
        "def f(context):\n    context['var']['json'].x",
        "get_current_context()['var']['value']['x']",
        "Variable.get(**{'key': 'x'})",
        "MyOperator(task_id='t', conn_id='x', conn_type='postgres')",
        "ENV = 'x'\nOp(sql='{{ var.value.' + ENV + ' }}')",
        "ENV = 'x'\nOp(sql='{{ var.value.%s }}' % ENV)",
        "ENV = 'x'\nOp(sql='{{{{ var.value.{} }}}}'.format(ENV))",
        "ENV = 'x'\nOp(sql='{{{{ var.value.{env} }}}}'.format(env=ENV))",
        "ENV = 'x'\nOp(sql=' '.join(['{{ var.value.' + ENV, '}}']))",
        "ENV = 'x'\nOp(sql=''.join(['{{ conn.', ENV, '.host }}']))",
        "Variable.get('%s' % 'x')",
        "Variable.get('{}'.format('x'))",
        "KEY = 'x'\ndef g(v=Variable.get(KEY)):\n    KEY = 'inner'",
        "C = 'x'\n@task.sql(conn_id=C)\ndef g():\n    C = 'inner'",
        "from settings import *\nKEY = 'x'\nVariable.get(KEY)",
        "def load(table, conn):\n    Op(conn_id=conn)\nload('t', 'x')",
        "def load(table, *, conn):\n    Op(conn_id=conn)\nload('t', conn='x')",
        "def read(key):\n    return Variable.get(key)\ndef outer(key):\n    return read(key)\nouter('x')",
        "class A:\n    def read(self, key):\n        Variable.get(key)\n    def f(self):\n        self.read('x')",
        "class MyHook(DbApiHook):\n    conn_name_attr = 'my_conn_id'\nMyHook('x')",
        "get = Variable.get\nget('x')",
        "v = Variable\nv.get('x')",
        "from airflow import models as m\nv = m.Variable\nw = v\nw.get('x')",
        "def f():\n    get = Variable.get\n    get(key='x')",
        "get = BaseHook.get_connection\nget('x')",
        "h = BaseHook\nh.get_connection('x')",
        "Variable.get_variable_from_secrets('x')",
        "Connection.get_connection_from_secrets('x')",
        "async def f():\n    await Connection.async_get('x')",
        "async def f():\n    await BaseHook.aget_hook('x')",
        "def f(context):\n    context.get('conn').get('x')",
        "def f(**kwargs):\n    kwargs.get('var')['value'].get('x')",
        "@task\ndef f(conn):\n    return conn.x.host",
        "@task\ndef f(a, *, conn=None):\n    return conn.get('x').host",
        "@task()\ndef f(var=None):\n    return var['value'].get('x')",
        "@task.virtualenv\ndef f(var):\n    return var.get('json').x",
        "def f(var, **kwargs):\n    return var['json']['x']\nOp(task_id='t', python_callable=f)",
        "Op(kafka_config_id='x')",
        "Op(jenkins_connection_id='x')",
        "DAG('d', default_args={'jenkins_connection_id': 'x'})",
        "from cosmos.operators import DbtDocsS3Operator\nDbtDocsS3Operator(connection_id='x')",
        "from airflow.providers.yandex.operators.dataproc import A\nA(task_id='t', connection_id='x')",
    ],
)
def test_an_id_is_found(code: str) -> None:
    found = found_in(code)
    assert [(use.id, use.is_optional) for use in found.uses] == [("x", False)]
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        "class C:\n    my_conn_id: str = field(default='x')",
        "class C:\n    def __init__(self, conn_id=None):\n        self.conn_id = conn_id or 'x'",
        "class MyHook(DbApiHook):\n    default_conn_name = 'x'\nMyHook()",
        "ID = 'x'\nkwargs.setdefault('http_conn_id', ID)",
        "ID = 'x'\nkwargs.get('conn_id', f'{ID}')",
    ],
)
def test_an_id_that_may_be_used(code: str) -> None:
    assert [(use.id, use.is_optional) for use in found_in(code).uses] == [("x", True)]


@pytest.mark.parametrize(
    "code",
    [
        "get = Variable.get\nlist(map(get, ['x']))",
        "list(map(BaseHook.get_connection, ['x']))",
        "list(map(Variable.get, ['x']))",
        "partial(Variable.get, default_var=None)('x')",
        "Variable.get(**options)",
        "def load(conn):\n    Op(conn_id=conn)",
        "def load(conn):\n    Op(conn_id=conn)\nload(os.name)",
        "def load(conn):\n    load(conn)\n    Op(conn_id=conn)",
        "from company import AcmeHook\nAcmeHook('x')",
        "Op(sql='{{ var.value.' + os.name + ' }}')",
        "Op(sql='{{ conn.' + os.name + '_db.host }}')",
        "Op(sql=''.join(['{{ var.value.', os.name, ' }}']))",
        "def f(context):\n    value = context['var']['value']",
        "@task\ndef f(conn):\n    return load(conn)",
        "@task\ndef f(conn):\n    return conn.get(os.name)",
        "KEY = 'a'\ndef f(v):\n    match v:\n        case {'k': KEY}:\n            Variable.get(KEY)",
        "KEY = 'a'\nmatch v:\n    case [1, *KEY]:\n        Variable.get(KEY)",
        "KEY = 'a'\nmatch v:\n    case {'a': 1, **KEY}:\n        Variable.get(KEY)",
        "KEY = 'a'\nmatch v:\n    case str() as KEY:\n        Variable.get(KEY)",
        "KEY = 'a'\ntry: ...\nexcept E as KEY:\n    Variable.get(KEY)",
        "KEY = 'a'\nimport KEY\nVariable.get(KEY)",
        "KEY = 'a'\ndel KEY\nVariable.get(KEY)",
        "KEY = 'a'\n[Variable.get(KEY) for KEY in os.environ]",
        "KEY = 'a'\nif (KEY := os.name):\n    Variable.get(KEY)",
        "KEY = 'a'\nfrom settings import *\nVariable.get(KEY)",
    ],
)
def test_an_id_that_is_computed_is_counted(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    "code",
    [
        "def f(Variable):\n    Variable.get('x')",
        "def f():\n    Variable = {}\n    Variable.get('x')",
        "def f():\n    class Variable: ...\n    Variable.get('x')",
        "def f():\n    from tkinter import Variable\n    Variable.get('x')",
        "config['conn'].get('x')",
        "config.get('conn').get('x')",
        "def f(conn):\n    return conn.x",
        "@task\ndef f(conn):\n    return conn.x\nf(connect())",
        "@task\ndef f(conn):\n    return conn.x\nf(conn=connect())",
        "@task\ndef f(conn):\n    conn = connect()\n    return conn.x",
        "def f(conn):\n    return conn.x\nOp(task_id='t', python_callable=f, op_kwargs={'conn': connect()})",
        "v = {}\nv.get('x')",
        "Op(connection_id='x')",
        "from airflow.providers.airbyte.operators.airbyte import A\nA(task_id='t', connection_id='x')",
        "Op(airbyte_connection_id='x')",
        "@task\ndef f(conn=None):\n    if conn is None:\n        conn = connect()\n    return conn.x",
    ],
)
def test_name_of_another_object(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert not found.computed


def test_long_fields_take_no_memory() -> None:
    code = b"Op(conn_id='%999999999999s' % 'x')\nOp(conn_id='{:>999999999999}'.format('x'))"
    assert [each.kind for each in found_in_bytes(code).computed] == [Kind.CONNECTION] * 2
