"""Test whether a connection works. Its hook tests it, in a separate process.

A hook can wait forever, print anything, or end its process. The message of a hook can quote the connection, so all
values of the connection that ``explain`` does not show are hidden in the message.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from airflow_kubernetes_secrets.diagnosis.hidden_values import hidden_in
from airflow_kubernetes_secrets.inventory.visible_fields import shown_type

# The time for the whole test in seconds. The import of Airflow and of a provider can take some seconds of it.
TEST_SECONDS = 60.0

# How often the command checks whether the process has ended, while another process keeps its pipe open, in seconds.
_CHECK_SECONDS = 0.2

# No pipe holds more: the maximum of Linux (/proc/sys/fs/pipe-max-size) for users.
_PIPE_BYTES = 1024 * 1024

# How long the command waits for the end of a killed process, in seconds. The kernel can delay the end without limit.
_ENDING_SECONDS = 5.0


class HookState(Enum):
    """How the test of a hook ended. The value is shown in the JSON output."""

    WORKS = "works"
    FAILED = "failed"
    NOT_TESTED = "not-tested"


@dataclass(frozen=True)
class HookTest:
    """The result of a hook's test.

    Attributes:
        message: the message of the hook, without values of the connection; or why there was no test, and the remedy.
    """

    state: HookState
    message: str

    def as_json(self) -> dict[str, str]:
        """Return the result as the JSON output shows it."""
        return {"result": self.state.value, "message": self.message}


def run_hook_test(stored: str, seconds: float = TEST_SECONDS) -> HookTest:
    """Test a connection by its hook.

    Args:
        stored: the connection as Airflow gets it: a URI or JSON.
        seconds: the time limit.
    """
    # The hook looks its connection up by the id. The process has the connection in an environment variable, and no
    # secrets backend that could return another one or wait.
    environment = {**os.environ, "AIRFLOW__SECRETS__BACKEND": "", "AIRFLOW__WORKERS__SECRETS_BACKEND": ""}
    process = subprocess.Popen(
        [sys.executable, "-m", "airflow_kubernetes_secrets.diagnosis.hook_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    try:
        output = _output_of(process, json.dumps({"stored": stored, "seconds": seconds}), time.monotonic() + seconds)
    finally:
        _end(process)
    if output is None:
        return HookTest(
            HookState.FAILED,
            f"no result within {seconds:g} s. Check that this machine can reach the server of the connection",
        )
    return _result(output, process.returncode, stored)


def _output_of(process: subprocess.Popen[bytes], request: str, deadline: float) -> bytes | None:
    """Return what the process has written, which is one line if the test has ended; ``None`` after the deadline.

    A process that the hook started can keep the pipe open, so this does not wait until the pipe is closed.
    """
    sent: bytes | None = request.encode()
    while (left := deadline - time.monotonic()) > 0:
        try:
            return process.communicate(sent, timeout=min(left, _CHECK_SECONDS))[0]
        except subprocess.TimeoutExpired as waiting:
            written: bytes = waiting.output or b""
            if written.endswith(b"\n"):
                return written
            if process.poll() is not None:
                # It may have written its result since `communicate` has read.
                return written + _unread(process)
        sent = None
    return None


def _unread(process: subprocess.Popen[bytes]) -> bytes:
    """Return what is in the pipe of a process that has ended, without waiting for more."""
    stream = process.stdout
    if stream is None or stream.closed:
        return b""
    os.set_blocking(stream.fileno(), False)
    try:
        return os.read(stream.fileno(), _PIPE_BYTES)
    except BlockingIOError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and the processes that its hook started."""
    with suppress(ProcessLookupError, PermissionError):  # all of them have ended
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_ENDING_SECONDS)
    # A process that left the group may keep the pipes open, so nothing more is read.
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _result(output: bytes, status: int | None, stored: str) -> HookTest:
    try:
        # If the hook has forked the process, each copy can write a result.
        found: dict[str, Any] = json.loads(output.partition(b"\n")[0])
        written_type, result, message = (str(found[name]) for name in ("conn_type", "state", "message"))
    except (ValueError, KeyError, TypeError):  # nothing, or what the hook wrote to an open descriptor
        how = "without a result" if status is None else f"with the status {status} and no result"
        return HookTest(
            HookState.FAILED,
            f"the process of the hook ended {how}. Call the hook's test_connection in Python to see why",
        )
    conn_type = shown_type(written_type)
    if result == "disabled":
        return HookTest(
            HookState.NOT_TESTED,
            "Airflow's option [core] test_connection does not allow it. Set "
            "AIRFLOW__CORE__TEST_CONNECTION=Enabled for this command",
        )
    if result == "no hook":
        return HookTest(
            HookState.NOT_TESTED,
            f"no installed provider has a hook for the type {conn_type!r}. Install the provider where this command runs"
            f"{_provider(conn_type)}",
        )
    if result == "no test":
        return HookTest(
            HookState.NOT_TESTED, f"{message} has no test. Only a task can show whether the connection works"
        )
    state = HookState.WORKS if result == "works" else HookState.FAILED
    return HookTest(state, hidden_in(message, stored))


# Apache's providers by the connection types of their hooks: https://airflow.apache.org/docs/#providers-packages-docs
_PROVIDERS = {
    "amazon": "aws redshift",
    "apache-cassandra": "cassandra",
    "apache-drill": "drill",
    "apache-hive": "hive_cli hiveserver2 hive_metastore",
    "apache-kafka": "kafka",
    "apache-livy": "livy",
    "apache-spark": "spark",
    "cncf-kubernetes": "kubernetes",
    "google": "google_cloud_platform gcpssh",
    "microsoft-azure": "wasb adls azure azure_container_registry azure_cosmos azure_data_explorer azure_service_bus",
    "microsoft-mssql": "mssql",
    "slack": "slack slackwebhook",
    "": "airbyte databricks discord docker elasticsearch exasol ftp git github grpc http imap influxdb jdbc jenkins "
    "mongo mysql neo4j odbc openai opensearch oracle postgres presto redis salesforce samba sftp smtp snowflake "
    "sqlite ssh tableau telegram trino vertica zendesk",
}
_PROVIDER_OF_TYPE = {each: name or each for name, types in _PROVIDERS.items() for each in types.split()}


def _provider(conn_type: str) -> str:
    """Return the distribution that has the hook of a type, in parentheses; empty if it is unknown."""
    name = _PROVIDER_OF_TYPE.get(conn_type)
    return f" (apache-airflow-providers-{name})" if name else ""
