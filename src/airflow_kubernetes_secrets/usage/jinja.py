"""The ids in a template that Jinja can parse, as Airflow renders it: with its strings, scopes and comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, nodes

# What a template reads ids from.
ROOTS = frozenset(("conn", "var"))

# These pass a value on to where it has another name, or to a function.
_PASSES_ON = (nodes.Assign, nodes.Call, nodes.Keyword, nodes.With)


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
    """One part of an expression: the expression before it, the name, and the expressions in its arguments."""

    before: nodes.Node
    key: str | None
    has_default: bool = False
    arguments: Sequence[nodes.Node] = ()


def accesses(text: str) -> list[Access]:
    """Return what a template reads.

    Raises:
        jinja2.TemplateError, ArithmeticError, RecursionError, ValueError: Jinja cannot parse it.
    """
    return list(_in_statements(_environment().parse(text).body, set()))


@cache
def _environment() -> Environment:
    # Templates are only parsed. Airflow has the first extension, and users often add the second.
    return Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701


def _in_statements(statements: Iterable[nodes.Node], own: set[str]) -> Iterator[Access]:
    """Yield what statements read.

    Args:
        own: the names that the template itself sets; those that the statements set are added.
    """
    for each in statements:
        yield from _in(each, own)


def _in(node: nodes.Node, own: set[str], parent: nodes.Node | None = None) -> Iterator[Access]:
    """Yield what one node reads."""
    if isinstance(node, (nodes.For, nodes.With, nodes.Macro, nodes.CallBlock)):
        yield from _in_scope(node, own)
    elif isinstance(node, (nodes.FilterBlock, nodes.Block, nodes.Scope)):
        yield from _in_statements(node.iter_child_nodes(), set(own))
    elif isinstance(node, (nodes.Assign, nodes.AssignBlock)):
        inner = own if isinstance(node, nodes.Assign) else set(own)
        for child in node.iter_child_nodes(exclude=("target",)):
            yield from _in(child, inner, node)
        own.update(_names(node.target))
    elif isinstance(node, nodes.Import):
        yield from _in(node.template, own)
        own.add(node.target)
    elif isinstance(node, nodes.FromImport):
        yield from _in(node.template, own)
        own.update(each if isinstance(each, str) else each[1] for each in node.names)
    else:
        yield from _in_expression(node, own, parent)


def _in_scope(node: nodes.For | nodes.With | nodes.Macro | nodes.CallBlock, own: set[str]) -> Iterator[Access]:
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
            own.add(node.name)
    for each in outside:
        yield from _in(each, set(own), node)
    yield from _in_statements(inside, own.union(*map(_names, targets)))


def _in_expression(node: nodes.Node, own: set[str], parent: nodes.Node | None) -> Iterator[Access]:
    """Yield what an expression reads, and what the expressions in it read."""
    keys: list[tuple[str | None, bool]] = []
    arguments: list[nodes.Node] = []
    first = node
    while (step := _step(first)) is not None:
        keys.insert(0, (step.key, step.has_default))
        arguments += step.arguments
        first = step.before
    if not isinstance(first, nodes.Name):
        for child in arguments if first is not node else ():
            yield from _in(child, own, node)
        for child in [first] if first is not node else node.iter_child_nodes():
            yield from _in(child, own, node)
        return
    if first.name in ROOTS and first.name not in own:
        if not keys and isinstance(parent, _PASSES_ON):
            keys = [(None, False)]
        yield Access(first.name, keys, first.lineno - 1)
    for child in arguments:
        yield from _in(child, own, node)


def _step(node: nodes.Node) -> _Step | None:
    """Return the last part of ``a.b``, ``a['b']``, ``a.get('b')`` or ``a|attr('b')``; ``None`` for anything else."""
    if isinstance(node, nodes.Getattr):
        return _Step(node.node, node.attr)
    if isinstance(node, nodes.Getitem):
        return _Step(node.node, _constant(node.arg), arguments=[node.arg])
    if isinstance(node, nodes.Call):
        arguments: list[nodes.Node] = [*node.args, *node.kwargs]
        arguments += (each for each in (node.dyn_args, node.dyn_kwargs) if each is not None)
        if not isinstance(node.node, nodes.Getattr) or node.node.attr != "get":
            return None
        key = _constant(node.args[0]) if node.args else None
        return _Step(node.node.node, key, len(node.args) + len(node.kwargs) > 1, arguments)
    if isinstance(node, nodes.Filter) and node.name == "attr" and node.node is not None and node.args:
        return _Step(node.node, _constant(node.args[0]), arguments=node.args)
    return None


def _constant(node: nodes.Node) -> str | None:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None


def _names(target: nodes.Node) -> set[str]:
    """Return the names that a target sets."""
    found = {each.name for each in target.find_all(nodes.Name)}
    return found | {target.name} if isinstance(target, nodes.Name) else found
