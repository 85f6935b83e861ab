"""``explain connection ID --test``: the connection's own hook tests whether it works."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any

import pytest

from airflow_kubernetes_secrets.diagnosis.hook_test import HookState, run_hook_test
from support.airflow import ENVIRONMENTS
from support.commands import SECRET, Commands
from support.requirements import require_airflow
from support.secrets import Put
from support.servers import on_the_devserver
from support.warm import warm_python

SMTP = {"conn_type": "smtp", "host": "localhost", "login": "mailer", "password": SECRET}
PLAIN = {"disable_ssl": True, "disable_tls": True, "retry_limit": 1}


@pytest.fixture(autouse=True)
def enabled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))


class MailServer:
    """A minimal SMTP server on loopback that responds to each login with the given answer."""

    def __init__(self, answer: str) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb", buffering=0) as stream:
                stream.write(b"220 here\r\n")
                for line in stream:
                    verb = line.split()[0].upper()
                    answer = {b"EHLO": "250-here\r\n250 AUTH PLAIN LOGIN", b"AUTH": self._answer, b"QUIT": "221 bye"}
                    stream.write(f"{answer.get(verb, '250 yes')}\r\n".encode())


@pytest.fixture
def refusing() -> Iterator[MailServer]:
    with closing(MailServer(f"535 wrong password {SECRET} of mailer")) as server:
        yield server


@pytest.fixture
def accepting() -> Iterator[MailServer]:
    with closing(MailServer("235 welcome")) as server:
        yield server


def result_of(commands: Commands, put: Put, fields: dict[str, Any], status: int) -> dict[str, str]:
    put.connection("x", json.dumps(fields))
    done = commands.run("explain", "connection", "x", "--test", "-o", "json", status=status)
    found: dict[str, str] = done.document["test"]
    return found


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the process of the hook as a fork with Airflow's libraries. No signal reaches it, so it must end itself."""
    monkeypatch.setattr(sys, "executable", str(warm_python(Path(sys.prefix)).commands("python") / "python"))


@on_the_devserver
@pytest.mark.usefixtures("forked")
class TestCommand:
    def test_connection_that_works(self, commands: Commands, put: Put, accepting: MailServer) -> None:
        found = result_of(commands, put, {**SMTP, "port": accepting.port, "extra": PLAIN}, 0)

        assert found["result"] == "works"

    def test_connection_that_does_not_work(self, commands: Commands, put: Put, refusing: MailServer) -> None:
        found = result_of(commands, put, {**SMTP, "port": refusing.port, "extra": PLAIN}, 3)

        assert found["result"] == "failed"
        assert "wrong password *** of ***" in found["message"]

    def test_text_output(self, commands: Commands, put: Put, tmp_path: Path) -> None:
        put.connection("here", json.dumps({"conn_type": "fs", "extra": {"path": str(tmp_path)}}))
        put.connection("gone", json.dumps({"conn_type": "fs", "extra": {"path": str(tmp_path / "gone")}}))

        assert "the connection works" in commands.run("explain", "connection", "here", "--test").out
        assert "the connection does not work" in commands.run("explain", "connection", "gone", "--test", status=3).out

    def test_without_the_argument_nothing_is_tested(self, commands: Commands, put: Put) -> None:
        put.connection("x", json.dumps(SMTP))

        assert commands.run("explain", "connection", "x", "-o", "json").document["test"] is None

    @pytest.mark.parametrize("value", [None, "Hidden"])
    def test_not_tested_if_airflow_does_not_allow_it(self, commands: Commands, put: Put, value: str | None) -> None:
        commands.set("AIRFLOW__CORE__TEST_CONNECTION", value)
        found = result_of(commands, put, SMTP, 3)

        assert found["result"] == "not-tested"
        assert "AIRFLOW__CORE__TEST_CONNECTION=Enabled" in found["message"]

    @pytest.mark.parametrize(
        ("conn_type", "provider"),
        [
            ("postgres", " (apache-airflow-providers-postgres)"),
            ("aws", " (apache-airflow-providers-amazon)"),
            ("x", ""),
        ],
    )
    def test_a_provider_that_is_missing(self, commands: Commands, put: Put, conn_type: str, provider: str) -> None:
        found = result_of(commands, put, {"conn_type": conn_type, "host": "db", "password": SECRET}, 3)

        assert found["result"] == "not-tested"
        assert found["message"].endswith(
            f"for the type '{conn_type}'. Install the provider where this command runs{provider}"
        )

    def test_a_variable_has_no_test(self, commands: Commands) -> None:
        done = commands.run("explain", "variable", "x", "--test", status=2)

        assert "--test: only a connection can be tested" in done.err

    def test_missing_connection_is_not_tested(self, commands: Commands) -> None:
        assert commands.run("explain", "connection", "x", "--test", "-o", "json", status=1).document["test"] is None


def test_time_limit_with_a_server_that_never_responds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fields = {**SMTP, "port": silent.getsockname()[1], "extra": {**PLAIN, "timeout": 600}}
        started = time.monotonic()
        found = run_hook_test(json.dumps(fields), seconds=15)

    assert found.state is HookState.FAILED
    assert "no result within 15 s" in found.message
    assert time.monotonic() - started < 60


def test_hook_process_ends_itself_at_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        fields = {**SMTP, "port": silent.getsockname()[1], "extra": {**PLAIN, "timeout": 600}}
        done = subprocess.run(
            [sys.executable, "-m", "airflow_kubernetes_secrets.diagnosis.hook_process"],
            input=json.dumps({"stored": json.dumps(fields), "seconds": 1}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert (done.returncode, done.stdout) == (-signal.SIGALRM, "")


HOOK = """
import os, subprocess, sys
from airflow.sdk import BaseHook

def is_pipe(descriptor):
    try:
        return os.readlink(f"/proc/self/fd/{{descriptor}}").startswith("pipe")
    except OSError:
        return False

class Hook(BaseHook):
    conn_name_attr, conn_type, hook_name = "x_conn_id", "x", "X"

    def __init__(self, x_conn_id):
        self.id = x_conn_id

    def test_connection(self):
        connection = self.get_connection(self.id)
        print(connection.password)
        print(connection.password, file=sys.stderr)
        child = subprocess.Popen(["sleep", "1000"])
        open(connection.host, "w").write(str(child.pid))
        {what}
"""


def test_result_that_is_written_just_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read between the result and the end, and the hook's child keeps the pipe open."""

    def wait_for_the_end(frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "exception" and "process" in frame.f_locals:
            os.waitid(os.P_PID, frame.f_locals["process"].pid, os.WEXITED | os.WNOWAIT)
        return wait_for_the_end if frame.f_code.co_name == "_output_of" else None

    install("sys.exit('gone')", tmp_path, monkeypatch)
    sys.settrace(wait_for_the_end)
    try:
        found = run_hook_test(json.dumps({"conn_type": "x", "host": str(tmp_path / "out")}), 120)
    finally:
        sys.settrace(None)

    assert (found.state, found.message) == (HookState.FAILED, "SystemExit: gone")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("sys.exit('gone')", "SystemExit: gone"),
        (
            "os._exit(7)",
            "the process of the hook ended with the status 7 and no result. Call the hook's test_connection in Python "
            "to see why",
        ),
        *(
            (
                f"[os.write(each, {line!r}) for each in range(3, 20) if is_pipe(each)]; child.wait()",
                "the process of the hook ended with the status -9 and no result. Call the hook's test_connection in "
                "Python to see why",
            )
            for line in (b"{}\n", b"3\n", b"null\n")
        ),
        ("raise ValueError(connection.password)", "ValueError: ***"),
        ("return False, connection.get_uri()", "x://:***@***"),
    ],
)
def test_hooks_that_misbehave(
    what: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    install(what, tmp_path, monkeypatch)

    found = run_hook_test(json.dumps({"conn_type": "x", "host": str(tmp_path / "out"), "password": SECRET}), 120)

    assert (found.state, found.message) == (HookState.FAILED, message)
    assert SECRET not in "".join(capfd.readouterr())
    wait_until_process_ends(int((tmp_path / "out").read_text()))


def install(what: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a provider with a hook for the type `x`, whose test does this."""
    provider = folder / "x-1.dist-info"
    provider.mkdir()
    (provider / "METADATA").write_text("Metadata-Version: 2.1\nName: x\nVersion: 1\n")
    (provider / "entry_points.txt").write_text("[apache_airflow_provider]\nprovider_info=x:info\n")
    types = [{"connection-type": "x", "hook-class-name": "x.Hook"}]
    info = {"package-name": "x", "name": "X", "description": "", "versions": ["1"], "connection-types": types}
    (folder / "x.py").write_text(f"{HOOK.format(what=what)}\ndef info():\n    return {info!r}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]))


# Another process in a separate session inherits the pipes of this process, and runs other code first.
FORK = """
        import time
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.setsid()
            open(connection.host + ".other", "w").write(str(os.getpid()))
            {what}
            os.write(writing, b"x")
            time.sleep(1000)
        os.read(reading, 1)
"""
# The process becomes a zombie that only its tracer can reap, so its parent waits for it without limit.
TRACE = """
            import ctypes
            assert ctypes.CDLL(None).ptrace(0x4206, os.getppid(), 0, 0) == 0  # PTRACE_SEIZE
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Path]:
    """Return the file with the process that the hook has started, which is killed after the test."""
    file = tmp_path / "out.other"
    yield file
    os.kill(int(file.read_text()), signal.SIGKILL)


def result_in_separate_process(folder: Path, seconds: float) -> dict[str, str]:
    """Return the result of a test in a separate process, because it could wait without limit."""
    code = (
        "import json, sys\n"
        "from airflow_kubernetes_secrets.diagnosis.hook_test import run_hook_test\n"
        "print(json.dumps(run_hook_test(sys.argv[1], float(sys.argv[2])).as_json()))"
    )
    stored = json.dumps({"conn_type": "x", "host": str(folder / "out"), "password": SECRET})
    command = [sys.executable, "-c", code, stored, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=180)
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("what", "result"),
    [
        ("return True, 'fine'", {"result": "works", "message": "fine"}),
        (
            "os._exit(7)",
            {
                "result": "failed",
                "message": "the process of the hook ended with the status 7 and no result. Call the hook's "
                "test_connection in Python to see why",
            },
        ),
    ],
)
def test_result_while_another_process_has_the_pipe_open(
    what: str, result: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Path
) -> None:
    install(f"{FORK.format(what='pass')}\n        {what}", tmp_path, monkeypatch)

    assert result_in_separate_process(tmp_path, 90) == result
    assert other.exists()


def test_a_hook_that_returns_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("return os.fork() >= 0, 'fine'", tmp_path, monkeypatch)

    assert result_in_separate_process(tmp_path, 90) == {"result": "works", "message": "fine"}


def test_time_limit_with_a_process_that_cannot_be_reaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Path
) -> None:
    may_be_traced = "import ctypes; ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)  # PR_SET_PTRACER"
    install(f"{may_be_traced}\n{FORK.format(what=TRACE)}\n        time.sleep(1000)", tmp_path, monkeypatch)

    # On a busy machine, Airflow's import alone can take 20 s.
    for seconds in (20, 120):
        found = result_in_separate_process(tmp_path, seconds)
        if other.exists():
            break
    assert found["message"].startswith(f"no result within {seconds} s")
    assert Path(f"/proc/{other.read_text()}").exists()


def wait_until_process_ends(process: int) -> None:
    """Wait until a process has ended, even if it has not been reaped yet."""
    for _ in range(200):
        status = Path(f"/proc/{process}/stat")
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    pytest.fail(f"process {process} still runs")


@pytest.mark.parametrize("version", ["3.3", "2.11"])
def test_hook_process_in_each_airflow_version(version: str, tmp_path: Path) -> None:
    require_airflow(version)
    python = ENVIRONMENTS[version] / "bin" / "python"
    stored = json.dumps({"conn_type": "fs", "extra": {"path": str(tmp_path)}})
    done = subprocess.run(
        [python, "-m", "airflow_kubernetes_secrets.diagnosis.hook_process"],
        input=json.dumps({"stored": stored, "seconds": 120}),
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    )

    assert json.loads(done.stdout) == {
        "conn_type": "fs",
        "state": "works",
        "message": f"Path {tmp_path} is existing.",
    }
    assert done.stderr == ""
