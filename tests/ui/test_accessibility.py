"""The page has no fault that axe finds: https://github.com/dequelabs/axe-core."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page, expect

from support.airflow_ui import PAGE
from support.browser import PLUGIN, Open, alone, framed, intercept, ready


def violations(page: Frame | Page) -> list[str]:
    """Return the rules of axe that a document breaks, each with the elements that break it."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


@pytest.fixture(params=["alone", "in Airflow"])
def address(request: pytest.FixtureRequest) -> str:
    """Return the address of the page itself, or of the page in Airflow's frame."""
    return PAGE if request.param == "alone" else PLUGIN


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, opened: Open, address: str) -> Page:
    # While the table fades in, its colours have less contrast.
    return opened("ada", address, color_scheme=request.param, reduced_motion="reduce")


def document_of(page: Page, address: str) -> Frame:
    """Return the document of this project in the page, once its table is shown."""
    if address == PLUGIN:
        return framed(page)
    ready(page)
    return page.main_frame


def test_the_table_and_the_panel(page: Page, address: str) -> None:
    document = document_of(page, address)
    assert violations(document) == []

    for identifier in ("app_db", "smtp_default", "warehouse"):
        document.fill("#search", identifier)
        expect(document.locator("#count")).to_contain_text("in all")
        document.locator("#rows .link", has_text=identifier).first.click()
        expect(document.locator("#panel-title")).to_have_text(identifier)
        expect(document.locator("#panel [data-verdict]")).to_be_visible()
        # While it waits for another result, the table has less contrast.
        ready(document)
        assert violations(document) == []


def test_an_empty_table(page: Page, address: str) -> None:
    document = document_of(page, address)
    document.fill("#search", "nowhere")
    expect(document.locator("#nothing")).to_contain_text("Why is there no connection 'nowhere'?")
    assert violations(document) == []


def test_a_failure_with_and_without_a_table(page: Page, address: str) -> None:
    document = document_of(page, address)
    intercept(page, "**/api/entries?*", lambda route: route.abort())
    document.click("#refresh")
    expect(document.locator("#notices .error")).to_be_visible()
    assert violations(document) == []

    page.reload()
    document = document_of(page, address)
    expect(document.locator("#failure")).to_be_visible()
    assert violations(document) == []


def test_a_missing_label_is_found(opened: Open) -> None:
    page = alone(opened, reduced_motion="reduce")
    page.locator("#problem").evaluate("each => each.removeAttribute('aria-label')")
    (found,) = violations(page)
    assert found.startswith("select-name: ")
