"""The arguments for connection ids of hooks and operators in Airflow and its providers, and the default ids.

The source files are parsed and not imported. Importing a provider takes seconds, and can fail for reasons that do not
matter here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from airflow_kubernetes_secrets.usage.first_arguments import FIRST_ARGUMENTS

# This class takes the id as its only positional argument, and stores it in the attribute that `conn_name_attr` names.
_SQL_HOOK = "airflow.providers.common.sql.hooks.sql.DbApiHook"

# The arguments for connection ids; each ends like one of these. The others are those of the providers for Kafka and
# Jenkins. Other products have connections too, so an argument such as `airbyte_connection_id` is none of these.
ENDS_OF_ARGUMENTS = ("conn_id", "kafka_config_id", "jenkins_connection_id")
_ARGUMENTS = frozenset(ENDS_OF_ARGUMENTS)

# These operators have the hook of Google's provider, and do not use the connection of the operators for Kubernetes that
# they inherit from.
_OF_GKE = "airflow.providers.google.cloud.operators.kubernetes_engine."

# How many re-exports or base classes are followed.
_DEEPEST = 12


@dataclass(frozen=True)
class Signature:
    """What a class takes as connection ids.

    Attributes:
        defaults: the arguments for connection ids, each with its default; ``None`` if it has none, or one that is
            computed.
        first: the name of the first positional argument; empty if it is not a connection id.
        instead: the arguments that are used only if another one is not given, each with the other one.
    """

    defaults: Mapping[str, str | None]
    first: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)


def names_connection(argument: str) -> bool:
    """Return whether an argument of this name takes the id of a connection."""
    return argument in _ARGUMENTS or argument.endswith("_conn_id")


def names_list_of_connections(argument: str) -> bool:
    """Return whether an argument of this name takes a list of ids of connections."""
    return argument.endswith("conn_ids") and names_connection(argument.removesuffix("s"))


class Signatures:
    """Finds the signatures of classes in the installed packages.

    Attributes:
        folders: the folders that are searched.
    """

    def __init__(
        self, folders: tuple[str, ...] | None = None, first_arguments: Mapping[str, str] = FIRST_ARGUMENTS
    ) -> None:
        """Search these folders; by default, those that Python imports from.

        Args:
            first_arguments: the arguments that hooks take first, for those whose source is not found.
        """
        self.folders = tuple(filter(None, sys.path)) if folders is None else folders
        self._first_arguments = first_arguments
        self._module = lru_cache(maxsize=512)(self._read_module)
        self.signature_of = lru_cache(maxsize=4096)(self._signature_of)

    def _signature_of(self, path: str) -> Signature | None:
        """Return the signature of the class with this path; ``None`` if its source is not found."""
        found = self._class(path, _DEEPEST)
        if found is None:
            first = self._first_arguments.get(path)
            return None if first is None else Signature({}, first)
        return self._signature(*found, _DEEPEST)

    def _signature(self, path: str, node: ast.ClassDef, depth: int) -> Signature:
        """Return the arguments of a class, with those that it passes to its base classes."""
        init = next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
        if path == _SQL_HOOK:
            return Signature({}, "conn_id")
        if init is None:
            bases = [self._base(path, base, depth) for base in node.bases]
            found = next((each for each in bases if each is not None), Signature({}))
            return self._with_name_attribute(path, node, found)
        arguments = [each.arg for each in (*init.args.posonlyargs, *init.args.args)][1:]
        defaults: dict[str, str | None] = {}
        for name, default in defaults_of(init):
            if names_connection(name):
                defaults[name] = self._string(path, node, default, depth)
        first = arguments[0] if arguments and names_connection(arguments[0]) else ""
        instead = _used_instead(init, defaults)
        if init.args.kwarg is not None:
            passed = _passed_to_base(init)
            for base in (self._base(path, each, depth) for each in node.bases):
                if base is not None:
                    defaults = {**{k: v for k, v in base.defaults.items() if k not in passed}, **defaults}
                    instead = {**base.instead, **instead}
                    if not arguments and init.args.vararg is not None:
                        first = first or base.first
        if path.startswith(_OF_GKE):
            defaults = {name: default for name, default in defaults.items() if name != "kubernetes_conn_id"}
        found = Signature(defaults, first, instead)
        return found if arguments else self._with_name_attribute(path, node, found)

    def _with_name_attribute(self, path: str, node: ast.ClassDef, found: Signature) -> Signature:
        """Return the signature of a SQL hook, whose class attributes name its argument and the default."""
        if not found.first:
            return found
        name = _attribute(node, "conn_name_attr")
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            return found
        default = self._string(path, node, _attribute(node, "default_conn_name"), _DEEPEST)
        return Signature({**found.defaults, name.value: default}, name.value, found.instead)

    def _base(self, path: str, base: ast.expr, depth: int) -> Signature | None:
        found = self._base_class(path, base, depth)
        return None if found is None else self._signature(*found, depth - 1)

    def _base_class(self, path: str, base: ast.expr, depth: int) -> tuple[str, ast.ClassDef] | None:
        # The hooks of Amazon's provider have bases such as `AwsGenericHook[Client]`.
        generic = base.value if isinstance(base, ast.Subscript) else base
        return self._class(self._in_module(path.rpartition(".")[0], ast.unparse(generic)), depth) if depth else None

    def _first_base(self, path: str, node: ast.ClassDef, depth: int) -> tuple[str, ast.ClassDef] | None:
        return next((found for base in node.bases if (found := self._base_class(path, base, depth))), None)

    def _string(self, path: str, node: ast.ClassDef, value: ast.expr | None, depth: int) -> str | None:
        """Return a default that is a string, or the name of a string in the class, a base class, or the module."""
        if isinstance(value, ast.Constant):
            return value.value if isinstance(value.value, str) and value.value else None
        if not depth:
            return None
        if isinstance(value, ast.Name):
            in_class = _attribute(node, value.id)
            if in_class is not None:
                return self._string(path, node, in_class, depth - 1)
            module = self._module(path.rpartition(".")[0])
            return None if module is None else self._string(path, node, _attribute(module, value.id), depth - 1)
        if isinstance(value, ast.Attribute):
            owner = self._class(self._in_module(path.rpartition(".")[0], ast.unparse(value.value)), depth)
            while owner is not None and depth:
                found = _attribute(owner[1], value.attr)
                if found is not None:
                    return self._string(*owner, found, depth - 1)
                depth -= 1
                owner = self._first_base(*owner, depth)
        return None

    def _class(self, path: str, depth: int) -> tuple[str, ast.ClassDef] | None:
        """Return a class and its path; re-exports are followed."""
        module_path, _, name = path.rpartition(".")
        module = self._module(module_path) if module_path else None
        if module is None or not depth:
            return None
        for node in _statements(module):
            if isinstance(node, ast.ClassDef) and node.name == name:
                return path, node
            # Another name of a class, such as `send_slack_notification`.
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and _sets(node, name):
                return self._class(f"{module_path}.{node.value.id}", depth - 1)
        imported = self._in_module(module_path, name)
        return None if imported == path else self._class(imported, depth - 1)

    def _in_module(self, module_path: str, name: str) -> str:
        """Return the path of a name that a module uses."""
        first, _, rest = name.partition(".")
        module = self._module(module_path)
        for node in _statements(module) if module is not None else ():
            if isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    if (alias.asname or alias.name) == first:
                        return ".".join(filter(None, (node.module, alias.name, rest)))
        return f"{module_path}.{name}"

    def _read_module(self, path: str) -> ast.Module | None:
        """Return a module of Airflow's or of a provider's; ``None`` if there is none, or it cannot be parsed."""
        parts = path.split(".")
        if parts[0] != "airflow" or not all(part.isidentifier() for part in parts):
            return None
        for folder in self.folders:
            stem = Path(folder, *parts)
            for file in (stem.with_suffix(".py"), stem / "__init__.py"):
                try:
                    return ast.parse(file.read_bytes())
                except OSError:
                    continue
                except (SyntaxError, ValueError, RecursionError):
                    return None
        return None


def _statements(module: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements of a module, also those in ``if`` and ``try``."""
    pending = list(reversed(module.body))
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, (ast.If, ast.Try)):
            handlers = [each for handler in getattr(node, "handlers", ()) for each in handler.body]
            pending += reversed([*node.body, *handlers, *node.orelse])


def _sets(node: ast.Assign, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in node.targets)


def _attribute(owner: ast.ClassDef | ast.Module, name: str) -> ast.expr | None:
    """Return the expression that sets a name in a class or module."""
    for node in owner.body:
        if isinstance(node, ast.Assign) and _sets(node, name):
            return node.value
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            return node.value
    return None


def defaults_of(init: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the arguments of a function, each with its default."""
    positional = [*init.args.posonlyargs, *init.args.args]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(init.args.defaults))
    yield from zip((each.arg for each in positional), [*missing, *init.args.defaults], strict=True)
    yield from zip((each.arg for each in init.args.kwonlyargs), init.args.kw_defaults, strict=True)


def _used_instead(init: ast.FunctionDef, arguments: Container[str]) -> dict[str, str]:
    """Return the arguments that a constructor uses only without another one, as in ``conn_id or other_conn_id``."""
    found: dict[str, str] = {}
    for node in ast.walk(init):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            names = [each.id if isinstance(each, ast.Name) else "" for each in node.values]
            found |= {later: names[0] for later in names[1:] if later in arguments and names[0] in arguments}
    return found


def _passed_to_base(init: ast.FunctionDef) -> set[str]:
    """Return the arguments that a constructor itself passes to its base class."""
    passed: set[str] = set()
    for node in ast.walk(init):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "__init__":
            passed.update(each.arg for each in node.keywords if each.arg is not None)
    return passed
