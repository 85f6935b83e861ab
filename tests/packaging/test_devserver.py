"""The devserver is a separate distribution: the main one without it, and its installation from a clone."""

from __future__ import annotations

import re
import shlex
import tarfile
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from airflow_kubernetes_secrets import __version__
from support.environments import ROOT, Environment, build_wheel, build_wheel_from_sdist
from support.pages import blocks

MAIN = "airflow-kubernetes-secrets"
DEVSERVER = "airflow-kubernetes-secrets-devserver"

# The command, whose error names what to install.
COMMAND = "airflow_kubernetes_secrets/cli/devserver.py"

CLONE = "/path/to/clone"

SERVE = """
import json
from airflow_kubernetes_secrets_devserver import DevServer
with DevServer() as server:
    print(json.dumps([server.running, server.namespace]))
"""

SUITE = """
def test_it(kubernetes_devserver):
    kubernetes_devserver.apply({"metadata": {"name": "mine"}})
"""


@pytest.fixture(scope="module")
def main_archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the sdist and the wheel of the main distribution."""
    folder = tmp_path_factory.mktemp("main")
    wheel = build_wheel_from_sdist(ROOT, folder)
    (sdist,) = folder.glob("*.tar.gz")
    return sdist, wheel


def metadata(wheel: Path) -> PathDistribution:
    (folder,) = (path for path in zipfile.Path(wheel).iterdir() if path.name.endswith(".dist-info"))
    return PathDistribution(folder)


class TestTheMainDistribution:
    def test_archives_contain_only_the_command_of_the_devserver(self, main_archives: tuple[Path, Path]) -> None:
        sdist, wheel = main_archives
        with zipfile.ZipFile(wheel) as archive:
            in_wheel = [name for name in archive.namelist() if "devserver" in name]
        with tarfile.open(sdist) as archive:
            in_sdist = [name.partition("/")[2] for name in archive.getnames() if "devserver" in name]

        assert in_wheel == [COMMAND]
        assert in_sdist == [f"src/{COMMAND}"]

    def test_main_distribution_has_no_pytest_plugin(self, main_archives: tuple[Path, Path]) -> None:
        points = metadata(main_archives[1]).entry_points

        assert points.select(group="console_scripts")
        assert not points.select(group="pytest11")

    def test_extra_requires_the_devserver(self, main_archives: tuple[Path, Path]) -> None:
        required = [Requirement(each) for each in metadata(main_archives[1]).requires or ()]

        of_the_extra = [each.name for each in required if each.marker and each.marker.evaluate({"extra": "devserver"})]
        assert of_the_extra == [DEVSERVER]

    def test_command_without_the_devserver_names_the_extra(
        self, main_archives: tuple[Path, Path], tmp_path: Path
    ) -> None:
        environment = Environment.create(tmp_path / "environment")
        environment.install(main_archives[1])

        done = environment.run(environment.program(MAIN), "devserver")

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            "airflow-kubernetes-secrets devserver: airflow_kubernetes_secrets_devserver is missing: "
            "pip install 'airflow-kubernetes-secrets[devserver]'\n"
        )


def test_devserver_requires_the_same_version_of_the_main_distribution(tmp_path: Path) -> None:
    built = metadata(build_wheel(ROOT / "devserver", tmp_path))
    (main,) = (each for each in map(Requirement, built.requires or ()) if each.name == MAIN)

    assert built.version == __version__
    assert str(main.specifier) == f"=={__version__}"


def requirements_of_the_readme() -> list[str]:
    """Return the requirements that the README names, in a clone."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (words,) = (line for line in re.findall(r"(?m)^\$ pip install ([^#\n]+)", text) if "devserver" in line)
    return [str((ROOT / word).resolve()) for word in shlex.split(words)]


def requirements_of_the_laptop_page() -> list[str]:
    """Return the requirements of docs/start/laptop.md."""
    (install,) = (block.text for block in blocks("laptop") if block.heading == "Install")
    words = shlex.split(install.splitlines()[-1].removeprefix("pip install "))
    return [word.replace(CLONE, str(ROOT)) for word in words]


def test_installation_from_a_clone(tmp_path: Path) -> None:
    requirements = requirements_of_the_laptop_page()
    assert str(ROOT / "devserver") in requirements
    # The README installs the same into an environment with Airflow.
    assert ["apache-airflow>=3", *requirements_of_the_readme()] == requirements
    environment = Environment.create(tmp_path / "environment")

    environment.install_projects(*requirements)

    assert environment.evaluate(SERVE) == [True, "airflow"]
    assert environment.run(environment.program(MAIN), "--version").stdout == f"{MAIN} {__version__}\n"
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE)
    done = environment.run("-m", "pytest", "-q", "--rootdir", tmp_path, suite)
    assert done.returncode == 0, done.stdout + done.stderr
