"""A real browser, and the way through Airflow's login to the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Frame, Page, Route, expect, sync_playwright

from support.airflow_ui import PAGE, PASSWORD, AirflowUI
from support.chromium import CHROMIUM, HOW_TO_GET_IT
from support.hostile import is_seen

# With these options Chromium sends no requests of its own. When it runs as root, it has no sandbox.
_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A test ends before optimized JavaScript has saved as much time as its compilation takes.
NO_OPTIMIZER = "--js-flags=--no-maglev,--no-turbofan"

# A page of Airflow takes this long when many processes share each core.
PATIENCE_MS = 60_000
PLUGIN = "/plugin/kubernetes-secrets"

# Opens a page as a logged-in user: the fixture `opened`.
Open = Callable[..., Page]


@contextmanager
def running_browser(*options: str) -> Iterator[Browser]:
    """Run Chromium. Its event loop occupies this thread, so no other event loop can run in it meanwhile.

    Args:
        options: additional options of Chromium.

    Raises:
        RuntimeError: Chromium is not installed.
    """
    if CHROMIUM is None:
        raise RuntimeError(f"there is no Chromium on PATH: {HOW_TO_GET_IT}")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_OPTIONS, *options])
        try:
            yield browser
        finally:
            browser.close()


def log_in(page: Page, ui: AirflowUI, user: str, path: str) -> None:
    """Open an address of Airflow, and log in on the way."""
    page.goto(ui.url + path)
    log_in_here(page, user)
    page.wait_for_url(re.compile(rf"^{re.escape(ui.url)}(?!/auth).*"))


def enter(page: Page, ui: AirflowUI, user: str, path: str) -> None:
    """Open an address of Airflow as a user who has logged in. Airflow's page for the login is slow to load."""
    page.context.add_cookies(
        [{"name": name, "value": value, "url": ui.url} for name, value in ui.session(user).items()]
    )
    page.goto(ui.url + path)


def log_in_here(page: Page, user: str = "ada") -> None:
    """Log in on Airflow's page for it."""
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")


def framed(page: Page) -> Frame:
    """Return the frame of this project's page in Airflow's page, once its table is shown."""
    frame = page.wait_for_selector("iframe[title='Kubernetes Secrets']")
    content = frame.content_frame() if frame is not None else None
    assert content is not None
    ready(content)
    return content


def intercept(page: Page, address: str, handler: Callable[[Route], object]) -> None:
    """Pass the page's requests to a handler, like ``page.route``, and wait until the page sends none past it.

    Chromium sets this up in the page by another way than keys and clicks take. A key that is pressed at once can arrive
    first, and its request then reaches the server.
    """
    page.route(address, handler)
    page.route("**/intercepted", lambda route: route.fulfill(body="yes"))
    for frame in page.frames:
        frame.wait_for_function("() => fetch('intercepted').then((each) => each.text()).then((text) => text === 'yes')")


def resize(page: Page, width: int, height: int) -> None:
    """Change the size of the window, and wait until the page has adapted to it."""
    page.set_viewport_size({"width": width, "height": height})
    # A frame gets its new size in the first of these, and calls its listeners in the second.
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def ready(page: Frame | Page) -> None:
    """Wait until the table shows the result of the last request."""
    page.wait_for_selector("table[aria-busy=false]", state="attached")


def shown(page: Frame | Page) -> list[str]:
    ready(page)
    return page.locator("#rows button.link").all_text_contents()


def count(page: Frame | Page, text: str) -> None:
    """Wait until the table shows this count."""
    expect(page.locator("#count")).to_have_text(text)


def everything_is_seen(page: Page) -> None:
    """Assert that no text, title or label has a character that is invisible or changes how others look."""
    titles = page.locator("[title]").evaluate_all("elements => elements.map((each) => each.title)")
    labels = page.locator("[aria-label]").evaluate_all("elements => elements.map((each) => each.ariaLabel)")
    for text in (page.locator("body").text_content() or "", *titles, *labels):
        assert all(each == "\n" or is_seen(each) for each in text), ascii(text)


def alone(opened: Open, address: str = "", **options: object) -> Page:
    """Open the page by its own address, in the whole window. The options are those of a context of Playwright."""
    page = opened("ada", PAGE + address, **options)
    ready(page)
    return page


def with_all_entries(opened: Open) -> None:
    """Wait until the table has only the Secrets of :func:`support.team_secrets.fill` again, after a test."""
    page = alone(opened)
    # A list that is not older is not refreshed.
    page.wait_for_timeout(2_000)
    page.click("#refresh")
    count(page, "1 to 50 of 73")
