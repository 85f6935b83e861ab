"""Airflow's long-running processes, real and on loopback, for tests that need running DAGs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from support.airflow import DATABASE, Airflow
from support.kube_apiserver import NO_TLS
from support.ports import HOST, failure, on_free_ports
from support.warm import Program, warm_python

API_SERVER, SCHEDULER, DAG_PROCESSOR, TRIGGERER = "api-server", "scheduler", "dag-processor", "triggerer"

START_SECONDS = 180.0
STOP_SECONDS = 60.0
RUN_SECONDS = 120.0

Found = TypeVar("Found")


@dataclass(frozen=True)
class TaskRun:
    """The end of one task of a DAG run. ``log`` is that of all its tries, in the worker and in the triggerer."""

    state: str
    tries: int
    seconds: float
    log: str = field(repr=False)


@dataclass(frozen=True)
class DagRun:
    """A DAG run that has ended."""

    state: str
    tasks: Mapping[str, TaskRun]


@contextmanager
def running(
    airflow: Airflow,
    *programs: str,
    variables: Mapping[str, Mapping[str, str]] | None = None,
    apps: str = "execution",
) -> Iterator[AirflowServices]:
    """Run the API server, these programs and the scheduler, and end all of them at the end.

    Args:
        variables: additional environment variables, by program.
        apps: the parts of the API server, for ``airflow api-server --apps``. The REST API and the UI take 40 % of its
            start, and only the API for tasks is necessary.

    Raises:
        RuntimeError: the API server does not respond within START_SECONDS; the message ends with the last lines of the
            logs.
    """
    services = AirflowServices(airflow, variables or {})
    try:
        services.start(*programs, apps=apps)
        yield services
    finally:
        services.stop()


class Processes:
    """Programs of one Airflow that run until they are stopped, each with its own log in Airflow's home.

    Args:
        airflow: its variables are passed to every process.
        variables: additional environment variables, by program.

    Attributes:
        airflow: runs the command line with the variables of the processes.
    """

    def __init__(self, airflow: Airflow, variables: Mapping[str, Mapping[str, str]]) -> None:
        self.airflow = airflow
        self._variables = variables
        self._running: dict[str, Program] = {}

    def spawn(self, program: str, *options: str, name: str | None = None) -> None:
        """Start ``airflow`` with this program. A second process of the same program needs another ``name``."""
        file = self.airflow.prefix / "bin" / "airflow"
        name = name or program
        with self._log_file(name).open("wb") as log:
            self._running[name] = warm_python(self.airflow.prefix).start(
                file.read_text(),
                [str(file), program, *options],
                {**self.airflow.environment, **self._variables.get(name, {})},
                (log, log),
                file=file,
                directory=self.airflow.home,
                # Airflow starts its children in new process groups, but in no new session.
                session=True,
            )

    def stop(self) -> None:
        """End all processes and everything that they have started, and wait for it. May be called more than once."""
        sessions = {process.pid for process in self._running.values()}
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + STOP_SECONDS
            _signal(_members(sessions), number)
            while _members(sessions) and time.monotonic() < deadline:
                for process in self._running.values():
                    process.poll()
                time.sleep(0.05)
        for process in self._running.values():
            process.wait(STOP_SECONDS)
        assert not _members(sessions), f"processes that even SIGKILL did not end: {_members(sessions)}"
        self._running.clear()

    def log(self, program: str) -> str:
        """Return the log of a program. The scheduler's log includes its workers; tasks have logs of their own."""
        return self._log_file(program).read_text(errors="replace")

    def until(self, what: str, found: Callable[[], Found | None], seconds: float) -> Found:
        """Call ``found`` repeatedly, and return its first true result.

        Raises:
            RuntimeError: there was none within ``seconds``, or a process has ended; the message has the last lines of
                all logs.
            AddressInUseError: a process has ended because its port is in use.
        """
        deadline = time.monotonic() + seconds
        while True:
            for program, process in self._running.items():
                if process.poll() is not None:
                    text = f"{program} ended with {process.returncode}\n{self._log_tails()}"
                    raise failure(text, self.log(program))
            if value := found():
                return value
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {seconds:.0f} s: {what}\n{self._log_tails()}")
            # Each call is usually a request to the API server, which takes CPU time from what the test waits for.
            time.sleep(0.5)

    def _log_file(self, program: str) -> Path:
        return self.airflow.home / f"{program}.log"

    def _log_tails(self) -> str:
        logs = {program: self.log(program).splitlines()[-30:] for program in self._running}
        return "\n".join(f"--- {program}\n" + "\n".join(lines) for program, lines in logs.items())


class AirflowServices(Processes):
    """Processes that share one home and an SQLite database in it; tasks run under the scheduler.

    DAGs start by their schedule, and results are read from the database, so that the REST API is not necessary.

    Args:
        airflow: its variables are passed to every process. It also provides the folder of DAGs and what they need.
        variables: additional environment variables, by program.

    Attributes:
        airflow: runs the command line on the same home and database.
    """

    def start(self, *programs: str, apps: str) -> None:
        """Create the database and start these programs. Start the scheduler when the API server responds.

        Args:
            apps: the parts of the API server.
        """
        self.airflow.migrate()

        def start(port: int) -> None:
            # End the processes of an earlier attempt, which had another port.
            self.stop()
            self.airflow = on_loopback(self.airflow, port)
            self.spawn(API_SERVER, *options(API_SERVER, port), "--apps", apps)
            for program in programs:
                self.spawn(program, *options(program, port))
            self.until("the API server responds", lambda: _responds(port), START_SECONDS)
            # A task that starts before the API server fails.
            self.spawn(SCHEDULER, *options(SCHEDULER, port))

        on_free_ports(1, start)

    def ended_run(self, dag_id: str) -> DagRun:
        """Wait for the end of the first run of a DAG, whose schedule is ``@once``, and return the run.

        Raises:
            RuntimeError: the run has not ended within the time that all programs may need to start, and RUN_SECONDS.
        """
        ended = "SELECT run_id, state FROM dag_run WHERE dag_id = ? AND state IN ('success', 'failed')"
        seconds = START_SECONDS + RUN_SECONDS
        [(run_id, state)] = self.until(f"the run of {dag_id!r} has ended", lambda: self.rows(ended, dag_id), seconds)
        tasks = self.rows(
            "SELECT task_id, state, try_number, duration FROM task_instance WHERE dag_id = ? AND run_id = ?",
            *(dag_id, run_id),
        )
        return DagRun(state, {task_id: self._task_run(dag_id, run_id, task_id, *each) for task_id, *each in tasks})

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query of the database."""
        with closing(sqlite3.connect(self.airflow.home / DATABASE, timeout=RUN_SECONDS)) as database:
            return database.execute(query, values).fetchall()

    def _task_run(
        self, dag_id: str, run_id: str, task_id: str, state: str, tries: int, duration: float | None
    ) -> TaskRun:
        folder = self.airflow.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        # A deferred task has one file of the worker, and one of each triggerer, for every try.
        text = "".join(file.read_text() for file in sorted(folder.glob("attempt=*")))
        return TaskRun(state, tries, duration or 0.0, text)


def _responds(port: int) -> bool:
    url = f"http://{HOST}:{port}/execution/health/ping"
    with suppress(httpx.TransportError):
        # The API server prepares all versions of its API when it gets the first request.
        return httpx.get(url, verify=NO_TLS, timeout=START_SECONDS).is_success
    return False


def on_loopback(airflow: Airflow, port: int) -> Airflow:
    """Return this Airflow with its API server at a port of loopback, and with settings that shorten a run."""
    url = f"http://{HOST}:{port}"
    return airflow.with_variables(
        AIRFLOW__API__BASE_URL=url,
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{url}/execution/",
        AIRFLOW__API_AUTH__JWT_SECRET=secrets.token_hex(32),
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
        AIRFLOW__CORE__EXECUTOR="LocalExecutor",
        AIRFLOW__CORE__PARALLELISM="2",
        AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION="False",
        # Half of the default. With 0.1, the scheduler occupies a fifth of a core while it waits.
        AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME="0.5",
        # The interval, in seconds, at which a worker checks whether the process of a failed task has ended.
        AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL="1",
        # On a busy machine the API server may take longer to respond than by default, in seconds. A worker would give
        # up its task.
        AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=f"{RUN_SECONDS}",
    )


def options(program: str, port: int) -> list[str]:
    """Return the options of a program that runs with an API server at that port."""
    if program == API_SERVER:
        return ["--host", HOST, "--port", str(port), "--workers", "1"]
    # Their servers for logs would need ports of their own. Here all logs are in one home.
    return ["--skip-serve-logs"] if program in (SCHEDULER, TRIGGERER) else []


def records(log: str) -> list[dict[str, Any]]:
    """Return the records of a task's log; each has at least ``event``."""
    return [json.loads(line) for line in log.splitlines()]


def _members(sessions: set[int]) -> list[psutil.Process]:
    """Return the processes of these sessions that still run."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)
