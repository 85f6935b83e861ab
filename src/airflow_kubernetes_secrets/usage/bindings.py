"""What sets the names in the scopes of a Python file, and what these names mean where code uses them."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Sequence
from functools import cached_property

from airflow_kubernetes_secrets.usage.branches import (
    Argument,
    Branches,
    Branching,
    OneOf,
    branches_of,
    replaces_missing,
    with_fallback,
)
from airflow_kubernetes_secrets.usage.dotted_names import dotted, is_airflow, is_installed
from airflow_kubernetes_secrets.usage.frames import Definition, Frame, Loop, LoopVariable, Names
from airflow_kubernetes_secrets.usage.imported_names import STARS, in_module

# The number of names and operators that are followed to reach a literal value.
DEEPEST = 8

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# If more modules are imported with ``from module import *``, the names in them are not known.
_MOST_STARS = 20


class Bindings:
    """The names of one file. A pass over the code binds them, from the end to the beginning.

    Attributes:
        stars: the modules of ``from module import *`` that are neither Airflow's nor Python's, the last one first.
    """

    def __init__(self, file: Frame) -> None:
        self._file = file
        self.stars: list[str] = []
        # One of the other modules of `from module import *`; the first one of Airflow if there is one.
        self._installed_star = ""
        # By the identity of the names of a scope.
        self._imports: dict[int, dict[str, str]] = {}
        self._imported_names: set[str] = set()
        # The names that assignments may set to another name.
        self._aliases: set[str] = set()
        # The names that more than one statement may set, each with the identity of the names of its scope.
        self._set_again: set[tuple[int, str]] = set()
        self._scopes_with_stars: list[tuple[Names, int]] = []
        # The loop that sets a value for each element.
        self._set_in: dict[ast.expr, ast.AST] = {}
        # The targets in branches that are bound with their statement, and the statements whose branches are read.
        self._in_branches: set[ast.Name | ast.alias] = set()
        self._read_statements: set[ast.stmt] = set()
        # The names that only statements with branches have set so far, each with the identity of the names of its
        # scope: what the first of these statements sets, and its frame.
        self._branches: dict[tuple[int, str], tuple[Branches, Frame]] = {}

    def bind(self, frame: Frame, name: str, value: Definition | None) -> None:
        """Bind a name to a value; to ``None`` if the value is unknown. A name with several values has none."""
        names = frame.scope
        if name not in names or (replaces_missing(value, name) and self._is_parameter(name, frame)):
            names[name] = value
            return
        known = names[name]
        if known is not None and self._is_before_branches(names, name, value):
            return
        if isinstance(known, LoopVariable) and isinstance(value, LoopVariable) and known.add(value, frame):
            return
        names[name] = None
        self._set_again.add((id(names), name))

    def _is_parameter(self, name: str, frame: Frame) -> bool:
        """Return whether a name is a parameter that no code sets, as far as it has been read."""
        scope, names = next(frame.scopes())
        is_set = names is not frame.scope or names[name] is not None or (id(names), name) in self._set_again
        return not is_set and isinstance(scope.node, _FUNCTIONS) and name in parameters_of(scope.node)

    def bind_loop_variable(self, name: ast.Name, frame: Frame, loop: Loop) -> None:
        """Bind a name that a loop sets."""
        self.bind(frame, name.id, LoopVariable(name.lineno, loop))

    def assign(self, target: ast.Name, value: ast.expr, frame: Frame) -> None:
        """Bind a name that an assignment sets."""
        if target not in self._in_branches:
            branches = with_fallback(target, value)
            if branches is None:
                self.bind(frame, target.id, value)
            else:
                self._bind_branches_of(target.id, branches, frame)
        if isinstance(value, (ast.Name, ast.Attribute)):
            self._aliases.add(target.id)
        self._note_loop(value, frame)

    def _note_loop(self, value: ast.expr, frame: Frame) -> None:
        if frame.is_in_loop and not frame.is_in_condition():
            self._set_in[value] = next(frame.loops())

    def bind_branches(self, node: Branching, frame: Frame) -> None:
        """Bind the names that the branches of a statement set, and that no statement around it has bound."""
        if node in self._read_statements:
            return
        found, statements = branches_of(node)
        self._read_statements.update(statements)
        for name, branches in found.items():
            self._in_branches.update(target for target, _value in branches.assignments)
            if branches.has_several_imports():
                self._set_again.add((id(frame.scope), name))
            if isinstance(branches.value, OneOf):
                self._bind_branches_of(name, branches, frame)
            else:
                self.bind(frame, name, branches.value)

    def _bind_branches_of(self, name: str, branches: Branches, frame: Frame) -> None:
        self.bind(frame, name, branches.value)
        if frame.scope[name] is not None:
            self._branches[id(frame.scope), name] = branches, frame
            self._note_loop(branches.value, frame)

    def _is_before_branches(self, names: Names, name: str, value: Definition | None) -> bool:
        """Return whether a value is the one that a name has before the branches that set it, and include it there."""
        branches, _frame = self._branches.pop((id(names), name), (None, None))
        if branches is None or not isinstance(value, ast.expr) or isinstance(value, LoopVariable):
            return False
        if value.lineno >= branches.line:
            return False
        if branches.before is not None:
            branches.before.value = value
        return True

    def share(self, names: Iterable[str], frame: Frame) -> None:
        """Bind names of ``global`` and ``nonlocal``, whose values are unknown in each scope around a frame."""
        for _scope, bound in frame.scopes():
            bound.update(dict.fromkeys(names))
            self._set_again.update((id(bound), name) for name in names)

    def bind_import(self, alias: ast.alias, name: str, path: str, frame: Frame) -> None:
        """Bind a name that is imported."""
        known = self._imports.setdefault(id(frame.scope), {})
        if known.get(name) != path and alias not in self._in_branches:
            self.bind(frame, name, None)
        self._imported_names.add(name)
        # A file for several versions of Airflow imports a name from several modules.
        if not is_airflow(known.get(name, "")):
            known[name] = path

    def bind_star(self, module: str, frame: Frame, line: int) -> None:
        """Note ``from module import *``."""
        if not is_installed(module.partition(".")[0]):
            self.stars.append(module)
        elif not self._installed_star or is_airflow(module):
            self._installed_star = module
        if not is_airflow(module):
            self._scopes_with_stars.append((frame.scope, line))

    def finish(self) -> None:
        """Give the names their final values. Call it after the pass.

        A name that ``from module import *`` may set again has no value. If branches set a name once, and nothing else
        sets it, that value is the only one.
        """
        for names, line in self._scopes_with_stars:
            names.update({name: None for name, value in names.items() if value is not None and value.lineno < line})
        scopes_with_stars = {id(names) for names, _line in self._scopes_with_stars}
        for (scope, name), (branches, frame) in self._branches.items():
            owner = next(frame.scopes())[0].node
            if isinstance(owner, _FUNCTIONS) and name in parameters_of(owner):
                if branches.before is not None and replaces_missing(branches.value, name):
                    branches.before.value = Argument(name)
                continue
            # A class can inherit another value.
            has_other = scope in scopes_with_stars or (isinstance(owner, ast.ClassDef) and bool(owner.bases))
            if frame.scope[name] is branches.value and len(branches.assignments) == 1 and not has_other:
                frame.scope[name] = branches.assignments[0][1]

    def imported(self, names: Sequence[str], frame: Frame | None = None, depth: int = DEEPEST) -> str:
        """Return the path of an imported name, such as ``airflow.sdk.Variable``; empty if it is not imported.

        Args:
            names: the parts of the name, as :func:`dotted` returns them.
            frame: where it is used; by default, in the file.
            depth: how many other names of the imported one are followed, such as ``get`` after ``get = Variable.get``.
        """
        # Most names are not imported in any scope, and searching the scopes takes long.
        if not names or not (names[0] in self._imported_names or self._star_module or names[0] in self._aliases):
            return ""
        owner: Names | None = None
        for scope, known in (self._file if frame is None else frame).scopes():
            if names[0] in known:
                owner = known
                if depth and (alias := _alias(known[names[0]])):
                    return self.imported([*alias, *names[1:]], scope, depth - 1)
                break
        path = "" if owner is None else self._imports.get(id(owner), {}).get(names[0], "")
        if owner is None and (module := self._star_module) and not hasattr(builtins, names[0]):
            path = in_module(module, names[0])
        return ".".join((path, *names[1:])) if path else ""

    @cached_property
    def _star_module(self) -> str:
        """The module of ``from module import *``, or :data:`STARS`; empty if there is none, or too many."""
        own = list(dict.fromkeys(self.stars))
        if is_airflow(self._installed_star) or not own:
            return self._installed_star
        return own[0] if len(own) == 1 else STARS if len(own) <= _MOST_STARS else ""

    def imports(self) -> dict[str, str]:
        """Return the path of each name that the file imports outside functions, and does not set again."""
        scope = id(self._file.scope)
        known = self._imports.get(scope, {})
        return {name: path for name, path in known.items() if (scope, name) not in self._set_again}

    def is_set_again(self, name: str, frame: Frame) -> bool:
        """Return whether code sets a name again that is imported, or is a parameter."""
        scope = next((names for _scope, names in frame.scopes() if name in names), None)
        return (id(scope), name) in self._set_again

    def value(self, node: ast.expr, frame: Frame) -> ast.expr:
        """Return the expression that sets a name, if it has exactly one; else the node itself."""
        for _ in range(DEEPEST):
            if not isinstance(node, ast.Name):
                break
            found = self.definition(node.id, frame)
            if found is None or isinstance(found[0], ast.ClassDef):
                break
            node, frame = found[0], found[1]
        return node

    def definition(self, name: str, frame: Frame) -> tuple[Definition, Frame] | None:
        """Return what sets a name, and where the names in that are searched; ``None`` if it is unknown."""
        found = ((scope, names[name]) for scope, names in frame.scopes() if name in names)
        scope, value = next(found, (frame, None))
        # The code of a class reads the name outside until the class sets it.
        if value is None or (isinstance(scope.node, ast.ClassDef) and next(found, None) is not None):
            return None
        return value, self._frame_of(value, scope, frame)

    def _frame_of(self, value: Definition, scope: Frame, frame: Frame) -> Frame:
        """Return where the names in a value are searched for the code of a frame.

        If the loop that sets the value runs this code too, the names have the values of the same element.
        """
        loop = self._set_in.get(value) if isinstance(value, ast.expr) else None
        if loop is None or loop not in set(frame.loops()):
            return scope
        return next(each for each in frame.outwards() if each.scope is scope.scope)


def parameters_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names of the parameters of a function, without ``*args`` and ``**kwargs``."""
    given = function.args
    return {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)}


def _alias(value: Definition | None) -> list[str]:
    """Return the names in ``a.b`` if it sets another name; empty for any other expression."""
    return dotted(value) if isinstance(value, (ast.Name, ast.Attribute)) else []
