"""An expression with several ids, such as the variable of a loop, is a use of each id that it can have."""

from __future__ import annotations

import pytest

from support.dag_code import connections, found_in, variables


@pytest.mark.parametrize(
    "code",
    [
        "for c in ['x', 'y']:\n    Op(conn_id=c)",
        "for c in ('x', 'y'):\n    Op(conn_id=f'{c}')",
        "for c in {'x', 'y'}:\n    Op(conn_id=c)",
        "for c in ['x'] + ['y']:\n    Op(conn_id=c)",
        "for c in [*['x'], 'y']:\n    Op(conn_id=c)",
        "IDS = ['x', 'y']\nfor c in IDS:\n    Op(conn_id=c)",
        "IDS = ['x', 'y']\nfor c in sorted(set(IDS)):\n    Op(conn_id=c)",
        "A, B = 1, 2\nX = 'x'\nfor c in [X, 'y']:\n    Op(conn_id=c)",
        "class Ids:\n    ALL = ['x', 'y']\nfor c in Ids.ALL:\n    Op(conn_id=c)",
        "IDS = {'all': ['x', 'y']}\nfor c in IDS['all']:\n    Op(conn_id=c)",
        "for c in {'x': 1, 'y': 2}:\n    Op(conn_id=c)",
        "IDS = {'x': 1, 'y': 2}\nfor c in IDS.keys():\n    Op(conn_id=c)",
        "IDS = {'a': 'x', 'b': 'y'}\nfor c in IDS.values():\n    Op(conn_id=c)",
        "IDS = {'a': 'x', 'b': 'y'}\nfor a, c in IDS.items():\n    Op(conn_id=c)",
        "IDS = {'a': {'db': 'x'}, 'b': {'db': 'y'}}\nfor a, c in IDS.items():\n    Op(conn_id=c['db'])",
        "for i, c in enumerate(['x', 'y']):\n    Op(conn_id=c)",
        "for i, (a, c) in enumerate([('a', 'x'), ('b', 'y')]):\n    Op(conn_id=c)",
        "for c in [{'db': 'x'}, {'db': 'y'}]:\n    Op(conn_id=c['db'])",
        "for c in [{'db': 'x'}, {'db': 'y'}]:\n    Op(conn_id=c.get('db'))",
        "for c in ['x', 'y']:\n    with DAG(f'd_{c}'):\n        Op(conn_id=c)",
        "for c in ['x', 'y']:\n    own = c\n    Op(conn_id=own)",
        "for c in ['x', 'y']:\n    if os.name:\n        Op(conn_id=c)",
        "last = None\nfor c in ['x', 'y']:\n    new = Op(conn_id=c)\n    if last:\n        last >> new\n    last = new",
        "def f():\n    for c in ['x', 'y']:\n        Op(conn_id=c)",
        "for c in ['a']:\n    print(c)\nfor c in ['x', 'y']:\n    Op(conn_id=c)",
        "[Op(conn_id=c) for c in ['x', 'y']]",
        "[c for c in os.environ]\n[Op(conn_id=c) for c in ['x', 'y']]",
        "c = os.name\n{c: Op(conn_id=c) for c in ['x', 'y']}",
        "[Op(conn_id=c) for group in [['x'], ['y']] for c in group]",
        "for group in [['x'], ['y']]:\n    for c in group:\n        Op(conn_id=c)",
        "def load(id):\n    Op(conn_id=id)\nfor c in ['x', 'y']:\n    load(c)",
        "def load(table, id):\n    Op(conn_id=id)\nfor t, c in [('a', 'x'), ('b', 'y')]:\n    load(t, id=c)",
        "IDS = ['x', 'y']\nOp.partial(task_id='t').expand(conn_id=IDS)",
        "Op(fallback_conn_ids=['x', 'y'])",
        "IDS = ('x', 'y')\nOp(conn_ids=IDS)",
        "Op(op_kwargs={'conn_ids': ['x', 'y'], 'other_conn_ids': []})",
        "args = {}\nargs['conn_ids'] = ['x'] + ['y']",
        "for c in ['x', 'y']:\n    Op(conn_ids=[c, None])",
        "for c in ['x', 'y']:\n    Op(sql=f'{{{{ conn.{c}.host }}}}')",
        "for c in ['x', 'y']:\n    Op(sql='{{ conn.' + c + '.host }}')",
        "for a in ['', '']:\n    for c in ['x', 'y']:\n        Op(conn_id=a + c)",
        "Op(sql=\"{% for c in ['x', 'y'] %}{{ conn[c].host }}{% endfor %}\")",
        "Op(sql=\"{% set a = 'y' %}{% for c in ('x', a) %}{{ conn.get(c).host }}{% endfor %}\")",
        "Op(sql=\"{% set a = 'x' %}{% set b = 'y' %}{{ conn[a].host }}{% if ds %}{{ conn|attr(b) }}{% endif %}\")",
        "Op(sql=\"{% for c in ['x', 'y'] %}{% set own = c %}{% if ds %}{{ conn[own].host }}{% endif %}{% endfor %}\")",
    ],
)
def test_each_element_is_a_use(code: str) -> None:
    found = found_in(code)
    assert set(connections(found)) == {"x", "y"}
    assert not any(use.is_optional for use in found.uses)
    assert not found.computed


@pytest.mark.parametrize(
    "code",
    [
        "Op(conn_id='x' if os.name else 'y')",
        "Op(conn_id=os.name or 'x')",
        "Op(conn_id=os.getenv('A', 'x'))",
        "Op(conn_id=os.environ.get('A', 'x'))",
        "def f(dag_run):\n    Op(conn_id=dag_run.conf.get('A', 'x'))",
        "from os import getenv\nOp(conn_id=getenv('A', default='x'))",
        "ID = 'x' if os.name else 'y'\nOp(conn_id=ID)",
        "Op(conn_id='x' if os.name else None)",
        "Op(conn_id=('x' if os.name else 'y') + '')",
        "from airflow.sdk import Param\nDAG('d', params={'conn_id': Param('x', type='string')})",
        "from airflow.sdk import Param\nDAG('d', params={'conn_id': Param(default='x')})",
        "for c in ['x', 'y']:\n    if c != 'y':\n        Op(conn_id=c)",
        "for c in ['x', 'y']:\n    if c == 'y':\n        continue\n    Op(conn_id=c)",
        "for c in ['x', 'y']:\n    own = c\n    if own != 'y':\n        Op(conn_id=own)",
        "[Op(conn_id=c) for c in ['x', 'y'] if c != 'y']",
        "for c in ['x', 'y']:\n    [Op(conn_id=c) for i in os.environ if c != 'y']",
        "def f():\n    for c in ['x', 'y']:\n        if Op(conn_id=c):\n            return c",
        "def load(id):\n    Op(conn_id=id)\n\nfor c in ['x', 'y']:\n    if c != 'y': load(c)",
        "Op(conn_id={'a': 'x', 'b': 'y'}[os.name])",
        "IDS = {'a': 'x', 'b': 'y'}\nOp(conn_id=IDS[os.name])",
        "IDS = {'a': {'db': 'x'}, 'b': {'db': 'y'}}\nOp(conn_id=IDS[os.name]['db'])",
        "IDS = {'a': 'x', 'b': 'x'}\nOp(conn_id=IDS.get(os.name))",
        "IDS = {'a': 'x'}\nOp(conn_id=IDS.get(os.name, 'y'))",
        "IDS = {'a': 'x'}\ndef f(name):\n    Op(conn_id=IDS.get(name, 'y'))",
        "Op(conn_id={'a_db': 'x', 'b_api': 'z'}[f'{os.name}_db'])",
        "Op(conn_id={'a_b_c': 'x', 'ac': 'z'}[f'a{os.name}_b{os.sep}c'])",
        "IDS = {'a': 'x', 'b': None}\nOp(conn_id=IDS[os.name])",
    ],
)
def test_an_id_that_the_code_may_use_is_optional_and_counted(code: str) -> None:
    found = found_in(code)
    assert {(use.id, use.is_optional) for use in found.uses} in ({("x", True)}, {("x", True), ("y", True)})
    assert len(found.computed) == 1


@pytest.mark.parametrize(
    "code",
    [
        "for c in ['x', 'y']:\n    pass\nOp(conn_id=c)",
        "for c in ['x', 'y']:\n    pass\nelse:\n    Op(conn_id=c)",
        "for c in ['x', 'y']:\n    def f():\n        Op(conn_id=c)",
        "for c in ['x', 'y']:\n    own = c\nOp(conn_id=own)",
        "for c in ['x', 'y']:\n    c = os.name\n    Op(conn_id=c)",
        "for c in ['x', 'y']:\n    for c in os.environ:\n        pass\n    Op(conn_id=c)",
        "IDS = ['x']\nIDS.append(os.name)\nfor c in IDS:\n    Op(conn_id=c)",
        "IDS = ['x']\nIDS += os.environ\nfor c in IDS:\n    Op(conn_id=c)",
        "IDS = ['x']\nIDS[0] = os.name\nfor c in IDS:\n    Op(conn_id=c)",
        "for c in ['x', *os.environ]:\n    Op(conn_id=c)",
        "Op(conn_ids=['x', *os.environ])",
        "Op(conn_ids='x,y')",
        "from airflow.configuration import conf\nOp(conn_id=conf.get('a', 'x'))",
        "from airflow import configuration\nOp(conn_id=configuration.conf.get('a', 'x'))",
        "from config import conf\nOp(conn_id=conf.get('a', 'x', fallback='y'))",
        "from configparser import ConfigParser\nparser = ConfigParser()\nOp(conn_id=parser.get('a', 'x'))",
        "import configparser\nOp(conn_id=configparser.ConfigParser().get('a', 'x'))",
        "Op(conn_ids=os.environ)",
        "IDS = {'a': 'x'}\nIDS['b'] = 'y'\nOp(conn_id=IDS[os.name])",
        "Op(conn_id={'a': 'x', **os.environ}[os.name])",
        "Op(conn_id={'a': 'x'}['b'])",
        "Op(conn_id={1: 'x', 2: 'y'}[3])",
        "N = 1\nOp(conn_id={1: 'x', 2: 'y'}[N])",
        "Op(conn_id={'a': 'x', None: 'y'}['b'])",
        "Op(conn_id={'a_db': 'x', 'b_db': 'y'}[os.name + '_api'])",
        "Op(conn_id=['x'][1])",
        "Op(conn_id=[*os.environ, 'x'][0])",
        "Op(conn_id=os.name.replace('a', 'x'))",
        "Op(conn_id='x'.replace())",
        "Op(conn_id='x'.replace(os.name, 'y'))",
        "Op(conn_id='x'.strip(chars='x'))",
        "A, B = f()\nOp(conn_id=A)",
        "A, *B = 'x', 'y', 'z'\nOp(conn_id=A)",
        "A, B = 'x', 'y'\nB, A = A, B\nOp(conn_id=A)",
        "for c in {'x': 1, **os.environ}:\n    Op(conn_id=c)",
        "for a, *c in [('a', 'x')]:\n    Op(conn_id=c)",
        "for a, c in ['xy', os.name]:\n    Op(conn_id=c)",
        "def sorted(x): ...\nfor c in sorted(['x', 'y']):\n    Op(conn_id=c)",
        "async def f():\n    async for c in ['x']:\n        Op(conn_id=c)",
        "for c in c:\n    Op(conn_id=c)",
        "for a in b:\n    for b in a:\n        Op(conn_id=b)",
        "for c in ['x' if os.name else 'y']:\n    f(c)\nOp(conn_id=os.name)",
        "Op(sql=\"{% for c in ['x', 'y'] if c != 'x' %}{{ conn[c] }}{% endfor %}\")",
        "Op(sql=\"{% for c in ['x', 'y'] %}{% if c != 'x' %}{{ conn[c] }}{% endif %}{% endfor %}\")",
        "Op(sql=\"{% for c in ['x', 'y'] %}{{ conn[c] if c != 'x' }}{% endfor %}\")",
        "Op(sql=\"{% for c in ['x', 'y'] %}{% if c == 'x' %}{% continue %}{% endif %}{{ conn[c] }}{% endfor %}\")",
        "Op(sql=\"{% set c = 'x' %}{% set c = f() %}{{ conn[c] }}\")",
        "Op(sql=\"{% if ds %}{% set c = 'x' %}{% else %}{% set c = 'y' %}{% endif %}{{ conn[c] }}\")",
        "Op(sql=\"{% for c in ['x'] %}{% endfor %}{{ conn[c] }}\")",
    ],
)
def test_an_id_that_is_computed_is_counted_and_not_guessed(code: str) -> None:
    found = found_in(code)
    assert not found.uses
    assert len(found.computed) == 1


def test_elements_of_a_tuple_are_combined() -> None:
    code = """
    for a, b in [("p", "x"), ("q", "y")]:
        Variable.get(f"{a}_{b}_{a}")
    """
    assert variables(found_in(code)) == ["p_x_p", "q_y_q"]


def test_each_element_of_two_loops() -> None:
    code = """
    for a in ("p", "q"):
        for b in ("x", "y"):
            Variable.get(f"{a}_{b}")
    """
    assert variables(found_in(code)) == ["p_x", "p_y", "q_x", "q_y"]


def test_a_name_of_a_comprehension_is_not_set_outside() -> None:
    code = 'ID = "x"\n[ID for ID in os.environ]\nOp(conn_id=ID)\n[(LAST := c) for c in ["a"]]\nVariable.get(LAST)'
    found = found_in(code)
    assert connections(found) == ["x"]
    assert not variables(found)
    assert len(found.computed) == 1


def test_many_alternatives_are_limited() -> None:
    """There are more combinations than can be read, so they count as computed."""
    loops = "".join(f"{'    ' * i}for c{i} in {[str(n) for n in range(20)]}:\n" for i in range(6))
    names = "".join(f"{{c{i}}}" for i in range(6))
    code = f"{loops}{'    ' * 6}Variable.get(f'{names}')\n{'    ' * 6}Variable.get(c0)\nVariable.get('x')"
    found = found_in(code)
    assert set(variables(found)) == {"x", *map(str, range(20))}
    assert len(found.computed) == 1


def test_many_conditions_are_limited() -> None:
    condition = " + ".join(f"('a' if os.name == '{i}' else 'b')" for i in range(200))
    assert not found_in(f"Variable.get({condition})").uses


def test_alternatives_in_templates_are_limited() -> None:
    items = str([f"a{n}" for n in range(300)])
    text = f"{{% for c in {items} %}}{{{{ conn[c][c][c] }}}}{{{{ conn[c].host }}}}{{% endfor %}}"
    found = found_in(f"Op(sql={text!r})")
    assert len(set(connections(found))) == 300
    assert len(found.computed) == 1


@pytest.mark.slow
def test_uses_in_a_loop_are_limited() -> None:
    """A small file could have millions of uses. Those that are not read count as computed."""
    items = [f"a{number}" for number in range(900)]
    found = found_in(f"for c in {items}:\n" + "    Variable.get(c)\n" * 3_000)
    assert set(variables(found)) == set(items)
    assert len(found.uses) < 100_000
    assert len({use.position.line for use in found.uses}) + len(found.computed) == 3_000


@pytest.mark.parametrize(
    "code",
    [
        "Op(conn_id=['x', 'y'][0])",
        "Op(conn_id={1: 'x', 2: 'y'}[1])",
        "IDS = ('y', 'x')\nOp(conn_id=IDS[1])",
        "IDS = [{'db': 'x'}]\nOp(conn_id=IDS[0]['db'])",
        "A, B = 'x', 'y'\nOp(conn_id=A)",
        "(A, B), C = ('y', 'x'), 'z'\nOp(conn_id=B)",
        "def f():\n    a, b = 'x', 1\n    Op(conn_id=a)",
        "class A(Op):\n    def __init__(self):\n        self.a, self.b = 'x', 1\n"
        "    def f(self):\n        Op(conn_id=self.a)",
        "NAME = 'A X'\nOp(conn_id=NAME.removeprefix('A ').lower())",
        "Op(conn_id=' x '.strip())",
        "Op(conn_id='a'.replace('a', 'x'))",
        "for a in ['X']:\n    Op(conn_id=a.lower())",
    ],
)
def test_one_element_of_a_list_and_a_changed_string(code: str) -> None:
    found = found_in(code)
    assert connections(found) == ["x"]
    assert not found.uses[0].is_optional
    assert not found.computed


def test_a_default_of_a_mapping_with_a_known_key() -> None:
    """The default is not used, so it is no id."""
    found = found_in("for c in [{'db': 'x'}, {'db': 'y'}]:\n    Op(conn_id=c.get('db', 'z'))")
    assert connections(found) == ["x", "y"]
    assert not found.computed


def test_an_assignment_to_a_function_that_reads_is_no_use() -> None:
    found = found_in("BaseHook.get_connection = f\nVariable.get = f")
    assert not found.uses
    assert not found.computed


def test_long_strings_are_not_changed() -> None:
    found = found_in(f"Variable.get({'a' * 400!r}.replace('', {'b' * 400!r}).replace('', {'b' * 400!r}))")
    assert len(found.computed) == 1
