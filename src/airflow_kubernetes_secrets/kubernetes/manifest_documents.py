"""Read the documents in a file of manifests as kubectl reads them.

``tests/test_kubectl_reads.py`` compares the results with those of a current kubectl.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any, TypeGuard

import msgspec

from airflow_kubernetes_secrets.kubernetes.json_and_yaml import UnreadableError, read_yaml_with
from airflow_kubernetes_secrets.kubernetes.kubectl_yaml import KubectlLoader

# In digits. Python converts longer integers slowly, so they are read as floats.
_LONGEST_INT = 20


# The encodings that kubectl does not read, by which of the first four bytes are not zero: a manifest, and a comment
# before it, begin with two ASCII characters or with a byte order mark.
_OTHER_ENCODINGS: dict[tuple[bool, ...], tuple[str, str]] = {
    (True, False, True, False): ("utf-16-le", "it is UTF-16 without a byte order mark"),
    (False, True, False, True): ("utf-16-be", "it is UTF-16 without a byte order mark"),
    (True, False, False, False): ("utf-32-le", "it is UTF-32"),
    (False, False, False, True): ("utf-32-be", "it is UTF-32"),
    (True, True, False, False): ("utf-32", "it is UTF-32"),
    (False, False, True, True): ("utf-32", "it is UTF-32"),
}


class RefusedError(Exception):
    """kubectl or the API would refuse a manifest. The message quotes no value.

    Attributes:
        consequence: a sentence about who refuses the manifest.
    """

    def __init__(self, problem: str, consequence: str = "The API would refuse it") -> None:
        super().__init__(problem)
        self.consequence = consequence


class Document(msgspec.Struct, frozen=True):
    """One document of a file of manifests.

    Attributes:
        line: the number of its first line, or of the line with the problem.
        text: the document as it is in the file. It may contain secret values.
        value: the parsed document; ``None`` if it cannot be read.
        problem: why it cannot be read, without a quotation of the text; empty if it can.
        repeated: the names that one mapping has more than once, each with its line. In JSON, the line is that of the
            document. kubectl uses the last value; Kustomize refuses the file.
    """

    line: int
    text: str
    value: Any = None
    problem: str = ""
    repeated: Sequence[tuple[int, str]] = ()

    def __repr__(self) -> str:
        """Return a description without the content, which can be a Secret: error reports show local variables."""
        return f"<{type(self).__name__} line={self.line} problem={self.problem!r}>"


def read_manifests(content: bytes) -> Iterator[Document]:
    """Yield the documents of a file. Each one may be unreadable by itself.

    As in kubectl, the content of the file counts and not its name: it contains consecutive JSON objects, or YAML
    documents that are separated by lines with ``---``. PowerShell writes UTF-16 with a byte order mark.
    """
    if found := _OTHER_ENCODINGS.get(tuple(map(bool, content[:4]))):
        encoding, problem = found
        yield Document(1, content.decode(encoding, errors="replace"), problem=problem)
        return
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeDecodeError:
            yield Document(1, content.decode("utf-16", errors="replace"), problem="it is not UTF-16")
            return
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        documents, rest = _json_objects(content)
        if documents:
            yield from documents
            if rest is not None:
                yield from _yaml_documents(*rest)
            return
    yield from _yaml_documents(content.removeprefix(b"\xef\xbb\xbf"), 1)


# An escaped character, or an escaped half of a surrogate pair, which Go replaces by U+FFFD.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class _JsonDecoder(json.JSONDecoder):
    """Decode JSON as Go does.

    Attributes:
        has_too_large: whether a number was larger than Go's floats.
        repeated: the names that an object has more than once.
    """

    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=self._mapping, parse_constant=_refuse, parse_float=self._number, parse_int=self._int
        )
        self.has_too_large = False
        self.repeated: list[str] = []

    def _mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            counted = Counter(name for name, _value in pairs)
            self.repeated += (name for name, times in counted.items() if times > 1)
        return found

    def _number(self, digits: str) -> float:
        value = float(digits)
        self.has_too_large = self.has_too_large or not isfinite(value)
        return value

    def _int(self, digits: str) -> float:
        return int(digits) if len(digits) <= _LONGEST_INT else self._number(digits)


def _json_objects(content: bytes) -> tuple[list[Document], tuple[bytes, int] | None]:
    """Return the JSON objects of a file, and the rest that must be read as YAML, with the number of its line.

    There are no objects if the file does not begin with JSON.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return [], None
    whole = _ESCAPE.sub(lambda found: "\\ufffd" if found["half"] else found[0], text)  # the length stays the same
    documents: list[Document] = []
    position, line = _skipped(text, 0, 1)
    while position < len(text):
        if len(documents) == 1 and text.startswith("---", position):
            return documents, (text[position:].encode(), line)
        decoder = _JsonDecoder()
        try:
            value, end = decoder.raw_decode(whole, position)
        except (ValueError, RecursionError) as error:
            if not documents and isinstance(error, ValueError):
                return [], None
            return [*documents, _no_json(error, line, text[position:])], None
        problem = "a number in it is too large" if decoder.has_too_large else ""
        repeated = tuple((line, name) for name in decoder.repeated)
        documents.append(Document(line, text[position:end], None if problem else value, problem, repeated))
        position, line = _skipped(text, end, line + text.count("\n", position, end))
    return documents, None


def _no_json(error: Exception, line: int, text: str) -> Document:
    if isinstance(error, json.JSONDecodeError):
        return Document(error.lineno, text, problem=error.msg)
    return Document(
        line, text, problem="it is nested too deeply" if isinstance(error, RecursionError) else "it is not JSON"
    )


def _skipped(text: str, position: int, line: int) -> tuple[int, int]:
    """Return the position after white space, and the number of its line."""
    end = position
    while end < len(text) and text[end] in " \t\r\n":
        end += 1
    return end, line + text.count("\n", position, end)


def _refuse(constant: str) -> Any:
    raise ValueError


def _yaml_documents(content: bytes, line: int) -> Iterator[Document]:
    separator = re.compile(rb"---[^\S\n]*(?:#[^\n]*)?(?:\n|\Z)")
    chunk: list[bytes] = []
    first = line
    for each in content.splitlines(keepends=True) if b"\r" not in content else re.findall(rb"[^\n]*\n|[^\n]+", content):
        if separator.match(each):
            yield from _yaml_document(b"".join(chunk), first)
            chunk, first = [], line + 1
        else:
            chunk.append(each)
        line += 1
    yield from _yaml_document(b"".join(chunk), first)


def _yaml_document(content: bytes, line: int) -> Iterator[Document]:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        yield Document(line, content.decode(errors="replace"), problem="it is not UTF-8")
        return
    if re.search(r"^---", text, re.MULTILINE):
        yield Document(line, text, problem="there is text on the line of '---', which kubectl refuses")
        return
    try:
        repeated: list[tuple[int, str]] = []
        for at, value in read_yaml_with(lambda text: KubectlLoader(text, repeated), text):
            yield Document(line + at - 1, text, value, repeated=[(line + where - 1, name) for where, name in repeated])
            return  # kubectl ignores everything after a line with '...'
    except UnreadableError as error:
        yield Document(line + error.line - 1, text, problem=error.problem)


def unpacked(document: Any) -> Iterator[Any]:
    """Yield the items of a list, or else the document itself. As in kubectl, every manifest with items is a list."""
    if not is_list(document):
        yield document
        return
    items = document["items"]
    singular = document["kind"].removesuffix("List")
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            yield item
            continue
        # In a list, the API omits the version and kind of each item, and SOPS adds its notes to the list itself.
        is_implied = singular and not item.get("apiVersion") and not item.get("kind")
        implied = {"apiVersion": document.get("apiVersion"), "kind": singular} if is_implied else {}
        yield {**({"sops": document["sops"]} if "sops" in document else {}), **item, **implied}


def is_list(document: object) -> TypeGuard[dict[str, Any]]:
    """Return whether kubectl reads a document as a list of manifests."""
    return isinstance(document, dict) and isinstance(document.get("kind"), str) and "items" in document


def refused_list(value: object) -> str:
    """Return why kubectl refuses a list of manifests, or a List with other items; empty if it does not."""
    if isinstance(value, list) and any(isinstance(each, dict) and is_manifest(each) for each in value):
        return "it is a list, which kubectl would refuse. Write a document for each item, with '---' between them"
    if not is_list(value):
        return ""
    items = list(unpacked(value))
    if len({isinstance(each, dict) for each in items}) > 1:
        return "an item of the list is not a mapping, so kubectl would refuse the file. Remove it"
    if any(map(is_list, items)):
        return (
            "an item of the list is a list itself, so kubectl would refuse the file. Move its items to the outer list"
        )
    return ""


def is_manifest(value: dict[str, Any]) -> bool:
    """Return whether a mapping has a field that all manifests have."""
    return "kind" in value or "apiVersion" in value
