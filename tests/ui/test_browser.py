"""The page in a real browser, inside Airflow's own UI."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, expect

from support.airflow_ui import PAGE, AirflowUI
from support.browser import PATIENCE_MS, PLUGIN, framed, log_in, log_in_here, ready
from support.hostile import is_seen
from support.shelf import HOSTILE_SHOWN, SECRET, Shelf

Open = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, ui: AirflowUI) -> Iterator[Open]:
    """Return a function that opens a page as a logged-in user. At the end there must be no error on the page."""
    contexts = []
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        # Airflow's own UI sends requests before the login. Their results are visible on the page.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    def open_as(user: str, path: str = PLUGIN, **options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        log_in(page, ui, user, path)
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


def alone(opened: Open, address: str = "") -> Page:
    """Open the page by its own address, in the whole window."""
    page = opened("ada", PAGE + address)
    ready(page)
    return page


def test_from_the_login_by_the_menu_to_the_table(opened: Open) -> None:
    page = opened("ada", "/")
    page.get_by_role("button", name="Admin").click()
    page.get_by_role("menuitem", name="Kubernetes Secrets").click()

    frame = framed(page)

    count(frame, "1 to 50 of 73")
    assert "app_db" in shown(frame)
    assert page.url.startswith(page.url.partition("/plugin")[0] + PLUGIN)


def test_a_link_to_it_leads_through_the_login(opened: Open) -> None:
    page = opened("ada", PAGE)
    count(page, "1 to 50 of 73")


def test_a_row_says_what_list_says(opened: Open, shelf: Shelf) -> None:
    page = alone(opened, "?search=app-db-app")
    cells = page.locator("#rows tr").locator("td").all_text_contents()

    assert cells[:3] == ["app_db", "", f"{shelf.home}/app-db-app"]
    assert cells[4:10] == ["connection", "", "postgres", "app-db-rw", "fields", "Cluster app-db"]
    assert re.fullmatch(r"\d+[smh]", cells[10])


def test_search_and_filters(opened: Open) -> None:
    page = alone(opened)
    page.fill("#search", "service_1")
    count(page, "1 to 10 of 10, of 73 in all")
    page.fill("#search", "")
    page.get_by_role("button", name="Variables").click()
    count(page, "1 to 3 of 3, of 73 in all")
    assert shown(page) == ["app_key", "bucket", "stage"]
    page.select_option("#problem", "any")
    count(page, "1 to 1 of 1, of 73 in all")
    assert shown(page) == ["stage"]
    expect(page.locator("#rows .badge.warning")).to_have_text(["trailing-newline", "unknown-label"])
    page.select_option("#problem", "hides")
    expect(page.locator("#rows .badge")).to_have_text(["hides database"])
    assert shown(page) == ["bucket"]
    page.get_by_role("button", name="All").click()
    page.select_option("#problem", "")
    page.select_option("#team", "blue")
    count(page, "1 to 1 of 1, of 73 in all")
    assert shown(page) == ["app_db"]


def test_the_address_keeps_what_was_chosen(opened: Open) -> None:
    page = alone(opened)
    page.fill("#search", "smtp")
    count(page, "1 to 2 of 2, of 73 in all")
    page.get_by_role("button", name="Host").click()
    ready(page)
    page.locator("#rows tr.unread .link").click()
    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page).to_have_url(re.compile("search=smtp&order=host.*id=smtp_default"))

    page.reload()

    count(page, "1 to 2 of 2, of 73 in all")
    expect(page.locator("#search")).to_have_value("smtp")
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Host")
    expect(page.locator("#panel-title")).to_have_text("smtp_default")
    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()


def test_a_link_to_what_somebody_sees(opened: Open) -> None:
    page = alone(opened, "?kind=connection&team=no+team&problem=none&order=host&descending=true&offset=50")

    ready(page)
    expect(page.locator("#kinds [aria-pressed=true]")).to_contain_text("Connections")
    expect(page.locator("#team")).to_have_value("no team")
    expect(page.locator("#problem")).to_have_value("none")
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Host")
    expect(page.locator("#count")).to_contain_text("51 to")
    # Another choice starts at the first page.
    page.get_by_role("button", name="Id", exact=True).click()
    expect(page.locator("#count")).to_contain_text("1 to 50")
    page.click("#next")
    expect(page.locator("#count")).to_contain_text("51 to")
    page.select_option("#problem", "")
    expect(page.locator("#count")).to_contain_text("1 to 50")


@pytest.mark.parametrize("name", ["toString", "constructor"])
def test_a_name_that_every_object_has_is_nothing_here(opened: Open, name: str) -> None:
    page = alone(opened, f"?kind={name}&team={name}&problem={name}")
    assert "native code" not in page.content()
    expect(page.locator("#nothing")).to_contain_text("Nothing matches")


def test_an_empty_id_in_the_address_is_none(opened: Open) -> None:
    page = alone(opened, "?search=smtp&of=connection&id=")
    expect(page).to_have_url(re.compile(r"\?search=smtp$"))
    expect(page.locator("#panel")).to_be_hidden()


def test_order(opened: Open) -> None:
    page = alone(opened)
    ids = shown(page)
    page.get_by_role("button", name="Id", exact=True).click()
    expect(page.locator("#rows tr").first).to_contain_text("warehouse")
    assert "warehouse" not in ids
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Id")
    page.get_by_role("button", name="Problems", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Problems")
    ready(page)
    assert page.locator("#rows tr").first.locator(".badge.error").count() == 1


def test_pages(opened: Open) -> None:
    page = alone(opened)
    everything = shown(page)
    expect(page.locator("#previous")).to_be_disabled()
    page.click("#next")
    count(page, "51 to 73 of 73")
    everything += shown(page)
    expect(page.locator("#next")).to_be_disabled()
    assert len(everything) == 73
    assert "service_59" in everything
    page.click("#previous")
    count(page, "1 to 50 of 73")


def test_the_panel_tells_the_story(opened: Open, shelf: Shelf) -> None:
    page = alone(opened, "?search=smtp")
    page.locator("#rows tr").first.click()
    panel = page.locator("#panel")

    headline = f"connection 'smtp_default': Secret {shelf.home}/smtp is selected"
    expect(panel.locator("[data-verdict]")).to_have_text(headline)
    for text in (
        f"list airflow.apache.org/connection-id=smtp_default,!airflow.apache.org/team in {shelf.home}: 2 Secrets",
        f"{shelf.home}/smtp is selected",
        f"{shelf.home}/smtp-copy has the same id, and is younger or comes later by name",
        "type smtp, host smtp.example.com:587, login is set, password is set",
        "the variable AIRFLOW_CONN_SMTP_DEFAULT of this process",
        "airflow_kubernetes_secrets.KubernetesSecretsBackend, from AIRFLOW__SECRETS__BACKEND",
        f"system:serviceaccount:{shelf.home}:airflow",
    ):
        expect(panel).to_contain_text(text)


def test_the_panel_of_a_secret_that_does_not_answer_says_why(opened: Open, shelf: Shelf) -> None:
    page = alone(opened, "?search=broken")
    page.locator("#rows .link").click()

    expect(page.locator("#panel [data-verdict=trouble], #panel [data-verdict=not-found]")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text(f"Secret {shelf.home}/broken")
    expect(page.locator("#panel")).to_contain_text("there is no such key in its data")


def test_the_panel_has_every_problem_of_the_table(opened: Open) -> None:
    page = alone(opened, "?search=stage")
    page.locator("#rows .link").click()

    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page.locator("#panel li.warning")).to_contain_text(["is unknown", "the value ends with a newline"])


def test_why_there_is_none(opened: Open) -> None:
    page = alone(opened)
    page.fill("#search", "smtp_defualt")
    expect(page.locator("#nothing")).to_contain_text("Nothing matches")
    page.get_by_role("button", name="Why is there no connection 'smtp_defualt'?").click()

    expect(page.locator("#panel [data-verdict=not-found]")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text("smtp_default")

    page.get_by_role("button", name="Clear the filters").click()
    count(page, "1 to 50 of 73")


def test_with_the_keyboard_alone(opened: Open) -> None:
    page = alone(opened)
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("smtp")
    count(page, "1 to 2 of 2, of 73 in all")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#rows .link").nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#rows .link").nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page.locator("#panel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#rows .link").nth(0)).to_be_focused()
    # A slash typed into the search is a character.
    page.focus("#search")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_have_value("smtp/")


def test_a_hostile_host_is_not_shown(opened: Open) -> None:
    page = alone(opened, "?search=image")
    expect(page.locator("#rows .link")).to_have_count(1)
    expect(page.locator("#rows td.host")).to_be_empty()
    page.locator("#rows .link").click()
    expect(page.locator("#panel [data-verdict]")).to_be_visible()

    assert "onerror" not in page.locator("body").inner_text()
    assert page.locator("#rows img, #panel img").count() == 0
    assert page.title() == "Kubernetes Secrets"
    everything_is_seen(page)


@pytest.mark.parametrize("place", ["row", "panel"])
def test_a_hostile_id_is_text(opened: Open, place: str) -> None:
    page = alone(opened, "?search=script")
    if place == "panel":
        page.locator("#rows .link").click()
        expect(page.locator("#panel [data-verdict]")).to_be_visible()
        expect(page.locator("#panel-title")).to_have_text(HOSTILE_SHOWN)

    assert shown(page) == [HOSTILE_SHOWN]
    assert page.title() == "Kubernetes Secrets"
    assert page.locator("#rows script, #rows img, #panel script, #panel img").count() == 0
    everything_is_seen(page)


def test_a_hostile_address_is_text(opened: Open) -> None:
    script = "%3Cscript%3Edocument.title%3D'hit'%3C/script%3E"
    page = alone(
        opened, f"?search={script}&kind={script}&order={script}&team={script}&problem={script}&of={script}&id={script}"
    )

    expect(page.locator("#panel .notice.error")).to_contain_text("kind must be one of")
    assert page.title() == "Kubernetes Secrets"


def test_the_direction_of_a_long_word_is_found_in_linear_time(opened: Open) -> None:
    page = alone(opened)
    seconds = page.evaluate("""async () => {
        const { textNodes } = await import("./dom.js");
        const start = performance.now();
        textNodes("\u0436" + "a".repeat(50_000));
        return (performance.now() - start) / 1_000;
    }""")
    assert seconds < 2


def test_only_words_from_right_to_left_are_isolated(opened: Open) -> None:
    page = alone(opened)
    nodes = page.evaluate("""async () => {
        const { textNodes } = await import("./dom.js");
        const parts = textNodes("id (\u05d0b) of\\n  \u05d1");
        return parts.map(({ nodeName, textContent }) => [nodeName, textContent]);
    }""")
    assert "".join(text for _, text in nodes) == "id (\u05d0b) of\n  \u05d1"
    assert [text for name, text in nodes if name == "BDI"] == ["(\u05d0b)", "\u05d1"]


def test_a_long_id_is_shortened_in_the_table_and_complete_in_the_panel(opened: Open, shelf: Shelf) -> None:
    name = "\u0436" + "a" * 2_000
    shelf.put("long", {"connection-id": "x3"}, {"value": "http://h"}, annotations={"connection-id": name})
    try:
        page = alone(opened, "?search=aaaaaaaaaa")
        page.wait_for_timeout(2_000)
        page.click("#refresh")
        expect(page.locator("#rows .link")).to_have_text(f"{name[:249]}…")
        page.locator("#rows .link").click()
        expect(page.locator("#panel-title")).to_have_text(name)
        # The routes and the address have no space for it.
        expect(page.locator("#story")).to_contain_text("airflow-kubernetes-secrets explain")
        page.get_by_role("button", name="Id", exact=True).click()
        expect(page).to_have_url(re.compile(r"\?search=aaaaaaaaaa&descending=true$"))
    finally:
        shelf.cluster.admin.delete(f"/api/v1/namespaces/{shelf.home}/secrets/long").raise_for_status()
        with_all_entries(opened)


def test_an_id_that_is_a_uri_is_not_shown(opened: Open) -> None:
    page = alone(opened, "?search=uri-id")
    page.locator("#rows .link").click()

    expect(page.locator("#panel-title")).to_have_text("(a URI)")
    expect(page.locator("#panel")).to_contain_text("may hold a password")


def test_light_and_dark_are_airflows(opened: Open) -> None:
    page = opened("ada", color_scheme="light")
    frame = framed(page)
    assert frame.evaluate("document.documentElement.dataset.theme") == "light"
    light = background(frame)

    page.emulate_media(color_scheme="dark")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    assert background(frame) != light

    # A choice in Airflow takes precedence over that of the operating system.
    page.get_by_role("button", name="User").click()
    page.get_by_role("menuitem", name="Appearance").click()
    page.get_by_role("menuitemradio", name="Light").click()
    expect(frame.locator("html")).to_have_attribute("data-theme", "light")


def background(frame: Frame) -> str:
    found: str = frame.evaluate("getComputedStyle(document.body).backgroundColor")
    return found


def test_somebody_who_may_not_is_told_so(opened: Open) -> None:
    page = opened("nora", PAGE)

    expect(page.locator("h2")).to_have_text("You may not see this page")
    assert "app_db" not in page.content()


def test_somebody_who_may_see_a_part_is_told_what_is_missing(opened: Open) -> None:
    page = opened("vic", PAGE)

    count(page, "1 to 1 of 1")
    expect(page.locator("#notices")).to_contain_text("connections, variables")
    assert page.locator("#kinds button").all_text_contents() == ["All1", "Options1"]


def test_when_the_session_ends_the_whole_window_goes_to_the_login_and_back(opened: Open) -> None:
    page = opened("ada")
    frame = framed(page)
    page.context.clear_cookies()
    frame.fill("#search", "smtp")
    # Some versions of Airflow lose a part of an address with a query.
    page.wait_for_url(re.compile(r"/auth/login\?next=%2Fplugin%2Fkubernetes-secrets$"))
    assert len(page.frames) == 1

    log_in_here(page)

    expect(framed(page).locator("#search")).to_have_value("smtp")
    expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp$"))
    # The next visit starts from the beginning.
    page.goto(page.url.partition("?")[0])
    count(framed(page), "1 to 50 of 73")


def test_the_frame_never_shows_the_login(opened: Open) -> None:
    page = opened("ada", "/")
    # In this document, only the frame sends a request. Airflow's UI would go to the login by itself.
    page.goto(urljoin(page.url, "/api/v2/version"))
    page.context.clear_cookies()
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('iframe'), {src: '/kubernetes-secrets/'}))"
    )
    page.wait_for_url(re.compile(r"/auth/login\?next=%2F"))


def test_the_address_of_the_window_has_the_state(opened: Open) -> None:
    page = opened("ada")
    frame = framed(page)
    frame.fill("#search", "smtp")
    count(frame, "1 to 2 of 2, of 73 in all")
    frame.locator("#rows .link").first.click()
    expect(frame.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp&of=connection&id=smtp_default$"))

    page.go_back()
    expect(frame.locator("#panel")).to_be_hidden()
    expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp$"))
    page.go_back()
    count(frame, "1 to 50 of 73")
    expect(frame.locator("#search")).to_have_value("")
    page.go_forward()
    page.go_forward()
    expect(frame.locator("#panel [data-verdict=found]")).to_be_visible()

    page.reload()
    frame = framed(page)
    expect(frame.locator("#search")).to_have_value("smtp")
    expect(frame.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp&of=connection&id=smtp_default$"))


def test_back_from_a_page_of_the_table_that_no_longer_exists(opened: Open) -> None:
    page = alone(opened)
    page.get_by_role("button", name="Host").click()
    expect(page).to_have_url(re.compile(r"\?order=host$"))
    page.evaluate("history.pushState(history.state, '', '?order=host&offset=500')")
    page.get_by_role("button", name="Variables").click()
    count(page, "1 to 3 of 3, of 73 in all")

    page.go_back()
    count(page, "51 to 73 of 73")
    expect(page).to_have_url(re.compile(r"\?order=host&offset=50$"))
    page.go_back()
    count(page, "1 to 50 of 73")
    expect(page).to_have_url(re.compile(r"\?order=host$"))


def test_the_address_of_another_page_does_not_get_the_state(opened: Open) -> None:
    page = alone(opened)
    page.evaluate("""async () => {
        // Another copy of the module, which still waits for Airflow's UI to set the address.
        const { state, writeAddress } = await import("./state.js?copy");
        state.search = "smtp";
        const written = writeAddress();
        history.pushState(null, "", "/elsewhere");
        await written;
    }""")
    assert page.url.endswith("/elsewhere")


def test_back_to_the_panel_of_a_row_that_was_filtered_out(opened: Open) -> None:
    page = alone(opened, "?search=stage")
    page.locator("#rows .link").click()
    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
    page.get_by_role("button", name="Options").click()
    expect(page.locator("#nothing")).to_contain_text("Nothing matches")
    page.go_back()
    expect(page.locator("#rows .link")).to_have_text("stage")
    expect(page.locator("#copies").get_by_role("button", name="Copy Secret")).to_be_visible()
    expect(page.locator("#panel li.warning")).to_contain_text(["is unknown", "the value ends with a newline"])


@pytest.mark.parametrize("path", [PLUGIN, f"{PLUGIN}/", f"{PLUGIN}{PAGE}"])
def test_one_name_in_the_address_with_and_without_a_slash(opened: Open, path: str) -> None:
    page = opened("ada", f"{path}?search=smtp")
    count(framed(page), "1 to 2 of 2, of 73 in all")
    expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp$"))


def test_the_page_itself_without_a_slash(opened: Open) -> None:
    page = opened("ada", f"{PAGE.rstrip('/')}?search=smtp")
    count(page, "1 to 2 of 2, of 73 in all")


def test_the_keys_work_at_once_in_the_frame(opened: Open) -> None:
    page = opened("ada", "/")
    page.get_by_role("button", name="Admin").click()
    page.get_by_role("menuitem", name="Kubernetes Secrets").click()
    frame = framed(page)
    page.keyboard.press("/")
    expect(frame.locator("#search")).to_be_focused()


@pytest.mark.parametrize(
    ("filters", "question"),
    [
        ("kind=variable&team=blue", "Why is there no variable 'not_there' for team 'blue'?"),
        ("kind=config&team=blue", "Why is there no option 'not_there'?"),
        ("team=no+team", "Why is there no option 'not_there'?"),
    ],
)
def test_why_there_is_none_for_the_chosen_kind_and_team(opened: Open, filters: str, question: str) -> None:
    page = alone(opened, f"?search=not_there&{filters}")
    page.get_by_role("button", name=question).click()
    kind, _, team = question.removeprefix("Why is there no ").removesuffix("?").partition(" for ")
    expect(page.locator("#panel [data-verdict=not-found]")).to_contain_text(kind)
    expect(page).to_have_url(re.compile("id-team=blue" if team else "id=not_there$"))


def test_an_id_that_only_the_database_has_is_said_to_be_there(opened: Open, ui: AirflowUI) -> None:
    ui.airflow.output("variables", "set", "only_in_database", "x")
    page = alone(opened, "?search=only_in_database&kind=variable")
    page.get_by_role("button", name="Why is there no variable").click()
    expect(page.locator("#panel [data-verdict=not-found]")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text("a variable in the metadata database")


def test_a_secret_that_cannot_be_read_is_not_shown_in_green(opened: Open) -> None:
    page = alone(opened, "?search=image")
    page.locator("#rows .link").click()
    expect(page.locator("#panel [data-verdict=trouble]")).to_be_visible()
    assert page.locator("#panel .good").count() == 0


def test_the_summary_filters(opened: Open) -> None:
    page = alone(opened)
    summary = page.locator("#summary button")
    expect(summary.first).to_have_class("badge error")
    page.get_by_role("button", name="2 unreadable").click()
    count(page, "1 to 2 of 2, of 73 in all")
    expect(page).to_have_url(re.compile("problem=unreadable"))
    page.get_by_role("button", name="2 unreadable").click()
    count(page, "1 to 50 of 73")


def test_a_problem_has_a_remedy_to_copy_and_a_link_to_its_documentation(opened: Open) -> None:
    page = alone(opened, "?search=stage")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#rows .link").click()
    problem = page.locator("#panel li.warning", has_text="trailing-newline")
    expect(problem.locator(".remedy")).to_contain_text("store the value without it")
    problem.get_by_role("button", name="Copy").click()
    expect(problem.get_by_role("button")).to_have_text("Copied")
    assert "store the value without it" in page.evaluate("navigator.clipboard.readText()")
    link = problem.get_by_role("link")
    expect(link).to_have_attribute("href", re.compile(r"/reference/cli\.html#trailing-newline$"))
    # The sign beside the colour is part of what a screen reader says.
    sign = problem.locator(".badge").evaluate("each => getComputedStyle(each, '::before').content")
    assert "warning" in sign


def test_the_documentation_opens_in_a_new_window_of_airflow(opened: Open) -> None:
    page = opened("ada", f"{PLUGIN}?search=stage")
    page.context.route("**/reference/cli.html", lambda route: route.fulfill(body="documentation"))
    frame = framed(page)
    frame.locator("#rows .link").click()
    with page.context.expect_page() as new:
        frame.locator("#panel li.warning a").first.click()
    assert "/reference/cli.html#" in new.value.url


def test_copies_of_the_id_the_secret_and_a_command(opened: Open, shelf: Shelf) -> None:
    page = alone(opened, "?search=app-db-app")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#rows .link").click()
    for title, text in (
        ("Copy id", "app_db"),
        ("Copy Secret", "app-db-app"),
        ("Copy kubectl command", f"kubectl describe secret -n {shelf.home} app-db-app"),
    ):
        page.locator("#copies").get_by_role("button", name=f"{title}: ").click()
        expect(page.locator("#copies").get_by_role("button", name=f"Copied: {text}")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_a_command_is_one_line_of_code(opened: Open, shelf: Shelf) -> None:
    page = alone(opened, "?search=app-unlabelled&kind=connection")
    page.get_by_role("button", name="Why is there no connection 'app-unlabelled'?").click()
    command = page.locator("#panel .command code")
    label = "airflow.apache.org/connection-id=app-unlabelled"
    expect(command).to_have_text(f"kubectl label secret -n {shelf.home} app-unlabelled {label}")
    assert command.evaluate("each => getComputedStyle(each).whiteSpace") == "pre"
    assert "mono" in command.evaluate("each => getComputedStyle(each).fontFamily").lower()


def test_from_problem_to_problem_by_keyboard(opened: Open) -> None:
    page = alone(opened, "?order=secret&kind=connection")
    ready(page)
    problems = page.locator("#rows tr", has=page.locator(".badge.error, .badge.warning")).locator(".link")
    page.locator("#table").focus()
    page.keyboard.press("n")
    expect(problems.nth(0)).to_be_focused()
    page.keyboard.press("n")
    expect(problems.nth(1)).to_be_focused()
    page.keyboard.press("p")
    expect(problems.nth(0)).to_be_focused()
    # The other problems are on the next page.
    for _ in range(problems.count()):
        page.keyboard.press("n")
    expect(page.locator("#page")).to_have_value("2")
    expect(page.locator("#rows tr:focus-within .badge")).not_to_have_count(0)


def test_the_key_for_the_next_problem_stops_at_a_failed_request(opened: Open) -> None:
    page = alone(opened, "?order=secret&kind=connection")
    last = page.locator("#rows tr", has=page.locator(".badge.error, .badge.warning")).last
    last.locator(".link").click()
    expect(page.locator("#panel [data-verdict]")).to_be_visible()
    page.route("**/api/entries?*", lambda route: route.abort())
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.keyboard.press("n")
    expect(page.locator("#notices .error")).to_contain_text("does not respond")
    page.wait_for_timeout(500)
    assert len(sent) == 1
    expect(last).to_have_attribute("aria-selected", "true")
    page.unroute("**/api/entries?*")
    page.keyboard.press("n")
    expect(page.locator("#page")).to_have_value("2")


def test_no_page_is_skipped_while_requests_fail(opened: Open) -> None:
    page = alone(opened)
    page.route("**/api/entries?*", lambda route: route.abort())
    for _ in range(2):
        with page.expect_event("requestfailed"):
            page.click("#next")
        ready(page)
    expect(page).to_have_url(re.compile("offset=50$"))
    page.unroute("**/api/entries?*")
    page.get_by_role("button", name="Try again").click()
    count(page, "51 to 73 of 73")


def test_refresh_updates_the_open_panel(opened: Open, shelf: Shelf) -> None:
    shelf.put("renewed", {"connection-id": "renewed"}, {"other": SECRET})
    try:
        page = alone(opened, "?search=renewed")
        page.click("#refresh")
        page.locator("#rows .link").click()
        expect(page.locator("#panel [data-verdict=trouble], #panel [data-verdict=not-found]")).to_be_visible()
        shelf.put("renewed", {"connection-id": "renewed"}, {"value": f"http://{SECRET}@host"})
        page.wait_for_timeout(2_000)
        page.click("#refresh")
        expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
        expect(page.locator("#panel .error")).to_have_count(0)
    finally:
        shelf.cluster.admin.delete(f"/api/v1/namespaces/{shelf.home}/secrets/renewed").raise_for_status()
        with_all_entries(opened)


def with_all_entries(opened: Open) -> None:
    """Wait until the snapshot has the Secrets of the shelf alone again."""
    page = alone(opened)
    page.wait_for_timeout(2_000)
    page.click("#refresh")
    count(page, "1 to 50 of 73")


def test_one_failed_request_does_not_clear_the_table(opened: Open) -> None:
    page = alone(opened)
    page.route("**/api/entries?*", lambda route: route.abort())
    page.click("#refresh")
    expect(page.locator("#notices .error")).to_contain_text("does not respond")
    assert len(shown(page)) == 50
    page.unroute("**/api/entries?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#notices .error")).to_have_count(0)


def test_times_are_in_the_time_zone_of_airflow(opened: Open) -> None:
    page = alone(opened)
    moment = page.evaluate("fetch('api/entries?limit=1').then((each) => each.json()).then((each) => each.taken_at)")
    page.evaluate("localStorage.setItem('timezone', 'Asia/Kathmandu')")
    page.reload()
    ready(page)
    expected = page.evaluate(
        "moment => new Date(moment).toLocaleString(undefined, {timeStyle: 'medium', timeZone: 'Asia/Kathmandu'})",
        moment,
    )
    expect(page.locator("#place")).to_contain_text(expected)


@pytest.mark.parametrize(("width", "height"), [(400, 800), (800, 600), (1280, 640), (1440, 900)])
def test_id_problems_and_secret_are_visible_at_every_size(opened: Open, width: int, height: int) -> None:
    page = opened("ada", f"{PLUGIN}?search=stage")
    page.set_viewport_size({"width": width, "height": height})
    frame = framed(page)
    for column in ("id", "problems", "secret"):
        cell = frame.locator(f"#rows td.{column}").first
        box = cell.bounding_box()
        assert box is not None
        assert box["width"] > 40
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height
    assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_number_of_a_page(opened: Open) -> None:
    page = alone(opened)
    expect(page.locator("#pages")).to_have_text("of 2")
    page.fill("#page", "2")
    page.keyboard.press("Enter")
    count(page, "51 to 73 of 73")
    expect(page).to_have_url(re.compile("offset=50"))


@pytest.mark.parametrize("format", ["csv", "json"])
def test_the_rows_that_match_can_be_saved(opened: Open, format: str) -> None:
    page = opened("ada", f"{PLUGIN}?search=service")
    frame = framed(page)
    with page.expect_download() as download:
        frame.click(f"#{format}")
    assert download.value.suggested_filename == f"kubernetes-secrets.{format}"
    text = download.value.path().read_text()
    saved = json.loads(text) if format == "json" else list(csv.DictReader(io.StringIO(text)))
    assert [each["id"] for each in saved] == [f"service_{number:02}" for number in range(60)]
    assert SECRET not in text
