"""Fixtures of every suite: the two API servers, and a new namespace for each test."""

from __future__ import annotations

import faulthandler
import gc
import os
import shutil
import signal
import sys
import tempfile
import uuid
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

from support import shared, warm
from support.airflow import ENVIRONMENTS, NEWEST, TESTED, installed, release
from support.chromium import CHROMIUM
from support.chromium import HOW_TO_GET_IT as HOW_TO_GET_CHROMIUM
from support.cluster import Cluster, DevserverCluster, KubeApiserverCluster
from support.crds import HOW_TO_GET_THEM, published
from support.kube_apiserver import HOW_TO_GET_IT, assets, running, shared_apiserver
from support.slow import NOT_SLOW, is_slow

# This is set before a test imports Airflow, which writes its configuration there.
AIRFLOW_HOME = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-")
# To a home without this file, the command `airflow` writes all defaults, which each later command would read.
(Path(AIRFLOW_HOME) / "airflow.cfg").touch()
DESELECTED = pytest.StashKey[dict[str, int]]()
ON_DEMAND = pytest.StashKey[list[shared.OnDemand]]()
APISERVER = "kube-apiserver"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    _limit_the_teardown(item)
    if any("PytestUnraisableExceptionWarning" in mark.args[0] for mark in item.iter_markers("filterwarnings")):
        # The test ignores the warnings of destructors. Garbage that is collected later would warn in another test.
        gc.collect()


def _limit_the_teardown(item: pytest.Item) -> None:
    """Start the Makefile's limit for a test again, because a failure of the test cancels it before the teardown.

    At the end of the test, pytest cancels the limit.
    """
    seconds = float(item.config.getini("faulthandler_timeout"))
    if seconds:
        ends = bool(item.config.getini("faulthandler_exit_on_timeout"))
        faulthandler.dump_traceback_later(seconds, file=item.config.stash[fault_handler_stderr_fd_key], exit=ends)


def pytest_configure(config: pytest.Config) -> None:
    # By default, Hypothesis fails a test in which one example takes more than 200 ms, as happens on a busy machine.
    hypothesis.settings.register_profile("any time", deadline=None)
    hypothesis.settings.load_profile("any time")
    # A shell makes its background jobs ignore SIGINT, and so would the programs that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # kubectl, kube-apiserver and etcd use less CPU time if Go collects garbage less often.
    os.environ.setdefault("GOGC", "400")
    if sys.version_info < (3, 11):
        # In Python 3.10, asyncio does not mark a TLS connection as closed after the client has reset it.
        config.addinivalue_line("filterwarnings", "ignore:unclosed transport <asyncio.sslproto:ResourceWarning")
        # The line above counts during a test, and this one when pytest collects garbage at the end.
        warnings.filterwarnings("ignore", "unclosed transport <asyncio.sslproto", ResourceWarning)
    if hasattr(config, "workerinput"):
        shared.join(config.workerinput["folder"])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Make a process that pytest-xdist is about to start take part in this run."""
    if ON_DEMAND not in node.config.stash:
        node.config.stash[ON_DEMAND] = _on_demand()
    node.workerinput["folder"] = str(shared.folder())


def _on_demand() -> list[shared.OnDemand]:
    """Return the resources that this process starts for all others."""
    environments = [ENVIRONMENTS[version] for version in ENVIRONMENTS if installed(version)]
    found = [shared.OnDemand(warm.name(each), partial(warm.running, each)) for each in environments]
    own = Path(sys.prefix)
    with_backend = partial(warm.running, own, with_backend=True)
    found.append(shared.OnDemand(warm.name(own, with_backend=True), with_backend))
    folder = assets()
    if folder is not None:
        found.append(shared.OnDemand(APISERVER, partial(shared_apiserver, folder)))
    return found


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)
    for each in config.stash.get(ON_DEMAND, []):
        each.stop()


def pytest_report_header() -> str | None:
    folder = assets()
    return f"kube-apiserver: tested, from {folder}" if folder else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Make pytest-xdist keep groups of tests together."""
    from support.scheduling import Groups

    return Groups(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import the modules that ``make quick`` skips, because that takes longer than its tests."""
    return True if config.option.markexpr == NOT_SLOW and is_slow(collection_path) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while the tests are collected: almost nothing is garbage, and all of it would be examined."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Exclude the thousands of collected tests from garbage collection, which would examine them each time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that this machine cannot run, with one line at the end for each reason, not for each test."""
    for item in items:
        if _needs_kube_apiserver(item) or _needs_chromium(item) or is_slow(item.path):
            item.add_marker(pytest.mark.slow)
    deselected = {reason: [item for item in items if applies(item)] for reason, applies in _missing().items()}
    without = {item for each in deselected.values() for item in each}
    items[:] = [item for item in items if item not in without]
    config.hook.pytest_deselected(items=list(without))
    if hasattr(config, "workerinput"):
        from support import scheduling

        groups = {item.nodeid: _group(item) for item in items if isinstance(item, pytest.Function)}
        together = {test: group for test, group in groups.items() if group is not None}
        alone = [test for test, group in groups.items() if group is None]
        # The groups come first. Some take minutes, and the other processes would wait for a late one.
        scheduled = together | scheduling.parts(alone)
        scheduling.write(scheduled)
        order = {test: number for number, test in enumerate(scheduled)}
        items.sort(key=lambda item: order.get(item.nodeid, len(order)))
    config.stash[DESELECTED] = {reason: len(each) for reason, each in deselected.items() if each}


def _group(item: pytest.Function) -> str | None:
    """Return the group of a test: the tests with one server to restart, or with one fixture of a module or folder.

    A group runs in one process. Such a fixture is expensive, and each process that runs one of its tests makes its own.
    """
    marker = item.get_closest_marker("together")
    if marker is not None:
        return str(marker.args[0])
    if item.get_closest_marker("restarts") is not None:
        return "restarts"
    found = {name: definitions[-1] for name, definitions in item._fixtureinfo.name2fixturedefs.items()}
    shared_ones = {
        name: each for name, each in found.items() if each.scope != "function" and each.baseid not in ("", "tests")
    }
    if not shared_ones:
        return None
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return " ".join(
        [
            min((each.baseid for each in shared_ones.values()), key=len),
            *(str(parameters[name]) for name in sorted(parameters.keys() & shared_ones)),
        ]
    )


def _missing() -> dict[str, Callable[[pytest.Item], bool]]:
    """Return what is missing on this machine, and a function that selects the tests that need it."""
    missing: dict[str, Callable[[pytest.Item], bool]] = {}
    if assets() is None:
        missing[f"on a real kube-apiserver were NOT run; to run them: {HOW_TO_GET_IT}"] = _needs_kube_apiserver
    if CHROMIUM is None:
        missing[f"in a real browser were NOT run; to run them: {HOW_TO_GET_CHROMIUM}"] = _needs_chromium
    if TESTED != NEWEST:
        missing[f"of what Airflow {TESTED} does not have were NOT run"] = _needs_newer_airflow
    if published() is None:
        missing[f"against published schemas were NOT run; to run them: {HOW_TO_GET_THEM}"] = _needs_crds
    return missing


def _needs_kube_apiserver(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function):
        return False
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return "kube-apiserver" in parameters.values() or any(
        name.endswith("kube_apiserver_cluster") for name in item.fixturenames
    )


def _needs_chromium(item: pytest.Item) -> bool:
    return "browser" in getattr(item, "fixturenames", ())


def _needs_newer_airflow(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("since")
    return marker is not None and release(TESTED) < release(marker.args[0])


def _needs_crds(item: pytest.Item) -> bool:
    return "crds" in getattr(item, "fixturenames", ())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason, count in config.stash.get(DESELECTED, {}).items():
        terminalreporter.write_line(f"{count} tests {reason}", yellow=True, bold=True)


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    """Start each test as a new process does: with no connections, nothing cached, counted or logged."""
    from airflow_kubernetes_secrets.counters import counters
    from airflow_kubernetes_secrets.process import restart

    restart()
    yield
    restart()
    counters.is_on = False


@pytest.fixture
def refusals_confirmed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirm a refusal on a new connection as soon as it is repeated."""
    from airflow_kubernetes_secrets.kubernetes import refusals

    monkeypatch.setattr(refusals, "CONFIRMED_AFTER_SECONDS", 0.0)


@pytest.fixture(scope="session")
def devserver_cluster() -> Iterator[Cluster]:
    """Run the devserver. It starts when a test first requests it."""
    from airflow_kubernetes_secrets_devserver import DevServer

    with DevServer(bookmark_seconds=1) as server:
        cluster = DevserverCluster(server)
        try:
            yield cluster
        finally:
            cluster.close()


@pytest.fixture(scope="session")
def kube_apiserver_cluster() -> Iterator[Cluster]:
    """Run a real kube-apiserver. It starts when a test first requests it, which takes about 8 s."""
    if shared.offers(APISERVER):
        with closing(KubeApiserverCluster(shared.get(APISERVER))) as cluster:
            yield cluster
    else:
        with running_apiserver() as cluster:
            yield cluster


@pytest.fixture(scope="session")
def restarted_kube_apiserver_cluster() -> Iterator[Cluster]:
    """Run another kube-apiserver, which tests may kill and restart."""
    with running_apiserver() as cluster:
        yield cluster


@contextmanager
def running_apiserver() -> Iterator[Cluster]:
    folder = assets()
    assert folder is not None, "without the programs, these tests are deselected"
    with running(folder) as server, closing(KubeApiserverCluster(server)) as cluster:
        yield cluster


@pytest.fixture(params=["devserver", "kube-apiserver"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Run each test that requests this fixture against both API servers."""
    name = f"{request.param.replace('-', '_')}_cluster"
    if request.param == "kube-apiserver" and request.node.get_closest_marker("restarts") is not None:
        name = f"restarted_{name}"
    found: Cluster = request.getfixturevalue(name)
    return found


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """Create a new, empty namespace in ``cluster``."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    cluster.create_namespace(name)
    return name


@pytest.fixture
def in_pod(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables by which a pod finds its API server."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for name, value in cluster.pod_environment().items():
        monkeypatch.setenv(name, value)
