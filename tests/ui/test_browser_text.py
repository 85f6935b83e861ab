"""Text in a real browser that is hostile, long, or from right to left: ids, hosts and addresses."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from support.browser import Open, alone, everything_is_seen, shown, with_all_entries
from support.team_secrets import HOSTILE_SHOWN, TeamSecrets


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
        textNodes("\u0436" + "a".repeat(200_000));
        return (performance.now() - start) / 1_000;
    }""")
    # In quadratic time it would take minutes.
    assert seconds < 20


def test_only_words_from_right_to_left_are_isolated(opened: Open) -> None:
    page = alone(opened)
    nodes = page.evaluate("""async () => {
        const { textNodes } = await import("./dom.js");
        const parts = textNodes("id (\u05d0b) of\\n  \u05d1");
        return parts.map(({ nodeName, textContent }) => [nodeName, textContent]);
    }""")
    assert "".join(text for _, text in nodes) == "id (\u05d0b) of\n  \u05d1"
    assert [text for name, text in nodes if name == "BDI"] == ["(\u05d0b)", "\u05d1"]


def test_a_long_id_is_shortened_in_the_table_and_complete_in_the_panel(opened: Open, team_secrets: TeamSecrets) -> None:
    name = "\u0436" + "a" * 2_000
    team_secrets.put("long", {"connection-id": "x3"}, {"value": "http://h"}, annotations={"connection-id": name})
    try:
        page = alone(opened, "?search=aaaaaaaaaa")
        page.wait_for_timeout(2_000)
        page.click("#refresh")
        expect(page.locator("#rows .link")).to_have_text(f"{name[:249]}…")
        page.locator("#rows .link").click()
        expect(page.locator("#panel-title")).to_have_text(name)
        # The routes and the address have no space for it.
        expect(page.locator("#explanation")).to_contain_text("airflow-kubernetes-secrets explain")
        page.get_by_role("button", name="Id", exact=True).click()
        expect(page).to_have_url(re.compile(r"\?search=aaaaaaaaaa&descending=true$"))
    finally:
        team_secrets.cluster.admin.delete(f"/api/v1/namespaces/{team_secrets.home}/secrets/long").raise_for_status()
        with_all_entries(opened)


def test_an_id_that_is_a_uri_is_not_shown(opened: Open) -> None:
    page = alone(opened, "?search=uri-id")
    page.locator("#rows .link").click()

    expect(page.locator("#panel-title")).to_have_text("(a URI)")
    expect(page.locator("#panel")).to_contain_text("may contain a password")
    expect(page.locator("#copies button")).to_have_text(["Copy Secret", "Copy kubectl command"])


@pytest.mark.parametrize("selector", ["#rows .link", "#panel-title", "#panel .mark"])
def test_each_space_of_an_id_is_visible(opened: Open, selector: str) -> None:
    page = alone(opened, "?search=app-db-app&of=connection&id=a++b")
    expect(page.locator("#panel .mark")).to_contain_text("a  b")

    assert page.locator(selector).evaluate("each => getComputedStyle(each).whiteSpace").startswith("pre")
