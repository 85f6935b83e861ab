"""The plots in docs/images/, drawn from results/plots.json for a light and a dark page.

Style and marker make the lines distinguishable without colours.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from harness.results import Results, load
from harness.turns import Runs

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator
except ImportError:
    raise SystemExit("plot.py needs matplotlib: make bench-plot installs it in .venv-bench") from None

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IMAGES = Path(__file__).parents[1] / "docs" / "images"


class Theme(NamedTuple):
    """The colours of a page. ``lines`` has the colours of four lines."""

    background: str
    text: str
    grid: str
    lines: tuple[str, str, str, str]


# The backgrounds and texts are those of GitHub's two themes. The lines are from the palette of Okabe and Ito, lighter
# on the dark page.
THEMES = {
    "light": Theme("#ffffff", "#1f2328", "#d8dee4", ("#57606a", "#b35900", "#0072b2", "#00795a")),
    "dark": Theme("#0d1117", "#e6edf3", "#30363d", ("#9ea7b3", "#e69f00", "#56b4e9", "#2bc48a")),
}


class Line(NamedTuple):
    """The style and label of a line. ``color`` is an index into :attr:`Theme.lines`."""

    label: str
    color: int
    style: str
    marker: str


PEER = Line("Apache's backend", 0, "--", "s")
SINGLE_REQUESTS = Line("no cache", 1, "-", "o")
INDEX = Line("index, mean of 50 lookups", 2, ":", "^")
MEMORY = Line("from memory (index or watch)", 3, "-.", "D")
WATCH = Line("watch, at one lookup a second", 3, "-", "P")

ONE_BY_ONE = Line("single requests", 1, "-", "o")
AT_ONCE = Line("index from the first lookup", 2, ":", "^")
AS_BUILT = Line("index from the third lookup (this backend)", 3, "-.", "D")


def draw_cost(results: Results, theme: Theme) -> Figure:
    """Draw the cost of a lookup against the number of Secrets in the namespace."""
    runs = results.runs
    figure = Figure(figsize=(9, 4.1), layout="constrained", facecolor=theme.background)
    caller, server = figure.subplots(1, 2)
    _axes(caller, theme, "A lookup takes", "Secrets in the namespace", "ms")
    _axes(server, theme, "CPU time of the API server, for each lookup", "Secrets in the namespace", "ms")
    for axes, figure_name in ((caller, "latency_ms"), (server, "server_cpu_ms")):
        for line, measurement in ((PEER, "peer/steady"), (SINGLE_REQUESTS, "ours/steady"), (INDEX, "ours/amortized")):
            _line(axes, theme, line, *_by_size(runs, measurement, figure_name))
    _line(caller, theme, MEMORY, *_by_size(runs, "ours/amortized", "memory_ms"))
    _line(server, theme, WATCH, *_by_size(runs, "ours/watching", "server_cpu_ms"))
    # The legend is above both panels, because some lines are in only one of them.
    _legend(figure, theme, caller, server)
    return figure


def draw_thresholds(results: Results, theme: Theme) -> Figure:
    """Draw the cost of a process against the number of its lookups."""
    figure = Figure(figsize=(9, 5.6), layout="constrained", facecolor=theme.background)
    grid = figure.subplots(2, 2, sharex=True)
    for column, secrets in enumerate((100, 10_000)):
        processes = results.runs[f"ours/thresholds/{secrets}"]
        lookups = processes[0]["lookups"]
        for row, (title, unit) in enumerate(
            (("total time", "ms"), ("total CPU time of the API server", "server_cpu_ms"))
        ):
            axes = grid[row][column]
            _axes(axes, theme, f"{secrets:,} Secrets: {title}", "lookups of a process" if row else "", "ms")
            for line, name in ((ONE_BY_ONE, "one_by_one"), (AT_ONCE, "at_once"), (AS_BUILT, "as_built")):
                costs = [median(values) for values in zip(*(each[f"{name}_{unit}"] for each in processes), strict=True)]
                _line(axes, theme, line, lookups, costs)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_locator(LogLocator(subs=(1, 3)))
    _legend(figure, theme, grid[0][0])
    return figure


PLOTS: dict[str, Callable[[Results, Theme], Figure]] = {"cost": draw_cost, "thresholds": draw_thresholds}


def save(name: str, draw: Callable[[Results, Theme], Figure], results: Results) -> None:
    """Write ``docs/images/<name>-<theme>.svg`` for each theme."""
    # Texts stay texts, and the same figures produce the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "benchmarks"})
    # These fonts are wide. A system without them uses a narrower one, so nothing overlaps.
    mpl.rcParams.update({"font.size": 10, "font.sans-serif": ["DejaVu Sans", "Verdana"]})
    IMAGES.mkdir(parents=True, exist_ok=True)
    for theme_name, theme in THEMES.items():
        file = IMAGES / f"{name}-{theme_name}.svg"
        draw(results, theme).savefig(file, metadata={"Date": None})
        print(file)


def main() -> None:
    results = load("plots", made_by="make bench-plot")
    for name, draw in PLOTS.items():
        save(name, draw, results)


def _by_size(runs: Runs, measurement: str, figure: str) -> tuple[list[int], list[float]]:
    """Return the numbers of Secrets, and the median for each."""
    sizes = sorted(int(key.rpartition("/")[2]) for key in runs if key.rpartition("/")[0] == measurement)
    return sizes, [median(each[figure] for each in runs[f"{measurement}/{size}"]) for size in sizes]


def style(axes: Axes, theme: Theme, title: str, x_label: str, y_label: str) -> None:
    """Set the colours, title and labels of axes."""
    axes.set_facecolor(theme.background)
    axes.set_title(title, color=theme.text, fontsize=11)
    axes.set_xlabel(x_label, color=theme.text)
    axes.set_ylabel(y_label, color=theme.text)
    axes.tick_params(colors=theme.text)
    axes.grid(color=theme.grid)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(theme.grid)


def _axes(axes: Axes, theme: Theme, title: str, x_label: str, y_label: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _position: f"{value:,g}")
    axes.minorticks_off()
    style(axes, theme, title, x_label, y_label)


def _line(axes: Axes, theme: Theme, line: Line, x: list[int], y: list[float]) -> None:
    color = theme.lines[line.color]
    axes.plot(x, y, label=line.label, color=color, linestyle=line.style, marker=line.marker, linewidth=2, markersize=6)


def _legend(figure: Figure, theme: Theme, *panels: Axes) -> None:
    """Draw one legend above all panels. A line that several panels have is named once."""
    lines = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines, loc="outside upper center", ncols=3, frameon=False, labelcolor=theme.text)


if __name__ == "__main__":
    main()
