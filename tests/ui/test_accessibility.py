"""The page has no fault that axe finds: https://github.com/dequelabs/axe-core."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Frame, Page, expect

from support.airflow_ui import PAGE
from support.browser import PLUGIN, Open, alone, count, framed, intercept, ready

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def violations(page: Frame | Page) -> list[str]:
    """Return the rules of axe that a document breaks, each with the elements that break it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run({resultTypes: ['violations']}).then((each) => each.violations)")
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


def assert_no_violations(document: Frame) -> None:
    """Assert that the document breaks no rule in a light or dark window."""
    page = document.page
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        # Airflow's UI changes its class first, and then the page in its frame adopts the colours.
        expect(page.locator(f"html.{scheme}, html[data-theme={scheme}]")).to_be_attached()
        expect(document.locator("html")).to_have_attribute("data-theme", scheme)
        assert violations(document) == [], scheme


def document_of(page: Page, address: str) -> Frame:
    """Return the document of this project in the page, once its table is shown."""
    if address == PLUGIN:
        return framed(page)
    ready(page)
    return page.main_frame


# Airflow's UI is slow to load. So one test goes through everything that the page can show.
@pytest.mark.parametrize("address", [PAGE, PLUGIN], ids=["alone", "in Airflow"])
def test_nothing_that_the_page_shows_breaks_a_rule(opened: Open, address: str) -> None:
    page = opened("ada", address)
    document = document_of(page, address)
    assert_no_violations(document)

    for identifier in ("app_db", "smtp_default", "warehouse"):
        document.fill("#search", identifier)
        expect(document.locator("#count")).to_contain_text("in all")
        document.locator("#rows .link", has_text=identifier).first.click()
        expect(document.locator("#panel-title")).to_have_text(identifier)
        expect(document.locator("#panel [data-verdict]")).to_be_visible()
        # While it waits for another result, the table has less contrast.
        ready(document)
        assert_no_violations(document)

    document.click("#close")
    document.fill("#search", "nowhere")
    expect(document.locator("#nothing")).to_contain_text("Why is there no connection 'nowhere'?")
    assert_no_violations(document)

    # A failure, with the rows that were shown before it.
    document.fill("#search", "smtp")
    count(document, "1 to 2 of 2, of 73 in all")
    intercept(page, "**/api/entries?*", lambda route: route.abort())
    document.click("#refresh")
    expect(document.locator("#notices .error")).to_be_visible()
    assert_no_violations(document)

    # A failure without a table. Airflow's UI does not have to load again for it.
    with page.expect_event("framenavigated"):
        document.evaluate("location.reload()")
    document = document_of(page, address)
    expect(document.locator("#failure")).to_be_visible()
    assert_no_violations(document)


def test_a_missing_label_is_found(opened: Open) -> None:
    page = alone(opened)
    page.locator("#problem").evaluate("each => each.removeAttribute('aria-label')")
    (found,) = violations(page)
    assert found.startswith("select-name: ")
