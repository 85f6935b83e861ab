"""The names that the branches of ``if``, ``try``, ``match`` and ``with`` set, each with the values that it can have."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Final, NamedTuple, TypeAlias

from airflow_kubernetes_secrets.usage.dotted_names import dotted, imported_paths, is_installed

if sys.version_info >= (3, 11):
    _TRY: Final = (ast.Try, ast.TryStar)
    Branching: TypeAlias = ast.If | ast.Try | ast.TryStar | ast.Match | ast.With | ast.AsyncWith
else:
    _TRY: Final = (ast.Try,)
    Branching: TypeAlias = ast.If | ast.Try | ast.Match | ast.With | ast.AsyncWith
_BRANCHING: Final = (ast.If, *_TRY, ast.Match, ast.With, ast.AsyncWith)
# The statements that can set a name here. Most statements are of other classes, and are skipped quickly.
_SETTING: Final = frozenset((*_BRANCHING, ast.Assign, ast.AnnAssign, ast.ImportFrom))

# The errors with which Airflow's versions report that an entry does not exist, and the classes that include others.
_NOT_FOUND = frozenset(("AirflowNotFoundException", "AirflowRuntimeError", "KeyError", "LookupError"))
_ANY_ERROR = frozenset(("AirflowException", "BaseException", "Exception"))

# The most statements with branches in each other that are read together. An inner one is then read by itself.
_DEEPEST = 8


class Before(ast.expr):
    """The value that a name has before a statement that may not set it. It is not a part of the code.

    Attributes:
        value: that value; ``None`` if it is unknown.
    """

    _fields = ()

    def __init__(self) -> None:
        super().__init__()
        self.value: ast.expr | None = None


class Argument(ast.expr):
    """The value that the caller of a function passes as a parameter. It is not a part of the code."""

    _fields = ()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Imported(ast.expr):
    """The value that a name has in the file from which it is imported. It is not a part of the code.

    Attributes:
        path: the module and the name in it.
    """

    _fields = ()

    def __init__(self, path: str, line: int) -> None:
        super().__init__()
        self.lineno = line
        self.path = path


class OneOf(ast.expr):
    """The value of a name after a statement with branches. It is not a part of the code.

    Attributes:
        statement: the statement. All names that it sets have their values of the same branch.
        count: the number of branches, with that of ``if`` without ``else``.
        values: the values, by the numbers of the branches that set the name.
        before: the value in the other branches; ``None`` if each branch sets the name.
    """

    _fields = ()

    def __init__(
        self, statement: Branching, count: int, values: Mapping[int, ast.expr], before: ast.expr | None
    ) -> None:
        super().__init__()
        self.lineno = statement.lineno
        self.statement = statement
        self.count = count
        self.values = values
        self.before = before


class Branches(NamedTuple):
    """How a statement sets a name.

    Attributes:
        line: the line of the statement.
        value: an expression with the values that the name can have.
        assignments: the assignments and imports in the branches, each as the target in the code and the value.
        before: the value from before in the expression; ``None`` if each branch sets the name.
    """

    line: int
    value: ast.expr
    assignments: Sequence[tuple[ast.Name | ast.alias, ast.expr]]
    before: Before | None

    def has_several_imports(self) -> bool:
        """Return whether the name is imported from one of several modules, or only in some branches."""
        return len(self.assignments) > 1 and any(isinstance(value, Imported) for _target, value in self.assignments)


def branches_of(node: Branching) -> tuple[Mapping[str, Branches], Iterable[ast.stmt]]:
    """Return the names that the branches set, and every statement with branches that was read for it.

    A name that a branch sets several times is not included.
    """
    reader = _Reader()
    found = reader.set_in([node], reader.before, _DEEPEST)
    names = {
        name: Branches(node.lineno, value, reader.assignments[name], reader.befores.get(name))
        for name, value in found.items()
        if name not in reader.unread
    }
    return names, reader.statements


def values_of(expressions: Iterable[ast.expr]) -> Iterator[ast.expr]:
    """Yield the expressions in the code that some expressions can have as their values, each once."""
    pending = list(expressions)
    seen: set[ast.expr] = set()
    while pending:
        each = pending.pop()
        if each in seen:
            continue
        seen.add(each)
        if isinstance(each, OneOf):
            pending += each.values.values()
            pending += [] if each.before is None else [each.before]
        elif isinstance(each, Before):
            pending += [] if each.value is None else [each.value]
        else:
            yield each


def is_never_run(test: ast.expr) -> bool:
    """Return whether Airflow never runs the block of an ``if``, which is for the main program or for type checkers."""
    if not isinstance(test, ast.Compare):
        return dotted(test)[-1:] == ["TYPE_CHECKING"]
    return isinstance(test.ops[0], ast.Eq) and ["__name__"] in (dotted(test.left), dotted(test.comparators[0]))


def with_fallback(target: ast.Name, value: ast.expr) -> Branches | None:
    """Return how ``name = name or other`` and ``name = name if name else other`` set a name.

    ``None`` for any other assignment.
    """
    name = target.id
    if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or) and dotted(value.values[0]) == [name]:
        others = value.values[1:]
    elif isinstance(value, ast.IfExp) and dotted(value.body) == [name] and _is_test_of_value(value.test, name):
        others = [value.orelse]
    elif isinstance(value, ast.IfExp) and dotted(value.orelse) == [name] and _is_test_of_missing(value.test, name):
        others = [value.body]
    else:
        return None
    before = Before()
    # Each of these assignments sets the name to its own value or to another one, as `or` does.
    either = ast.copy_location(ast.BoolOp(ast.Or(), [before, *others]), value)
    return None if _has_name(others, name) else Branches(target.lineno, either, (), before)


def handles_missing(node: ast.Try | ast.With | ast.AsyncWith) -> bool:
    """Return whether the code continues if an entry that the block of a statement reads does not exist.

    A handler for any error counts only if the block is a single statement. A longer block may use the entry, so the
    handler may be for what else can fail.
    """
    errors = _NOT_FOUND | _ANY_ERROR if len(node.body) == 1 else _NOT_FOUND
    if isinstance(node, (ast.With, ast.AsyncWith)):
        managers = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        return any(dotted(each.func)[-1:] == ["suppress"] and _names_any(each.args, errors) for each in managers)
    for handler in node.handlers:
        types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if (None in types and len(node.body) == 1) or _names_any(types, errors):
            return not any(isinstance(each, ast.Raise) for part in handler.body for each in ast.walk(part))
    return False


def _names_any(types: Iterable[ast.expr | None], errors: Set[str]) -> bool:
    """Return whether one of the classes is one of these errors, judging by its name."""
    return any(each is not None and not errors.isdisjoint(dotted(each)[-1:]) for each in types)


def replaces_missing(value: ast.AST | None, name: str) -> bool:
    """Return whether a value replaces only a missing one, as in ``if not name: name = other`` or ``name or other``.

    A name that has a string then keeps it.

    Args:
        value: what a statement sets ``name`` to.
    """
    if isinstance(value, ast.BoolOp) and isinstance(value.values[0], Before):
        return True
    if not isinstance(value, OneOf) or not isinstance(value.statement, ast.If) or value.statement.orelse:
        return False
    return not _has_name(value.values.values(), name) and _is_test_of_missing(value.statement.test, name)


def _has_name(nodes: Iterable[ast.expr], name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for node in nodes for each in ast.walk(node))


def _is_test_of_value(test: ast.expr, name: str) -> bool:
    """Return whether a test is false only if a name has no string, as in ``name`` and ``name is not None``."""
    if isinstance(test, ast.Compare):
        is_empty = isinstance(test.comparators[0], ast.Constant) and not test.comparators[0].value
        is_unequal = len(test.ops) == 1 and isinstance(test.ops[0], (ast.IsNot, ast.NotEq))
        return is_empty and is_unequal and dotted(test.left) == [name]
    return dotted(test) == [name]


def _is_test_of_missing(test: ast.expr, name: str) -> bool:
    """Return whether a test is true only if a name has no string, as in ``name is None`` and ``not name and other``."""
    if isinstance(test, ast.BoolOp):
        found = [_is_test_of_missing(each, name) for each in test.values]
        return any(found) if isinstance(test.op, ast.And) else all(found)
    if isinstance(test, ast.Compare):
        is_empty = isinstance(test.comparators[0], ast.Constant) and not test.comparators[0].value
        is_equal = len(test.ops) == 1 and isinstance(test.ops[0], (ast.Is, ast.Eq))
        return is_empty and is_equal and dotted(test.left) == [name]
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and dotted(test.operand) == [name]


# Returns the value that a name has before a statement.
_ValueBefore = Callable[[str], ast.expr]


class _Reader:
    """Reads one statement with branches, and those in its branches.

    Attributes:
        assignments: the assignments to each name.
        befores: the values from before the statement, as far as a branch does not set a name.
        unread: the names that a branch sets several times. Code between the assignments can use each value.
        statements: the statements with branches.
    """

    def __init__(self) -> None:
        self.assignments: dict[str, list[tuple[ast.Name | ast.alias, ast.expr]]] = {}
        self.befores: dict[str, Before] = {}
        self.unread: set[str] = set()
        self.statements: set[ast.stmt] = set()

    def before(self, name: str) -> Before:
        """Return the value that a name has before the statement."""
        return self.befores.setdefault(name, Before())

    def set_in(self, statements: Iterable[ast.stmt], before: _ValueBefore, depth: int) -> dict[str, ast.expr]:
        """Return the names that a branch sets, each with its value after it."""
        found: dict[str, ast.expr] = {}
        pending = [each for each in statements if each.__class__ in _SETTING]
        if not pending:
            return found
        pending.reverse()

        def value_before(name: str) -> ast.expr:
            return found[name] if name in found else before(name)

        while pending:
            each = pending.pop()
            if isinstance(each, _BRANCHING):
                if depth:
                    self.statements.add(each)
                    found |= self._set_by(each, value_before, depth)
                    pending += reversed(each.finalbody) if isinstance(each, _TRY) else ()
            else:
                for target, value in _values_set_by(each):
                    self._set(target, value, found)
        return found

    def _set(self, target: ast.Name | ast.alias, value: ast.expr, found: dict[str, ast.expr]) -> None:
        """Note that a branch sets a name."""
        name = target.id if isinstance(target, ast.Name) else target.asname or target.name
        if name in found:
            self.unread.add(name)
        found[name] = value
        self.assignments.setdefault(name, []).append((target, value))

    def _set_by(self, node: Branching, before: _ValueBefore, depth: int) -> dict[str, ast.expr]:
        branches, is_complete = self._branches(node)
        if is_complete and len(branches) == 1:
            return self.set_in(branches[0], before, depth - 1)
        values: dict[str, dict[int, ast.expr]] = {}
        for number, branch in enumerate(branches):
            for name, value in self.set_in(branch, before, depth - 1).items():
                values.setdefault(name, {})[number] = value
        count = len(branches) + (not is_complete)
        return {
            name: OneOf(node, count, found, before(name) if len(found) < count else None)
            for name, found in values.items()
        }

    def _branches(self, node: Branching) -> tuple[Sequence[Sequence[ast.stmt]], bool]:
        """Return the branches of a statement, and whether one of them always runs to its end."""
        if isinstance(node, (ast.With, ast.AsyncWith)):
            # `with suppress(KeyError)` can end its block early.
            return [node.body], False
        if isinstance(node, ast.Match):
            last = node.cases[-1]
            is_complete = last.guard is None and isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
            return [case.body for case in node.cases], is_complete
        if not isinstance(node, ast.If):
            return [[*node.body, *node.orelse], *(handler.body for handler in node.handlers)], True
        branches = []
        while True:
            if not is_never_run(node.test):
                branches.append(node.body)
            following = node.orelse[0] if len(node.orelse) == 1 else None
            if not isinstance(following, ast.If):
                return ([*branches, node.orelse], True) if node.orelse else (branches, False)
            node = following
            self.statements.add(node)


def _values_set_by(node: ast.stmt) -> Iterator[tuple[ast.Name | ast.alias, ast.expr]]:
    """Yield the names that an assignment or an import sets, each with its value."""
    if isinstance(node, ast.ImportFrom):
        if not is_installed((node.module or "").partition(".")[0]):
            for alias, path in imported_paths(node):
                if alias.name != "*":
                    yield alias, Imported(path, node.lineno)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                yield target, node.value
