"""The documentation builds without a warning, and is also readable without Sphinx, on GitHub."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from threading import Thread

import pytest
from playwright.sync_api import Browser

from support.airflow import ROOT
from support.browser import running_browser
from support.pages import DOCS, PATIENCE, blocks, page_file, page_files

# Files outside the pages that GitHub shows, with links to pages.
OTHER_FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")
FILES = [*page_files().values(), *(ROOT / path for path in OTHER_FILES)]

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
    # In a workflow, the links would lead to the repository that runs it.
    variables = {name: value for name, value in os.environ.items() if name != "GITHUB_REPOSITORY"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    """Serve the site. A browser lets a page use the clipboard only if it is served."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(built))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.mark.parametrize("name", ["laptop", "releasing"])
def test_a_button_copies_a_block_without_prompts(address: str, browser: Browser, built: Path, name: str) -> None:
    context = browser.new_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page = context.new_page()
    page.goto(f"{address}/{html(built, name).relative_to(built)}")
    buttons = page.locator("button.copybtn")
    buttons.first.wait_for(state="attached")

    copied = []
    for button in buttons.all():
        button.locator("..").hover()
        button.click()
        copied.append(page.evaluate("navigator.clipboard.readText()"))
    context.close()

    # The output of a command has no button.
    shown = [each for each in blocks(name) if each.language != "text"]
    assert copied == [re.sub(r"^\$ ", "", dedent(each.text), flags=re.MULTILINE).rstrip("\n") for each in shown]


def test_links_to_files_of_the_repository_lead_to_it(built: Path) -> None:
    [repository] = re.findall(r'^Repository = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    text = html(built, "helm-chart").read_text()

    assert f'href="{repository}/tree/main/examples/helm"' in text
    assert f'href="{repository}/edit/main/docs/how-to/helm-chart.md"' in text
    assert (ROOT / "examples" / "helm").is_dir()


def test_every_page_is_built(built: Path) -> None:
    for name in page_files():
        assert html(built, name).exists(), name


def test_included_pages_are_complete(built: Path) -> None:
    """A page that is stored elsewhere is complete, and not only the link to it on GitHub."""
    for name, words in {
        "changelog": "The first version.",
        "contributing": "must pass before a merge",
        "benchmarks": "The plots",
    }.items():
        assert words in html(built, name).read_text(), name


def test_pages_load_no_external_resources(built: Path) -> None:
    pages = list(built.rglob("*.html"))
    assert len(pages) > len(page_files())
    for page in pages:
        loaded = re.findall(r"<(?:script|link|img|source|iframe)\b[^>]*?(?:src|href)=\"([^\"]+)\"", page.read_text())
        assert not [each for each in loaded if each.startswith(("http:", "https:", "//"))], page.name


def test_images_exist_in_both_themes(built: Path) -> None:
    page = html(built, "lookup")
    text = page.read_text()
    for theme in ("light", "dark"):
        images = re.findall(rf'<img [^>]*class="only-{theme}" src="([^"]+)"', text)
        assert len(images) == page_file("lookup").read_text().count("<picture>")
        assert all((page.parent / image).exists() for image in images)


def test_first_page_links_to_every_other_page() -> None:
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


SECTIONS = {
    "Get started": "start",
    "How-to": "how-to",
    "Concepts": "concepts",
    "Reference": "reference",
    "Contributing": "contributing",
}
# Files that are shown as a page of another folder.
SHOWN_IN = {
    "../CHANGELOG.md": "reference",
    "../CONTRIBUTING.md": "contributing",
    "architecture.md": "contributing",
    "../benchmarks/README.md": "contributing",
}


def test_each_page_is_in_the_section_of_its_folder() -> None:
    _introduction, *sections = re.split(r"^## ", (DOCS / "index.md").read_text(), flags=re.MULTILINE)

    assert [section.partition("\n")[0] for section in sections] == [*SECTIONS]
    for section in sections:
        title, _line, body = section.partition("\n")
        for found in LINK.finditer(body):
            path = found["link"].partition("#")[0]
            assert SHOWN_IN.get(path, path.partition("/")[0]) == SECTIONS[title], path


SHORT = [path for path in page_files().values() if path.parent.name in ("start", "how-to", "concepts")]


@pytest.mark.parametrize("file", SHORT, ids=[path.stem for path in SHORT])
def test_a_page_outside_the_reference_is_short(file: Path) -> None:
    assert len(file.read_text().split()) <= 1200


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
def test_every_link_has_a_target(file: Path) -> None:
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
    # GitHub has anchors: https://docs.github.com/get-started/writing-on-github, "Custom anchors".
    rest = re.sub('<a name="[a-z-]+"></a>', "", COMMENT.sub("", CODE.sub("", text)))
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
