"""JSON and YAML as Kubernetes reads them: YAML is another way to write JSON, so dates stay texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

_TIMESTAMP = "tag:yaml.org,2002:timestamp"

# What all aliases of a text may stand for, in nodes and characters. Aliases of aliases multiply: ten lines can stand
# for more than any memory holds. A Secret has about a million characters at most.
_ALIASED_AT_MOST = 4_000_000


class UnreadableError(ValueError):
    """A text is neither JSON nor YAML. The text of the error quotes nothing of it."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(f"line {line}: {problem}")
        self.problem = problem
        self.line = line


class _Loader(yaml.SafeLoader):
    """Without dates: Kubernetes has none in YAML. Not the faster one of libyaml, which deep nesting makes crash."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the class attribute that PyYAML reads
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str | bytes) -> None:
        super().__init__(text)
        self._size = self._aliased = 0  # in nodes and characters, what aliases stand for included
        self._anchored: dict[str, int] = {}  # the sizes

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """
        Raises:
            yaml.MarkedYAMLError: the aliases stand for too much.
        """
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
        is_alias, before = isinstance(event, yaml.AliasEvent), self._size
        node = super().compose_node(parent, index)
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


def read_json(text: str | bytes) -> Any:
    """Raises UnreadableError."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableError(error.msg, error.lineno) from None
    except UnicodeDecodeError:
        raise UnreadableError("it is not UTF-8", 1) from None
    except (ValueError, RecursionError):
        raise UnreadableError("it is nested too deep, or a number in it is too long", 1) from None


def read_yaml(text: str | bytes) -> Iterator[tuple[int, Any]]:
    """The documents in ``text``, each with the number of its first line. Raises UnreadableError."""
    loader = None
    try:
        loader = _Loader(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            line = node.start_mark.line + 1
            # JSON has only texts as names, so a number or a truth that is a name becomes one.
            yield line, json.loads(json.dumps(loader.construct_document(node)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The mark's own text would quote the line, and the line may be a password.
        raise UnreadableError(_harmless(error.problem), mark.line + 1 if mark else 1) from None
    except Exception:  # PyYAML raises all sorts where a tag does not fit (`!!bool x`: KeyError), with the value in it
        raise UnreadableError("it is not the YAML that JSON could say too", 1) from None
    finally:
        if loader is not None:
            loader.dispose()


def unpacked(document: Any) -> Iterator[Any]:
    """The items of a List, or the document itself."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind in ("List", "SecretList", "NamespaceList"):
        singular = str(kind).removesuffix("List")
        items = document.get("items")
        for item in items if isinstance(items, list) else ():
            # The API leaves out what the list already says.
            implied = {"apiVersion": document.get("apiVersion"), "kind": singular} if singular else {}
            yield {**implied, **item} if isinstance(item, dict) else item
    else:
        yield document


def _harmless(problem: str | None) -> str:
    """The problem without what PyYAML quotes from the text; quoted signs and <kinds of tokens> tell nothing."""

    def hide(quoted: re.Match[str]) -> str:
        return quoted[0] if quoted[2].startswith("<") or not re.search(r"\w", quoted[2]) else "'...'"

    # What follows a colon is another error, which may quote anything.
    return re.sub(r"(['\"])(.*?)\1", hide, (problem or "it is not YAML").partition(": ")[0])
