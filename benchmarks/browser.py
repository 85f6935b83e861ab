"""How long users of the page in Airflow's UI wait, with 40 and with 10,000 Secrets.

It prints medians of times in a real browser, with a real Airflow API server and the devserver. A time ends when the
browser has painted the rows. It needs the environment of the tests, and Chromium:
``.venv/bin/python benchmarks/browser.py``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from time import perf_counter

from harness.filling import labelled
from playwright.sync_api import Page, ViewportSize

from airflow_kubernetes_secrets_devserver import DevServer
from support.airflow_ui import PAGE, running_ui
from support.browser import log_in, ready, running_browser
from support.cluster import DevserverCluster
from support.team_secrets import TeamSecrets, airflow_of, team_secrets_on

COUNTS = (40, 10_000)
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
# Requests from the Refresh button that come faster than this share a LIST.
SHARED_LIST_MS = 2_500
# A LIST of 10,000 Secrets takes long on a busy machine.
LONGEST_MS = 120_000
# The browser has painted the rows of a document after this time.
PAINTED_MS = 500

# The texts, and the goals in seconds. A LIST has no goal: it is the time that the API server needs by itself.
LIST = "a LIST of the Secrets, in pages of 500"
FIRST = "from opening the page to the first rows, with a LIST"
FIRST_OF_ALL = "the same, when Airflow's API server has just started"
AGAIN = "from opening the page to the first rows, from the shared snapshot"
REFRESH = "Refresh, with a LIST"
ROWS_SECONDS = 2.0
# The actions of a user, each with its goal in seconds and the JavaScript that does it.
ACTIONS = {
    "search, from the last key": (0.5, "type(document.querySelector('#search'), '3')"),
    "search that matches nothing": (0.5, "type(document.querySelector('#search'), 'nowhere')"),
    "search that is cleared": (0.5, "type(document.querySelector('#search'), '')"),
    "filter by kind": (0.3, "document.querySelector('[data-kind=connection]').click()"),
    "filter by problem": (0.3, "choose(document.querySelector('#problem'), 'none')"),
    "no filter by problem": (0.3, "choose(document.querySelector('#problem'), '')"),
    "sort by host": (0.3, "document.querySelector('[data-column=host]').click()"),
    "next page, or the same page again if there is only one": (
        0.3,
        "(document.querySelector('#next:enabled') ?? document.querySelector('[data-kind=\"\"]')).click()",
    ),
}

# Runs the JavaScript that replaces ACTION, and returns the milliseconds until the table has been painted.
MEASURE = """
() => new Promise((resolve) => {
  const table = document.querySelector("table");
  const type = (field, text) => { field.value = text; field.dispatchEvent(new Event("input")); };
  const choose = (field, value) => { field.value = value; field.dispatchEvent(new Event("change")); };
  let began;
  let isBusy = false;
  new MutationObserver((_changes, observer) => {
    if (table.getAttribute("aria-busy") === "true") isBusy = true;
    else if (isBusy) {
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
    }
  }).observe(table, { attributes: true, attributeFilter: ["aria-busy"] });
  began = performance.now();
  ACTION;
})
"""

# Stores the milliseconds from the start of the navigation until the first rows have been painted.
FIRST_ROWS = """
new MutationObserver((_changes, observer) => {
  if (!document.querySelector("#rows tr")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstRows = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""


def listed_in(team_secrets: TeamSecrets) -> float:
    """Return the seconds that a LIST takes, without the processing of its Secrets."""
    began = perf_counter()
    parameters = {"limit": "500", "labelSelector": "airflow.apache.org/connection-id"}
    while True:
        answer = team_secrets.cluster.admin.get(f"/api/v1/namespaces/{team_secrets.home}/secrets", params=parameters)
        following = answer.raise_for_status().json()["metadata"].get("continue")
        if not following:
            return perf_counter() - began
        parameters["continue"] = following


def opened(page: Page, url: str) -> float:
    """Open the page, and return the seconds until its first rows."""
    page.goto(url)
    return first_rows(page)


def first_rows(page: Page) -> float:
    """Return the seconds from the last navigation to the first rows."""
    page.wait_for_selector("#rows tr")
    ready(page)
    page.wait_for_timeout(PAINTED_MS)
    return float(page.evaluate("window.firstRows")) / 1_000


def measured(page: Page, action: str) -> float:
    """Return the seconds of an action."""
    return float(page.evaluate(MEASURE.replace("ACTION", action))) / 1_000


def times(count: int, rounds: int) -> dict[str, float]:
    """Return the median of each time, in seconds."""
    taken: defaultdict[str, list[float]] = defaultdict(list)
    with DevServer() as server, tempfile.TemporaryDirectory() as home:
        team_secrets = team_secrets_on(DevserverCluster(server))
        for number in range(count):
            manifest = labelled(number)
            manifest["metadata"]["namespace"] = team_secrets.home
            team_secrets.cluster.apply({"apiVersion": "v1", "kind": "Secret", **manifest})
        with running_ui(airflow_of(team_secrets, Path(home) / "home")) as ui, running_browser() as browser:
            page = browser.new_context(viewport=VIEWPORT).new_page()
            page.set_default_timeout(LONGEST_MS)
            page.add_init_script(FIRST_ROWS)
            log_in(page, ui, "ada", PAGE)
            taken[FIRST_OF_ALL].append(first_rows(page))
            for _ in range(rounds):
                taken[LIST].append(listed_in(team_secrets))
                page.wait_for_timeout(SHARED_LIST_MS)
                taken[REFRESH].append(measured(page, "document.querySelector('#refresh').click()"))
                taken[AGAIN].append(opened(page, ui.url + PAGE))
                for name, (_goal, action) in ACTIONS.items():
                    taken[name].append(measured(page, action))
                # A snapshot is shared for 30 seconds. After that, the next request takes a new one.
                page.wait_for_timeout(31_000)
                taken[FIRST].append(opened(page, ui.url + PAGE))
    return {name: median(each) for name, each in taken.items()}


def main() -> None:
    """Measure all times, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times for each figure (default 3)")
    rounds: int = parser.parse_args().rounds
    found = {count: times(count, rounds) for count in COUNTS}
    header = " | ".join(f"{count:,} Secrets" for count in COUNTS)
    print(f"Medians of {rounds} times; the third row is one time.\n")
    print(f"| what | {header} | goal |\n| --- | {'--- | ' * len(COUNTS)}--- |")
    beyond = f"{ROWS_SECONDS:g} s beyond the LIST"
    goals = {LIST: "", FIRST: beyond, FIRST_OF_ALL: beyond, REFRESH: beyond, AGAIN: f"{ROWS_SECONDS:g} s"}
    goals |= {name: f"{goal:g} s" for name, (goal, _action) in ACTIONS.items()}
    for name, goal in goals.items():
        figures = " | ".join(f"{found[count][name]:.2f} s" for count in COUNTS)
        print(f"| {name} | {figures} | {goal} |")


if __name__ == "__main__":
    main()
