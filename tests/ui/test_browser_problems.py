"""The page in a real browser: from a problem to its remedy."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Frame, expect

from support.airflow_ui import AirflowUI
from support.browser import PLUGIN, Open, alone, count, framed, intercept, ready, resize
from support.team_secrets import TeamSecrets


@pytest.mark.parametrize(
    ("filters", "question"),
    [
        ("kind=variable&team=blue", "Why is there no variable 'not_there' for team 'blue'?"),
        ("kind=config&team=blue", "Why is there no option 'not_there'?"),
        ("team=no+team", "Why is there no option 'not_there'?"),
    ],
)
def test_explanation_of_a_missing_id_uses_the_chosen_kind_and_team(opened: Open, filters: str, question: str) -> None:
    page = alone(opened, f"?search=not_there&{filters}")
    page.get_by_role("button", name=question).click()
    kind, _, team = question.removeprefix("Why is there no ").removesuffix("?").partition(" for ")
    expect(page.locator("#panel [data-verdict=not-found]")).to_contain_text(kind)
    expect(page).to_have_url(re.compile("id-team=blue" if team else "id=not_there$"))


def test_panel_shows_that_an_id_is_only_in_the_database(opened: Open, ui: AirflowUI) -> None:
    ui.add_variable("only_in_database", "x")
    page = alone(opened, "?search=only_in_database&kind=variable")
    page.get_by_role("button", name="Why is there no variable").click()
    expect(page.locator("#panel [data-verdict=not-found]")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text("a variable in the metadata database")


def test_a_secret_that_cannot_be_read_is_not_shown_in_green(opened: Open) -> None:
    page = alone(opened, "?search=image")
    page.locator("#rows .link").click()
    expect(page.locator("#panel [data-verdict=trouble]")).to_be_visible()
    assert page.locator("#panel .good").count() == 0


def test_buttons_of_the_summary_filter_the_table(opened: Open) -> None:
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
    expect(problem.locator(".remedy")).to_contain_text("store it without the newline")
    problem.get_by_role("button", name="Copy").click()
    expect(problem.get_by_role("button")).to_have_text("Copied")
    assert "store it without the newline" in page.evaluate("navigator.clipboard.readText()")
    link = problem.get_by_role("link")
    expect(link).to_have_attribute("href", re.compile(r"/reference/cli\.html#trailing-newline$"))
    # In addition to the colour there is a sign, which screen readers read aloud.
    sign = problem.locator(".badge").evaluate("each => getComputedStyle(each, '::before').content")
    assert "warning" in sign


def test_copies_of_the_id_the_secret_and_a_command(opened: Open, team_secrets: TeamSecrets) -> None:
    page = alone(opened, "?search=app-db-app")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#rows .link").click()
    for title, text in (
        ("Copy id", "app_db"),
        ("Copy Secret", "app-db-app"),
        ("Copy kubectl command", f"kubectl describe secret -n {team_secrets.home} app-db-app"),
    ):
        page.locator("#copies").get_by_role("button", name=f"{title}: ").click()
        expect(page.locator("#copies").get_by_role("button", name=f"Copied: {text}")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == text


def test_copy_without_the_clipboard_api_does_not_move_the_focus(opened: Open) -> None:
    """Browsers provide the clipboard API only to pages over HTTPS and from localhost."""
    page = alone(opened, "?search=app-db-app")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("#rows .link").click()
    button = page.locator("#copies button").first
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_text("Copied")
    expect(button).to_be_focused()
    page.fill("#search", "")
    page.keyboard.press("Control+V")
    expect(page.locator("#search")).to_have_value("app_db")


def test_a_command_is_one_line_of_code(opened: Open, team_secrets: TeamSecrets) -> None:
    page = alone(opened, "?search=app-unlabelled&kind=connection")
    page.get_by_role("button", name="Why is there no connection 'app-unlabelled'?").click()
    # The second command creates a new Secret.
    command = page.locator("#panel .command code").first
    label = "airflow.apache.org/connection-id=app-unlabelled"
    expect(command).to_have_text(f"kubectl label secret -n {team_secrets.home} app-unlabelled {label}")
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
    intercept(page, "**/api/entries?*", lambda route: route.abort())
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


# Airflow's UI is slow to load. So one test checks everything that depends on its frame.
def test_the_frame_of_airflow(opened: Open) -> None:
    page = opened("ada", f"{PLUGIN}?search=stage")
    frame = framed(page)
    assert_id_problems_and_secret_are_visible_at_every_size(frame)
    assert_documentation_opens_in_a_new_window(frame)
    assert_time_of_the_snapshot_is_visible_after_a_long_address(frame)
    assert_the_whole_table_is_not_cut_off_on_a_narrow_screen(frame)


def assert_id_problems_and_secret_are_visible_at_every_size(frame: Frame) -> None:
    for width, height in ((400, 800), (800, 600), (1280, 640), (1440, 900)):
        resize(frame.page, width, height)
        for column in ("id", "problems", "secret"):
            cell = frame.locator(f"#rows td.{column}").first
            box = cell.bounding_box()
            assert box is not None
            assert box["width"] > 40
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
        assert frame.evaluate("document.documentElement.scrollWidth <= innerWidth")


def assert_documentation_opens_in_a_new_window(frame: Frame) -> None:
    context = frame.page.context
    context.route("**/reference/cli.html", lambda route: route.fulfill(body="documentation"))
    frame.locator("#rows .link").click()
    with context.expect_page() as new:
        frame.locator("#panel li.warning a").first.click()
    assert "/reference/cli.html#" in new.value.url
    new.value.close()


def assert_time_of_the_snapshot_is_visible_after_a_long_address(frame: Frame) -> None:
    """It is visible next to the open panel."""
    resize(frame.page, 1280, 640)
    place = frame.locator("#place")
    expect(frame.locator("#panel")).to_be_visible()
    place.evaluate("each => each.textContent = each.textContent.replace('127.', `${'a'.repeat(60)}.eks.amazonaws.com`)")
    assert place.evaluate("each => each.scrollWidth <= each.clientWidth")


def assert_the_whole_table_is_not_cut_off_on_a_narrow_screen(frame: Frame) -> None:
    frame.click("#close")
    frame.fill("#search", "")
    count(frame, "1 to 50 of 73")
    resize(frame.page, 320, 640)
    for selector in ("html", "#place"):
        assert frame.locator(selector).evaluate("each => each.scrollWidth <= each.clientWidth"), selector
