"""The ids that refer to what other files set: to their constants, and to the parameters that their calls pass.

A first pass over all files notes each id with its references, and the calls of functions of other files. What belongs
together is found here, when all files are known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import replace

from airflow_kubernetes_secrets.usage import references
from airflow_kubernetes_secrets.usage.calls import Function
from airflow_kubernetes_secrets.usage.file_uses import FileUses, FollowedCall, OpenId
from airflow_kubernetes_secrets.usage.modules import FileKey, Modules
from airflow_kubernetes_secrets.usage.optional_connections import works_without
from airflow_kubernetes_secrets.usage.signatures import Signatures
from airflow_kubernetes_secrets.usage.templates import is_rendered
from airflow_kubernetes_secrets.usage.uses import Computed, FoundUses, Position, Use

# How many functions that call each other in several files are followed.
_DEEPEST = 3

# The most calls that are followed. Functions that call each other often have many paths to an id.
_MOST_FOLLOWED = 100_000


class OpenIds:
    """The open ids of all files, with the functions and calls that they depend on."""

    def __init__(self, modules: Modules) -> None:
        """Use the constants and names of these files."""
        self._modules = modules
        self._open: list[OpenId] = []
        self._parameters: list[OpenId] = []
        self._functions: dict[FileKey, dict[int, Function]] = {}
        self._calls: list[FollowedCall] = []
        self._default_arguments: dict[FileKey, Set[str] | None] = {}
        # By the file and line of the function.
        self._calls_of: dict[tuple[FileKey, int], list[FollowedCall]] = defaultdict(list)
        self._followed = 0
        # The path, line and function of each call that passes an id.
        self._passing: set[tuple[str, int, str]] = set()

    def add(self, file: FileUses) -> None:
        """Add what a file leaves open."""
        self._modules.add_stars(file)
        self._open += file.open
        self._parameters += file.parameters
        self._calls += file.calls
        if file.functions:
            self._functions[file.team, file.path] = {each.line: each for each in file.functions}
        if file.calls:
            self._default_arguments[file.team, file.path] = file.default_arguments

    def add_uses_to(self, found: FoundUses, signatures: Signatures, processes: int | None) -> None:
        """Add the uses to ``found``, and remove the computed uses whose ids are known now."""
        self._find_calls(signatures, processes)
        uses: dict[Use, None] = {}
        unknown: dict[Computed, None] = {}
        for each in self._open:
            for text, position, is_certain in self._texts(each.text, each.use.position, _DEEPEST):
                use = replace(each.use, position=position)
                if text is None or references.has_reference(text) or is_rendered(text):
                    # A place that stays computed is counted once, and not again for each call.
                    if not each.is_computed_too:
                        unknown[use] = None
                elif identifier := references.value(text):
                    optional = each.is_optional or not is_certain or works_without(use.kind, use.how, identifier)
                    uses[Use(use.kind, identifier, use.how, position, optional)] = None
        # The name of an argument can show an id too.
        shown = {(use.kind, use.id, use.position, use.is_optional) for use in found.uses} if uses else ()
        found.uses += (use for use in uses if (use.kind, use.id, use.position, use.is_optional) not in shown)
        known = {each.use for each in self._open if not each.is_computed_too} - unknown.keys()
        found.computed = [each for each in found.computed if each not in known and _call(each) not in self._passing]
        counted = set(found.computed)
        found.computed += (each for each in unknown if each not in counted)
        found_at = {(use.kind, use.id, use.position) for use in found.uses} if self._parameters else ()
        found.uses += (use for use in self._passed_by_position() if (use.kind, use.id, use.position) not in found_at)

    def _passed_by_position(self) -> Iterator[Use]:
        """Yield the ids that calls pass by position as parameters such as ``conn_id``.

        The name of the parameter shows the id, whatever the function does with it. So no other call is counted.
        """
        uses: dict[Use, None] = {}
        for each in self._parameters:
            for text, position, is_certain in self._texts(each.text, each.use.position, _DEEPEST):
                if text and not references.has_reference(text) and not is_rendered(text):
                    identifier, use = references.value(text), each.use
                    optional = not is_certain or works_without(use.kind, use.how, identifier)
                    uses[Use(use.kind, identifier, use.how, position, optional)] = None
        yield from uses

    def _find_calls(self, signatures: Signatures, processes: int | None) -> None:
        """Find the calls of the functions whose parameters are ids."""
        lines = {
            (file, each.name): each.line
            for file, functions in self._functions.items()
            for each in functions.values()
            if each.name
        }
        names = {name.rpartition(".")[2] for _file, name in lines}
        imported: list[tuple[str, FollowedCall]] = []
        texts = [(_file(each.use.position), each.text) for each in self._open]
        for call in self._calls:
            if isinstance(call.function, int):
                self._calls_of[_file(call.position), call.function].append(call)
            elif call.function.rpartition(".")[2] in names:
                imported.append((call.function, call))
            else:
                continue
            texts += ((_file(call.position), text) for text in call.passed.texts())
        imports = {(_file(call.position), path) for path, call in imported}
        imports.update((file, path) for file, text in texts for path in references.constants_in(text))
        self._modules.read_for(imports, signatures, processes)
        for path, call in imported:
            definition = self._modules.definition((_file(call.position), path))
            if definition in lines:
                self._calls_of[definition[0], lines[definition]].append(call)

    def _texts(self, text: str | None, position: Position, depth: int) -> Iterator[tuple[str | None, Position, bool]]:
        """Yield the strings that a string of a file can have, each with the position that passes it.

        A string is ``None`` if it is only known when the code runs. The last value is whether the code there always
        passes the string.
        """
        file = _file(position)
        imported = references.only_constant(text or "")
        text = None if text is None else self._modules.with_constants(file, text)
        if text is None and imported:
            yield from ((each, position, False) for each in self._modules.one_of_several((file, imported)))
        line = next(iter(references.lines_of_functions(text or "")), None)
        is_called = False
        if text is not None and line is not None and depth:
            function, parameters = self._functions[file][line], references.parameters_in(text, line)
            for call in self._calls_of.get((file, line), ()):
                values = function.values(call.passed, self._default_arguments[_file(call.position)])
                given = {name: values[name] for name in parameters if name in values}
                is_certain = all(each.is_certain for each in given.values())
                if is_certain and call.passed.is_alternative():
                    # The call differs from another one in an argument that does not matter here.
                    continue
                has_more = call.passed.has_more and not call.passed.is_forwarding
                # Without a value, the code of the function uses none, or one that is no string.
                if self._followed < _MOST_FOLLOWED and (given.keys() == parameters or has_more):
                    self._followed += 1
                    is_called = True
                    self._passing.add((call.position.path, call.position.line, function.name))
                    passed_at = replace(
                        call.position, line=max((each.line for each in given.values()), default=call.passed.line)
                    )
                    passed = {name: given[name].text if name in given else None for name in parameters}
                    found = self._texts(references.with_parameters(text, line, passed), passed_at, depth - 1)
                    yield from ((each, at, is_certain and is_also) for each, at, is_also in found)
        if not is_called:
            yield text, position, True


def _file(position: Position) -> FileKey:
    return position.team, position.path


def _call(computed: Computed) -> tuple[str, int, str]:
    """Return the path, line and function of a call such as ``OwnHook("x")``, if it is the use."""
    return computed.position.path, computed.position.line, computed.how
