"""The tables of a fleet's last run. ``python benchmarks/fleet_table.py`` writes them into the pages that show them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from harness.results import Results, load
from table import goal_shown, ratio_shown

ROOT = Path(__file__).parents[1]
BEGINNING, END = "<!-- fleet: made by benchmarks/fleet_table.py -->\n", "<!-- fleet: end -->\n"

NAMES = {"peer": "Apache's backend", "asked": "`cache_ttl` 0", "cached": "`cache_ttl` 60", "named": "references"}
OURS = ("asked", "cached", "named")
SCENARIOS_WITH_LOOKUPS = ("tasks", "lived", "faults_tasks", "faults_lived")

TASKS_GOAL, LIVED_GOAL = 1 / 10, 1 / 50
TASKS_A_MINUTE = 1_000

# Less than this cannot be distinguished from an idle API server. /proc counts in steps of 10 ms, also during the 10 s
# in which the idle usage is measured. A scenario lasts several times as long.
EXACT_TO_SECONDS = 0.1

Figures = dict[str, Any]


class Run(NamedTuple):
    """The figures of a run of the whole fleet, by subject and scenario."""

    context: Figures
    figures: dict[str, dict[str, Figures]]


class Row(NamedTuple):
    """A row of a table. ``show`` renders a cell from the scenarios of one subject."""

    text: str
    show: Callable[[dict[str, Figures]], str]


def read(results: Results) -> Run:
    """Return the figures of a run by subject and scenario."""
    figures: dict[str, dict[str, Figures]] = {who: {} for who in NAMES}
    for key, [values] in results.runs.items():
        who, what, _secrets = key.split("/")
        figures[who][what] = values
    return Run(results.context, figures)


def cpu_seconds(figures: Figures) -> float:
    """Return the CPU seconds of the API server, at least what can be measured."""
    measured: float = figures["cpu_s"]
    return max(measured, EXACT_TO_SECONDS)


def table(results: Results) -> str:
    """Return all tables of the run in Markdown."""
    run = read(results)
    context = run.context
    restarts = sum(name == "restart" for name, _begins, _ends in run.figures["peer"]["faults"]["events"])
    refused = min(each["faults"]["refused"] for each in run.figures.values())
    blocks = [
        f"One run on {context['cores']} cores, Python {context['python']}, kube-apiserver {context['kube_apiserver']} "
        f"on loopback, Airflow {context['airflow']}, Apache's provider {context['peer']}. "
        f"{context['secrets']:,} Secrets with a value of {context['value_bytes']} bytes, {context['labelled']:,} of "
        "them for Airflow.",
        f"**{context['tasks']:,} short tasks, at most {context['at_once']} at once**",
        _table(run, _spending("tasks")),
        f"**{context['long_lived']} long-running processes, a lookup every {context['every']:g} s in each, "
        f"for {context['seconds']:g} s**",
        _table(run, [*_spending("lived"), Row("until they have settled: CPU of the API server", _beginning)]),
        f"**Both together, with {restarts} restarts of the API server and a burst of 429** "
        f"(at least {refused:,} requests refused)",
        _table(run, [*_faults("tasks", "faults_tasks"), *_faults("long-running", "faults_lived")]),
        "**Goals**",
        _goals(run),
        f"**Extrapolated to {TASKS_A_MINUTE:,} tasks a minute**, in proportion to the short tasks above",
        _table(run, _extrapolated(context)),
    ]
    return "\n\n".join(blocks)


def summary(results: Results) -> str:
    """Return the plot and the figures that help a reader to choose the options."""
    run = read(results)
    context = run.context
    rows = [
        *_extrapolated(context),
        Row(f"{context['long_lived']} long-running processes: CPU cores of the API server", _lived_cores),
        Row("with restarts and 429 of the API server: failed lookups of short tasks", _failed("faults_tasks")),
        Row(
            "with restarts and 429 of the API server: failed lookups of long-running processes", _failed("faults_lived")
        ),
    ]
    return "\n\n".join((_picture("../images"), _table(run, rows)))


def write(page: Path, text: str) -> None:
    """Replace the tables on the page with this text."""
    before, after = page.read_text(), ""
    after, places = re.subn(
        f"{re.escape(BEGINNING)}.*?{re.escape(END)}",
        lambda _found: f"{BEGINNING}\n{text}\n\n{END}",
        before,
        flags=re.DOTALL,
    )
    assert places == 1, f"{page} has {places} places for the tables"
    page.write_text(after)
    print(page)


def main() -> None:
    results = load("fleet", made_by="make bench-fleet")
    write(ROOT / "benchmarks" / "README.md", "\n\n".join((_picture("../docs/images"), table(results))))
    write(ROOT / "docs" / "how-to" / "caching.md", summary(results))


def _picture(images: str) -> str:
    return (
        f'<picture>\n  <source media="(prefers-color-scheme: dark)" srcset="{images}/fleet-dark.svg">\n'
        '  <img alt="CPU time of the API server for short tasks and for long-running processes, and the slowest\n'
        f'    lookup in each second of a run with faults" src="{images}/fleet-light.svg">\n</picture>'
    )


def _table(run: Run, rows: Iterable[Row]) -> str:
    lines = [["", *(NAMES[who] for who in run.figures)]]
    lines.append(["---"] * len(lines[0]))
    lines += [[row.text, *(row.show(scenarios) for scenarios in run.figures.values())] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spending(what: str) -> list[Row]:
    return [
        Row("CPU of the API server", lambda scenarios: _seconds_shown(scenarios[what]["cpu_s"])),
        Row("requests", lambda scenarios: f"{scenarios[what]['requests']:,.0f}"),
        Row("bytes sent", lambda scenarios: _bytes_shown(scenarios[what]["bytes"])),
        *_latencies(what),
        Row("errors, wrong results", lambda scenarios: _errors_shown(scenarios[what])),
    ]


def _latencies(what: str) -> list[Row]:
    return [
        Row("a lookup, median", lambda scenarios: _milliseconds_shown(scenarios[what]["p50_ms"])),
        Row("a lookup, 99th percentile", lambda scenarios: _milliseconds_shown(scenarios[what]["p99_ms"])),
    ]


def _faults(text: str, what: str) -> list[Row]:
    rows = [
        Row("lookups", lambda scenarios: f"{scenarios[what]['lookups']:,}"),
        Row("errors, wrong results", lambda scenarios: _errors_shown(scenarios[what])),
        Row("errors although a result was known", lambda scenarios: f"{scenarios[what]['covered']:,}"),
        *_latencies(what),
        Row("the slowest lookup", lambda scenarios: _milliseconds_shown(scenarios[what]["longest_ms"])),
    ]
    return [row._replace(text=f"{text}: {row.text}") for row in rows]


def _extrapolated(context: Figures) -> list[Row]:
    """Return the rows that extrapolate the figures of short tasks."""
    a_second = TASKS_A_MINUTE / 60 / context["tasks"]
    text = f"{TASKS_A_MINUTE:,} tasks a minute (extrapolated)"
    return [
        Row(
            f"{text}: CPU cores of the API server",
            lambda scenarios: f"{cpu_seconds(scenarios['tasks']) * a_second:.2g}",
        ),
        Row(f"{text}: requests a second", lambda scenarios: f"{scenarios['tasks']['requests'] * a_second:.3g}"),
        Row(f"{text}: bytes a second", lambda scenarios: _bytes_shown(scenarios["tasks"]["bytes"] * a_second)),
    ]


def _goals(run: Run) -> str:
    peer, cached, named = (run.figures[who] for who in ("peer", "cached", "named"))
    ours = [run.figures[who][what] for who in OURS for what in SCENARIOS_WITH_LOOKUPS]
    lookups = sum(each["lookups"] for each in ours)
    deadline = f"`timeout` + {run.context['allowance']:g} s"
    lines = [
        ["what", "this backend", "Apache's backend", "ratio", "goal"],
        ["---"] * 5,
        _compared("tasks, references: CPU of the API server", named["tasks"], peer["tasks"], TASKS_GOAL),
        _compared("long-running, `cache_ttl` 60: CPU of the API server", cached["lived"], peer["lived"], LIVED_GOAL),
        _none(f"lookups that took longer than {deadline}", sum(each["late"] for each in ours), lookups),
        _none("errors although a result was known", sum(each["covered"] for each in ours), lookups),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _compared(text: str, ours: Figures, theirs: Figures, goal: float) -> list[str]:
    ratio = cpu_seconds(ours) / cpu_seconds(theirs)
    shown = (_seconds_shown(each["cpu_s"]) for each in (ours, theirs))
    return [text, *shown, ratio_shown(ratio), goal_shown(goal, ratio)]


def _none(text: str, count: int, lookups: int) -> list[str]:
    return [text, f"{count:,} of {lookups:,}", "", "", "0, missed" if count else "0"]


def _beginning(scenarios: dict[str, Figures]) -> str:
    return _seconds_shown(scenarios["beginning"]["cpu_s"])


def _lived_cores(scenarios: dict[str, Figures]) -> str:
    return f"{cpu_seconds(scenarios['lived']) / scenarios['lived']['seconds']:.2g}"


def _failed(what: str) -> Callable[[dict[str, Figures]], str]:
    def show(scenarios: dict[str, Figures]) -> str:
        figures = scenarios[what]
        return f"{sum(figures['errors'].values()) + figures['wrong']:,} of {figures['lookups']:,}"

    return show


def _errors_shown(figures: Figures) -> str:
    counts = [*figures["errors"].items(), ("wrong", figures["wrong"]), ("never ended", figures.get("unfinished", 0))]
    return ", ".join(f"{count:,} {error}" for error, count in counts if count) or "none"


def _seconds_shown(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= EXACT_TO_SECONDS else f"less than {EXACT_TO_SECONDS:g} s"


def _milliseconds_shown(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms" if milliseconds >= 100 else f"{milliseconds:.3g} ms"


def _bytes_shown(count: float) -> str:
    return f"{count / 1e6:,.3g} MB" if count >= 1e6 else f"{count / 1e3:.3g} kB"


if __name__ == "__main__":
    main()
