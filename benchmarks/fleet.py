"""The cost of many Airflow processes for the API server, and their errors during its faults: ``make bench-fleet``.

It runs many short tasks and a few long-lived processes, in a namespace in which most Secrets are not for Airflow. First
each kind of process runs alone. Then both run together, while the API server is restarted twice and responds with 429
in between. It takes about a quarter of an hour. fleet_table.py and fleet_plot.py show the files that it writes to
results/.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any, NamedTuple

from fleet_table import table
from harness.cluster import Cluster, cluster
from harness.ending import end_in_order
from harness.filling import VALUE_BYTES, connection
from harness.forks import forks
from harness.plan import Lookup, Plan
from harness.refusing import refuse
from harness.results import Results, context, save
from harness.spending import Spending
from harness.turns import Runs

TIMEOUT = 4.0
OUTAGE_TTL = 300.0
CACHE_TTL = 60
# A lookup is late if it takes longer than the timeout and this. The operating system may delay a process by this time.
ALLOWED_DELAY_SECONDS = 0.5

# When the faults begin, as fractions of the fleet's run time. Each waits for the end of the one before it.
FIRST_RESTART, BURST, SECOND_RESTART = 1 / 8, 3 / 8, 6 / 8
BURST_SECONDS = 5.0
# Seconds to wait for the after-effects of a fault.
_CALM_SECONDS = 2.0

_IDS = 10
_BEGINNING_SECONDS = 5.0
# The longest time, in seconds, for all tasks of a fork server, and for the end of its processes.
_LONGEST_SECONDS = 600.0


class Subject(NamedTuple):
    """A way to configure a backend.

    Attributes:
        who: the owner of the backend: ``peer`` or ``ours``.
        by_name: the kinds of lookup that use references.
        beginning: seconds after which a long-lived process has settled.
    """

    who: str
    options: dict[str, object]
    by_name: tuple[str, ...]
    beginning: float = _BEGINNING_SECONDS


_OPTIONS = {"timeout": TIMEOUT, "outage_ttl": OUTAGE_TTL}
_NO_LABELS = {"connections_label": None, "variables_label": None, "config_label": None}

SUBJECTS = {
    # The peer has no references, and looks up everything by label.
    "peer": Subject("peer", {}, ()),
    # Without a cache, each lookup queries the API server.
    "asked": Subject("ours", {**_OPTIONS, "cache_ttl": 0}, ("reference",)),
    # The watch begins with a second LIST, after the index has expired once.
    "cached": Subject("ours", {**_OPTIONS, "cache_ttl": CACHE_TTL}, ("reference",), CACHE_TTL + 20.0),
    # All Secrets are named by references, and nothing is looked up by label.
    "named": Subject("ours", {**_OPTIONS, **_NO_LABELS}, ("label", "reference")),
}


class Fleet(NamedTuple):
    """The size of the fleet; the attributes are the arguments of the command.

    Attributes:
        at_once: the highest number of tasks at the same time.
        every: seconds between two lookups of a long-lived process.
        labelled: how many of the Secrets are for Airflow.
        seconds: the run time of the long-lived processes, and again of everything together.
    """

    tasks: int
    at_once: int
    long_lived: int
    every: float
    secrets: int
    labelled: int
    seconds: float

    def plan(self, subject: Subject, *, lived: bool, every: float) -> Plan:
        """Return the plan for a fork server."""
        spread = [f"other-{number * self.labelled // (2 * _IDS)}" for number in range(2 * _IDS)]
        ids = {
            "label": spread[::2],
            "reference": spread[1::2],
            "miss": [f"missing-{number}" for number in range(_IDS)],
        }
        names = {conn_id: conn_id for kind in subject.by_name for conn_id in ids[kind]}
        references = {"references": {"connections": names}} if names else {}
        return Plan(
            who=subject.who,
            options={**subject.options, **references},
            lived=lived,
            processes=self.long_lived if lived else self.tasks,
            at_once=self.at_once,
            every=every,
            ids=ids,
            values={conn_id: connection(conn_id, VALUE_BYTES) for conn_id in spread},
            outage_ttl=OUTAGE_TTL,
            folder="",
        )


def measure(running: Cluster, name: str, fleet: Fleet) -> Runs:
    """Run all scenarios for one subject."""
    subject = SUBJECTS[name]
    # After a restart each subject finds a new server, which has not served the other subjects.
    running.restart()
    running.settle()
    runs = {"tasks": _tasks(running, subject, fleet)}
    _tell(name, "the tasks have ended")
    with forks(running, fleet.plan(subject, lived=True, every=fleet.every)) as lived:
        spending = Spending(running)
        lived.begin()
        time.sleep(subject.beginning)
        runs["beginning"] = spending.spent()._asdict()
        _tell(name, "the long-running processes have settled")
        spending, began = Spending(running), time.monotonic()
        time.sleep(fleet.seconds)
        quiet, ended = spending.spent()._asdict(), time.monotonic()
        _tell(name, "now with faults")
        tasks, unfinished, faults = _tasks_with_faults(running, subject, fleet)
        over = time.monotonic()
        lived.end()
        lookups, unended = lived.lookups(_LONGEST_SECONDS)
    _tell(name, "done")
    runs["lived"] = {**quiet, **_summary([each for each in lookups if began <= each.began < ended], 0)}
    meanwhile = [each for each in lookups if faults["began"] <= each.began < over]
    runs["faults"] = faults
    for what, those, killed in (("tasks", tasks, unfinished), ("lived", meanwhile, unended)):
        by_second = _by_second(those, faults["began"])
        runs[f"faults_{what}"] = {**_summary(those, killed), "by_second": by_second}
    return {f"{name}/{what}/{fleet.secrets}": [figures] for what, figures in runs.items()}


def _tasks(running: Cluster, subject: Subject, fleet: Fleet) -> dict[str, Any]:
    with forks(running, fleet.plan(subject, lived=False, every=0)) as tasks:
        spending = Spending(running)
        tasks.begin()
        lookups, unfinished = tasks.lookups(_LONGEST_SECONDS)
        return {**spending.spent()._asdict(), **_summary(lookups, unfinished)}


def _tasks_with_faults(running: Cluster, subject: Subject, fleet: Fleet) -> tuple[list[Lookup], int, dict[str, Any]]:
    """Return the tasks' lookups, the number of tasks that did not end, and the times of the faults."""
    with forks(running, fleet.plan(subject, lived=False, every=fleet.seconds / fleet.tasks)) as tasks:
        began = time.monotonic()
        tasks.begin()
        events = [_restart(running, began, began + FIRST_RESTART * fleet.seconds)]
        _sleep_until(began + BURST * fleet.seconds)
        burst = time.monotonic()
        refused = refuse(running, BURST_SECONDS)
        events.append(("429", burst - began, burst + BURST_SECONDS - began))
        events.append(_restart(running, began, began + SECOND_RESTART * fleet.seconds))
        lookups, unfinished = tasks.lookups(_LONGEST_SECONDS)
    time.sleep(_CALM_SECONDS)
    return lookups, unfinished, {"began": began, "events": events, "refused": refused}


def _restart(running: Cluster, began: float, moment: float) -> tuple[str, float, float]:
    _sleep_until(moment)
    killed = time.monotonic()
    running.restart()
    return "restart", killed - began, time.monotonic() - began


def _sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.monotonic(), 0))


def _summary(lookups: Sequence[Lookup], unfinished: int) -> dict[str, Any]:
    """Return the figures of the lookups of all processes.

    A ``late`` lookup took longer than the timeout and the allowed delay. An ``unfinished`` process had to be killed and
    has left no lookups; it counts as one late lookup. ``covered`` counts the errors for which the process had a cached
    value.
    """
    taken = [each.seconds * 1000 for each in lookups]
    failed = [each for each in lookups if each.error not in ("", "wrong")]
    return {
        "lookups": len(lookups),
        "p50_ms": median(taken),
        "p99_ms": quantiles(taken, n=100, method="inclusive")[98],
        "longest_ms": max(taken),
        "errors": dict(Counter(each.error for each in failed).most_common()),
        "wrong": sum(each.error == "wrong" for each in lookups),
        "late": sum(each.seconds > TIMEOUT + ALLOWED_DELAY_SECONDS for each in lookups) + unfinished,
        "covered": sum(each.known for each in failed),
        "unfinished": unfinished,
    }


def _by_second(lookups: Sequence[Lookup], began: float) -> list[tuple[int, int, int, float]]:
    """Return for each second in which lookups ended: the second, how many ended and failed, and the longest in ms."""
    seconds: dict[int, list[Lookup]] = {}
    for each in lookups:
        seconds.setdefault(int(each.began + each.seconds - began), []).append(each)
    return [
        (second, len(those), sum(bool(each.error) for each in those), max(each.seconds for each in those) * 1000)
        for second, those in sorted(seconds.items())
    ]


def _tell(name: str, what: str) -> None:
    print(f"{name}: {what}", file=sys.stderr)


def _arguments() -> Fleet:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--tasks", type=int, default=500, help="short processes")
    parser.add_argument("--at-once", type=int, default=8, help="short processes at the same time, at most")
    parser.add_argument("--long-lived", type=int, default=20, help="long-running processes")
    parser.add_argument("--every", type=float, default=0.25, help="seconds between two lookups of each of those")
    parser.add_argument("--secrets", type=int, default=10_000, help="Secrets in the namespace")
    parser.add_argument("--labelled", type=int, default=1_000, help="how many of them are for Airflow")
    parser.add_argument("--seconds", type=float, default=50.0, help="quiet ones, and again as many with faults")
    arguments = parser.parse_args()
    if not 2 * _IDS <= arguments.labelled <= arguments.secrets:
        parser.error(f"--labelled must be between {2 * _IDS} and --secrets")
    return Fleet(**vars(arguments))


def main() -> None:
    fleet = _arguments()
    end_in_order()
    runs: Runs = {}
    with cluster() as running:
        running.crowd(fleet.secrets - fleet.labelled)
        running.grow(fleet.labelled)
        for name in SUBJECTS:
            runs |= measure(running, name, fleet)
        limits = {
            "timeout": TIMEOUT,
            "allowance": ALLOWED_DELAY_SECONDS,
            "cache_ttl": CACHE_TTL,
            "outage_ttl": OUTAGE_TTL,
        }
        results = Results({**context(running.version), **fleet._asdict(), **limits, "value_bytes": VALUE_BYTES}, runs)
    save("fleet", results)
    print(table(results))


if __name__ == "__main__":
    main()
