"""Airflow's API server with the page, as in a pod."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from support.airflow import Airflow
from support.airflow_ui import AirflowUI, running_ui
from support.browser import NO_OPTIMIZER, PATIENCE_MS, PLUGIN, Open, enter, running_browser
from support.servers import ONE_SERVER
from support.team_secrets import SECRET, TeamSecrets, airflow_of, fill, team_secrets_on


@pytest.fixture(scope="session", params=ONE_SERVER)
def team_secrets(request: pytest.FixtureRequest) -> TeamSecrets:
    cluster = request.getfixturevalue(f"{request.param.replace('-', '_')}_cluster")
    found = team_secrets_on(cluster)
    fill(found)
    return found


@pytest.fixture(scope="session")
def airflow(team_secrets: TeamSecrets, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    return airflow_of(team_secrets, tmp_path_factory.mktemp("ui") / "home")


@pytest.fixture(scope="session")
def ui(airflow: Airflow) -> Iterator[AirflowUI]:
    """Run one API server for all tests that only read."""
    with running_ui(airflow) as running:
        # The page warns here that the entry in Secrets hides the one in the database.
        running.add_variable("bucket", "from-the-database")
        yield running
        assert SECRET not in running.log


# The scope is not wider, because the browser's event loop occupies the thread; see :func:`running_browser`.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser(NO_OPTIMIZER) as running:
        yield running


@pytest.fixture
def opened(browser: Browser, ui: AirflowUI) -> Iterator[Open]:
    """Return a function that opens a page as a logged-in user, or without a login.

    At the end there must be no error on the page.
    """
    contexts = []
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        # Some tests end the session, and Airflow's own UI then sends requests that fail.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    def open_as(user: str | None, path: str = PLUGIN, **options: Any) -> Page:
        # Each frame of an animation costs CPU time. While the table fades, its colours also have less contrast.
        context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce", **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        if user is None:
            page.goto(ui.url + path)
        else:
            enter(page, ui, user, path)
        return page

    yield open_as
    for context in contexts:
        for page in context.pages:
            assert SECRET not in _everything(page)
        context.close()
    assert complaints == []


def _everything(page: Page) -> str:
    """Return the current content of the page and its frames."""
    texts = []
    for frame in page.frames:
        with suppress(Exception):
            texts.append(frame.content())
    return "".join(texts)
