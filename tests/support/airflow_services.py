"""Airflow's long-running processes, real and on loopback, for tests that need running DAGs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from support.airflow import Airflow
from support.kube_apiserver import NO_TLS
from support.ports import HOST, failure, on_free_ports
from support.warm import Program, warm_python

API_SERVER, SCHEDULER, DAG_PROCESSOR, TRIGGERER = "api-server", "scheduler", "dag-processor", "triggerer"

START_SECONDS = 180.0
STOP_SECONDS = 60.0
RUN_SECONDS = 120.0

# The names of the programs in /monitor/health. The API server is healthy when it responds.
_HEALTH = {SCHEDULER: "scheduler", DAG_PROCESSOR: "dag_processor", TRIGGERER: "triggerer"}

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
    airflow: Airflow, *programs: str, variables: Mapping[str, Mapping[str, str]] | None = None
) -> Iterator[AirflowServices]:
    """Run the API server and these programs, and end all of them at the end.

    Args:
        variables: additional environment variables, by program.

    Raises:
        RuntimeError: they are not healthy within START_SECONDS; the message ends with the last lines of their logs.
    """
    services = AirflowServices(airflow, variables or {})
    try:
        services.start(API_SERVER, *programs)
        yield services
    finally:
        services.api.close()
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

    Args:
        airflow: its variables are passed to every process. It also provides the folder of DAGs and what they need.
        variables: additional environment variables, by program.

    Attributes:
        api: a client of the REST API with all permissions.
        airflow: runs the command line on the same home and database.
    """

    def __init__(self, airflow: Airflow, variables: Mapping[str, Mapping[str, str]]) -> None:
        super().__init__(airflow, variables)
        self.api = httpx.Client(verify=NO_TLS, timeout=START_SECONDS)

    def start(self, *programs: str) -> None:
        """Create the database, start these programs, and wait until all are healthy."""
        self.airflow.migrate()

        def start(port: int) -> None:
            # End the processes of an earlier attempt, which had another port.
            self.stop()
            self.airflow = on_loopback(self.airflow, port)
            self.api.base_url = httpx.URL(f"http://{HOST}:{port}/api/v2")
            for program in programs:
                self.spawn(program, *options(program, port))
            token = self.until("the API server gives a token", self._token, START_SECONDS)
            self.api.headers["Authorization"] = f"Bearer {token}"

        on_free_ports(1, start)
        self.until("all processes are healthy", self._are_healthy, START_SECONDS)

    def run_dag(self, dag_id: str, seconds: float = RUN_SECONDS) -> DagRun:
        """Run the DAG as soon as the DAG processor has read it, and wait for the end of the run.

        Raises:
            RuntimeError: the run has not ended within ``seconds``.
        """
        deadline = time.monotonic() + seconds
        dag = f"/dags/{dag_id}"

        def created() -> Any:
            answer = self.api.post(f"{dag}/dagRuns", json={"logical_date": None})
            return None if answer.status_code == httpx.codes.NOT_FOUND else answer.raise_for_status().json()

        run_id = self.until(f"there is a DAG {dag_id!r}", created, seconds)["dag_run_id"]
        run = f"{dag}/dagRuns/{run_id}"

        def ended() -> Any:
            answer = self.get(run)
            return answer if answer["state"] in ("success", "failed") else None

        state = self.until(f"the run of {dag_id!r} has ended", ended, deadline - time.monotonic())["state"]
        tasks = self.get(f"{run}/taskInstances")["task_instances"]
        return DagRun(state, {task["task_id"]: self._task_run(dag_id, run_id, task) for task in tasks})

    def get(self, path: str) -> Any:
        """Return the response of the REST API to a path below ``/api/v2``."""
        return self.api.get(path).raise_for_status().json()

    def _token(self) -> str | None:
        with suppress(httpx.TransportError):
            answer = self.api.get(self.api.base_url.join("/auth/token"))
            if answer.is_success:
                token: str = answer.json()["access_token"]
                return token
        return None

    def _are_healthy(self) -> bool:
        health = self.get("/monitor/health")
        names = [_HEALTH[program] for program in self._running if program in _HEALTH]
        return all(health[name]["status"] == "healthy" for name in names)

    def _task_run(self, dag_id: str, run_id: str, task: Mapping[str, Any]) -> TaskRun:
        folder = self.airflow.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task['task_id']}"
        # A deferred task has one file of the worker, and one of each triggerer, for every try.
        text = "".join(file.read_text() for file in sorted(folder.glob("attempt=*")))
        return TaskRun(task["state"], task["try_number"], task["duration"] or 0.0, text)


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
