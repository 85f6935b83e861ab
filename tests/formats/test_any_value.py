"""Airflow gets exactly the characters of a value, in the newest and in the oldest version."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.process import restart
from support.airflow import Airflow
from support.connection_secrets import parts_of, secret_manifest, whole
from support.requirements import needs_airflow

Example = tuple[dict[str, str], dict[str, object]]

# Characters that could confuse a parser of URIs or JSON are more frequent than in arbitrary text.
VALUES = st.text(min_size=1, max_size=30) | st.text("/?#@:%+&=[]{}\"'\\ \n\t\0ä漢💥aZ0", min_size=1, max_size=30)


def is_one_host(text: str) -> bool:
    """Return whether a string is a plain host, without white space, brackets, a port or the path of a socket."""
    return text == text.strip() and not re.search(r":[0-9]+\Z|\A/|,|\A\[.*:.*:.*\]\Z", text, re.DOTALL)


HOSTS = VALUES.filter(is_one_host)


def in_fields(host: str, login: str, password: str, more: str) -> Example:
    data = {"host": host, "username": login, "password": password, "more": more, "extra": json.dumps({"a": more})}
    return data, whole(conn_type="generic", host=host, login=login, password=password, extra={"a": more, "b": more})


def in_a_uri(host: str, login: str, password: str, more: str) -> Example:
    uri = "postgresql://{}:{}@{}:5432/{}?a={}".format(
        *(quote(text, safe="") for text in (login, password, host, more, more))
    )
    extra = {"a": {"true": True, "false": False}.get(more, more), "b": "-"}
    parts = {"host": host, "login": login, "password": password, "port": 5432}
    schema = None if more == "*" else more
    return {"uri": uri, "more": "-"}, whole(conn_type="postgres", **parts, schema=schema, extra=extra)


def in_both(host: str, login: str, password: str, more: str) -> Example:
    """Return a Secret whose URI has an old login and password."""
    data, expected = in_a_uri(host, "old", "old", more)
    return {**data, "username": login, "password": password}, {**expected, "login": login, "password": password}


def unescaped(host: str, login: str, password: str, _more: str) -> Example:
    """Return a Secret whose URI has login and password without encoding."""
    data = {"username": login, "password": password, "more": "-"}
    data["uri"] = f"mysql://{login}:{password}@{quote(host, safe='')}/db"
    parts = {"host": host, "login": login, "password": password, "schema": "db"}
    return data, whole(conn_type="mysql", **parts, extra={"b": "-"})


FORMS: Sequence[Callable[[str, str, str, str], Example]] = (in_fields, in_a_uri, in_both, unescaped)
EXAMPLES = st.builds(lambda form, *parts: form(*parts), st.sampled_from(FORMS), HOSTS, VALUES, VALUES, VALUES)


def write(folder: Path, examples: Sequence[Example]) -> None:
    """Write one manifest with all examples. The ids are their numbers."""
    annotations = {"extra-b": "more"}
    secrets = [
        secret_manifest("shop", str(number), data, annotations) for number, (data, _expected) in enumerate(examples)
    ]
    (folder / "secrets.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": secrets}))


@settings(max_examples=300)
@given(EXAMPLES)
def test_every_character_arrives_in_the_newest_airflow(example: Example) -> None:
    with TemporaryDirectory() as folder:
        write(Path(folder), [example])
        restart()

        connection = KubernetesSecretsBackend(path=folder).get_connection("0")

    assert parts_of(connection) == example[1]


READ_ALL = """
import json, sys
from airflow_kubernetes_secrets import KubernetesSecretsBackend

backend = KubernetesSecretsBackend(path=sys.argv[1])
found = []
for number in range(int(sys.argv[2])):
    connection = backend.get_connection(str(number))
    parts = {name: getattr(connection, name) for name in ("conn_type", "host", "login", "password", "port", "schema")}
    found.append({**parts, "extra": connection.extra_dejson})
print(json.dumps(found))
"""


def many_examples() -> list[Example]:
    collected: list[Example] = []

    @settings(max_examples=300, database=None, phases=[Phase.generate])
    @given(EXAMPLES)
    def collect(example: Example) -> None:
        collected.append(example)

    collect()
    return collected


@needs_airflow("2.11")
def test_every_character_arrives_in_the_oldest_airflow(tmp_path: Path) -> None:
    examples = many_examples()
    write(tmp_path, examples)
    # With a key, Airflow 2 encrypts passwords when it gets them.
    key = "Zm9yLXRlc3RzLW9ubHktMzItYnl0ZXMtbG9uZy0hISE="
    airflow = Airflow("2.11", tmp_path / "home", {"AIRFLOW__CORE__FERNET_KEY": key})

    done = airflow.python(READ_ALL, str(tmp_path), str(len(examples)))

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for (data, expected), connection in zip(examples, found, strict=True):
        assert connection == expected, data
