"""Messages about a mounted Secret name files. Messages about the annotations of a reference name the option."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.inventory.entries import inventory_of, problems_with_ids
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.secrets import BUNDLE, CONNECTION
from support.volumes import Volume

FIELDS = {
    "no host": {"login": "u", "password": "hunter2", "type": "mysql"},
    "a key with the host": {"login": "u", "password": "hunter2", "type": "mysql", "db-host": "h"},
    "a key with the password": {"host": "h", "login": "u", "type": "mysql", "api-token": "hunter2"},
    "a key with the login": {"host": "h", "password": "hunter2", "type": "mysql", "api-user": "u"},
    "a key with the schema": {"host": "h", "login": "u", "password": "p", "type": "mysql", "database-name": "d"},
    "keys for TLS": {"host": "h", "login": "u", "password": "p", "type": "mysql", "tls.crt": "c"},
    "a root certificate": {"uri": "postgres://u:p@h/d?sslmode=verify-full", "ca.crt": "c"},
    "no type": {"host": "h", "login": "u", "password": "p"},
    "no known key": {"a": "hunter2", "b": "hunter2"},
    "a host as the URI": {"uri": "db.example.com"},
}


def problems(mount: Path, **options: object) -> list[str]:
    """Return what is wrong with the connection ``x``."""
    parsed = Options.parse({"path": str(mount), **options})
    inventory = inventory_of(location_of(parsed), parsed)
    assert inventory.failures == []
    texts = [each.text for each in problems_with_ids(inventory.entries)]
    assert not any("hunter2" in each for each in texts)
    return texts


def others(texts: list[str]) -> list[str]:
    """Return the messages except those about providers that are not installed here."""
    return [each for each in texts if "no installed provider knows" not in each]


def is_about_annotations(text: str) -> bool:
    return "annotation" in text or "airflow.apache.org/" in text


@pytest.mark.parametrize("case", FIELDS)
@pytest.mark.parametrize("folder", ["connections/x", "x"])
def test_the_remedy_is_a_file(mount: Path, case: str, folder: str) -> None:
    """A service binding always has a type."""
    Volume(mount / folder).write({**({} if folder == "connections/x" else {"type": "mysql"}), **FIELDS[case]})

    found = problems(mount)

    assert found or (case, folder) == ("no type", "x")
    assert not any(map(is_about_annotations, found))


@pytest.mark.parametrize(
    ("case", "remedy"),
    [
        ("no host", "Add a file 'host'"),
        ("a key with the host", "If it does, name that file 'host' or 'uri'"),
        ("a key with the password", "If it does, name that file 'password'"),
        ("a key with the login", "If it does, name that file 'login'"),
        ("a key with the schema", "If it does, name that file 'schema'"),
        ("keys for TLS", 'write the paths in a file \'extra\': {"ssl_mode": "REQUIRED", "ssl": {"cert": "/path"}}'),
        ("a root certificate", 'name its path in a file \'extra\': {"sslrootcert": "/path"}'),
        ("no type", "Set the content of the file 'conn_type'"),
        ("no known key", "name that file 'value', or name the files of its fields 'host', 'login' and 'password'"),
    ],
)
def test_the_remedy_names_a_file(mount: Path, case: str, remedy: str) -> None:
    Volume(mount / "connections" / "x").write(FIELDS[case])

    assert any(remedy in each for each in problems(mount)), problems(mount)


def test_a_variable(mount: Path) -> None:
    Volume(mount / "variables" / "x").write({"a": "hunter2"})

    [text] = problems(mount)
    assert text.endswith("the keys are 'a'. If one of these files contains the variable, name that file 'value'")


@pytest.mark.parametrize("case", FIELDS)
@pytest.mark.parametrize("annotations", [None, {"connection-login": "x"}, {"field-login": "login"}])
def test_a_whole_secret_is_described_in_the_options(mount: Path, case: str, annotations: dict[str, str] | None) -> None:
    Volume(mount / "secrets" / "app-db").write(FIELDS[case])
    reference = "app-db" if annotations is None else {"secret": "app-db", "annotations": annotations}

    for text in problems(mount, references={"connections": {"x": reference}}):
        if is_about_annotations(text):
            assert "in 'references'" in text or "reference's annotation" in text


@pytest.mark.parametrize("is_mounted", [True, False])
@pytest.mark.parametrize(
    ("annotations", "named"),
    [
        (
            {"field-host": "missing"},
            "reference's annotation 'airflow.apache.org/field-host': the data does not contain",
        ),
        (
            {"connection-port": "x"},
            "reference's annotation 'airflow.apache.org/connection-port': the port is not a num",
        ),
        ({"conection-type": "x"}, "reference's annotation 'airflow.apache.org/conection-type': it is unknown"),
        ({"connection-type": " "}, "reference's annotation 'airflow.apache.org/connection-type': it is blank"),
    ],
)
def test_error_names_the_annotation_of_a_reference(
    mount: Path, annotations: dict[str, str], named: str, is_mounted: bool
) -> None:
    """The Secret has no such annotation, so the message must name the reference."""
    data = {"host": "h", "login": "u", "password": "hunter2", "type": "mysql"}
    if is_mounted:
        Volume(mount / "secrets" / "app-db").write(data)
    else:
        (mount / "x.json").write_text(
            json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app-db"}, "stringData": data})
        )
    reference = {"secret": "app-db", "annotations": annotations}

    assert any(named in each for each in problems(mount, references={"connections": {"x": reference}}))


def test_a_secret_in_a_manifest(mount: Path) -> None:
    data = {"a": "hunter2"}
    metadata = {"name": "x", "labels": {CONNECTION: "x"}}
    (mount / "x.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    )

    [text] = problems(mount)
    assert "name that key in the annotation airflow.apache.org/data-key" in text
    assert "references" not in text


# The files, a part of the remedy, what its reader writes instead (files and options), and the connection that it makes.
# Without a value, a file is removed.
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n"
SSH = {"ssh-privatekey": PRIVATE_KEY}
FOLLOWED: dict[str, tuple[dict[str, str], str, dict[str, str | None], dict[str, object]]] = {
    "several products": (
        {"PGHOST": "h", "PGUSER": "u", "PGPASSWORD": "hunter2", "REDIS_HOST": "x"},
        "Mount only the files of one of them",
        {"REDIS_HOST": None},
        {"conn_type": "postgres", "host": "h", "login": "u", "password": "hunter2"},
    ),
    "several products, by the URI": (
        {"PGHOST": "x", "DATABASE_URL": "mysql://u:hunter2@h/d"},
        "or name the file with a URI 'uri'",
        {"DATABASE_URL": None, "uri": "mysql://u:hunter2@h/d"},
        {"conn_type": "mysql", "host": "h", "login": "u", "password": "hunter2", "schema": "d"},
    ),
    "two names for a field": (
        {"POSTGRES_HOST": "h", "POSTGRES_HOSTNAME": "x", "POSTGRES_USER": "u", "POSTGRES_PASSWORD": "hunter2"},
        "Mount only one of these files",
        {"POSTGRES_HOSTNAME": None},
        {"conn_type": "postgres", "host": "h", "login": "u", "password": "hunter2"},
    ),
    "two names for a field, without a type": (
        {"DB_HOST": "h", "DB_HOSTNAME": "x", "DB_USER": "u", "DB_PASSWORD": "hunter2"},
        "Mount only one of these files, and add a file 'conn_type'",
        {"DB_HOSTNAME": None, "conn_type": "mysql"},
        {"conn_type": "mysql", "host": "h", "login": "u", "password": "hunter2"},
    ),
    "variables without a host": (
        {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "hunter2"},
        "Add a file 'POSTGRES_HOST'",
        {"POSTGRES_HOST": "h"},
        {"conn_type": "postgres", "host": "h", "login": "u", "password": "hunter2"},
    ),
    "variables without a host and a type": (
        {"DB_USER": "u", "DB_PASSWORD": "hunter2"},
        "Add a file 'DB_HOST' and 'conn_type'",
        {"DB_HOST": "h", "conn_type": "mysql"},
        {"conn_type": "mysql", "host": "h", "login": "u", "password": "hunter2"},
    ),
    "variables without a host and a password": (
        {"DB_USER": "u", "DB_NAME": "d"},
        "Rename these files: 'DB_NAME' to 'schema', 'DB_USER' to 'login'; and add a file 'host' and 'conn_type'",
        {"DB_USER": None, "DB_NAME": None, "login": "u", "schema": "d", "host": "h", "conn_type": "mysql"},
        {"conn_type": "mysql", "host": "h", "login": "u", "schema": "d"},
    ),
    "variables without a host and a password, with a type": (
        {"DB_USER": "u", "DB_NAME": "d", "type": "mysql"},
        "Rename these files: 'DB_NAME' to 'schema', 'DB_USER' to 'login'; and add a file 'host'",
        {"DB_USER": None, "DB_NAME": None, "login": "u", "schema": "d", "host": "h"},
        {"conn_type": "mysql", "host": "h", "login": "u", "schema": "d"},
    ),
    "variables without a password": (
        {"DB_HOST": "h", "DB_USER": "u", "DB_CONNECTION": "mysql"},
        "Rename these files: 'DB_CONNECTION' to 'conn_type', 'DB_HOST' to 'host', 'DB_USER' to 'login'",
        {"DB_HOST": None, "DB_USER": None, "DB_CONNECTION": None, "host": "h", "login": "u", "conn_type": "mysql"},
        {"conn_type": "mysql", "host": "h", "login": "u"},
    ),
    "a host as the URI": (
        {"uri": "db.example.com", "conn_type": "mysql"},
        "If it is a host, name the file 'host'",
        {"uri": None, "host": "db.example.com"},
        {"conn_type": "mysql", "host": "db.example.com"},
    ),
    "a URL as the host": (
        {"host": "postgres://u@h:5433/d", "conn_type": "postgres"},
        "or store the URL in a file 'uri'",
        {"host": None, "uri": "postgres://u@h:5433/d"},
        {"conn_type": "postgres", "host": "h", "port": 5433, "login": "u", "schema": "d"},
    ),
    "a repository without a URL": (
        {"host": "h", "conn_type": "git"},
        "or store it in a file 'host'",
        {"host": "https://h/repository.git"},
        {"conn_type": "git", "host": "https://h/repository.git"},
    ),
    "a repeated parameter": (
        {"uri": "mongodb://h/d?compressors=a&compressors=b"},
        "a list goes in a file 'extra'",
        {"uri": "mongodb://h/d", "extra": '{"compressors": ["a", "b"]}'},
        {"conn_type": "mongo", "host": "h", "schema": "d", "extra": '{"compressors": ["a", "b"]}'},
    ),
    "a setting in a value": (
        {"x": '{"engine": "http", "host": "h", "options": "y"}'},
        "write what its hook reads in 'extra' of the value; otherwise remove it from the value",
        {"x": '{"engine": "http", "host": "h"}'},
        {"conn_type": "http", "host": "h"},
    ),
    "a setting in a value, which is needed": (
        {"x": '{"engine": "http", "host": "h", "options": "y"}'},
        "write what its hook reads in 'extra' of the value",
        {"x": '{"engine": "http", "host": "h", "extra": {"timeout": 5}}'},
        {"conn_type": "http", "host": "h", "extra": '{"timeout": 5}'},
    ),
    "a whole value without a host": (
        {"value": '{"engine": "mysql", "user": "u"}'},
        "Write 'host' in the value",
        {"value": '{"engine": "mysql", "user": "u", "host": "h"}'},
        {"conn_type": "mysql", "host": "h", "login": "u"},
    ),
    "a whole value without a type and a host": (
        {"value": '{"user": "u"}'},
        "Write 'conn_type' and 'host' in the value",
        {"value": '{"user": "u", "conn_type": "mysql", "host": "h"}'},
        {"conn_type": "mysql", "host": "h", "login": "u"},
    ),
    "a whole value without a password": (
        {"value": '{"engine": "mysql", "user": "u", "host": "h"}', "api-token": "hunter2"},
        "If it does, write it as 'password' in the value",
        {"value": '{"engine": "mysql", "user": "u", "host": "h", "password": "hunter2"}', "api-token": None},
        {"conn_type": "mysql", "host": "h", "login": "u", "password": "hunter2"},
    ),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_the_remedy_works(mount: Path, case: str) -> None:
    files, remedy, instead, expected = FOLLOWED[case]
    volume = Volume(mount / "connections" / "x")
    volume.write(files)

    found = problems(mount)
    assert any(remedy in each for each in found), found
    assert not any(map(is_about_annotations, found))

    volume.write({name: text for name, text in {**files, **instead}.items() if text is not None})
    assert others(problems(mount)) == []
    assert connection_of(KubernetesSecretsBackend(path=str(mount))) == expected


# The files, and the annotations in the remedy with their values.
DESCRIBED: dict[str, tuple[dict[str, str], dict[str, str], dict[str, object]]] = {
    "a key for SSH": (
        SSH,
        {"connection-type: ssh": "ssh", "connection-host": "h", "connection-login": "u"},
        {"conn_type": "ssh", "host": "h", "login": "u", "extra": json.dumps({"private_key": PRIVATE_KEY})},
    ),
    "an entry of extra": (
        {"admin-token": "hunter2", "admin-password": "hunter2"},
        {
            "connection-type: influxdb": "influxdb",
            "connection-host": "h",
            'connection-extra: {"org": …}': '{"org": "o"}',
        },
        {"conn_type": "influxdb", "host": "h", "extra": '{"token": "hunter2", "org": "o"}'},
    ),
    "a service binding": (
        {"type": "jenkins", "jenkins-admin-user": "u", "jenkins-admin-password": "hunter2"},
        {"connection-host": "h", "connection-port": "8080"},
        {"conn_type": "jenkins", "host": "h", "port": 8080, "login": "u", "password": "hunter2"},
    ),
}


@pytest.mark.parametrize("case", DESCRIBED)
def test_a_format_is_described_in_a_reference(mount: Path, case: str) -> None:
    """No file can complete such a format, because files with the names of fields are a connection of their own."""
    files, annotations, expected = DESCRIBED[case]
    conn_type = str(expected["conn_type"])
    folder = "x" if "type" in files else "connections/x"
    Volume(mount / folder).write(files)

    found = [each for each in problems(mount) if "the type " in each and conn_type in each]
    assert found, problems(mount)
    assert all(
        "Move the folder to 'secrets', and describe it in 'references' with these annotations" in each for each in found
    )
    assert any(all(f"airflow.apache.org/{each}" in text for each in annotations) for text in found), found

    (mount / "secrets").mkdir()
    (mount / folder).rename(mount / "secrets" / "x")
    described = {name.partition(":")[0]: text for name, text in annotations.items()}
    options = {"references": {"connections": {"x": {"secret": "x", "annotations": described}}}}
    assert others(problems(mount, **options)) == []
    assert connection_of(KubernetesSecretsBackend(path=str(mount), **options)) == expected


@pytest.mark.parametrize(
    ("files", "annotations", "remedy"),
    [
        (SSH, {}, "with the annotations airflow.apache.org/connection-type: ssh, "),
        ({"DB_USER": "u", "DB_PASSWORD": "hunter2"}, {}, "Set airflow.apache.org/connection-host and "),
        ({"DB_USER": "u", "DB_NAME": "d"}, {}, "Set airflow.apache.org/key-prefix to their prefix 'DB_', and "),
        ({"DB_HOST": "h", "DB_HOSTNAME": "h"}, {}, "Set airflow.apache.org/key-prefix to their prefix 'DB_', and "),
        ({"DB_HOST": "h", "PGHOST": "h"}, {}, "Set airflow.apache.org/key-prefix to one of these prefixes, and "),
        ({"DB_HOST": "h"}, {"key-prefix": "DB"}, "did you mean 'DB_'?"),
        ({"uri": "db.example.com"}, {}, "name its key in the annotation airflow.apache.org/field-host"),
    ],
)
def test_remedy_for_a_referenced_secret_names_the_option(
    mount: Path, files: dict[str, str], annotations: dict[str, str], remedy: str
) -> None:
    Volume(mount / "secrets" / "app-db").write(files)
    reference = {"secret": "app-db", "annotations": annotations} if annotations else "app-db"

    found = [each for each in problems(mount, references={"connections": {"x": reference}}) if remedy in each]
    assert found
    assert all("in 'references'" in each for each in found)


def test_an_entry_of_a_bundle_has_no_annotations(mount: Path) -> None:
    """Those of the bundle do not describe it, so the remedy is in the value."""

    def found(value: str) -> list[str]:
        metadata = {"name": "b", "labels": {BUNDLE: "connections"}}
        manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"x": value}}
        (mount / "b.json").write_text(json.dumps(manifest))
        return problems(mount, bundles=True)

    texts = found('{"engine": "postgres", "user": "u", "options": "", "extra": {"foo": "x"}}')
    assert not any(map(is_about_annotations, texts))
    assert any("Write 'host' in the value" in each for each in texts)
    assert any("'foo' in extra to psycopg2" in each and "Remove it, or write it with" in each for each in texts)

    assert found('{"engine": "postgres", "user": "u", "host": "h"}') == []


def connection_of(backend: KubernetesSecretsBackend) -> dict[str, object]:
    """Return the parts of the connection ``x`` that are set."""
    connection = backend.get_connection("x")
    assert connection is not None
    names = ("conn_type", "host", "login", "password", "port", "schema", "extra")
    return {name: value for name in names if (value := getattr(connection, name))}
