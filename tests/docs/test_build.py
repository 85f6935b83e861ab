"""The documentation builds without a warning, and is also readable without Sphinx, on GitHub."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.airflow import ROOT
from support.pages import DOCS, PATIENCE, page_file, page_files

# Files outside the pages that GitHub shows, with links to pages.
BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")
FILES = [*page_files().values(), *(ROOT / path for path in BESIDE)]

CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]+`", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"\]\((?P<link>[^)\s]+)\)|(?:src|srcset)=\"(?P<image>[^\"]+)\"")


def html(site: Path, name: str) -> Path:
    """Return the file of the built page with this name."""
    return site / page_file(name).relative_to(DOCS).with_suffix(".html")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site as ``make docs`` does."""
    folder = tmp_path_factory.mktemp("site")
    strict = ["-W", "-n", "--keep-going", "-q"]
    command = [sys.executable, "-m", "sphinx", "-b", "html", *strict, "-d"]
    command += map(str, (folder / "doctrees", DOCS, folder / "html"))
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_every_page_is_there(built: Path) -> None:
    for name in page_files():
        assert html(built, name).exists(), name


def test_pages_from_elsewhere_are_whole(built: Path) -> None:
    """A page that is stored elsewhere is complete, and not only the link to it on GitHub."""
    for name, words in {
        "changelog": "The first version.",
        "contributing": "is what must pass",
        "benchmarks": "The plots",
    }.items():
        assert words in html(built, name).read_text(), name


def test_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > len(page_files())
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img|source|iframe)\b[^>]*?(?:src|href)=\"([^\"]+)\"", page.read_text())
        assert not [each for each in loaded if each.startswith(("http:", "https:", "//"))], page.name


def test_both_pictures_of_a_picture_are_there(built: Path) -> None:
    page = html(built, "lookup")
    text = page.read_text()
    for theme in ("light", "dark"):
        [image] = re.findall(rf'<img [^>]*class="only-{theme}" src="([^"]+)"', text)
        assert (page.parent / image).exists()


def test_the_first_page_leads_to_every_other() -> None:
    """The table of contents is made from the first page, so it also leads to every page."""
    linked = {each[0] for each in LINK.findall((DOCS / "index.md").read_text())}
    elsewhere = {
        "benchmarks": "../benchmarks/README.md",
        "changelog": "../CHANGELOG.md",
        "contributing": "../CONTRIBUTING.md",
    }
    for name, file in page_files().items():
        if name != "index":
            assert elsewhere.get(name, str(file.relative_to(DOCS))) in linked, name


def anchors(file: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a file."""
    text = re.sub(r"^ *```.*?^ *```$", "", file.read_text(), flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading.replace("`", ""))
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = sum(1 for each in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", each))
        found.add(f"{slug}-{number}" if number else slug)
    return found


def links(file: Path) -> Iterator[str]:
    for found in LINK.finditer(CODE.sub("", file.read_text())):
        link = found["link"] or found["image"]
        if not link.startswith(("https://", "http://")):
            yield link


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_every_link_leads_somewhere(file: Path) -> None:
    for link in links(file):
        path, _hash, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), link
        assert ROOT in target.parents, f"{link} leads out of the repository"
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_it_is_plain_markdown(file: Path) -> None:
    """There is no directive, role, target or substitution: GitHub would show them as text."""
    text = file.read_text()
    assert not re.findall(r"^(?:```|:::+|~~~)\{", text, re.MULTILINE)
    rest = COMMENT.sub("", CODE.sub("", text))
    assert not re.findall(r"\{[\w:-]+\}`|^\([\w-]+\)=$|\{\{", rest, re.MULTILINE)
    assert not re.findall(r"</?(?!picture|source|img|br|kbd)[a-z]+[^>]*>", rest)
    assert rest.startswith("# ")


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_tables_have_as_many_cells_in_every_row(file: Path) -> None:
    """GitHub silently drops additional cells."""
    text = re.sub(r"^ *```.*?^ *```$", "", file.read_text(), flags=re.DOTALL | re.MULTILINE)
    for table in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(counts) == 1, table
