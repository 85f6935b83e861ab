"""Adapts the pages for Sphinx. They are plain Markdown, so that GitHub shows them too.

- The table of contents is what ``index.md`` links to, section by section.
- A few pages are stored elsewhere in the repository. Links to them and in them are changed to their place on the site.
- A link to a folder, or to Markdown that is not a page, becomes its text.
- A link whose text is its file name (``[lookup.md](lookup.md)``) gets the title of its page or heading.
- A ``<picture>`` becomes two images, of which the theme shows the light or the dark one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

_DOCS = Path(__file__).parent
_ROOT = _DOCS.parent
_INDEX = "index"
# Each of these pages also has a file in this folder with a link for GitHub, so that Sphinx knows the page.
_ELSEWHERE = {
    "benchmarks": _ROOT / "benchmarks" / "README.md",
    "changelog": _ROOT / "CHANGELOG.md",
    "contributing": _ROOT / "CONTRIBUTING.md",
}

_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\[\]]+)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")
_PICTURE = re.compile(
    r"<picture>\s*<source [^>]*srcset=\"(?P<dark>[^\"]+)\">\s*"
    r"<img alt=\"(?P<alt>[^\"]+)\"\s+src=\"(?P<light>[^\"]+)\">\s*</picture>"
)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    file = _DOCS / f"{name}.md"
    if name in _ELSEWHERE:
        file = _ELSEWHERE[name]
        app.env.note_dependency(file)
        source[0] = file.read_text()
    # The odd parts are blocks of code.
    parts = _FENCED.split(source[0])
    parts[::2] = [_pictures(_links(part, file.parent), file.parent) for part in parts[::2]]
    text = "".join(parts)
    source[0] = text + "".join(_contents(text)) if name == _INDEX else text


def _links(text: str, folder: Path) -> str:
    def link(found: re.Match[str]) -> str:
        target = _moved(found["path"], folder)
        leads_out = target.startswith("..") and (target.endswith(".md") or (_DOCS / target).is_dir())
        if leads_out:
            return found["text"]
        text = "" if found["path"].endswith(found["text"]) else found["text"]
        return f"[{text}]({target}{found['anchor'] or ''})"

    return _LINK.sub(link, text)


def _pictures(text: str, folder: Path) -> str:
    def images(found: re.Match[str]) -> str:
        alt = " ".join(found["alt"].split())
        return "".join(f"![{alt}]({_moved(found[each], folder)}){{.only-{each}}}\n" for each in ("light", "dark"))

    return _PICTURE.sub(images, text)


def _moved(path: str, folder: Path) -> str:
    """Return a path relative to the folder of the pages, from one that is relative to the file's folder."""
    places = {file: _DOCS / f"{name}.md" for name, file in _ELSEWHERE.items()}
    target = (folder / path).resolve()
    return os.path.relpath(places.get(target, target), _DOCS)


def _contents(text: str) -> Iterator[str]:
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _line, body = section.partition("\n")
        names = [found["path"].removesuffix(".md") for found in _LINK.finditer(body)]
        yield "\n```{toctree}\n:hidden:\n:caption: " + title + "\n\n" + "\n".join(dict.fromkeys(names)) + "\n```\n"
