"""The page has no fault that axe finds: https://github.com/dequelabs/axe-core."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page, expect

from support.browser import Open, alone, count, framed, ready


def violations(page: Frame | Page) -> list[str]:
    """Return the rules of axe that a document breaks, each with the elements that break it."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_each_state_of_the_page(opened: Open, colours: str) -> None:
    page = alone(opened, color_scheme=colours)
    assert violations(page) == []

    for identifier in ("smtp_default", "warehouse"):
        page.goto(page.url.partition("?")[0] + f"?search={identifier}")
        ready(page)
        page.locator("#rows .link").first.click()
        expect(page.locator("#panel [data-verdict]")).to_be_visible()
        assert violations(page) == []

    page.goto(page.url.partition("?")[0] + "?search=nowhere")
    expect(page.locator("#nothing")).to_be_visible()
    assert violations(page) == []

    page.route("**/api/entries?*", lambda route: route.abort())
    page.click("#refresh")
    expect(page.locator("#notices .error")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_in_the_colours_of_airflow(opened: Open, colours: str) -> None:
    frame = framed(opened("ada", color_scheme=colours))
    count(frame, "1 to 50 of 73")
    frame.locator("#rows .link", has_text="app_db").first.click()
    expect(frame.locator("#panel [data-verdict]")).to_be_visible()
    assert violations(frame) == []


def test_a_missing_label_is_found(opened: Open) -> None:
    page = alone(opened)
    page.locator("#problem").evaluate("each => each.removeAttribute('aria-label')")
    (found,) = violations(page)
    assert found.startswith("select-name: ")
