"""Airflow's backend reads back what ``put`` writes: formats, ids and teams."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.commands import SECRET
from support.connection_secrets import parts_of, whole
from support.put_command import UGLY, PutCommand
from support.secrets import VARIABLE


def test_a_connection_of_fields_is_created_updated_and_left_unchanged(put: PutCommand) -> None:
    fields = ("--field", "engine=postgresql", "--field", "hostname=db", "--field", "port=5432", "--field", "user=me")
    arguments = ("connection", "my_db", *fields, "--field", "password=-")

    first = put(*arguments, stdin=f"{UGLY}\n")
    again = put(*arguments, stdin=f"{UGLY}\n")
    other = put(*arguments, stdin=f"{UGLY}x")

    where = f"connection 'my_db' is in Secret {put.namespace}/airflow-connection-my-db-"
    assert [each.status for each in (first, again, other)] == [0, 0, 0]
    assert first.out.startswith(where)
    assert first.out.endswith(" (created)\n")
    assert "one newline at the end of standard input was removed" in first.err
    assert again.out.endswith(" (unchanged)\n")
    assert other.out.endswith(" (updated)\n")
    assert other.err == ""
    (name,) = put.names()
    assert sorted(put.data(name)) == ["conn_type", "host", "login", "password", "port"]
    expected = whole(conn_type="postgres", host="db", port=5432, login="me", password=f"{UGLY}x")
    assert parts_of(put.backend.get_connection("my_db")) == expected


@pytest.mark.parametrize("password", [UGLY, f" {SECRET}", f"{SECRET}\n", f"{SECRET}\r\n\n", f"a{SECRET}\x01é"])
def test_every_format_is_read_back_unchanged(put: PutCommand, password: str, tmp_path: Path) -> None:
    from airflow.models.connection import Connection

    meant = Connection(conn_id="db", conn_type="postgres", host="h", login="l", password=password, schema="s")
    document = tmp_path / "connection"
    document.write_text(meant.get_uri())

    for arguments, stdin in (
        (("--uri", "-"), meant.get_uri() + "\n"),
        (("--json", "-"), json.dumps({"conn_type": "postgres", "host": "h", "login": "l", "password": password})),
        (("--from-file", str(document)), ""),
        (("--field", "host=h", "--field", "login=l", "--field", "password=-"), password + "\n"),
    ):
        assert put("connection", "db", *arguments, stdin=stdin).status == 0
        assert len(put.names()) == 1
        connection = put.backend.get_connection("db")
        assert (connection.host, connection.login, connection.password) == ("h", "l", password)


def test_another_format_removes_the_keys_of_an_earlier_put(put: PutCommand) -> None:
    put("connection", "db", "--name", "db", "--uri", "-", stdin=f"postgres://l:{SECRET}@h")
    put("connection", "db", "--field", "host=other", "--field", "password=-", stdin="x")

    assert sorted(put.data("db")) == ["host", "password"]
    assert put.backend.get_connection("db").host == "other"


def test_put_refuses_to_remove_fields_without_force(put: PutCommand) -> None:
    fields = ("--field", "conn_type=postgres", "--field", "host=h", "--field", "login=l")
    put("connection", "db", "--name", "db", *fields, "--field", "password=-", stdin="old")

    for dry_run in ((), ("--dry-run", "server")):
        done = put("connection", "db", "--field", "password=-", *dry_run, stdin=SECRET)

        assert done.status == 1
        assert f"Secret {put.namespace}/db would lose 'conn_type', 'host', 'login'" in done.err
        assert "--force" in done.err
        assert f"{put.kubectl} patch secret -n {put.namespace} db --patch-file" in done.err
        assert put.data("db")["password"] == b"old"

    assert put("connection", "db", *fields, "--field", "password=-", stdin="new").status == 0
    assert put.data("db") == {"conn_type": b"postgres", "host": b"h", "login": b"l", "password": b"new"}
    assert put("connection", "db", "--field", "host=h", "--force").status == 0
    assert put.data("db") == {"host": b"h"}


@pytest.mark.parametrize(
    ("stdin", "stored"),
    [(b"a\n", b"a"), (b"a\n\n", b"a\n"), (b"a", b"a"), (b" a \r\n", b" a \r"), ("ü".encode(), None)],
)
def test_one_newline_of_standard_input_is_removed(put: PutCommand, stdin: bytes, stored: bytes | None) -> None:
    assert put("variable", "key", "--name", "v", "--value", "-", stdin=stdin).status == 0
    assert put.data("v") == {"value": stdin if stored is None else stored}
    assert put.backend.get_variable("key") == (stdin if stored is None else stored).decode()


def test_a_file_is_stored_unchanged(put: PutCommand, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"-----\nx\n\n")

    done = put("variable", "key", "--name", "v", "--from-file", str(path))

    assert done.status == 0
    assert put.data("v") == {"value": b"-----\nx\n\n"}
    assert "ends with a newline" in done.err
    assert put.backend.get_variable("key") == "-----\nx\n\n"


def test_empty_value_is_accepted_only_from_a_file(put: PutCommand) -> None:
    for arguments in (
        ("connection", "a", "--field", "host=h", "--field", "password=-"),
        ("variable", "a", "--value", "-"),
    ):
        done = put(*arguments, stdin="\n")
        assert done.status == 1
        assert "nothing was read, so nothing is written" in done.err
    assert put.names() == []
    assert put("variable", "a", "--from-file", "/dev/null").status == 0
    assert put.backend.get_variable("a") == ""


def test_a_configuration_option(put: PutCommand) -> None:
    assert put("config", "sql_alchemy_conn", "--value", "-", stdin=f"postgresql://u:{SECRET}@h/db\n").status == 0
    assert put.backend.get_config("sql_alchemy_conn") == f"postgresql://u:{SECRET}@h/db"


@pytest.mark.parametrize("identifier", ["team/orders@eu", "größe", "x" * 64, "my db ", "__", "a.7db9\n"])
def test_an_id_that_is_not_a_valid_label_value(put: PutCommand, identifier: str) -> None:
    for value in ("a", "b"):
        assert put("variable", identifier, "--value", "-", stdin=value).status == 0
    assert len(put.names()) == 1
    assert put.backend.get_variable(identifier) == "b"


def test_a_team_with_a_label_and_one_with_a_namespace(put: PutCommand) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue, "no label, this": blue})

    assert put("variable", "key", "--value", "-", stdin="of all").status == 0
    assert put("variable", "key", "--team", "red", "--value", "-", stdin="of red").status == 0
    done = put("variable", "key", "--team", "blue", "--value", "-", stdin="of blue")

    assert done.status == 0
    assert f"variable 'key' of team 'blue' is in Secret {blue}/airflow-variable-blue-key-" in done.out
    assert len(put.names()) == 2
    for team, value in ((None, "of all"), ("red", "of red"), ("blue", "of blue")):
        assert put.backend.get_variable("key", team) == value
    assert put("variable", "else", "--team", "no label, this", "--value", "-", stdin="v").status == 0
    assert put.backend.get_variable("else", "no label, this") == "v"


def test_option_namespace_overrides_the_namespace_of_the_team(put: PutCommand) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue})

    assert put("variable", "key", "--team", "blue", "-n", put.namespace, "--value", "-", stdin="v").status == 0

    assert (len(put.names()), put.names(blue)) == (1, [])
    assert put.backend.get_variable("key", "blue") == "v"


def test_team_updates_a_secret_without_team_label_in_its_namespace(put: PutCommand) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue})
    put.secret("theirs", {}, blue, labels={VARIABLE: "key"})

    assert put("variable", "key", "--team", "blue", "--value", "-", stdin="of blue").status == 0

    assert put.names(blue) == ["theirs"]
    assert put.backend.get_variable("key", "blue") == "of blue"


def test_teams_if_team_label_is_null(put: PutCommand) -> None:
    blue = f"{put.namespace}-blue"
    put.cluster.create_namespace(blue)
    put.configure(team_namespaces={"blue": blue}, team_label=None)

    assert put("variable", "key", "--team", "blue", "--value", "-", stdin="of blue").status == 0
    done = put("variable", "key", "--team", "red", "--value", "-", stdin="of red")

    assert put.backend.get_variable("key", "blue") == "of blue"
    assert done.status == 1
    assert "team_label is null" in done.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--field", "host=h", "--field", "password=-"), "nothing specifies the connection type, so it is 'generic'"),
        (("--field", "host=h", "--field", "conn_type=generic", "--field", "login=u", "--field", "password=-"), ""),
        (("--field", "host=h", "--field", "conn_type=postgres", "--field", "login=u", "--field", "password=-"), ""),
        (
            ("--field", "host=h", "--field", "conn_type=postgras", "--field", "login=u", "--field", "password=-"),
            "to 'postgres'",
        ),
        (("--uri", "-"), "Change the type in the key 'value' to 'postgres'"),
        (("--uri", "-", "--bundle", "all"), "Change the type in the key 'db' to 'postgres'"),
    ],
)
def test_missing_or_unknown_connection_type(put: PutCommand, arguments: tuple[str, ...], text: str) -> None:
    """The warning of ``list`` is printed before the Secret is used."""
    value = f"postgras://u:{SECRET}@h" if "--uri" in arguments else SECRET

    done = put("connection", "db", *arguments, "--dry-run", "client", stdin=value)

    assert done.status == 0
    assert ("warning: " in done.err) is bool(text)
    assert text in done.err
    if "nothing" in text:
        assert "Add --field conn_type=TYPE" in done.err
