"""YAML as kubectl reads it, which uses sigs.k8s.io/yaml: YAML 1.1 with the numbers of Go.

``tests/test_kubectl_reads.py`` compares the results with those of a current kubectl.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Hashable
from math import isfinite
from typing import Any

import yaml

from airflow_kubernetes_secrets.kubernetes.go_base64 import decode_base64
from airflow_kubernetes_secrets.kubernetes.json_and_yaml import FLOAT_TAG, INT_TAG, MERGE_TAG, TIMESTAMP_TAG, Loader

_STR_TAG = "tag:yaml.org,2002:str"
_NULL_TAG = "tag:yaml.org,2002:null"
_BOOL_TAG = "tag:yaml.org,2002:bool"
_BINARY = "tag:yaml.org,2002:binary"

# The characters that end a word of a plain scalar, which is a string without quotation marks. PyYAML uses the zero
# character for the end of the file.
_BLANK = "\0 \t\r\n\x85\u2028\u2029"

# The first character after a word: outside of brackets, and in brackets. A colon ends a word if a blank follows it.
_END_OF_WORD = re.compile(f":?[{_BLANK}]")
_END_OF_WORD_IN_BRACKETS = re.compile(f":?[{_BLANK}]|[],?[{{}}]")

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


class KubectlLoader(Loader):
    """Load YAML as kubectl does."""

    ESCAPE_REPLACEMENTS = {  # type: ignore[misc]  # noqa: RUF012  # PyYAML reads it; its stubs declare it elsewhere
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

    def scan_block_scalar_indicators(self, start_mark: Any) -> tuple[bool | None, int | None]:
        """Scan what follows ``|`` or ``>``: whether line breaks at the end stay, and the indentation.

        A comment or a tab may follow directly, unlike in PyYAML.
        """
        scanner: Any = self  # PyYAML's stubs lack its attributes
        signs = re.match("[+-][1-9]?|[1-9][+-]?|", scanner.prefix(2))[0]  # type: ignore[index]  # it always matches
        scanner.forward(len(signs))
        indentation = signs.strip("+-")
        return ("+" in signs if signs != indentation else None), (int(indentation) if indentation else None)

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        """Skip the rest of the line with ``|`` or ``>``, including tabs."""
        scanner: Any = self  # PyYAML's stubs lack its attributes
        while scanner.peek() in " \t":
            scanner.forward()
        super().scan_block_scalar_ignored_line(start_mark)

    def scan_block_scalar_indentation(self) -> Any:
        """Find the indentation of a text after ``|`` or ``>`` from its first line.

        Raises:
            yaml.MarkedYAMLError: a tab follows the spaces at the beginning of the line.
        """
        scanner: Any = self  # PyYAML's stubs lack its attributes
        found = super().scan_block_scalar_indentation()
        if scanner.peek() == "\t":
            raise yaml.MarkedYAMLError(problem="a tab is used as indentation", problem_mark=scanner.get_mark())
        return found

    def _length_of_word(self) -> int:
        scanner: Any = self
        pattern = _END_OF_WORD_IN_BRACKETS if scanner.flow_level else _END_OF_WORD
        end: int = pattern.search(scanner.buffer, scanner.pointer).start()  # type: ignore[union-attr]  # the buffer ends with \0
        return end - int(scanner.pointer)

    def _scan_between_words(self, indent: int) -> str:
        """Scan white space between words. One line break becomes a space. Of several, the first is dropped."""
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
                event.tag = _STR_TAG if isinstance(event, yaml.ScalarEvent) else None
        return super().compose_node(parent, index)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Resolve each merge key at its position: a later name replaces an earlier one."""
        pairs: list[tuple[yaml.Node, yaml.Node]] = []
        for pair in node.value:
            if pair[0].tag == MERGE_TAG:
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
            return MERGE_TAG
        return _tag_of(_go_value(value))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return a mapping, and record the names that it repeats."""
        names = set()
        for key, _value in node.value:
            # Names are compared as they are written. A name with two spellings in one mapping is rare.
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE_TAG:
                if key.value in names:
                    self.repeated.append((key.start_mark.line + 1, key.value))
                names.add(key.value)
        return super().construct_mapping(node, deep)

    def name_of(self, node: yaml.Node) -> str:
        """Return the name in a mapping that kubectl reads from a node.

        Raises:
            yaml.MarkedYAMLError: kubectl refuses the name.
        """
        if node.tag == FLOAT_TAG:
            return _go_name(float(re.sub(r"\.(?=[in])|_", "", node.value.lower())))
        name = self.construct_object(node)
        if name is None:
            raise yaml.MarkedYAMLError(problem="a name is null", problem_mark=node.start_mark)
        if isinstance(name, int) and name >= 2**63:
            raise yaml.MarkedYAMLError(problem="a name is a number that is too large", problem_mark=node.start_mark)
        return super().name_of(node)


def _tag_of(value: object) -> str:
    if value is None:
        return _NULL_TAG
    if isinstance(value, bool):
        return _BOOL_TAG
    if isinstance(value, int):
        return INT_TAG
    return FLOAT_TAG if isinstance(value, float) else _STR_TAG


def is_text_for_kubectl(text: str) -> bool:
    """Return whether kubectl reads ``text`` as a string even without quotation marks."""
    return isinstance(_go_value(text), str) and text != "<<"


def _go_scalar(loader: Loader, node: yaml.ScalarNode) -> object:
    """Return a scalar with one of the tags of JSON, which a user may have written: ``!!int "5"``."""
    value = _go_value(node.value)
    if node.tag == FLOAT_TAG and isinstance(value, int) and not isinstance(value, bool):
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
        return decode_base64(node.value).decode()
    except ValueError:
        problem = "a value that is tagged as binary is not base64 of UTF-8"
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


for _tag in (_NULL_TAG, _BOOL_TAG, INT_TAG, FLOAT_TAG):
    KubectlLoader.add_constructor(_tag, _go_scalar)
KubectlLoader.add_constructor(_BINARY, _go_binary)
KubectlLoader.add_constructor(_STR_TAG, _go_text)
KubectlLoader.add_constructor(MERGE_TAG, _go_text)
KubectlLoader.add_constructor(TIMESTAMP_TAG, _go_timestamp)
for _name in ("map", "seq", "set", "omap", "pairs"):
    KubectlLoader.add_constructor(f"tag:yaml.org,2002:{_name}", _go_collection)


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
