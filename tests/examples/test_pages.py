"""The blocks that the pages tell users to copy are equal to the example files, and each file is on a page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.examples import EXAMPLES
from support.pages import page_file

PAGES = {
    "external-secrets": "external-secrets",
    "sealed-secrets": "sealed-secrets",
    "cloudnative-pg": "cloudnative-pg",
    "crossplane": "crossplane",
    "permissions": "rbac",
    "helm-chart": "helm",
    "first-secret": "helm",
    "teams": "teams",
    "configuration-options": "configuration-options",
    "migration": "migration",
    "from-apache": "from-apache",
    "mounted-secrets": "mounted",
}
SUFFIXES = {"yaml": ".yaml", "ini": ".cfg", "bash": ".sh", "json": ".json", "dockerfile": ""}


def page(name: str) -> str:
    return page_file(name).read_text()


def blocks(name: str) -> list[tuple[str, str]]:
    """Return language and text of each block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page(name), flags=re.DOTALL | re.MULTILINE)


def files(name: str) -> list[Path]:
    return sorted((EXAMPLES / PAGES[name]).iterdir())


@pytest.mark.parametrize("name", PAGES)
def test_each_block_is_a_file(name: str) -> None:
    texts = {path.read_text(): path for path in files(name)}
    for language, block in blocks(name):
        assert block in texts, f"no file of examples/{PAGES[name]} is\n{block}"
        assert texts[block].suffix == SUFFIXES[language]


@pytest.mark.parametrize("folder", sorted({*PAGES.values()}))
def test_each_file_is_a_block_or_linked(folder: str) -> None:
    names = [name for name, each in PAGES.items() if each == folder]
    shown = {block for name in names for _language, block in blocks(name)}
    links = [link for name in names for link in re.findall(r"\]\(\.\./\.\./examples/([^)]+)\)", page(name))]
    for path in files(names[0]):
        assert path.read_text() in shown or str(path.relative_to(EXAMPLES)) in links, path


@pytest.mark.parametrize("name", PAGES)
def test_each_link_to_an_example_has_a_target(name: str) -> None:
    for link in re.findall(r"\]\(\.\./\.\./examples/([^)]+)\)", page(name)):
        assert (EXAMPLES / link).exists(), link
