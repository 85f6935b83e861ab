"""The table that compares the figures of a run. ``python benchmarks/table.py`` prints the table of the last run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median, quantiles
from typing import NamedTuple

from harness.results import Results, load
from harness.turns import Runs


def percentile_99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(values, n=100, method="inclusive")[98]


class Figure(NamedTuple):
    """One number of a run.

    Attributes:
        measurement: "<who>/<what>/<other Secrets>".
        name: the name of the figure in the processes' output; the part after the last ``_`` is the unit.
        statistic: reduces the figures of all processes to one number.
    """

    measurement: str
    name: str
    statistic: Callable[[list[float]], float] = median

    def value(self, runs: Runs) -> float:
        """Return the number of a run."""
        values: list[float] = []
        for figures in runs[self.measurement]:
            figure = figures[self.name]
            values += figure if isinstance(figure, list) else [figure]
        return self.statistic(values)

    def shown(self, value: float) -> str:
        """Return a value with its unit."""
        name, _underscore, unit = self.name.rpartition("_")
        return f"{value:.4g} {UNITS[unit]}" if name else f"{value:g}"


class Bound(NamedTuple):
    """A fixed number that a figure is compared with, in the unit of the figure."""

    text: str
    number: float


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        goal: the highest ratio allowed; None if the row only explains another.
    """

    text: str
    ours: Figure
    other: Figure | Bound
    goal: float | None = None


UNITS = {"ms": "ms", "us": "µs", "s": "s", "mib": "MiB"}
NAMES = {"ours": "this backend", "peer": "Apache's backend", "bare": "a bare TLS socket"}


def _compared_with(who: str, what: str, name: str) -> tuple[Figure, Figure]:
    """Return a figure of this backend, and the same figure of ``who``."""
    return Figure(f"ours/{what}", name), Figure(f"{who}/{what}", name)


def _threads(name: str) -> Figure:
    return Figure("ours/threads/100", name)


def _bundles(name: str) -> Figure:
    return Figure("ours/bundles/10", name)


def _config_maps(name: str) -> Figure:
    return Figure("ours/config_maps/10", name)


_peer, _bare = partial(_compared_with, "peer"), partial(_compared_with, "bare")

FIRST = [
    Row("import, construction, first lookup: CPU", *_peer("cold/100", "cpu_ms"), 1 / 200),
    Row("the same: memory", *_peer("cold/100", "memory_mib"), 1 / 30),
    Row("the same CPU, compared with the first response on a TLS socket", *_bare("cold/100", "cpu_ms")),
    Row("the same memory, compared with it", *_bare("cold/100", "memory_mib")),
    Row("without bytecode: CPU", *_peer("uncompiled/100", "cpu_ms"), 1 / 200),
    Row("without bytecode: memory", *_peer("uncompiled/100", "memory_mib"), 1 / 30),
]

QUERIES = [
    Row("warm lookup: CPU", *_peer("warm/100", "cpu_ms"), 0.45),
    Row("warm lookup: latency", *_bare("warm/100", "latency_ms"), 1.5),
    Row(
        "lookup with a new backend object: CPU",
        Figure("ours/fresh/100", "cpu_ms"),
        Figure("ours/warm/100", "cpu_ms"),
        1.2,
    ),
    Row("the same, compared with Apache's backend", *_peer("fresh/100", "cpu_ms")),
]

FEW = [
    Row("50 lookups: time", *_peer("fifty/100", "wall_ms"), 1 / 30),
    Row("50 lookups: CPU", *_peer("fifty/100", "cpu_ms"), 1 / 30),
    Row("50 lookups: requests", *_peer("fifty/100", "requests"), 3 / 50),
    Row("50 lookups without bytecode: time", *_peer("fifty_uncompiled/100", "wall_ms"), 1 / 30),
    Row("50 lookups without bytecode: CPU", *_peer("fifty_uncompiled/100", "cpu_ms"), 1 / 30),
    Row("2 lookups, 10,000 Secrets: CPU of the API server", *_peer("two/10000", "server_cpu_ms"), 1),
    Row(
        "50 lookups while the API server is unavailable: time",
        Figure("ours/away/100", "wall_s"),
        Bound("`timeout`, 2 s", 2),
        1,
    ),
]

FROM_MEMORY = [
    Row("hit, 10 Secrets", Figure("ours/memory/10", "hit_us"), Bound("5 µs", 5), 1),
    Row("hit, 10,000 Secrets", Figure("ours/memory/10000", "hit_us"), Bound("5 µs", 5), 1),
    Row("miss, 10 Secrets", Figure("ours/memory/10", "miss_us"), Bound("5 µs", 5), 1),
    Row("miss, 10,000 Secrets", Figure("ours/memory/10000", "miss_us"), Bound("5 µs", 5), 1),
    Row("with bundles: hit of a Secret of its own", _bundles("own_us"), _bundles("off_us")),
    Row("with bundles: hit in one of 1,000 entries", _bundles("hit_us"), Bound("5 µs", 5)),
    Row("with bundles: miss", _bundles("miss_us"), Bound("5 µs", 5)),
    Row(
        "with bundles and ConfigMaps: hit of a variable in a Secret", _config_maps("secret_us"), _config_maps("off_us")
    ),
    Row("with bundles and ConfigMaps: hit in a ConfigMap", _config_maps("hit_us"), Bound("5 µs", 5)),
    Row("with bundles and ConfigMaps: hit in a bundle of 1,000 entries", _config_maps("bundled_us"), Bound("5 µs", 5)),
    Row("with bundles and ConfigMaps: miss", _config_maps("miss_us"), Bound("5 µs", 5)),
    Row("requests of this process", Figure("ours/memory/10000", "requests"), Bound("the 3 that made the index", 3), 1),
    Row("32 threads together", _threads("many_us"), _threads("one_us"), 1),
    Row("the same for a function without shared data", _threads("unshared_many_us"), _threads("unshared_one_us")),
]

INDEX = [
    Row("index of 10,000 Secrets: time", *_bare("index/10000", "wall_ms"), 2.5),
    Row("the same: memory in use", Figure("ours/index/10000", "kept_mib"), Bound("20 MiB", 20), 1),
    Row("the same: peak memory", Figure("ours/index/10000", "peak_mib"), Figure("bare/index/10000", "received_mib")),
    Row("time until a change is visible, median", Figure("ours/watch/100", "latencies_ms"), Bound("20 ms", 20)),
    Row(
        "time until a change is visible, 99th percentile",
        Figure("ours/watch/100", "latencies_ms", percentile_99),
        Bound("20 ms", 20),
        1,
    ),
]

MOUNTED = [
    Row("hit, 100 files in a volume", Figure("ours/mounted/100", "hit_us"), Bound("50 µs", 50), 1),
    Row("miss, 100 files in a volume", Figure("ours/mounted/100", "miss_us"), Bound("50 µs", 50), 1),
    Row("hit, 100 files that are not in a volume", Figure("ours/mounted/100", "plain_hit_us"), Bound("50 µs", 50), 1),
]

SECTIONS = {
    "A new process": FIRST,
    "Lookups that query the API server": QUERIES,
    "A new process with `cache_ttl`": FEW,
    "Lookups from memory": FROM_MEMORY,
    "Lookups of mounted Secrets": MOUNTED,
    "The index, and the watch that updates it": INDEX,
}


def table(results: Results) -> str:
    """Return the table of a run in Markdown."""
    context, runs = results
    foreign = {name for figures in runs["ours/cold/100"] for name in figures["foreign_modules"]}
    return "\n\n".join(
        (
            f"Medians of {context['rounds']} processes on {context['cores']} cores, Python {context['python']}, "
            f"kube-apiserver {context['kube_apiserver']} on loopback, Airflow {context['airflow']}, "
            f"Apache's provider {context['peer']}.",
            *(_section(title, rows, runs) for title, rows in SECTIONS.items()),
            "Loaded modules that belong neither to Airflow nor to the standard library: "
            f"{', '.join(sorted(foreign)) or 'none'}.",
        )
    )


def _section(title: str, rows: list[Row], runs: Runs) -> str:
    lines = [
        f"**{title}**",
        "",
        "| what | this backend | compared with | ratio | goal |",
        "| --- | --- | --- | --- | --- |",
    ]
    # Results that are older than a measurement do not have it.
    return "\n".join([*lines, *(_line(row, runs) for row in rows if row.ours.measurement in runs)])


def _line(row: Row, runs: Runs) -> str:
    ours = row.ours.value(runs)
    if isinstance(row.other, Bound):
        theirs, compared_with = row.other.number, row.other.text
    else:
        theirs = row.other.value(runs)
        compared_with = f"{row.other.shown(theirs)}, {NAMES[row.other.measurement.partition('/')[0]]}"
    ratio = ours / theirs
    cells = (row.text, row.ours.shown(ours), compared_with, ratio_shown(ratio), goal_shown(row.goal, ratio))
    return f"| {' | '.join(cells)} |"


def goal_shown(goal: float | None, ratio: float) -> str:
    """Return the goal, and whether it was missed."""
    if goal is None:
        return ""
    # The ratio is compared with the precision with which it is shown.
    return ratio_shown(goal) + ("" if float(f"{ratio:.3g}") <= goal else ", missed")


def ratio_shown(ratio: float) -> str:
    """Return a ratio as text, as a fraction if it is small."""
    return f"1/{1 / ratio:.0f}" if 0 < ratio < 0.1 else f"{ratio:.3g}"


if __name__ == "__main__":
    print(table(load("bench", made_by="make bench")))
