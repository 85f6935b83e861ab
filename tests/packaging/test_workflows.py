"""The workflows run the documented commands, pin the actions that they use, and have minimal permissions."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from matrix.runs import PYTHONS
from support.environments import ROOT

WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yaml"))}
ACTIONS = [*sorted((ROOT / ".github" / "actions").glob("*/action.yaml")), ROOT / "action.yml"]

USES = re.compile(r"^ *(?:- )?uses: (.+)$", re.MULTILINE)
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
OURS = re.compile(r"\./(\.github/.+)")


@pytest.fixture(params=WORKFLOWS)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(WORKFLOWS[name].read_text())
    return document


def jobs_with_steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from (job for job in workflow["jobs"].values() if "steps" in job)


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in jobs_with_steps(workflow):
        yield from job["steps"]


def commands(workflow: dict[str, Any]) -> list[str]:
    """Return each line that a workflow runs."""
    return [line.strip() for step in steps(workflow) for line in step.get("run", "").splitlines()]


@pytest.mark.parametrize("path", [*WORKFLOWS.values(), *ACTIONS], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_action_is_pinned_to_a_commit_or_our_own(path: Path) -> None:
    used = USES.findall(path.read_text())
    assert used or path in ACTIONS

    for each in used:
        ours = OURS.fullmatch(each)
        assert PINNED.fullmatch(each) or (ours and (ROOT / ours[1]).exists()), each


def test_one_action_has_one_pin() -> None:
    texts = [path.read_text() for path in (*WORKFLOWS.values(), *ACTIONS)]
    pins = {each for text in texts for each in USES.findall(text) if PINNED.fullmatch(each)}

    assert len({pin.partition("@")[0] for pin in pins}) == len(pins)


class TestPermissions:
    def test_only_jobs_have_permissions(self, workflow: dict[str, Any]) -> None:
        assert workflow["permissions"] == {}
        assert all("permissions" in job for job in workflow["jobs"].values())

    def test_only_releases_and_the_site_have_write_permissions(self) -> None:
        more = {
            (name, job): {right for right, how in each["permissions"].items() if how != "read"}
            for name in WORKFLOWS
            for job, each in load(name)["jobs"].items()
        }

        assert {key: rights for key, rights in more.items() if rights} == {
            ("pages", "publish"): {"pages", "id-token"},
            ("release", "publish"): {"id-token"},
            ("release", "notes"): {"contents"},
        }

    def test_checkout_does_not_persist_credentials(self, workflow: dict[str, Any]) -> None:
        for step in steps(workflow):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False

    def test_no_expression_is_pasted_into_a_script(self, workflow: dict[str, Any]) -> None:
        assert not [line for line in commands(workflow) if "${{" in line]

    def test_upload_tools_are_installed_by_hash(self) -> None:
        assert any("--require-hashes" in line for line in commands(load("release")))
        pins = re.split(r"\n(?! )", (ROOT / "requirements" / "release.txt").read_text().strip())

        assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


class TestLimits:
    def test_every_job_has_a_timeout(self, workflow: dict[str, Any]) -> None:
        assert all(job["timeout-minutes"] <= 180 for job in jobs_with_steps(workflow))

    def test_every_workflow_has_a_concurrency_group(self, workflow: dict[str, Any]) -> None:
        assert workflow["concurrency"]["group"]


class TestWhatIsRun:
    def test_ci_runs_the_same_command_as_developers(self) -> None:
        *_before, what_must_pass = (ROOT / ".ci" / "run").read_text().splitlines()

        assert what_must_pass == "make test"
        assert what_must_pass in [step.get("run") for step in load("test")["jobs"]["test"]["steps"]]

    def test_the_readme_names_the_commands_of_a_clone(self) -> None:
        commands = [line.split("#")[0].strip() for line in (ROOT / "README.md").read_text().splitlines()]

        assert {"$ make demo", "$ make test"} <= {*commands}

    def test_with_a_real_api_server_and_published_schemas(self) -> None:
        (step,) = (step for step in load("test")["jobs"]["test"]["steps"] if step.get("run") == "make test")

        assert set(step["env"]) == {"KUBEBUILDER_ASSETS", "CRDS"}

    def test_with_every_python_of_the_classifiers(self) -> None:
        classifier = re.compile(r'"Programming Language :: Python :: (3\.\d+)"')

        tested = load("test")["jobs"]["test"]["strategy"]["matrix"]["python"]
        assert tested == classifier.findall((ROOT / "pyproject.toml").read_text())

    def test_with_every_python_that_an_airflow_supports(self) -> None:
        steps = load("test")["jobs"]["pythons"]["steps"]

        installed = [step["with"]["python-version"].split() for step in steps if "setup-python" in step.get("uses", "")]
        assert {*installed[0]} == {*PYTHONS}
        assert f'make pythons PYTHONS="{" ".join(PYTHONS)}"' in [step.get("run") for step in steps]

    def test_with_the_oldest_and_the_newest_kubernetes_of_the_readme(self) -> None:
        named = re.search(r"Kubernetes (1\.\d+)\s+and (1\.\d+)", (ROOT / "README.md").read_text())
        job = load("test")["jobs"]["contract"]

        assert named
        assert job["strategy"]["matrix"]["kubernetes"] == [f"{each}.x" for each in named.groups()]
        (server,) = (step for step in job["steps"] if step.get("id") == "api-server")
        assert server["with"] == {"version": "${{ matrix.kubernetes }}"}

    def test_make_targets_exist(self, workflow: dict[str, Any]) -> None:
        targets = [line.split()[1] for line in commands(workflow) if line.startswith("make ")]

        for target in targets:
            assert is_make_target(target), target

    def test_a_release_is_published_only_after_everything_else(self) -> None:
        jobs = load("release")["jobs"]

        assert set(jobs["publish"]["needs"]) == {"test", "matrix", "docs", "build"}
        assert set(jobs) == {*jobs["publish"]["needs"], "publish", "notes"}
        assert jobs["notes"]["needs"] == "publish"

    def test_each_distribution_is_published_from_its_own_environment(self) -> None:
        publish = load("release")["jobs"]["publish"]
        projects = [ROOT / folder / "pyproject.toml" for folder in (".", "cncf-path", "devserver")]

        names = [re.search(r'(?m)^name = "(.+)"$', path.read_text()) for path in projects]
        assert publish["strategy"]["matrix"]["distribution"] == [name[1] for name in names if name]
        assert publish["environment"] == "${{ matrix.distribution }}"


def is_make_target(target: str) -> bool:
    """Return whether there is such a target, without running it."""
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, timeout=180, check=False
    )
    return done.returncode == 0
