"""Draws the diagrams of the pages: ``python docs/make_diagrams.py``. A test keeps them current."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path

IMAGES = Path(__file__).parent / "images"

Theme = Mapping[str, str]
THEMES: Mapping[str, Theme] = {
    "light": {
        "text": "#1f2430",
        "quiet": "#5c6370",
        "line": "#8a919e",
        "box": "#f3f5f8",
        "ours": "#dcebfb",
        "bad": "#fbe3e1",
    },
    "dark": {
        "text": "#e6e8ec",
        "quiet": "#a3aab6",
        "line": "#7d8694",
        "box": "#262b33",
        "ours": "#1f3a57",
        "bad": "#542a28",
    },
}
WIDTH = 560
LINE = 19


class Drawing:
    """An SVG that grows downwards, in the colours of one theme."""

    def __init__(self, title: str, theme: Theme) -> None:
        self._title = title
        self._theme = theme
        self._parts: list[str] = []
        self._height = 0

    def box(self, x: float, y: float, width: float, lines: tuple[str, ...], fill: str = "box") -> float:
        """Draw a box whose first line is bold, and return its bottom edge."""
        height = 18 + LINE * len(lines)
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{self._theme[fill]}" '
            f'stroke="{self._theme["line"]}"/>'
        )
        for number, line in enumerate(lines):
            self.text(x + 14, y + 25 + LINE * number, line, bold=number == 0, colour="quiet" if number else "text")
        self._grow(y + height)
        return y + height

    def frame(self, x: float, y: float, width: float, height: float, title: str) -> None:
        """Draw a dashed frame around boxes, with a title in its first line."""
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" fill="none" '
            f'stroke="{self._theme["line"]}" stroke-dasharray="5 4"/>'
        )
        self.text(x + 14, y + 21, title, colour="quiet")
        self._grow(y + height)

    def text(
        self, x: float, y: float, text: str, *, bold: bool = False, colour: str = "text", anchor: str = "start"
    ) -> None:
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x}" y="{y}" fill="{self._theme[colour]}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
        )
        self._grow(y + 6)

    def arrow(self, *points: tuple[float, float]) -> None:
        """Draw a line through the points, with a head at its end."""
        path = " ".join(f"{'L' if number else 'M'}{x} {y}" for number, (x, y) in enumerate(points))
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{self._theme["line"]}" stroke-width="1.5" marker-end="url(#head)"/>'
        )

    def svg(self) -> str:
        """Return the whole SVG. It loads nothing from elsewhere."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self._height + 8:g}" width="{WIDTH}" '
            f'font-family="system-ui, sans-serif" font-size="14" role="img">\n<title>{escape(self._title)}</title>\n'
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto">'
            f'<path d="M0 0L8 4L0 8z" fill="{self._theme["line"]}"/></marker></defs>\n'
            + "\n".join(self._parts)
            + "\n</svg>\n"
        )

    def _grow(self, bottom: float) -> None:
        self._height = max(self._height, int(bottom))


def lookup(theme: Theme) -> str:
    drawing = Drawing("How a lookup goes", theme)
    left, wide, middle = 28.0, 504.0, WIDTH / 2
    y = drawing.box(left, 8, wide, ("Airflow asks for an id, for a team or for none",))
    drawing.arrow((middle, y), (middle, y + 22))
    top = y + 24
    y = drawing.box(
        left, top + 30, wide, ("1  the team's own namespace", "the label with the id, and no other team's"), "ours"
    )
    y = drawing.box(
        left, y + 10, wide, ("2  each namespace, in order", "the label with the id, and the label of the team"), "ours"
    )
    drawing.frame(left - 14, top, wide + 28, y + 14 - top, "for a team; without one, straight to 3")
    drawing.arrow((middle, y + 14), (middle, y + 40))
    drawing.text(middle + 12, y + 32, "none, and team_fallback is true", colour="quiet")
    y = drawing.box(
        left,
        y + 42,
        wide,
        ("3  the Secret that a reference names for the id", "if there is a reference, nothing below is looked at"),
        "ours",
    )
    drawing.arrow((middle, y), (middle, y + 28))
    drawing.text(middle + 12, y + 19, "no reference", colour="quiet")
    y = drawing.box(left, y + 30, wide, ("4  each namespace, in order", "the label with the id, and no team's"), "ours")
    drawing.arrow((middle, y), (middle, y + 28))
    drawing.text(middle + 12, y + 19, "no Secret", colour="quiet")
    y = drawing.box(left, y + 30, wide, ("Airflow's environment, then its database",))
    drawing.text(left, y + 28, "Of several in one namespace the oldest that can be read answers.", colour="quiet")
    return drawing.svg()


def ladder(theme: Theme) -> str:
    drawing = Drawing("How a process moves from asking to an index to a watch", theme)
    steps = (
        ("Ask", "one LIST for each lookup", "box"),
        ("Index", "one LIST of all that have the label; then memory", "ours"),
        ("Watch", "events keep the index current", "ours"),
    )
    whys = ("a third lookup of a kind within cache_ttl", "a lookup after the index has expired, cache_ttl 2 or more")
    y = 8.0
    for number, (title, text, fill) in enumerate(steps):
        x = 14.0 + 56 * number
        bottom = drawing.box(x, y, 400, (title, text), fill)
        if number < len(whys):
            drawing.arrow((x + 28, bottom), (x + 28, bottom + 48), (x + 54, bottom + 48))
            drawing.text(x + 40, bottom + 22, whys[number], colour="quiet")
        y = bottom + 34
    bottom = y - 34
    drawing.text(
        14, bottom + 30, "Back to asking: after a 401 or 403, in a forked child whose index is old,", colour="quiet"
    )
    drawing.text(14, bottom + 30 + LINE, "and when nobody has asked for ten minutes.", colour="quiet")
    return drawing.svg()


def outage(theme: Theme) -> str:
    drawing = Drawing("What may be served, by the age of an answer", theme)
    rows: tuple[tuple[str, tuple[str, ...], str], ...] = (
        ("0 s", ("The index answers", "nobody is asked, whether the API server is there or not"), "ours"),
        ("cache_ttl", ("The API server is asked", "while it is away: what it last said, with one warning"), "box"),
        (
            "+ outage_ttl",
            (
                "The lookup fails",
                "on_error next: Airflow goes on to environment and database",
                "on_error deny: Airflow stops",
            ),
            "bad",
        ),
    )
    y, x = 40.0, 116.0
    drawing.text(14, 22, "age of the answer", colour="quiet")
    top = y
    for age, lines, fill in rows:
        drawing.text(x - 22, y + 5, age, anchor="end")
        y = drawing.box(x, y, WIDTH - x - 14, lines, fill) + 8
    drawing.arrow((x - 12, top), (x - 12, y - 8))
    return drawing.svg()


DIAGRAMS: Mapping[str, Callable[[Theme], str]] = {"lookup": lookup, "ladder": ladder, "outage": outage}


def drawn() -> Iterator[tuple[str, str]]:
    """Yield the name and the content of each file."""
    for name, draw in DIAGRAMS.items():
        for theme, colours in THEMES.items():
            yield f"{name}-{theme}.svg", draw(colours)


if __name__ == "__main__":
    for name, text in drawn():
        (IMAGES / name).write_text(text)
