"""docs/reference/cli.md is generated from the definitions, and its commands work, as do those of the README."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from airflow_kubernetes_secrets.cli.main import main, make_parser
from airflow_kubernetes_secrets.messages import problem_codes
from support.airflow import BACKEND, ROOT
from support.pages import page_file

PAGE = page_file("cli").read_text()
README = (ROOT / "README.md").read_text()


def test_page_is_generated_from_the_definitions() -> None:
    spec = importlib.util.spec_from_file_location("make_cli", ROOT / "docs" / "make_cli.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert maker.page() == PAGE, "run: make docs"


def commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("airflow-kubernetes-secrets")]


@pytest.mark.parametrize("arguments", commands(PAGE), ids=" ".join)
def test_commands_on_the_page_can_be_parsed(arguments: list[str]) -> None:
    make_parser().parse_args(arguments)


@pytest.mark.parametrize("arguments", commands(README), ids=" ".join)
def test_the_commands_of_the_readme(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands run with the manifests that the README names."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", BACKEND)
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", '{"path": "examples/manifests"}')
    assert main(arguments) == 0


def test_page_contains_every_code() -> None:
    assert all(
        f'| <a name="{code}"></a>`{code}` |' in PAGE
        for code in (*problem_codes.OF_SECRETS, *problem_codes.OF_MANIFESTS, *problem_codes.OF_DEPLOYMENTS)
    )


@pytest.mark.parametrize(
    ("codes", "meanings"),
    [
        (problem_codes.SecretCode, problem_codes.OF_SECRETS),
        (problem_codes.ManifestCode, problem_codes.OF_MANIFESTS),
        (problem_codes.DeploymentCode, problem_codes.OF_DEPLOYMENTS),
    ],
    ids=["Secrets", "manifests", "deployments"],
)
def test_each_code_has_a_meaning(codes: Any, meanings: Mapping[str, str]) -> None:
    assert [*get_args(codes)] == [*meanings]
