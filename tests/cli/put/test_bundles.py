"""``put --bundle`` writes one key of a bundle, on both servers."""

from __future__ import annotations

import pytest
import yaml

from support.commands import SECRET
from support.put_command import PutCommand
from support.secrets import BUNDLE, CONNECTION, TEAM, VARIABLE

URI = f"postgres://u:{SECRET}@h/d"


@pytest.fixture(autouse=True)
def switched_on(put: PutCommand) -> None:
    put.configure(bundles=True)


def test_a_write_changes_only_its_own_key(put: PutCommand) -> None:
    for key in ("a", "b", "a"):
        assert put("variable", key, "--bundle", "all", "--value", "-", stdin=f"{SECRET} {key}").status == 0
    changed = put("variable", "b", "--bundle", "all", "--value", "-", stdin=SECRET)
    again = put("variable", "b", "--bundle", "all", "--value", "-", stdin=SECRET)

    assert changed.out == f"variable 'b' is in Secret {put.namespace}/all (updated)\n"
    assert again.out.endswith("(unchanged)\n")
    assert put.data("all") == {"a": f"{SECRET} a".encode(), "b": SECRET.encode()}
    assert put.stored("all")["metadata"]["labels"] == {BUNDLE: "variables"}
    assert (put.backend.get_variable("a"), put.backend.get_variable("b")) == (f"{SECRET} a", SECRET)


def test_existing_key_with_the_prefix_airflow_conn_is_updated(put: PutCommand) -> None:
    """Another tool may manage the key, so the test uses ``--force``."""
    put.secret("all", {"AIRFLOW_CONN_MY_DB": "http://old", "other": "http://other"}, labels={BUNDLE: "connections"})

    done = put("connection", "my_db", "--bundle", "all", "--force", "--uri", "-", stdin=URI)

    assert done.status == 0, done.err
    assert put.data("all") == {"AIRFLOW_CONN_MY_DB": URI.encode(), "other": b"http://other"}
    assert put.backend.get_connection("my_db").password == SECRET


def test_a_bundle_of_a_team(put: PutCommand) -> None:
    assert put("variable", "x", "--bundle", "blue", "--team", "blue", "--value", "-", stdin=SECRET).status == 0
    refused = put("variable", "x", "--bundle", "blue", "--value", "-", stdin=SECRET)

    assert put.stored("blue")["metadata"]["labels"] == {BUNDLE: "variables", TEAM: "blue"}
    assert put.backend.get_variable("x", team_name="blue") == SECRET
    assert refused.status == 1
    assert "is not a bundle of variables with the labels" in refused.err


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ({}, "is not a bundle of connections"),
        ({BUNDLE: "variables"}, "is not a bundle of connections"),
        ({BUNDLE: "connections", CONNECTION: "x"}, "also has the label"),
        ({BUNDLE: "connections", VARIABLE: "x"}, "also has the label"),
    ],
)
def test_a_secret_that_is_used_for_something_else(put: PutCommand, labels: dict[str, str], problem: str) -> None:
    put.secret("all", {"x": "old"}, labels=labels)

    done = put("connection", "y", "--bundle", "all", "--force", "--uri", "-", stdin=URI)

    assert done.status == 1
    assert problem in done.err
    assert put.data("all") == {"x": b"old"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("connection", "team/db", "--uri", "-"), "a key of a bundle cannot be this id. Omit --bundle"),
        (("connection", "AIRFLOW_CONN_X", "--uri", "-"), "a key of a bundle cannot be this id. Omit --bundle"),
        (("connection", "x", "--field", "password=-"), "a bundle has one key for each id"),
        (("connection", "x", "--name", "x", "--uri", "-"), "remove --name"),
        (("connection", "x", "--json", "-"), "--json"),
        (("variable", "x", "--bundle", "Not A Name", "--value", "-"), "cannot be the name of a Secret"),
    ],
)
def test_invalid_ids_and_options_are_refused(put: PutCommand, arguments: tuple[str, ...], problem: str) -> None:
    done = put(*(arguments if "--bundle" in arguments else (*arguments, "--bundle", "all")), stdin=URI)

    assert done.status == 1
    assert problem in done.err
    assert put.names() == []


def test_error_of_an_invalid_value_names_the_bundle_and_the_key(put: PutCommand) -> None:
    for where in ((), ("--dry-run", "client", "--namespace", put.namespace)):
        done = put("connection", "x", "--bundle", "all", "--uri", "-", *where, stdin=f"{SECRET}://u:p/w@h")

        assert done.status == 1
        assert f"Secret {put.namespace}/all, key 'x'" in done.err


def test_a_labelled_secret_hides_the_key_of_a_bundle(put: PutCommand) -> None:
    put.secret("own", {"value": "old"}, labels={VARIABLE: "x"})

    done = put("variable", "x", "--bundle", "all", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert f"Secret {put.namespace}/own comes first in Airflow's order and is used" in done.err
    assert put.data("all") == {"x": SECRET.encode()}


def test_key_is_written_but_not_read_if_bundles_are_disabled(put: PutCommand) -> None:
    put.configure()

    done = put("variable", "x", "--bundle", "all", "--value", "-", stdin=SECRET)

    assert done.status == 1
    assert "was written, but Airflow does not read it: lookups read bundles only if bundles is true" in done.err


def test_dry_runs(put: PutCommand) -> None:
    for where in ("client", "server"):
        done = put("variable", "x", "--bundle", "all", "--value", "-", "--dry-run", where, "-o", "yaml", stdin="a")
        assert done.status == 0, done.err
        manifest = yaml.safe_load(done.out)
        assert (manifest["metadata"]["name"], manifest["data"]) == ("all", {"x": "YQ=="})
    assert put.names() == []
