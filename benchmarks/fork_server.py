"""A process that imports what an Airflow worker imports, and forks processes that look up connections.

fork_server.py PLAN     PLAN: a JSON object with the fields of Plan; fleet.py makes it

It prints "ready" after the imports, and begins when it reads a line. It ends, with all forked processes, when its
standard input ends. So no process remains, however fleet.py ends. Each forked process writes its lookups to a file.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from harness.plan import Lookup, Plan
from probes.subjects import Subject, make

# A task that takes longer is killed, because Apache's backend has no deadline of its own.
_LONGEST_TASK_SECONDS = 60.0
_ENDING_SECONDS = 30.0
_POLL_SECONDS = 0.002
_INPUT = 0


class Record:
    """Makes the lookups of one process, and records them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._backend: Subject = make(plan.who, **plan.options)
        self._known: dict[str, float] = {}
        self._lookups: list[Lookup] = []

    def look_up(self, kind: str, number: int) -> None:
        """Look up one of the ids of this kind."""
        ids = self._plan.ids[kind]
        conn_id = ids[number % len(ids)]
        began = time.monotonic()
        try:
            error = "" if self._backend.get_conn_value(conn_id) == self._plan.values.get(conn_id) else "wrong"
        except Exception as exception:  # the backends raise errors of many classes
            error = " ".join([type(exception).__name__, *map(str, filter(None, [getattr(exception, "status", None)]))])
        seconds = time.monotonic() - began
        known = began - self._known.get(conn_id, float("-inf")) < self._plan.outage_ttl
        self._lookups.append(Lookup(began, seconds, error, known))
        if not error:
            self._known[conn_id] = began

    def write(self) -> None:
        """Write the lookups to a file."""
        Path(self._plan.folder, f"{os.getpid()}.json").write_text(json.dumps(self._lookups))


def task(plan: Plan, number: int) -> None:
    """Run a short process."""
    record = Record(plan)
    for kind in plan.ids:
        record.look_up(kind, number)
    record.write()


def live(plan: Plan, number: int) -> None:
    """Run a process that makes a lookup at regular times. A lookup is skipped while another one is in progress."""
    record = Record(plan)
    kinds = list(plan.ids)
    # The processes start at different times and with different ids.
    turn, moment = number, time.monotonic() + plan.every * number / plan.processes
    while not _has_ended(max(moment - time.monotonic(), 0)):
        record.look_up(kinds[turn % len(kinds)], turn // len(kinds))
        turn, moment = turn + 1, max(moment + plan.every, time.monotonic())
    record.write()


class Family:
    """The forked processes.

    Attributes:
        unfinished: how many had to be killed.
    """

    def __init__(self) -> None:
        self._began: dict[int, float] = {}
        self.unfinished = 0

    def __len__(self) -> int:
        self._reap()
        return len(self._began)

    def fork(self, run: Callable[[Plan, int], None], plan: Plan, number: int) -> None:
        """Fork a process that runs ``run``."""
        pid = os.fork()
        if not pid:
            _run(run, plan, number)
        self._began[pid] = time.monotonic()

    def kill(self, older_than: float = 0) -> None:
        """Kill the processes that started more than ``older_than`` seconds ago."""
        for pid in [pid for pid, began in self._began.items() if time.monotonic() - began >= older_than]:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            del self._began[pid]
            self.unfinished += 1

    def _reap(self) -> None:
        while self._began:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            del self._began[pid]
            if status:
                raise RuntimeError(f"a forked process ended with {os.waitstatus_to_exitcode(status)}")


def run_tasks(family: Family, plan: Plan) -> None:
    """Run all short processes."""
    began, started = time.monotonic(), 0
    while started < plan.processes or len(family):
        if started < plan.processes and len(family) < plan.at_once and time.monotonic() >= began + started * plan.every:
            family.fork(task, plan, started)
            started += 1
        elif _has_ended(_POLL_SECONDS):
            return
        family.kill(older_than=_LONGEST_TASK_SECONDS)


def run_lived(family: Family, plan: Plan) -> None:
    """Run the long-lived processes until the input ends."""
    for number in range(plan.processes):
        family.fork(live, plan, number)
    while not _has_ended(1.0):
        assert len(family) == plan.processes
    deadline = time.monotonic() + _ENDING_SECONDS
    while len(family) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _run(run: Callable[[Plan, int], None], plan: Plan, number: int) -> NoReturn:
    # The child must never run the parent's handlers, or the rest of its loop.
    status = 1
    try:
        # Airflow writes its log to standard output, and fleet.py reads the output of the parent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        run(plan, number)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _has_ended(seconds: float) -> bool:
    """Return whether the input ends within ``seconds``."""
    return bool(select.select([_INPUT], [], [], seconds)[0])


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    # Importing Airflow's configuration also imports the class of the backend.
    import airflow.configuration
    import airflow.sdk.execution_time.supervisor  # noqa: F401  # a worker of Airflow has it loaded when it forks

    make(plan.who, **plan.options)
    print("ready", flush=True)
    if os.read(_INPUT, 1) != b"\n":
        return
    family = Family()
    try:
        (run_lived if plan.lived else run_tasks)(family, plan)
    finally:
        family.kill()
    print(json.dumps({"unfinished": family.unfinished}))


if __name__ == "__main__":
    main()
