"""Adapts the pages for Sphinx. They are plain Markdown, so that GitHub shows them too.

- The table of contents is what ``index.md`` links to, section by section.
- A few pages are stored elsewhere in the repository. Links to them and in them are changed to their place on the site.
- A link to another file or folder of the repository leads to the repository on GitHub.
- A link whose text is its file name (``[lookup.md](lookup.md)``) gets the title of its page or heading.
- A ``<picture>`` becomes two images, of which the theme shows the light or the dark one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sphinx.application import Sphinx

_DOCS = Path(__file__).parent
_ROOT = _DOCS.parent
_INDEX = "index"
# Each of these pages also has a file in this folder with a link for GitHub, so that Sphinx knows the page.
_ELSEWHERE = {
    "contributing/benchmarks": _ROOT / "benchmarks" / "README.md",
    "reference/changelog": _ROOT / "CHANGELOG.md",
    "contributing/contributing": _ROOT / "CONTRIBUTING.md",
}

_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\[\]]+)\]\((?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?\)")
_PICTURE = re.compile(
    r"<picture>\s*<source [^>]*srcset=\"(?P<dark>[^\"]+)\">\s*"
    r"<img alt=\"(?P<alt>[^\"]+)\"\s+src=\"(?P<light>[^\"]+)\">\s*</picture>"
)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("repository", "", "env", types=(str,))
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
    page = _Page(file.parent, (_DOCS / name).parent, app.config.repository)
    parts[::2] = [page.pictures(page.links(part)) for part in parts[::2]]
    text = "".join(parts)
    source[0] = text + "".join(_contents(text)) if name == _INDEX else text


@dataclass(frozen=True)
class _Page:
    """Converts links for the site.

    Attributes:
        stored: the folder of the file, from which its links start.
        shown: the folder of the page on the site.
        repository: the address of the repository on GitHub.
    """

    stored: Path
    shown: Path
    repository: str

    def links(self, text: str) -> str:
        def link(found: re.Match[str]) -> str:
            target = self._target(found["path"])
            if _is_page(target):
                text = "" if found["path"].endswith(found["text"]) else found["text"]
                return f"[{text}]({self._relative(target)}{found['anchor'] or ''})"
            if not target.exists():
                # A regular expression in code can look like a link. A test finds links that lead nowhere.
                return found[0]
            view = "tree" if target.is_dir() else "blob"
            return f"[{found['text']}]({self.repository}/{view}/main/{target.relative_to(_ROOT)})"

        return _LINK.sub(link, text)

    def pictures(self, text: str) -> str:
        def images(found: re.Match[str]) -> str:
            alt = " ".join(found["alt"].split())
            files = {theme: self._relative(self._target(found[theme])) for theme in ("light", "dark")}
            return "".join(f"![{alt}]({file}){{.only-{theme}}}\n" for theme, file in files.items())

        return _PICTURE.sub(images, text)

    def _target(self, path: str) -> Path:
        """Return the file that a link leads to. For a page that is stored elsewhere, it is the page's place here."""
        places = {file: _DOCS / f"{name}.md" for name, file in _ELSEWHERE.items()}
        target = (self.stored / path).resolve()
        return places.get(target, target)

    def _relative(self, target: Path) -> str:
        return os.path.relpath(target, self.shown)


def _is_page(target: Path) -> bool:
    return target.suffix == ".md" and _DOCS in target.parents


def _contents(text: str) -> Iterator[str]:
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _line, body = section.partition("\n")
        names = [found["path"].removesuffix(".md") for found in _LINK.finditer(body)]
        yield "\n```{toctree}\n:hidden:\n:caption: " + title + "\n\n" + "\n".join(dict.fromkeys(names)) + "\n```\n"
