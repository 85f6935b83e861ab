"""The page in a real browser: the login, the state in the address, and requests that fail."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, Route, expect

from support.airflow_ui import PAGE
from support.browser import PLUGIN, Open, alone, count, framed, intercept, log_in_here, ready, shown, with_all_entries
from support.team_secrets import SECRET, TeamSecrets


# Airflow's UI is slow to load. So one test checks both.
def test_the_state_survives_a_login_and_is_in_the_address(opened: Open) -> None:
    page = opened("ada")
    assert_end_of_the_session_leads_to_the_login_and_back(page)
    assert_the_address_of_the_window_has_the_state(page)


def assert_end_of_the_session_leads_to_the_login_and_back(page: Page) -> None:
    frame = framed(page)
    page.context.clear_cookies()
    frame.fill("#search", "smtp")
    # Some versions of Airflow lose a part of an address with a query.
    page.wait_for_url(re.compile(r"/auth/login\?next=(%2F|/)plugin(%2F|/)kubernetes-secrets$"))
    assert len(page.frames) == 1

    log_in_here(page)

    expect(framed(page).locator("#search")).to_have_value("smtp")
    expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp$"))
    # The next visit starts from the beginning.
    page.goto(page.url.partition("?")[0])
    count(framed(page), "1 to 50 of 73")


def assert_the_address_of_the_window_has_the_state(page: Page) -> None:
    frame = framed(page)
    frame.fill("#search", "smtp")
    count(frame, "1 to 2 of 2, of 73 in all")
    frame.locator("#rows .link").first.click()
    expect(frame.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page).to_have_url(
        re.compile(
            rf"{PLUGIN}\?search=smtp&of=connection&id=smtp_default&id-namespace=[^&]+&id-secret=smtp&id-object=Secret&id-format=[^&]+$"
        )
    )

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
    expect(page).to_have_url(
        re.compile(
            rf"{PLUGIN}\?search=smtp&of=connection&id=smtp_default&id-namespace=[^&]+&id-secret=smtp&id-object=Secret&id-format=[^&]+$"
        )
    )


def test_invalid_token_leads_to_the_login_and_back_to_the_panel(opened: Open) -> None:
    page = opened("ada", f"{PLUGIN}?search=smtp")
    frame = framed(page)
    count(frame, "1 to 2 of 2, of 73 in all")
    expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp$"))
    origin = re.sub("(//[^/]*).*", r"\1", page.url)
    page.context.add_cookies([{"name": "_token", "value": "of.another.key", "url": origin}])
    frame.locator("#rows .link").first.click()
    page.wait_for_url(re.compile(r"/auth/login\?next="))

    log_in_here(page)

    expect(framed(page).locator("#panel [data-verdict=found]")).to_be_visible()


def test_login_before_the_address_is_set_restores_the_search(opened: Open) -> None:
    page = opened("ada", "/api/v2/version")
    # state.js waits as long as that until Airflow's UI has set the address. Here it waits until the login.
    page.add_init_script(
        "const set = setTimeout; setTimeout = (call, delay, ...rest) => set(call, delay === 500 ? 1e6 : delay, ...rest)"
    )
    page.goto(urljoin(page.url, f"{PLUGIN}?search=mail"))
    frame = framed(page)
    count(frame, "None")
    page.context.clear_cookies()
    frame.fill("#search", "smtp")
    page.wait_for_url(re.compile(r"/auth/login\?next=(%2F|/)plugin(%2F|/)kubernetes-secrets$"))

    log_in_here(page)

    expect(framed(page).locator("#search")).to_have_value("smtp")


def test_the_frame_never_shows_the_login(opened: Open) -> None:
    # In this document, only the frame sends a request. Airflow's UI would go to the login by itself.
    page = opened("ada", "/api/v2/version")
    page.context.clear_cookies()
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('iframe'), {src: '/kubernetes-secrets/'}))"
    )
    page.wait_for_url(re.compile(r"/auth/login\?next=(%2F|/)"))


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


def test_choices_outside_the_frame_are_in_the_address_immediately(opened: Open) -> None:
    page = alone(opened, "?search=stage")
    page.clock.install()
    page.clock.pause_at(datetime.now(timezone.utc) + timedelta(hours=1))
    page.reload()
    ready(page)
    page.locator("#rows .link").click()
    expect(page).to_have_url(re.compile("&id=stage&"))


def test_back_to_the_panel_of_a_row_that_was_filtered_out(opened: Open) -> None:
    page = alone(opened, "?search=stage")
    page.locator("#rows .link").click()
    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
    page.get_by_role("button", name="Options").click()
    expect(page.locator("#nothing")).to_contain_text("Nothing matches")
    page.go_back()
    expect(page.locator("#rows .link")).to_have_text("stage")
    expect(page.locator("#copies").get_by_role("button", name="Copy Secret")).to_be_visible()
    expect(page.locator("#panel li.warning")).to_contain_text(["the value ends with a newline", "is unknown"])


def test_reload_and_back_select_the_same_row_of_an_id(opened: Open) -> None:
    page = alone(opened, "?search=smtp_default")
    copy = page.locator("#copies").get_by_role("button", name="Copy Secret")

    def is_open(row: int, secret: str) -> None:
        expect(page.locator("#rows tr").nth(row)).to_have_attribute("aria-selected", "true")
        expect(page.locator("#rows tr[aria-selected=true]")).to_have_count(1)
        expect(copy).to_have_attribute("aria-label", f"Copy Secret: {secret}")
        expect(page.locator("#panel [data-verdict=found]")).to_be_visible()

    for row, secret in enumerate(("smtp", "smtp-copy")):
        page.locator("#rows .link").nth(row).click()
        is_open(row, secret)

    page.reload()
    is_open(1, "smtp-copy")
    page.go_back()
    is_open(0, "smtp")
    page.go_forward()
    is_open(1, "smtp-copy")


def test_no_other_row_of_the_id_is_marked_or_opened(opened: Open, team_secrets: TeamSecrets) -> None:
    """For example, the Secret of the row was deleted after the address was shared."""
    selected = f"of=connection&id=smtp_default&id-namespace={team_secrets.home}&id-secret=deleted&id-object=Secret"
    page = alone(opened, f"?search=smtp_default&{selected}")

    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr[aria-selected=true]")).to_have_count(0)
    expect(page.locator("#copies").get_by_role("button")).to_have_text(["Copy id"])


def test_secret_in_the_address_without_a_matching_row_is_not_shown(opened: Open) -> None:
    page = alone(opened, "?search=smtp_default&of=connection&id=nowhere&id-namespace=other&id-secret=other")
    expect(page.locator("#panel [data-verdict=not-found]")).to_be_visible()
    expect(page.locator("#copies").get_by_role("button")).to_have_text(["Copy id"])


def test_variants_of_the_address_are_normalized(opened: Open) -> None:
    # A page that has loaded Airflow's UI loads it again in half the time.
    page = opened("ada", "/api/v2/version")
    for path in (f"{PLUGIN}/", f"{PLUGIN}{PAGE}"):
        page.goto(urljoin(page.url, f"{path}?search=smtp"))
        count(framed(page), "1 to 2 of 2, of 73 in all")
        expect(page).to_have_url(re.compile(rf"{PLUGIN}\?search=smtp$"))


def test_the_page_itself_without_a_slash(opened: Open) -> None:
    page = opened("ada", f"{PAGE.rstrip('/')}?search=smtp")
    count(page, "1 to 2 of 2, of 73 in all")


def test_no_page_is_skipped_while_requests_fail(opened: Open) -> None:
    page = alone(opened)
    intercept(page, "**/api/entries?*", lambda route: route.abort())
    for _ in range(2):
        with page.expect_event("requestfailed"):
            page.click("#next")
        ready(page)
    expect(page).to_have_url(re.compile("offset=50$"))
    page.unroute("**/api/entries?*")
    page.get_by_role("button", name="Try again").click()
    count(page, "51 to 73 of 73")


def test_refresh_updates_the_open_panel(opened: Open, team_secrets: TeamSecrets) -> None:
    team_secrets.put("renewed", {"connection-id": "renewed"}, {"other": SECRET})
    try:
        page = alone(opened, "?search=renewed")
        # Refresh shares a list of the last two seconds, which another test may have requested.
        page.wait_for_timeout(2_000)
        page.click("#refresh")
        page.locator("#rows .link").click()
        expect(page.locator("#panel [data-verdict=trouble], #panel [data-verdict=not-found]")).to_be_visible()
        team_secrets.put("renewed", {"connection-id": "renewed"}, {"value": f"http://{SECRET}@host"})
        page.wait_for_timeout(2_000)
        page.click("#refresh")
        expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
        expect(page.locator("#panel .error")).to_have_count(0)
    finally:
        team_secrets.cluster.admin.delete(f"/api/v1/namespaces/{team_secrets.home}/secrets/renewed").raise_for_status()
        with_all_entries(opened)


def test_a_refresh_is_not_lost_when_the_user_types_during_it(opened: Open, team_secrets: TeamSecrets) -> None:
    page = alone(opened)
    page.wait_for_timeout(2_000)
    team_secrets.put("typed", {"connection-id": "typed"}, {"value": f"http://{SECRET}@host"})
    try:
        requested: list[Route] = []

        def hold_the_first(route: Route) -> None:
            requested.append(route)
            if len(requested) > 1:
                route.continue_()

        intercept(page, "**/api/entries?*", hold_the_first)
        page.click("#refresh")
        page.fill("#search", "typed")
        expect(page.locator("#rows .link")).to_have_text(["typed"])
        assert len(requested) == 2
    finally:
        team_secrets.cluster.admin.delete(f"/api/v1/namespaces/{team_secrets.home}/secrets/typed").raise_for_status()
        page.unroute("**/api/entries?*")
        with_all_entries(opened)


def test_one_failed_request_does_not_clear_the_table(opened: Open) -> None:
    page = alone(opened)
    intercept(page, "**/api/entries?*", lambda route: route.abort())
    page.click("#refresh")
    expect(page.locator("#notices .error")).to_contain_text("does not respond")
    assert len(shown(page)) == 50
    page.unroute("**/api/entries?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#notices .error")).to_have_count(0)


def test_without_a_table_there_is_no_control_for_one(opened: Open) -> None:
    page = alone(opened)
    intercept(page, "**/api/entries?*", lambda route: route.abort())
    page.reload()
    expect(page.locator("#failure")).to_be_visible()
    for name in ("previous", "next", "page"):
        expect(page.locator(f"#{name}")).to_be_disabled()
    expect(page.locator("#problem")).to_be_hidden()

    page.unroute("**/api/entries?*")
    page.get_by_role("button", name="Try again").click()
    for name in ("next", "page", "problem"):
        expect(page.locator(f"#{name}")).to_be_enabled()
    expect(page.locator("#problem")).to_be_visible()


def test_the_keyboard_focus_stays_on_the_retry_button(opened: Open) -> None:
    page = alone(opened)
    intercept(page, "**/api/entries?*", lambda route: route.abort())
    again = page.get_by_role("button", name="Try again")
    page.click("#refresh")
    for _ in range(2):
        again.focus()
        with page.expect_event("requestfailed"):
            page.keyboard.press("Enter")
        ready(page)
        expect(again).to_be_focused()
        # Now without a table.
        page.reload()
        ready(page)


def test_a_snapshot_of_another_day_is_shown_with_its_date(opened: Open) -> None:
    page = alone(opened)
    moment = page.evaluate("fetch('api/entries?limit=1').then((each) => each.json()).then((each) => each.taken_at)")
    date = page.evaluate("moment => new Date(moment).toLocaleDateString(undefined, {dateStyle: 'medium'})", moment)
    expect(page.locator("#place")).not_to_contain_text(date)
    page.clock.set_system_time(datetime.now(timezone.utc) + timedelta(days=2))
    page.get_by_role("button", name="Variables").click()
    expect(page.locator("#place")).to_contain_text(date)


@pytest.mark.parametrize(
    "response",
    [
        {"content_type": "text/html", "body": "<form>The login of a proxy</form>"},
        {"content_type": "application/json", "body": '{"entries": ['},
    ],
    ids=["a page", "a part"],
)
def test_a_response_that_is_incomplete_or_from_a_proxy(opened: Open, response: dict[str, Any]) -> None:
    page = alone(opened)
    intercept(page, "**/api/entries?*", lambda route: route.fulfill(status=200, **response))
    page.click("#refresh")

    expect(page.locator("#notices .error")).to_contain_text("incomplete, or a proxy has replaced it. Reload the page.")
    assert len(shown(page)) == 50


def test_an_offset_that_is_too_large_shows_the_last_page(opened: Open) -> None:
    page = alone(opened, f"?offset={'9' * 30}")

    count(page, "51 to 73 of 73")


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


def test_the_number_of_a_page(opened: Open) -> None:
    page = alone(opened)
    expect(page.locator("#pages")).to_have_text("of 2")
    page.fill("#page", "2")
    page.keyboard.press("Enter")
    count(page, "51 to 73 of 73")
    expect(page).to_have_url(re.compile("offset=50"))


def test_matching_rows_can_be_exported_after_errors_until_the_end_of_the_session(opened: Open) -> None:
    page = opened("ada", f"{PLUGIN}?search=service")
    frame = framed(page)
    for status in (200, 503):
        fail = partial(Route.fulfill, status=status, content_type="text/html", body="<p>no</p>")
        intercept(page, "**/api/export?*", fail)
        frame.click("#csv")
        expect(frame.locator("#notices .error")).to_be_visible()
        assert len(shown(frame)) == 50

        page.unroute("**/api/export?*")
        with page.expect_download() as download:
            frame.get_by_role("button", name="Try again").click()
        assert download.value.suggested_filename == "kubernetes-secrets.csv"
        expect(frame.locator("#notices .error")).to_have_count(0)

    for format in ("csv", "json"):
        with page.expect_download() as download:
            frame.click(f"#{format}")
        assert download.value.suggested_filename == f"kubernetes-secrets.{format}"
        text = download.value.path().read_text()
        saved = json.loads(text) if format == "json" else list(csv.DictReader(io.StringIO(text)))
        assert [each["id"] for each in saved] == [f"service_{number:02}" for number in range(60)]
        assert SECRET not in text

    # Without a session, an export leads to the login.
    page.context.clear_cookies()
    frame.click("#json")

    page.wait_for_url(re.compile(r"/auth/login\?next=(%2F|/)plugin(%2F|/)kubernetes-secrets$"))
