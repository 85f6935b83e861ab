"""The released archives: their files and metadata, and their installation in a bare environment."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from email.message import Message
from html.parser import HTMLParser
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.version import Version

from airflow_kubernetes_secrets import __version__
from support.environments import ROOT, Environment, build_wheel, build_wheel_from_sdist

# The folder of the project, and the package in it.
PROJECTS = {
    "airflow-kubernetes-secrets": (ROOT, "airflow_kubernetes_secrets"),
    "airflow-kubernetes-secrets-cncf-path": (ROOT / "cncf-path", "airflow_kubernetes_secrets_cncf_path"),
    "airflow-kubernetes-secrets-devserver": (ROOT / "devserver", "airflow_kubernetes_secrets_devserver"),
}
MAIN = "airflow-kubernetes-secrets"
DEVSERVER = "airflow-kubernetes-secrets-devserver"


@dataclass(frozen=True)
class Built:
    """The archives of one distribution. The wheel is built from the sdist, as in a release."""

    name: str
    sdist: Path
    wheel: Path

    @property
    def metadata(self) -> PathDistribution:
        (folder,) = (path for path in zipfile.Path(self.wheel).iterdir() if path.name.endswith(".dist-info"))
        return PathDistribution(folder)

    @property
    def sources(self) -> Path:
        return PROJECTS[self.name][0] / "src"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Built]:
    found = {}
    for name, (project, _package) in PROJECTS.items():
        directory = tmp_path_factory.mktemp(name)
        wheel = build_wheel_from_sdist(project, directory)
        (sdist,) = directory.glob("*.tar.gz")
        found[name] = Built(name, sdist, wheel)
    return found


@pytest.fixture(params=PROJECTS)
def built(request: pytest.FixtureRequest, archives: dict[str, Built]) -> Built:
    return archives[request.param]


@pytest.fixture(scope="module")
def bare(archives: dict[str, Built], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Return an environment with only the wheel, without its dependencies."""
    environment = Environment.create(tmp_path_factory.mktemp("bare") / "environment")
    environment.install(archives[MAIN].wheel)
    return environment


def source_files(folder: Path) -> set[str]:
    """Return every file below ``folder`` that is not generated."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in files if "__pycache__" not in path.parts}


def names_in_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers()}


class TestArchives:
    def test_wheels_of_the_tree_and_the_sdist_are_identical(self, built: Built, tmp_path: Path) -> None:
        of_the_tree = build_wheel(PROJECTS[built.name][0], tmp_path)

        assert of_the_tree.name == built.wheel.name
        assert of_the_tree.read_bytes() == built.wheel.read_bytes()

    def test_wheel_contains_exactly_the_source_files(self, built: Built) -> None:
        with zipfile.ZipFile(built.wheel) as archive:
            held = {name for name in archive.namelist() if ".dist-info/" not in name}

        assert held == source_files(built.sources)
        assert f"{PROJECTS[built.name][1]}/py.typed" in held

    def test_sdist_contains_the_sources_build_files_and_documents(self, built: Built) -> None:
        texts = {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore"}
        of_the_main_one = {"CHANGELOG.md", "hatch_build.py"} if built.name == MAIN else set()

        sources = {f"src/{name}" for name in source_files(built.sources)}
        assert names_in_sdist(built.sdist) == sources | texts | of_the_main_one

    def test_twine_accepts_the_archives(self, archives: dict[str, Built]) -> None:
        files = [str(file) for each in archives.values() for file in (each.sdist, each.wheel)]
        command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)

        assert done.returncode == 0, done.stdout
        assert done.stdout.count("PASSED") == len(files)


class TestMetadata:
    def test_the_version_is_that_of_the_code(self, built: Built) -> None:
        assert built.metadata.version == __version__

    def test_licence_and_python(self, built: Built) -> None:
        metadata = built.metadata.metadata

        assert metadata["License-Expression"] == "Apache-2.0"
        assert metadata["License-File"] == "LICENSE"
        assert metadata["Requires-Python"] == f">={min(pythons(built), key=Version)}"

    def test_all_support_the_same_pythons(self, archives: dict[str, Built]) -> None:
        assert pythons(archives[MAIN])
        assert all(pythons(each) == pythons(archives[MAIN]) for each in archives.values())

    def test_all_have_the_same_license(self) -> None:
        texts = {(project / "LICENSE").read_bytes() for project, _package in PROJECTS.values()}

        assert len(texts) == 1

    def test_main_distribution_requires_only_packages_of_airflow(self, archives: dict[str, Built]) -> None:
        needed = [each for each in requirements(archives[MAIN]) if each.marker is None]

        assert {each.name for each in needed} == {"apache-airflow", "msgspec"}

    def test_the_extras(self, archives: dict[str, Built]) -> None:
        assert set(archives[MAIN].metadata.metadata.get_all("Provides-Extra") or ()) == {
            "kubeconfig",
            "devserver",
            "cncf-path",
        }

    def test_pinned_oldest_versions_are_the_allowed_minimum(self, archives: dict[str, Built]) -> None:
        floors = dict(
            line.partition(";")[0].strip().split("==")
            for line in (ROOT / "requirements" / "floors.txt").read_text().splitlines()
        )
        required = [*requirements(archives[MAIN]), *requirements(archives[DEVSERVER])]
        ours = [each for each in required if each.name not in PROJECTS]

        lowest = {each.name: next(bound.version for bound in each.specifier if bound.operator == ">=") for each in ours}
        assert {name: Version(floors[name]) for name in lowest} == {
            name: Version(bound) for name, bound in lowest.items()
        }


def pythons(built: Built) -> list[str]:
    """Return the versions in the classifiers."""
    prefix = "Programming Language :: Python :: 3."
    classifiers = built.metadata.metadata.get_all("Classifier") or ()
    return [each.rpartition(" ")[2] for each in classifiers if each.startswith(prefix)]


def requirements(built: Built) -> list[Requirement]:
    return [Requirement(each) for each in built.metadata.requires or ()]


def readme(built: Built) -> str:
    """Return the description, which is the body of the metadata."""
    metadata = built.metadata.metadata
    assert isinstance(metadata, Message)
    return str(metadata.get_payload())


class Targets(HTMLParser):
    """The targets of the links and pictures on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attributes if name in ("href", "src", "srcset")]


class TestReadme:
    def test_links_on_the_page_of_the_index_are_absolute(self, built: Built) -> None:
        assert built.metadata.metadata["Description-Content-Type"] == "text/markdown"
        targets = Targets()
        targets.feed(MarkdownIt("commonmark").enable("table").render(readme(built)))

        assert [each for each in targets.found if not each.startswith(("https://", "#"))] == []

    def test_the_page_of_the_index_has_every_heading_and_table(self, archives: dict[str, Built]) -> None:
        def lines(text: str) -> list[str]:
            return [line for line in text.splitlines() if line.startswith(("#", "| "))]

        written = (ROOT / "README.md").read_text(encoding="utf-8")
        published = readme(archives[MAIN])

        assert lines(published) == lines(written)
        assert "search for it in [Errors and questions](docs/reference/faq.md)." in written
        assert "search for it in Errors and questions." in published


class TestInABareEnvironment:
    def test_it_is_imported_without_a_warning(self, bare: Environment) -> None:
        done = bare.run("-W", "error", "-c", "import airflow_kubernetes_secrets", below=False)

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    def test_command_prints_its_version(self, bare: Environment) -> None:
        done = bare.run(bare.program(MAIN), "--version", below=False)

        assert (done.returncode, done.stdout) == (0, f"{MAIN} {__version__}\n"), done.stderr

    def test_every_entry_point_can_be_loaded(self, bare: Environment, archives: dict[str, Built]) -> None:
        code = f"""
import importlib.metadata, json
ours = importlib.metadata.distribution({MAIN!r}).entry_points
print(json.dumps({{each.group: each.load().__name__ for each in ours}}))
"""
        loaded = bare.evaluate(code)

        assert set(loaded) == {each.group for each in archives[MAIN].metadata.entry_points}
        assert loaded["apache_airflow_provider"] == "get_provider_info"
        assert loaded["console_scripts"] == "main"
