"""Which DAGs and tasks a part of the code belongs to."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

from airflow_kubernetes_secrets.usage.called_functions import CALLABLE
from airflow_kubernetes_secrets.usage.dotted_names import dotted, is_airflow
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Syntax, keywords_of


class DagsAndTasks:
    """The DAGs and tasks of one file.

    Attributes:
        dags: the ids of all DAGs in the file; empty if one of them is computed.
    """

    def __init__(self, syntax: Syntax, strings: StringExpressions) -> None:
        self._syntax = syntax
        self._strings = strings
        self._calls_of: dict[str, list[Frame]] = defaultdict(list)
        for call in syntax.calls:
            if CALLABLE in call.keyword_names:
                for keyword in call.node.keywords:
                    if keyword.arg == CALLABLE and isinstance(keyword.value, ast.Name):
                        self._calls_of[keyword.value.id].append(call.frame)
        self._dag_ids: dict[Frame, str | None] = {frame: self._dag_of(frame) for frame in syntax.frames}
        self._found: dict[Frame, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        known = dict.fromkeys(each for each in self._dag_ids.values() if each is not None)
        # Code outside DAGs may be only for a DAG whose id is computed, such as a call of the function that makes it.
        self.dags = () if "" in known else tuple(known)

    def owners_of(self, frame: Frame) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ids of the DAGs and of the tasks that code belongs to, as far as they are known.

        Code that belongs to no single DAG runs for each DAG in the file.
        """
        if frame in self._found:
            return self._found[frame]
        dags: dict[str, None] = {}
        tasks: dict[str, None] = {}
        for each in self._callers(frame):
            task = next(filter(None, map(self._task_of, each.outwards())), "")
            if task:
                tasks[self._prefix(each) + task] = None
            dag = next((dag for dag in map(self._dag_ids.__getitem__, each.outwards()) if dag is not None), None)
            if dag is not None:
                dags[dag] = None
        found = self._found[frame] = (tuple(filter(None, dags)) if dags else self.dags, tuple(tasks))
        return found

    def _callers(self, frame: Frame) -> Iterator[Frame]:
        """Yield the calls that make tasks of a function with this code; if there are none, the frame itself."""
        for each in frame.outwards():
            if isinstance(each.node, (ast.FunctionDef, ast.AsyncFunctionDef)) and each.node.name in self._calls_of:
                yield from self._calls_of[each.node.name]
                return
        yield frame

    def _dag_of(self, frame: Frame) -> str | None:
        """Return the id of the DAG that a frame makes or names; ``None`` if there is none; empty if it is computed."""
        node = frame.node
        found: list[str | None] = []
        if isinstance(node, (ast.With, ast.AsyncWith)):
            found = [self._dag_id(item.context_expr, frame) for item in node.items]
        elif isinstance(node, ast.Call):
            named = [each.value for each in keywords_of(node) if each.arg == "dag"]
            found = [self._dag_id(each, frame) for each in (node, *named)]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found = [self._decorated(node, frame, "dag", "dag_id")]
        return next((each for each in found if each is not None), None)

    def _dag_id(self, node: ast.expr, frame: Frame) -> str | None:
        """Return the id of the DAG that an expression makes; ``None`` if it makes none; empty if the id is computed."""
        call = self._syntax.bindings.value(node, frame)
        if isinstance(call, ast.Call) and self._is_airflow(call.func, "DAG"):
            return self._argument(call, frame, "dag_id")
        return None

    def _task_of(self, frame: Frame) -> str:
        """Return the id of the task that a frame makes; empty if it makes none, or the id is computed."""
        node = frame.node
        if isinstance(node, ast.Call):
            named = (self._strings.text(each.value, frame) for each in keywords_of(node) if each.arg == "task_id")
            return next(named, "") or ""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self._decorated(node, frame, "task", "task_id") or ""
        return ""

    def _prefix(self, frame: Frame) -> str:
        """Return what the groups around a task put before its id."""
        groups = list(filter(None, map(self._group_of, frame.outwards())))
        return "".join(f"{group}." for group in reversed(groups))

    def _group_of(self, frame: Frame) -> str:
        """Return the id of the task group that a frame makes; empty if it makes none, or one without a prefix."""
        node = frame.node
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                call = self._syntax.bindings.value(item.context_expr, frame)
                if isinstance(call, ast.Call) and self._is_airflow(call.func, "TaskGroup") and _has_prefix(call):
                    return self._argument(call, frame, "group_id")
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return self._decorated(node, frame, "task_group", "group_id") or ""
        return ""

    def _decorated(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame, name: str, id_name: str
    ) -> str | None:
        """Return the id that a decorator of Airflow gives a function.

        It is ``None`` if the function has no such decorator, and empty if the id is computed or a group has no prefix.

        Args:
            name: the name of the decorator; ``task`` means also those like ``task.virtualenv``.
            id_name: the argument with the id, if it is not the name of the function.
        """
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            path = self._syntax.bindings.imported(dotted(decorator if call is None else call.func))
            if is_airflow(path) and name in path.split(".")[-2:]:
                if call is not None and not _has_prefix(call):
                    return ""
                has_own = call is not None and (call.args or any(each.arg == id_name for each in call.keywords))
                return self._argument(call, frame, id_name) if call is not None and has_own else node.name
        return None

    def _is_airflow(self, node: ast.expr, name: str) -> bool:
        names = dotted(node)
        return bool(names) and names[-1] == name and is_airflow(self._syntax.bindings.imported(names))

    def _argument(self, call: ast.Call, frame: Frame, name: str) -> str:
        """Return the argument with this name, or else the first one; empty if it is computed."""
        given = [each.value for each in call.keywords if each.arg == name] or call.args[:1]
        return self._strings.text(given[0], frame) or "" if given else ""


def _has_prefix(call: ast.Call) -> bool:
    return not any(
        each.arg == "prefix_group_id" and isinstance(each.value, ast.Constant) and not each.value.value
        for each in call.keywords
    )
