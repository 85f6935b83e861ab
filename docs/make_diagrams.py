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

    def box(
        self, x: float, y: float, width: float, lines: tuple[str, ...], fill: str = "box", *, height: float = 0
    ) -> float:
        """Draw a box whose first line is bold, and return its bottom edge. It is as high as its lines, or higher."""
        height = max(height, 18 + LINE * len(lines))
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
    drawing = Drawing("The order of a lookup", theme)
    left, wide, middle = 28.0, 504.0, WIDTH / 2
    y = drawing.box(left, 8, wide, ("Airflow looks up an id, for a team or for none",))
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
        ("3  the Secret that a reference names for the id", "if there is a reference, step 4 does not happen"),
        "ours",
    )
    drawing.arrow((middle, y), (middle, y + 28))
    drawing.text(middle + 12, y + 19, "no reference", colour="quiet")
    y = drawing.box(left, y + 30, wide, ("4  each namespace, in order", "the label with the id, and no team's"), "ours")
    drawing.arrow((middle, y), (middle, y + 28))
    drawing.text(middle + 12, y + 19, "no Secret", colour="quiet")
    y = drawing.box(left, y + 30, wide, ("Airflow's environment, then its database",))
    drawing.text(left, y + 28, "If several match in a namespace, the oldest that can be used is used.", colour="quiet")
    return drawing.svg()


def cache_steps(theme: Theme) -> str:
    drawing = Drawing("How a process moves from single requests to an index to a watch", theme)
    steps = (
        ("Single requests", "one LIST for each lookup", "box"),
        ("Index", "one LIST of all Secrets with the label; then memory", "ours"),
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
        14,
        bottom + 30,
        "Back to single requests: after a 401 or 403, in a forked child whose index",
        colour="quiet",
    )
    drawing.text(
        14,
        bottom + 30 + LINE,
        "is old, and if there is no lookup within 60 s after an index has expired.",
        colour="quiet",
    )
    return drawing.svg()


def outage(theme: Theme) -> str:
    drawing = Drawing("What is used, by the age of a value", theme)
    rows: tuple[tuple[str, tuple[str, ...], str], ...] = (
        ("0 s", ("The index is used", "no request is sent, also during an outage"), "ours"),
        (
            "cache_ttl",
            ("The API server is queried", "while it is unavailable: its last result, with one warning"),
            "box",
        ),
        (
            "+ outage_ttl",
            (
                "The lookup fails",
                "on_error next: Airflow searches environment and database",
                "on_error deny: Airflow stops",
            ),
            "bad",
        ),
    )
    y, x = 40.0, 116.0
    drawing.text(14, 22, "age of the value", colour="quiet")
    top = y
    for age, lines, fill in rows:
        drawing.text(x - 22, y + 5, age, anchor="end")
        y = drawing.box(x, y, WIDTH - x - 14, lines, fill) + 8
    drawing.arrow((x - 12, top), (x - 12, y - 8))
    return drawing.svg()


def deployment(theme: Theme) -> str:
    drawing = Drawing("Which component of Airflow queries the API server of Kubernetes", theme)
    own = ("scheduler", "configuration options"), ("DAG processor", "top level of DAG files"), ("triggerer", "triggers")
    y = _version(
        drawing,
        8,
        "Airflow 3",
        (("API server", "what tasks look up; connection tests"), *own),
        ("worker", "tasks: through Airflow's API server"),
    )
    _version(
        drawing,
        y + 16,
        "Airflow 2",
        (("webserver", "connection tests; configuration options"), *own, ("worker", "tasks")),
        None,
    )
    return drawing.svg()


def _version(
    drawing: Drawing, top: float, title: str, components: tuple[tuple[str, str], ...], worker: tuple[str, str] | None
) -> float:
    """Draw the components of one version, and return the bottom edge.

    Args:
        worker: the component that also queries the first one, if there is such a component.
    """
    left, wide, right = 48.0, 300.0, 400.0
    y = first = top + 34
    middles = []
    for component in components:
        bottom = drawing.box(left, y, wide, component, "ours")
        middles.append((y + bottom) / 2)
        y = bottom + 8
    if worker is not None:
        bottom = drawing.box(left, y, wide, worker)
        middle = (y + bottom) / 2
        drawing.arrow((left, middle), (left - 18, middle), (left - 18, middles[0]), (left, middles[0]))
        drawing.text(left + wide + 10, middle + 5, "directly only with", colour="quiet")
        drawing.text(left + wide + 10, middle + 5 + LINE, "a permission", colour="quiet")
        y = bottom + 8
    for middle in middles:
        drawing.arrow((left + wide, middle), (right, middle))
    drawing.box(
        right, first, WIDTH - right - 28, ("Kubernetes", "API server", "(Secrets)"), height=middles[-1] + 28 - first
    )
    drawing.frame(14, top, WIDTH - 28, y + 6 - top, title)
    return y + 6


DIAGRAMS: Mapping[str, Callable[[Theme], str]] = {
    "deployment": deployment,
    "lookup": lookup,
    "cache-steps": cache_steps,
    "outage": outage,
}


def drawn() -> Iterator[tuple[str, str]]:
    """Yield the name and the content of each file."""
    for name, draw in DIAGRAMS.items():
        for theme, colours in THEMES.items():
            yield f"{name}-{theme}.svg", draw(colours)


if __name__ == "__main__":
    for name, text in drawn():
        (IMAGES / name).write_text(text)
