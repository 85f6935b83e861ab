"""``airflow-kubernetes-secrets check``: what it reports and what it accepts, and that it shows no value."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_kubernetes_secrets.kubernetes.encoded_ids import label_value
from airflow_kubernetes_secrets.manifests.check import Check
from airflow_kubernetes_secrets.options.backend_kwargs import Options
from manifests.build import (
    CIPHERTEXT,
    CONNECTION,
    PREFIX,
    VARIABLE,
    external,
    fetched,
    kustomization,
    sealed,
    secret,
    secrets_store,
    sops_secret,
    template,
)
from manifests.case import Case, write
from manifests.every import CASES


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_case_reports_the_expected_problems(case: Case, run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, case)

    status, out, _err = run(path, "--output", "json")

    problems = json.loads(out)["problems"]
    assert [problem["code"] for problem in problems] == list(case.codes), problems
    assert case.says in " ".join(problem["text"] for problem in problems)
    # Warnings alone exit with status 0.
    assert status == int(not set(case.codes) <= WARNINGS | NOTICES)
    for problem in problems:
        assert (problem["severity"] == "warning") == (problem["code"] in WARNINGS)
        assert (problem["severity"] == "notice") == (problem["code"] in NOTICES)


@pytest.mark.parametrize("output", ["text", "github"])
def test_every_output_has_every_problem_and_no_value(output: str, run: Any, tmp_path: Path) -> None:
    for number, case in enumerate(CASES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = write(folder, case)

        _status, out, _err = run(path, "--output", output)

        pattern = (
            r"\[([a-z-]+)\]$"
            if output == "text"
            else r"^::(?:error|warning|notice) file=[^,:]+,line=\d+,title=([^:]+)::."
        )
        assert re.findall(pattern, out, re.MULTILINE) == list(case.codes)
        assert len(out.splitlines()) == len(case.codes) + 1


CANARY = "MADEUPCANARY0123456789"
SECRET_HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, labels: {airflow.apache.org/connection-id: c}}\n"

# Manifests in which a value, or a part of one, is in the place of a name.
VALUES_AS_NAMES = {
    "no space in stringData": SECRET_HEAD + f"stringData: {{value:postgres://u:{CANARY}@h/d}}\n",
    "no space in data": SECRET_HEAD + f"data: {{value:{CANARY}}}\n",
    "a name alone": SECRET_HEAD + f"stringData: {{{CANARY}}}\n",
    "base64 alone": SECRET_HEAD + f"data: {{{CANARY}==}}\n",
    "a name with a number": SECRET_HEAD + f"stringData: {{postgres://u:{CANARY}@h/d: 5}}\n",
    "a name with no base64": SECRET_HEAD + f"data: {{'postgres://u:{CANARY}@h/d': x}}\n",
    "ciphertext under a name": SECRET_HEAD + f"stringData: {{'x:{CANARY}': '{CIPHERTEXT}'}}\n",
    "a placeholder under a name": SECRET_HEAD + f"stringData: {{'x:{CANARY}': '<path:a#b>'}}\n",
    "a name twice": SECRET_HEAD + f"stringData: {{'postgres://u:{CANARY}@h': a, 'postgres://u:{CANARY}@h': b}}\n",
    "a name twice in JSON": json.dumps(secret()).replace('"host"', f'"x:{CANARY}": "", "x:{CANARY}"'),
    "an annotation": yaml.safe_dump(secret(annotations={f"{PREFIX}connection-extra:{CANARY}": ""})),
    "a label": yaml.safe_dump(secret(labels={CONNECTION: "c", f"{PREFIX}x:{CANARY}": "", "y": ""})),
    "a label with a placeholder": yaml.safe_dump(secret(labels={CONNECTION: "c", f"{PREFIX}x:{CANARY}": "${a}"})),
    "a label elsewhere": yaml.safe_dump({**secret(), f"x:{CANARY}": {VARIABLE: "v"}, "y": {f"{PREFIX}x:{CANARY}": ""}}),
    "a URI as literal": yaml.safe_dump(kustomization(literals=[f"postgres://u:{CANARY}@h?sslmode=require"])),
    "a URI as literal, twice": yaml.safe_dump(
        kustomization(literals=[f"postgres://u:{CANARY}@h?sslmode={mode}" for mode in ("require", "disable")])
    ),
    "base64 as literal": yaml.safe_dump(kustomization(literals=[f"{CANARY}=="])),
    "base64 as literal, twice": yaml.safe_dump(kustomization(literals=[f"{CANARY}==", f"{CANARY}=="])),
    "base64 as literal, shorter padding": yaml.safe_dump(kustomization(literals=["host=h", f"{CANARY}="])),
    "a key of a SopsSecret": yaml.safe_dump(sops_secret(stringData={f"value:{CANARY}": None})),
    "a key of a SealedSecret": yaml.safe_dump(sealed(keys=[f"value:{CANARY}"])),
    "a key of a template": yaml.safe_dump(
        external(template(data={f"value:{CANARY}": "a://{{ .u }}:{{ .p }}@h", f"x:{CANARY}": '{"a": "{{ .p }}"}'}))
    ),
    "a key of an ExternalSecret": yaml.safe_dump(external(spec=fetched(f"x:{CANARY}"))),
    "a key of a SecretProviderClass": yaml.safe_dump(secrets_store(f"x:{CANARY}")),
    "a label above": yaml.safe_dump(external(template(), annotations={f"{PREFIX}extra-x:{CANARY}": ""})),
}


@pytest.mark.parametrize("text", VALUES_AS_NAMES.values(), ids=VALUES_AS_NAMES.keys())
def test_a_value_in_place_of_a_name_is_not_shown(text: str, run: Any, tmp_path: Path) -> None:
    path = write(tmp_path, Case(text))

    for output in ("text", "json", "github"):
        _status, out, err = run(path, "-o", output)
        assert CANARY not in out + err


def test_message_for_an_invalid_key_name(run: Any, tmp_path: Path) -> None:
    literals = kustomization(literals=["host=h", f"postgres://u:{CANARY}@h?a=b"])
    cases = [VALUES_AS_NAMES["no space in stringData"], yaml.safe_dump(literals)]
    texts = [json.loads(run(write(tmp_path, Case(each)), "-o", "json")[1])["problems"][0]["text"] for each in cases]

    rule = "the name of a key is not valid in data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'"
    assert texts[0].startswith(f"Secret db: {rule}")
    assert texts[1].startswith(f"secretGenerator db, literal 2: {rule}")


def test_every_problem_has_a_case() -> None:
    assert {code for case in CASES.values() for code in case.codes} == {
        "annotation-lost",
        "byte-order-mark",
        "depends-on-value",
        "duplicate-id",
        "duplicate-key",
        "duplicate-secret",
        "encoded-value",
        "extra-not-json",
        "half-connection",
        "hook-misreads",
        "id-label-mismatch",
        "invalid-label",
        "invalid-manifest",
        "label-lost",
        "missing-id-annotation",
        "not-checked",
        "not-created",
        "not-everywhere",
        "not-looked-up",
        "old-api",
        "placeholder",
        "quoted-value",
        "repeated-parameter",
        "surrounding-space",
        "trailing-newline",
        "unescaped-json",
        "unescaped-uri",
        "unknown-annotation",
        "unknown-label",
        "unknown-type",
        "unreadable",
        "unreadable-manifest",
        "unused-settings",
    }


WARNINGS = {
    "byte-order-mark",
    "depends-on-value",
    "duplicate-key",
    "duplicate-secret",
    "encoded-value",
    "half-connection",
    "hook-misreads",
    "not-created",
    "not-everywhere",
    "placeholder",
    "quoted-value",
    "repeated-parameter",
    "surrounding-space",
    "trailing-newline",
    "unescaped-json",
    "unescaped-uri",
    "unknown-annotation",
    "unknown-label",
    "unknown-type",
    "unused-settings",
}
NOTICES = {"not-checked"}


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda identifier: "://" not in identifier))
def test_the_label_value_of_any_id_is_valid(identifier: str) -> None:
    value = label_value(identifier)
    annotations = {} if value == identifier else {CONNECTION: identifier}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "secret.json"
        path.write_text(json.dumps(secret(labels={CONNECTION: value}, annotations=annotations)))
        check = Check(Options(), "default")

        assert check.check_path(path)

    assert check.problems == []
    assert check.manifests == 1
