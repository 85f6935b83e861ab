"""Documents that a client sent, as the API server reads them: Go accepts fewer documents than Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import read_json, read_yaml_with
from airflow_kubernetes_secrets.kubernetes.kubectl_yaml import KubectlLoader
from airflow_kubernetes_secrets_devserver.status import bad_request

# A real API server allows 10,000 levels; Secrets and namespaces have fewer than ten.
_DEEPEST = 100


def as_go_reads(value: Any, depth: int = 0) -> Any:
    """Return a document with U+FFFD in place of each half of a surrogate pair.

    Raises:
        StatusError: 400, the nesting is too deep, or a number is not finite.
    """
    if depth > _DEEPEST:
        raise bad_request("the object provided is unrecognized: it is nested too deeply")
    if isinstance(value, dict):
        return {as_go_reads(name, depth): as_go_reads(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [as_go_reads(each, depth + 1) for each in value]
    if isinstance(value, float) and not isfinite(value):
        raise bad_request("the object provided is unrecognized: a number in it is not finite")
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


@dataclass(frozen=True)
class Received:
    """A document, and an error message for each field that it contains more than once."""

    document: Any
    repeated: tuple[str, ...] = ()

    @classmethod
    def json(cls, text: str, *, merge: bool) -> Received:
        """Return the document in JSON.

        Args:
            merge: merge the values of a repeated field if they are objects, as Go does when it decodes an object.
                Otherwise the last value counts, as in patches.

        Raises:
            StatusError: 400, Go does not read the document.
            UnreadableError: it is not JSON.
        """
        found = read_json(text, lambda pairs: _Object.of(pairs, merge))
        document = as_go_reads(found)
        return cls(document, tuple(f"duplicate field {json.dumps(path)}" for path in _repeated(found)))

    @classmethod
    def yaml(cls, text: bytes) -> Received:
        """Return the first document in YAML, as kubectl reads it.

        Raises:
            StatusError: 400, Go does not read the document.
            UnreadableError: it is not YAML.
        """
        repeated: list[tuple[int, str]] = []
        found = next((each for _, each in read_yaml_with(lambda each: KubectlLoader(each, repeated), text)), None)
        texts = (f"line {line}: key {json.dumps(name)} already set in map" for line, name in repeated)
        return cls(as_go_reads(found), tuple(texts))


class _Object(dict[str, Any]):
    """A JSON object, and the names that it contains more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.repeated: dict[str, None] = {}

    @classmethod
    def of(cls, pairs: list[tuple[str, Any]], merge: bool) -> _Object:
        """Return the object with these names and values."""
        result = cls()
        for name, value in pairs:
            if name in result:
                result.repeated[name] = None
            result._set(name, value, merge)
        return result

    def _set(self, name: str, value: Any, merge: bool) -> None:
        before = self.get(name)
        if merge and isinstance(before, _Object) and isinstance(value, _Object):
            before.repeated.update(value.repeated)
            for each in value:
                before._set(each, value[each], merge)
        else:
            self[name] = value


def _repeated(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of the repeated fields."""
    if isinstance(value, _Object):
        prefix = f"{path}." if path else ""
        yield from (f"{prefix}{name}" for name in value.repeated)
        for name, each in value.items():
            yield from _repeated(each, f"{prefix}{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _repeated(each, f"{path}[{number}]")
