"""The connections and variables that the code of one file uses.

An id is reported if the code always uses it, such as each element of a loop. If the code uses one of several ids, each
is optional, and the place counts as computed too. All other uses are computed.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from airflow_kubernetes_secrets.garbage_collection import no_garbage_collection
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.called_functions import CalledFunctions
from airflow_kubernetes_secrets.usage.calls import Function, Passed
from airflow_kubernetes_secrets.usage.dag_file import DagFile
from airflow_kubernetes_secrets.usage.dags_and_tasks import DagsAndTasks
from airflow_kubernetes_secrets.usage.dotted_names import dotted, is_installed
from airflow_kubernetes_secrets.usage.exports import exports_of
from airflow_kubernetes_secrets.usage.file_uses import FileUses, FollowedCall, OpenId
from airflow_kubernetes_secrets.usage.frames import Frame
from airflow_kubernetes_secrets.usage.mention import Mention
from airflow_kubernetes_secrets.usage.mentions import Mentions
from airflow_kubernetes_secrets.usage.optional_connections import works_without
from airflow_kubernetes_secrets.usage.own_stack import on_own_stack
from airflow_kubernetes_secrets.usage.passed_values import PassedValues
from airflow_kubernetes_secrets.usage.signatures import Signatures, names_connection
from airflow_kubernetes_secrets.usage.string_expressions import StringExpressions
from airflow_kubernetes_secrets.usage.syntax import Syntax
from airflow_kubernetes_secrets.usage.task_context import TaskContext
from airflow_kubernetes_secrets.usage.templates import is_rendered
from airflow_kubernetes_secrets.usage.uses import Computed, Position, Use

# A file without any of these uses nothing, and does not need to be parsed. A DAG can use a function of another file.
_MARKERS = re.compile(rb"airflow|[Cc]onn|CONN|\bvar\b|Variable|Hook|Operator|Sensor|Notifier|Trigger|ObjectStoragePath")


def is_parsed(file: DagFile) -> bool:
    """Return whether a file must be parsed, because it may use a connection or variable."""
    return not file.problem and (file.wants_constants or _MARKERS.search(file.code) is not None)


def uses_in_each_file(files: Sequence[DagFile], signatures: Signatures) -> list[FileUses]:
    """Return what the code of each file uses. Call it inside :func:`parsing`."""
    return on_own_stack(lambda: [_uses_in_file(each, signatures) for each in files])


def _uses_in_file(file: DagFile, signatures: Signatures) -> FileUses:
    try:
        syntax = Syntax(file.code)
    except (SyntaxError, ValueError) as error:
        # Other files, such as templates of code, may be in the folder too.
        if b"airflow" not in file.code:
            return FileUses(file.path)
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        version = ".".join(map(str, sys.version_info[:2]))
        remedy = "Correct it; or if it needs another version, run the command with the Python of your DAGs"
        return FileUses(file.path, f"it is not valid Python {version}{line}. {remedy}")
    except (RecursionError, MemoryError):
        return FileUses(file.path, "it is nested too deeply")
    try:
        if file.wants_constants:
            return FileUses(file.path, stars=syntax.bindings.stars, exports=exports_of(syntax))
        return _Finder(syntax, file, signatures).uses()
    finally:
        syntax.forget_names()


@contextmanager
def parsing() -> Iterator[None]:
    """Switch the garbage collector off, and warnings.

    Python warns of invalid escapes in strings, which are not the concern of the commands.
    """
    with no_garbage_collection(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# The line or path of a function, the arguments of a call, and its frame.
_FollowedCall = tuple["int | str", Passed, Frame]


class _Finder:
    """Finds the uses in one file."""

    def __init__(self, syntax: Syntax, file: DagFile, signatures: Signatures) -> None:
        self._syntax = syntax
        self._strings = StringExpressions(syntax)
        self._file = file
        self._called = CalledFunctions(syntax)
        self._passed = PassedValues(syntax, self._strings, self._called)
        context = TaskContext(syntax, self._strings, self._called, self._passed)
        self._mentions = Mentions(syntax, self._strings, self._called, context, signatures)

    def uses(self) -> FileUses:
        """Return the uses in the order of the lines, and the places that name files with templates."""
        uses: dict[Use, None] = {}
        computed: dict[Computed, None] = {}
        open_ids: dict[OpenId, None] = {}
        # Several ids can have one position.
        closed: set[Computed] = set()
        mentions = sorted(self._mentions.find(), key=lambda mention: mention.line)
        calls = self._calls_of_others()
        parameters = self._parameters()
        if not mentions and not calls and not parameters and not self._syntax.file_names:
            return FileUses(self._file.path)
        owners = DagsAndTasks(self._syntax, self._strings)
        template_names = [(name, self._position(owners, frame, line)) for name, line, frame in self._syntax.file_names]
        for each in mentions:
            position = self._position(owners, each.frame, each.line)
            for text, is_certain in self._texts(each):
                use = Computed(each.kind, each.how, position)
                if not is_certain:
                    # Which of the ids is used is known only when the code runs.
                    computed[use] = None
                    closed.add(use)
                if text is None or references.has_reference(text) or is_rendered(text):
                    computed[use] = None
                    if text is None or not references.has_reference(text):
                        closed.add(use)
                    else:
                        open_ids[OpenId(use, text, each.has_default or not is_certain)] = None
                elif identifier := references.value(text):
                    optional = each.has_default or not is_certain or works_without(each.kind, each.how, identifier)
                    uses[Use(each.kind, identifier, each.how, position, optional)] = None
        functions = self._functions([each.text for each in (*open_ids, *parameters)], calls)
        calls.sort(key=lambda call: call[1].line)
        return FileUses(
            self._file.path,
            team=self._file.team,
            stars=self._syntax.bindings.stars,
            uses=tuple(uses),
            computed=tuple(computed),
            template_names=template_names,
            open=[each._replace(is_computed_too=each.use in closed) for each in open_ids],
            parameters=parameters,
            functions=functions,
            calls=[
                FollowedCall(function, passed, self._position(owners, frame, passed.line))
                for function, passed, frame in calls
            ],
            default_arguments=self._mentions.default_arguments if calls else frozenset(),
        )

    def _texts(self, mention: Mention) -> Sequence[tuple[str | None, bool]]:
        """Return the ids that an expression can have, each with whether the code uses all of them."""
        if mention.id is None or isinstance(mention.id, str):
            return [(mention.id, True)]
        if isinstance(mention.id, ast.Constant):
            return [(self._strings.with_references(mention.id, mention.frame), True)]
        read = partial(self._strings.with_references, mention.id, mention.frame)
        return self._strings.alternatives.read(read, conditions=True)

    def _parameters(self) -> list[OpenId]:
        """Return the parameters that calls can pass by position, and whose names say that they are connection ids."""
        found = []
        for node, where in self._syntax.functions:
            for each in (*node.args.posonlyargs, *node.args.args):
                if names_connection(each.arg):
                    position = Position(self._file.path, node.lineno, team=self._file.team)
                    text = self._strings.parameter(each.arg, node, where)
                    found.append(OpenId(Computed(Kind.CONNECTION, each.arg, position), text, is_optional=False))
        return found

    def _calls_of_others(self) -> list[_FollowedCall]:
        """Return the calls of functions and classes that the file imports."""
        found: list[_FollowedCall] = []
        for call in self._syntax.calls:
            names = self._called.names_in(call)
            path = self._syntax.bindings.imported(names, call.frame) or self._path_of_method(names, call.frame)
            if (
                path
                and not is_installed(path.partition(".")[0])
                and not self._syntax.bindings.is_set_again(names[0], call.frame)
            ):
                found += ((path, passed, call.frame) for passed in self._passed.passed(call))
        return found

    def _path_of_method(self, names: Sequence[str], frame: Frame) -> str:
        """Return the path of ``own.load``, if the code has ``own = Own()`` and imports ``Own``; empty if not."""
        found = self._syntax.bindings.definition(names[0], frame) if len(names) == 2 else None
        made = None if found is None else found[0]
        owner = self._syntax.bindings.imported(dotted(made.func), frame) if isinstance(made, ast.Call) else ""
        return f"{owner}.{names[1]}" if owner else ""

    def _functions(self, texts: Iterable[str], calls: list[_FollowedCall]) -> list[Function]:
        """Return the functions whose parameters are in strings or passed on by calls, and add the calls of these."""
        found: dict[int, Function] = {}
        pending = {line for text in texts for line in references.lines_of_functions(text)}
        pending.update(line for _function, passed, _frame in calls for line in passed.lines_of_functions())
        while pending:
            line = pending.pop()
            found[line] = self._passed.function(line)
            new: list[_FollowedCall] = [(line, passed, frame) for passed, frame in self._passed.calls_of(line)]
            pending.update(each for _line, passed, _frame in new for each in passed.lines_of_functions())
            pending -= found.keys()
            calls += new
        return list(found.values())

    def _position(self, owners: DagsAndTasks, frame: Frame, line: int) -> Position:
        dags, tasks = owners.owners_of(frame)
        return Position(self._file.path, line, dags or self._file.dags, tasks, self._file.team)
