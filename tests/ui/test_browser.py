"""The page in a real browser, inside Airflow's own UI: the table and the panel."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Frame, Page, expect

from support.airflow_ui import PAGE
from support.browser import (
    PLUGIN,
    Open,
    alone,
    count,
    framed,
    log_in_here,
    ready,
    resize,
    shown,
)
from support.team_secrets import TeamSecrets


# Airflow's UI is slow to load. So one test checks both.
def test_menu_of_airflow_opens_the_table_in_its_colours(opened: Open) -> None:
    page = opened("ada", "/", color_scheme="light")
    page.get_by_role("button", name="Admin").click()
    page.get_by_role("menuitem", name="Kubernetes Secrets").click()

    frame = framed(page)

    # Shortcuts of the page work without a click into its frame.
    page.keyboard.press("/")
    expect(frame.locator("#search")).to_be_focused()
    count(frame, "1 to 50 of 73")
    assert "app_db" in shown(frame)
    assert page.url.startswith(page.url.partition("/plugin")[0] + PLUGIN)
    assert_colour_scheme_follows_airflow(page, frame)


def assert_colour_scheme_follows_airflow(page: Page, frame: Frame) -> None:
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


def test_link_to_the_page_leads_through_the_login(opened: Open) -> None:
    page = opened(None, PAGE)
    log_in_here(page)
    count(page, "1 to 50 of 73")


def test_a_row_shows_the_fields_of_list(opened: Open, team_secrets: TeamSecrets) -> None:
    page = alone(opened, "?search=app-db-app")
    cells = page.locator("#rows tr").locator("td").all_text_contents()

    assert cells[:3] == ["app_db", "", f"{team_secrets.home}/app-db-app"]
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


def test_reload_restores_search_order_and_panel(opened: Open) -> None:
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


def test_a_link_restores_filters_order_and_page(opened: Open) -> None:
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
def test_names_of_javascript_properties_match_no_entry(opened: Open, name: str) -> None:
    page = alone(opened, f"?kind={name}&team={name}&problem={name}")
    assert "native code" not in page.content()
    expect(page.locator("#nothing")).to_contain_text("Nothing matches")


@pytest.mark.parametrize("name", ["search", "team", "problem"])
def test_a_value_that_is_too_long_is_shortened(opened: Open, name: str) -> None:
    page = alone(opened, f"?{name}={'y' * 3_000}")
    expect(page.locator("#nothing")).to_contain_text("Nothing matches")
    page.get_by_role("button", name="Clear the filters").click()
    count(page, "1 to 50 of 73")


def test_an_empty_id_in_the_address_is_ignored(opened: Open) -> None:
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


def test_the_panel_shows_the_explanation(opened: Open, team_secrets: TeamSecrets) -> None:
    page = alone(opened, "?search=smtp")
    page.locator("#rows tr").first.click()
    panel = page.locator("#panel")

    headline = f"connection 'smtp_default': Secret {team_secrets.home}/smtp is selected"
    expect(panel.locator("[data-verdict]")).to_have_text(headline)
    for text in (
        "list airflow.apache.org/connection-id=smtp_default,!airflow.apache.org/team "
        f"in {team_secrets.home}: 2 Secrets",
        f"{team_secrets.home}/smtp is selected",
        f"{team_secrets.home}/smtp-copy has the same id, and is younger or comes later by name",
        "type smtp, host smtp.example.com:587, login is set, password is set",
        "the variable AIRFLOW_CONN_SMTP_DEFAULT of this process",
        "airflow_kubernetes_secrets.KubernetesSecretsBackend, from AIRFLOW__SECRETS__BACKEND",
        f"system:serviceaccount:{team_secrets.home}:airflow",
    ):
        expect(panel).to_contain_text(text)


def test_the_panel_explains_why_a_secret_is_skipped(opened: Open, team_secrets: TeamSecrets) -> None:
    page = alone(opened, "?search=broken")
    page.locator("#rows .link").click()

    expect(page.locator("#panel [data-verdict=trouble], #panel [data-verdict=not-found]")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text(f"Secret {team_secrets.home}/broken")
    expect(page.locator("#panel li.error")).to_contain_text("there is no such key in its data")
    # The trace refers to the problem by its code, and does not repeat it.
    skipped = page.locator("#panel li.warning", has_text="is skipped: ")
    expect(skipped).to_have_text(f"{team_secrets.home}/broken is skipped: unreadable")
    assert (page.locator("#panel").text_content() or "").count("there is no such key") == 1


def test_the_panel_has_every_problem_of_the_table(opened: Open) -> None:
    page = alone(opened, "?search=stage")
    page.locator("#rows .link").click()

    expect(page.locator("#panel [data-verdict=found]")).to_be_visible()
    expect(page.locator("#panel li.warning")).to_contain_text(["the value ends with a newline", "is unknown"])


def test_explanation_of_a_missing_id_from_the_search(opened: Open) -> None:
    page = alone(opened)
    page.fill("#search", "smtp_defualt")
    expect(page.locator("#nothing")).to_contain_text("Nothing matches")
    page.get_by_role("button", name="Why is there no connection 'smtp_defualt'?").click()

    expect(page.locator("#panel [data-verdict=not-found]")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text("smtp_default")

    page.get_by_role("button", name="Clear the filters").click()
    count(page, "1 to 50 of 73")


def test_navigation_with_the_keyboard_alone(opened: Open) -> None:
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


def test_user_without_permission_sees_a_message(opened: Open) -> None:
    page = opened("nora", PAGE)

    expect(page.locator("h2")).to_have_text("You may not see this page")
    assert "app_db" not in page.content()


def test_user_with_partial_permissions_sees_what_is_missing(opened: Open) -> None:
    page = opened("vic", PAGE)

    count(page, "1 to 1 of 1")
    expect(page.locator("#notices")).to_contain_text("connections, variables")
    assert page.locator("#kinds button").all_text_contents() == ["All1", "Options1"]


def test_large_letters_fit_into_the_columns(opened: Open) -> None:
    """A user can choose the smallest font size in the browser."""
    page = alone(opened, bypass_csp=True)
    page.add_style_tag(content="* { font-size: 20px !important }")
    cells = page.locator("#rows td.kind")
    expect(cells.filter(has_text="connection").first).to_be_visible()
    assert cells.evaluate_all("all => all.filter((each) => each.scrollWidth > each.clientWidth).length") == 0


def test_the_keyboard_stays_in_a_panel_that_covers_the_table(opened: Open) -> None:
    page = alone(opened, "?search=smtp")
    resize(page, 400, 800)
    link = page.locator("#rows .link").nth(1)
    link.click()
    panel = page.locator("#panel")
    expect(panel.locator("[data-verdict]")).to_be_visible()
    expect(panel).to_have_attribute("aria-modal", "true")
    for key in ("Tab", "Shift+Tab"):
        for _ in range(panel.locator("button, a").count() + 3):
            page.keyboard.press(key)
            assert not page.evaluate("document.querySelector('main').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(link).to_be_focused()

    # While the panel is next to the table, the keyboard also reaches the table.
    page.keyboard.press("Enter")
    expect(panel).to_be_focused()
    resize(page, 1440, 900)
    page.focus("#search")
    expect(page.locator("#search")).to_be_focused()
    resize(page, 400, 800)
    expect(panel).to_be_focused()


def test_the_next_problem_is_explained_in_a_panel_that_covers_the_table(opened: Open) -> None:
    page = alone(opened, "?order=secret&kind=connection")
    resize(page, 400, 800)
    page.locator("#rows tr", has=page.locator(".badge.error, .badge.warning")).last.locator(".link").click()
    page.keyboard.press("n")
    expect(page.locator("#page")).to_have_value("2")
    expect(page.locator("#rows tr[aria-selected=true] .badge")).not_to_have_count(0)
    expect(page.locator("#panel")).to_be_focused()


def test_a_chosen_filter_and_the_row_of_the_panel_are_visible_without_colours(opened: Open) -> None:
    page = alone(opened, "?search=stage&kind=variable&problem=trailing-newline", forced_colors="active")
    page.locator("#rows .link").click()

    def colour(selector: str) -> str:
        found: str = page.locator(selector).first.evaluate("each => getComputedStyle(each).backgroundColor")
        return found

    assert colour("#kinds [aria-pressed=true]") != colour("#kinds [aria-pressed=false]")
    assert colour("#summary [aria-pressed=true]") != colour("#summary [aria-pressed=false]")
    expect(page.locator("#rows tr[aria-selected=true]")).to_have_css("outline-style", "solid")


def test_every_row_and_the_panel_are_printed(opened: Open) -> None:
    page = alone(opened)
    page.locator("#rows .link", has_text="app_db").first.click()
    expect(page.locator("#panel [data-verdict]")).to_be_visible()
    page.emulate_media(media="print")
    for selector in ("#table", "#panel"):
        assert page.locator(selector).evaluate("each => each.scrollHeight <= each.clientHeight"), selector
