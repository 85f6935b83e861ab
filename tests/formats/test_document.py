"""The statements of ``docs/reference/formats.md`` and ``docs/reference/annotations.md``."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from airflow_kubernetes_secrets import KubernetesSecretsBackend
from airflow_kubernetes_secrets.formats import annotations as known_annotations
from airflow_kubernetes_secrets.formats import env_names, parameters, settings, value_parsers
from airflow_kubernetes_secrets.formats.aliases import ALIASES, CONNECTION_TYPES, folded
from airflow_kubernetes_secrets.formats.names_of_types import NAMES
from support.connection_secrets import PREFIX, Read, parts_of, whole
from support.pages import page_file
from support.secrets import CONNECTION

DOCUMENT = "".join(page_file(name).read_text(encoding="utf-8") for name in ("formats", "annotations"))


def table(heading: str) -> list[list[str]]:
    """Return the rows of the table with this heading, without the backquotes around a whole cell."""
    _before, found, rest = DOCUMENT.partition(f"| {heading} |")
    assert found
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return [row.strip("| ").split(" | ") for row in rows]


def quoted(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def test_the_table_of_names() -> None:
    rows = table("field | names, in order of precedence")

    assert {quoted(field)[0]: quoted(names) for field, names in rows} == dict(ALIASES)


def test_the_table_of_connection_types() -> None:
    rows = table("in the Secret | connection type")
    types = {word: quoted(conn_type)[0] for words, conn_type in rows for word in quoted(words)}

    assert types == dict(CONNECTION_TYPES)


def test_the_tables_of_variables() -> None:
    prefixes = {prefix: conn_type for names, conn_type in table("prefix | connection type") for prefix in quoted(names)}
    fields = {name: quoted(field) for names, field in table("suffix | field") for name in quoted(names)}

    assert prefixes.keys() == env_names.PREFIXES.keys()
    assert all(quoted(prefixes[prefix])[0] == word for prefix, word in env_names.PREFIXES.items() if word)
    assert {name: field[0] for name, field in fields.items() if field} == {
        name: field for name, field in env_names.ENV_FIELDS.items() if field != "conn_type"
    }


def test_the_table_of_names_in_json() -> None:
    *fields, (_none, unneeded) = table("field | names in JSON of AWS Secrets Manager")

    assert {quoted(field)[0]: quoted(names) for field, names in fields} == dict(value_parsers.JSON_NAMES)
    assert quoted(unneeded) == value_parsers.UNNEEDED_IN_JSON


def test_the_table_of_settings() -> None:
    rows = table("type | key | in `extra`")

    assert {
        (conn_type, name.lower(), quoted(in_extra)[0])
        for types, key, in_extra in rows
        for conn_type in quoted(types)
        for name in quoted(key.partition(":")[0])
    } == {
        (conn_type, name, in_extra)
        for conn_type, known in settings.SETTINGS.items()
        for name, (in_extra, _convert) in known.items()
    }


def test_the_table_of_names_of_one_type() -> None:
    documented: dict[str, dict[str, str]] = {}
    for types, names, field in table("type | names of keys, in order of precedence | field"):
        of_field = f"extra.{quoted(field)[0]}" if field.startswith("extra") else quoted(field)[0]
        for conn_type in quoted(types):
            documented.setdefault(conn_type, {}).update(dict.fromkeys(quoted(names), of_field))

    assert documented == NAMES


def test_the_table_of_parameters() -> None:
    documented: dict[str, set[str]] = {}
    for conn_type, names, _in_extra in table("type | parameters | in `extra`"):
        # The part after a colon lists values.
        found = (name for part in names.split("; ") for name in quoted(re.sub(r"(?<=`): .*", "", part)))
        documented.setdefault(conn_type.strip("`"), set()).update(map(folded, found))

    assert documented.keys() == parameters.PARAMETERS.keys()
    for each, known in parameters.PARAMETERS.items():
        unneeded = {name for name, convert in known.items() if convert("x") == {}}
        assert known.keys() - unneeded <= documented[each] <= known.keys(), each


EXAMPLES = {quoted(name)[0]: quoted(example)[0] for name, example, _meaning in table("annotation | example | meaning")}


def test_the_table_of_annotations() -> None:
    known = {
        getattr(known_annotations, name)
        for name in (
            "DATA_KEY",
            "CONNECTION_TYPE",
            "CONNECTION_EXTRA",
            "OTHER_KEYS",
            "KEY_PREFIX",
            "FIELD",
            "EXTRA_FIELD",
        )
    } | set(known_annotations.LITERALS.values())

    assert {PREFIX + re.sub(r"(?<=field-).*|(?<=extra-)<name>", "", name) for name in EXAMPLES} == known


@pytest.mark.parametrize("example", EXAMPLES.values())
def test_example_of_an_annotation_is_valid(read: Read, example: str) -> None:
    (annotation,) = yaml.safe_load(example).items()
    keys = ("AIRFLOW_URI", "readerEndpoint", "pgbouncer-uri", "password", "DB_URI")

    assert read(dict.fromkeys(keys, "mysql://h"), dict([annotation])) is not None


SECRETS = re.findall(r"```yaml\n(.*?)```\n\n```json\n(.*?)```", DOCUMENT, re.DOTALL)


def test_every_example_secret_has_its_connection() -> None:
    assert len(SECRETS) == DOCUMENT.count("```yaml") > 0


@pytest.mark.parametrize(("manifest", "connection"), SECRETS)
def test_example_secret_gives_the_documented_connection(tmp_path: Path, manifest: str, connection: str) -> None:
    (tmp_path / "secret.yaml").write_text(manifest)
    conn_id = yaml.safe_load(manifest)["metadata"]["labels"][CONNECTION]

    found = KubernetesSecretsBackend(path=str(tmp_path)).get_connection(conn_id)

    assert parts_of(found) == whole(**json.loads(connection))
