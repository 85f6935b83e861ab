"""What the page shows after errors, and that it recovers when they are fixed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from support.airflow import TESTED, Airflow, release
from support.airflow_services import START_SECONDS
from support.airflow_ui import PAGE, AirflowUI, running_ui
from support.browser import PATIENCE_MS, PLUGIN, enter, framed, log_in, ready
from support.cluster import Cluster
from support.faults import late
from support.proxy import Proxy
from support.team_secrets import TeamSecrets, airflow_of, team_secrets_on
from support.waiting import until

# Airflow is served below this path.
PATH = "/below/a/path"

# The tests that share an API server run in one process, although only some of them need a browser.
pytestmark = pytest.mark.together("tests/ui/test_states.py")


def airflow_behind(proxy: Proxy, team_secrets: TeamSecrets, account_folder: Path, home: Path) -> Airflow:
    """Return an Airflow that reaches the Kubernetes API server through the proxy."""
    through = airflow_of(team_secrets, home).with_variables(**proxy.pod_environment())
    shades = ("50", *(str(100 * shade) for shade in range(1, 10)), "950")
    brand = {shade: {"value": "oklch(0.4 0.1 20)"} for shade in shades}
    through = through.with_variables(AIRFLOW__API__THEME=json.dumps({"tokens": {"colors": {"brand": brand}}}))
    return through.with_kwargs(service_account_path=str(account_folder), timeout=5, config_maps=True)


@dataclass(frozen=True)
class Deployment:
    """An API server with the page, and what it reads.

    Attributes:
        account_folder: the folder with the credentials of Airflow.
    """

    ui: AirflowUI
    team_secrets: TeamSecrets
    proxy: Proxy
    account_folder: Path

    def become(self, token: str) -> None:
        """Replace the credentials of Airflow."""
        (self.account_folder / "token").write_text(token)


@pytest.fixture(scope="module")
def running(devserver_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Run one API server for all tests of this module."""
    team_secrets = team_secrets_on(devserver_cluster)
    home = tmp_path_factory.mktemp("states") / "home"
    with Proxy(devserver_cluster) as proxy:
        account_folder = proxy.folder(team_secrets.account)
        airflow = airflow_behind(proxy, team_secrets, account_folder, home)
        with running_ui(airflow, path=PATH) as ui:
            yield Deployment(ui, team_secrets, proxy, account_folder)


@pytest.fixture
def unused(running: Deployment) -> Iterator[Deployment]:
    """Return that server for the first test, which may end with an outage: the server has no snapshot yet."""
    assert running.proxy.requests == [], "this must be the first test of the module"
    yield running
    running.become(running.team_secrets.account.token)
    running.proxy.resume()
    # A failure is shown to all users for some seconds.
    time.sleep(5)


@pytest.fixture
def shared(running: Deployment) -> Deployment:
    """Return that server, without the Secrets of other tests. :func:`refresh` makes it read those of this test.

    It may still have a snapshot of earlier Secrets.
    """
    running.proxy.always = None
    for resource in ("secrets", "configmaps"):
        path = f"/api/v1/namespaces/{running.team_secrets.home}/{resource}"
        running.team_secrets.cluster.admin.delete(path).raise_for_status()
    # A snapshot of the last test counts as fresh for two seconds.
    time.sleep(2)
    return running


@pytest.fixture
def without_blue(shared: Deployment) -> Iterator[Deployment]:
    """Return that server while one of its namespaces does not exist. Airflow may list every namespace."""
    team_secrets = shared.team_secrets
    admin = team_secrets.cluster.admin
    shared.become(team_secrets.cluster.admin_token)
    admin.delete(f"/api/v1/namespaces/{team_secrets.blue}").raise_for_status()
    yield shared
    shared.become(team_secrets.account.token)
    admin.post("/api/v1/namespaces", json={"metadata": {"name": team_secrets.blue}}).raise_for_status()


def refresh(ui: AirflowUI, user: str = "ada") -> None:
    """Make the server read the Secrets again."""
    with ui.client(user) as client:
        client.get(f"{PAGE}api/entries", params={"refresh": True}).raise_for_status()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def test_failures_empty_table_new_entries_and_old_snapshot(page: Page, unused: Deployment) -> None:
    ui, team_secrets, proxy = unused.ui, unused.team_secrets, unused.proxy
    proxy.refuse()
    enter(page, ui, "ada", PLUGIN)
    frame = framed(page)
    expect(frame.locator("#failure")).to_contain_text("The Secrets cannot be shown")
    expect(frame.locator("#failure .notice")).to_contain_text("could not be read: connection refused")

    other = team_secrets.cluster.service_account(team_secrets.home, "other", {}, resources=("secrets", "configmaps"))
    unused.become(other.token)
    proxy.resume()
    try_again(frame)
    assert_each_namespace_has_its_own_remedy(frame, team_secrets)

    unused.become(team_secrets.account.token)
    try_again(frame)
    for text in (
        "No entries to show",
        "airflow.apache.org/connection-id",
        f"namespace {team_secrets.home}, namespace {team_secrets.blue}",
        "your role may not read the entries in Airflow. It may read: connections, variables, options.",
        f"kubectl get secrets -n {team_secrets.home} --show-labels",
    ):
        expect(frame.locator("#nothing")).to_contain_text(text)
    # The explanation can be requested here too.
    frame.fill("#search", "my_db")
    frame.get_by_role("button", name="Why is there no connection 'my_db'?").click()
    expect(frame.locator("#panel [data-verdict=not-found]")).to_be_visible()
    frame.click("#close")

    team_secrets.put("db", {"connection-id": "my_db"}, {"value": "postgres://db"})
    page.wait_for_timeout(2_000)
    frame.click("#refresh")
    expect(frame.locator("#rows .link")).to_have_text("my_db")
    expect(frame.locator("#nothing")).to_be_hidden()

    long_id = "my_" * 200
    team_secrets.put(
        "long", {"connection-id": label_value(long_id)}, {"value": "h://h"}, annotations={"connection-id": long_id}
    )
    page.wait_for_timeout(2_000)
    frame.fill("#search", "")
    frame.click("#refresh")
    # The table shows the beginning of such an id.
    frame.locator("#rows .link", has_text="my_my_").click()
    expect(frame.locator("#panel [data-verdict]")).to_contain_text("connection 'my_my_")
    frame.click("#close")
    # An id that is written from right to left does not reorder the text around it.
    hebrew = "שלום_1"
    team_secrets.put(
        "hebrew", {"connection-id": label_value(hebrew)}, {"value": "h://h"}, annotations={"connection-id": hebrew}
    )
    page.wait_for_timeout(2_000)
    frame.click("#refresh")
    frame.locator("#rows .link", has_text=hebrew).click()
    expect(frame.locator("#panel [data-verdict] bdi")).to_have_text(f"'{hebrew}':")
    assert frame.locator("#rows td.id").first.evaluate("each => getComputedStyle(each).unicodeBidi") == "isolate"
    frame.click("#close")
    frame.fill("#search", "my_db")
    expect(frame.locator("#rows .link")).to_have_count(1)

    proxy.refuse()
    page.wait_for_timeout(2_000)
    frame.click("#refresh")
    # The DAGs may be read at this moment too, and then there is another notice.
    expect(frame.locator("#notices .error", has_text="This snapshot is old; a new one cannot be taken")).to_be_visible()
    expect(frame.locator("#rows .link")).to_have_text("my_db")
    frame.locator("#rows .link").click()
    expect(frame.locator("#panel [data-verdict=trouble]")).to_be_visible()


def try_again(frame: Frame) -> None:
    # A failure is shown to all users for some seconds.
    frame.page.wait_for_timeout(5_000)
    frame.get_by_role("button", name="Try again").click()


def assert_each_namespace_has_its_own_remedy(frame: Frame, team_secrets: TeamSecrets) -> None:
    """Assert that the page shows a refusal of each kind in each namespace, with commands that permit it."""
    notices = frame.locator("#failure .notice")
    # Each refusal is confirmed, which takes a second.
    expect(notices).to_have_count(4, timeout=60_000)
    places = product((team_secrets.home, team_secrets.blue), ("secrets", "configmaps"))
    for notice, (namespace, resource) in zip(notices.all(), places, strict=True):
        expect(notice.locator("p").first).to_contain_text(f"may not list {resource} in namespace '{namespace}'.")
        commands = notice.locator("code").all_inner_texts()
        assert [f"--namespace={namespace} " in each for each in commands] == [True, True]
        expect(notice.get_by_role("button", name="Copy")).to_have_count(2)


def test_an_empty_table_names_the_namespace_that_does_not_exist(page: Page, without_blue: Deployment) -> None:
    home, blue = without_blue.team_secrets.home, without_blue.team_secrets.blue
    refresh(without_blue.ui)
    enter(page, without_blue.ui, "ada", PLUGIN)
    frame = framed(page)
    expect(frame.locator("#nothing")).to_contain_text(f"namespace {home}, namespace {blue}")
    # A second notice can say that the ids which DAGs use could not be read completely.
    error = frame.locator("#notices .error", has_text=f"namespace '{blue}' does not exist.")
    expect(error.locator("code")).to_have_text(f"kubectl create namespace {blue}")


def test_the_last_of_many_explanations_is_shown(page: Page, shared: Deployment) -> None:
    """The server explains only a few lookups at a time. The user selects other entries before it responds."""
    ui, team_secrets, proxy = shared.ui, shared.team_secrets, shared.proxy
    ids = [f"db_{number}" for number in range(8)]
    for name in ids:
        team_secrets.put(name.replace("_", "-"), {"connection-id": name}, {"value": "postgres://db"})
    refresh(ui)
    enter(page, ui, "ada", PLUGIN)
    frame = framed(page)
    expect(frame.locator("#rows .link")).to_have_text(ids)
    proxy.always = late(1)
    for name in ids:
        frame.locator("#rows .link", has_text=name).click()
    expect(frame.locator("#panel-title")).to_have_text(ids[-1])
    expect(frame.locator("#panel [data-verdict]")).to_contain_text(f"'{ids[-1]}'")
    expect(frame.locator("#panel .error")).to_have_count(0)


def hints(ui: AirflowUI, user: str, id: str) -> str:
    refresh(ui, user)
    with ui.client(user) as client:
        explanation = client.get(f"{PAGE}api/explanation", params={"kind": "connection", "id": id}).raise_for_status()
    return " ".join(explanation.json()["hints"])


def test_suggestions_need_no_list_of_all_secrets(shared: Deployment) -> None:
    ui, team_secrets, proxy = shared.ui, shared.team_secrets, shared.proxy
    team_secrets.put("db", {"connection-id": "my_db"}, {"value": "postgres://db"})
    team_secrets.put("key", {"variable-key": "my_dx"}, {"value": "x"})
    with ui.client("ada") as client:
        # Reading the DAGs lists the Secrets too.
        until(
            lambda: not client.get(f"{PAGE}api/entries", params={"refresh": True}).json()["reads_dags"], START_SECONDS
        )
        before = len(proxy.requests)
        explanation = client.get(f"{PAGE}api/explanation", params={"kind": "connection", "id": "my_dx"}).json()
        sent = proxy.requests[before:]
        # Only their metadata is listed, to find misspelt labels.
        targets = [unquote(each.target) for each in sent if "PartialObjectMetadataList" not in each.headers["accept"]]
    assert "so it is a variable with this id" in " ".join(explanation["hints"])
    assert [each for each in targets if "labelSelector=airflow.apache.org/connection-id=my_dx" in each]
    selectors = ("Selector=airflow.apache.org/connection-id=my_dx", "Selector=metadata.name=my-dx")
    assert not [each for each in targets if "limit=500" in each and not any(part in each for part in selectors)]
    assert "Did you mean 'my_db'?" in hints(ui, "ada", "my_dd")


def test_forbidden_secrets_do_not_displace_suggestions(shared: Deployment) -> None:
    """An id is compared with a thousand others at most, those that are nearest in length."""
    ui, team_secrets = shared.ui, shared.team_secrets
    for number in range(1_100):
        team_secrets.put(f"other-{number}", {"connection-id": f"apt_{number:04}"}, {"value": "postgres://db"})
    team_secrets.put("db", {"connection-id": "app_0001_a"}, {"value": "postgres://db"})

    assert "Did you mean 'app_0001_a'?" in hints(ui, "cora", "app_0001")
    assert "apt_" not in hints(ui, "cora", "app_0001")


def test_page_that_is_served_below_a_path(page: Page, shared: Deployment) -> None:
    """Assets and the login are found there. A panel shows the ConfigMap of its row, not the Secret of that name."""
    ui, team_secrets = shared.ui, shared.team_secrets
    team_secrets.put("db", {"connection-id": "my_db"}, {"value": "postgres://db"})
    team_secrets.put("both", {"variable-key": "both"}, {"value": "x"})
    team_secrets.put("both", {"variable-key": "both"}, {"value": "x"}, kind="ConfigMap")
    refresh(ui)
    log_in(page, ui, "ada", PAGE)
    ready(page)
    expect(page.locator("#rows .link")).to_have_text(["both", "both", "my_db"])

    page.goto(ui.url + PAGE.rstrip("/"))
    ready(page)
    expect(page).to_have_url(ui.url + PAGE)

    page.goto(ui.url + PLUGIN)
    frame = framed(page)
    expect(frame.locator("#rows .link")).to_have_text(["both", "both", "my_db"])
    # `[api] theme` in Airflow, which 3.1 does not have, also changes the colours of this page.
    if release(TESTED) >= (3, 2):
        accent = frame.locator("#kinds [aria-pressed=true]")
        expect(accent).to_have_css("background-color", "oklch(0.4 0.1 20)")
    assert frame.evaluate("getComputedStyle(document.body).display") == "flex"

    of_config_map = frame.locator("#copies").get_by_role("button", name="kubectl describe configmap")
    frame.locator("#rows tr", has_text="ConfigMap").locator(".link").click()
    expect(of_config_map).to_be_visible()
    frame.click("#refresh")
    expect(frame.locator("#panel [data-verdict=found]")).to_be_visible()
    ready(frame)
    expect(of_config_map).to_be_visible()
