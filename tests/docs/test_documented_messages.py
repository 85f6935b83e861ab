"""``docs/reference/faq.md`` contains every message of the code, and its tables contain no other messages."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.lookup.selection import Outcome
from support.airflow import ROOT
from support.pages import page_file

SOURCE = ROOT / "src" / "airflow_kubernetes_secrets"

# These parts have their own pages or outputs. Messages for the API server and programmers are not on the page.
OF_OTHERS = (
    *("cli", "deployment", "diagnosis", "inventory", "manifests", "migration", "ui", "usage"),
    *("pod.py", "labels.py", "problem.py", "problem_codes.py", "record.py", "process.py"),
)
FOR_PROGRAMMERS = (
    *("no such option:", "has no attribute", "a character that is not allowed there", "cannot be changed"),
    "it is not base64",
)


def sentences(node: ast.AST) -> list[str]:
    """Return the fixed parts of a message, each as one string."""
    if isinstance(node, ast.JoinedStr):
        return [part for each in node.values for part in sentences(each)]
    if isinstance(node, ast.BinOp):
        return sentences(node.left) + sentences(node.right)
    return [" ".join(node.value.split())] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def raised_or_logged(tree: ast.AST) -> Iterator[str]:
    """Yield the longest fixed part of each message that is raised or logged for people."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            arguments = node.exc.args
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("notices.once", "notices.log"):
            arguments = node.args
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "problem":
            arguments = [node.value]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Objection":
            arguments = node.args[:1]
        else:
            continue
        longest = max((part for each in arguments for part in sentences(each)), key=len, default="")
        if " " in longest and len(longest) > 14:
            yield longest


def returned(tree: ast.AST) -> Iterator[str]:
    """Yield the longest fixed part of each message that a module returns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).isupper()):
            longest = max(sentences(node.value) if node.value else (), key=len, default="")
            if " " in longest and len(longest) > 14:
                yield longest


def modules() -> Iterator[Path]:
    for path in sorted(SOURCE.rglob("*.py")):
        if not {*path.relative_to(SOURCE).parts} & {*OF_OTHERS}:
            yield path


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_message_is_documented(path: Path) -> None:
    pages = " ".join(page_file(name).read_text() for name in ("faq", "options"))
    words = " ".join(pages.split())
    tree = ast.parse(path.read_text())
    for text in (*raised_or_logged(tree), *(returned(tree) if path.name == "usability.py" else ())):
        if not any(each in text for each in FOR_PROGRAMMERS):
            told = text.strip(" :;,.'")
            assert told[:32] in words or told[-32:] in words, text


@functools.cache
def strings_in_the_code() -> str:
    """Return every fixed string in the sources."""
    trees = [ast.parse(path.read_text()) for path in SOURCE.rglob("*.py")]
    return " ".join(part for tree in trees for node in ast.walk(tree) for part in sentences(node))


ROWS = re.findall(r"^\| (`.*`[^|]*) \| ", page_file("faq").read_text(), re.MULTILINE)


# One process parses the code.
@pytest.mark.together("strings in the code")
@pytest.mark.parametrize("phrase", sorted({each for row in ROWS for each in re.findall(r"`([^`]+)`", row)}))
def test_phrases_in_tables_exist_in_the_code(phrase: str) -> None:
    for part in re.split(r" ?…|5\d\d", phrase):
        assert part.strip() in strings_in_the_code()


def test_the_table_of_outcomes() -> None:
    told = re.findall(r"^\| `([^`]+)` \| ", page_file("faq").read_text(), re.MULTILINE)
    assert set(told) >= {text for name, text in vars(Outcome).items() if name.isupper() and name != "FOUND"}
