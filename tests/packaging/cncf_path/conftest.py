"""Real environments with and without Apache's provider."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.cncf_path import (
    PROVIDER,
    Wheels,
)
from support.environments import ROOT, Environment, build_wheel, downloaded_wheel


@pytest.fixture(scope="package")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    older = tmp_path_factory.mktemp("older")
    shutil.copytree(ROOT / "cncf-path", older / "project")
    pyproject = older / "project" / "pyproject.toml"
    pyproject.write_text(re.sub(r"(?m)^version = .*$", 'version = "0.0.1"', pyproject.read_text()))
    return Wheels(
        main=build_wheel(ROOT, tmp_path_factory.mktemp("main")),
        cncf_path=build_wheel(ROOT / "cncf-path", tmp_path_factory.mktemp("cncf-path")),
        cncf_path_older=build_wheel(older / "project", older / "wheel"),
        provider_without=downloaded_wheel(PROVIDER, "10.12.4"),
        provider_first_with=downloaded_wheel(PROVIDER, "10.13.0"),
        provider_with=downloaded_wheel(PROVIDER, "10.25.0"),
    )


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment.create(tmp_path / "environment")


@pytest.fixture(scope="package")
def main_alone(tmp_path_factory: pytest.TempPathFactory, wheels: Wheels) -> Environment:
    """Return an environment with our main distribution. Tests must not change it, only copies of it."""
    environment = Environment.create(tmp_path_factory.mktemp("main-alone") / "environment")
    environment.install(wheels.main)
    return environment


@pytest.fixture
def environment_with_main(tmp_path: Path, main_alone: Environment) -> Environment:
    return main_alone.copy(tmp_path / "environment")


@pytest.fixture(scope="package")
def without_provider(tmp_path_factory: pytest.TempPathFactory, main_alone: Environment, wheels: Wheels) -> Environment:
    """Return an environment with our two distributions, without Apache's provider. Tests must not change it."""
    environment = main_alone.copy(tmp_path_factory.mktemp("without-provider") / "environment")
    environment.install(wheels.cncf_path)
    return environment
