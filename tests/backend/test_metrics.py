"""The option ``metrics``: metrics of lookups arrive where Airflow sends its metrics."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.counters import counters
from support.airflow import TESTED
from support.cluster import Cluster, ServiceAccount
from support.metrics import HIDDEN, PARTS, SECRET_ID, lookups, python
from support.proxy import Proxy
from support.secrets import Put
from support.servers import on_the_devserver


class StatsD:
    """Receives StatsD's packets on loopback."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.settimeout(5)

    @property
    def variables(self) -> dict[str, str]:
        """The configuration of an Airflow that sends metrics here."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self._socket.getsockname()[1]),
        }

    def received(self) -> tuple[Counter[str], dict[str, float], Counter[str]]:
        """Return the sums of the counters, the last values of the gauges, and the numbers of the timings by name."""
        counted: Counter[str] = Counter()
        gauges: dict[str, float] = {}
        timings: Counter[str] = Counter()
        self._socket.setblocking(False)
        while True:
            try:
                packet = self._socket.recv(65536).decode()
            except BlockingIOError:
                return counted, gauges, timings
            assert HIDDEN not in packet
            for line in packet.splitlines():
                found = re.fullmatch(r"airflow\.kubernetes_secrets\.([a-z_.]+):([0-9.e-]+)\|(c|g|ms)", line)
                if found is None:
                    assert "kubernetes_secrets" not in line
                elif found[3] == "c":
                    counted[found[1]] += int(found[2])
                elif found[3] == "g":
                    gauges[found[1]] = float(found[2])
                else:
                    timings[found[1]] += 1

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def statsd() -> Iterator[StatsD]:
    with closing(StatsD()) as running:
        yield running


@on_the_devserver
@pytest.mark.parametrize(("version", "part"), PARTS)
def test_lookups_requests_and_the_index(
    version: str, part: str, statsd: StatsD, cluster: Cluster, put: Put, account: ServiceAccount, tmp_path: Path
) -> None:
    put.connection(SECRET_ID, "postgres://db")
    put.variable("v", "x")
    kwargs = {"service_account_path": str(account.folder), "cache_ttl": 60, "metrics": True}
    python(version, lookups(kwargs), part, {**statsd.variables, **cluster.pod_environment()}, tmp_path)

    counted, gauges, timings = statsd.received()
    assert counted == {
        "lookups.connection.hit": 5,
        "lookups.connection.miss": 3,
        "lookups.variable.hit": 2,
        "lookups.variable.miss": 1,
        # For each label: two queries, and a list of everything.
        "results.api": 6,
        "results.memory": 5,
    }
    assert timings == {"request": 6}
    assert gauges["outage"] == 0
    assert gauges["index.secrets"] == 2
    assert 0 <= gauges["index.age"] < 60


@on_the_devserver
def test_an_outage(
    statsd: StatsD, cluster: Cluster, proxy: Proxy, put: Put, account: ServiceAccount, tmp_path: Path
) -> None:
    put.variable("v", "x")
    kwargs = {
        "service_account_path": str(proxy.folder(account)),
        "outage_ttl": 600,
        "timeout": 2,
        "metrics": True,
    }
    program = f"""
import os, signal, time
from pathlib import Path
backend = KubernetesSecretsBackend(**{kwargs!r})
assert backend.get_variable("v") == "x"
os.environ["KUBERNETES_SERVICE_PORT"] = "1"
other = KubernetesSecretsBackend(**{kwargs!r})
try:
    other.get_variable("v")
except Exception as error:
    assert "ApiUnavailableError" in type(error).__name__
else:
    raise AssertionError
"""
    python(TESTED, program, "airflow.sdk", {**statsd.variables, **proxy.pod_environment()}, tmp_path)

    counted, gauges, timings = statsd.received()
    assert counted["lookups.variable.hit"] == counted["lookups.variable.error"] == counted["outages"] == 1
    assert counted["request.retries"] >= 1
    assert gauges["outage"] == 1
    assert timings["request"] == 2 + counted["request.retries"]


def test_no_metrics_are_sent_without_the_option(statsd: StatsD, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    program = f"""
from airflow_kubernetes_secrets.counters import counters

backend = KubernetesSecretsBackend(path={str(tmp_path / "secrets")!r})
assert backend.get_variable("v") is None
assert not counters.is_on
"""
    python(TESTED, program, "airflow.sdk", statsd.variables, tmp_path)

    assert statsd.received() == ({}, {}, {})


def test_a_folder(statsd: StatsD, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    program = f"""
backend = KubernetesSecretsBackend(path={str(tmp_path / "secrets")!r}, metrics=True)
assert backend.get_variable("v") is None
assert backend.get_config("c") is None
assert backend.get_variable("v") is None
"""
    python(TESTED, program, "airflow.sdk", statsd.variables, tmp_path)

    counted, gauges, timings = statsd.received()
    # An option is read before Airflow can send metrics, so it is counted with the next lookup.
    assert counted == {"lookups.variable.miss": 2, "lookups.config.miss": 1, "results.folder": 3}
    assert (gauges, timings) == ({}, {})


# Airflow's own metrics, which create its client.
AIRFLOW_SENDS = "stats().incr('own')"

# A lookup from memory, whose counts are not sent at its end.
FROM_MEMORY = "metrics.note(Kind.VARIABLE, metrics.HIT, None)"

# In these parts of Airflow, no import creates the client. In Airflow 3.1, `import airflow` creates it.
WITHOUT_CLIENT = [each for each in PARTS if each != (TESTED, "airflow") and each[0] != "3.1"]


class TestAProcessThatOnlyLooksUpOptions:
    """Airflow looks up options before it can send metrics, and perhaps nothing else."""

    def run(
        self, statsd: StatsD, tmp_path: Path, part: tuple[str, str], program: str
    ) -> tuple[Counter[str], dict[str, float]]:
        version, name = part
        (tmp_path / "secrets").mkdir()
        begin = f"""
from airflow_kubernetes_secrets.backend import metrics
from airflow_kubernetes_secrets.backend.airflow_versions import created_stats, stats
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.counters import counters
backend = KubernetesSecretsBackend(path={str(tmp_path / "secrets")!r}, metrics=True)
assert backend.get_config("c") is None
assert created_stats() is None
"""
        python(version, begin + program, name, statsd.variables, tmp_path)
        counted, gauges, _timings = statsd.received()
        return counted, gauges

    @pytest.mark.parametrize("part", WITHOUT_CLIENT)
    def test_it_sends_after_airflow_has_sent(self, part: tuple[str, str], statsd: StatsD, tmp_path: Path) -> None:
        program = f"""
import os
from airflow_kubernetes_secrets.backend import metrics
{AIRFLOW_SENDS}
metrics._state.sent_at -= 10
assert backend.get_config("c") is None
assert len(counters) == 0
os._exit(0)
"""
        counted, _gauges = self.run(statsd, tmp_path, part, program)
        assert counted == {"lookups.config.miss": 2, "results.folder": 2}

    @pytest.mark.parametrize("part", WITHOUT_CLIENT)
    def test_it_sends_the_rest_at_its_end(self, part: tuple[str, str], statsd: StatsD, tmp_path: Path) -> None:
        counted, _gauges = self.run(statsd, tmp_path, part, AIRFLOW_SENDS)
        assert counted == {"lookups.config.miss": 1, "results.folder": 1}

    @pytest.mark.parametrize("part", WITHOUT_CLIENT)
    def test_it_never_creates_the_client(self, part: tuple[str, str], statsd: StatsD, tmp_path: Path) -> None:
        """A client that is created during an import could switch off Airflow's own metrics."""
        program = """
from airflow_kubernetes_secrets.backend import metrics
metrics._state.sent_at -= 10
assert backend.get_config("c") is None
assert created_stats() is None
assert len(counters) == 4
"""
        assert self.run(statsd, tmp_path, part, program) == ({}, {})

    @pytest.mark.parametrize("part", WITHOUT_CLIENT)
    def test_the_fork_for_a_task_sends_the_rest_at_its_end(
        self, part: tuple[str, str], statsd: StatsD, tmp_path: Path
    ) -> None:
        """Airflow removes there what the parent has registered for its end, and runs what the fork has registered."""
        program = f"""
import atexit, os
if os.fork() == 0:
    atexit._clear()
    {AIRFLOW_SENDS}
    {FROM_MEMORY}
    atexit._run_exitfuncs()
    os._exit(0)
assert os.wait()[1] == 0
os._exit(0)
"""
        counted, _gauges = self.run(statsd, tmp_path, part, program)
        assert counted == {"lookups.variable.hit": 1}

    @pytest.mark.parametrize("part", WITHOUT_CLIENT)
    def test_it_sends_the_rest_before_the_client_ends(
        self, part: tuple[str, str], statsd: StatsD, tmp_path: Path
    ) -> None:
        """The client of OpenTelemetry sends what it has collected at the end of the process."""
        program = f"""
import atexit, os
atexit.register(os._exit, 0)
{AIRFLOW_SENDS}
metrics._state.sent_at -= 10
assert backend.get_config("c") is None
assert len(counters) == 0
{FROM_MEMORY}
"""
        counted, _gauges = self.run(statsd, tmp_path, part, program)
        assert counted == {"lookups.config.miss": 2, "results.folder": 2, "lookups.variable.hit": 1}

    def test_it_sends_requests(self, statsd: StatsD, cluster: Cluster, account: ServiceAccount, tmp_path: Path) -> None:
        kwargs = {"service_account_path": str(account.folder), "metrics": True}
        program = f"""
from airflow_kubernetes_secrets.backend.airflow_versions import stats
backend = KubernetesSecretsBackend(**{kwargs!r})
{AIRFLOW_SENDS}
assert backend.get_config("c") is None
import os; os._exit(0)
"""
        python(TESTED, program, "airflow", {**statsd.variables, **cluster.pod_environment()}, tmp_path)
        counted, gauges, timings = statsd.received()
        assert counted == {"lookups.config.miss": 1, "results.api": 1}
        assert timings == {"request": 1}
        assert gauges == {"outage": 0, "index.secrets": 0, "index.age": 0}


def test_an_airflow_that_sends_no_metrics(tmp_path: Path) -> None:
    backend = KubernetesSecretsBackend(path=str(tmp_path), metrics=True)

    assert backend.get_variable("v") is None
    assert len(counters) == 0


def test_forked_child_does_not_send_metrics_of_its_parent(statsd: StatsD, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    options = json.dumps(str(tmp_path / "secrets"))
    program = f"""
import os
from airflow_kubernetes_secrets.backend import metrics
from airflow_kubernetes_secrets.counters import counters
from airflow_kubernetes_secrets.lookup.kinds import Kind
backend = KubernetesSecretsBackend(path={options}, metrics=True)
{FROM_MEMORY}
assert len(counters) == 1
if os.fork() == 0:
    assert backend.get_variable("v") is None
    os._exit(0)
assert os.wait()[1] == 0
assert backend.get_variable("v") is None
"""
    python(TESTED, program, "airflow.sdk", statsd.variables, tmp_path)

    counted, _gauges, _timings = statsd.received()
    assert counted == {"lookups.variable.hit": 1, "lookups.variable.miss": 2, "results.folder": 2}
