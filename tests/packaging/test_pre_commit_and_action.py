"""``check`` as a hook of pre-commit, and as a GitHub Action."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.commands import forked_program
from support.environments import ROOT
from support.pages import blocks

HOOKS = ROOT / ".pre-commit-hooks.yaml"
ACTION = ROOT / "action.yml"

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: {name}
  labels:
    airflow.apache.org/{label}: my_db
stringData:
  {key}: postgres://u:p@h/d
"""

# No data key, and two keys, so that none of them is the connection.
WRONG_KEYS = "more: x\n  other"

MKDOCS = "site_name: x\nmarkdown_extensions:\n- x: !!python/name:a.b\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "deploy").mkdir(parents=True)
    (folder / "mkdocs.yml").write_text(MKDOCS)
    (folder / "tsconfig.json").write_text("{\n  // x\n}\n")
    (folder / "deploy" / "good.yaml").write_text(SECRET.format(name="good", label="connection-id", key="value"))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the folder into which the action installs the program: here a link to one that runs this environment's."""
    program = tmp_path / "airflow-kubernetes-secrets" / "bin" / "airflow-kubernetes-secrets"
    program.parent.mkdir(parents=True)
    program.symlink_to(forked_program())
    return tmp_path


def environment(**variables: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW__")}
    return {**kept, **variables}


class TestHook:
    @pytest.fixture
    def hook(self) -> dict[str, Any]:
        [hook] = yaml.safe_load(HOOKS.read_text())
        assert isinstance(hook, dict)
        return hook

    def run(self, hook: dict[str, Any], folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
        """Run the command as pre-commit does, with the names of the files that match."""
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
        chosen = [name for name in names if re.search(hook["files"], name)]
        path = f"{home / 'airflow-kubernetes-secrets' / 'bin'}:{os.environ['PATH']}"
        command = [*shlex.split(hook["entry"]), *chosen]
        return subprocess.run(
            command, cwd=folder, env=environment(PATH=path), capture_output=True, text=True, timeout=180, check=False
        )

    def test_pre_commit_can_install_the_hook(self, hook: dict[str, Any]) -> None:
        assert (hook["language"], hook["require_serial"]) == ("python", True)
        assert hook["entry"].split()[0] in (ROOT / "pyproject.toml").read_text()

    def test_files_of_other_tools_are_skipped(self, hook: dict[str, Any], repository: Path, home: Path) -> None:
        done = self.run(hook, repository, home)

        assert (done.returncode, done.stdout) == (0, "1 manifest, 0 errors, 0 warnings\n")

    def test_it_fails(self, hook: dict[str, Any], repository: Path, home: Path) -> None:
        (repository / "bad.yml").write_text(SECRET.format(name="bad", label="connection-id", key=WRONG_KEYS))

        done = self.run(hook, repository, home)

        assert done.returncode == 1
        assert "bad.yml:1: error: Secret default/bad" in done.stdout


class TestAction:
    @pytest.fixture
    def action(self) -> dict[str, Any]:
        action = yaml.safe_load(ACTION.read_text())
        assert isinstance(action, dict)
        return action

    def run(self, action: dict[str, Any], folder: Path, home: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the script of the last step as GitHub does, with the inputs in its environment."""
        step = action["runs"]["steps"][-1]
        given = {name: each["default"] for name, each in action["inputs"].items()} | inputs
        variables = {
            name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: given[found[1]], text)
            for name, text in step["env"].items()
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=folder,
            env=environment(RUNNER_TEMP=str(home), **variables),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def test_it_installs_this_commit_with_pinned_versions(self, action: dict[str, Any]) -> None:
        python, install, _check = action["runs"]["steps"]

        assert re.fullmatch(r"actions/setup-python@[0-9a-f]{40}", python["uses"])
        assert install["run"].split()[-1] == '"$GITHUB_ACTION_PATH"'
        [constraints] = re.findall(r'--constraint "\$GITHUB_ACTION_PATH/(\S+)"', install["run"])
        pins = [line for line in (ROOT / constraints).read_text().splitlines() if line and line[0] not in "# "]
        assert all("==" in pin for pin in pins)

    def test_no_input_is_pasted_into_a_script(self, action: dict[str, Any]) -> None:
        assert not [step for step in action["runs"]["steps"] if "${{" in step.get("run", "")]

    def test_it_passes(self, action: dict[str, Any], repository: Path, home: Path) -> None:
        done = self.run(action, repository, home)

        assert (done.returncode, done.stdout) == (0, "1 manifest, 0 errors, 0 warnings\n")

    def test_it_annotates_the_line_and_fails(self, action: dict[str, Any], repository: Path, home: Path) -> None:
        (repository / "bad file.yaml").write_text(SECRET.format(name="bad", label="connection-id", key=WRONG_KEYS))

        done = self.run(action, repository, home, paths="deploy\nbad file.yaml\n")

        assert done.returncode == 1
        assert "::error file=bad file.yaml,line=1,title=unreadable::" in done.stdout

    def test_excluded_paths(self, action: dict[str, Any], repository: Path, home: Path) -> None:
        (repository / "old").mkdir()
        (repository / "old" / "bad.yaml").write_text(SECRET.format(name="bad", label="connection-id", key=WRONG_KEYS))

        done = self.run(action, repository, home, exclude="*.txt\nold\n")

        assert (done.returncode, done.stdout) == (0, "1 manifest, 0 errors, 0 warnings\n")

    def test_strict(self, action: dict[str, Any], repository: Path, home: Path) -> None:
        (repository / "typo.yaml").write_text(SECRET.format(name="typo", label="conection-id", key="value"))

        assert self.run(action, repository, home).returncode == 0
        assert self.run(action, repository, home, strict="true").returncode == 1

    def test_path_that_looks_like_an_option(self, action: dict[str, Any], repository: Path, home: Path) -> None:
        done = self.run(action, repository, home, paths="--help")

        assert done.returncode == 2
        assert "--help cannot be read" in done.stderr


def test_the_page_has_a_hook_that_exists() -> None:
    *_before, hooks, _action = (block for block in blocks("cli") if block.heading == "Before a merge")

    [repository] = yaml.safe_load(hooks.text)["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == [hook["id"] for hook in yaml.safe_load(HOOKS.read_text())]


def test_the_page_has_inputs_that_exist() -> None:
    *_before, action = (block for block in blocks("cli") if block.heading == "Before a merge")

    [step] = yaml.safe_load(action.text)
    assert set(step["with"]) <= set(yaml.safe_load(ACTION.read_text())["inputs"])
