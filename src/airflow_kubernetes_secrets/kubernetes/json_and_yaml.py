"""Readers for JSON and YAML. YAML is read as another notation for JSON, so dates stay strings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import yaml

INT_TAG = "tag:yaml.org,2002:int"
FLOAT_TAG = "tag:yaml.org,2002:float"
TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"
MERGE_TAG = "tag:yaml.org,2002:merge"

# PyYAML's patterns for numbers, without the numbers in base 60 (``1:30``), which Kubernetes does not have. The time to
# read one grows with the square of its length. https://yaml.org/type/int.html
_NUMBERS = {
    INT_TAG: re.compile(r"[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    FLOAT_TAG: re.compile(
        r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
}

# The characters that do not add one to the column of the next character: line breaks and the byte order mark.
_NO_COLUMN = re.compile("[\r\n\x85\u2028\u2029\ufeff]")

# Manifests have about thirty levels, the schemas of custom resources about fifty. Within one line, PyYAML checks every
# open level for each token that it reads.
_DEEPEST = 100

# Limit for what all aliases of an input expand to, in nodes and characters. Nested aliases multiply: ten lines can
# expand to more than any memory holds. A Secret has about a million characters at most.
_ALIASED_AT_MOST = 4_000_000


class UnreadableError(ValueError):
    """An input is neither JSON nor YAML. The message quotes nothing of it.

    Attributes:
        problem: what is wrong.
        line: the number of the line, from 1.
    """

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(f"line {line}: {problem}")
        self.problem = problem
        self.line = line


class Loader(yaml.SafeLoader):
    """Load YAML that JSON could express, in time that grows linearly with the input.

    It is not based on the faster loader of libyaml, which crashes on deep nesting.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML reads this class attribute
        first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in resolvers if tag != TIMESTAMP_TAG]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str | bytes) -> None:
        super().__init__(text)
        self._depth = 0
        self._size = self._aliased = 0  # in nodes and characters, with every alias expanded
        self._anchored: dict[str, int] = {}  # the size of each anchored node

    def forward(self, length: int = 1) -> None:
        """Move past ``length`` characters.

        PyYAML counts lines and columns one character at a time. That would take most of the time for a long value.
        """
        reader: Any = self  # PyYAML's stubs lack its attributes
        end = reader.pointer + length
        if length == 1 or end >= len(reader.buffer) or _NO_COLUMN.search(reader.buffer, reader.pointer, end):
            super().forward(length)
            return
        reader.pointer = end
        reader.index += length
        reader.column += length

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803  # PyYAML's name
        """Start a flow collection (``[`` or ``{``), unless it is nested too deeply.

        The scanner reads a thousand characters ahead, and checks every open level for each of them.

        Raises:
            yaml.MarkedYAMLError: it is nested too deeply.
        """
        if self.flow_level == _DEEPEST:
            raise yaml.MarkedYAMLError(problem="it is nested too deeply", problem_mark=self.get_mark())
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, and add its size to the total.

        Raises:
            yaml.MarkedYAMLError: it is nested too deeply, or the aliases expand to too much.
        """
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
        is_alias, before = isinstance(event, yaml.AliasEvent), self._size
        if self._depth == _DEEPEST:
            raise yaml.MarkedYAMLError(problem="it is nested too deeply", problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias:
            size = self._anchored.get(event.anchor, 0)  # 0 if the alias is inside its anchor, which JSON cannot express
            self._size += size
            self._aliased += size
            if self._aliased > _ALIASED_AT_MOST:
                raise yaml.MarkedYAMLError(problem="its aliases expand to too much data", problem_mark=event.start_mark)
        else:
            self._size += 1 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
            if event.anchor is not None:
                self._anchored[event.anchor] = self._size - before
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Resolve the merge keys of a mapping. If there are several, they are resolved in one pass."""
        merges = [pair for pair in node.value if pair[0].tag == MERGE_TAG]
        if len(merges) > 1:
            merged: list[tuple[yaml.Node, yaml.Node]] = []
            for pair in merges:
                one = yaml.MappingNode(node.tag, [pair], node.start_mark, node.end_mark)
                super().flatten_mapping(one)
                merged += one.value
            node.value = merged + [pair for pair in node.value if pair[0].tag != MERGE_TAG]
        super().flatten_mapping(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping whose names are strings, since JSON allows no others.

        They are converted before they enter a dictionary: numbers can be chosen so that Python's dictionaries compare
        each with all the others.
        """
        self.flatten_mapping(node)
        return {self.name_of(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def name_of(self, node: yaml.Node) -> str:
        """Return the name in a mapping that a node contains.

        Raises:
            yaml.MarkedYAMLError: it is a collection, or another value that is not a scalar of JSON.
        """
        name = self.construct_object(node)
        if isinstance(name, str):
            return name
        if name is None or isinstance(name, (bool, int, float)):
            return json.dumps(name)
        raise yaml.MarkedYAMLError(problem="a name is not a string", problem_mark=node.start_mark)


def _number(loader: Loader, node: yaml.ScalarNode) -> Any:
    """Return a number that has a tag (``!!int "1:30"``) or matches a pattern."""
    if ":" in node.value:
        raise yaml.MarkedYAMLError(problem="a number is in base 60", problem_mark=node.start_mark)
    return yaml.SafeLoader.yaml_constructors[node.tag](loader, node)


for _tag in _NUMBERS:
    Loader.add_constructor(_tag, _number)


def read_json(text: str | bytes, make_object: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value in a JSON document.

    Args:
        make_object: returns an object for its names and values, as in :func:`json.loads`.

    Raises:
        UnreadableError: it is not JSON, or not JSON that Python reads.
    """
    try:
        return json.loads(text, object_pairs_hook=make_object)
    except json.JSONDecodeError as error:
        problem, line = error.msg, error.lineno
    except UnicodeDecodeError:
        problem, line = "it is not UTF-8", 1
    except (ValueError, RecursionError):
        problem, line = "it is nested too deeply, or a number in it is too long", 1
    # Raise outside the except blocks, with nothing chained: those errors contain the whole input, or quote it.
    raise UnreadableError(problem, line)


def read_yaml(text: str | bytes) -> Iterator[tuple[int, Any]]:
    """Yield the documents in ``text``, each with the number of its first line.

    Raises:
        UnreadableError: a document cannot be read.
    """
    yield from read_yaml_with(Loader, text)


def read_yaml_with(make_loader: Callable[[str | bytes], Loader], text: str | bytes) -> Iterator[tuple[int, Any]]:
    """Yield the documents in ``text`` as :func:`read_yaml` does, with another loader.

    Raises:
        UnreadableError: a document cannot be read.
    """
    loader = failure = None
    try:
        loader = make_loader(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            line = node.start_mark.line + 1
            # The round trip fails for values that JSON does not have, such as the sets and bytes of YAML tags.
            yield line, json.loads(json.dumps(loader.construct_document(node)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The string form of the mark would quote the line, which may be a password.
        failure = UnreadableError(_harmless(error.problem), mark.line + 1 if mark else 1)
    except Exception:  # for a tag that does not fit, PyYAML raises other errors (`!!bool x`: KeyError) with the value
        failure = UnreadableError("it is YAML that cannot be represented as JSON", 1)
    finally:
        if loader is not None:
            loader.dispose()
    if failure is not None:
        # Raise outside the except blocks, with nothing chained: those errors contain the input, or quote it.
        raise failure


def mapping(parent: object, field: str) -> dict[str, Any]:
    """Return the mapping in a field of another mapping; empty if the field is missing or not a mapping."""
    found = parent.get(field) if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def mappings(found: object) -> list[dict[str, Any]]:
    """Return the mappings in a list; none if it is not a list."""
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _harmless(problem: str | None) -> str:
    """Return the problem without what PyYAML quotes from the input. Quoted signs and <token types> reveal nothing."""

    def hide(quoted: re.Match[str]) -> str:
        return quoted[0] if quoted[2].startswith("<") or not re.search(r"\w", quoted[2]) else "'...'"

    # After a colon PyYAML appends another error, which may quote anything.
    return re.sub(r"(['\"])(.*?)\1", hide, (problem or "it is not YAML").partition(": ")[0])
