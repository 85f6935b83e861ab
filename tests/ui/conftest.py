"""Airflow's API server with the page, as in a pod."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.airflow import Airflow
from support.airflow_ui import AirflowUI, running_ui
from support.browser import running_browser
from support.servers import ONE_SERVER
from support.shelf import SECRET, Shelf, airflow_of, fill, shelf_on


@pytest.fixture(scope="session", params=ONE_SERVER)
def shelf(request: pytest.FixtureRequest) -> Shelf:
    cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    found = shelf_on(cluster)
    fill(found)
    return found


@pytest.fixture(scope="session")
def airflow(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    return airflow_of(shelf, tmp_path_factory.mktemp("ui") / "home")


@pytest.fixture(scope="session")
def ui(airflow: Airflow) -> Iterator[AirflowUI]:
    """Run one API server for all tests that only read."""
    with running_ui(airflow) as running:
        # The page warns here that the entry in Secrets hides the one in the database.
        running.airflow.output("variables", "set", "bucket", "from-the-database")
        yield running
        assert SECRET not in running.log


# The scope is not wider, because the browser's event loop occupies the thread; see :func:`running_browser`.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running
