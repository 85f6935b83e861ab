"""The release checklist: every command on the page that needs no network is run, and the others exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_kubernetes_secrets import __version__
from support.environments import ROOT, Environment, build_wheel
from support.pages import page_file

PAGE = page_file("releasing").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line) for line in re.findall(r"(?m)^ *\$ (.+)$", PAGE)]

FILES_WITH_THE_VERSION = (
    ".github/release_notes.py",
    "CHANGELOG.md",
    "cncf-path/pyproject.toml",
    "devserver/pyproject.toml",
    "src/airflow_kubernetes_secrets/version.py",
)


def beginning_with(*words: str) -> list[list[str]]:
    return [command for command in COMMANDS if command[: len(words)] == list(words)]


def test_every_command_of_the_page_is_in_a_test_below() -> None:
    tested = [*beginning_with("make"), *beginning_with("python3"), *beginning_with("git"), *INSTALLED, *PIP]

    assert sorted(tested) == sorted(COMMANDS)


# Commands that run in the environment of the page, and pip, for which the test has a wheel instead of the index.
PIP = beginning_with("released/bin/pip")
INSTALLED = [command for command in COMMANDS if command[0].startswith("released/") and command not in PIP]


@pytest.mark.parametrize("command", beginning_with("make"), ids=" ".join)
def test_make_target_exists(command: list[str]) -> None:
    done = subprocess.run(
        [command[0], "--dry-run", *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )

    assert done.returncode == 0, done.stderr


def test_tag_is_created_and_pushed(tmp_path: Path) -> None:
    (tag,), (push,) = beginning_with("git", "tag"), beginning_with("git", "push")
    # This machine has no signing key.
    tag = [word for word in tag if word != "--sign"]
    identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
    run("git", "init", "--quiet", "--bare", "remote", cwd=tmp_path)
    run("git", "clone", "--quiet", "remote", "clone", cwd=tmp_path)
    clone = tmp_path / "clone"
    run("git", *identity, "commit", "--quiet", "--allow-empty", "--message=x", cwd=clone)

    run("git", *identity, *tag[1:], cwd=clone)
    run(*push, cwd=clone)

    assert run("git", "tag", cwd=tmp_path / "remote") == f"{push[-1]}\n"


class TestReleaseNotes:
    @pytest.fixture
    def tree(self, tmp_path: Path) -> Path:
        for name in FILES_WITH_THE_VERSION:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
        (tmp_path / "CHANGELOG.md").write_text(
            "# Changelog\n\n## 9.0.0 (unreleased)\n\n- later\n"
            f"\n## {__version__} (2026-12-01)\n\nWords.\n\n- a change\n"
            "\n## 0.0.9 (2026-01-01)\n\n- before\n"
        )
        return tmp_path

    def notes(self, tree: Path, tag: str) -> subprocess.CompletedProcess[str]:
        ((_python, script, _tag),) = (
            each for each in beginning_with("python3") if each[1] == FILES_WITH_THE_VERSION[0]
        )
        command = [sys.executable, script, tag]
        return subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=180, check=False)

    def test_contain_the_changelog_of_the_version(self, tree: Path) -> None:
        done = self.notes(tree, f"v{__version__}")

        assert (done.returncode, done.stdout, done.stderr) == (0, "Words.\n\n- a change\n", "")

    @pytest.mark.parametrize("distribution", ["cncf-path", "devserver"])
    def test_require_the_same_version_everywhere(self, distribution: str, tree: Path) -> None:
        pyproject = tree / distribution / "pyproject.toml"
        pyproject.write_text(pyproject.read_text().replace(__version__, "8.8.8"))

        done = self.notes(tree, f"v{__version__}")

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"{distribution}/pyproject.toml has 8.8.8")
        assert done.stderr.endswith(f", the tag {__version__}. Correct one of them\n")
        assert done.stderr.count("\n") == 1

    def test_require_the_devserver_to_depend_on_this_version(self, tree: Path) -> None:
        pyproject = tree / "devserver" / "pyproject.toml"
        pyproject.write_text(pyproject.read_text().replace(f"=={__version__}", "==8.8.8"))

        done = self.notes(tree, f"v{__version__}")

        difference = f"devserver/pyproject.toml has {__version__}, 8.8.8, the tag {__version__}"
        assert done.stderr == f"{difference}. Correct one of them\n"

    def test_require_the_tag_of_the_version(self, tree: Path) -> None:
        done = self.notes(tree, "v0.0.9")

        assert (done.returncode, done.stdout) == (1, "")
        assert f"src/airflow_kubernetes_secrets/version.py has {__version__}, the tag 0.0.9. Correct" in done.stderr

    def test_require_a_date_in_the_changelog(self, tree: Path) -> None:
        version = tree / "src/airflow_kubernetes_secrets/version.py"
        version.write_text(version.read_text().replace(__version__, "9.0.0"))
        for distribution in ("cncf-path", "devserver"):
            pyproject = tree / distribution / "pyproject.toml"
            pyproject.write_text(pyproject.read_text().replace(__version__, "9.0.0"))

        done = self.notes(tree, "v9.0.0")

        assert (done.returncode, done.stderr) == (
            1,
            "CHANGELOG.md has no heading '## 9.0.0 (YYYY-MM-DD)' with text below it. Add it\n",
        )


def test_published_packages_are_verified(tmp_path: Path) -> None:
    ((_python, *arguments, name),) = beginning_with("python3", "-m", "venv")
    assert (arguments, name) == (["-m", "venv"], "released")
    assert {command[1] for command in PIP} == {"install", "check"}
    released = Environment.create(tmp_path / name)
    released.install(
        *(build_wheel(ROOT / each, tmp_path / "wheels" / each) for each in (".", "cncf-path", "devserver"))
    )

    printed = []
    for program, *words in INSTALLED:
        path = Path(program)
        script = [] if path.name == "python" else [released.program(path.name)]
        done = released.run(*script, *(ROOT / word if word.startswith("examples/") else word for word in words))
        assert done.returncode == 0, done.stdout + done.stderr
        printed.append(done.stdout)
    assert f"airflow-kubernetes-secrets {__version__}\n" in printed


def run(*command: str, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=180, check=True).stdout
