"""Read the documents in a file of manifests as kubectl reads them.

``tests/test_kubectl_reads.py`` compares the results with those of a current kubectl.
"""

from __future__ import annotations

import binascii
import json
import re
import struct
from base64 import b64decode
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from math import isfinite
from typing import Any

import yaml

from airflow_kubernetes_secrets.kubernetes.documents import Loader, UnreadableError, read_yaml_with
from airflow_kubernetes_secrets.record import Record

_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_STR = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_BINARY = "tag:yaml.org,2002:binary"

# The characters that end a word of a plain scalar, which is a string without quotation marks. PyYAML uses the zero
# character for the end of the file.
_BLANK = "\0 \t\r\n\x85\u2028\u2029"

# The words that kubectl reads as something other than a string. https://pkg.go.dev/go.yaml.in/yaml/v2
_WORDS: dict[str, object] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}

_GO_INT = re.compile(
    r"[-+]?(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))$"
)
_GO_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_BASES = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}

# In digits. Python converts longer integers slowly, so they are read as floats.
_LONGEST_INT = 20

# The most digits of an unsigned integer of 64 bits. Go reads a longer number as a float.
_MOST_DIGITS = {"hex": 16, "bin": 64, "oct": 22, "dec": 20}


def _go_value(text: str) -> object:
    """Return the value that kubectl reads from a plain scalar, which has no quotation marks."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    if found := _GO_INT.match(plain):
        name = str(found.lastgroup)
        digits = found[name].lstrip("0") or "0"
        if len(digits) <= _MOST_DIGITS[name]:
            number = int(digits, _BASES[name])
            if plain[0] == "-" and number <= 2**63:
                return -number
            if number < (2**63 if plain[0] == "+" else 2**64) and plain[0] != "-":
                return number
    if _GO_FLOAT.match(plain):
        value = float(plain)
        return value if isfinite(value) else text
    return text


class _ManifestLoader(Loader):
    """Load YAML as kubectl does, which uses sigs.k8s.io/yaml: YAML 1.1 with the numbers of Go."""

    ESCAPE_REPLACEMENTS = {  # type: ignore[misc]  # noqa: RUF012 - PyYAML reads it; its stubs declare it elsewhere
        escape: text for escape, text in yaml.SafeLoader.ESCAPE_REPLACEMENTS.items() if escape != "/"
    }

    def __init__(self, text: str | bytes, repeated: list[tuple[int, str]]) -> None:
        """Create a loader.

        Args:
            repeated: receives the names that a mapping has more than once, each with the number of its line.
        """
        super().__init__(text)
        self.repeated = repeated

    def scan_to_next_token(self) -> None:
        """Skip white space between tokens, including tabs where they cannot be indentation."""
        scanner: Any = self  # PyYAML's stubs lack its attributes
        super().scan_to_next_token()
        while scanner.peek() == "\t" and (scanner.flow_level or not scanner.allow_simple_key):
            scanner.forward()
            super().scan_to_next_token()

    def scan_plain(self) -> yaml.ScalarToken:
        """Scan a plain scalar, which is a string without quotation marks.

        In brackets, a colon before a bracket or comma is part of the string, unlike in YAML 1.2. Tabs count as spaces.
        """
        scanner: Any = self  # PyYAML's stubs lack its attributes
        start = end = scanner.get_mark()
        indent = scanner.indent + 1
        parts: list[str] = []
        between = ""
        while scanner.peek() != "#" and not scanner.check_document_start() and not scanner.check_document_end():
            word = scanner.prefix(self._length_of_word())
            if not word:
                break
            scanner.allow_simple_key = False
            parts += between, word
            scanner.forward(len(word))
            end = scanner.get_mark()
            between = self._scan_between_words(indent)
            if not between or (not scanner.flow_level and scanner.column < indent):
                break
        return yaml.ScalarToken("".join(parts), True, start, end)

    def _length_of_word(self) -> int:
        scanner: Any = self
        length = 0
        while (
            (sign := scanner.peek(length)) not in _BLANK
            and not (sign == ":" and scanner.peek(length + 1) in _BLANK)
            and not (sign in ",?[]{}" and scanner.flow_level)
        ):
            length += 1
        return length

    def _scan_between_words(self, indent: int) -> str:
        """Scan white space between words. One line break becomes a space; of several, the first is dropped."""
        scanner: Any = self
        blanks: list[str] = []
        breaks: list[str] = []
        while (sign := scanner.peek()) in _BLANK and sign != "\0":
            if sign not in " \t":
                breaks.append(scanner.scan_line_break())
                scanner.allow_simple_key = True
                if scanner.check_document_start() or scanner.check_document_end():
                    break
            elif breaks and sign == "\t" and scanner.column < indent:
                raise yaml.MarkedYAMLError(problem="a tab is used as indentation", problem_mark=scanner.get_mark())
            else:
                blanks += "" if breaks else sign
                scanner.forward()
        if not breaks:
            return "".join(blanks)
        first, *more = breaks
        return "".join(more if first == "\n" else breaks) or " "

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node as kubectl does: an anchor may be repeated, and the tag ``!`` means no tag or a string."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(event.anchor, None)  # PyYAML would refuse to set an anchor again
            if event.tag == "!":
                event.tag = _STR if isinstance(event, yaml.ScalarEvent) else None
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Resolve each merge key at its position: a later name replaces an earlier one."""
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for pair in node.value:
            if pair[0].tag == _MERGE:
                one = yaml.MappingNode(node.tag, [pair], node.start_mark, node.end_mark)
                yaml.SafeLoader.flatten_mapping(self, one)
                pairs += one.value
            else:
                pairs.append(pair)
        node.value = pairs

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Return the tag of a node. A plain scalar gets the tag of the value that kubectl reads from it."""
        if kind is not yaml.ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]  # PyYAML's stubs lack it
        if value == "<<":
            return _MERGE
        return _tag_of(_go_value(value))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping, and record the names that it repeats."""
        names = set()
        for key, _value in node.value:
            # Names are compared as they are written. A name with two spellings in one mapping is rare.
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in names:
                    self.repeated.append((key.start_mark.line + 1, key.value))
                names.add(key.value)
        return super().construct_mapping(node, deep)

    def name_of(self, node: yaml.Node) -> str:
        """Return the name in a mapping that kubectl reads from a node.

        Raises:
            yaml.MarkedYAMLError: kubectl refuses the name.
        """
        if node.tag == _FLOAT:
            return _go_name(float(re.sub(r"\.(?=[in])|_", "", node.value.lower())))
        name = self.construct_object(node)
        if name is None:
            raise yaml.MarkedYAMLError(problem="a name is null", problem_mark=node.start_mark)
        if isinstance(name, int) and name >= 2**63:
            raise yaml.MarkedYAMLError(problem="a name is a number that is too large", problem_mark=node.start_mark)
        return super().name_of(node)


def _tag_of(value: object) -> str:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, int):
        return _INT
    return _FLOAT if isinstance(value, float) else _STR


def is_text_for_kubectl(text: str) -> bool:
    """Return whether kubectl reads ``text`` as a string even without quotation marks."""
    return isinstance(_go_value(text), str) and text != "<<"


def _go_scalar(loader: Loader, node: yaml.ScalarNode) -> object:
    """Return a scalar with one of the tags of JSON, which a user may have written: ``!!int "5"``."""
    value = _go_value(node.value)
    if node.tag == _FLOAT and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if _tag_of(value) != node.tag:
        raise yaml.MarkedYAMLError(problem="a tag does not fit", problem_mark=node.start_mark)
    if isinstance(value, float) and not isfinite(value):
        raise yaml.MarkedYAMLError(problem="a number is not finite", problem_mark=node.start_mark)
    return value


def _go_text(loader: Loader, node: yaml.ScalarNode) -> str:
    text = str(loader.construct_scalar(node))
    if re.search("[\ud800-\udfff]", text):
        raise yaml.MarkedYAMLError(problem="a string has half of a surrogate pair", problem_mark=node.start_mark)
    return text


def _go_timestamp(loader: Loader, node: yaml.ScalarNode) -> str:
    if not yaml.SafeLoader.timestamp_regexp.match(node.value):
        raise yaml.MarkedYAMLError(problem="a tag does not fit", problem_mark=node.start_mark)
    return str(node.value)


def _go_collection(loader: Loader, node: yaml.Node) -> object:
    """Return a collection by what the node is. Like Go, ignore which collection its tag names."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


def _go_binary(loader: Loader, node: yaml.ScalarNode) -> object:
    try:
        return b64decode(re.sub(r"[\r\n]", "", node.value), validate=True).decode()
    except (binascii.Error, ValueError):
        problem = "a value that is tagged as binary is not base64 of UTF-8"
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


for _tag in (_NULL, _BOOL, _INT, _FLOAT):
    _ManifestLoader.add_constructor(_tag, _go_scalar)
_ManifestLoader.add_constructor(_BINARY, _go_binary)
_ManifestLoader.add_constructor(_STR, _go_text)
_ManifestLoader.add_constructor(_MERGE, _go_text)
_ManifestLoader.add_constructor(_TIMESTAMP, _go_timestamp)
for _name in ("map", "seq", "set", "omap", "pairs"):
    _ManifestLoader.add_constructor(f"tag:yaml.org,2002:{_name}", _go_collection)


def _go_name(number: float) -> str:
    """Return a float as a name: in 32 bits, with the fewest digits that distinguish it from others."""
    number = _in_32_bits(number)
    if not isfinite(number):
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(number), ".nan")
    text = next(text for digits in range(9) if _in_32_bits(float(text := f"{number:.{digits}e}")) == number)
    return str(float(text)).removesuffix(".0") if -4 <= int(text.partition("e")[2]) < 6 else text


def _in_32_bits(number: float) -> float:
    try:
        (rounded,) = struct.unpack("f", struct.pack("f", number))
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
    return float(rounded)


class Document(Record):
    """One document of a file of manifests.

    Attributes:
        line: the number of its first line, or of the line with the problem.
        text: the document as it is in the file. It may contain secret values.
        value: the parsed document; ``None`` if it cannot be read.
        problem: why it cannot be read, without a quotation of the text; empty if it can.
        repeated: the names that one mapping has more than once, each with its line. In JSON, the line is that of the
            document. kubectl uses the last value; Kustomize refuses the file.
    """

    __slots__ = ("line", "problem", "repeated", "text", "value")

    def __init__(
        self, line: int, text: str, value: Any = None, problem: str = "", repeated: Sequence[tuple[int, str]] = ()
    ) -> None:
        self.repeated = repeated
        self.line = line
        self.text = text
        self.value = value
        self.problem = problem


def read_manifests(content: bytes) -> Iterator[Document]:
    """Yield the documents of a file. Each one may be unreadable by itself.

    As in kubectl, the content of the file counts and not its name: it contains consecutive JSON objects, or YAML
    documents that are separated by lines with ``---``.
    """
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
        line, text, problem="it is nested too deep" if isinstance(error, RecursionError) else "it is not JSON"
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
        for at, value in read_yaml_with(lambda text: _ManifestLoader(text, repeated), text):
            yield Document(line + at - 1, text, value, repeated=[(line + where - 1, name) for where, name in repeated])
            return  # kubectl ignores everything after a line with '...'
    except UnreadableError as error:
        yield Document(line + error.line - 1, text, problem=error.problem)


def unpacked(document: Any) -> Iterator[Any]:
    """Yield the items of a List, or else the document itself."""
    kind = document.get("kind") if isinstance(document, dict) else None
    if kind in ("List", "SecretList", "NamespaceList"):
        singular = str(kind).removesuffix("List")
        items = document.get("items")
        for item in items if isinstance(items, list) else ():
            # In a list, the API omits the version and kind of each item, and SOPS adds its notes to the list itself.
            implied = {"apiVersion": document.get("apiVersion"), "kind": singular} if singular else {}
            if "sops" in document:
                implied["sops"] = document["sops"]
            yield {**implied, **item} if isinstance(item, dict) else item
    else:
        yield document
