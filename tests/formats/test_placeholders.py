"""An unreplaced placeholder is reported. A value that only resembles a placeholder is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_kubernetes_secrets.inventory.content import content_of
from airflow_kubernetes_secrets.inventory.entries import inventory_of
from airflow_kubernetes_secrets.inventory.location import location_of
from airflow_kubernetes_secrets.lookup.kinds import Kind
from airflow_kubernetes_secrets.messages.problem import Problem
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from support.connection_secrets import secret_manifest, stored_secret

POSTGRES = {"type": "postgres", "host": "h", "username": "u", "password": "p", "database": "d"}


def problems(data: dict[str, str], **annotations: str) -> list[Problem]:
    """Return the problems of a Secret as the API server has it."""
    given = {name.replace("_", "-"): value for name, value in annotations.items()}
    secret = stored_secret(data, given)
    content = content_of(Kind.CONNECTION, secret, "value" if "value" in data else "")
    assert content.is_readable
    return [*content.problems]


@pytest.mark.parametrize(
    "value",
    [
        *("%!s(MISSING)", "%!(EXTRA string=x)", "%!v([]string=[a])", "%!(NOVERB)"),
        *("<no value>", "<nil>", "%!s(<nil>)", "%!d(string=5432)", "map[key:db name:app]", "None", "null", "NULL"),
        *("nil", "undefined", "[object Object]", "(known after apply)", "{{ .host }}", "{{.host}}", "{{ $host }}"),
        *("{{ .Values.db.host }}", '{{ index . "host" }}', "${HOST}", "$(HOST)", "${{ secrets.HOST }}", "<host>"),
        *("ref+vault://secret/db#host", "vault:secret/data/db#host", "op://vault/item/host"),
        *("{{ host }}", "{{password}}"),
        *("<path:secret/data/db#host>", "ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]"),
    ],
)
@pytest.mark.parametrize("field", ["host", "username", "password", "database"])
def test_a_placeholder_in_a_field_is_the_only_problem(field: str, value: str) -> None:
    [problem] = problems({**POSTGRES, field: value})

    assert problem.code == "placeholder"
    assert f"writes the key {field!r}" in problem.text
    assert field == "password" or "password" not in problem.text


@pytest.mark.parametrize("host", ["db.${NAMESPACE}.svc", "db.$(NAMESPACE)", "{{ .name }}-rw", "x-<no value>.svc"])
def test_a_placeholder_in_a_part_of_the_host(host: str) -> None:
    [problem] = problems({**POSTGRES, "host": host})

    assert problem.code == "placeholder"


@pytest.mark.parametrize(
    "data",
    [
        {"uri": "postgresql://{{ .user }}:p@h:5432/d"},
        {"uri": "postgresql://u:<no value>@h:5432/d"},
        {"uri": "postgresql://u:p@$(HOST):5432/d"},
        {"value": "postgresql://u:$(PASSWORD)@h:5432/d"},
        {"value": '{"conn_type": "postgres", "host": "<no value>", "login": "u", "password": "p"}'},
        {"value": '{"conn_type": "http", "host": "h", "extra": {"headers": {"token": "{{ .token }}"}}}'},
        {**POSTGRES, "extra": '{"sslrootcert": "<no value>"}'},
    ],
)
def test_a_placeholder_in_a_value_with_several_fields(data: dict[str, str]) -> None:
    [problem] = problems(data)

    assert problem.code == "placeholder"
    key = "uri" if "uri" in data else "value" if "value" in data else "the Secret"
    assert key in problem.text


def test_a_placeholder_in_an_annotation() -> None:
    data = {name: value for name, value in POSTGRES.items() if name != "host"}
    [problem] = problems(data, connection_host="<no value>")

    assert "writes the annotation airflow.apache.org/connection-host" in problem.text


@pytest.mark.parametrize(
    "password",
    [
        *("a${B}c", "$(x", "{{", "a{{b}}c", "<x", "a<b>c", "%!", "nullable", "none!", "vault:", "op:/x", "<a1>", "${}"),
        *("a%!d(b", "%!x(y)z", "q%!T(1=2)", "%!(x", "$ABC", "$A_", "$a_b", "x$DB_PASSWORD", "$DB_PASSWORDx"),
    ],
)
def test_a_password_that_resembles_a_placeholder(password: str) -> None:
    assert problems({**POSTGRES, "password": password}) == []


def test_a_variable_without_braces() -> None:
    [problem] = problems({**POSTGRES, "password": "$DB_PASSWORD"})
    assert problem.code == "placeholder"


def test_a_name_that_resembles_a_placeholder() -> None:
    assert problems({**POSTGRES, "username": "Nan"}) == []
    [problem] = problems({**POSTGRES, "host": "NaN"})
    assert problem.code == "placeholder"


@pytest.mark.parametrize(
    "data",
    [
        {"type": "http", "host": "https://h/{tenant}"},
        {**POSTGRES, "extra": '{"application_name": "${NAME}", "options": "none"}'},
        {**POSTGRES, "host": "none.example.com"},
    ],
)
def test_other_values_that_resemble_placeholders(data: dict[str, str]) -> None:
    assert problems(data) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "value", ["{{" * 100_000, "<path:" * 50_000, "ENC[AES256_GCM,data:" + ",iv:,tag:" * 50_000, "map[a" * 50_000]
)
def test_long_values(value: str) -> None:
    assert [each.code for each in problems({**POSTGRES, "password": value})] == []


def test_list_reports_a_placeholder_in_a_mounted_file(tmp_path: Path) -> None:
    folder = tmp_path / "connections" / "app"
    folder.mkdir(parents=True)
    for name, value in {**POSTGRES, "host": "{{ .host }}"}.items():
        (folder / name).write_text(value)
    options = Options(path=str(tmp_path))
    [entry] = inventory_of(location_of(options), options).entries

    assert [each.code for each in entry.problems if each.code != "unknown-type"] == ["placeholder"]


def test_secret_without_placeholders_has_no_problem(tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(json.dumps(secret_manifest("shop", "app", POSTGRES, {})))
    options = Options(path=str(tmp_path))
    [entry] = inventory_of(location_of(options), options).entries

    assert [each.code for each in entry.problems if each.code != "unknown-type"] == []
