"""JSON, and YAML that is another way to write JSON, so that dates stay texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Any

import yaml

_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"

# What PyYAML takes for a number, without the numbers in base 60 (``1:30``), which Kubernetes does not have. To read one
# takes time that grows with the square of its length. https://yaml.org/type/int.html
_NUMBERS = {
    _INT: re.compile(r"[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    _FLOAT: re.compile(
        r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
}

# A file of manifests. A Secret has 1.5 MiB at most, as etcd takes no larger object: that is five of the largest, or
# some ten thousand ordinary ones. PyYAML takes about ten seconds for a MiB.
LARGEST_FILE_BYTES = 8 * 1024 * 1024

# Manifests have some thirty levels, the schemas of custom resources some fifty. In one line PyYAML looks at each level
# that is open for everything that it reads.
_DEEPEST = 100

# What all aliases of a text may stand for, in nodes and characters. Aliases of aliases multiply: ten lines can stand
# for more than any memory holds. A Secret has about a million characters at most.
_ALIASED_AT_MOST = 4_000_000


class UnreadableError(ValueError):
    """A text is neither JSON nor YAML. The text of the error quotes nothing of it."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(f"line {line}: {problem}")
        self.problem = problem
        self.line = line


class TooLargeError(ValueError):
    """A file is larger than manifests are."""

    def __init__(self) -> None:
        super().__init__(
            f"it has more than {LARGEST_FILE_BYTES // 1024**2} MiB, the most that is read of a file with manifests. "
            "Split it"
        )


class Loader(yaml.SafeLoader):
    """YAML that says what JSON could say, in time that grows as its length does.

    It is not the faster one of libyaml, which deep nesting makes crash.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - the class attribute that PyYAML reads
        first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str | bytes) -> None:
        super().__init__(text)
        self._depth = 0
        self._size = self._aliased = 0  # in nodes and characters, what aliases stand for included
        self._anchored: dict[str, int] = {}  # the sizes

    def fetch_flow_collection_start(self, TokenClass: type[yaml.Token]) -> None:  # noqa: N803 - PyYAML's name
        """
        Raises:
            yaml.MarkedYAMLError: it is nested too deep. The scanner reads a thousand characters ahead, and for each of
                them it looks at every level that is open.
        """
        if self.flow_level == _DEEPEST:
            raise yaml.MarkedYAMLError(problem="it is nested too deep", problem_mark=self.get_mark())
        super().fetch_flow_collection_start(TokenClass)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """
        Raises:
            yaml.MarkedYAMLError: it is nested too deep, or the aliases stand for too much.
        """
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
        is_alias, before = isinstance(event, yaml.AliasEvent), self._size
        if self._depth == _DEEPEST:
            raise yaml.MarkedYAMLError(problem="it is nested too deep", problem_mark=event.start_mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias:
            size = self._anchored.get(event.anchor, 0)  # 0: in itself, which JSON has no words for
            self._size += size
            self._aliased += size
            if self._aliased > _ALIASED_AT_MOST:
                raise yaml.MarkedYAMLError(problem="its aliases stand for too much", problem_mark=event.start_mark)
        else:
            self._size += 1 + (len(node.value) if isinstance(node, yaml.ScalarNode) else 0)
            if event.anchor is not None:
                self._anchored[event.anchor] = self._size - before
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Do what the merge keys of a mapping say; all at once, where there are several."""
        merges = [pair for pair in node.value if pair[0].tag == _MERGE]
        if len(merges) > 1:
            merged: list[tuple[yaml.Node, yaml.Node]] = []
            for pair in merges:
                one = yaml.MappingNode(node.tag, [pair], node.start_mark, node.end_mark)
                super().flatten_mapping(one)
                merged += one.value
            node.value = merged + [pair for pair in node.value if pair[0].tag != _MERGE]
        super().flatten_mapping(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, whose names become texts at once: JSON has no others.

        Numbers can be chosen so that Python's dictionaries have to compare each with all the others.
        """
        self.flatten_mapping(node)
        return {self.name_of(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def name_of(self, node: yaml.Node) -> str:
        name = self.construct_object(node)
        if isinstance(name, str):
            return name
        if name is None or isinstance(name, (bool, int, float)):
            return json.dumps(name)
        raise yaml.MarkedYAMLError(problem="a name is not a text", problem_mark=node.start_mark)


def _number(loader: Loader, node: yaml.ScalarNode) -> Any:
    """The number that a tag says is there (``!!int "1:30"``), or a pattern."""
    if ":" in node.value:
        raise yaml.MarkedYAMLError(problem="a number is in base 60", problem_mark=node.start_mark)
    return yaml.SafeLoader.yaml_constructors[node.tag](loader, node)


for _tag in _NUMBERS:
    Loader.add_constructor(_tag, _number)


def read_file(path: str | Path) -> bytes:
    """What is in a file of manifests, of which no more is read than it may hold.

    Raises:
        TooLargeError: it is too large.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        content = file.read(LARGEST_FILE_BYTES + 1)
    if len(content) > LARGEST_FILE_BYTES:
        raise TooLargeError
    return content


def read_json(text: str | bytes) -> Any:
    """Raises UnreadableError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        problem, line = error.msg, error.lineno
    except UnicodeDecodeError:
        problem, line = "it is not UTF-8", 1
    except (ValueError, RecursionError):
        problem, line = "it is nested too deep, or a number in it is too long", 1
    # Outside the except blocks, with nothing chained: those errors hold the whole text, or quote it.
    raise UnreadableError(problem, line)


def read_yaml(text: str | bytes) -> Iterator[tuple[int, Any]]:
    """The documents in ``text``, each with the number of its first line. Raises UnreadableError."""
    yield from read_yaml_with(Loader, text)


def read_yaml_with(make_loader: Callable[[str | bytes], Loader], text: str | bytes) -> Iterator[tuple[int, Any]]:
    """The documents in ``text``, as a loader reads them. Raises UnreadableError."""
    loader = failure = None
    try:
        loader = make_loader(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            line = node.start_mark.line + 1
            # JSON has only texts as names, so a number or a truth that is a name becomes one.
            yield line, json.loads(json.dumps(loader.construct_document(node)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The mark's own text would quote the line, and the line may be a password.
        failure = UnreadableError(_harmless(error.problem), mark.line + 1 if mark else 1)
    except Exception:  # PyYAML raises all sorts where a tag does not fit (`!!bool x`: KeyError), with the value in it
        failure = UnreadableError("it is not the YAML that JSON could say too", 1)
    finally:
        if loader is not None:
            loader.dispose()
    if failure is not None:
        # Outside the except blocks, for the same reason.
        raise failure


def mapping(parent: object, field: str) -> dict[str, Any]:
    """A mapping in another; empty where there is none, or something else."""
    found = parent.get(field) if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def _harmless(problem: str | None) -> str:
    """The problem without what PyYAML quotes from the text; quoted signs and <kinds of tokens> tell nothing."""

    def hide(quoted: re.Match[str]) -> str:
        return quoted[0] if quoted[2].startswith("<") or not re.search(r"\w", quoted[2]) else "'...'"

    # What follows a colon is another error, which may quote anything.
    return re.sub(r"(['\"])(.*?)\1", hide, (problem or "it is not YAML").partition(": ")[0])
