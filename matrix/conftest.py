"""Fixtures for each supported Airflow, with one PostgreSQL and one Kubernetes API server, and the results page."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from matrix.deployment import SECRET, Deployment, Installed, with_permissions, without_permissions
from matrix.page import RESULTS, Results
from matrix.postgres import Postgres
from matrix.proofs import Proof
from matrix.runs import Releases, server
from support.airflow import ROOT
from support.cluster import Cluster, DevserverCluster, KubeApiserverCluster, checked
from support.kube_apiserver import assets, running

TEAM = "red"
# The first test of a version waits for a whole run of Airflow.
TEST_SECONDS = 400
INSTALL_SECONDS = 120


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "proof(proof): the row of docs/reference/matrix.md that the test is for")
    config.stash[RESULTS] = Results()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Check that each row has exactly one test. With two tests, a run of one would count for both."""
    tests = Counter(_proof(item) for item in {item.nodeid.partition("[")[0]: item for item in items}.values())
    for proof, count in tests.items():
        if count != 1:
            raise pytest.UsageError(f"{proof} has {count} tests. Each row of the page has exactly one")
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    version = item.callspec.params["version"]  # type: ignore[attr-defined]  # `proves` gives each test a version
    item.config.stash[RESULTS].outcomes[_proof(item), version].append(report.passed)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        session.config.stash[RESULTS].write()


def _proof(item: pytest.Item) -> Proof:
    marker = item.get_closest_marker("proof")
    if marker is None:
        raise pytest.UsageError(f"{item.nodeid} has no mark `proof`. Add @proves")
    found: Proof = marker.args[0]
    return found


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest) -> Results:
    return request.config.stash[RESULTS]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of this checkout, which is what users get: an editable installation would hide missing files."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def postgres(results: Results) -> Iterator[Postgres]:
    server = Postgres()
    try:
        server.start()
        results.components["PostgreSQL"] = server.version
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def cluster(results: Results) -> Iterator[Cluster]:
    """Run a real kube-apiserver if there is one, otherwise the devserver. The page names it."""
    folder = assets()
    if folder is None:
        from airflow_kubernetes_secrets_devserver import DevServer

        with DevServer() as devserver:
            yield from _ready(DevserverCluster(devserver), results)
        return
    with running(folder) as server:
        yield from _ready(KubeApiserverCluster(server), results)


def _ready(cluster: Cluster, results: Results) -> Iterator[Cluster]:
    try:
        version = checked(cluster.admin.get("/version"))["gitVersion"]
        results.components[f"Kubernetes ({cluster.name})"] = version
        results.kubernetes = server(assets())
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="session")
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="session")
def installed(version: str, wheel: Path, results: Results, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel into the environment of this Airflow version, with an empty home."""
    airflow = Installed(version, tmp_path_factory.mktemp(f"airflow-{version}"))
    python = airflow.prefix / "bin" / "python"
    if not python.exists():
        pytest.fail(
            f"Airflow {version} is not installed in {airflow.prefix.name}. Run `make matrix`, which installs it",
            pytrace=False,
        )
    _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--force-reinstall", str(wheel))
    results.releases[version] = Releases.of(python)
    results.components["Python"] = results.releases[version].python
    return airflow


@pytest.fixture(scope="session")
def deployment(installed: Installed, cluster: Cluster, postgres: Postgres) -> Deployment:
    """Run a deployment in which every process has its own permissions."""
    name = installed.version.replace(".", "_")
    database = postgres.create(f"airflow_{name}", f"{SECRET}-metadata")
    warehouse = postgres.create(f"warehouse_{name}", f"{SECRET}-warehouse/@:%")
    return with_permissions(installed, cluster, database, warehouse)


@pytest.fixture(scope="session")
def api_server_only(
    installed: Installed, cluster: Cluster, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> Deployment:
    """Run a deployment in which only the API server has permissions. From 3.2 on it has a team."""
    database = postgres.create(f"airflow_{installed.version.replace('.', '_')}_api_server", f"{SECRET}-metadata")
    airflow = Installed(installed.version, tmp_path_factory.mktemp(f"airflow-{installed.version}-api-server"))
    team = TEAM if installed.version in Proof.TEAMS.versions else None
    return without_permissions(airflow, cluster, database, team)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}\n{done.stderr}"
