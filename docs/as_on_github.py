"""The pages are plain Markdown, for whoever reads them on GitHub. This tells Sphinx what it needs beyond that.

- The table of contents is what ``index.md`` links to, section by section.
- A few pages lie elsewhere in the repository; links to them and in them lead to their place among the pages.
- A link to a folder, or to Markdown that is no page, is its text alone.
- A link that is called as its file (``[lookup.md](lookup.md)``) is called as the page or the heading that it leads to.
- A ``<picture>`` is two images, of which the theme shows the light or the dark one.
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
# Each has a file here too, with a link for GitHub, so that Sphinx knows of the page.
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
    # Every other part is code.
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
    """The path from the folder of the pages, where this one is from the folder of the file."""
    places = {file: _DOCS / f"{name}.md" for name, file in _ELSEWHERE.items()}
    target = (folder / path).resolve()
    return os.path.relpath(places.get(target, target), _DOCS)


def _contents(text: str) -> Iterator[str]:
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _line, body = section.partition("\n")
        names = [found["path"].removesuffix(".md") for found in _LINK.finditer(body)]
        yield "\n```{toctree}\n:hidden:\n:caption: " + title + "\n\n" + "\n".join(dict.fromkeys(names)) + "\n```\n"
