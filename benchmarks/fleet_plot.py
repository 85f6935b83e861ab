"""The plot of a fleet's last run in docs/images/, drawn from results/fleet.json for a light and a dark page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fleet_table import Figures, cpu_seconds, read
from harness.results import Results, load
from matplotlib.figure import Figure
from plot import Theme, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Look(NamedTuple):
    """The style of a subject. ``color`` is an index into :attr:`Theme.lines`."""

    label: str
    color: int
    hatch: str


# The hatching makes the bars distinguishable without colours.
LOOKS = {
    "peer": Look("Apache's backend", 0, "//"),
    "asked": Look("cache_ttl 0", 1, ""),
    "cached": Look("cache_ttl 60", 2, ".."),
    "named": Look("references", 3, "xx"),
}
# The label and the line style of each scenario.
LINES = {"faults_tasks": ("short tasks", ":"), "faults_lived": ("long-running processes", "-")}


def draw(results: Results, theme: Theme) -> Figure:
    """Draw what the fleet costs the API server, and the slowest lookup in each second of the run with faults."""
    context, figures = read(results)
    drawn = Figure(figsize=(9, 8.4), layout="constrained", facecolor=theme.background)
    grid = drawn.subplots(3, 2)
    tasks = {who: cpu_seconds(each["tasks"]) * 1000 / context["tasks"] for who, each in figures.items()}
    _bars(grid[0][0], theme, "API server's CPU time for a short task", "ms", tasks)
    lived = {who: cpu_seconds(each["lived"]) * 1000 / each["lived"]["seconds"] for who, each in figures.items()}
    title = f"API server's CPU, {context['long_lived']} long-running processes"
    _bars(grid[0][1], theme, title, "ms in each second", lived)
    panels = [*grid[1], *grid[2]]
    for axes, (who, scenarios) in zip(panels, figures.items(), strict=True):
        _faults(axes, theme, LOOKS[who], scenarios)
    # The four panels have the same axes, so that they can be compared.
    for axes in panels:
        axes.set_xlim(0, max(axes.get_xlim()[1] for axes in panels))
        axes.set_ylim(min(axes.get_ylim()[0] for axes in panels), max(axes.get_ylim()[1] for axes in panels))
    handles, labels = panels[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, labelcolor=theme.text)
    return drawn


def _bars(axes: Axes, theme: Theme, title: str, unit: str, values: dict[str, float]) -> None:
    style(axes, theme, title, unit, "")
    for who, value in reversed(values.items()):
        look = LOOKS[who]
        bar = axes.barh(look.label, value, color=theme.lines[look.color], hatch=look.hatch, edgecolor=theme.background)
        axes.bar_label(bar, [f"{value:.3g}"], padding=4, color=theme.text)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.15)


def _faults(axes: Axes, theme: Theme, look: Look, scenarios: dict[str, Figures]) -> None:
    style(axes, theme, f"{look.label}: slowest lookup", "seconds", "ms")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _position: f"{value:,g}")
    axes.minorticks_off()
    for name, begins, ends in scenarios["faults"]["events"]:
        axes.axvspan(begins, ends, color=theme.grid, alpha=0.6, linewidth=0)
        axes.annotate(
            name,
            (begins, 1),
            xycoords=("data", "axes fraction"),
            xytext=(2, -11),
            textcoords="offset points",
            color=theme.text,
            fontsize=8,
        )
    color = theme.lines[look.color]
    failed: list[list[float]] = []
    for what, (label, line) in LINES.items():
        seconds = scenarios[what]["by_second"]
        axes.plot([each[0] for each in seconds], [each[3] for each in seconds], line, color=color, label=label)
        failed += [each for each in seconds if each[2]]
    points = [each[0] for each in failed], [each[3] for each in failed]
    axes.scatter(*points, color=color, marker="x", s=40, label="a lookup failed in that second")
    axes.margins(y=0.2)


def main() -> None:
    save("fleet", draw, load("fleet", made_by="make bench-fleet"))


if __name__ == "__main__":
    main()
