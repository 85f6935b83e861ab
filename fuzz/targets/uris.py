"""``formats/uri.py``: URIs as operators write them. An input has up to three lines: URI, login, password."""

from __future__ import annotations

from urllib.parse import quote

from airflow_kubernetes_secrets.formats.uri import ParsedUri, UnusableUriError
from fuzz.target import Target
from fuzz.trial import Trial


def _run(trial: Trial, data: bytes) -> None:
    text, login, password = [*data.decode("utf-8", "replace").split("\n", 2), "", ""][:3]
    uri = trial.attempt(UnusableUriError, ParsedUri, text, login, password)
    trial.attempt(UnusableUriError, ParsedUri, text)
    if uri is not None:
        trial.say(repr(uri))
        has_socket = bool(uri.options.get("unix_socket") or uri.options.get("hostaddr"))
        trial.claim(bool(uri.scheme and (uri.host or has_socket)), "a URI has a scheme and a host, or what replaces it")
        ports = [] if uri.port is None else [each for each in str(uri.port).split(",") if each]
        trial.claim(all(0 < int(each) < 65536 for each in ports), "a port is a number from 1 to 65535")
    _check_quoted(trial, text, login, password)


def _check_quoted(trial: Trial, schema: str, login: str, password: str) -> None:
    parts = (quote(part, safe="") for part in (login, password, schema))
    uri = ParsedUri("postgresql://{}:{}@db.example:5432/{}".format(*parts))
    found = (uri.login, uri.password, uri.host, uri.port, uri.schema)
    trial.claim(found == (login, password, "db.example", 5432, schema), "a percent-encoded part is read unchanged")


TARGET = Target(
    _run,
    tokens=(
        *(
            "postgresql://",
            "mongodb+srv://",
            "rediss://",
            "https://",
            "amqp://",
            "jdbc:",
            "://",
            ":",
            "@",
            "/",
            "?",
            "#",
        ),
        *("[::1]", ":5432", ":99999", "%40", "%2F", "%", "%zz", "a=true", "&", ",b:1", "\n"),
        *("host=/s", "port=1,2", "user=", "unix_socket=/s", "valkeys://", "mysql://"),
    ),
)
