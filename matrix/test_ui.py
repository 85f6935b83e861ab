"""The page in the UI of the deployment's Airflow."""

from __future__ import annotations

from playwright.sync_api import expect

from matrix.deployment import SECRET, Deployment
from matrix.proofs import Proof, proves
from support.airflow_ui import PAGE, running_ui
from support.browser import PATIENCE_MS, framed, log_in, running_browser


@proves(Proof.PAGE)
def test_the_page(deployment: Deployment) -> None:
    with running_ui(deployment.airflow) as ui, running_browser() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_MS)
        log_in(page, ui, "ada", "/")
        page.get_by_role("button", name="Admin").click()
        page.get_by_role("menuitem", name="Kubernetes Secrets").click()
        frame = framed(page)
        frame.locator("#rows .link", has_text="warehouse").click()

        expect(frame.locator("#panel [data-verdict=found]")).to_contain_text("connection 'warehouse'")
        expect(frame.locator("#rows")).to_contain_text("in_a_trigger")
        shown = frame.content()
        with ui.client(None) as anybody, ui.client("nora") as nora:
            statuses = [client.get(f"{PAGE}api/entries").status_code for client in (anybody, nora)]

    assert statuses == [401, 403]
    assert SECRET not in shown
