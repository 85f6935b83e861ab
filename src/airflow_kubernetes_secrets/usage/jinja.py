"""The ids in a template that Jinja can parse, as Airflow renders it: with its strings, scopes and comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import product
from math import prod
from typing import NamedTuple

from jinja2 import Environment, nodes

# What a template reads ids from.
ROOTS = frozenset(("conn", "var"))

# These pass a value on to where it has another name, or to a function.
_PASSES_ON = (nodes.Assign, nodes.Call, nodes.Keyword, nodes.With)


# The names that a template itself sets, each with the strings that it has in turn; ``None`` if they are not known.
_Own = dict[str, "Sequence[str] | None"]

# The most combinations of strings that are followed in one expression.
_MOST_KEYS = 1_000


class Access(NamedTuple):
    """One expression such as ``var.value.x``.

    Attributes:
        root: ``conn`` or ``var``.
        keys: the names after it, each with whether it has a default; a name is ``None`` if it is computed.
        line: the line in the template, from 0.
    """

    root: str
    keys: Sequence[tuple[str | None, bool]]
    line: int


class _Step(NamedTuple):
    """One part of an expression: what comes before it, the names that it can have, and the expressions in arguments."""

    before: nodes.Node
    keys: Sequence[str | None]
    has_default: bool = False
    arguments: Sequence[nodes.Node] = ()


def accesses(text: str) -> list[Access]:
    """Return what a template reads.

    Raises:
        jinja2.TemplateError, ArithmeticError, RecursionError, ValueError: Jinja cannot parse it.
    """
    return list(_in_statements(_environment().parse(text).body, {}))


@cache
def _environment() -> Environment:
    # Templates are only parsed. Airflow has the first extension, and users often add the second.
    return Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701  # it only parses


def _in_statements(statements: Iterable[nodes.Node], own: _Own) -> Iterator[Access]:
    """Yield what statements read.

    Args:
        own: the names that the template itself sets. Those that the statements set are added.
    """
    for each in statements:
        yield from _in(each, own)


def _in(node: nodes.Node, own: _Own, parent: nodes.Node | None = None) -> Iterator[Access]:
    """Yield what one node reads."""
    if isinstance(node, (nodes.For, nodes.With, nodes.Macro, nodes.CallBlock)):
        yield from _in_scope(node, own)
    elif isinstance(node, (nodes.FilterBlock, nodes.Block, nodes.Scope)):
        yield from _in_statements(node.iter_child_nodes(), dict(own))
    elif isinstance(node, (nodes.Assign, nodes.AssignBlock)):
        inner = own if isinstance(node, nodes.Assign) else dict(own)
        for child in node.iter_child_nodes(exclude=("target",)):
            yield from _in(child, inner, node)
        known = _strings(node.node, own) if isinstance(node, nodes.Assign) else None
        # A name that is set again can have either value in the code that follows.
        own.update({name: None if name in own else known for name in _names(node.target)})
    elif isinstance(node, nodes.Import):
        yield from _in(node.template, own)
        own[node.target] = None
    elif isinstance(node, nodes.FromImport):
        yield from _in(node.template, own)
        own.update({each if isinstance(each, str) else each[1]: None for each in node.names})
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in ROOTS:
        # Airflow has no function of this name, but dbt has.
        for child in node.iter_child_nodes(exclude=("node",)):
            yield from _in(child, own, node)
    elif isinstance(node, (nodes.If, nodes.CondExpr)):
        # The condition can exclude some of the strings.
        several = {name: own[name] for name in _names(node.test) & own.keys() if len(own[name] or ()) > 1}
        own.update(dict.fromkeys(several))
        yield from _in_statements(node.iter_child_nodes(), own)
        own.update(several)
    else:
        yield from _in_expression(node, own, parent)


def _in_scope(node: nodes.For | nodes.With | nodes.Macro | nodes.CallBlock, own: _Own) -> Iterator[Access]:
    """Yield what is read in a block with names of its own."""
    outside: Sequence[nodes.Node]
    targets: Sequence[nodes.Node]
    inside: Sequence[nodes.Node]
    if isinstance(node, nodes.For):
        outside, targets = [node.iter, *node.else_], [node.target]
        inside = [*([] if node.test is None else [node.test]), *node.body]
    elif isinstance(node, nodes.With):
        outside, targets, inside = node.values, node.targets, node.body
    else:
        outside = [node.call] if isinstance(node, nodes.CallBlock) else []
        targets, inside = node.args, [*node.defaults, *node.body]
        if isinstance(node, nodes.Macro):
            own[node.name] = None
    for each in outside:
        yield from _in(each, dict(own), node)
    inner = own | {name: None for target in targets for name in _names(target)}
    if isinstance(node, nodes.For) and isinstance(node.target, nodes.Name) and not _skips_elements(node):
        inner[node.target.name] = _elements(node.iter, own)
    yield from _in_statements(inside, inner)


def _in_expression(node: nodes.Node, own: _Own, parent: nodes.Node | None) -> Iterator[Access]:
    """Yield what an expression reads, and what the expressions in it read."""
    steps: list[_Step] = []
    first = node
    while (step := _step(first, own)) is not None:
        steps.append(step)
        first = step.before
    arguments = [each for step in steps for each in step.arguments]
    if not isinstance(first, nodes.Name):
        for child in arguments if first is not node else ():
            yield from _in(child, own, node)
        for child in [first] if first is not node else node.iter_child_nodes():
            yield from _in(child, own, node)
        return
    if first.name in ROOTS and first.name not in own:
        steps.reverse()
        if not steps and isinstance(parent, _PASSES_ON):
            steps = [_Step(first, [None])]
        defaults = [step.has_default for step in steps]
        is_small = prod(len(step.keys) for step in steps) <= _MOST_KEYS
        for keys in product(*(step.keys if is_small else [None] for step in steps)):
            yield Access(first.name, list(zip(keys, defaults, strict=True)), first.lineno - 1)
    for child in arguments:
        yield from _in(child, own, node)


def _step(node: nodes.Node, own: _Own) -> _Step | None:
    """Return the last part of ``a.b``, ``a['b']``, ``a.get('b')`` or ``a|attr('b')``; ``None`` for anything else."""
    if isinstance(node, nodes.Getattr):
        return _Step(node.node, [node.attr])
    if isinstance(node, nodes.Getitem):
        return _Step(node.node, _strings(node.arg, own) or [None], arguments=[node.arg])
    if isinstance(node, nodes.Call):
        arguments: list[nodes.Node] = [*node.args, *node.kwargs]
        arguments += (each for each in (node.dyn_args, node.dyn_kwargs) if each is not None)
        if not isinstance(node.node, nodes.Getattr) or node.node.attr != "get":
            return None
        keys = _strings(node.args[0], own) if node.args else None
        return _Step(node.node.node, keys or [None], len(node.args) + len(node.kwargs) > 1, arguments)
    if isinstance(node, nodes.Filter) and node.name == "attr" and node.node is not None and node.args:
        return _Step(node.node, _strings(node.args[0], own) or [None], arguments=node.args)
    return None


def _strings(node: nodes.Node, own: _Own) -> Sequence[str] | None:
    """Return the strings that an expression has in turn; ``None`` if they are not known."""
    if isinstance(node, nodes.Name):
        return own.get(node.name)
    return [node.value] if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _skips_elements(loop: nodes.For) -> bool:
    skips = (nodes.Break, nodes.Continue)
    return loop.test is not None or any(loop.find(each) is not None for each in skips)


def _elements(node: nodes.Node, own: _Own) -> Sequence[str] | None:
    """Return the elements of a list of strings; ``None`` for any other expression."""
    if not isinstance(node, (nodes.List, nodes.Tuple)):
        return None
    found = [_strings(each, own) for each in node.items]
    return None if None in found else [text for each in found if each is not None for text in each]


def _names(target: nodes.Node) -> set[str]:
    """Return the names that a target sets."""
    found = {each.name for each in target.find_all(nodes.Name)}
    return found | {target.name} if isinstance(target, nodes.Name) else found
